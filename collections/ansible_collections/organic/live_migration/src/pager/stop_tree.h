/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Has the process tree stand still for a moment while it is not frozen. */
#pragma once

/* Stops all threads of the tree; tells since when some stand still, in ms of now_ms(). */
double stop_tree(void);
void release_tree(void);
