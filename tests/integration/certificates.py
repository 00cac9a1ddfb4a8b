# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for breaks of TLS, made with the openssl command at the moment they are needed."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from lab.server import Server


def _run(folder: Path, *arguments: str) -> None:
    subprocess.run(("openssl", *arguments), cwd=folder, check=True, capture_output=True)


@lru_cache
def authority(name: str) -> Path:
    """A folder with a certificate authority of that name: ``ca.pem`` and ``ca.key``."""
    folder = Path(tempfile.mkdtemp(prefix="replicaops-ca-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _run(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
         "-days", "3650", "-subj", "/CN=lab authority " + name)  # fmt: skip
    return folder


@lru_cache
def _certificate(folder: Path, name: str, expired: bool) -> str:
    """Make a certificate once; the beginning of its files' names."""
    name += "-expired" if expired else ""
    _run(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
         "-subj", "/CN=" + name)  # fmt: skip
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca = lab\n[lab]\ndatabase = index.txt\nnew_certs_dir = .\nserial = serial\nrand_serial = yes\n"
        "default_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n"
    )
    until = "20010102000000Z" if expired else "20491231235959Z"
    _run(folder, "ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key",
         "-startdate", "20010101000000Z", "-enddate", until, "-in", name + ".csr", "-out", name + ".pem")  # fmt: skip
    return name


def install(server: Server, folder: Path, name: str, expired: bool = False) -> None:
    """Put an authority's certificate and a certificate that it signed under /lab of a server.

    :param name: ``server`` or ``client``; the files are named so.
    :param expired: the certificate ended years ago.
    """
    made = _certificate(folder, name, expired)
    files = {"ca.pem": "ca.pem", name + ".pem": made + ".pem", name + ".key": made + ".key"}
    for file, found in files.items():
        text = (folder / found).read_text()
        server.exec(["sh", "-c", 'printf %s "$TEXT" > /lab/' + file + " && chown mysql: /lab/" + file + " && chmod 600 "
                     "/lab/" + file], env={"TEXT": text})  # fmt: skip
