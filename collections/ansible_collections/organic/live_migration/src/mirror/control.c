/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("Error (mirror): ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	_exit(1);
}

void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		fail("no memory: %zu bytes", bytes);
	return memory;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

void answer(const char *format, ...)
{
	char packet[ANSWER_BYTES];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(packet, sizeof packet, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= sizeof packet)
		fail("an answer of %d bytes is too long", n);
	/* an error means that the agent has died: the end of the control socket is handled where commands are read */
	(void)!send(CONTROL, packet, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool handle_command(const struct command *commands, size_t count)
{
	char text[COMMAND_BYTES];
	ssize_t n = recv(CONTROL, text, sizeof text - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	text[n] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(commands[i].name);
		char end = commands[i].has_argument ? ' ' : '\0';

		if (strncmp(text, commands[i].name, length) != 0 || text[length] != end)
			continue;
		commands[i].run(text + length + commands[i].has_argument);
		return true;
	}
	fail("unknown command '%s'", text);
}
