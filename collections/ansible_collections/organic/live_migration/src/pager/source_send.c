/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "shared_memory.h"
#include "source.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 1

struct batch {
	char *pages;	  /* FRAME_BYTES_MAX */
	char *compressed; /* FRAME_BYTES_MAX: pages that do not get smaller are sent as they are */
	size_t compressed_bytes;
	ZSTD_CCtx *compressor;
	struct frame frames[FRAME_PAGES_MAX + BATCH_JOBS];
	struct iovec vector[2 * (FRAME_PAGES_MAX + BATCH_JOBS)];
	int frame_count, parts;
};

struct batch *new_batch(void)
{
	struct batch *batch = allocate(sizeof *batch);

	batch->pages = allocate_pages(FRAME_BYTES_MAX);
	batch->compressed = allocate_pages(FRAME_BYTES_MAX);
	return batch;
}

void free_batch(struct batch *batch)
{
	munmap(batch->pages, FRAME_BYTES_MAX);
	munmap(batch->compressed, FRAME_BYTES_MAX);
	ZSTD_freeCCtx(batch->compressor);
	free(batch);
}

/* Replaces the pages of a frame by compressed ones if those are smaller. */
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
		return; /* they would not be smaller */
	frame->kind = FRAME_COMPRESSED;
	frame->payload_bytes = n;
	*payload = (struct iovec){at, n};
	batch->compressed_bytes += n;
}

static void add_frame(struct batch *batch, enum frame_kind kind, const struct process *process, uint64_t address,
		      uint64_t length, void *payload)
{
	struct frame *frame = &batch->frames[batch->frame_count++];

	*frame = (struct frame){kind, process->ns_pid, address, length, payload ? length : 0};
	batch->vector[batch->parts++] = (struct iovec){frame, sizeof *frame};
	if (!payload)
		return;
	batch->vector[batch->parts++] = (struct iovec){payload, length};
	if (source.compressing)
		compress_frame(batch, frame, &batch->vector[batch->parts - 1]);
}

/* Reads pages that could not be read together; sets gone[i] for a page that was unmapped meanwhile. */
static void read_page_by_page(const struct process *process, uint64_t address, char *pages, size_t count, bool *gone)
{
	for (size_t i = 0; i < count; i++)
		gone[i] = pread(process->memory, pages + i * PAGE_BYTES, PAGE_BYTES,
				(off_t)(address + i * PAGE_BYTES)) != (ssize_t)PAGE_BYTES;
}

/* Reads the pages of jobs by one system call; false when one of them could not be read. Reading so gives the process
 * pages of its own in place of those that it shares with another after a fork, or that KSM merged. */
static bool read_together(struct batch *batch, const struct job *list, size_t count)
{
	struct iovec theirs[BATCH_JOBS];
	size_t total = 0, reads = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].zero)
			continue;
		theirs[reads++] = (struct iovec){(void *)list[i].start, list[i].end - list[i].start};
		total += list[i].end - list[i].start;
	}
	return !total || process_vm_readv(list[0].process->pid, &(struct iovec){batch->pages, total}, 1, theirs, reads,
					  0) == (ssize_t)total;
}

/* Reads the pages of jobs into batch->pages, one behind the other. Processes that were forked share pages, and reading
 * /proc/PID/mem leaves them shared: else a server near the memory limit of its container would be killed. */
static void read_jobs(struct batch *batch, const struct job *list, size_t count, bool *gone)
{
	const struct process *process = list[0].process;
	char *pages = batch->pages;

	if (process_count == 1 && read_together(batch, list, count))
		return;
	for (size_t i = 0; i < count; i++) {
		size_t bytes = list[i].end - list[i].start;

		if (list[i].zero)
			continue;
		if (pread(process->memory, pages, bytes, (off_t)list[i].start) != (ssize_t)bytes)
			read_page_by_page(process, list[i].start, pages, bytes / PAGE_BYTES, gone);
		pages += bytes;
		gone += bytes / PAGE_BYTES;
	}
}

/* Pages of shared memory. They are hashed where they are sent from: what was sent is then what is known to be there,
 * whatever the processes write meanwhile. */
