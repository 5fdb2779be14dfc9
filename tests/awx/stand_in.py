# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX, which cannot run here: keeps the objects of its API in memory, and runs nothing.

It knows what the modules of awx.awx use: lists with exact filters, objects, associations, surveys, approval nodes. It
accepts whatever is posted, so that a wrong option is found by the modules and by test_agreement.py, not by it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Item = dict[str, object]
TEMPLATES = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")
"""What a node of a workflow can run."""
OWNED = {
    "inventories": ("inventory_sources", "inventory"),
    "workflow_job_templates": ("workflow_job_template_nodes", "workflow_job_template"),
}
"""What AWX deletes with an object: its resource, and the field that names the owner."""


class Objects:
    """All objects, by resource and id."""

    def __init__(self) -> None:
        self.by_resource: dict[str, dict[int, Item]] = {}
        self.surveys: dict[tuple[str, int], object] = {}
        self.associated: dict[tuple[str, int, str], list[int]] = {}
        self.writes = 0
        self._last_id = 0

    def create(self, resource: str, fields: Item) -> Item:
        self.writes += 1
        self._last_id += 1
        url = f"/api/v2/{resource}/{self._last_id}/"
        related = {name: f"{url}{name}/" for name in ("survey_spec", "credentials")}
        item: Item = {"type": resource[:-1], **fields, "id": self._last_id, "url": url, "related": related}
        if resource == "projects":
            item.update(scm_revision="", summary_fields={})  # no update of it is running
        self.by_resource.setdefault(resource, {})[self._last_id] = item
        return item

    def delete(self, resource: str, number: int) -> None:
        self.writes += 1
        del self.by_resource[resource][number]
        owned, owner = OWNED.get(resource, ("", ""))
        for item in [item for item in self.by_resource.get(owned, {}).values() if item[owner] == number]:
            self.delete(owned, int(str(item["id"])))

    def find(self, resource: str, filters: dict[str, str]) -> list[Item]:
        resources = TEMPLATES if resource == "unified_job_templates" else (resource,)
        items = [item for name in resources for item in self.by_resource.get(name, {}).values()]
        return [item for item in items if all(str(item.get(key)) == value for key, value in filters.items())]

    def add_approval(self, node: int, fields: Item) -> Item:
        """The approval that a node of a workflow asks for."""
        approval = self.create("workflow_approval_templates", fields)
        item = self.by_resource["workflow_job_template_nodes"][node]
        item["related"] = {"unified_job_template": approval["url"]}
        return approval

    def associate(self, where: tuple[str, int, str], request: Item) -> None:
        self.writes += 1
        numbers = self.associated.setdefault(where, [])
        number = int(str(request["id"]))
        if request.get("disassociate"):
            numbers.remove(number)
        else:
            numbers.append(number)


class _Handler(BaseHTTPRequestHandler):
    objects: Objects

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _answer(self, status: int, content: object = None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _path(self) -> list[str]:
        return urlsplit(self.path).path.removeprefix("/api/v2/").strip("/").split("/")

    def _body(self) -> Item:
        fields: Item = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        return fields

    def _list(self, items: list[Item]) -> None:
        self._answer(200, {"count": len(items), "next": None, "results": items})

    def do_GET(self) -> None:
        match self._path():
            case [resource]:
                self._list(self.objects.find(resource, dict(parse_qsl(urlsplit(self.path).query))))
            case [resource, number] if int(number) in self.objects.by_resource.get(resource, {}):
                self._answer(200, self.objects.by_resource[resource][int(number)])
            case [resource, number, "survey_spec"]:
                self._answer(200, self.objects.surveys.get((resource, int(number)), {}))
            case [resource, number, association]:
                self._list(
                    [{"id": each} for each in self.objects.associated.get((resource, int(number), association), [])]
                )
            case _:
                self._answer(404, {"detail": "Not found."})

    def do_POST(self) -> None:
        fields = self._body()
        match self._path():
            case [resource]:
                self._answer(201, self.objects.create(resource, fields))
            case [resource, number, "survey_spec"]:
                self.objects.writes += 1
                self.objects.surveys[resource, int(number)] = fields
                self._answer(200, {})
            case [_, number, "create_approval_template"]:
                self._answer(201, self.objects.add_approval(int(number), fields))
            case [resource, number, association]:
                self.objects.associate((resource, int(number), association), fields)
                self._answer(204)

    def do_PATCH(self) -> None:
        resource, number = self._path()
        self.objects.writes += 1
        self.objects.by_resource[resource][int(number)].update(self._body())
        self._answer(200, self.objects.by_resource[resource][int(number)])

    def do_DELETE(self) -> None:
        resource, number = self._path()
        self.objects.delete(resource, int(number))
        self._answer(204)


@contextmanager
def stand_in() -> Iterator[tuple[str, Objects]]:
    """The stand-in on a port of its own; yields its URL and its objects."""
    objects = Objects()
    handler = type("Handler", (_Handler,), {"objects": objects})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", objects
        finally:
            server.shutdown()
            thread.join()
