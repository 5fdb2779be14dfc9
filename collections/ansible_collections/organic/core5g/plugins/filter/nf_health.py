# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what organic.core5g.nf_state_info returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ansible.errors import AnsibleFilterError
from ansible_collections.organic.core5g.plugins.module_utils import health
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

T = TypeVar("T")


def nf_host(found: health.Found, nf: str) -> str:
    """The host that runs the NF, empty if none does."""
    return _told(lambda: health.running_on(found, nf) or "")


def nf_home(found: health.Found, nf: str, default: str) -> str:
    """The host of the NF: where it runs, else where the engine would start it again, else the default."""
    return _told(lambda: health.belongs_to(found, nf) or default)


def nf_comparison(before: health.Found, after: health.Found, nf: str, address: str, may_end: int = 0) -> dict[str, Any]:
    """What a migration of the NF has kept and lost."""
    return _told(lambda: health.Comparison(nf, address, before, after, may_end).result())


def _told(call: Callable[[], T]) -> T:
    try:
        return call()
    except CoreError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_host": nf_host, "nf_home": nf_home, "nf_comparison": nf_comparison}
