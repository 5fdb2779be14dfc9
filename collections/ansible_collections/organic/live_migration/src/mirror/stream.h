/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stream to the other mirror. Nothing here waits: what the kernel does not take is kept. */
#pragma once

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

#define BACKLOG_BYTES_MAX (16UL << 20)

struct stream {
	int fd;
	bool lost;
	/* bytes from start to end of the buffer: not yet sent, or received and not yet read */
	uint8_t *buffer;
	size_t start, end, size;
};

/* Sends a frame, or keeps it; false when the stream is lost, or too much is kept. */
bool stream_send(struct stream *stream, struct frame frame, const uint8_t *payload);
/* Keeps a frame until the next call of stream_flush. */
bool stream_append(struct stream *stream, struct frame frame, const uint8_t *payload);
/* Sends what is kept, as far as it goes; false when the stream is lost. */
bool stream_flush(struct stream *stream);
/* Receives what is there; false when the stream has ended. */
bool stream_receive(struct stream *stream);
/* The next frame that is complete, and its payload, which is valid until the next call of stream_receive. Marks the
 * stream as lost when no mirror sends such a frame. */
bool stream_next(struct stream *stream, struct frame *frame, uint8_t **payload);
/* The other mirror notices it at once. */
void stream_end(struct stream *stream);
