# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backends that are compared, in the order in which they run."""

from __future__ import annotations

from .base import Backend
from .docker_checkpoint import DockerCheckpoint, TunedDockerCheckpoint
from .podman import Podman, TunedPodman
from .resident import Resident
from .runc import Runc, TunedRunc
from .swarm import SwarmTask

_ALL: tuple[type[Backend], ...] = (
    Resident,
    SwarmTask,
    DockerCheckpoint,
    Podman,
    Runc,
    TunedDockerCheckpoint,
    TunedPodman,
    TunedRunc,
)
BACKENDS: dict[str, type[Backend]] = {backend.name: backend for backend in _ALL}
