# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames on the TCP connection between an N2 front and an AMF. Not 3GPP.

A frame is a head of 12 octets and a payload: length of the payload (4 octets), type (1), zero (1), SCTP stream (2),
association (4), all in network order. The front chooses the association's number; HELLO comes first, from both ends.
A new connection begins with no association: the front reports each one with UP.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

VERSION = 1
MAXIMUM_PAYLOAD = 1 << 20

_HEAD = struct.Struct("!IBxHI")


class FrameType(enum.IntEnum):
    HELLO = 1
    """Payload: version (1 octet), then the sender's name in UTF-8."""
    UP = 2
    """Front to AMF: an association is there; payload: the gNB's address and port in UTF-8."""
    DOWN = 3
    """Front to AMF: it is gone. AMF to front: end it. Payload: the reason in UTF-8."""
    NGAP = 4
    """Payload: one NGAP PDU."""


class FramingError(ValueError):
    """The peer does not speak this framing; the connection is of no use."""


@dataclass(frozen=True, slots=True)
class Frame:
    type: FrameType
    association: int = 0
    stream: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        return _HEAD.pack(len(self.payload), self.type, self.stream, self.association) + self.payload


def hello(name: str) -> bytes:
    return Frame(FrameType.HELLO, payload=bytes((VERSION,)) + name.encode()).encode()


def read_hello(frame: Frame) -> str:
    """The peer's name; FramingError for another frame or version."""
    if frame.type is not FrameType.HELLO or frame.payload[:1] != bytes((VERSION,)):
        raise FramingError(f"HELLO of version {VERSION} was expected, not {frame.type.name}")
    return frame.payload[1:].decode(errors="replace")


class Decoder:
    """Cuts a stream of octets into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now; FramingError for what is none."""
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        position = 0
        while len(buffer) - position >= _HEAD.size:
            length, number, stream, association = _HEAD.unpack_from(buffer, position)
            if length > MAXIMUM_PAYLOAD:
                raise FramingError(f"frame of {length} octets")
            end = position + _HEAD.size + length
            if end > len(buffer):
                break
            try:
                kind = FrameType(number)
            except ValueError as error:
                raise FramingError(str(error)) from error
            frames.append(Frame(kind, association, stream, bytes(buffer[position + _HEAD.size : end])))
            position = end
        del buffer[:position]
        return frames
