/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "allocator.h"

#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int allocator = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one question at a time */

void set_allocator(int socket)
{
	allocator = socket;
}

static int allocate_here(int memfd, struct range range)
{
	int result;

	do
		result = fallocate(memfd, FALLOC_FL_KEEP_SIZE, (off_t)range.start, (off_t)(range.end - range.start));
	while (result && errno == EINTR);
	return result ? errno : 0;
}

static int ask(int memfd, struct range range)
{
	int error = ENOMEM; /* it was killed, as the container's memory is at its limit */

	pthread_mutex_lock(&lock);
	if (send_with_descriptor(allocator, &range, sizeof range, memfd))
		(void)!recv(allocator, &error, sizeof error, 0);
	pthread_mutex_unlock(&lock);
	return error;
}

void allocate_shared(int memfd, uint64_t start, uint64_t bytes)
{
	struct range range = {start, start + bytes};
	int error = allocator < 0 ? allocate_here(memfd, range) : ask(memfd, range);

	if (error)
		fail("the container has no memory for its shared memory: %s", strerror(error));
}

void run_allocator(int socket)
{
	struct range range;
	int memfd, error;

	while (receive_with_descriptor(socket, &range, sizeof range, &memfd) == sizeof range && memfd >= 0) {
		error = allocate_here(memfd, range);
		close(memfd);
		if (send(socket, &error, sizeof error, MSG_NOSIGNAL) != sizeof error)
			break;
	}
}
