# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each NF of the whole core moves under load, and shows by its service that its state came with it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from minicore.gnb.command import TEST_K, TEST_OPC
from minicore.gnb.usim import Usim
from minicore.sbi.message import Response
from minicore.sbi.producers import TARGET_API_ROOT
from minicore.security import keys
from minicore.security.milenage import Milenage

from tests.harness.wait import until

from .conftest import CoreSite
from .consumer import Consumer

UES = 20
STAYING = [f"imsi-0010100000000{number:02}" for number in range(1, 6)]
"""The first quarter of the driver's UEs stay connected; they do not register again (images/minicore/README.md)."""
IDLE = [f"imsi-0010100000000{number:02}" for number in range(17, 21)]
"""A quarter of the others are CM-IDLE, but for the answer to a paging: the last ones."""
SPARE = "imsi-0010100000000{}"
"""Subscribers 91 to 99 have no UE."""
MIX = {"paging": 3, "registration": 1}
LOSSES = ("failed", "unfinished", "reauthentications", "wrong_keys", "count_jumps", "nas_errors")
"""Of the driver's summary: all are zero if nothing was lost."""


class WholeCore:
    """The core with UEs, and a consumer of its services."""

    def __init__(self, site: CoreSite, consumer: Consumer) -> None:
        self.site = site
        self.consumer = consumer

    def root(self, nf: str) -> str:
        return f"http://{self.site.variables['nf_addresses'][nf]}:8000"

    def ask(self, nf: str, method: str, path: str, body: object | None = None) -> Response:
        return self.consumer.ask(method, self.root(nf) + path, body)

    def read(self, nf: str, path: str) -> Any:
        return self.ask(nf, "GET", path).require(200).json()

    def state(self, nf: str) -> dict[str, Any]:
        state: dict[str, Any] = self.read(nf, "/minicore/v1/state")
        return state

    def ue(self, supi: str) -> dict[str, Any]:
        """Context of a UE in the AMF."""
        ue: dict[str, Any] = self.read("amf", f"/minicore/v1/ues/{supi}")
        return ue

    def provision(self, supi: str, **documents: object) -> None:
        self.ask("udr", "PUT", f"/minicore/v1/subscribers/{supi}", documents).require(201, 204)

    def notification(self, callback: str) -> Any:
        """The last notification to a callback; waits for one."""
        until(lambda: callback in dict(self.consumer.notified), f"a notification to {callback}")
        return dict(self.consumer.notified)[callback]

    def driver(self) -> dict[str, Any]:
        """The last line of the gNB driver's progress."""
        command = "sh -c 'tail -n 1 /run/minicore-gnb/*.progress'"
        progress: dict[str, Any] = json.loads(self.site.command(self.site.ran_host, command))
        return progress


@pytest.fixture(scope="module")
def core(core_site: CoreSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCore]:
    """The whole core with UEs that are paged and register; at the end they must have lost nothing."""
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core")
    subscribers = {"first": STAYING[0], "count": 99, "k": TEST_K, "opc": TEST_OPC}
    core_site.playbook("provision_subscribers", subscriber_range=subscribers)
    core_site.playbook("gnb_start", gnb_ues=UES, gnb_procedures_rate=5, gnb_mix=MIX, gnb_ping_interval_ms=20)
    consumer = Consumer(core_site.variables["nf_addresses"]["nrf"])
    yield WholeCore(core_site, consumer)
    consumer.close()
    summary_file = tmp_path_factory.mktemp("gnb") / "summary.json"
    core_site.playbook("gnb_stop", gnb_summary=str(summary_file))
    summary = json.loads(summary_file.read_text())
    assert {name: summary[name] for name in LOSSES} == dict.fromkeys(LOSSES, 0), summary["procedures"]
    assert summary["associations"]["lost"] == 0
    assert summary["ues"]["registered"] == summary["ues"]["sessions"] == UES
    assert summary["procedures"]["paging"]["succeeded"] > 0


Proof = Callable[[WholeCore], Iterator[None]]
"""Prepares something, yields while the NF moves, and asserts that it is still there."""


def await_answer(core: WholeCore, supi: str, ue: dict[str, Any]) -> None:
    """The only thing that an idle UE of the driver ever does is to answer a paging."""
    until(lambda: core.ue(supi)["ul_count"] > ue["ul_count"], f"{supi} answers a paging")
    assert core.ue(supi)["key_set"] == ue["key_set"]


