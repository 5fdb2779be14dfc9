/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Finds the pages that were written, and makes a list of what is to be sent of them. What was written is told by
 * userfaultfd write-protection, or by the kernel's soft-dirty bits (Documentation/admin-guide/mm/soft-dirty.rst), which it
 * takes a stop of the tree to read and clear. */
#pragma once

#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_state { UNSENT, SENT, PENDING /* to be pushed */ };

/* Pages of one process to be sent, or told to hold zeros. */
struct job {
	struct process *process;
	uint64_t start, end;
	bool zero;
};

extern struct job *jobs;
extern size_t job_count;
extern uint64_t pages_seen; /* so many were added as jobs, or found missing */
extern bool by_soft_dirty;

/* To be called before all else, and before there are threads. */
void begin_to_track(void);
void add_job(struct process *process, uint64_t start, uint64_t end, bool zero);
/* Adds what was written since the last time while the tree runs; the first time, all there is. */
void collect_running(void);
/* The same by soft-dirty bits; tells for how long the tree stood still, in ms. */
double collect_stopped(void);
/* Finds the pages of the frozen tree, and those that the target has not, or not as they are: adds them, or leaves them
 * pending. */
void collect_final(bool send);
