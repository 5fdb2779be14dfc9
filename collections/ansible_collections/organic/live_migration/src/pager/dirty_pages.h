/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Dirty page tracking: finds the pages that were written and lists them as jobs. There are two methods: userfaultfd
 * write protection, and the kernel's soft-dirty bits (Documentation/admin-guide/mm/soft-dirty.rst), for which the
 * process tree has to be stopped while they are read and cleared. */
#pragma once

#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_state { UNSENT, SENT, PENDING /* post-copy: to be sent when the target asks, or by the push */ };

/* Pages of one process that are to be sent; with `zero`, they are known to hold zeros. */
struct job {
	struct process *process;
	uint64_t start, end;
	bool zero;
};

extern struct job *jobs;
extern size_t job_count;
extern uint64_t pages_seen; /* number of pages that were added as jobs, or that the target lacks */
extern bool use_soft_dirty;

/* To be called first, before any thread is created. */
void init_tracking(void);
void add_job(struct process *process, uint64_t start, uint64_t end, bool zero);
/* Adds the pages written since the last call, while the tree runs; the first call adds all pages. */
void collect_running(void);
/* The same by soft-dirty bits; returns for how long the tree was stopped, in ms. */
double collect_stopped(void);
/* Lists all pages of the frozen tree (process->present), and those that the target lacks or has an old copy of
 * (process->stale): with `send` these are added as jobs, else they are marked as pending. */
void collect_final(bool send);
