/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The mirror beside the process. Each packet for the process is held, recorded, and let in when the process is at rest;
 * each packet that it sends is copied. The process is the true one until the commit: whatever fails here, it gets all
 * of its input ("void"). */
#define _GNU_SOURCE
#include "chain.h"
#include "control.h"
#include "faults.h"
#include "kernel_queue.h"
#include "links.h"
#include "packet.h"
#include "rest.h"
#include "stream.h"
#include "tap.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* How often the process is looked at while something waits for it: a request takes it 20 us and more. */
#define LOOK_EVERY_NS 30000
/* The process is quiet when it was at rest this often, one after the other: what another processor was delivering when
 * the queue was bound, has arrived by then. */
#define QUIET_LOOKS 4
#define REASON_BYTES 160
/* A new connection waits this many times as long, at most, as a packet may wait for its turn. With the usual 5 ms that
 * is 1 s, after which the peer sends its first packet again (RFC 6298); it is never much more. */
#define CONNECTION_PATIENCE 200
#define CONNECTION_NS (2000 * MS)
#define DELAY_FAULT_US 10000

enum phase { PHASE_PASS, PHASE_HOLD, PHASE_TURNSTILE, PHASE_LATE };
static const char *const phase_names[] = {"pass", "hold", "turnstile", "late"};

/* A packet in the kernel's queue. */
struct held {
	struct held *next;
	uint64_t since_ns;
	uint32_t id;
	size_t length;
	uint8_t data[];
};

struct held_list {
	struct held *first, **end;
	unsigned count;
};

static enum phase phase;
static bool marked, recording, rested, holds_connections;
static struct held_list inputs, connections; /* the first packets of new connections wait on their own */
static struct held *letting_in;		     /* it has left its list, and has no verdict yet */
static uint64_t opening_since_ns;	     /* the process has opened a connection, which waits; 0: none */
static struct stream stream;
static struct address own[ADDRESSES_MAX];
static int own_count;
/* After a hold the packets that came meanwhile are let in one by one: as a whole they may wait for as long as it was. */
static uint64_t held_ns, backlog_ns, let_in_ns;
static uint64_t max_wait_ns, input_count, output_count, chain, wait_ns, longest_ns;
static char void_reason[REASON_BYTES];

static void append(struct held_list *list, const struct queued *packet)
{
	struct held *held = allocate(sizeof *held + packet->length);

	*held = (struct held){.since_ns = now_ns(), .id = packet->id, .length = packet->length};
	memcpy(held->data, packet->data, packet->length);
	if (!list->first)
		list->end = &list->first;
	*list->end = held;
	list->end = &held->next;
	list->count++;
}

static struct held *take_first(struct held_list *list)
{
	struct held *held = list->first;

	if (held) {
		list->first = held->next;
		list->count--;
	}
	return held;
}

static void let_list_in(struct held_list *list)
{
	for (struct held *held; (held = take_first(list)); free(held))
		queue_verdict(QUEUE_INPUT, held->id, VERDICT_ACCEPT);
}

static void let_all_in(void)
{
	if (letting_in)
		queue_verdict(QUEUE_INPUT, letting_in->id, VERDICT_ACCEPT);
	letting_in = NULL;
	let_list_in(&inputs);
	if (!holds_connections)
		let_list_in(&connections);
	queue_verdict_all(QUEUE_OPENING, VERDICT_ACCEPT);
	queue_verdict_all(QUEUE_OUTPUT, VERDICT_ACCEPT);
	opening_since_ns = 0;
}

/* Gives the attempt up: the process goes on as if there were no mirror. After the commit nothing is given up. */
__attribute__((format(printf, 1, 2))) static void give_up(const char *format, ...)
{
	va_list arguments;

	if (*void_reason || phase == PHASE_LATE || (phase == PHASE_PASS && !holds_connections))
		return;
	va_start(arguments, format);
	vsnprintf(void_reason, sizeof void_reason, format, arguments);
	va_end(arguments);
	holds_connections = false;
	/* frozen for the dump it takes nothing: its agent lets it go on, and then opens */
	if (phase != PHASE_HOLD) {
		phase = PHASE_PASS;
		let_all_in();
	}
	recording = false;
	stream_send(&stream, (struct frame){.kind = FRAME_VOID}, NULL);
	answer("{\"event\": \"void\"}");
}

