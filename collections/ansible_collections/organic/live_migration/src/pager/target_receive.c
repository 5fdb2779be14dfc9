/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include "control.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zstd.h>

static pthread_t receivers[CONNECTIONS_MAX];

/* Takes pages that are in `pages`: places them or, as long as that is not possible, stores them. */
static bool take_pages(struct target_process *process, uint64_t address, const char *pages, uint64_t bytes)
{
	if (!target.restored &&
	    (!target.place_directly || !process->spaces || !try_to_place(process, address, pages, bytes)))
		return store_pages(NULL, process, address, pages, bytes);
	if (target.restored)
		place_received(process, address, pages, bytes);
	return true;
}

static bool is_of_shared_memory(const struct frame *frame)
{
	return frame->ns_pid & SHARED_MEMORY;
}

static bool receive_compressed(struct connection *connection, const struct frame *frame, char *buffer)
{
	struct target_process *process =
		is_of_shared_memory(frame) ? NULL : find_target_process(frame->ns_pid, true);
	char *compressed = allocate(frame->payload_bytes);
	bool good = receive_all(connection, compressed, frame->payload_bytes) &&
		    ZSTD_decompress(buffer, FRAME_BYTES_MAX, compressed, frame->payload_bytes) == frame->length;

	free(compressed);
	target.pages_received += frame->length / PAGE_BYTES;
	if (good && is_of_shared_memory(frame))
		return store_shared_pages(NULL, frame, buffer);
	return good && process && take_pages(process, frame->address, buffer, frame->length);
}

static bool receive_pages(struct connection *connection, const struct frame *frame, char *buffer)
{
	struct target_process *process;

	target.pages_received += frame->length / PAGE_BYTES;
	if (is_of_shared_memory(frame))
		return store_shared_pages(connection, frame, NULL);
	process = find_target_process(frame->ns_pid, true);
	if (!process)
		return false;
	/* Waiting for this process here could hold back pages of another one that CRIU needs in order to continue. */
	if (!target.restored && (!target.place_directly || !process->spaces))
		return store_pages(connection, process, frame->address, NULL, frame->length);
	return receive_all(connection, buffer, frame->length) &&
	       take_pages(process, frame->address, buffer, frame->length);
}

static bool receive_zeros(const struct frame *frame)
{
	struct target_process *process;

	if (is_of_shared_memory(frame))
		return zero_shared_pages(frame);
	process = find_target_process(frame->ns_pid, true);
	if (!process)
		return false;
	for (uint64_t at = frame->address; at < frame->address + frame->length; at += PAGE_BYTES) {
		struct chunk *chunk = find_chunk(process, at, true);

		if (atomic_exchange(&chunk->state[chunk_page(at)], ZERO) == REQUESTED)
			place_received(process, at, NULL, PAGE_BYTES);
	}
	return true;
}

/* Whether the ranges are valid, in the order of their addresses, begin at `after`, and are `most` bytes together. */
static bool are_valid(const struct range *ranges, size_t count, uint64_t after, uint64_t most)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; after = ranges[i++].end) {
		if (ranges[i].start < after || ranges[i].start >= ranges[i].end || ranges[i].start % PAGE_BYTES ||
		    ranges[i].end % PAGE_BYTES || ranges[i].end > ADDRESS_END)
			return false;
		total += ranges[i].end - ranges[i].start;
	}
	return total <= most;
}

static struct ranges *list_of(struct target_process *process, uint32_t kind)
{
	if (kind == FRAME_VMAS)
		return &process->vmas;
	return kind == FRAME_WIPE_ON_FORK ? &process->wipe_on_fork : &process->present;
}

static bool receive_ranges(struct connection *connection, const struct frame *frame)
{
	struct target_process *process = find_target_process(frame->ns_pid, true);
	size_t count = frame->payload_bytes / sizeof(struct range);
	struct range *list = allocate(frame->payload_bytes + 1);
	bool good = process && receive_all(connection, list, frame->payload_bytes);

	if (good && frame->kind == FRAME_STALE) {
		good = are_valid(list, count, 0, MEMORY_MAX);
		for (size_t i = 0; good && i < count; i++)
			set_page_states(process, list[i].start, list[i].end, UNKNOWN);
	} else if (good) {
		struct ranges *known = list_of(process, frame->kind);

		good = are_valid(list, count, known->count ? known->list[known->count - 1].end : 0,
				 frame->kind == FRAME_PRESENT ? MEMORY_MAX : ADDRESS_END);
		for (size_t i = 0; good && i < count; i++)
			add_range(known, list[i].start, list[i].end);
	}
	free(list);
	return good;
}

static void *receive(void *argument)
{
	struct connection *connection = &target.connections[(intptr_t)argument];
	char *buffer = allocate_pages(FRAME_BYTES_MAX);
	struct frame frame, done;
	bool good = true;

	setpriority(PRIO_PROCESS, 0, target.running ? 0 : PAGER_SWITCHOVER_NICE);
	while (good && receive_frame(connection, &frame)) {
		switch (frame.kind) {
		case FRAME_PAGES:
			good = receive_pages(connection, &frame, buffer);
			break;
		case FRAME_COMPRESSED:
			good = receive_compressed(connection, &frame, buffer);
			break;
		case FRAME_ZERO:
			good = receive_zeros(&frame);
			break;
		case FRAME_VMAS:
		case FRAME_PRESENT:
		case FRAME_STALE:
		case FRAME_WIPE_ON_FORK:
			good = !target.running && !is_of_shared_memory(&frame) && receive_ranges(connection, &frame);
			break;
		case FRAME_SHARED:
			good = !target.running && receive_shared_memory(connection, &frame);
			break;
		case FRAME_BARRIER:
			done = (struct frame){.kind = FRAME_BARRIER_DONE, .address = frame.address};
			good = send_frame(connection, done, NULL);
			break;
		default:
			good = false;
		}
	}
	connection->lost = true;
	shutdown(connection->fd, SHUT_RDWR);
	munmap(buffer, FRAME_BYTES_MAX);
	if (!target.finishing)
		send_event("{\"event\": \"connection_lost\", \"connection\": %d}", (int)(intptr_t)argument);
	return NULL;
}

void start_receivers(void)
{
	for (int i = 0; i < target.connection_count; i++)
		if (pthread_create(&receivers[i], NULL, receive, (void *)(intptr_t)i))
			fail("no thread for a connection");
}

void join_receivers(void)
{
	for (int i = 0; i < target.connection_count; i++)
		while (pthread_tryjoin_np(receivers[i], NULL) == EBUSY) {
			handle_events(); /* a receiver may wait for an event before it can place its page */
			backoff();
		}
}
