# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module accepts reaches the driver's command line, and is what the module documents."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.organic.core5g.plugins.modules import gnb_driver

SHOW_ARGUMENTS = """
import json, signal, sys
out = sys.argv[sys.argv.index("--out") + 1]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open(out + ".ready", "w").close()
signal.sigwait([signal.SIGTERM])
with open(out, "w") as summary:
    json.dump({"arguments": sys.argv[1:]}, summary)
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module with a program that shows its arguments in place of minicore."""
    package = tmp_path / "package" / "minicore"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(SHOW_ARGUMENTS, encoding="utf-8")
    places = {"directory": str(tmp_path / "run"), "package_path": str(package.parent), "python": sys.executable}

    def run_one(**options: Any) -> dict[str, Any]:
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**places, **options}})
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text.encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            gnb_driver.main()
        result = json.loads(capsys.readouterr().out)
        assert isinstance(result, dict)
        return result

    return run_one


def value_of(arguments: list[str], option: str) -> str | None:
    return arguments[arguments.index(option) + 1] if option in arguments else None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("IPV4", None, None)),
        ({"session_type": "IPV6", "ping_target": "fd45::9"}, ("IPV6", "fd45::9", None)),
        (
            {"session_type": "ETHERNET", "ping_target": "192.0.2.1", "ethernet_network": "192.0.2.0/24"},
            ("ETHERNET", "192.0.2.1", "192.0.2.0/24"),
        ),
    ],
    ids=["default", "IPV6", "ETHERNET"],
)
def test_the_session_type_reaches_the_driver(
    run: Run, options: dict[str, str], expected: tuple[str, str | None, str | None]
) -> None:
    started = run(front="127.0.0.1", **options)
    try:
        assert started["changed"] and started["address"] == "127.0.0.1"
        assert not run(front="127.0.0.1", **options)["changed"]
        other = run(front="127.0.0.1", **{**options, "session_type": "IPV6", "ping_target": "fd45::8"})
        assert "runs with other settings" in other["msg"]
    finally:
        arguments = run(state="stopped")["summary"]["arguments"]
    names = ("--session-type", "--ping-target", "--ethernet-network")
    assert tuple(value_of(arguments, name) for name in names) == expected


def test_another_type_is_refused(run: Run) -> None:
    assert (
        "session_type must be one of: IPV4, IPV6, ETHERNET"
        in run(front="127.0.0.1", session_type="UNSTRUCTURED")["msg"]
    )


def test_what_is_documented_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Made(Exception):
        pass

    given: dict[str, Any] = {}

    def make(**arguments: Any) -> None:
        given.update(arguments)
        raise Made

    monkeypatch.setattr(gnb_driver, "AnsibleModule", make)
    with pytest.raises(Made):
        gnb_driver.main()
    documented = yaml.safe_load(gnb_driver.DOCUMENTATION)["options"]
    keys = ("type", "choices", "default")
    assert {name: [one.get(key) for key in keys] for name, one in documented.items()} == {
        name: [one.get(key) for key in keys] for name, one in given["argument_spec"].items()
    }
