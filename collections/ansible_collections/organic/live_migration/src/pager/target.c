/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The target's pager, which stands where `criu lazy-pages` would: CRIU's restore gives it the userfaultfd of each process
 * (criu/uffd.c), and it brings the pages. What comes before there is a process is stored, the rest goes right there.
 *
 * Orders: "direct" when each page comes but once, so that it may be placed at once; "standing" when CRIU has restored
 * all processes: what is stored is placed from then on; "run" before they run; "finish" when the source has sent all
 * pages: places the last ones and ends; "complete" asks whether there is nothing left that only the source has;
 * "reconnect" brings new connections. The agent holds each userfaultfd as well: when the pager dies the process stands
 * still where it has no memory, and does not run on zeros. When the agent dies after "run", the pager goes on alone; if
 * the connections break then, nobody can bring others, and it ends the container before a page that is missing could be
 * taken for zeros.
 */
#define _GNU_SOURCE
#include "chunks.h"
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define LAZY_PAGES_SOCKET "lazy-pages.socket" /* criu/uffd.c */
#define LAZY_PAGES_RESTORE_FINISHED 0x52535446
#define PROCESSES_MAX 4096
/* As many are placed at once; the process waits so long for a page that it needs. */
#define PLACE_PAGES 32UL
#define RETRY_NS 200000L
#define END_MS 10000

enum page_state { UNKNOWN, STORED, ZERO, REQUESTED, PLACED };

/* Where a part of the source's address space lies now: a process may move it, once it runs. */
struct extent {
	uint64_t start, end;
	uint64_t source; /* the address of its first page on the source */
};

struct space {
	struct space *next;
	int userfault;
	struct extent *extents;
	size_t count;
};

struct process {
	uint32_t inner;
	struct chunks pages;
	struct range *areas, *present, *wiped;
	size_t area_count, present_count, wiped_count;
	struct space *spaces; /* more than one after a fork */
	size_t drain_range;
	uint64_t drain_address;
};

static struct process *processes[PROCESSES_MAX];
static _Atomic size_t process_count; /* an entry is there before it counts */
static struct connection *connections;
static int connection_count;
static pthread_t receivers[CONNECTIONS_MAX];

/* Held for reading to place pages, for writing while the layout of a space changes. */
static pthread_rwlock_t layout = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER; /* the list of processes, and their chunks */
static _Atomic bool direct, standing, running, finishing;
static _Atomic uint64_t pages_received, pages_placed, faults, requests;

/* What is known */

static struct process *process_named(uint32_t inner, bool add)
{
	struct process *found = NULL;

	pthread_mutex_lock(&table);
	for (size_t i = 0; i < process_count && !found; i++)
		if (processes[i]->inner == inner)
			found = processes[i];
	if (!found && add && process_count < PROCESSES_MAX) {
		found = processes[process_count] = allocate(sizeof *found);
		found->inner = inner;
		process_count++;
	}
	pthread_mutex_unlock(&table);
	return found;
}

static struct chunk *chunk_of(struct process *process, uint64_t address, bool add)
{
	struct chunk *chunk;

	pthread_mutex_lock(&table);
	chunk = add ? chunk_add(&process->pages, address) : chunk_find(&process->pages, address);
	pthread_mutex_unlock(&table);
	return chunk;
}

/* The end of the range that holds the address; 0 when none does. */
static uint64_t end_of_range(const struct range *ranges, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ranges[low].start <= address ? ranges[low].end : 0;
}

static void set_states(struct process *process, uint64_t start, uint64_t end, enum page_state state)
{
	struct chunk *chunk = NULL;

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		if (!chunk || at % CHUNK_BYTES == 0)
			chunk = chunk_of(process, at, true);
		chunk->state[chunk_page(at)] = (uint8_t)state;
	}
}

/* Placing pages; the caller holds `layout`. */

enum placed { DONE, AGAIN /* the process is just changing its layout; an event tells how */, NOT_YET };

