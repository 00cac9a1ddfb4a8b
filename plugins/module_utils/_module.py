# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Glue between Ansible and the rest: argument specs, logins from options, results, diffs and failures.

Every module is an argument spec, one function that takes the module and returns a result, and a call of `run`.
"""

from __future__ import annotations

import copy
import datetime
import signal
import traceback
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ._core.errors import ReplicaError
from ._masked_module import MaskedModule
from ._server.connect import Login
from ._server.logins import ACCOUNT, inherited, login_from, source_login

if TYPE_CHECKING:
    from ._server.change import Options

PYMYSQL_ERROR: Optional[str] = None
try:
    __import__("pymysql")
except ImportError:
    PYMYSQL_ERROR = traceback.format_exc()

Spec = Dict[str, Any]

_PLACE: Spec = {
    "login_host": {"type": "str"},
    "login_port": {"type": "int"},
    "login_unix_socket": {"type": "path"},
    "login_user": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "config_file": {"type": "path"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "check_hostname": {"type": "bool"},
}

LOGIN_SPEC: Spec = {
    **_PLACE,
    "login_port": {"type": "int", "default": 3306},
    "login_user": {"type": "str", "fallback": (env_fallback, ["REPLICA_LOGIN_USER"])},
    "login_password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["REPLICA_LOGIN_PASSWORD"])},
    "connect_timeout": {"type": "int", "default": 10},
}

CHANNEL_SPEC: Spec = {"channel": {"type": "str"}}

SOURCE_SPEC: Spec = {"source": {"type": "dict", "options": _PLACE}}

COORDINATES_SPEC: Spec = {
    "type": "dict",
    "options": {"file": {"type": "str", "required": True}, "position": {"type": "int", "required": True}},
}

MEMBERS_SPEC: Spec = {
    "members": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **_PLACE,
            "name": {"type": "str", "required": True},
            "login_port": {"type": "int", "default": 3306},
        },
    }
}

CHANGE_SPEC: Spec = {
    "state_id": {"type": "str"},
    "record_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 60},
    "managed_ok": {"type": "bool", "default": False},
}


def merge(*specs: Spec) -> Spec:
    """One argument spec out of several, as a copy. Raises ValueError when an option is declared twice."""
    merged: Spec = {}
    for spec in specs:
        double = sorted(set(spec) & set(merged))
        if double:
            raise ValueError("declared twice: %s" % ", ".join(double))
        merged.update(copy.deepcopy(spec))
    return merged


def build_module(spec: Spec, supports_check_mode: bool = True, **rules: Any) -> AnsibleModule:
    """The AnsibleModule with the login options added to ``spec``; fails when PyMySQL is missing.

    :param rules: ``mutually_exclusive``, ``required_if`` and so on, as AnsibleModule takes them.
    """
    module = MaskedModule(argument_spec=merge(LOGIN_SPEC, spec), supports_check_mode=supports_check_mode, **rules)
    if PYMYSQL_ERROR is not None:
        module.fail_json(msg=missing_required_lib("PyMySQL"), exception=PYMYSQL_ERROR, code="library")
    return module


def donor_login(params: Mapping[str, Any], own: bool) -> Login:
    """How to reach the server that option ``donor`` names; account and TLS files are the target's unless given.

    :param own: without the option it is the target itself.
    :raises BadInputError: it names no server.
    """
    given = {key: value for key, value in (params.get("donor") or {}).items() if value is not None}
    if not given and own:
        return login_from(params, "the donor")
    wanted = inherited(params, given, ACCOUNT)
    wanted.update(given)
    return login_from(wanted, "the donor", params.get("connect_timeout"))


def source_is_named(params: Mapping[str, Any]) -> bool:
    """Whether the caller says where the source is: then not reaching it is a failure."""
    source = params.get("source") or {}
    return bool(source.get("login_host") or source.get("login_unix_socket") or source.get("config_file"))


def change_options(module: AnsibleModule, name: str) -> Options:
    """The options that every changing module has, for `_server.change`."""
    from ._server.change import Options

    params = module.params
    made = Options(
        module=name,
        written_at=now(),
        timeout=params["timeout"],
        record_dir=params["record_dir"],
        state_id=params["state_id"],
        managed_ok=params["managed_ok"],
        check_mode=module.check_mode,
    )
    module.put_back = made.put_back
    return made


def target_arguments(
    module: AnsibleModule, attempted: str, options: Options, given: Optional[Mapping[str, Any]] = None
) -> Tuple[Any, ...]:
    """What `_server.change.target` takes, from a module with the login, channel, source and change options.

    :param given: parameters to use instead of the module's own.
    :raises BadInputError: no server is named.
    """
    params = module.params if given is None else given
    return (
        login_from(params),
        params.get("channel"),
        attempted,
        options,
        (lambda channel: source_login(params, channel)) if params.get("source") is not None else None,
        source_is_named(params),
    )


def member_logins(params: Mapping[str, Any]) -> List[Login]:
    """The logins of option ``members``, each with its name; account and TLS files are the target's unless given."""
    logins = []
    for entry in params.get("members") or []:
        given = {key: value for key, value in entry.items() if value is not None}
        wanted = inherited(params, given)
        wanted.update(given)
        logins.append(login_from(wanted, entry["name"], params.get("connect_timeout")))
    return logins


