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

int open_proc_file(pid_t pid, const char *name)
{
	char path[64];

	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need_resources(fd >= 0, path);
	return fd;
}

static uint32_t ns_pid_of(pid_t pid)
{
	char path[64], line[256], *last;
	uint32_t ns_pid = 0;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	need_resources(status, path);
	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "NSpid:", 6) == 0 && (last = strrchr(line, '\t')))
			ns_pid = (uint32_t)strtoul(last + 1, NULL, 10);
	if (status)
		fclose(status);
	return ns_pid;
}

char *read_stat(pid_t pid, char *text, size_t size)
{
	int fd = open_proc_file(pid, "stat");
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strrchr(text, ')'); /* the last one: the name may contain any character */
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
	process->pagemap = open_proc_file(process->pid, "pagemap");
	process->memory = open_proc_file(process->pid, "mem");
	return process->pagemap >= 0 && process->memory >= 0;
}

/* Whether no process has the open memory any more: then reading it returns 0 (proc_pid_mem(5)). */
static bool is_memory_gone(const struct process *process)
{
	char byte;

	return pread(process->memory, &byte, 1, 0) == 0;
}

static struct process *add_process(pid_t pid, uint64_t started)
{
	struct process new = {.pid = pid,
			      .started = started,
			      .ns_pid = ns_pid_of(pid),
			      .pagemap = -1,
			      .memory = -1,
			      .uffd = -1};

	if (!new.ns_pid || !open_memory(&new)) {
		close_memory(&new); /* the process has just ended */
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
	if (process->uffd >= 0)
		close(process->uffd);
	process->uffd = -1;
	process->started = 0; /* the struct stays, because another thread may be using its chunks */
}

static void scan_tree(pid_t pid)
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
	else if (!open_memory(process)) /* opened again: execve(2) after vfork(2) gives a process other memory */
		process = NULL;
	if (!process)
		return;
	process->alive = true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	threads = opendir(path);
	need_resources(threads, path);
	while (threads && (thread = readdir(threads))) {
		/* each thread has a list of its own of the children it created (proc(5), CONFIG_PROC_CHILDREN) */
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
		list = fopen(path, "re");
		need_resources(list, path);
		if (list && getline(&children, &room, list) > 0)
			for (char *at = children, *end; strtol(at, &end, 10) > 0; at = end)
				scan_tree((pid_t)strtol(at, NULL, 10));
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
	scan_tree(root);
	for (size_t i = 0; i < process_count; i++) {
		root_alive |= processes[i]->alive && processes[i]->pid == root;
		if (!processes[i]->alive && processes[i]->started)
			forget_process(processes[i]);
	}
	if (!root_alive)
		fail("process %d has ended", (int)root);
}

void read_all_vmas(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_vmas(&processes[i]->vmas, processes[i]->pid);
}

struct process *find_process(uint32_t ns_pid)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->ns_pid == ns_pid && processes[i]->started)
			return processes[i];
	return NULL;
}

bool shares_mm(const struct process *process)
{
	bool found_before = true;

	for (size_t i = 0; i < process_count; i++) {
		found_before &= processes[i] != process;
		if (processes[i] != process && processes[i]->alive && (found_before || processes[i]->uffd >= 0) &&
		    syscall(SYS_kcmp, process->pid, processes[i]->pid, KCMP_VM, 0, 0) == 0)
			return true;
	}
	return false;
}

static int by_ns_pid(const void *a, const void *b)
{
	const struct process *const *left = a, *const *right = b;

	return ((*left)->ns_pid > (*right)->ns_pid) - ((*left)->ns_pid < (*right)->ns_pid);
}

void sort_processes(void)
{
	qsort(processes, process_count, sizeof *processes, by_ns_pid);
}
