/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pages that know what must be in them; see memory.c. */
#ifndef MEMORY_PAGES_H
#define MEMORY_PAGES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096

struct page {
    uint64_t index;
    uint64_t generation;
    uint64_t payload[PAGE_BYTES / 8 - 2];
};

/* Pages from first on, every step-th: processes that share a mapping own different pages of it. */
struct region {
    struct page *pages;
    uint32_t *expected; /* generations */
    uint64_t count, writes, first, step;
};

struct report {
    uint64_t pages, writes, generations, faulty, operations, failures;
};

/* Vigna's splitmix64: one step. */
static inline uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Marsaglia's xorshift64. */
static inline uint64_t next_random(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ (x << 17);
}

/* Never 0: xorshift would then always return 0. */
static inline uint64_t payload_seed(uint64_t index, uint64_t generation)
{
    return mix(index ^ mix(generation)) | 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *map(uint64_t bytes, int sharing)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | sharing, -1, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    return memory;
}

static int page_is_faulty(const struct page *page, uint64_t index, uint64_t generation)
{
    uint64_t word = payload_seed(index, generation);

    if (page->generation != generation || page->index != (generation ? index : 0))
        return 1;
    for (size_t i = 0; i < sizeof page->payload / 8; i++)
        if (page->payload[i] != (generation ? (word = next_random(word)) : 0))
            return 1;
    return 0;
}

/* One more than the page says, not than is noted: a write that was lost stays lost, however often it is written. */
static void write_page(struct region *r, uint64_t i)
{
    struct page *page = &r->pages[i];
    uint64_t generation = page->generation + 1, word = payload_seed(i, generation);

    r->expected[i]++;
    page->index = i;
    page->generation = generation;
    for (size_t k = 0; k < sizeof page->payload / 8; k++)
        page->payload[k] = word = next_random(word);
    r->writes++;
}

static void check_region(const struct region *r, struct report *report)
{
    uint64_t generations = 0;

    for (uint64_t i = r->first; i < r->count; i += r->step) {
        report->pages++;
        report->faulty += page_is_faulty(&r->pages[i], i, r->expected[i]);
        generations += r->pages[i].generation;
    }
    report->generations += generations;
    report->writes += r->writes;
}

static struct region make_region(struct page *pages, uint64_t count, uint64_t first, uint64_t step)
{
    struct region r = {.pages = pages, .count = count, .first = first, .step = step};

    r.expected = map(count * sizeof *r.expected, MAP_PRIVATE);
    return r;
}

#endif
