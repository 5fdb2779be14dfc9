#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docker 7.2.0 (PyPI), the SDK: mounts of a service that are given as text, "source:target:options", as in services.create(mounts=[...]).
#
# Its documentation names the options "ro" and "rw". Expected: an error for anything else. Seen, without one: whatever is not "rw" alone means
# read-only, and the propagation is lost: with "rw,rslave" a network function neither sees what is mounted on the host later nor can
# write its state. volumes={...} of containers keeps the propagation.
# Take docker.types.Mount with its parameters.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check docker==7.2.0
"$scratch/venv/bin/python" - <<'PYTHON'
from docker.types import ContainerSpec
from docker.utils import convert_volume_binds


def mounted(options):
    """What the engine is asked to mount: read-only or not, propagation, type."""
    [mount] = ContainerSpec("upf", mounts=[f"/srv/n4:/n4:{options}"])["Mounts"]
    return mount["ReadOnly"], mount.get("BindOptions"), mount["Type"]


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


expect("ro", mounted("ro"), (True, None, "bind"))
expect("rw", mounted("rw"), (False, None, "bind"))
for options in ("rw,rslave", "rslave", "rw,Z"):
    expect(options, mounted(options), (True, None, "bind"))
binds = convert_volume_binds({"/srv/n4": {"bind": "/n4", "mode": "rw", "propagation": "rslave"}})
expect("of a container", binds, ["/srv/n4:/n4:rw,rslave"])
PYTHON
