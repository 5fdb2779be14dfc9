# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics, the alert rules and the dashboard, with Debian's Prometheus and node exporter."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.organic.core5g.plugins.module_utils import nf_metrics
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.host import textfile
from ansible_collections.organic.live_migration.plugins.module_utils.session import metrics
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot

from tests.harness.apt import NODE_EXPORTER, PROMETHEUS, PROMTOOL, Program, needs
from tests.harness.wait import until

pytestmark = pytest.mark.exhaustive
MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text())
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = {"$instance": ".*", "$__range": "5m", "$__rate_interval": "5m"}
"""What Grafana would put into a query."""
NF = {"name": "smf", "container": {"status": "running"}, "state": {"nrf_registered": True, "sessions": 98,
      "pfcp": [{"peer": "192.0.2.7", "up": True}]}}  # fmt: skip

Series = Counter[tuple[str, frozenset[tuple[str, str]], float]]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@contextlib.contextmanager
def served(program: Program, options: Sequence[str], url: str, log: Path) -> Iterator[None]:
    """A server, from its first answer until it has ended."""
    assert program.path is not None

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return bool(get(url))
        return False

    with log.open("w") as out:
        process = subprocess.Popen([program.path, *options], stdout=out, stderr=out)
        try:
            until(answers, f"{program.name} answers")
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the textfile collector, with what the hosts write into it."""
    directory = tmp_path_factory.mktemp("collector")
    snapshot = Snapshot("0" * 16, strategy="pre_copy", elapsed_ms=1300.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "METRICS", directory)
        metrics.record("smf", Outcome(Verdict.COMPLETED, process_downtime_ms=41.0, bytes_sent=20, statistics=snapshot))
        metrics.record('an "odd\\name', Outcome(Verdict.IN_DOUBT))
    nf_metrics.Metrics(directory).present([NF])
    return directory


@pytest.fixture(scope="module")
def exporter(collector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a node exporter that collects text files only."""
    address = f"127.0.0.1:{free_port()}"
    options = [
        "--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={collector}",
        f"--web.listen-address={address}",
    ]  # fmt: skip
    log = tmp_path_factory.mktemp("exporter") / "log"
    with served(NODE_EXPORTER, options, f"http://{address}/metrics", log):
        yield address


@pytest.fixture(scope="module")
def prometheus(exporter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Prometheus that has scraped the exporter."""
    directory = tmp_path_factory.mktemp("prometheus")
    address = f"127.0.0.1:{free_port()}"
    scrape = {"job_name": "hosts", "static_configs": [{"targets": [exporter]}]}
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config = directory / "prometheus.yml"
    config.write_text(
        json.dumps({"global": every, "rule_files": [str(MONITORING / "alerts.yml")], "scrape_configs": [scrape]})
    )
    options = [
        f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={address}",
    ]  # fmt: skip
    url = f"http://{address}"
    with served(PROMETHEUS, options, f"{url}/-/ready", directory / "log"):
        until(lambda: query(url, "organic_nf_up"), "the exporter was scraped")
        yield url


def query(url: str, expression: str) -> list[Any]:
    """The time series that an expression gives now."""
    answer = json.loads(get(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
    assert answer["status"] == "success", answer
    found: list[Any] = answer["data"]["result"]
    return found


def written(collector: Path) -> Series:
    """The time series in the files."""
    found: Series = Counter()
    for file in collector.glob("*.prom"):
        found += series(file.read_text())
    return found


def series(text: str) -> Series:
    """Our time series in a text of Prometheus' format, with their values; the exporter orders labels as it likes."""
    samples = textfile.parse(text)
    ours = [
        (one.name, frozenset(one.labels), value) for one, value in samples.items() if one.name.startswith("organic")
    ]
    return Counter(ours)


@needs(NODE_EXPORTER)
def test_every_sample_of_both_files_is_exported_with_one_help_and_type(collector: Path, exporter: str) -> None:
    page = get(f"http://{exporter}/metrics")
    assert "node_textfile_scrape_error 0" in page
    assert series(page) == written(collector)
    declared = Counter(re.findall(r"^# (HELP|TYPE) (organic_\w+)", page, re.MULTILINE))
    families = {family.name for family in (*metrics.FAMILIES, *nf_metrics.FAMILIES)}
    assert declared == Counter((what, name) for what in ("HELP", "TYPE") for name in families)


@needs(NODE_EXPORTER)
def test_a_second_help_would_be_seen(collector: Path, exporter: str) -> None:
    """Otherwise the test above could not fail: the collector drops samples without an error."""
    conflict = collector / "conflict.prom"
    conflict.write_text('# HELP organic_nf_up Another one.\n# TYPE organic_nf_up counter\norganic_nf_up{nf="upf"} 1\n')
    try:
        page = get(f"http://{exporter}/metrics")
        assert series(page) != written(collector)
    finally:
        conflict.unlink()


@needs(PROMTOOL)
@pytest.mark.parametrize("command", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_accepts_the_rules_and_their_tests(command: list[str]) -> None:
    assert PROMTOOL.path is not None
    done = subprocess.run([PROMTOOL.path, *command], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs(PROMETHEUS, NODE_EXPORTER)
@pytest.mark.parametrize(("title", "expression"), PANELS)
def test_every_query_of_the_dashboard_is_answered(prometheus: str, title: str, expression: str) -> None:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    query(prometheus, expression)
    # A rate needs two samples that differ; what it is made of must be there.
    for name in set(re.findall(r"\borganic_\w+", expression)):
        assert query(prometheus, name), name


@needs(PROMETHEUS, NODE_EXPORTER)
def test_an_alert_fires(prometheus: str) -> None:
    def firing() -> set[tuple[str, str]]:
        alerts = json.loads(get(f"{prometheus}/api/v1/alerts"))["data"]["alerts"]
        return {
            (one["labels"]["alertname"], one["labels"].get("container", ""))
            for one in alerts
            if one["state"] == "firing"
        }

    until(firing, "an alert fires")
    assert firing() == {("OrganicMigrationInDoubt", 'an "odd\\name')}


def test_every_rule_is_tested_and_asks_for_metrics_that_exist() -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    tested = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert tested == {rule["alert"] for rule in RULES}
    known = {family.name for family in (*metrics.FAMILIES, *nf_metrics.FAMILIES)}
    for expression in [*(rule["expr"] for rule in RULES), *(expression for _, expression in PANELS)]:
        for name in re.findall(r"\borganic_\w+", re.sub(r'"[^"]*"', "", expression)):
            assert name in known or re.sub(r"_(bucket|sum|count)$", "", name) in known, name


def test_every_panel_has_a_place_of_its_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert place["x"] + place["w"] <= 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
