# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Patch (RFC 6902) with add, replace, remove and test: what Nnrf_NFManagement clients send."""

from __future__ import annotations

import copy
from typing import Any


class PatchError(ValueError):
    """The patch does not fit the document."""


def apply(document: dict[str, Any], operations: Any) -> dict[str, Any]:
    """Return a patched copy of `document`."""
    result = copy.deepcopy(document)
    if not isinstance(operations, list):
        raise PatchError("a list of operations is expected")
    for operation in operations:
        if not isinstance(operation, dict) or not str(operation.get("path", "")).startswith("/"):
            raise PatchError(f"not an operation with a path: {operation!r}")
        _apply_one(result, operation)
    return result


def _apply_one(document: dict[str, Any], operation: dict[str, Any]) -> None:
    path = str(operation["path"])
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    parent: Any = document
    try:
        for part in parents:
            parent = parent[int(part)] if isinstance(parent, list) else parent[part]
        key: Any = last
        if isinstance(parent, list):
            key = len(parent) if last == "-" else int(last)
        match operation.get("op"):
            case "add" if isinstance(parent, list):
                parent.insert(key, operation["value"])
            case "add":
                parent[key] = operation["value"]
            case "replace":
                parent[key]  # RFC 6902 clause 4.3: it must exist
                parent[key] = operation["value"]
            case "remove":
                del parent[key]
            case "test":
                if parent[key] != operation["value"]:
                    raise PatchError(f"test failed at {path}")
            case other:
                raise PatchError(f"unknown operation {other!r}")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PatchError(f"{path}: {error!r}") from error
