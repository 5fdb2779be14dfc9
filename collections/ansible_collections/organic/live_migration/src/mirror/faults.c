/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "faults.h"

#ifdef MIRROR_FAULTS
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fault fault_of(const char *side, uint64_t input)
{
	static const char *const names[] = {"none", "swap", "drop", "double", "flip", "delay"};
	const char *wanted = getenv("MIRROR_FAULT");
	unsigned long number;
	static bool is_done;
	char where[16], name[16];

	if (!wanted || sscanf(wanted, "%15s %15s %lu", where, name, &number) != 3 || number > input ||
	    strcmp(where, side) != 0 || is_done)
		return FAULT_NONE;
	is_done = true;
	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum fault)i;
	return FAULT_NONE;
}
#else
typedef int faults_are_not_built; /* a file of ISO C is not empty */
#endif
