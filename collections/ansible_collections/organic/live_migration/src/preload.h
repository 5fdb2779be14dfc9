/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of preload.so share: the pager's hints, mapped by hints.c. CRIU sees none of these symbols. */
#pragma once

#include "hints.h"

#include <stdbool.h>

#pragma GCC visibility push(hidden)
extern const struct hints *hints; /* NULL: there are none */
extern int hints_fd;
extern uint64_t skipped_capacity;
/* The PID in the path of an open file, ".../PID" or, with a leaf, ".../PID/leaf"; 0 for any other path. */
uint32_t pid_of_proc_file(int fd, const char *leaf);
/* cached_smaps.c: a file in place of a process's smaps; -1 when the path is another one, or there is none. */
int open_cached_smaps(int directory, const char *path);
/* shared_memory.c: when CRIU opens the images of shared memory, puts that of the pager in the place of what CRIU has
 * just created. False when that fails, and CRIU must not go on. */
bool adopt_shared_memory(int directory, const char *path);
#pragma GCC visibility pop
