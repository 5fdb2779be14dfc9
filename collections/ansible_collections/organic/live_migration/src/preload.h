/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of preload.so share: the pager's hints, mapped by hints.c. CRIU sees none of these symbols. */
#pragma once

#include "hints.h"

#pragma GCC visibility push(hidden)
extern const struct hints *hints; /* NULL: there are none */
extern int hints_fd;
extern uint64_t skipped_capacity;
/* The PID in the path of an open file, ".../PID" or, with a leaf, ".../PID/leaf"; 0 for any other path. */
uint32_t pid_of_proc_file(int fd, const char *leaf);
#pragma GCC visibility pop
