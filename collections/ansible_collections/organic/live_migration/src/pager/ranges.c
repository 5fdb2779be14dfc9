/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ranges.h"

#include "pager.h"

#include <stdlib.h>

void add_range(struct ranges *ranges, uint64_t start, uint64_t end)
{
	if (ranges->count == ranges->room) {
		ranges->room = ranges->room ? 2 * ranges->room : 256;
		ranges->list = realloc(ranges->list, ranges->room * sizeof *ranges->list);
		if (!ranges->list)
			fail("no memory for %zu ranges", ranges->room);
	}
	ranges->list[ranges->count++] = (struct range){start, end};
}

void add_pages(struct ranges *ranges, uint64_t start, uint64_t end)
{
	if (ranges->count && ranges->list[ranges->count - 1].end == start)
		ranges->list[ranges->count - 1].end = end;
	else
		add_range(ranges, start, end);
}

const struct range *overlapping(const struct ranges *ranges, uint64_t start, uint64_t end)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges->list[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->count && ranges->list[low].start < end ? &ranges->list[low] : NULL;
}
