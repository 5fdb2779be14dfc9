# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which profiles answer a discovery (Nnrf_NFDiscovery, TS 29.510 table 6.2.3.2.3.1-1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..sbi.message import Problem
from .profile import services

NO_PRIORITY = 65536
"""Above all priorities: a profile without one comes last."""

Profile = dict[str, Any]
Filter = Callable[[Profile], bool]


def find(profiles: Iterable[Profile], query: dict[str, str]) -> list[Profile]:
    """The registered profiles that fit all parameters, best priority first, or the Problem of a bad parameter."""
    for name in ("target-nf-type", "requester-nf-type"):
        if not query.get(name):
            raise Problem(400, "MANDATORY_QUERY_PARAM_MISSING", name, [(name, "is missing")])
    filters = [_FILTERS[name](value) for name, value in query.items() if name in _FILTERS]
    found = [
        profile
        for profile in profiles
        if profile["nfStatus"] == "REGISTERED" and all(fits(profile) for fits in filters)
    ]
    found.sort(key=_priority)
    return found[: _limit(query)]


def _priority(profile: Profile) -> int:
    return int(profile.get("priority", NO_PRIORITY))


def _limit(query: dict[str, str]) -> int | None:
    text = query.get("limit")
    if text is None:
        return None
    if not text.isdecimal() or text == "0":
        raise _incorrect("limit", "is not an integer from 1")
    return int(text)


def _incorrect(name: str, reason: str) -> Problem:
    return Problem(400, "OPTIONAL_QUERY_PARAM_INCORRECT", f"{name} {reason}", [(name, reason)])


def _objects(name: str, text: str) -> list[dict[str, Any]]:
    """A parameter whose content is a JSON object or a list of them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _incorrect(name, "is not JSON") from error
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, dict) for one in values):
        raise _incorrect(name, "is not an object or a list of objects")
    return values


def _of_type(text: str) -> Filter:
    return lambda profile: profile["nfType"] == text


def _for_requester(text: str) -> Filter:
    return lambda profile: text in profile.get("allowedNfTypes", [text])


def _of_instance(text: str) -> Filter:
    return lambda profile: profile["nfInstanceId"] == text


def _with_service(text: str) -> Filter:
    wanted = set(text.split(","))
    return lambda profile: any(
        service["serviceName"] in wanted and service["nfServiceStatus"] == "REGISTERED" for service in services(profile)
    )


def _in_plmn(text: str) -> Filter:
    wanted = [(plmn.get("mcc"), plmn.get("mnc")) for plmn in _objects("target-plmn-list", text)]
    return lambda profile: (
        not profile.get("plmnList") or any((plmn["mcc"], plmn["mnc"]) in wanted for plmn in profile["plmnList"])
    )


def _in_slice(text: str) -> Filter:
    wanted = {_slice(snssai) for snssai in _objects("snssais", text)}

    def fits(profile: Profile) -> bool:
        own = {_slice(snssai) for snssai in _snssais(profile)}
        return not own or bool(own & wanted)

    return fits


def _for_dnn(text: str) -> Filter:
    def fits(profile: Profile) -> bool:
        own = set(_dnns(profile))
        return not own or text in own

    return fits


def _with_guami(text: str) -> Filter:
    (wanted, *_) = _objects("guami", text)

    def fits(profile: Profile) -> bool:
        return any(_guami(own) == _guami(wanted) for own in _info(profile, "amfInfo").get("guamiList", []))

    return fits


def _in_amf_set(text: str) -> Filter:
    return lambda profile: _info(profile, "amfInfo").get("amfSetId") == text


def _in_amf_region(text: str) -> Filter:
    return lambda profile: _info(profile, "amfInfo").get("amfRegionId") == text


def _for_supi(text: str) -> Filter:
    """Ranges of subscribers (TS 29.510 clause 6.1.6.2.6); a profile without ranges serves all."""
    digits = text.rpartition("-")[2]

    def is_in(span: dict[str, Any]) -> bool:
        start, end = str(span.get("start", "")), str(span.get("end", ""))
        return len(start) == len(digits) == len(end) and start <= digits <= end

    def fits(profile: Profile) -> bool:
        ranges = [one for info in _infos(profile) for one in info.get("supiRanges", [])]
        return not ranges or any(is_in(one) for one in ranges)

    return fits


def _for_routing_indicator(text: str) -> Filter:
    def fits(profile: Profile) -> bool:
        own = [one for info in _infos(profile) for one in info.get("routingIndicators", [])]
        return not own or text in own

    return fits


_FILTERS: dict[str, Callable[[str], Filter]] = {
    "target-nf-type": _of_type,
    "requester-nf-type": _for_requester,
    "target-nf-instance-id": _of_instance,
    "service-names": _with_service,
    "target-plmn-list": _in_plmn,
    "snssais": _in_slice,
    "dnn": _for_dnn,
    "guami": _with_guami,
    "amf-set-id": _in_amf_set,
    "amf-region-id": _in_amf_region,
    "supi": _for_supi,
    "routing-indicator": _for_routing_indicator,
}
"""A parameter that is not here does not narrow the result: the NRF may ignore what it does not support."""


def _info(profile: Profile, name: str) -> dict[str, Any]:
    info = profile.get(name)
    return info if isinstance(info, dict) else {}


def _infos(profile: Profile) -> Iterator[dict[str, Any]]:
    """`amfInfo`, `smfInfo` and the like."""
    return (value for name, value in profile.items() if name.endswith("Info") and isinstance(value, dict))


def _slice_items(profile: Profile) -> Iterator[dict[str, Any]]:
    """Items of sNssaiSmfInfoList and sNssaiUpfInfoList."""
    for info in _infos(profile):
        for name, value in info.items():
            if name.startswith("sNssai") and isinstance(value, list):
                yield from (item for item in value if isinstance(item, dict))


def _snssais(profile: Profile) -> Iterator[dict[str, Any]]:
    yield from profile.get("sNssais", [])
    for item in _slice_items(profile):
        if isinstance(item.get("sNssai"), dict):
            yield item["sNssai"]


def _slice(snssai: dict[str, Any]) -> tuple[Any, str]:
    return snssai.get("sst"), str(snssai.get("sd", "")).lower()


def _dnns(profile: Profile) -> Iterator[str]:
    for info in _infos(profile):
        yield from info.get("dnnList", [])
    for item in _slice_items(profile):
        for name, value in item.items():
            if name.startswith("dnn") and isinstance(value, list):
                yield from (str(one.get("dnn")) for one in value if isinstance(one, dict))


def _guami(value: dict[str, Any]) -> tuple[Any, Any, str]:
    plmn = value.get("plmnId", {})
    return plmn.get("mcc"), plmn.get("mnc"), str(value.get("amfId", "")).lower()
