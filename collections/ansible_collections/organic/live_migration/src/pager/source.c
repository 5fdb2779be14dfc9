/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The source's pager. It moves the private anonymous memory of a process tree: it finds the pages that were written
 * (dirty_pages.h), reads them from outside and sends them. So it does with shared memory (shared_memory.h), of which all
 * is sent before the processes run on the target. See source.h for the parts of it.
 *
 * Commands while the processes run:
 *   use_soft_dirty    finds written pages by soft-dirty bits instead of userfaultfd write protection
 *   compress          compresses the pages
 *   limit N           sends at most N bytes a second, except between the freeze and the end of the switchover
 *   sample_dirty      counts the pages written since the last round or sample
 *   round             sends them
 *   send_shared       sends the shared memory only (post-copy, which fetches the rest later)
 *   snapshot_vmas     reads smaps, right before the freeze, so that little of it has to be read during the freeze
 *
 * Commands while they are frozen:
 *   final_send        writes the hints for CRIU (../hints.h), then sends the pages that the target lacks
 *   final_bitmap      the same, but sends only the lists of these pages (post-copy)
 *   check_vmas        counts the processes about which the hints have turned out to be wrong
 *
 * Commands after "final_bitmap":
 *   push              sends the pages that the target did not ask for yet; requests are answered at any time
 *   reconnect_source  in place of "final_bitmap", when another pager did that and has lost its connections */
#define _GNU_SOURCE
#include "source.h"

#include "control.h"
#include "shared_memory.h"

#include <signal.h>
#include <stdio.h>

struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void require_connections(void)
{
	if (any_connection_lost())
		fail("the connection to the other host broke");
}

static void send_result(const char *command, double began_ms, double scanned_ms, double stopped_ms)
{
	send_event("{\"done\": \"%s\", \"pages_written\": %lu, \"pages_sent\": %lu, \"zero_pages\": %lu, "
		   "\"bytes_sent\": %lu, \"scan_ms\": %.2f, \"tracking_stop_ms\": %.2f, \"duration_ms\": %.2f}",
		   command, pages_seen + take_shared_pages_claimed(), source.pages_sent, source.zero_pages,
		   total_bytes_sent(), scanned_ms - began_ms, stopped_ms, now_ms() - began_ms);
}

static void await_target(void)
{
	if (!await_barrier())
		require_connections();
}

static void add_shared_memory(void)
{
	find_shared_memory();
	announce_shared_sizes();
	await_target();
	add_shared_jobs();
}

static void scan_and_send(const char *command, bool send)
{
	double began = now_ms(), scanned, stopped_ms = 0;

	set_priority(0);
	pages_seen = 0;
	if (use_soft_dirty)
		stopped_ms = collect_stopped();
	else
		collect_running();
	scanned = now_ms();
	if (!send) {
		job_count = 0;
	} else {
		source.round_sent = true;
		add_shared_memory();
		send_all_jobs();
		await_target();
		source.shared_sent = true;
	}
	send_result(command, began, scanned, stopped_ms);
}

static void do_round(const struct request *request)
{
	(void)request;
	scan_and_send("round", true);
}

static void do_sample_dirty(const struct request *request)
{
	(void)request;
	scan_and_send("sample_dirty", false);
}

static void do_send_shared(const struct request *request)
{
	double began = now_ms();

	(void)request;
	pages_seen = 0;
	find_processes();
	add_shared_memory();
	send_all_jobs();
	await_target();
	source.shared_sent = true;
	send_result("send_shared", began, began, 0);
}

static void do_snapshot_vmas(const struct request *request)
{
	(void)request;
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			snapshot_vmas(&processes[i]->vmas, processes[i]->pid);
	find_shared_memory();
	send_event("{\"done\": \"snapshot_vmas\"}");
}

static void do_check_vmas(const struct request *request)
{
	size_t changed = 0;

	(void)request;
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			changed += have_vmas_changed(&processes[i]->vmas, processes[i]->pid);
	send_event("{\"done\": \"check_vmas\", \"changed\": %zu}", changed);
}

/* Sends the lists of a frozen process. */
static void send_lists(const struct process *process)
{
	struct connection *connection = &source.connections[0];
	const struct ranges *lazy = &process->vmas.lazy, *wipe = &process->vmas.wipe_on_fork;

	send_ranges(connection, FRAME_VMAS, process->ns_pid, lazy->list, lazy->count);
	if (wipe->count)
		send_ranges(connection, FRAME_WIPE_ON_FORK, process->ns_pid, wipe->list, wipe->count);
	send_ranges(connection, FRAME_PRESENT, process->ns_pid, process->present.list, process->present.count);
	if (source.round_sent) /* else the target has no page that could be stale */
		send_ranges(connection, FRAME_STALE, process->ns_pid, process->stale.list, process->stale.count);
}

