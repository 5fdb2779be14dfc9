/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "stream.h"

#include "mirror.h"
#include "packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_BYTES (1UL << 20)

/* Makes room for more bytes behind those that are there. */
static void make_room(struct stream *stream, size_t bytes)
{
	if (stream->start == stream->end)
		stream->start = stream->end = 0;
	if (stream->size - stream->end >= bytes)
		return;
	if (stream->start) {
		memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
		stream->end -= stream->start;
		stream->start = 0;
	}
	if (stream->size - stream->end >= bytes)
		return;
	stream->size = (stream->end + bytes) * 2;
	stream->buffer = realloc(stream->buffer, stream->size);
	if (!stream->buffer)
		fail("no memory: %zu bytes", stream->size);
}

void stream_end(struct stream *stream)
{
	stream->lost = true;
	shutdown(stream->fd, SHUT_RDWR);
}

/* How many bytes the kernel took. */
static size_t send_some(struct stream *stream, const void *data, size_t bytes)
{
	size_t sent = 0;

	while (sent < bytes && !stream->lost) {
		ssize_t n = send(stream->fd, (const char *)data + sent, bytes - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR)
			stream_end(stream);
	}
	return sent;
}

bool stream_flush(struct stream *stream)
{
	if (stream->end > stream->start)
		stream->start += send_some(stream, stream->buffer + stream->start, stream->end - stream->start);
	return !stream->lost;
}

bool stream_append(struct stream *stream, struct frame frame, const uint8_t *payload)
{
	size_t bytes = sizeof frame + frame.payload_bytes;

	if (stream->lost || frame.payload_bytes > PACKET_BYTES_MAX ||
	    stream->end - stream->start + bytes > BACKLOG_BYTES_MAX)
		return false;
	make_room(stream, bytes);
	memcpy(stream->buffer + stream->end, &frame, sizeof frame);
	if (frame.payload_bytes)
		memcpy(stream->buffer + stream->end + sizeof frame, payload, frame.payload_bytes);
	stream->end += bytes;
	return true;
}

bool stream_send(struct stream *stream, struct frame frame, const uint8_t *payload)
{
	return stream_append(stream, frame, payload) && stream_flush(stream);
}

bool stream_receive(struct stream *stream)
{
	ssize_t n;

	make_room(stream, RECEIVE_BYTES);
	do
		n = stream->lost ? 0 : recv(stream->fd, stream->buffer + stream->end, RECEIVE_BYTES, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	stream->end += (size_t)n;
	return true;
}

bool stream_next(struct stream *stream, struct frame *frame, uint8_t **payload)
{
	size_t left = stream->end - stream->start;
	bool carries;

	if (left < sizeof *frame || stream->lost)
		return false;
	memcpy(frame, stream->buffer + stream->start, sizeof *frame);
	carries = frame->kind == FRAME_INPUT || frame->kind == FRAME_OUTPUT || frame->kind == FRAME_LATE;
	if (frame->kind < FRAME_MARK || frame->kind > FRAME_REST || frame->payload_bytes > PACKET_BYTES_MAX ||
	    carries != (frame->payload_bytes > 0)) {
		stream_end(stream);
		return false;
	}
	if (left < sizeof *frame + frame->payload_bytes)
		return false;
	*payload = stream->buffer + stream->start + sizeof *frame;
	stream->start += sizeof *frame + frame->payload_bytes;
	return true;
}
