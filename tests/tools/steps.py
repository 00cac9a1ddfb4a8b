# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the collection, as data: which commands make up each step, where they run and with what environment."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import ansible_test_pip

GROUPS = ("images", "lint", "docs", "sanity", "unit", "package", "integration")
OLDER_CORES = ("2.19", "2.20")  # besides the newest
CORE_TESTS = "tests/unit/plugins/module_utils/_core"
# A few tests that connect, read and write as each kind of account, on every flavour.
OLDEST_DRIVER_TESTS = (
    "tests/integration/test_replica_channel.py",
    "--flavour",
    "mysql-9.7,mysql-5.6,mariadb-10.11,mariadb-11.8",
    "-k",
    "start_and_stop_converge or check_mode_foretells or said_plainly",
)
TYPED = ("plugins/module_utils/_core", "plugins/module_utils/_server")

# Everything that may lie at the top of the built archive; what a user does not need stays out.
METADATA_FILES = ("MANIFEST.json", "FILES.json", "README.md", "COPYING", "CHANGELOG.md", "changelogs")
ARCHIVE_FOLDERS = ("meta", "plugins", "roles", "playbooks", "docs", "awx", "extensions")
ARCHIVE_TOP = frozenset((*METADATA_FILES, ".ansible-lint", *ARCHIVE_FOLDERS))


@dataclass(frozen=True)
class Command:
    """A process to run: no shell, an explicit folder, and what its environment adds."""

    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)

    def shown(self) -> str:
        return shlex.join(self.argv)


def no_note(output: str) -> str:
    """Say nothing beside the step's name."""
    return ""


def last_line_note(pattern: str) -> Callable[[str], str]:
    """Make a function that picks the last line of an output which matches, to stand beside the step's name."""

    def note(output: str) -> str:
        found = [line.strip("= \n") for line in output.splitlines() if re.search(pattern, line)]
        return found[-1] if found else ""

    return note


@dataclass(frozen=True)
class Step:
    """A named check: its commands come from a generator, so that plain Python may run between them."""

    name: str
    commands: Callable[[], Iterator[Command]]
    skip_because: str = ""
    alone: bool = False  # after all others, and nothing beside it
    live: bool = False  # its output is shown as it comes
    note: Callable[[str], str] = no_note


@dataclass(frozen=True)
class Workspace:
    """A temporary folder for copies of the checkout, logs and archives, and the environment that every step gets."""

    checkout: Path
    top: Path
    environment: dict[str, str]

    @classmethod
    def create(cls, checkout: Path) -> Workspace:
        top = Path(tempfile.mkdtemp(prefix="replicaops-checks-"))
        (top / "logs").mkdir()
        return cls(checkout, top, _environment(checkout))

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")

    @property
    def logs(self) -> Path:
        return self.top / "logs"

    def copy(self, name: str) -> Path:
        """Copy the files that git knows or would take to where the tools want a collection; return its root."""
        root = self.top / name / "ansible_collections" / "replicaops" / "mysql"
        # A folder of somebody else's is fine too: the files are only read.
        listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=self.checkout, check=True, capture_output=True).stdout.decode()
        for relative in filter(None, names.split("\0")):
            source, target = self.checkout / relative, root / relative
            if source.is_file() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        return root

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.top, ignore_errors=True)


def _environment(checkout: Path) -> dict[str, str]:
    venv = checkout / ".venv"
    # A version manager's shims stand for every Python and run only some: the tools take them for real and fail.
    path = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if "shims" not in Path(part).parts]
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_CONFIG", "ANSIBLE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment["PATH"] = os.pathsep.join([str(venv / "bin"), str(venv / "pythons"), *path])
    return environment


