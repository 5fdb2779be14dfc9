# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat, failures, host_code
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult, TaskVars
from ansible_collections.organic.live_migration.plugins.plugin_utils.arguments import BATCH_ARGUMENTS
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch import Batch, Ended, Move
from ansible_collections.organic.live_migration.plugins.plugin_utils.batch_work import BatchWork, counts


class ActionModule(ActionBase):
    """Runs many migrations from the task's host, some of them at once."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    @failures.as_results
    def run(self, tmp: str | None = None, task_vars: TaskVars | None = None) -> ActionResult:
        result: ActionResult = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(BATCH_ARGUMENTS)
        variables: TaskVars = task_vars or {}
        host_code.stay_warm()
        source = ansible_compat.source_name(self, variables)
        work = BatchWork(self, variables, arguments)
        total = len(work.moves)

        def watch(running: list[str], ended: list[Ended], last: Ended | None) -> None:
            ansible_compat.send_batch(self, counts(source, total, running, ended, last), variables)

        ended = Batch(source, work.moves, arguments["parallel"], self._one(work), watch).run()
        lost = [one for one in ended if not one.is_well]
        result.update(
            changed=any(one.is_well for one in ended),
            migrations=[dataclasses.asdict(one) for one in ended],
            warnings=[text for one in ended for text in one.warnings],
        )
        if lost:
            reasons = " ".join(f"{one.name}: {one.reason}" for one in lost)
            result.update(failed=True, msg=f"{len(lost)} of {total} containers were not moved. {reasons}")
        return result

    def _one(self, work: BatchWork) -> Any:
        check_mode = bool(self._task.check_mode)

        def one(move: Move) -> Ended:
            return work.predict(move) if check_mode else work.migrate(move)

        return one
