"""A headless Chromium that tests drive over its DevTools protocol: pages, keys, pictures, and its complaints."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_S = 60.0
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Tab:
    """One page of a browser.

    Attributes
    ----------
    complaints
        What the console was told: refused styles and scripts, exceptions, pages that do not load.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._session = ""
        self._last = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def open(self) -> None:
        """Begin a page."""
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what the browser answers to a command."""
        self._last += 1
        future = self._answers[self._last] = asyncio.get_running_loop().create_future()
        message = {"id": self._last, "method": method, "params": parameters}
        await self._socket.send_json(message | ({"sessionId": self._session} if self._session else {}))
        async with asyncio.timeout(WAIT_S):
            return await future

    async def go(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        await self.until_loaded()

    async def until_loaded(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self._loaded.wait()

    async def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    async def text(self, selector: str = "body") -> str:
        return str(await self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        await self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.send("Input.insertText", text=text)

    async def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list."""
        await self.ask(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    async def press(self, key: str, *, leads_on: bool = False) -> None:
        """Press a key; wait for the next page where it leads to one."""
        self._loaded.clear()
        event = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": "\r"} if key == "Enter" else {}))
        await self.send("Input.dispatchKeyEvent", type="keyUp", **event)
        if leads_on:
            await self.until_loaded()

    async def click(self, selector: str) -> None:
        """Click what leads to another page, in its middle, with the mouse."""
        self._loaded.clear()
        place = await self.ask(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.scrollIntoView();"
            " const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
        await self.until_loaded()

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window, and the colours that its user prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, path: Path) -> None:
        """Write the whole page as a picture."""
        shot = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            match event.get("method"):
                case None:
                    future = self._answers.pop(event["id"])
                    if "error" in event:
                        future.set_exception(RuntimeError(str(event["error"])))
                    else:
                        future.set_result(event["result"])
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Runtime.exceptionThrown":
                    self.complaints.append(str(event["params"]["exceptionDetails"]))
                case "Log.entryAdded":
                    entry = event["params"]["entry"]
                    if entry["level"] in {"verbose", "info"}:
                        continue
                    self.complaints.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")


@asynccontextmanager
async def chromium(directory: Path) -> AsyncIterator[Tab]:
    """A browser with a profile of its own, and one tab."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--headless=new",
        "--no-sandbox",  # in containers there is none to be had, and only our own pages are opened
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        f"--user-data-dir={directory}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WAIT_S):
            url = await _devtools(process)
        async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as socket:
            tab = Tab(socket)
            await tab.open()
            try:
                yield tab
            finally:
                await tab.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _devtools(process: asyncio.subprocess.Process) -> str:
    """Return the address that a browser tells when it is ready."""
    assert process.stderr is not None
    async for line in process.stderr:
        words = line.decode("utf-8", "replace").split()
        if words[:3] == ["DevTools", "listening", "on"]:
            return words[3]
    raise AssertionError("the browser did not start")
