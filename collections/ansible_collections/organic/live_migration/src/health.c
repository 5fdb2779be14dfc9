/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The health check of a resident container: needs nothing of the container's image.
 */
#define _GNU_SOURCE
#include "health.h"

#include "await.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHILDREN_OF_INIT "/proc/1/task/1/children"

/* Reads the start of a file as a string; false when there is nothing. */
static bool read_start(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* The NAME that PID 1 was started with, or NULL. */
static const char *name_in_command(char *command, size_t size)
{
	const char *option, *end = command + size - 1;

	memset(command, 0, size);
	if (!read_start("/proc/1/cmdline", command, size))
		return NULL;
	for (option = command; option < end; option += strlen(option) + 1) {
		const char *value = option + strlen(option) + 1;

		if (strcmp(option, "--") == 0)
			return NULL;
		if (strcmp(option, "--name") == 0)
			return value < end && await_name_valid(value) ? value : NULL;
	}
	return NULL;
}

/* A cluster ends the container that a process leaves as soon as the one that it goes to is healthy. So that one is not
 * before the host has removed its await file, which it does when it needs nothing of the other host any more. The one
 * that the process has left remains healthy, or it would count as failed. */
static int check(bool healthy_after_departure)
{
	char state[32], children[2], command[4096];
	const char *reason, *name;
	struct timespec deadline;

	if (!read_start("/proc/1/comm", state, sizeof(state)))
		return EXIT_FAILURE;
	if (strcmp(state, "resident-left\n") == 0)
		return healthy_after_departure ? EXIT_SUCCESS : EXIT_FAILURE;
	if (strcmp(state, "resident-run\n") != 0 || !read_start(CHILDREN_OF_INIT, children, sizeof(children)))
		return EXIT_FAILURE;
	name = name_in_command(command, sizeof(command));
	return name && await_decide(name, &deadline, &reason) == AWAIT_UNLIMITED ? EXIT_FAILURE : EXIT_SUCCESS;
}

int health(void)
{
	return check(true);
}

/* A cluster sends new connections to what is ready, so a container without its process must not be. */
int ready(void)
{
	return check(false);
}
