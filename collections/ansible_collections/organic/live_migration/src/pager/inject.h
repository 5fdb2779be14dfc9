/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/types.h>

/* Creates a userfaultfd in a running process and returns our copy of it, the only one left; or a negative errno. */
int inject_userfaultfd(pid_t pid);
