# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as a site: the pages of the checkout and the reference of every module, filter and role.

``docs_site.py SOURCE OUTPUT`` lays the pages out in SOURCE as they lie in the checkout, has antsibull-docs write the
reference beside them, and builds the site; whatever either of them warns of fails. No network is used. It runs in the
checkout, by a Python that has what tests/requirements-docs.txt lists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SETTINGS = CHECKOUT / "tests" / "tools" / "docsite"
# With what the pages point to, which the site then carries.
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "COPYING", "docs/*", "docs/*/*", "awx/README.md",
         "roles/*/README.md", "roles/*/meta/argument_specs.yml")  # fmt: skip


def lay_out(source: Path) -> None:
    """Copy the pages and the settings; links between pages hold because each stays where it was."""
    for pattern in PAGES:
        for page in filter(Path.is_file, CHECKOUT.glob(pattern)):
            target = source / page.relative_to(CHECKOUT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(page, target)
    for name in ("conf.py", "index.md"):
        shutil.copy2(SETTINGS / name, source)


def main(source: Path, output: Path) -> int:
    lay_out(source)
    reference = source / "reference"
    # antsibull-docs refuses a folder that others may write to.
    reference.mkdir(mode=0o755)
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    commands = (
        (programs / "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
         "--dest-dir", reference, "replicaops.mysql"),
        (programs / "sphinx-build", "-q", "-W", "--keep-going", "-d", source / ".doctrees", source, output),
    )  # fmt: skip
    shutil.rmtree(output, ignore_errors=True)
    for command in commands:
        done = subprocess.run([str(part) for part in command], env={**os.environ, "PATH": path}, check=False)
        if done.returncode != 0:
            return done.returncode
    print(f"the site begins at {output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
