/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The source's pager. It answers for the private anonymous memory of a process tree: finds the pages that were written
 * (dirty_pages.h), reads them from outside and sends them.
 *
 * Orders: "round" sends what was written since the last one while the process runs, "count" only counts it. "learn" is
 * given right before the freeze. "final all" and "final lists" want it frozen: give CRIU its hints (../hints.h), then send
 * the rest, or only say what is missing. "verify" tells, as long as it is frozen, whether they were right. After "final
 * lists" "push" sends what nobody asked for yet; questions are answered all the time. "resume" takes the place of
 * "final lists" when another pager did that and its connections broke. "limit N" is the bandwidth, in bytes a second, of
 * what is sent before the freeze and pushed, "compress" has the pages compressed. */
#define _GNU_SOURCE
#include "../hints.h"
#include "pager.h"
#include "dirty_pages.h"

#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 1
#define BATCH_JOBS 64

static struct connection *connections;
static int connection_count;
static uint64_t barriers_done[CONNECTIONS_MAX], barrier;
static pthread_t readers[CONNECTIONS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t next_job;
static bool jobs_begun; /* the list is complete, and the target ready for what is on it */
static int busy;
static bool pushing, frozen;

static bool compressing, round_sent;
static uint64_t limit_bytes_per_s;
static _Atomic uint64_t limited_bytes;
static double limited_since_ms;
static _Atomic uint64_t pages_sent, zero_pages;

/* Sending */

struct batch {
	struct connection *connection;
	char *pages;	  /* FRAME_BYTES_MAX */
	char *compressed; /* as much: what does not become smaller stays as it is */
	size_t compressed_bytes;
	ZSTD_CCtx *compressor;
	struct frame frames[FRAME_PAGES_MAX + BATCH_JOBS];
	struct iovec vector[2 * (FRAME_PAGES_MAX + BATCH_JOBS)];
	int frame_count, parts;
};

static struct batch *new_batch(void)
{
	struct batch *batch = allocate(sizeof *batch);

	batch->pages = allocate_pages(FRAME_BYTES_MAX);
	batch->compressed = allocate_pages(FRAME_BYTES_MAX);
	return batch;
}

static void free_batch(struct batch *batch)
{
	munmap(batch->pages, FRAME_BYTES_MAX);
	munmap(batch->compressed, FRAME_BYTES_MAX);
	ZSTD_freeCCtx(batch->compressor);
	free(batch);
}

/* Puts the compressed pages into the place of those in a frame, when they are smaller. */
static void compress_frame(struct batch *batch, struct frame *frame, struct iovec *payload)
{
	char *at = batch->compressed + batch->compressed_bytes;
	size_t n;

	if (!batch->compressor)
		batch->compressor = ZSTD_createCCtx();
	if (!batch->compressor)
		fail("no memory to compress with");
	n = ZSTD_compressCCtx(batch->compressor, at, frame->length - 1, payload->iov_base, frame->length,
			      COMPRESSION_LEVEL);
	if (ZSTD_isError(n))
		return; /* it would not become smaller */
	frame->kind = FRAME_COMPRESSED;
	frame->payload_bytes = n;
	*payload = (struct iovec){at, n};
	batch->compressed_bytes += n;
}

static void add_frame(struct batch *batch, enum frame_kind kind, const struct process *process, uint64_t address,
		      uint64_t length, void *payload)
{
	struct frame *frame = &batch->frames[batch->frame_count++];

	*frame = (struct frame){kind, process->inner, address, length, payload ? length : 0};
	batch->vector[batch->parts++] = (struct iovec){frame, sizeof *frame};
	if (!payload)
		return;
	batch->vector[batch->parts++] = (struct iovec){payload, length};
	if (compressing)
		compress_frame(batch, frame, &batch->vector[batch->parts - 1]);
}

/* Reads page by page what could not be read at once; a page that has gone meanwhile is told by its state. */
static void read_slowly(const struct process *process, uint64_t address, char *pages, size_t count, bool *gone)
{
	for (size_t i = 0; i < count; i++)
		gone[i] = pread(process->memory, pages + i * PAGE_BYTES, PAGE_BYTES,
				(off_t)(address + i * PAGE_BYTES)) != (ssize_t)PAGE_BYTES;
}

static bool claim_page(struct chunk *chunk, uint64_t address)
{
	uint8_t pending = PENDING;

	return atomic_compare_exchange_strong(&chunk->state[chunk_page(address)], &pending, SENT);
}

/* Sends up to FRAME_PAGES_MAX pages in one go. With `claim`, only those that are still pending. */
static void send_jobs(struct batch *batch, const struct job *list, size_t count, bool claim)
{
	struct process *process = list[0].process;
	struct iovec theirs[BATCH_JOBS];
	bool skip[FRAME_PAGES_MAX] = {false};
	size_t total = 0, reads = 0;
	char *at = batch->pages;

	batch->frame_count = batch->parts = 0;
	batch->compressed_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		if (list[i].zero)
			continue;
		theirs[reads++] = (struct iovec){(void *)list[i].start, list[i].end - list[i].start};
		total += list[i].end - list[i].start;
	}
	if (total && process_vm_readv(process->pid, &(struct iovec){batch->pages, total}, 1, theirs, reads, 0) !=
			     (ssize_t)total)
		for (size_t i = 0, page = 0; i < reads; i++) {
			read_slowly(process, (uint64_t)(uintptr_t)theirs[i].iov_base, batch->pages + page * PAGE_BYTES,
				    theirs[i].iov_len / PAGE_BYTES, skip + page);
			page += theirs[i].iov_len / PAGE_BYTES;
		}
	for (size_t i = 0; i < count; i++) {
		const struct job *job = &list[i];
		uint64_t begin = job->start;
		int last = -1; /* 0: gone, FRAME_PAGES, FRAME_ZERO */

		if (job->zero && !claim) {
			add_frame(batch, FRAME_ZERO, process, job->start, job->end - job->start, NULL);
			zero_pages += (job->end - job->start) / PAGE_BYTES;
			continue;
		}
		for (uint64_t page = job->start; page <= job->end; page += PAGE_BYTES) {
			int kind = -1;

			if (page < job->end) {
				struct chunk *chunk = chunk_find(&process->pages, page);
				size_t n = (size_t)(at - batch->pages) / PAGE_BYTES;

				kind = job->zero || is_zero_page(at) ? FRAME_ZERO : FRAME_PAGES;
				if (claim && !(chunk && claim_page(chunk, page))) {
					kind = 0;
				} else if (!job->zero && skip[n]) {
					if (frozen)
						fail("process %u has died, and the rest of its memory with it",
						     process->inner);
					if (chunk)
						chunk->state[chunk_page(page)] = UNSENT;
					kind = 0;
				}
			}
			if (kind != last && last > 0) {
				add_frame(batch, (enum frame_kind)last, process, begin, page - begin,
					  last == FRAME_PAGES ? at - (page - begin) : NULL);
				*(last == FRAME_PAGES ? &pages_sent : &zero_pages) += (page - begin) / PAGE_BYTES;
			}
			if (kind != last)
				begin = page;
			last = kind;
			if (!job->zero && page < job->end)
				at += PAGE_BYTES;
		}
	}
	if (batch->parts)
		send_vector(batch->connection, batch->vector, batch->parts);
}

