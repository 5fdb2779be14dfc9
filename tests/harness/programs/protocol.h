/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What server and client say to each other: fixed-size records, the machine's byte order. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum command {
    COMMAND_ECHO = 0,
    COMMAND_RESET = 1,  /* forget the longest stop seen so far */
    COMMAND_VERIFY = 2, /* check every page */
};

struct request {
    uint64_t sequence;
    uint64_t command;
};

struct answer {
    uint64_t sequence;
    uint64_t handled;         /* requests handled on this connection, this one included */
    uint64_t instance;        /* drawn at the process's start: tells a restored process from a restarted one */
    uint64_t longest_stop_ns; /* longest time between two ticks of the server's own ticker */
    uint64_t stop_ended_ns;   /* when it ended, CLOCK_REALTIME */
    uint64_t writes;          /* page writes made */
    uint64_t writer_cpu_ns;   /* CPU time of the writer thread; starts at 0 in a restored process */
    uint64_t faulty_pages;    /* COMMAND_VERIFY only */
    uint64_t lost_writes;     /* COMMAND_VERIFY only: |sum of the pages' generations - writes| */
};

/* Nanoseconds of CLOCK_REALTIME: the only clock that two hosts share. */
static inline uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A decimal number in [low, high]; -1 for anything else. */
static inline int parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno || *end || *number < low || *number > high ? -1 : 0;
}

#endif
