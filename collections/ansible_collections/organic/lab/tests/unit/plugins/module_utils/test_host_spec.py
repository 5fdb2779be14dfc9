# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.organic.lab.plugins.module_utils.host_spec import HostFile, HostService, HostSpec
from ansible_collections.organic.lab.plugins.modules.namespace_lab import specifications


def test_services_of_its_own_follow_those_of_an_engine() -> None:
    own = HostService("kubelet", ("/usr/local/bin/kubelet",), "/run/containerd/containerd.sock")
    spec = HostSpec("edge-a", "10.55.0.11/24", ("/layer",), {"experimental": True}, (own,))
    assert [service.name for service in spec.all_services()] == ["sshd", "containerd", "dockerd", "kubelet"]
    assert [s.name for s in HostSpec("edge-a", "10.55.0.11/24", (), services=(own,)).all_services()] == [
        "sshd",
        "kubelet",
    ]


def test_the_record_of_a_host_without_more_is_as_before() -> None:
    """Hosts of an earlier release are not started again for settings that they do not have."""
    recorded = HostSpec("edge-a", "10.55.0.11/24", ("/layer",)).recorded()
    assert recorded == {"name": "edge-a", "address": "10.55.0.11/24", "layers": ("/layer",), "engine": None}


def test_the_record_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret", encoding="ascii")
    spec = HostSpec("a", "10.55.0.11/24", (), files=(HostFile("/etc/key", source=str(tmp_path / "key"), mode="0600"),))
    assert spec.files[0].read() == "secret"
    assert "secret" not in json.dumps(spec.recorded())


@pytest.mark.parametrize(("given", "read"), [({"content": "text"}, "text"), ({"source": "SOURCE"}, "of the machine")])
def test_a_file_has_content_or_a_source(tmp_path: Path, given: dict[str, str], read: str) -> None:
    source = tmp_path / "source"
    source.write_text("of the machine", encoding="ascii")
    given = {name: value.replace("SOURCE", str(source)) for name, value in given.items()}
    file = {"path": "/etc/x", "content": None, "source": None, "mode": "0640", **given}
    host = {"name": "a", "address": "10.55.0.11/24", "engine": None, "services": [], "files": [file], "disks": ["etcd"]}
    (spec,) = specifications({"name": "lab", "layers": ["/layer"], "hosts": [host]})
    assert spec.files[0].read() == read
    assert spec.files[0].mode == "0640"
    assert spec.all_disks == ("docker", "containerd", "etcd")