/* Copies pages into one place, or, without data, zero pages. */
static int64_t copy_pages(int userfault, uint64_t address, const char *data, uint64_t bytes)
{
	struct uffdio_copy copy = {.dst = address, .src = (uint64_t)(uintptr_t)data, .len = bytes};
	struct uffdio_zeropage zero = {.range = {address, bytes}};
	int64_t done;

	if (data)
		done = ioctl(userfault, UFFDIO_COPY, &copy) ? copy.copy : (int64_t)bytes;
	else
		done = ioctl(userfault, UFFDIO_ZEROPAGE, &zero) ? zero.zeropage : (int64_t)bytes;
	return done > 0 ? done : -errno;
}

static enum placed place_at(int userfault, uint64_t address, const char *data, uint64_t bytes)
{
	uint64_t at_once = bytes, asked = 0;

	while (bytes) {
		uint64_t part = at_once < bytes ? at_once : bytes;
		struct uffdio_range page = {address, PAGE_BYTES};
		int64_t done = copy_pages(userfault, address, data, part);

		if (done == -ENOENT && part > PAGE_BYTES) {
			at_once = PAGE_BYTES; /* mprotect(2) has cut the area in two */
			continue;
		}
		switch (done) {
		case -EAGAIN:
			return AGAIN;
		case -EEXIST: /* whoever waits for it may go on */
			ioctl(userfault, UFFDIO_WAKE, &page);
			done = (int64_t)PAGE_BYTES;
			break;
		case -ENOENT: /* no such area, or none that is ours */
			if (!standing)
				return NOT_YET;
			if (!running)
				fail("CRIU restored no memory at %lx, which has pages", address);
			if (asked != address) {
				asked = address; /* if it is just being moved, the kernel says so to who asks again */
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

/* Places pages, named by their address on the source, wherever they belong. */
static enum placed place(struct process *process, uint64_t source, const char *data, uint64_t bytes)
{
	if (!process->spaces && !standing)
		return NOT_YET;
	for (struct space *space = process->spaces; space; space = space->next) {
		for (size_t i = 0; i < space->count; i++) {
			struct extent *extent = &space->extents[i];
			uint64_t start = extent->source, end = start + (extent->end - extent->start);
			enum placed placed;

			start = start < source ? source : start;
			end = end > source + bytes ? source + bytes : end;
			if (start >= end)
				continue;
			placed = place_at(space->userfault, extent->start + (start - extent->source),
					  data ? data + (start - source) : NULL, end - start);
			if (placed != DONE)
				return placed;
		}
	}
	return DONE;
}

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
}

/* Places what has just been received; waits for the process to be there, and for its changes to be known. */
static void place_received(struct process *process, uint64_t source, const char *data, uint64_t bytes)
{
	for (uint64_t at = 0, part; at < bytes; at += part) {
		enum placed placed;

		part = bytes - at < PLACE_PAGES * PAGE_BYTES ? bytes - at : PLACE_PAGES * PAGE_BYTES;
		for (;;) {
			pthread_rwlock_rdlock(&layout);
			placed = place(process, source + at, data ? data + at : NULL, part);
			if (placed == DONE)
				set_states(process, source + at, source + at + part, PLACED);
			pthread_rwlock_unlock(&layout);
			if (placed == DONE)
				break;
			pause_shortly(); /* the kernel has no event for "registered" */
		}
		pages_placed += part / PAGE_BYTES;
	}
}

/* Receiving */

/* Where a page is stored. */
static char *store_of(struct chunk *chunk, uint64_t address)
{
	if (!chunk->data) {
		void *data = allocate_pages(CHUNK_BYTES), *none = NULL;

		if (!atomic_compare_exchange_strong((void *_Atomic *)&chunk->data, &none, data))
			munmap(data, CHUNK_BYTES); /* another connection was first */
	}
	return (char *)chunk->data + (address - chunk->base);
}

/* Pages of one chunk have been stored; the process may be waiting for one. */
static void have_stored(struct process *process, struct chunk *chunk, uint64_t address, uint64_t bytes)
{
	for (uint64_t at = address; at < address + bytes; at += PAGE_BYTES)
		if (atomic_exchange(&chunk->state[chunk_page(at)], STORED) == REQUESTED)
			place_received(process, at, store_of(chunk, at), PAGE_BYTES);
}

/* Stores pages that are still to be received, or, with data, have been. */
static bool store(struct connection *connection, struct process *process, uint64_t address, const char *data,
		  uint64_t bytes)
{
	while (bytes) {
		struct chunk *chunk = chunk_of(process, address, true);
		uint64_t part = chunk->base + CHUNK_BYTES - address;

		part = part < bytes ? part : bytes;
		if (data)
			memcpy(store_of(chunk, address), data, part);
		else if (!receive_all(connection, store_of(chunk, address), part))
			return false;
		have_stored(process, chunk, address, part);
		address += part;
		data = data ? data + part : NULL;
		bytes -= part;
	}
	return true;
}

/* False when CRIU has not made the memory yet. */
static bool try_to_place(struct process *process, uint64_t address, const char *data, uint64_t bytes)
{
	enum placed placed;

	do {
		pthread_rwlock_rdlock(&layout);
		placed = place(process, address, data, bytes);
		if (placed == DONE)
			set_states(process, address, address + bytes, PLACED);
		pthread_rwlock_unlock(&layout);
	} while (placed == AGAIN);
	pages_placed += placed == DONE ? bytes / PAGE_BYTES : 0;
	return placed == DONE;
}

/* Pages that are in memory: where they belong, or, as long as there is no such place, into the store. */
static bool take_pages(struct process *process, uint64_t address, const char *pages, uint64_t bytes)
{
	if (!standing && (!direct || !process->spaces || !try_to_place(process, address, pages, bytes)))
		return store(NULL, process, address, pages, bytes);
	if (standing)
		place_received(process, address, pages, bytes);
	return true;
}

static bool receive_compressed(struct connection *connection, const struct frame *frame, char *buffer)
{
	struct process *process = process_named(frame->process, true);
	char *compressed = allocate(frame->payload_bytes);
	bool good = process && receive_all(connection, compressed, frame->payload_bytes) &&
		    ZSTD_decompress(buffer, FRAME_BYTES_MAX, compressed, frame->payload_bytes) == frame->length;

	free(compressed);
	pages_received += frame->length / PAGE_BYTES;
	return good && take_pages(process, frame->address, buffer, frame->length);
}

static bool receive_pages(struct connection *connection, const struct frame *frame, char *buffer)
{
	struct process *process = process_named(frame->process, true);

	if (!process)
		return false;
	pages_received += frame->length / PAGE_BYTES;
	/* Waiting for one process here could keep from another what CRIU needs to get on. */
	if (!standing && (!direct || !process->spaces))
		return store(connection, process, frame->address, NULL, frame->length);
	return receive_all(connection, buffer, frame->length) &&
	       take_pages(process, frame->address, buffer, frame->length);
}

static bool receive_zeros(const struct frame *frame)
{
	struct process *process = process_named(frame->process, true);

	if (!process)
		return false;
	for (uint64_t at = frame->address; at < frame->address + frame->length; at += PAGE_BYTES) {
		struct chunk *chunk = chunk_of(process, at, true);

		if (atomic_exchange(&chunk->state[chunk_page(at)], ZERO) == REQUESTED)
			place_received(process, at, NULL, PAGE_BYTES);
	}
	return true;
}

static bool in_order(const struct range *ranges, size_t count, uint64_t after, uint64_t most)
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

static bool receive_ranges(struct connection *connection, const struct frame *frame)
{
	struct process *process = process_named(frame->process, true);
	size_t count = frame->payload_bytes / sizeof(struct range), *known;
	struct range *list = allocate(frame->payload_bytes + 1), **all;
	bool good = process && receive_all(connection, list, frame->payload_bytes);

	if (good && frame->kind == FRAME_STALE) {
		good = in_order(list, count, 0, MEMORY_MAX);
		for (size_t i = 0; good && i < count; i++)
			set_states(process, list[i].start, list[i].end, UNKNOWN);
	} else if (good) {
		all = frame->kind == FRAME_EXTENTS ? &process->areas
		      : frame->kind == FRAME_WIPED ? &process->wiped
						   : &process->present;
		known = frame->kind == FRAME_EXTENTS ? &process->area_count
			: frame->kind == FRAME_WIPED ? &process->wiped_count
						     : &process->present_count;
		good = in_order(list, count, *known ? (*all)[*known - 1].end : 0,
				frame->kind == FRAME_PRESENT ? MEMORY_MAX : ADDRESS_END);
		if (good && count) {
			*all = realloc(*all, (*known + count) * sizeof **all);
			if (!*all)
				fail("no memory for %zu ranges", *known + count);
			memcpy(*all + *known, list, count * sizeof *list);
			*known += count;
		}
	}
	free(list);
	return good;
}

static void *receive(void *argument)
{
	struct connection *connection = &connections[(intptr_t)argument];
	char *buffer = allocate_pages(FRAME_BYTES_MAX);
	struct frame frame;
	bool good = true;

	setpriority(PRIO_PROCESS, 0, running ? 0 : BEHIND_CRIU);
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
		case FRAME_EXTENTS:
		case FRAME_PRESENT:
		case FRAME_STALE:
		case FRAME_WIPED:
			good = !running && receive_ranges(connection, &frame);
			break;
		case FRAME_BARRIER:
			good = send_frame(connection, (struct frame){.kind = FRAME_BARRIER_DONE, .address = frame.address},
					  NULL);
			break;
		default:
			good = false;
		}
	}
	connection->broken = true;
	shutdown(connection->fd, SHUT_RDWR);
	munmap(buffer, FRAME_BYTES_MAX);
	if (!finishing)
		tell("{\"event\": \"broken\", \"connection\": %d}", (int)(intptr_t)argument);
	return NULL;
}

static void start_receivers(void)
{
	for (int i = 0; i < connection_count; i++)
		if (pthread_create(&receivers[i], NULL, receive, (void *)(intptr_t)i))
			fail("no thread for a connection");
}

/* The spaces and their changes; the caller holds `layout` for writing */

static struct space *add_space(struct process *process, int userfault)
{
	struct space *space = allocate(sizeof *space);

