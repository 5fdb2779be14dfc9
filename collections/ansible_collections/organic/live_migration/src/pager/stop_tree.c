/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "stop_tree.h"

#include "pager.h"
#include "tracer.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A thread that takes longer to stop may wait for another that we have stopped, as in vfork(2). */
#define STOP_TOGETHER_MS 50.0

static pid_t *stopped;
static size_t stopped_count;
static pthread_mutex_t stopped_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool stopping;

void release_tree(void)
{
	double deadline = now_ms() + STOP_PATIENCE_MS;

	pthread_mutex_lock(&stopped_lock);
	while (stopped_count && now_ms() < deadline) {
		for (size_t i = 0; i < stopped_count; i++)
			if (release_thread(stopped[i]))
				stopped[i--] = stopped[--stopped_count];
		if (stopped_count)
			await_signal(1);
	}
	if (stopped_count)
		fail("%zu threads that stood still do not go on", stopped_count); /* the kernel lets them */
	pthread_mutex_unlock(&stopped_lock);
}

/* Who calls execve(2) waits until its other threads have been waited for, by us if we have stopped them, and keeps us from
 * tracing another one meanwhile. So this is a thread of its own. */
static void *attend_the_ended(void *nothing)
{
	while (stopping) {
		pthread_mutex_lock(&stopped_lock);
		for (size_t i = 0; i < stopped_count; i++)
			if (has_ended(stopped[i]))
				stopped[i--] = stopped[--stopped_count];
		pthread_mutex_unlock(&stopped_lock);
		nanosleep(&(struct timespec){0, 1000000}, NULL); /* there is no event for one of several */
	}
	return nothing;
}

/* Whether it stands still; one that does no more is forgotten. */
static bool is_stopped(pid_t tid)
{
	char text[1024], *at;
	bool found = false;

	pthread_mutex_lock(&stopped_lock);
	for (size_t i = 0; i < stopped_count && !found; i++) {
		if (stopped[i] != tid)
			continue;
		at = read_stat(tid, text, sizeof text);
		found = at && at[2] == 't';
		if (!found)
			stopped[i--] = stopped[--stopped_count];
	}
	pthread_mutex_unlock(&stopped_lock);
	return found;
}

static void note_stopped(pid_t tid)
{
	pthread_mutex_lock(&stopped_lock);
	stopped = realloc(stopped, (stopped_count + 1) * sizeof *stopped);
	if (!stopped)
		fail("no memory for %zu threads", stopped_count + 1);
	stopped[stopped_count++] = tid;
	pthread_mutex_unlock(&stopped_lock);
}

/* A thread that has ended, but is still on the list; the first one of a process stays as long as the others. */
static bool is_dead(pid_t tid)
{
	char text[1024], *at = read_stat(tid, text, sizeof text);

	return !at || at[2] == 'Z' || at[2] == 'X';
}

/* Stops the threads that are not yet; tells how many, or -1 when one did not stop in time, and all have been let go. */
static long stop_threads(const struct process *process)
{
	char path[64];
	struct dirent *entry;
	long count = 0;
	DIR *threads;

	snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		pid_t tid = atoi(entry->d_name);
		int error;

		if (tid <= 0 || is_stopped(tid))
			continue;
		error = interrupt_thread(tid, 0);
		if (!error)
			error = await_stop(tid, STOP_TOGETHER_MS);
		if (error && is_dead(tid))
			continue;
		if (error == -ESRCH || error == -EPERM) {
			count++; /* an execve(2) gave its number to another, or the other way round: look again */
			continue;
		}
		if (error == -EAGAIN) {
			release_tree();
			error = await_stop(tid, STOP_PATIENCE_MS);
			if (!error)
				note_stopped(tid); /* and it stays so, lest it be late again */
			if (!error || error == -ESRCH) {
				count = -1;
				break;
			}
		}
		if (error)
			fail("process %u cannot be stopped to see what it has written: %s", process->inner,
			     strerror(-error));
		note_stopped(tid);
		count++;
	}
	if (threads)
		closedir(threads);
	return count;
}

double stop_tree(void)
{
	double began = now_ms(), deadline = began + 2 * STOP_PATIENCE_MS;
	pthread_t attendant;

	stopping = true;
	if (pthread_create(&attendant, NULL, attend_the_ended, NULL))
		fail("no thread to stop the processes with");
	for (long more = 1; more;) {
		if (now_ms() > deadline)
			fail("the processes do not stand still together, to see what they have written");
		more = 0;
		find_processes();
		for (size_t i = 0; i < process_count && more >= 0; i++) {
			long count = processes[i]->alive ? stop_threads(processes[i]) : 0;

			more = count < 0 ? -1 : more + count;
		}
	}
	stopping = false;
	pthread_join(attendant, NULL);
	return began;
}
