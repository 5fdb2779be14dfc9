/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "source.h"

#include "control.h"

#include <stdlib.h>
#include <sys/socket.h>

/* Sends the page that the target asks for, and the pending pages behind it. */
static void answer_request(struct batch *batch, struct connection *connection, const struct frame *request)
{
	struct process *process = find_process(request->ns_pid);
	uint64_t end = request->address + FAULT_AROUND_PAGES * PAGE_BYTES;
	struct chunk *chunk = process ? chunk_find(&process->pages, request->address) : NULL;

	if (!chunk || !source.frozen)
		return;
	if (end > chunk->base + CHUNK_BYTES)
		end = chunk->base + CHUNK_BYTES;
	send_jobs(batch, connection, &(struct job){process, request->address, end, false}, 1, true);
}

/* After reconnecting: the pages that the target has are not pending. */
static bool apply_received(struct connection *connection, const struct frame *frame)
{
	struct process *process = find_process(frame->ns_pid);
	size_t count = frame->payload_bytes / sizeof(struct range);
	struct range *list = allocate(frame->payload_bytes + 1);
	bool good = receive_all(connection, list, frame->payload_bytes);

	for (size_t i = 0; good && process && i < count; i++)
		for (uint64_t at = list[i].start; at < list[i].end && at < ADDRESS_END; at += PAGE_BYTES) {
			struct chunk *chunk = chunk_find(&process->pages, at);

			if (!chunk) /* no page of this chunk is pending */
				at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
			else
				chunk->state[chunk_page(at)] = SENT;
		}
	free(list);
	return good;
}

static void await_frozen(void)
{
	pthread_mutex_lock(&source.lock);
	while (!source.frozen)
		pthread_cond_wait(&source.changed, &source.lock);
	pthread_mutex_unlock(&source.lock);
}

static void *read_answers(void *argument)
{
	int number = (int)(intptr_t)argument;
	struct connection *connection = &source.connections[number];
	struct batch *batch = new_batch();
	struct frame frame;

	while (receive_frame(connection, &frame)) {
		if (frame.kind == FRAME_REQUEST) {
			answer_request(batch, connection, &frame);
			continue;
		}
		if (frame.kind == FRAME_RECEIVED) {
			await_frozen(); /* the pages must have been marked as pending before */
			if (!apply_received(connection, &frame))
				break;
			continue;
		}
		pthread_mutex_lock(&source.lock);
		if (frame.kind == FRAME_BARRIER_DONE)
			source.barriers_done[number] = frame.address;
		else if (frame.kind == FRAME_BARRIER)
			source.received_complete = true;
		pthread_cond_broadcast(&source.changed);
		pthread_mutex_unlock(&source.lock);
	}
	connection->lost = true;
	shutdown(connection->fd, SHUT_RDWR);
	pthread_mutex_lock(&source.lock);
	pthread_cond_broadcast(&source.changed);
	pthread_mutex_unlock(&source.lock);
	free_batch(batch);
	send_event("{\"event\": \"connection_lost\", \"connection\": %d}", number);
	return NULL;
}

void start_readers(void)
{
	pthread_t reader;

	for (int i = 0; i < source.connection_count; i++)
		if (pthread_create(&reader, NULL, read_answers, (void *)(intptr_t)i))
			fail("no thread for a connection");
}