	space->userfault = userfault;
	space->next = process->spaces;
	process->spaces = space;
	return space;
}

static void insert_extent(struct space *space, struct extent extent)
{
	space->extents = realloc(space->extents, (space->count + 1) * sizeof *space->extents);
	if (!space->extents)
		fail("no memory for %zu areas", space->count + 1);
	space->extents[space->count++] = extent;
}

/* Cuts a range out of a space; what was cut out is added to `moved`, at another address, if there is one. */
static void cut(struct space *space, uint64_t start, uint64_t end, struct space *moved, uint64_t to)
{
	struct extent *old = space->extents;
	size_t count = space->count;

	space->extents = NULL;
	space->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct extent e = old[i];
		uint64_t from = e.start > start ? e.start : start, until = e.end < end ? e.end : end;

		if (from >= until) {
			insert_extent(space, e);
			continue;
		}
		if (e.start < from)
			insert_extent(space, (struct extent){e.start, from, e.source});
		if (until < e.end)
			insert_extent(space, (struct extent){until, e.end, e.source + (until - e.start)});
		if (moved)
			insert_extent(moved, (struct extent){to + (from - start), to + (until - start),
							     e.source + (from - e.start)});
	}
	free(old);
}

static void move(struct space *space, uint64_t from, uint64_t to, uint64_t bytes)
{
	struct space moved = {0};

	cut(space, from, from + bytes, &moved, to);
	cut(space, to, to + bytes, NULL, 0);
	for (size_t i = 0; i < moved.count; i++)
		insert_extent(space, moved.extents[i]);
	free(moved.extents);
}

