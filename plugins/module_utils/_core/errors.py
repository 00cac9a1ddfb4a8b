# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. Each says what was attempted, where, what the server answered and what to do."""

from __future__ import annotations

from typing import Any, Dict, Optional


class ReplicaError(Exception):
    """Base of every error that a module turns into ``fail_json``.

    :param attempted: what was being done, as the end of "Could not ..." ("start the applier of channel 'c1'").
    :param where: the server (and channel) it concerns, for people: "db2:3306" or "db2:3306, channel 'c1'".
    :param answer: what the server or the library said, with its number when there is one.
    :param advice: what to do next.
    :param context: machine-readable details, put beside ``msg`` in the result.
    """

    code = "error"

    def __init__(
        self,
        attempted: str,
        where: str = "",
        answer: str = "",
        advice: str = "",
        context: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.attempted = attempted
        self.where = where
        self.answer = answer
        self.advice = advice
        self.context = dict(context or {})
        super().__init__(self.message())

    def message(self) -> str:
        """The error as one paragraph."""
        text = "Could not " + self.attempted
        if self.where:
            text += " on " + self.where
        text += ": " + self.answer.rstrip(".") + "." if self.answer else "."
        return text + (" " + self.advice if self.advice else "")


class ConnectError(ReplicaError):
    """The server could not be reached or did not let us in."""

    code = "connect"


class ServerError(ReplicaError):
    """A statement failed. ``number`` is the server's error number (0 when the connection broke)."""

    code = "server"

    def __init__(self, number: int, attempted: str, where: str = "", answer: str = "", advice: str = "") -> None:
        self.number = number
        super().__init__(attempted, where, answer, advice, {"errno": number})


class PrivilegeError(ServerError):
    """A statement was refused for want of a privilege, which ``answer`` or ``advice`` names."""

    code = "privilege"


class IdentityError(ReplicaError):
    """The server reached is not the server meant (RULES: right server)."""

    code = "identity"


class RefusedError(ReplicaError):
    """A rule forbids the change; nothing was written."""

    code = "refused"

    def message(self) -> str:
        """The refusal as one paragraph."""
        text = "Refused to " + self.attempted
        if self.where:
            text += " on " + self.where
        text += ": " + self.answer.rstrip(".") + "." if self.answer else "."
        return text + (" " + self.advice if self.advice else "")


class StateMovedError(RefusedError):
    """The server's state is no longer the one the plan was made for."""

    code = "state_moved"


class BusyError(RefusedError):
    """Another repair holds the advisory lock of this channel."""

    code = "busy"


class BadInputError(ReplicaError):
    """An option's value makes no sense, alone or with the others."""

    code = "bad_input"

    def message(self) -> str:
        """What is wrong with the input and what would be right."""
        return (self.attempted + (". " + self.advice if self.advice else "")).strip()


class BinlogError(ReplicaError):
    """A binlog could not be streamed or decoded: garbage, truncation, an event nobody knows, a cut connection."""

    code = "binlog"
