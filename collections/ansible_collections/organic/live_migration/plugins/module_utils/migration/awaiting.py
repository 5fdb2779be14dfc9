# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The awaiting container of the target host: made there by its engine, or placed there by a cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..engines.base import Engine
from ..engines.kept_log import KeptLog
from ..engines.spec import ContainerSpec
from ..errors import MigrationError
from ..host import mounted_content
from ..host.await_ticket import AwaitTicket
from ..host.container import Container
from ..session.journal import MigrationRecord

_PLACED_TIMEOUT_S = 10
_POLL_INTERVAL_S = 0.05


def started(
    source: ContainerSpec, engine: Engine, record: MigrationRecord, mount_copies: Mapping[str, str], patience_s: int
) -> Container:
    """A container like the source's, made by the engine of this host.

    Args:
        record: of the migration; everything is written down in it before it is there.
        mount_copies: see :meth:`ends.TargetEnd.prepare`.
        patience_s: how long its init waits for the process.
    """
    present = engine.inspect(record.container_name)
    log = KeptLog(engine.log_directory(present.id) if present else "")
    if present:
        engine.remove(present.id, running=False)
    record.adopt()
    record.created_paths = mounted_content.missing_paths(mount_copies)
    record.save()
    mounted_content.unpack(mount_copies)
    record.container_id = engine.create_awaiting(source)
    record.save()
    log.give_to(record.container_id)
    AwaitTicket(record.await_name).permit(patience_s)
    return Container(engine.start(record.container_id).pid)


def placed(engine: Engine, record: MigrationRecord) -> Container:
    """The container that a cluster has started here.

    Raises:
        MigrationError: there is none yet.
    """
    deadline = time.monotonic() + _PLACED_TIMEOUT_S
    while (spec := engine.inspect(record.container_name)) is None or not spec.pid:
        if time.monotonic() > deadline:
            raise MigrationError(
                f"The cluster has started no container of service '{record.container_name}' on this host."
            )
        time.sleep(_POLL_INTERVAL_S)
    record.adopt()
    record.container_id = spec.id
    record.save()
    return Container(spec.pid)
