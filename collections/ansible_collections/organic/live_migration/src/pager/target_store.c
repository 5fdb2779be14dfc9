/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "target.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

struct target_process *find_target_process(uint32_t ns_pid, bool add)
{
	struct target_process *found = NULL;

	pthread_mutex_lock(&target.table);
	for (size_t i = 0; i < target.process_count && !found; i++)
		if (target.processes[i]->ns_pid == ns_pid)
			found = target.processes[i];
	if (!found && add && target.process_count < PROCESSES_MAX) {
		found = target.processes[target.process_count] = allocate(sizeof *found);
		found->ns_pid = ns_pid;
		target.process_count++;
	}
	pthread_mutex_unlock(&target.table);
	return found;
}

struct chunk *find_chunk(struct target_process *process, uint64_t address, bool add)
{
	struct chunk *chunk;

	pthread_mutex_lock(&target.table);
	chunk = add ? chunk_add(&process->pages, address) : chunk_find(&process->pages, address);
	pthread_mutex_unlock(&target.table);
	return chunk;
}

enum target_page_state state_of_page(struct target_process *process, uint64_t address)
{
	struct chunk *chunk = find_chunk(process, address, false);

	return chunk ? (enum target_page_state)chunk->state[chunk_page(address)] : UNKNOWN;
}

void set_page_states(struct target_process *process, uint64_t start, uint64_t end, enum target_page_state state)
{
	struct chunk *chunk = NULL;

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		if (!chunk || at % CHUNK_BYTES == 0)
			chunk = find_chunk(process, at, true);
		chunk->state[chunk_page(at)] = (uint8_t)state;
	}
}

/* Where a page is stored in our memory. */
static char *storage_of(struct chunk *chunk, uint64_t address)
{
	if (!chunk->data) {
		void *data = allocate_pages(CHUNK_BYTES), *none = NULL;

		if (!atomic_compare_exchange_strong((void *_Atomic *)&chunk->data, &none, data))
			munmap(data, CHUNK_BYTES); /* the receiver of another connection was first */
	}
	return (char *)chunk->data + (address - chunk->base);
}

/* Pages of one chunk have been stored: places those that a process waits for. */
static void mark_stored(struct target_process *process, struct chunk *chunk, uint64_t address, uint64_t bytes)
{
	for (uint64_t at = address; at < address + bytes; at += PAGE_BYTES)
		if (atomic_exchange(&chunk->state[chunk_page(at)], STORED) == REQUESTED)
			place_received(process, at, storage_of(chunk, at), PAGE_BYTES);
}

bool store_pages(struct connection *connection, struct target_process *process, uint64_t address, const char *data,
		 uint64_t bytes)
{
	while (bytes) {
		struct chunk *chunk = find_chunk(process, address, true);
		uint64_t part = chunk->base + CHUNK_BYTES - address;

		part = part < bytes ? part : bytes;
		if (data)
			memcpy(storage_of(chunk, address), data, part);
		else if (!receive_all(connection, storage_of(chunk, address), part))
			return false;
		mark_stored(process, chunk, address, part);
		address += part;
		data = data ? data + part : NULL;
		bytes -= part;
	}
	return true;
}

bool is_complete(bool placed)
{
	for (size_t i = 0; i < target.process_count; i++) {
		struct target_process *process = target.processes[i];

		for (size_t j = 0; j < process->present.count; j++)
			for (uint64_t at = process->present.list[j].start; at < process->present.list[j].end;
			     at += PAGE_BYTES) {
				enum target_page_state state = state_of_page(process, at);

				if (state != PLACED && state != ZERO && (placed || state != STORED))
					return false;
			}
	}
	return true;
}
