/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mirror source NETNS QUEUES STREAM FIRST_QUEUE MAX_WAIT_US ADDRESS... mirror target NETNS QUEUES STREAM FIRST_QUEUE
 * ADDRESS...
 *
 * Gives the clone of a process the input of the process (docs/protocol.md, "Commands to the mirror"). NETNS is a
 * descriptor of the container's network namespace, QUEUES one of a netlink socket in it (NETLINK_NETFILTER), STREAM one
 * of the connection to the other mirror. ADDRESS is one of the container. */
#define _GNU_SOURCE
#include "mirror.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define EXIT_USAGE 64
#define QUEUE_NUMBER_MAX 65535

int main(int count, char **arguments)
{
	bool source = count >= 8 && strcmp(arguments[1], "source") == 0;
	bool target = count >= 7 && strcmp(arguments[1], "target") == 0;
	struct rlimit descriptors;
	int first = 6 + source, queue;

	if ((!source && !target) || count - first > ADDRESSES_MAX) {
		fputs("usage: mirror source NETNS QUEUES STREAM FIRST_QUEUE MAX_WAIT_US ADDRESS...\n"
		      "       mirror target NETNS QUEUES STREAM FIRST_QUEUE ADDRESS...\n",
		      stderr);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &descriptors); /* each watched thread needs two */
	descriptors.rlim_cur = descriptors.rlim_max;
	setrlimit(RLIMIT_NOFILE, &descriptors);
	if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = MIRROR_PRIORITY}))
		setpriority(PRIO_PROCESS, 0, MIRROR_NICE);
	prctl(PR_SET_TIMERSLACK, 1UL); /* waits of some microseconds must not take 50 */
	if (setns(atoi(arguments[2]), CLONE_NEWNET))
		fail("the network namespace cannot be entered: %m");
	queue = atoi(arguments[5]);
	if (queue < 0 || queue > QUEUE_NUMBER_MAX - QUEUES)
		fail("there is no queue %d", queue);
	if (source)
		run_source(atoi(arguments[3]), atoi(arguments[4]), (uint16_t)queue,
			   strtoull(arguments[6], NULL, 10) * 1000, arguments + first, count - first);
	else
		run_target(atoi(arguments[3]), atoi(arguments[4]), (uint16_t)queue, arguments + first, count - first);
	return 0;
}
