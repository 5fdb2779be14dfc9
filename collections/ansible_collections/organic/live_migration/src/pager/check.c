/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "../pagemap_scan.h"
#include "pager.h"
#include "tracking.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *error_text(int failed)
{
	return failed ? strerror(errno) : "";
}

/* Checks that a write sets the soft-dirty bit of a page again after it was cleared (proc_pid_clear_refs(5)). */
static const char *check_soft_dirty(int pagemap, char *page)
{
	struct page_region region;
	struct pm_scan_arg scan = {.size = sizeof scan, .vec = (uint64_t)(uintptr_t)&region, .vec_len = 1,
				   .start = (uint64_t)(uintptr_t)page, .end = (uint64_t)(uintptr_t)page + PAGE_BYTES,
				   .category_mask = PAGE_IS_SOFT_DIRTY, .return_mask = PAGE_IS_SOFT_DIRTY};
	int merging = open("/sys/kernel/mm/ksm/run", O_RDONLY | O_CLOEXEC);
	int clear = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	char run = '0';
	int before;

	if (merging >= 0 && read(merging, &run, 1) == 1 && run == '1')
		return "KSM is enabled (/sys/kernel/mm/ksm/run), and clears the soft-dirty bits of merged pages";
	if (clear < 0 || write(clear, "4", 1) != 1 || (before = ioctl(pagemap, PAGEMAP_SCAN, &scan)) < 0)
		return error_text(true);
	*(volatile char *)page = 2;
	if (before || ioctl(pagemap, PAGEMAP_SCAN, &scan) != 1)
		return "it has no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)";
	return "";
}

/* Checks whether this kernel can list pages (PAGEMAP_SCAN), place pages (userfaultfd with its events), and track writes
 * by each of the two methods. Prints JSON: for each feature, why it is missing, or an empty text. */
int run_check(void)
{
	struct uffdio_api tracking = {.api = UFFD_API, .features = TRACKING_FEATURES};
	struct uffdio_api placing = {.api = UFFD_API, .features = PLACING_FEATURES};
	struct page_region region;
	struct pm_scan_arg scan = {.size = sizeof scan, .vec = (uint64_t)(uintptr_t)&region, .vec_len = 1,
				   .category_mask = PAGE_IS_PRESENT, .return_mask = PAGE_IS_PRESENT};
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *page = allocate_pages(PAGE_BYTES);
	const char *scanned, *placed, *tracked;
	int fd;

	*page = 1;
	scan.start = (uint64_t)(uintptr_t)page;
	scan.end = scan.start + PAGE_BYTES;
	scanned = error_text(ioctl(pagemap, PAGEMAP_SCAN, &scan) < 0);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	placed = error_text(fd < 0 || ioctl(fd, UFFDIO_API, &placing));
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | TRACKING_FLAGS);
	tracked = error_text(fd < 0 || ioctl(fd, UFFDIO_API, &tracking));
	printf("{\"pagemap_scan\": \"%s\", \"userfaultfd\": \"%s\", \"write_protection\": \"%s\", "
	       "\"soft_dirty\": \"%s\"}\n",
	       scanned, placed, tracked, check_soft_dirty(pagemap, page));
	return 0;
}
