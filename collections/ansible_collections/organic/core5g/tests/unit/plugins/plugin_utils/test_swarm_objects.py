# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs of NFs in a Docker Swarm; tests/e2e/test_swarm.py has them in a real one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.filter.swarm import (
    nf_swarm_object_mounts,
    nf_swarm_object_problems,
    nf_swarm_objects,
)

NFS = ["nrf", "smf", "upf"]
KEY = {"content": "0123", "nfs": ["smf"], "mode": "0400", "uid": 1000}
BANNER = {"content": "hello", "nfs": ["smf", "nrf"], "path": "/etc/motd"}


def refused(secrets: dict[str, Any], configs: dict[str, Any], orchestrator: str = "swarm") -> list[str]:
    return nf_swarm_object_problems(secrets, configs, NFS, orchestrator)


def test_an_nf_gets_its_own() -> None:
    assert refused({"key": KEY}, {"motd": BANNER}) == []
    made = nf_swarm_objects({"key": KEY}, {"motd": BANNER})
    [secret], [config] = made["secrets"], made["configs"]
    assert (secret["label"], secret["content"], config["label"]) == ("key", "0123", "motd")
    known = [secret["name"], config["name"]]
    assert nf_swarm_object_mounts({"key": KEY}, {"motd": BANNER}, "smf", known) == {
        "secrets": [
            {"secret_name": secret["name"], "filename": "/run/secrets/key", "uid": "1000", "gid": "0", "mode": 0o400}
        ],
        "configs": [{"config_name": config["name"], "filename": "/etc/motd", "uid": "0", "gid": "0", "mode": 0o444}],
    }
    assert nf_swarm_object_mounts({"key": KEY}, {"motd": BANNER}, "upf", known) == {"secrets": [], "configs": []}


def test_another_content_is_another_object() -> None:
    names = {nf_swarm_objects({"key": {**KEY, "content": text}}, {})["secrets"][0]["name"] for text in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("core5g-key-") and len(name) <= 64 for name in names)


def test_check_mode_names_what_it_has_not_made() -> None:
    [mount] = nf_swarm_object_mounts({"key": KEY}, {}, "smf", [])["secrets"]
    assert mount["secret_id"] == f"planned-{mount['secret_name']}"


@pytest.mark.parametrize(
    ("secrets", "configs", "reason"),
    [
        ({"key": {"content": "x"}}, {}, "nf_secrets.key must have content and nfs"),
        ({"key": {**KEY, "file": "x"}}, {}, "nf_secrets.key must have content and nfs"),
        ({"key": "x"}, {}, "nf_secrets.key must have content and nfs"),
        ({"a key": KEY}, {}, "a name has at most 40 letters"),
        ({"k" * 41: KEY}, {}, "a name has at most 40 letters"),
        ({"key": {**KEY, "content": ""}}, {}, "has 0 bytes; Docker takes 1 to 512000"),
        ({}, {"motd": {**BANNER, "content": "é" * 512001}}, "has 1024002 bytes; Docker takes 1 to 1024000"),
        ({"key": {**KEY, "nfs": ["smf", "xyz"]}}, {}, "nf_secrets.key.nfs names xyz: name some of nrf, smf, upf"),
        ({"key": {**KEY, "nfs": []}}, {}, "nf_secrets.key.nfs names no NF"),
        ({"key": {**KEY, "path": "run/key"}}, {}, "give the absolute path"),
        ({"key": {**KEY, "path": "/run/../key"}}, {}, "give the absolute path"),
        ({"key": {**KEY, "mode": 0o400}}, {}, "nf_secrets.key.mode is 256: write it as text"),
        ({"key": {**KEY, "mode": "u=r"}}, {}, "nf_secrets.key.mode is 'u=r': write it as text in octal digits"),
        ({"key": {**KEY, "path": "/etc/motd"}}, {"motd": BANNER}, "are both /etc/motd in smf"),
    ],
)
def test_bad_input_is_refused(secrets: dict[str, Any], configs: dict[str, Any], reason: str) -> None:
    [found] = refused(secrets, configs)
    assert reason in found


def test_an_engine_alone_has_none() -> None:
    [reason] = refused({"key": KEY}, {}, "none")
    assert "nf_secrets.key: only a Docker Swarm has secrets and configs: set orchestrator to swarm" in reason
