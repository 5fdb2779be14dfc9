/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * IPv4 and IPv6 packets (RFC 791, 8200) and what they carry: TCP (RFC 9293), UDP (768), SCTP of a program (9260). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_BYTES_MAX 70000UL /* 64 KiB of payload in one segment that the device is to split, and its headers */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct address {
	uint8_t bytes[16]; /* IPv4: the first four */
	uint8_t version;   /* 4 or 6 */
};

/* Peer and own port of one conversation. No bytes are undefined: it is compared as memory. */
struct flow_key {
	struct address own, peer;
	uint8_t protocol;
	uint16_t own_port, peer_port;
};

struct packet {
	uint8_t *data;
	size_t length; /* without padding */
	struct address from, to;
	uint8_t protocol;
	bool is_fragment;
	size_t transport, payload, payload_bytes; /* offsets and length */
	/* TCP only */
	uint32_t seq, ack;
	uint8_t flags;
};

/* Reads the headers; false when they are not valid, or longer than the packet. */
bool parse_packet(uint8_t *data, size_t length, struct packet *packet);
/* An IPv4 address that is written as IPv6 (::ffff:192.0.2.1) is IPv4. */
bool parse_address(const char *text, struct address *address);
bool same_address(const struct address *one, const struct address *other);
/* Whether both copies must say and get it: TCP, UDP and SCTP. */
bool is_compared(const struct packet *packet);
/* Whether it may wake the process: anything but a TCP segment that only acknowledges. */
bool wakes(const struct packet *packet);
/* Whether the kernel answers it without any program: echo requests and neighbour discovery. */
bool is_for_the_kernel(const struct packet *packet);
bool opens_connection(const struct packet *packet);
/* Sequence numbers that a TCP segment takes: its bytes, and one for FIN. */
uint32_t segment_length(const struct packet *packet);
struct flow_key flow_of(const struct packet *packet, bool is_input);
/* Writes "tcp 10.0.0.1:1024>8080": protocol, peer, own port. */
void describe_flow(const struct flow_key *key, char *text, size_t bytes);
/* Changes the acknowledgement of a TCP segment, and its checksum by the difference (RFC 1624). */
void set_ack(struct packet *packet, uint32_t ack);
/* Makes of a TCP segment one that only acknowledges, with this sequence number. */
void strip_to_ack(struct packet *packet, uint32_t seq);
/* Computes all checksums. */
void set_checksums(struct packet *packet);
