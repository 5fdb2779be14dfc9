/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/types.h>

/* Longer than any thread should be in an uninterruptible call. */
#define STOP_PATIENCE_MS 5e3

/* The signal of a traced thread's stop. It must be blocked in all threads of the tracer. */
void block_stop_signal(void);
/* Traces a thread and orders it to stop, with options of ptrace(2); returns 0 or a negative errno. */
int interrupt_thread(pid_t tid, long options);
/* Awaits the stop, for so many ms; no signal is half delivered then. 0, -ESRCH: the thread has ended, or -EAGAIN: it does
 * not stop yet. Who ends while a thread is stopped lets it go on. */
int await_stop(pid_t tid, double patience_ms);
void release_thread(pid_t tid);
