# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import files
from ansible_collections.organic.live_migration.plugins.module_utils.host.append_watch import AppendWatch
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Container
from ansible_collections.organic.live_migration.plugins.module_utils.host.file_snapshot import Snapshot, Stamp
from ansible_collections.organic.live_migration.plugins.module_utils.host.files import FileSet

from tests.harness.wait import until

WRITER = """
log = open(sys.argv[1], sys.argv[2], buffering=0)
signal.signal(signal.SIGUSR1, lambda *_given: log.write(b"more"))
print("ready", flush=True)
while True:
    signal.pause()
"""


class Writer:
    """A process that has a file open and appends to it when it is told to."""

    def __init__(self, path: Path, pid: int, watch: AppendWatch) -> None:
        self.path, self.pid, self.watch = path, pid, watch
        self.name = str(path).lstrip("/")

    def write(self) -> None:
        before = self.path.stat().st_size
        os.kill(self.pid, signal.SIGUSR1)
        until(lambda: self.path.stat().st_size > before, "it has written")


@pytest.fixture
def writer(
    as_root: None, spawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Writer]]:
    made: list[AppendWatch] = []

    def make(mode: str) -> Writer:
        path = tmp_path / "log"
        path.write_bytes(bytes(1000))
        pid = spawn.python(WRITER, str(path), mode).pid
        # the control group of the tests holds many processes beside it
        monkeypatch.setattr(Container, "all_pids", lambda _self: [pid])
        made.append(AppendWatch(Container(pid), 1000))
        return Writer(path, pid, made[-1])

    yield make
    for watch in made:
        watch.close()


def test_a_log_only_grows(writer: Callable[..., Writer]) -> None:
    one = writer("ab")
    one.watch.look()
    assert set(one.watch.descriptors) == {one.name}
    assert one.watch.grown(set()) == set(), "it was not read yet"
    one.watch.note_read([one.name])
    for _time in range(2):
        one.write()
        one.watch.look()
        assert one.watch.grown(set()) == {one.name}


@pytest.mark.parametrize("mode", ["wb", "r+b"])
def test_who_can_write_anywhere_is_not_trusted(writer: Callable[..., Writer], mode: str) -> None:
    one = writer(mode)
    os.truncate(one.path, 2000)
    one.watch.look()
    assert one.watch.descriptors == {}


def test_it_is_not_trusted_once_somebody_has_opened_it(writer: Callable[..., Writer]) -> None:
    one = writer("ab")
    one.watch.look()
    one.watch.note_read([one.name])
    with one.path.open("r+b") as file:
        file.write(b"changed")
    assert one.watch.grown(set()) == set()
    assert one.watch.descriptors == {}
    one.watch.look()
    assert one.watch.grown(set()) == set(), "it must be read again first"


def test_a_file_that_is_mapped_is_not_trusted(writer: Callable[..., Writer]) -> None:
    one = writer("ab")
    one.watch.look()
    one.watch.note_read([one.name])
    assert one.watch.grown({one.name}) == set()


@pytest.mark.parametrize(("mode", "compared"), [("ab", 0), ("r+b", 1000)])
def test_what_anybody_can_change_is_compared_in_the_freeze(
    writer: Callable[..., Writer], monkeypatch: pytest.MonkeyPatch, mode: str, compared: int
) -> None:
    one = writer(mode)
    monkeypatch.setattr(files, "LARGE_BYTES", 1000)
    stamp = Stamp(0, 1000, 0, 0, 0)
    own = FileSet(Container(one.pid), [])
    assert own.compared_bytes(Snapshot({one.name: stamp})) == compared
    assert own.compared_bytes(Snapshot()) == 0, "another's file, on a volume for example"


def test_what_is_small_is_left_alone(writer: Callable[..., Writer]) -> None:
    one = writer("ab")
    os.truncate(one.path, 999)
    one.watch.look()
    assert one.watch.descriptors == {}
