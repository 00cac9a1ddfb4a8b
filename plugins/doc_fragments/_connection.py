# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options every module has to reach its server."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the server."""

    DOCUMENTATION = r"""
options:
  login_host:
    description:
      - Host name or address of the database server, as seen from where the module runs.
      - There is no default. Under a local connection C(localhost) would be the controller.
      - Either this or O(login_unix_socket) is needed.
    type: str
  login_port:
    description: TCP port of the database server.
    type: int
    default: 3306
  login_unix_socket:
    description: Path of the server's Unix socket. Takes precedence over O(login_host).
    type: path
  login_user:
    description:
      - Account on the database server.
      - Taken from the environment variable E(REPLICA_LOGIN_USER) when not given.
    type: str
  login_password:
    description:
      - Password of the account.
      - Taken from the environment variable E(REPLICA_LOGIN_PASSWORD) when not given.
    type: str
  config_file:
    description:
      - Option file to read account and TLS options from (section C(client)).
      - No option file is read unless this names one.
    type: path
  ca_cert:
    description: Certificate of the authority that signed the server's certificate. Given, the connection uses TLS.
    type: path
  client_cert:
    description: Client certificate for TLS.
    type: path
  client_key:
    description: Key of the client certificate.
    type: path
  check_hostname:
    description: Whether the server's certificate must name the host. By default it must when O(ca_cert) is given.
    type: bool
  connect_timeout:
    description: Seconds a connection may take to come about.
    type: int
    default: 10
requirements:
  - PyMySQL (Python library) where the module runs
"""
