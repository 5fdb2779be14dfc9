# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings. `make docs` (tools/docs.py) puts the pages together and builds the site."""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

project = "Organic 5GC"
project_copyright = "2026, Organic 5GC contributors"
author = "Organic 5GC contributors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
# Nothing is fetched from anywhere, neither by the build nor by the pages.
myst_heading_anchors = 4
highlight_language = "none"
exclude_patterns = ["_build"]


ANSIBLE_LABELS = {"action_plugins", "ansible_configuration_settings", "callback_plugins", "common_return_values"}
"""Sections of Ansible's own documentation."""


def _others(_app: Sphinx, _env: object, node: addnodes.pending_xref, text: nodes.Element) -> nodes.Node | None:
    """A reference to Ansible or another collection is its name; one to ours that leads nowhere is a warning."""
    target = str(node.get("reftarget", ""))
    is_ours = target.startswith("ansible_collections.organic.")
    is_theirs = target in ANSIBLE_LABELS or (target.startswith("ansible_collections.") and not is_ours)
    return text if is_theirs else None


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", _others)
