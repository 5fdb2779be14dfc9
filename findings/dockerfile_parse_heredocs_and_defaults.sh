#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dockerfile-parse 2.0.1 (PyPI), which reads and changes Dockerfiles.
#
# - A here-document (Dockerfile reference, "Here-Documents"): the lines up to its end belong to RUN. Expected: so they do, or it is refused.
#   Seen: each line is an instruction. Where a script has a line that begins with "from", as Python has, the base image is
#   another one (issue 145 of the project).
# - ${N4:-192.0.2.1} is the variable or the text, ${N4:+text} the text if there is a variable (same reference, "Environment replacement"). Seen, in
#   envs and labels: the variable, and behind it ":-192.0.2.1}"; the brace stays.
# No error in either case.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check dockerfile-parse==2.0.1
cd "$scratch"
venv/bin/python - <<'PYTHON'
from io import BytesIO

from dockerfile_parse import DockerfileParser


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def parsed(*lines):
    return DockerfileParser(fileobj=BytesIO("".join(f"{line}\n" for line in lines).encode()))


def shown(file):
    return file.baseimage, [one["instruction"] for one in file.structure], dict(file.labels)


plain = parsed("FROM python:3", "LABEL nf=upf", 'RUN python -c "import os"')
expect("plain", shown(plain), ("python:3", ["FROM", "LABEL", "RUN"], {"nf": "upf"}))
here = parsed("FROM python:3", "LABEL nf=upf", "RUN <<EOF python", "from os import environ", "EOF")
expect("here-document", shown(here), ("os", ["FROM", "LABEL", "RUN", "FROM", "EOF"], {}))

variables = parsed("FROM upf", "ENV N3=192.0.2.3", "ENV A=${N3} B=${N3:-192.0.2.1} C=${N4:-192.0.2.1} D=${N3:+yes}")
expect(
    "variables",
    dict(variables.envs),
    {"N3": "192.0.2.3", "A": "192.0.2.3", "B": "192.0.2.3:-192.0.2.1}", "C": ":-192.0.2.1}", "D": "192.0.2.3:+yes}"},
)
PYTHON
