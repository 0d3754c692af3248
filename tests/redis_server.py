"""A Redis server of the system's, for tests: of its own, on a socket in a directory, keeping nothing on the disk."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

WAIT_S = 20.0

MISSING = "redis-server is not installed (apt-get install redis-server)"


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


class RedisServer:
    """Starts, stops and starts again at the same place."""

    def __init__(self, directory: Path, password: str = "") -> None:
        self.path = directory / "redis.sock"
        self._directory = directory
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{f':{self._password}@' if self._password else ''}{self.path}"

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.path), "--save", "", "--appendonly", "no"]
        options += ["--requirepass", self._password] if self._password else []
        self._process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self._directory)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + WAIT_S
        while not self._answers():
            assert time.monotonic() < deadline, "the Redis server does not answer"
            assert self._process.poll() is None, "the Redis server has ended"
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)
            self._process = None
            self.path.unlink(missing_ok=True)

    def call(self, *words: str) -> bytes:
        """Send one command without the library, and return the answer as it came."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(WAIT_S)
            client.connect(str(self.path))
            if self._password:
                client.sendall(f"AUTH {self._password}\r\n".encode())
                client.recv(64)
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            client.sendall(f"*{len(words)}\r\n{parts}".encode())
            return client.recv(1 << 20)

    def dump(self) -> bytes:
        """Return every key and every value, whatever their kinds, as they are."""
        names = self._words(self.call("KEYS", "*"))
        readers = {b"string": "GET %s", b"hash": "HGETALL %s", b"list": "LRANGE %s 0 -1", b"stream": "XRANGE %s - +"}
        found = []
        for name in names:
            kind = self.call("TYPE", name).strip().removeprefix(b"+")
            if kind in readers:  # else it has just ended
                found += [name.encode(), self.call(*(readers[kind] % name).split(" "))]
        return b"\n".join(found)

    @staticmethod
    def _words(answer: bytes) -> list[str]:
        return [line.decode() for line in answer.split(b"\r\n") if line and line[:1] not in b"*$"]

    def _answers(self) -> bool:
        try:
            return self.call("PING").startswith(b"+PONG")
        except OSError:
            return False
