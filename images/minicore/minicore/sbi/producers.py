# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an NF reaches others: discovery at the NRF with a cache, and indirect communication by the SCP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .client import SbiClient
from .message import JSON_TYPE, MESSAGE_PRIORITY, NotProcessed, Response, SbiError, current_priority

log = logging.getLogger(__name__)

TARGET_API_ROOT = "3gpp-sbi-target-apiroot"
NO_PRIORITY = 65536
"""Above all priorities of TS 29.510 (0 to 65535): a profile without one is chosen last."""

MAX_PRODUCERS = 3
"""So many producers are tried with a request that the ones before did not process."""
NOT_REACHABLE = "TARGET_NF_NOT_REACHABLE"
"""Cause of a 504 of the SCP that never reached the producer (TS 29.500 table 5.2.7.2-1)."""

Query = tuple[tuple[str, str], ...]


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
        self._timeout_s = timeout_s
        self._clients: dict[str, SbiClient] = {}
        self._cache: dict[tuple[str, Query], _Cached] = {}
        self._discovering: dict[tuple[str, Query], asyncio.Task[list[Producer]]] = {}

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
            producers = await self._producers(key)
            root = next((producer.root for producer in producers if producer.root not in tried), None)
            if root is None:
                break
            try:
                return await self._send(root, method, path, body, headers)
            except NotProcessed as error:
                # The next one can have it; the NRF is asked again, for it may know more by now.
                failure = error
                tried.add(root)
                self._cache.pop(key, None)
            except SbiError:
                self._cache.pop(key, None)
                raise
        raise failure or SbiError(f"no producer of {service}")

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
        url = urlsplit(api_root_or_uri)
        target = url.path.rstrip("/") if path else url.path
        suffix = f"?{url.query}" if url.query and not path else ""
        return await self._send(f"{url.scheme}://{url.netloc}", method, target + path + suffix, body, headers)

    async def discover(self, service: str, **discovery: object) -> list[Producer]:
        """The producers of a service, best first; SbiError where there is none."""
        return await self._producers((service, _query({name.replace("_", "-"): v for name, v in discovery.items()})))

    async def instances(self, nf_type: str) -> list[dict[str, Any]]:
        """The profiles of the registered NFs of a type, straight from the NRF."""
        return await self._discover(f"target-nf-type={nf_type}&requester-nf-type={self._nf_type}")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    async def _producers(self, key: tuple[str, Query]) -> list[Producer]:
        cached = self._cache.get(key)
        if cached is not None and cached.valid_until > asyncio.get_running_loop().time():
            return cached.producers
        task = self._discovering.get(key)
        if task is None:
            # One discovery for all that wait for it.
            task = asyncio.get_running_loop().create_task(self._find(key))
            self._discovering[key] = task
            task.add_done_callback(lambda _: self._discovering.pop(key))
        return await asyncio.shield(task)

    async def _find(self, key: tuple[str, Query]) -> list[Producer]:
        service, query = key
        nf_type = service.split("-")[0][1:].upper()
        parameters = [
            ("target-nf-type", nf_type),
            ("requester-nf-type", self._nf_type),
            ("service-names", service),
            *query,
        ]
        response = await self._ask_nrf(urlencode(parameters, quote_via=quote))
        producers = [producer for profile in response["nfInstances"] for producer in _services(profile, service)]
        if not producers:
            raise SbiError(f"the NRF knows no producer of {service}")
        producers.sort(key=lambda producer: producer.priority)
        valid_until = asyncio.get_running_loop().time() + float(response.get("validityPeriod", 0))
        self._cache[key] = _Cached(producers, valid_until)
        return producers

    async def _discover(self, query: str) -> list[dict[str, Any]]:
        return list((await self._ask_nrf(query))["nfInstances"])

    async def _ask_nrf(self, query: str) -> dict[str, Any]:
        response = await self._client(self._nrf).request("GET", f"/nnrf-disc/v1/nf-instances?{query}")
        answer = response.require(200).json()
        if not isinstance(answer, dict) or not isinstance(answer.get("nfInstances"), list):
            raise SbiError("the NRF's answer is no SearchResult")
        return answer

    async def _send(
        self, root: str, method: str, path: str, body: object | None, headers: Mapping[str, str] | None
    ) -> Response:
        fields = dict(headers or {})
        if body is None:
            content = b""
        elif isinstance(body, bytes):
            content = body
        else:
            content = json.dumps(body).encode()
            fields.setdefault("content-type", JSON_TYPE)
        priority = current_priority.get()
        if priority is not None:
            fields.setdefault(MESSAGE_PRIORITY, priority)
        if not self._scp:
            return await self._client(root).request(method, path, content, fields)
        # TS 29.500 clause 6.10.2.4
        fields[TARGET_API_ROOT] = root
        response = await self._client(self._scp).request(method, path, content, fields)
        if response.status == 504 and response.problem()[0] == NOT_REACHABLE:
            raise NotProcessed(f"the SCP does not reach {root}")
        return response

    def _client(self, root: str) -> SbiClient:
        client = self._clients.get(root)
        if client is None:
            client = self._clients[root] = SbiClient(root, self._nf_type, self._timeout_s)
        return client


def _query(discovery: Mapping[str, object] | None) -> Query:
    if not discovery:
        return ()
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in sorted(discovery.items())
    )


def _services(profile: dict[str, Any], name: str) -> list[Producer]:
    """The service instances of a name in an NFProfile (TS 29.510 clause 6.1.6.2.3)."""
    found = []
    for service in profile.get("nfServices", []):
        if service.get("serviceName") != name or service.get("nfServiceStatus") != "REGISTERED":
            continue
        priority = service.get("priority", profile.get("priority", NO_PRIORITY))
        for endpoint in service.get("ipEndPoints", []):
            address = endpoint.get("ipv4Address", next(iter(profile.get("ipv4Addresses", [])), None))
            if address:
                root = f"{service.get('scheme', 'http')}://{address}:{endpoint.get('port', 80)}"
                found.append(Producer(root, int(priority), profile))
    return found
