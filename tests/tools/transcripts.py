# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the transcripts of the guides anew, from what real servers and the playbooks show.

``transcripts.py [--print] [PAGE ...]``: all pages without a name; a page is named as below docs/, without its ending.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / ".venv" / "collections"), str(CHECKOUT / "tests")]

from terminal.pages import filled, load  # noqa: E402


def main() -> int:
    scenes = load()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="one of " + ", ".join(scenes))
    parser.add_argument("--print", action="store_true", help="show the transcripts and write nothing")
    arguments = parser.parse_args()
    for name in arguments.pages or scenes:
        parts = scenes[name].play()
        if arguments.print:
            for part, text in parts.items():
                print("== %s\n%s" % (part, text))
        else:
            path = scenes[name].path
            path.write_text(filled(path.read_text("utf-8"), parts), "utf-8")
            print("wrote %s" % path.relative_to(CHECKOUT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
