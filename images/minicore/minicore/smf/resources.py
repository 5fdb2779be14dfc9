# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names on the SBI that the SMF and those who ask it share (TS 29.502 clause 6.1.3)."""

from __future__ import annotations

from typing import Any

from ..sbi.message import Problem

CONTEXTS = "/nsmf-pdusession/v1/sm-contexts"
CONTEXT = CONTEXTS + "/{smContextRef}"

# Not of 3GPP: how many updates this context has had; a copy that lags behind would tell a smaller number.
UPDATES_HEADER = "minicore-updates"

SETUP_RESPONSE, PATH_SWITCH = "PDU_RES_SETUP_RSP", "PATH_SWITCH_REQ"

# Notifications that the SMF asks for.
POLICY_CALLBACK = "/nsmf-callback/v1/sm-policies/{smContextRef}"
FAILURE_CALLBACK = "/nsmf-callback/v1/sm-contexts/{smContextRef}/n1-n2-failures"


def part(data: dict[str, Any], parts: dict[str, bytes], name: str) -> bytes:
    """The binary part that a RefToBinaryData names (TS 29.571 clause 5.4.4.25)."""
    reference = data.get(name)
    if not isinstance(reference, dict):
        raise Problem(400, "MANDATORY_IE_MISSING", name)
    content = parts.get(str(reference.get("contentId")))
    if content is None:
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"{name}: there is no such part")
    return content
