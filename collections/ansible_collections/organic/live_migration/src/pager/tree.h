/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The process tree whose memory is moved. */
#pragma once

#include "vmas.h"
#include "chunks.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	uint64_t started;
	uint32_t inner; /* PID in the container's namespace */
	int pagemap, memory, userfault;
	bool alive, tracked;
	struct areas areas;
	struct ranges present, stale; /* pages at the freeze; those that the target has not, or not as they are */
	struct chunks pages;
};

/* Those that were ever found; none moves or goes, as a reader may still use it. */
extern struct process **processes;
extern size_t process_count;

/* Its first process. */
void set_root(pid_t pid);
/* Finds out which processes there are, and fails when the first one has ended. */
void find_processes(void);
/* The same, and what their areas are. */
void read_all_areas(void);
/* The process with that PID in the container; NULL when there is none. */
struct process *process_named(uint32_t inner);
/* By these PIDs. */
void sort_processes(void);
/* Opens its memory as it is now: what is open goes on meaning what it had before an execve(2). */
bool open_memory(struct process *process);
/* Whether its memory is that of one that was found before or is tracked, as it is from vfork(2) until execve(2). */
bool has_memory_of_another(const struct process *process);
/* A file of /proc/PID; or -1. */
int open_of(pid_t pid, const char *name);
/* What stat tells of a process or a thread from the end of its name on (proc_pid_stat(5)); NULL when there is none. */
char *read_stat(pid_t pid, char *text, size_t size);
/* Clock ticks since boot, which tell a process from a later one with its PID; 0 when there is none. */
uint64_t start_time(pid_t pid);
