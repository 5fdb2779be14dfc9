/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so, for hosts where root lacks CAP_SYS_RESOURCE. There prlimit(2) fails for processes of other users,
 * and CRIU cannot dump them: "Can't get rlimit 0: Operation not permitted". /proc/PID/limits can be read instead. Where
 * prlimit(2) works nothing changes.
 *
 * It is built on the controller and runs with the C library of the host, which may be older. So it does not use
 * functions that have a newer symbol version in a newer library (sscanf, strtoull).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SIZE_MAX 4096

/* The names in fs/proc/base.c, by RLIMIT_*. */
static const char *const names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = "Max cpu time",
	[RLIMIT_FSIZE] = "Max file size",
	[RLIMIT_DATA] = "Max data size",
	[RLIMIT_STACK] = "Max stack size",
	[RLIMIT_CORE] = "Max core file size",
	[RLIMIT_RSS] = "Max resident set",
	[RLIMIT_NPROC] = "Max processes",
	[RLIMIT_NOFILE] = "Max open files",
	[RLIMIT_MEMLOCK] = "Max locked memory",
	[RLIMIT_AS] = "Max address space",
	[RLIMIT_LOCKS] = "Max file locks",
	[RLIMIT_SIGPENDING] = "Max pending signals",
	[RLIMIT_MSGQUEUE] = "Max msgqueue size",
	[RLIMIT_NICE] = "Max nice priority",
	[RLIMIT_RTPRIO] = "Max realtime priority",
	[RLIMIT_RTTIME] = "Max realtime timeout",
};

/* Reads one value, and moves *text behind it and the blanks that follow. */
static bool parse(const char **text, rlim64_t *value)
{
	const char *c = *text;

	if (strncmp(c, "unlimited", strlen("unlimited")) == 0) {
		*value = RLIM64_INFINITY;
		c += strlen("unlimited");
	} else {
		if (*c < '0' || *c > '9')
			return false;
		for (*value = 0; *c >= '0' && *c <= '9'; c++)
			*value = *value * 10 + (rlim64_t)(*c - '0');
	}
	c += strspn(c, " ");
	*text = c;
	return true;
}

static bool read_limit(pid_t pid, const char *name, struct rlimit64 *limit)
{
	char path[32], text[FILE_SIZE_MAX];
	size_t length = 0;
	const char *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < sizeof(text) - 1 && (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	text[length] = '\0';
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ' ')
			continue;
		line += strlen(name);
		line += strspn(line, " ");
		return parse(&line, &limit->rlim_cur) && parse(&line, &limit->rlim_max);
	}
	return false;
}

/* CRIU calls prlimit by its number, through syscall(3). All six arguments are passed on even if the caller gave fewer:
 * they are only registers. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long argument[6];
	va_list arguments;
	long result;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(arguments, long);
	va_end(arguments);
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	result = next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
	if (number == SYS_prlimit64 && result == -1 && errno == EPERM) {
		long resource = argument[1];
		struct rlimit64 *old = (struct rlimit64 *)argument[3];

		if (!argument[2] && old && resource >= 0 && resource < RLIM_NLIMITS &&
		    read_limit((pid_t)argument[0], names[resource], old))
			return 0;
		errno = EPERM;
	}
	return result;
}

int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *new, struct rlimit64 *old)
{
	return (int)syscall(SYS_prlimit64, (long)pid, (long)resource, new, old);
}
