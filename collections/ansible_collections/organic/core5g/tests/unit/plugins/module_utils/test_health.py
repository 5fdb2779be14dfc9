# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration has kept."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import health
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

NRF, SMF, UPF = "192.0.2.33", "192.0.2.34", "192.0.2.35"


def container(status: str = "running", policy: str = "unless-stopped") -> dict[str, Any]:
    return {"status": status, "pid": 7 if status == "running" else None, "restart_policy": policy}


def entry(name: str, state: dict[str, Any] | None = None, **container_facts: str) -> dict[str, Any]:
    addresses = {"nrf": NRF, "smf": SMF, "upf": UPF}
    found = {"name": name, "address": addresses[name], "container": container(**container_facts), "state": state}
    if state:
        found["sessions"] = sessions(200, 201, {each["peer"]: (200, 201) for each in state["pfcp"]})
        found["counts"] = {"sessions": {"least": 200, "most": 201}}
    return found


def sessions(least: int, most: int, by_peer: dict[str, tuple[int, int]]) -> dict[str, Any]:
    spans = {peer: {"least": span[0], "most": span[1]} for peer, span in by_peer.items()}
    return {"least": least, "most": most, "by_peer": spans}


def core() -> dict[str, list[dict[str, Any]]]:
    """NRF and SMF on edge-a, UPF on edge-b."""
    nrf = {"nf_instance_id": "n", "registrations": [{"nf_instance_id": "s"}, {"nf_instance_id": "u"}], "pfcp": []}
    smf = {
        "nf_instance_id": "s",
        "nrf_registered": True,
        "nrf_registrations": 1,
        "sessions": 200,
        "digest": "d1",
        "pfcp": [association(UPF, theirs=20, own=10)],
    }
    upf = {
        "nf_instance_id": "u",
        "nrf_registered": True,
        "nrf_registrations": 1,
        "sessions": 200,
        "digest": "d2",
        "pfcp": [association(SMF, theirs=10, own=20)],
    }
    return {
        "edge-a": [entry("nrf", nrf), entry("smf", smf), entry("upf", status="absent")],
        "edge-b": [entry("nrf", status="absent"), entry("smf", status="absent"), entry("upf", upf)],
    }


def association(peer: str, theirs: int, own: int) -> dict[str, Any]:
    return {
        "peer": peer,
        "up": True,
        "recovery_time_stamp": theirs,
        "local_recovery_time_stamp": own,
        "sessions": 200,
    }


