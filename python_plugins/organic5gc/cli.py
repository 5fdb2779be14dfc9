# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line ``organic5gc``: the functions of ``Core``, with their results as text or JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.live import Live

from organic5gc import tables
from organic5gc.core import Core, Handler, find_project
from organic5gc.display import StepDisplay
from organic5gc.errors import (
    Cancelled,
    HostUnreachable,
    InDoubt,
    Interrupted,
    InvalidRequest,
    OrganicError,
    PlaybookFailed,
    Refused,
    TimedOut,
)
from organic5gc.playbooks import Progress
from organic5gc.results import Status
from organic5gc.runs import History, Run, default_directory


class Exit(IntEnum):
    """Exit status, see docs/python.md."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    IN_DOUBT = 5
    CANCELLED = 6
    TIMED_OUT = 7
    INTERRUPTED = 130


BY_ERROR: tuple[tuple[type[OrganicError], Exit], ...] = (
    (InvalidRequest, Exit.USAGE),
    (Refused, Exit.REFUSED),
    (HostUnreachable, Exit.UNREACHABLE),
    (InDoubt, Exit.IN_DOUBT),
    (TimedOut, Exit.TIMED_OUT),
    (Cancelled, Exit.CANCELLED),
    (Interrupted, Exit.INTERRUPTED),
)
"""The first kind that fits; every other error is FAILED."""

WRONG_USAGE = tuple(
    kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception) and kind is not Exception
)
"""Errors of the options themselves. Typer uses Click or a copy of it, and gives only this one by a name of its own."""

app = typer.Typer(
    name="organic5gc",
    help="Deploy and live-migrate the network functions of a 5G core.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@dataclass
class Settings:
    """The options before the command."""

    project: Path
    inventory: Path | None
    data: Path

    def core(self) -> Core:
        return Core(find_project(self.project), self.inventory, self.data)


Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
Nf = Annotated[str, typer.Argument(help="Its name, for example smf.", metavar="NF")]
Watch = Annotated[bool, typer.Option("--watch", help="Show states, rounds and progress on standard error.")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Cancel it after so many seconds.", min=0.1)]
Variables = Annotated[
    list[str] | None,
    typer.Option("--extra", "-e", help="Further variable of the playbook, NAME=VALUE or a JSON object."),
]


@app.callback()
def _options(
    context: typer.Context,
    project: Annotated[Path, typer.Option(envvar="ORGANIC5GC_PROJECT", help="The checkout.")] = Path(),
    inventory: Annotated[
        Path | None, typer.Option("--inventory", "-i", help="By default the one that ansible.cfg names.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Directory of the history; also ORGANIC5GC_DATA.")] = None,
) -> None:
    context.obj = Settings(project, inventory, data or default_directory())


@app.command()
def deploy(
    context: typer.Context,
    nfs: Annotated[list[str] | None, typer.Argument(help="The NFs; by default all.", metavar="[NF]...")] = None,
    host: Annotated[str | None, typer.Option(help="Host for those that do not run yet.")] = None,
    extra: Variables = None,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Run NFs of the core. One that runs already stays where it is."""
    names = nfs or []
    with _reporting(as_json) as show:
        if host and not names:
            raise InvalidRequest("--host needs the names of the NFs")
        core = _settings(context).core()
        placement = dict.fromkeys(names, host) if host else None
        with _watching(watch) as handler:
            done = core.deploy(names, placement, _variables(extra), handler, timeout)
        show(done, f"Deployed{'' if done.changed else ', nothing had to change'} (run {done.run}).")


