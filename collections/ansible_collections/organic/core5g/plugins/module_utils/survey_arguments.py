# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nf_survey takes: the module on the host, and its action plugin, which loads nothing else of the survey."""

from __future__ import annotations

from typing import Any

ARGUMENTS: dict[str, Any] = {
    "engine": {"type": "str", "default": "docker"},
    "namespace": {"type": "str", "default": ""},
    "nfs": {"type": "dict", "required": True},
    "port": {"type": "int", "required": True},
    "path": {"type": "str", "required": True},
    "sources": {"type": "dict", "default": {}},
    "watch_s": {"type": "float", "default": 0},
    "recover": {"type": "str"},
    "recover_all": {"type": "bool", "default": False},
    "resources": {"type": "bool", "default": False},
    "networks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "key": {"type": "str", "no_log": False},
            "driver": {"type": "dict", "required": True},
            "engines": {"type": "dict", "required": True},
            "parent": {"type": "str"},
            "uplink_bridge": {"type": "str"},
            "subnet": {"type": "str"},
            "gateway": {"type": "str"},
            "subnet6": {"type": "str"},
            "gateway6": {"type": "str"},
            "cni": {"type": "dict"},
        },
    },
}
