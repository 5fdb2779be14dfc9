# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libraries do without a message, and what the code therefore does not use. Each was seen with the version named.

Where behaviour can be tested it is, beside the code: event handlers, arguments of the next run (python_plugins/tests),
AWX's surveys (tests/awx), Molecule (tests/molecule), metrics (tests/display), fragments (test_lint.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "collections/ansible_collections/organic"
PLAYS = [*(ROOT / "playbooks").glob("*.yml"), *OURS.glob("*/roles/**/*.yml"), *OURS.glob("*/playbooks/*.yml"),
         *(ROOT / "awx").rglob("*.yml"), *(ROOT / "examples").rglob("*.yml")]  # fmt: skip
PACKAGE = [*(ROOT / "python_plugins/organic5gc").rglob("*.py")]

TRAPS = {
    "ansible-core 2.19, 2.21: these leave a block without its `always`, and drop handlers that were notified": (
        PLAYS,
        r"meta: *end_(?:host|play|batch|role)\b",
        "      ansible.builtin.meta: end_host\n",
    ),
    "kubernetes.core 6.2, 6.6: a pod that its budget keeps counts as deleted (kubernetes_evict)": (
        PLAYS,
        r"\bk8s_drain\b",
        "      kubernetes.core.k8s_drain:\n",
    ),
    "kubernetes.core 6.2: ends at once for a StatefulSet that is updated on deletion, with no pod ready": (
        PLAYS,
        r"(?i)\bStatefulSet\b",
        "kind: StatefulSet\n",
    ),
    "rich 15: breaks JSON at 80 columns on a pipe (typer.echo)": (
        PACKAGE,
        r"\bfrom rich import (?:.*, *)?print(?:_json)?\b|\brich\.print",
        "from rich import print\n",
    ),
    "ansible-runner 2.4: the fact cache is empty since ansible-core 2.19": (
        PACKAGE,
        r"\bget_fact_cache\b",
        "runner.get_fact_cache(host)\n",
    ),
    "awx.awx 24.6: a survey with the default of a password has changed in every run": (
        [ROOT / "awx/job_templates.yml", ROOT / "awx/workflows.yml"],
        r"type: \"?password\b",
        '        type: "password"\n',
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_fails_without_a_message_is_not_used(trap: str) -> None:
    files, pattern, example = TRAPS[trap]
    assert len(files) > 1
    assert re.search(pattern, example)
    assert [str(file.relative_to(ROOT)) for file in files if re.search(pattern, file.read_text())] == [], trap


def test_rich_makes_no_pictures_of_addresses() -> None:
    """rich 15: ``:ab:`` in a MAC or IPv6 address becomes a picture, unless the console is told not to."""
    for file in PACKAGE:
        for call in re.findall(r"\bConsole\(([^)]*)\)", file.read_text()):
            assert "emoji=False" in call, file
