/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "dirty_pages.h"

#include "../pagemap_scan.h"
#include "inject.h"
#include "pager.h"
#include "stop_tree.h"
#include "tracer.h"
#include "tracking.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGIONS 65536
/* Of an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst): the frame or the place in the swap, and which of
 * them; and whether the page is mapped only there. */
#define PAGEMAP_PLACE (((1UL << 55) - 1) | 3UL << 62)
#define PAGEMAP_EXCLUSIVE (1UL << 56)
/* clear_refs (proc_pid_clear_refs(5)) */
#define CLEAR_SOFT_DIRTY "4"

struct job *jobs;
size_t job_count;
static size_t job_room;
uint64_t pages_seen;
bool by_soft_dirty;

static uint64_t guard_category; /* PAGE_IS_GUARD, where the kernel knows it */
static struct page_region regions[REGIONS];
static sigset_t termination;

static uint64_t ask_for_guards(void)
{
	struct page_region region;
	struct pm_scan_arg scan = {.size = sizeof scan, .vec = (uint64_t)(uintptr_t)&region, .vec_len = 1,
				   .category_mask = PAGE_IS_GUARD, .return_mask = PAGE_IS_GUARD};
	int pagemap = open_of(getpid(), "pagemap");
	bool known;

	scan.start = (uint64_t)(uintptr_t)allocate_pages(PAGE_BYTES);
	scan.end = scan.start + PAGE_BYTES;
	known = ioctl(pagemap, PAGEMAP_SCAN, &scan) >= 0;
	munmap((void *)scan.start, PAGE_BYTES);
	close(pagemap);
	return known ? PAGE_IS_GUARD : 0;
}

void begin_to_track(void)
{
	sigemptyset(&termination); /* it ends us, but not while a process stands still because we trace it: see track() */
	sigaddset(&termination, SIGTERM);
	block_stop_signal();
	guard_category = ask_for_guards();
}

static bool has_memory(pid_t pid)
{
	char path[64];
	FILE *maps;
	bool has;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	need_resources(maps, path);
	has = maps && getc(maps) != EOF;
	if (maps)
		fclose(maps);
	return has;
}

static void track(struct process *process)
{
	struct uffdio_api api = {.api = UFFD_API, .features = TRACKING_FEATURES};

	pthread_sigmask(SIG_BLOCK, &termination, NULL);
	process->userfault = inject_userfaultfd(process->pid);
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	if (process->userfault < 0) {
		if (start_time(process->pid) != process->started || !has_memory(process->pid))
			return; /* it ended meanwhile, and its parent may not know yet */
		if (process->userfault == -ENOEXEC || process->userfault == -ESRCH)
			return; /* it is amid an execve(2): another round, or the last one, finds what it becomes */
		fail("process %d cannot be tracked: userfaultfd: %s", (int)process->inner,
		     strerror(-process->userfault));
	}
	if (ioctl(process->userfault, UFFDIO_API, &api))
		fail("this kernel cannot track written pages: UFFDIO_API: %s", strerror(errno));
	process->tracked = true;
}

/* Seen with huge pages: regions that begin within the one before. What one of them calls written is. */
static long unite_regions(long count)
{
	long kept = 0;

	for (long i = 0; i < count; i++) {
		struct page_region *last = kept ? &regions[kept - 1] : NULL;

		if (!last || regions[i].start >= last->end) {
			regions[kept++] = regions[i];
			continue;
		}
		last->end = last->end > regions[i].end ? last->end : regions[i].end;
		last->categories &= regions[i].categories | ~(PAGE_IS_PFNZERO | PAGE_IS_WPALLOWED);
		last->categories |= regions[i].categories & (PAGE_IS_WRITTEN | PAGE_IS_SOFT_DIRTY);
	}
	return kept;
}

static long scan(struct process *process, struct pm_scan_arg *arguments)
{
	long n;

	arguments->size = sizeof *arguments;
	arguments->category_inverted |= guard_category; /* guards (madvise(2), MADV_GUARD_INSTALL) are no pages */
	arguments->category_mask |= guard_category;
	arguments->vec = (uint64_t)(uintptr_t)regions;
	arguments->vec_len = REGIONS;
	n = ioctl(process->pagemap, PAGEMAP_SCAN, arguments);
	if (n < 0 && (errno == ESRCH || errno == ENOENT))
		return 0;
	if (n < 0)
		fail("PAGEMAP_SCAN: %s", strerror(errno));
	end_walk(arguments, n);
	return unite_regions(n);
}

