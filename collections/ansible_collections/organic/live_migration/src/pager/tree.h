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
	uint32_t ns_pid; /* PID in the container's namespace */
	int pagemap, memory, uffd;
	bool alive, tracked;
	struct vmas vmas;
	struct ranges present, stale; /* pages at the freeze; those that the target lacks or has an old copy of */
	struct chunks pages;
};

/* All processes that were ever found. None is moved or freed, because another thread may be using it. */
extern struct process **processes;
extern size_t process_count;

/* Sets the first process of the tree. */
void set_root(pid_t pid);
/* Updates the list of processes; fails when the first one has ended. */
void find_processes(void);
/* The same, and reads their VMAs. */
void read_all_vmas(void);
/* The process with this PID in the container; NULL when there is none. */
struct process *find_process(uint32_t ns_pid);
/* Sorts them by their PID in the container. */
void sort_processes(void);
/* Opens the memory that the process has now; an open descriptor keeps referring to the memory before an execve(2). */
bool open_memory(struct process *process);
/* Whether it shares its memory (mm_struct) with a process that was found before it or is tracked, as it does between
 * vfork(2) and execve(2). */
bool shares_mm(const struct process *process);
/* Opens a file of /proc/PID; -1 when there is none. */
int open_proc_file(pid_t pid, const char *name);
/* Reads the stat file of a process or a thread (proc_pid_stat(5)); returns the ')' after the name in it, or NULL. */
char *read_stat(pid_t pid, char *text, size_t size);
/* Start time in clock ticks since boot: with it, a process is not confused with a later one that got its PID. 0 when
 * there is no such process. */
uint64_t start_time(pid_t pid);
