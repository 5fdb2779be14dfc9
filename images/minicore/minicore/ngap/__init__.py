# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGAP (TS 38.413): messages of N2 as dataclasses; the aligned PER is pycrate's."""

from .errors import Cause, NgapError
from .pdu import decode, encode

__all__ = ["Cause", "NgapError", "decode", "encode"]
