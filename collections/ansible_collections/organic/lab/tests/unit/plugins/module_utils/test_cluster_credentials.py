# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a cluster, and two of them in a real TLS handshake."""

from __future__ import annotations

import base64
import dataclasses
import json
import ssl
from pathlib import Path

import pytest
from ansible_collections.organic.lab.plugins.module_utils.cluster_credentials import Cluster, Credentials
from cryptography import x509
from cryptography.x509.oid import NameOID

CLUSTER = Cluster("lab", "10.55.0.10", "10.96.0.1", {"edge-a": "10.55.0.11"}, ("multus",))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The credentials of one cluster."""
    directory = tmp_path_factory.mktemp("cluster") / "kubernetes"
    Credentials(directory, CLUSTER).create()
    return directory


def _subject(certificate: bytes) -> tuple[str, str]:
    name = x509.load_pem_x509_certificate(certificate).subject
    groups = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value), str(groups[0].value) if groups else ""


@pytest.mark.parametrize(
    ("file", "user", "group"),
    [
        ("admin", "lab-admin", "system:masters"),
        ("kube-controller-manager", "system:kube-controller-manager", ""),
        ("kube-scheduler", "system:kube-scheduler", ""),
        ("kube-proxy", "system:kube-proxy", ""),
        ("multus", "multus", ""),
        ("kubelet-edge-a", "system:node:edge-a", "system:nodes"),
    ],
)
def test_a_kubeconfig_is_of_one_user(directory: Path, file: str, user: str, group: str) -> None:
    config = json.loads((directory / f"{file}.kubeconfig").read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://10.55.0.10:6443"
    assert config["contexts"][0]["context"]["user"] == user
    certificate = base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
    assert _subject(certificate) == (user, group)


def test_secrets_are_for_their_owner_only(directory: Path) -> None:
    assert directory.stat().st_mode & 0o777 == 0o700
    for path in [*directory.glob("*.key"), *directory.glob("*.kubeconfig")]:
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize("name", ["10.55.0.10", "10.96.0.1", "127.0.0.1", "kubernetes.default.svc"])
def test_server_and_client_trust_each_other(directory: Path, name: str) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "apiserver.crt", directory / "apiserver.key")
    server.load_verify_locations(directory / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    client.load_cert_chain(directory / "kubelet-edge-a.crt", directory / "kubelet-edge-a.key")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _round in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ends[1].getpeercert()


def test_they_stay_for_the_same_cluster(directory: Path) -> None:
    assert Credentials(directory, dataclasses.replace(CLUSTER)).present()
    assert not Credentials(directory, dataclasses.replace(CLUSTER, nodes={"edge-b": "10.55.0.12"})).present()


def test_what_a_crash_left_behind_is_not_used(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "kubernetes", CLUSTER)
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes/ca.crt").touch()
    assert not credentials.present()
    credentials.create()
    assert credentials.present()
    assert b"BEGIN CERTIFICATE" in (tmp_path / "kubernetes/ca.crt").read_bytes()
