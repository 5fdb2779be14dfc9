/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct fault {
	struct target_process *process;
	struct address_space *space;
	uint64_t address;
};

/* Faults that cannot be handled before the events that follow them are known. */
static struct fault *deferred;
static size_t deferred_count, deferred_room;

static void defer_fault(struct fault fault)
{
	if (deferred_count == deferred_room) {
		deferred_room = deferred_room ? 2 * deferred_room : 64;
		deferred = realloc(deferred, deferred_room * sizeof *deferred);
		if (!deferred)
			fail("no memory for %zu faults", deferred_room);
	}
	deferred[deferred_count++] = fault;
}

bool has_deferred_faults(void)
{
	return deferred_count;
}

void request_page(struct target_process *process, uint64_t source)
{
	struct frame frame = {
		.kind = FRAME_REQUEST, .ns_pid = process->ns_pid, .address = source, .length = PAGE_BYTES};

	target.requests++;
	send_frame(&target.connections[0], frame, NULL);
}

static const struct mapping *find_mapping(const struct address_space *space, uint64_t address)
{
	for (size_t i = 0; i < space->count; i++)
		if (space->mappings[i].start <= address && address < space->mappings[i].end)
			return &space->mappings[i];
	return NULL;
}

/* The end of the stored pages from an address on that are placed together: the process is likely to need them next. */
static uint64_t end_of_stored(const struct chunk *chunk, uint64_t address, uint64_t present_end)
{
	uint64_t most = address + FAULT_AROUND_PAGES * PAGE_BYTES, end = address + PAGE_BYTES;

	while (end < most && end < present_end && end < chunk->base + CHUNK_BYTES &&
	       chunk->state[chunk_page(end)] == STORED)
		end += PAGE_BYTES;
	return end;
}

static void handle_fault(struct fault fault)
{
	struct target_process *process = fault.process;
	uint64_t address = fault.address - fault.address % PAGE_BYTES;
	const struct mapping *mapping = find_mapping(fault.space, address);
	const struct range *present = NULL;
	struct chunk *chunk = NULL;
	uint8_t state = UNKNOWN;
	uint64_t source = 0;
	enum placed placed;

	if (mapping) {
		source = mapping->source + (address - mapping->start);
		present = overlapping(&process->present, source, source + PAGE_BYTES);
		if (present) {
			chunk = find_chunk(process, source, true);
			state = chunk->state[chunk_page(source)];
		}
	}
	if (chunk && state == STORED) {
		uint64_t end = end_of_stored(chunk, source, present->end);

		placed = place(process, source, (char *)chunk->data + (source - chunk->base), end - source);
		if (placed == DONE) {
			set_page_states(process, source, end, PLACED);
			target.pages_placed += (end - source) / PAGE_BYTES;
		}
	} else if (chunk && state == UNKNOWN) {
		_Atomic uint8_t *current = &chunk->state[chunk_page(source)];

		/* if the state has changed, a receiver has just stored the page without knowing of this fault */
		placed = atomic_compare_exchange_strong(current, &state, REQUESTED) ? DONE : AGAIN;
		if (placed == DONE)
			request_page(process, source);
	} else if (chunk && state == REQUESTED) {
		placed = DONE; /* placing it will wake this thread, too */
	} else {
		/* The page holds zeros, or it is there already: then this wakes the thread. A placed page may still be
		 * missing in a child of fork(2). */
		placed = place_at(fault.space->uffd, address, NULL, PAGE_BYTES);
	}
	if (placed != DONE)
		defer_fault(fault);
}

/* Handles the events of one address space; returns whether there were any. */
static bool read_events(struct target_process *process, struct address_space *space)
{
	struct uffd_msg messages[64];
	ssize_t n = read(space->uffd, messages, sizeof messages);

	/* The kernel returns faults before events, but once an event has been read the process goes on with its new
	 * layout: so the events are handled first. */
	for (ssize_t i = 0; i < 2 * (n / (ssize_t)sizeof messages[0]); i++) {
		bool faults_now = i >= n / (ssize_t)sizeof messages[0];
		const struct uffd_msg *m = &messages[i % (n / (ssize_t)sizeof messages[0])];

		if ((m->event == UFFD_EVENT_PAGEFAULT) != faults_now)
			continue;
		switch (m->event) {
		case UFFD_EVENT_PAGEFAULT:
			target.faults++;
			handle_fault((struct fault){process, space, m->arg.pagefault.address});
			break;
		case UFFD_EVENT_FORK:
			fork_space(process, space, (int)m->arg.fork.ufd);
			break;
		case UFFD_EVENT_REMAP:
			move_mappings(space, m->arg.remap.from, m->arg.remap.to, m->arg.remap.len);
			break;
		case UFFD_EVENT_REMOVE:
		case UFFD_EVENT_UNMAP:
			remove_mappings(space, m->arg.remove.start, m->arg.remove.end);
			break;
		}
	}
	return n > 0;
}

bool handle_events(void)
{
	struct fault *again = deferred;
	size_t count = deferred_count;
	bool any = false;

	pthread_rwlock_wrlock(&target.layout);
	for (size_t i = 0; i < target.process_count; i++)
		for (struct address_space *space = target.processes[i]->spaces; space; space = space->next)
			any |= read_events(target.processes[i], space);
	deferred = NULL;
	deferred_count = deferred_room = 0;
	for (size_t i = 0; i < count; i++)
		handle_fault(again[i]);
	free(again);
	pthread_rwlock_unlock(&target.layout);
	return any || count;
}
