/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: a process keeps its connections if CRIU is killed after the dump. CRIU dumps TCP connections in
 * repair mode, in which a program can neither send nor receive, and thaws the cgroup while it traces the processes. It
 * undoes both only after its caller has answered the notification that the dump is done. If CRIU were killed while it
 * waits for the answer, the processes would run at once, with connections in repair mode, and close them. So both are
 * undone here before CRIU waits.
 *
 * CRIU_FREEZER has the descriptor of the directory of the freezer's cgroup. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static int freezer = -1, last = -1;
static bool in_repair[DESCRIPTORS]; /* valid for the descriptors up to `last` */
static int (*next_setsockopt)(int, int, int, const void *, socklen_t);
static ssize_t (*next_recv)(int, void *, size_t, int);

__attribute__((constructor)) static void resolve_symbols(void)
{
	const char *text = getenv("CRIU_FREEZER");

	next_setsockopt = (int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");
	next_recv = (ssize_t (*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
	if (!next_setsockopt || !next_recv)
		_exit(1);
	if (!text)
		return;
	freezer = 0;
	for (; *text >= '0' && *text <= '9'; text++) /* strtol has a newer symbol version, see prlimit_fallback.c */
		freezer = freezer * 10 + *text - '0';
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int result = next_setsockopt(fd, level, name, value, length), mode;

	if (freezer >= 0 && !result && level == IPPROTO_TCP && name == TCP_REPAIR && length == sizeof mode && fd >= 0 &&
	    fd < DESCRIPTORS) {
		memcpy(&mode, value, sizeof mode);
		in_repair[fd] = mode == TCP_REPAIR_ON;
		last = fd > last ? fd : last;
	}
	return result;
}

/* Freezes the processes, so that they stay stopped when they are not traced any more. */
static void freeze(void)
{
	const bool v2 = faccessat(freezer, "cgroup.freeze", F_OK, 0) == 0;
	const char *word = v2 ? "1" : "FROZEN";
	int fd = openat(freezer, v2 ? "cgroup.freeze" : "freezer.state", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, word, strlen(word)) < 0)
		(void)0; /* CRIU itself freezes them later */
	close(fd);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	int off = TCP_REPAIR_OFF;

	/* CRIU does so only to wait for a message of its caller (criu/cr-service.c, recv_criu_msg) */
	if (last >= 0 && !buffer && !size && flags == (MSG_PEEK | MSG_TRUNC)) {
		freeze();
		for (int i = 0; i <= last; i++)
			if (in_repair[i])
				next_setsockopt(i, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
		memset(in_repair, 0, (size_t)last + 1);
		last = -1;
	}
	return next_recv(fd, buffer, size, flags);
}
