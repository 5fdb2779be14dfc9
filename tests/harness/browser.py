# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium without a window, driven by its DevTools protocol over two pipes: no package, no port.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.apt import CHROMIUM

TIMEOUT_S = 30.0

Message = dict[str, Any]


@dataclass
class Page:
    """One page at one size. Everything that it asked for and complained of is kept."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page, not only what fits on the screen."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def call(self, method: str, **parameters: object) -> Message:
        return self.browser.call(method, parameters, self)

    def note(self, message: Message) -> None:
        parameters = message.get("params", {})
        match message["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(str(parameters["request"]["url"]))
            case "Log.entryAdded":
                self.complaints.append(str(parameters["entry"]["text"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(parameters["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))


class Browser:
    """A running Chromium; see :func:`chromium`."""

    def __init__(self, send: int, receive: int) -> None:
        self._send = send
        self._receive = receive
        self._unread = b""
        self._number = 0

    @contextmanager
    def open(self, file: Path, width: int, height: int = 740, mobile: bool = False) -> Iterator[Page]:
        """A file, at a width in CSS pixels, when it has been loaded; without a network."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.call(f"{domain}.enable")
        page.call(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )  # fmt: skip
        page.call("Page.navigate", url=file.resolve().as_uri())
        self._read_until(lambda message: message.get("method") == "Page.loadEventFired", page)
        try:
            yield page
        finally:
            self.call("Target.closeTarget", {"targetId": target})

    def call(self, method: str, parameters: Message, page: Page | None = None) -> Message:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if page is not None:
            message["sessionId"] = page.session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        answer = self._read_until(lambda one: one.get("id") == number, page)
        assert "error" not in answer, (method, answer)
        result: Message = answer["result"]
        return result

    def _read_until(self, found: Callable[[Message], bool], page: Page | None) -> Message:
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            while b"\0" not in self._unread:
                assert time.monotonic() < deadline, "Chromium does not answer"
                data = os.read(self._receive, 1 << 20)
                assert data, "Chromium has ended"
                self._unread += data
            line, self._unread = self._unread.split(b"\0", 1)
            message: Message = json.loads(line)
            if page is not None and "method" in message and message.get("sessionId") == page.session:
                page.note(message)
            if found(message):
                return message


@contextmanager
def chromium(directory: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in a directory; its process has ended afterwards."""
    program = CHROMIUM.path
    assert program, CHROMIUM.missing
    theirs_in, send = os.pipe()
    receive, theirs_out = os.pipe()
    # The protocol reads descriptor 3 and writes descriptor 4.
    shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
        f"--user-data-dir={directory}", "about:blank",
    ]  # fmt: skip
    log = (directory.parent / f"{directory.name}.log").open("w")
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", program, *options], pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(send, receive)
    finally:
        os.close(send)  # the end of the pipe ends Chromium
        os.close(receive)
        process.terminate()
        process.wait(TIMEOUT_S)
        log.close()
