# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation has people type: the commands and the YAML of its pages, and the examples of every plugin."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import yaml

TOP = Path(__file__).resolve().parents[1]
PATTERNS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "docs/*/*.md", "awx/README.md", "roles/*/README.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COLLECTION = "replicaops.mysql."

# What no test runs as it stands, by how the command begins, and why; the words before the colon say what else runs it.
NOT_RUN: Dict[str, str] = {
    "ansible-galaxy collection install replicaops.mysql": "checks.py package: no Galaxy; it installs the archive",
    "ansible-galaxy collection install awx.awx": "tests/tools/setup: there is no Galaxy; it takes it out of a package",
    "pip install": "tests/tools/setup: it installs the same packages",
    "export CONTROLLER_HOST=": "test_awx.py: there is no AWX; it applies to a stand-in",
    "ansible-playbook apply.yml": "test_awx.py: there is no AWX; it applies to a stand-in",
    "ansible-builder build": "test_execution_environment.py: it takes minutes",
    "ansible-navigator run": "test_execution_environment.py: it needs the image that is built there",
    "ansible-rulebook": "test_watch.py: it runs until it is ended",
    "ansible-playbook -i inventory replicaops.mysql.error_policy": "molecule: it needs root and systemd",
    "make ": "everything here is run by make",
    "PYTHONPATH=.venv/collections:tests .venv/bin/python tests/benchmarks/": "by hand: they measure for minutes",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    def commands(self) -> List[str]:
        """The commands of a block of shell, without comments, each in one line."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [found for found in (re.sub(r"(^|\s+)#.*$", "", line).strip() for line in lines) if found]


@dataclass(frozen=True)
class Play:
    """A call of one of the collection's playbooks: its name, its variables, and its other arguments."""

    playbook: str
    variables: Dict[str, Any]
    arguments: Tuple[str, ...]


def blocks(*languages: str) -> List[Block]:
    """Every block of the pages that is in one of these languages."""
    pages = [path for pattern in PATTERNS for path in sorted(TOP.glob(pattern))]
    found = [
        Block(str(page.relative_to(TOP)), *match) for page in pages for match in BLOCK.findall(page.read_text("utf-8"))
    ]
    return [block for block in found if block.language in languages]


def commands() -> List[str]:
    """Every command of the pages, once."""
    return list(dict.fromkeys(command for block in blocks("shell", "bash", "sh") for command in block.commands()))


def reason(command: str) -> str:
    """Why a command is not run as it stands; nothing where it is."""
    return next((why for beginning, why in NOT_RUN.items() if command.startswith(beginning)), "")


def play(command: str) -> Play:
    """A call of one of the collection's playbooks, taken apart."""
    words = shlex.split(command)
    if words[:3] != ["ansible-playbook", "-i", "inventory"] or not words[3].startswith(COLLECTION):
        raise ValueError("neither a playbook of the collection nor in NOT_RUN: %s" % command)
    variables: Dict[str, Any] = {}
    rest: List[str] = []
    left = iter(words[4:])
    for word in left:
        if word == "-e":
            variables.update(extra(next(left)))
        else:
            rest.append(word)
    return Play(words[3], variables, tuple(rest))


def extra(text: str) -> Dict[str, Any]:
    """The variables of one ``-e``."""
    if text.startswith("{"):
        given: Dict[str, Any] = yaml.safe_load(text)
        return given
    return dict(pair.split("=", 1) for pair in shlex.split(text))


def examples(folder: str) -> Dict[str, str]:
    """EXAMPLES of every plugin of a folder, by file name; an empty one where a plugin has none."""
    found: Dict[str, str] = {}
    for path in sorted((TOP / folder).glob("[!_]*")):
        if path.suffix == ".yml":
            found[path.name] = str(yaml.safe_load(path.read_text("utf-8")).get("EXAMPLES") or "")
        elif path.suffix == ".py" and not path.with_suffix(".yml").exists():
            found[path.name] = _constant(path, "EXAMPLES")
    return found


def _constant(path: Path, name: str) -> str:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [name]:
            return str(ast.literal_eval(node.value))
    return ""


def tasks_of(data: Any) -> Sequence[Dict[str, Any]]:
    """The tasks of a piece of YAML: of a list of tasks, or of plays."""
    if not isinstance(data, list):
        return []
    found = []
    for item in data:
        found += item.get("tasks", []) if "hosts" in item else [item]
    return found
