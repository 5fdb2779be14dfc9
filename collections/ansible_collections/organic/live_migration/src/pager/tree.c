/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "tree.h"

#include "pager.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process **processes;
size_t process_count;
static pid_t root;

void set_root(pid_t pid)
{
	root = pid;
}

int open_of(pid_t pid, const char *name)
{
	char path[64];

	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need_resources(fd >= 0, path);
	return fd;
}

static uint32_t inner_pid(pid_t pid)
{
	char path[64], line[256], *last;
	uint32_t inner = 0;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	need_resources(status, path);
	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "NSpid:", 6) == 0 && (last = strrchr(line, '\t')))
			inner = (uint32_t)strtoul(last + 1, NULL, 10);
	if (status)
		fclose(status);
	return inner;
}

char *read_stat(pid_t pid, char *text, size_t size)
{
	int fd = open_of(pid, "stat");
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strrchr(text, ')'); /* the name may hold anything */
}

uint64_t start_time(pid_t pid)
{
	char text[1024], *at = read_stat(pid, text, sizeof text);
	uint64_t time = 0;

	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		time = strtoull(at, NULL, 10);
	return time;
}

static struct process *known_process(pid_t pid, uint64_t started)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->pid == pid && processes[i]->started == started)
			return processes[i];
	return NULL;
}

static void close_memory(struct process *process)
{
	if (process->pagemap >= 0)
		close(process->pagemap);
	if (process->memory >= 0)
		close(process->memory);
	process->pagemap = process->memory = -1;
}

bool open_memory(struct process *process)
{
	close_memory(process);
	process->pagemap = open_of(process->pid, "pagemap");
	process->memory = open_of(process->pid, "mem");
	return process->pagemap >= 0 && process->memory >= 0;
}

/* Whether the memory that is open is no process's any more; its descriptor has nothing to read then (proc_pid_mem(5)). */
static bool is_memory_gone(const struct process *process)
{
	char byte;

	return pread(process->memory, &byte, 1, 0) == 0;
}

static struct process *add_process(pid_t pid, uint64_t started)
{
	struct process new = {.pid = pid,
			      .started = started,
			      .inner = inner_pid(pid),
			      .pagemap = -1,
			      .memory = -1,
			      .userfault = -1};

	if (!new.inner || !open_memory(&new)) {
		close_memory(&new); /* it has just ended */
		return NULL;
	}
	processes = realloc(processes, (process_count + 1) * sizeof(struct process *));
	if (!processes)
		fail("no memory for %zu processes", process_count + 1);
	processes[process_count] = allocate(sizeof new);
	*processes[process_count] = new;
	return processes[process_count++];
}

static void forget_process(struct process *process)
{
	close_memory(process);
	if (process->userfault >= 0)
		close(process->userfault);
	process->userfault = -1;
	process->started = 0; /* its chunks may still be in use by a reader */
}

static void see_tree(pid_t pid)
{
	uint64_t started = start_time(pid);
	struct process *process = known_process(pid, started);
	char path[300], *children = NULL;
	struct dirent *thread;
	size_t room = 0;
	DIR *threads;
	FILE *list;

	if (process && is_memory_gone(process)) {
		forget_process(process);
		process = NULL;
	}
	if (!process)
		process = add_process(pid, started);
	else if (!open_memory(process)) /* it may have been another's memory, until the execve(2) after a vfork(2) */
		process = NULL;
	if (!process)
		return;
	process->alive = true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	threads = opendir(path);
	need_resources(threads, path);
	while (threads && (thread = readdir(threads))) {
		/* the children of each thread are the process's (proc(5), CONFIG_PROC_CHILDREN) */
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
		list = fopen(path, "re");
		need_resources(list, path);
		if (list && getline(&children, &room, list) > 0)
			for (char *at = children, *end; strtol(at, &end, 10) > 0; at = end)
				see_tree((pid_t)strtol(at, NULL, 10));
		if (list)
			fclose(list);
	}
	if (threads)
		closedir(threads);
	free(children);
}

void find_processes(void)
{
	bool root_alive = false;

	for (size_t i = 0; i < process_count; i++)
		processes[i]->alive = false;
	see_tree(root);
	for (size_t i = 0; i < process_count; i++) {
		root_alive |= processes[i]->alive && processes[i]->pid == root;
		if (!processes[i]->alive && processes[i]->started)
			forget_process(processes[i]);
	}
	if (!root_alive)
		fail("process %d has ended", (int)root);
}

void read_all_areas(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_areas(&processes[i]->areas, processes[i]->pid);
}

struct process *process_named(uint32_t inner)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->inner == inner && processes[i]->started)
			return processes[i];
	return NULL;
}

bool has_memory_of_another(const struct process *process)
{
	bool found_before = true;

	for (size_t i = 0; i < process_count; i++) {
		found_before &= processes[i] != process;
		if (processes[i] != process && processes[i]->alive && (found_before || processes[i]->userfault >= 0) &&
		    syscall(SYS_kcmp, process->pid, processes[i]->pid, KCMP_VM, 0, 0) == 0)
			return true;
	}
	return false;
}

static int by_inner(const void *a, const void *b)
{
	const struct process *const *left = a, *const *right = b;

	return ((*left)->inner > (*right)->inner) - ((*left)->inner < (*right)->inner);
}

void sort_processes(void)
{
	qsort(processes, process_count, sizeof *processes, by_inner);
}
