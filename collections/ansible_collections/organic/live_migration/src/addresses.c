/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sets the addresses of an interface by rtnetlink(7).
 */
#define _GNU_SOURCE
#include "addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISCARD_PORT 9 /* RFC 863 */
#define TEXT_MAX 160
#define PREFIX_BITS_MAX 32

/* One request with room for its attributes. */
struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	} body;
	char attributes[128];
};

static bool parse_mac(const char *text, unsigned char *mac)
{
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
		      &end) == ETH_ALEN &&
	       text[end] == '\0';
}

static bool parse_address(char *text, struct in_addr *address, unsigned char *bits)
{
	char *slash = strchr(text, '/');
	char *end;
	long prefix;

	if (!slash)
		return false;
	*slash = '\0';
	if (slash[1] < '0' || slash[1] > '9')
		return false;
	prefix = strtol(slash + 1, &end, 10);
	if (*end != '\0' || prefix < 1 || prefix > PREFIX_BITS_MAX)
		return false;
	*bits = (unsigned char)prefix;
	return inet_pton(AF_INET, text, address) == 1;
}

static bool parse(const char *text, struct fixed_addresses *wanted)
{
	char copy[TEXT_MAX];
	char *rest, *word;

	memset(wanted, 0, sizeof(*wanted));
	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	word = strtok_r(copy, ",", &rest);
	if (!word || strlen(word) >= sizeof(wanted->interface))
		return false;
	strcpy(wanted->interface, word);
	if (strchr(word, '/') && !parse_address(word, &wanted->engines, &wanted->engines_prefix))
		return false;
	word = strtok_r(NULL, ",", &rest);
	if (!word || !parse_address(word, &wanted->address, &wanted->prefix))
		return false;
	while ((word = strtok_r(NULL, ",", &rest))) {
		if (strncmp(word, "mac=", 4) == 0 && parse_mac(word + 4, wanted->mac))
			wanted->has_mac = true;
		else if (strncmp(word, "gateway=", 8) == 0 && inet_pton(AF_INET, word + 8, &wanted->gateway) == 1)
			wanted->has_gateway = true;
		else
			return false;
	}
	return true;
}

bool addresses_add(struct address_list *list, const char *text)
{
	struct fixed_addresses *wanted = &list->each[list->count];

	if (list->count == INTERFACES_MAX || !parse(text, wanted))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->each[i].interface, wanted->interface) == 0)
			return false;
	list->count++;
	return true;
}

static void begin(struct request *request, unsigned short type, unsigned short flags, size_t body)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void add(struct request *request, unsigned short type, const void *value, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute->rta_len);
}

/* Sends one request, and reads whether the kernel did it. */
static bool ask(int fd, const struct request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char request[sizeof(struct request)];
	} answer;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return false;
	if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(answer.error)) ||
	    answer.header.nlmsg_type != NLMSG_ERROR) {
		errno = EPROTO;
		return false;
	}
	errno = -answer.error.error;
	return errno == 0;
}

static bool set_mac(int fd, int interface, const unsigned char *mac)
{
	struct request request;

	begin(&request, RTM_NEWLINK, 0, sizeof(request.body.link));
	request.body.link.ifi_family = AF_UNSPEC;
	request.body.link.ifi_index = interface;
	add(&request, IFLA_ADDRESS, mac, ETH_ALEN);
	return ask(fd, &request);
}

static bool change_address(int fd, int interface, bool present, struct in_addr address, unsigned char prefix)
{
	struct request request;

	begin(&request, present ? RTM_NEWADDR : RTM_DELADDR, present ? NLM_F_CREATE | NLM_F_REPLACE : 0,
	      sizeof(request.body.address));
	request.body.address.ifa_family = AF_INET;
	request.body.address.ifa_prefixlen = prefix;
	request.body.address.ifa_index = (unsigned int)interface;
	add(&request, IFA_LOCAL, &address, sizeof(address));
	add(&request, IFA_ADDRESS, &address, sizeof(address));
	return ask(fd, &request);
}

