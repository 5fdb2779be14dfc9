/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef RESIDENT_AWAIT_H
#define RESIDENT_AWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define AWAIT_DIRECTORY "/opt/organic/resident/await"

enum await_decision {
	AWAIT_NO,        /* nothing to wait for: run the command */
	AWAIT_YES,       /* the process of this container will arrive from another host, before the deadline */
	AWAIT_UNLIMITED, /* the same, without a deadline */
	AWAIT_HOLD,      /* the process may be alive elsewhere: do not run the command until the file is removed */
	AWAIT_INVALID,   /* cannot tell: neither run nor wait */
};

/* True when NAME matches [A-Za-z0-9][A-Za-z0-9_.-]{0,127}: such a name cannot be a path out of the directory. */
bool await_name_valid(const char *name);

/* Asks the host, by the file AWAIT_DIRECTORY/NAME, whether this start awaits a migration.
 * The file holds one line: "await [ID]", "hold [ID]", or DEADLINE [BOOT_ID]. The two words are for containers that a
 * cluster starts again whenever they end, also after a boot of the host: they are valid until the file is removed. ID is
 * that of the migration (16 hexadecimal digits), by which a recovery finds out whether it has ended.
 * DEADLINE is in seconds of CLOCK_BOOTTIME (decimal, up to nine decimals).
 * BOOT_ID, if given, is the host's /proc/sys/kernel/random/boot_id at the time of writing: a file that is left from an
 * earlier boot then counts as expired.
 * AWAIT_INVALID sets *reason. */
enum await_decision await_decide(const char *name, struct timespec *deadline, const char **reason);

bool await_expired(const struct timespec *deadline);

#endif
