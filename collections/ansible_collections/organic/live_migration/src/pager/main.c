/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pager source PID HINTS [CONNECTION...] pager target IMAGES INIT ALLOCATOR CONNECTION... pager allocate SOCKET
 * pager check
 *
 * Moves the memory of a process tree to another host. It is started by the agents of organic.live_migration, one pager
 * on each host. PID is the first process of the tree; the other arguments are descriptors: HINTS of the file for
 * preload.so, IMAGES of CRIU's image directory, INIT of the first process of the container (pidfd_open(2)), and
 * ALLOCATOR to a "pager allocate" in the container's cgroup (allocator.h), or -1, CONNECTION to the other pager. "check"
 * prints what the kernel lacks. */
#include "allocator.h"
#include "pager.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define EXIT_USAGE 64

int main(int count, char **arguments)
{
	static struct connection connections[CONNECTIONS_MAX];
	bool source = count >= 4 && strcmp(arguments[1], "source") == 0;
	bool target = count >= 6 && strcmp(arguments[1], "target") == 0;
	struct rlimit descriptors;
	int first = target ? 5 : 4;

	if (count == 2 && strcmp(arguments[1], "check") == 0)
		return run_check();
	if (count == 3 && strcmp(arguments[1], "allocate") == 0) {
		run_allocator(atoi(arguments[2]));
		return 0;
	}
	if ((!source && !target) || count - first > CONNECTIONS_MAX) {
		fputs("usage: pager source PID HINTS [CONNECTION...]\n"
		      "       pager target IMAGES INIT ALLOCATOR CONNECTION...\n"
		      "       pager allocate SOCKET\n"
		      "       pager check\n",
		      stderr);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &descriptors); /* each process needs several */
	descriptors.rlim_cur = descriptors.rlim_max;
	setrlimit(RLIMIT_NOFILE, &descriptors);
	for (int i = first; i < count; i++)
		connections[i - first] =
			(struct connection){.fd = atoi(arguments[i]), .send_lock = PTHREAD_MUTEX_INITIALIZER};
	if (target)
		set_allocator(atoi(arguments[4]));
	if (source)
		run_source(atoi(arguments[2]), connections, count - first, atoi(arguments[3]));
	else
		run_target(connections, count - first, atoi(arguments[2]), atoi(arguments[3]));
	return 0;
}
