# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every fault of a description against its schema (an Ansible argument specification), each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

_WHERE = re.compile(r"found in '?(?P<path>[\w -]+(?:-> [\w -]+)*?)'?(?:\.|$)")
"""How ArgumentSpecValidator names the dictionary of a fault: ``found in nfs -> ports``."""
_NAME = re.compile(r"(?:value of|argument) '?(?P<name>\w+)'?")


def faults(text: str, schema: dict[str, Any], description: dict[str, Any]) -> list[str]:
    """Faults as ``line 12: ...``; empty if the description follows its schema.

    Args:
        text: of the file.
        schema: argument specification.
        description: what of the file is checked.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = [
        (line, f"there is no {key}, known are: {', '.join(sorted(known))}")
        for line, key, known in _unknown(root, schema)
    ]
    result = ArgumentSpecValidator(schema).validate(description)
    for message in result.error_messages:
        if "Supported parameters include" not in message:
            found.append((_line_of(root, message), message))
    return [f"line {line}: {message}" for line, message in sorted(found)]


def _unknown(node: yaml.Node | None, options: dict[str, Any]) -> Iterator[tuple[int, str, list[str]]]:
    """Line, key and what is known instead, of keys that the schema does not have."""
    for key, value in _pairs(node):
        if key.value not in options:
            yield key.start_mark.line + 1, key.value, list(options)
            continue
        inner = options[key.value].get("options")
        if inner is not None:
            for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _unknown(each, inner)


def _line_of(root: yaml.Node | None, message: str) -> int:
    """Line of the key that a message of the validator names, else of the dictionary that it is in."""
    where, name = _WHERE.search(message), _NAME.search(message)
    nodes = [root]
    for level in where["path"].split(" -> ") if where else []:
        nodes = [
            each
            for node in nodes
            for key, value in _pairs(node)
            if key.value == level
            for each in (value.value if isinstance(value, yaml.SequenceNode) else [value])
        ]
    got = re.search(r"got: (?P<value>.+?)(?: found in|$)|: \"?'(?P<text>[^']*)'\"? cannot", message)
    wrong = (got["value"] or got["text"]) if got else None
    keys = [pair for node in nodes for pair in _pairs(node) if name and pair[0].value == name["name"]]
    exact = [key for key, value in keys if wrong is not None and str(value.value) == wrong]
    place = (exact or [key for key, _value in keys] or nodes)[0]
    return int(place.start_mark.line) + 1 if place is not None else 1


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []
