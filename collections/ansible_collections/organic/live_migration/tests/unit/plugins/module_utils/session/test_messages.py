# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session import messages

ROOT = Path(messages.__file__).parents[1]


def sent_and_expected(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """Method and first argument of what is called on a channel; a pager has commands of its own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            receiver = ast.unparse(node.func.value)
            if node.func.attr in ("send", "expect") and receiver.endswith(("control", "peer", "connection")):
                yield node.func.attr, node.args[0]


def test_no_kind_of_message_is_spelt_out() -> None:
    found = [
        (path.name, ast.unparse(kind))
        for path in sorted((ROOT / "migration").glob("*.py")) + sorted((ROOT / "strategies").glob("*.py"))
        for _method, kind in sent_and_expected(path)
    ]
    assert len(found) > 30
    assert [one for one in found if not one[1].startswith("messages.") and one[1] != "purpose"] == []


def test_every_kind_of_message_has_a_constant_of_its_name() -> None:
    constants = {value for name, value in vars(messages).items() if name.isupper() and isinstance(value, str)}
    assert constants == {*messages.KINDS, messages.SOURCE, messages.TARGET}
    assert all(kind.sender in (messages.SOURCE, messages.TARGET) for kind in messages.KINDS.values())


def test_the_same_version_is_accepted() -> None:
    messages.check_hello(messages.hello())


@pytest.mark.parametrize("fields", [{"version": messages.PROTOCOL_VERSION + 1}, {"version": "1"}, {}])
def test_another_version_is_refused_with_both_versions_and_what_to_do(fields: dict[str, object]) -> None:
    with pytest.raises(messages.VersionMismatch) as refused:
        messages.check_hello(fields)
    message = str(refused.value)
    assert f"source host speaks version {fields.get('version', 'unknown')} " in message
    assert f"target host version {messages.PROTOCOL_VERSION}." in message
    assert "one version of the collection" in message
