/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How preload.so asks the target's pager for shared memory, at a socket in CRIU's image directory: the inode that it had
 * on the source (uint64_t); the answer comes with its memfd. */
#pragma once

#include <stdbool.h>

#define SHARED_MEMORY_SOCKET "shared-memory.socket"

struct shared_memory_answer {
	bool given; /* else the content is in CRIU's images */
};
