# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of other programs, read by path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import decoded

POD = decoded.parse(
    '{"metadata": {"name": "smf", "labels": {"app": "smf"}, "annotations": null},'
    ' "spec": {"containers": [{"name": "nf", "command": ["/init", "--name"]}], "priority": 0, "volumes": null}}'
)


def test_what_is_there_is_read_by_its_path() -> None:
    assert decoded.text(POD, "metadata", "name") == "smf"
    assert decoded.number(POD, "spec", "priority", default=5) == 0
    assert decoded.labels(POD, "metadata", "labels") == {"app": "smf"}
    [container] = decoded.sections(POD, "spec", "containers")
    assert decoded.texts(container, "command") == ["/init", "--name"]
    assert decoded.value(POD, "spec", "priority") == 0


def test_null_is_missing() -> None:
    for path in (("metadata", "annotations"), ("spec", "volumes"), ("status",), ("status", "conditions")):
        assert (decoded.section(POD, *path), decoded.sections(POD, *path), decoded.texts(POD, *path)) == ({}, [], [])
        assert decoded.text(POD, *path, default="-") == "-"
        assert decoded.value(POD, *path) is None


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: decoded.text(POD, "spec", "nodeName"), r"spec\.nodeName is missing"),
        (lambda: decoded.text(POD, "spec", "priority"), r"spec\.priority is 0, not of type str"),
        (lambda: decoded.number(POD, "metadata", "name"), r"metadata\.name is 'smf', not of type int"),
        (lambda: decoded.section(POD, "metadata", "name"), r"metadata\.name is 'smf', not of type dict"),
        (lambda: decoded.section(POD, "metadata", "name", "first"), r"metadata\.name is 'smf', not of type dict"),
        (lambda: decoded.sections(POD, "metadata"), "metadata is .* not of type list"),
        (lambda: decoded.labels(POD, "spec"), r"spec\.containers is .* not of type str"),
        (lambda: decoded.parse("[]"), "the answer is .* not of type dict"),
        (lambda: decoded.parse_list("[1]"), "the answer is 1, not of type dict"),
    ],
)
def test_what_is_missing_or_of_another_type_is_named(read: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read()
