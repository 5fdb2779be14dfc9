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
/* Nice value of the pagers during the switchover: above everything else on the host, but below CRIU and the agents,
 * which the process waits for as well. */
#define PAGER_SWITCHOVER_NICE (-5)
/* Number of pages that are sent or placed for one page fault, starting at the page that the process waits for. */
#define FAULT_AROUND_PAGES 16UL

/* A connection to the other pager. Once it is lost it stays lost: nothing more is sent or received. */
struct connection {
	int fd;
	pthread_mutex_t send_lock;
	_Atomic bool lost;
	_Atomic uint64_t bytes_sent;
};

/* Ends the program with a message; the agent notices the end and acts. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
/* Fails when a file could not be opened because descriptors or memory ran out: it must not be mistaken for a missing
 * one. */
void need_resources(bool opened, const char *path);
void *allocate(size_t bytes);
void *allocate_pages(size_t bytes);
double now_ms(void);
bool is_zero_page(const void *page);
/* Sets the nice value of all threads (setpriority(2)). */
void set_priority(int nice);

bool send_vector(struct connection *connection, struct iovec *vector, int parts);
bool send_frame(struct connection *connection, struct frame frame, const void *payload);
bool send_ranges(struct connection *connection, enum frame_kind kind, uint32_t ns_pid, const struct range *ranges,
		 size_t count);
bool receive_all(struct connection *connection, void *data, size_t bytes);
/* Reads one frame without its payload; false when the connection is lost, or the frame is not valid. */
bool receive_frame(struct connection *connection, struct frame *frame);

/* One message over a local socket, with a descriptor; -1: without. */
bool send_with_descriptor(int socket, const void *data, size_t bytes, int descriptor);
/* Receives one; -1 stands for no descriptor. Returns how many bytes came. */
ssize_t receive_with_descriptor(int socket, void *data, size_t bytes, int *descriptor);

static inline uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* source.c, target.c, check.c */
void run_source(pid_t root, struct connection *connections, int count, int hints_fd);
void run_target(struct connection *connections, int count, int images, int init);
int run_check(void);
