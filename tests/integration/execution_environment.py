# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the execution environment of the AWX project from Debian packages, and runs its playbooks inside it."""

from __future__ import annotations

import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import yaml
from integration.playbook import CHECKOUT, assert_no_secret, plain_environment
from lab.engine import LABEL, engine
from lab.flavours import FLAVOURS, Package
from lab.images import REPOSITORY, ensure_base
from lab.topology import Lab

AWX = CHECKOUT / "awx"
BASE = Package("trixie", ("python3", "python3-pip", "git", "ca-certificates"))
ARCHIVE = "replicaops-mysql.tar.gz"
LIMIT = 900
RECORDS = "/var/lib/replicaops"


def run(command: Sequence[object], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command that has to end well; what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env={**plain_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def tools(folder: Path) -> Path:
    """An environment with ansible-builder and ansible-navigator; the folder of its programs."""
    venv.create(folder, with_pip=True)
    requirements = CHECKOUT / "tests" / "requirements-ee.txt"
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements], folder)
    return folder / "bin"


def base_image() -> str:
    """The tag of an image with Python, pip and the certificates that this machine trusts."""
    plain = ensure_base(FLAVOURS["mysql-9.7"], BASE, "base-ee", ('CMD ["bash"]',))
    lines = ["FROM " + plain, "COPY trusted.pem /etc/ssl/certs/ca-certificates.crt",
             "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt"]  # fmt: skip
    trusted = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("Dockerfile", "\n".join(lines).encode()), ("trusted.pem", Path(trusted).read_bytes())):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    packed.seek(0)
    tag = REPOSITORY + "/base-ee-trusting:" + plain.rpartition(":")[2]
    engine().images.build(fileobj=packed, custom_context=True, tag=tag, rm=True)
    return tag


def project(folder: Path) -> Path:
    """A copy of the AWX project whose requirements name an archive of this checkout, as nothing is published here."""
    copied = folder / "project"
    shutil.copytree(AWX, copied)
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    run([galaxy, "collection", "build", "--force", "--output-path", folder / "dist"], CHECKOUT)
    shutil.copy(next((folder / "dist").glob("*.tar.gz")), copied / ARCHIVE)
    definition: Dict[str, Any] = yaml.safe_load((copied / "execution-environment.yml").read_text(encoding="utf-8"))
    definition["additional_build_files"] = [{"src": ARCHIVE, "dest": "files"}]
    (copied / "execution-environment.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    wanted = {"collections": [{"name": "files/" + ARCHIVE, "type": "file"}]}
    (copied / "collections" / "requirements.yml").write_text(yaml.safe_dump(wanted), encoding="utf-8")
    return copied


def build(bin_folder: Path, copied: Path, tag: str) -> str:
    """Build the execution environment as awx/README.md says for a base of Debian; what was printed."""
    arguments = {
        "EE_BASE_IMAGE": base_image(),
        "PKGMGR": "/usr/bin/apt-get",
        "PKGMGR_PRESERVE_CACHE": "always",
        "ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--offline",
    }
    command: List[object] = [bin_folder / "ansible-builder", "build", "-f", "execution-environment.yml", "-t", tag,
                             "--container-runtime", "docker", "-v", "3"]  # fmt: skip
    for name, value in arguments.items():
        command += ["--build-arg", "%s=%s" % (name, value)]
    command += ["--extra-build-cli-args", "--label %s=1" % LABEL]
    return run(command, copied, {"PATH": "%s:%s" % (bin_folder, os.environ["PATH"])})


class Inside:
    """Runs the project's wrappers in the execution environment, on the network of a lab."""

    def __init__(self, image: str, bin_folder: Path, copied: Path, folder: Path, lab: Lab) -> None:
        self.image, self.bin, self.project, self.folder = image, bin_folder, copied, folder
        if lab.network is None or lab.network.name is None:
            raise RuntimeError("the lab has no network")
        self.network = str(lab.network.name)
        self.records = folder / "records"
        self.records.mkdir(exist_ok=True)

    def by_runner(self, name: str, hosts: Mapping[str, Any], variables: Mapping[str, str]) -> Ended:
        """Run a wrapper by ansible-runner with its process isolation."""
        data = self.folder / ("runner-" + name)
        (data / "env").mkdir(parents=True)
        (data / "inventory").mkdir()
        shutil.copytree(self.project, data / "project")
        (data / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        (data / "env" / "extravars").write_text(json.dumps(variables), encoding="utf-8")
        command = [
            Path(sys.executable).parent / "ansible-runner", "run", data, "-p", name + ".yml",
            "--process-isolation", "--process-isolation-executable", "docker", "--container-image", self.image,
            "--container-option=--network=" + self.network,
            "--container-volume-mount", "%s:%s" % (self.records, RECORDS),
        ]  # fmt: skip
        return self._ended(command, data)

    def by_navigator(self, name: str, hosts: Mapping[str, Any], variables: Mapping[str, str]) -> Ended:
        """Run a wrapper by ansible-navigator."""
        data = self.folder / ("navigator-" + name)
        shutil.copytree(self.project, data)
        (data / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        command = [
            self.bin / "ansible-navigator", "run", name + ".yml", "-i", "hosts.json", "--mode", "stdout",
            "--ce", "docker", "--eei", self.image, "--pp", "never", "--co=--network=" + self.network,
            "--eev", "%s:%s" % (self.records, RECORDS), "--pae", "false", "--lf", data / "navigator.log",
            "-e", json.dumps(variables),
        ]  # fmt: skip
        return self._ended(command, data)

    def _ended(self, command: Sequence[object], folder: Path) -> Ended:
        done = subprocess.run(
            [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False,
            env={**plain_environment(), "PATH": "%s:%s" % (self.bin, os.environ["PATH"]), "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        assert_no_secret(done.stdout)
        return Ended(done.returncode, done.stdout)


class Ended:
    """How a run ended and what it printed."""

    def __init__(self, code: int, output: str) -> None:
        self.code, self.output = code, output
