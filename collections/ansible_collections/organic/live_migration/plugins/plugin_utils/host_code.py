# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of Python functions on a host, from code that is sent to the host once and stays there compiled.

Ansible sends a module with all its Python code each time and has the host compile it each time: 0.4 s for the agent
module, of which the work takes 0.01 to 0.05. A migration and its checks consist of five such calls one after the other.

Here the code of our collections is kept on the host in ``DIRECTORY``, one directory for each content, which only its
owner can change. A call sends a small program to the host's Python interpreter on standard input, as Ansible's
pipelining does. Where Ansible would not use pipelining, or the interpreter is not known yet, :func:`call` returns None
and the caller runs the module as usual: the result is the same.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import io
import json
import shlex
import tarfile
from pathlib import Path
from typing import cast

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import TaskVars

Json = dict[str, object]

DIRECTORY = paths.CODE
"""On the hosts, in a file system in memory: nothing is left after a restart."""
_KEPT = 4
"""That many versions are kept on a host, those used last: other checkouts and running migrations may use them."""
_MARKER = "organic-answer:"

_IDLE_S = 10
"""A server on a host ends so many seconds after the last call."""
_SERVER = "ansible_collections.organic.live_migration.plugins.module_utils.host.code_server"
_warm = False

_PROGRAM = """\
import json, os, socket, sys
request = json.loads({request!r})
home, code = os.path.dirname(request["code"]), request["code"]
address = code + "/.socket"

def is_ours(path):
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.isdir(path) and found.st_uid == os.geteuid() and not found.st_mode & 0o022

def install(archive):
    import base64, io, shutil, tarfile, tempfile
    os.makedirs(home, mode=0o700, exist_ok=True)
    if not is_ours(home):
        return
    unpacked = tempfile.mkdtemp(dir=home)
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive))) as tar:
            tar.extractall(unpacked)
        os.rename(unpacked, code)
    except OSError:  # another call was faster
        shutil.rmtree(unpacked, ignore_errors=True)
    used = sorted((os.path.join(home, name) for name in os.listdir(home)), key=os.path.getmtime)
    for path in used[:-{kept}]:
        shutil.rmtree(path, ignore_errors=True)

def run(request):
    import importlib, traceback
    module, function = request["function"].split(":")
    try:
        return {{"result": getattr(importlib.import_module(module), function)(request["parameters"])}}
    except Exception as error:
        return {{"error": str(error) or repr(error), "traceback": traceback.format_exc()}}

def ask():
    # None if no server has taken the call.
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(address)
        client.sendall(json.dumps(request).encode())
        client.shutdown(socket.SHUT_WR)
        taken = client.recv(1)
    except OSError:
        return None
    if not taken:
        return None
    text = b"".join(iter(lambda: client.recv(1 << 16), b""))
    return json.loads(text) if text else {{"error": "its process was killed", "traceback": ""}}

def work():
    found = ask() if is_ours(home) and is_ours(code) else None
    if found is not None:
        return found
    import site
    site.main()
    if request["archive"] and not is_ours(code):
        install(request["archive"])
    if not (is_ours(home) and is_ours(code)):
        return {{"missing": True}}
    os.utime(code)
    sys.path.insert(0, code)
    if request["warm"]:
        import importlib
        importlib.import_module(request["function"].split(":")[0])
        importlib.import_module({server!r}).start(code, {idle}, run)
    return run(request)

print({marker!r} + json.dumps(work()))
"""


def stay_warm() -> None:
    """From now on calls leave a server on their host, which has the code imported, until nobody calls for 10 s.

    Of this process, and what it forks. A call then takes 0.03 s of the host's processors in place of 0.2 s: for many
    calls one after another, as of a drain.
    """
    global _warm
    _warm = True


@functools.lru_cache(maxsize=4)
def _files(packages: tuple[str, ...]) -> dict[str, bytes]:
    """All Python files of packages, by their paths below a directory of ``sys.path``."""
    files = {}
    for package in packages:
        root = Path(next(iter(importlib.import_module(package).__path__)))
        for path in sorted(root.rglob("*.py")):
            files[f"{package.replace('.', '/')}/{path.relative_to(root)}"] = path.read_bytes()
    return files


@functools.lru_cache(maxsize=4)
def _digest(packages: tuple[str, ...]) -> str:
    """Of the names and contents of the files."""
    digest = hashlib.sha256()
    for name, content in _files(packages).items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def _archive(packages: tuple[str, ...]) -> str:
    """The files as a compressed tar file, in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in _files(packages).items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()


def interpreter(action: ActionBase, task_vars: TaskVars) -> str | None:
    """The Python interpreter of the action's host, if it is set or was discovered before."""
    delegate = ansible_compat.delegate_of(action)
    known = task_vars.get("ansible_delegated_vars", {}).get(delegate, {}) if delegate else task_vars
    wanted = ansible_compat.render(action, known.get("ansible_python_interpreter", "auto"))
    if wanted.startswith("/"):
        return wanted
    found = known.get("ansible_facts", {}).get("discovered_interpreter_python")
    return str(found) if found else None


def call(
    action: ActionBase,
    task_vars: TaskVars,
    packages: tuple[str, ...],
    function: str,
    parameters: Json,
) -> Json | None:
    """Call a function on the host that the action works on.

    Args:
        action: the running action.
        task_vars: of its task.
        packages: the ``module_utils`` of the collections whose code is needed, by their full names.
        function: ``module:function``; it takes ``parameters`` and returns a dictionary, both of what JSON can hold.
        parameters: of the function.

    Returns:
        What the function returns; None where the module must be run instead.

    Raises:
        AnsibleActionFail: the function raised an exception, or its process was killed.
        AnsibleConnectionFailure: the host cannot be reached.
    """
    python = interpreter(action, task_vars)
    if python is None or not ansible_compat.uses_pipelining(action):
        return None
    code = f"{DIRECTORY}/{_digest(packages)}"
    request: Json = {"code": code, "function": function, "parameters": parameters, "archive": "", "warm": _warm}
    answer = _run(action, python, request)
    if answer.get("missing"):
        answer = _run(action, python, {**request, "archive": _archive(packages)})
    if answer.get("missing"):
        return None
    if "error" in answer:
        traceback = str(answer["traceback"])
        ansible_compat.show_traceback(ansible_compat.source_name(action, task_vars), traceback)
        raise AnsibleActionFail(f"{function} failed: {answer['error']}", result={"exception": traceback})
    return cast(Json, answer["result"])


def _run(action: ActionBase, python: str, request: Json) -> Json:
    program = _PROGRAM.format(request=json.dumps(request), marker=_MARKER, kept=_KEPT, idle=_IDLE_S, server=_SERVER)
    done = ansible_compat.run_command(action, f"{shlex.quote(python)} -I -S -", program.encode())
    for line in reversed(done["stdout_lines"]):
        before, marker, answer = line.partition(_MARKER)
        if marker and not before:
            found: Json = json.loads(answer)
            return found
    said = (done.get("stderr") or done.get("stdout") or "").strip().splitlines()
    raise AnsibleActionFail(
        f"The call of {request['function']} ended with status {done['rc']} and without an answer: "
        f"{said[-1] if said else 'it printed nothing'}"
    )
