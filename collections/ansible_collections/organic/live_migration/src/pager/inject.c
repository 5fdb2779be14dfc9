/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A userfaultfd belongs to the address space of the process that creates it, so the process itself must call
 * userfaultfd(2). By ptrace(2) its first thread is stopped for about 0.2 ms and made to do so; then the descriptor is
 * copied by pidfd_getfd(2), and closed in the process. */
#define _GNU_SOURCE
#include "inject.h"

#include "pager.h"
#include "tracer.h"
#include "tracking.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "only x86-64 is supported"
#endif

#define SUSPEND_SECCOMP 0x00200000 /* PTRACE_O_SUSPEND_SECCOMP: the container's seccomp filter forbids userfaultfd(2) */

/* The address of a syscall instruction in the vDSO, which every process has; 0 when it was not found. */
static uint64_t find_syscall(pid_t pid)
{
	uint64_t start = 0, end = 0, found = 0;
	char path[64], line[512];
	unsigned char *code;
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	need_resources(maps, path);
	if (!maps)
		return 0;
	while (fgets(line, sizeof line, maps))
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &start, &end);
	fclose(maps);
	if (start >= end)
		return 0;
	code = allocate(end - start);
	if (process_vm_readv(pid, &(struct iovec){code, end - start}, 1, &(struct iovec){(void *)start, end - start}, 1,
			     0) == (ssize_t)(end - start))
		for (uint64_t i = 0; i + 1 < end - start && !found; i++)
			if (code[i] == 0x0f && code[i + 1] == 0x05)
				found = start + i;
	free(code);
	return found;
}

static bool call(pid_t pid, struct user_regs_struct registers, uint64_t instruction, long number, long argument,
		 long *result)
{
	int status;

	registers.rip = instruction;
	registers.rax = (unsigned long)number;
	registers.rdi = (unsigned long)argument;
	registers.orig_rax = (unsigned long)-1; /* do not restart the interrupted system call yet */
	if (ptrace(PTRACE_SETREGS, pid, 0, &registers) || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
	    waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP ||
	    ptrace(PTRACE_GETREGS, pid, 0, &registers))
		return false;
	*result = (long)registers.rax;
	return true;
}

int inject_userfaultfd(pid_t pid)
{
	uint64_t instruction = find_syscall(pid), mask, everything = ~0ULL;
	struct user_regs_struct registers;
	long inside, closed;
	int fd, pidfd;

	if (!instruction)
		return -ENOEXEC;
	fd = interrupt_thread(pid, SUSPEND_SECCOMP);
	if (fd)
		return fd;
	fd = await_stop(pid, STOP_PATIENCE_MS);
	if (fd)
		return fd;
	fd = -ESRCH;
	if (!ptrace(PTRACE_GETREGS, pid, 0, &registers) && !ptrace(PTRACE_GETSIGMASK, pid, sizeof mask, &mask) &&
	    !ptrace(PTRACE_SETSIGMASK, pid, sizeof everything, &everything)) {
		if (call(pid, registers, instruction, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | TRACKING_FLAGS,
			 &inside)) {
			fd = (int)inside;
			if (inside >= 0) {
				pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
				fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)inside, 0);
				if (fd < 0)
					fd = -errno;
				close(pidfd);
				call(pid, registers, instruction, SYS_close, inside, &closed);
			}
		}
		ptrace(PTRACE_SETSIGMASK, pid, sizeof mask, &mask);
		restart_wait(pid, &registers);
		ptrace(PTRACE_SETREGS, pid, 0, &registers);
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return fd;
}