/* Cuts out what the range was on the source, wherever it lies now. */
static void cut_source(struct space *space, struct range range)
{
	for (size_t i = 0; i < space->count; i++) {
		struct extent e = space->extents[i];
		uint64_t end = e.source + (e.end - e.start);
		uint64_t from = e.source > range.start ? e.source : range.start, until = end < range.end ? end : range.end;

		if (from >= until)
			continue;
		cut(space, e.start + (from - e.source), e.start + (until - e.source), NULL, 0);
		i = (size_t)-1; /* the list is another one now */
	}
}

static void fork_space(struct process *process, struct space *parent, int userfault)
{
	struct space *child = add_space(process, userfault);

	tell_descriptor(userfault, "{\"event\": \"fork\"}");
	for (size_t i = 0; i < parent->count; i++)
		insert_extent(child, parent->extents[i]);
	for (size_t i = 0; i < process->wiped_count; i++)
		cut_source(child, process->wiped[i]);
}

/* Faults */

struct fault {
	struct process *process;
	struct space *space;
	uint64_t address;
};

static struct fault *waiting; /* to be tried again when the events behind them are known */
static size_t waiting_count, waiting_room;

static void wait_with(struct fault fault)
{
	if (waiting_count == waiting_room) {
		waiting_room = waiting_room ? 2 * waiting_room : 64;
		waiting = realloc(waiting, waiting_room * sizeof *waiting);
		if (!waiting)
			fail("no memory for %zu faults", waiting_room);
	}
	waiting[waiting_count++] = fault;
}

