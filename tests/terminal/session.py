# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal in which a pair is broken and repaired: what is typed and answered, with names for addresses."""

from __future__ import annotations

import base64
import re
import shutil
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pymysql
from integration.playbook import Run, run_playbook
from lab.accounts import REPAIRER, Account
from lab.compare import compare
from lab.process import DATA
from lab.server import Server
from lab.topology import Lab

# What fits into a line of the site and of a terminal beside something else.
WIDTH = 100
COLLECTION = "replicaops.mysql."
RECORDS = "/srv/ops/replica-repair"
# What is left of a summary that was cut off, however long the addresses in it are.
_SURE = 170
# Tasks whose message is for people; the others work.
_SAYS = re.compile(r"(?:^|: )(?:Say|Show) ")
_NORMAL: Tuple[Tuple[str, str], ...] = (
    (r"\d{8}T\d{6}\.\d{6}Z", "20260101T120000.000000Z"),
    (r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.\d+)?", r"2026-01-01\g<1>12:00:00"),
    (r"(?<!\$)\b[0-9a-f]{64}\b", "0f1e...c3d2"),
    (r"\b\d+(?:\.\d+)? s\b", "1 s"),
    (r"\battempt \d+/", "attempt 1/"),
)
# What may be otherwise with every run or every package of a server, and is no matter of the code.
_UNEQUAL: Tuple[Tuple[str, str], ...] = ((r"\b(\d+\.\d+)\.\d+(?:-\w+)*", r"\1"),)


def comparable(text: str) -> str:
    """A text without what differs between packages of one version of a server."""
    for pattern, instead in _UNEQUAL:
        text = re.sub(pattern, instead, text)
    return text


def _unwrapped(texts: Sequence[Any]) -> List[str]:
    """Lines of a list's items put together again: where they were broken depends on how long the addresses are."""
    found: List[str] = []
    for text in map(str, texts):
        if text.startswith("  ") and found and found[-1].startswith("- "):
            found[-1] += " " + text.strip()
        else:
            found.append(text)
    return found


def _cut(text: str) -> str:
    """A summary that was cut off, cut off where it does not depend on how long the addresses are."""
    return text if not text.endswith("...") else text[:_SURE].rsplit(" ", 1)[0] + " ..."


