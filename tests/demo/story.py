# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop whose release goes wrong: its tables, the migrations, and what was run on the replica by hand."""

from __future__ import annotations

APPLICATION = (
    "CREATE DATABASE shop CHARACTER SET utf8mb4",
    "CREATE TABLE shop.customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80) NOT NULL, mail VARCHAR(120))",
    "CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, total DECIMAL(10,2) NOT NULL,"
    " placed DATETIME NOT NULL)",
    "INSERT INTO shop.customer (name, mail) VALUES "
    + ",".join("('n%d', 'n%d@shop.test')" % (n, n) for n in range(200)),
    "INSERT INTO shop.orders (customer, total, placed) VALUES "
    + ",".join("(%d, %d.%02d, '2026-01-%02d 12:00:00')" % (n % 200 + 1, n, n % 100, n % 28 + 1) for n in range(1000)),
)

_INVOICE = (
    "CREATE TABLE shop.invoice (id INT PRIMARY KEY AUTO_INCREMENT, orders INT NOT NULL, issued DATE,"
    " amount DECIMAL(10,2) NOT NULL DEFAULT 0, KEY (orders))"
)
_STATE = "ALTER TABLE shop.orders ADD COLUMN state VARCHAR(20) NOT NULL DEFAULT 'new' AFTER customer"
_PLACED = "CREATE INDEX placed ON shop.orders (placed)"

MIGRATIONS = (
    "ALTER TABLE shop.customer ADD COLUMN country CHAR(2) NOT NULL DEFAULT 'DE'",
    "UPDATE shop.customer SET country = 'FR' WHERE id % 7 = 0",
    _INVOICE,
    "INSERT INTO shop.invoice (orders, issued, amount) SELECT id, DATE(placed), total FROM shop.orders",
    _STATE,
    "UPDATE shop.orders SET state = 'paid' WHERE id % 3 = 0",
    _PLACED,
    "DELETE FROM shop.orders WHERE id % 50 = 0",
    "ALTER TABLE shop.customer ADD UNIQUE KEY mail (mail)",
    "CREATE VIEW shop.turnover AS SELECT customer, SUM(total) AS total FROM shop.orders GROUP BY customer",
    "ALTER TABLE shop.invoice MODIFY amount DECIMAL(12,2) NOT NULL DEFAULT 0",
    "INSERT INTO shop.customer (name, mail, country) VALUES ('last', 'last@shop.test', 'IT')",
)


def by_hand(mariadb: bool) -> tuple[str, ...]:
    """What somebody ran on the replica before the release. MariaDB would silently replace a table that exists."""
    return (_STATE, _PLACED) if mariadb else (_INVOICE, _STATE, _PLACED)
