# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of how memory crosses from one host to another."""

    DOCUMENTATION = r"""
options:
  max_bandwidth:
    description: Maximum rate in bytes of memory per second while the process runs. V(0) is no limit.
    type: int
    default: 0
  compression:
    description: Compression of memory pages. Pages of zeros are never sent.
    type: str
    choices: [none, zstd]
    default: none
  encryption:
    description:
      - Encryption of memory pages.
      - V(none) is the fastest. Pages are then neither encrypted nor protected against changes, and with them all keys
        and secrets of the process, so use a network between the hosts that can be trusted.
      - V(tls) sends them over TLS 1.3, for which each connection gets a process of its own on both hosts. That takes
        CPU time; some 600 MB cross in a second where more than a GB does without.
    type: str
    choices: [none, tls]
    default: none
  page_tracking:
    description:
      - How the pages are found that the process writes while its memory is copied, in V(pre_copy), V(hybrid) and for
        O(strategy=auto).
      - V(write_protection) is userfaultfd write-protection. The process is not stopped.
      - V(soft_dirty) are the kernel's soft-dirty bits (C(CONFIG_MEM_SOFT_DIRTY)), which CRIU itself uses. The process
        is stopped for some milliseconds in each round while they are read and cleared, and a huge page of 2 MiB is
        sent whole when anything in it was written, as is an area of memory that has grown since the last round, a heap
        for example. KSM must be off on the source host. It takes Linux 6.8.
      - V(auto) takes write-protection where the source host's kernel has it, else soft-dirty bits.
      - Neither method finds what a device writes into memory by itself. A read of a file that was opened with
        C(O_DIRECT) and that is under way in a round may be missing on the target host; use another strategy then.
    type: str
    choices: [auto, write_protection, soft_dirty]
    default: auto
  connections:
    description: How many connections carry memory, at most 16.
    type: int
    default: 2
"""
