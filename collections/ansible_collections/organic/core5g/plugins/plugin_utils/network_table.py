# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table 1 of the paper beside what was measured: as Markdown, CSV and a plot."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """A row of Table 1.

    Attributes:
        rtt_us: round-trip time in microseconds.
    """

    name: str
    rtt_us: int
    networking: str
    security: str


PAPER = {
    "host": PaperRow("Host", 522, "L2 / L3", "-"),
    "bridge": PaperRow("Bridge", 600, "L2 / L3", "○"),
    "macvlan": PaperRow("Macvlan", 520, "L2 / L3", "○"),
    "ipvlan_l2": PaperRow("Ipvlan (L2)", 520, "L3", "○"),
    "ipvlan_l3": PaperRow("Ipvlan (L3)", 539, "L3", "○"),
    "overlay": PaperRow("Overlay", 656, "(L2) / L3", "+"),
}
"""M. Gundall et al., Table 1, "Network driver overview". Its (L2) is that of Kubernetes only."""
ORIGINS = ("neighbour", "stranger", "host")
"""Containers on the client's host: on its network, on Docker's default network; and that host itself."""
COLUMNS = (
    "driver", "size_bytes", "packets", "lost", "paper_rtt_us", "median_us", "p99_us", "min_us", "paper_networking",
    "unicast_frames", "broadcast_frames", "paper_security",
    *(f"{origin}_reaches_{target}" for origin in ORIGINS for target in ("client", "server")),
    "load", "impossible",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured driver, as the role network_measurement collects it.

    Attributes:
        impossible: why it was not measured; empty if it was.
        round_trips: fields of probe_packets.RoundTrips for each size.
        reaches: by origin, whether it reaches the client, and the server on the other host.
        seen: the frames that arrived, unicast and broadcast.
        load: of the client's host at the end.
    """

    driver: str
    parent: str
    impossible: str
    sizes: Sequence[int]
    packets: int
    round_trips: Sequence[Mapping[str, Any]]
    reaches: Mapping[str, Mapping[str, bool]]
    seen: Sequence[str]
    load: Mapping[str, Any]

    @property
    def paper(self) -> PaperRow | None:
        return PAPER.get(self.driver)

    def reached(self, target: str) -> str:
        names = [origin for origin in ORIGINS if self.reaches[origin][target]]
        return ", ".join("another network" if name == "stranger" else name for name in names) or "none"

    def plan(self) -> str:
        """What would be measured."""
        if self.impossible:
            return f"{self.driver}: not possible: {self.impossible}"
        sizes = " and ".join(map(str, self.sizes))
        return (
            f"{self.driver} by {self.parent or 'the Swarm'}: {self.packets} packets of {sizes} bytes, frames, isolation"
        )


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    sizes = list(dict.fromkeys(size for row in rows for size in row.sizes))
    heads = ["driver", "paper: RTT"]
    heads += [f"{size} bytes: median / p99 / lost" for size in sizes]
    heads += ["paper: networking", "frames that passed", "paper: security", "client reached by", "server reached by"]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        paper = row.paper
        start = [row.driver, f"{paper.rtt_us} µs" if paper else ""]
        if row.impossible:
            lines.append([*start, f"not possible: {row.impossible}", *[""] * (len(heads) - 3)])
            continue
        trips = {trip["size"]: trip for trip in row.round_trips}
        lines.append(
            [
                *start,
                *(_cell(trips.get(size)) for size in sizes),
                paper.networking if paper else "",
                ", ".join(sorted(row.seen, reverse=True)) or "none",
                paper.security if paper else "",
                row.reached("client"),
                row.reached("server"),
            ]
        )
    loads = [row.load["one_minute"] for row in rows if row.load]
    processors = max((row.load["processors"] for row in rows if row.load), default=0)
    text = "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
    if loads:
        text += (
            f"\nLoad of the client's host while measured: {min(loads)} to {max(loads)} on {processors} processors. "
            "Client and server are containers on two hosts. Reached by: a neighbour on the same network and host as "
            "the client, a container on Docker's default network there (a pod on the cluster's own), and that host "
            "itself.\n"
        )
    return text


