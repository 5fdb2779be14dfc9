#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# python-on-whales 0.81.0 (PyPI), a client that runs the command docker: times that are given as timedelta or as a number.
#
# - container.create() and container.run(), health_interval. Expected: half a second is 500ms. Seen: the fraction is cut off, and
#   500 ms are "0s", which means the image's value, or 30 s, to the engine. 1.5 s are 1s.
# - container.stop(time=60), "seconds to wait for stop before killing a container". Expected: --time 60, as restart() has it. Seen:
#   a number of seconds is left out, any of them, so that the network function is killed after the usual 10 s. As a
#   timedelta it is "60.0s", which the command stop refuses.
# No error of the library, which leaves that to docker.
#
# docker is a stand-in of some lines that keeps its arguments. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check python-on-whales==0.81.0
cat >"$scratch/docker" <<'DOCKER'
#!/usr/bin/env bash
printf '%s\n' "$*" >>"$0.calls"
case $* in
  *inspect*) echo '[{"Id": "0123456789ab"}]' ;;
  *) echo 0123456789ab ;;
esac
DOCKER
chmod +x "$scratch/docker"
cat >"$scratch/times.py" <<'PYTHON'
import sys
from datetime import timedelta
from pathlib import Path

from python_on_whales import DockerClient

command = Path(sys.argv[1])
calls = command.with_name("docker.calls")
client = DockerClient(client_call=[str(command)])


def expect(function, arguments, options, expected):
    function(*arguments, **options)
    seen = calls.read_text().splitlines()[-1]
    print(f"{options}: {seen}")
    assert seen == expected, f"it was {expected}"


for interval, seen in ((timedelta(seconds=2), "2s"), (timedelta(seconds=1.5), "1s"), (timedelta(milliseconds=500), "0s")):
    expect(client.container.create, ["upf"], {"health_interval": interval}, f"create --health-interval {seen} upf")
expect(client.container.restart, ["upf"], {"time": 60}, "restart --time 60 upf")
expect(client.container.stop, ["upf"], {"time": 60}, "container stop upf")
expect(client.container.stop, ["upf"], {"time": 0}, "container stop upf")
expect(client.container.stop, ["upf"], {"time": timedelta(seconds=60)}, "container stop --time 60.0s upf")
PYTHON
"$scratch/venv/bin/python" "$scratch/times.py" "$scratch/docker"
