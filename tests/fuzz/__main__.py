# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make fuzz`: a million inputs, led by coverage (atheris), to all that takes bytes from elsewhere; see targets.py.

Writes artifacts/fuzz/summary.json, and each input that breaks something to artifacts/fuzz/TARGET-crash-*. Once more:
python -m tests.fuzz TARGET FILE, and for a pager or mirror, whose inputs follow from numbers: python -m tests.fuzz
pager-target NUMBER
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from tests.harness.playbook import PROJECT

from . import mirror, pager

OUT = PROJECT / "artifacts/fuzz"
LONGEST_INPUT_BYTES = 4096
TOO_SLOW_S = 20

PAGERS = {"pager-target": ("target", 0.2), "pager-source": ("source", 0.02)}
"""Role and share of all inputs."""
MIRROR, MIRROR_SHARE = "mirror-target", 0.02
PROGRAMS = {**{name: share for name, (_role, share) in PAGERS.items()}, MIRROR: MIRROR_SHARE}
"""Programs of their own, whose inputs follow from numbers, and their shares."""


def instrumented(name: str) -> dict[str, Any]:
    """The targets, with the code they call made to tell what it covers."""
    import atheris

    with atheris.instrument_imports(include=["ansible_collections.organic", "json", "minicore", "tarfile"]):
        from .targets import TARGETS
    return TARGETS


def fuzz(name: str, runs: int, seed: int, directory: str) -> None:
    """Runs in a process of its own, which libFuzzer ends."""
    import atheris

    target = instrumented(name)[name]
    from .targets import REFUSALS

    def take(data: bytes) -> None:
        try:
            target.take(data)
        except REFUSALS:
            return

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        """In turn by the format and by the byte."""
        if number % 2 and (made := target.change(data, Random(number))) != data:
            return made[:longest]
        return atheris.Mutate(data, longest)

    corpus = Path(directory, "corpus")
    corpus.mkdir()
    for number, content in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(content)
    options = [sys.argv[0], str(corpus), f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_INPUT_BYTES}"]
    options += [
        f"-timeout={TOO_SLOW_S}",
        f"-artifact_prefix={OUT}/{name}-",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    if target.words:
        words = Path(directory, "words")
        words.write_text("".join('"' + re.sub(r'(["\\])', r"\\\1", word) + '"\n' for word in target.words))
        options.append(f"-dict={words}")
    atheris.Setup(options, take, **({"custom_mutator": mutate} if target.change else {}))
    atheris.Fuzz()


def inputs_of(name: str, directory: Path, runs: int, seed: int) -> Iterator[int]:
    """Gives inputs to a program; yields each one's number before it is taken."""
    if name == MIRROR:
        return mirror.fuzz(mirror.build(directory), runs, seed)
    return pager.fuzz(pager.build(directory), PAGERS[name][0], runs, seed)


def fuzz_program(name: str, runs: int, seed: int) -> dict[str, Any]:
    """The same for a pager or mirror, a program of its own; its inputs know its protocol instead of its coverage."""
    began = time.monotonic()
    entry: dict[str, Any] = {
        "target": name,
        "inputs": 0,
        "covered": 0,
        "status": "passed",
        "input": None,
        "message": "",
    }
    with tempfile.TemporaryDirectory(prefix="organic-fuzz-") as directory:
        try:
            for number in inputs_of(name, Path(directory), runs, seed):
                entry.update(inputs=entry["inputs"] + 1, input=number)
            entry["input"] = None
        except pager.Broken as error:
            entry.update(status="failed", message=str(error))
    return {**entry, "seconds": round(time.monotonic() - began, 1)}


def run(name: str, runs: int, seed: int) -> dict[str, Any]:
    """One target, and a line about it."""
    entry = fuzz_program(name, runs, seed) if name in PROGRAMS else fuzz_bytes(name, runs, seed)
    print("{target:12} {inputs:8} inputs {covered:6} edges {seconds:7.1f} s  {status}".format(**entry), flush=True)
    return entry


def fuzz_bytes(name: str, runs: int, seed: int) -> dict[str, Any]:
    """One target; what became of it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="organic-fuzz-") as directory:
        command = [sys.executable, "-m", __package__, "--child", name, str(runs), str(seed), directory]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, errors="replace", check=False)
    made = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    crash = re.search(r"Test unit written to (\S+)", done.stderr)
    return {
        "target": name,
        "inputs": int(made[1]) if made else 0,
        "covered": int(covered[-1]) if covered else 0,
        "seconds": round(time.monotonic() - began, 1),
        "status": "failed" if done.returncode else "passed",
        "input": crash[1] if crash else None,
        "message": done.stdout[-2000:] + done.stderr[-1000:] if done.returncode else "",
    }


def again(name: str, path: Path) -> None:
    """One input, without a fuzzer around it."""
    from .targets import REFUSALS, TARGETS

    try:
        TARGETS[name].take(path.read_bytes())
        print("taken")
    except REFUSALS as error:
        print(f"refused: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", help="only this one")
    parser.add_argument("file", nargs="?", type=Path, help="take this input once")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in the whole")
    parser.add_argument("--jobs", type=int, default=2, help="targets at the same time")
    parser.add_argument("--seed", type=int, default=1 + int(time.time()) % 1_000_000)
    arguments = parser.parse_args()
    if arguments.file and arguments.target in PROGRAMS:
        return run(arguments.target, 1, int(arguments.file.name))["status"] != "passed"
    if arguments.file:
        again(arguments.target, arguments.file)
        return 0
    from .targets import TARGETS

    share = {**{name: target.share for name, target in TARGETS.items()}, **PROGRAMS}
    chosen = [arguments.target] if arguments.target else list(share)
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"{arguments.inputs} inputs, seed {arguments.seed}")
    shares = sum(share[name] for name in chosen)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        entries = list(
            pool.map(lambda name: run(name, -int(-arguments.inputs * share[name] // shares), arguments.seed), chosen)
        )
    total = sum(entry["inputs"] for entry in entries)
    summary = {"inputs": total, "seed": arguments.seed, "targets": entries}
    (OUT / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    failed = [entry for entry in entries if entry["status"] != "passed"]
    for entry in failed:
        print(f"\n{entry['target']} broke on {entry['input']}:\n{entry['message']}")
    print(f"{total} inputs, {len(failed)} of {len(entries)} targets broke; {OUT / 'summary.json'}")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child, runs_text, seed_text, directory_text = sys.argv[2:]
        sys.argv[1:] = []
        fuzz(child, int(runs_text), int(seed_text), directory_text)
    else:
        sys.exit(main())
