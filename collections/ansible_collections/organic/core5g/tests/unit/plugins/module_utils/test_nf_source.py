# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of an NF's state, against a real server on loopback."""

from __future__ import annotations

import http.server
import os
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import nf_source
from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Endpoint, Source
from ansible_collections.organic.core5g.tests.unit.plugins.module_utils.state_server import handler, serving

METRICS = b"""# HELP ran_ue Number of UEs
# TYPE ran_ue gauge
ran_ue 3
fivegs_amffunction_rm_registeredsubnbr{plmnid="00101",snssai="1"} 2
fivegs_amffunction_rm_registeredsubnbr{plmnid="00101",snssai="1-000001"} 5 1700000000000
load 0.5
broken{
nan_value NaN
"""


def read(status: int, body: Any, **options: Any) -> dict[str, Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(lambda _path: (status, body)))
    with serving(server):
        source = Source(server.server_address[1], "/state", **options)
        return Endpoint("127.0.0.1", source).read(os.getpid(), timeout_s=5)


def test_json_as_it_is() -> None:
    assert read(200, {"ues": {"registered": 2}}) == {"ues": {"registered": 2}}


def test_fields_of_json() -> None:
    fields = {"sessions": "data.contexts", "ues.registered": "data.ue.number", "gnbs": "missing"}
    body = {"data": {"contexts": ["a", "b"], "ue": {"number": 4}}}
    assert read(200, body, fields=fields) == {"sessions": 2, "ues": {"registered": 4}, "gnbs": 0}


def test_json_array_is_counted() -> None:
    assert read(200, [{"Supi": "a"}, {"Supi": "b"}], fields={"ues.registered": "entries"}) == {"ues": {"registered": 2}}


def test_metrics_are_summed_up_over_their_labels() -> None:
    fields = {
        "ues.registered": "fivegs_amffunction_rm_registeredsubnbr",
        "ues.connected": "ran_ue",
        "load": "load",
        "gnbs": "gnb",
    }
    state = read(200, METRICS, source="prometheus", fields=fields)
    assert state == {"ues": {"registered": 7, "connected": 3}, "load": 0.5, "gnbs": 0}


def test_open_port_is_a_state_without_fields() -> None:
    assert read(500, b"", source="port") == {}
    assert Endpoint("127.0.0.1", Source(1, source="none")).read(os.getpid(), timeout_s=5) == {}


def test_answer_without_entries_counts_none() -> None:
    """As Go's encoding/json writes an empty slice that was never made."""
    assert read(200, None, fields={"ues.registered": "entries"}) == {"ues": {"registered": 0}}


def test_nobody_listens() -> None:
    for source in ("json", "port"):
        with pytest.raises(StateError, match=r"http://127\.0\.0\.1:1 does not answer"):
            Endpoint("127.0.0.1", Source(1, "/state", source)).read(os.getpid(), timeout_s=5)


def test_container_that_has_just_ended() -> None:
    with pytest.raises(StateError, match="process 0 of its container has ended"):
        Endpoint("127.0.0.1", Source(1, "/state")).read(0, timeout_s=5)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [(500, {}, "status 500"), (200, b"<html>", "else than JSON"), (200, [1], "else than a JSON object")],
)
def test_wrong_answers(status: int, body: Any, reason: str) -> None:
    with pytest.raises(StateError, match=reason):
        read(status, body)


def test_paths_of_values() -> None:
    assert nf_source.flatten({"a": {"b": 1, "c": {"d": True}}, "e": [1, 2]}) == {"a.b": 1, "a.c.d": True, "e": 2}
