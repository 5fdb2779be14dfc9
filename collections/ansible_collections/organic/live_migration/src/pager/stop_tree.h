/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stops the process tree for a moment, by ptrace(2), while it is not frozen. */
#pragma once

/* Stops all threads of the tree; returns the now_ms() from which on some of them were stopped. */
double stop_tree(void);
void release_tree(void);
