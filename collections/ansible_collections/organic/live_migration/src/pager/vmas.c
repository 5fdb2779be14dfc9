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

/* Blanks the flags for accounting and dirty tracking, which change by themselves and which CRIU ignores. */
static void blank_changing(char *flags)
{
	static const char *const names[] = {" ac", " sd", " um", " uw"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *found = strstr(flags, names[i]);

		if (found)
			memset(found, ' ', strlen(names[i]));
	}
}

/* Two kinds of VMAs are not lazy, though maps does not show it: locked memory, and memory that the kernel may drop at
 * any time (MAP_DROPPABLE; the C library uses it for getrandom(3)), of which CRIU dumps no page and which userfaultfd
 * cannot be used for. */
void snapshot_vmas(struct vmas *vmas, pid_t pid)
{
	FILE *smaps = open_file(pid, "smaps");
	uint64_t start = 0, end = 0, from, to;
	struct text first = {0};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	vmas->snapshot.count = vmas->not_lazy.count = vmas->wipe_on_fork.count = vmas->snapshot_smaps.count = 0;
	while (smaps && (n = getline(&line, &room, smaps)) > 0) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) { /* other lines may begin with hex digits, too */
			start = from;
			end = to;
			first.count = 0;
			append(&first, line, (size_t)n);
		}
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		add_range(&vmas->snapshot, start, end);
		if (strstr(line, " lo") || strstr(line, " dp"))
			add_range(&vmas->not_lazy, start, end);
		else if (strstr(line, " wf"))
			add_range(&vmas->wipe_on_fork, start, end);
		blank_changing(line);
		append(&vmas->snapshot_smaps, first.bytes, first.count);
		append(&vmas->snapshot_smaps, line, (size_t)n);
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

/* Adds a VMA to current_smaps if it is as it was in the snapshot. *at is the place in the snapshot to go on from. */
static bool add_current(struct vmas *vmas, const char *line, uint64_t start, size_t *at)
{
	while (*at < vmas->snapshot_smaps.count) {
		const char *entry = vmas->snapshot_smaps.bytes + *at;
		size_t first = line_length(entry), both = first + line_length(entry + first);
		uint64_t entry_start = strtoul(entry, NULL, 16);

		if (entry_start > start)
			return false;
		*at += both;
		if (entry_start < start)
			continue;
		if (strncmp(entry, line, first) != 0)
			return false;
		append(&vmas->current_smaps, entry, both);
		return true;
	}
	return false;
}

/* Reads maps; false when the snapshot does not say whether some VMA is lazy. */
static bool read_maps(struct vmas *vmas, pid_t pid)
{
	FILE *maps = open_file(pid, "maps");
	unsigned long start, end, inode;
	char permissions[8], name[16];
	bool all_known = true, complete = true;
	size_t at = 0, room = 0;
	char *line = NULL;

	vmas->lazy.count = vmas->current_smaps.count = 0;
	while (maps && getline(&line, &room, maps) > 0) {
		const struct range *not_lazy;

		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu %15s", &start, &end, permissions, &inode, name) < 4)
			continue;
		complete = complete && add_current(vmas, line, start, &at);
		if (permissions[3] != 'p' || inode != 0 || strncmp(name, "[v", 2) == 0 || name[0] == '/')
			continue;
		not_lazy = overlapping(&vmas->not_lazy, start, end);
		if (not_lazy && not_lazy->start == start && not_lazy->end == end)
			continue;
		all_known &= !not_lazy && overlapping(&vmas->snapshot, start, end);
		add_range(&vmas->lazy, start, end);
	}
	if (maps)
		fclose(maps);
	free(line);
	if (!complete)
		vmas->current_smaps.count = 0;
	return all_known;
}

void read_vmas(struct vmas *vmas, pid_t pid)
{
	if (!locks_memory(pid) && read_maps(vmas, pid)) /* memory may have been locked since the snapshot */
		return;
	snapshot_vmas(vmas, pid);
	read_maps(vmas, pid);
}

void read_vmas_with_smaps(struct vmas *vmas, pid_t pid)
{
	if (!locks_memory(pid)) {
		read_maps(vmas, pid);
		if (vmas->current_smaps.count)
			return;
	}
	snapshot_vmas(vmas, pid);
	read_maps(vmas, pid);
}

bool have_vmas_changed(const struct vmas *vmas, pid_t pid)
{
	struct vmas now = {0};
	bool changed;

	if (!vmas->current_smaps.count)
		return false;
	snapshot_vmas(&now, pid);
	changed = now.snapshot_smaps.count &&
		  (now.snapshot_smaps.count != vmas->current_smaps.count ||
		   memcmp(now.snapshot_smaps.bytes, vmas->current_smaps.bytes, vmas->current_smaps.count) != 0);
	free(now.lazy.list);
	free(now.snapshot.list);
	free(now.not_lazy.list);
	free(now.wipe_on_fork.list);
	free(now.snapshot_smaps.bytes);
	free(now.current_smaps.bytes);
	return changed;
}
