/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "target.h"

#include "control.h"

#include <stdlib.h>

struct address_space *add_space(struct target_process *process, int uffd)
{
	struct address_space *space = allocate(sizeof *space);

	space->uffd = uffd;
	space->next = process->spaces;
	process->spaces = space;
	return space;
}

void add_mapping(struct address_space *space, struct mapping mapping)
{
	space->mappings = realloc(space->mappings, (space->count + 1) * sizeof *space->mappings);
	if (!space->mappings)
		fail("no memory for %zu mappings", space->count + 1);
	space->mappings[space->count++] = mapping;
}

/* Cuts a range out of a space. If there is `moved`, it gets what was cut out, as if the range began at `to`. */
static void cut(struct address_space *space, uint64_t start, uint64_t end, struct address_space *moved, uint64_t to)
{
	struct mapping *old = space->mappings;
	size_t count = space->count;

	space->mappings = NULL;
	space->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct mapping m = old[i];
		uint64_t from = m.start > start ? m.start : start, until = m.end < end ? m.end : end;

		if (from >= until) {
			add_mapping(space, m);
			continue;
		}
		if (m.start < from)
			add_mapping(space, (struct mapping){m.start, from, m.source});
		if (until < m.end)
			add_mapping(space, (struct mapping){until, m.end, m.source + (until - m.start)});
		if (moved)
			add_mapping(moved, (struct mapping){to + (from - start), to + (until - start),
							    m.source + (from - m.start)});
	}
	free(old);
}

void remove_mappings(struct address_space *space, uint64_t start, uint64_t end)
{
	cut(space, start, end, NULL, 0);
}

void move_mappings(struct address_space *space, uint64_t from, uint64_t to, uint64_t bytes)
{
	struct address_space moved = {0};

	cut(space, from, from + bytes, &moved, to);
	remove_mappings(space, to, to + bytes);
	for (size_t i = 0; i < moved.count; i++)
		add_mapping(space, moved.mappings[i]);
	free(moved.mappings);
}

/* Removes the mappings of a range of the source's address space, wherever they are now. */
static void remove_source_range(struct address_space *space, struct range range)
{
	for (size_t i = 0; i < space->count; i++) {
		struct mapping m = space->mappings[i];
		uint64_t end = m.source + (m.end - m.start);
		uint64_t from = m.source > range.start ? m.source : range.start;
		uint64_t until = end < range.end ? end : range.end;

		if (from >= until)
			continue;
		remove_mappings(space, m.start + (from - m.source), m.start + (until - m.source));
		i = (size_t)-1; /* the list has changed: start again */
	}
}

void fork_space(struct target_process *process, struct address_space *parent, int uffd)
{
	struct address_space *child = add_space(process, uffd);

	send_event_with_fd(uffd, "{\"event\": \"fork\"}");
	for (size_t i = 0; i < parent->count; i++)
		add_mapping(child, parent->mappings[i]);
	for (size_t i = 0; i < process->wipe_on_fork.count; i++)
		remove_source_range(child, process->wipe_on_fork.list[i]);
}