def moved(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The SMF has left edge-a for edge-b."""
    after = copy.deepcopy(found)
    smf = after["edge-a"][1]
    after["edge-b"][1] = smf
    after["edge-a"][1] = entry("smf", status="exited", policy="no")
    return after


def set_sessions(found: dict[str, list[dict[str, Any]]], nf: str, span: dict[str, Any]) -> None:
    for entries in found.values():
        for each in entries:
            if each["name"] == nf and each["state"]:
                each["sessions"] = span


def state(found: dict[str, list[dict[str, Any]]], nf: str) -> dict[str, Any]:
    return next(
        entry["state"] for entries in found.values() for entry in entries if entry["name"] == nf and entry["state"]
    )


def migrated(
    before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]], tolerated: int = 0
) -> health.Migrated:
    return health.Migrated("smf", SMF, health.answers(before), health.answers(after), tolerated)


def compare(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return health.compare(migrated(before, after))


def with_port_only(found: dict[str, list[dict[str, Any]]], host: str, state: Any) -> dict[str, list[dict[str, Any]]]:
    """The NRF is one of another core, of which no more is known than whether its port is open."""
    changed = copy.deepcopy(found)
    nrf = next(each for each in changed[host] if each["name"] == "nrf")
    nrf.update(state=state, sessions=sessions(0, 0, {}), counts={})
    return changed


def test_an_nf_that_only_has_an_open_port_is_watched() -> None:
    before = with_port_only(core(), "edge-a", {})
    assert compare(before, moved(before))["violations"] == []
    assert health.compare(dataclasses.replace(migrated(before, before), nf="nrf", address=NRF))["violations"] == []
    gone = with_port_only(moved(core()), "edge-a", None)
    assert compare(before, gone)["violations"] == ["nrf does not report its state any more"]


def test_nothing_lost() -> None:
    result = compare(core(), moved(core()))
    assert result["violations"] == []
    assert result["registration_alive"] is True
    assert result["pfcp"] == {
        "association_kept": True,
        "recovery_time_stamp_before": 10,
        "recovery_time_stamp_after": 10,
        "peer_recovery_time_stamp_before": 20,
        "peer_recovery_time_stamp_after": 20,
    }
    assert (result["sessions"]["before"], result["sessions"]["after"]) == (200, 200)


def test_lost_sessions() -> None:
    after = moved(core())
    set_sessions(after, "smf", sessions(150, 151, {UPF: (150, 151)}))
    set_sessions(after, "upf", sessions(150, 151, {SMF: (150, 151)}))
    assert compare(core(), after)["violations"] == ["smf had 200 sessions before and has 151 after"]
    assert health.compare(migrated(core(), after, 49))["violations"] == []
    assert health.compare(migrated(core(), after, 48))["violations"]


@pytest.mark.parametrize("held", [(120, 121), (280, 281)])
def test_peer_holds_another_number_of_sessions(held: tuple[int, int]) -> None:
    after = moved(core())
    set_sessions(after, "upf", sessions(*held, {SMF: held}))
    (violation,) = compare(core(), after)["violations"]
    assert f"which holds {held[0]}" in violation


def test_numbers_that_move_under_load_agree() -> None:
    after = moved(core())
    set_sessions(after, "smf", sessions(201, 203, {UPF: (201, 203)}))
    set_sessions(after, "upf", sessions(203, 204, {SMF: (203, 204)}))
    assert compare(core(), after)["violations"] == []


@pytest.mark.parametrize("field", ["recovery_time_stamp", "local_recovery_time_stamp"])
@pytest.mark.parametrize("nf", ["smf", "upf"])
def test_another_recovery_time_stamp_at_either_end(nf: str, field: str) -> None:
    after = moved(core())
    state(after, nf)["pfcp"][0][field] = 99
    result = compare(core(), after)
    assert result["pfcp"]["association_kept"] is False
    assert any(field in violation and "99" in violation for violation in result["violations"])


@pytest.mark.parametrize("nf", ["smf", "upf"])
def test_association_gone_at_either_end(nf: str) -> None:
    after = moved(core())
    state(after, nf)["pfcp"] = []
    assert compare(core(), after)["pfcp"]["association_kept"] is False


def test_association_down() -> None:
    after = moved(core())
    state(after, "smf")["pfcp"][0]["up"] = False
    assert compare(core(), after)["pfcp"]["association_kept"] is False


def test_registration_gone_at_the_nrf() -> None:
    after = moved(core())
    state(after, "nrf")["registrations"].pop(0)
    result = compare(core(), after)
    assert result["registration_alive"] is False
    assert any("registrations s" in violation for violation in result["violations"])


def test_second_registration() -> None:
    after = moved(core())
    state(after, "smf")["nrf_registrations"] = 2
    assert compare(core(), after)["registration_alive"] is False


def test_restarted_nf() -> None:
    after = moved(core())
    state(after, "smf")["nf_instance_id"] = "other"
    assert any("restarted" in violation for violation in compare(core(), after)["violations"])


def test_silent_nf() -> None:
    after = moved(core())
    after["edge-b"][1]["state"] = None
    result = compare(core(), after)
    assert any("smf does not report" in violation for violation in result["violations"])
    assert result["pfcp"]["association_kept"] is False


def test_peer_that_answered_before_is_silent() -> None:
    after = moved(core())
    after["edge-b"][2]["state"] = None
    assert any("upf does not report" in violation for violation in compare(core(), after)["violations"])


def test_no_state_before_is_an_error() -> None:
    before = core()
    before["edge-a"][1]["state"] = None
    with pytest.raises(CoreError, match="before the migration"):
        compare(before, moved(core()))


def test_every_check_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is added to the list is run, and its finding is part of the result."""

    class Broken(health.HealthCheck):
        def run(self, migrated: health.Migrated) -> health.Finding:
            return health.Finding({"ngap": migrated.nf}, ["the NGAP association is gone"])

    monkeypatch.setattr(health, "CHECKS", (*health.CHECKS, Broken()))
    result = compare(core(), moved(core()))
    assert (result["ngap"], result["violations"]) == ("smf", ["the NGAP association is gone"])


KEPT = {"smf": ["sessions"], "upf": ["sessions"], "amf": ["ues.registered"], "udm": ["not.reported"]}


def with_amf(
    found: dict[str, list[dict[str, Any]]], registered: tuple[int, int], digest: str = "a"
) -> dict[str, list[dict[str, Any]]]:
    amf = entry("nrf", {"nf_instance_id": "a", "pfcp": [], "ues": {"registered": registered[0]}, "digest": digest})
    counts = {"ues.registered": {"least": registered[0], "most": registered[1]}}
    found["edge-a"].append({**amf, "name": "amf", "counts": counts})
    return found


def kept(before: tuple[int, int], after: tuple[int, int], tolerated: int = 0) -> dict[str, Any]:
    moved_core = with_amf(moved(core()), after)
    entries = (health.answers(with_amf(core(), before)), health.answers(moved_core))
    return health.compare(health.Migrated("smf", SMF, *entries, tolerated, KEPT))


def test_another_nf_that_has_lost_users() -> None:
    result = kept((200, 200), (150, 151))
    assert result["violations"] == ["amf had 200 registered ues before and has 151 after"]
    assert result["kept"]["amf"] == {"ues.registered": {"before": 200, "after": 151}}
    assert result["kept"]["upf"] == {"sessions": {"before": 200, "after": 201}}
    assert "udm" not in result["kept"]
    assert kept((200, 200), (150, 151), tolerated=49)["violations"] == []


def test_users_that_come_and_go() -> None:
    assert kept((198, 205), (197, 199))["violations"] == []


@pytest.mark.parametrize("quiet", [True, False])
def test_state_that_only_users_change(quiet: bool) -> None:
    before = health.answers(with_amf(core(), (1, 1)))
    same = health.Migrated("smf", SMF, before, before, same_when_quiet={"amf": ["digest"]}, quiet=quiet)
    assert health.compare(same)["violations"] == []
    after = health.answers(with_amf(core(), (1, 1), digest="b"))
    result = health.compare(dataclasses.replace(same, after=after))
    assert result["unchanged"] == {"amf": {"digest": False}}
    assert result["violations"] == (["amf has another digest than before: a became b"] if quiet else [])
