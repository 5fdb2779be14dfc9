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

/* A thread that takes longer to stop may be waiting for one that is stopped already, as in vfork(2). */
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
		fail("%zu stopped threads cannot be released", stopped_count); /* the kernel does it when we end */
	pthread_mutex_unlock(&stopped_lock);
}

/* execve(2) waits until the other threads of its process have been reaped, by us if we trace them. Meanwhile we cannot
 * trace another thread of that process. So they are reaped by a thread of their own. */
static void *reap_ended_threads(void *nothing)
{
	while (stopping) {
		pthread_mutex_lock(&stopped_lock);
		for (size_t i = 0; i < stopped_count; i++)
			if (has_ended(stopped[i]))
				stopped[i--] = stopped[--stopped_count];
		pthread_mutex_unlock(&stopped_lock);
		/* there is no system call that waits for any one of these threads, and for no other */
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	return nothing;
}

/* Whether a thread is on the list and still stopped; removes it from the list if it is not. */
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

static void record_stopped(pid_t tid)
{
	pthread_mutex_lock(&stopped_lock);
	stopped = realloc(stopped, (stopped_count + 1) * sizeof *stopped);
	if (!stopped)
		fail("no memory for %zu threads", stopped_count + 1);
	stopped[stopped_count++] = tid;
	pthread_mutex_unlock(&stopped_lock);
}

/* Whether a thread has ended; the first thread of a process stays in /proc as long as the others live. */
static bool is_dead(pid_t tid)
{
	char text[1024], *at = read_stat(tid, text, sizeof text);

	return !at || at[2] == 'Z' || at[2] == 'X';
}

/* Stops the threads that are not stopped yet. Returns their number, or -1 if one did not stop in time: then all have
 * been released, and the caller starts again. */
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
			count++; /* execve(2) changes the TID of a thread: list them again */
			continue;
		}
		if (error == -EAGAIN) {
			release_tree();
			error = await_stop(tid, STOP_PATIENCE_MS);
			if (!error)
				record_stopped(tid); /* it stays stopped, so that it cannot be late again */
			if (!error || error == -ESRCH) {
				count = -1;
				break;
			}
		}
		if (error)
			fail("process %u cannot be stopped to read which pages it has written: %s", process->ns_pid,
			     strerror(-error));
		record_stopped(tid);
		count++;
	}
	if (threads)
		closedir(threads);
	return count;
}

double stop_tree(void)
{
	double began = now_ms(), deadline = began + 2 * STOP_PATIENCE_MS;
	pthread_t reaper;

	stopping = true;
	if (pthread_create(&reaper, NULL, reap_ended_threads, NULL))
		fail("no thread to stop the processes with");
	for (long more = 1; more;) {
		if (now_ms() > deadline)
			fail("the processes could not all be stopped to read which pages they have written");
		more = 0;
		find_processes();
		for (size_t i = 0; i < process_count && more >= 0; i++) {
			long count = processes[i]->alive ? stop_threads(processes[i]) : 0;

			more = count < 0 ? -1 : more + count;
		}
	}
	stopping = false;
	pthread_join(reaper, NULL);
	return began;
}
