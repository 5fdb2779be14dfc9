/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A hash table with the states of the pages of an address space, in chunks of 2 MiB. A chunk exists only if something
 * is known about one of its pages, and it is never moved. The table has no lock of its own: adding a chunk must exclude
 * any other access. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHUNK_PAGES 512UL
#define CHUNK_BYTES (CHUNK_PAGES * 4096UL)

struct chunk {
	uint64_t base;
	uint64_t location, located_page; /* source: frame or swap slot of one of its pages, or 0; and which page */
	void *data;			 /* target: CHUNK_BYTES with the pages that are stored; or NULL */
	_Atomic uint8_t state[CHUNK_PAGES]; /* enum page_state or enum target_page_state; 0 at first */
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