def idle_ues_are_paged(core: WholeCore) -> Iterator[None]:
    """AMF: a UE in CM-IDLE is paged and answers, without a new authentication; NAS counts go on."""
    before = {supi: ue for supi in IDLE if not (ue := core.ue(supi))["connected"]}
    assert before
    yield
    moved = {supi: core.ue(supi) for supi in before}
    for supi, ue in moved.items():
        assert {name: ue[name] for name in ("key_set", "ng_ksi")} == {
            name: before[supi][name] for name in ("key_set", "ng_ksi")
        }
        assert ue["ul_count"] >= before[supi]["ul_count"]
        assert ue["dl_count"] >= before[supi]["dl_count"]
        await_answer(core, supi, ue)
    assert core.state("amf")["nas_counts_ok"]


def an_authentication_ends(core: WholeCore) -> Iterator[None]:
    """AUSF: an authentication that was begun before the move is confirmed after it, with the same K_SEAF."""
    supi, network = SPARE.format(91), keys.serving_network_name("001", "01")
    info = {"supiOrSuci": supi, "servingNetworkName": network}
    begun = core.ask("ausf", "POST", "/nausf-auth/v1/ue-authentications", info).require(201).json()
    rand, autn = (bytes.fromhex(begun["5gAuthData"][name]) for name in ("rand", "autn"))
    answer = Usim(Milenage(bytes.fromhex(TEST_K), bytes.fromhex(TEST_OPC))).answer(rand, autn)
    res_star = keys.res_star(answer.ck, answer.ik, network, rand, answer.res)
    k_seaf = keys.k_seaf(keys.k_ausf(answer.ck, answer.ik, network, answer.sqn_xor_ak), network)
    yield
    href = begun["_links"]["5g-aka"]["href"]
    ended = core.consumer.ask("PUT", href, {"resStar": res_star.hex()}).require(200).json()
    assert ended == {"authResult": "AUTHENTICATION_SUCCESS", "supi": supi, "kseaf": k_seaf.hex()}


def subscriptions_to_data_notify(core: WholeCore) -> Iterator[None]:
    """UDM: registrations are the same, and a change of subscriber data is notified."""
    supi = SPARE.format(92)
    subscription = {
        "nfInstanceId": str(uuid.uuid4()),
        "callbackReference": core.consumer.callback("sdm"),
        "monitoredResourceUris": [f"/nudm-sdm/v2/{supi}/am-data"],
    }
    core.ask("udm", "POST", f"/nudm-sdm/v2/{supi}/sdm-subscriptions", subscription).require(201)
    paths = [f"/nudm-uecm/v1/{staying}/registrations/amf-3gpp-access" for staying in STAYING]
    before = [core.read("udm", path) for path in paths]
    am_data = core.read("udm", f"/nudm-sdm/v2/{supi}/am-data")
    yield
    assert [core.read("udm", path) for path in paths] == before
    core.provision(supi, am={**am_data, "rfspIndex": 9})
    (item,) = core.notification("sdm")["notifyItems"]
    assert item["resourceId"].endswith(f"{supi}/am-data")
    assert [(change["path"], change["newValue"]) for change in item["changes"]] == [("/rfspIndex", 9)]


def subscribers_are_the_same(core: WholeCore) -> Iterator[None]:
    """UDR: all subscribers with their keys and sequence numbers; the next authentication goes on from there."""
    path = "/nudr-dr/v2/subscription-data/{}/authentication-data/authentication-subscription"
    supis = [*STAYING, SPARE.format(93)]
    known = core.read("udr", "/minicore/v1/subscribers")
    before = [core.read("udr", path.format(supi)) for supi in supis]
    yield
    assert core.read("udr", "/minicore/v1/subscribers") == known
    assert [core.read("udr", path.format(supi)) for supi in supis] == before
    info = {"supiOrSuci": supis[-1], "servingNetworkName": keys.serving_network_name("001", "01")}
    core.ask("ausf", "POST", "/nausf-auth/v1/ue-authentications", info).require(201)
    after = core.read("udr", path.format(supis[-1]))
    assert int(after["sequenceNumber"]["sqn"], 16) > int(before[-1]["sequenceNumber"]["sqn"], 16)


def policies_are_kept_and_updated(core: WholeCore) -> Iterator[None]:
    """PCF: policies of before the move are there, can be updated, and follow the policy data of the UDR."""
    supi = SPARE.format(94)
    access = {"notificationUri": core.consumer.callback("am"), "supi": supi, "suppFeat": "0", "rfsp": 4}
    session = {
        "notificationUri": core.consumer.callback("sm"),
        "supi": supi,
        "pduSessionId": 5,
        "pduSessionType": "IPV4",
        "dnn": "internet",
        "sliceInfo": {"sst": 1},
        "subsSessAmbr": {"uplink": "1 Gbps", "downlink": "2 Gbps"},
    }
    am = core.ask("pcf", "POST", "/npcf-am-policy-control/v1/policies", access).require(201).headers["location"]
    sm = core.ask("pcf", "POST", "/npcf-smpolicycontrol/v1/sm-policies", session).require(201).headers["location"]
    before = [core.consumer.ask("GET", uri).require(200).json() for uri in (am, sm)]
    yield
    assert [core.consumer.ask("GET", uri).require(200).json() for uri in (am, sm)] == before
    slow = {"uplink": "1 Mbps", "downlink": "2 Mbps"}
    decision = core.consumer.ask("POST", f"{sm}/update", {"subsSessAmbr": slow}).require(200).json()
    assert decision["sessRules"]["default"]["authSessAmbr"] == slow
    core.provision(supi, am_policy={"rfsp": 2})
    notified = core.notification("am/update")
    assert (notified["resourceUri"], notified["rfsp"]) == (am, 2)


