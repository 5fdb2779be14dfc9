/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The receiving end of sd_notify(3). Its socket is abstract, as a container may have no directory that can be written
 * to. The kernel chooses the name: containers on the network of the host share one space of names.
 */
#define _GNU_SOURCE
#include "notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READY "READY=1"

static bool prepare(int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	char name[sizeof(address.sun_path) + 1] = "@";
	size_t in_name;
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 || fcntl(fd, F_SETOWN, getpid()) != 0 ||
	    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		return false;
	/* The first byte of an abstract name is zero, which is written as '@'. */
	in_name = length - sizeof(address.sun_family) - 1;
	memcpy(name + 1, address.sun_path + 1, in_name);
	name[1 + in_name] = '\0';
	return setenv("NOTIFY_SOCKET", name, 1) == 0;
}

int notify_open(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !prepare(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The kernel gives 0 for a process that this PID namespace does not see. */
static bool from_this_container(struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		struct ucred sender;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&sender, CMSG_DATA(part), sizeof(sender));
		return sender.pid > 0;
	}
	return false;
}

static bool has_ready_line(char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strcmp(line, READY) == 0)
			return true;
	return false;
}

bool notify_is_ready(int fd)
{
	char text[4096], control[CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(sizeof(size_t))));
	bool is_ready = false;

	for (;;) {
		struct iovec buffer = {.iov_base = text, .iov_len = sizeof(text) - 1};
		struct msghdr message = {
			.msg_iov = &buffer, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		/* Descriptors that come along (FDSTORE=1) do not fit into control: the kernel closes them. */
		ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

		if (length < 0)
			return is_ready;
		text[length] = '\0';
		is_ready = (from_this_container(&message) && has_ready_line(text)) || is_ready;
	}
}
