/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: spares CRIU the kernel's walk over all pages of a process, 20 to 70 ms for a gigabyte. CRIU learns by
 * /proc/PID/smaps which areas there are and what is special of them (criu/proc_parse.c, parse_smaps), and no other file
 * tells both. The counts of pages, for which the kernel walks, it does not read. The pager has read the file before the
 * freeze; where /proc/PID/maps shows the same areas after it, CRIU is given what is known, see pager/vmas.h. */
#define _GNU_SOURCE
#include "preload.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool copy(int to, uint64_t at, uint64_t bytes)
{
	char buffer[1 << 16];

	while (bytes) {
		ssize_t n = pread(hints_fd, buffer, bytes < sizeof buffer ? bytes : sizeof buffer, (off_t)at);

		if (n <= 0 || write(to, buffer, (size_t)n) != n)
			return false;
		at += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return lseek(to, 0, SEEK_SET) == 0;
}

/* A file to read instead of a process's smaps, or -1. */
static int open_known(uint32_t pid)
{
	uint64_t at = hints->smaps_at;
	struct smaps_hint hint;
	int fd;

	for (;; at += sizeof hint + hint.bytes) {
		if (!at || pread(hints_fd, &hint, sizeof hint, (off_t)at) != (ssize_t)sizeof hint)
			return -1;
		if (hint.process == pid)
			break;
	}
	fd = memfd_create("smaps", MFD_CLOEXEC);
	if (fd >= 0 && !copy(fd, at + sizeof hint, hint.bytes)) {
		close(fd);
		return -1;
	}
	return fd;
}

int openat64(int directory, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	va_list arguments;
	uint32_t pid;
	mode_t mode;
	int fd;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t); /* handed on, whether it was given or not: it is just a register */
	va_end(arguments);
	if (!next)
		next = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
	if (hints && strcmp(path, "smaps") == 0 && (pid = process_of(directory, "")) && (fd = open_known(pid)) >= 0)
		return fd;
	return next(directory, path, flags, mode);
}
