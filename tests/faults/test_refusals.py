# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot migrate is refused before anything is changed, with a message that names it and its remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.harness.build import SERVER
from tests.harness.playbook import PlaybookResult
from tests.harness.site import RESIDENT, Site

PREFIX = "fault-"
SERVE = [SERVER, "--port", "7000", "--memory-mb", "1"]
NO_MEMORY_MB = 100_000_000


@dataclass(frozen=True)
class Refusal:
    """A case: the request and the expected message.

    Attributes:
        name: of the container.
        code: of the blocker; None where the action itself fails before it looks for blockers.
        message: pattern of the finding.
        remedy: pattern of what to do.
        options: of the task, beside name and target_host.
    """

    name: str
    code: str | None
    message: str
    remedy: str
    options: dict[str, Any] = field(default_factory=dict)


REFUSALS = {
    "unknown container": Refusal("none", "container_unknown", "no container 'fault-none'", "on which host"),
    "not running": Refusal("stopped", "container_not_running", "'fault-stopped' is created", "Start it"),
    "not started with the resident init": Refusal(
        "plain", "not_resident", f"'fault-plain' was not started with the resident init .{RESIDENT}", "Start it"
    ),
    "with a terminal": Refusal("terminal", "terminal", "has a terminal", "without -t"),
    "in the host's network": Refusal("host", "host_network", "shares the network of its host", "address of its own"),
    "with a writable volume": Refusal("volume", "volume", "/data is a writable volume", "name it in shared_volumes"),
    "with an MPTCP socket": Refusal(
        "mptcp", "undumpable", r"MPTCP socket 0\.0\.0\.0:7777 .descriptor \d+ of process \d+", "net.mptcp.enabled=0"
    ),
    "with io_uring": Refusal(
        "io-uring", "undumpable", r"io_uring .descriptor \d+ of process \d+", "without io_uring"
    ),
    "with inotify on the overlay": Refusal(
        "inotify", "undumpable", r"inotify on the overlay file system .descriptor \d+ of process \d+", "a volume"
    ),
    "image missing on the target": Refusal(
        "image", "image_missing", r"image fault-image \(sha256:[0-9a-f]{12}\) is missing", "Load or pull"
    ),
    "network missing on the target": Refusal(
        "network", "network_missing", "network 'fault-here' is missing on the target host", "Create it there"
    ),
    "name in use on the target": Refusal("twin", "name_in_use", "'fault-twin' already runs on the target", "Remove it"),
    "address answered by another machine": Refusal(
        "address", "address_taken", r"machine \([0-9a-f:]{17}\) already answers for {address}", "take the address"
    ),
    "no memory on the target": Refusal(
        "well", "no_memory", r"has \d+ MiB of memory available; \d+ MiB are needed", "lower memory_reserve_mb",
        {"memory_reserve_mb": NO_MEMORY_MB},
    ),
    "the same engine under another name": Refusal(
        "well", "same_host", "the same host under two names", "Name another target_host",
        {"target_host": "alias"},
    ),
    "target same as source": Refusal(
        "well", None, "same host, '{source}'", "Name another target_host", {"target_host": "{source}"}
    ),
    "target not in the inventory": Refusal(
        "well", None, "'edge-z' is not in the inventory", "ansible-inventory --graph", {"target_host": "edge-z"}
    ),
    "target unreachable": Refusal(
        "well", None, "'nowhere' cannot be reached", "{nowhere}", {"target_host": "nowhere"}
    ),
    "no time": Refusal("well", None, "timeout_s must be at least 1", "Leave it out", {"timeout_s": 0}),
}  # fmt: skip
# Requested in check mode too: a blocker of either host, and an error of the task.
CHECKED = ("with a terminal", "image missing on the target", "target not in the inventory")
ADDRESSES = {name: number for number, name in enumerate(
    ["well", "mptcp", "io-uring", "inotify", "image", "twin", "address", "terminal", "volume", "stopped"], start=1
)}  # fmt: skip


