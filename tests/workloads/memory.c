/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory that knows what must be in it, changed all the time in every way that a process has.
 *
 * Every word of a page follows from its index and its generation, the number of times it was written; a page of
 * generation 0 was never written, or was given back, and reads as zeros. What generation each page must have is noted
 * elsewhere, and how many writes there were in all in a third place: one stale, lost or revived page shows.
 *
 * --threads N writes with N threads. --tree makes four processes: this one; one that forks all the time, whose children
 * check what they inherited; one that maps, moves, shrinks, gives back and unmaps memory; and one more that writes. They
 * share a mapping besides. Whoever connects and sends a line gets a line of JSON, for which every process checks all of
 * its memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory_pages.h"

#define PAGES_PER_MB 256
#define EXIT_USAGE 64
#define MAX_THREADS 64
#define TURN_NS 1000000
/* After a stop a worker goes on at its rate; it does not make up for the time it did not run. */
#define CATCH_UP_TURNS 20
#define SLOTS 16
#define SLOT_PAGES 512
#define SHARED_PAGES 1024
#define FORK_EVERY_TURNS 20
#define CHILD_TURNS 30
#define CHILD_WRITES 16
#define MADV_GUARD 102 /* MADV_GUARD_INSTALL, Linux 6.13 */
#define MAX_CHILDREN 8

enum role { WRITER, FORKER, MAPPER, SECOND_WRITER, ROLES };
static const char *const role_names[ROLES] = {"writer", "forker", "mapper", "second writer"};

struct worker {
    pthread_mutex_t lock;
    struct region region, shared;
    struct region slots[SLOTS];
    uint64_t random, operations, failures, slot_writes, slot_writes_dropped;
    enum role role;
};

static struct worker *workers[MAX_THREADS];
static uint64_t worker_count, pages_per_s;
static struct page *shared_pages;
static char *guarded; /* three pages with a guard in the middle; NULL where the kernel has none */

static uint64_t draw(struct worker *w, uint64_t below)
{
    w->random = next_random(w->random);
    return w->random % below;
}

static void write_somewhere(struct worker *w, struct region *r)
{
    uint64_t mine = (r->count - r->first + r->step - 1) / r->step;

    write_page(r, r->first + draw(w, mine) * r->step);
}

/* The mapper: what is given back must read as zeros from then on, what is moved must stay as it was. */

static void unmap_slot(struct worker *w, struct region *r)
{
    if (!r->count)
        return;
    w->slot_writes_dropped += r->writes;
    if (munmap(r->pages, r->count * PAGE_BYTES))
        die("munmap");
    memset(r->expected, 0, r->count * sizeof *r->expected);
    r->writes = r->count = 0;
}

static void map_slot(struct worker *w, struct region *r)
{
    unmap_slot(w, r);
    r->count = 1 + draw(w, SLOT_PAGES);
    r->pages = map(r->count * PAGE_BYTES, MAP_PRIVATE);
}

static void forget(struct worker *w, struct region *r, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        r->writes -= r->expected[i];
        w->slot_writes_dropped += r->expected[i];
        r->expected[i] = 0;
    }
}

static void resize_slot(struct worker *w, struct region *r)
{
    uint64_t count = 1 + draw(w, SLOT_PAGES);
    void *moved = mremap(r->pages, r->count * PAGE_BYTES, count * PAGE_BYTES, MREMAP_MAYMOVE);

    if (moved == MAP_FAILED)
        die("mremap");
    if (count < r->count)
        forget(w, r, count, r->count);
    r->pages = moved;
    r->count = count;
}

