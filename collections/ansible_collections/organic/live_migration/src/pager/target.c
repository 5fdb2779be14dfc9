/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The target's pager. It takes the place of `criu lazy-pages`: CRIU's restore gives it the userfaultfd of each process
 * (criu/uffd.c), and it places the pages there. Pages that arrive before their process exists are stored. See target.h
 * for the parts of it.
 *
 * Commands:
 *   place_directly  the source sends each page once only, so a page may be placed at once
 *   restored        CRIU has restored all processes: stored pages are placed from now on
 *   before_run      the processes are about to run
 *   is_complete     asks whether there is no page left that only the source has
 *   reconnect       brings new connections, in place of those that were lost
 *   finish          the source has sent all pages: places the last ones, then answers
 *
 * The agent holds each userfaultfd as well: if the pager dies, a process waits at the first page that is missing,
 * instead of running on with zeros in its place. If the agent dies after "before_run", the pager goes on alone. When its
 * connections are lost then, nobody can bring new ones: it ends the container before a missing page could be taken for
 * zeros. */
#define _GNU_SOURCE
#include "target.h"

#include "control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTAINER_EXIT_TIMEOUT_MS 10000

struct target target = {
	.layout = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
	.table = PTHREAD_MUTEX_INITIALIZER,
};

/* Without an agent: whether pages are missing that nobody can bring any more. */
static bool cannot_complete(void)
{
	for (int i = 0; i < target.connection_count; i++)
		if (!target.connections[i].lost)
			return false;
	return !is_complete(false);
}

/* Kills the container and waits until all its processes have ended: when our userfaultfds are closed before that, they
 * read zeros where pages are missing. */
static void end_container(int init)
{
	struct pollfd ended = {.fd = init, .events = POLLIN};

	syscall(SYS_pidfd_send_signal, init, SIGKILL, NULL, 0);
	poll(&ended, 1, CONTAINER_EXIT_TIMEOUT_MS); /* in a frozen cgroup they do not end, but they do not run either */
}

static void send_received_pages(struct target_process *process)
{
	const struct ranges *present = &process->present;
	struct range list[256];
	size_t count = 0;

	for (size_t i = 0; i < present->count; i++)
		for (uint64_t at = present->list[i].start; at < present->list[i].end; at += PAGE_BYTES) {
			enum target_page_state state = state_of_page(process, at);

			if (state == UNKNOWN || state == REQUESTED)
				continue;
			if (count && list[count - 1].end == at) {
				list[count - 1].end += PAGE_BYTES;
				continue;
			}
			if (count == sizeof list / sizeof list[0]) {
				send_ranges(&target.connections[0], FRAME_RECEIVED, process->ns_pid, list, count);
				count = 0;
			}
			list[count++] = (struct range){at, at + PAGE_BYTES};
		}
	send_ranges(&target.connections[0], FRAME_RECEIVED, process->ns_pid, list, count);
}

/* Over new connections: sends which pages need not be sent again, then asks again for those that processes wait for. */
static void synchronize_source(void)
{
	for (size_t i = 0; i < target.process_count; i++)
		send_received_pages(target.processes[i]);
	send_frame(&target.connections[0], (struct frame){.kind = FRAME_BARRIER}, NULL);
	for (size_t i = 0; i < target.process_count; i++) {
		struct target_process *process = target.processes[i];

		for (size_t slot = 0; slot < process->pages.size; slot++) {
			struct chunk *chunk = process->pages.table[slot];

			for (size_t page = 0; chunk && page < CHUNK_PAGES; page++)
				if (chunk->state[page] == REQUESTED)
					request_page(process, chunk->base + page * PAGE_BYTES);
		}
	}
}

/* Commands */

static void do_reconnect(const struct request *request)
{
	if (request->connection_count != target.connection_count)
		fail("%d connections where there were %d", request->connection_count, target.connection_count);
	for (int i = 0; i < target.connection_count; i++)
		shutdown(target.connections[i].fd, SHUT_RDWR);
	join_receivers();
	for (int i = 0; i < target.connection_count; i++) { /* no other thread uses them now */
		close(target.connections[i].fd);
		target.connections[i] = request->connections[i];
	}
	synchronize_source(); /* before the receivers change the states of pages */
	start_receivers();
	send_event("{\"done\": \"reconnect\"}");
}

