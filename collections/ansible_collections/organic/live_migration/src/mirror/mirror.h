/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUN_NAME "organic-mirror"
/* Each packet of the process waits for the mirror, which must not wait for a processor: the lowest priority of those that
 * precede ordinary processes (sched(7); a nice value counts within a session only, with autogroups), or where the host
 * does not allow it, a nice value. The mirror works some microseconds for each packet and sleeps. */
#define MIRROR_PRIORITY 1
#define MIRROR_NICE (-10)
#define MS 1000000ULL
#define ADDRESSES_MAX 32

/* Queues of one end, by consecutive numbers (network/mirror_rules.py). */
enum queue {
	QUEUE_INPUT,   /* what arrives; on the target it is dropped until the clone may speak */
	QUEUE_OUTPUT,  /* what is sent: on the source from "mute" on, on the target from the beginning */
	QUEUE_OPENING, /* source: the first packet of each connection that the process opens */
	QUEUES,
};

/* Ends the program with a message; the agent notices the end and acts. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
void *allocate(size_t bytes);
uint64_t now_ns(void);

/* source.c, target.c. The descriptors: the netlink socket of the queues, and the stream to the other mirror. */
void run_source(int queues, int stream, uint16_t first_queue, uint64_t max_wait_ns, char **addresses, int count);
void run_target(int queues, int stream, uint16_t first_queue, char **addresses, int count);
