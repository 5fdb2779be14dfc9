/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

/* Longer than a thread should stay in an uninterruptible system call. */
#define STOP_PATIENCE_MS 5e3

/* Blocks SIGCHLD, which reports the stop of a traced thread. It must be blocked in all threads of the tracer. */
void block_stop_signal(void);
/* Waits until another thread has stopped, or for so many ms. */
void await_signal(double patience_ms);
/* Starts to trace a thread, with options of ptrace(2), and asks it to stop; returns 0 or a negative errno. */
int interrupt_thread(pid_t tid, long options);
/* Waits for the stop, at most so many ms; pending signals are delivered before it. Returns 0, -ESRCH when the thread
 * has ended, or -EAGAIN when it has not stopped yet. If the tracer ends, the thread continues. */
int await_stop(pid_t tid, double patience_ms);
/* A stop is no signal: has a wait without a time limit begin again that the kernel has ended with EINTR for it
 * (signal(7)). How much is left of one with a limit is not known here. */
void restart_wait(pid_t tid, struct user_regs_struct *registers);
/* Lets a stopped thread continue. False when it is not stopped because it was killed or is in execve(2): try again. */
bool release_thread(pid_t tid);
/* Whether a traced thread has ended. This reaps it: its parent is notified only after that. */
bool has_ended(pid_t tid);
