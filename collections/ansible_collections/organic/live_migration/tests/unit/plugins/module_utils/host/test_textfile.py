# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import textfile
from ansible_collections.organic.live_migration.plugins.module_utils.host.textfile import Family, Sample

COUNT = Family("organic_things_total", textfile.COUNTER, "Things.")
TIMES = Family("organic_time_seconds", textfile.HISTOGRAM, "How long.")


def test_a_family_is_declared_once_above_its_samples() -> None:
    samples = {
        Sample.of("organic_time_seconds_bucket", le="+Inf"): 3.0,
        Sample.of("organic_things_total", kind="a"): 1.0,
        Sample.of("organic_time_seconds_sum"): 0.25,
        Sample.of("organic_things_total", kind="b"): 2.0,
        Sample.of("organic_unknown"): 9.0,
    }
    assert textfile.render([COUNT, TIMES], samples).splitlines() == [
        "# HELP organic_things_total Things.",
        "# TYPE organic_things_total counter",
        'organic_things_total{kind="a"} 1',
        'organic_things_total{kind="b"} 2',
        "# HELP organic_time_seconds How long.",
        "# TYPE organic_time_seconds histogram",
        'organic_time_seconds_bucket{le="+Inf"} 3',
        "organic_time_seconds_sum 0.25",
    ]


@pytest.mark.parametrize("value", ["plain", 'a "quoted" one', "back\\slash", "two\nlines", "\\n", "{},= "])
def test_what_is_written_is_read(value: str) -> None:
    samples = {
        Sample.of("organic_things_total", kind=value, more="x"): 1796031419.36147,
        Sample.of("organic_things_total"): 5,
    }
    text = textfile.render([COUNT], samples)
    assert len(text.splitlines()) == 4
    assert text.endswith("\n")
    assert textfile.parse(text) == samples


def test_lines_of_another_form_are_left_out() -> None:
    assert textfile.parse("organic_a 1\norganic_b\norganic_c x\nORGANIC 2\n\nhalf{a=") == {Sample.of("organic_a"): 1}


@pytest.mark.parametrize(("mode", "expected"), [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600), (0o2775, 0o644)])
def test_who_may_read_the_directory_may_read_the_file(tmp_path: Path, mode: int, expected: int) -> None:
    directory = tmp_path / "collector"
    directory.mkdir()
    directory.chmod(mode)
    os.chown(directory, -1, 12345)
    textfile.write(directory / "organic.prom", "organic_a 1\n")
    found = (directory / "organic.prom").stat()
    assert (found.st_mode & 0o7777, found.st_gid) == (expected, 12345)
    assert [path.name for path in directory.iterdir()] == ["organic.prom"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "organic.prom"
    textfile.write(path, "organic_a 1\n")
    with path.open() as reader:
        textfile.write(path, "organic_a 2\n")
        assert reader.read() == "organic_a 1\n"
    assert path.read_text() == "organic_a 2\n"
