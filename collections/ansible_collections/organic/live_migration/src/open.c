/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: sees which files CRIU opens. */
#define _GNU_SOURCE
#include "preload.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>

int openat64(int directory, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	va_list arguments;
	mode_t mode;
	int fd;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t); /* passed on even if the caller gave none: it is only a register */
	va_end(arguments);
	if (!next)
		next = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
	if ((fd = open_cached_smaps(directory, path)) >= 0)
		return fd;
	if (!adopt_shared_memory(directory, path))
		return -1;
	return next(directory, path, flags, mode);
}
