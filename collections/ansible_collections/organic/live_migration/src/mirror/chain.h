/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The hash chain over the inputs: SipHash-2-4 (Aumasson, Bernstein 2012) of each packet, with the hash so far and the
 * number of the packet as its key. Both ends have the same value after the same packets in the same order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t chain_next(uint64_t chain, uint64_t number, const uint8_t *data, size_t bytes);
