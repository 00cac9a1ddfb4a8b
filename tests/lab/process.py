# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server process in a container.

The container's first process idles and the server is started beside it, so that the server can be stopped, killed
and started with other options while its files stay where they are. They lie on a tmpfs.
"""

from __future__ import annotations

import re
import time
from typing import Dict, List, Optional, Sequence, Tuple, Union

import pymysql
from docker.models.containers import Container
from docker.models.networks import Network

from .engine import LabError, engine
from .flavours import Flavour

Option = Union[str, int, bool, None]

UUID = "11111111-aaaa-bbbb-cccc-{:012d}"
HOME = "/lab"
DATA = HOME + "/data"
ERROR_LOG = HOME + "/error.log"
PORT = 3306

_START = """set -eu
export PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin"
if [ ! -d /lab/data ]; then
  mkdir -p /lab/tmp && chmod 1777 /lab /lab/tmp && cp -a /seed/data /lab/data.new && mv /lab/data.new /lab/data
fi
[ -f /lab/data/auto.cnf ] || printf '[auto]\\nserver-uuid=%s\\n' "$LAB_UUID" > /lab/data/auto.cnf
printf '%s\\n' "$LAB_OPTIONS" > /lab/my.cnf
if [ -d /seed/tls ] && ! grep -q '^ssl' /lab/my.cnf; then
  printf 'ssl_cert=/seed/tls/cert.pem\\nssl_key=/seed/tls/key.pem\\n' >> /lab/my.cnf
fi
touch /lab/error.log
chown mysql: /lab /lab/data /lab/data/auto.cnf /lab/my.cnf /lab/error.log
rm -f /lab/pid
cd /lab/data
printf '%s' "$LAB_TOKEN" > /lab/started
binary=$(command -v "$LAB_BINARY" || command -v mysqld)
exec "$binary" --defaults-file=/lab/my.cnf --user=mysql > /lab/output.log 2>&1
"""
# No ps or pgrep: official images do not have them.
_FIND = """for p in /proc/[0-9]*; do
  read -r c < $p/comm 2> /dev/null || continue
  case "$c" in mysqld*|mariadbd*) ;; *) continue ;; esac
  case "$(cut -d')' -f2 < $p/stat 2> /dev/null)" in ' Z'*) continue ;; esac
  printf '%s ' "${p#/proc/}"
done
"""
_SIGNAL = (
    """find_server() { """
    + _FIND
    + """}