def registrations_live_and_subscriptions_notify(core: WholeCore) -> Iterator[None]:
    """NRF: each NF is still registered and heard, none has expired, and a new NF is notified."""
    subscription = {"nfStatusNotificationUri": core.consumer.callback("nrf"), "subscrCond": {"nfType": "CHF"}}
    core.ask("nrf", "POST", "/nnrf-nfm/v1/subscriptions", subscription).require(201)
    before = core.state("nrf")
    yield
    moved = core.state("nrf")
    assert moved["expired"] == before["expired"]
    beats = {nf["nf_instance_id"]: nf["heartbeats"] for nf in moved["registrations"]}
    assert beats.keys() == {nf["nf_instance_id"] for nf in before["registrations"]}
    until(
        lambda: all(nf["heartbeats"] > beats[nf["nf_instance_id"]] for nf in core.state("nrf")["registrations"]),
        "a heartbeat of each NF",
    )
    instance = str(uuid.uuid4())
    profile = {"nfInstanceId": instance, "nfType": "CHF", "nfStatus": "REGISTERED", "ipv4Addresses": ["192.0.2.1"]}
    core.ask("nrf", "PUT", f"/nnrf-nfm/v1/nf-instances/{instance}", profile).require(201)
    notified = core.notification("nrf")
    assert (notified["event"], notified["nfInstanceUri"].rpartition("/")[2]) == ("NF_REGISTERED", instance)
    core.ask("nrf", "DELETE", f"/nnrf-nfm/v1/nf-instances/{instance}").require(204)


def the_scp_forwards(core: WholeCore) -> Iterator[None]:
    """SCP: on the connections of before the move, to the consumer and to the producer."""
    uri, target = f"{core.root('scp')}/nudm-sdm/v2/{SPARE.format(95)}/am-data", {TARGET_API_ROOT: core.root("udm")}
    answer = core.consumer.ask("GET", uri, headers=target).require(200).json()
    before = core.state("scp")
    yield
    assert core.consumer.ask("GET", uri, headers=target).require(200).json() == answer
    after = core.state("scp")
    assert (after["failed"], after["forwarded"] - before["forwarded"]) == (before["failed"], 1)
    assert after["digest"] == before["digest"]


def sessions_carry_data(core: WholeCore) -> Iterator[None]:
    """SMF, UPF: pings go on through the same sessions, and data for an idle UE still gets it paged."""
    before = {supi: core.ue(supi)["sessions"] for supi in STAYING}
    yield
    assert {supi: core.ue(supi)["sessions"] for supi in STAYING} == before
    moved, pagings = core.driver(), core.state("amf")["counters"]["pagings_total"]
    until(lambda: core.driver()["pings_answered"] > moved["pings_answered"], "answers to pings")
    until(lambda: core.state("amf")["counters"]["pagings_total"] > pagings, "a paging")
    assert core.driver()["failed"] == moved["failed"]


PROOFS: dict[str, Proof] = {
    "amf": idle_ues_are_paged,
    "ausf": an_authentication_ends,
    "udm": subscriptions_to_data_notify,
    "udr": subscribers_are_the_same,
    "pcf": policies_are_kept_and_updated,
    "nrf": registrations_live_and_subscriptions_notify,
    "scp": the_scp_forwards,
    "smf": sessions_carry_data,
    "upf": sessions_carry_data,
}
QUICK = ("amf", "ausf")


@pytest.mark.parametrize("nf", [pytest.param(nf, marks=() if nf in QUICK else pytest.mark.exhaustive) for nf in PROOFS])
def test_an_nf_moves_with_its_state(core: WholeCore, nf: str) -> None:
    source = core.site.states()[nf]["host"]
    target = next(host for host in core.site.nf_hosts if host != source)
    proof = PROOFS[nf](core)
    next(proof)
    core.site.playbook("migrate_nf", nf=nf, target_host=target, migration_strategy="pre_copy", force_migration=True)
    assert core.site.states()[nf]["host"] == target
    assert next(proof, "ended") == "ended"
