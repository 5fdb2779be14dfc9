/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "kernel_queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_BYTES 256
#define PACKETS_MAX 16384

struct message {
	struct nlmsghdr header;
	struct nfgenmsg netfilter;
	uint8_t attributes[MESSAGE_BYTES];
};

static int socket_fd;
static uint16_t first_queue;
static void (*take_packet)(const struct queued *packet);
static bool bound[QUEUES];
static uint32_t last_id[QUEUES];

void queues_use(int socket, uint16_t first, void (*take)(const struct queued *packet))
{
	socket_fd = socket;
	first_queue = first;
	take_packet = take;
}

bool queue_is_bound(enum queue queue)
{
	return bound[queue];
}

static void begin_message(struct message *message, enum queue queue, int kind, int flags)
{
	memset(message, 0, sizeof *message);
	message->header.nlmsg_len = NLMSG_LENGTH(sizeof message->netfilter);
	message->header.nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | kind);
	message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->netfilter.res_id = htons((uint16_t)(first_queue + queue));
}

static void add_attribute(struct message *message, int type, const void *value, size_t bytes)
{
	struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = (uint16_t)type};
	uint8_t *at = (uint8_t *)message + message->header.nlmsg_len;

	memcpy(at, &attribute, sizeof attribute);
	memcpy(at + NLA_HDRLEN, value, bytes);
	message->header.nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + bytes);
}

static bool send_message(const struct message *message)
{
	ssize_t n;

	do
		n = send(socket_fd, message, message->header.nlmsg_len, 0);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

static void take_message(const struct nlmsghdr *header)
{
	const struct nfgenmsg *netfilter = NLMSG_DATA(header);
	const uint8_t *at = (const uint8_t *)netfilter + NLMSG_ALIGN(sizeof *netfilter);
	const uint8_t *end = (const uint8_t *)header + header->nlmsg_len;
	struct queued packet = {.queue = (enum queue)(ntohs(netfilter->res_id) - first_queue)};
	bool has_id = false;

	if (header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof *netfilter) || (unsigned)packet.queue >= QUEUES)
		return;
	while (at + NLA_HDRLEN <= end) {
		struct nlattr attribute;

		memcpy(&attribute, at, sizeof attribute);
		if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > end)
			break;
		switch (attribute.nla_type & NLA_TYPE_MASK) {
		case NFQA_PACKET_HDR:
			has_id = attribute.nla_len >= NLA_HDRLEN + sizeof(struct nfqnl_msg_packet_hdr);
			if (has_id)
				memcpy(&packet.id, at + NLA_HDRLEN, sizeof packet.id);
			break;
		case NFQA_PAYLOAD:
			packet.data = (uint8_t *)(uintptr_t)(at + NLA_HDRLEN);
			packet.length = attribute.nla_len - NLA_HDRLEN;
			break;
		case NFQA_CAP_LEN:
			packet.is_cut = true;
			break;
		}
		at += NLA_ALIGN(attribute.nla_len);
	}
	if (!has_id)
		return;
	packet.id = ntohl(packet.id);
	last_id[packet.queue] = packet.id;
	take_packet(&packet);
}

/* Reads one datagram of the kernel; returns false when there is none, and in "error" the answer to a request. */
static bool read_once(int flags, int *error)
{
	static uint8_t buffer[1 << 17] __attribute__((aligned(8)));
	ssize_t n = recv(socket_fd, buffer, sizeof buffer, flags);
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)buffer;

	if (n < 0 && (errno == EINTR || errno == ENOBUFS))
		return true;
	if (n <= 0)
		return false;
	/* a signed number: NLMSG_NEXT also takes off the padding, which the last message may lack */
	for (int left = (int)n; left > 0 && NLMSG_OK(header, (uint32_t)left); header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *status = NLMSG_DATA(header);

			if (error && header->nlmsg_len >= NLMSG_LENGTH(sizeof *status))
				*error = -status->error;
		} else {
			take_message(header);
		}
	}
	return true;
}

void queues_read(void)
{
	while (read_once(MSG_DONTWAIT, NULL))
		;
}

void queue_bind(enum queue queue)
{
	struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET)};
	struct nfqnl_msg_config_params parameters = {.copy_range = htonl(0xffff), .copy_mode = NFQNL_COPY_PACKET};
	uint32_t length = htonl(PACKETS_MAX);
	struct message message;
	int error = -1;

	if (bound[queue])
		return;
	/* in one message: a queue that is bound, but has no parameters yet, drops packets */
	begin_message(&message, queue, NFQNL_MSG_CONFIG, NLM_F_ACK);
	add_attribute(&message, NFQA_CFG_CMD, &command, sizeof command);
	add_attribute(&message, NFQA_CFG_PARAMS, &parameters, sizeof parameters);
	add_attribute(&message, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof length);
	bound[queue] = true;
	if (!send_message(&message))
		fail("a netfilter queue cannot be bound: %m");
	while (error < 0) /* packets may come before the answer */
		if (!read_once(0, &error))
			fail("a netfilter queue does not answer: %m");
	if (error)
		fail("packets cannot be held: %s; the kernel needs NFNETLINK_QUEUE", strerror(error));
}

static void send_verdict(enum queue queue, int kind, uint32_t id, enum verdict verdict)
{
	struct nfqnl_msg_verdict_hdr header = {.verdict = htonl((uint32_t)verdict), .id = htonl(id)};
	struct message message;

	begin_message(&message, queue, kind, 0);
	add_attribute(&message, NFQA_VERDICT_HDR, &header, sizeof header);
	if (!send_message(&message))
		fail("a verdict was not taken: %m");
}

void queue_verdict(enum queue queue, uint32_t id, enum verdict verdict)
{
	send_verdict(queue, NFQNL_MSG_VERDICT, id, verdict);
}

void queue_verdict_all(enum queue queue, enum verdict verdict)
{
	if (bound[queue] && last_id[queue])
		send_verdict(queue, NFQNL_MSG_VERDICT_BATCH, last_id[queue], verdict);
}

void queue_unbind(enum queue queue)
{
	struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_UNBIND, .pf = htons(AF_INET)};
	struct message message;

	if (!bound[queue])
		return;
	begin_message(&message, queue, NFQNL_MSG_CONFIG, 0);
	add_attribute(&message, NFQA_CFG_CMD, &command, sizeof command);
	send_message(&message);
	bound[queue] = false;
}
