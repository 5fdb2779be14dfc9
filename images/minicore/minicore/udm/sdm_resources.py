# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of Nudm_SubscriberDataManagement, and the documents of the UDR that they show (TS 29.503 clause 6.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SDM = "/nudm-sdm/v2/{}"

DATASETS = {
    "am-data": "am-data",
    "smf-select-data": "smf-selection-subscription-data",
    "sm-data": "sm-data",
    "nssai": "am-data",
}
"""Resource of the UDM to dataset of the UDR."""
ATTRIBUTES = {"AM": ("amData", "am-data"), "SMF_SEL": ("smfSelData", "smf-select-data"), "SM": ("smData", "sm-data")}
"""DataSetName to attribute of SubscriptionDataSets and resource (clauses 6.1.6.3.3 and 6.1.6.2.15)."""


@dataclass(frozen=True, slots=True)
class SdmSubscription:
    """A consumer's subscription; `resources` are names such as `am-data`, `body` is the SdmSubscription as it came."""

    supi: str
    callback: str
    resources: tuple[str, ...]
    body: dict[str, Any]


def dataset_of(resource: str) -> str:
    return DATASETS[resource]


def monitored(uris: list[str]) -> tuple[str, ...]:
    """The resources that URIs name; all of the UE where a URI names none of them."""
    names = [urlsplit(uri).path.rstrip("/").rsplit("/", 1)[-1] for uri in uris]
    if all(name in DATASETS for name in names):
        return tuple(dict.fromkeys(names))
    return tuple(DATASETS)


def notify_items(
    resources: tuple[str, ...], root: str, supi: str, dataset: str, changes: Any
) -> Iterator[dict[str, Any]]:
    """NotifyItems of ModificationNotification for the resources that show a dataset (clause 6.1.6.2.21)."""
    for name in resources:
        if DATASETS[name] != dataset:
            continue
        its_changes = changes
        if name == "nssai":
            # The NSSAI is one attribute of am-data, and a document of its own here.
            its_changes = [{**one, "path": one["path"].removeprefix("/nssai")} for one in changes if _is_nssai(one)]
        if its_changes:
            yield {"resourceId": f"{root}{SDM.format(supi)}/{name}", "changes": its_changes}


def _is_nssai(change: Any) -> bool:
    path = change.get("path") if isinstance(change, dict) else None
    return isinstance(path, str) and (path in ("", "/nssai") or path.startswith("/nssai/"))
