# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications of changed documents: DataChangeNotify (TS 29.505) and PolicyDataChangeNotification (TS 29.519)."""

from __future__ import annotations

from typing import Any

from ..sbi.notifier import Notifier
from . import paths
from .subscriptions import Subscription, Subscriptions

_POLICIES = {
    "am_policy": (paths.AM_POLICY, "amPolicyData"),
    "sm_policy": (paths.SM_POLICY, "smPolicyData"),
}
_RESOURCES = {document: resource for resource, document in paths.PROVISIONED.items()}


class ChangeNotifier:
    """Tells the subscribed consumers of the UDR which documents of a subscriber are new."""

    def __init__(
        self, notifier: Notifier, subscription_data: Subscriptions, policy_data: Subscriptions, plmn: str
    ) -> None:
        self._notifier = notifier
        self._subscription_data = subscription_data
        self._policy_data = policy_data
        self._plmn = plmn

    def changed(self, supi: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Compare the documents of a subscriber by name and notify; an empty `after`: the subscriber is gone."""
        items = []
        for name, resource in _RESOURCES.items():
            old, new = before.get(name), after.get(name)
            if old is not new and old != new:
                path = f"{paths.PROVISIONED_DATA.format(supi, self._plmn)}/{resource}"
                items.append({"resourceId": path, "changes": change_items(old, new)})
        if items:
            self._notify_subscription_data(supi, items)
        for name, (template, attribute) in _POLICIES.items():
            old, new = before.get(name), after.get(name)
            if old is not new and old != new:
                self._notify_policy(supi, template.format(supi), attribute, new)

    def keys_changed(self, supi: str) -> None:
        """The authentication subscription is another one; what it holds is not told."""
        path = paths.AUTHENTICATION_SUBSCRIPTION.format(supi)
        self._notify_subscription_data(supi, [{"resourceId": path, "changes": []}])

    def end_subscriptions(self, supi: str) -> None:
        """The subscriber is gone, and was notified: nothing of it will change again."""
        self._subscription_data.remove_of(supi)

    def _notify_subscription_data(self, supi: str, items: list[dict[str, Any]]) -> None:
        """One notification to each consumer, with the items that it monitors (TS 29.505 clause 5.4.2.13)."""
        wanted: dict[str, tuple[Subscription, list[dict[str, Any]]]] = {}
        for item in items:
            for one in self._subscription_data.interested(supi, item["resourceId"]):
                wanted.setdefault(one.subscription_id, (one, []))[1].append(item)
        for one, its_items in wanted.values():
            body: dict[str, Any] = {"ueId": supi, "notifyItems": its_items}
            for name in ("originalCallbackReference", "sdmSubscription"):
                if name in one.body:
                    body[name] = one.body[name]
            self._notifier.send(one.callback, body)

    def _notify_policy(self, supi: str, resource: str, attribute: str, document: Any) -> None:
        """TS 29.519 clause 5.4.2.8; a removed document is named in `delResources`."""
        change: dict[str, Any] = {"ueId": supi}
        if document is None:
            change["delResources"] = [resource]
        else:
            change[attribute] = document
        for one in self._policy_data.interested(supi, resource):
            self._notifier.send(one.callback, [change])


def change_items(old: Any, new: Any) -> list[dict[str, Any]]:
    """ChangeItems between two versions of a document, by its attributes (TS 29.571 clause 5.2.4.6)."""
    if new is None:
        return [{"op": "REMOVE", "path": ""}]
    if old is None:
        return [{"op": "ADD", "path": "", "newValue": new}]
    if not isinstance(old, dict):
        return [{"op": "REPLACE", "path": "", "origValue": old, "newValue": new}]
    items: list[dict[str, Any]] = []
    for name in sorted(old.keys() | new.keys()):
        path = "/" + name.replace("~", "~0").replace("/", "~1")
        if name not in new:
            items.append({"op": "REMOVE", "path": path, "origValue": old[name]})
        elif name not in old:
            items.append({"op": "ADD", "path": path, "newValue": new[name]})
        elif old[name] != new[name]:
            items.append({"op": "REPLACE", "path": path, "origValue": old[name], "newValue": new[name]})
    return items
