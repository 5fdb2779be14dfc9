# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What minicore takes from UEs: NAS messages, plain and protected."""

from __future__ import annotations

from minicore.nas import NasDecodeError, decode
from minicore.nas.capability import Algorithms
from minicore.nas.security import NasSecurityContext, NasSecurityError
from minicore.security.algorithms import UPLINK

from images.minicore.tests.nas_samples import ALL

SEEDS = tuple(message.encode() for message in ALL)


def take(data: bytes) -> None:
    """A message is refused by its own exceptions only; what is read has an encoding, which is read as the same."""
    try:
        NasSecurityContext(0, bytes(32), Algorithms(2, 2)).unprotect(data, UPLINK)
    except NasSecurityError:
        pass
    else:
        raise AssertionError("the MAC was guessed")
    try:
        message = decode(data)
    except NasDecodeError:
        return
    try:
        encoded = message.encode()
        again = decode(encoded).encode()
    except (ValueError, NasDecodeError) as e:
        raise AssertionError(f"{message} has no encoding: {e}") from e
    assert again == encoded
