/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: hides from CRIU the pages that the pager moves. CRIU asks the kernel by PAGEMAP_SCAN which pages a
 * range has (criu/pagemap-cache.c); for the ranges that the pager listed it is told that there are none. So its dump
 * takes as long with a gigabyte as with nothing, and its images hold no second copy of the memory.
 *
 * The list is a memfd that the pager fills after the freeze, see hidden_pages.h; CRIU_HIDDEN_PAGES has its descriptor. */
#define _GNU_SOURCE
#include "hidden_pages.h"
#include "pagemap_scan.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct hidden_pages *hidden;
static uint64_t capacity;

__attribute__((constructor)) static void map_list(void)
{
	const char *text = getenv("CRIU_HIDDEN_PAGES");
	struct stat status;
	void *list;
	int fd = 0;

	if (!text)
		return;
	for (; *text >= '0' && *text <= '9'; text++) /* strtol has a newer symbol version, see limits.c */
		fd = fd * 10 + *text - '0';
	if (fstat(fd, &status) || (size_t)status.st_size < sizeof *hidden)
		_exit(1); /* a dump with the pages would go where nobody expects them */
	list = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (list == MAP_FAILED)
		_exit(1);
	hidden = list;
	capacity = ((uint64_t)status.st_size - sizeof *hidden) / sizeof hidden->ranges[0];
}

/* The PID in /proc/PID/pagemap, 0 for another file. */
static uint32_t process_of(int fd)
{
	char link[64], path[256];
	uint32_t pid = 0;
	const char *c;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < (ssize_t)strlen("/1/pagemap"))
		return 0;
	path[n] = '\0';
	c = path + n - strlen("/pagemap");
	if (strcmp(c, "/pagemap") != 0)
		return 0;
	while (c > path && c[-1] >= '0' && c[-1] <= '9')
		c--;
	for (; *c != '/'; c++)
		pid = pid * 10 + (uint32_t)(*c - '0');
	return pid;
}

/* The first hidden range of a process that ends above an address. */
static const struct hidden_range *next_hidden(uint32_t pid, uint64_t address)
{
	uint64_t count = hidden->count < capacity ? hidden->count : capacity;
	uint64_t low = 0, high = count;

	while (low < high) {
		uint64_t middle = (low + high) / 2;
		const struct hidden_range *r = &hidden->ranges[middle];

		if (r->process < pid || (r->process == pid && r->end <= address))
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && hidden->ranges[low].process == pid ? &hidden->ranges[low] : NULL;
}

/* Scans what lies between the hidden ranges. */
static int scan(int (*next)(int, unsigned long, ...), int fd, struct pm_scan_arg *whole, uint32_t pid)
{
	struct page_region *regions = (struct page_region *)(uintptr_t)whole->vec;
	uint64_t at = whole->start, filled = 0;

	while (at < whole->end && filled < whole->vec_len) {
		const struct hidden_range *skip = next_hidden(pid, at);
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
		end_walk(&part, n);
		filled += (uint64_t)n;
		at = part.walk_end;
		if (part.walk_end < part.end)
			break;
	}
	whole->walk_end = at < whole->end ? at : whole->end;
	return (int)filled;
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
	if (hidden && request == PAGEMAP_SCAN && (pid = process_of(fd)))
		return scan(next, fd, argument, pid);
	return next(fd, request, argument);
}
