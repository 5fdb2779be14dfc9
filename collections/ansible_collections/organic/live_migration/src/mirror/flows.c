/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
#define FLOWS_MAX 65536
#define MEMORY_MAX (64L << 20)

static struct flow *buckets[BUCKETS];
static unsigned flow_count;
static int64_t memory;

static unsigned bucket_of(const struct flow_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < sizeof *key; i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	return (hash ^ hash >> 16) % BUCKETS;
}

struct flow *find_flow(const struct flow_key *key, bool make)
{
	struct flow **at = &buckets[bucket_of(key)];

	for (; *at; at = &(*at)->next)
		if (memcmp(&(*at)->key, key, sizeof *key) == 0)
			return *at;
	if (!make)
		return NULL;
	if (flow_count == FLOWS_MAX) {
		set_void("there are more than %d flows", FLOWS_MAX);
		return NULL;
	}
	flow_count++;
	*at = allocate(sizeof **at);
	(*at)->key = *key;
	return *at;
}

void each_flow(void (*run)(struct flow *flow))
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct flow *flow = buckets[i]; flow; flow = flow->next)
			run(flow);
}

void memory_taken(int64_t bytes)
{
	memory += bytes;
	if (memory > MEMORY_MAX)
		set_void("the clone is more than %ld MiB behind", MEMORY_MAX >> 20);
}