def plan(workspace: Workspace, groups: list[str]) -> list[Step]:
    """List the steps of the groups that were asked for; ``all`` stands for ``GROUPS``."""
    makers: dict[str, Callable[[Workspace], list[Step]]] = {
        "images": images,
        "lint": lint,
        "docs": docs,
        "sanity": sanity,
        "older-sanity": older_sanity,
        "unit": unit,
        "package": package,
        "integration": integration,
        "matrix": matrix,
        "molecule": molecule,
    }
    wanted = [name for group in groups for name in (GROUPS if group == "all" else (group,))]
    unknown = [name for name in wanted if name not in makers]
    if unknown:
        raise SystemExit(f"unknown group {', '.join(unknown)}: all, {', '.join(makers)}")
    return [step for name in wanted for step in makers[name](workspace)]


def images(workspace: Workspace) -> list[Step]:
    def build() -> Iterator[Command]:
        yield Command((workspace.python, "-m", "lab", "images"), workspace.checkout, {"PYTHONPATH": "tests"})

    return [Step("server images", build)]


def lint(workspace: Workspace) -> list[Step]:
    root = workspace.copy("lint")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(root.parents[2])}

    def tool(*argv: str) -> Callable[[], Iterator[Command]]:
        def commands() -> Iterator[Command]:
            yield Command(argv, root, env)

        return commands

    def types() -> Iterator[Command]:
        # From the top, so that a file has the one name under which the collection imports it.
        top = root.parents[2]
        typed = [str((root / folder).relative_to(top)) for folder in TYPED if any((root / folder).rglob("*.py"))]
        yield Command(("mypy", "--config-file", str(root / "pyproject.toml"), *typed), top, {"MYPYPATH": str(top)})
        yield Command(("mypy", "tests/tools"), root, {"MYPYPATH": os.pathsep.join(("tests/tools", "tests", str(top)))})

    scripts = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if _is_shell_script(path)]
    no_shellcheck = "" if shutil.which("shellcheck") else "shellcheck is not installed"
    return [
        Step("ansible-lint", tool("ansible-lint", "--offline", "--nocolor", "--profile", "production")),
        Step("antsibull-docs", tool("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")),
        Step("antsibull-changelog", tool("antsibull-changelog", "lint")),
        Step("mypy", types),
        Step("yamllint", tool("yamllint", "--strict", ".")),
        Step("ruff check", tool("ruff", "check", "--no-cache", ".")),
        Step("ruff format", tool("ruff", "format", "--no-cache", "--check", ".")),
        Step("shellcheck", tool("shellcheck", *scripts), no_shellcheck),
    ]


def docs(workspace: Workspace) -> list[Step]:
    """Build the documentation as a site, which is left in dist/docs."""

    def build() -> Iterator[Command]:
        root = workspace.copy("docs")
        source = workspace.top / "docs" / "site"
        source.mkdir()
        python = str(workspace.venv / "venvs" / "docs" / "bin" / "python")
        argv = (python, str(root / "tests/tools/docs_site.py"), str(source), str(workspace.checkout / "dist" / "docs"))
        yield Command(argv, root, {"ANSIBLE_COLLECTIONS_PATH": str(root.parents[2])})

    return [Step("documentation site", build)]


def _is_shell_script(path: Path) -> bool:
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return bool(re.match(rb"#!.*\b(ba|da)?sh\b", file.readline(100)))


def sanity(workspace: Workspace) -> list[Step]:
    return [_sanity(workspace, "ansible-test sanity", workspace.venv)]


def older_sanity(workspace: Workspace) -> list[Step]:
    """The same with the older releases of ansible-core that are supported, each in an environment of its own."""
    return [
        _sanity(workspace, f"sanity: ansible-core {core}", workspace.venv / "venvs" / f"core-{core}", core)
        for core in OLDER_CORES
    ]