pids=$(find_server); [ -n "$pids" ] && kill -$1 $pids
n=0
while [ -n "$(find_server)" ]; do n=$((n + 1)); [ $n -gt $2 ] && exit 3; sleep 0.05; done
exit 0
"""
)

# An engine under load ends the stream of a command before the command has ended: the mark tells whether all is there.
# What goes to the other of its two outputs may come after the mark.
_END = re.compile(r"(.*)\n-- ended with ([0-9]+) --\n(.*)", re.DOTALL)
_TO_ITS_END = ["sh", "-c", '"$@"; code=$?; printf "\\n-- ended with %d --\\n" $code; exit $code', "sh"]


def option_lines(flavour: Flavour, options: Dict[str, Option]) -> List[str]:
    """Return the lines of an option file; a value of None leaves the option out."""
    merged: Dict[str, Option] = {}
    for name, value in options.items():
        spelled = flavour.option(name)
        merged.pop(spelled, None)
        merged[spelled] = value
    lines = []
    for name, value in merged.items():
        if value is None:
            continue
        if isinstance(value, bool):
            value = int(value)
        lines.append(f"{name}={value}")
    return lines


class ServerProcess:
    """A server of one flavour, number ``number`` of its lab (server id and UUID follow from the number)."""

    def __init__(
        self, flavour: Flavour, number: int, name: str, address: str, options: Optional[Dict[str, Option]] = None
    ) -> None:
        self.flavour = flavour
        self.number = number
        self.name = name
        self.host = address
        self.port = PORT
        self.server_id = number
        self.uuid = UUID.format(number)
        self.options: Dict[str, Option] = dict(options or {})
        self.container: Optional[Container] = None
        self.network: Optional[Network] = None
        self._starts = 0

    def __repr__(self) -> str:
        return f"<Server {self.name} {self.flavour.name} {self.host}:{self.port}>"

    def ping(self) -> None:
        """Raise a PyMySQL error while the server takes no connections."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections the lab keeps to this server."""
        raise NotImplementedError

    # -- the container -------------------------------------------------------------------------------------------

    def create(self, image: str, network: Network, labels: Dict[str, str], disk_size: str = "") -> None:
        """Create and start the container, with its fixed address; the server itself is not started.

        :param disk_size: size of the file system that holds the server's files, such as ``300m``
        """
        client = engine()
        mount = f"size={disk_size},mode=1777" if disk_size else "mode=1777"
        self.network = network
        self.container = client.containers.create(
            image,
            name=f"{network.name}-{self.name}",
            hostname=self.name,
            labels=labels,
            tmpfs={HOME: mount},
            network=network.name,
            stop_signal="SIGKILL",
            cap_add=["NET_ADMIN"],  # for cutting links
            networking_config={network.name: client.api.create_endpoint_config(ipv4_address=self.host)},
        )
        self.container.start()

    def exec(
        self,
        command: Union[str, Sequence[str]],
        user: str = "root",
        check: bool = True,
        env: Optional[Dict[str, str]] = None,
    ) -> Tuple[int, str]:
        """Run a command (a string goes to ``sh -c``) in the container; returns exit code and output.

        :raises LabError: when it fails and ``check`` is true
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        code, text = self._run(argv, user, env)
        if check and code:
            raise LabError(f"{self.name}: {argv[-1] if len(argv) == 3 else argv} gave {code}: {(text or '').strip()}")
        return code, text or ""

    def read(self, command: str) -> str:
        """Return all that a command prints which only reads, and may therefore be run again; not how it ended.

        :raises LabError: when its output is lost time and again
        """
        for _attempt in range(5):
            text = self._run(["sh", "-c", command])[1]
            if text is not None:
                return text
        raise LabError(f"{self.name}: the container engine loses the output of {command}")

    def _run(
        self, argv: Sequence[str], user: str = "root", env: Optional[Dict[str, str]] = None
    ) -> Tuple[int, Optional[str]]:
        """Run a command to its end; exit code and output, None where the engine lost some of that."""
        assert self.container is not None
        api = engine().api
        made = api.exec_create(self.container.id, [*_TO_ITS_END, *argv], user=user, environment=env)["Id"]
        found = _END.search((api.exec_start(made) or b"").decode("utf-8", "replace"))
        if found:
            return int(found[2]), found[1] + found[3]
        deadline = time.monotonic() + 120
        while (state := api.exec_inspect(made))["Running"]:
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: {argv[-1]} has not ended")
            time.sleep(0.05)
        return int(state["ExitCode"]), None

    # -- the server process --------------------------------------------------------------------------------------

    def _base_options(self) -> Dict[str, Option]:
        options: Dict[str, Option] = dict(self.flavour.options)
        options.update(
            {
                "datadir": DATA,
                "socket": HOME + "/sock",
                "pid_file": HOME + "/pid",
                "log_error": ERROR_LOG,
                "tmpdir": HOME + "/tmp",
                "port": PORT,
                "bind_address": "0.0.0.0",
                "server_id": self.server_id,
                "report_host": self.host,
                "report_port": PORT,
            }
        )
        return options

    def start(self, wait: bool = True, timeout: float = 60.0, **options: Option) -> ServerProcess:
        """Start the server. Options stay for later starts, as if edited in an option file; None takes one out.

        :param wait: return only when the server answers
        :raises LabError: when the server ends or does not answer in time; the message holds the log's end
        """
        assert self.container is not None
        self.options.update(options)
        self._starts += 1
        lines = ["[mysqld]", *option_lines(self.flavour, {**self._base_options(), **self.options})]
        self.container.exec_run(
            ["sh", "-c", _START],
            user="root",
            detach=True,
            environment={
                "LAB_UUID": self.uuid,
                "LAB_OPTIONS": "\n".join(lines),
                "LAB_BINARY": self.flavour.binary,
                "LAB_TOKEN": str(self._starts),
            },
        )
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until the server takes connections.

        :raises LabError: when it ends or does not answer in time; the message holds the log's end
        """
        began = time.monotonic()
        check_at = began + 1.5
        seen_dead = 0
        self.close()
        while True:
            try:
                self.ping()
                return
            except pymysql.MySQLError as error:
                now = time.monotonic()
                if now - began > timeout:
                    raise LabError(
                        f"{self.name} does not answer after {timeout:.0f} s: {error}\n{self.log_tail()}"
                    ) from error
                if now > check_at:
                    seen_dead = seen_dead + 1 if self._has_ended() else 0
                    if seen_dead > 1:
                        raise LabError(f"{self.name} ended at its start:\n{self.log_tail()}") from error
                    check_at = now + 0.5
            time.sleep(0.02)

    def _has_ended(self) -> bool:
        # Before the token is there the start script still copies files and there is no server process to see.
        token = self.read(f"cat {HOME}/started 2> /dev/null")
        return token == str(self._starts) and not self.is_running()

    def is_running(self) -> bool:
        """Tell whether the server process lives."""
        return bool(self.read(_FIND).strip())

    def stop(self, timeout: float = 60.0) -> None:
        """Shut the server down in order.

        :raises LabError: when it has not ended in time
        """
        self._signal("TERM", timeout)

    def kill(self) -> None:
        """End the server with SIGKILL: nothing is flushed or closed."""
        self._signal("KILL", 20.0)

    def _signal(self, name: str, timeout: float) -> None:
        self.close()
        code, text = self.exec(["sh", "-c", _SIGNAL, "sh", name, str(int(timeout / 0.05))], check=False)
        if code:
            raise LabError(f"{self.name} did not end within {timeout:.0f} s of SIG{name}: {text}\n{self.log_tail()}")

    def restart(self, timeout: float = 60.0, **options: Option) -> ServerProcess:
        """Stop the server if it runs and start it, with options that stay."""
        self.stop(timeout)
        return self.start(True, timeout, **options)

    # -- logs and files ------------------------------------------------------------------------------------------

    def error_log(self) -> str:
        """Return the server's error log."""
        return self.read(f"cat {ERROR_LOG} {HOME}/output.log 2> /dev/null")

    def log_tail(self, lines: int = 25) -> str:
        """Return the last lines of the error log, and the error lines before them."""
        log = self.error_log().splitlines()
        return "\n".join([line for line in log[:-lines] if "[ERROR]" in line][-5:] + log[-lines:])

    def save(self, name: str = "saved") -> None:
        """Copy the data directory aside; stop the server first, or the copy is as after a power loss."""
        self.exec(f"rm -rf {HOME}/{name} && cp -a {DATA} {HOME}/{name}")

    def restore(self, name: str = "saved") -> None:
        """Put a copied data directory back.

        :raises LabError: while the server runs, or when there is no such copy
        """
        if self.is_running():
            raise LabError(f"{self.name} runs: stop or kill it before its data directory is replaced")
        self.exec(f"test -d {HOME}/{name} && rm -rf {DATA} && cp -a {HOME}/{name} {DATA}")
