/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether a process tree has come to rest: all of its threads sleep (proc_pid_stat(5), state S). The delivery of a
 * packet makes its reader runnable before it returns, so a tree that is at rest after it has taken the packet. */
#pragma once

#include <stdbool.h>

/* Watches the trees of these processes: text of PIDs. Fails when there is none. */
void watch(const char *pids);
bool is_at_rest(void);
/* Whether all of its processes have ended. */
bool has_ended(void);
