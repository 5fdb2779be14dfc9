# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrity and ciphering algorithms of NAS (TS 33.501 Annex D, TS 33.401 Annex B).

Null and AES are there; SNOW 3G (1) and ZUC (3) are not.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

NULL: Final = 0
AES: Final = 2

UPLINK: Final = 0
DOWNLINK: Final = 1

BEARER_3GPP: Final = 1
"""BEARER of a NAS message over 3GPP access: the NAS connection identifier (TS 33.501 clause 6.4.3.1)."""

MAC_LENGTH: Final = 4


def _input(count: int, bearer: int, direction: int) -> bytes:
    """COUNT (32 bits), BEARER (5), DIRECTION (1) and 26 zeros (TS 33.401 clauses B.1.3 and B.2.3)."""
    return (count << 32 | bearer << 27 | direction << 26).to_bytes(8, "big")


def nia0(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> bytes:
    """No integrity: zeros."""
    return bytes(MAC_LENGTH)


def nia2(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> bytes:
    """128-NIA2: AES-CMAC cut to 32 bits."""
    mac = CMAC(algorithms.AES(key))
    mac.update(_input(count, bearer, direction) + data)
    return mac.finalize()[:MAC_LENGTH]


def nea0(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> bytes:
    """No ciphering: the data as they are."""
    return data


def nea2(key: bytes, count: int, bearer: int, direction: int, data: bytes) -> bytes:
    """128-NEA2: AES in counter mode; ciphers and deciphers."""
    return Cipher(algorithms.AES(key), modes.CTR(_input(count, bearer, direction) + bytes(8))).encryptor().update(data)


INTEGRITY: Final = {NULL: nia0, AES: nia2}
"""By the algorithm identity of 5G-IA (TS 24.501 table 9.11.3.34.1)."""

CIPHERING: Final = {NULL: nea0, AES: nea2}
"""By the algorithm identity of 5G-EA."""