static void set_states(struct process *process, uint64_t start, uint64_t end, enum page_state state)
{
	struct chunk *chunk = NULL;

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		if (!chunk || at % CHUNK_BYTES == 0)
			chunk = chunk_add(&process->pages, at);
		chunk->state[chunk_page(at)] = (uint8_t)state;
	}
}

void add_job(struct process *process, uint64_t start, uint64_t end, bool zero)
{
	pages_seen += (end - start) / PAGE_BYTES;
	for (uint64_t next; start < end; start = next) {
		next = zero || end - start <= FRAME_BYTES_MAX ? end : start + FRAME_BYTES_MAX;
		if (job_count == job_room) {
			job_room = job_room ? 2 * job_room : 4096;
			jobs = realloc(jobs, job_room * sizeof *jobs);
			if (!jobs)
				fail("no memory for %zu ranges", job_room);
		}
		jobs[job_count++] = (struct job){process, start, next, zero};
	}
}

/* What is_written() must know of a page. Linux 6.7 refuses to be asked for soft-dirty bits. */
static uint64_t written_categories(void)
{
	return by_soft_dirty ? PAGE_IS_SOFT_DIRTY : PAGE_IS_WRITTEN | PAGE_IS_WPALLOWED;
}

static bool is_written(uint64_t categories)
{
	/* a zero page that is only read is not dirty, though it may have come in the place of another */
	if (by_soft_dirty)
		return categories & (PAGE_IS_SOFT_DIRTY | PAGE_IS_PFNZERO);
	return categories & PAGE_IS_WRITTEN || !(categories & PAGE_IS_WPALLOWED);
}

/* Pages in areas that are not write-protected have come since, maybe at the address of older ones. */
static void forget_remapped(struct process *process, struct range area)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_inverted = PAGE_IS_WPALLOWED, .category_mask = PAGE_IS_WPALLOWED,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PRESENT};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++)
			set_states(process, regions[i].start, regions[i].end, UNSENT);
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

/* Collects what was written since the last time, and protects it anew. */
static void collect_written(struct process *process, struct range area)
{
	struct uffdio_register registration = {.range = {area.start, area.end - area.start},
					       .mode = UFFDIO_REGISTER_MODE_WP};
	struct pm_scan_arg arguments = {.flags = PM_SCAN_WP_MATCHING, .start = area.start, .end = area.end,
					.category_mask = PAGE_IS_WRITTEN,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PFNZERO};

	forget_remapped(process, area);
	if (ioctl(process->userfault, UFFDIO_REGISTER, &registration))
		return; /* unmapped meanwhile, or not to be registered: the final scan finds it unprotected */
	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			set_states(process, regions[i].start, regions[i].end, SENT);
			add_job(process, regions[i].start, regions[i].end, regions[i].categories & PAGE_IS_PFNZERO);
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

void collect_running(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		if (process->userfault < 0) {
			/* what is scanned by the pagemap of the one is noted as sent for the other; another round, or the
			 * last one, finds what it becomes, whose memory is to be opened when it is its own */
			if (has_memory_of_another(process) || !open_memory(process))
				continue;
			track(process);
		}
		if (process->userfault < 0)
			continue;
		read_areas(&process->areas, process->pid);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_written(process, process->areas.ours.list[area]);
	}
}

/* Collects what was written since the last time; of a process that was not tracked yet, all it has. */
static void collect_soft_dirty(struct process *process, struct range area)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			if (process->tracked && !is_written(regions[i].categories))
				continue;
			set_states(process, regions[i].start, regions[i].end, SENT);
			add_job(process, regions[i].start, regions[i].end, regions[i].categories & PAGE_IS_PFNZERO);
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

