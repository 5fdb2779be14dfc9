/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef RESIDENT_NOTIFY_H
#define RESIDENT_NOTIFY_H

#include <stdbool.h>

/* Opens a socket at which the command says that it is ready, by the protocol of sd_notify(3), and names it in
 * NOTIFY_SOCKET. SIGIO follows each message. Returns the descriptor, or -1. */
int notify_open(void);

/* Takes what has come; true if a process of this container has sent READY=1. */
bool notify_is_ready(int fd);

#endif
