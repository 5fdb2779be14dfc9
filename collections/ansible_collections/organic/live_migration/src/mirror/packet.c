/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ICMPV6_ERRORS_BELOW 128
#define IPV6_HEADER_BYTES 40UL
#define SCTP_HEADER_BYTES 4UL /* the ports; what follows is compared */

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void write16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write32(uint8_t *at, uint32_t value)
{
	write16(at, (uint16_t)(value >> 16));
	write16(at + 2, (uint16_t)value);
}

static bool parse_ipv4(struct packet *packet)
{
	const uint8_t *data = packet->data;
	size_t total;

	if (packet->length < 20)
		return false;
	packet->transport = (data[0] & 15U) * 4U;
	total = read16(data + 2);
	if (total && total < packet->length)
		packet->length = total;
	if (packet->transport < 20 || packet->transport > packet->length || (total && total > packet->length))
		return false;
	packet->protocol = data[9];
	packet->is_fragment = (read16(data + 6) & 0x3fff) != 0;
	packet->from.version = packet->to.version = 4;
	memcpy(packet->from.bytes, data + 12, 4);
	memcpy(packet->to.bytes, data + 16, 4);
	return true;
}

static bool parse_ipv6(struct packet *packet)
{
	const uint8_t *data = packet->data;
	size_t total;

	if (packet->length < IPV6_HEADER_BYTES)
		return false;
	total = read16(data + 4);
	if (total && IPV6_HEADER_BYTES + total < packet->length)
		packet->length = IPV6_HEADER_BYTES + total;
	if (total && IPV6_HEADER_BYTES + total > packet->length)
		return false;
	packet->from.version = packet->to.version = 6;
	memcpy(packet->from.bytes, data + 8, 16);
	memcpy(packet->to.bytes, data + 24, 16);
	packet->protocol = data[6];
	packet->transport = IPV6_HEADER_BYTES;
	while (packet->protocol == IPPROTO_HOPOPTS || packet->protocol == IPPROTO_ROUTING ||
	       packet->protocol == IPPROTO_DSTOPTS || packet->protocol == IPPROTO_FRAGMENT) {
		const uint8_t *header = data + packet->transport;

		if (packet->transport + 8 > packet->length)
			return false;
		if (packet->protocol == IPPROTO_FRAGMENT)
			packet->is_fragment = true;
		packet->transport += packet->protocol == IPPROTO_FRAGMENT ? 8U : (header[1] + 1U) * 8U;
		packet->protocol = header[0];
		if (packet->transport > packet->length)
			return false;
	}
	return true;
}

bool parse_packet(uint8_t *data, size_t length, struct packet *packet)
{
	size_t header, left;

	*packet = (struct packet){.data = data, .length = length};
	if (!length || length > PACKET_BYTES_MAX)
		return false;
	if ((data[0] >> 4 == 4 && !parse_ipv4(packet)) || (data[0] >> 4 == 6 && !parse_ipv6(packet)) ||
	    (data[0] >> 4 != 4 && data[0] >> 4 != 6))
		return false;
	left = packet->length - packet->transport;
	packet->payload = packet->transport;
	packet->payload_bytes = left;
	if (packet->is_fragment)
		return true; /* only the first one has the header */
	switch (packet->protocol) {
	case IPPROTO_TCP:
		if (left < 20)
			return false;
		header = (data[packet->transport + 12] >> 4) * 4U;
		if (header < 20)
			return false;
		packet->seq = read32(data + packet->transport + 4);
		packet->ack = read32(data + packet->transport + 8);
		packet->flags = data[packet->transport + 13];
		break;
	case IPPROTO_UDP:
		header = 8;
		break;
	case IPPROTO_SCTP:
		header = SCTP_HEADER_BYTES;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		header = 4;
		break;
	default:
		header = 0;
	}
	if (header > left)
		return false;
	packet->payload += header;
	packet->payload_bytes -= header;
	return true;
}

bool parse_address(const char *text, struct address *address)
{
	*address = (struct address){.version = strchr(text, ':') ? 6 : 4};
	if (inet_pton(address->version == 6 ? AF_INET6 : AF_INET, text, address->bytes) != 1)
		return false;
	if (address->version == 6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address->bytes)) {
		memmove(address->bytes, address->bytes + 12, 4);
		memset(address->bytes + 4, 0, sizeof address->bytes - 4);
		address->version = 4;
	}
	return true;
}

bool same_address(const struct address *one, const struct address *other)
{
	return one->version == other->version && memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}

bool is_compared(const struct packet *packet)
{
	return packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP || packet->protocol == IPPROTO_SCTP;
}

