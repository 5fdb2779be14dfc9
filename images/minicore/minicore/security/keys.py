# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key derivation of 5G AKA and of the NAS and AS (TS 33.501 Annex A, TS 33.220 Annex B)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

_FC_ALGORITHM_KEY = 0x69
_FC_K_AUSF = 0x6A
_FC_RES_STAR = 0x6B
_FC_K_SEAF = 0x6C
_FC_K_AMF = 0x6D
_FC_K_GNB = 0x6E
_FC_NH = 0x6F

_NAS_KEY_TYPES = {"enc": 1, "int": 2}
"""Algorithm type distinguishers (TS 33.501 table A.8-1)."""

_ACCESS_3GPP = b"\x01"
"""Access type distinguisher of 3GPP access (TS 33.501 clause A.9)."""


def kdf(key: bytes, function_code: int, *parameters: bytes) -> bytes:
    """HMAC-SHA-256 over FC || P0 || L0 || P1 || L1 ... (TS 33.220 clause B.2.0); 32 bytes."""
    text = bytes((function_code,)) + b"".join(value + len(value).to_bytes(2, "big") for value in parameters)
    return hmac.digest(key, text, "sha256")


def serving_network_name(mcc: str, mnc: str) -> str:
    """Name of a serving network that is a PLMN (TS 24.501 clause 9.12.1)."""
    return f"5G:mnc{mnc:0>3}.mcc{mcc}.3gppnetwork.org"


def k_ausf(ck: bytes, ik: bytes, snn: str, sqn_xor_ak: bytes) -> bytes:
    """K_AUSF of 5G AKA (TS 33.501 clause A.2), 32 bytes."""
    return kdf(ck + ik, _FC_K_AUSF, snn.encode(), sqn_xor_ak)


def res_star(ck: bytes, ik: bytes, snn: str, rand: bytes, res: bytes) -> bytes:
    """RES* in the UE, XRES* in the UDM (TS 33.501 clause A.4), 16 bytes."""
    return kdf(ck + ik, _FC_RES_STAR, snn.encode(), rand, res)[16:]


def hxres_star(rand: bytes, res_star: bytes) -> bytes:
    """HRES* in the AMF, HXRES* in the AUSF (TS 33.501 clause A.5), 16 bytes."""
    return hashlib.sha256(rand + res_star).digest()[16:]


def k_seaf(k_ausf: bytes, snn: str) -> bytes:
    """K_SEAF (TS 33.501 clause A.6), 32 bytes."""
    return kdf(k_ausf, _FC_K_SEAF, snn.encode())


def k_amf(k_seaf: bytes, supi: str, abba: bytes) -> bytes:
    """K_AMF (TS 33.501 clause A.7), 32 bytes; the SUPI may have its type in front ("imsi-")."""
    return kdf(k_seaf, _FC_K_AMF, supi.removeprefix("imsi-").encode(), abba)


def nas_key(k_amf: bytes, kind: Literal["enc", "int"], algorithm: int) -> bytes:
    """K_NASenc or K_NASint for the algorithm of that identity (TS 33.501 clause A.8), 16 bytes."""
    return kdf(k_amf, _FC_ALGORITHM_KEY, bytes((_NAS_KEY_TYPES[kind],)), bytes((algorithm,)))[16:]


def k_gnb(k_amf: bytes, uplink_count: int) -> bytes:
    """K_gNB for 3GPP access, from the uplink NAS COUNT (TS 33.501 clause A.9), 32 bytes."""
    return kdf(k_amf, _FC_K_GNB, uplink_count.to_bytes(4, "big"), _ACCESS_3GPP)


def nh(k_amf: bytes, sync_input: bytes) -> bytes:
    """Next hop parameter, from the K_gNB or from the NH before (TS 33.501 clause A.10), 32 bytes."""
    return kdf(k_amf, _FC_NH, sync_input)
