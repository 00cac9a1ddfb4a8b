# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``_core/`` decides and does nothing else: no Ansible, no driver, no clock, no randomness, no input or output.

The check reads the source with ``ast`` and never imports it, so it also holds for code that no other test reaches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[5] / "plugins" / "module_utils" / "_core"

# An allow-list and not "anything of the standard library": what is pure enough is a decision, made here, once.
ALLOWED_MODULES = frozenset(
    {
        "__future__",
        "abc",
        "array",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "collections.abc",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "html",
        "ipaddress",
        "itertools",
        "json",
        "json.encoder",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "types",
        "typing",
        "unicodedata",
        "zlib",
    }
)

# Allowed modules also hold functions that read the clock or a file.
FORBIDDEN_METHODS = frozenset({"now", "utcnow", "today", "fromtimestamp", "file_digest"})
# The one file that may: it compiles readers of rows whose source is made of its own fragments and numbers, of nothing
# that anybody sent, and that does no more than what is imported here could do.
COMPILING = {"binlog/written.py": frozenset({"calls exec()"})}
FORBIDDEN_BUILTINS = frozenset({"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint", "id"})


def impurities(source: str, name: str = "<source>", depth: int = 1) -> list[str]:
    """List everything in the text of a ``_core`` file that reaches outside it; ``depth`` dots stay inside."""
    return [f"{name}:{line}: {what}" for line, what in sorted(_violations(ast.parse(source, name), depth))]


def _violations(tree: ast.AST, depth: int) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in ALLOWED_MODULES:
                    yield node.lineno, f"imports {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level > depth:
                yield node.lineno, f"imports {'.' * node.level}{module}, which is outside _core"
            elif node.level == 0 and module not in ALLOWED_MODULES:
                yield node.lineno, f"imports from {module}"
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, f"calls {name}()") for name in _forbidden_calls(node.func))


def _forbidden_calls(function: ast.expr) -> Iterator[str]:
    if isinstance(function, ast.Attribute) and function.attr in FORBIDDEN_METHODS:
        yield f".{function.attr}"
    elif isinstance(function, ast.Name) and function.id in FORBIDDEN_BUILTINS:
        yield function.id


def _core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_there_is_a_core_to_check() -> None:
    assert _core_files(), f"no Python file below {CORE}"


@pytest.mark.parametrize("path", _core_files(), ids=lambda path: str(path.relative_to(CORE)))
def test_core_file_is_pure(path: Path) -> None:
    relative = path.relative_to(CORE)
    found = impurities(path.read_text(encoding="utf-8"), str(relative), depth=len(relative.parts))
    allowed = COMPILING.get(relative.as_posix(), frozenset())
    assert [one for one in found if one.split(": ", 1)[1] not in allowed] == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import pymysql", "imports pymysql"),
        ("import os", "imports os"),
        ("import os.path", "imports os.path"),
        ("import re, socket", "imports socket"),
        ("import time", "imports time"),
        ("import subprocess as quiet", "imports subprocess"),
        ("from random import choice", "imports from random"),
        ("from ansible.module_utils.basic import AnsibleModule", "imports from ansible.module_utils.basic"),
        ("from ansible_collections.replicaops.mysql.plugins.module_utils import _server", "imports from ansible_"),
        ("from .._server import connect", "which is outside _core"),
        ("from .. import _module", "which is outside _core"),
        ("def f():\n    import time\n    return time.time()", "imports time"),
        ("if True:\n    from urllib.request import urlopen", "imports from urllib.request"),
        ("import datetime\nx = datetime.datetime.now()", "calls .now()"),
        ("from datetime import date\nx = date.today()", "calls .today()"),
        ("x = open('/etc/passwd')", "calls open()"),
        ("x = __import__('os')", "calls __import__()"),
        ("x = id(object())", "calls id()"),
    ],
)
def test_a_planted_impurity_is_found(source: str, complaint: str) -> None:
    found = impurities(source)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\nimport re\nfrom dataclasses import dataclass",
        "from . import errors\nfrom .gtid import GtidSet",
        "from collections.abc import Iterable\nfrom datetime import datetime, timedelta",
        "def stopped(watch):\n    return watch.now.applier == 'No'",
    ],
)
def test_what_is_pure_passes(source: str) -> None:
    assert impurities(source) == []


def test_a_subfolder_may_look_up_to_the_core_and_no_further() -> None:
    assert impurities("from .. import errors", depth=2) == []
    assert len(impurities("from ... import _module", depth=2)) == 1
