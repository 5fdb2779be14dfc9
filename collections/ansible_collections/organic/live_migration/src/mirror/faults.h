/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Faults for tests of what the comparison finds, in a build with MIRROR_FAULTS only. The environment variable
 * MIRROR_FAULT is "SIDE KIND NUMBER": what happens to the first input with a payload, from that
 * number on, on that side. */
#pragma once

#include <stdint.h>

enum fault { FAULT_NONE, FAULT_SWAP, FAULT_DROP, FAULT_DOUBLE, FAULT_FLIP, FAULT_DELAY };

#ifdef MIRROR_FAULTS
enum fault fault_of(const char *side, uint64_t input);
#else
static inline enum fault fault_of(const char *side, uint64_t input)
{
	(void)side;
	(void)input;
	return FAULT_NONE;
}
#endif
