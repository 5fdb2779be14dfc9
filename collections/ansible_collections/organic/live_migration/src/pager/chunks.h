/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is known of the pages of an address space, 2 MiB a chunk, for as many chunks as there is something to know of.
 * Whoever adds while others find or add holds a lock against them; a chunk never moves. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHUNK_PAGES 512UL
#define CHUNK_BYTES (CHUNK_PAGES * 4096UL)

struct chunk {
	uint64_t base;
	uint64_t place, marked;	     /* source: where the kernel had one of its pages, or 0, and which of them */
	void *data;		     /* target: CHUNK_BYTES, the pages that are stored; or NULL */
	_Atomic uint8_t state[CHUNK_PAGES]; /* 0 at first; what else is the user's */
};

struct chunks {
	struct chunk **table;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

struct chunk *chunk_find(const struct chunks *chunks, uint64_t address);
struct chunk *chunk_add(struct chunks *chunks, uint64_t address);

static inline size_t chunk_page(uint64_t address)
{
	return (address % CHUNK_BYTES) / 4096;
}