static void request(struct process *process, uint64_t source)
{
	struct frame frame = {.kind = FRAME_REQUEST, .process = process->inner, .address = source, .length = PAGE_BYTES};

	requests++;
	send_frame(&connections[0], frame, NULL);
}

/* With a page go those behind it that are stored as well: it is likely to be asked for them next. */
static uint64_t end_of_stored(const struct chunk *chunk, uint64_t address, uint64_t present_end)
{
	uint64_t most = address + AROUND_PAGES * PAGE_BYTES, end = address + PAGE_BYTES;

	while (end < most && end < present_end && end < chunk->base + CHUNK_BYTES &&
	       chunk->state[chunk_page(end)] == STORED)
		end += PAGE_BYTES;
	return end;
}

static void serve(struct fault fault)
{
	struct process *process = fault.process;
	uint64_t address = fault.address - fault.address % PAGE_BYTES;
	struct extent *extent = NULL;
	struct chunk *chunk = NULL;
	uint8_t state = UNKNOWN;
	uint64_t source = 0, present_end = 0;
	enum placed placed;

	for (size_t i = 0; i < fault.space->count && !extent; i++)
		if (fault.space->extents[i].start <= address && address < fault.space->extents[i].end)
			extent = &fault.space->extents[i];
	if (extent) {
		source = extent->source + (address - extent->start);
		present_end = end_of_range(process->present, process->present_count, source);
		if (present_end) {
			chunk = chunk_of(process, source, true);
			state = chunk->state[chunk_page(source)];
		}
	}
	if (chunk && state == STORED) {
		uint64_t end = end_of_stored(chunk, source, present_end);

		placed = place(process, source, (char *)chunk->data + (source - chunk->base), end - source);
		if (placed == DONE) {
			set_states(process, source, end, PLACED);
			pages_placed += (end - source) / PAGE_BYTES;
		}
	} else if (chunk && state == UNKNOWN) {
		/* else it has just come, and whoever stored it did not know of us */
		placed = atomic_compare_exchange_strong(&chunk->state[chunk_page(source)], &state, REQUESTED) ? DONE : AGAIN;
		if (placed == DONE)
			request(process, source);
	} else if (chunk && state == REQUESTED) {
		placed = DONE; /* it will come, for this one too */
	} else { /* where a page is, this wakes who waits; a child of fork(2) need not have what its parent has */
		placed = place_at(fault.space->userfault, address, NULL, PAGE_BYTES);
	}
	if (placed != DONE)
		wait_with(fault);
}

