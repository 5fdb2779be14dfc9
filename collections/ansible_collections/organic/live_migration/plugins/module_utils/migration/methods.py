# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of container_migrate, and what each is made of. Nothing else decides by the name of a method."""

from __future__ import annotations

from dataclasses import dataclass

from .ends import SourceEnd, TargetEnd
from .engine_checkpoint import EngineSource, EngineTarget
from .source import Source
from .target import Target


@dataclass(frozen=True)
class Method:
    """How a process is moved.

    Attributes:
        source: made with plan, addresses and port of the target, and engine.
        target: made with plan, the container on the source host, and engine.
        by_engine: the engine's own checkpoints move it, so that it needs no resident init.
    """

    source: type[SourceEnd]
    target: type[TargetEnd]
    by_engine: bool = False


METHODS = {"resident": Method(Source, Target), "engine": Method(EngineSource, EngineTarget, by_engine=True)}