bool wakes(const struct packet *packet)
{
	return packet->protocol != IPPROTO_TCP || packet->is_fragment || packet->payload_bytes ||
	       packet->flags & (TCP_SYN | TCP_FIN | TCP_RST);
}

bool is_for_the_kernel(const struct packet *packet)
{
	uint8_t type;

	if (packet->is_fragment || is_compared(packet))
		return false;
	type = packet->transport < packet->length ? packet->data[packet->transport] : 0;
	if (packet->protocol == IPPROTO_ICMPV6)
		return type >= ICMPV6_ERRORS_BELOW;
	if (packet->protocol == IPPROTO_ICMP)
		return type != 3 && type != 4 && type != 11 && type != 12; /* the errors of RFC 792 */
	return true;
}

bool opens_connection(const struct packet *packet)
{
	return packet->protocol == IPPROTO_TCP && !packet->is_fragment &&
	       (packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

uint32_t segment_length(const struct packet *packet)
{
	return (uint32_t)packet->payload_bytes + (packet->flags & TCP_FIN ? 1 : 0);
}

struct flow_key flow_of(const struct packet *packet, bool is_input)
{
	struct flow_key key;
	const uint8_t *ports = packet->data + packet->transport;

	memset(&key, 0, sizeof key);
	key.own = is_input ? packet->to : packet->from;
	key.peer = is_input ? packet->from : packet->to;
	key.protocol = packet->protocol;
	key.own_port = read16(ports + (is_input ? 2 : 0));
	key.peer_port = read16(ports + (is_input ? 0 : 2));
	return key;
}

void describe_flow(const struct flow_key *key, char *text, size_t bytes)
{
	char peer[INET6_ADDRSTRLEN];
	const char *protocol = key->protocol == IPPROTO_TCP ? "tcp" : key->protocol == IPPROTO_UDP ? "udp" : "sctp";

	inet_ntop(key->peer.version == 6 ? AF_INET6 : AF_INET, key->peer.bytes, peer, sizeof peer);
	snprintf(text, bytes, key->peer.version == 6 ? "%s [%s]:%u>%u" : "%s %s:%u>%u", protocol, peer, key->peer_port,
		 key->own_port);
}

static uint32_t sum(const uint8_t *data, size_t bytes, uint32_t so_far)
{
	for (; bytes > 1; bytes -= 2, data += 2)
		so_far += read16(data);
	return bytes ? so_far + (uint32_t)(data[0] << 8) : so_far;
}

static uint16_t folded(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return (uint16_t)value;
}

void set_ack(struct packet *packet, uint32_t ack)
{
	uint8_t *tcp = packet->data + packet->transport;
	uint32_t old = read32(tcp + 8);
	/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m') */
	uint32_t value = (uint16_t)~read16(tcp + 16);

	value += (uint16_t)~(old >> 16) + (uint32_t)(uint16_t)~old + (ack >> 16) + (ack & 0xffff);
	write32(tcp + 8, ack);
	write16(tcp + 16, (uint16_t)~folded(value));
	packet->ack = ack;
}

void set_checksums(struct packet *packet)
{
	uint8_t *data = packet->data, *transport = data + packet->transport;
	size_t bytes = packet->length - packet->transport;
	uint32_t pseudo = packet->from.version == 4 ? sum(data + 12, 8, 0) : sum(data + 8, 32, 0);
	size_t at = packet->protocol == IPPROTO_TCP ? 16 : 6;

	if (packet->from.version == 4) {
		write16(data + 10, 0);
		write16(data + 10, (uint16_t)~folded(sum(data, packet->transport, 0)));
	}
	if (packet->is_fragment || (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP))
		return;
	write16(transport + at, 0);
	pseudo = (uint16_t)~folded(sum(transport, bytes, folded(pseudo) + packet->protocol + (uint32_t)bytes));
	write16(transport + at, pseudo || packet->protocol == IPPROTO_TCP ? (uint16_t)pseudo : 0xffff);
}

void strip_to_ack(struct packet *packet, uint32_t seq)
{
	uint8_t *tcp = packet->data + packet->transport;

	packet->seq = seq;
	packet->length -= packet->payload_bytes;
	packet->payload_bytes = 0;
	packet->flags = TCP_ACK;
	write32(tcp + 4, packet->seq);
	tcp[13] = TCP_ACK;
	write16(tcp + 18, 0);
	if (packet->from.version == 4)
		write16(packet->data + 2, (uint16_t)packet->length);
	else
		write16(packet->data + 4, (uint16_t)(packet->length - IPV6_HEADER_BYTES));
	set_checksums(packet);
}