/* Reads what the kernel has to tell of one space; returns whether there was something. */
static bool read_events(struct process *process, struct space *space)
{
	struct uffd_msg messages[64];
	ssize_t n = read(space->userfault, messages, sizeof messages);

	/* faults come before events, which the kernel takes for known once they were read */
	for (ssize_t i = 0; i < 2 * (n / (ssize_t)sizeof messages[0]); i++) {
		bool faults_now = i >= n / (ssize_t)sizeof messages[0];
		const struct uffd_msg *m = &messages[i % (n / (ssize_t)sizeof messages[0])];

		if ((m->event == UFFD_EVENT_PAGEFAULT) != faults_now)
			continue;
		switch (m->event) {
		case UFFD_EVENT_PAGEFAULT:
			faults++;
			serve((struct fault){process, space, m->arg.pagefault.address});
			break;
		case UFFD_EVENT_FORK:
			fork_space(process, space, (int)m->arg.fork.ufd);
			break;
		case UFFD_EVENT_REMAP:
			move(space, m->arg.remap.from, m->arg.remap.to, m->arg.remap.len);
			break;
		case UFFD_EVENT_REMOVE:
		case UFFD_EVENT_UNMAP:
			cut(space, m->arg.remove.start, m->arg.remove.end, NULL, 0);
			break;
		}
	}
	return n > 0;
}

static bool handle_events(void)
{
	struct fault *again = waiting;
	size_t count = waiting_count;
	bool any = false;

	pthread_rwlock_wrlock(&layout);
	for (size_t i = 0; i < process_count; i++)
		for (struct space *space = processes[i]->spaces; space; space = space->next)
			any |= read_events(processes[i], space);
	waiting = NULL;
	waiting_count = waiting_room = 0;
	for (size_t i = 0; i < count; i++)
		serve(again[i]);
	free(again);
	pthread_rwlock_unlock(&layout);
	return any || count;
}

/* Places some of what is stored; returns whether there may be more. */
static bool drain(struct process *process)
{
	while (process->drain_range < process->present_count) {
		const struct range *range = &process->present[process->drain_range];
		uint64_t at = process->drain_address > range->start ? process->drain_address : range->start, end;
		struct chunk *chunk = at < range->end ? chunk_of(process, at, false) : NULL;
		enum placed placed;

		if (at >= range->end) {
			process->drain_range++;
			continue;
		}
		end = at - at % CHUNK_BYTES + CHUNK_BYTES;
		end = end < range->end ? end : range->end;
		if (!chunk || !chunk->data) {
			process->drain_address = end;
			continue;
		}
		while (at < end && chunk->state[chunk_page(at)] != STORED)
			at += PAGE_BYTES;
		process->drain_address = at;
		if (at == end) {
			if (finishing && end % CHUNK_BYTES == 0) {
				munmap(chunk->data, CHUNK_BYTES);
				chunk->data = NULL;
			}
			continue;
		}
		end = end < at + PLACE_PAGES * PAGE_BYTES ? end : at + PLACE_PAGES * PAGE_BYTES;
		for (uint64_t page = at; page < end; page += PAGE_BYTES)
			if (chunk->state[chunk_page(page)] != STORED)
				end = page;
		pthread_rwlock_rdlock(&layout);
		placed = place(process, at, (char *)chunk->data + (at - chunk->base), end - at);
		if (placed == DONE)
			set_states(process, at, end, PLACED);
		pthread_rwlock_unlock(&layout);
		if (placed == DONE)
			pages_placed += (end - at) / PAGE_BYTES;
		else if (placed == NOT_YET)
			return false;
		return true;
	}
	return false;
}

static bool drain_some(void)
{
	bool more = false;

	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->spaces)
			more |= drain(processes[i]);
	return more;
}

/* Whether nothing is left that only the source has, or, when `placed`, nothing that the processes have not. */
static bool is_complete(bool placed)
{
	for (size_t i = 0; i < process_count; i++)
		for (size_t j = 0; j < processes[i]->present_count; j++)
			for (uint64_t at = processes[i]->present[j].start; at < processes[i]->present[j].end;
			     at += PAGE_BYTES) {
				struct chunk *chunk = chunk_of(processes[i], at, false);
				uint8_t state = chunk ? chunk->state[chunk_page(at)] : UNKNOWN;

				if (state != PLACED && state != ZERO && (placed || state != STORED))
					return false;
			}
	return true;
}

