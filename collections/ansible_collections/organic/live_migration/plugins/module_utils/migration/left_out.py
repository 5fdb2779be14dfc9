# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRIU leaves out of a process, and the source host has sent beside its images."""

from __future__ import annotations

from .. import typed
from ..criu.worker import CriuWorker
from ..host import sleeps, task_attributes
from ..host.container import Container
from ..host.sleeps import Sleep
from ..host.task_attributes import TaskAttributes
from ..namespaces import ipc
from ..namespaces.ipc import Rest
from ..network import socket_states
from ..network.socket_states import SocketState
from ..session.channel import Message


def apply(container: Container, criu: CriuWorker, images: Message, cpus: set[int] | None) -> list[Sleep]:
    """Set it on the restored process, which is stopped.

    Args:
        container: in which the process is.
        criu: has restored it.
        images: the message with the images.
        cpus: which all threads get before; None: those that they have.

    Returns:
        What is to be set once the process has all its memory.

    Raises:
        MigrationError: something cannot be set.
        ValueError: the message names a process that was not restored.
    """
    ipc.apply(container.init.pid, typed.from_dict(Rest, images.fields["ipc"]))
    sockets = [typed.from_dict(SocketState, state) for state in images.fields["sockets"]]
    tasks = [typed.from_dict(TaskAttributes, one) for one in images.fields["tasks"]]
    left = [typed.from_dict(Sleep, one) for one in images.fields["sleeps"]]
    if not (sockets or tasks or left or cpus is not None):
        return []
    pids = criu.pids_by_inner()
    if cpus is not None:
        task_attributes.give_cpus(pids, cpus)
    socket_states.apply(sockets, pids, container.init.pid)
    task_attributes.apply(tasks, pids)
    return sleeps.on_this_host(left, pids)
