# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of an NF: its own JSON endpoint, Prometheus metrics, that its port is open, or nothing."""

from __future__ import annotations

import dataclasses
import http.client
import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import nf_http
from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError

JSON, PROMETHEUS, PORT, NONE = "json", "prometheus", "port", "none"
ENTRIES = "entries"
"""What the fields call the answer of an endpoint that is an array."""
_SAMPLE = re.compile(r"(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?[ \t]+(?P<value>[^ \t]+)")
"""A line of the text format of Prometheus (exposition format 0.0.4); labels are summed up."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Where an NF reports its state.

    Attributes:
        port: TCP port.
        path: of the URL.
        source: JSON, PROMETHEUS, PORT or NONE.
        fields: field of the state, with dots between levels, and its name at the source; empty: all of the JSON.
        associations: PFCP associations that must be up before the NF counts as ready.
    """

    port: int
    path: str = "/"
    source: str = JSON
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    associations: int = 0

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Source:
        """From an entry ``sources`` of nf_description."""
        return cls(**description)


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A source of an NF with an address: HTTP/1.1 ``GET path`` on ``address:port``."""

    address: str
    source: Source

    def __str__(self) -> str:
        return f"http://{self.address}:{self.source.port}{self.source.path}"

    def read(self, pid: int, timeout_s: float) -> dict[str, Any]:
        """The state, asked for out of the network namespace of process ``pid``."""
        source = self.source
        if source.source == NONE:
            return {}
        if source.source == PORT:
            nf_http.connect(self.address, source.port, pid, timeout_s).close()
            return {}
        body = self._get(pid, timeout_s)
        if source.source == PROMETHEUS:
            return _chosen(source.fields, _samples(body.decode(errors="replace")))
        try:
            state = json.loads(body)
        except ValueError as error:
            raise StateError(f"{self} answers with something else than JSON: {error}") from error
        if source.fields:
            flat = flatten({ENTRIES: state} if isinstance(state, list) else state)
            return _chosen(source.fields, flat)
        if not isinstance(state, dict):
            raise StateError(f"{self} answers with something else than a JSON object")
        return state

    def _get(self, pid: int, timeout_s: float) -> bytes:
        connection = nf_http.connection(self.address, self.source.port, pid, timeout_s)
        try:
            connection.request("GET", self.source.path)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StateError(f"{self} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise StateError(f"{self} answers with status {response.status}")
        return body


def flatten(state: Any, prefix: str = "") -> dict[str, Any]:
    """Values by their dotted paths; an array is the number of its entries."""
    if not isinstance(state, Mapping):
        return {}
    flat: dict[str, Any] = {}
    for key, value in state.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{path}."))
        else:
            flat[path] = len(value) if isinstance(value, list) else value
    return flat


def _chosen(fields: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
    """The state with these fields. A number that is not there has not been counted yet: 0."""
    state: dict[str, Any] = {}
    for path, name in fields.items():
        *levels, last = path.split(".")
        place = state
        for level in levels:
            place = place.setdefault(level, {})
        place[last] = found.get(name, 0)
    return state


def _samples(text: str) -> dict[str, float]:
    """Sum of each metric over its labels; what is whole is an int."""
    sums: dict[str, float] = {}
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample is None:
            continue
        try:
            value = float(sample["value"])
        except ValueError:
            continue
        total = sums.get(sample["name"], 0) + value
        sums[sample["name"]] = int(total) if total == total // 1 else total
    return sums
