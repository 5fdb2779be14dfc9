# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of message between the source and the target of a migration, in one table.

What carries a message is :class:`channel.Channel`. The order of the messages is in docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import MigrationError
from .states import SOURCE, TARGET

PROTOCOL_VERSION = 5
"""Raised with every change of a message or of its fields: two versions do not talk to each other."""

HELLO = "hello"
PAGES = "pages"
PAGER = "pager"
MIRROR = "mirror"
FILES = "files"
UNPACKED = "unpacked"
ARM = "arm"
ARMED = "armed"
PREPARE_CLONE = "prepare_clone"
CLONE_PREPARED = "clone_prepared"
RUN_CLONE = "run_clone"
CLONE_RUNS = "clone_runs"
COMPARE = "compare"
COMPARED = "compared"
HAND_OVER = "hand_over"
IN_STEP = "in_step"
SWITCH = "switch"
SWITCHED = "switched"
IMAGES = "images"
RESTORED = "restored"
COMMIT = "commit"
RUNNING = "running"
FINISHED = "finished"
PUSH_DONE = "push_done"
PLACED_ALL = "placed_all"
RECONNECT = "reconnect"
ABORT = "abort"
ABORTED = "aborted"
FAILED = "failed"
CHECKPOINT = "checkpoint"
RECEIVED = "received"
PROBE = "probe"


@dataclass(frozen=True)
class Kind:
    """One kind of message.

    Attributes:
        name: the value of its field ``kind``.
        sender: the role that sends it.
        fields: the fields that it carries besides ``kind``.
        blob: whether bytes follow the fields.
        meaning: what it asks or reports.
    """

    name: str
    sender: str
    meaning: str
    fields: tuple[str, ...] = ()
    blob: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind(HELLO, SOURCE, "First message of the control connection", ("version",)),
        Kind(PAGES, SOURCE, "This connection carries the pages of CRIU's page server from now on"),
        Kind(PAGER, SOURCE, "This connection carries the pages of the pager from now on"),
        Kind(MIRROR, SOURCE, "This connection carries packets from mirror to mirror from now on"),
        Kind(FILES, SOURCE, "Files of the container that changed, as an archive, and those that are gone", ("gone",),
             blob=True),
        Kind(UNPACKED, TARGET, "The files are unpacked"),
        Kind(ARM, SOURCE, "Prepare everything that can be prepared before the freeze",
             ("programs", "tuns", "root_pid", "highest_pid", "threads", "streams", "interfaces", "network",
              "namespaces", "sockets")),
        Kind(ARMED, TARGET, "Everything is prepared; CRIU waits for the images", ("links",)),
        Kind(PREPARE_CLONE, SOURCE, "A clone will come: have its addresses ready, and let nothing be seen of them"),
        Kind(CLONE_PREPARED, TARGET, "The addresses are ready; nothing leaves from them"),
        Kind(RUN_CLONE, SOURCE, "Let the restored clone run, on mirrored input and unheard",
             ("streams", "since_freeze_ms")),
        Kind(CLONE_RUNS, TARGET, "The clone runs"),
        Kind(COMPARE, SOURCE, "How far is the clone?"),
        Kind(COMPARED, TARGET, "Input that the clone got, and answers of it that were compared", ("state",)),
        Kind(HAND_OVER, SOURCE, "The process is frozen; this was its last input", ("end", "limit_ms")),
        Kind(IN_STEP, TARGET, "Whether the clone got the same input and has said the same", ("is_in_step", "state")),
        Kind(SWITCH, SOURCE, "The process is frozen: activate its addresses on the target host"),
        Kind(SWITCHED, TARGET, "The addresses are active"),
        Kind(IMAGES, SOURCE, "CRIU's images, the files that changed last, and the packets that arrived: restore",
             ("images", "gone", "finished_by", "archive_bytes", "tun_bytes", "arrived_bytes", "sockets",
              "tasks", "sleeps", "ipc"), blob=True),
        Kind(RESTORED, TARGET, "The process is restored and stopped", ("steps",)),
        Kind(COMMIT, SOURCE, "The commit is recorded on the source host: let the process run, or the clone be heard; "
             "with packets that new connections begin with", blob=True),
        Kind(RUNNING, TARGET, "The process runs", ("held_packets",)),
        Kind(FINISHED, TARGET, "Everything that the migration needed is removed from the target host",
             ("criu", "pager", "commands", "ended", "lost_packets")),
        Kind(PUSH_DONE, SOURCE, "Post-copy: all pages are sent"),
        Kind(PLACED_ALL, TARGET, "Post-copy: the process has all its pages"),
        Kind(RECONNECT, SOURCE, "Post-copy: first message of the connection that replaces a broken one"),
        Kind(ABORT, SOURCE, "Before the commit: undo everything"),
        Kind(ABORTED, TARGET, "Everything is undone; says what had failed on the target host", ("fault", "details")),
        Kind(FAILED, TARGET, "The target gives up", ("message", "details", "traceback")),
        Kind(CHECKPOINT, SOURCE, "Method engine: the engine's checkpoint and the container's layer", ("images_bytes",),
             blob=True),
        Kind(RECEIVED, TARGET, "Method engine: the checkpoint is stored"),
        Kind(PROBE, SOURCE, "Bandwidth measurement: bytes to be discarded and counted follow"),
    )
}  # fmt: skip


class VersionMismatch(MigrationError):
    """The two hosts speak different versions of the protocol."""


def hello() -> dict[str, int]:
    """The fields of the message ``hello``."""
    return {"version": PROTOCOL_VERSION}


def check_hello(fields: Mapping[str, object]) -> None:
    """To be called by the target with the fields of ``hello``; its error reaches the source as ``failed``.

    Raises:
        VersionMismatch: the source speaks another version.
    """
    version = fields.get("version", "unknown")
    if version != PROTOCOL_VERSION:
        raise VersionMismatch(
            f"The source host speaks version {version} of the migration protocol, the target host version "
            f"{PROTOCOL_VERSION}. Migrate with one version of the collection organic.live_migration: the controller "
            "copies it to both hosts, so check that no other controller works on this migration."
        )
