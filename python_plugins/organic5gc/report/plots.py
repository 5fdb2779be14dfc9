# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots of a report. Each has a table beside it with the same figures, so that none depends on colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from organic5gc.migration import Held, Step
from organic5gc.report.inputs import Benchmark, Campaign, Cost, Load, Migration, Moved, Round, Series
from organic5gc.report.svg import BLUE, COLOURS, GREEN, GREY, LIGHT, MARKERS, ORANGE, pair

BEFORE_S, AFTER_S = 0.4, 0.6
"""What is shown of the latencies before the freeze and after the process runs again."""
_ROW = 0.24
_EDGES = 0.7


def steps(name: str, shown: Sequence[Step], down: Sequence[Step], origin_ms: float = 0.0) -> str:
    """A bar for each step, by the time since the origin; those of the downtime in another colour, with hatching."""
    since = "the freeze" if origin_ms else "the start"

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, step in enumerate(shown):
            colour = ORANGE if step in down else BLUE
            left = step.start_ms - origin_ms
            axes.barh(row, step.duration_ms, left=left, height=0.7, color=colour, linewidth=0,
                      hatch="////" if step in down else None, edgecolor="white")  # fmt: skip
            axes.vlines(left, row - 0.35, row + 0.35, color=colour, linewidth=1.5)  # a short step is seen, too
        if down:
            first, last = down[0].start_ms, down[-1].start_ms + down[-1].duration_ms
            axes.axvspan(first - origin_ms, last - origin_ms, color=LIGHT, zorder=0)
        _rows(axes, [step.name for step in shown])
        axes.set_xlabel(f"ms since {since}" + ("" if narrow else "; hatched: the process is stopped"))

    return pair(name, f"Each step by the time since {since}", draw, _EDGES + _ROW * len(shown))


