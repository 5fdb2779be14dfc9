/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The VMAs (memory mappings) of a process (proc_pid_maps(5), proc_pid_smaps(5)). /proc/PID/maps is fast to read, but
 * lacks some properties of a VMA. /proc/PID/smaps has them all, but the kernel walks all pages for it, 20 to 70 ms for
 * a gigabyte: so it is read while the process runs, and the result is kept. */
#pragma once

#include "ranges.h"

#include <stdbool.h>
#include <sys/types.h>

struct text {
	char *bytes;
	size_t count, room;
};

struct vmas {
	struct ranges lazy;	    /* private anonymous memory, as in CRIU's vma_entry_can_be_lazy: what we move */
	struct ranges snapshot;	    /* all VMAs at the time of the snapshot */
	struct ranges not_lazy;	    /* those of them that are not lazy for a reason that maps does not show */
	struct ranges wipe_on_fork; /* lazy ones that a child of fork(2) gets empty (madvise(2), MADV_WIPEONFORK) */
	struct text snapshot_smaps; /* for each VMA of the snapshot: its first line in smaps, and its VmFlags line */
	struct text current_smaps;  /* the same for exactly the VMAs that there are now; or empty, if unknown */
};

/* Takes a snapshot: reads smaps. */
void snapshot_vmas(struct vmas *vmas, pid_t pid);
/* Reads maps; takes a new snapshot only if the last one does not say whether some new VMA is lazy. */
void read_vmas(struct vmas *vmas, pid_t pid);
/* Reads maps; takes a new snapshot if any VMA is not as it was in the last one. If the process is frozen, current_smaps
 * is complete afterwards. */
void read_vmas_with_smaps(struct vmas *vmas, pid_t pid);
/* Whether current_smaps, if there is one, differs from smaps; a process that has ended has no changes. maps does not
 * show that a process called madvise(2) for a whole VMA, or replaced it by one with other flags. */
bool have_vmas_changed(const struct vmas *vmas, pid_t pid);