def _sanity(workspace: Workspace, name: str, venv: Path, core: str = "") -> Step:
    def commands() -> Iterator[Command]:
        root = workspace.copy(f"sanity{core}")
        # Its caches and virtual environments stay inside the checkout, and its pip stand-in out of the user's home.
        home = workspace.venv / "home"
        if core:
            uv = str(workspace.venv / "bin" / "uv")
            yield Command((uv, "venv", "--allow-existing", "--python", workspace.python, str(venv)), root)
            wanted = f"ansible-core=={core}.*"
            yield Command((uv, "pip", "install", "--python", str(venv / "bin" / "python"), wanted), root)
        (packages,) = venv.glob("lib/python3*/site-packages")
        ansible_test_pip.write_stand_ins(home, packages)
        path = os.pathsep.join([str(venv / "bin"), workspace.environment["PATH"]])
        argv = (str(venv / "bin" / "ansible-test"), "sanity", "--color", "no")
        yield Command(argv, root, {"HOME": str(home), "PATH": path})

    def note(output: str) -> str:
        left_out = sorted(set(re.findall(r"Skipping sanity test .* on Python ([\d.]+)", output)))
        return f"on Python {', '.join(_pythons(workspace))}" + (
            f"; not here: {', '.join(left_out)}" if left_out else ""
        )

    return Step(name, commands, note=note)


def _pythons(workspace: Workspace) -> list[str]:
    names = (path.name.removeprefix("python") for path in (workspace.venv / "pythons").glob("python3.*"))
    return sorted(names, key=lambda name: int(name.split(".")[1]))


def unit(workspace: Workspace) -> list[Step]:
    root = workspace.copy("unit")

    def tests(python: str, *which: str) -> Callable[[], Iterator[Command]]:
        def commands() -> Iterator[Command]:
            yield Command((python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *which), root)

        return commands

    extra = workspace.venv / "venvs"
    oldest = _version(str(extra / "oldest-python" / "bin" / "python"))
    if oldest != "3.9":
        print(f"NOTE: no Python 3.9 on this machine; {oldest} is the oldest that the core is tested on", flush=True)
    others = [
        path for path in (root / "tests" / "unit").rglob("test_*.py") if not path.is_relative_to(root / CORE_TESTS)
    ]
    nothing = "" if others else "there are no unit tests outside the core"
    old_driver = str(extra / "oldest-driver" / "bin" / "python")
    note = last_line_note(r"\b(passed|failed|error)")
    return [
        Step(
            f"unit: core, bare Python {oldest}", tests(str(extra / "oldest-python/bin/python"), CORE_TESTS), note=note
        ),
        Step(f"unit: all, Python {platform.python_version()}", tests(workspace.python, "tests/unit"), note=note),
        Step("unit: PyMySQL 1.0.2", tests(old_driver, "tests/unit", f"--ignore={CORE_TESTS}"), nothing, note=note),
    ]


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def package(workspace: Workspace) -> list[Step]:
    root = workspace.copy("package")

    def build(dist: Path) -> Command:
        return Command(("ansible-galaxy", "collection", "build", "--force", "--output-path", str(dist)), root)

    def install() -> Iterator[Command]:
        dist, installed = workspace.top / "dist", workspace.top / "installed"
        yield build(dist)
        archive = _archive(dist)
        _check_contents(archive)
        galaxy = ("ansible-galaxy", "collection", "install", "--offline", "-p", str(installed), str(archive))
        env = {"ANSIBLE_COLLECTIONS_PATH": str(installed)}
        yield Command(galaxy, workspace.top, env)
        yield from _documentation(root, workspace.top, env)

    def importer() -> Iterator[Command]:
        dist = workspace.top / "dist-importer"
        yield build(dist)
        bin_folder = str(workspace.venv / "venvs" / "importer" / "bin")
        path = os.pathsep.join([bin_folder, workspace.environment["PATH"]])
        argv = (f"{bin_folder}/python", "-m", "galaxy_importer.main", str(_archive(dist)))
        yield Command(argv, dist, {"PATH": path, "ANSIBLE_COLLECTIONS_PATH": ""})
        _check_findings((workspace.logs / "galaxy-importer.log").read_text(encoding="utf-8", errors="replace"))

    return [Step("galaxy-importer", importer), Step("build, install, ansible-doc", install)]


