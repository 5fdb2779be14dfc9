# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone of a process that runs on: on the target, from its restore until it takes over or is destroyed.

Nothing that leaves its network namespace is heard before the commit: it goes into netfilter queues that nobody but the
mirror reads, and that drop everything when nobody does.
"""

from __future__ import annotations

import socket
from pathlib import Path

from .. import typed
from ..criu.tcp_streams import TcpStream
from ..errors import MigrationError
from ..host import sleeps
from ..host.freezer import Freezer
from ..memory.pager import Answer
from ..network import tcp_timestamps, unread_datagrams
from ..network.mirror import TargetMirror
from ..network.mirror_state import EndOfInput, Position
from ..session import messages, states
from ..session.channel import Channel, Fields, Message
from ..session.journal import MigrationRecord
from .target_setup import PreparedTarget

_PLACING_TIMEOUT_S = 60
_AHEAD_MS = 20.0
"""Added to the time since the freeze: the message that has it took a while. Time stamps may be ahead, not behind."""


class TargetClone:
    """One clone.

    Args:
        record: of this host.
        prepared: the container and all that waits in it.
        stream: the connection to the source's mirror.

    Attributes:
        placed: figures of the pager, which has ended when the clone runs.
    """

    def __init__(self, record: MigrationRecord, prepared: PreparedTarget, stream: socket.socket) -> None:
        self._record = record
        self._prepared = prepared
        self._restored = 0
        self.placed: Answer = {}
        self._mirror = TargetMirror(record.init_pid, record.migration_id)
        links = prepared.links
        # written down first: whoever completes this migration must make the addresses known
        record.interfaces = links.interfaces
        record.save()
        with stream:  # the mirror's alone: its end is the connection's
            self._mirror.arm([address for one in links.interfaces for address in one.ip_addresses], stream)
        mirror = self._mirror.process_id
        record.mirror_pid, record.mirror_start_time = mirror.pid, mirror.start_time
        prepared.hold.remove()
        links.activate_silently()
        record.hidden_links = links.hidden
        record.save()
        prepared.configuration.finish()

    def follow(self, message: Message, control: Channel) -> bool:
        """Do what the source wants of the clone; whether it was that.

        Raises:
            MigrationError: the mirror has ended, or the clone was killed.
            ValueError: the message is malformed.
        """
        if message.kind == messages.RUN_CLONE:
            self.run(message.fields)
            control.send(messages.CLONE_RUNS)
        elif message.kind == messages.COMPARE:
            control.send(messages.COMPARED, state=self.report())
        elif message.kind == messages.HAND_OVER:
            control.send(messages.IN_STEP, **self.await_end(message.fields))
        elif message.kind == messages.COMMIT:
            self.take_over(message.blob)
        else:
            return False
        return True

    def run(self, fields: Fields) -> None:
        """Let the restored process run, unheard, on the input that the mirror gives it.

        Args:
            fields: of the source's message "run_clone".

        Raises:
            MigrationError: the mirror has ended, or the process was killed.
            ValueError: the fields are malformed.
        """
        streams = [typed.from_dict(TcpStream, stream) for stream in fields["streams"]]
        freezer = Freezer(Path(self._record.freezer))
        self._restored = self._prepared.criu.pid_of(self._record.root_pid)
        stamps = {
            (one.local_address, one.local_port, one.peer_address, one.peer_port): one.timestamp for one in streams
        }
        tcp_timestamps.set_ahead(freezer.members, stamps, float(fields["since_freeze_ms"]) + _AHEAD_MS)
        # a process that waits for a page sleeps, and would be taken for one that has handled its input
        self._prepared.pager.order("finish")
        self.placed = self._prepared.pager.expect("finish", _PLACING_TIMEOUT_S)
        self._prepared.pager.close()
        if not self.is_alive:
            raise MigrationError("The clone was killed on the target host before it ran.")
        sleeps.apply(self._prepared.sleeps)
        self._record.save(states.CLONED)
        positions = [
            Position(one.local_address, one.local_port, one.peer_address, one.peer_port, one.sent, one.received)
            for one in streams
        ]
        self._mirror.go([self._restored], positions)
        self._prepared.criu.resume()
        freezer.thaw()

    @property
    def is_alive(self) -> bool:
        freezer = Freezer(Path(self._record.freezer))
        return self._restored in freezer.members and not freezer.has_killed_member

    def report(self) -> Fields:
        """How far the clone is.

        Raises:
            MigrationError: the mirror has ended.
        """
        return dict(typed.to_dict(self._mirror.state()))

    def await_end(self, fields: Fields) -> Fields:
        """Wait until the clone has taken the last input and has said what the process said.

        Args:
            fields: of the source's message "hand_over".

        Returns:
            Fields of the answer.
        """
        end = typed.from_dict(EndOfInput, fields["end"])
        is_in_step = self._mirror.await_end(end, float(fields["limit_ms"]) / 1000)
        return {"is_in_step": is_in_step, "state": self.report()}

    def take_over(self, arrived: bytes) -> None:
        """The source has committed: what the clone says is heard from now on.

        Args:
            arrived: packets with which new connections begin, and which the source has held.

        Raises:
            MigrationError: the clone was killed; it was never heard.
        """
        if not self.is_alive:
            raise MigrationError("The clone was killed on the target host before it took over.")
        self._record.save(states.COMPLETED)  # written down first: whoever finds this record makes the clone heard
        self._prepared.links.show()
        self._mirror.unmute()
        self._prepared.links.take_over()
        self._prepared.links.keep_announcing()
        unread_datagrams.deliver(self._record.init_pid, arrived)
        self._record.interfaces = []  # they are known

    def finish(self) -> None:
        """Take the mirror out of the way, once the source sends nothing any more."""
        self._mirror.finish()

    def discard(self) -> None:
        """End the mirror, when the clone has ended."""
        self._mirror.discard()
