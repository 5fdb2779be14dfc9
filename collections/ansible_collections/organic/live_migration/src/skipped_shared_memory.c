/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: makes CRIU skip the shared memory that the pager moves. CRIU asks where it has data by lseek(2)
 * (criu/shmem.c, next_data_segment): the answer is that all of it is a hole. */
#define _GNU_SOURCE
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static dev_t shared_memory_device(void)
{
	struct stat status;

	return fstat(hints_fd, &status) ? 0 : status.st_dev; /* it is a memfd itself */
}

static bool is_skipped(int fd)
{
	uint64_t count = hints->skipped_shared_count;
	struct stat status;

	if (!count || fstat(fd, &status) || status.st_dev != shared_memory_device())
		return false;
	for (uint64_t i = 0; i < count && i < SKIPPED_SHARED_MAX; i++)
		if (hints->skipped_shared[i] == status.st_ino)
			return true;
	return false;
}

off64_t lseek64(int fd, off64_t offset, int whence)
{
	static off64_t (*next)(int, off64_t, int);

	if (!next)
		next = (off64_t (*)(int, off64_t, int))dlsym(RTLD_NEXT, "lseek64");
	if (hints && whence == SEEK_DATA && is_skipped(fd)) {
		errno = ENXIO;
		return -1;
	}
	return next(fd, offset, whence);
}
