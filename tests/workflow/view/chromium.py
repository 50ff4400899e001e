"""Chromium without a window, driven over its DevTools protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
from contextlib import asynccontextmanager

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE_S = 60.0
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}


class Tab:
    """One page of the browser."""

    def __init__(self, socket):
        self._socket, self._number = socket, 0

    async def call(self, method, **params):
        """Call a method of the protocol; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        await self._socket.write_message(json.dumps(message))
        while True:
            text = await asyncio.wait_for(self._socket.read_message(), PATIENCE_S)
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    async def value(self, expression):
        """Return the value of an expression in the page."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression):
        """Wait until an expression in a page that has been loaded is true."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_S
        while loop.time() < end:
            asked = f"document.readyState === 'complete' && !!({expression})"
            result = await self.call("Runtime.evaluate", expression=asked, returnByValue=True)
            if result["result"].get("value") is True:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {expression}")

    async def open(self, address):
        """Open a page."""
        await self.call("Page.navigate", url=address)
        await self.until(f"location.href === {json.dumps(address)}")

    async def press(self, key):
        """Press and release a key."""
        code, text = KEYS[key]
        common = {"key": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def click(self, selector):
        """Click in the middle of an element."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.value(f"{found}.scrollIntoView({{block: 'center'}})")
        x, y = await self.value(
            f"(b => [b.x + b.width / 2, b.y + b.height / 2])({found}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def size(self, width, height):
        """Set the size of the window [pixel]."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    async def screenshot(self, path):
        """Save what is seen as PNG."""
        result = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(result["data"]))


@asynccontextmanager
async def chromium(folder):
    """Start the browser with a profile of its own; give one page of it."""
    with (folder / "stderr").open("w") as log:
        process = subprocess.Popen(
            [
                PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
                "--remote-debugging-port=0", "about:blank",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        ports = folder / "profile" / "DevToolsActivePort"
        for _ in range(int(PATIENCE_S / 0.1)):
            if ports.exists() and "\n" in ports.read_text():
                break
            assert process.poll() is None, (folder / "stderr").read_text()
            await asyncio.sleep(0.1)
        port = int(ports.read_text().split()[0])
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
        page = next(each for each in json.loads(answer.body) if each["type"] == "page")
        socket = await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=50_000_000)
        try:
            yield Tab(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
