/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include "chain.h"
#include "control.h"
#include "rest.h"
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_EVERY_NS 30000
#define REASON_BYTES 160
/* How long the clone may be at rest without having said what the process has said: nothing will make it say it. */
#define MISSING_NS (5 * MS)
/* The same where it may still come: its timers are late by the time of dump and restore, and its kernel may wait for an
 * acknowledgement before it sends more. */
#define LATE_NS (500 * MS)
/* How long it may have said more than the process, and how long it may work. */
#define SURPLUS_NS (250 * MS)
#define SURPLUS_CHECK_NS (1 * MS)
#define BUSY_NS (2000 * MS)

struct counters counters;
bool is_void, is_in_step_for_good, may_speak;

static struct recorded *first, **end = &first;
static struct stream stream;
static bool marked, live, stream_ended;
uint64_t at_rest_since_ns;
static uint64_t surplus_checked_ns;
static char void_reason[REASON_BYTES], divergence[512];
static struct {
	bool is_pending;
	uint64_t inputs, outputs, chain, deadline_ns;
} awaited_end;

void set_void(const char *format, ...)
{
	va_list arguments;

	if (is_void || is_in_step_for_good)
		return;
	is_void = true;
	va_start(arguments, format);
	vsnprintf(void_reason, sizeof void_reason, format, arguments);
	va_end(arguments);
	stream_end(&stream); /* the source opens its turnstile */
	answer("{\"event\": \"void\"}");
}

static void write_byte(char text[3], int byte)
{
	if (byte < 0)
		*text = '\0';
	else
		snprintf(text, 3, "%02x", (unsigned)byte & 0xff);
}

void set_diverged(const struct flow *flow, uint64_t offset, int source, int clone, const char *reason,
		  uint64_t since_ns)
{
	char name[80], source_text[3], clone_text[3];

	if (is_void || is_in_step_for_good)
		return;
	describe_flow(&flow->key, name, sizeof name);
	write_byte(source_text, source);
	write_byte(clone_text, clone);
	snprintf(divergence, sizeof divergence,
		 "{\"flow\": \"%s\", \"offset\": %" PRIu64 ", \"source\": \"%s\", \"clone\": \"%s\", \"reason\": \"%s\", "
		 "\"after_ms\": %.3f, \"inputs\": %" PRIu64 "}",
		 name, offset, source_text, clone_text, reason, (double)(now_ns() - since_ns) / 1e6, counters.inputs);
	set_void("the copies have parted: %s", reason);
}

void count_time(uint64_t times[TIME_STEPS], uint64_t *longest, uint64_t ns)
{
	unsigned power = 63U - (unsigned)__builtin_clzll(ns | 2);
	unsigned step = power * 2 + (ns >> (power - 1) & 1);

	times[step < TIME_STEPS ? step : TIME_STEPS - 1]++;
	*longest = ns > *longest ? ns : *longest;
}

static double median_ns(const uint64_t times[TIME_STEPS])
{
	uint64_t sum = 0, half = 0;
	unsigned step = 0;

	for (int i = 0; i < TIME_STEPS; i++)
		sum += times[i];
	if (!sum)
		return 0;
	while ((half += times[step]) * 2 < sum)
		step++;
	return (double)(1ULL << step / 2) * (step % 2 ? 1.75 : 1.25); /* the middle of the step */
}

static bool is_missing(const struct frame *frame)
{
	return frame->inputs != counters.inputs_received + (frame->kind == FRAME_INPUT) ||
	       frame->outputs != counters.outputs_received + (frame->kind == FRAME_OUTPUT);
}

