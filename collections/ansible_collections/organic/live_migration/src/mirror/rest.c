/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "rest.h"

#include "mirror.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOTS_MAX 64
#define THREADS_MAX 4096
#define PATH_BYTES 96
/* How long children of a thread that is not the first of its process may go unnoticed. */
#define SCAN_EVERY_NS (50 * MS)
#define THREAD_COUNT_FIELD (20 - 3) /* of stat, behind the state, which is field 3 */

struct thread {
	int stat, schedstat;
	int children; /* of the first thread of a process; -1 for the others, or where the kernel lacks it */
	int count;    /* of threads of its process; 0 for the others */
	uint64_t children_hash;
};

static int roots[ROOTS_MAX], root_count;
static struct thread threads[THREADS_MAX];
static int thread_count;
static uint64_t scanned_ns; /* 0: scan again */
static int frozen_events = -1; /* cgroup.events of the first process, where the version 2 freezer is */

static int open_at(int pid, int thread, const char *name)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, thread, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t read_text(int fd, char *text, size_t bytes)
{
	ssize_t n = pread(fd, text, bytes - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

	while (*text)
		hash = (hash ^ (uint8_t)*text++) * 1099511628211ULL;
	return hash;
}

/* Adds the threads of a process, and the PIDs of its children to a list. */
static void scan_process(int pid, int *list, int *listed)
{
	char path[PATH_BYTES], text[4096];
	struct dirent *entry;
	int leader = -1, count = 0;
	DIR *tasks;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		int tid = atoi(entry->d_name);
		struct thread *thread = &threads[thread_count];
		int children;

		if (tid <= 0)
			continue;
		if (thread_count == THREADS_MAX)
			fail("the process has more than %d threads", THREADS_MAX);
		*thread = (struct thread){.stat = open_at(pid, tid, "stat"), .children = -1};
		if (thread->stat < 0)
			continue; /* it has ended */
		thread->schedstat = open_at(pid, tid, "schedstat");
		children = open_at(pid, tid, "children");
		if (children >= 0 && read_text(children, text, sizeof text) > 0)
			for (char *at = text; *at && *listed < THREADS_MAX;) {
				list[(*listed)++] = (int)strtol(at, &at, 10);
				at += strspn(at, " ");
			}
		if (tid == pid && children >= 0) {
			thread->children = children;
			thread->children_hash = hash_of(text);
			children = -1;
		}
		if (tid == pid)
			leader = thread_count;
		if (children >= 0)
			close(children);
		thread_count++;
		count++;
	}
	if (tasks)
		closedir(tasks);
	if (leader >= 0)
		threads[leader].count = count;
}

static void scan(void)
{
	static int list[THREADS_MAX];
	int listed = 0;

	for (int i = 0; i < thread_count; i++) {
		close(threads[i].stat);
		if (threads[i].schedstat >= 0)
			close(threads[i].schedstat);
		if (threads[i].children >= 0)
			close(threads[i].children);
	}
	thread_count = 0;
	for (int i = 0; i < root_count; i++)
		list[listed++] = roots[i];
	for (int i = 0; i < listed; i++)
		scan_process(list[i], list, &listed);
	scanned_ns = now_ns();
}

/* A thread in a frozen group of cgroup version 2 looks like one that sleeps (its state is S); in version 1 it is D. */
static int open_frozen_events(int pid)
{
	char path[PATH_BYTES], line[4096], mount[1024] = "", kind[64], group[2048] = "", events[sizeof mount + sizeof group + 32];
	FILE *file = fopen("/proc/self/mounts", "re");

	while (file && !*mount && fgets(line, sizeof line, file))
		if (sscanf(line, "%*s %1023s %63s", mount, kind) != 2 || strcmp(kind, "cgroup2") != 0)
			*mount = '\0';
	if (file)
		fclose(file);
	snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	while (file && !*group && fgets(line, sizeof line, file))
		sscanf(line, "0::%2047s", group);
	if (file)
		fclose(file);
	if (!*mount || !*group)
		return -1;
	snprintf(events, sizeof events, "%s%s/cgroup.events", mount, group);
	return open(events, O_RDONLY | O_CLOEXEC);
}

static bool is_frozen(void)
{
	char text[128];

	return frozen_events >= 0 && read_text(frozen_events, text, sizeof text) > 0 && strstr(text, "frozen 1");
}

void watch(const char *pids)
{
	char *at = (char *)(uintptr_t)pids;

	if (frozen_events >= 0)
		close(frozen_events);
	root_count = 0;
	while (root_count < ROOTS_MAX && (roots[root_count] = (int)strtol(at, &at, 10)) > 0)
		root_count++;
	frozen_events = root_count ? open_frozen_events(roots[0]) : -1;
	scan();
	if (!thread_count)
		fail("there is no process %s", pids);
}

/* Whether the thread sleeps, and nothing has begun in its process that is not watched yet. */
static bool sleeps(struct thread *thread)
{
	char text[4096], *at;

	if (read_text(thread->stat, text, sizeof text) <= 0 || !(at = strrchr(text, ')')) || !at[1]) {
		scanned_ns = 0; /* it has ended */
		return false;
	}
	at += 2;
	if (*at != 'S' && *at != 'Z' && *at != 'X')
		return false;
	if (thread->count && *at == 'S') {
		for (int field = 0; field < THREAD_COUNT_FIELD && at; field++)
			at = strchr(at + 1, ' ');
		if (!at || atoi(at) != thread->count) {
			scanned_ns = 0;
			return false;
		}
	}
	if (thread->children >= 0) {
		read_text(thread->children, text, sizeof text);
		if (hash_of(text) != thread->children_hash) {
			scanned_ns = 0;
			return false;
		}
	}
	return true;
}

/* How often all threads were given a processor. */
static uint64_t times_run(void)
{
	uint64_t sum = 0;
	char text[128], *at;

	for (int i = 0; i < thread_count; i++) {
		if (threads[i].schedstat < 0 || read_text(threads[i].schedstat, text, sizeof text) <= 0)
			continue;
		at = strrchr(text, ' ');
		sum += at ? strtoull(at, NULL, 10) : 0;
	}
	return sum;
}

bool is_at_rest(void)
{
	uint64_t before;

	if (is_frozen())
		return false;
	if (!scanned_ns || now_ns() - scanned_ns > SCAN_EVERY_NS)
		scan();
	/* two threads that wake each other in turn may each be seen asleep: then one of them ran meanwhile */
	before = thread_count > 1 ? times_run() : 0;
	for (int i = 0; i < thread_count; i++)
		if (!sleeps(&threads[i]))
			return false;
	return thread_count <= 1 || times_run() == before;
}

bool has_ended(void)
{
	char text[4096], *at;

	scan();
	for (int i = 0; i < thread_count; i++)
		if (read_text(threads[i].stat, text, sizeof text) > 0 && (at = strrchr(text, ')')) && at[1] &&
		    at[2] != 'Z' && at[2] != 'X')
			return false;
	return true;
}
