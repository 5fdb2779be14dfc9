# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random numbers of an NF: HMAC_DRBG with SHA-256 (NIST SP 800-90A Rev. 1, 10.1.2), seeded by the kernel once.

They cannot be predicted from outside, and follow from the memory of the process alone: a clone of the NF that gets the
same requests gives the same numbers, which it could not if each came from the kernel.
"""

from __future__ import annotations

import hmac
import os
import uuid

_ENTROPY_BYTES, _NONCE_BYTES = 32, 16


class Drbg:
    """One generator.

    Args:
        seed: entropy input and nonce; of the kernel if it is empty.
    """

    def __init__(self, seed: bytes = b"") -> None:
        self._key, self._value = bytes(32), b"\x01" * 32
        self._update(seed or os.urandom(_ENTROPY_BYTES + _NONCE_BYTES))

    def _hmac(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")

    def _update(self, data: bytes = b"") -> None:
        for separator in (b"\x00", b"\x01") if data else (b"\x00",):
            self._key = self._hmac(self._value + separator + data)
            self._value = self._hmac(self._value)

    def octets(self, count: int) -> bytes:
        """So many random octets."""
        made = b""
        while len(made) < count:
            self._value = self._hmac(self._value)
            made += self._value
        self._update()
        return made[:count]

    def bits(self, count: int) -> int:
        """A random number of so many bits."""
        octets = self.octets((count + 7) // 8)
        return int.from_bytes(octets, "big") >> (8 * len(octets) - count)

    def uuid(self) -> uuid.UUID:
        """A random UUID (RFC 9562, version 4)."""
        return uuid.UUID(bytes=self.octets(16), version=4)


generator = Drbg()
"""The generator of this NF."""
