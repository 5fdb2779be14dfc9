# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all NAS messages share: headers, and the table of message types (TS 24.501 clauses 9.1 to 9.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Self, TypeVar, get_type_hints

from .causes import MmCause
from .ie import Layout, NasDecodeError

EPD_MM: Final = 0x7E
"""Extended protocol discriminator of 5GMM (TS 24.007 table 11.2.3.1A.1)."""
EPD_SM: Final = 0x2E
"""Extended protocol discriminator of 5GSM."""


class NasMessage:
    """A plain NAS message. Every subclass that is one message type is a dataclass below @message."""

    __slots__ = ()

    epd: ClassVar[int]
    message_type: ClassVar[int]
    layout: ClassVar[Layout]

    def encode(self) -> bytes:
        """The message without a security header. Raises ValueError for a value that has no encoding."""
        out = [self._header()]
        self.layout.write(self, out)
        return b"".join(out)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The message of this type. Raises NasDecodeError, also for a message of another type."""
        found = decode(data)
        if not isinstance(found, cls):
            detail = f"{type(found).__name__} is no {cls.__name__}"
            raise NasDecodeError(MmCause.MESSAGE_TYPE_NOT_COMPATIBLE, detail)
        return found

    def _header(self) -> bytes:
        raise NotImplementedError

    @classmethod
    def _read(cls, data: bytes) -> Self:
        raise NotImplementedError


class MmMessage(NasMessage):
    """A message of 5GS mobility management."""

    __slots__ = ()
    epd = EPD_MM

    def _header(self) -> bytes:
        return bytes((EPD_MM, 0, self.message_type))

    @classmethod
    def _read(cls, data: bytes) -> Self:
        found = cls(**cls.layout.read(data, 3))
        found.check()
        return found

    def check(self) -> None:
        """Raise NasDecodeError for what is missing under the conditions of this message."""


@dataclass(slots=True, kw_only=True)
class SmMessage(NasMessage):
    """A message of 5GS session management.

    Attributes:
        pdu_session_id: 1 to 15.
        pti: procedure transaction identity, 1 to 254; 0 where the network began.
    """

    epd: ClassVar[int] = EPD_SM

    pdu_session_id: int
    pti: int

    def _header(self) -> bytes:
        return bytes((EPD_SM, self.pdu_session_id, self.pti, self.message_type))

    @classmethod
    def _read(cls, data: bytes) -> Self:
        return cls(pdu_session_id=data[1], pti=data[2], **cls.layout.read(data, 4))


_TYPES: dict[tuple[int, int], type[NasMessage]] = {}

M = TypeVar("M", bound=NasMessage)


def message(message_type: int) -> Callable[[type[M]], type[M]]:
    """Register a dataclass as the message of that type; its annotations say how its fields are encoded (see ie)."""

    def register(cls: type[M]) -> type[M]:
        hints = get_type_hints(cls, include_extras=True)
        forms = [(name, hint.__metadata__[0]) for name, hint in hints.items() if hasattr(hint, "__metadata__")]
        cls.message_type = message_type
        cls.layout = Layout(cls.__name__, forms)
        _TYPES[cls.epd, message_type] = cls
        return cls

    return register


def decode(data: bytes) -> NasMessage:
    """A plain 5GMM or 5GSM message. Raises NasDecodeError with the cause of TS 24.501 clause 7."""
    epd = data[0] if data else -1
    if epd == EPD_MM:
        if len(data) >= 2 and data[1] & 0x0F:
            raise NasDecodeError(MmCause.PROTOCOL_ERROR, "The message is protected")
        place = 2
    elif epd == EPD_SM:
        place = 3
    else:
        raise NasDecodeError(MmCause.PROTOCOL_ERROR, "The message is neither 5GMM nor 5GSM")
    if len(data) <= place:
        raise NasDecodeError(MmCause.PROTOCOL_ERROR, "The message is too short to have a type")
    cls = _TYPES.get((epd, data[place]))
    if cls is None:
        raise NasDecodeError(MmCause.MESSAGE_TYPE_NON_EXISTENT, f"There is no message of type {data[place]}")
    return cls._read(data)
