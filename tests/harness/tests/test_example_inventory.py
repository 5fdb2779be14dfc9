# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventory names every NF, and its subscribers' keys are in a vault."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.harness.playbook import PROJECT

INVENTORIES = PROJECT / "inventories"
SUBSCRIBERS = INVENTORIES / "example-vault" / "subscribers.yml"
PASSWORD = b"organic-example"
PROFILES = PROJECT / "collections/ansible_collections/organic/core5g/profiles"


def variables() -> dict[str, Any]:
    inventory = DataLoader().load_from_file(str(INVENTORIES / "example" / "hosts.yml"))
    found: dict[str, Any] = inventory["all"]["vars"]
    return found


def test_every_nf_has_an_address_of_its_own() -> None:
    addresses = variables()["nf_addresses"]
    assert set(addresses) == {path.stem for path in PROFILES.glob("*.yml")} | {"upf-standby"}
    assert len(set(addresses.values())) == len(addresses)


def test_documented_password_opens_the_vault() -> None:
    assert PASSWORD.decode() in (INVENTORIES / "example" / "hosts.yml").read_text(encoding="utf-8")
    clear = VaultLib([("default", VaultSecret(PASSWORD))]).decrypt(SUBSCRIBERS.read_bytes())
    for subscriber in DataLoader().load(clear.decode())["subscribers"]:
        assert re.fullmatch("imsi-[0-9]{15}", subscriber["supi"])
        assert all(re.fullmatch("[0-9a-f]{32}", subscriber[name]) for name in ("k", "opc"))


def test_no_key_is_in_the_clear() -> None:
    files: list[Path] = [
        path for folder in INVENTORIES.glob("example*") for path in folder.rglob("*") if path.is_file()
    ]
    assert SUBSCRIBERS in files
    for path in files:
        text = path.read_text(encoding="utf-8")
        if not text.startswith("$ANSIBLE_VAULT;"):
            assert not re.search(r"\b[0-9a-fA-F]{32}\b", text), path
