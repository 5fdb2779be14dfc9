/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef RESIDENT_ADDRESSES_H
#define RESIDENT_ADDRESSES_H

#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* What one interface of the container shall have. A Docker Swarm gives its tasks neither a fixed address nor a fixed MAC
 * address, so that the init sets them: a container that is started again has the same ones. */
struct fixed_addresses {
	char interface[IF_NAMESIZE];
	struct in_addr engines; /* if the interface is given by the subnet of the engine's address on it */
	unsigned char engines_prefix; /* 0: it is given by its name */
	struct in_addr address;
	unsigned char prefix;
	unsigned char mac[ETH_ALEN];
	bool has_mac;
	struct in_addr gateway;
	bool has_gateway;
};

#define INTERFACES_MAX 16

struct address_list {
	struct fixed_addresses each[INTERFACES_MAX];
	size_t count;
};

/* Adds INTERFACE,ADDRESS/PREFIX[,mac=MAC][,gateway=ADDRESS]; false if it is something else, names an interface a second time,
 * or is one too many. INTERFACE may be a subnet: the interface that has an address in it, where an engine attaches several
 * networks in any order. */
bool addresses_add(struct address_list *list, const char *text);

/* Of each interface, sets the MAC address, puts the address in the place of every IPv4 address, and adds the default route.
 * Needs CAP_NET_ADMIN. False with errno, the interface and what was tried. */
bool addresses_set(const struct address_list *list, const char **interface, const char **action);

/* A container that a process was migrated to gets another MAC address when it is started again, but neighbours have
 * cached the old one. Any ARP request of ours updates their caches (RFC 826, "Packet Reception"). An empty datagram to
 * the discard port of the adjacent address makes the kernel send one, without any capability. */
void addresses_correct_neighbours(void);

/* Takes CAP_NET_ADMIN from this process, and from every program that it starts, for good. False with errno. */
bool addresses_drop_capability(void);

#endif
