# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that say how to reach the source and the other members of a topology."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the source; MEMBERS has the option for the other members."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - How to reach the source of the channel from where the module runs.
      - What is not given comes from the channel (host and port) and from the options for the target (account and TLS).
      - The server reached must be the channel's source; another one is an error.
    type: dict
    suboptions:
      login_host:
        description: Host name or address, as seen from where the module runs. By default the channel's source host.
        type: str
      login_port:
        description: TCP port. By default the channel's source port.
        type: int
      login_unix_socket:
        description: Path of the server's Unix socket. Takes precedence over the host.
        type: path
      login_user:
        description: Account there. By default the same as on the target.
        type: str
      login_password:
        description: Password of the account. By default the same as on the target.
        type: str
      config_file:
        description: Option file to read account and TLS options from. By default the same as for the target.
        type: path
      ca_cert:
        description: Certificate of the authority. Without any TLS option here, those for the target are used.
        type: path
      client_cert:
        description: Client certificate for TLS.
        type: path
      client_key:
        description: Key of the client certificate.
        type: path
      check_hostname:
        description: Whether the server's certificate must name the host.
        type: bool
"""

    MEMBERS = r"""
options:
  members:
    description:
      - The servers of the topology that the target belongs to, each with a name for messages.
      - What needs to look at all members is C(unknown) without them.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What results and messages call this server.
        type: str
        required: true
      login_host:
        description: Host name or address, as seen from where the module runs.
        type: str
      login_port:
        description: TCP port.
        type: int
        default: 3306
      login_unix_socket:
        description: Path of the server's Unix socket. Takes precedence over the host.
        type: path
      login_user:
        description: Account there. By default the same as on the target.
        type: str
      login_password:
        description: Password of the account. By default the same as on the target.
        type: str
      config_file:
        description: Option file to read account and TLS options from. By default the same as for the target.
        type: path
      ca_cert:
        description: Certificate of the authority. Without any TLS option here, those for the target are used.
        type: path
      client_cert:
        description: Client certificate for TLS.
        type: path
      client_key:
        description: Key of the client certificate.
        type: path
      check_hostname:
        description: Whether the server's certificate must name the host.
        type: bool
"""
