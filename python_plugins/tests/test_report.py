# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the pages of reports; tests/display looks at them in a browser."""

from __future__ import annotations

import itertools
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from organic5gc import report
from organic5gc.cli import Exit
from organic5gc.errors import InvalidRequest
from organic5gc.report import inputs, svg
from organic5gc.runs import History

from python_plugins.tests import hand_made_results as results
from python_plugins.tests.test_cli import project, run

__all__ = ["project"]


class Reader(HTMLParser):
    """Elements, the addresses that they name, and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def page(*values: Any) -> Reader:
    return Reader(report.render(report.read_all([(f"file {number}", one) for number, one in enumerate(values)])))


EVERYTHING = (
    results.migration(),
    results.migration("inter_copy", 90.0),
    results.clients(),
    results.drain(),
    results.benchmark(),
    results.campaign(),
)


@pytest.fixture(scope="module")
def whole() -> str:
    return report.render(report.read_all([("a", one) for one in EVERYTHING]))


def test_a_page_needs_nothing_else_and_runs_nothing(whole: str) -> None:
    found = Reader(whole)
    assert {address for address in found.addresses if not address.startswith("#")} == {"data:,"}
    assert not {"script", "iframe", "object", "img"} & set(found.elements)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', whole)
    assert "@import" not in whole
    assert not re.findall(r"url\((?!#)", whole)


def test_every_plot_has_a_table_and_every_name_in_it_is_unique(whole: str) -> None:
    found = Reader(whole)
    plots = found.elements.count("svg") / 2  # one for wide pages, one for narrow ones
    assert 10 < plots <= found.elements.count("table")
    assert len(found.ids) == len(set(found.ids))
    assert {address[1:] for address in found.addresses if address.startswith("#")} <= set(found.ids)


def test_the_same_results_give_the_same_page() -> None:
    subjects = report.read_all([("a", results.migration()), ("b", results.clients())])
    assert report.render(subjects) == report.render(subjects)


def test_a_migration_shows_steps_rounds_health_prediction_and_latencies() -> None:
    text = page(results.migration(), results.clients()).text
    for title in ("Timeline", "Steps of the downtime", "Latencies around the freeze", "Memory rounds",
                  "Health before and after", "Prediction and outcome"):  # fmt: skip
        assert title in text
    assert "smf from edge-a to edge-b: completed" in text
    assert "Nothing was lost" in text


def test_latencies_are_laid_beside_the_steps_by_the_time_of_day() -> None:
    (subject,) = report.read_all([("a", results.migration()), ("b", results.clients())])
    assert isinstance(subject, inputs.Migration)
    assert subject.freeze_at == pytest.approx(results.FREEZE_AT)
    section = next(one for one in _sections(subject) if one.title.startswith("Latencies"))
    assert section.table.rows[0] == ("n2", 2.0, pytest.approx(39.5, abs=0.1), 2.0)


def _sections(subject: inputs.Subject) -> Any:
    from organic5gc.report.sections import chapter

    return chapter(subject, "s0").sections


def test_clients_of_another_time_are_not_laid_beside_it() -> None:
    later = results.migration()
    later["statistics"] = {**later["statistics"], "started_at": results.BEGAN + 3600}
    text = page(later, results.clients()).text
    assert "Latencies around the freeze" not in text
    assert "longest gap" not in text


def test_the_result_of_the_demo_and_its_report_are_one_migration() -> None:
    merged = {
        **{name: value for name, value in results.migration().items() if name not in ("statistics", "kept")},
        "gaps_ms": {"sbi": 44.0, "n2": 1.0, "n3": 1.0, "procedures": 1.0},
        "procedures": {"succeeded": 5, "failed": 2}, "sbi_requests": {"succeeded": 5, "failed": 0},
        "ues": {"before": 100, "after": 100}, "reauthentications": 0, "nas_mismatches": 0,
        "sctp_associations": {"opened": 2, "kept": 2}, "sbi_connections": {"opened": 1, "kept": 1},
    }  # fmt: skip
    subjects = report.read_all([("result", merged), ("report", results.migration())])
    assert len(subjects) == 1
    text = page(merged, results.migration()).text
    assert "2 procedures failed" in text
    assert "Memory rounds" in text
    assert "longest gap on sbi.smf" in text


def test_several_migrations_are_compared() -> None:
    text = page(results.migration(), results.migration("inter_copy", 90.0)).text
    assert "Comparison of strategies" in text
    assert "90.0" in text


def test_a_drain_says_what_stays_and_why() -> None:
    text = page(results.drain()).text
    assert "3 of 4 left edge-a" in text
    assert "stays: it holds <kernel> SCTP" in text
    assert "edge-c cannot be reached: timed out" in text


def test_names_of_a_file_are_text_and_nothing_else() -> None:
    found = page(results.drain())
    assert "script" not in found.elements
    assert results.HOSTILE in found.text


def test_a_failed_migration_is_bad_and_said_so() -> None:
    text = page(
        {"failed": True, "msg": "no", "migration": results.migration(status="failed", outcome="rolled_back")}
    ).text
    assert "It ended as failed: rolled back" in text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "is none of these"),
        ([], "is none of these"),
        ("text", "is none of these"),
        ({"steps": [], "source_host": "a"}, "'name' is missing"),
        ({"steps": [{"name": 1}], **results.migration(steps=[{"name": "a"}])}, "'start_ms' is missing"),
        ({"containers": [{}], "direction": "away"}, "'from' is missing"),
        ([{"service_gap_ms": 1}], "is missing"),
    ],
)
def test_a_file_that_is_no_result_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^some.json .*{message}"):
        report.read_all([("some.json", value)])


def test_figures_of_clients_alone_are_no_report() -> None:
    with pytest.raises(InvalidRequest, match="no migration, drain or benchmark"):
        report.read_all([("a", results.clients())])


def linear(colour: str) -> tuple[float, ...]:
    """Red, green and blue of #rrggbb as light adds up (IEC 61966-2-1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def weighed(light: tuple[float, ...], *rows: tuple[float, float, float]) -> tuple[float, ...]:
    return tuple(min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in rows)


