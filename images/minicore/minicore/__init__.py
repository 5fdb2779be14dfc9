# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""minicore: NRF, SMF and UPF of a small 5G core, and the driver that stands for gNB, AMF and UE."""

from __future__ import annotations

__version__ = "0.1.0"
