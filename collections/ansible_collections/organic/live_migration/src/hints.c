/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: maps the pager's hints (see hints.h). */
#include "preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const struct hints *hints;
int hints_fd;
uint64_t skipped_capacity;

__attribute__((constructor)) static void map_hints(void)
{
	const char *text = getenv("CRIU_HINTS");
	struct stat status;
	void *mapped;

	if (!text)
		return;
	for (; *text >= '0' && *text <= '9'; text++) /* strtol has a newer symbol version, see prlimit_fallback.c */
		hints_fd = hints_fd * 10 + *text - '0';
	if (fstat(hints_fd, &status) || (size_t)status.st_size < sizeof *hints)
		_exit(1); /* without the hints the dump would contain the pages, which nobody expects */
	mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, hints_fd, 0);
	if (mapped == MAP_FAILED)
		_exit(1);
	hints = mapped;
	skipped_capacity = ((uint64_t)status.st_size - sizeof *hints) / sizeof hints->skipped[0];
}

uint32_t pid_of_proc_file(int fd, const char *leaf)
{
	char link[64], path[256];
	size_t leaf_length = strlen(leaf);
	uint32_t pid = 0;
	const char *c, *end;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= (ssize_t)leaf_length + 1)
		return 0;
	path[n] = '\0';
	end = path + n - leaf_length;
	if (strcmp(end, leaf) != 0)
		return 0;
	end -= leaf_length > 0; /* the slash before it */
	for (c = end; c > path && c[-1] >= '0' && c[-1] <= '9';)
		c--;
	if (c == path || c[-1] != '/')
		return 0;
	for (; c < end; c++)
		pid = pid * 10 + (uint32_t)(*c - '0');
	return pid;
}