/* Waits as long as the bandwidth wants it. */
static void keep_limit(uint64_t bytes)
{
	uint64_t sent = limited_bytes += bytes, limit = limit_bytes_per_s;
	double due_ms;

	if (!limit || (frozen && !pushing))
		return;
	due_ms = limited_since_ms + (double)sent * 1e3 / (double)limit - now_ms();
	if (due_ms > 0)
		nanosleep(&(struct timespec){(time_t)(due_ms / 1e3), (long)(due_ms * 1e6) % 1000000000L}, NULL);
}

static void *send_all(void *argument)
{
	struct batch *batch = new_batch();
	int number = (int)(intptr_t)argument;

	for (;;) {
		struct job list[BATCH_JOBS];
		size_t count = 0;
		uint64_t pages = 0, bytes;

		pthread_mutex_lock(&lock);
		/* while it is pushed, the first connection is kept free for what is asked for */
		while (!jobs_begun || next_job == job_count || (pushing && number == 0 && connection_count > 1))
			pthread_cond_wait(&changed, &lock);
		batch->connection = &connections[number];
		while (next_job < job_count && count < BATCH_JOBS &&
		       jobs[next_job].process == jobs[next_job - (count > 0)].process) {
			uint64_t more = jobs[next_job].zero ? 0 : (jobs[next_job].end - jobs[next_job].start) / PAGE_BYTES;

			if (pages + more > FRAME_PAGES_MAX)
				break;
			pages += more;
			list[count++] = jobs[next_job++];
		}
		busy++;
		pthread_mutex_unlock(&lock);

		bytes = batch->connection->bytes_sent;
		send_jobs(batch, list, count, pushing);
		keep_limit(batch->connection->bytes_sent - bytes);

		pthread_mutex_lock(&lock);
		busy--;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static uint64_t total_bytes_sent(void)
{
	uint64_t bytes = 0;

	for (int i = 0; i < connection_count; i++)
		bytes += connections[i].bytes_sent;
	return bytes;
}

/* What the target's host has taken. */
static uint64_t total_bytes_taken(void)
{
	uint64_t bytes = total_bytes_sent();
	int waiting;

	for (int i = 0; i < connection_count; i++)
		if (!ioctl(connections[i].fd, SIOCOUTQ, &waiting))
			bytes -= (uint64_t)waiting < bytes ? (uint64_t)waiting : bytes;
	return bytes;
}

static void tell_progress(void)
{
	uint64_t pages = 0;

	for (size_t i = next_job; i < job_count; i++)
		pages += (jobs[i].end - jobs[i].start) / PAGE_BYTES;
	tell("{\"event\": \"progress\", \"pages_left\": %lu, \"zero_pages\": %lu, \"bytes_sent\": %lu, "
	     "\"bytes_taken\": %lu}",
	     pages, zero_pages, total_bytes_sent(), total_bytes_taken());
}

/* Waits for a change; tells of the progress once a second. The lock is held. */
static void await_change(struct timespec *next_news)
{
	if (pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, next_news) != ETIMEDOUT)
		return;
	tell_progress();
	next_news->tv_sec++;
}

static struct timespec in_a_second(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec++;
	return time;
}

/* Lets the workers send all jobs; returns when they have. */
static void run_jobs(void)
{
	struct timespec next_news = in_a_second();

	pthread_mutex_lock(&lock);
	jobs_begun = true;
	limited_bytes = 0;
	limited_since_ms = now_ms();
	pthread_cond_broadcast(&changed);
	while (next_job < job_count || busy)
		await_change(&next_news);
	jobs_begun = false;
	next_job = job_count = 0;
	pthread_mutex_unlock(&lock);
}

static bool any_broken(void)
{
	for (int i = 0; i < connection_count; i++)
		if (connections[i].broken)
			return true;
	return false;
}

/* Waits until the target has done all that was sent to it. */
static bool await_barrier(void)
{
	struct timespec next_news = in_a_second();
	bool broken = false;

	barrier++;
	for (int i = 0; i < connection_count; i++)
		send_frame(&connections[i], (struct frame){.kind = FRAME_BARRIER, .address = barrier}, NULL);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < connection_count; i++)
		while (barriers_done[i] < barrier && !(broken = any_broken()))
			await_change(&next_news);
	pthread_mutex_unlock(&lock);
	return !broken;
}