def _cell(trip: Mapping[str, Any] | None) -> str:
    if trip is None or trip["median_us"] is None:
        return "no answer"
    return f"{trip['median_us']:g} µs / {trip['p99_us']:g} µs / {trip['lost']}"


def comma_separated(rows: Sequence[Row]) -> str:
    """One line for each driver and size; a driver that is not possible has one line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        paper = dataclasses.asdict(row.paper) if row.paper else {}
        common = {
            "driver": row.driver,
            **{f"paper_{key}": paper.get(key, "") for key in ("rtt_us", "networking", "security")},
            "impossible": row.impossible,
        }
        if row.impossible:
            writer.writerow(common)
            continue
        frames = {f"{kind}_frames": kind in row.seen for kind in ("unicast", "broadcast")}
        reach = {
            f"{origin}_reaches_{target}": row.reaches[origin][target]
            for origin in ORIGINS
            for target in ("client", "server")
        }
        for trip in row.round_trips:
            values = {key: trip[key] for key in ("packets", "lost", "median_us", "p99_us", "min_us")}
            load = {"size_bytes": trip["size"], "load": row.load["one_minute"]}
            writer.writerow({**common, **frames, **reach, **values, **load})
    return out.getvalue()


_WIDTH, _BAR, _TOP, _LEFT, _SCALE_WIDTH = 760, 14, 50, 110, 520
_COLOURS = ("#bbbbbb", "#31688e", "#35b779", "#440154", "#90d743")


def plot(rows: Sequence[Row]) -> str:
    """Bars of the medians by driver, beside the paper's; a line from each to its 99th percentile. SVG."""
    sizes = list(dict.fromkeys(size for row in rows for size in row.sizes))
    longest = max(
        [value for row in rows for value in _lengths(row)] + [row.paper.rtt_us for row in rows if row.paper] + [1]
    )
    scale = _SCALE_WIDTH / longest
    parts: list[str] = []
    names = ["paper", *(f"{size} bytes" for size in sizes)]
    for number, name in enumerate(names):
        parts.append(_rectangle(_LEFT + 130 * number, 26, 10, 10, number))
        parts.append(_text(_LEFT + 130 * number + 14, 35, name))
    y = _TOP
    for row in rows:
        parts.append(_text(4, y + _BAR, row.driver))
        bars: list[tuple[float | None, float | None]] = [(row.paper.rtt_us if row.paper else None, None)]
        trips = {} if row.impossible else {trip["size"]: trip for trip in row.round_trips}
        bars += [(trips[size]["median_us"], trips[size]["p99_us"]) if size in trips else (None, None) for size in sizes]
        for number, (value, most) in enumerate(bars):
            if value is not None:
                end = _LEFT + value * scale
                parts.append(_rectangle(_LEFT, y, value * scale, _BAR - 2, number))
                if most is not None:
                    parts.append(_line(end, _LEFT + most * scale, y + _BAR / 2 - 1))
                parts.append(_text(_LEFT + (most or value) * scale + 4, y + _BAR - 3, f"{value:g}"))
            elif number == 1 and row.impossible:
                parts.append(_text(_LEFT, y + _BAR - 3, "not possible here"))
            y += _BAR
        y += 10
    title = _text(4, 16, "Round-trip time in µs: median, line to the 99th percentile")
    size = f'width="{_WIDTH}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', title, *parts, "</svg>\n"])


def _lengths(row: Row) -> list[float]:
    return [] if row.impossible else [trip["p99_us"] for trip in row.round_trips if trip["p99_us"] is not None]


def _rectangle(x: float, y: float, width: float, height: float, number: int) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _line(start: float, end: float, y: float) -> str:
    return f'<line x1="{start:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}" stroke="black"/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}">{escape(text)}</text>'
