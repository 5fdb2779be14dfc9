/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the pager wants of a userfaultfd. Some of it is newer than the C library's headers (the kernel's
 * include/uapi/linux/userfaultfd.h). */
#pragma once

#include <linux/userfaultfd.h>

/* Writes are noted in the page tables, nobody is woken (Linux 6.7). */
#define TRACKING_FEATURES                                                                              \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | 1 << 12 /* UFFD_FEATURE_WP_HUGETLBFS_SHMEM */ |              \
	 1 << 13 /* UFFD_FEATURE_WP_UNPOPULATED */ | 1 << 15 /* UFFD_FEATURE_WP_ASYNC */)
/* UFFD_USER_MODE_ONLY: needs no privilege of the process that makes it. */
#define TRACKING_FLAGS 1

/* As CRIU asks for (criu/include/uffd.h). */
#define PLACING_FEATURES                                                                               \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE)
