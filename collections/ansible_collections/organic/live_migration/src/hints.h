/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The pager's hints to CRIU about the memory of the processes: a memfd that the pager fills in after the freeze and
 * that preload.so reads. CRIU_HINTS has its descriptor. */
#pragma once

#include <stdint.h>

struct skipped_range {
	uint64_t ns_pid; /* PID in the container's namespace */
	uint64_t start;
	uint64_t end;
};

#define SKIPPED_SHARED_MAX 1024

struct hints {
	uint64_t smaps_at; /* offset of the smaps_hints, behind the room for ranges; 0 when there are none */
	uint64_t skipped_shared_count;
	uint64_t skipped_shared[SKIPPED_SHARED_MAX]; /* inodes of shared memory that the pager moves */
	uint64_t skipped_count;
	struct skipped_range skipped[]; /* memory that the pager moves; sorted by process, then by address */
};

/* The lines of a process's smaps that CRIU needs. */
struct smaps_hint {
	uint64_t ns_pid;
	uint64_t bytes; /* of the text that follows */
};
