# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Milenage, the example algorithm set of 3GPP for f1 to f5 (TS 35.206)."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_LENGTH = 16
RAND_LENGTH = 16
SQN_LENGTH = 6
AMF_LENGTH = 2


def _exactly(name: str, value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise ValueError(f"{name} has {len(value)} bytes and not {length}")
    return value


def xor(left: bytes, right: bytes) -> bytes:
    """Bitwise exclusive or of two strings of the same length (SQN and AK, for example)."""
    if len(left) != len(right):
        raise ValueError(f"{len(left)} and {len(right)} bytes cannot be combined")
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def opc_from_op(k: bytes, op: bytes) -> bytes:
    """OPc of a subscriber, from the operator's OP (clause 4.1)."""
    cipher = Cipher(algorithms.AES(_exactly("K", k, KEY_LENGTH)), modes.ECB()).encryptor()
    return xor(cipher.update(_exactly("OP", op, KEY_LENGTH)), op)


class Milenage:
    """f1 to f5* of one subscriber; the key schedule is made once."""

    def __init__(self, k: bytes, opc: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(_exactly("K", k, KEY_LENGTH)), modes.ECB()).encryptor()
        self._opc = int.from_bytes(_exactly("OPc", opc, KEY_LENGTH), "big")

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A, by which the UE knows the network (8 bytes)."""
        return self._out1(rand, sqn, amf)[:8]

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S, by which the UDM knows that the UE asks for resynchronisation (8 bytes)."""
        return self._out1(rand, sqn, amf)[8:]

    def f2345(self, rand: bytes) -> tuple[bytes, bytes, bytes, bytes]:
        """RES (8 bytes), CK (16), IK (16) and AK (6)."""
        temp = self._temp(rand)
        out2 = self._out(temp, 0, 1)
        return out2[8:], self._out(temp, 32, 2), self._out(temp, 64, 4), out2[:6]

    def f5_star(self, rand: bytes) -> bytes:
        """AK for resynchronisation (6 bytes)."""
        return self._out(self._temp(rand), 96, 8)[:6]

    def _temp(self, rand: bytes) -> int:
        return self._encrypt(int.from_bytes(_exactly("RAND", rand, RAND_LENGTH), "big") ^ self._opc)

    def _encrypt(self, block: int) -> int:
        return int.from_bytes(self._cipher.update(block.to_bytes(16, "big")), "big")

    def _out(self, temp: int, rotation: int, constant: int) -> bytes:
        """OUT2 to OUT5 (clause 4.1), rotated to the left by so many bits."""
        block = _rotate(temp ^ self._opc, rotation) ^ constant
        return (self._encrypt(block) ^ self._opc).to_bytes(16, "big")

    def _out1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        half = _exactly("SQN", sqn, SQN_LENGTH) + _exactly("AMF", amf, AMF_LENGTH)
        block = self._temp(rand) ^ _rotate(int.from_bytes(half + half, "big") ^ self._opc, 64)
        return (self._encrypt(block) ^ self._opc).to_bytes(16, "big")


def _rotate(block: int, bits: int) -> int:
    return (block << bits | block >> 128 - bits) & ((1 << 128) - 1)
