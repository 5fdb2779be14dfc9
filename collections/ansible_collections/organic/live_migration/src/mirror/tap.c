/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "tap.h"

#include "mirror.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_BYTES (64 << 20)
#define LOOPBACK_INDEX 1 /* in each network namespace */

static int tap = -1;
static unsigned lost;

void tap_open(void)
{
	/* only what is sent, and not what goes to the namespace itself (Documentation/networking/filter.rst) */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOPBACK_INDEX, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {sizeof code / sizeof *code, code};
	int bytes = RECEIVE_BYTES;

	tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tap < 0 || setsockopt(tap, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter))
		fail("sent packets cannot be copied: %m");
	setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

void tap_start(void)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	if (bind(tap, (struct sockaddr *)&all, sizeof all))
		fail("sent packets cannot be copied: %m");
}

int tap_fd(void)
{
	return tap;
}

void tap_read(void (*take)(struct packet *packet))
{
	static uint8_t data[PACKET_BYTES_MAX];

	for (;;) {
		struct sockaddr_ll from;
		socklen_t length = sizeof from;
		struct packet packet;
		ssize_t n = recvfrom(tap, data, sizeof data, 0, (struct sockaddr *)&from, &length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (ntohs(from.sll_protocol) != ETH_P_IP && ntohs(from.sll_protocol) != ETH_P_IPV6)
			continue;
		if (parse_packet(data, (size_t)n, &packet))
			take(&packet);
	}
}

unsigned tap_lost(void)
{
	struct tpacket_stats statistics;
	socklen_t length = sizeof statistics;

	if (!getsockopt(tap, SOL_PACKET, PACKET_STATISTICS, &statistics, &length))
		lost += statistics.tp_drops;
	return lost;
}
