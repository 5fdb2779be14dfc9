/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of the source's pager, and what they share:
 *
 *   source.c           the commands
 *   source_workers.c   one thread for each connection sends jobs (dirty_pages.h); bandwidth, progress, barriers
 *   source_send.c      reads the pages of jobs and sends them
 *   source_receive.c   one thread for each connection answers what the target asks
 *   source_hints.c     tells CRIU which pages to skip, and what smaps says
 *   source_shared.c    finds shared memory, and the pages of it that are to be sent
 *   dirty_pages.c      finds the other pages that are to be sent */
#pragma once

#include "dirty_pages.h"
#include "pager.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
	struct connection *connections;
	int connection_count;
	int hints_fd;

	pthread_mutex_t lock;	/* for the jobs and the barriers */
	pthread_cond_t changed; /* something has changed that a thread may wait for: a value below, or a lost connection */
	uint64_t barrier, barriers_done[CONNECTIONS_MAX]; /* the last one sent, and answered on each connection */
	size_t next_job;
	bool jobs_ready; /* the list is complete, and the target is ready for it: the workers may send */
	int busy_workers;
	bool frozen;		/* the last scan of the memory is done: it does not change any more */
	bool received_complete; /* after reconnecting: the target has sent which pages it has */

	bool pushing; /* post-copy: pages of the jobs may have been sent already, because the target asked */
	bool compressing;
	bool round_sent;
	bool shared_sent; /* shared memory was sent in full: the target lacks few of its pages */
	uint64_t limit_bytes_per_s; /* 0: none */
	_Atomic uint64_t limited_bytes; /* sent since limited_since_ms */
	double limited_since_ms;
	_Atomic uint64_t pages_sent, zero_pages;
};

extern struct source source;

/* source_send.c */

/* The buffers of one thread that sends pages. */
struct batch;

struct batch *new_batch(void);
void free_batch(struct batch *batch);
/* Sends jobs of one process with up to FRAME_PAGES_MAX pages in one go. With `claim`, only pages that are still
 * pending. */
void send_jobs(struct batch *batch, struct connection *connection, const struct job *list, size_t count, bool claim);

/* source_workers.c */

#define BATCH_JOBS 64

void start_workers(void);
/* Lets the workers send all jobs; returns when they have. */
void send_all_jobs(void);
/* Waits until the target has handled everything that was sent; false when a connection is lost. */
bool await_barrier(void);
bool any_connection_lost(void);
uint64_t total_bytes_sent(void);

/* source_receive.c */

void start_readers(void);

/* source_hints.c */

/* Fills in the file for CRIU (../hints.h). */
void write_hints(void);
