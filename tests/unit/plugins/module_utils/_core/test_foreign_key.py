# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import foreign_key
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_reader import UnknownStatement
from ansible_collections.replicaops.mysql.plugins.module_utils._core.sql_tokens import tokenise

SHOWN = {"f1": "FOREIGN KEY ( `a` , `b` ) REFERENCES `t` ( `x` , `y` ) ON DELETE CASCADE ON UPDATE SET NULL"}


def parsed(sql):
    return foreign_key.parse(tokenise(sql), "d")


def lacking(sql, shown=None):
    return foreign_key.lacking([parsed(sql)], foreign_key.shown(shown or SHOWN, "d"))


@pytest.mark.parametrize(
    "sql",
    [
        "CONSTRAINT f1 FOREIGN KEY (a, b) REFERENCES t (x, y) ON DELETE CASCADE ON UPDATE SET NULL",
        "constraint `F1` foreign key idx (`A`,b) references D . t(X,y) on update set null on delete cascade",
    ],
)
def test_the_same(sql):
    assert lacking(sql) == ()


@pytest.mark.parametrize(
    "sql",
    [
        "CONSTRAINT f2 FOREIGN KEY (a, b) REFERENCES t (x, y) ON DELETE CASCADE ON UPDATE SET NULL",
        "FOREIGN KEY (a, b) REFERENCES t (x, y) ON DELETE CASCADE ON UPDATE SET NULL",
        "CONSTRAINT f1 FOREIGN KEY (b, a) REFERENCES t (x, y) ON DELETE CASCADE ON UPDATE SET NULL",
        "CONSTRAINT f1 FOREIGN KEY (a, b) REFERENCES e.t (x, y) ON DELETE CASCADE ON UPDATE SET NULL",
        "CONSTRAINT f1 FOREIGN KEY (a, b) REFERENCES t (y, x) ON DELETE CASCADE ON UPDATE SET NULL",
        "CONSTRAINT f1 FOREIGN KEY (a, b) REFERENCES t (x, y) ON DELETE CASCADE",
        "CONSTRAINT f1 FOREIGN KEY (a, b) REFERENCES t (x, y) ON DELETE SET NULL ON UPDATE SET NULL",
    ],
)
def test_another_one(sql):
    assert lacking(sql) != ()


def test_automatic_names_and_actions_that_are_the_default():
    shown = {"child_ibfk_2": "FOREIGN KEY (`a`) REFERENCES `t` (`id`) ON DELETE NO ACTION"}
    assert lacking("FOREIGN KEY (a) REFERENCES t (id)", shown) == ()
    assert lacking("CONSTRAINT FOREIGN KEY (a) REFERENCES t (id) ON DELETE RESTRICT", shown) == ()
    assert lacking("CONSTRAINT c FOREIGN KEY (a) REFERENCES t (id)", shown) != ()


def test_one_key_answers_for_one_only():
    wanted = [parsed("FOREIGN KEY (a) REFERENCES t (id)")] * 2
    shown = {"child_ibfk_1": "FOREIGN KEY (`a`) REFERENCES `t` (`id`)"}
    assert len(foreign_key.lacking(wanted, foreign_key.shown(shown, "d"))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "FOREIGN KEY (a) REFERENCES t",
        "FOREIGN KEY (a(3)) REFERENCES t (id)",
        "FOREIGN KEY () REFERENCES t (id)",
        "FOREIGN KEY (a) REFERENCES t (id) MATCH FULL",
        "FOREIGN KEY (a) REFERENCES t (id) ON DELETE EXPLODE",
        "FOREIGN KEY (a) REFERENCES t (id) ON INSERT CASCADE",
    ],
)
def test_what_is_not_known(sql):
    with pytest.raises(UnknownStatement):
        parsed(sql)
