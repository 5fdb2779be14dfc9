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

void need_resources(bool opened, const char *path)
{
	if (!opened && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		fail("%s: %s", path, strerror(errno));
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

	/* the first word of most pages decides */
	return *(const uint64_t *)page == 0 && memcmp(bytes, bytes + 8, PAGE_BYTES - 8) == 0;
}

static bool mark_lost(struct connection *connection)
{
	connection->lost = true;
	shutdown(connection->fd, SHUT_RDWR);
	return false;
}

static bool send_message(struct connection *connection, struct iovec *vector, int parts)
{
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)parts};

	for (int i = 0; i < parts; i++)
		connection->bytes_sent += vector[i].iov_len;
	while (message.msg_iovlen) {
		ssize_t n = connection->lost ? 0 : sendmsg(connection->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return mark_lost(connection);
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

	pthread_mutex_lock(&connection->send_lock);
	sent = send_message(connection, vector, parts);
	pthread_mutex_unlock(&connection->send_lock);
	return sent;
}

bool send_frame(struct connection *connection, struct frame frame, const void *payload)
{
	struct iovec vector[2] = {{&frame, sizeof frame}, {(void *)(uintptr_t)payload, frame.payload_bytes}};

	return send_vector(connection, vector, payload ? 2 : 1);
}

bool send_ranges(struct connection *connection, enum frame_kind kind, uint32_t ns_pid, const struct range *ranges,
		 size_t count)
{
	do {
		size_t n = count < FRAME_RANGES_MAX ? count : FRAME_RANGES_MAX;
		struct frame frame = {.kind = kind, .ns_pid = ns_pid, .payload_bytes = n * sizeof *ranges};

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
		ssize_t n = connection->lost ? 0 : recv(connection->fd, at, bytes, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return mark_lost(connection);
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
	case FRAME_VMAS:
	case FRAME_PRESENT:
	case FRAME_STALE:
	case FRAME_WIPE_ON_FORK:
	case FRAME_RECEIVED:
		if (bytes <= FRAME_BYTES_MAX && bytes % sizeof(struct range) == 0)
			return true;
		break;
	case FRAME_SHARED:
		if (bytes && bytes <= 1 + SHARED_NAME_MAX && frame->length && frame->length <= MEMORY_MAX)
			return true;
		break;
	case FRAME_BARRIER:
	case FRAME_BARRIER_DONE:
		if (!bytes)
			return true;
		break;
	}
	return mark_lost(connection);
}

bool send_with_descriptor(int socket, const void *data, size_t bytes, int descriptor)
{
	char ancillary[CMSG_SPACE(sizeof descriptor)] = {0};
	struct iovec vector = {(void *)(uintptr_t)data, bytes};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (descriptor >= 0) {
		message.msg_control = ancillary;
		message.msg_controllen = sizeof ancillary;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof descriptor);
		memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)bytes;
}

ssize_t receive_with_descriptor(int socket, void *data, size_t bytes, int *descriptor)
{
	char ancillary[CMSG_SPACE(sizeof *descriptor)];
	struct iovec vector = {data, bytes};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ancillary,
				 .msg_controllen = sizeof ancillary};
	struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	*descriptor = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
	return n;
}