/* What the target says */

static void answer_request(struct batch *batch, struct connection *connection, const struct frame *request)
{
	struct process *process = process_named(request->process);
	uint64_t end = request->address + AROUND_PAGES * PAGE_BYTES;
	struct chunk *chunk = process ? chunk_find(&process->pages, request->address) : NULL;

	if (!chunk || !frozen)
		return;
	if (end > chunk->base + CHUNK_BYTES)
		end = chunk->base + CHUNK_BYTES;
	batch->connection = connection;
	send_jobs(batch, &(struct job){process, request->address, end, false}, 1, true);
}

static bool take_received(struct connection *connection, const struct frame *frame)
{
	struct process *process = process_named(frame->process);
	size_t count = frame->payload_bytes / sizeof(struct range);
	struct range *list = allocate(frame->payload_bytes + 1);
	bool taken = receive_all(connection, list, frame->payload_bytes);

	for (size_t i = 0; taken && process && i < count; i++)
		for (uint64_t at = list[i].start; at < list[i].end && at < ADDRESS_END; at += PAGE_BYTES) {
			struct chunk *chunk = chunk_find(&process->pages, at);

			if (!chunk) /* nothing of this chunk is pending */
				at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
			else
				chunk->state[chunk_page(at)] = SENT;
		}
	free(list);
	return taken;
}

static bool received_told;

