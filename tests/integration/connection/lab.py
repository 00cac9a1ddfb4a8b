# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets Ansible work inside a container of the lab, as on a host of its own."""

from __future__ import annotations

import subprocess

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: lab
short_description: Runs tasks inside a container of the lab
description:
  - With the container engine's command.
author: replicaops.mysql contributors (@replicaops)
options:
  remote_addr:
    description: Name of the container.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""


class Connection(ConnectionBase):
    """A connection to one container, as root."""

    transport = "lab"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Run a command by the shell; its code, output and errors."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        name = self.get_option("remote_addr")
        done = subprocess.run(
            ["docker", "exec", "-i", name, "/bin/sh", "-c", cmd], input=in_data or b"", capture_output=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        """Copy a file into the container."""
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as file:
            self._checked("cat > '%s'" % out_path, file.read())

    def fetch_file(self, in_path, out_path):
        """Copy a file out of the container."""
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as file:
            file.write(self._checked("cat '%s'" % in_path))

    def _checked(self, command, data=None):
        code, output, errors = self.exec_command(command, data)
        if code:
            raise AnsibleConnectionFailure(errors.decode(errors="replace"))
        return output

    def close(self):
        """Nothing is kept open."""
        self._connected = False
