# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine the options of a module name."""

from __future__ import annotations

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import KubernetesEngine


@pytest.mark.parametrize(
    "namespace, name, asked",
    [("lab", "smf", "lab.smf"), ("lab", "other.smf", "other.smf"), ("", "smf", "smf")],
)
def test_the_namespace_of_a_core_is_part_of_the_name_of_its_pods(
    monkeypatch: pytest.MonkeyPatch, namespace: str, name: str, asked: str
) -> None:
    names: list[str] = []
    monkeypatch.setattr(KubernetesEngine, "inspect", lambda _engine, name: names.append(name))
    engine = nf_engine.connect({"engine": "kubernetes", "namespace": namespace, "docker_socket": "/nowhere"})
    assert engine.inspect(name) is None
    assert (engine.name, names) == ("kubernetes", [asked])
