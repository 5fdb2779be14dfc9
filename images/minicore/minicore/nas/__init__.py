# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAS of the 5G system: messages between UE, AMF and SMF (TS 24.501)."""

from __future__ import annotations

from . import gmm, gsm
from .causes import MmCause, SmCause
from .ie import NasDecodeError
from .message import EPD_MM, EPD_SM, MmMessage, NasMessage, SmMessage, decode

__all__ = [
    "EPD_MM",
    "EPD_SM",
    "MmCause",
    "MmMessage",
    "NasDecodeError",
    "NasMessage",
    "SmCause",
    "SmMessage",
    "decode",
    "gmm",
    "gsm",
]
