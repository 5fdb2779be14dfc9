/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The kernel's PAGEMAP_SCAN, for C libraries that are older than Linux 6.7 (see the kernel's
 * Documentation/admin-guide/mm/pagemap.rst and include/uapi/linux/fs.h). */
#pragma once

#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define PAGE_IS_GUARD (1ULL << 8) /* Linux 6.15 */

#ifndef PAGEMAP_SCAN
#define PAGE_IS_WPALLOWED (1ULL << 0)
#define PAGE_IS_WRITTEN (1ULL << 1)
#define PAGE_IS_FILE (1ULL << 2)
#define PAGE_IS_PRESENT (1ULL << 3)
#define PAGE_IS_SWAPPED (1ULL << 4)
#define PAGE_IS_PFNZERO (1ULL << 5)
#define PAGE_IS_SOFT_DIRTY (1ULL << 7)
#define PM_SCAN_WP_MATCHING (1U << 0)

struct page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct pm_scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif

/* Works around a bug of Linux 6.12: if a walk has filled the kernel's internal buffer of 512 regions on its way to the
 * end, walk_end is where the buffer was full, and the pages behind it would be scanned twice. To be called after each
 * scan with the number of regions it returned: fewer than vec_len means that the walk got to its end, unless max_pages
 * stopped it. */
static inline void fix_walk_end(struct pm_scan_arg *scan, long count)
{
	if (!scan->max_pages && (uint64_t)count < scan->vec_len)
		scan->walk_end = scan->end;
}