static void forget_range(struct process *process, struct range range)
{
	for (uint64_t at = range.start; at < range.end; at += PAGE_BYTES) {
		struct chunk *chunk = chunk_find(&process->pages, at);

		if (!chunk) /* nothing of this chunk was sent */
			at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
		else
			chunk->state[chunk_page(at)] = UNSENT;
	}
}

static const uint64_t *places_of(const struct process *process, const struct chunk *chunk)
{
	static uint64_t entries[CHUNK_PAGES];
	ssize_t n = pread(process->pagemap, entries, sizeof entries, (off_t)(chunk->base / PAGE_BYTES * sizeof *entries));

	if (n < (ssize_t)sizeof entries)
		memset((char *)entries + (n > 0 ? n : 0), 0, sizeof entries - (size_t)(n > 0 ? n : 0));
	return entries;
}

/* mremap(2) moves whole page tables with their soft-dirty bits as they are, so others may stand where pages were sent.
 * It shows in the place of any page of a table, in memory or swap, and a chunk is as large as what a table is for. */
static void note_places(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];
		const uint64_t *entries = chunk ? places_of(process, chunk) : NULL;
		bool exclusive = false; /* the zero page is at many places, and nobody's */

		if (chunk)
			chunk->place = 0;
		for (size_t page = 0; chunk && page < CHUNK_PAGES && !exclusive; page++) {
			exclusive = entries[page] & PAGEMAP_EXCLUSIVE;
			if (chunk->state[page] != SENT || !(entries[page] & PAGEMAP_PLACE) ||
			    (chunk->place && !exclusive)) {
				exclusive = false;
				continue;
			}
			chunk->marked = page;
			chunk->place = entries[page] & PAGEMAP_PLACE;
		}
	}
}

static void forget_moved(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];

		if (chunk && chunk->place && (places_of(process, chunk)[chunk->marked] & PAGEMAP_PLACE) != chunk->place)
			forget_range(process, (struct range){chunk->base, chunk->base + CHUNK_BYTES});
	}
}

static void clear_soft_dirty(struct process *process)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, CLEAR_SOFT_DIRTY, 1) != 1)
		fail("process %d cannot be tracked: %s: %s", (int)process->inner, path, strerror(errno));
	close(fd);
	process->tracked = true;
}

/* The bits are read and cleared while the whole tree stands still: what is written between the two would be lost, also
 * by a child of vfork(2), which shares them. Tells for how long, in ms. */
double collect_stopped(void)
{
	double began;

	read_all_areas(); /* what is new among them takes a while */
	began = stop_tree();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		read_areas(&process->areas, process->pid);
		forget_moved(process);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_soft_dirty(process, process->areas.ours.list[area]);
		/* they are not ours, but may be again, with their bits cleared */
		for (size_t area = 0; area < process->areas.special.count; area++)
			forget_range(process, process->areas.special.list[area]);
		note_places(process);
	}
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			clear_soft_dirty(processes[i]);
	release_tree();
	return now_ms() - began;
}

/* Of a frozen process: all its pages, and those that the target has not, or not as they are. */
static void collect_final_of(struct process *process, struct range area, bool send)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			uint64_t categories = regions[i].categories, at = regions[i].start;
			bool written = !process->tracked || is_written(categories);

			add_pages(&process->present, at, regions[i].end);
			for (uint64_t end; at < regions[i].end; at = end) {
				struct chunk *chunk = written ? NULL : chunk_find(&process->pages, at);
				bool stale = written || !chunk || chunk->state[chunk_page(at)] != SENT;

				for (end = written ? regions[i].end : at + PAGE_BYTES; end < regions[i].end;
				     end += PAGE_BYTES) {
					if (end % CHUNK_BYTES == 0)
						chunk = chunk_find(&process->pages, end);
					if (stale != (!chunk || chunk->state[chunk_page(end)] != SENT))
						break;
				}
				if (!stale)
					continue;
				add_pages(&process->stale, at, end);
				if (send)
					add_job(process, at, end, categories & PAGE_IS_PFNZERO);
				else
					set_states(process, at, end, PENDING);
			}
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

void collect_final(bool send)
{
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		if (by_soft_dirty)
			forget_moved(process);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_final_of(process, process->areas.ours.list[area], send);
	}
}
