/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The protocol between the two mirrors, from the source to the target only, in the byte order of x86-64. */
#pragma once

#include <stdint.h>

enum frame_kind {
	FRAME_MARK = 1, /* what follows, the clone has to get and to say */
	FRAME_INPUT,	/* payload: a packet that the process is about to get; counted */
	FRAME_OUTPUT,	/* payload: a packet that the process has sent; counted */
	FRAME_LATE,	/* after the commit; payload: a packet that only the clone gets */
	FRAME_VOID,	/* the source gave the attempt up */
	FRAME_REST,	/* the process is at rest: it has said all that these inputs make it say */
};

/* The process had slept before it sent this packet: a timer made it, not an input. */
#define FRAME_SPONTANEOUS 1

struct frame {
	uint32_t payload_bytes;
	uint16_t kind;
	uint16_t flags;
	/* since the mark, with this one; the target counts them as well */
	uint64_t inputs;
	uint64_t outputs;
};
