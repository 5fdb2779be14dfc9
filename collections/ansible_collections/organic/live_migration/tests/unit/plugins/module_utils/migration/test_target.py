# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target's end with fakes: in which order the process is let run, and what each failure leaves.

The record is real, in a directory of the test. Everything that touches a process is a fake.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu.worker import Interrupted
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RestartPolicy
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError, PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.memory.pager import PagesLost
from ansible_collections.organic.live_migration.plugins.module_utils.migration import target as target_module
from ansible_collections.organic.live_migration.plugins.module_utils.migration.target import Target
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, messages, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials, Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options, Plan
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Verdict

ID = "0123456789abcdef"
HELLO = {"version": messages.PROTOCOL_VERSION}
IMAGES = {"images": [], "gone": [], "archive_bytes": 0, "tun_bytes": 0, "arrived_bytes": 0, "finished_by": "pre_copy",
          "sockets": [], "tasks": [], "sleeps": [], "ipc": {}}  # fmt: skip
ROOT = 4711


class Site:
    """What stands around a Target.

    Attributes:
        did: what was done, in order.
        script: the source's messages; an exception among them is raised.
        errors: by the place where each is raised.
        members: processes in the freezer.
    """

    def __init__(self) -> None:
        self.did: list[str] = []
        self.script: list[Any] = []
        self.errors: dict[str, Exception] = {}
        self.members = [ROOT]
        self.is_init_alive = True

    def do(self, what: str, answer: Any = None) -> Any:
        def act(*given: Any, **_named: Any) -> Any:
            name = f"{what} {given[0]}" if given and isinstance(given[0], str) else what
            self.did.append(name)
            for place in (what, name):
                if place in self.errors:
                    raise self.errors[place]
            return answer

        return act

    def next_message(self, *_given: Any) -> Message:
        message = self.script.pop(0)
        if isinstance(message, Exception):
            raise message
        return Message(message, dict(IMAGES if message == messages.IMAGES else {"gone": []}), b"")

    def expect(self, kind: str, _timeout_s: float) -> Message:
        if kind in self.errors:
            raise self.errors[kind]
        return Message(kind, dict(HELLO), b"")