static void *read_answers(void *argument)
{
	int number = (int)(intptr_t)argument;
	struct connection *connection = &connections[number];
	struct batch *batch = new_batch();
	struct frame frame;

	while (receive_frame(connection, &frame)) {
		if (frame.kind == FRAME_REQUEST) {
			answer_request(batch, connection, &frame);
			continue;
		}
		if (frame.kind == FRAME_RECEIVED) {
			pthread_mutex_lock(&lock);
			while (!frozen)
				pthread_cond_wait(&changed, &lock);
			pthread_mutex_unlock(&lock);
			if (!take_received(connection, &frame))
				break;
			continue;
		}
		pthread_mutex_lock(&lock);
		if (frame.kind == FRAME_BARRIER_DONE)
			barriers_done[number] = frame.address;
		else if (frame.kind == FRAME_BARRIER)
			received_told = true;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	connection->broken = true;
	shutdown(connection->fd, SHUT_RDWR);
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free_batch(batch);
	tell("{\"event\": \"broken\", \"connection\": %d}", number);
	return NULL;
}

static void start_readers(void)
{
	for (int i = 0; i < connection_count; i++)
		if (pthread_create(&readers[i], NULL, read_answers, (void *)(intptr_t)i))
			fail("no thread for a connection");
}

/* The orders */

static void need_connections(void)
{
	if (any_broken())
		fail("the connection to the other host broke");
}

static void tell_sent(const char *what, double began_ms, double scanned_ms, double stopped_ms)
{
	tell("{\"done\": \"%s\", \"pages_written\": %lu, \"pages_sent\": %lu, \"zero_pages\": %lu, \"bytes_sent\": %lu, "
	     "\"scan_ms\": %.2f, \"stopped_ms\": %.2f, \"duration_ms\": %.2f}",
	     what, pages_seen, pages_sent, zero_pages, total_bytes_sent(), scanned_ms - began_ms, stopped_ms,
	     now_ms() - began_ms);
}

static void do_round(bool send)
{
	double began = now_ms(), scanned, stopped_ms = 0;

	set_priority(0);
	pages_seen = 0;
	if (by_soft_dirty)
		stopped_ms = collect_stopped();
	else
		collect_running();
	scanned = now_ms();
	if (!send) {
		job_count = 0;
	} else {
		round_sent = true;
		run_jobs();
		if (!await_barrier())
			need_connections();
	}
	tell_sent(send ? "round" : "count", began, scanned, stopped_ms);
}

static void hint_at_smaps(int hints_fd, off_t at)
{
	for (size_t i = 0; i < process_count; i++) {
		const struct text *known = &processes[i]->areas.exact;
		struct smaps_hint hint = {processes[i]->inner, known->count};
		struct iovec parts[] = {{&hint, sizeof hint}, {known->bytes, known->count}};

		if (!processes[i]->alive || !known->count)
			continue;
		if (pwritev(hints_fd, parts, 2, at) != (ssize_t)(sizeof hint + known->count))
			fail("no memory to tell CRIU of %zu areas", processes[i]->areas.known.count);
		at += (off_t)(sizeof hint + known->count);
	}
}

/* Tells CRIU what to leave to us, and what it need not find out. */
static void give_hints(int hints_fd)
{
	struct hints *hints;
	struct stat status;
	uint64_t room;

	if (fstat(hints_fd, &status) || (size_t)status.st_size < sizeof *hints)
		fail("there is no file for the hints");
	hints = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, hints_fd, 0);
	if (hints == MAP_FAILED)
		fail("the file for the hints cannot be mapped: %s", strerror(errno));
	room = ((uint64_t)status.st_size - sizeof *hints) / sizeof hints->hidden[0];
	sort_processes();
	hints->hidden_count = 0;
	for (size_t i = 0; i < process_count; i++) {
		const struct process *process = processes[i];

		for (size_t area = 0; process->alive && area < process->areas.ours.count; area++) {
			struct range range = process->areas.ours.list[area];

			if (hints->hidden_count == room)
				fail("more than %lu areas of memory", room);
			hints->hidden[hints->hidden_count++] =
				(struct hidden_range){process->inner, range.start, range.end};
		}
	}
	hint_at_smaps(hints_fd, status.st_size);
	hints->smaps_at = (uint64_t)status.st_size;
	munmap(hints, (size_t)status.st_size);
}

/* Has all known that smaps tells, so that little of it is left to be read in the freeze. */
static void do_learn(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			learn_areas(&processes[i]->areas, processes[i]->pid);
	tell("{\"done\": \"learn\"}");
}

