# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an NFProfile is one that others can use (TS 29.510 clauses 6.1.6.2.2 and 6.1.6.2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from ..sbi.message import Problem

NF_STATUSES = ("REGISTERED", "SUSPENDED", "UNDISCOVERABLE", "CANARY_RELEASE")
SERVICE_STATUSES = ("REGISTERED", "SUSPENDED", "UNDISCOVERABLE", "CANARY_RELEASE")

_MCC = re.compile(r"[0-9]{3}")
_MNC = re.compile(r"[0-9]{2,3}")
_SD = re.compile(r"[0-9A-Fa-f]{6}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Check = Callable[[Any], bool]
Fault = tuple[str, str]


def check(profile: dict[str, Any], instance_id: str) -> None:
    """Raise the Problem that names all faults at once."""
    missing = [name for name in ("nfInstanceId", "nfType", "nfStatus") if name not in profile]
    if not any(profile.get(name) for name in ("fqdn", "ipv4Addresses", "ipv6Addresses")):
        missing.append("ipv4Addresses")
    if missing:
        raise Problem(400, "MANDATORY_IE_MISSING", ", ".join(missing), [(f"/{name}", "is missing") for name in missing])
    faults = list(_faults(profile))
    if profile["nfInstanceId"] != instance_id:
        faults.insert(0, ("/nfInstanceId", "differs from the resource"))
    if faults:
        optional = all(name.split("/")[1] not in ("nfInstanceId", "nfType", "nfStatus") for name, _ in faults)
        cause = "OPTIONAL_IE_INCORRECT" if optional else "MANDATORY_IE_INCORRECT"
        raise Problem(400, cause, "; ".join(f"{name} {reason}" for name, reason in faults), faults)


def services(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """The NF's services, whether they are an array or, as since Release 16, a map."""
    return [*profile.get("nfServices", []), *profile.get("nfServiceList", {}).values()]


def _faults(profile: dict[str, Any]) -> Iterator[Fault]:
    yield from _check_all(profile, "", _PROFILE)
    for name, items, rules in (
        ("plmnList", profile.get("plmnList"), _PLMN),
        ("sNssais", profile.get("sNssais"), _SNSSAI),
        ("nfServices", profile.get("nfServices"), _SERVICE),
    ):
        if isinstance(items, list):
            yield from _check_items(items, f"/{name}", rules)
    service_list = profile.get("nfServiceList")
    if isinstance(service_list, dict):
        yield from _check_items(list(service_list.values()), "/nfServiceList", _SERVICE)
    found = [item for item in profile.get("nfServices") or [] if isinstance(item, dict)]
    ids = [str(service.get("serviceInstanceId")) for service in found]
    if len(set(ids)) != len(ids):
        yield "/nfServices", "has a serviceInstanceId twice"
    for name, value in profile.items():
        if name.endswith("Info") and not isinstance(value, dict):
            yield f"/{name}", "is not an object"


def _check_items(items: list[Any], where: str, rules: dict[str, tuple[bool, Check, str]]) -> Iterator[Fault]:
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            yield f"{where}/{number}", "is not an object"
            continue
        yield from _check_all(item, f"{where}/{number}", rules)
        endpoints = item.get("ipEndPoints")
        if isinstance(endpoints, list):
            yield from _check_items(endpoints, f"{where}/{number}/ipEndPoints", _ENDPOINT)


def _check_all(item: dict[str, Any], where: str, rules: dict[str, tuple[bool, Check, str]]) -> Iterator[Fault]:
    for name, (is_mandatory, is_good, expected) in rules.items():
        if name not in item:
            if is_mandatory:
                yield f"{where}/{name}", "is missing"
        elif not is_good(item[name]):
            yield f"{where}/{name}", f"is not {expected}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_ipv4(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(IPv4Address(value) or True)
    except AddressValueError:
        return False


def _matches(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _integer(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(*choices: str) -> Check:
    return lambda value: value in choices


def _list_of(is_good: Check) -> Check:
    return lambda value: isinstance(value, list) and value != [] and all(map(is_good, value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_PROFILE: dict[str, tuple[bool, Check, str]] = {
    "nfInstanceId": (True, _matches(_UUID), "a UUID"),
    "nfType": (True, _is_text, "a text"),
    "nfStatus": (True, _one_of(*NF_STATUSES), f"one of {', '.join(NF_STATUSES)}"),
    "ipv4Addresses": (False, _list_of(_is_ipv4), "a list of IPv4 addresses"),
    "ipv6Addresses": (False, _list_of(_is_text), "a list of IPv6 addresses"),
    "fqdn": (False, _is_text, "a text"),
    "heartBeatTimer": (False, _integer(1, 1 << 31), "an integer from 1"),
    "priority": (False, _integer(0, 65535), "an integer from 0 to 65535"),
    "capacity": (False, _integer(0, 65535), "an integer from 0 to 65535"),
    "load": (False, _integer(0, 100), "an integer from 0 to 100"),
    "plmnList": (False, _is_list, "a list"),
    "sNssais": (False, _is_list, "a list"),
    "allowedNfTypes": (False, _list_of(_is_text), "a list of NF types"),
    "nfServices": (False, _is_list, "a list"),
    "nfServiceList": (False, lambda value: isinstance(value, dict), "a map"),
}
_PLMN: dict[str, tuple[bool, Check, str]] = {
    "mcc": (True, _matches(_MCC), "three digits"),
    "mnc": (True, _matches(_MNC), "two or three digits"),
}
_SNSSAI: dict[str, tuple[bool, Check, str]] = {
    "sst": (True, _integer(0, 255), "an integer from 0 to 255"),
    "sd": (False, _matches(_SD), "six hexadecimal digits"),
}
_SERVICE: dict[str, tuple[bool, Check, str]] = {
    "serviceInstanceId": (True, _is_text, "a text"),
    "serviceName": (True, _is_text, "a text"),
    "versions": (True, _list_of(lambda value: isinstance(value, dict)), "a list of versions"),
    "scheme": (True, _one_of("http", "https"), "http or https"),
    "nfServiceStatus": (True, _one_of(*SERVICE_STATUSES), f"one of {', '.join(SERVICE_STATUSES)}"),
    "ipEndPoints": (False, _is_list, "a list"),
    "priority": (False, _integer(0, 65535), "an integer from 0 to 65535"),
    "capacity": (False, _integer(0, 65535), "an integer from 0 to 65535"),
    "allowedNfTypes": (False, _list_of(_is_text), "a list of NF types"),
}
_ENDPOINT: dict[str, tuple[bool, Check, str]] = {
    "ipv4Address": (False, _is_ipv4, "an IPv4 address"),
    "port": (False, _integer(0, 65535), "a port"),
}
