# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that the replica partly holds already, and a damaged relay log: the whole story on real servers."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import faults
from lab.cli import inventory as lab_inventory
from lab.cli import yaml_text
from lab.compare import compare
from lab.load import Writer
from lab.topology import Lab

from . import story

LINE = "-" * 100


def say(text: str) -> None:
    """Tell what happens next."""
    print("\n%s\n%s\n%s" % (LINE, text, LINE), flush=True)


def playbook(name: str, inventory: Path, *more: str) -> int:
    """Run a playbook of the collection as a user would; its output goes to the terminal."""
    command = ["ansible-playbook", "-i", str(inventory), "replicaops.mysql." + name, "-e", "target=replica", *more]
    print("$ " + " ".join(command[:2] + ["INVENTORY"] + command[3:]), flush=True)
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": os.environ["COLLECTIONS"],
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_DISPLAY_OK_HOSTS": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_NOCOLOR": os.environ.get("ANSIBLE_NOCOLOR", "1" if not sys.stdout.isatty() else "0"),
    }
    return subprocess.run(command, env={**os.environ, **settings}, cwd=inventory.parent, check=False).returncode


def break_it(lab: Lab) -> None:
    """The release: migrations on the source, some of them by hand on the replica before, then a damaged relay log."""
    for statement in story.APPLICATION:
        lab.source.execute(statement)
    lab.wait_in_sync(lab.replica)
    say("1. Somebody ran part of the release on the replica by hand, to save time")
    for statement in story.by_hand(lab.flavour.is_mariadb):
        print("   replica> " + statement)
        lab.replica.execute_unlogged(statement)
    say("2. The release runs %d migrations on the source; the replica fetches them" % len(story.MIGRATIONS))
    for statement in story.MIGRATIONS:
        print("   source>  " + statement)
    say("3. The replica's relay log is damaged before the migrations are applied")
    faults.corrupt_relay_log(lab, lambda: lab.source.execute(*story.MIGRATIONS))
    lab.replica.wait_until(
        lambda: lab.status(lab.links[0])[lab.flavour.words.sql_running] == "No", what="the applier to stop"
    )


def main() -> int:
    """Run the story; 0 when the replica was proven equal by the collection and by an independent comparison."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("flavour")
    flavour = parser.parse_args().flavour
    with tempfile.TemporaryDirectory(prefix="replicaops-demo-") as folder, Lab(flavour, workers=4) as lab:
        inventory = Path(folder) / "inventory.yml"
        inventory.write_text(yaml_text(lab_inventory(lab.servers, "demo")), encoding="utf-8")
        break_it(lab)
        say("4. Diagnose: one task reads everything")
        if playbook("diagnose", inventory):
            return 1
        say("5. What a repair would do (check mode)")
        playbook("repair", inventory, "--check", "--diff")
        say("6. Repair while the application keeps writing to the source")
        with Writer(lab.source, rate=20, schema="shop_log") as writer:
            failed = playbook("repair", inventory)
        print("   The application committed %d transactions meanwhile." % writer.committed)
        say("7. An independent comparison of every definition and every row of every table")
        lab.wait_in_sync(lab.replica)
        differences = compare(lab.source, lab.replica)
        for difference in differences:
            print("   different: " + difference)
        equal = "equal" if not differences else "NOT equal"
        print("   Source and replica are %s. Everything that was started is removed now." % equal)
        return 1 if failed or differences else 0


if __name__ == "__main__":
    sys.exit(main())
