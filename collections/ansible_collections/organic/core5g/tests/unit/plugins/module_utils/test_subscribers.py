# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscribers in a real UDR of minicore, by its provisioning interface on loopback."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import subscribers
from ansible_collections.organic.core5g.plugins.module_utils.errors import ProvisioningError
from ansible_collections.organic.core5g.plugins.module_utils.subscribers import Plan, Provisioning, Subscriber
from minicore.sbi.router import Router
from minicore.sbi.server import SbiServer
from minicore.settings import Environment, Settings
from minicore.udr.app import Udr

K, OPC, OTHER = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf", "0" * 32
FIRST, SECOND = "imsi-001010000000001", "imsi-001010000000002"
VARIABLES = {"MINICORE_ADDRESS": "127.0.0.1", "MINICORE_NRF": "http://127.0.0.1:1"}


@pytest.fixture
def udr() -> Iterator[Provisioning]:
    router = Router()
    Udr(Settings.from_environment(VARIABLES), Environment(VARIABLES)).add_routes(router)
    loop, server = asyncio.new_event_loop(), SbiServer(router)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    connection = http.client.HTTPConnection(
        "127.0.0.1", asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(10), timeout=10
    )
    yield Provisioning(connection)
    connection.close()
    asyncio.run_coroutine_threadsafe(server.drain(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def wanted(*supis: str, k: str = K, **data: Any) -> dict[str, Subscriber]:
    return subscribers.of_options([{"supi": supi, "k": k, "opc": OPC, "data": data} for supi in supis], None)


def ensure(udr: Provisioning, asked: dict[str, Subscriber], update_keys: bool = False, purge: bool = False) -> Plan:
    plan = udr.plan(asked, update_keys, purge)
    udr.apply(plan, asked)
    return plan


def test_new_subscribers_are_created_once(udr: Provisioning) -> None:
    asked = wanted(FIRST, SECOND)
    assert ensure(udr, asked).create == [FIRST, SECOND]
    assert udr.supis() == [FIRST, SECOND]
    assert not ensure(udr, asked).changes()
    assert not ensure(udr, asked, update_keys=True).changes()


def test_planning_changes_nothing(udr: Provisioning) -> None:
    assert udr.plan(wanted(FIRST), False, False).create == [FIRST]
    assert udr.supis() == []


def test_range_is_created_and_completed(udr: Provisioning) -> None:
    ensure(udr, wanted(SECOND))
    block = {"first": FIRST, "count": 2500, "k": K, "opc": OPC}
    asked = subscribers.of_options([], block)
    assert list(asked)[-1] == "imsi-001010000002500"
    assert len(ensure(udr, asked).create) == 2499
    assert len(udr.supis()) == 2500
    assert not ensure(udr, asked).changes()


def test_keys_are_written_again_only_if_asked_for_and_different(udr: Provisioning) -> None:
    ensure(udr, wanted(FIRST))
    before = udr.fingerprints(bytes(16))
    assert not ensure(udr, wanted(FIRST, k=OTHER)).changes()
    assert udr.fingerprints(bytes(16)) == before
    assert ensure(udr, wanted(FIRST, k=OTHER), update_keys=True).rekey == [FIRST]
    assert udr.fingerprints(bytes(16)) != before


def test_documents_are_changed_and_keys_kept(udr: Provisioning) -> None:
    ensure(udr, wanted(FIRST))
    keys = udr.fingerprints(bytes(16))
    am = {**udr.documents(FIRST)["am"], "rfspIndex": 7}
    plan = ensure(udr, wanted(FIRST, am=am))
    assert plan.update == [FIRST]
    assert udr.documents(FIRST)["am"] == am
    assert udr.fingerprints(bytes(16)) == keys
    assert not ensure(udr, wanted(FIRST, am=am)).changes()
    diff = plan.diff(wanted(FIRST, am=am))
    assert diff["before"][FIRST]["am"]["rfspIndex"] == 1
    assert diff["after"][FIRST] == {"am": am}


def test_purge_removes_the_others(udr: Provisioning) -> None:
    ensure(udr, wanted(FIRST, SECOND))
    assert ensure(udr, wanted(FIRST), purge=True).remove == [SECOND]
    assert udr.supis() == [FIRST]


def test_no_key_is_shown(udr: Provisioning) -> None:
    asked = wanted(FIRST, SECOND)
    plan = udr.plan(asked, False, False)
    assert K not in repr(asked) + repr(plan) + json.dumps(plan.diff(asked))
    ensure(udr, asked)
    assert K not in json.dumps(udr.documents(FIRST)) + json.dumps(udr.fingerprints(bytes(16)))


def test_new_subscriber_needs_keys(udr: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=f"{FIRST} is new and needs 'k' and 'opc'"):
        udr.plan(subscribers.of_options([{"supi": FIRST}], None), False, False)


def test_refusal_of_the_udr_has_its_reason(udr: Provisioning) -> None:
    asked = wanted(FIRST, tunes=[])
    with pytest.raises(ProvisioningError, match=r"The UDR refuses POST .*status 400, unknown attribute 'tunes'"):
        ensure(udr, asked)
    assert udr.supis() == []


@pytest.mark.parametrize(
    ("listed", "block", "reason"),
    [
        ([{"supi": "00101"}], None, "'00101' is not a SUPI"),
        ([{"supi": FIRST}, {"supi": FIRST}], None, f"{FIRST} is given twice"),
        ([{"supi": FIRST, "k": "secret-of-mine"}], None, f"'k' of {FIRST} has not 32 hexadecimal digits"),
        ([{"supi": FIRST, "amf": "80000"}], None, "'amf' of .* has not 4"),
        ([], {"first": "imsi-99998", "count": 3}, "A range of 3 subscribers cannot begin at imsi-99998"),
        ([], {"first": FIRST, "count": 0}, "A range of 0"),
        ([{"supi": SECOND}], {"first": FIRST, "count": 2}, f"{SECOND} is given twice"),
    ],
)
def test_wrong_options(listed: list[dict[str, Any]], block: dict[str, Any] | None, reason: str) -> None:
    with pytest.raises(ProvisioningError, match=reason) as refused:
        subscribers.of_options(listed, block)
    assert "secret-of-mine" not in str(refused.value)


def test_nobody_answers() -> None:
    api = Provisioning(http.client.HTTPConnection("127.0.0.1", 1, timeout=1))
    with pytest.raises(ProvisioningError, match="The UDR does not answer GET /minicore/v1/subscribers"):
        api.supis()
