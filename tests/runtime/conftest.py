# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from .container import NAME, Container

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parents[2] / "collections/ansible_collections/organic/live_migration/src"


class Start(Protocol):
    """Start a container; it is gone when the test ends."""

    def __call__(self, *arguments: str, **options: Any) -> Container: ...


@pytest.fixture(scope="session")
def init(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The resident init, compiled as the role compiles it."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    build = tmp_path_factory.mktemp("build")
    build.chmod(0o755)
    subprocess.run(["make", "-C", str(SOURCES), f"BUILD={build}"], check=True, capture_output=True)
    return build / "init"


@pytest.fixture
def await_directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "await"
    directory.mkdir()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def start(init: Path, await_directory: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(*arguments: str, **options: Any) -> Container:
            return stack.enter_context(Container(init, await_directory, arguments, **options))

        yield run


@pytest.fixture
def await_file(await_directory: Path) -> Path:
    """The file by which the host tells the container to await."""
    return await_directory / NAME