def now() -> str:
    """The time in UTC for records and their file names: ``20261120T233000.123456Z``."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")


def result(
    module: AnsibleModule,
    changed: bool,
    msg: str,
    queries: List[str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    state_id: str = "",
    record: str = "",
    shown: Optional[Sequence[str]] = None,
    **extra: Any,
) -> Dict[str, Any]:
    """The result of a changing module in the shape that all of them share.

    :param before: normalised state as a dict; the diff is made from it and from ``after``.
    :param shown: the entries that the diff may have; all by default.
    :param extra: what the module returns besides.
    """
    first: List[str] = getattr(module, "put_back", [])
    if first:
        verb = "Would put" if module.check_mode else "Put"
        msg = "%s back what an earlier run was ended before it could (%s). %s" % (verb, "; ".join(first), msg)
    changed, queries = changed or bool(first), [*first, *queries]
    shape: Dict[str, Any] = {
        "changed": changed,
        "msg": msg,
        "queries": queries,
        "executed": bool(changed and queries and not module.check_mode),
        "before": dict(before),
        "after": dict(after),
        "state_id": state_id,
        "record": record,
    }
    if module._diff:
        shape["diff"] = diff(before, after, shown)
    shape.update(extra)
    return shape


def diff(before: Mapping[str, Any], after: Mapping[str, Any], shown: Optional[Sequence[str]] = None) -> Dict[str, Any]:
    """Ansible's diff of two states: only the entries that differ, and of these only those in ``shown`` when given."""
    every = sorted(set(before) | set(after)) if shown is None else shown
    names = [name for name in every if before.get(name) != after.get(name)]
    return {
        "before": {name: before[name] for name in names if name in before},
        "after": {name: after[name] for name in names if name in after},
    }


def fail(module: AnsibleModule, error: ReplicaError) -> NoReturn:
    """End the module with an error of the collection."""
    module.fail_json(**failure(error))
    raise SystemExit(1)


def failure(error: ReplicaError) -> Dict[str, Any]:
    """What a module ends with for an error of the collection: ``msg``, ``code``, and its context beside them."""
    context = {key: value for key, value in error.context.items() if key not in ("msg", "failed")}
    message = " ".join(part for part in (str(error), str(context.get("warning_of_break") or "")) if part)
    return {"msg": message, "code": error.code, "changed": False, **context}


def _interrupted(number: int, frame: object) -> NoReturn:
    # Once only: a second signal must not interrupt the putting back.
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit("ended by signal %d" % number)


def run(module: AnsibleModule, function: Callable[[AnsibleModule], Dict[str, Any]]) -> None:
    """Call a module's function and turn its result, or its error, into the module's output.

    A cancelled job ends its modules with a signal; that is turned into an exception, so that threads are started again
    and borrowed settings are put back on the way out.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        outcome = function(module)
    except ReplicaError as error:
        fail(module, error)
    module.exit_json(**outcome)
