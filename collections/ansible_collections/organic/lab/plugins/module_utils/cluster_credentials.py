# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and kubeconfigs of a Kubernetes cluster: https://kubernetes.io/docs/setup/best-practices/certificates/."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils.base import LabError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

# Raise it when what is written changes: credentials of an earlier form are then written again.
FORMAT = 1
VALID_DAYS = 3650
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True)
class Cluster:
    """What the credentials are for.

    Attributes:
        server: address of the API server.
        service: address of the Service ``kubernetes``.
        nodes: name and address of each.
        users: further users with a kubeconfig, without any rights of their own.
    """

    name: str
    server: str
    service: str
    nodes: dict[str, str]
    users: tuple[str, ...] = ()


class Credentials:
    """The credentials in a directory; all of them are there, and for this cluster, or none is used."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self._directory = directory
        self._cluster = cluster
        self._record = directory / "cluster.json"

    def present(self) -> bool:
        """Are they there, for this very cluster?"""
        return self._record.exists() and self._record.read_text(encoding="utf-8") == self._recorded()

    def _recorded(self) -> str:
        return json.dumps([FORMAT, asdict(self._cluster)], sort_keys=True)

    def create(self) -> None:
        """Write them; the record comes last, so that what a crash left behind is not used."""
        if not HAS_CRYPTOGRAPHY:
            raise LabError("The Python package 'cryptography' is missing. Install it beside ansible-core")
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700, parents=True)
        _Writer(self._directory, self._cluster).write()
        self._record.write_text(self._recorded(), encoding="utf-8")


@dataclass(frozen=True)
class _Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class _Writer:
    """Writes each key and certificate as NAME.key and NAME.crt, and each kubeconfig as NAME.kubeconfig."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self._directory = directory
        self._cluster = cluster
        self._now = datetime.datetime.now(datetime.timezone.utc)

    def write(self) -> None:
        server = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]
        client = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
        both = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])]
        root, front = self._authority("ca"), self._authority("front-proxy-ca")
        addresses = ("127.0.0.1", self._cluster.server, self._cluster.service)
        self._leaf("apiserver", root, "kube-apiserver", "", [*server, _alternatives(SERVER_NAMES, addresses)])
        self._leaf("apiserver-kubelet-client", root, "kube-apiserver-kubelet-client", "system:masters", [*client])
        self._leaf("front-proxy-client", front, "front-proxy-client", "", [*client])
        self._service_account_key()
        self._kubeconfig("admin", root, f"{self._cluster.name}-admin", "system:masters", [*client])
        for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            self._kubeconfig(component, root, f"system:{component}", "", [*client])
        for user in self._cluster.users:
            self._kubeconfig(user, root, user, "", [*client])
        for node, address in self._cluster.nodes.items():
            extensions = [*both, _alternatives((node,), (address,))]
            self._kubeconfig(f"kubelet-{node}", root, f"system:node:{node}", "system:nodes", extensions)

    def _authority(self, name: str) -> _Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(name, "")
        usage = x509.KeyUsage(True, False, True, False, False, True, True, False, False)
        extensions = [(x509.BasicConstraints(True, None), True), (usage, True)]
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        return self._sign(name, key, subject, _Issuer(key, subject), extensions)

    def _leaf(
        self, name: str, authority: _Pair, common_name: str, group: str, extensions: list[x509.ExtensionType]
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = _Issuer(authority.key, authority.certificate.subject)
        usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
        everything = [(x509.BasicConstraints(False, None), True), (usage, True), (identifier, False)]
        everything += [(extension, False) for extension in extensions]
        self._sign(name, key, _subject(common_name, group), issuer, everything)

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        issuer: _Issuer,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> _Pair:
        # Hosts of a lab may have another clock than the controller.
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - datetime.timedelta(days=1))
            .not_valid_after(self._now + datetime.timedelta(days=VALID_DAYS))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(issuer.key, hashes.SHA256())
        self._secret(f"{name}.key", _pem(key))
        (self._directory / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return _Pair(key, certificate)

    def _service_account_key(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        self._secret("sa.key", _pem(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self._directory / "sa.pub").write_bytes(public)

    def _kubeconfig(
        self, name: str, authority: _Pair, user: str, group: str, extensions: list[x509.ExtensionType]
    ) -> None:
        self._leaf(name, authority, user, group, extensions)
        cluster = self._cluster
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": cluster.name,
            "clusters": [
                {
                    "name": cluster.name,
                    "cluster": {
                        "server": f"https://{cluster.server}:6443",
                        "certificate-authority-data": self._base64("ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": self._base64(f"{name}.crt"),
                        "client-key-data": self._base64(f"{name}.key"),
                    },
                }
            ],
            "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": user}}],
        }
        self._secret(f"{name}.kubeconfig", json.dumps(content, indent=1).encode())

    def _base64(self, name: str) -> str:
        return base64.b64encode((self._directory / name).read_bytes()).decode()

    def _secret(self, name: str, content: bytes) -> None:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)


@dataclass(frozen=True)
class _Issuer:
    key: ec.EllipticCurvePrivateKey
    name: x509.Name


def _subject(common_name: str, group: str) -> x509.Name:
    """Kubernetes reads the user from CN and the group from O."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternatives(names: tuple[str, ...], addresses: tuple[str, ...]) -> x509.SubjectAlternativeName:
    of_addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)]
    return x509.SubjectAlternativeName([*(x509.DNSName(name) for name in names), *of_addresses])


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
