/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Longer than any thread should be in an uninterruptible call. */
#define STOP_PATIENCE_MS 5e3

/* The signal of a traced thread's stop. It must be blocked in all threads of the tracer. */
void block_stop_signal(void);
/* Until one more has stopped, or for so many ms. */
void await_signal(double patience_ms);
/* Traces a thread and orders it to stop, with options of ptrace(2); returns 0 or a negative errno. */
int interrupt_thread(pid_t tid, long options);
/* Awaits the stop, for so many ms; no signal is half delivered then. 0, -ESRCH: the thread has ended, or -EAGAIN: it does
 * not stop yet. Who ends while a thread is stopped lets it go on. */
int await_stop(pid_t tid, double patience_ms);
/* Lets a stopped thread go on. False: it is not stopped; it was killed, or calls execve(2), and must be tried again. */
bool release_thread(pid_t tid);
/* Whether a thread that was stopped has ended since; nobody else hears of it before it was asked. */
bool has_ended(pid_t tid);
