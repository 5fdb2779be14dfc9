/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list by which the pager tells CRIU, through preload.so, what to leave to it. */
#pragma once

#include <stdint.h>

struct hidden_range {
	uint64_t process; /* PID in the container's namespace */
	uint64_t start;
	uint64_t end;
};

struct hidden_pages {
	uint64_t count;
	struct hidden_range ranges[]; /* by process, then by address */
};
