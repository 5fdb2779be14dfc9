# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning of subscribers, an interface of minicore's own: `/minicore/v1/subscribers`. Keys go in and never out."""

from __future__ import annotations

import copy
from typing import Any

from ..sbi.fields import SUPI, need_integer, need_matching, need_octets, optional
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from .changes import ChangeNotifier
from .subscribers import PARTS, SQN_LIMIT, Subscriber, SubscriberStore

SUBSCRIBERS = "/minicore/v1/subscribers"
SUBSCRIBER = SUBSCRIBERS + "/{supi}"

MAX_RANGE = 200_000
SALT_LENGTH = 16
DEFAULT_AMF = "8000"
"""AMF field with the separation bit set, as 5G AKA has it (TS 33.501 clause 6.1.3.2.0)."""
_Keys = tuple[bytes, bytes, bytes, int]
"""K, OPc, AMF field and SQN."""
ATTRIBUTES = frozenset({"supi", "k", "opc", "amf", "sqn", *PARTS})


class ProvisioningApi:
    def __init__(self, store: SubscriberStore, notifier: ChangeNotifier) -> None:
        self._store = store
        self._notifier = notifier

    def add_routes(self, router: Router) -> None:
        router.add("PUT", SUBSCRIBER, self.put)
        router.add("GET", SUBSCRIBER, self.get)
        router.add("DELETE", SUBSCRIBER, self.delete)
        router.add("POST", SUBSCRIBERS, self.post)
        router.add("GET", SUBSCRIBERS, self.list_all)
        router.add("DELETE", SUBSCRIBERS, self.delete_all)

    async def put(self, request: Request, supi: str) -> Response:
        """Create a subscriber, or change one: what is absent then stays as it is."""
        subscriber = self._read({**request.json_object(), "supi": supi})
        return Response(201 if self._keep(subscriber) else 204)

    async def get(self, request: Request, supi: str) -> Response:
        subscriber = self._find(supi)
        return json_response({"supi": supi, "amf": subscriber.amf.hex(), **subscriber.provisioned()})

    async def delete(self, request: Request, supi: str) -> Response:
        self._find(supi)
        self._forget(self._store.remove(supi))
        return Response(204)

    async def post(self, request: Request) -> Response:
        """Many at once: `subscribers`, a list, or `range`. Nothing is kept if one of them is wrong."""
        data = request.json_object()
        listed, block = optional(data, "subscribers", list), optional(data, "range", dict)
        if (listed is None) == (block is None):
            raise Problem(400, "MANDATORY_IE_MISSING", "either subscribers or range")
        read = self._read_range(block) if block is not None else [self._read(one) for one in listed or ()]
        created = sum([self._keep(subscriber) for subscriber in read])
        return json_response({"created": created, "changed": len(read) - created, "subscribers": len(self._store)})

    async def list_all(self, request: Request) -> Response:
        """With the query `salt` (hex digits), also a fingerprint of the keys of each: do they differ?"""
        listed: dict[str, Any] = {"subscribers": len(self._store), "supis": [one.supi for one in self._store]}
        if "salt" in request.query:
            salt = need_octets(request.query, "salt", SALT_LENGTH)
            listed["fingerprints"] = {one.supi: one.fingerprint(salt) for one in self._store}
        return json_response(listed)

    async def delete_all(self, request: Request) -> Response:
        for subscriber in self._store.clear():
            self._forget(subscriber)
        return Response(204)

    def _find(self, supi: str) -> Subscriber:
        subscriber = self._store.get(supi)
        if subscriber is None:
            raise Problem(404, "USER_NOT_FOUND", supi)
        return subscriber

    def _read(self, data: Any) -> Subscriber:
        """A subscriber as the interface describes it, with what a known one of that SUPI has already."""
        if not isinstance(data, dict):
            raise Problem(400, "INVALID_MSG_FORMAT", "a subscriber is a JSON object")
        _refuse_unknown(data, ATTRIBUTES)
        supi = need_matching(data, "supi", SUPI)
        known = self._store.get(supi)
        keys = _read_keys(data, known)
        return _merged(supi, keys, _read_documents(data), known)

    def _read_range(self, block: dict[str, Any]) -> list[Subscriber]:
        """`count` subscribers with the SUPIs from `first` on; they share keys and documents."""
        _refuse_unknown(block, (ATTRIBUTES - {"supi"}) | {"first", "count"})
        first = need_matching(block, "first", SUPI).removeprefix("imsi-")
        count = need_integer(block, "count", 1, MAX_RANGE)
        if int(first) + count > 10 ** len(first):
            raise Problem(400, "MANDATORY_IE_INCORRECT", f"count: {count} SUPIs from {first} on need more digits")
        keys, documents, width = _read_keys(block, None), _read_documents(block), len(first)
        read = []
        for number in range(int(first), int(first) + count):
            supi = f"imsi-{number:0{width}}"
            known = self._store.get(supi)
            its_keys = keys if known is None else _read_keys(block, known)
            read.append(_merged(supi, its_keys, documents, known))
        return read

    def _keep(self, subscriber: Subscriber) -> bool:
        """Store a subscriber and notify of what changed; True if it is new."""
        known = self._store.get(subscriber.supi)
        self._store.put(subscriber)
        if known is None:
            return True
        self._notifier.changed(subscriber.supi, known.provisioned(), subscriber.provisioned())
        if _secrets(known) != _secrets(subscriber):
            self._notifier.keys_changed(subscriber.supi)
        return False

    def _forget(self, subscriber: Subscriber | None) -> None:
        if subscriber is not None:
            self._notifier.changed(subscriber.supi, subscriber.provisioned(), {})
            self._notifier.keys_changed(subscriber.supi)
            self._notifier.end_subscriptions(subscriber.supi)


