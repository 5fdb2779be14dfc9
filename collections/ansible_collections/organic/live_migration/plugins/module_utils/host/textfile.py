# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for node_exporter's textfile collector, in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

The collector (1.5 to 1.12) refuses a whole file for a timestamp, a carriage return or a missing last newline, and loses
samples, without an error, where two files give a metric another HELP or TYPE. So each metric is in one file only, and
its family is declared once.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
_SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True)
class Family:
    """A metric: all its samples have this help and type."""

    name: str
    kind: str
    help: str

    def has(self, sample: str) -> bool:
        """Whether a sample of this name is one of its own."""
        parts = ("_bucket", "_sum", "_count") if self.kind == HISTOGRAM else ("",)
        return sample in [self.name + part for part in parts]


@dataclass(frozen=True)
class Sample:
    """Name and labels of one time series."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, name: str, **labels: str) -> Sample:
        return cls(name, tuple(labels.items()))

    def __str__(self) -> str:
        if not self.labels:
            return self.name
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels)
        return f"{self.name}{{{labels}}}"


Samples = dict[Sample, float]


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in value)


def render(families: Iterable[Family], samples: Mapping[Sample, float]) -> str:
    """The content of a file. The samples of a family are in the order in which they were added."""
    lines = []
    for family in families:
        its = [f"{sample} {value:.16g}" for sample, value in samples.items() if family.has(sample.name)]
        if its:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}", *its]
    return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> Samples:
    """The samples of a file that :func:`render` made; lines of another form are left out."""
    samples: Samples = {}
    for line in text.splitlines():
        found = _SAMPLE.fullmatch(line)
        if found is None:
            continue
        labels = tuple((name, _read(value)) for name, value in _LABEL.findall(found.group(2) or ""))
        with contextlib.suppress(ValueError):
            samples[Sample(found.group(1), labels)] = float(found.group(3))
    return samples


def _read(value: str) -> str:
    return re.sub(r"\\.", lambda found: _UNESCAPED.get(found.group(), found.group()), value)


def write(path: Path, text: str) -> None:
    """Replace a file at once. Whoever may read its directory may read it, and nobody else.

    Raises:
        OSError: the directory is missing or full.
    """
    directory = path.parent.stat()
    temporary = path.with_name(f".{path.name}.new")  # the collector reads *.prom only
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchown(file.fileno(), -1, directory.st_gid)
        os.fchmod(file.fileno(), 0o600 | directory.st_mode & 0o044)
        file.write(text)
    os.replace(temporary, path)
