/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "source.h"

#include "control.h"
#include "shared_memory.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>

/* Sleeps as long as the bandwidth limit demands after sending so many bytes. */
static void limit_bandwidth(uint64_t bytes)
{
	uint64_t sent = source.limited_bytes += bytes, limit = source.limit_bytes_per_s;
	double due_ms;

	if (!limit || (source.frozen && !source.pushing))
		return;
	due_ms = source.limited_since_ms + (double)sent * 1e3 / (double)limit - now_ms();
	if (due_ms > 0)
		nanosleep(&(struct timespec){(time_t)(due_ms / 1e3), (long)(due_ms * 1e6) % 1000000000L}, NULL);
}

/* Takes jobs of one process off the list: as many as fit into a batch. The lock is held. */
static size_t take_jobs(struct job *list)
{
	size_t count = 0;
	uint64_t pages = 0;

	while (source.next_job < job_count && count < BATCH_JOBS &&
	       jobs[source.next_job].process == jobs[source.next_job - (count > 0)].process) {
		const struct job *job = &jobs[source.next_job];
		uint64_t more = job->zero ? 0 : (job->end - job->start) / PAGE_BYTES;

		if (pages + more > FRAME_PAGES_MAX)
			break;
		pages += more;
		list[count++] = jobs[source.next_job++];
	}
	return count;
}

static void *send_worker(void *argument)
{
	struct batch *batch = new_batch();
	int number = (int)(intptr_t)argument;
	struct connection *connection = &source.connections[number];

	for (;;) {
		struct job list[BATCH_JOBS];
		size_t count;
		uint64_t bytes;

		pthread_mutex_lock(&source.lock);
		/* in post-copy the first connection is kept free for the pages that the target asks for */
		while (!source.jobs_ready || source.next_job == job_count ||
		       (source.pushing && number == 0 && source.connection_count > 1))
			pthread_cond_wait(&source.changed, &source.lock);
		count = take_jobs(list);
		source.busy_workers++;
		pthread_mutex_unlock(&source.lock);

		bytes = connection->bytes_sent;
		send_jobs(batch, connection, list, count, source.pushing);
		limit_bandwidth(connection->bytes_sent - bytes);

		pthread_mutex_lock(&source.lock);
		source.busy_workers--;
		pthread_cond_broadcast(&source.changed);
		pthread_mutex_unlock(&source.lock);
	}
	return NULL;
}

void start_workers(void)
{
	pthread_t worker;

	for (int i = 0; i < source.connection_count; i++)
		if (pthread_create(&worker, NULL, send_worker, (void *)(intptr_t)i))
			fail("no thread to send with");
}

uint64_t total_bytes_sent(void)
{
	uint64_t bytes = 0;

	for (int i = 0; i < source.connection_count; i++)
		bytes += source.connections[i].bytes_sent;
	return bytes;
}

/* Bytes that the target host has acknowledged (tcp(7), SIOCOUTQ). */
static uint64_t total_bytes_taken(void)
{
	uint64_t bytes = total_bytes_sent();
	int queued;

	for (int i = 0; i < source.connection_count; i++)
		if (!ioctl(source.connections[i].fd, SIOCOUTQ, &queued))
			bytes -= (uint64_t)queued < bytes ? (uint64_t)queued : bytes;
	return bytes;
}

static void send_progress(void)
{
	uint64_t pages = 0;

	for (size_t i = source.next_job; i < job_count; i++)
		if (!source.shared_sent || !is_shared_memory(jobs[i].process))
			pages += (jobs[i].end - jobs[i].start) / PAGE_BYTES;
	send_event("{\"event\": \"progress\", \"pages_left\": %lu, \"zero_pages\": %lu, \"bytes_sent\": %lu, "
		   "\"bytes_taken\": %lu}",
		   pages, source.zero_pages, total_bytes_sent(), total_bytes_taken());
}

/* Waits for a change, or until it is time to send the progress, once a second. The lock is held. */
static void await_change(struct timespec *next_progress)
{
	if (pthread_cond_clockwait(&source.changed, &source.lock, CLOCK_MONOTONIC, next_progress) != ETIMEDOUT)
		return;
	send_progress();
	next_progress->tv_sec++;
}

static struct timespec one_second_from_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec++;
	return time;
}

void send_all_jobs(void)
{
	struct timespec next_progress = one_second_from_now();

	pthread_mutex_lock(&source.lock);
	source.jobs_ready = true;
	source.limited_bytes = 0;
	source.limited_since_ms = now_ms();
	pthread_cond_broadcast(&source.changed);
	while (source.next_job < job_count || source.busy_workers)
		await_change(&next_progress);
	source.jobs_ready = false;
	source.next_job = job_count = 0;
	pthread_mutex_unlock(&source.lock);
}

bool any_connection_lost(void)
{
	for (int i = 0; i < source.connection_count; i++)
		if (source.connections[i].lost)
			return true;
	return false;
}

bool await_barrier(void)
{
	struct timespec next_progress = one_second_from_now();
	bool lost = false;
	struct frame frame = {.kind = FRAME_BARRIER, .address = ++source.barrier};

	for (int i = 0; i < source.connection_count; i++)
		send_frame(&source.connections[i], frame, NULL);
	pthread_mutex_lock(&source.lock);
	for (int i = 0; i < source.connection_count; i++)
		while (source.barriers_done[i] < source.barrier && !(lost = any_connection_lost()))
			await_change(&next_progress);
	pthread_mutex_unlock(&source.lock);
	return !lost;
}