/* Appends an input or output of the process to the list. */
static void take_record(const struct frame *frame, const struct packet *packet)
{
	bool is_output = frame->kind == FRAME_OUTPUT, has_flow = is_compared(packet) && !packet->is_fragment;
	struct recorded *entry;
	struct flow_key key;

	if (is_missing(frame) || (is_output && !has_flow)) {
		set_void("the source sent a record that does not fit");
		return;
	}
	if (!is_output && wakes(packet)) /* it is let in when the process is at rest */
		counters.rested_inputs = counters.inputs_received;
	counters.inputs_received = frame->inputs;
	counters.outputs_received = frame->outputs;
	entry = allocate(sizeof *entry + (is_output ? 0 : packet->length));
	*entry = (struct recorded){.at_ns = now_ns(), .is_output = is_output,
				   .is_spontaneous = frame->flags & FRAME_SPONTANEOUS};
	if (has_flow) {
		key = flow_of(packet, !is_output);
		entry->flow = find_flow(&key, true);
	}
	*end = entry;
	end = &entry->next;
	if (is_output && entry->flow && !is_in_step_for_good) {
		entry->piece = process_said(entry->flow, packet, entry->at_ns);
	} else if (!is_output) {
		memcpy(entry->data, packet->data, packet->length);
		entry->packet = *packet;
		entry->packet.data = entry->data;
		memory_taken((int64_t)packet->length);
		if (entry->flow && packet->protocol == IPPROTO_TCP)
			note_peer_ack(entry->flow, packet);
	}
}

static void take_frame(const struct frame *frame, uint8_t *payload)
{
	struct packet packet;

	if (frame->kind == FRAME_VOID) {
		set_void("the source gave the attempt up");
	} else if (frame->kind == FRAME_REST) {
		if (!marked || is_missing(frame))
			set_void("the source sent a record that does not fit");
		counters.rested_inputs = frame->inputs;
	} else if (frame->kind == FRAME_MARK) {
		if (marked)
			set_void("the source sent a second mark");
		marked = true;
	} else if (!marked || !parse_packet(payload, frame->payload_bytes, &packet)) {
		set_void("the source sent what is not a packet");
	} else if (frame->kind != FRAME_LATE) {
		take_record(frame, &packet);
	} else if (may_speak) {
		inject(&packet);
	} else {
		set_void("the source sent late input before the commit");
	}
}

/* What comes after the last input is for a clone that may speak: the source sends it as soon as it commits, and the order
 * to speak comes another way. */
static bool awaits_commit(void)
{
	return is_in_step_for_good && !may_speak;
}

static void take_frames(void)
{
	struct frame frame;
	uint8_t *payload;

	while (!is_void && !awaits_commit() && stream_next(&stream, &frame, &payload))
		take_frame(&frame, payload);
	if (stream.lost)
		set_void("the source sent what no mirror sends");
}

static void read_stream(void)
{
	if (!stream_receive(&stream)) {
		stream_ended = true;
		set_void("the stream from the source has ended");
	}
	take_frames();
}

/* Handles the list as far as it goes. */
static void pump(void)
{
	struct recorded *entry;

	while (live && !is_void && (entry = first)) {
		if (entry->is_output ? entry->piece && !entry->piece->is_done
				     : !may_speak && wakes(&entry->packet) && !is_at_rest())
			break;
		first = entry->next;
		if (!first)
			end = &first;
		if (entry->piece)
			free_piece(entry->piece);
		if (!entry->is_output) {
			counters.inputs++;
			counters.chain = chain_next(counters.chain, counters.inputs, entry->data, entry->packet.length);
			feed(entry);
			count_time(counters.skews, &counters.max_skew_ns, now_ns() - entry->at_ns);
			memory_taken(-(int64_t)entry->packet.length);
			at_rest_since_ns = 0;
		}
		free(entry);
		queues_read();
	}
}

/* Something is left to get or to say. */
static bool is_behind(void)
{
	return first != NULL;
}

static bool is_in_step(void)
{
	return live && !is_void && !is_behind() && is_at_rest();
}