def _merged(supi: str, keys: _Keys, documents: dict[str, Any], known: Subscriber | None) -> Subscriber:
    """A new subscriber, or a known one with these keys and documents: contexts and other documents stay."""
    if known is None:
        return Subscriber(supi, *keys, **documents)
    merged = copy.copy(known)
    merged.k, merged.opc, merged.amf, merged.sqn = keys
    for name, document in documents.items():
        setattr(merged, name, document)
    return merged


def _read_documents(data: dict[str, Any]) -> dict[str, Any]:
    return {name: optional(data, name, kind) for name, kind in PARTS.items() if data.get(name) is not None}


def _secrets(subscriber: Subscriber) -> _Keys:
    return subscriber.k, subscriber.opc, subscriber.amf, subscriber.sqn


def _read_keys(data: dict[str, Any], known: Subscriber | None) -> _Keys:
    """K, OPc, AMF field and SQN; those of a known subscriber are kept where they are not given."""
    if known is not None and "k" not in data and "opc" not in data:
        k, opc = known.k, known.opc
    else:
        k, opc = need_octets(data, "k", 16), need_octets(data, "opc", 16)
    amf = known.amf if known is not None and "amf" not in data else need_octets({"amf": DEFAULT_AMF, **data}, "amf", 2)
    sqn = known.sqn if known is not None and "sqn" not in data else read_sqn(data.get("sqn", 0))
    return k, opc, amf, sqn


def read_sqn(value: Any) -> int:
    """SQN as 12 hexadecimal digits or as an integer (TS 29.505 clause 5.4.2.3)."""
    if isinstance(value, str):
        return int.from_bytes(need_octets({"sqn": value}, "sqn", 6), "big")
    return need_integer({"sqn": value}, "sqn", 0, SQN_LIMIT - 1)


def _refuse_unknown(data: dict[str, Any], known: frozenset[str]) -> None:
    # A misspelt "opc" would otherwise be a subscriber that never authenticates. The value may be a key: not shown.
    for name in data:
        if name not in known:
            raise Problem(400, "INVALID_MSG_FORMAT", f"unknown attribute {name[:40]!r}")
