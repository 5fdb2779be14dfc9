# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody may start the process of a container again while that is moved: neither the engine nor a cluster."""

from __future__ import annotations

from ..engines.base import Engine
from ..host.await_ticket import AwaitTicket
from ..session.journal import MigrationRecord


def suspend(record: MigrationRecord, engine: Engine) -> None:
    """Until :func:`restore`, a container that ends stays without its process."""
    if record.service:
        AwaitTicket(record.await_name).hold(record.migration_id)
    else:
        engine.suspend_restarts(record.container_id)


def restore(record: MigrationRecord, engine: Engine) -> None:
    """The process belongs here: have it started again if it ended meanwhile. A cluster does that itself.

    A Swarm may have placed another task on this node, if the target node was drained. So the hold of a process that
    runs stays until the orchestrator has the Swarm end that task.
    """
    if record.service:
        if engine.restarts_in_place or not record.init.alive:
            AwaitTicket(record.await_name).revoke()
        if engine.restarts_in_place and not record.init.alive:
            engine.restart_if_ended(record.container_id, record.restart_policy)
        return
    engine.restore_restarts(record.container_id, record.restart_policy)
    if not record.init.alive:
        engine.restart_if_ended(record.container_id, record.restart_policy)
