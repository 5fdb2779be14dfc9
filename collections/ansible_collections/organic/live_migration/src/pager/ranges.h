/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "wire.h"

#include <stddef.h>

struct ranges {
	struct range *list;
	size_t count, room;
};

void add_range(struct ranges *ranges, uint64_t start, uint64_t end);
/* The same, but extends the last range if the new one begins at its end. */
void add_pages(struct ranges *ranges, uint64_t start, uint64_t end);
/* The first of the ranges, which are in the order of their addresses, that overlaps start to end; or NULL. */
const struct range *overlapping(const struct ranges *ranges, uint64_t start, uint64_t end);
