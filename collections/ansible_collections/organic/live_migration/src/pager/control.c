/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void send_packet(int descriptor, const char *format, va_list arguments)
{
	char packet[1024];
	int n = vsnprintf(packet, sizeof packet, format, arguments);

	if (n < 0 || (size_t)n >= sizeof packet)
		fail("a packet of %d bytes for the agent is too long", n);
	/* an error means that the agent has died: its watchdog decides whether this pager goes on */
	send_with_descriptor(CONTROL, packet, (size_t)n, descriptor);
}

void send_event(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_packet(-1, format, arguments);
	va_end(arguments);
}

void send_event_with_fd(int descriptor, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_packet(descriptor, format, arguments);
	va_end(arguments);
}

bool receive_command(struct request *request)
{
	char ancillary[CMSG_SPACE(sizeof(int) * CONNECTIONS_MAX)];
	struct iovec vector = {request->text, sizeof request->text - 1};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ancillary,
				 .msg_controllen = sizeof ancillary};
	struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	request->text[n] = '\0';
	request->connection_count = 0;
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		const int *descriptors = (const int *)(const void *)CMSG_DATA(header);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		request->connection_count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < request->connection_count; i++)
			request->connections[i] = (struct connection){.fd = descriptors[i],
								      .send_lock = PTHREAD_MUTEX_INITIALIZER};
	}
	return true;
}

void handle_command(const struct command *commands, size_t count, struct request *request)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(commands[i].name);
		char end = commands[i].has_argument ? ' ' : '\0';

		if (strncmp(request->text, commands[i].name, length) != 0 || request->text[length] != end)
			continue;
		request->argument = request->text + length + commands[i].has_argument;
		commands[i].run(request);
		return;
	}
	fail("unknown command '%s'", request->text);
}
