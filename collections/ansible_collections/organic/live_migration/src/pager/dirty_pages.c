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
/* Bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst): the page frame or swap slot, together with the
 * bits that say which of them it is; and whether the page is mapped exclusively. */
#define PAGEMAP_LOCATION (((1UL << 55) - 1) | 3UL << 62)
#define PAGEMAP_EXCLUSIVE (1UL << 56)
/* proc_pid_clear_refs(5) */
#define CLEAR_SOFT_DIRTY "4"

struct job *jobs;
size_t job_count;
static size_t job_room;
uint64_t pages_seen;
bool use_soft_dirty;

static uint64_t guard_category; /* PAGE_IS_GUARD, or 0 if the kernel does not know it */
static struct page_region regions[REGIONS];
static sigset_t termination;

static uint64_t probe_guard_category(void)
{
	struct page_region region;
	struct pm_scan_arg scan = {.size = sizeof scan, .vec = (uint64_t)(uintptr_t)&region, .vec_len = 1,
				   .category_mask = PAGE_IS_GUARD, .return_mask = PAGE_IS_GUARD};
	int pagemap = open_proc_file(getpid(), "pagemap");
	bool known;

	scan.start = (uint64_t)(uintptr_t)allocate_pages(PAGE_BYTES);
	scan.end = scan.start + PAGE_BYTES;
	known = ioctl(pagemap, PAGEMAP_SCAN, &scan) >= 0;
	munmap((void *)scan.start, PAGE_BYTES);
	close(pagemap);
	return known ? PAGE_IS_GUARD : 0;
}

void init_tracking(void)
{
	sigemptyset(&termination); /* blocked while a process is stopped by our ptrace(2): see track() */
	sigaddset(&termination, SIGTERM);
	block_stop_signal();
	guard_category = probe_guard_category();
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
	process->uffd = inject_userfaultfd(process->pid);
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	if (process->uffd < 0) {
		if (start_time(process->pid) != process->started || !has_memory(process->pid))
			return; /* it has ended, though its parent may not have waited for it yet */
		if (process->uffd == -ENOEXEC || process->uffd == -ESRCH)
			return; /* in execve(2): a later round or the final scan finds its new memory */
		fail("process %d cannot be tracked: userfaultfd: %s", (int)process->ns_pid,
		     strerror(-process->uffd));
	}
	if (ioctl(process->uffd, UFFDIO_API, &api))
		fail("this kernel cannot track written pages: UFFDIO_API: %s", strerror(errno));
	process->tracked = true;
}

/* With huge pages the kernel may return a region that begins within the one before. If either is written, both are. */
static long merge_regions(long count)
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
	arguments->category_inverted |= guard_category; /* guards (madvise(2), MADV_GUARD_INSTALL) are not pages */
	arguments->category_mask |= guard_category;
	arguments->vec = (uint64_t)(uintptr_t)regions;
	arguments->vec_len = REGIONS;
	n = ioctl(process->pagemap, PAGEMAP_SCAN, arguments);
	if (n < 0 && (errno == ESRCH || errno == ENOENT))
		return 0;
	if (n < 0)
		fail("PAGEMAP_SCAN: %s", strerror(errno));
	fix_walk_end(arguments, n);
	return merge_regions(n);
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

/* The categories that is_written() needs. Linux 6.7 rejects PAGE_IS_SOFT_DIRTY: only ask for it if it is used. */
static uint64_t written_categories(void)
{
	return use_soft_dirty ? PAGE_IS_SOFT_DIRTY : PAGE_IS_WRITTEN | PAGE_IS_WPALLOWED;
}

static bool is_written(uint64_t categories)
{
	/* A read that maps the zero page does not set the bit, though there may have been another page before. */
	if (use_soft_dirty)
		return categories & (PAGE_IS_SOFT_DIRTY | PAGE_IS_PFNZERO);
	return categories & PAGE_IS_WRITTEN || !(categories & PAGE_IS_WPALLOWED);
}

