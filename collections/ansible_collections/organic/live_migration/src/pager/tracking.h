/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The features of userfaultfd(2) that the pager uses. Some are newer than the C library's headers (see the kernel's
 * include/uapi/linux/userfaultfd.h). */
#pragma once

#include <linux/userfaultfd.h>

/* Asynchronous write protection: the kernel only clears the protection of a page that is written (Linux 6.7). */
#define TRACKING_FEATURES                                                                              \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | 1 << 12 /* UFFD_FEATURE_WP_HUGETLBFS_SHMEM */ |              \
	 1 << 13 /* UFFD_FEATURE_WP_UNPOPULATED */ | 1 << 15 /* UFFD_FEATURE_WP_ASYNC */)
/* UFFD_USER_MODE_ONLY: the process that creates it needs no privilege. */
#define TRACKING_FLAGS 1

/* Those that CRIU requests (criu/include/uffd.h). */
#define PLACING_FEATURES                                                                               \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE)
