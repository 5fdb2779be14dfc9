/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The protocol between the two pagers of a migration, in the byte order of x86-64. Processes are identified by their
 * PID in the container's namespace, which a migration keeps; addresses are those of the process on the source. */
#pragma once

#include <stdint.h>

#define PAGE_BYTES 4096UL
/* Most pages of one frame: the size of the buffers. */
#define FRAME_PAGES_MAX 256UL
#define FRAME_BYTES_MAX (FRAME_PAGES_MAX * PAGE_BYTES)
/* The end of user space (Documentation/arch/x86/x86_64/mm.rst), and the most memory that a list of pages may cover. */
#define ADDRESS_END (1UL << 47)
#define MEMORY_MAX (1UL << 38)
/* Most ranges of one frame; a longer list is sent in several frames. */
#define FRAME_RANGES_MAX (FRAME_BYTES_MAX / sizeof(struct range))

enum frame_kind {
	FRAME_PAGES = 1,   /* payload: the pages from address on */
	FRAME_COMPRESSED,  /* payload: the same, as one zstd frame */
	FRAME_ZERO,	   /* the pages from address on, length bytes, hold zeros */
	FRAME_VMAS,	   /* payload: the VMAs whose memory the pagers move */
	FRAME_PRESENT,	   /* payload: ranges with pages at the freeze; anything else reads as zeros */
	FRAME_STALE,	   /* payload: ranges whose pages were not sent, or have changed since */
	FRAME_BARRIER,	   /* address: a number, which is sent back when everything before it has been handled */
	FRAME_BARRIER_DONE, /* the answer */
	FRAME_REQUEST,	   /* target to source: the process waits for the page at address */
	FRAME_RECEIVED,	   /* target to source, after reconnecting: ranges that need not be sent again */
	FRAME_WIPE_ON_FORK, /* payload: ranges that a child of fork(2) gets empty */
	FRAME_SHARED,	    /* shared memory, before its pages: address: its inode on the source; length: its size in
			     * bytes; payload: one byte, whether it may be sealed, and its name (memfd_create(2)) */
};

/* In place of a PID, in frames of pages: SHARED_MEMORY with the number of shared memory, which counts from 0. Addresses
 * are offsets in it then. */
#define SHARED_MEMORY 0x80000000U
#define SHARED_MAX 1024U
#define SHARED_NAME_MAX 249U /* memfd_create(2) */

struct frame {
	uint32_t kind;
	uint32_t ns_pid;
	uint64_t address;
	uint64_t length;
	uint64_t payload_bytes;
};

struct range {
	uint64_t start;
	uint64_t end;
};
