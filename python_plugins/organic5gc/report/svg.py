# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matplotlib's figures as SVG inside a page: without a size of their own, without references to the outside."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

WIDE_INCHES, NARROW_INCHES = 7.4, 3.55
"""A plot is drawn for a screen and for a telephone: the letters of one that is made smaller cannot be read."""

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072b2", "#c14a00", "#007a5a", "#8f3f8f", "#595959"
"""After Okabe and Ito, darkened until each has a contrast of 4.5 to white; told apart with every kind of sight."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY)
MARKERS = ("o", "s", "^", "D", "v")
LIGHT = "#f3dcc8"
GRID = "#d0d0d0"

Draw = Callable[[Figure, bool], None]
"""Draws into an empty figure; whether it is the narrow one."""


def pair(name: str, label: str, draw: Draw, inches_high: float, narrow_inches_high: float = 0.0) -> str:
    """The same plot twice, for wide and narrow pages; one of them is shown.

    Args:
        name: unique in the page.
        label: what a screen reader says.
    """
    wide = _svg(f"{name}-wide", label, draw, (WIDE_INCHES, inches_high), narrow=False)
    narrow = _svg(f"{name}-narrow", label, draw, (NARROW_INCHES, narrow_inches_high or inches_high), narrow=True)
    return f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'


def _svg(name: str, label: str, draw: Draw, inches: tuple[float, float], narrow: bool) -> str:
    with mpl.rc_context():
        mpl.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": name,
                "text.parse_math": False,  # a name may have a dollar sign
                "font.size": 8 if narrow else 9,
                "font.family": "sans-serif",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": GREY,
                "grid.color": GRID,
            }
        )
        figure = Figure(figsize=inches, layout="constrained")
        draw(figure, narrow)
        text = io.StringIO()
        # Without a date, the same data give the same page.
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )
    # Names are unique in a figure only.
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label, quote=True)}"', 1)
