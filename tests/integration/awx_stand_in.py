# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of an AWX server's interface as creating objects takes: it keeps what it is sent, in memory.

Collections are ``/api/v2/<kind>/``, objects ``/api/v2/<kind>/<id>/``, what belongs to an object one level below. It
knows no other rule of AWX: it shows what is sent, and that sending it again finds everything as it is.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

ROOT = "/api/v2/"
# Those are looked up over all kinds of templates.
TEMPLATES = ("job_templates", "workflow_job_templates", "projects")

Object = Dict[str, Any]


class Store:
    """Everything that was created, and every request that changed something."""

    def __init__(self) -> None:
        self.objects: Dict[str, Dict[int, Object]] = {}
        self.below: Dict[str, Any] = {}
        self.changes: List[Tuple[str, str, Any]] = []
        self._next = 0

    def add(self, kind: str, fields: Object) -> Object:
        """Create an object."""
        self._next += 1
        url = "%s%s/%d/" % (ROOT, kind, self._next)
        # Of a project it says what AWX does once it has fetched it, which the module waits for.
        fetched = {"scm_revision": "0" * 40, "status": "successful"} if kind == "projects" else {}
        made = {**fields, **fetched, "id": self._next, "url": url, "type": kind.rstrip("s"),
                "related": {"survey_spec": url + "survey_spec/"}, "summary_fields": {}}  # fmt: skip
        self.objects.setdefault(kind, {})[self._next] = made
        return made

    def named(self, kind: str, name: str) -> Object:
        """The object of that name."""
        return next(each for each in self.objects[kind].values() if each.get("name") == name)

    def find(self, kind: str, query: Dict[str, str]) -> List[Object]:
        """The objects whose fields are as the query says."""
        kinds = TEMPLATES if kind == "unified_job_templates" else (kind,)
        every = [each for name in kinds for each in self.objects.get(name, {}).values()]
        return [each for each in every if all(str(each.get(key)) == value for key, value in query.items())]

    def get(self, path: List[str], query: Dict[str, str]) -> Optional[Any]:
        """What a GET answers with; None for nothing there."""
        if len(path) == 1:
            found = self.find(path[0], query)
            return {"count": len(found), "results": found, "next": None}
        if len(path) == 2:
            return self.objects.get(path[0], {}).get(int(path[1]))
        kept = self.below.get("/".join(path))
        if path[2] == "survey_spec":
            return kept or {}
        return {"count": len(kept or []), "results": [{"id": each} for each in kept or []], "next": None}

    def post(self, path: List[str], body: Object) -> Tuple[int, Any]:
        """What a POST answers with, and its status."""
        if path == ["tokens"]:
            return 201, {"id": 1, "token": "a-token-that-is-long-enough"}
        self.changes.append(("POST", "/".join(path), body))
        if len(path) == 1:
            return 201, self.add(path[0], body)
        name = "/".join(path)
        if path[2] == "survey_spec":
            self.below[name] = body
            return 200, {}
        if path[2] == "create_approval_template":
            made = self.add("workflow_approval_templates", body)
            self.objects[path[0]][int(path[1])]["related"]["unified_job_template"] = made["url"]
            return 201, made
        self.below.setdefault(name, []).append(body["id"])
        return 204, None

    def patch(self, path: List[str], body: Object) -> Object:
        """Change an object."""
        self.changes.append(("PATCH", "/".join(path), body))
        self.objects[path[0]][int(path[1])].update(body)
        return self.objects[path[0]][int(path[1])]


class StandIn:
    """A server on a port of loopback; use as a context manager."""

    def __init__(self) -> None:
        self.store = Store()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.store))
        self.url = "http://127.0.0.1:%d" % self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(store: Store) -> type:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def _path(self) -> Tuple[List[str], Dict[str, str]]:
            parts = urlsplit(self.path)
            return parts.path[len(ROOT) :].strip("/").split("/"), dict(parse_qsl(parts.query))

        def _body(self) -> Object:
            length = int(self.headers.get("Content-Length") or 0)
            body: Object = json.loads(self.rfile.read(length) or b"{}")
            return body

        def _answer(self, status: int, content: Any) -> None:
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            path, query = self._path()
            found = store.get(path, query)
            self._answer(404 if found is None else 200, found if found is not None else {"detail": "Not found."})

        def do_POST(self) -> None:
            path, _query = self._path()
            self._answer(*store.post(path, self._body()))

        def do_PATCH(self) -> None:
            path, _query = self._path()
            self._answer(200, store.patch(path, self._body()))

        def do_DELETE(self) -> None:
            self._answer(204, None)

    return Handler
