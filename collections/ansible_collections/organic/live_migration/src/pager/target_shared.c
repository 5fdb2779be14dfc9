/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include "../shared_memory_socket.h"
#include "allocator.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct shared_memory {
	uint64_t inode; /* on the source */
	int memfd;
	char *mapped;
	uint64_t mapped_bytes;
	uint8_t *allocated; /* for each page whether it is there */
};

static struct shared_memory *received[SHARED_MAX];
static uint64_t total_bytes;
/* Held for reading to store pages, for writing to create shared memory or to change its size. */
static pthread_rwlock_t layout = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* Memory of `bytes` at a place of its own choice; what was there before stays. */
static void *remap(void *before, uint64_t bytes_before, uint64_t bytes, int memfd)
{
	void *now;

	if (before)
		now = mremap(before, bytes_before, bytes, MREMAP_MAYMOVE);
	else
		now = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   memfd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, memfd, 0);
	if (now == MAP_FAILED)
		fail("shared memory of %lu bytes cannot be mapped: %s", bytes, strerror(errno));
	return now;
}

/* False when there would be more than is valid. */
static bool resize(struct shared_memory *memory, uint64_t size)
{
	uint64_t bytes = whole_pages(size), before = memory->mapped_bytes, pages = bytes / PAGE_BYTES;

	if (total_bytes - before + bytes > MEMORY_MAX)
		return false;
	memory->allocated = remap(memory->allocated, whole_pages(before / PAGE_BYTES), whole_pages(pages), -1);
	memory->mapped = remap(memory->mapped, before, bytes, memory->memfd);
	if (ftruncate(memory->memfd, (off_t)size))
		fail("shared memory of %lu bytes: %s", size, strerror(errno));
	if (bytes < before) /* the pages behind its end are gone */
		memset(memory->allocated + pages, 0, whole_pages(pages) - pages);
	memory->mapped_bytes = bytes;
	total_bytes += bytes - before;
	return true;
}

static struct shared_memory *create(const struct frame *frame, const char *payload)
{
	struct shared_memory *memory = allocate(sizeof *memory);

	memory->inode = frame->address;
	memory->memfd = memfd_create(payload + 1, MFD_CLOEXEC | (payload[0] ? MFD_ALLOW_SEALING : 0));
	if (memory->memfd < 0)
		fail("memfd_create: %s", strerror(errno));
	return memory;
}

bool receive_shared_memory(struct connection *connection, const struct frame *frame)
{
	char payload[1 + SHARED_NAME_MAX + 1] = {0};
	uint32_t number = frame->ns_pid & ~SHARED_MEMORY;
	struct shared_memory **memory;
	bool good;

	if (!(frame->ns_pid & SHARED_MEMORY) || number >= SHARED_MAX ||
	    !receive_all(connection, payload, frame->payload_bytes))
		return false;
	pthread_rwlock_wrlock(&layout);
	memory = &received[number];
	if (!*memory)
		*memory = create(frame, payload);
	good = (*memory)->inode == frame->address && resize(*memory, frame->length);
	pthread_rwlock_unlock(&layout);
	return good;
}

/* The shared memory of a frame, if the frame lies within it. The caller holds `layout`. */
static struct shared_memory *memory_of(const struct frame *frame)
{
	uint32_t number = frame->ns_pid & ~SHARED_MEMORY;
	struct shared_memory *memory = number < SHARED_MAX ? received[number] : NULL;

	return memory && frame->length <= memory->mapped_bytes &&
			       frame->address <= memory->mapped_bytes - frame->length
		       ? memory
		       : NULL;
}

/* Has pages allocated that are not there yet: in the name of the container, see allocator.h. */
static void allocate_missing(struct shared_memory *memory, uint64_t start, uint64_t end)
{
	for (uint64_t at = start, from; at < end; at += PAGE_BYTES) {
		for (from = at; at < end && !memory->allocated[at / PAGE_BYTES]; at += PAGE_BYTES)
			memory->allocated[at / PAGE_BYTES] = true;
		if (from < at)
			allocate_shared(memory->memfd, from, at - from);
	}
}

bool store_shared_pages(struct connection *connection, const struct frame *frame, const char *data)
{
	struct shared_memory *memory;
	bool good = false;

	pthread_rwlock_rdlock(&layout);
	memory = memory_of(frame);
	if (memory) {
		allocate_missing(memory, frame->address, frame->address + frame->length);
		if (data)
			memcpy(memory->mapped + frame->address, data, frame->length);
		good = data || receive_all(connection, memory->mapped + frame->address, frame->length);
	}
	pthread_rwlock_unlock(&layout);
	return good;
}

bool zero_shared_pages(const struct frame *frame)
{
	struct shared_memory *memory;

	pthread_rwlock_rdlock(&layout);
	memory = memory_of(frame);
	for (uint64_t at = frame->address; memory && at < frame->address + frame->length; at += PAGE_BYTES)
		if (memory->allocated[at / PAGE_BYTES])
			memset(memory->mapped + at, 0, PAGE_BYTES);
	pthread_rwlock_unlock(&layout);
	return memory;
}

int listen_for_shared_memory(int images)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SHARED_MEMORY_SOCKET};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fchdir(images) || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
	    listen(listener, SOMAXCONN))
		fail("no socket for shared memory: %s", strerror(errno));
	return listener;
}

static int memfd_of(uint64_t inode)
{
	int memfd = -1;

	pthread_rwlock_rdlock(&layout);
	for (size_t i = 0; i < SHARED_MAX; i++)
		if (received[i] && received[i]->inode == inode)
			memfd = received[i]->memfd;
	pthread_rwlock_unlock(&layout);
	return memfd;
}

void give_shared_memory(int listener)
{
	int criu = accept4(listener, NULL, NULL, SOCK_CLOEXEC), memfd;
	struct shared_memory_answer answer;
	uint64_t inode;

	if (criu < 0)
		return;
	if (recv(criu, &inode, sizeof inode, MSG_WAITALL) == sizeof inode) {
		memfd = memfd_of(inode);
		answer.given = memfd >= 0;
		send_with_descriptor(criu, &answer, sizeof answer, memfd); /* CRIU fails when no answer comes */
	}
	close(criu);
}
