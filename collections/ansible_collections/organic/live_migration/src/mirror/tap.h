/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A copy of each packet that leaves the namespace (packet(7)); nothing is delayed by it. */
#pragma once

#include "packet.h"

/* Opens it; nothing is copied before tap_start. */
void tap_open(void);
void tap_start(void);
int tap_fd(void);
/* Gives all that was sent so far to "take". */
void tap_read(void (*take)(struct packet *packet));
/* Packets that were lost because nobody read them in time. */
unsigned tap_lost(void);
