# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results for people: Rich tables and sentences."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from organic5gc.errors import Cancelled, Interrupted, OrganicError, PlaybookFailed
from organic5gc.results import Migrated, Recovered, Status
from organic5gc.runs import Run


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Cells are Text, which Rich shows as they are."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        made.add_column(title, overflow="fold")
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def status(found: Status) -> Group:
    """Where every NF runs, what moves, and who cannot be reached."""
    moving = {(one.name, one.source_host): one for one in found.migrations}
    nfs = []
    for nf in found.nfs:
        migration = moving.get((nf.name, nf.host))
        up = [one for one in nf.associations if one.up]
        registered = {None: "", True: "registered", False: "not registered"}[nf.registered]
        moves = f"to {migration.target_host}: {migration.state}" if migration else ""
        cells = [
            nf.name,
            nf.host,
            nf.address,
            "" if nf.sessions is None else nf.sessions,
            f"{len(up)} of {len(nf.associations)} up" if nf.associations else "",
            registered,
            nf.error or moves,
        ]
        nfs.append(cells)
    parts: list[Table | Text] = [table(("NF", "host", "address", "sessions", "PFCP", "NRF", ""), nfs)]
    for one in found.migrations:
        what = one.state if one.in_progress else f"interrupted in {one.state}: run organic5gc recover"
        figures = f", round {one.round}, {one.remaining_bytes / (1 << 20):.1f} MiB left" if one.round else ""
        parts.append(Text(f"{one.name} from {one.source_host} to {one.target_host}: {what}{figures}"))
    parts += [Text(f"{host} cannot be asked: {why}") for host, why in found.unreachable.items()]
    return Group(*parts)


def migration(moved: Migrated, nf: str, target_host: str) -> str:
    """What a migration has cost."""
    report = moved.report
    if report is None:
        return f"{nf} runs on {target_host} already (run {moved.run})."
    return (
        f"{report.nf} moved from {report.source_host} to {report.target_host} by {report.strategy}: {report.status}\n"
        f"  process downtime  {report.process_downtime_ms:.1f} ms\n"
        f"  migration time    {report.migration_time_ms:.1f} ms\n"
        f"  bytes sent        {report.bytes_sent}\n"
        f"  PDU sessions      {report.sessions.before} before, {report.sessions.after} after\n"
        f"  run               {moved.run}"
    )


def recovered(found: Recovered) -> str:
    """What was recovered on each host."""
    lines = []
    for host, answer in sorted(found.hosts.items()):
        for one in [*answer.get("recovered", []), *answer.get("resolved", [])]:
            lines.append(f"{host}: {one['name']}: {one['outcome']}")
    return "\n".join(lines) or "There was nothing to recover."


def rows(found: Sequence[Mapping[str, str]]) -> Table:
    """A table that a playbook has written."""
    titles = list(found[0]) if found else []
    return table(titles, [[row.get(title, "") for title in titles] for row in found])


def runs(found: Sequence[Run]) -> Table:
    """The history."""
    cells = []
    for run in found:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started_at))
        took = "" if run.ended_at is None else f"{run.ended_at - run.started_at:.1f} s"
        what = " ".join(str(run.arguments[name]) for name in ("nf", "host", "target_host") if name in run.arguments)
        cells.append((run.id, began, f"{run.command} {what}".strip(), run.status, took))
    return table(("run", "began", "what", "status", "took"), cells)


def error(found: OrganicError) -> dict[str, Any]:
    """An error for programs."""
    plain: dict[str, Any] = {"kind": type(found).__name__, "message": found.message}
    if isinstance(found, PlaybookFailed):
        plain |= {"playbook": found.playbook, "task": found.task, "host": found.host, "output": str(found.output)}
        plain["blockers"] = [vars(one) for one in found.blockers]
    if isinstance(found, Cancelled | Interrupted) and found.ending:
        plain["ending"] = vars(found.ending)
    return plain


def explain(found: OrganicError) -> str:
    """An error for people."""
    if not isinstance(found, PlaybookFailed):
        return found.message
    if found.blockers:
        return "\n".join(["Nothing was touched:", *(f"- {one.message}. {one.remedy}." for one in found.blockers)])
    where = f"{found.playbook}: {found.task or 'start'}{f' on {found.host}' if found.host else ''}"
    return f"{where} failed:\n{found.message}\nFull output of Ansible: {found.output}"
