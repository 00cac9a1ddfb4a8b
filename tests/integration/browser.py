# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium without a network, driven through its debugging pipe: windows, colours, requests, what is read."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Set

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def _without_network() -> List[str]:
    """A command that gives another one a network of its own with nothing in it, where this user may do so."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        tried = [*command, "true"]
        if shutil.which("unshare") and subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return command
    return []


class Browser:
    """One window; a context manager."""

    def __enter__(self) -> Browser:
        self._home = tempfile.mkdtemp(prefix="replicaops-browser-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        given = [CHROMIUM, *_OPTIONS, "--user-data-dir=" + self._home, "about:blank"]
        command = [*_without_network(), "bash", "-c", 'exec "$@" 3<&%d 4>&%d' % (to_read, to_write), "bash", *given]
        self._process = subprocess.Popen(
            command, pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._rest, self._number, self._session, self._loaded = b"", 0, "", False
        self.requests: Set[str] = set()
        pages = self._ask("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in pages if each["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Network", "Accessibility", "Runtime"):
            self._ask(part + ".enable")
        return self

    def __exit__(self, *_unused: object) -> None:
        os.close(self._to)
        os.close(self._from)
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _ask(self, method: str, **options: Any) -> Dict[str, Any]:
        self._number += 1
        message: Dict[str, Any] = {"id": self._number, "method": method, "params": options}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError("%s: %s" % (method, told["error"]))
                found: Dict[str, Any] = told["result"]
                return found

    def _read(self) -> Dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._from, 1 << 16)
            if not more:
                raise RuntimeError("Chromium ended")
            self._rest += more
        line, _unused, self._rest = self._rest.partition(b"\0")
        told: Dict[str, Any] = json.loads(line)
        if told.get("method") == "Network.requestWillBeSent":
            self.requests.add(told["params"]["request"]["url"])
        self._loaded = self._loaded or told.get("method") == "Page.loadEventFired"
        return told

    def open(self, page: Path, width: int, dark: bool) -> None:
        """Load a page in a window of a width, in one of the two colour schemes."""
        self.requests.clear()
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self._ask("Page.navigate", url=page.as_uri())
        while not self._loaded:
            self._read()

    def value(self, expression: str) -> Any:
        """What an expression comes to on the page."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG file."""
        taken = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def images(self) -> List[Dict[str, str]]:
        """The name and the description of each picture, as a screen reader is told them."""
        nodes = self._ask("Accessibility.getFullAXTree")["nodes"]
        shown = [
            node for node in nodes if node.get("role", {}).get("value") in ("image", "img") and not node["ignored"]
        ]
        return [{key: str(node.get(key, {}).get("value", "")) for key in ("name", "description")} for node in shown]
