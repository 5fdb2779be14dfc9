/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compares what the clone says with what the process has said, flow by flow: TCP byte by byte, wherever either divides
 * its stream into segments; others datagram by datagram. What both have said is dropped at the clone. */
#include "target.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

unsigned surplus_count;

static bool after(uint32_t one, uint32_t other)
{
	return (int32_t)(one - other) > 0;
}

static struct piece *add_piece(struct pieces *pieces, const struct packet *packet, uint64_t at_ns, uint32_t id)
{
	struct piece *piece = allocate(sizeof *piece + packet->length);

	*piece = (struct piece){.at_ns = at_ns, .id = id, .seq = packet->seq, .end = packet->seq + segment_length(packet),
				.length = packet->length, .payload = packet->payload,
				.payload_bytes = packet->payload_bytes};
	memcpy(piece->data, packet->data, packet->length);
	memory_taken((int64_t)packet->length);
	if (pieces->first)
		pieces->last->next = piece;
	else
		pieces->first = piece;
	pieces->last = piece;
	return piece;
}

void free_piece(struct piece *piece)
{
	memory_taken(-(int64_t)piece->length);
	free(piece);
}

/* The clone and the process have said the first piece of the process. */
static void process_piece_done(struct flow *flow)
{
	struct piece *piece = flow->process.first;

	flow->process.first = piece->next;
	piece->is_done = true;
	counters.answers_compared++;
	count_time(counters.lags, &counters.max_lag_ns, now_ns() - piece->at_ns);
}

static void clone_piece_done(struct flow *flow)
{
	struct piece *piece = flow->clone.first;

	flow->clone.first = piece->next;
	surplus_count--;
	queue_verdict(QUEUE_OUTPUT, piece->id, VERDICT_DROP);
	free_piece(piece);
}

static size_t first_difference(const uint8_t *one, const uint8_t *other, size_t bytes)
{
	size_t at = 0;

	while (at < bytes && one[at] == other[at])
		at++;
	return at;
}

static void compare_datagrams(struct flow *flow)
{
	struct piece *process = flow->process.first, *clone = flow->clone.first;
	const uint8_t *said = process->data + process->payload, *says = clone->data + clone->payload;
	size_t bytes = process->payload_bytes < clone->payload_bytes ? process->payload_bytes : clone->payload_bytes;
	size_t at = first_difference(said, says, bytes);

	if (at < bytes)
		set_diverged(flow, at, said[at], says[at], "a datagram has another byte", process->at_ns);
	else if (process->payload_bytes != clone->payload_bytes)
		set_diverged(flow, at, at < process->payload_bytes ? said[at] : -1,
			     at < clone->payload_bytes ? says[at] : -1, "a datagram has another length", process->at_ns);
	else {
		flow->compared++;
		counters.bytes_compared += bytes;
		process_piece_done(flow);
		clone_piece_done(flow);
	}
}

static void advance(struct piece *piece, uint32_t sequence_numbers, size_t bytes)
{
	piece->seq += sequence_numbers;
	piece->payload += bytes;
	piece->payload_bytes -= bytes;
}

/* Compares what both pieces have from their common position on. */
static void compare_segments(struct flow *flow)
{
	struct piece *process = flow->process.first, *clone = flow->clone.first;
	size_t left = process->payload_bytes, clone_left = clone->payload_bytes;
	size_t bytes = left < clone_left ? left : clone_left;
	const uint8_t *said = process->data + process->payload, *says = clone->data + clone->payload;
	size_t at = first_difference(said, says, bytes);
	uint64_t offset = process->seq - flow->start + at;

	if (process->seq != clone->seq) {
		set_void("two streams of one connection begin at different places");
	} else if (at < bytes) {
		set_diverged(flow, offset, said[at], says[at], "a byte of the stream differs", process->at_ns);
	} else if (!bytes && (left || clone_left)) {
		set_diverged(flow, offset, left ? *said : -1, clone_left ? *says : -1,
			     left ? "the clone closes the connection, the process goes on"
				  : "the process closed the connection, the clone goes on",
			     process->at_ns);
	} else {
		uint32_t taken = bytes ? (uint32_t)bytes : 1; /* when neither has a byte left: FIN */

		counters.bytes_compared += bytes;
		advance(process, taken, bytes);
		advance(clone, taken, bytes);
		if (process->seq == process->end)
			process_piece_done(flow);
		if (clone->seq == clone->end)
			clone_piece_done(flow);
	}
}

static void compare(struct flow *flow)
{
	while (flow->process.first && flow->clone.first && !is_void && !is_in_step_for_good) {
		if (flow->key.protocol == IPPROTO_TCP)
			compare_segments(flow);
		else
			compare_datagrams(flow);
	}
}

static void add_surplus(struct flow *flow, const struct packet *packet, uint32_t id)
{
	struct piece *piece = add_piece(&flow->clone, packet, now_ns(), id);

	piece->inputs = counters.inputs;
	piece->is_spontaneous = at_rest_since_ns != 0;
	surplus_count++;
	compare(flow);
}

static void drop_held_ack(struct flow *flow)
{
	if (flow->holds_ack)
		queue_verdict(QUEUE_OUTPUT, flow->held_ack_id, VERDICT_DROP);
	flow->holds_ack = false;
}

