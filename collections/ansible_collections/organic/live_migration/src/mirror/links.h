/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "packet.h"

/* Takes the links down that have one of the addresses, so that this kernel gets and sends nothing any more. */
void take_links_down(const struct address *addresses, int count);
