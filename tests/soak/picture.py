# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of one handover by ppm, from its events and from what the clients saw (docs/pictures/ppm.svg)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

SPANS = (("pause", "tab:red"), ("restore, and both run in step", "tab:green"), ("handover", "tab:orange"))


def draw(
    migration: dict[str, Any], edges_ms: Sequence[float], answers: Sequence[tuple[float, float, bool]], path: Path
) -> None:
    """Write it as SVG.

    Args:
        migration: result of container_migrate.
        edges_ms: of the three spans, four times in milliseconds; the pause begins at 0.
        answers: when each was due and when it came, and whether it came by UDP.
        path: of the file.
    """
    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    waits, counts = figure.subplots(2, 1, sharex=True)
    for panel in (waits, counts):
        for (name, colour), begin, end in zip(SPANS, edges_ms, edges_ms[1:], strict=False):
            panel.axvspan(begin, end, color=colour, alpha=0.15, label=f"{name}: {end - begin:.1f} ms", linewidth=0)
    for by_udp, marker, name in ((False, "o", "TCP"), (True, "x", "UDP")):
        those = [(due, came - due) for due, came, udp in answers if udp == by_udp]
        waits.plot([due for due, _ in those], [wait for _, wait in those], marker, markersize=3, label=name)
    waits.set_ylabel("answer after (ms)")
    waits.legend(loc="upper right", fontsize=7)
    due = sorted(one[0] for one in answers)
    came = sorted(one[1] for one in answers)
    counts.step(due, range(1, len(due) + 1), where="post", label="requests due", linewidth=1)
    counts.step(came, range(1, len(came) + 1), where="post", label="answers", linewidth=1)
    counts.set_ylabel("number")
    counts.set_xlabel(
        f"ms since the pause began; the clone got {migration['inputs']} inputs, "
        f"{migration['answers_compared']} answers were compared, lag {migration['lag_ms']:.1f} ms"
    )
    handles, labels = counts.get_legend_handles_labels()
    counts.legend(handles[-2:], labels[-2:], loc="upper left", fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "organic", "svg.fonttype": "none", "font.size": 9}):
        figure.savefig(path, metadata={"Date": None})
