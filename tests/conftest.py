# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.harness.lab import prepared_inventory
from tests.harness.site import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Prepared hosts with the workload's image."""
    if os.geteuid():
        pytest.skip("a lab needs root")
    made = Site(prepared_inventory())
    made.prepare()
    yield made
    made.clean()
    made.close()
