/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The areas that the memory of a process consists of (proc_pid_maps(5), proc_pid_smaps(5)). /proc/PID/maps tells them at
 * once, but not all that is special of them. /proc/PID/smaps does, after a walk over all pages, 20 to 70 ms for a gigabyte:
 * so that is read while the process runs, and what it says is kept. */
#pragma once

#include "ranges.h"

#include <stdbool.h>
#include <sys/types.h>

struct text {
	char *bytes;
	size_t count, room;
};

struct areas {
	struct ranges ours;    /* private anonymous memory, as CRIU's vma_entry_can_be_lazy has it */
	struct ranges known;   /* areas, when they were learned */
	struct ranges special; /* those among them that are not ours, for a reason that maps does not tell */
	struct ranges wiped;   /* those of ours that a child of fork(2) gets empty (madvise(2), MADV_WIPEONFORK) */
	struct text learned;   /* of each known area its first line in smaps, and its VmFlags */
	struct text exact;     /* the same of all areas that there are, and no others; or empty */
};

/* Reads smaps. */
void learn_areas(struct areas *areas, pid_t pid);
/* Reads maps, and smaps only if there is something new of which more must be learned to tell whether it is ours. */
void read_areas(struct areas *areas, pid_t pid);
/* The same, and has `exact` complete, if the process stands still; smaps is read if any area is not as it was learned. */
void read_areas_exactly(struct areas *areas, pid_t pid);
/* Whether `exact`, if there is one, is not what smaps says now of a process that is still there. maps does not show that
 * a process gave another advice for a whole area (madvise(2)), or made it anew with other flags. */
bool have_areas_changed(const struct areas *areas, pid_t pid);
