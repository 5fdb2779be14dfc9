/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "chunks.h"

#include "pager.h"

#include <stdlib.h>

static size_t slot(const struct chunks *chunks, uint64_t base)
{
	size_t i = (size_t)(base / CHUNK_BYTES * 0x9e3779b97f4a7c15u >> 20) & (chunks->size - 1);

	while (chunks->table[i] && chunks->table[i]->base != base)
		i = (i + 1) & (chunks->size - 1);
	return i;
}

struct chunk *chunk_find(const struct chunks *chunks, uint64_t address)
{
	return chunks->size ? chunks->table[slot(chunks, address - address % CHUNK_BYTES)] : NULL;
}

static void grow(struct chunks *chunks)
{
	struct chunks larger = {.size = chunks->size ? chunks->size * 2 : 64, .count = chunks->count};

	larger.table = allocate(larger.size * sizeof(struct chunk *));
	for (size_t i = 0; i < chunks->size; i++)
		if (chunks->table[i])
			larger.table[slot(&larger, chunks->table[i]->base)] = chunks->table[i];
	free(chunks->table);
	*chunks = larger;
}

struct chunk *chunk_add(struct chunks *chunks, uint64_t address)
{
	uint64_t base = address - address % CHUNK_BYTES;
	size_t i;

	if (2 * chunks->count >= chunks->size)
		grow(chunks);
	i = slot(chunks, base);
	if (!chunks->table[i]) {
		struct chunk *chunk = allocate(sizeof *chunk);

		chunk->base = base;
		chunks->table[i] = chunk;
		chunks->count++;
	}
	return chunks->table[i];
}
