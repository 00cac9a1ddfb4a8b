# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/accounts.md: the accounts, what to grant them on each kind of server, what each is for."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.replicaops.mysql.plugins.module_utils._core import accounts

SERVERS = (
    ("MySQL 8.0 and later", "mysql", (9, 7, 0)),
    ("MySQL 5.6 and 5.7", "mysql", (5, 6, 24)),
    ("MariaDB 10.5 and later", "mariadb", (10, 11, 0)),
)
ROLES = {
    "observer": "reads everything that diagnosis needs, and comparison on the source, and can change nothing",
    "repairer": "can do what the observer can, pause the applier for a comparison, and carry out the remedies",
    "definer": "can do what the repairer can, and make and alter tables; only the remedies heal_table (for a table or "
    "database that is missing) and alter_definition need it",
    "rebuilder": "can do what the repairer can, and build a replica anew (the replica needs it while that is done)",
    "checksummer": "can do what the observer can, and let pt-table-checksum write its sums on the source; only "
    "verify_method=pt needs it; with verify_heal, an account that is a repairer as well",
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "accounts.md"


def page() -> str:
    """The whole page."""
    lines = [
        "# Accounts",
        "",
        "Generated from the grants as data; the integration tests run with exactly these and never as root.",
        "Create the accounts on every server before replication starts, or with `SET sql_log_bin = 0`, so that",
        "creating them does not become a transaction of the replica's own.",
    ]
    for role, meaning in ROLES.items():
        lines += ["", "## %s" % role.capitalize(), "", "The %s %s." % (role, meaning)]
        for title, engine, version in SERVERS:
            granted = accounts.grants(engine, version, role, "'%s'@'%%'" % role)
            lines += ["", "### %s on %s" % (role.capitalize(), title)]
            lines += ["", "```sql", *[grant + ";" for grant in granted], "```"]
            lines += ["", "| privilege | for |", "|---|---|"]
            needed = accounts.needed_privileges(engine, version, role)
            lines += ["| `%s` | %s |" % (one.name, one.reason) for one in needed]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
