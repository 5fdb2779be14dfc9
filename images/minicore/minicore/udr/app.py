# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDR as an NF."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from ..nf import NetworkFunction
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from ..settings import SBI_PORT, Environment, Settings
from .changes import ChangeNotifier
from .policy_data import PolicyDataApi
from .provisioning import ProvisioningApi
from .subscribers import SubscriberStore
from .subscription_data import SubscriptionDataApi
from .subscriptions import Subscriptions


class Udr(NetworkFunction):
    nf_type = "UDR"
    services = ("nudr-dr",)
    versions: ClassVar[dict[str, str]] = {"nudr-dr": "v2"}

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self.store = SubscriberStore()
        self.subscription_data = Subscriptions()
        self.policy_data = Subscriptions()
        self.notifier = Notifier(self.producers)

    def add_routes(self, router: Router) -> None:
        changes = ChangeNotifier(self.notifier, self.subscription_data, self.policy_data, self.settings.plmn)
        ProvisioningApi(self.store, changes).add_routes(router)
        SubscriptionDataApi(self.store, self.subscription_data, self).add_routes(router)
        PolicyDataApi(self.store, self.policy_data, self).add_routes(router)

    def state(self) -> dict[str, Any]:
        subscriptions = itertools.chain(self.subscription_data.describe(), self.policy_data.describe())
        return {
            "subscribers": len(self.store),
            "amf_registrations": sum(one.amf_registration is not None for one in self.store),
            "subscriptions": len(self.subscription_data) + len(self.policy_data),
            "notifications_failed": self.notifier.failed,
            "digest": self.store.digest(subscriptions),
        }

    def profile_extra(self) -> dict[str, Any]:
        return {"udrInfo": {"supportedDataSets": ["SUBSCRIPTION", "POLICY"]}}

    async def stop(self) -> None:
        self.notifier.stop()
        await super().stop()
