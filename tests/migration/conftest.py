# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.containers import PREFIX, WORK
from tests.harness.hosts import Host, further_hosts
from tests.harness.playbook import run_playbook
from tests.harness.site import Site

from .bridge import Bridge
from .places import HEALTHY, HERE, OUTSIDE


@pytest.fixture(scope="module")
def lab(site: Site) -> Iterator[Site]:
    """The hosts with this directory's programs, images and bridge."""
    run_playbook("--inventory", str(site.inventory), "playbooks/build_minicore.yml")
    bridge = Bridge(site)

    def clean() -> None:
        for host in site.edges:
            host.run(
                f"docker ps --all --quiet --filter name=^{PREFIX} | xargs -r docker rm --force --volumes; "
                f"rm -rf {WORK} {OUTSIDE}"
            )
        bridge.remove()

    clean()
    source, target = site.edges
    for host in site.edges:
        host.put((HERE / "probe.py").read_bytes(), f"{WORK}/probe.py")
        host.run(f"rm -rf {OUTSIDE}; mkdir {OUTSIDE}")
    site.ran.put((HERE / "peer.py").read_bytes(), f"{WORK}/peer.py")
    health = 'HEALTHCHECK --interval=500ms --retries=1 CMD ["/opt/organic/resident/init", "health"]'
    source.run(f"docker import --change '{health}' - {HEALTHY}", data=site.workload.rootfs.read_bytes())
    target.run("docker load", data=source.run_bytes(f"docker save {HEALTHY}"))
    bridge.create()
    try:
        yield site
    finally:
        clean()
        for host in site.edges:
            host.run(f"docker image rm --force {HEALTHY}")
        site.ran.run(f"rm -rf {WORK}")


@pytest.fixture(scope="module")
def manager(site: Site) -> Iterator[Host | None]:
    """The host that manages a Swarm and runs none of its containers, where the lab has a third one."""
    found = further_hosts(site.inventory)
    yield found[0] if found else None
    for host in found:
        host.close()
