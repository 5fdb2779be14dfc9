/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "wire.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define CONNECTIONS_MAX 16
/* The agent's orders come as packets on standard input, a SOCK_SEQPACKET socket, and what is told goes back there. */
#define CONTROL 0
/* Of the pagers while the process stands still: before all else, but behind CRIU and the agents, whom it waits for too. */
#define BEHIND_CRIU (-5)
/* So many pages come with one that a process waits for, from where it is on. */
#define AROUND_PAGES 16UL

/* A connection to the other pager. It breaks once and for all: what is sent afterwards is not, and nothing comes. */
struct connection {
	int fd;
	pthread_mutex_t sending;
	_Atomic bool broken;
	_Atomic uint64_t bytes_sent;
};

/* Ends the program with a message; the agent sees the end and acts. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
/* Fails when a file was not opened for want of descriptors or memory: it is not to be taken for one that is not there. */
void need_resources(bool opened, const char *path);
/* One packet to the agent, JSON. */
__attribute__((format(printf, 1, 2))) void tell(const char *format, ...);
/* The same, with a descriptor that the agent holds open from then on. */
__attribute__((format(printf, 2, 3))) void tell_descriptor(int descriptor, const char *format, ...);
/* One order of the agent's, with the connections that came with it; false when it has gone. */
bool hear(char *command, size_t size, struct connection *connections, int *count);
void *allocate(size_t bytes);
void *allocate_pages(size_t bytes);
double now_ms(void);
bool is_zero_page(const void *page);
/* Of all threads (setpriority(2)). */
void set_priority(int nice);

bool send_vector(struct connection *connection, struct iovec *vector, int parts);
bool send_frame(struct connection *connection, struct frame frame, const void *payload);
bool send_ranges(struct connection *connection, enum frame_kind kind, uint32_t process, const struct range *ranges,
		 size_t count);
bool receive_all(struct connection *connection, void *data, size_t bytes);
/* Reads one frame without its payload; false when the connection is broken, or said what no pager says. */
bool receive_frame(struct connection *connection, struct frame *frame);

/* source.c, target.c, check.c */
void run_source(pid_t root, struct connection *connections, int count, int hints_fd);
void run_target(struct connection *connections, int count, int images, int init);
int run_check(void);
