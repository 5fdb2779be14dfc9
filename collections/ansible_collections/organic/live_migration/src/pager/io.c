/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "pager.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	flockfile(stderr);
	fputs("Error (pager): ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(arguments);
	_exit(1);
}

static void send_packet(int descriptor, const char *format, va_list arguments)
{
	char packet[1024], ancillary[CMSG_SPACE(sizeof(int))] = {0};
	int n = vsnprintf(packet, sizeof packet, format, arguments);
	struct iovec vector = {packet, (size_t)n};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (n < 0 || (size_t)n >= sizeof packet)
		fail("a packet of %d bytes for the agent is too long", n);
	if (descriptor >= 0) {
		message.msg_control = ancillary;
		message.msg_controllen = sizeof ancillary;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	}
	/* when the agent has died its guardian decides what becomes of us */
	(void)!sendmsg(CONTROL, &message, MSG_NOSIGNAL);
}

void need_resources(bool opened, const char *path)
{
	if (!opened && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		fail("%s: %s", path, strerror(errno));
}

void tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_packet(-1, format, arguments);
	va_end(arguments);
}

void tell_descriptor(int descriptor, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_packet(descriptor, format, arguments);
	va_end(arguments);
}

bool hear(char *command, size_t size, struct connection *connections, int *count)
{
	char ancillary[CMSG_SPACE(sizeof(int) * CONNECTIONS_MAX)];
	struct iovec vector = {command, size - 1};
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
	command[n] = '\0';
	*count = 0;
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < *count; i++)
			connections[i] = (struct connection){.fd = ((const int *)(const void *)CMSG_DATA(header))[i],
							     .sending = PTHREAD_MUTEX_INITIALIZER};
	}
	return true;
}

void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		fail("no memory: %zu bytes", bytes);
	return memory;
}

void *allocate_pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("no memory: %zu bytes", bytes);
	return memory;
}

double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void set_priority(int nice)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;

	while (threads && (thread = readdir(threads)))
		if (thread->d_name[0] != '.')
			setpriority(PRIO_PROCESS, (id_t)atoi(thread->d_name), nice);
	if (threads)
		closedir(threads);
}

bool is_zero_page(const void *page)
{
	const char *bytes = page;

	/* most pages that hold something tell so in their first word */
	return *(const uint64_t *)page == 0 && memcmp(bytes, bytes + 8, PAGE_BYTES - 8) == 0;
}

static bool give_up(struct connection *connection)
{
	connection->broken = true;
	shutdown(connection->fd, SHUT_RDWR);
	return false;
}

static bool send_message(struct connection *connection, struct iovec *vector, int parts)
{
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)parts};

	for (int i = 0; i < parts; i++)
		connection->bytes_sent += vector[i].iov_len;
	while (message.msg_iovlen) {
		ssize_t n = connection->broken ? 0 : sendmsg(connection->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return give_up(connection);
		while (message.msg_iovlen && (size_t)n >= message.msg_iov->iov_len) {
			n -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen) {
			message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + n;
			message.msg_iov->iov_len -= (size_t)n;
		}
	}
	return true;
}

bool send_vector(struct connection *connection, struct iovec *vector, int parts)
{
	bool sent;

	pthread_mutex_lock(&connection->sending);
	sent = send_message(connection, vector, parts);
	pthread_mutex_unlock(&connection->sending);
	return sent;
}

bool send_frame(struct connection *connection, struct frame frame, const void *payload)
{
	struct iovec vector[2] = {{&frame, sizeof frame}, {(void *)(uintptr_t)payload, frame.payload_bytes}};

	return send_vector(connection, vector, payload ? 2 : 1);
}

bool send_ranges(struct connection *connection, enum frame_kind kind, uint32_t process, const struct range *ranges,
		 size_t count)
{
	do {
		size_t n = count < FRAME_RANGES_MAX ? count : FRAME_RANGES_MAX;
		struct frame frame = {.kind = kind, .process = process, .payload_bytes = n * sizeof *ranges};

		if (!send_frame(connection, frame, n ? ranges : NULL))
			return false;
		ranges += n;
		count -= n;
	} while (count);
	return true;
}

bool receive_all(struct connection *connection, void *data, size_t bytes)
{
	char *at = data;

	while (bytes) {
		ssize_t n = connection->broken ? 0 : recv(connection->fd, at, bytes, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return give_up(connection);
		at += n;
		bytes -= (size_t)n;
	}
	return true;
}

bool receive_frame(struct connection *connection, struct frame *frame)
{
	uint64_t bytes;

	if (!receive_all(connection, frame, sizeof *frame))
		return false;
	bytes = frame->payload_bytes;
	switch (frame->kind) {
	case FRAME_PAGES:
		if (bytes && bytes <= FRAME_BYTES_MAX && bytes == frame->length && bytes % PAGE_BYTES == 0 &&
		    frame->address % PAGE_BYTES == 0 && frame->address + bytes > frame->address)
			return true;
		break;
	case FRAME_COMPRESSED:
		if (bytes && bytes <= FRAME_BYTES_MAX && frame->length && frame->length <= FRAME_BYTES_MAX &&
		    frame->length % PAGE_BYTES == 0 && frame->address % PAGE_BYTES == 0 &&
		    frame->address + frame->length > frame->address)
			return true;
		break;
	case FRAME_ZERO:
	case FRAME_REQUEST:
		if (!bytes && frame->length && frame->address % PAGE_BYTES == 0 && frame->length % PAGE_BYTES == 0 &&
		    frame->length <= MEMORY_MAX && frame->address <= ADDRESS_END - frame->length)
			return true;
		break;
	case FRAME_EXTENTS:
	case FRAME_PRESENT:
	case FRAME_STALE:
	case FRAME_WIPED:
	case FRAME_RECEIVED:
		if (bytes <= FRAME_BYTES_MAX && bytes % sizeof(struct range) == 0)
			return true;
		break;
	case FRAME_BARRIER:
	case FRAME_BARRIER_DONE:
		if (!bytes)
			return true;
		break;
	}
	return give_up(connection);
}
