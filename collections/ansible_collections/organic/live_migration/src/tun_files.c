/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Part of preload.so: makes CRIU dump a descriptor of /dev/net/tun as that of a plain file.
 *
 * CRIU dumps a TUN descriptor together with its device, which is possible only from outside the network namespace
 * (criu/tun.c: "Net namespace is required to dump tun link"), but CRIU runs inside. We create the device on the target
 * ourselves (tun.py), and a descriptor that is attached to it replaces the plain file. Autofs is the only character
 * device of the same major number that CRIU dumps as a plain file (criu/files.c, get_misc_dev_ops).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MISC_MAJOR 10
#define TUN_MINOR 200
#define AUTOFS_MINOR 235

int fstat64(int fd, struct stat64 *status)
{
	static int (*next)(int, struct stat64 *);
	int result;

	if (!next)
		next = (int (*)(int, struct stat64 *))dlsym(RTLD_NEXT, "fstat64");
	if (!next) {
		errno = ENOSYS;
		return -1;
	}
	result = next(fd, status);
	if (!result && S_ISCHR(status->st_mode) && status->st_rdev == makedev(MISC_MAJOR, TUN_MINOR))
		status->st_rdev = makedev(MISC_MAJOR, AUTOFS_MINOR);
	return result;
}
