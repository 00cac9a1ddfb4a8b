# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts every lab server has. Their grants come from the collection's own table."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Dict, List, Tuple

from .flavours import Flavour

TABLE = Path(__file__).resolve().parents[2] / "plugins" / "module_utils" / "_core" / "accounts.py"


@dataclass(frozen=True)
class Account:
    """A login of the lab. The passwords are long and unusual, so that finding one in an output means something."""

    user: str
    password: str
    role: str  # super, replication, observer, repairer, definer, rebuilder, checksummer

    @property
    def sql(self) -> str:
        """The account as SQL spells it."""
        return f"'{self.user}'@'%'"


ADMIN = Account("root", "root-secret-93ae", "super")
REPL = Account("repl", "repl-secret-7d40", "replication")
OBSERVER = Account("observer", "observer-secret-51c2", "observer")
REPAIRER = Account("repairer", "repairer-secret-e86b", "repairer")
DEFINER = Account("definer", "definer-secret-2f6b", "definer")
REBUILDER = Account("rebuilder", "rebuilder-secret-0f17", "rebuilder")
CHECKSUMMER = Account("checksummer", "checksummer-secret-b81d", "checksummer")
ACCOUNTS: Dict[str, Account] = {
    account.user: account for account in (ADMIN, REPL, OBSERVER, REPAIRER, DEFINER, REBUILDER, CHECKSUMMER)
}


def _table() -> ModuleType:
    # Loaded by path: the lab must not depend on the collection being on Ansible's import path.
    name = "_lab_grant_table"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TABLE)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def grant_statements(flavour: Flavour, account: Account) -> Tuple[str, ...]:
    """Return the GRANT statements of an account on a flavour."""
    if account.role == "super":
        return (f"GRANT ALL PRIVILEGES ON *.* TO {account.sql} WITH GRANT OPTION",)
    if account.role == "replication":
        return (f"GRANT REPLICATION SLAVE ON *.* TO {account.sql}",)
    return tuple(_table().grants(flavour.engine, (*flavour.version, 99), account.role, account.sql))


def seed_statements(flavour: Flavour) -> List[str]:
    """Return the statements that make all accounts in a fresh data directory, one per line of an init file."""
    lines: List[str] = ["SET sql_log_bin = 0"]
    if flavour.seed != "initialize":
        lines += ["DELETE FROM mysql.db", "FLUSH PRIVILEGES"]
    for account in ACCOUNTS.values():
        lines.append(f"CREATE USER {account.sql} IDENTIFIED BY '{account.password}'")
        lines.extend(grant_statements(flavour, account))
    return lines