static char *read_shared(const struct job *job, char *pages)
{
	size_t bytes = job->end - job->start;
	ssize_t n;

	if (job->zero)
		return NULL;
	if (source.frozen)
		return shared_page(job->process, job->start);
	n = pread(job->process->memory, pages, bytes, (off_t)job->start);
	memset(pages + (n > 0 ? n : 0), 0, bytes - (size_t)(n > 0 ? n : 0)); /* behind its end */
	return pages;
}

/* Adds the pages from start to end, which are of one kind; 0: the target has them. */
static void add_run(struct batch *batch, int kind, const struct job *job, uint64_t start, uint64_t end, char *data)
{
	if (!kind)
		return;
	add_frame(batch, (enum frame_kind)kind, job->process, start, end - start,
		  kind == FRAME_PAGES ? data + (start - job->start) : NULL);
	*(kind == FRAME_PAGES ? &source.pages_sent : &source.zero_pages) += (end - start) / PAGE_BYTES;
}

static void send_shared_jobs(struct batch *batch, struct connection *connection, const struct job *list, size_t count)
{
	char *room = batch->pages;

	batch->frame_count = batch->parts = 0;
	batch->compressed_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		const struct job *job = &list[i];
		char *data = read_shared(job, room);
		uint64_t begin = job->start;
		int last = 0; /* kind of the pages from `begin` on */

		for (uint64_t page = job->start; page < job->end; page += PAGE_BYTES) {
			const char *content = data ? data + (page - job->start) : NULL;
			int kind = !content || is_zero_page(content) ? FRAME_ZERO : FRAME_PAGES;

			if (!claim_shared_page(job->process, page, kind == FRAME_ZERO ? NULL : content))
				kind = 0;
			if (kind != last) {
				add_run(batch, last, job, begin, page, data);
				begin = page;
			}
			last = kind;
		}
		add_run(batch, last, job, begin, job->end, data);
		room += data == room ? job->end - job->start : 0;
	}
	if (batch->parts)
		send_vector(connection, batch->vector, batch->parts);
}

/* Only one thread sends a page that is pending. */
static bool claim_page(struct chunk *chunk, uint64_t address)
{
	uint8_t pending = PENDING;

	return atomic_compare_exchange_strong(&chunk->state[chunk_page(address)], &pending, SENT);
}

void send_jobs(struct batch *batch, struct connection *connection, const struct job *list, size_t count, bool claim)
{
	struct process *process = list[0].process;
	bool gone[FRAME_PAGES_MAX] = {false};
	char *at = batch->pages;

	if (is_shared_memory(process)) {
		send_shared_jobs(batch, connection, list, count);
		return;
	}
	batch->frame_count = batch->parts = 0;
	batch->compressed_bytes = 0;
	read_jobs(batch, list, count, gone);
	for (size_t i = 0; i < count; i++) {
		const struct job *job = &list[i];
		uint64_t begin = job->start;
		int last = -1; /* kind of the pages from `begin` on: FRAME_PAGES, FRAME_ZERO, or 0 to send none */

		if (job->zero && !claim) {
			add_frame(batch, FRAME_ZERO, process, job->start, job->end - job->start, NULL);
			source.zero_pages += (job->end - job->start) / PAGE_BYTES;
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
				} else if (!job->zero && gone[n]) {
					if (source.frozen)
						fail("process %u ended while frozen: the rest of its memory is lost",
						     process->ns_pid);
					if (chunk)
						chunk->state[chunk_page(page)] = UNSENT;
					kind = 0;
				}
			}
			if (kind != last && last > 0) {
				add_frame(batch, (enum frame_kind)last, process, begin, page - begin,
					  last == FRAME_PAGES ? at - (page - begin) : NULL);
				*(last == FRAME_PAGES ? &source.pages_sent : &source.zero_pages) +=
					(page - begin) / PAGE_BYTES;
			}
			if (kind != last)
				begin = page;
			last = kind;
			if (!job->zero && page < job->end)
				at += PAGE_BYTES;
		}
	}
	if (batch->parts)
		send_vector(connection, batch->vector, batch->parts);
}
