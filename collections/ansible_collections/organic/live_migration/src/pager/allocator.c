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
	char ancillary[CMSG_SPACE(sizeof memfd)] = {0};
	struct iovec vector = {&range, sizeof range};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ancillary,
				 .msg_controllen = sizeof ancillary};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int error = ENOMEM; /* it was killed, as the container's memory is at its limit */

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof memfd);
	memcpy(CMSG_DATA(header), &memfd, sizeof memfd);
	pthread_mutex_lock(&lock);
	if (sendmsg(allocator, &message, MSG_NOSIGNAL) == sizeof range)
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
	char ancillary[CMSG_SPACE(sizeof(int))];
	struct range range;
	struct iovec vector = {&range, sizeof range};

	for (;;) {
		struct msghdr message = {.msg_iov = &vector,
					 .msg_iovlen = 1,
					 .msg_control = ancillary,
					 .msg_controllen = sizeof ancillary};
		ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *header;
		int memfd, error;

		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof range || !(header = CMSG_FIRSTHDR(&message)) || header->cmsg_type != SCM_RIGHTS)
			return;
		memcpy(&memfd, CMSG_DATA(header), sizeof memfd);
		error = allocate_here(memfd, range);
		close(memfd);
		if (send(socket, &error, sizeof error, MSG_NOSIGNAL) != sizeof error)
			return;
	}
}
