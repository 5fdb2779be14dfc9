/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of the target's pager, and what they share:
 *
 *   target.c           the commands and the main loop
 *   target_receive.c   one thread for each connection receives pages and lists
 *   target_store.c     keeps pages until there is a process, and the state of each page
 *   target_place.c     places pages in the memory of the processes (UFFDIO_COPY)
 *   target_spaces.c    where the source's memory lies in each address space now
 *   target_faults.c    page faults and the other events of userfaultfd(2)
 *   target_criu.c      takes the userfaultfds from CRIU
 *   target_shared.c    receives shared memory, and gives it to CRIU */
#pragma once

#include "chunks.h"
#include "pager.h"
#include "ranges.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESSES_MAX 4096

/* UNKNOWN: only the source has the page. STORED: it is in our memory. ZERO: it holds zeros and need not be placed.
 * REQUESTED: the process waits for it, and the source was asked. PLACED: the process has it. */
enum target_page_state { UNKNOWN, STORED, ZERO, REQUESTED, PLACED };

/* AGAIN: the process is changing its memory layout just now, and an event will say how. NOT_YET: CRIU has not restored
 * this memory yet. */
enum placed { DONE, AGAIN, NOT_YET };

/* A part of the source's address space and where it is now: once the process runs, mremap(2) may move it. */
struct mapping {
	uint64_t start, end;
	uint64_t source; /* the address of its first page on the source */
};

struct address_space {
	struct address_space *next;
	int uffd;
	struct mapping *mappings;
	size_t count;
};

struct target_process {
	uint32_t ns_pid;
	struct chunks pages;
	struct ranges vmas;	    /* the memory that the pager answers for */
	struct ranges present;	    /* pages at the freeze; anything else reads as zeros */
	struct ranges wipe_on_fork; /* a child of fork(2) gets these empty (madvise(2), MADV_WIPEONFORK) */
	struct address_space *spaces; /* more than one after fork(2) */
	size_t next_range;	    /* where place_stored() continues: the range of `present`, and the address */
	uint64_t next_address;
};

struct target {
	struct target_process *processes[PROCESSES_MAX];
	_Atomic size_t process_count; /* counts an entry only once it is filled in */
	struct connection *connections;
	int connection_count;
	/* Held for reading to place pages, for writing to change the mappings of an address space. */
	pthread_rwlock_t layout;
	pthread_mutex_t table; /* guards the list of processes, and their chunks */
	_Atomic bool place_directly; /* each page is sent once only: it need not be stored if it can be placed */
	_Atomic bool restored;	     /* CRIU has restored all processes */
	_Atomic bool running;	     /* the processes run, or are about to */
	_Atomic bool finishing;	     /* the source has sent everything */
	_Atomic uint64_t pages_received, pages_placed, faults, requests;
};

extern struct target target;

/* target_store.c */

/* The process with this PID in the container; with `add`, an unknown one is added. NULL: there is none, or no room. */
struct target_process *find_target_process(uint32_t ns_pid, bool add);
struct chunk *find_chunk(struct target_process *process, uint64_t address, bool add);
enum target_page_state state_of_page(struct target_process *process, uint64_t address);
void set_page_states(struct target_process *process, uint64_t start, uint64_t end, enum target_page_state state);
/* Stores pages: `data`, or, when that is NULL, what comes next on the connection. Places those that a process waits
 * for. False when the connection is lost. */
bool store_pages(struct connection *connection, struct target_process *process, uint64_t address, const char *data,
		 uint64_t bytes);
/* Whether there is no page left that only the source has; with `placed`, none that is not in its process. */
bool is_complete(bool placed);

/* target_place.c: addresses named `source` are those on the source; no data stands for pages of zeros */

/* Places pages at one address. The caller holds `layout`. */
enum placed place_at(int uffd, uint64_t address, const char *data, uint64_t bytes);
/* Places pages in all address spaces that have them. The caller holds `layout`. */
enum placed place(struct target_process *process, uint64_t source, const char *data, uint64_t bytes);
/* Places pages; false when CRIU has not restored their memory yet. */
bool try_to_place(struct target_process *process, uint64_t source, const char *data, uint64_t bytes);
/* Places pages, and waits until that is possible. */
void place_received(struct target_process *process, uint64_t source, const char *data, uint64_t bytes);
/* Places some of the stored pages; returns whether there may be more. */
bool place_some_stored(void);
/* Starts again at the first stored page. */
void restart_placing(void);
/* Waits a moment before the next attempt, where the kernel has no event to wait for. */
void backoff(void);

/* target_spaces.c: the caller holds `layout` for writing */

struct address_space *add_space(struct target_process *process, int uffd);
void add_mapping(struct address_space *space, struct mapping mapping);
/* fork(2), mremap(2), and munmap(2) or madvise(2) that dropped the pages of a range. */
void fork_space(struct target_process *process, struct address_space *parent, int uffd);
void move_mappings(struct address_space *space, uint64_t from, uint64_t to, uint64_t bytes);
void remove_mappings(struct address_space *space, uint64_t start, uint64_t end);

/* target_faults.c */

void request_page(struct target_process *process, uint64_t source);
/* Handles what the kernel has to report; returns whether there was something. */
bool handle_events(void);
/* Whether there are faults that could not be handled yet. */
bool has_deferred_faults(void);

/* target_receive.c */

void start_receivers(void);
/* Waits for the receivers to end; handles events meanwhile. Their connections must be shut down. */
void join_receivers(void);

/* target_criu.c */

/* The socket that CRIU's restore connects to, in its image directory. */
int listen_for_criu(int images);
/* Reads one message of CRIU's: a process and its userfaultfd. False when there will be no more. */
bool receive_from_criu(int criu);

/* target_shared.c */

/* The socket at which CRIU's restore asks for shared memory (../shared_memory.c), in its image directory. */
int listen_for_shared_memory(int images);
/* Answers one question: gives the shared memory, or says that CRIU has it in its images. */
void give_shared_memory(int listener);
/* Creates shared memory, or changes its size. False when the frame is not valid, or the connection is lost. */
bool receive_shared_memory(struct connection *connection, const struct frame *frame);
/* Pages of shared memory: `data`, or, when that is NULL, what comes next on the connection. */
bool store_shared_pages(struct connection *connection, const struct frame *frame, const char *data);
bool zero_shared_pages(const struct frame *frame);
