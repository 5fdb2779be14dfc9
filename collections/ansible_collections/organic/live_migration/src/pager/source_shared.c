/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#define XXH_INLINE_ALL
#include "shared_memory.h"

#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; an older kernel returns an error, which does no harm */
#endif

/* As CRIU restores them (criu/memfd.c): only a memfd that may be sealed can lack this seal. */
#define MAY_NOT_BE_SEALED F_SEAL_SEAL
#define DELETED " (deleted)"
static const char ANONYMOUS_NAME[] = "/dev/zero" DELETED;
static const char MEMFD_PREFIX[] = "/memfd:";

struct shared_memory {
	struct process process; /* as what its jobs name it: `memory` is the file, ns_pid its number */
	uint64_t inode, size;	/* in bytes, as the target knows it */
	bool may_be_sealed;
	char name[SHARED_NAME_MAX + 1];
	char *mapped;
	uint64_t mapped_bytes;
	/* For each chunk with pages that were sent: their hashes. 0 stands for a page of zeros, as all are on the target
	 * in the beginning. */
	XXH128_hash_t **hashes;
	size_t hash_chunks;
};

static struct shared_memory *known[SHARED_MAX];
static size_t known_count;
static _Atomic uint64_t pages_claimed;

bool is_shared_memory(const struct process *process)
{
	return process->ns_pid & SHARED_MEMORY;
}

static struct shared_memory *memory_of(const struct process *process)
{
	return known[process->ns_pid & ~SHARED_MEMORY];
}

/* The device of all memfds and anonymous shared mappings, but those of huge pages. */
static dev_t shared_memory_device(void)
{
	static dev_t device;
	struct stat status;
	int memfd;

	if (device)
		return device;
	memfd = memfd_create("device", MFD_CLOEXEC);
	if (memfd < 0 || fstat(memfd, &status))
		fail("no memfd: %s", strerror(errno));
	close(memfd);
	return device = status.st_dev;
}

/* Seals (memfd_create(2)) may forbid the target to write the pages: CRIU then moves them. */
static bool is_sealed(int file)
{
	int seals = fcntl(file, F_GET_SEALS);

	return seals < 0 || seals & ~MAY_NOT_BE_SEALED;
}

static void map(struct shared_memory *memory)
{
	uint64_t bytes = whole_pages(memory->size);
	size_t chunks = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;

	if (memory->mapped)
		munmap(memory->mapped, memory->mapped_bytes);
	memory->mapped = NULL;
	memory->mapped_bytes = bytes;
	if (bytes) {
		memory->mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, memory->process.memory, 0);
		if (memory->mapped == MAP_FAILED)
			fail("shared memory of %lu bytes cannot be mapped: %s", bytes, strerror(errno));
	}
	if (chunks > memory->hash_chunks) {
		memory->hashes = realloc(memory->hashes, chunks * sizeof *memory->hashes);
		if (!memory->hashes)
			fail("no memory for %zu chunks", chunks);
		memset(memory->hashes + memory->hash_chunks, 0,
		       (chunks - memory->hash_chunks) * sizeof *memory->hashes);
		memory->hash_chunks = chunks;
	}
}

/* The target loses what lies behind a new end. */
static void forget_behind(struct shared_memory *memory, uint64_t end)
{
	for (size_t chunk = whole_pages(end) / CHUNK_BYTES; chunk < memory->hash_chunks; chunk++)
		for (size_t page = 0; memory->hashes[chunk] && page < CHUNK_PAGES; page++)
			if (chunk * CHUNK_BYTES + page * PAGE_BYTES >= whole_pages(end))
				memory->hashes[chunk][page] = (XXH128_hash_t){0, 0};
}

static void announce(struct shared_memory *memory, uint64_t size)
{
	char payload[1 + SHARED_NAME_MAX];
	size_t length = strlen(memory->name);
	struct frame frame = {.kind = FRAME_SHARED, .ns_pid = memory->process.ns_pid, .address = memory->inode,
			      .length = size, .payload_bytes = 1 + length};

	payload[0] = memory->may_be_sealed;
	memcpy(payload + 1, memory->name, length);
	send_frame(&source.connections[0], frame, payload);
	forget_behind(memory, size);
	memory->size = size;
	map(memory);
}

static bool is_known(uint64_t inode)
{
	for (size_t i = 0; i < known_count; i++)
		if (known[i]->inode == inode)
			return true;
	return false;
}

/* Adds the shared memory at a path, which a process may have given up meanwhile. The file stays open, so that nothing
 * else gets its inode. */
static void add(const char *path, const char *link)
{
	struct shared_memory *memory;
	size_t length = 0;
	struct stat status;
	int file;

	if (known_count == SHARED_MAX)
		return;
	file = open(path, O_RDONLY | O_CLOEXEC);
	need_resources(file >= 0, path);
	if (file < 0)
		return;
	if (strncmp(link, MEMFD_PREFIX, sizeof MEMFD_PREFIX - 1) == 0)
		length = strlen(link) - (sizeof MEMFD_PREFIX - 1) - (sizeof DELETED - 1);
	if (fstat(file, &status) || status.st_dev != shared_memory_device() || status.st_size <= 0 ||
	    (uint64_t)status.st_size > MEMORY_MAX || is_known(status.st_ino) || is_sealed(file) ||
	    length > SHARED_NAME_MAX) {
		close(file);
		return;
	}
	memory = allocate(sizeof *memory);
	memory->process = (struct process){.memory = file, .pagemap = -1, .uffd = -1,
					   .ns_pid = SHARED_MEMORY | (uint32_t)known_count};
	memory->inode = status.st_ino;
	memory->may_be_sealed = !(fcntl(file, F_GET_SEALS) & MAY_NOT_BE_SEALED);
	memcpy(memory->name, link + sizeof MEMFD_PREFIX - 1, length);
	known[known_count++] = memory;
	announce(memory, (uint64_t)status.st_size);
}

