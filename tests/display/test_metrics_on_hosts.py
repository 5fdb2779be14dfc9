# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics on real hosts: set up by the role, counted by a migration, removed again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import textfile
from ansible_collections.organic.live_migration.plugins.module_utils.host.textfile import Sample

from tests.harness.hosts import Host
from tests.harness.migration import MigrationUnderTest
from tests.harness.playbook import ENVIRONMENT, PlaybookResult, PlaybookRun
from tests.harness.site import Site
from tests.harness.wait import until

pytestmark = pytest.mark.exhaustive
DIRECTORY = "/var/lib/organic-collector"
LINK = "/opt/organic/metrics"
FILE = f"{DIRECTORY}/organic_migrations.prom"
NFS = f"{DIRECTORY}/organic_nfs.prom"
COMPLETED = Sample.of("organic_migrations_total", outcome="completed")


def set_up(site: Site, directory: str) -> PlaybookResult:
    command = ["ansible-playbook", "--inventory", str(site.inventory), "playbooks/prepare_hosts.yml"]
    return PlaybookRun(
        [*command, "--extra-vars", f"migration_host_metrics_directory={directory}"], ENVIRONMENT
    ).result()


def exists(host: Host, path: str) -> bool:
    return host.run(f"test -e {path} && echo yes || true") == "yes\n"


@pytest.fixture
def collecting(site: Site) -> Iterator[Site]:
    """Hosts with a directory of a collector that only its group may read."""
    for host in site.edges:
        host.run(f"rm -rf {DIRECTORY} {LINK}; mkdir -m 0750 {DIRECTORY}; chgrp games {DIRECTORY}")
    yield site
    for host in site.edges:
        host.run(f"rm -rf {DIRECTORY} {LINK}")


def test_a_migration_is_counted_where_the_role_has_set_it_up(collecting: Site) -> None:
    site = collecting
    refused = set_up(site, "/no/such/directory")
    assert "has no directory /no/such/directory" in refused.messages
    assert not exists(site.edges[0], LINK)
    first, second = set_up(site, DIRECTORY), set_up(site, DIRECTORY)
    assert (first.status, first.changed, second.status, second.changed) == (0, 2, 0, 0), second.messages
    moving = MigrationUnderTest(site, "counted", 8)
    source = moving.home
    try:
        moving.migrate(strategy="pre_copy")
    finally:
        moving.remove()
    until(lambda: exists(source, FILE), "the migration is counted")
    assert source.run(f"stat --format '%a %G' {FILE}").split() == ["640", "games"]
    found = textfile.parse(source.run(f"cat {FILE}"))
    assert found[COMPLETED] == 1
    assert 0 < found[Sample.of("organic_migration_process_downtime_seconds_sum", strategy="pre_copy")] < 5
    source.run(f"touch {NFS} {DIRECTORY}/of_others.prom")
    removed = set_up(site, "")
    assert (removed.status, removed.changed) == (0, 3)  # both links, and the files on one host
    assert not exists(source, LINK)
    assert source.run(f"ls {DIRECTORY}").split() == ["of_others.prom"]
