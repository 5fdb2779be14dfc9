# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the PCF decides, from the consumer's request and the policy data of the UDR."""

from __future__ import annotations

from typing import Any

from ..sbi.fields import snssai
from ..sbi.message import Problem

AM_TRIGGERS = ["LOC_CH", "RFSP_CH"]
"""Events after which the AMF asks again (TS 29.507 clause 5.6.3.3)."""
SM_TRIGGERS = ["PLMN_CH", "AC_TY_CH", "UE_IP_CH", "SE_AMBR_CH", "DEF_QOS_CH"]
"""Events after which the SMF asks again (TS 29.512 clause 5.6.3.6)."""
AMBR = {"uplink": "1 Gbps", "downlink": "2 Gbps"}
DEFAULT_QOS = {
    "5qi": 9,
    "arp": {"priorityLevel": 8, "preemptCap": "NOT_PREEMPT", "preemptVuln": "PREEMPTABLE"},
    "priorityLevel": 8,
}
"""Where neither policy data nor subscription name one: 5QI of a default flow (TS 23.501 table 5.7.4-1)."""
RULE = "default"
"""Id of the session rule, and of the PCC rule and QoS data of the default flow."""
ANY_IP = {"flowDescription": "permit out ip from any to assigned", "flowDirection": "BIDIRECTIONAL"}
MAPS = ("sessRules", "pccRules", "qosDecs", "traffContDecs")


def am_decision(request: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    """Triggers, RFSP index and service area restriction; `rfsp` and `servAreaRes` in AmPolicyData are our own.

    Without them in the policy data the AMF keeps those of the subscription, which it gave in its request.
    """
    decision: dict[str, Any] = {"triggers": AM_TRIGGERS}
    for name in ("rfsp", "servAreaRes"):
        value = policy.get(name, request.get(name))
        if value is not None:
            decision[name] = value
    return decision


def sm_decision(context: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    """SmPolicyDecision (TS 29.512 clause 5.6.2.4).

    SmPolicyDnnData may hold, as attributes of our own, `authSessAmbr` and `authDefQos` (which override the subscribed
    ones) and `pccRules`, `qosDecs`, `traffContDecs` (which replace the rule that lets everything pass).
    """
    data = _dnn_data(context, policy)
    ambr = _mapping(data, "authSessAmbr") or _mapping(context, "subsSessAmbr") or AMBR
    qos = _mapping(data, "authDefQos") or _mapping(context, "subsDefQos") or DEFAULT_QOS
    decision: dict[str, Any] = {
        "sessRules": {RULE: {"sessRuleId": RULE, "authSessAmbr": ambr, "authDefQos": qos}},
        "policyCtrlReqTriggers": SM_TRIGGERS,
        "suppFeat": "0",
    }
    rules = _mapping(data, "pccRules")
    if rules:
        decision["pccRules"] = rules
        for name in ("qosDecs", "traffContDecs"):
            if _mapping(data, name):
                decision[name] = data[name]
        return decision
    rule: dict[str, Any] = {"pccRuleId": RULE, "precedence": 255, "refQosData": [RULE]}
    if context["pduSessionType"] != "ETHERNET":
        rule["flowInfos"] = [ANY_IP]
    decision["pccRules"] = {RULE: rule}
    decision["qosDecs"] = {RULE: {"qosId": RULE, "defQosFlowIndication": True, **qos}}
    return decision


def changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What a consumer that has `old` needs for `new`: changed entries, null for removed ones (clause 4.2.3.1)."""
    found: dict[str, Any] = {}
    for name in MAPS:
        before, after = old.get(name, {}), new.get(name, {})
        entries = {key: value for key, value in after.items() if before.get(key) != value}
        entries.update({key: None for key in before if key not in after})
        if entries:
            found[name] = entries
    return found


def _dnn_data(context: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    """SmPolicyDnnData for the slice and DNN of the PDU session (TS 29.519 clause 5.4.2.15), or nothing."""
    slices = _mapping(policy, "smPolicySnssaiData")
    for entry in slices.values():
        try:
            if snssai(_mapping({"": entry}, "").get("snssai")) == snssai(context["sliceInfo"]):
                return _mapping(_mapping(entry, "smPolicyDnnData"), context["dnn"])
        except Problem:  # the entry names no slice
            continue
    return {}


def _mapping(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}
