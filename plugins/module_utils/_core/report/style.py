# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style of the report: light and dark by what the reader's system says, narrow windows, paper."""

from __future__ import annotations

from .runs import MEANINGS

_BARS = "\n".join(
    ".bar.%s { fill: var(--%s); } .swatch.%s { background: var(--%s); }" % (name, name, name, name) for name in MEANINGS
)

_PAGE = """
:root { --ground: #fff; --soft: #f4f5f7; --line: #c9ced6; --ink: #1b1f24; --faint: #57606a; --link: #0b57d0;
  --good: #1a7f37; --warn: #9a6700; --bad: #b3261e; --calm: #5b6673; --bar-ink: #10151a;
  --applied: #7fb8a0; --behind: #9db7dd; --gap: #e3c567; --hole: #f3a65a; --errant: #e58080; --lost: #c98bd0;
  --purged: #b3a48f; --ahead: #e58080; --allowed: #b9cf8f; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --soft: #1e2329; --line: #3b434d; --ink: #e4e8ed; --faint: #a3adb8; --link: #8ab4f8;
    --good: #57c27a; --warn: #e0b04c; --bad: #ff8a80; --calm: #a3adb8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.3rem; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1.05rem; }
h4 { margin: 0 0 .2rem; font-size: 1rem; }
p { margin: .3rem 0; }
ul, ol { padding-left: 1.4rem; margin: .3rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.meaning, header > p { color: var(--faint); }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
.overview th, .badge { overflow-wrap: normal; white-space: nowrap; }
.badge { border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; font-weight: 600;
  color: var(--calm); }
.badge.healthy, .badge.behind, .badge.rows_proven, .badge.fully_verified { color: var(--good); }
.badge.stopped, .badge.blocked, .badge.stalled { color: var(--warn); }
.badge.broken, .badge.diverged, .badge.unproven { color: var(--bad); }
.finding { border-left: 4px solid var(--line); background: var(--soft); padding: .7rem 1rem; margin: .6rem 0; }
.finding.error { border-color: var(--bad); }
.finding.warning { border-color: var(--warn); }
.severity { text-transform: uppercase; font-size: .75rem; letter-spacing: .05em; color: var(--faint); }
dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .1rem 1rem; margin: .5rem 0; font-size: .9rem; }
dt { color: var(--faint); }
dd { margin: 0; font-family: ui-monospace, monospace; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { background: var(--soft); border: 1px solid var(--line); padding: .6rem; white-space: pre-wrap; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--faint); }
svg { width: 100%; height: auto; display: block; margin: .6rem 0; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); }
.servers text, .numbers { text-anchor: middle; }
.servers rect { fill: var(--soft); stroke: var(--calm); stroke-width: 2; }
.servers .host { font-weight: 600; }
.servers .about { fill: var(--faint); }
.server.healthy rect, .server.behind rect { stroke: var(--good); }
.server.stopped rect, .server.blocked rect, .server.stalled rect { stroke: var(--warn); }
.server.broken rect, .server.diverged rect { stroke: var(--bad); }
.channel line { stroke: var(--calm); stroke-width: 2; }
.channel.broken line, .channel.diverged line { stroke: var(--bad); stroke-dasharray: 6 4; }
.channel text { text-anchor: start; font-size: 12px; }
marker path { fill: var(--calm); }
.sets .origin { font-size: 14px; fill: var(--faint); }
.sets .numbers { font-size: 14px; fill: var(--bar-ink); }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem; vertical-align: -.1rem; }
"""

_NARROW_AND_PAPER = """
@media (max-width: 40rem) {
  .overview thead { position: absolute; left: -9999px; }
  .overview, .overview tbody { display: block; }
  .overview tr { display: grid; grid-template-columns: auto auto; justify-content: start; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  .overview th, .overview td { border: 0; padding: .1rem .6rem .1rem 0; }
  .overview th, .overview td:last-child { grid-column: 1 / -1; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
  .sets .origin { font-size: 27px; }
  .sets .numbers { font-size: 25px; }
}
@media print {
  main { max-width: none; padding: 0; }
  details > * { display: block; }
  a { color: inherit; }
  .finding, .steps li, svg { break-inside: avoid; }
}
"""

STYLE = _PAGE + _BARS + _NARROW_AND_PAPER
