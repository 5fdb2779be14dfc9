/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A page of shared memory is charged to the cgroup of the process that allocates it
 * (Documentation/admin-guide/cgroup-v2.rst, "Memory Ownership"): so a process in the container's cgroup does that, and
 * the container's limit holds for what it is given. */
#pragma once

#include <stdint.h>

/* The socket to that process; -1: this program allocates. */
void set_allocator(int socket);
/* Has a range of a memfd allocated; fails when there is no memory for it. */
void allocate_shared(int memfd, uint64_t start, uint64_t bytes);
/* Is that process, until the other end of the socket is closed. */
void run_allocator(int socket);
