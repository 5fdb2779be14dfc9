/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control socket: the agent sends commands, the pager answers with events. It is standard input, a SOCK_SEQPACKET
 * socket; a command is one packet of text ("NAME" or "NAME ARGUMENT"), an event one packet of JSON. */
#pragma once

#include "pager.h"

#define CONTROL 0
#define COMMAND_BYTES 256

/* A command of the agent, as received. */
struct request {
	char text[COMMAND_BYTES];
	const char *argument; /* behind the name; empty when there is none */
	struct connection connections[CONNECTIONS_MAX]; /* that came with it */
	int connection_count;
};

struct command {
	const char *name;
	void (*run)(const struct request *request);
	bool has_argument;
};

/* Sends one event. */
__attribute__((format(printf, 1, 2))) void send_event(const char *format, ...);
/* The same with a descriptor, which the agent holds open from then on. */
__attribute__((format(printf, 2, 3))) void send_event_with_fd(int descriptor, const char *format, ...);
/* Waits for a command; false when the agent has closed its end. */
bool receive_command(struct request *request);
/* Runs the command of the table that the request names; fails when there is none. */
void handle_command(const struct command *commands, size_t count, struct request *request);
