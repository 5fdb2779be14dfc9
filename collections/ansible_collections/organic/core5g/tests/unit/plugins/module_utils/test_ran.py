# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The RAN driver's life, with a real process in place of minicore's."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.core5g.plugins.module_utils.errors import RanError
from ansible_collections.organic.core5g.plugins.module_utils.ran import (
    GnbSettings,
    RanDriver,
    RanSettings,
    address_towards,
    start_time,
)

SETTINGS = RanSettings("http://127.0.0.1:8000", "127.0.0.1", "127.0.0.1", sessions=3, rate=10, ping_interval_ms=5)

READY_THEN_SUMMARY = """
import json, signal, sys
out = sys.argv[sys.argv.index("--out") + 1]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open(out + ".ready", "w").close()
signal.sigwait([signal.SIGTERM])
with open(out, "w") as summary:
    json.dump({"arguments": sys.argv[1:]}, summary)
"""


def driver(tmp_path: Path, program: str) -> RanDriver:
    package = tmp_path / "package" / "minicore"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(program, encoding="utf-8")
    return RanDriver(str(tmp_path / "run"), str(package.parent), sys.executable)


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[RanDriver]:
    ran = driver(tmp_path, READY_THEN_SUMMARY)
    yield ran
    ran.stop(timeout_s=10)


def test_start_await_stop(ran: RanDriver, tmp_path: Path) -> None:
    assert not ran.runs_with(SETTINGS)
    assert ran.summary() is None
    pid = ran.start(SETTINGS)
    ran.await_ready(timeout_s=10)
    assert ran.pid() == pid
    assert ran.runs_with(SETTINGS)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    ran.stop(timeout_s=10)
    assert ran.pid() is None
    summary = ran.summary()
    assert summary is not None
    assert summary["arguments"][:3] == ["ran", "--smf", "http://127.0.0.1:8000"]
    ran.remove()
    assert not ran.exists()


def test_other_settings_are_refused(ran: RanDriver) -> None:
    ran.start(SETTINGS)
    with pytest.raises(RanError, match="other settings"):
        ran.runs_with(RanSettings(SETTINGS.smf, SETTINGS.upf, SETTINGS.address, 4, 10, 5))
    ran.await_ready(timeout_s=10)


def test_process_that_reuses_the_pid_is_left_alone(ran: RanDriver, tmp_path: Path) -> None:
    pid = ran.start(SETTINGS)
    ran.await_ready(timeout_s=10)
    record = tmp_path / "run" / "ran.pid"
    told = record.read_text(encoding="utf-8")
    record.write_text(told.replace(str(start_time(pid)), str(start_time(pid) - 1)), encoding="utf-8")
    ran.stop(timeout_s=10)
    os.kill(pid, 0)
    record.write_text(told, encoding="utf-8")


def test_early_end_tells_the_error_output(tmp_path: Path) -> None:
    ran = driver(tmp_path, "import sys; sys.exit('no route to the SMF')")
    ran.start(SETTINGS)
    with pytest.raises(RanError, match="no route to the SMF"):
        ran.await_ready(timeout_s=10)
    assert ran.pid() is None


def test_killed_driver_has_no_summary(ran: RanDriver) -> None:
    pid = ran.start(SETTINGS)
    ran.await_ready(timeout_s=10)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while ran.pid() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ran.pid() is None
    assert ran.summary() is None


def test_sessions_that_never_come_up(tmp_path: Path) -> None:
    ran = driver(tmp_path, "import signal; signal.pause()")
    pid = ran.start(SETTINGS)
    try:
        with pytest.raises(RanError, match="has not set up its sessions"):
            ran.await_ready(timeout_s=0.1)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_missing_package(tmp_path: Path) -> None:
    with pytest.raises(RanError, match=r"build_minicore\.yml"):
        RanDriver(str(tmp_path / "run"), str(tmp_path), sys.executable).start(SETTINGS)


def test_directory_of_others_is_refused(tmp_path: Path) -> None:
    ran = driver(tmp_path, READY_THEN_SUMMARY)
    (tmp_path / "run").mkdir(mode=0o755)
    with pytest.raises(RanError, match="not a private directory"):
        ran.start(SETTINGS)


def test_own_address() -> None:
    assert address_towards("127.0.0.1") == "127.0.0.1"


GNB = GnbSettings(
    front="127.0.0.1",
    transport="sctp",
    address="127.0.0.1",
    ues=3,
    rate=20.0,
    procedures_rate=20.0,
    probe_interval_ms=5.0,
    ping_interval_ms=5.0,
    gnbs=2,
    plmn="00101",
    tac=1,
    sessions_per_ue=1,
    session_type="IPV4",
    setup_timeout=60.0,
    mix="path_switch=5",
    probe=("nrf=http://127.0.0.1:8000/a", "smf=http://127.0.0.1:8001/b"),
    k="00112233445566778899aabbccddeeff",
)

SHOW_KEYS = READY_THEN_SUMMARY.replace(
    '{"arguments": sys.argv[1:]}',
    '{"arguments": sys.argv[1:], "keys": [os.environ.get(f"MINICORE_GNB_{name}") for name in ("K", "OPC")]}',
).replace("import json", "import json, os")


def test_gnb_driver_gets_keys_by_its_environment_only(tmp_path: Path) -> None:
    driver(tmp_path, SHOW_KEYS)
    gnb = RanDriver(str(tmp_path / "run"), str(tmp_path / "package"), sys.executable, "gnb")
    gnb.start(GNB)
    try:
        gnb.await_ready(timeout_s=10)
        assert gnb.runs_with(GNB)
        assert gnb.runs_with(dataclasses.replace(GNB, setup_timeout=5.0))
        with pytest.raises(RanError, match=r"gnb_stop\.yml"):
            gnb.runs_with(dataclasses.replace(GNB, k="ff" * 16))
    finally:
        gnb.stop(timeout_s=10)
    summary = gnb.summary()
    assert summary is not None
    arguments = summary["arguments"]
    assert arguments[0] == "gnb"
    assert [arguments[i + 1] for i, word in enumerate(arguments) if word == "--probe"] == list(GNB.probe)
    assert arguments[arguments.index("--probe-interval-ms") + 1] == "5.0"
    assert not {"--k", "--opc", "--upf"} & set(arguments)
    assert GNB.k not in arguments
    assert summary["keys"] == [GNB.k, None]
    for path in (tmp_path / "run").iterdir():
        if path.name != "gnb.json":
            assert str(GNB.k) not in path.read_text(encoding="utf-8")


def test_end_tells_and_removes(ran: RanDriver) -> None:
    ran.start(SETTINGS)
    ran.await_ready(timeout_s=10)
    assert ran.end("stopped", check_mode=True, timeout_s=10) == {"changed": True, "summary": None}
    assert ran.end("stopped", check_mode=False, timeout_s=10)["summary"]["arguments"][0] == "ran"
    assert ran.end("stopped", check_mode=False, timeout_s=10)["changed"] is False
    assert ran.end("absent", check_mode=True, timeout_s=10) == {"changed": True}
    assert ran.end("absent", check_mode=False, timeout_s=10) == {"changed": True}
    assert not ran.exists()
