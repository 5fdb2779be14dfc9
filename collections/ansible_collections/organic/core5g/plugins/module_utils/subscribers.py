# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscribers of minicore's UDR, by its provisioning interface /minicore/v1/subscribers. Keys go in and never out."""

from __future__ import annotations

import dataclasses
import hmac
import http.client
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import ProvisioningError

PATH = "/minicore/v1/subscribers"
SUPI = re.compile(r"imsi-[0-9]{5,15}")
"""TS 29.571, clause 5.3.2."""
OCTETS = {"k": 16, "opc": 16, "amf": 2}
"""Keys, and how many octets each has, in hexadecimal digits."""
BATCH = 1000
"""Subscribers in one request: 150 KB."""
SALT_LENGTH = 16


@dataclasses.dataclass(frozen=True)
class Subscriber:
    """What the user wants of a subscriber.

    Attributes:
        supi: ``imsi-`` and digits.
        keys: ``k``, ``opc``, ``amf`` in hexadecimal digits; secret.
        sqn: sequence number that a new one starts with.
        data: documents by their name in the interface: am, smf_selection, sm, am_policy, sm_policy.
    """

    supi: str
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    sqn: int | None = None
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def fingerprint(self, salt: bytes) -> str:
        """As the UDR calculates it: HMAC-SHA-256 over K, OPc and AMF field with a salt of ours."""
        octets = b"".join(bytes.fromhex(self.keys[name]) for name in OCTETS)
        return hmac.new(salt, octets, "sha256").hexdigest()

    def body(self, with_keys: bool) -> dict[str, Any]:
        """For the interface. What is left out of a subscriber that is known stays as it is."""
        body: dict[str, Any] = {"supi": self.supi, **self.data}
        if with_keys:
            body.update(self.keys)
            if self.sqn is not None:
                body["sqn"] = self.sqn
        return body


def of_options(listed: Iterable[Mapping[str, Any]], block: Mapping[str, Any] | None) -> dict[str, Subscriber]:
    """By SUPI, from the options ``subscribers`` and ``range`` of the module.

    Raises:
        ProvisioningError: something is wrong in them, or two are the same. Keys are not part of the message.
    """
    found: dict[str, Subscriber] = {}
    for options in (*listed, *(_of_range(block) if block else ())):
        supi = options["supi"]
        if not SUPI.fullmatch(supi):
            raise ProvisioningError(f"'{supi}' is not a SUPI: write imsi- and 5 to 15 digits")
        if supi in found:
            raise ProvisioningError(f"The subscriber {supi} is given twice")
        keys = {name: options[name] for name in OCTETS if options.get(name)}
        for name, value in keys.items():
            if not re.fullmatch(rf"[0-9A-Fa-f]{{{2 * OCTETS[name]}}}", value):
                raise ProvisioningError(f"'{name}' of {supi} has not {2 * OCTETS[name]} hexadecimal digits")
        found[supi] = Subscriber(supi, keys, options.get("sqn"), options.get("data") or {})
    return found