def latencies(name: str, series: Sequence[Series], freeze_at: float, down: Sequence[Step]) -> str:
    """How long each answer took, by the time when its request was due, around the downtime."""
    down_ms = down[-1].start_ms + down[-1].duration_ms - down[0].start_ms

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        axes.axvspan(0, down_ms, color=LIGHT, zorder=0)
        for number, one in enumerate(series):
            near = around(one, freeze_at, down_ms)
            axes.plot(
                [(due - freeze_at) * 1000 for due, _ in near], [ms for _, ms in near], linestyle="none", markersize=3,
                marker=MARKERS[number % len(MARKERS)], color=COLOURS[number % len(COLOURS)], label=one.name,
            )  # fmt: skip
        axes.set(xlabel="request due, ms since the freeze", ylabel="answer took, ms", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(visible=True, axis="y")
        figure.legend(loc="outside upper left", ncols=2 if narrow else 5, frameon=False)

    return pair(name, "Latency of each answer around the downtime, which is shaded", draw, 3.2, 3.0)


def around(series: Series, freeze_at: float, down_ms: float) -> list[tuple[float, float]]:
    """The points that are shown."""
    first, last = freeze_at - BEFORE_S, freeze_at + down_ms / 1000 + AFTER_S
    return [(due, ms) for due, ms in series.points if first <= due <= last]


def rounds(name: str, done: Sequence[Round]) -> str:
    """What each round of pre-copy sent."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, one in enumerate(done):
            sent = one.bytes_sent / 1e6
            axes.barh(row, sent, height=0.6, color=BLUE)
            axes.annotate(
                f" {sent:.2g} MB in {one.duration_ms:.0f} ms", (sent, row), va="center", fontsize="small", color="black"
            )
        _rows(axes, [f"round {one.number}" if one.number else "after the pause" for one in done])
        axes.set_xlabel("memory sent, MB")
        axes.margins(x=0.5 if narrow else 0.25)
        axes.set_xlim(left=0)

    return pair(name, "Memory that each round of pre-copy sent", draw, _EDGES + 0.32 * len(done))


def health(name: str, counted: Sequence[tuple[str, Held]]) -> str:
    """What was counted after the migration, as a part of what it was before."""
    shown = [(what, held) for what, held in counted if held.before]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, (_, held) in enumerate(shown):
            kept = held.after >= held.before
            part = 100 * held.after / held.before
            axes.barh(row, part, height=0.6, color=GREEN if kept else ORANGE, hatch=None if kept else "////",
                      edgecolor="white", linewidth=0)  # fmt: skip
        axes.axvline(100, color="black", linewidth=1)
        _rows(axes, [what for what, _ in shown])
        axes.set_xlabel("after, % of before" + ("" if narrow else "; hatched: less than before"))

    return pair(name, "What the core held after the migration, in per cent of before", draw, _EDGES + _ROW * len(shown))


def prediction(name: str, costs: Sequence[Cost], migration: Migration) -> str:
    """The downtime that the cost model gives for each strategy, and that of the one that was used."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, cost in enumerate(costs):
            axes.plot(cost.downtime_ms, row, marker="o", color=BLUE, linestyle="none")
            if cost.strategy == migration.strategy:
                axes.plot(migration.process_downtime_ms, row, marker="D", color=ORANGE, linestyle="none")
                axes.hlines(row, cost.downtime_ms, migration.process_downtime_ms, color=GREY, linewidth=1)
        axes.plot([], [], marker="o", color=BLUE, linestyle="none", label="predicted")
        axes.plot([], [], marker="D", color=ORANGE, linestyle="none", label="measured")
        _rows(axes, [cost.strategy for cost in costs])
        axes.grid(visible=True, axis="x")
        axes.set(xlabel="process downtime, ms", xscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.margins(y=0.2)
        figure.legend(loc="outside upper left", ncols=2, frameon=False)

    return pair(name, "Predicted downtime of each strategy, and the measured one", draw, 1.1 + 0.28 * len(costs))


def drained(name: str, moved: Sequence[Moved]) -> str:
    """When each container moved."""
    first = min(one.started_at or 0.0 for one in moved)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, one in enumerate(moved):
            took = (one.migration_time_ms or 0.0) / 1000
            axes.barh(row, took, left=(one.started_at or 0.0) - first, height=0.6, color=BLUE)
        _rows(axes, [one.name for one in moved])
        axes.set_xlabel("s since the first began")

    return pair(name, "When each container moved", draw, _EDGES + _ROW * len(moved))


def downtimes(name: str, moved: Sequence[Moved]) -> str:
    """The downtime of each container, and the predicted one."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, one in enumerate(moved):
            if one.predicted_downtime_ms:
                axes.plot(one.predicted_downtime_ms, row, marker="o", color=BLUE, linestyle="none")
            if one.process_downtime_ms:
                axes.plot(one.process_downtime_ms, row, marker="D", color=ORANGE, linestyle="none")
        if any(one.predicted_downtime_ms for one in moved):
            axes.plot([], [], marker="o", color=BLUE, linestyle="none", label="predicted")
        axes.plot([], [], marker="D", color=ORANGE, linestyle="none", label="measured")
        _rows(axes, [one.name for one in moved])
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("process downtime, ms")
        axes.set_xlim(left=0)
        axes.margins(y=0.2)
        figure.legend(loc="outside upper left", ncols=2, frameon=False)

    return pair(name, "Downtime of each container, predicted and measured", draw, 1.1 + _ROW * len(moved))


def compared(name: str, rows: Sequence[tuple[str, float, float]]) -> str:
    """Downtime and migration time of several migrations, by what they are called."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, (_, downtime_ms, migration_ms) in enumerate(rows):
            axes.hlines(row, downtime_ms, migration_ms, color=GREY, linewidth=1)
            axes.plot(downtime_ms, row, marker="D", color=ORANGE, linestyle="none")
            axes.plot(migration_ms, row, marker="o", color=BLUE, linestyle="none")
        axes.plot([], [], marker="D", color=ORANGE, linestyle="none", label="process downtime")
        axes.plot([], [], marker="o", color=BLUE, linestyle="none", label="migration time")
        _rows(axes, [text for text, _, _ in rows])
        axes.grid(visible=True, axis="x")
        axes.set(xlabel="ms", xscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.margins(y=0.2)
        figure.legend(loc="outside upper left", ncols=1 if narrow else 2, frameon=False)

    return pair(name, "Downtime and migration time of each", draw, 1.1 + 0.26 * len(rows))


def by_memory(name: str, benchmark: Benchmark, measure: str, label: str) -> str:
    """A panel for each dirty rate, a line for each tool and strategy, by memory; dashed: the prediction."""
    rates = sorted({one.dirty_pages_per_s for one in benchmark.loads})
    kinds = list(dict.fromkeys(kind_of(one) for one in benchmark.loads))

    def draw(figure: Figure, narrow: bool) -> None:
        panels = figure.subplots(len(rates), 1, sharex=True, squeeze=False)
        for panel, rate in zip(panels.flat, rates, strict=True):
            panel.set_title(f"{rate} pages/s written", fontsize="medium", loc="left")
            for number, kind in enumerate(kinds):
                found = [one for one in benchmark.loads if (kind_of(one), one.dirty_pages_per_s) == (kind, rate)]
                _line(panel, sorted(found, key=lambda one: one.memory_mb), measure, number)
            panel.set(xscale="log", yscale="log", ylabel="ms")
            panel.grid(visible=True)
            memory = sorted({one.memory_mb for one in benchmark.loads})
            panel.set_xticks(memory, [str(size) for size in memory])
            panel.minorticks_off()
            panel.yaxis.set_major_formatter("{x:g}")
        panels.flat[-1].set_xlabel("memory, MB")
        lines, labels = panels.flat[0].get_legend_handles_labels()
        for panel in panels.flat[1:]:
            for line, text in zip(*panel.get_legend_handles_labels(), strict=True):
                if text not in labels:
                    lines.append(line)
                    labels.append(text)
        figure.legend(lines, labels, loc="outside upper left", ncols=2 if narrow else 4, frameon=False)

    high = 2.3 * len(rates) + 0.3 + 0.2 * -(-len(kinds) // 4)
    return pair(name, label, draw, high, 2.1 * len(rates) + 0.3 + 0.2 * -(-len(kinds) // 2))


def kind_of(load: Load) -> str:
    """Tool and strategy."""
    return load.strategy if load.backend == "resident" else f"{load.backend} {load.strategy}"


def campaign(name: str, found: Campaign) -> str:
    """The downtime of each NF by each strategy."""
    nfs = list(dict.fromkeys(row.nf for row in found.rows))
    strategies = list(dict.fromkeys(row.strategy for row in found.rows))

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for number, strategy in enumerate(strategies):
            rows = [row for row in found.rows if row.strategy == strategy and row.completed]
            axes.plot(
                [row.process_downtime_ms for row in rows], [nfs.index(row.nf) for row in rows], linestyle="none",
                marker=MARKERS[number % len(MARKERS)], color=COLOURS[number % len(COLOURS)], label=strategy,
            )  # fmt: skip
        _rows(axes, nfs)
        axes.grid(visible=True)
        axes.set(xlabel="process downtime, ms", xscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        figure.legend(loc="outside upper left", ncols=2 if narrow else 5, frameon=False)

    return pair(name, "Downtime of each NF by each strategy", draw, 1.2 + _ROW * len(nfs))


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """The first row is at the top."""
    axes.set_yticks(range(len(names)), [text if len(text) <= 24 else f"{text[:23]}…" for text in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _line(panel: Axes, loads: Sequence[Load], measure: str, number: int) -> None:
    if not loads:
        return
    colour = COLOURS[number % len(COLOURS)]
    memory = [one.memory_mb for one in loads]
    spreads = [getattr(one, measure) for one in loads]
    panel.errorbar(
        memory, [one.median for one in spreads], color=colour, marker=MARKERS[number % len(MARKERS)], markersize=4,
        yerr=[[one.median - one.min for one in spreads], [one.max - one.median for one in spreads]], capsize=2,
        label=kind_of(loads[0]), linestyle="-" if number < len(COLOURS) else ":",
    )  # fmt: skip
    predicted: list[Mapping[str, float]] = [one.predicted for one in loads]
    if all(measure in one for one in predicted):
        panel.plot(memory, [one[measure] for one in predicted], color=colour, linestyle="--", linewidth=1)
