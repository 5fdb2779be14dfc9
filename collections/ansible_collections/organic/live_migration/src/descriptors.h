/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef RESIDENT_DESCRIPTORS_H
#define RESIDENT_DESCRIPTORS_H

/* Closes all but the standard streams: what is inherited from the engine would stay open in the command, and CRIU could
 * not dump it. */
void close_inherited_descriptors(void);

/* Opens /dev/null for a standard stream that is missing, or the next file that is opened would take its place. */
void open_missing_streams(void);

#endif
