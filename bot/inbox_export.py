"""The inbox as a file that goes with an answer: one at a time, gone after minutes, or when a person is forgotten."""

import asyncio
from contextlib import suppress
from pathlib import Path

KEPT_S = 600.0
"""How long the file stays: platforms read it while the answer is sent."""

FILE = "unanswered.jsonl"


class InboxExport:
    """Writes the file.

    Parameters
    ----------
    directory
        Where; made if missing.
    kept_s
        For how long, in seconds.
    """

    def __init__(self, directory: Path, *, kept_s: float = KEPT_S) -> None:
        self._path = directory.absolute() / FILE
        self._kept_s = kept_s
        self._removal: asyncio.TimerHandle | None = None

    async def write(self, content: str) -> Path:
        """Write the file in place of an earlier one, readable by nobody else.

        Raises
        ------
        OSError
            It cannot be written.
        """
        await asyncio.to_thread(self._write, content)
        if self._removal is not None:
            self._removal.cancel()
        self._removal = asyncio.get_running_loop().call_later(self._kept_s, self.remove)
        return self._path

    def remove(self) -> None:
        """Leave nothing behind."""
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None
        with suppress(OSError):
            self._path.unlink()

    async def forget_person(self, _platform: str, _user_id: str) -> None:
        """Remove the file: it does not say whose each text is."""
        self.remove()

    def _write(self, content: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._path.touch(0o600)
        self._path.write_text(content, encoding="utf-8")
