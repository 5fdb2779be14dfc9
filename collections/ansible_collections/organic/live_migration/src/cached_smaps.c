/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: lets CRIU read a cached copy of /proc/PID/smaps. For the file the kernel walks all pages of a
 * process, 20 to 70 ms for a gigabyte, to count them. CRIU reads only which VMAs there are and their flags
 * (criu/proc_parse.c, parse_smaps), but no other file has both. The pager reads smaps before the freeze; if
 * /proc/PID/maps shows the same VMAs during the freeze, CRIU gets this copy (see pager/vmas.h). */
#define _GNU_SOURCE
#include "preload.h"

#include <fcntl.h>
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

/* Opens a file with the cached smaps of a process; -1 when there is none. */
static int open_cached(uint32_t pid)
{
	uint64_t at = hints->smaps_at;
	struct smaps_hint hint;
	int fd;

	for (;; at += sizeof hint + hint.bytes) {
		if (!at || pread(hints_fd, &hint, sizeof hint, (off_t)at) != (ssize_t)sizeof hint)
			return -1;
		if (hint.ns_pid == pid)
			break;
	}
	fd = memfd_create("smaps", MFD_CLOEXEC);
	if (fd >= 0 && !copy(fd, at + sizeof hint, hint.bytes)) {
		close(fd);
		return -1;
	}
	return fd;
}

int open_cached_smaps(int directory, const char *path)
{
	uint32_t pid;

	return hints && strcmp(path, "smaps") == 0 && (pid = pid_of_proc_file(directory, "")) ? open_cached(pid) : -1;
}
