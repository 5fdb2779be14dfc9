/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the pager tells CRIU, through preload.so, of the memory that it is to dump: a memfd that the pager fills after the
 * freeze. CRIU_HINTS has its descriptor. */
#pragma once

#include <stdint.h>

struct hidden_range {
	uint64_t process; /* PID in the container's namespace */
	uint64_t start;
	uint64_t end;
};

struct hints {
	uint64_t smaps_at; /* where in the file the smaps_hints are, behind the room for ranges */
	uint64_t hidden_count;
	struct hidden_range hidden[]; /* pages that are left to the pager, by process, then by address */
};

/* What CRIU reads of a process's smaps, without the walk over all pages that the kernel would make of it. */
struct smaps_hint {
	uint64_t process;
	uint64_t bytes; /* of text that follows */
};