/* Of how many frozen processes CRIU was told what is not so. */
static void do_verify(void)
{
	size_t changed = 0;

	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			changed += have_areas_changed(&processes[i]->areas, processes[i]->pid);
	tell("{\"done\": \"verify\", \"changed\": %zu}", changed);
}

static void do_final(int hints_fd, bool send)
{
	double began = now_ms(), scanned;

	set_priority(BEHIND_CRIU);
	pages_seen = 0;
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_areas_exactly(&processes[i]->areas, processes[i]->pid);
	give_hints(hints_fd);
	tell("{\"done\": \"hints\", \"duration_ms\": %.2f}", now_ms() - began);
	collect_final(send);
	frozen = true;
	scanned = now_ms();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		if (!send)
			for (size_t j = 0; j < process->stale.count; j++)
				pages_seen += (process->stale.list[j].end - process->stale.list[j].start) / PAGE_BYTES;
		send_ranges(&connections[0], FRAME_EXTENTS, process->inner, process->areas.ours.list, process->areas.ours.count);
		if (process->areas.wiped.count)
			send_ranges(&connections[0], FRAME_WIPED, process->inner, process->areas.wiped.list,
				    process->areas.wiped.count);
		send_ranges(&connections[0], FRAME_PRESENT, process->inner, process->present.list,
			    process->present.count);
		if (round_sent) /* else the target has nothing that could be stale */
			send_ranges(&connections[0], FRAME_STALE, process->inner, process->stale.list,
				    process->stale.count);
	}
	if (!await_barrier())
		need_connections();
	tell("{\"done\": \"lists\", \"duration_ms\": %.2f}", now_ms() - began);
	if (send) {
		run_jobs();
		if (!await_barrier())
			need_connections();
	}
	tell_sent("final", began, scanned, 0);
}

static void do_push(void)
{
	double began = now_ms();

	set_priority(0);
	pages_seen = 0;
	pushing = true;
	for (size_t i = 0; i < process_count; i++)
		for (size_t j = 0; processes[i]->started && j < processes[i]->stale.count; j++)
			add_job(processes[i], processes[i]->stale.list[j].start, processes[i]->stale.list[j].end, false);
	run_jobs();
	if (await_barrier())
		tell_sent("push", began, began, 0);
	else
		tell("{\"done\": \"push\", \"broken\": true}");
}

/* After a link or an agent has broken: everything is pending but what the target says it has. */
static void do_resume(void)
{
	read_all_areas();
	collect_final(false);
	pthread_mutex_lock(&lock);
	frozen = true;
	pthread_cond_broadcast(&changed);
	while (!received_told && !any_broken())
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	tell("{\"done\": \"resume\", \"broken\": %s}", any_broken() ? "true" : "false");
}

void run_source(pid_t pid, struct connection *given, int count, int hints_fd)
{
	struct connection fresh[CONNECTIONS_MAX];
	char order[256];
	pthread_t worker;
	sigset_t termination;
	int fresh_count;

	/* SIGTERM is for this thread alone, which may defer it */
	sigemptyset(&termination);
	sigaddset(&termination, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &termination, NULL);
	begin_to_track();
	set_root(pid);
	connections = given;
	connection_count = count;
	start_readers();
	for (int i = 0; i < count; i++)
		if (pthread_create(&worker, NULL, send_all, (void *)(intptr_t)i))
			fail("no thread to send with");
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	read_all_areas();
	while (hear(order, sizeof order, fresh, &fresh_count)) {
		if (strcmp(order, "round") == 0)
			do_round(true);
		else if (strcmp(order, "count") == 0)
			do_round(false);
		else if (strcmp(order, "final all") == 0 || strcmp(order, "final lists") == 0)
			do_final(hints_fd, strcmp(order, "final all") == 0);
		else if (strcmp(order, "learn") == 0)
			do_learn();
		else if (strcmp(order, "verify") == 0)
			do_verify();
		else if (strcmp(order, "push") == 0)
			do_push();
		else if (strcmp(order, "resume") == 0)
			do_resume();
		else if (strcmp(order, "compress") == 0) {
			compressing = true;
			tell("{\"done\": \"compress\"}");
		} else if (strcmp(order, "soft dirty") == 0) {
			by_soft_dirty = true;
			tell("{\"done\": \"soft dirty\"}");
		} else if (sscanf(order, "limit %lu", &limit_bytes_per_s) == 1)
			tell("{\"done\": \"limit\"}");
		else
			fail("unknown order '%s'", order);
	}
}
