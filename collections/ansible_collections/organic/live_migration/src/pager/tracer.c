/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Threads are stopped with PTRACE_SEIZE and PTRACE_INTERRUPT (ptrace(2)): their parents do not notice, and if we die
 * the kernel releases them. */
#define _GNU_SOURCE
#include "tracer.h"

#include "pager.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define SYSCALL_BYTES 2 /* length of the instruction */

static sigset_t stop_signal;

void block_stop_signal(void)
{
	sigemptyset(&stop_signal);
	sigaddset(&stop_signal, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &stop_signal, NULL);
}

void await_signal(double patience_ms)
{
	sigtimedwait(&stop_signal, NULL,
		     &(struct timespec){(time_t)(patience_ms / 1e3), (long)(patience_ms * 1e6) % 1000000000L});
}

int interrupt_thread(pid_t tid, long options)
{
	int error = ptrace(PTRACE_SEIZE, tid, 0, options) ? -errno : 0;

	if (error && error != -EPERM)
		return error;
	/* EPERM: we may trace it already, because execve(2) gave it the TID of the first thread */
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return error ? error : -errno;
	return 0;
}

int await_stop(pid_t tid, double patience_ms)
{
	double deadline = now_ms() + patience_ms, left;
	int status;

	for (;;) {
		pid_t found = waitpid(tid, &status, __WALL | WNOHANG);

		if (found < 0 || (found && !WIFSTOPPED(status)))
			return -ESRCH;
		if (found && status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		if (found) { /* it stopped for a signal that was pending: deliver it */
			if (ptrace(PTRACE_CONT, tid, 0, WSTOPSIG(status)))
				return -errno;
			continue;
		}
		left = deadline - now_ms();
		if (left <= 0)
			return -EAGAIN;
		await_signal(left);
	}
}

static bool is_endless_wait(const struct user_regs_struct *registers)
{
	switch (registers->orig_rax) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		return (int)registers->r10 < 0;
	case SYS_epoll_pwait2:
	case SYS_semtimedop:
		return registers->r10 == 0;
	default:
		return registers->orig_rax == SYS_semop;
	}
}

/* Whether a signal waits for a thread that it does not block: it came during the stop, and ends the wait for real. */
static bool is_signalled(pid_t tid)
{
	unsigned long long pending = 0, blocked = 0, mask;
	char path[48], line[128];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "SigPnd: %llx", &mask) == 1 || sscanf(line, "ShdPnd: %llx", &mask) == 1)
			pending |= mask;
		else if (sscanf(line, "SigBlk: %llx", &mask) == 1)
			blocked = mask;
	}
	fclose(file);
	return pending & ~blocked;
}

void restart_wait(pid_t tid, struct user_regs_struct *registers)
{
	if ((long)registers->rax != -EINTR || !is_endless_wait(registers) || is_signalled(tid))
		return;
	registers->rax = registers->orig_rax;
	registers->rip -= SYSCALL_BYTES;
	registers->orig_rax = (unsigned long)-1; /* the kernel must not begin it again by itself */
}

bool release_thread(pid_t tid)
{
	struct user_regs_struct registers;
	int status;
	pid_t found;

	if (!ptrace(PTRACE_GETREGS, tid, 0, &registers)) {
		restart_wait(tid, &registers);
		ptrace(PTRACE_SETREGS, tid, 0, &registers);
	}
	if (!ptrace(PTRACE_DETACH, tid, 0, 0))
		return true;
	found = waitpid(tid, &status, __WALL | WNOHANG);
	if (found > 0 && WIFSTOPPED(status))
		return !ptrace(PTRACE_DETACH, tid, 0, 0);
	return found != 0;
}

bool has_ended(pid_t tid)
{
	int status;

	return waitpid(tid, &status, __WALL | WNOHANG) > 0 && !WIFSTOPPED(status);
}