static void move_slot(struct region *r)
{
    void *place = map(r->count * PAGE_BYTES, MAP_PRIVATE);

    r->pages = mremap(r->pages, r->count * PAGE_BYTES, r->count * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (r->pages == MAP_FAILED)
        die("mremap");
}

static void give_back(struct worker *w, struct region *r)
{
    uint64_t from = draw(w, r->count), to = from + 1 + draw(w, r->count - from);

    if (madvise(&r->pages[from], (to - from) * PAGE_BYTES, MADV_DONTNEED))
        die("madvise");
    forget(w, r, from, to);
}

static void protect_for_a_moment(struct region *r)
{
    if (mprotect(r->pages, r->count * PAGE_BYTES, PROT_READ) ||
        mprotect(r->pages, r->count * PAGE_BYTES, PROT_READ | PROT_WRITE))
        die("mprotect");
}

static void change_mappings(struct worker *w)
{
    struct region *r = &w->slots[draw(w, SLOTS)];
    uint64_t what = draw(w, 8);

    if (!r->count || what == 0)
        map_slot(w, r);
    else if (what == 1)
        unmap_slot(w, r);
    else if (what == 2)
        resize_slot(w, r);
    else if (what == 3)
        move_slot(r);
    else if (what == 4)
        give_back(w, r);
    else if (what == 5)
        protect_for_a_moment(r);
    for (uint64_t n = r->count ? draw(w, 32) : 0; n; n--) {
        write_page(r, draw(w, r->count));
        w->slot_writes++;
    }
    if (r->count && what == 6) {
        struct report seen = {0};

        check_region(r, &seen);
        w->failures += seen.faulty != 0 || seen.generations != seen.writes;
    }
    w->operations++;
}

/* The forker: a child has its own copy of the memory, whatever its parent writes meanwhile. */

static void pause_turn(void)
{
    nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
}

static int child_is_wrong(struct worker *w)
{
    struct report first = {0}, last = {0};

    check_region(&w->region, &first);
    for (int turn = 0; turn < CHILD_TURNS; turn++) {
        if (turn < CHILD_WRITES)
            write_somewhere(w, &w->region);
        pause_turn();
    }
    check_region(&w->region, &last);
    return first.faulty || first.generations != first.writes || last.faulty || last.generations != last.writes ||
           last.writes != first.writes + CHILD_WRITES;
}

static void fork_and_reap(struct worker *w)
{
    static int children;
    int status;

    while (children && waitpid(-1, &status, WNOHANG) > 0) {
        children--;
        w->failures += !WIFEXITED(status) || WEXITSTATUS(status);
    }
    if (children < MAX_CHILDREN) {
        pid_t child = fork();

        if (child < 0)
            die("fork");
        if (child == 0)
            _exit(child_is_wrong(w));
        children++;
        w->operations++;
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct timespec last, now;
    double budget = 0;

    clock_gettime(CLOCK_MONOTONIC, &last);
    for (uint64_t turn = 0;; turn++) {
        pause_turn();
        clock_gettime(CLOCK_MONOTONIC, &now);
        double elapsed_s = (double)(now.tv_sec - last.tv_sec) + (double)(now.tv_nsec - last.tv_nsec) / 1e9;
        double most_s = CATCH_UP_TURNS * (double)TURN_NS / 1e9;
        last = now;
        pthread_mutex_lock(&w->lock);
        for (budget += (elapsed_s < most_s ? elapsed_s : most_s) * (double)pages_per_s; budget >= 1; budget--)
            write_somewhere(w, &w->region);
        if (w->shared.count)
            write_somewhere(w, &w->shared);
        if (w->role == MAPPER)
            change_mappings(w);
        if (w->role == FORKER && turn % FORK_EVERY_TURNS == 0)
            fork_and_reap(w);
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

static void start_worker(enum role role, uint64_t pages)
{
    struct worker *w = map(sizeof *w, MAP_PRIVATE);
    pthread_t thread;

    workers[worker_count++] = w;
    pthread_mutex_init(&w->lock, NULL);
    w->role = role;
    w->random = mix((uint64_t)getpid() << 8 | worker_count) | 1;
    w->region = make_region(map(pages * PAGE_BYTES, MAP_PRIVATE), pages, 0, 1);
    for (uint64_t i = 0; i < pages; i++)
        write_page(&w->region, i);
    if (shared_pages)
        w->shared = make_region(shared_pages, SHARED_PAGES, role, ROLES);
    for (int i = 0; role == MAPPER && i < SLOTS; i++)
        w->slots[i] = (struct region){.step = 1, .expected = map(SLOT_PAGES * sizeof(uint32_t), MAP_PRIVATE)};
    if (pthread_create(&thread, NULL, work, w))
        die("thread");
}

static void install_guard(void)
{
    guarded = map(3 * PAGE_BYTES, MAP_PRIVATE);
    memset(guarded, 'g', 3 * PAGE_BYTES);
    if (madvise(guarded + PAGE_BYTES, PAGE_BYTES, MADV_GUARD))
        guarded = NULL;
}

/* Whether the guard cannot be read, and the pages beside it can. */
static int guard_holds(void)
{
    int ends[2], holds;

    if (pipe(ends))
        die("pipe");
    holds = write(ends[1], guarded + PAGE_BYTES, 1) == -1 && errno == EFAULT && guarded[PAGE_BYTES - 1] == 'g' &&
            guarded[2 * PAGE_BYTES] == 'g';
    close(ends[0]);
    close(ends[1]);
    return holds;
}

static struct report check_process(void)
{
    struct report report = {0};

    if (guarded)
        report.failures += !guard_holds();
    for (uint64_t i = 0; i < worker_count; i++) {
        struct worker *w = workers[i];
        uint64_t in_slots = 0;

        pthread_mutex_lock(&w->lock);
        check_region(&w->region, &report);
        if (w->shared.count)
            check_region(&w->shared, &report);
        for (int slot = 0; slot < SLOTS; slot++) {
            if (w->slots[slot].count)
                check_region(&w->slots[slot], &report);
            in_slots += w->slots[slot].writes;
        }
        report.operations += w->operations;
        report.failures += w->failures + (in_slots + w->slot_writes_dropped != w->slot_writes);
        pthread_mutex_unlock(&w->lock);
    }
    return report;
}

static int start_process(enum role role, uint64_t pages)
{
    int pair[2];
    struct report report;
    char order;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        die("socketpair");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child) {
        close(pair[1]);
        return pair[0];
    }
    close(pair[0]);
    start_worker(role, pages);
    while (read(pair[1], &order, 1) == 1) {
        report = check_process();
        if (write(pair[1], &report, sizeof report) != sizeof report)
            die("report");
    }
    exit(0);
}

static void answer(FILE *peer, const int *processes)
{
    for (int role = 0; role < ROLES; role++) {
        struct report r;

        if (role && !processes[role])
            continue;
        if (!role)
            r = check_process();
        else if (write(processes[role], "?", 1) != 1 || recv(processes[role], &r, sizeof r, MSG_WAITALL) != sizeof r)
            die("child");
        fprintf(peer,
                "%s\"%s\": {\"pages\": %llu, \"writes\": %llu, \"generations\": %llu, \"faulty\": %llu, "
                "\"operations\": %llu, \"failures\": %llu}",
                role ? ", " : "{", role_names[role], (unsigned long long)r.pages, (unsigned long long)r.writes,
                (unsigned long long)r.generations, (unsigned long long)r.faulty, (unsigned long long)r.operations,
                (unsigned long long)r.failures);
    }
    fputs("}\n", peer);
    fflush(peer);
}

static void serve(uint16_t port, const int *processes)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char line[64];

    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16))
        die("listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        FILE *peer = connection < 0 ? NULL : fdopen(connection, "r+");

        if (!peer) {
            if (errno == EINTR)
                continue;
            die("accept");
        }
        while (fgets(line, sizeof line, peer)) {
            fseek(peer, 0, SEEK_CUR); /* between reading and writing, C11 7.21.5.3 */
            answer(peer, processes);
            fseek(peer, 0, SEEK_CUR);
        }
        fclose(peer);
    }
}