static void check_sent(bool is_sent)
{
	if (!is_sent)
		give_up(stream.lost ? "the stream to the target was lost" : "the target does not take what it is sent");
}

/* Sent by the next call of stream_flush. */
static void note(enum frame_kind kind, unsigned flags, const uint8_t *data, size_t length)
{
	struct frame frame = {.payload_bytes = (uint32_t)length, .kind = (uint16_t)kind, .flags = (uint16_t)flags,
			      .inputs = input_count, .outputs = output_count};

	check_sent(stream_append(&stream, frame, data));
}

static void record(enum frame_kind kind, unsigned flags, const uint8_t *data, size_t length)
{
	note(kind, flags, data, length);
	check_sent(stream_flush(&stream));
}

static void take_output(struct packet *packet)
{
	bool ours = false;

	for (int i = 0; i < own_count && !ours; i++)
		ours = same_address(&own[i], &packet->from);
	if (!ours || !recording || (!packet->is_fragment && !is_compared(packet)))
		return;
	if (packet->is_fragment) {
		give_up("the process sends packets in fragments");
		return;
	}
	output_count++;
	record(FRAME_OUTPUT, rested ? FRAME_SPONTANEOUS : 0, packet->data, packet->length);
}

static void read_outputs(void)
{
	tap_read(take_output);
}

static void forward(struct held *held)
{
	record(FRAME_LATE, 0, held->data, held->length);
	queue_verdict(QUEUE_INPUT, held->id, VERDICT_DROP);
	free(held);
}

static void take_queued(const struct queued *queued)
{
	struct packet packet;
	bool known = queued->data && !queued->is_cut && parse_packet(queued->data, queued->length, &packet);

	switch (queued->queue) {
	case QUEUE_INPUT:
		if (!known || is_for_the_kernel(&packet))
			queue_verdict(QUEUE_INPUT, queued->id, VERDICT_ACCEPT);
		else if (opens_connection(&packet) && (phase != PHASE_PASS || holds_connections))
			append(&connections, queued);
		else if (phase != PHASE_PASS)
			append(&inputs, queued);
		else
			queue_verdict(QUEUE_INPUT, queued->id, VERDICT_ACCEPT);
		break;
	default: /* they stay in the kernel */
		if (phase == PHASE_PASS)
			queue_verdict(queued->queue, queued->id, VERDICT_ACCEPT);
		else if (queued->queue == QUEUE_OPENING && !opening_since_ns)
			opening_since_ns = now_ns();
	}
}

/* Lets one packet in. A copy goes to the target, behind all that the process has said before it; it is noted before the
 * process gets it, and sent while the process works. If it cannot be sent, the attempt is void. */
static void let_in(struct held *held)
{
	static struct held *swapped;
	uint64_t waited = now_ns() - held->since_ns;
	enum fault fault;
	struct packet packet;

	read_outputs();
	input_count++;
	chain = chain_next(chain, input_count, held->data, held->length);
	letting_in = held;
	note(FRAME_INPUT, 0, held->data, held->length);
	if (!letting_in) { /* the attempt was given up, and all that waited was let in */
		free(held);
		return;
	}
	letting_in = NULL;
	wait_ns += waited;
	longest_ns = waited > longest_ns ? waited : longest_ns;
	rested = false;
	let_in_ns = now_ns();
	parse_packet(held->data, held->length, &packet);
	fault = packet.payload_bytes ? fault_of("source", input_count) : FAULT_NONE;
	if (fault == FAULT_SWAP) {
		swapped = held;
		check_sent(stream_flush(&stream));
		return;
	}
	if (fault == FAULT_DELAY)
		usleep(DELAY_FAULT_US);
	queue_verdict(QUEUE_INPUT, held->id, fault == FAULT_DROP ? VERDICT_DROP : VERDICT_ACCEPT);
	if (swapped && wakes(&packet)) {
		queue_verdict(QUEUE_INPUT, swapped->id, VERDICT_ACCEPT);
		free(swapped);
		swapped = NULL;
	}
	free(held);
	check_sent(stream_flush(&stream));
}