/* Finds what will not come any more. */
static void check_progress(void)
{
	struct flow *flow = first ? first->flow : NULL;
	struct piece *piece;
	uint64_t now = now_ns(), since;
	bool may_come;

	if (!live || is_void || is_in_step_for_good)
		return;
	if (!is_at_rest())
		at_rest_since_ns = 0;
	else if (!at_rest_since_ns)
		at_rest_since_ns = now;
	if (first && now - first->at_ns > BUSY_NS)
		set_void("the clone is more than %llu ms behind", BUSY_NS / MS);
	if (first && first->is_output && at_rest_since_ns) {
		piece = first->piece;
		since = at_rest_since_ns > first->at_ns ? at_rest_since_ns : first->at_ns;
		may_come = first->is_spontaneous ||
			   (flow->key.protocol == IPPROTO_TCP && flow->has_fed_ack && flow->fed_ack != flow->clone_next);
		if (piece && now - since > (may_come ? LATE_NS : MISSING_NS))
			set_diverged(flow, flow->key.protocol == IPPROTO_TCP ? piece->seq - flow->start : 0,
				     piece->payload_bytes ? piece->data[piece->payload] : -1, -1,
				     "the clone does not say what the process has said", first->at_ns);
	}
	if (first || !surplus_count || now - surplus_checked_ns < SURPLUS_CHECK_NS)
		return;
	surplus_checked_ns = now;
	flow = find_wrong_surplus(now, SURPLUS_NS);
	if (flow) {
		piece = flow->clone.first;
		set_diverged(flow, flow->key.protocol == IPPROTO_TCP ? piece->seq - flow->start : 0, -1,
			     piece->payload_bytes ? piece->data[piece->payload] : -1,
			     "the clone says what the process has not said", piece->at_ns);
	}
}

static void answer_end(void)
{
	/* the kernel of the frozen process may have sent more: acknowledgements and repetitions */
	bool has_all = counters.inputs_received == awaited_end.inputs && !is_behind() &&
		       counters.outputs_received >= awaited_end.outputs;
	bool in_step = has_all && is_in_step();

	if (!awaited_end.is_pending)
		return;
	if (in_step && counters.chain != awaited_end.chain) {
		set_void("the clone got other input than the process");
		in_step = false;
	}
	if (!in_step && !is_void && now_ns() < awaited_end.deadline_ns)
		return;
	awaited_end.is_pending = false;
	is_in_step_for_good = in_step;
	if (in_step)
		queue_bind(QUEUE_INPUT); /* what comes by the network from now on waits for the order to speak */
	answer("{\"done\": \"await_end\", \"in_step\": %s}", in_step ? "true" : "false");
}

static void take_queued(const struct queued *queued)
{
	if (may_speak)
		queue_verdict(queued->queue, queued->id, VERDICT_ACCEPT);
	else if (queued->queue == QUEUE_OUTPUT)
		clone_said(queued); /* input stays in the kernel */
}

static void do_position(const char *text)
{
	char own[64], peer[64];
	unsigned own_port, peer_port, sent, received;
	struct flow_key key;
	struct flow *flow;

	memset(&key, 0, sizeof key);
	key.protocol = IPPROTO_TCP;
	if (sscanf(text, "%63s %u %63s %u %u %u", own, &own_port, peer, &peer_port, &sent, &received) != 6 ||
	    !parse_address(own, &key.own) || !parse_address(peer, &key.peer))
		fail("'%s' is not a position", text);
	key.own_port = (uint16_t)own_port;
	key.peer_port = (uint16_t)peer_port;
	flow = find_flow(&key, true);
	if (flow && !flow->is_known) {
		flow->is_known = flow->has_process_ack = true;
		flow->start = flow->process_next = flow->clone_next = sent;
		flow->process_ack = received;
	}
	answer("{\"done\": \"position\"}");
}

static void do_go(const char *pids)
{
	watch(pids);
	live = true;
	answer("{\"done\": \"go\"}");
}

static void do_await_end(const char *text)
{
	uint64_t limit_us;

	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNx64 " %" SCNu64, &awaited_end.inputs, &awaited_end.outputs,
		   &awaited_end.chain, &limit_us) != 4)
		fail("'%s' is not an end", text);
	awaited_end.is_pending = true;
	awaited_end.deadline_ns = now_ns() + limit_us * 1000;
}

