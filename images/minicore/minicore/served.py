# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices and DNNs that SMF and UPF serve, as their NF profiles name them."""

from __future__ import annotations

from typing import Any

from .sbi.fields import snssai_object
from .settings import PREFIX, Environment, SettingsError


def served_slices(environment: Environment) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Of MINICORE_SLICES and MINICORE_DNNS: each slice with all DNNs (TS 29.510 clauses 6.1.6.2.12 and 6.1.6.2.13)."""
    dnns = [{"dnn": dnn.strip()} for dnn in environment.text("DNNS", "internet").split(",")]
    try:
        slices = [snssai_object(key.strip()) for key in environment.text("SLICES", "1").split(",")]
    except ValueError as error:
        raise SettingsError(f"{PREFIX}SLICES: {error}") from error
    return [({"sNssai": one}, dnns) for one in slices]