/* How long the first packet has waited, if that is too long: the process works on the one before it, or is far behind. */
static uint64_t overdue_ns(const struct held *first)
{
	uint64_t now = now_ns(), waited = now - first->since_ns;
	uint64_t busy = now - (let_in_ns > first->since_ns ? let_in_ns : first->since_ns);

	return busy > max_wait_ns ? busy : waited > max_wait_ns + backlog_ns ? waited : 0;
}

/* Whoever opens a connection is not kept waiting for a clone that takes long. */
static void check_connections(void)
{
	uint64_t now = now_ns(), since = connections.first ? connections.first->since_ns : now;
	uint64_t patience = CONNECTION_PATIENCE * max_wait_ns;

	if (opening_since_ns && opening_since_ns < since)
		since = opening_since_ns;
	if (now - since > (patience < CONNECTION_NS ? patience : CONNECTION_NS))
		give_up("a new connection waited for %.1f s", (double)(now - since) / 1e9);
}

static void turn(void)
{
	struct packet packet;
	uint64_t overdue;

	while (phase == PHASE_LATE && inputs.first)
		forward(take_first(&inputs));
	while (phase == PHASE_LATE && connections.first)
		forward(take_first(&connections));
	check_connections();
	if (phase != PHASE_TURNSTILE)
		return;
	if (!rested && is_at_rest()) {
		read_outputs(); /* what an input has caused; later ones are spontaneous */
		rested = true;
		record(FRAME_REST, 0, NULL, 0);
	}
	while (phase == PHASE_TURNSTILE && inputs.first) {
		parse_packet(inputs.first->data, inputs.first->length, &packet);
		if (wakes(&packet) && !is_at_rest()) {
			overdue = overdue_ns(inputs.first);
			if (overdue)
				give_up("a packet waited %.1f ms until all threads of the process slept",
					(double)overdue / 1e6);
			return;
		}
		let_in(take_first(&inputs));
		queues_read();
	}
	if (phase == PHASE_TURNSTILE)
		backlog_ns = 0;
}

static void do_watch(const char *pids)
{
	watch(pids);
	answer("{\"done\": \"watch\"}");
}

static void do_hold_connections(const char *argument)
{
	(void)argument;
	holds_connections = !*void_reason;
	queue_bind(QUEUE_INPUT);
	answer("{\"done\": \"hold_connections\"}");
}

static void do_hold(const char *argument)
{
	(void)argument;
	if (phase == PHASE_PASS)
		tap_start();
	if (phase != PHASE_HOLD)
		held_ns = now_ns();
	phase = PHASE_HOLD;
	queue_bind(QUEUE_OPENING);
	queue_bind(QUEUE_INPUT);
	answer("{\"done\": \"hold\"}");
}

static void do_await_quiet(const char *limit_us)
{
	uint64_t deadline = now_ns() + strtoull(limit_us, NULL, 10) * 1000;
	struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
	int looks = 0;

	while (looks < QUIET_LOOKS && now_ns() < deadline) {
		read_outputs();
		queues_read();
		looks = is_at_rest() ? looks + 1 : 0;
		nanosleep(&pause, NULL);
	}
	answer("{\"done\": \"await_quiet\", \"quiet\": %s}", looks == QUIET_LOOKS ? "true" : "false");
}

static void do_mark(const char *argument)
{
	(void)argument;
	recording = false;
	read_outputs();
	input_count = output_count = chain = wait_ns = longest_ns = 0;
	marked = recording = rested = true;
	record(FRAME_MARK, 0, NULL, 0);
	answer("{\"done\": \"mark\"}");
}

static void do_open_turnstile(const char *argument)
{
	(void)argument;
	recording = marked && !*void_reason;
	phase = recording ? PHASE_TURNSTILE : PHASE_PASS;
	backlog_ns = now_ns() - held_ns;
	for (struct held *held = inputs.first; held; held = held->next)
		held->since_ns = now_ns(); /* the freeze does not count */
	if (phase == PHASE_PASS)
		let_all_in();
	answer("{\"done\": \"open_turnstile\"}");
}

static void do_begin_handover(const char *argument)
{
	(void)argument;
	read_outputs();
	if (tap_lost())
		give_up("%u copies of sent packets were lost", tap_lost());
	answer("{\"done\": \"begin_handover\", \"inputs\": %" PRIu64 ", \"outputs\": %" PRIu64
	       ", \"chain\": \"%016" PRIx64 "\"}",
	       input_count, output_count, chain);
}