def _of_range(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    first = block["first"]
    if not SUPI.fullmatch(first):
        raise ProvisioningError(f"'{first}' is not a SUPI: write imsi- and 5 to 15 digits")
    digits = first.removeprefix("imsi-")
    if block["count"] < 1 or int(digits) + block["count"] > 10 ** len(digits):
        raise ProvisioningError(f"A range of {block['count']} subscribers cannot begin at {first}")
    for number in range(int(digits), int(digits) + block["count"]):
        yield {**block, "supi": f"imsi-{number:0{len(digits)}}"}


@dataclasses.dataclass
class Plan:
    """What is to be done, by SUPI.

    Attributes:
        create: new ones.
        rekey: those whose keys differ, or are to be written in any case.
        update: those whose documents differ.
        remove: those that are to go.
        before: documents of those in ``update``.
    """

    create: list[str] = dataclasses.field(default_factory=list)
    rekey: list[str] = dataclasses.field(default_factory=list)
    update: list[str] = dataclasses.field(default_factory=list)
    remove: list[str] = dataclasses.field(default_factory=list)
    before: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def changes(self) -> bool:
        return bool(self.create or self.rekey or self.update or self.remove)

    def diff(self, wanted: Mapping[str, Subscriber]) -> dict[str, dict[str, Any]]:
        """Before and after, without any key."""
        before: dict[str, Any] = dict.fromkeys(self.remove, "present")
        after: dict[str, Any] = {supi: dict(wanted[supi].data) or "present" for supi in self.create}
        for supi in self.update:
            before[supi], after[supi] = self.before[supi], dict(wanted[supi].data)
        for supi in self.rekey:
            before[f"{supi} keys"], after[f"{supi} keys"] = "other ones", "those given"
        return {"before": before, "after": after}


class Provisioning:
    """The interface of one UDR, over a connection that is open."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def supis(self) -> list[str]:
        found: list[str] = self._request("GET", PATH)["supis"]
        return found

    def documents(self, supi: str) -> dict[str, Any]:
        """Documents of a subscriber, by their names."""
        found = self._request("GET", f"{PATH}/{supi}")
        return {name: value for name, value in found.items() if name not in ("supi", "amf")}

    def fingerprints(self, salt: bytes) -> dict[str, str]:
        """Fingerprint of the keys of each subscriber; empty if the UDR offers none."""
        found: dict[str, str] = self._request("GET", f"{PATH}?salt={salt.hex()}").get("fingerprints", {})
        return found

    def plan(self, wanted: Mapping[str, Subscriber], update_keys: bool, purge: bool) -> Plan:
        """What makes the UDR hold these subscribers.

        Args:
            wanted: by SUPI.
            update_keys: also of subscribers that are known, by their fingerprints, or in any case if there are none.
            purge: remove all others.
        """
        known = set(self.supis())
        plan = Plan(remove=sorted(known - wanted.keys()) if purge else [])
        salt = secrets.token_bytes(SALT_LENGTH)
        fingerprints = self.fingerprints(salt) if update_keys and known & wanted.keys() else {}
        for supi, subscriber in wanted.items():
            if supi not in known:
                if not {"k", "opc"} <= subscriber.keys.keys():
                    raise ProvisioningError(f"The subscriber {supi} is new and needs 'k' and 'opc'")
                plan.create.append(supi)
                continue
            if update_keys and {"k", "opc"} <= subscriber.keys.keys():
                complete = dataclasses.replace(subscriber, keys={"amf": "8000", **subscriber.keys})
                if fingerprints.get(supi) != complete.fingerprint(salt):
                    plan.rekey.append(supi)
            if subscriber.data:
                before = {name: value for name, value in self.documents(supi).items() if name in subscriber.data}
                if before != dict(subscriber.data):
                    plan.update.append(supi)
                    plan.before[supi] = before
        return plan

    def apply(self, plan: Plan, wanted: Mapping[str, Subscriber]) -> None:
        for supi in plan.remove:
            self._request("DELETE", f"{PATH}/{supi}")
        keyed = {*plan.create, *plan.rekey}
        bodies = [wanted[supi].body(supi in keyed) for supi in dict.fromkeys((*plan.create, *plan.rekey, *plan.update))]
        for start in range(0, len(bodies), BATCH):
            self._request("POST", PATH, {"subscribers": bodies[start : start + BATCH]})

    def _request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            content = None if body is None else json.dumps(body)
            self._connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
            response = self._connection.getresponse()
            answered = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ProvisioningError(f"The UDR does not answer {method} {path.partition('?')[0]}: {error}") from error
        try:
            found: dict[str, Any] = json.loads(answered) if answered else {}
        except ValueError as error:
            raise ProvisioningError(f"The UDR answers {method} {path} with something else than JSON") from error
        if response.status >= 300:
            reason = found.get("detail") or found.get("cause") or "no reason given"
            raise ProvisioningError(f"The UDR refuses {method} {path}: status {response.status}, {reason}")
        return found
