/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef RESIDENT_HEALTH_H
#define RESIDENT_HEALTH_H

/* What `init health` exits with: EXIT_SUCCESS or EXIT_FAILURE, by the state of the container's PID 1. */
int health(void);

/* The same, but EXIT_FAILURE after the process has departed, too: a cluster sends new connections to what is ready. */
int ready(void);

#endif
