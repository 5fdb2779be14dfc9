# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each case: a small program whose container moves there and back by every strategy, or is refused.

Cases that are carried move together, in one playbook a hop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.containers import IMAGE
from tests.harness.hosts import Host
from tests.harness.site import Site
from tests.harness.wait import until

from .case import Case, Outcome
from .cases import CASES
from .conftest import PREFIX, WORK

FIRST_ADDRESS = 40
HOPS = tuple(STRATEGIES)
"""Each by another strategy; their number is even, so that containers end where they began."""
FAILED = "after a migration that failed"
REMOVE_PROGRAM = f"""
while true; do
    for name in $(docker ps --format "{{{{.Names}}}}" --filter name=^{PREFIX}); do
        init=$(docker inspect --format "{{{{.State.Pid}}}}" $name)
        grep -q resident-await /proc/$init/comm && rm -f /proc/$init/root/usr/bin/python3*
    done
    sleep 0.05
done
"""
"""Runs on the target host: there is no event for a container that awaits its process."""


class Running:
    """The container of a case."""

    def __init__(self, site: Site, case: Case) -> None:
        self._site, self._case = site, case
        self.name = PREFIX + case.name.replace("_", "-")
        self._number = FIRST_ADDRESS + CASES.index(case)
        self.home: Host = site.edges[0]

    def start(self) -> None:
        self.home.run(self._case.prepare or "true")
        options = [f"--volume={WORK}:/cases:ro", "--user=0", "--tmpfs=/run", *self._case.options]
        command = ["/usr/bin/python3", "-B", f"/cases/{self._case.program}.py"]
        self._site.run_resident(self.home, self.name, self._number, command, *options, image=IMAGE)

        def is_ready() -> bool:
            said = self.home.run(f"docker logs {self.name} 2>&1")
            assert "Error" not in said, said
            return "ready" in said

        until(is_ready, f"{self.name} is ready")
        self._run(self._case.setup)

    def look(self) -> str:
        return self._run(self._case.check)

    def _run(self, script: str) -> str:
        variables = f"NAME={self.name} ADDRESS={self._site.address(self._number)} PEER={self._site.ran.address}"
        first = "INIT=$(docker inspect --format '{{.State.Pid}}' $NAME); net=\"nsenter --target $INIT --net\""
        return self.home.run(f"set -e; {variables}; {first}; {script}")

    def is_taken_by(self, strategy: str) -> bool:
        return strategy not in self._case.refused_by

    @property
    def survives_failure(self) -> bool:
        return self._case.survives_failure

    @property
    def arguments(self) -> dict[str, Any]:
        """Of its next migration, but for the strategy."""
        return {"name": self.name, "target_host": self.away.name, **dict(self._case.arguments)}

    @property
    def away(self) -> Host:
        return self._site.other(self.home)


def params(outcome: Outcome) -> list[Any]:
    """The cases of one outcome, as parameters of a test."""
    return [
        pytest.param(case, id=case.name, marks=pytest.mark.exhaustive if case.exhaustive else ())
        for case in CASES
        if case.outcome is outcome
    ]


@pytest.fixture(scope="module")
def states(lab: Site, request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, str]]]:
    """What each selected case that is carried showed before and after each hop; an error where it did not move."""
    selected = [item.callspec.params["case"] for item in request.session.items if hasattr(item, "callspec")
                and isinstance(item.callspec.params.get("case"), Case)]  # fmt: skip
    running = {case.name: Running(lab, case) for case in dict.fromkeys(selected) if case.outcome is Outcome.CARRIED}
    found: dict[str, dict[str, str]] = {name: {} for name in running}
    try:
        for name, one in running.items():
            one.start()
            found[name]["before"] = one.look()
        fail_to_restore({name: one for name, one in running.items() if one.survives_failure}, lab, found)
        for strategy in HOPS:
            moving = {name: one for name, one in running.items() if one.is_taken_by(strategy)}
            cases = [{**one.arguments, "strategy": strategy} for one in moving.values()]
            started = {one.home.name: one.home for one in moving.values()}
            results: dict[str, dict[str, Any]] = {}
            for home in started.values():
                mine = [case for case in cases if case["target_host"] != home.name]
                results.update(migrate(lab, home, mine))
            for name, one in running.items():
                item = results.get(one.name, {})
                if item.get("failed"):
                    found[name][strategy] = f"did not move: {item.get('msg')}"
                    continue
                if name in moving:
                    one.home = one.away
                found[name][strategy] = one.look()
        yield found
    finally:
        for one in running.values():
            lab.remove(one.name)


def migrate(lab: Site, home: Host, cases: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Migrate containers, by two plays at once to keep both cores busy; returns the result of each by its name."""
    plays = [lab.start_playbook("migrate", home, half) for half in (cases[::2], cases[1::2]) if half]
    return {item["item"]["name"]: item for play in plays for item in play.result().items}


def fail_to_restore(running: dict[str, Running], lab: Site, found: dict[str, dict[str, str]]) -> None:
    """Migrate containers that cannot be restored, as their program is missing there, and look at them again."""
    if not running:
        return
    home, away = lab.edges
    remover = away.run(f"setsid sh -c '{REMOVE_PROGRAM}' >/dev/null 2>&1 </dev/null & echo $!").strip()
    try:
        cases = [{**one.arguments, "strategy": "pre_copy"} for one in running.values()]
        results = migrate(lab, home, cases)
    finally:
        away.run(f"kill -- -{remover}")
    for name, one in running.items():
        said = results[one.name].get("msg", "it has moved")
        found[name][FAILED] = one.look() if "CRIU failed to restore" in said else said


@pytest.mark.parametrize("case", params(Outcome.CARRIED))
def test_it_is_carried(states: dict[str, dict[str, str]], case: Case) -> None:
    seen = states[case.name]
    assert case.expected in seen["before"]
    looks = ("before", *([FAILED] if case.survives_failure else []), *HOPS)
    assert seen == dict.fromkeys(looks, seen["before"])


@pytest.mark.parametrize("case", params(Outcome.REFUSED))
def test_it_is_refused_by_name(lab: Site, case: Case) -> None:
    one = Running(lab, case)
    try:
        one.start()
        before = one.look()
        cases = [{**one.arguments, "strategy": "inter_copy"}]
        [checked] = lab.start_playbook("preflight", one.home, cases).result().items
        [tried] = lab.start_playbook("migrate", one.home, cases).result().items
        for found in (checked["blockers"], tried["blockers"]):
            [blocker] = [entry for entry in found if entry["code"] == case.blocker]
            assert case.named in blocker["message"]
            assert blocker["remedy"]
        assert lab.other(one.home).run(f"docker ps --all --quiet --filter name=^{one.name}$") == ""
        assert one.look() == before
    finally:
        lab.remove(one.name)
