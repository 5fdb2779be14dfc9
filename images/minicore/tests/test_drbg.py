# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

from minicore.security.drbg import Drbg

# NIST CAVP, drbgvectors_no_reseed/HMAC_DRBG.rsp, [SHA-256], no prediction resistance, the first of its vectors.
SEED = bytes.fromhex("ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488659ba96c601dc69fc902940805ec0ca8")
SECOND = bytes.fromhex(
    "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89d54fbb978a15b5c443c9ec21036d2460"
    "b6f73ebad0dc2aba6e624abf07745bc107694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
    "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8"
)


def test_it_is_the_generator_of_the_standard() -> None:
    drbg = Drbg(SEED)
    drbg.octets(128)
    assert drbg.octets(128) == SECOND


def test_a_clone_goes_on_with_the_same_numbers_and_another_process_does_not() -> None:
    drbg = Drbg()
    drbg.octets(5)
    clone = copy.copy(drbg)
    assert [drbg.bits(32), drbg.uuid()] == [clone.bits(32), clone.uuid()]
    assert Drbg().octets(16) != Drbg().octets(16)


def test_a_number_has_as_many_bits_as_asked_for() -> None:
    drbg = Drbg(SEED)
    numbers = [drbg.bits(11) for _ in range(200)]
    assert max(numbers) < 1 << 11
    assert max(numbers) >= 1 << 10
    assert drbg.uuid().version == 4
