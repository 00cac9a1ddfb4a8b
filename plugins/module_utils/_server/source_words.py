# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of CHANGE a server knows: its parser is asked, nothing runs."""

from __future__ import annotations

from typing import Iterable

from .._core.change_source_steps import statement
from .._core.channel_plan import Verbs
from .._core.errors import BadInputError, ServerError
from .._core.source_options import BY_NAME, harmless
from .connect import Connection
from .probe import SYNTAX_ERROR, Probed


def check_known(connection: Connection, probed: Probed, verbs: Verbs, names: Iterable[str]) -> None:
    """Make sure that the server knows each of these options.

    PREPARE parses CHANGE on MySQL 9.7 and 5.6 and MariaDB 10.11 and 11.8 without carrying it out (measured), and says
    1064 to a word that it does not know. The values are examples, never the caller's.

    :raises BadInputError: naming server and options.
    """
    unknown = []
    for name in names:
        option = BY_NAME[name]
        word = option.spelled(verbs)
        if not _parses(connection, statement(verbs, ((word, harmless(option)),)).display()):
            unknown.append("%s (%s)" % (name, word))
    if unknown:
        one = len(unknown) == 1
        raise BadInputError(
            "%s on %s does not know option%s %s"
            % (probed.flavour.name, connection.address, "" if one else "s", ", ".join(unknown)),
            advice="Leave %s out for this server." % ("it" if one else "them"),
        )


def _parses(connection: Connection, text: str) -> bool:
    try:
        connection.execute("PREPARE replicaops_probe FROM %s", (text,))
    except ServerError as error:
        if error.number == SYNTAX_ERROR:
            return False
        if not 1000 <= error.number < 2000 and error.number < 3000:
            raise
        return True
    connection.execute("DEALLOCATE PREPARE replicaops_probe")
    return True
