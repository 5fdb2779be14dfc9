# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two ends of the packet mirror (:mod:`.mirror`) take and report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EndOfInput:
    """What the source's process got and said up to the handover; a part of the message to the target.

    Attributes:
        inputs: number of packets that were let in since :meth:`SourceMirror.mark`.
        outputs: number of packets that it sent since then.
        chain: hash over the inputs in their order, in hexadecimal.
    """

    inputs: int
    outputs: int
    chain: str


@dataclass(frozen=True)
class Position:
    """Where one TCP connection stood in the frozen process, from its image (criu/images/tcp-stream.proto).

    Attributes:
        sent: sequence number of the next byte that it sends: ``outq_seq + outq_len - unsq_len``.
        received: sequence number of the next byte that it expects.
    """

    local_address: str
    local_port: int
    peer_address: str
    peer_port: int
    sent: int
    received: int


@dataclass(frozen=True)
class SourceState:
    """Counters of the source's mirror.

    Attributes:
        phase: ``pass`` (nothing is held), ``hold``, ``turnstile``, ``late`` (after the commit).
        inputs, outputs, chain: as in :class:`EndOfInput`.
        held: packets that wait now; ``held_connections`` of them open a connection, and wait until the end.
        wait_us, max_wait_us: time that packets waited in the turnstile, mean and longest.
        unsent_bytes: of the stream, not yet taken by the kernel.
        void: why the attempt is void, for example because a packet waited too long; empty while it is not.
    """

    phase: str
    inputs: int
    outputs: int
    chain: str
    held: int
    held_connections: int
    wait_us: float
    max_wait_us: float
    unsent_bytes: int
    void: str


@dataclass(frozen=True)
class Divergence:
    """Where the clone parted from the process.

    Attributes:
        flow: protocol, address and port of the peer, own port.
        offset: of the byte in the flow since the clone began, or in the datagram.
        source, clone: the two bytes, in hexadecimal; empty for none (it said less, or nothing).
        reason: in words.
        after_ms: time since the source's byte arrived here.
        inputs: how many inputs the clone had got.
    """

    flow: str
    offset: int
    source: str
    clone: str
    reason: str
    after_ms: float
    inputs: int


@dataclass(frozen=True)
class TargetState:
    """Counters of the target's mirror.

    Attributes:
        inputs, chain: inputs that the clone got, and the hash over them.
        answers_compared, bytes_compared: packets of the source's process that the clone said as well, and their bytes.
        lag_ms: age of the oldest input or answer that the clone has not caught up with; 0 when in step.
        median_lag_ms, max_lag_ms: how much later than the source's copy arrived here the clone said the same.
        skew_us, max_skew_us: how much later than its copy arrived here each input reached the clone.
        in_step: nothing is left to get or to say.
        void: why the attempt is void, for example because packets were lost; empty while it is not.
        divergence: the first one; the attempt is void then, too.
    """

    inputs: int
    answers_compared: int
    bytes_compared: int
    lag_ms: float
    median_lag_ms: float
    max_lag_ms: float
    skew_us: float
    max_skew_us: float
    chain: str
    in_step: bool
    void: str
    divergence: Divergence | None
