# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways that are compared, in the order in which they run."""

from __future__ import annotations

from .base import Way
from .docker_checkpoint import DockerCheckpoint, TunedDockerCheckpoint
from .podman import Podman, TunedPodman
from .resident import Resident
from .runc import Runc, TunedRunc

_ALL: tuple[type[Way], ...] = (
    Resident,
    DockerCheckpoint,
    Podman,
    Runc,
    TunedDockerCheckpoint,
    TunedPodman,
    TunedRunc,
)
TRACKING_METHODS: dict[str, type[Way]] = {way.name: way for way in _ALL}
