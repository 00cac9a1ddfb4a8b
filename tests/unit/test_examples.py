# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples hold: their options are valid, what they name is there. integration/test_examples.py runs them."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from datetime import datetime, timezone

import pytest

pytest.importorskip("ansible")

import jinja2
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from documented import COLLECTION, NOT_RUN, TOP, blocks, commands, examples, extra, play, reason, tasks_of

PLUGINS = "ansible_collections.replicaops.mysql.plugins."
MODULES = examples("plugins/modules")
FILTERS = {name: text for name, text in examples("plugins/filter").items() if text}
PAGES = blocks("yaml")
RUN = [command for command in commands() if not reason(command)]
# Options that nothing but a real run shows; Ansible has them in a task beside the module.
KEYWORDS = ("name", "register", "when", "check_mode", "diff", "async", "poll", "delegate_to", "changed_when")


def module_calls(tasks):
    """The modules that tasks call, with their options."""
    for task in tasks:
        (module,) = [key for key in task if key not in KEYWORDS]
        yield module, task[module]


def validate(name, options, monkeypatch):
    """Have a module of the collection look at options as it does when it is run."""
    seen = []
    monkeypatch.setattr(_module, "run", lambda module, work: seen.append(module))
    module = importlib.import_module(PLUGINS + "modules." + name)
    with patch_module_args(dict(options or {})):
        module.main()
    assert len(seen) == 1


@pytest.mark.parametrize("file", MODULES)
def test_a_module_takes_the_options_of_its_examples(file, monkeypatch, capsys):
    calls = list(module_calls(tasks_of(yaml.safe_load(MODULES[file]))))
    assert COLLECTION + file[:-3] in [module for module, _options in calls]
    for module, options in calls:
        if module.startswith(COLLECTION):
            try:
                validate(module[len(COLLECTION) :], options, monkeypatch)
            except SystemExit:
                pytest.fail("%s refuses its example: %s" % (module, capsys.readouterr().out))


def test_an_example_with_an_option_that_no_module_has_is_seen(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        validate("replica_skip", {"login_host": "db2", "errors": [1060], "limits": 1}, monkeypatch)
    assert "limits" in capsys.readouterr().out


@pytest.mark.parametrize("file", FILTERS)
def test_a_filter_takes_the_arguments_of_its_example(file):
    name = file.partition(".")[0]
    filters = {}
    for path in sorted((TOP / "plugins/filter").glob("*.py")):
        filters.update(importlib.import_module(PLUGINS + "filter." + path.stem).FilterModule().filters())
    called = []

    def bound(*given, **named):
        called.append(inspect.signature(filters[name]).bind(*given, **named))
        return ""

    surroundings = jinja2.Environment(undefined=jinja2.ChainableUndefined, autoescape=True)
    surroundings.filters[COLLECTION + name] = bound
    for text in yaml.safe_load(FILTERS[file]).values():
        surroundings.from_string(text).render(now=lambda utc: datetime.now(timezone.utc), hostvars={})
    assert called


@pytest.mark.parametrize("block", PAGES, ids=lambda block: block.page)
def test_yaml_on_a_page_is_for_something_that_is_there(block, monkeypatch):
    data = yaml.safe_load(block.text)
    if isinstance(data, list):
        for module, options in module_calls(tasks_of(data)):
            if module.startswith(COLLECTION):
                validate(module[len(COLLECTION) :], options, monkeypatch)
        for item in data:
            for role in item.get("roles", []):
                check_role(dict(role))
        return
    takers = [TOP / "awx/execution-environment.yml", TOP / "extensions/eda/rulebooks/watch.yml"]
    known = "\n".join(path.read_text("utf-8") for path in takers) + "additional_build_files"
    assert [name for name in data if name not in known] == []
    if "replica_watch_servers" in data:
        assert event_source()._checked({"servers": data["replica_watch_servers"]})


def event_source():
    """The event source, which is read from its file: it needs no ansible-rulebook to check its options."""
    path = TOP / "extensions/eda/plugins/event_source/replica_watch.py"
    spec = importlib.util.spec_from_file_location("replica_watch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_event_source_takes_the_options_that_its_documentation_has():
    module = event_source()
    assert set(yaml.safe_load(module.DOCUMENTATION)["options"]) == module.OPTIONS
    (ruleset,) = yaml.safe_load(module.EXAMPLES)
    (source,) = ruleset["sources"]
    assert len(module._checked(source[COLLECTION + "replica_watch"])) == 2


def check_role(role):
    name = role.pop("role")
    assert name.startswith(COLLECTION)
    path = TOP / "roles" / name[len(COLLECTION) :] / "meta" / "argument_specs.yml"
    options = yaml.safe_load(path.read_text("utf-8"))["argument_specs"]["main"]["options"]
    assert ArgumentSpecValidator(options).validate(role).error_messages == []


@pytest.mark.parametrize("command", [command for command in commands() if COLLECTION in command and " -e " in command])
def test_a_playbook_and_its_variables_are_there(command):
    if command in RUN:
        wanted = play(command)
        assert (TOP / "playbooks" / (wanted.playbook[len(COLLECTION) :] + ".yml")).is_file()
        given = wanted.variables
    else:
        given = {}
        for text in re.findall(r"-e ('[^']*'|\S+)", command):
            given.update(extra(text.strip("'")))
    known = "\n".join(path.read_text("utf-8") for top in ("playbooks", "roles") for path in (TOP / top).rglob("*.yml"))
    assert [name for name in given if not re.search(r"\b%s\b" % name, known)] == []


def test_what_other_commands_name_is_there():
    targets = re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE)
    for command in commands():
        if command.startswith("make "):
            assert command.split()[1] in targets
        for file in re.findall(r"tests/\S+\.py", command):
            assert (TOP / file).is_file()
        for file in re.findall(r"(?:run|-f|ansible-playbook) (\w[\w-]*\.yml)", command):
            assert (TOP / "awx" / file).is_file()


def test_every_command_is_run_or_has_a_reason():
    assert [play(command).playbook for command in RUN] != []
    assert [beginning for beginning in NOT_RUN if not any(each.startswith(beginning) for each in commands())] == []