static void on_signal(int number)
{
    _exit(128 + number);
}

static int usage(void)
{
    fputs("usage: memory --port N --memory-mb N [--pages-per-s N] [--threads N | --tree]\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},    {"memory-mb", required_argument, NULL, 'm'},
        {"threads", required_argument, NULL, 't'}, {"pages-per-s", required_argument, NULL, 'r'},
        {"tree", no_argument, NULL, 'f'},          {0},
    };
    unsigned long port = 0, memory_mb = 0, threads = 1;
    int tree = 0, processes[ROLES] = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'p')
            port = strtoul(optarg, NULL, 10);
        else if (option == 'm')
            memory_mb = strtoul(optarg, NULL, 10);
        else if (option == 't')
            threads = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            pages_per_s = strtoul(optarg, NULL, 10);
        else if (option == 'f')
            tree = 1;
        else
            return usage();
    }
    if (optind != argc || !port || port > 65535 || !memory_mb || !threads || threads > MAX_THREADS || (tree && threads > 1))
        return usage();
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    /* Memory and rate are those of the whole. */
    uint64_t parts = tree ? ROLES : threads, pages = memory_mb * PAGES_PER_MB / parts;
    pages_per_s /= parts;
    install_guard();
    if (tree)
        shared_pages = map(SHARED_PAGES * PAGE_BYTES, MAP_SHARED);
    for (int role = WRITER + 1; tree && role < ROLES; role++)
        processes[role] = start_process((enum role)role, pages);
    for (unsigned long i = 0; i < threads; i++)
        start_worker(WRITER, pages);
    serve((uint16_t)port, processes);
}
