# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of a sweep: one figure for each measure, one panel for each strategy, one line for each dirty rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

# Measure, file, what it is called.
FIGURES = (
    ("process_downtime_ms", "downtime", "Process downtime"),
    ("migration_time_ms", "total-time", "Total time of the migration"),
)
NO_COLUMNS = 2

Result = dict[str, Any]


def draw(sweep: dict[str, Any], directory: Path) -> list[Path]:
    """Writes SVG and PNG of each figure; returns the files."""
    files = []
    for measure, name, title in FIGURES:
        files += save(_figure(sweep["results"], measure, title), directory, name)
    return files


def save(figure: Figure, directory: Path, name: str) -> list[Path]:
    """Writes SVG and PNG of a figure; with a salt, and without a date, the same data give the same files."""
    files = []
    with mpl.rc_context({"svg.hashsalt": "organic", "svg.fonttype": "none", "font.size": 9}):
        for kind, metadata in (("svg", {"Date": None}), ("png", None)):
            files.append(directory / f"{name}.{kind}")
            figure.savefig(files[-1], dpi=150, metadata=metadata)
    return files


def _figure(results: Sequence[Result], measure: str, title: str) -> Figure:
    strategies = list(dict.fromkeys(result["strategy"] for result in results))
    rates = sorted({result["dirty_pages_per_s"] for result in results})
    colours = {rate: mpl.colormaps["viridis"](0.9 * i / max(1, len(rates) - 1)) for i, rate in enumerate(rates)}
    rows = -(-len(strategies) // NO_COLUMNS)
    figure = Figure(figsize=(8.5, 1.2 + 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, NO_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for panel in list(panels.flat)[len(strategies) :]:
        panel.remove()
    for panel, strategy in zip(panels.flat, strategies, strict=False):
        panel.set_title(strategy.replace("_", "-"))
        for rate in rates:
            line = [
                result
                for result in results
                if (result["strategy"], result["dirty_pages_per_s"]) == (strategy, rate)
            ]  # fmt: skip
            _draw_line(panel, sorted(line, key=lambda result: int(result["memory_mb"])), measure, colours[rate])
        panel.set(xscale="log", yscale="log", xlabel="memory, MB", ylabel="ms")
        panel.label_outer()
        panel.grid(visible=True, alpha=0.3)
        memory = sorted({result["memory_mb"] for result in results})
        panel.set_xticks(memory, [str(memory_mb) for memory_mb in memory])
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
    figure.suptitle(f"{title}: median, smallest and largest of the runs; dashed: the model's prediction")
    legend: list[Line2D] = [Line2D([], [], color=colours[rate], marker="o", label=f"{rate}") for rate in rates]
    figure.legend(handles=legend, title="pages written per second", loc="outside lower center", ncols=len(legend))
    return figure


def _draw_line(panel: Axes, line: Sequence[Result], measure: str, colour: tuple[float, ...]) -> None:
    memory = [result["memory_mb"] for result in line]
    median = [result[measure]["median"] for result in line]
    below = [result[measure]["median"] - result[measure]["min"] for result in line]
    above = [result[measure]["max"] - result[measure]["median"] for result in line]
    panel.errorbar(memory, median, yerr=[below, above], color=colour, marker="o", markersize=4, capsize=2)
    predicted = [result["predicted"][measure] for result in line]
    panel.plot(memory, predicted, color=colour, linestyle="--", linewidth=1)
