/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

/* So many pages are placed at once: a process that needs another page waits that long for it. */
#define PLACE_PAGES 32UL
#define RETRY_NS 200000L

/* Copies pages to one address; without data, pages of zeros. Returns the number of bytes, or a negative errno. */
static int64_t copy_pages(int uffd, uint64_t address, const char *data, uint64_t bytes)
{
	struct uffdio_copy copy = {.dst = address, .src = (uint64_t)(uintptr_t)data, .len = bytes};
	struct uffdio_zeropage zero = {.range = {address, bytes}};
	int64_t done;

	if (data)
		done = ioctl(uffd, UFFDIO_COPY, &copy) ? copy.copy : (int64_t)bytes;
	else
		done = ioctl(uffd, UFFDIO_ZEROPAGE, &zero) ? zero.zeropage : (int64_t)bytes;
	return done > 0 ? done : -errno;
}

enum placed place_at(int uffd, uint64_t address, const char *data, uint64_t bytes)
{
	uint64_t at_once = bytes, retried = 0;

	while (bytes) {
		uint64_t part = at_once < bytes ? at_once : bytes;
		struct uffdio_range page = {address, PAGE_BYTES};
		int64_t done = copy_pages(uffd, address, data, part);

		if (done == -ENOENT && part > PAGE_BYTES) {
			at_once = PAGE_BYTES; /* mprotect(2) may have split the VMA */
			continue;
		}
		switch (done) {
		case -EAGAIN:
			return AGAIN;
		case -EEXIST: /* the page is there: wake the threads that wait for it */
			ioctl(uffd, UFFDIO_WAKE, &page);
			done = (int64_t)PAGE_BYTES;
			break;
		case -ENOENT: /* there is no VMA, or it is not registered with this userfaultfd */
			if (!target.restored)
				return NOT_YET;
			if (!target.running)
				fail("CRIU restored no memory at %lx, though there are pages for it", address);
			if (retried != address) {
				retried = address; /* while it is being moved, the second attempt gets EAGAIN */
				continue;
			}
			done = (int64_t)PAGE_BYTES;
			break;
		case -ESRCH: /* the process has ended */
			return DONE;
		default:
			if (done < 0)
				fail("a page cannot be placed: %s", strerror((int)-done));
		}
		address += (uint64_t)done;
		data = data ? data + done : NULL;
		bytes -= (uint64_t)done;
	}
	return DONE;
}

enum placed place(struct target_process *process, uint64_t source, const char *data, uint64_t bytes)
{
	if (!process->spaces && !target.restored)
		return NOT_YET;
	for (struct address_space *space = process->spaces; space; space = space->next) {
		for (size_t i = 0; i < space->count; i++) {
			struct mapping *mapping = &space->mappings[i];
			uint64_t start = mapping->source, end = start + (mapping->end - mapping->start);
			enum placed placed;

			start = start < source ? source : start;
			end = end > source + bytes ? source + bytes : end;
			if (start >= end)
				continue;
			placed = place_at(space->uffd, mapping->start + (start - mapping->source),
					  data ? data + (start - source) : NULL, end - start);
			if (placed != DONE)
				return placed;
		}
	}
	return DONE;
}

void backoff(void)
{
	nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
}

/* Places pages and marks them as placed, without waiting. */
static enum placed place_and_mark(struct target_process *process, uint64_t source, const char *data, uint64_t bytes)
{
	enum placed placed;

	pthread_rwlock_rdlock(&target.layout);
	placed = place(process, source, data, bytes);
	if (placed == DONE)
		set_page_states(process, source, source + bytes, PLACED);
	pthread_rwlock_unlock(&target.layout);
	if (placed == DONE)
		target.pages_placed += bytes / PAGE_BYTES;
	return placed;
}

void place_received(struct target_process *process, uint64_t source, const char *data, uint64_t bytes)
{
	for (uint64_t at = 0, part; at < bytes; at += part) {
		part = bytes - at < PLACE_PAGES * PAGE_BYTES ? bytes - at : PLACE_PAGES * PAGE_BYTES;
		while (place_and_mark(process, source + at, data ? data + at : NULL, part) != DONE)
			backoff(); /* the kernel has no event for "registered" */
	}
}

bool try_to_place(struct target_process *process, uint64_t source, const char *data, uint64_t bytes)
{
	enum placed placed;

	do
		placed = place_and_mark(process, source, data, bytes);
	while (placed == AGAIN);
	return placed == DONE;
}

/* Places the next stored pages of one process; returns whether there may be more. */
static bool place_stored(struct target_process *process)
{
	while (process->next_range < process->present.count) {
		const struct range *range = &process->present.list[process->next_range];
		uint64_t at = process->next_address > range->start ? process->next_address : range->start, end;
		struct chunk *chunk = at < range->end ? find_chunk(process, at, false) : NULL;

		if (at >= range->end) {
			process->next_range++;
			continue;
		}
		end = at - at % CHUNK_BYTES + CHUNK_BYTES;
		end = end < range->end ? end : range->end;
		if (!chunk || !chunk->data) {
			process->next_address = end;
			continue;
		}
		while (at < end && chunk->state[chunk_page(at)] != STORED)
			at += PAGE_BYTES;
		process->next_address = at;
		if (at == end) {
			if (target.finishing && end % CHUNK_BYTES == 0) {
				munmap(chunk->data, CHUNK_BYTES);
				chunk->data = NULL;
			}
			continue;
		}
		end = end < at + PLACE_PAGES * PAGE_BYTES ? end : at + PLACE_PAGES * PAGE_BYTES;
		for (uint64_t page = at; page < end; page += PAGE_BYTES)
			if (chunk->state[chunk_page(page)] != STORED)
				end = page;
		return place_and_mark(process, at, (char *)chunk->data + (at - chunk->base), end - at) != NOT_YET;
	}
	return false;
}

bool place_some_stored(void)
{
	bool more = false;

	for (size_t i = 0; i < target.process_count; i++)
		if (target.processes[i]->spaces)
			more |= place_stored(target.processes[i]);
	return more;
}

void restart_placing(void)
{
	for (size_t i = 0; i < target.process_count; i++)
		target.processes[i]->next_range = target.processes[i]->next_address = 0;
}
