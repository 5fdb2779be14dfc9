/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shared memory of the process tree: anonymous shared mappings and memfds. Page tables do not tell what was written
 * to it: write(2) may have done it, or a process that is gone. So the source keeps a hash of each page that was sent,
 * and each round hashes all pages and sends those that differ. */
#pragma once

#include "dirty_pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the jobs of this "process" are pages of shared memory, and addresses are offsets in it. */
bool is_shared_memory(const struct process *process);
/* While the processes run: finds their shared memory, and tells the target what is new. */
void find_shared_memory(void);
/* Tells the target which sizes have changed. It must have handled that (await_barrier) before pages are sent. */
void announce_shared_sizes(void);
/* Adds all pages of the shared memory as jobs; those that the target has are left out when they are sent. */
void add_shared_jobs(void);
/* Lists the inodes of the shared memory that CRIU is to skip; returns how many. */
size_t list_shared_memory(uint64_t *inodes, size_t room);
/* The page at an offset, of frozen processes. */
char *shared_page(const struct process *process, uint64_t offset);
/* Whether the target lacks this page, which then counts as sent. NULL stands for a page of zeros. */
bool claim_shared_page(struct process *process, uint64_t offset, const void *page);
/* How many pages were claimed since the last call. */
uint64_t take_shared_pages_claimed(void);
