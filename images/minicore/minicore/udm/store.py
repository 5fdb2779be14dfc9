# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a UDM keeps what it knows of UEs: in its memory (stateful), or all of it in the UDR (stateless)."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..sbi.once import Once
from ..udr import paths
from .repository import Repository
from .sdm_resources import DATASETS, SdmSubscription, dataset_of
from .vectors import AuthenticationSubscription


class Store(Protocol):
    """A method whose UE is unknown raises the Problem 404 USER_NOT_FOUND."""

    async def authentication(self, supi: str) -> AuthenticationSubscription: ...

    async def replace_sqn(self, subscription: AuthenticationSubscription, sqn: int) -> bool:
        """Store a new SQN; False if another one than the subscription's is stored by now."""

    async def put_event(self, supi: str, event: dict[str, Any] | None) -> None: ...

    async def amf(self, supi: str) -> dict[str, Any] | None: ...

    async def put_amf(self, supi: str, registration: dict[str, Any]) -> dict[str, Any] | None:
        """Register an AMF; return the registration before."""

    async def delete_amf(self, supi: str) -> None: ...

    async def smfs(self, supi: str) -> list[dict[str, Any]]: ...

    async def smf(self, supi: str, session: int) -> dict[str, Any] | None: ...

    async def put_smf(self, supi: str, session: int, registration: dict[str, Any]) -> bool:
        """Register an SMF for a PDU session; True if there was none."""

    async def delete_smf(self, supi: str, session: int) -> bool: ...

    async def provisioned(self, supi: str, dataset: str) -> Any: ...

    async def subscribe(self, subscription: SdmSubscription, callback: str) -> str:
        """Keep a subscription; the UDR reports changes to `callback`. Return the id."""

    async def unsubscribe(self, supi: str, subscription_id: str) -> bool: ...

    def data_changed(self, supi: str, dataset: str) -> list[SdmSubscription]:
        """Forget what is known of a dataset; return the subscriptions to it."""

    def withdrawn(self, supi: str) -> dict[str, Any] | None:
        """Forget a UE whose subscription has ended; return the registration of its AMF, if it is known here."""

    def counts(self) -> dict[str, Any]:
        """Fields of the state resource."""


class UdrStore:
    """All in the UDR: any UDM answers for any UE."""

    def __init__(self, repository: Repository) -> None:
        self._udr = repository
        self.authentication = repository.authentication
        self.put_event = repository.put_status
        self.amf = repository.amf
        self.put_amf = repository.put_amf
        self.delete_amf = repository.delete_amf
        self.smfs = repository.smfs
        self.smf = repository.smf
        self.put_smf = repository.put_smf
        self.delete_smf = repository.delete_smf
        self.provisioned = repository.provisioned

    async def replace_sqn(self, subscription: AuthenticationSubscription, sqn: int) -> bool:
        return await self._udr.replace_sqn(subscription.supi, subscription.sqn, sqn)

    async def subscribe(self, subscription: SdmSubscription, callback: str) -> str:
        """The UDR keeps the consumer's subscription inside of its own (TS 29.505 clause 5.4.2.12)."""
        supi = subscription.supi
        wanted = sorted({dataset_of(name) for name in subscription.resources})
        return await self._udr.subscribe(
            {
                "ueId": supi,
                "callbackReference": callback,
                "originalCallbackReference": [subscription.callback],
                "monitoredResourceUris": [self._udr.dataset_path(supi, dataset) for dataset in wanted],
                "sdmSubscription": subscription.body,
            }
        )

    async def unsubscribe(self, supi: str, subscription_id: str) -> bool:
        return await self._udr.unsubscribe(subscription_id)

    def data_changed(self, supi: str, dataset: str) -> list[SdmSubscription]:
        return []

    def withdrawn(self, supi: str) -> dict[str, Any] | None:
        return None

    def counts(self) -> dict[str, Any]:
        return {"registrations": 0, "subscriptions": 0, "digest": hashlib.sha256().hexdigest()}


@dataclass(slots=True)
class _Ue:
    """What a stateful UDM knows of one UE."""

    authentication: AuthenticationSubscription | None = None
    data: dict[str, Any] = field(default_factory=dict)
    amf: dict[str, Any] | None = None
    smfs: dict[int, dict[str, Any]] = field(default_factory=dict)
    event: dict[str, Any] | None = None
    subscriptions: dict[str, SdmSubscription] = field(default_factory=dict)