static void do_unmute(const char *argument)
{
	(void)argument;
	queues_read();
	queue_bind(QUEUE_INPUT);
	is_in_step_for_good = may_speak = true;
	send_surplus();
	take_frames();
	queue_verdict_all(QUEUE_INPUT, VERDICT_ACCEPT);
	pump();
	answer("{\"done\": \"unmute\"}");
}

static void do_finish(const char *argument)
{
	(void)argument;
	queues_read();
	queue_unbind(QUEUE_INPUT);
	queue_unbind(QUEUE_OUTPUT);
	answer("{\"done\": \"finish\", \"stream_ended\": %s}", stream_ended ? "true" : "false");
}

static void do_state(const char *argument)
{
	double lag_ms = first ? (double)(now_ns() - first->at_ns) / 1e6 : 0;

	(void)argument;
	answer("{\"done\": \"state\", \"inputs\": %" PRIu64 ", \"answers_compared\": %" PRIu64
	       ", \"bytes_compared\": %" PRIu64 ", \"lag_ms\": %.3f, \"median_lag_ms\": %.3f, \"max_lag_ms\": %.3f, "
	       "\"skew_us\": %.1f, \"max_skew_us\": %.1f, \"chain\": \"%016" PRIx64 "\", \"in_step\": %s, "
	       "\"void\": \"%s\", \"divergence\": %s}",
	       counters.inputs, counters.answers_compared, counters.bytes_compared, lag_ms,
	       median_ns(counters.lags) / 1e6, (double)counters.max_lag_ns / 1e6, median_ns(counters.skews) / 1e3,
	       (double)counters.max_skew_ns / 1e3, counters.chain, is_in_step() ? "true" : "false", void_reason,
	       *divergence ? divergence : "null");
}

static const struct command commands[] = {
	{"position", do_position, true},
	{"go", do_go, true},
	{"await_end", do_await_end, true},
	{"unmute", do_unmute, false},
	{"finish", do_finish, false},
	{"state", do_state, false},
};

void run_target(int queues, int stream_fd, uint16_t first_queue, char **addresses, int count)
{
	struct address address;
	bool has_agent = true;

	stream.fd = stream_fd;
	for (int i = 0; i < count; i++)
		if (!parse_address(addresses[i], &address))
			fail("'%s' is not an address", addresses[i]);
	queues_use(queues, first_queue, take_queued);
	tun_open();
	queue_bind(QUEUE_OUTPUT);
	answer("{\"event\": \"ready\"}");
	for (;;) {
		bool looks = live && !is_void && !may_speak &&
			     (is_behind() || awaited_end.is_pending || !at_rest_since_ns);
		bool is_idle = !live || is_void || (may_speak && has_agent);
		struct timespec timeout = {.tv_nsec = looks ? LOOK_EVERY_NS : 10 * (long)MS};
		struct pollfd polled[] = {{.fd = has_agent ? CONTROL : -1, .events = POLLIN},
					  /* until the positions are known the first segment, which may be a repetition,
					   * would be taken for the place from which on both are compared */
					  {.fd = live ? queues : -1, .events = POLLIN},
					  {.fd = !live || stream_ended || is_void || awaits_commit() ? -1 : stream.fd,
					   .events = POLLIN}};

		if (!has_agent)
			timeout = (struct timespec){.tv_sec = 1};
		if (ppoll(polled, 3, is_idle ? NULL : &timeout, NULL) < 0 && errno != EINTR)
			fail("poll: %m");
		if (!has_agent && has_ended())
			return;
		if (polled[1].revents)
			queues_read();
		if (polled[2].revents)
			read_stream();
		pump();
		check_progress();
		answer_end();
		if (polled[0].revents && !handle_command(commands, sizeof commands / sizeof *commands)) {
			if (!may_speak)
				return; /* the rules drop all that the clone says */
			has_agent = false; /* the clone is the true one now: it must be heard */
		}
	}
}