static void do_mute(const char *argument)
{
	(void)argument;
	queue_bind(QUEUE_OUTPUT);
	answer("{\"done\": \"mute\"}");
}

static void do_forward_late(const char *argument)
{
	(void)argument;
	phase = PHASE_LATE;
	recording = false;
	turn();
	answer("{\"done\": \"forward_late\"}");
}

static void do_release(const char *argument)
{
	(void)argument;
	recording = holds_connections = false;
	phase = PHASE_PASS;
	queues_read();
	let_all_in();
	answer("{\"done\": \"release\"}");
}

static void do_state(const char *argument)
{
	(void)argument;
	if (recording && tap_lost())
		give_up("%u copies of sent packets were lost", tap_lost());
	answer("{\"done\": \"state\", \"phase\": \"%s\", \"inputs\": %" PRIu64 ", \"outputs\": %" PRIu64
	       ", \"chain\": \"%016" PRIx64 "\", \"held\": %u, \"held_connections\": %u, \"wait_us\": %.1f, "
	       "\"max_wait_us\": %.1f, \"unsent_bytes\": %zu, \"void\": \"%s\"}",
	       phase_names[phase], input_count, output_count, chain, inputs.count + connections.count,
	       connections.count, input_count ? (double)wait_ns / 1e3 / (double)input_count : 0.0,
	       (double)longest_ns / 1e3, stream.end - stream.start, void_reason);
}

static const struct command commands[] = {
	{"watch", do_watch, true},
	{"hold_connections", do_hold_connections, false},
	{"hold", do_hold, false},
	{"await_quiet", do_await_quiet, true},
	{"mark", do_mark, false},
	{"open_turnstile", do_open_turnstile, false},
	{"begin_handover", do_begin_handover, false},
	{"mute", do_mute, false},
	{"forward_late", do_forward_late, false},
	{"release", do_release, false},
	{"state", do_state, false},
};

static void check_stream(short events)
{
	char byte;

	if (events & POLLOUT)
		stream_flush(&stream);
	/* the target sends nothing: what can be read is the end */
	if (events & (POLLIN | POLLHUP | POLLERR) && recv(stream.fd, &byte, 1, MSG_DONTWAIT) == 0)
		stream.lost = true;
	if (stream.lost)
		give_up("the stream to the target was lost");
}

void run_source(int queues, int stream_fd, uint16_t first_queue, uint64_t limit_ns, char **addresses, int count)
{
	max_wait_ns = limit_ns;
	stream.fd = stream_fd;
	for (; own_count < count; own_count++)
		if (!parse_address(addresses[own_count], &own[own_count]))
			fail("'%s' is not an address", addresses[own_count]);
	queues_use(queues, first_queue, take_queued);
	tap_open();
	answer("{\"event\": \"ready\"}");
	for (;;) {
		bool looks = phase == PHASE_TURNSTILE && (inputs.first || !rested);
		bool waits = connections.first || opening_since_ns;
		struct timespec timeout = {.tv_nsec = looks ? LOOK_EVERY_NS : 10 * (long)MS};
		short wanted = (short)(POLLIN | (stream.end > stream.start ? POLLOUT : 0));
		struct pollfd polled[] = {{.fd = CONTROL, .events = POLLIN},
					  {.fd = queues, .events = POLLIN},
					  {.fd = tap_fd(), .events = POLLIN},
					  {.fd = stream.lost ? -1 : stream.fd, .events = wanted}};

		if (ppoll(polled, 4, looks || waits ? &timeout : NULL, NULL) < 0 && errno != EINTR)
			fail("poll: %m");
		if (polled[2].revents)
			read_outputs();
		if (polled[1].revents)
			queues_read();
		turn();
		if (polled[3].revents)
			check_stream(polled[3].revents);
		if (polled[0].revents && !handle_command(commands, sizeof commands / sizeof *commands))
			break;
	}
	holds_connections = false;
	/* Its agent is dead. After the commit this kernel must not acknowledge what the clone will never get. */
	if (phase == PHASE_LATE)
		take_links_down(own, own_count);
	else
		let_all_in();
}