/* Shortens a segment by what was sent before; returns false when nothing is left. */
static bool trim(struct packet *packet, uint32_t next)
{
	uint32_t known = next - packet->seq;

	if (!segment_length(packet) || !after(packet->seq + segment_length(packet), next))
		return false;
	packet->seq += known;
	packet->payload += known < packet->payload_bytes ? known : packet->payload_bytes;
	packet->payload_bytes -= known < packet->payload_bytes ? known : packet->payload_bytes;
	return true;
}

static bool is_known(struct flow *flow, const struct packet *packet)
{
	if (!flow->is_known && segment_length(packet)) { /* not in the images: the kernel finishes it alone */
		flow->is_known = true;
		flow->start = flow->process_next = flow->clone_next = packet->seq;
	}
	return flow->is_known;
}

struct piece *process_said(struct flow *flow, const struct packet *said, uint64_t at_ns)
{
	struct packet packet = *said;
	struct piece *piece;

	if (packet.protocol == IPPROTO_TCP) {
		if (packet.flags & TCP_ACK && (!flow->has_process_ack || after(packet.ack, flow->process_ack))) {
			flow->process_ack = packet.ack;
			flow->has_process_ack = true;
			if (flow->holds_ack && !after(flow->held_ack, packet.ack))
				drop_held_ack(flow);
		}
		flow->process_reset |= (packet.flags & TCP_RST) != 0;
		if (packet.flags & (TCP_RST | TCP_SYN) || !is_known(flow, &packet))
			return NULL;
		if (segment_length(&packet) && after(packet.seq, flow->process_next)) {
			set_void("a copy of what the process sent is missing");
			return NULL;
		}
		if (!trim(&packet, flow->process_next))
			return NULL;
		flow->process_next = packet.seq + segment_length(&packet);
	}
	piece = add_piece(&flow->process, &packet, at_ns, 0);
	compare(flow);
	return piece;
}

static void clone_segment(struct flow *flow, const struct queued *queued, struct packet *packet)
{
	bool keeps = false;

	if (packet->flags & TCP_RST) {
		if (!flow->clone_reset)
			flow->clone_reset_ns = now_ns();
		flow->clone_reset = true;
	} else if (!(packet->flags & TCP_SYN) && is_known(flow, packet)) {
		if (segment_length(packet) && after(packet->seq, flow->clone_next)) {
			set_void("a packet of the clone is missing");
		} else if (trim(packet, flow->clone_next)) {
			flow->clone_next = packet->seq + segment_length(packet);
			flow->clone_closed |= (packet->flags & TCP_FIN) != 0;
			add_surplus(flow, packet, queued->id);
			keeps = true;
		} else if (!segment_length(packet) && packet->flags & TCP_ACK && flow->has_process_ack &&
			   after(packet->ack, flow->process_ack)) {
			drop_held_ack(flow);
			flow->held_ack = packet->ack;
			flow->held_ack_id = queued->id;
			flow->holds_ack = keeps = true;
		}
		feed_ack(flow);
	}
	if (!keeps)
		queue_verdict(QUEUE_OUTPUT, queued->id, VERDICT_DROP);
}

void clone_said(const struct queued *queued)
{
	struct packet packet;
	struct flow_key key;
	struct flow *flow = NULL;

	if (!is_void && !queued->is_cut && queued->data && parse_packet(queued->data, queued->length, &packet) &&
	    is_compared(&packet) && !packet.is_fragment) {
		key = flow_of(&packet, false);
		flow = find_flow(&key, true);
	}
	if (!flow) {
		queue_verdict(QUEUE_OUTPUT, queued->id, VERDICT_DROP);
	} else if (opens_connection(&packet)) {
		; /* it stays in the queue: the process's own does as well, and the clone's leaves after the commit */
	} else if (packet.protocol == IPPROTO_TCP) {
		clone_segment(flow, queued, &packet);
	} else {
		add_surplus(flow, &packet, queued->id);
	}
}

static struct flow *surplus_flow;

/* A datagram that an input has made the clone say: the process, at rest after the same input, does not say it any more.
 * What TCP sends also depends on the windows of the two kernels. */
static bool is_wrong(const struct flow *flow)
{
	const struct piece *piece = flow->clone.first;

	return flow->key.protocol != IPPROTO_TCP && !piece->is_spontaneous && piece->inputs <= counters.rested_inputs;
}

static void find_surplus(struct flow *flow)
{
	/* the process still works on the input that made the clone say it */
	if (!flow->clone.first || flow->process.first ||
	    (!flow->clone.first->is_spontaneous && flow->clone.first->inputs > counters.rested_inputs))
		return;
	if (!surplus_flow || is_wrong(flow) > is_wrong(surplus_flow) ||
	    (is_wrong(flow) == is_wrong(surplus_flow) && flow->clone.first->at_ns < surplus_flow->clone.first->at_ns))
		surplus_flow = flow;
}

struct flow *find_wrong_surplus(uint64_t now, uint64_t limit_ns)
{
	surplus_flow = NULL;
	each_flow(find_surplus);
	if (surplus_flow && !is_wrong(surplus_flow) && now - surplus_flow->clone.first->at_ns <= limit_ns)
		return NULL;
	return surplus_flow;
}

/* What is left in the queue is the surplus: all else got its verdict. The kernel lets it go in its order. */
void send_surplus(void)
{
	queue_verdict_all(QUEUE_OUTPUT, VERDICT_ACCEPT);
}
