#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# prometheus_client 0.26.0 (PyPI), parser.text_string_to_metric_families, with which metrics are read that something else exposes.
#
# In Prometheus' text format the name of a counter is what the server says; "_total" is a custom. Expected: the samples have the names that are in
# the text, and what is read can be exposed again. Seen: a counter without "_total" gets it: upf_packets is read as upf_packets_total, and a
# lookup of a sample by the name that the server exposes finds nothing. A server that has both, one of them a gauge, has two samples of one name then, with
# different values. Written again with generate_latest(), the name is the new one.
# No error. Gauges are right.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check prometheus_client==0.26.0
"$scratch/venv/bin/python" - <<'PYTHON'
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families


class Proxy:
    """Exposes what was read."""

    def __init__(self, text):
        self._text = text

    def collect(self):
        return text_string_to_metric_families(self._text)


def samples(text):
    return [(one.name, one.value) for family in text_string_to_metric_families(text) for one in family.samples]


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


gauge = "# TYPE upf_sessions gauge\nupf_sessions 3\n"
counter = "# TYPE upf_packets counter\nupf_packets 7\n"
total = "# TYPE upf_packets_total gauge\nupf_packets_total 100\n"
expect("gauge", samples(gauge), [("upf_sessions", 3.0)])
expect("counter", samples(counter), [("upf_packets_total", 7.0)])
expect("both", samples(counter + total), [("upf_packets_total", 7.0), ("upf_packets_total", 100.0)])
written = generate_latest(Proxy(counter)).decode().splitlines()
expect("written", [line for line in written if not line.startswith("#")], ["upf_packets_total 7.0"])
PYTHON
