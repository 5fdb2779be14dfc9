/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "../hints.h"

#include "shared_memory.h"
#include "source.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

static void write_smaps_hints(off_t at)
{
	for (size_t i = 0; i < process_count; i++) {
		const struct text *smaps = &processes[i]->vmas.current_smaps;
		struct smaps_hint hint = {processes[i]->ns_pid, smaps->count};
		struct iovec parts[] = {{&hint, sizeof hint}, {smaps->bytes, smaps->count}};

		if (!processes[i]->alive || !smaps->count)
			continue;
		if (pwritev(source.hints_fd, parts, 2, at) != (ssize_t)(sizeof hint + smaps->count))
			fail("no memory for the hints to CRIU about %zu VMAs", processes[i]->vmas.snapshot.count);
		at += (off_t)(sizeof hint + smaps->count);
	}
}

void write_hints(void)
{
	struct hints *hints;
	struct stat status;
	uint64_t room;

	if (fstat(source.hints_fd, &status) || (size_t)status.st_size < sizeof *hints)
		fail("there is no file for the hints");
	hints = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, source.hints_fd, 0);
	if (hints == MAP_FAILED)
		fail("the file for the hints cannot be mapped: %s", strerror(errno));
	room = ((uint64_t)status.st_size - sizeof *hints) / sizeof hints->skipped[0];
	hints->skipped_shared_count = list_shared_memory(hints->skipped_shared, SKIPPED_SHARED_MAX);
	sort_processes();
	hints->skipped_count = 0;
	for (size_t i = 0; i < process_count; i++) {
		const struct process *process = processes[i];

		for (size_t vma = 0; process->alive && vma < process->vmas.lazy.count; vma++) {
			struct range range = process->vmas.lazy.list[vma];

			if (hints->skipped_count == room)
				fail("the processes have more than %lu VMAs", room);
			hints->skipped[hints->skipped_count++] =
				(struct skipped_range){process->ns_pid, range.start, range.end};
		}
	}
	write_smaps_hints(status.st_size);
	hints->smaps_at = (uint64_t)status.st_size;
	munmap(hints, (size_t)status.st_size);
}
