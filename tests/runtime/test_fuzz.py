# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host or a user can get wrong, at random, against the grammar as a regular expression."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from .container import NAME, Container, boottime

set_hypothesis_home_dir(Path(__file__).parents[2] / ".cache/hypothesis")

GRAMMAR = re.compile(rb"(?a)(?P<deadline>[0-9]{1,12}(\.[0-9]{1,9})?)( [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?\n?")
WORDS = {b"await": "await", b"await\n": "await", b"hold": "hold", b"hold\n": "hold"}
NAMES = re.compile(r"(?a)[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
PAST = st.from_regex(re.compile(rb"0{0,11}[0-9](\.[0-9]{1,10})?"), fullmatch=True)
CONTENT = st.one_of(
    st.binary(max_size=140),
    st.builds(lambda word, more: word + more, st.sampled_from(sorted(WORDS)), st.binary(max_size=1)),
    st.builds(
        lambda *parts: b"".join(parts),
        PAST,
        st.sampled_from([b"", b" ", b" " + BOOT_ID.encode()]),
        st.binary(max_size=2),
    ),
    st.builds(lambda text, at, new: text[:at] + new + text[at:], PAST, st.integers(0, 14), st.binary(max_size=1)),
)
quick = settings(
    max_examples=120, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quick
@given(content=CONTENT)
def test_await_file(init: Path, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / NAME).write_bytes(content)
        expected = 78
        if match := GRAMMAR.fullmatch(content):
            expected = 42 if float(match["deadline"]) < boottime() else 0
        elif content in WORDS:
            expected = 0
        with Container(init, Path(directory), ["--name", NAME, "sh", "-c", "exit 42"]) as container:
            if expected == 0:
                assert container.state == WORDS.get(content, "await")
                os.kill(container.pid, signal.SIGTERM)
            assert container.finish()[0] == expected


@quick
@given(
    name=st.one_of(
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=140),
        st.from_regex(NAMES, fullmatch=True),
    )
)
def test_name(init: Path, name: str) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        Container(init, Path(directory), ["--name", name, "sh", "-c", "exit 42"]) as container,
    ):
        assert container.finish()[0] == (42 if NAMES.fullmatch(name) else 64)
