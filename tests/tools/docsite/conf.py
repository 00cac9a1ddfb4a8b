# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx settings of the documentation site: pages by hand in Markdown, the reference written by antsibull-docs."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx

project = "replicaops.mysql"
copyright = "replicaops.mysql contributors"
html_title = html_short_title = "replicaops.mysql"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_smartypants = False
html_copy_source = False
html_use_index = False

highlight_language = "YAML+Jinja"
pygments_style = "ansible"
# As on the page of a repository, so that the links between pages and within them are the same in both places.
myst_heading_anchors = 4

nitpicky = True

# What the reference points to in the documentation of Ansible, by name: that site is not asked when this one is built.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ELSEWHERE = (
    (r"common_return_values", "reference_appendices/common_return_values.html"),
    (r"action_plugins", "plugins/action.html"),
    (r"ansible_configuration_settings", "reference_appendices/config.html"),
    (r"ansible_collections\.ansible\.builtin\.(\w+)_module", r"collections/ansible/builtin/\1_module.html"),
)


def in_ansible(_app: Sphinx, _env: Any, node: Any, content: nodes.Node) -> nodes.Node | None:
    """Answer for a label that Ansible's documentation has; any other stays unknown, which fails the build."""
    for label, page in ELSEWHERE:
        found = re.fullmatch(label, node["reftarget"])
        if found:
            return nodes.reference("", "", content, internal=False, refuri=ANSIBLE + found.expand(page))
    return None


def setup(app: Sphinx) -> None:
    """Register what these settings add."""
    app.connect("missing-reference", in_ansible)
