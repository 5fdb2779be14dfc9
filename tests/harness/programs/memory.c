/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writes to every page of so much memory and gives it back, so that the kernel's free lists begin with memory that is
 * really there. A virtual machine hands free memory back to its hypervisor (free page reporting); the first to use it
 * again then pays for a fault in the hypervisor on every page. Prints what each page cost, in nanoseconds of CPU time. */
#define _GNU_SOURCE
#include "protocol.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096
#define EXIT_USAGE 64

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    uint64_t memory_mb;

    if (argc != 2 || parse_number(argv[1], 1, 1u << 20, &memory_mb)) {
        fputs("usage: memory MB\n", stderr);
        return EXIT_USAGE;
    }
    size_t size = memory_mb << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE)) {
        perror("memory");
        return 1;
    }
    uint64_t began = cpu_ns();
    for (size_t at = 0; at < size; at += PAGE_BYTES)
        memory[at] = 1;
    printf("%llu\n", (unsigned long long)((cpu_ns() - began) / (size / PAGE_BYTES)));
    return 0;
}
