# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of nf_drain, for its module and its action plugin."""

from __future__ import annotations

from typing import Any

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "default": 8000},
    "path": {"type": "str", "default": "/minicore/v1/drain"},
    "state_path": {"type": "str", "default": "/minicore/v1/state"},
    "state": {"type": "str", "choices": ["drained", "serving"], "default": "drained"},
    "successor": {"type": "str"},
    "timeout_s": {"type": "float", "default": 60},
    "wait_s": {"type": "float", "default": 0},
    "engine": {"type": "str", "default": "docker"},
    "namespace": {"type": "str", "default": ""},
}
