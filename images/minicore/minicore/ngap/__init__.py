# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGAP (TS 38.413): messages of N2 as dataclasses."""

from typing import TYPE_CHECKING, Any

from .errors import Cause, NgapError

if TYPE_CHECKING:
    from .pdu import decode, encode

__all__ = ["Cause", "NgapError", "decode", "encode"]


def __getattr__(name: str) -> Any:
    """`decode` and `encode` when they are asked for: who needs the transfers only does without the messages."""
    if name not in ("decode", "encode"):
        raise AttributeError(name)
    from . import pdu

    return getattr(pdu, name)
