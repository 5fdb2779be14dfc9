# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The h2 library's connection as both ends of the SBI use it."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from .header_fields import FieldDecoder, FieldEncoder

MAX_STREAMS = 4096
CONNECTION_WINDOW = 1 << 24
"""An NF that is frozen for seconds must not make its peers run out of streams or window."""


class Http2Connection(H2Connection):
    """Headers are octets, and neither changed nor checked by h2: the SBI's own code makes and reads them."""

    def __init__(self, client_side: bool) -> None:
        super().__init__(
            H2Configuration(
                client_side=client_side,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        values = {SettingCodes.ENABLE_PUSH: 0}
        if not client_side:
            values[SettingCodes.MAX_CONCURRENT_STREAMS] = MAX_STREAMS
        self.local_settings = Settings(client=client_side, initial_values=values)
        self.encoder = FieldEncoder()
        self.decoder = FieldDecoder()
        self._consumed = 0

    def begin(self) -> None:
        """Prepare the preface."""
        self.initiate_connection()
        self.increment_flow_control_window(CONNECTION_WINDOW)

    def consume(self, event: DataReceived) -> None:
        """Open the windows again by what was received; that of a stream only while more of it is to come."""
        length, stream_id = event.flow_controlled_length or 0, event.stream_id
        self._consumed += length
        if self._consumed > CONNECTION_WINDOW // 4:
            self.increment_flow_control_window(self._consumed)
            self._consumed = 0
        if event.stream_ended is None and length and self.is_open(stream_id):
            self.increment_flow_control_window(length, stream_id)

    def is_open(self, stream_id: int | None) -> bool:
        """Whether a stream is open after all that was received: its end may have come in the same segment."""
        stream = self.streams.get(stream_id) if stream_id is not None else None
        return stream is not None and stream.open

    def go_away(self, last_stream_id: int) -> None:
        """Prepare a GOAWAY after which the streams up to this one are still answered (RFC 9113 clause 6.8)."""
        self._prepare_for_sending([GoAwayFrame(0, last_stream_id, int(ErrorCodes.NO_ERROR))])

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        """h2 takes the connection for closed and drops what is to be sent; but its open streams go on."""
        event = ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        return [], [event]