class Session:
    """What is typed on the servers of a lab and by the person who repairs them, and what comes of it.

    :param lab: running servers; the first is db1.
    :ivar account: the account that the playbooks use.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.account: Account = REPAIRER
        self.words = lab.flavour.words
        self.parts: Dict[str, List[str]] = {}
        self._part: List[str] = []
        self._at = ""
        self._folder = Path(tempfile.mkdtemp(prefix="replicaops-terminal-"))
        self._told: Dict[str, List[str]] = {}

    def close(self) -> None:
        """Remove the records of the session."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def records(self) -> Path:
        """Where the undo records are."""
        return self._folder / "records"

    @property
    def archive(self) -> Path:
        """A directory for binlogs that somebody keeps."""
        return self._folder / "archive"

    def server(self, name: str) -> Server:
        """db1, db2, db3: the servers in their order."""
        return self.lab.servers[int(name[2:]) - 1]

    # -- what is seen --------------------------------------------------------------------------------------------

    def part(self, name: str) -> None:
        """What follows goes into the part of the page with this name."""
        self._part, self._at = self.parts.setdefault(name, []), ""

    def _turn_to(self, place: str) -> None:
        """Leave a line empty where another terminal is looked at."""
        if self._part and place != self._at:
            self._part.append("")
        self._at = place

    def say(self, text: str) -> None:
        """Tell what is done outside a terminal."""
        self._turn_to("")
        self._part += textwrap.wrap("# " + text, WIDTH, subsequent_indent="# ")

    def sql(self, name: str, *statements: str) -> None:
        """Type statements on a server, in one session; the error of one is shown."""
        self._turn_to(name)
        with self.server(name).connect("root") as connection, connection.cursor() as cursor:
            for statement in statements:
                self._part += self._wrapped("%s> %s;" % (name, statement), "  -> ")
                try:
                    cursor.execute(statement)
                except pymysql.MySQLError as error:
                    self._part.append("ERROR %d: %s" % error.args)

    def rows(self, name: str, query: str) -> None:
        """Type a query and show its rows, a line each."""
        self._turn_to(name)
        self._part += self._wrapped("%s> %s;" % (name, query), "  -> ")
        for row in self.server(name).query(query):
            line = " | ".join(str(value) for value in row.values())
            self._part += self._wrapped("  " + self.normal(" ".join(line.split())), " " * 4)

    def status(self, name: str, *columns: str) -> None:
        """Show some lines of SHOW REPLICA STATUS, named as this server names them."""
        self._turn_to(name)
        word = "REPLICA" if self.words.replica == "REPLICA" else "SLAVE"
        self._part.append("%s> SHOW %s STATUS\\G" % (name, word))
        row = self.server(name).replica_status() or {}
        words = self.words
        number = "Last_IO_Errno" if row[words.io_error] else "Last_SQL_Errno"
        error = words.io_error if row[words.io_error] else words.sql_error
        for column in columns or (words.io_running, words.sql_running, number, error):
            value = self.normal(" ".join(str(row[column]).split()))
            self._part += self._wrapped("%30s: %s" % (column, value), " " * 32)

    @staticmethod
    def _wrapped(line: str, indent: str) -> List[str]:
        return textwrap.wrap(
            line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )  # fmt: skip

    def keep_binlogs(self, name: str) -> None:
        """Copy all finished binlogs of a server into the archive, as a job does that keeps them."""
        server = self.server(name)
        server.execute("FLUSH BINARY LOGS")
        self.archive.mkdir(exist_ok=True)
        names = [str(row["Log_name"]) for row in server.query("SHOW BINARY LOGS")]
        for log in names[:-1]:
            _code, text = server.exec("base64 -w0 %s/%s" % (DATA, log))
            (self.archive / log).write_bytes(base64.b64decode(text))

    # -- what the collection does --------------------------------------------------------------------------------

    def play(self, name: str, target: str = "db2", *more: str, code: int = 0, **variables: str) -> None:
        """Run a playbook of the collection as it is called by hand.

        :param more: arguments that are shown.
        :param code: what it ends with.
        :param variables: the same as ``-e``, shown as well; a path below the session's folder is shown as another.
        """
        shown = ["-e target=%s" % target] + ["-e %s=%s" % pair for pair in variables.items()] + list(more)
        self._turn_to("a call of " + name)
        self._part += ["" for _line in self._part[-1:] if _line]
        command = "ansible-playbook -i inventory %s%s %s" % (COLLECTION, name, " ".join(shown))
        self._part.append("$ " + self.normal(command).replace(" -e repair_allow", " \\\n    -e repair_allow"))
        given = ["-e", "target=" + target, *more]
        for pair in variables.items():
            given += ["-e", "%s=%s" % pair]
        self._part += self._said(self._run(name, given, code))

    def message(self, name: str, task: str) -> None:
        """Run a playbook and show what one of its tasks says, without anything around it."""
        for done in self._run(name, ["-e", "target=db2"], 0).tasks:
            if done.name.endswith(": " + task):
                self._part += [line[4:] for line in self._lines(done.result["msg"])]

    def _run(self, name: str, given: Sequence[str], code: int) -> Run:
        hidden = ["-e", "repair_record_dir=%s repair_timeout=60" % self.records]
        run = run_playbook(COLLECTION + name, self._inventory(), [*given, *hidden])
        if run.code != code:
            raise AssertionError("%s ended with %d instead of %d: %s" % (name, run.code, code, run.output))
        return run

    def _inventory(self) -> Mapping[str, Any]:
        hosts = {
            "db%d" % number: {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "replica_login_host": server.host,
                "replica_login_port": str(server.port),
                "replica_login_user": self.account.user,
                "replica_login_password": self.account.password,
                "replica_members": ["db%d" % each for each in range(1, len(self.lab.servers) + 1)],
            }
            for number, server in enumerate(self.lab.servers, 1)
        }
        return {"all": {"hosts": hosts}}

    def _said(self, run: Run) -> List[str]:
        lines: List[str] = []
        for task in run.tasks:
            message = task.result.get("msg")
            failed = task.outcome == "failed" and message
            if not failed and (task.outcome != "ok" or not _SAYS.search(task.name) or not message):
                continue
            told = self._lines(message, "fatal: [%s]: " % task.host if failed else "")
            same = len(told) > 2 and self._told.get(task.name) == told
            self._told[task.name] = told
            lines += ["TASK [%s]" % task.name, *(["    (as above)"] if same else told)]
        return lines

    def _lines(self, message: Any, before: str = "") -> List[str]:
        texts = _unwrapped(message if isinstance(message, list) else [message])
        lines: List[str] = []
        for number, text in enumerate(texts):
            plain = _cut(self.normal((before if number == 0 else "") + text).rstrip())
            indent = "    " + " " * (len(plain) - len(plain.lstrip()))
            lines += self._wrapped("    " + plain, indent + "  ")
        return lines

    def normal(self, text: str) -> str:
        """A text with the names of the servers instead of their addresses, and one time for all times."""
        for number, server in enumerate(self.lab.servers, 1):
            text = re.sub(r"(?<![\d.])%s(?![\d.])" % re.escape(server.host), "db%d" % number, text)
        text = text.replace(str(self.records), RECORDS).replace(str(self.archive), "/srv/binlog-archive")
        for pattern, instead in _NORMAL:
            text = re.sub(pattern, instead, text)
        return text

    # -- conditions ----------------------------------------------------------------------------------------------

    def applier_stopped(self, name: str = "db2") -> None:
        """Wait until the applier has stopped and says why."""
        server = self.server(name)

        def stopped() -> bool:
            row = server.replica_status() or {}
            return row.get(self.words.sql_running) == "No" and bool(row.get(self.words.sql_error))

        server.wait_until(stopped, what="the applier to stop with an error")

    def receiver_stopped(self, name: str = "db2") -> None:
        """Wait until the receiver has stopped and says why."""
        server = self.server(name)

        def stopped() -> bool:
            row = server.replica_status() or {}
            return row.get(self.words.io_running) == "No" and bool(row.get(self.words.io_error))

        server.wait_until(stopped, what="the receiver to stop with an error")

    def settled(self) -> None:
        """Wait until everything is applied, and shown as applied."""
        self.lab.wait_all_in_sync()
        self.passed()

    def passed(self) -> None:
        """Wait until all that was read is shown as applied: MySQL with workers says so a moment later."""
        words = self.words

        def shown(server: Server) -> bool:
            rows = server.query(words.show_status)
            return all(
                (row[words.applied_file], row[words.applied_pos]) == (row[words.source_file], row[words.read_pos])
                for row in rows
            )

        for server in self.lab.replicas:
            server.wait_until(lambda: shown(server), what="all that was read to be shown as applied")  # noqa: B023

    def equal(self, first: str = "db1", second: Optional[str] = None) -> None:
        """Make sure that every row and definition is the same on both servers."""
        self.lab.wait_all_in_sync()
        for name in [second] if second else ["db%d" % number for number in range(2, len(self.lab.servers) + 1)]:
            found = compare(self.server(first), self.server(name))
            if found:
                raise AssertionError("%s differs from %s: %s" % (name, first, found))
