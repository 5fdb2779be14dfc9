/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The input of the clone: packets written to a TUN device without an address, which its kernel takes as received. */
#define _GNU_SOURCE
#include "faults.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRICT '1'
#define DELAY_FAULT_US 10000

static int tun = -1;

/* Reads and writes a setting of this network namespace; false when it does not exist. */
static bool write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return written;
}

static char read_setting(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd >= 0) {
		if (read(fd, &value, 1) != 1)
			value = '0';
		close(fd);
	}
	return value;
}

void tun_open(void)
{
	struct ifreq request = {.ifr_name = TUN_NAME, .ifr_flags = IFF_TUN | IFF_NO_PI};
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (read_setting("/proc/sys/net/ipv4/conf/all/rp_filter") == STRICT)
		fail("net.ipv4.conf.all.rp_filter is 1 in the container: its kernel would drop the clone's input; set it to 0 or 2");
	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &request))
		fail("the device %s cannot be made: %m", TUN_NAME);
	write_setting("/proc/sys/net/ipv4/conf/" TUN_NAME "/rp_filter", "0");
	write_setting("/proc/sys/net/ipv6/conf/" TUN_NAME "/addr_gen_mode", "1"); /* no address, no announcements */
	write_setting("/proc/sys/net/ipv6/conf/" TUN_NAME "/accept_ra", "0");
	request.ifr_flags = IFF_UP;
	if (any < 0 || ioctl(any, SIOCSIFFLAGS, &request))
		fail("the device %s cannot be activated: %m", TUN_NAME);
	close(any);
}

void inject(const struct packet *packet)
{
	ssize_t n;

	do
		n = tun < 0 ? 0 : write(tun, packet->data, packet->length);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EINVAL) /* invalid packets are for the kernel to refuse; it refused them on the source */
		set_void("the clone's input was not taken: %s", strerror(errno));
}

/* Both have closed the connection and the peer knows it, or it was reset: the clone's kernel has forgotten it, and would
 * answer a segment with a reset. */
static bool is_over(const struct flow *flow)
{
	return flow->clone_reset || flow->process_reset ||
	       (flow->peer_closed && flow->clone_closed && flow->has_fed_ack && flow->fed_ack == flow->clone_next);
}

/* No more than the clone has said: its kernel drops a segment that acknowledges more, with its data (tcp_ack). */
static uint32_t allowed_ack(const struct flow *flow)
{
	return (int32_t)(flow->peer_ack - flow->clone_next) > 0 ? flow->clone_next : flow->peer_ack;
}

static void keep_header(struct flow *flow, const struct packet *packet, uint32_t seq)
{
	if (packet->flags & (TCP_RST | TCP_SYN) || packet->payload > sizeof flow->header_bytes)
		return;
	memcpy(flow->header_bytes, packet->data, packet->payload);
	flow->header = *packet;
	flow->header.data = flow->header_bytes;
	strip_to_ack(&flow->header, seq);
}

void note_peer_ack(struct flow *flow, const struct packet *packet)
{
	if (!(packet->flags & TCP_ACK) || packet->flags & (TCP_SYN | TCP_RST))
		return;
	if (!flow->has_peer_ack || (int32_t)(packet->ack - flow->peer_ack) > 0) {
		flow->peer_ack = packet->ack;
		flow->has_peer_ack = true;
	}
	if (!flow->header.length) /* nothing was fed so far: this one is the oldest that waits */
		keep_header(flow, packet, packet->seq);
	feed_ack(flow);
}

/* Acknowledgements are no inputs and do not wait for their turn: the clone's congestion window is 10 segments after the
 * restore, and what it says beyond them would be awaited by inputs in front of the acknowledgement. The header is that
 * of the last segment that was fed: a newer time stamp would make older data look like a repetition (PAWS, RFC 7323). */
void feed_ack(struct flow *flow)
{
	uint32_t ack = allowed_ack(flow);

	if (!flow->header.length || !flow->is_known || !flow->has_peer_ack || is_over(flow) ||
	    (flow->has_fed_ack && (int32_t)(ack - flow->fed_ack) <= 0))
		return;
	flow->fed_ack = ack;
	flow->has_fed_ack = true;
	set_ack(&flow->header, ack);
	inject(&flow->header);
}

static void feed_segment(struct flow *flow, struct packet *packet)
{
	if (is_over(flow))
		return;
	if (flow->is_known && flow->has_peer_ack && packet->flags & TCP_ACK) {
		flow->fed_ack = allowed_ack(flow);
		flow->has_fed_ack = true;
		set_ack(packet, flow->fed_ack);
	}
	flow->peer_closed |= (packet->flags & TCP_FIN) != 0;
	inject(packet);
	keep_header(flow, packet, packet->seq + segment_length(packet));
}

void feed(struct recorded *entry)
{
	enum fault fault = entry->packet.payload_bytes ? fault_of("target", counters.inputs) : FAULT_NONE;
	int times = fault == FAULT_DROP ? 0 : fault == FAULT_DOUBLE ? 2 : 1;

	if (fault == FAULT_DELAY)
		usleep(DELAY_FAULT_US);
	if (fault == FAULT_FLIP && entry->packet.payload_bytes) {
		entry->packet.data[entry->packet.payload + entry->packet.payload_bytes - 1] ^= 1;
		set_checksums(&entry->packet);
	}
	while (times--) {
		if (entry->flow && entry->flow->key.protocol == IPPROTO_TCP)
			feed_segment(entry->flow, &entry->packet);
		else
			inject(&entry->packet);
	}
}