class MemoryStore:
    """Registrations and subscriptions in memory; subscriber data are kept until the UDR reports a change."""

    def __init__(self, repository: Repository) -> None:
        self._udr = repository
        self._ues: dict[str, _Ue] = {}
        self._ids = itertools.count(1)
        self._changes = 0
        self._watch = Once(self._subscribe_to_all)
        self.callback = ""
        """Where the UDR reports changes to."""

    async def authentication(self, supi: str) -> AuthenticationSubscription:
        ue = self._ues.get(supi)
        if ue is None or ue.authentication is None:
            await self._watch()
            changes = self._changes
            subscription = await self._udr.authentication(supi)
            if changes == self._changes:
                self._ues.setdefault(supi, _Ue()).authentication = subscription
            return subscription
        return ue.authentication

    async def replace_sqn(self, subscription: AuthenticationSubscription, sqn: int) -> bool:
        supi = subscription.supi
        ue = self._ues.setdefault(supi, _Ue())
        # Forgotten until the answer is there: if it never comes, what the UDR has is not known.
        ue.authentication, changes = None, self._changes
        if not await self._udr.replace_sqn(supi, subscription.sqn, sqn):
            return False
        if ue.authentication is None and changes == self._changes:
            ue.authentication = AuthenticationSubscription(
                supi, subscription.k, subscription.opc, subscription.amf, sqn
            )
        return True

    async def put_event(self, supi: str, event: dict[str, Any] | None) -> None:
        (await self._known(supi)).event = event

    async def amf(self, supi: str) -> dict[str, Any] | None:
        return (await self._known(supi)).amf

    async def put_amf(self, supi: str, registration: dict[str, Any]) -> dict[str, Any] | None:
        ue = await self._known(supi)
        former, ue.amf = ue.amf, registration
        return former

    async def delete_amf(self, supi: str) -> None:
        (await self._known(supi)).amf = None

    async def smfs(self, supi: str) -> list[dict[str, Any]]:
        return list((await self._known(supi)).smfs.values())

    async def smf(self, supi: str, session: int) -> dict[str, Any] | None:
        return (await self._known(supi)).smfs.get(session)

    async def put_smf(self, supi: str, session: int, registration: dict[str, Any]) -> bool:
        ue = await self._known(supi)
        is_new = session not in ue.smfs
        ue.smfs[session] = registration
        return is_new

    async def delete_smf(self, supi: str, session: int) -> bool:
        return (await self._known(supi)).smfs.pop(session, None) is not None

    async def provisioned(self, supi: str, dataset: str) -> Any:
        ue = self._ues.get(supi)
        if ue is not None and dataset in ue.data:
            return ue.data[dataset]
        await self._watch()
        changes = self._changes
        # Who asks for one asks for the others next.
        data = await self._udr.all_provisioned(supi)
        if changes == self._changes:
            self._ues.setdefault(supi, _Ue()).data = data
        return data[dataset]

    async def subscribe(self, subscription: SdmSubscription, callback: str) -> str:
        ue = await self._known(subscription.supi)
        subscription_id = str(next(self._ids))
        ue.subscriptions[subscription_id] = subscription
        return subscription_id

    async def unsubscribe(self, supi: str, subscription_id: str) -> bool:
        return (await self._known(supi)).subscriptions.pop(subscription_id, None) is not None

    def data_changed(self, supi: str, dataset: str) -> list[SdmSubscription]:
        # What is being fetched at this moment may be older than the change: it is used once and not kept.
        self._changes += 1
        ue = self._ues.get(supi)
        if ue is None:
            return []
        if dataset not in DATASETS.values():
            ue.authentication = None
            return []
        ue.data.pop(dataset, None)
        return [one for one in ue.subscriptions.values() if dataset in map(dataset_of, one.resources)]

    def withdrawn(self, supi: str) -> dict[str, Any] | None:
        ue = self._ues.pop(supi, None)
        return None if ue is None else ue.amf

    def counts(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for supi, ue in sorted(self._ues.items()):
            kept = (ue.amf, ue.smfs, {number: one.body for number, one in ue.subscriptions.items()})
            if any(kept):
                digest.update(f"{supi} {json.dumps(kept, sort_keys=True)}\n".encode())
        return {
            "registrations": sum(ue.amf is not None for ue in self._ues.values()),
            "subscriptions": sum(len(ue.subscriptions) for ue in self._ues.values()),
            "digest": digest.hexdigest(),
        }

    async def _known(self, supi: str) -> _Ue:
        """The UE if this UDM or the UDR knows it."""
        ue = self._ues.get(supi)
        if ue is None:
            await self.provisioned(supi, DATASETS["am-data"])
            ue = self._ues.setdefault(supi, _Ue())
        return ue

    async def _subscribe_to_all(self) -> None:
        """Have the UDR report the changes of all UEs, before anything of it is kept."""
        body = {"callbackReference": self.callback, "monitoredResourceUris": [paths.SUBSCRIPTION_DATA]}
        await self._udr.subscribe(body)