/* Without its agent: whether pages are missing that nobody will bring any more. */
static bool is_hopeless(void)
{
	for (int i = 0; i < connection_count; i++)
		if (!connections[i].broken)
			return false;
	return !is_complete(false);
}

/* Returns when the last of its processes has ended: with our userfaultfds they would get zeros for what is missing. */
static void end_container(int init)
{
	struct pollfd ended = {.fd = init, .events = POLLIN};

	syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0);
	poll(&ended, 1, END_MS); /* what stands in a frozen group does not end, nor run */
}

/* CRIU */

static int listen_for_criu(int images)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = LAZY_PAGES_SOCKET};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fchdir(images) || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
	    listen(listener, 1))
		fail("no socket for CRIU: %s", strerror(errno));
	return listener;
}

static int receive_descriptor(int socket)
{
	char ancillary[CMSG_SPACE(sizeof(int))], byte;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ancillary,
				 .msg_controllen = sizeof ancillary};
	struct cmsghdr *header;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	return *(const int *)(const void *)CMSG_DATA(header);
}

/* One message of CRIU's: a process and its userfaultfd; false when it will say no more. */
static bool hear_criu(int criu)
{
	struct process *process;
	struct space *space;
	int pid, userfault;

	if (recv(criu, &pid, sizeof pid, MSG_WAITALL) != sizeof pid)
		return false;
	if (pid == LAZY_PAGES_RESTORE_FINISHED || pid < 0) /* a zombie has no memory */
		return true;
	userfault = receive_descriptor(criu);
	process = process_named((uint32_t)pid, true);
	if (userfault < 0 || !process)
		fail("CRIU gave no userfaultfd for process %d", pid);
	fcntl(userfault, F_SETFL, O_NONBLOCK);
	pthread_rwlock_wrlock(&layout);
	tell_descriptor(userfault, "{\"event\": \"process\", \"pid\": %d}", pid);
	space = add_space(process, userfault);
	for (size_t i = 0; i < process->area_count; i++)
		insert_extent(space, (struct extent){process->areas[i].start, process->areas[i].end,
						     process->areas[i].start});
	pthread_rwlock_unlock(&layout);
	return true;
}

/* Orders */

static void tell_received(void)
{
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];
		struct range list[256];
		size_t count = 0;

		for (size_t j = 0; j < process->present_count; j++)
			for (uint64_t at = process->present[j].start; at < process->present[j].end; at += PAGE_BYTES) {
				struct chunk *chunk = chunk_of(process, at, false);
				uint8_t state = chunk ? chunk->state[chunk_page(at)] : UNKNOWN;

				if (state == UNKNOWN || state == REQUESTED)
					continue;
				if (count && list[count - 1].end == at) {
					list[count - 1].end += PAGE_BYTES;
					continue;
				}
				if (count == sizeof list / sizeof list[0]) {
					send_ranges(&connections[0], FRAME_RECEIVED, process->inner, list, count);
					count = 0;
				}
				list[count++] = (struct range){at, at + PAGE_BYTES};
			}
		send_ranges(&connections[0], FRAME_RECEIVED, process->inner, list, count);
	}
	send_frame(&connections[0], (struct frame){.kind = FRAME_BARRIER}, NULL);
	for (size_t i = 0; i < process_count; i++)
		for (size_t slot = 0; slot < processes[i]->pages.size; slot++) {
			struct chunk *chunk = processes[i]->pages.table[slot];

			for (size_t page = 0; chunk && page < CHUNK_PAGES; page++)
				if (chunk->state[page] == REQUESTED)
					request(processes[i], chunk->base + page * PAGE_BYTES);
		}
}

