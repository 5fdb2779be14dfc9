/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "links.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool read_address(const struct sockaddr *from, struct address *address)
{
	*address = (struct address){.version = 4};
	if (from && from->sa_family == AF_INET) {
		memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return true;
	}
	address->version = 6;
	if (from && from->sa_family == AF_INET6)
		memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	return from && from->sa_family == AF_INET6;
}

static void take_down(int control, const char *name)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (ioctl(control, SIOCGIFFLAGS, &request))
		return;
	request.ifr_flags &= ~IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request))
		fprintf(stderr, "Error (mirror): the link %s cannot be taken down: %m\n", name);
}

void take_links_down(const struct address *addresses, int count)
{
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifaddrs *all = NULL;
	struct address found;

	if (control >= 0 && getifaddrs(&all) == 0)
		for (const struct ifaddrs *one = all; one; one = one->ifa_next)
			for (int i = 0; i < count && read_address(one->ifa_addr, &found); i++)
				if (same_address(&found, &addresses[i]))
					take_down(control, one->ifa_name);
	freeifaddrs(all);
	close(control);
}
