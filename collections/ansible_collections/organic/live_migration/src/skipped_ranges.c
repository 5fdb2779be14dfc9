/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: makes CRIU skip the memory that the pager moves. CRIU asks the kernel by PAGEMAP_SCAN which pages
 * a range has (criu/pagemap-cache.c); for the ranges in the pager's hints the answer is that there are none. So the
 * time of a dump does not depend on the amount of memory, and the images hold no second copy of it. */
#define _GNU_SOURCE
#include "pagemap_scan.h"
#include "preload.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>

/* The first skipped range of a process that ends above an address; NULL when there is none. */
static const struct skipped_range *next_skipped(uint32_t pid, uint64_t address)
{
	uint64_t count = hints->skipped_count < skipped_capacity ? hints->skipped_count : skipped_capacity;
	uint64_t low = 0, high = count;

	while (low < high) {
		uint64_t middle = (low + high) / 2;
		const struct skipped_range *r = &hints->skipped[middle];

		if (r->ns_pid < pid || (r->ns_pid == pid && r->end <= address))
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && hints->skipped[low].ns_pid == pid ? &hints->skipped[low] : NULL;
}

/* Scans only between the skipped ranges. */
static int scan(int (*next)(int, unsigned long, ...), int fd, struct pm_scan_arg *whole, uint32_t pid)
{
	struct page_region *regions = (struct page_region *)(uintptr_t)whole->vec;
	uint64_t at = whole->start, filled = 0;

	while (at < whole->end && filled < whole->vec_len) {
		const struct skipped_range *skip = next_skipped(pid, at);
		struct pm_scan_arg part = *whole;
		int n;

		if (skip && skip->start <= at) {
			at = skip->end;
			continue;
		}
		part.start = at;
		part.end = skip && skip->start < whole->end ? skip->start : whole->end;
		part.vec = (uint64_t)(uintptr_t)(regions + filled);
		part.vec_len = whole->vec_len - filled;
		n = next(fd, PAGEMAP_SCAN, &part);
		if (n < 0)
			return n;
		fix_walk_end(&part, n);
		filled += (uint64_t)n;
		at = part.walk_end;
		if (part.walk_end < part.end)
			break;
	}
	whole->walk_end = at < whole->end ? at : whole->end;
	return (int)filled;
}

/* Guards (madvise(2), MADV_GUARD_INSTALL) are not pages: CRIU, not the pager, moves them (criu/cr-dump.c,
 * collect_madv_guards). */
static int is_guard_scan(const struct pm_scan_arg *scan)
{
	return (scan->category_mask & PAGE_IS_GUARD) != 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	va_list arguments;
	void *argument;
	uint32_t pid;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (!next)
		next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	if (hints && request == PAGEMAP_SCAN && !is_guard_scan(argument) && (pid = pid_of_proc_file(fd, "pagemap")))
		return scan(next, fd, argument, pid);
	return next(fd, request, argument);
}
