# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make faults`: every fault in every state of every strategy (matrix.py), too long for `make integration`.

One case: make faults CASE=inter_copy-switchover-link_cut (any part of the names selects).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.site import Site

from .fault_case import Finding, WorkloadPool, run
from .matrix import Case, cases
from .summary import Summary


@pytest.fixture(scope="module")
def workloads(site: Site) -> Iterator[WorkloadPool]:
    made = WorkloadPool(site)
    yield made
    made.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_case(site: Site, workloads: WorkloadPool, summary: Summary, case: Case) -> None:
    finding = Finding.of(case)
    try:
        with workloads.workload(case) as migration:
            lives = run(site, migration, case, finding)
        if not lives:
            workloads.forget(case)
    except Exception as error:
        finding.message = f"{error} (message of the migration: {finding.message})"
        raise
    finally:
        summary.add(finding)