static void reconnect(const struct connection *fresh, int count)
{
	if (count != connection_count)
		fail("%d connections where there were %d", count, connection_count);
	for (int i = 0; i < connection_count; i++)
		shutdown(connections[i].fd, SHUT_RDWR);
	for (int i = 0; i < connection_count; i++)
		while (pthread_tryjoin_np(receivers[i], NULL) == EBUSY) {
			handle_events(); /* or one that places a page waits for us, as we for it */
			pause_shortly();
		}
	for (int i = 0; i < connection_count; i++) { /* nobody looks at any of them now */
		close(connections[i].fd);
		connections[i] = fresh[i];
	}
	tell_received(); /* while nothing new arrives */
	start_receivers();
	tell("{\"done\": \"reconnect\"}");
}

static void obey(const char *order, const struct connection *fresh, int count)
{
	if (strcmp(order, "direct") == 0) {
		direct = true;
		tell("{\"done\": \"direct\"}");
	} else if (strcmp(order, "standing") == 0) {
		standing = true;
		direct = true; /* what comes now has where to go */
		tell("{\"done\": \"standing\"}");
	} else if (strcmp(order, "run") == 0) {
		running = true;
		set_priority(0); /* what it does not wait for must not keep the process from running */
		tell("{\"done\": \"run\"}");
	} else if (strcmp(order, "complete") == 0) {
		tell("{\"done\": \"complete\", \"complete\": %s}", is_complete(false) ? "true" : "false");
	} else if (strcmp(order, "finish") == 0) {
		finishing = true;
		/* what was on its way when it was passed by has been stored by now, and nothing more comes */
		for (size_t i = 0; i < process_count; i++)
			processes[i]->drain_range = processes[i]->drain_address = 0;
	} else if (strcmp(order, "reconnect") == 0) {
		reconnect(fresh, count);
	} else {
		fail("unknown order '%s'", order);
	}
}

static void tell_statistics(const char *what)
{
	tell("{\"done\": \"%s\", \"pages_received\": %lu, \"pages_placed\": %lu, \"faults\": %lu, \"requests\": %lu}", what,
	     pages_received, pages_placed, faults, requests);
}

static size_t watch(struct pollfd *list, size_t room, int control, int criu)
{
	size_t count = 0;

	list[count++] = (struct pollfd){.fd = control, .events = POLLIN};
	list[count++] = (struct pollfd){.fd = criu, .events = POLLIN};
	for (size_t i = 0; i < process_count; i++)
		for (struct space *space = processes[i]->spaces; space && count < room; space = space->next)
			list[count++] = (struct pollfd){.fd = space->userfault, .events = POLLIN};
	return count;
}

void run_target(struct connection *given, int count, int images, int init)
{
	static struct pollfd watched[2 * PROCESSES_MAX];
	struct connection fresh[CONNECTIONS_MAX];
	int control = CONTROL, fresh_count, listener, criu = -1;
	char order[256];
	bool finished = false;

	connections = given;
	connection_count = count;
	listener = listen_for_criu(images);
	start_receivers();
	tell("{\"event\": \"ready\"}");
	for (;;) {
		bool more = standing && drain_some();
		size_t descriptors = watch(watched, sizeof watched / sizeof watched[0], control,
					   criu < 0 ? listener : criu);
		int patience_ms = more ? 0 : waiting_count ? 1 : control < 0 ? 100 : -1;

		if (finishing && !more && !waiting_count && !finished) {
			finished = true;
			tell_statistics("finish");
		}
		if (control < 0 && !more && is_complete(true))
			break;
		if (control < 0 && !more && is_hopeless()) {
			end_container(init);
			fail("the connection to the other host broke, and no agent is left");
		}
		if (poll(watched, descriptors, patience_ms) < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (watched[1].revents & POLLIN && criu < 0) {
			criu = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			continue;
		}
		if (watched[1].revents & POLLIN) {
			if (!hear_criu(criu)) {
				close(criu);
				close(listener);
				criu = listener = -1; /* poll(2) passes over them */
			}
			continue; /* all processes are known before one of them is served, or an order obeyed */
		}
		handle_events();
		if (!watched[0].revents)
			continue;
		if (hear(order, sizeof order, fresh, &fresh_count))
			obey(order, fresh, fresh_count);
		else if (running && !finished)
			control = -1; /* the agent has died, and the process needs us */
		else
			return;
	}
}