static uint64_t count_pages(const struct ranges *ranges)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < ranges->count; i++)
		pages += (ranges->list[i].end - ranges->list[i].start) / PAGE_BYTES;
	return pages;
}

static void finish_copy(bool send)
{
	double began = now_ms(), scanned;

	set_priority(PAGER_SWITCHOVER_NICE);
	pages_seen = 0;
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_vmas_with_smaps(&processes[i]->vmas, processes[i]->pid);
	announce_shared_sizes();
	write_hints();
	send_event("{\"done\": \"hints\", \"duration_ms\": %.2f}", now_ms() - began);
	collect_final(send);
	source.frozen = true;
	scanned = now_ms();
	for (size_t i = 0; i < process_count; i++) {
		if (!processes[i]->alive)
			continue;
		if (!send)
			pages_seen += count_pages(&processes[i]->stale);
		send_lists(processes[i]);
	}
	await_target();
	send_event("{\"done\": \"lists\", \"duration_ms\": %.2f}", now_ms() - began);
	add_shared_jobs();
	if (job_count) {
		send_all_jobs();
		await_target();
	}
	send_result("final", began, scanned, 0);
}

static void do_final_send(const struct request *request)
{
	(void)request;
	finish_copy(true);
}

static void do_final_bitmap(const struct request *request)
{
	(void)request;
	finish_copy(false);
}

static void do_push(const struct request *request)
{
	double began = now_ms();

	(void)request;
	set_priority(0);
	pages_seen = 0;
	source.pushing = true;
	for (size_t i = 0; i < process_count; i++)
		for (size_t j = 0; processes[i]->started && j < processes[i]->stale.count; j++) {
			struct range stale = processes[i]->stale.list[j];

			add_job(processes[i], stale.start, stale.end, false);
		}
	send_all_jobs();
	if (await_barrier())
		send_result("push", began, began, 0);
	else
		send_event("{\"done\": \"push\", \"connection_lost\": true}");
}

/* All pages are pending, except those that the target reports as received. */
static void do_reconnect(const struct request *request)
{
	(void)request;
	read_all_vmas();
	collect_final(false);
	pthread_mutex_lock(&source.lock);
	source.frozen = true;
	pthread_cond_broadcast(&source.changed);
	while (!source.received_complete && !any_connection_lost())
		pthread_cond_wait(&source.changed, &source.lock);
	pthread_mutex_unlock(&source.lock);
	send_event("{\"done\": \"reconnect_source\", \"connection_lost\": %s}", any_connection_lost() ? "true" : "false");
}

static void do_compress(const struct request *request)
{
	(void)request;
	source.compressing = true;
	send_event("{\"done\": \"compress\"}");
}

static void do_use_soft_dirty(const struct request *request)
{
	(void)request;
	use_soft_dirty = true;
	send_event("{\"done\": \"use_soft_dirty\"}");
}

static void do_limit(const struct request *request)
{
	if (sscanf(request->argument, "%lu", &source.limit_bytes_per_s) != 1)
		fail("invalid limit '%s'", request->argument);
	send_event("{\"done\": \"limit\"}");
}

static const struct command commands[] = {
	{"use_soft_dirty", do_use_soft_dirty, false},
	{"compress", do_compress, false},
	{"limit", do_limit, true},
	{"sample_dirty", do_sample_dirty, false},
	{"round", do_round, false},
	{"send_shared", do_send_shared, false},
	{"snapshot_vmas", do_snapshot_vmas, false},
	{"final_send", do_final_send, false},
	{"final_bitmap", do_final_bitmap, false},
	{"check_vmas", do_check_vmas, false},
	{"push", do_push, false},
	{"reconnect_source", do_reconnect, false},
};

void run_source(pid_t root, struct connection *connections, int count, int hints_fd)
{
	struct request request;
	sigset_t termination;

	/* only this thread takes SIGTERM, because it has to block it while it traces a process */
	sigemptyset(&termination);
	sigaddset(&termination, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &termination, NULL);
	init_tracking();
	set_root(root);
	source.connections = connections;
	source.connection_count = count;
	source.hints_fd = hints_fd;
	start_readers();
	start_workers();
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	read_all_vmas();
	while (receive_command(&request))
		handle_command(commands, sizeof commands / sizeof commands[0], &request);
}
