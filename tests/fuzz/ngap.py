# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What minicore takes from gNBs: NGAP messages, and the transfers in them."""

from __future__ import annotations

from minicore.ngap import NgapError, decode, encode
from minicore.ngap.peek import peek

from images.minicore.tests.test_ngap import MESSAGES, TRANSFERS

SEEDS = tuple(encode(message) for message in MESSAGES)
TRANSFER_SEEDS = tuple(transfer.encode() for transfer in TRANSFERS)


def take(data: bytes) -> None:
    """A message is refused by NgapError only; what is read and has an encoding is read from it as the same."""
    seen = peek(data)
    try:
        message = decode(data)
    except NgapError:
        return
    assert seen is not None, f"the relay knows no PDU in what is {message}"
    for name, found in (("amf_ue_ngap_id", seen.amf_ue_ngap_id), ("ran_ue_ngap_id", seen.ran_ue_ngap_id)):
        assert getattr(message, name, found) == found, name
    try:
        encoded = encode(message)
    except ValueError:
        # Read, not written: numbers and names after "...", and a mandatory list that was missing and ignored.
        return
    assert decode(encoded) == message


def take_transfer(data: bytes) -> None:
    for kind in {type(transfer) for transfer in TRANSFERS}:
        try:
            transfer = kind.decode(data)
        except NgapError:
            continue
        try:
            encoded = transfer.encode()
        except ValueError:
            continue
        assert kind.decode(encoded) == transfer