@pytest.fixture
def site(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site()

    class FakeFreezer:
        has_killed_member = False
        request_freeze = staticmethod(site.do("request_freeze"))
        thaw = staticmethod(site.do("thaw"))

        @property
        def members(self) -> list[int]:
            return site.members

    cleanup = SimpleNamespace(
        KILL_TIMEOUT_S=1,
        kill=site.do("kill"),
        discard=site.do("discard"),
        complete=site.do("complete"),
        abandon=site.do("abandon"),
        adopt=site.do("adopt"),
    )
    init = SimpleNamespace(pid=1, start_time=1, kill=site.do("kill_init"), alive=True)
    monkeypatch.setattr(journal.MigrationRecord, "init", init)
    monkeypatch.setattr(target_module, "Freezer", lambda _path: FakeFreezer())
    monkeypatch.setattr(target_module, "target_cleanup", cleanup)
    monkeypatch.setattr(Target, "may_have_run", staticmethod(lambda record: record.state == states.COMPLETED))
    monkeypatch.setattr(target_module, "processes", SimpleNamespace(is_killed=lambda _pid: False))
    monkeypatch.setattr(target_module, "write_images", site.do("write_images", b"inventory"))
    monkeypatch.setattr(target_module, "tun_packets", SimpleNamespace(put=site.do("put_tun"), unpack=lambda _data: []))
    monkeypatch.setattr(target_module, "unread_datagrams", SimpleNamespace(deliver=site.do("deliver", (2, 0))))
    monkeypatch.setattr(target_module, "FileSet", lambda *_given: SimpleNamespace(unpack=site.do("unpack")))
    monkeypatch.setattr(target_module.watchdog, "restore_priority", site.do("restore_priority"))
    setup = SimpleNamespace(prepare=lambda *_given: prepared(site, tmp_path))
    monkeypatch.setattr(target_module, "TargetSetup", lambda *_given: setup)
    save = journal.MigrationRecord.save

    def note_and_save(record: journal.MigrationRecord, state: str | None = None) -> None:
        save(record, state)
        if state:
            site.did.append(f"save {state}")

    monkeypatch.setattr(journal.MigrationRecord, "save", note_and_save)
    return site


def prepared(site: Site, tmp_path: Path) -> Any:
    """What waits for the images; the inventory goes into a file."""
    pager = SimpleNamespace(
        order=site.do("pager.order"),
        expect=lambda done, _timeout_s: site.do("pager.expect", {"pages_placed": 1})(done),
        process_id=SimpleNamespace(pid=os.getpid()),
        close=site.do("pager.close"),
        await_end=lambda _timeout_s: None,
        fault=None,
    )
    criu = SimpleNamespace(
        run_until=site.do("criu.run_until"),
        pid_of=lambda _pid: ROOT,
        resume=site.do("criu.resume"),
        statistics=dict,
        await_end=lambda _timeout_s: None,
        close=lambda: None,
    )
    hold = SimpleNamespace(
        release_some=site.do("hold.release_some"),
        release_paced=site.do("hold.release_paced"),
        remove=lambda: None,
        held=5,
    )
    return SimpleNamespace(
        links=SimpleNamespace(
            activate=site.do("links.activate"),
            keep_announcing=site.do("links.keep_announcing"),
            withdraw=site.do("links.withdraw"),
            close=lambda: None,
        ),
        cpus=None,
        link_numbers={"eth0": 9},
        configuration=SimpleNamespace(finish=site.do("configuration.finish"), close=lambda: None),
        page_server=SimpleNamespace(wait=site.do("page_server.wait"), fault=None, close=lambda: None),
        pager=pager,
        criu=criu,
        hold=hold,
        images=3,
        inventory=os.open(tmp_path / "inventory", os.O_WRONLY | os.O_CREAT),
        delivered=0,
        lost_packets=0,
        count_losses=site.do("count_losses"),
        limit_cpu=site.do("limit_cpu"),
        close=site.do("close"),
    )


def serve(site: Site, strategy: str = "pre_copy") -> Any:
    """One conversation; returns its outcome."""
    control = SimpleNamespace(
        send=lambda kind, **_fields: site.did.append(f"send {kind}"),
        receive=site.next_message,
        expect=site.expect,
        close=lambda: None,
        fileno=lambda: 0,
    )
    plain = SimpleNamespace(plain=None)
    stream = SimpleNamespace(expect=lambda _kind, _timeout_s: None, to_stream=lambda _encrypted: plain)
    connections: list[Any] = [control]
    listener: Any = SimpleNamespace(
        accept=lambda _timeout_s: connections.pop(0) if connections else stream, close=lambda: None
    )
    source: Any = SimpleNamespace(
        await_key="smf", restart_policy=RestartPolicy(), name="smf", service="", kept_interfaces=(), kept_addresses=()
    )
    credentials = Credentials(certificate="", key="", peer_certificate="")
    plan = Plan(ID, "smf", "edge-a", 10, credentials, 4096, Options(strategy=strategy))
    engine: Any = SimpleNamespace()
    container: Any = SimpleNamespace(init=SimpleNamespace(pid=1), mounts=list)
    target = Target(plan, source, engine)
    with contextlib.closing(target._rpc[0]), contextlib.closing(target._rpc[1]):
        return target._serve(container, [], listener)


TO_THE_IMAGES = [messages.FILES, messages.ARM, messages.SWITCH, messages.IMAGES]


def test_the_process_runs_only_after_the_commit_and_the_record(site: Site) -> None:
    site.script = [*TO_THE_IMAGES]
    assert serve(site).verdict == Verdict.COMPLETED
    assert site.did == [
        "unpack",
        "send unpacked",
        "send armed",
        "links.activate",
        "configuration.finish",
        "send switched",
        "links.keep_announcing",
        "page_server.wait",
        "write_images",
        "criu.run_until pre-resume",
        "request_freeze",
        "pager.order restored",
        "pager.expect restored",
        "put_tun",
        "deliver",
        f"save {states.RESTORED}",
        "send restored",
        "pager.order before_run",
        "pager.expect before_run",
        f"save {states.COMPLETED}",
        "hold.release_some",
        "criu.resume",
        "thaw",
        "send running",
        "hold.release_paced",
        "count_losses",
        "adopt",
        "restore_priority",
        "limit_cpu",
        "pager.order finish",
        "pager.expect finish",
        "pager.close",
        "complete",
        "send finished",
    ]


@pytest.mark.parametrize("place", ["page_server.wait", "criu.run_until", "pager.order restored", "deliver"])
def test_a_failed_restore_is_reported_and_discarded(site: Site, place: str) -> None:
    site.script = [*TO_THE_IMAGES]
    site.errors[place] = MigrationError("It did not work.")
    outcome = serve(site)
    assert (outcome.verdict, outcome.message) == (Verdict.ROLLED_BACK, "It did not work.")
    # the source announces the addresses as soon as it is told
    assert site.did[-5:] == ["kill", "links.withdraw", "send failed", "discard", "close"]
    assert "thaw" not in site.did


def test_without_the_commit_it_never_runs(site: Site) -> None:
    site.script = [*TO_THE_IMAGES]
    site.errors[messages.COMMIT] = PeerLost("The link broke.")
    serve(site)
    assert "thaw" not in site.did
    assert "criu.resume" not in site.did
    assert site.did[-2:] == ["discard", "close"]


def test_a_process_that_was_killed_while_it_waited_is_not_let_run(site: Site) -> None:
    site.script = [*TO_THE_IMAGES]
    site.members = []
    outcome = serve(site)
    assert "killed on the target host before it ran" in outcome.message
    assert "thaw" not in site.did
    assert "discard" in site.did


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_an_abort_removes_what_there_is(site: Site, length: int) -> None:
    site.script = [*TO_THE_IMAGES[:length], messages.ABORT]
    serve(site)
    prepared = length > 1
    ending = ["kill", *(["links.withdraw"] if prepared else []), "send aborted", "discard"]
    ending += ["close"] if prepared else []
    assert site.did[-len(ending) :] == ending


def test_a_source_that_gives_up_during_the_restore_is_heard(site: Site) -> None:
    site.script = [*TO_THE_IMAGES, messages.ABORT]
    site.errors["criu.run_until"] = Interrupted()
    serve(site)
    assert site.did[-5:] == ["kill", "links.withdraw", "send aborted", "discard", "close"]


@pytest.mark.parametrize("script", [[messages.SWITCH], [messages.IMAGES], ["nonsense"]])
def test_a_message_out_of_order_ends_it(site: Site, script: list[str]) -> None:
    site.script = list(script)
    outcome = serve(site)
    assert f"unexpected message '{script[0]}'" in outcome.message
    assert site.did[-3:] == ["kill", "send failed", "discard"]


def test_memory_that_is_lost_after_the_commit_stops_the_process_and_nothing_is_discarded(site: Site) -> None:
    site.script = [*TO_THE_IMAGES]
    site.errors["pager.expect finish"] = PagesLost("A connection for the pages broke.")
    serve(site)
    assert "kill_init" in site.did
    assert site.did[-1] == "abandon"
    assert "discard" not in site.did


def test_a_hold_that_cannot_be_removed_costs_the_process_nothing(site: Site) -> None:
    site.script = [*TO_THE_IMAGES]
    site.errors["adopt"] = MigrationError("The init does not answer.")
    serve(site)
    assert "pager.expect finish" in site.did, "the memory was awaited all the same"
    assert site.did[-1] == "complete"
    assert "kill" not in site.did


def test_another_protocol_version_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HELLO, "version", messages.PROTOCOL_VERSION + 1)
    outcome = serve(site)
    assert "version" in outcome.message
    assert site.did[-3:] == ["kill", "send failed", "discard"]
