/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "vmas.h"

#include "pager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_file(pid_t pid, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	need_resources(file, path);
	return file;
}

static void append(struct text *text, const char *bytes, size_t count)
{
	if (text->count + count > text->room) {
		text->room = 2 * (text->count + count);
		text->bytes = realloc(text->bytes, text->room);
		if (!text->bytes)
			fail("no memory for a text of %zu bytes", text->room);
	}
	memcpy(text->bytes + text->count, bytes, count);
	text->count += count;
}

/* Leaves out the flags of accounting and of tracking, which change by themselves; CRIU takes none of them. */
static void blank_changing(char *flags)
{
	static const char *const names[] = {" ac", " sd", " um", " uw"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *found = strstr(flags, names[i]);

		if (found)
			memset(found, ' ', strlen(names[i]));
	}
}

/* Not lazy for a reason that maps does not tell is memory that is locked, and memory that the kernel may drop at will
 * (MAP_DROPPABLE; the C library keeps the state of getrandom(3) in it), of which CRIU dumps no page and which takes no
 * userfaultfd. */
void learn_areas(struct areas *areas, pid_t pid)
{
	FILE *smaps = open_file(pid, "smaps");
	uint64_t start = 0, end = 0, from, to;
	struct text first = {0};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	areas->known.count = areas->special.count = areas->wiped.count = areas->learned.count = 0;
	while (smaps && (n = getline(&line, &room, smaps)) > 0) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) { /* other lines begin with such digits, too */
			start = from;
			end = to;
			first.count = 0;
			append(&first, line, (size_t)n);
		}
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		add_range(&areas->known, start, end);
		if (strstr(line, " lo") || strstr(line, " dp"))
			add_range(&areas->special, start, end);
		else if (strstr(line, " wf"))
			add_range(&areas->wiped, start, end);
		blank_changing(line);
		append(&areas->learned, first.bytes, first.count);
		append(&areas->learned, line, (size_t)n);
	}
	if (smaps)
		fclose(smaps);
	free(first.bytes);
	free(line);
}

static bool locks_memory(pid_t pid)
{
	FILE *status = open_file(pid, "status");
	unsigned long locked = 0;
	char line[256];

	while (status && fgets(line, sizeof line, status))
		sscanf(line, "VmLck: %lu", &locked);
	if (status)
		fclose(status);
	return locked != 0;
}

static size_t line_length(const char *text)
{
	return (size_t)(strchr(text, '\n') - text) + 1;
}

/* Adds to `exact` what was learned of an area, if its line is the same still. *at goes through what was learned. */
static bool add_known(struct areas *areas, const char *line, uint64_t start, size_t *at)
{
	while (*at < areas->learned.count) {
		const char *known = areas->learned.bytes + *at;
		size_t first = line_length(known), both = first + line_length(known + first);
		uint64_t known_start = strtoul(known, NULL, 16);

		if (known_start > start)
			return false;
		*at += both;
		if (known_start < start)
			continue;
		if (strncmp(known, line, first) != 0)
			return false;
		append(&areas->exact, known, both);
		return true;
	}
	return false;
}

/* Reads what maps tells; false when there is an area of which more must be learned to tell whether it is ours. */
static bool read_maps(struct areas *areas, pid_t pid)
{
	FILE *maps = open_file(pid, "maps");
	unsigned long start, end, inode;
	char permissions[8], name[16];
	bool all_known = true, is_exact = true;
	size_t at = 0, room = 0;
	char *line = NULL;

	areas->ours.count = areas->exact.count = 0;
	while (maps && getline(&line, &room, maps) > 0) {
		const struct range *special;

		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu %15s", &start, &end, permissions, &inode, name) < 4)
			continue;
		is_exact = is_exact && add_known(areas, line, start, &at);
		if (permissions[3] != 'p' || inode != 0 || strncmp(name, "[v", 2) == 0 || name[0] == '/')
			continue;
		special = overlapping(&areas->special, start, end);
		if (special && special->start == start && special->end == end)
			continue;
		all_known &= !special && overlapping(&areas->known, start, end);
		add_range(&areas->ours, start, end);
	}
	if (maps)
		fclose(maps);
	free(line);
	if (!is_exact)
		areas->exact.count = 0;
	return all_known;
}

void read_areas(struct areas *areas, pid_t pid)
{
	if (!locks_memory(pid) && read_maps(areas, pid)) /* what was known may have been locked since */
		return;
	learn_areas(areas, pid);
	read_maps(areas, pid);
}

void read_areas_exactly(struct areas *areas, pid_t pid)
{
	if (!locks_memory(pid)) {
		read_maps(areas, pid);
		if (areas->exact.count)
			return;
	}
	learn_areas(areas, pid);
	read_maps(areas, pid);
}

bool have_areas_changed(const struct areas *areas, pid_t pid)
{
	struct areas now = {0};
	bool changed;

	if (!areas->exact.count)
		return false;
	learn_areas(&now, pid);
	changed = now.learned.count && (now.learned.count != areas->exact.count ||
					memcmp(now.learned.bytes, areas->exact.bytes, areas->exact.count) != 0);
	free(now.ours.list);
	free(now.known.list);
	free(now.special.list);
	free(now.wiped.list);
	free(now.learned.bytes);
	free(now.exact.bytes);
	return changed;
}