class Refused:
    """Containers of every kind that cannot migrate, and the results of the requests."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self.source, self.target = site.edges
        self._words = {
            "{source}": self.source.name,
            "{nowhere}": site.address(100),
            "{address}": site.address(ADDRESSES["address"]),
        }
        self._extra = directory / "hosts.json"
        others = {
            "alias": {"ansible_host": self.source.address},
            "nowhere": {"ansible_host": self.spell("{nowhere}")},
        }
        self._extra.write_text(json.dumps({"all": {"hosts": others}}))

    def spell(self, text: str) -> str:
        """A text of a case with the names and addresses of these hosts."""
        for word, meaning in self._words.items():
            text = text.replace(word, meaning)
        return text

    def of(self, items: list[dict[str, Any]], what: str) -> dict[str, Any]:
        """The result of a case."""
        return items[list(REFUSALS).index(what)]

    def start(self) -> None:
        for name in ("mptcp", "io-uring", "inotify"):
            self.site.run_unsupported(self.source, PREFIX + name, ADDRESSES[name], name.replace("-", "_"))
        self._resident("well", SERVE)
        self._resident("terminal", SERVE, "--tty")
        self._resident("volume", SERVE, "--volume", f"{PREFIX}data:/data")
        self._resident("address", SERVE)
        self._resident("host", [SERVER, "--port", "7999", "--memory-mb", "1"], "--network=host")
        self._resident("stopped", SERVE, verb="create")
        self.site.run_plain(self.source, f"{PREFIX}plain")
        self._resident("twin", SERVE)
        self.site.run_plain(self.target, f"{PREFIX}twin")
        self.site.image_only_on(self.source, f"{PREFIX}image")
        self._resident("image", SERVE, image=f"{PREFIX}image")
        self.source.run(f"docker network create --internal {PREFIX}here")
        self._resident("network", SERVE, f"--network={PREFIX}here")
        self.site.ran.run(f"ip address add {self.spell('{address}')}/32 dev {self.site.parent}")

    def _resident(self, name: str, command: list[str], *options: str, **more: Any) -> None:
        self.site.run_resident(self.source, PREFIX + name, ADDRESSES.get(name, 0), command, *options, **more)

    def remove(self) -> None:
        self.site.ran.run(f"ip address flush to {self.spell('{address}')}/32")
        for host in self.site.edges:
            host.run(
                f"docker ps --all --quiet --filter name=^{PREFIX} | xargs -r docker rm --force --volumes; "
                f"docker volume ls --quiet --filter name=^{PREFIX} | xargs -r docker volume rm; "
                f"docker network ls --quiet --filter name=^{PREFIX} | xargs -r docker network rm; "
                f"docker image ls --quiet {PREFIX}image | xargs -r docker image rm"
            )

    def ask_all(self) -> None:
        cases = {}
        for what, refusal in REFUSALS.items():
            options = {key: self.spell(value) if isinstance(value, str) else value
                       for key, value in refusal.options.items()}  # fmt: skip
            cases[what] = {"name": PREFIX + refusal.name, "target_host": self.target.name, **options}
        self.before = self.site.snapshot()
        self.preflight = self.ask_of(list(cases.values()), "preflight").items
        self.migrate = self.ask_of(list(cases.values()), "migrate")
        self.check = self.ask_of([cases[what] for what in CHECKED], "migrate", "--check")
        self.after = self.site.snapshot()

    def ask_of(self, cases: list[dict[str, Any]], playbook: str, *options: str) -> PlaybookResult:
        return self.site.start_playbook(
            playbook, self.source, cases, "--inventory", str(self._extra), "--timeout", "3", *options
        ).result()


@pytest.fixture(scope="module")
def refused(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refused]:
    made = Refused(site, tmp_path_factory.mktemp("inventory"))
    made.remove()
    try:
        made.start()
        made.ask_all()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("what", REFUSALS)
def test_refused_with_its_reason_and_remedy(refused: Refused, what: str) -> None:
    refusal = REFUSALS[what]
    result = refused.of(refused.migrate.items, what)
    assert result["failed"]
    assert re.search(refused.spell(refusal.message), result["msg"]), result["msg"]
    assert re.search(refused.spell(refusal.remedy), result["msg"]), result["msg"]
    if refusal.code is None:
        return
    [blocker] = [blocker for blocker in result["blockers"] if blocker["code"] == refusal.code]
    assert re.search(refused.spell(refusal.message), blocker["message"])
    assert re.search(refused.spell(refusal.remedy), blocker["remedy"])
    assert "nothing was touched" in result["msg"]


@pytest.mark.parametrize("what", [what for what, refusal in REFUSALS.items() if refusal.code])
def test_asked_beforehand_it_is_the_same_reason(refused: Refused, what: str) -> None:
    asked, done = refused.of(refused.preflight, what), refused.of(refused.migrate.items, what)
    assert not asked.get("failed")
    assert not asked["migratable"]
    assert {blocker["code"] for blocker in asked["blockers"]} == {blocker["code"] for blocker in done["blockers"]}


def test_check_mode_refuses_likewise(refused: Refused) -> None:
    assert refused.check.status != 0
    for what, checked in zip(CHECKED, refused.check.items, strict=True):
        assert checked["failed"]
        assert checked["msg"] == refused.of(refused.migrate.items, what)["msg"]


def test_the_exit_status_says_so(refused: Refused) -> None:
    assert refused.migrate.status != 0


def test_nothing_was_touched(refused: Refused) -> None:
    assert refused.after == refused.before


def test_all_blockers_are_reported_at_once(refused: Refused) -> None:
    case = {"name": "fault-twin", "target_host": refused.target.name, "memory_reserve_mb": NO_MEMORY_MB}
    result = refused.ask_of([case], "preflight")
    assert {blocker["code"] for blocker in result.only["blockers"]} == {"name_in_use", "no_memory"}


def test_what_can_migrate_is_predicted_and_not_touched(refused: Refused) -> None:
    case = {"name": "fault-well", "target_host": refused.target.name}
    result = refused.ask_of([case], "migrate", "--check", "--diff")
    assert result.status == 0, result.items
    assert result.only["changed"]
    assert result.only["prediction"]["predicted_downtime_ms"] > 0
    assert f"{refused.target.name}: container fault-well running" in result.only["diff"]["after"]
    result = refused.ask_of([case], "preflight")
    assert (result.only["migratable"], result.only["blockers"]) == (True, [])
    assert refused.site.snapshot() == refused.before


RUNTIME = {
    "CRIU missing": (f"mv {RESIDENT}/criu {RESIDENT}/criu.away", f"mv {RESIDENT}/criu.away {RESIDENT}/criu",
                     "runtime_missing", "lacks criu in"),
    "CRIU too old": (f"cp --preserve {RESIDENT}/manifest.json {RESIDENT}/manifest.away; sed --in-place "
                     f"'s/\"criu_version\": *\"[^\"]*\"/\"criu_version\": \"4.1.1\"/' {RESIDENT}/manifest.json",
                     f"mv {RESIDENT}/manifest.away {RESIDENT}/manifest.json", "criu_too_old", "CRIU 4.1.1 is too old"),
}  # fmt: skip


@pytest.mark.parametrize("side", ["source", pytest.param("target", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("what", RUNTIME)
def test_a_host_whose_runtime_will_not_do(refused: Refused, what: str, side: str) -> None:
    break_it, repair_it, code, message = RUNTIME[what]
    host = refused.source if side == "source" else refused.target
    host.run(break_it)
    try:
        result = refused.ask_of([{"name": "fault-well", "target_host": refused.target.name}], "migrate")
    finally:
        host.run(repair_it)
    assert result.status != 0
    [blocker] = result.only["blockers"]
    assert blocker["code"] == code
    assert message in blocker["message"]
    assert "role organic.live_migration.migration_host" in blocker["remedy"]
    assert refused.site.snapshot() == refused.before
