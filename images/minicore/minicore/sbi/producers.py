# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an NF reaches others: discovery at the NRF with a cache, and indirect communication by the SCP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from .client import CONNECT_S
from .clients import Clients, split_uri
from .message import MESSAGE_PRIORITY, NotProcessed, Problem, Request, Response, SbiError, current_priority

log = logging.getLogger(__name__)

TARGET_API_ROOT = "3gpp-sbi-target-apiroot"
NO_PRIORITY = 65536
"""Above all priorities of TS 29.510 (0 to 65535): a profile without one is chosen last."""

MAX_PRODUCERS = 3
"""So many producers are tried with a request that the ones before did not process."""
NEXT_CONNECT_S = 2.0
"""Where another producer can have the request, one that begins no HTTP/2 in this time is left: it may be gone."""
NOT_REACHABLE = "TARGET_NF_NOT_REACHABLE"
"""Cause of a 504 of the SCP that never reached the producer (TS 29.500 table 5.2.7.2-1)."""

Query = tuple[tuple[str, str], ...]
Key = tuple[str, Query]


class NoProducer(SbiError):
    """The NRF knows none."""


@dataclass(frozen=True, slots=True)
class Producer:
    """One service instance."""

    root: str
    priority: int
    profile: dict[str, Any]


@dataclass(slots=True)
class _Cached:
    producers: list[Producer]
    valid_until: float


