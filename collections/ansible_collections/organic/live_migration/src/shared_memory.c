/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: lets CRIU's restore use the shared memory that the pager has received before the freeze. CRIU
 * creates a memfd, and then opens the images with its pages (criu/shmem.c, open_shmem, and criu/memfd.c,
 * memfd_open_inode_nocache): at that moment the pager's memfd takes its place. */
#define _GNU_SOURCE
#include "preload.h"
#include "shared_memory_socket.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char IMAGE_PREFIX[] = "pagemap-shmem-";

static bool is_restoring;
static int last_memfd = -1;

__attribute__((constructor)) static void look_at_environment(void)
{
	is_restoring = getenv("CRIU_SHARED_MEMORY") != NULL;
}

int memfd_create(const char *name, unsigned int flags)
{
	static int (*next)(const char *, unsigned int);

	if (!next)
		next = (int (*)(const char *, unsigned int))dlsym(RTLD_NEXT, "memfd_create");
	return last_memfd = next(name, flags);
}

/* Asks the pager; returns its memfd, -1 when the images have the content, and -2 when no answer came. */
static int ask(int socket, uint64_t inode)
{
	char ancillary[CMSG_SPACE(sizeof(int))];
	struct shared_memory_answer answer;
	struct iovec vector = {&answer, sizeof answer};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ancillary,
				 .msg_controllen = sizeof ancillary};
	struct cmsghdr *header;
	int memfd = -2;

	if (send(socket, &inode, sizeof inode, MSG_NOSIGNAL) != sizeof inode ||
	    recvmsg(socket, &message, MSG_WAITALL) != sizeof answer)
		return -2;
	if (!answer.given)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&memfd, CMSG_DATA(header), sizeof memfd);
	return memfd;
}

static bool adopt(int socket, uint64_t inode)
{
	int memfd = ask(socket, inode);
	bool adopted;

	if (memfd < 0)
		return memfd == -1;
	adopted = last_memfd >= 0 && dup2(memfd, last_memfd) == last_memfd;
	close(memfd);
	return adopted;
}

bool adopt_shared_memory(int directory, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint64_t inode = 0;
	bool good;
	int fd;

	if (!is_restoring || strncmp(path, IMAGE_PREFIX, sizeof IMAGE_PREFIX - 1) != 0)
		return true;
	for (const char *c = path + sizeof IMAGE_PREFIX - 1; *c >= '0' && *c <= '9'; c++)
		inode = inode * 10 + (uint64_t)(*c - '0'); /* strtoul has a newer symbol version, see prlimit_fallback.c */
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, SHARED_MEMORY_SOCKET);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	good = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof address) &&
	       adopt(fd, inode);
	if (fd >= 0)
		close(fd);
	if (!good)
		errno = EIO; /* without its content the process must not run */
	return good;
}
