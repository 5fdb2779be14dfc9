# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import runtime
from ansible_collections.organic.live_migration.plugins.module_utils.criu.log import error_lines
from ansible_collections.organic.live_migration.plugins.module_utils.criu.requirements import (
    Offer,
    parse_criu_version,
    parse_offers,
    version_of,
)
from ansible_collections.organic.live_migration.plugins.module_utils.criu.runtime import (
    Outcome,
    ResidentRuntime,
    has_cap_sys_resource,
    libraries_of,
)
from ansible_collections.organic.live_migration.plugins.module_utils.criu.selftest import remedy_for
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError

LDD = """\
\tlinux-vdso.so.1 (0x00007f15c04ae000)
\tlibbsd.so.0 => /lib/x86_64-linux-gnu/libbsd.so.0 (0x00007f15c02c9000)
\tlibnl-3.so.200 => /lib/x86_64-linux-gnu/libnl-3.so.200 (0x00007f15bff74000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f15c04b0000)
"""
# What apt-cache madison says on a trixie host with forky beside it; the last line is of a source package.
MADISON = """\
      criu |    4.1.1-1 | http://mirror.example trixie/main amd64 Packages
      criu |    4.2.1-1 | http://mirror.example forky/main amd64 Packages
      criu | 4.10-1~bpo13+1 | http://mirror.example trixie-backports/main amd64 Packages
      criu |      4.2.1-1 | http://mirror.example forky/main Sources
"""


def test_libraries_are_named_as_the_loader_looks_for_them() -> None:
    assert libraries_of(LDD) == {
        "libbsd.so.0": Path("/lib/x86_64-linux-gnu/libbsd.so.0"),
        "libnl-3.so.200": Path("/lib/x86_64-linux-gnu/libnl-3.so.200"),
        "ld-linux-x86-64.so.2": Path("/lib64/ld-linux-x86-64.so.2"),
    }


def test_a_library_that_is_missing_is_named() -> None:
    with pytest.raises(MigrationError, match=r"libnet\.so\.9 => not found"):
        libraries_of(LDD + "\tlibnet.so.9 => not found\n")


@pytest.mark.parametrize(
    ("mask", "expected"), [("000001fffeffffff", False), ("000001ffffffffff", True), ("0000000001000000", True)]
)
def test_capability(mask: str, expected: bool) -> None:
    assert has_cap_sys_resource(f"CapPrm:\t000001ffffffffff\nCapEff:\t{mask}\nCapBnd:\t0\n") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4.2.1-1", (4, 2, 1)), ("1:4.10~rc1", (4, 10)), ("v4.2", (4, 2)), ("4.2-dirty", (4, 2)), ("10\n", (10,))],
)
def test_version(text: str, expected: tuple[int, ...]) -> None:
    assert version_of(text) == expected


def test_no_version() -> None:
    with pytest.raises(MigrationError):
        version_of("unknown")


def test_criu_version() -> None:
    assert parse_criu_version("Version: 4.2.1\nGitID: v4.2.1\n") == "4.2.1"


def test_offers_come_newest_first_and_binary() -> None:
    assert parse_offers(MADISON) == [
        Offer("4.10-1~bpo13+1", "trixie-backports"),
        Offer("4.2.1-1", "forky"),
        Offer("4.1.1-1", "trixie"),
    ]


def test_the_log_of_criu_is_cut_down_to_its_reason() -> None:
    log = """\
(00.000123) Warn  (criu/kerndat.c:1): something
(00.000124) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.000125) Error (criu/tun.c:85): tun: Unable to create tun: No such file or directory
(00.001000) Error (criu/sockets.c:628): Can't get 1:16 opt: Operation not supported
"""
    lines = error_lines(log)
    assert lines == ["(00.001000) Error (criu/sockets.c:628): Can't get 1:16 opt: Operation not supported"]
    assert "install criu >= 4.2" in remedy_for(lines)
    assert "criu check" in remedy_for([])


class Kernel:
    """Files in place of the kernel's setting and of the one that keeps it: the real setting is everybody's."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.setting = directory / "pipe-max-size"
        self.kept = directory / "sysctl.d" / "organic.conf"
        self.manifest = directory / "root" / "manifest.json"
        self.setting.write_text("1048576\n")
        monkeypatch.setattr(runtime, "_PIPE_MAX", self.setting)
        monkeypatch.setattr(runtime.paths, "SYSCTL_FILE", self.kept)
        monkeypatch.setattr(runtime, "_ROOT", self.manifest.parent)
        monkeypatch.setattr(runtime.paths, "MANIFEST", str(self.manifest))
        monkeypatch.setattr(runtime, "has_cap_sys_resource", lambda _status: False)

    def install(self) -> list[str]:
        outcome = Outcome()
        sysctl = ResidentRuntime()._raise_pipe_limit(outcome)
        self.manifest.parent.mkdir(exist_ok=True)
        self.manifest.write_text(json.dumps({"version": runtime.MANIFEST_VERSION, "sysctl": sysctl}))
        return outcome.actions


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(tmp_path, monkeypatch)


def test_the_pipe_limit_is_raised_once_and_put_back(kernel: Kernel) -> None:
    assert kernel.install() == ["sysctl"]
    assert kernel.setting.read_text() == "67108864"
    assert "fs.pipe-max-size = 67108864" in kernel.kept.read_text()
    assert kernel.install() == []
    ResidentRuntime().remove(force=True)
    assert kernel.setting.read_text() == "1048576"
    assert not kernel.kept.exists()


def test_the_pipe_limit_of_somebody_else_stays(kernel: Kernel) -> None:
    kernel.install()
    kernel.setting.write_text("134217728")
    assert kernel.install() == []
    ResidentRuntime().remove(force=True)
    assert kernel.setting.read_text() == "134217728"


def test_after_a_boot_that_lost_the_pipe_limit_the_first_value_is_remembered(kernel: Kernel) -> None:
    kernel.install()
    kernel.setting.write_text("1048576")
    assert kernel.install() == ["sysctl"]
    ResidentRuntime().remove(force=True)
    assert kernel.setting.read_text() == "1048576"


def test_the_pipe_limit_stays_where_the_capability_is_there(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "has_cap_sys_resource", lambda _status: True)
    assert kernel.install() == []
    assert kernel.setting.read_text() == "1048576\n"
    assert not kernel.kept.exists()


def test_check_mode_raises_nothing(kernel: Kernel) -> None:
    outcome = Outcome()
    ResidentRuntime(check=True)._raise_pipe_limit(outcome)
    assert outcome.actions == ["sysctl"]
    assert kernel.setting.read_text() == "1048576\n"
    assert not kernel.kept.exists()
