# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The [client] section of a MySQL option file, read by us because the driver would also take ``host`` and ``socket``
from it: a ``socket`` line on the controller would silently lead to another server than the one named.
"""

from __future__ import annotations

import re
from typing import Dict

GROUPS = ("client", "client-server", "client-mariadb")

_SECTION = re.compile(r"^\[([^\]]+)\]\s*$")
_ESCAPE = re.compile(r"\\([btnrs\\\"'])")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "s": " "}


def parse(text: str) -> Dict[str, str]:
    """The options of the client groups; later lines win; names with dashes. Lines that include other files are ignored.

    Source: reference manual, "Using Option Files".
    """
    found: Dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;!":
            continue
        section = _SECTION.match(line)
        if section:
            inside = section.group(1).strip().lower() in GROUPS
        elif inside:
            name, equals, value = line.partition("=")
            found[name.strip().lower().replace("_", "-")] = _value(value) if equals else ""
    return found


def _value(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] in "'\"":
        end = text.find(text[0], 1)
        while end > 0 and text[end - 1] == "\\":
            end = text.find(text[0], end + 1)
        if end > 0:
            return _unescape(text[1:end])
    return _unescape(text.split(" #", 1)[0].rstrip())


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match.group(1), match.group(1)), text)