static bool is_deleted(const char *link, size_t length)
{
	return length >= sizeof DELETED - 1 && strcmp(link + length - (sizeof DELETED - 1), DELETED) == 0;
}

static bool names_shared_memory(const char *link)
{
	return strcmp(link, ANONYMOUS_NAME) == 0 ||
	       (strncmp(link, MEMFD_PREFIX, sizeof MEMFD_PREFIX - 1) == 0 && is_deleted(link, strlen(link)));
}

static void find_mapped(pid_t pid)
{
	unsigned long start, end, inode;
	char path[64], *line = NULL, *link;
	size_t room = 0;
	FILE *maps;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	need_resources(maps, path);
	while (maps && (n = getline(&line, &room, maps)) > 0) {
		line[n - 1] = '\0';
		link = strchr(line, '/');
		if (!link || !names_shared_memory(link) ||
		    sscanf(line, "%lx-%lx %*s %*x %*s %lu", &start, &end, &inode) != 3 || is_known(inode))
			continue;
		snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx", (int)pid, start, end);
		add(path, link);
	}
	if (maps)
		fclose(maps);
	free(line);
}

/* A memfd need not be mapped. */
static void find_open(pid_t pid)
{
	char path[64 + NAME_MAX], link[PATH_MAX];
	struct dirent *descriptor;
	DIR *descriptors;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	descriptors = opendir(path);
	need_resources(descriptors, path);
	while (descriptors && (descriptor = readdir(descriptors))) {
		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, descriptor->d_name);
		n = readlink(path, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		if (names_shared_memory(link))
			add(path, link);
	}
	if (descriptors)
		closedir(descriptors);
}

void find_shared_memory(void)
{
	if (!source.connection_count)
		return; /* pages are only counted */
	for (size_t i = 0; i < process_count; i++) {
		if (!processes[i]->alive)
			continue;
		find_mapped(processes[i]->pid);
		find_open(processes[i]->pid);
	}
}

void announce_shared_sizes(void)
{
	struct stat status;

	for (size_t i = 0; i < known_count; i++)
		if (!fstat(known[i]->process.memory, &status) && (uint64_t)status.st_size != known[i]->size &&
		    status.st_size > 0 && (uint64_t)status.st_size <= MEMORY_MAX)
			announce(known[i], (uint64_t)status.st_size);
}

static void add_shared_job(struct shared_memory *memory, uint64_t start, uint64_t end, bool zero)
{
	uint64_t seen = pages_seen; /* whether they were written is known once they are hashed */

	add_job(&memory->process, start, end, zero);
	pages_seen = seen;
}

static void add_data(struct shared_memory *memory, uint64_t start, uint64_t end)
{
	for (size_t chunk = start / CHUNK_BYTES; chunk * CHUNK_BYTES < end; chunk++)
		if (!memory->hashes[chunk])
			memory->hashes[chunk] = allocate(CHUNK_PAGES * sizeof(XXH128_hash_t));
	if (!source.frozen)
		madvise(memory->mapped + start, end - start, MADV_POPULATE_READ);
	add_shared_job(memory, start, end, false);
}

/* A hole, which reading would fill. */
static void add_hole(struct shared_memory *memory, uint64_t start, uint64_t end)
{
	for (uint64_t at = start, next; at < end; at = next) {
		next = (at / CHUNK_BYTES + 1) * CHUNK_BYTES;
		next = next < end ? next : end;
		if (memory->hashes[at / CHUNK_BYTES]) /* else no page of the chunk was sent */
			add_shared_job(memory, at, next, true);
	}
}

void add_shared_jobs(void)
{
	for (size_t i = 0; i < known_count; i++) {
		struct shared_memory *memory = known[i];
		uint64_t end = memory->mapped_bytes, at = 0;

		while (at < end) {
			off_t data = lseek(memory->process.memory, (off_t)at, SEEK_DATA);
			off_t hole = data < 0 ? -1 : lseek(memory->process.memory, data, SEEK_HOLE);
			uint64_t from = data < 0 || (uint64_t)data > end ? end : (uint64_t)data / PAGE_BYTES * PAGE_BYTES;
			uint64_t to = hole < 0 || (uint64_t)hole > end ? end : whole_pages((uint64_t)hole);

			if (at < from)
				add_hole(memory, at, from);
			if (from < to)
				add_data(memory, from, to);
			at = from < to ? to : end;
		}
	}
}

size_t list_shared_memory(uint64_t *inodes, size_t room)
{
	struct stat status;
	size_t count = 0;

	for (size_t i = 0; i < known_count && count < room; i++)
		if (!fstat(known[i]->process.memory, &status) && (uint64_t)status.st_size == known[i]->size &&
		    !is_sealed(known[i]->process.memory))
			inodes[count++] = known[i]->inode;
	return count;
}

char *shared_page(const struct process *process, uint64_t offset)
{
	return memory_of(process)->mapped + offset;
}

bool claim_shared_page(struct process *process, uint64_t offset, const void *page)
{
	XXH128_hash_t *known_hash = &memory_of(process)->hashes[offset / CHUNK_BYTES][offset % CHUNK_BYTES / PAGE_BYTES];
	XXH128_hash_t hash = page ? XXH3_128bits(page, PAGE_BYTES) : (XXH128_hash_t){0, 0};

	if (XXH128_isEqual(hash, *known_hash))
		return false;
	*known_hash = hash;
	pages_claimed++;
	return true;
}

uint64_t take_shared_pages_claimed(void)
{
	uint64_t claimed = pages_claimed;

	pages_claimed -= claimed;
	return claimed;
}
