/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The mirror beside the clone.
 *
 * What the source has recorded is one list, in its order: packets that the process got, and packets that it sent. Its
 * first entry decides: a sent packet is done when the clone has said the same, an input when the clone is at rest and
 * gets it. So an input reaches the clone after all that the process had said before it got the input. */
#pragma once

#include "kernel_queue.h"
#include "mirror.h"
#include "packet.h"

#include <inttypes.h>

/* A packet that the process or the clone has sent, of which something is still to be compared. */
struct piece {
	struct piece *next;   /* of its flow */
	uint64_t at_ns;	      /* when it came here */
	uint64_t inputs;      /* of the clone's: how many inputs it had got */
	bool is_spontaneous;  /* of the clone's: it was at rest before */
	uint32_t id;	      /* of the clone's, in the kernel's queue */
	uint32_t seq, end;    /* TCP: sequence numbers of what is left, with FIN if it has one */
	bool is_done;	      /* of the process: the clone has said it */
	size_t length;	      /* of data */
	size_t payload, payload_bytes; /* what is left to compare */
	uint8_t data[];
};

struct pieces {
	struct piece *first, *last;
};

struct flow {
	struct flow *next; /* in its bucket */
	struct flow_key key;
	struct pieces process, clone;
	uint64_t compared; /* datagrams */
	/* TCP */
	bool is_known;		   /* the following three are known */
	uint32_t start;		   /* the first sequence number that is compared */
	uint32_t process_next, clone_next; /* the next that either sends */
	uint32_t process_ack;	   /* what the process has acknowledged */
	uint32_t peer_ack, fed_ack; /* what the peer has acknowledged, and what of it was given to the clone */
	bool has_process_ack, has_peer_ack, has_fed_ack;
	bool peer_closed, clone_closed, process_reset, clone_reset;
	uint64_t clone_reset_ns;
	uint32_t held_ack, held_ack_id; /* an acknowledgement of the clone that the process has not said */
	bool holds_ack;
	struct packet header; /* of the last segment that was fed, as one that only acknowledges */
	uint8_t header_bytes[256];
};

/* An entry of the list. */
struct recorded {
	struct recorded *next;
	uint64_t at_ns;
	bool is_output, is_spontaneous;
	struct flow *flow; /* NULL: neither TCP, UDP nor SCTP, or a fragment */
	struct piece *piece; /* an output's; freed with the entry */
	struct packet packet; /* an input's */
	uint8_t data[];
};

/* Times are counted by the logarithm of nanoseconds, two steps a power of two: up to 4 s, 25 % exact. */
#define TIME_STEPS 64

struct counters {
	uint64_t inputs_received, outputs_received, inputs, chain;
	uint64_t rested_inputs; /* the process was at rest after this one */
	uint64_t answers_compared, bytes_compared;
	uint64_t lags[TIME_STEPS], max_lag_ns, skews[TIME_STEPS], max_skew_ns;
};

extern struct counters counters;
/* The source was told that both are in step: nothing makes the attempt void any more, since it commits. */
extern bool is_void, is_in_step_for_good, may_speak;
extern unsigned surplus_count; /* pieces of the clone that the process has not said */
extern uint64_t at_rest_since_ns; /* of the clone; 0: it works */

/* target.c: the attempt is void. */
__attribute__((format(printf, 1, 2))) void set_void(const char *format, ...);
/* The copies have parted; bytes are -1 for none. */
void set_diverged(const struct flow *flow, uint64_t offset, int source, int clone, const char *reason,
		  uint64_t since_ns);
void count_time(uint64_t times[TIME_STEPS], uint64_t *longest, uint64_t ns);

/* flows.c */
struct flow *find_flow(const struct flow_key *key, bool make);
void each_flow(void (*run)(struct flow *flow));
void memory_taken(int64_t bytes);

/* compare.c */
struct piece *process_said(struct flow *flow, const struct packet *packet, uint64_t at_ns);
void free_piece(struct piece *piece);
void clone_said(const struct queued *queued);
/* A flow in which the clone has said what the process will not say, or has not said for longer than the limit. */
struct flow *find_wrong_surplus(uint64_t now, uint64_t limit_ns);
/* Sends all that the clone has said beyond the process, in its order. */
void send_surplus(void);

/* feed.c */
void tun_open(void);
/* Gives an input to the clone. */
void feed(struct recorded *entry);
/* Gives a packet to the clone as it is. */
void inject(const struct packet *packet);
/* Notes what the peer has acknowledged, and tells the clone as much of it as it has said. */
void note_peer_ack(struct flow *flow, const struct packet *packet);
void feed_ack(struct flow *flow);
