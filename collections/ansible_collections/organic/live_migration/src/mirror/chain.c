/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain.h"

#include <string.h>

static uint64_t rotated(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
	while (count--) {
		v[0] += v[1];
		v[1] = rotated(v[1], 13) ^ v[0];
		v[0] = rotated(v[0], 32);
		v[2] += v[3];
		v[3] = rotated(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotated(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotated(v[1], 17) ^ v[2];
		v[2] = rotated(v[2], 32);
	}
}

uint64_t chain_next(uint64_t chain, uint64_t number, const uint8_t *data, size_t bytes)
{
	uint64_t v[4] = {chain ^ 0x736f6d6570736575ULL, number ^ 0x646f72616e646f6dULL, chain ^ 0x6c7967656e657261ULL,
			 number ^ 0x7465646279746573ULL};
	uint64_t last = (uint64_t)bytes << 56, word;

	for (; bytes >= 8; bytes -= 8, data += 8) {
		memcpy(&word, data, 8);
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, data, bytes);
	last |= word;
	v[3] ^= last;
	rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
