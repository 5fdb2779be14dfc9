/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the two pagers of a migration say to each other, in the byte order of x86-64. Processes are named by their PID
 * in the container's namespace, which a migration keeps; addresses are those of the process. */
#pragma once

#include <stdint.h>

#define PAGE_BYTES 4096UL
/* No frame carries more pages than this: it is the size of the buffers. */
#define FRAME_PAGES_MAX 256UL
#define FRAME_BYTES_MAX (FRAME_PAGES_MAX * PAGE_BYTES)
/* No process has memory above this (Documentation/arch/x86/x86_64/mm.rst), and no list of pages is about more of it. */
#define ADDRESS_END (1UL << 47)
#define MEMORY_MAX (1UL << 38)
/* Of the ranges in one FRAME_EXTENTS, FRAME_PRESENT, FRAME_STALE or FRAME_WIPED; more go out in several. */
#define FRAME_RANGES_MAX (FRAME_BYTES_MAX / sizeof(struct range))

enum frame_kind {
	FRAME_PAGES = 1,   /* payload: the pages from address on */
	FRAME_COMPRESSED,  /* payload: the same, as one zstd frame */
	FRAME_ZERO,	   /* the pages from address on, length bytes, hold zeros */
	FRAME_EXTENTS,	   /* payload: ranges of the process that the pager answers for; begins a new list */
	FRAME_PRESENT,	   /* payload: ranges with pages at the freeze; what is in none of them reads as zeros */
	FRAME_STALE,	   /* payload: ranges whose pages were not sent, or changed since */
	FRAME_BARRIER,	   /* address: a number that is answered when all before it has been done */
	FRAME_BARRIER_DONE, /* the answer */
	FRAME_REQUEST,	   /* target to source: the process waits for the page at address */
	FRAME_RECEIVED,	   /* target to source, after a broken link: ranges that need not be sent again */
	FRAME_WIPED,	   /* payload: ranges that a child of fork(2) gets empty */
};

struct frame {
	uint32_t kind;
	uint32_t process;
	uint64_t address;
	uint64_t length;
	uint64_t payload_bytes;
};

struct range {
	uint64_t start;
	uint64_t end;
};
