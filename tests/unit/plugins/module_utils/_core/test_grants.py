# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account may see is never thought to be more than SHOW GRANTS says."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.grants import EVERYTHING, parse

NEEDED = ("SELECT", "TRIGGER", "EVENT", "SHOW VIEW")


@pytest.mark.parametrize(
    ("lines", "lacking"),
    [
        (["GRANT SELECT, PROCESS, SHOW VIEW, EVENT, TRIGGER ON *.* TO 'o'@'%' IDENTIFIED BY PASSWORD"], ()),
        (["GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION"], ()),
        (["GRANT `rr` TO `o`@`%`", "GRANT USAGE ON *.* TO `o`@`%`", "GRANT ALL PRIVILEGES ON *.* TO `rr`"], ()),
        (["GRANT `rr`@`%` TO `o`@`%`", "GRANT USAGE ON *.* TO `o`@`%`"], NEEDED),
        (["GRANT SELECT ON *.* TO `o`@`%`", "GRANT TRIGGER ON *.* TO `o`@`%`"], ("EVENT", "SHOW VIEW")),
        (["GRANT ALL PRIVILEGES ON `shop`.* TO `o`@`%`"], NEEDED),
        (["GRANT ALL PRIVILEGES ON *.* TO `o`@`%`", "REVOKE SELECT ON `shop`.* FROM `o`@`%`"], ("SELECT",)),
        (["GRANT ALL PRIVILEGES ON *.* TO `o`@`%`", "REVOKE SELECT ON `mysql`.* FROM `o`@`%`"], ()),
        (["GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION"], NEEDED),
        (["GRANT SHOW DATABASES, SELECT ON *.* TO `o`@`%`"], ("TRIGGER", "EVENT", "SHOW VIEW")),
    ],
)
def test_privileges_on_everything(lines: list[str], lacking: tuple[str, ...]) -> None:
    assert parse(lines).lacking(NEEDED, ("mysql",)) == lacking


def test_privileges_on_schemas_and_tables() -> None:
    found = parse(
        [
            "GRANT SELECT ON `my\\_shop`.* TO `o`@`%`",
            "GRANT INSERT ON `stock`.* TO `o`@`%`",
            "GRANT SELECT ON `stock`.`a``b` TO `o`@`%`",
            "GRANT SELECT (`id`), UPDATE ON `stock`.`c` TO `o`@`%`",
            "GRANT SELECT ON `log%`.* TO `o`@`%`",
        ]
    )
    assert found.schema("SELECT", "my_shop") and found.table("SELECT", "my_shop", "any")
    assert not found.schema("SELECT", "stock") and found.table("SELECT", "stock", "a`b")
    assert not found.table("SELECT", "stock", "c")
    assert not found.schema("SELECT", "log1")
    assert not found.table("SELECT", "other", "t")


def test_a_partial_revoke_hides_a_schema() -> None:
    lines = ["GRANT SELECT ON *.* TO `o`@`%`", "REVOKE SELECT ON `shop`.* FROM `o`@`%`"]
    assert not parse(lines).schema("SELECT", "shop")
    assert not parse(lines).table("SELECT", "shop", "t")
    assert parse(lines).schema("SELECT", "stock")
    assert EVERYTHING.lacking(NEEDED) == ()
