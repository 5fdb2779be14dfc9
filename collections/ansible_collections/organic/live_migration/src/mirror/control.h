/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control socket: standard input, a SOCK_SEQPACKET socket. A command is one packet of text ("NAME" or
 * "NAME ARGUMENT"), an answer or event one packet of JSON. */
#pragma once

#include "mirror.h"

#define CONTROL 0
#define COMMAND_BYTES 8192
#define ANSWER_BYTES 4096

struct command {
	const char *name;
	void (*run)(const char *argument);
	bool has_argument;
};

__attribute__((format(printf, 1, 2))) void answer(const char *format, ...);
/* Reads a command and runs it; false when the agent has closed its end. Fails when the table does not have it. */
bool handle_command(const struct command *commands, size_t count);