@app.command()
def migrate(
    context: typer.Context,
    nf: Nf,
    to: Annotated[str, typer.Option(help="Host that it moves to.")],
    strategy: Annotated[str, typer.Option(help="profile, auto, or a strategy.")] = "profile",
    method: Annotated[
        str, typer.Option(help="resident, or engine: Docker checkpoints the whole container.")
    ] = "resident",
    force: Annotated[bool, typer.Option(help="Also an NF that its profile calls stateless.")] = False,
    extra: Variables = None,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Move an NF to another host with its state and connections."""
    with _reporting(as_json) as show:
        core = _settings(context).core()
        with _watching(watch) as handler:
            moved = core.migrate(
                nf, to, strategy, method, force=force, extra=_variables(extra), on_progress=handler, timeout_s=timeout
            )
        show(moved, tables.migration(moved, nf, to))


@app.command()
def drain(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="Its name in the inventory.", metavar="HOST")],
    back: Annotated[bool, typer.Option(help="Bring back what was moved away.")] = False,
    parallel: Annotated[int, typer.Option(help="Migrations in progress at once.", min=1)] = 2,
    extra: Variables = None,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Empty a host of its NFs."""
    with _reporting(as_json) as show:
        core = _settings(context).core()
        with _watching(watch) as handler:
            drained = core.drain(host, back, parallel, _variables(extra), handler, timeout)
        show(drained, f"{host} is {'undrained' if back else 'drained'} (run {drained.run}).")


@app.command("measure-networks")
def measure_networks(
    context: typer.Context,
    drivers: Annotated[list[str] | None, typer.Argument(help="By default all.", metavar="[DRIVER]...")] = None,
    extra: Variables = None,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Measure the network drivers between two hosts."""
    with _reporting(as_json) as show:
        core = _settings(context).core()
        with _watching(watch) as handler:
            measured = core.measure_networks(drivers or [], _variables(extra), handler, timeout)
        show(measured, tables.rows(measured.rows))


@app.command()
def recover(context: typer.Context, watch: Watch = False, timeout: Timeout = None, as_json: Json = False) -> None:
    """Recover the migrations that an outage interrupted."""
    with _reporting(as_json) as show:
        core = _settings(context).core()
        with _watching(watch) as handler:
            recovered = core.recover(handler, timeout)
        show(recovered, tables.recovered(recovered))


@app.command()
def cancel(context: typer.Context, nf: Nf, as_json: Json = False) -> None:
    """Cancel the migration of an NF, which any program runs, and wait for its end."""
    with _reporting(as_json) as show:
        ending = _settings(context).core().cancel(nf)
        show(ending, ending.message)


@app.command()
def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Read it again until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two readings.", min=0.0)] = 2.0,
    as_json: Json = False,
) -> None:
    """Show where every NF runs, its sessions and associations, and what moves."""
    with _reporting(as_json) as show:
        core = _settings(context).core()
        if not watch:
            found = core.status()
            show(found, tables.status(found))
            return
        try:
            _watch_status(core, interval, as_json)
        except (KeyboardInterrupt, Interrupted):
            return


@app.command()
def runs(context: typer.Context, as_json: Json = False) -> None:
    """List the last runs."""
    with _reporting(as_json) as show:
        found = History(_settings(context).data).list()
        show([_listed(run) for run in found], tables.runs(found))


@app.command("show")
def show_run(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Its id, the beginning of it, or 'last'.")],
    output: Annotated[bool, typer.Option(help="Also the output of Ansible.")] = False,
    as_json: Json = False,
) -> None:
    """Show one run: arguments, result, and what Ansible has written."""
    with _reporting(as_json) as show:
        history = History(_settings(context).data)
        found = history.find(run)
        text = history.output(found) if output else None
        whole = dataclasses.asdict(found) | ({} if text is None else {"output": text})
        show(whole, json.dumps(dataclasses.asdict(found), indent=2) + (f"\n{text}" if text else ""))


@app.command()
def report(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files (JSON) of migrations, drains, benchmarks and clients, or runs.", metavar="RUN|FILE..."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="By default beside the first file, or report.html.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write migrations, a drain or a benchmark as one HTML file, with plots."""
    with _reporting(as_json) as show:
        try:
            from organic5gc import report as reports  # takes a second, which other commands need not spend
        except ModuleNotFoundError as error:
            raise InvalidRequest(
                f"A report needs {error.name}: pip install 'organic5gc[report]', or make venv"
            ) from None
        history = History(_settings(context).data)
        page = reports.render(reports.read_all([(one, reports.source(one, history)) for one in sources]))
        first = Path(sources[0])
        path = output or (first.with_suffix(".html") if first.is_file() else Path("report.html"))
        changed = reports.write(path, page)
        show({"file": str(path), "changed": changed}, str(path))


@app.command()
def demo(
    context: typer.Context,
    lab_name: Annotated[str, typer.Option(help="Name of the lab.")] = "lab",
    lab_network_prefix: Annotated[str, typer.Option(help="First two bytes of its addresses.")] = "10.55",
    nf: Annotated[str, typer.Option(help="The NF that moves.")] = "smf",
    strategy: Annotated[str, typer.Option(help="profile: the choice of the NF's profile.")] = "profile",
    as_json: Json = False,
) -> None:
    """Migrate a live NF between two lab hosts, and show what it cost."""
    from organic5gc import demo_command  # the demo needs more than others, and root

    with _reporting(as_json, demo_command.NEXT) as show:
        project = find_project(_settings(context).project)
        steps = sys.stderr if as_json else sys.stdout
        shown = demo_command.run(project, lab_name, lab_network_prefix, nf, strategy, steps)
        show(shown, shown.text())
        if shown.violations:
            raise typer.Exit(Exit.FAILED)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; ends with SystemExit."""
    given = sys.argv[1:] if arguments is None else arguments
    if "--json" not in given:
        app(args=arguments)
        raise SystemExit(Exit.DONE)
    try:
        status = app(args=arguments, standalone_mode=False)
    except WRONG_USAGE as error:
        message = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
        typer.echo(_json({"error": tables.error(InvalidRequest(message))}))
        raise SystemExit(Exit.USAGE) from None
    raise SystemExit(status or Exit.DONE)


def exit_status(error: OrganicError) -> Exit:
    """Of an error that ends a command."""
    return next((status for kind, status in BY_ERROR if isinstance(error, kind)), Exit.FAILED)


def _settings(context: typer.Context) -> Settings:
    settings: Settings = context.obj
    return settings


def _variables(given: list[str] | None) -> dict[str, object]:
    """Variables of the playbook, as ansible-playbook takes them with -e, but no file."""
    variables: dict[str, object] = {}
    for one in given or []:
        name, equals, value = one.partition("=")
        if one.lstrip().startswith("{"):
            try:
                variables |= json.loads(one)
            except ValueError as error:
                raise InvalidRequest(f"--extra {one} is not JSON: {error}") from None
        elif equals and name.isidentifier():
            variables[name] = value
        else:
            raise InvalidRequest(f"--extra {one} is neither NAME=VALUE nor a JSON object")
    return variables


@contextmanager
def _reporting(as_json: bool, advice: str = "") -> Iterator[Callable[[Any, Any], None]]:
    """Gives a function that writes a result, as JSON or as what a person reads; turns errors into exit statuses.

    Args:
        advice: what a person reads below the error of a run that had begun.
    """

    def show(value: Any, text: Any) -> None:
        if as_json:
            typer.echo(_json(value))
        elif isinstance(text, str):
            typer.echo(text)
        else:
            _console().print(text)

    try:
        try:
            yield show
        except KeyboardInterrupt:  # outside of a run, which makes it an error of its own
            raise Interrupted from None
    except OrganicError as error:
        if as_json:
            typer.echo(_json({"error": tables.error(error)}))
        else:
            typer.echo(tables.explain(error), err=True)
            if advice and not isinstance(error, InvalidRequest):
                typer.echo(advice, err=True)
        raise typer.Exit(exit_status(error)) from None


def _console() -> Console:
    """Without pictures, which Rich makes of ``:ab:`` in MAC and IPv6 addresses; a pipe gets whole lines."""
    width = None if sys.stdout.isatty() else 240
    return Console(emoji=False, soft_wrap=False, width=width)


def _json(value: Any) -> str:
    plain = dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
    return json.dumps(plain, indent=2)


def _listed(run: Run) -> Mapping[str, Any]:
    return {name: value for name, value in dataclasses.asdict(run).items() if name != "result"}


@contextmanager
def _watching(wanted: bool) -> Iterator[Handler]:
    """Gives a handler that shows the events on standard error."""
    if not wanted:
        yield lambda _: None
        return
    display = StepDisplay(sys.stderr)

    def handle(progress: Progress) -> None:
        if progress.ended:
            display.end()
        elif progress.task:
            display.detail(str(progress.migration or progress.task))
        else:
            display.begin(Path(progress.playbook).stem)

    try:
        yield handle
    except OrganicError:
        display.end("fail")
        raise


def _watch_status(core: Core, interval_s: float, as_json: bool) -> None:
    """A table that is drawn again, or on a pipe one table after the other; one JSON object a line with --json."""
    if as_json:
        while True:
            typer.echo(json.dumps(dataclasses.asdict(_read_status(core))))
            time.sleep(interval_s)
    console = _console()
    while not console.is_terminal:  # there a Live would show nothing before its end
        console.print(tables.status(_read_status(core)))
        sys.stdout.flush()
        time.sleep(interval_s)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(tables.status(_read_status(core)), refresh=True)
            time.sleep(interval_s)


def _read_status(core: Core) -> Status:
    """A reading that fails leaves the others to come: all hosts may be away for a moment."""
    try:
        return core.status()
    except PlaybookFailed as failure:
        return Status((), (), {failure.host or "all hosts": failure.message})
