"""A headless Chromium over its debugging pipe: real mouse and keyboard events, and
everything that the page complains about or tries to load.

The protocol (https://chromedevtools.github.io/devtools-protocol) is JSON messages,
each ended by a zero byte, from Chromium's file descriptor 4 and to its 3. No port is
opened and no driver is needed.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
TIMEOUT = 60


class BrowserError(Exception):
    pass


def find_browser():
    """The path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One browser with one page; a context manager.

    `problems` collects what the page reports: exceptions, console errors and
    violations of its security policy. `requests` collects the addresses of all that
    it asks for.
    """

    def __init__(self, executable):
        self.problems = []
        self.requests = []
        self._replies = {}
        self._last_id = 0
        self._session = None
        self._buffer = b""
        self._profile = tempfile.mkdtemp(prefix="accopt-browser-")
        self._start(executable)
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _start(self, executable):
        # Python chooses the numbers of the pipes; the shell moves them to 3 and 4.
        child_in, self._to = os.pipe()
        self._from, child_out = os.pipe()
        move = f'exec "$0" "$@" 3<&{child_in} 4>&{child_out}'
        arguments = (
            "--headless",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={self._profile}",
            "about:blank",
        )
        self._process = subprocess.Popen(
            ["bash", "-c", move, executable, *arguments],
            pass_fds=(child_in, child_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(child_in)
        os.close(child_out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._to)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._from)
        # Children of the browser may still be writing there.
        shutil.rmtree(self._profile, ignore_errors=True)

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 16) if ready else b""
            if not data:
                raise BrowserError(
                    "the browser does not answer" if not ready else "the browser ended"
                )
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.problems.append(f"{details['text']} {thrown}".strip())
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in (
            "error",
            "warning",
            "assert",
        ):
            self.problems.append(str([a.get("value") for a in parameters["args"]]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.problems.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def call(self, method, parameters=None):
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters or {}}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        deadline = time.monotonic() + TIMEOUT
        while True:
            reply = self._receive(deadline)
            if reply.get("id") != self._last_id:
                self._note(reply)
                continue
            if "error" in reply:
                raise BrowserError(f"{method}: {reply['error']['message']}")
            return reply["result"]

    def run(self, expression):
        """The value of a JavaScript expression; a promise is awaited."""
        result = self.call(
            "Runtime.evaluate",
            {"expression": expression, "returnByValue": True, "awaitPromise": True},
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", details["text"])
            raise BrowserError(f"{expression}: {thrown}")
        return result["result"].get("value")

    def settle(self):
        """Until what was asked for is drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def open(self, path):
        """Opens a file and waits until its page says that it is ready."""
        self.problems.clear()
        self.requests.clear()
        self.call("Page.navigate", {"url": Path(path).resolve().as_uri()})
        deadline = time.monotonic() + TIMEOUT
        while self.run("document.documentElement?.dataset.ready") is None:
            if self.problems or time.monotonic() > deadline:
                raise BrowserError(f"the page is not ready: {self.problems or 'time is up'}")
            time.sleep(0.02)
        self.settle()

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.settle()

    def prefer(self, scheme, media=""):
        """ "light" or "dark"; `media` may be "print"."""
        self.call(
            "Emulation.setEmulatedMedia",
            {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        self.settle()

    def place_of(self, selector):
        """The middle of an element, in the window, after scrolling to it."""
        place = self.run(
            f"""(() => {{ const node = document.querySelector({json.dumps(selector)});
            if (!node) return null;
            node.scrollIntoView({{block: "center", inline: "nearest"}});
            const box = node.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2]; }})()"""
        )
        if place is None:
            raise BrowserError(f"no element {selector}")
        return place

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def click_at(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.settle()

    def click(self, selector):
        self.click_at(*self.place_of(selector))

    def hover(self, selector):
        self.mouse("mouseMoved", *self.place_of(selector))
        self.settle()

    def wheel(self, selector, delta):
        x, y = self.place_of(selector)
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=delta)
        # The wheel reaches the page with its next frames.
        self.settle()
        self.settle()

    def drag(self, selector, by):
        x, y = self.place_of(selector)
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        for step in range(1, 6):
            self.mouse("mouseMoved", x + by * step / 5, y, button="left", buttons=1)
        self.mouse("mouseReleased", x + by, y, button="left", clickCount=1)
        self.settle()

    def type(self, text):
        for character in text:
            self.call("Input.insertText", {"text": character})
        self.settle()

    def press(self, key):
        """A key by its name, such as "ArrowDown", or a character."""
        codes = {
            "Escape": 27,
            "Enter": 13,
            "Tab": 9,
            "ArrowDown": 40,
            "ArrowUp": 38,
            "ArrowLeft": 37,
            "ArrowRight": 39,
            "Home": 36,
            "End": 35,
        }
        event = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]))}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        self.call(
            "Input.dispatchKeyEvent", {"type": "keyDown" if text else "rawKeyDown", **event, **text}
        )
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})
        self.settle()

    def screenshot(self, path, whole=True):
        data = self.call(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole}
        )
        Path(path).write_bytes(base64.b64decode(data["data"]))
