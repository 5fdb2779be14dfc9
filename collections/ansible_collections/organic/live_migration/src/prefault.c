/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so and of the pager: loads the code of CRIU, or of the pager, into memory when the program starts.
 * Both start before the freeze and do most of their work during it: each page that is read from disk then adds to the
 * downtime.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; an older kernel returns an error, which does no harm */
#endif

static int populate(struct dl_phdr_info *object, size_t size, void *page_size)
{
	uintptr_t mask = *(const uintptr_t *)page_size - 1;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~mask;
		uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;

		if (segment->p_type == PT_LOAD && end > start)
			madvise((void *)start, (end - start + mask) & ~mask, MADV_POPULATE_READ);
	}
	return 0;
}

__attribute__((constructor)) static void prefault(void)
{
	uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);

	dl_iterate_phdr(populate, &page_size);
}
