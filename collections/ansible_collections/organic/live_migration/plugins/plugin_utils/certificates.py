# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates for one migration: one for each host, which trusts the other's and nothing else."""

from __future__ import annotations

import datetime

from ansible.errors import AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    IMPORT_ERROR = error

_CLOCKS_MAY_DIFFER = datetime.timedelta(days=1)


def _make(name: str) -> tuple[str, str]:
    """A self-signed certificate and its key, as PEM texts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_MAY_DIFFER)
        .not_valid_after(now + _CLOCKS_MAY_DIFFER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def credentials() -> tuple[Credentials, Credentials]:
    """Credentials of the source and of the target."""
    if IMPORT_ERROR is not None:
        raise AnsibleError(
            "The Python package 'cryptography' is missing on the controller. Install it beside ansible-core."
        )
    source_certificate, source_key = _make("source")
    target_certificate, target_key = _make("target")
    return (
        Credentials(source_certificate, source_key, target_certificate),
        Credentials(target_certificate, target_key, source_certificate),
    )