/* Pages that are not write-protected were mapped since the last round, maybe at the address of pages that were sent. */
static void unmark_remapped(struct process *process, struct range vma)
{
	struct pm_scan_arg arguments = {.start = vma.start, .end = vma.end,
					.category_inverted = PAGE_IS_WPALLOWED, .category_mask = PAGE_IS_WPALLOWED,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PRESENT};

	while (arguments.start < vma.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++)
			set_states(process, regions[i].start, regions[i].end, UNSENT);
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

/* Collects the pages written since the last round, and protects them again. */
static void collect_written(struct process *process, struct range vma)
{
	struct uffdio_register registration = {.range = {vma.start, vma.end - vma.start},
					       .mode = UFFDIO_REGISTER_MODE_WP};
	struct pm_scan_arg arguments = {.flags = PM_SCAN_WP_MATCHING, .start = vma.start, .end = vma.end,
					.category_mask = PAGE_IS_WRITTEN,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PFNZERO};

	unmark_remapped(process, vma);
	if (ioctl(process->uffd, UFFDIO_REGISTER, &registration))
		return; /* unmapped meanwhile, or it cannot be registered: the final scan finds it unprotected */
	while (arguments.start < vma.end) {
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
		if (process->uffd < 0) {
			/* After vfork(2) the memory is the parent's: its pages must not be marked as sent for the
			 * child. A later round or the final scan opens the memory that the child has of its own. */
			if (shares_mm(process) || !open_memory(process))
				continue;
			track(process);
		}
		if (process->uffd < 0)
			continue;
		read_vmas(&process->vmas, process->pid);
		for (size_t vma = 0; vma < process->vmas.lazy.count; vma++)
			collect_written(process, process->vmas.lazy.list[vma]);
	}
}

/* Collects the pages written since the last round; all pages of a process that was not tracked yet. */
static void collect_soft_dirty(struct process *process, struct range vma)
{
	struct pm_scan_arg arguments = {.start = vma.start, .end = vma.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < vma.end) {
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

static void unmark_range(struct process *process, struct range range)
{
	for (uint64_t at = range.start; at < range.end; at += PAGE_BYTES) {
		struct chunk *chunk = chunk_find(&process->pages, at);

		if (!chunk) /* no page of this chunk was sent */
			at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
		else
			chunk->state[chunk_page(at)] = UNSENT;
	}
}

static const uint64_t *locations_of(const struct process *process, const struct chunk *chunk)
{
	static uint64_t entries[CHUNK_PAGES];
	off_t at = (off_t)(chunk->base / PAGE_BYTES * sizeof *entries);
	ssize_t n = pread(process->pagemap, entries, sizeof entries, at);

	if (n < (ssize_t)sizeof entries)
		memset((char *)entries + (n > 0 ? n : 0), 0, sizeof entries - (size_t)(n > 0 ? n : 0));
	return entries;
}

/* mremap(2) moves whole page tables without setting soft-dirty bits, so other pages may be where pages were sent from.
 * A chunk is as large as the range of a page table: if one page of it has moved to another frame or swap slot, all
 * pages of the chunk are sent again. So the location of one page of each chunk is recorded. */
static void record_locations(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];
		const uint64_t *entries = chunk ? locations_of(process, chunk) : NULL;
		bool exclusive = false; /* preferred: the zero page has the same frame everywhere */

		if (chunk)
			chunk->location = 0;
		for (size_t page = 0; chunk && page < CHUNK_PAGES && !exclusive; page++) {
			exclusive = entries[page] & PAGEMAP_EXCLUSIVE;
			if (chunk->state[page] != SENT || !(entries[page] & PAGEMAP_LOCATION) ||
			    (chunk->location && !exclusive)) {
				exclusive = false;
				continue;
			}
			chunk->located_page = page;
			chunk->location = entries[page] & PAGEMAP_LOCATION;
		}
	}
}

static void unmark_moved(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];

		if (chunk && chunk->location &&
		    (locations_of(process, chunk)[chunk->located_page] & PAGEMAP_LOCATION) != chunk->location)
			unmark_range(process, (struct range){chunk->base, chunk->base + CHUNK_BYTES});
	}
}

static void clear_soft_dirty(struct process *process)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, CLEAR_SOFT_DIRTY, 1) != 1)
		fail("process %d cannot be tracked: %s: %s", (int)process->ns_pid, path, strerror(errno));
	close(fd);
	process->tracked = true;
}

/* The bits are read and cleared while the whole tree is stopped: a write between the two would be lost. That includes
 * writes by a child of vfork(2), which shares the memory. */
double collect_stopped(void)
{
	double began;

	read_all_vmas(); /* before the stop, because smaps of new VMAs takes time */
	began = stop_tree();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		read_vmas(&process->vmas, process->pid);
		unmark_moved(process);
		for (size_t vma = 0; vma < process->vmas.lazy.count; vma++)
			collect_soft_dirty(process, process->vmas.lazy.list[vma]);
		/* they may become lazy again later, with their bits cleared */
		for (size_t vma = 0; vma < process->vmas.not_lazy.count; vma++)
			unmark_range(process, process->vmas.not_lazy.list[vma]);
		record_locations(process);
	}
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			clear_soft_dirty(processes[i]);
	release_tree();
	return now_ms() - began;
}

/* Lists all pages of a frozen process, and those that the target lacks or has an old copy of. */
static void collect_final_of(struct process *process, struct range vma, bool send)
{
	struct pm_scan_arg arguments = {.start = vma.start, .end = vma.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < vma.end) {
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
		if (use_soft_dirty)
			unmark_moved(process);
		for (size_t vma = 0; vma < process->vmas.lazy.count; vma++)
			collect_final_of(process, process->vmas.lazy.list[vma], send);
	}
}
