# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies on their way out of an HTTP/2 connection, as far as its windows let them (RFC 9113 clause 5.2)."""

from __future__ import annotations

from h2.connection import H2Connection


class Outbox:
    def __init__(self, connection: H2Connection) -> None:
        self._h2 = connection
        self._waiting: dict[int, memoryview] = {}

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def add(self, stream_id: int, body: bytes) -> None:
        """Send `body` and end the stream; what the window does not take now is kept."""
        size = len(body)
        if size <= self._h2.max_outbound_frame_size and size <= self._h2.local_flow_control_window(stream_id):
            self._h2.send_data(stream_id, body, end_stream=True)
            return
        self._waiting[stream_id] = memoryview(body)
        self._push(stream_id)

    def push(self) -> None:
        """Go on with what waits; to be called after each receive."""
        for stream_id in list(self._waiting):
            self._push(stream_id)

    def forget(self, stream_id: int) -> None:
        self._waiting.pop(stream_id, None)

    def _push(self, stream_id: int) -> None:
        body = self._waiting[stream_id]
        while True:
            size = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size, len(body))
            if size <= 0:
                self._waiting[stream_id] = body
                return
            last = size == len(body)
            self._h2.send_data(stream_id, bytes(body[:size]), end_stream=last)
            if last:
                del self._waiting[stream_id]
                return
            body = body[size:]
