/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stops a process in epoll_pwait(2) as the pager does, and prints how its wait ends: "signal" if one is sent during
 * the stop (first argument), "event" if none is, and a byte is written for it afterwards. */
#define _GNU_SOURCE
#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BY_SIGNAL = 3, BY_EVENT = 4 };

static void handle(int number)
{
	(void)number;
}

static int wait_for(int input)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(0), found;
	sigset_t usual, none;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usual, NULL); /* so that it comes in the wait, or not at all */
	signal(SIGUSR1, handle);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, input, &event))
		return 1;
	found = epoll_pwait(epoll, &event, 1, -1, &none);
	return found == 1 ? BY_EVENT : found < 0 && errno == EINTR ? BY_SIGNAL : 1;
}

static char state_of(pid_t pid)
{
	char path[48], state = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		exit(2);
	fclose(file);
	return state;
}

int main(int count, char **arguments)
{
	bool is_signalled = count > 1 && !strcmp(arguments[1], "signal");
	int pipes[2], status;
	pid_t child;

	alarm(20);
	if (pipe(pipes))
		return 2;
	child = fork();
	if (!child)
		_exit(wait_for(pipes[0]));
	block_stop_signal();
	while (state_of(child) != 'S')
		usleep(1000);
	if (interrupt_thread(child, 0) || await_stop(child, STOP_PATIENCE_MS))
		return 2;
	if (is_signalled)
		kill(child, SIGUSR1);
	if (!release_thread(child) || (!is_signalled && write(pipes[1], "", 1) != 1))
		return 2;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 2;
	puts(WEXITSTATUS(status) == BY_SIGNAL ? "signal" : WEXITSTATUS(status) == BY_EVENT ? "event" : "other");
	return 0;
}