static void do_place_directly(const struct request *request)
{
	(void)request;
	target.place_directly = true;
	send_event("{\"done\": \"place_directly\"}");
}

static void do_restored(const struct request *request)
{
	(void)request;
	target.restored = true;
	target.place_directly = true; /* there is a process for every page that comes now */
	send_event("{\"done\": \"restored\"}");
}

static void do_before_run(const struct request *request)
{
	(void)request;
	target.running = true;
	set_priority(0); /* placing pages that nobody waits for must not slow the processes down */
	send_event("{\"done\": \"before_run\"}");
}

static void do_is_complete(const struct request *request)
{
	(void)request;
	send_event("{\"done\": \"is_complete\", \"complete\": %s}", is_complete(false) ? "true" : "false");
}

/* The main loop answers, when all pages are placed. */
static void do_finish(const struct request *request)
{
	(void)request;
	target.finishing = true;
	restart_placing(); /* for pages that were stored behind the point that placing had come to; no more will come */
}

static void send_finished(void)
{
	send_event("{\"done\": \"finish\", \"pages_received\": %lu, \"pages_placed\": %lu, \"faults\": %lu, "
		   "\"requests\": %lu}",
		   target.pages_received, target.pages_placed, target.faults, target.requests);
}

static const struct command commands[] = {
	{"place_directly", do_place_directly, false},
	{"restored", do_restored, false},
	{"before_run", do_before_run, false},
	{"is_complete", do_is_complete, false},
	{"finish", do_finish, false},
	{"reconnect", do_reconnect, false},
};

/* Main loop */

static size_t list_descriptors(struct pollfd *list, size_t room, int control, int criu, int shared)
{
	size_t count = 0;

	list[count++] = (struct pollfd){.fd = control, .events = POLLIN};
	list[count++] = (struct pollfd){.fd = criu, .events = POLLIN};
	list[count++] = (struct pollfd){.fd = shared, .events = POLLIN};
	for (size_t i = 0; i < target.process_count; i++) {
		struct address_space *space = target.processes[i]->spaces;

		for (; space && count < room; space = space->next)
			list[count++] = (struct pollfd){.fd = space->uffd, .events = POLLIN};
	}
	return count;
}

void run_target(struct connection *connections, int count, int images, int init)
{
	static struct pollfd watched[2 * PROCESSES_MAX];
	struct request request;
	int control = CONTROL, listener, shared, criu = -1;
	bool finished = false;

	target.connections = connections;
	target.connection_count = count;
	listener = listen_for_criu(images);
	shared = listen_for_shared_memory(images);
	start_receivers();
	send_event("{\"event\": \"ready\"}");
	for (;;) {
		bool more = target.restored && place_some_stored();
		bool deferred = has_deferred_faults();
		size_t descriptors = list_descriptors(watched, sizeof watched / sizeof watched[0], control,
						      criu < 0 ? listener : criu, shared);
		int timeout_ms = more ? 0 : deferred ? 1 : control < 0 ? 100 : -1;

		if (target.finishing && !more && !deferred && !finished) {
			finished = true;
			send_finished();
		}
		if (control < 0 && !more && is_complete(true))
			break;
		if (control < 0 && !more && cannot_complete()) {
			end_container(init);
			fail("the connection to the other host broke, and no agent is left");
		}
		if (poll(watched, descriptors, timeout_ms) < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (watched[1].revents & POLLIN && criu < 0) {
			criu = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			continue;
		}
		if (watched[1].revents & POLLIN) {
			if (!receive_from_criu(criu)) {
				close(criu);
				close(listener);
				criu = listener = -1; /* poll(2) ignores negative descriptors */
			}
			continue; /* all processes are known before a fault or a command is handled */
		}
		if (watched[2].revents & POLLIN)
			give_shared_memory(shared);
		handle_events();
		if (!watched[0].revents)
			continue;
		if (receive_command(&request))
			handle_command(commands, sizeof commands / sizeof commands[0], &request);
		else if (target.running && !finished)
			control = -1; /* the agent has died, but the process needs this pager */
		else
			return;
	}
}
