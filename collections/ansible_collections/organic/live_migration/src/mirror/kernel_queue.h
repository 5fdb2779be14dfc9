/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Netfilter queues (linux/netfilter/nfnetlink_queue.h), all on one netlink socket. */
#pragma once

#include "mirror.h"

enum verdict { VERDICT_DROP = 0, VERDICT_ACCEPT = 1 };

struct queued {
	enum queue queue;
	uint32_t id; /* ascends within its queue */
	uint8_t *data;
	size_t length;
	bool is_cut; /* the kernel did not copy all of it */
};

void queues_use(int socket, uint16_t first, void (*take)(const struct queued *packet));
/* From now on packets of this queue are held and given to "take". */
void queue_bind(enum queue queue);
/* Gives all that is there to "take". */
void queues_read(void);
void queue_verdict(enum queue queue, uint32_t id, enum verdict verdict);
/* The same for everything in the queue that was read so far. */
void queue_verdict_all(enum queue queue, enum verdict verdict);
void queue_unbind(enum queue queue);
bool queue_is_bound(enum queue queue);
