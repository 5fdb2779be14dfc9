# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscriber has that was provisioned with keys alone. The documents are shared: nobody changes one in place."""

from __future__ import annotations

from typing import Any

AMBR = {"uplink": "1 Gbps", "downlink": "2 Gbps"}
ARP = {"priorityLevel": 8, "preemptCap": "NOT_PREEMPT", "preemptVuln": "PREEMPTABLE"}
SLICE = {"sst": 1}

AM_DATA: dict[str, Any] = {
    "subscribedUeAmbr": AMBR,
    "nssai": {"defaultSingleNssais": [SLICE]},
    "rfspIndex": 1,
    "subsRegTimer": 3600,
}
"""AccessAndMobilitySubscriptionData (TS 29.503 clause 6.1.6.2.4)."""

SMF_SELECTION: dict[str, Any] = {
    "subscribedSnssaiInfos": {"1": {"dnnInfos": [{"dnn": "internet", "defaultDnnIndicator": True}]}}
}
"""SmfSelectionSubscriptionData (TS 29.503 clause 6.1.6.2.7)."""

SM_DATA: list[Any] = [
    {
        "singleNssai": SLICE,
        "dnnConfigurations": {
            "internet": {
                "pduSessionTypes": {
                    "defaultSessionType": "IPV4",
                    "allowedSessionTypes": ["IPV4", "IPV6", "ETHERNET"],
                },
                "sscModes": {"defaultSscMode": "SSC_MODE_1", "allowedSscModes": ["SSC_MODE_1"]},
                "5gQosProfile": {"5qi": 9, "arp": ARP, "priorityLevel": 8},
                "sessionAmbr": AMBR,
            }
        },
    }
]
"""SessionManagementSubscriptionData of each slice (TS 29.503 clause 6.1.6.2.8)."""

AM_POLICY: dict[str, Any] = {}
"""AmPolicyData (TS 29.519 clause 5.4.2.2)."""

SM_POLICY: dict[str, Any] = {
    "smPolicySnssaiData": {"1": {"snssai": SLICE, "smPolicyDnnData": {"internet": {"dnn": "internet"}}}}
}
"""SmPolicyData (TS 29.519 clause 5.4.2.5)."""
