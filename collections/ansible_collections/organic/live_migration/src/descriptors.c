/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The descriptors that the init gets from the engine.
 */
#define _GNU_SOURCE
#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

void close_inherited_descriptors(void)
{
	struct dirent *entry;
	DIR *directory;

	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
	directory = opendir("/proc/self/fd"); /* Linux < 5.9, or an old seccomp profile */
	if (!directory) {
		struct rlimit limit = {.rlim_cur = 1024};

		getrlimit(RLIMIT_NOFILE, &limit);
		for (rlim_t fd = 3; fd < limit.rlim_cur && fd < 1 << 20; fd++)
			close((int)fd);
		return;
	}
	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name);

		if (fd > 2 && fd != dirfd(directory))
			close(fd);
	}
	closedir(directory);
}

void open_missing_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EX_OSERR);
}