def lab(light: tuple[float, ...]) -> tuple[float, ...]:
    """CIE 1976 L*a*b* to D65, in which distances are differences that are seen."""
    rows = (0.4339, 0.3762, 0.1899), (0.2126, 0.7152, 0.0722), (0.0177, 0.1095, 0.8726)
    x, y, z = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in weighed(light, *rows))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_the_colours_have_contrast() -> None:
    """4.5 to white, as WCAG 2.2 asks for text; marks would need 3."""
    for colour in svg.COLOURS:
        (luminance,) = weighed(linear(colour), (0.2126, 0.7152, 0.0722))
        assert 1.05 / (luminance + 0.05) >= 4.5, colour


JUST_NOTICEABLE = 2.3
SIGHTS = {
    "all cones": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What is seen without one kind of cones (Machado, Oliveira and Fernandes 2009, severity 1)."""


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_colours_are_told_apart_with_every_kind_of_sight(sight: str) -> None:
    for one, other in itertools.combinations(svg.COLOURS, 2):
        seen = [lab(weighed(linear(colour), *SIGHTS[sight])) for colour in (one, other)]
        assert math.dist(*seen) > 3 * JUST_NOTICEABLE, (one, other)


def test_what_is_told_apart_by_its_colour_is_also_by_its_shape() -> None:
    """For those who see no colour, and on paper."""
    assert len({*svg.MARKERS}) == len(svg.MARKERS) == len(svg.COLOURS)


def test_the_command_writes_a_page_of_files_and_of_runs(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "drain.json"
    file.write_text(json.dumps(results.drain()))
    done = run(project, "report", str(file), "--json")
    assert done.returncode == Exit.DONE, done.stderr
    assert json.loads(done.stdout) == {"file": str(tmp_path / "drain.html"), "changed": True}
    assert json.loads(run(project, "report", str(file), "--json").stdout)["changed"] is False
    history = History(project / "data")
    begun = history.begin("migrate", {"nf": "smf"}, project)
    history.end(begun, "successful", result={"run": begun.id, "report": {"nf": "smf", "whole": results.migration()}})
    assert run(project, "report", "last", "-o", str(tmp_path / "run.html")).returncode == Exit.DONE
    assert "smf from edge-a to edge-b" in (tmp_path / "run.html").read_text()


def test_the_command_refuses_what_it_cannot_read(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    done = run(project, "report", str(broken))
    assert (done.returncode, "cannot be read as JSON" in done.stderr) == (Exit.USAGE, True)
    assert run(project, "report", "no-such-run").returncode == Exit.USAGE
    history = History(project / "data")
    for command, status in (("migrate", "failed"), ("measure-networks", "successful")):
        history.end(history.begin(command, {}, project), status, result={} if status == "failed" else {"rows": []})
        refused = run(project, "report", "last")
        assert refused.returncode == Exit.USAGE
        assert f"({command}, {status}) has left nothing that a report shows" in refused.stderr
    assert not list(tmp_path.glob("*.html"))