def _check_findings(output: str) -> None:
    """Fail for what the importer merely prints."""
    found = re.findall(r"^(?:ERROR|WARNING): .*", output, re.MULTILINE)
    if found:
        raise RuntimeError(f"the importer has {len(found)} findings: {' '.join(found)}")


def _archive(dist: Path) -> Path:
    (archive,) = dist.glob("*.tar.gz")
    return archive


def _check_contents(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = [name.removeprefix("./") for name in tar.getnames()]
    stray = sorted({name for name in names if name and name.split("/")[0] not in ARCHIVE_TOP})
    if stray:
        raise RuntimeError(f"the archive holds what no user needs (see build_ignore in galaxy.yml): {', '.join(stray)}")


def _documentation(root: Path, cwd: Path, env: dict[str, str]) -> Iterator[Command]:
    """Read the documentation of every plugin and role by its full name, as the installed archive has it."""
    kinds = {"module": "plugins/modules", "filter": "plugins/filter", "lookup": "plugins/lookup"}
    for kind, folder in kinds.items():
        files = [path for path in (root / folder).glob("[!_]*") if path.suffix in (".py", ".yml")]
        # One file may hold several filters; then each has its documentation in a file of its own name.
        stems = {path.stem for path in files if path.suffix == ".yml" or "DOCUMENTATION" in path.read_text("utf-8")}
        if stems:
            names = [f"replicaops.mysql.{stem}" for stem in sorted(stems)]
            yield Command(("ansible-doc", "--type", kind, "--json", *names), cwd, env)
    roles = sorted(p.parent.parent.name for p in (root / "roles").glob("*/meta/argument_specs.yml"))
    if roles:
        names = [f"replicaops.mysql.{role}" for role in roles]
        yield Command(("ansible-doc", "--type", "role", "--json", *names), cwd, env)


def integration(workspace: Workspace) -> list[Step]:
    def tests(python: str, *which: str) -> Callable[[], Iterator[Command]]:
        def commands() -> Iterator[Command]:
            yield Command((python, "-m", "pytest", *which), workspace.checkout)

        return commands

    def archived() -> Iterator[Command]:
        yield Command((str(workspace.checkout / "tests" / "demo" / "from-archive"),), workspace.checkout)

    old_driver = str(workspace.venv / "venvs" / "oldest-driver" / "bin" / "python")
    note = last_line_note(r"\b(passed|failed|error)")
    # Tests wait for servers most of the time.
    workers = str(min(2 * (os.cpu_count() or 1), 4))
    shared = ("-n", workers, "--durations", "15")
    return [
        Step("demo from the built archive", archived, alone=True),
        Step("integration: PyMySQL 1.0.2", tests(old_driver, "-q", *OLDEST_DRIVER_TESTS), alone=True, note=note),
        Step("integration", tests(workspace.python, *shared, "tests/integration"), alone=True, live=True),
    ]


def matrix(workspace: Workspace) -> list[Step]:
    def commands() -> Iterator[Command]:
        yield Command((workspace.python, "tests/tools/matrix.py"), workspace.checkout)

    return [Step("matrix", commands, alone=True, live=True)]


def molecule(workspace: Workspace) -> list[Step]:
    """Give the roles that need a service manager servers under systemd: minutes, most of it restarts."""
    scenarios = sorted(path.parent.name for path in workspace.checkout.glob("extensions/molecule/*/molecule.yml"))
    env = {"ANSIBLE_COLLECTIONS_PATH": str(workspace.venv / "collections"), "NO_COLOR": "1"}

    def test(scenario: str) -> Callable[[], Iterator[Command]]:
        def commands() -> Iterator[Command]:
            yield Command(("molecule", "test", "-s", scenario), workspace.checkout / "extensions", env)

        return commands

    note = last_line_note(r"replicaops-.*failed=")
    return [Step(f"molecule: {name}", test(name), alone=True, note=note) for name in scenarios]