class Producers:
    """Requests to other NFs, over one kept connection to each."""

    def __init__(self, nrf: str, nf_type: str, scp: str = "", timeout_s: float = 10) -> None:
        self._nrf = nrf
        self._nf_type = nf_type
        self._scp = scp
        self._clients = Clients(nf_type, timeout_s)
        self._cache: dict[Key, _Cached] = {}
        self._turns: dict[Key, int] = {}
        self._discovering: dict[Key, asyncio.Task[list[Producer]]] = {}
        self._callback: tuple[str, str] | None = None
        self._subscribed: set[str] = set()
        self._watchers: dict[str, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def request(
        self,
        service: str,
        method: str,
        path: str,
        body: object | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        discovery: Mapping[str, object] | None = None,
    ) -> Response:
        """Send to a producer of `service` and return its answer whatever its status, or raise SbiError.

        `path` starts at the API root. A dict or list as body becomes JSON, bytes go as they are with the content type
        in `headers`. `discovery` has more parameters of the discovery (TS 29.510 table 6.2.3.2.3.1-1), such as
        {"dnn": "internet", "snssais": [{"sst": 1}]}.
        """
        key = (service, _query(discovery))
        if query:
            path = f"{path}?{urlencode(query, quote_via=quote)}"
        tried: set[str] = set()
        failure: SbiError | None = None
        while len(tried) < MAX_PRODUCERS:
            untried = [one for one in await self._producers(key) if one.root not in tried]
            root = self._next(key, untried)
            if root is None:
                break
            is_last = all(one.root == root for one in untried)
            try:
                return await self._send(root, method, path, body, headers, CONNECT_S if is_last else NEXT_CONNECT_S)
            except NotProcessed as error:
                # The next one can have it; where there is none, the NRF is asked, which may know more by now.
                failure = error
                tried.add(root)
                self._forget_root(root)
            except SbiError:
                if not self._scp:
                    self._forget_root(root)
                raise
        raise failure or SbiError(f"no producer of {service}")

    def _next(self, key: Key, producers: list[Producer]) -> str | None:
        """Those of the best priority in turn, so that replicas share the load."""
        best = [producer.root for producer in producers if producer.priority == producers[0].priority]
        if not best:
            return None
        turn = self._turns[key] = self._turns.get(key, -1) + 1
        return best[turn % len(best)]

    async def request_at(
        self,
        api_root_or_uri: str,
        method: str,
        path: str = "",
        body: object | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send to a fixed producer or to a URI that it gave: a resource or a callback."""
        root, own_path = split_uri(api_root_or_uri)
        return await self._send(root, method, own_path.rstrip("/") + path if path else own_path, body, headers)

    async def discover(self, service: str, **discovery: object) -> list[Producer]:
        """The producers of a service, best first; SbiError where there is none."""
        return await self._producers((service, _query({name.replace("_", "-"): v for name, v in discovery.items()})))

    async def instances(self, nf_type: str) -> list[dict[str, Any]]:
        """The profiles of the registered NFs of a type, straight from the NRF."""
        if nf_type in self._watchers:
            self._subscribe(nf_type)
        return await self._discover(f"target-nf-type={nf_type}&requester-nf-type={self._nf_type}")

    def watch(self, nf_type: str, changed: Callable[[], None]) -> None:
        """From the next `instances` of this type on, call `changed` when the NRF notifies of one of them."""
        self._watchers[nf_type] = changed

    def listen(self, callback_uri: str, instance_id: str) -> None:
        """From now on subscribe, at the NRF, to changes of what is discovered (TS 29.510 clause 5.2.2.5)."""
        self._callback = (callback_uri, instance_id)

    def forget_subscriptions(self) -> None:
        """The NRF has lost its memory: subscribe again with the next discovery."""
        self._subscribed.clear()

    async def notified(self, request: Request) -> Response:
        """Callback of the NRF (NotificationData, TS 29.510 clause 6.1.6.2.17)."""
        data = request.json_object()
        instance_id = str(data.get("nfInstanceUri", "")).rpartition("/")[2]
        profile = data.get("nfProfile")
        nf_type = profile.get("nfType") if isinstance(profile, dict) else None
        match data.get("event"):
            case "NF_DEREGISTERED":
                self._forget(lambda producer: producer.profile["nfInstanceId"] == instance_id)
            case "NF_REGISTERED" | "NF_PROFILE_CHANGED":
                self._forget(lambda producer: nf_type in (None, producer.profile["nfType"]))
            case event:
                raise Problem(400, "MANDATORY_IE_INCORRECT", f"event {event!r}", [("/event", "is not known")])
        for watched, changed in self._watchers.items():
            if nf_type in (None, watched):
                changed()
        return Response(204)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._clients.close()

    def _forget_root(self, root: str) -> None:
        self._forget(lambda producer: producer.root == root)

    def _forget(self, is_stale: Callable[[Producer], bool]) -> None:
        for key, cached in list(self._cache.items()):
            kept = [producer for producer in cached.producers if not is_stale(producer)]
            if kept:
                cached.producers = kept
            else:
                del self._cache[key]

    async def _producers(self, key: Key) -> list[Producer]:
        cached = self._cache.get(key)
        if cached is not None:
            if cached.valid_until <= asyncio.get_running_loop().time():
                # What was found before serves until the NRF has answered: it may itself be moving.
                self._refresh(key)
            return cached.producers
        return await asyncio.shield(self._refresh(key))

    def _refresh(self, key: Key) -> asyncio.Task[list[Producer]]:
        """One discovery for all that wait for it."""
        task = self._discovering.get(key)
        if task is None:
            task = self._discovering[key] = asyncio.get_running_loop().create_task(self._find(key))
            task.add_done_callback(lambda done: self._refreshed(key, done))
        return task

    def _refreshed(self, key: Key, task: asyncio.Task[list[Producer]]) -> None:
        del self._discovering[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, NoProducer):
            self._cache.pop(key, None)
        elif error is not None:
            log.warning("discovery of %s: %s", key[0], error)

    async def _find(self, key: tuple[str, Query]) -> list[Producer]:
        service, query = key
        nf_type = service.split("-")[0][1:].upper()
        self._subscribe(nf_type)
        parameters = [
            ("target-nf-type", nf_type),
            ("requester-nf-type", self._nf_type),
            ("service-names", service),
            *query,
        ]
        response = await self._ask_nrf(urlencode(parameters, quote_via=quote))
        producers = [producer for profile in response["nfInstances"] for producer in _services(profile, service)]
        if not producers:
            raise NoProducer(f"the NRF knows no producer of {service}")
        producers.sort(key=lambda producer: producer.priority)
        valid_until = asyncio.get_running_loop().time() + float(response.get("validityPeriod", 0))
        self._cache[key] = _Cached(producers, valid_until)
        return producers

    async def _discover(self, query: str) -> list[dict[str, Any]]:
        return list((await self._ask_nrf(query))["nfInstances"])

    async def _ask_nrf(self, query: str) -> dict[str, Any]:
        response = await self._clients.request(self._nrf, "GET", f"/nnrf-disc/v1/nf-instances?{query}")
        answer = response.require(200).json()
        if not isinstance(answer, dict) or not isinstance(answer.get("nfInstances"), list):
            raise SbiError("the NRF's answer is no SearchResult")
        return answer

    async def _send(
        self,
        root: str,
        method: str,
        path: str,
        body: object | None,
        headers: Mapping[str, str] | None,
        connect_s: float = CONNECT_S,
    ) -> Response:
        priority = current_priority.get()
        if priority is not None:
            headers = {MESSAGE_PRIORITY: priority, **(headers or {})}
        if not self._scp:
            return await self._clients.request(root, method, path, body, headers, connect_s)
        # TS 29.500 clause 6.10.2.4
        headers = {**(headers or {}), TARGET_API_ROOT: root}
        try:
            response = await self._clients.request(self._scp, method, path, body, headers)
        except NotProcessed as error:
            # Another producer would not help.
            raise SbiError(f"the SCP is not reached: {error}") from error
        if response.status == 504 and response.problem()[0] == NOT_REACHABLE:
            raise NotProcessed(f"the SCP does not reach {root}")
        return response

    def _subscribe(self, nf_type: str) -> None:
        if self._callback is None or nf_type in self._subscribed:
            return
        self._subscribed.add(nf_type)
        task = asyncio.get_running_loop().create_task(self._send_subscription(nf_type, *self._callback))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_subscription(self, nf_type: str, callback_uri: str, instance_id: str) -> None:
        body = {
            "nfStatusNotificationUri": callback_uri,
            "reqNfInstanceId": instance_id,
            "reqNfType": self._nf_type,
            "subscrCond": {"nfType": nf_type},
        }
        try:
            (await self._clients.request(self._nrf, "POST", "/nnrf-nfm/v1/subscriptions", body)).require(201)
        except SbiError as error:
            log.warning("not subscribed to changes of %s: %s", nf_type, error)
            self._subscribed.discard(nf_type)


def _query(discovery: Mapping[str, object] | None) -> Query:
    if not discovery:
        return ()
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in sorted(discovery.items())
    )


def _services(profile: dict[str, Any], name: str) -> list[Producer]:
    """The service instances of a name in an NFProfile (TS 29.510 clause 6.1.6.2.3)."""
    found: list[Producer] = []
    for service in (*profile.get("nfServices", []), *profile.get("nfServiceList", {}).values()):
        if service.get("serviceName") != name or service.get("nfServiceStatus") != "REGISTERED":
            continue
        priority = service.get("priority", profile.get("priority", NO_PRIORITY))
        for endpoint in service.get("ipEndPoints", []):
            address = endpoint.get("ipv4Address", next(iter(profile.get("ipv4Addresses", [])), None))
            if address:
                root = f"{service.get('scheme', 'http')}://{address}:{endpoint.get('port', 80)}"
                found.append(Producer(root, int(priority), profile))
    return found