/* The index of the interface, 0 with errno if there is none. */
static int find_interface(const struct fixed_addresses *wanted)
{
	struct ifaddrs *first, *each;
	int found = 0;

	if (wanted->engines_prefix == 0)
		return (int)if_nametoindex(wanted->interface);
	if (getifaddrs(&first) != 0)
		return 0;
	for (each = first; each && found == 0; each = each->ifa_next) {
		in_addr_t mask = htonl(UINT32_MAX << (PREFIX_BITS_MAX - wanted->engines_prefix));
		struct in_addr address;

		if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET)
			continue;
		address = ((struct sockaddr_in *)each->ifa_addr)->sin_addr;
		if (((address.s_addr ^ wanted->engines.s_addr) & mask) == 0)
			found = (int)if_nametoindex(each->ifa_name);
	}
	freeifaddrs(first);
	if (found == 0)
		errno = ENODEV;
	return found;
}

/* Removes what the engine has set, and with it the routes by it. */
static bool remove_addresses(int fd, int interface)
{
	struct ifaddrs *first, *each;
	bool removed = true;

	if (getifaddrs(&first) != 0)
		return false;
	for (each = first; each && removed; each = each->ifa_next) {
		struct in_addr address, mask;

		if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || (int)if_nametoindex(each->ifa_name) != interface)
			continue;
		address = ((struct sockaddr_in *)each->ifa_addr)->sin_addr;
		mask = ((struct sockaddr_in *)each->ifa_netmask)->sin_addr;
		removed = change_address(fd, interface, false, address,
					 (unsigned char)__builtin_popcount(mask.s_addr)) ||
			  errno == EADDRNOTAVAIL; /* a secondary address goes with its primary one */
	}
	freeifaddrs(first);
	return removed;
}

static bool add_default_route(int fd, int interface, struct in_addr gateway)
{
	struct request request;
	uint32_t index = (uint32_t)interface;

	begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(request.body.route));
	request.body.route.rtm_family = AF_INET;
	request.body.route.rtm_table = RT_TABLE_MAIN;
	request.body.route.rtm_protocol = RTPROT_BOOT;
	request.body.route.rtm_scope = RT_SCOPE_UNIVERSE;
	request.body.route.rtm_type = RTN_UNICAST;
	add(&request, RTA_GATEWAY, &gateway, sizeof(gateway));
	add(&request, RTA_OIF, &index, sizeof(index));
	return ask(fd, &request);
}

static bool set(const struct fixed_addresses *wanted, const char **action)
{
	int interface = find_interface(wanted);
	int fd, reason;
	bool done;

	*action = "find the interface";
	if (interface == 0)
		return false;
	*action = "open a netlink socket";
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return false;
	*action = "set the MAC address";
	done = !wanted->has_mac || set_mac(fd, interface, wanted->mac);
	if (done) {
		*action = "remove the address of the engine";
		done = remove_addresses(fd, interface);
	}
	if (done) {
		*action = "set the address";
		done = change_address(fd, interface, true, wanted->address, wanted->prefix);
	}
	if (done && wanted->has_gateway) {
		*action = "add the default route";
		done = add_default_route(fd, interface, wanted->gateway);
	}
	reason = errno;
	close(fd);
	errno = reason;
	return done;
}

bool addresses_set(const struct address_list *list, const char **interface, const char **action)
{
	for (size_t i = 0; i < list->count; i++) {
		*interface = list->each[i].interface;
		if (!set(&list->each[i], action))
			return false;
	}
	return true;
}

bool addresses_drop_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t bit = CAP_TO_MASK(CAP_NET_ADMIN);

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_ADMIN, 0, 0); /* Linux < 4.3 has no such set */
	/* Without CAP_SETPCAP the set cannot be made smaller: the engine had it left out, or NET_ADMIN is not in it. */
	if (prctl(PR_CAPBSET_READ, CAP_NET_ADMIN) == 1 && prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN) != 0)
		return false;
	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	data[0].effective &= ~bit;
	data[0].permitted &= ~bit;
	data[0].inheritable &= ~bit;
	return syscall(SYS_capset, &header, data) == 0;
}

void addresses_correct_neighbours(void)
{
	struct ifaddrs *first, *each;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (getifaddrs(&first) == 0) {
		for (each = first; each != NULL; each = each->ifa_next) {
			struct sockaddr_in beside;

			if (each->ifa_addr == NULL || each->ifa_addr->sa_family != AF_INET || each->ifa_flags & IFF_LOOPBACK)
				continue;
			memcpy(&beside, each->ifa_addr, sizeof beside);
			beside.sin_addr.s_addr ^= htonl(1);
			beside.sin_port = htons(DISCARD_PORT);
			sendto(fd, "", 0, 0, (struct sockaddr *)&beside, sizeof beside);
		}
		freeifaddrs(first);
	}
	close(fd);
}
