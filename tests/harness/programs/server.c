/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The process that is migrated: answers requests over TCP and holds memory that can tell whether any of it was lost.
 *
 * Every word of a page follows from the page's index and its generation (the number of times it was written), so one
 * stale or damaged byte shows; the sum of the generations must equal the number of writes. A ticker notes how long the
 * process was stopped. */
#define _GNU_SOURCE
#include "protocol.h"

#include "held.h"

#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define PAGES_PER_MB 256
#define TICK_NS 500000
#define DIRTY_INTERVAL_NS 1000000
/* After a stop the dirtier goes on at its rate; it does not make up for the time it did not run. */
#define DIRTY_CATCH_UP_NS 50000000u
#define BATCH 64
#define EXIT_USAGE 64

struct page {
    uint64_t index;
    uint64_t generation;
    uint64_t payload[PAGE_BYTES / 8 - 2];
};

struct connection {
    int fd;
    size_t received; /* bytes in requests */
    uint64_t handled;
    struct request requests[BATCH];
};

static struct page *pages;
static uint64_t page_count, working_set_pages, dirty_pages_per_s, instance;
/* Each request writes a page, and each answer says how many were written on all connections: answers follow from the
 * order of all requests, and from nothing else. There is no thread and no clock. */
static int by_requests;
static int flat_out;
static struct held held;
static uint64_t thread_count;
/* Held by who writes pages, and by who verifies them. Answers do without: a writer may wait for a page for long. */
static pthread_mutex_t pages_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int verifying;
static _Atomic uint64_t writes, longest_stop_ns, stop_ended_ns;
static clockid_t writer_clock;
static _Atomic int has_writer_clock;

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

static void write_page(struct page *page, uint64_t index, uint64_t generation)
{
    uint64_t word = payload_seed(index, generation);

    page->index = index;
    page->generation = generation;
    for (size_t i = 0; i < sizeof page->payload / 8; i++)
        page->payload[i] = word = next_random(word);
}

static int page_is_faulty(const struct page *page, uint64_t index)
{
    uint64_t word = payload_seed(index, page->generation);

    if (page->index != index)
        return 1;
    for (size_t i = 0; i < sizeof page->payload / 8; i++)
        if (page->payload[i] != (word = next_random(word)))
            return 1;
    return 0;
}

static void verify_pages(struct answer *answer)
{
    uint64_t generations = 0;

    verifying = 1;
    pthread_mutex_lock(&pages_lock);
    for (uint64_t i = 0; i < page_count; i++) {
        answer->faulty_pages += page_is_faulty(&pages[i], i);
        generations += pages[i].generation;
    }
    answer->lost_writes = generations > writes ? generations - writes : writes - generations;
    pthread_mutex_unlock(&pages_lock);
    verifying = 0;
    answer->faulty_pages += count_lost(&held, thread_count);
}

static void pause_ns(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* One that is drawn from the working set. */
static void write_some_page(uint64_t *random)
{
    *random = next_random(*random);
    uint64_t i = *random % working_set_pages;
    write_page(&pages[i], i, pages[i].generation + 1);
    writes++;
}

static void tell_writer_clock(void)
{
    has_writer_clock = pthread_getcpuclockid(pthread_self(), &writer_clock) == 0;
}

/* Takes all the CPU it gets: its pace tells what the process's own work costs. */
static void *run_flat_out(void *unused)
{
    uint64_t random = instance | 1;

    tell_writer_clock();
    for (;;) {
        if (verifying)
            pause_ns(DIRTY_INTERVAL_NS);
        pthread_mutex_lock(&pages_lock);
        for (int i = 0; i < BATCH; i++)
            write_some_page(&random);
        pthread_mutex_unlock(&pages_lock);
    }
    return unused;
}

static void *run_dirtier(void *unused)
{
    uint64_t last = now_ns(), random = instance | 1;
    double budget = 0;

    tell_writer_clock();
    for (;;) {
        pause_ns(DIRTY_INTERVAL_NS);
        uint64_t now = now_ns(), elapsed = now - last;
        if (elapsed > DIRTY_CATCH_UP_NS)
            elapsed = DIRTY_CATCH_UP_NS;
        last = now;
        pthread_mutex_lock(&pages_lock);
        for (budget += (double)elapsed * (double)dirty_pages_per_s / 1e9; budget >= 1; budget--)
            write_some_page(&random);
        pthread_mutex_unlock(&pages_lock);
    }
    return unused;
}

static void *run_ticker(void *unused)
{
    uint64_t last = now_ns();

    for (;;) {
        pause_ns(TICK_NS);
        uint64_t now = now_ns();
        if (now > last && now - last > longest_stop_ns) {
            longest_stop_ns = now - last;
            stop_ended_ns = now;
        }
        last = now;
    }
    return unused;
}

static uint64_t writer_cpu_ns(void)
{
    struct timespec t;

    if (!has_writer_clock || clock_gettime(writer_clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct answer answer_to(const struct request *request, uint64_t handled)
{
    struct answer answer = {.sequence = request->sequence, .handled = handled, .instance = instance};

    if (by_requests) {
        static uint64_t random = 1;

        write_some_page(&random);
    }
    if (request->command == COMMAND_RESET)
        longest_stop_ns = 0;
    if (request->command == COMMAND_VERIFY)
        verify_pages(&answer);
    answer.longest_stop_ns = longest_stop_ns;
    answer.stop_ended_ns = stop_ended_ns;
    answer.writes = writes;
    answer.writer_cpu_ns = writer_cpu_ns();
    return answer;
}

static int send_all(int fd, const void *data, size_t size)
{
    const char *next = data;

    while (size) {
        ssize_t n = send(fd, next, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        next += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Reads what is there and answers every whole request; -1 when the connection is over. */
static int serve(struct connection *c)
{
    struct answer answers[BATCH];
    ssize_t n = recv(c->fd, (char *)c->requests + c->received, sizeof c->requests - c->received, 0);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0)
        return -1;
    c->received += (size_t)n;
    size_t whole = c->received / sizeof(struct request);
    for (size_t i = 0; i < whole; i++)
        answers[i] = answer_to(&c->requests[i], ++c->handled);
    c->received %= sizeof(struct request);
    memmove(c->requests, c->requests + whole, c->received);
    return send_all(c->fd, answers, whole * sizeof(struct answer));
}

static int watch(int epoll, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_connection(int epoll, int listener)
{
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct connection *c;

    if (fd < 0)
        return;
    c = calloc(1, sizeof *c);
    if (!c || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) || watch(epoll, fd, c)) {
        perror("connection");
        close(fd);
        free(c);
        return;
    }
    c->fd = fd;
}

/* Answers one datagram; each is one request. */
static void serve_datagram(int fd)
{
    static uint64_t handled;
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    struct request request;
    ssize_t n = recvfrom(fd, &request, sizeof request, MSG_DONTWAIT, (struct sockaddr *)&peer, &size);

    if (n == (ssize_t)sizeof request) {
        struct answer answer = answer_to(&request, ++handled);

        sendto(fd, &answer, sizeof answer, MSG_NOSIGNAL, (struct sockaddr *)&peer, size);
    }
}

static int run_server(uint16_t port)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (listener < 0 || epoll < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, SOMAXCONN) ||
        watch(epoll, listener, NULL) || datagrams < 0 ||
        bind(datagrams, (struct sockaddr *)&address, sizeof address) || watch(epoll, datagrams, &datagrams)) {
        perror("listen");
        return 1;
    }
    for (;;) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(epoll, events, BATCH, -1);

        if (n < 0 && errno != EINTR) {
            perror("epoll_wait");
            return 1;
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (!c) {
                accept_connection(epoll, listener);
            } else if (events[i].data.ptr == &datagrams) {
                serve_datagram(datagrams);
            } else if (serve(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}

/* PID 1 of a container ignores signals that it does not handle. */
static void on_signal(int signal)
{
    _exit(128 + signal);
}

static int start_thread(void *(*run)(void *))
{
    pthread_t thread;

    return pthread_create(&thread, NULL, run, NULL);
}

static int usage(void)
{
    fputs("usage: server --port N --memory-mb N [--dirty-pages-per-s N | --flat-out | --by-requests] "
          "[--working-set-mb N] [--threads N] [--processes N] [--shared-mb N] [--files N]\n",
          stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"memory-mb", required_argument, NULL, 'm'},
        {"dirty-pages-per-s", required_argument, NULL, 'd'},
        {"working-set-mb", required_argument, NULL, 'w'},
        {"flat-out", no_argument, NULL, 'f'},
        {"by-requests", no_argument, NULL, 'r'},
        {"threads", required_argument, NULL, 'T'},
        {"processes", required_argument, NULL, 'P'},
        {"shared-mb", required_argument, NULL, 'S'},
        {"files", required_argument, NULL, 'F'},
        {0},
    };
    uint64_t port = 0, memory_mb = 0, working_set_mb = 0;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int bad = option == 'p'   ? parse_number(optarg, 1, 65535, &port)
                  : option == 'm' ? parse_number(optarg, 1, 1u << 20, &memory_mb)
                  : option == 'd' ? parse_number(optarg, 0, 1u << 24, &dirty_pages_per_s)
                  : option == 'w' ? parse_number(optarg, 1, 1u << 20, &working_set_mb)
                  : option == 'f' ? !(flat_out = 1)
                  : option == 'r' ? !(by_requests = 1)
                  : option == 'T' ? parse_number(optarg, 0, 1u << 16, &held.threads)
                  : option == 'P' ? parse_number(optarg, 0, 1u << 12, &held.processes)
                  : option == 'S' ? parse_number(optarg, 0, 1u << 16, &held.shared_mb)
                  : option == 'F' ? parse_number(optarg, 0, 1u << 24, &held.files)
                                  : -1;
        if (bad)
            return usage();
    }
    if (optind != argc || !port || !memory_mb || working_set_mb > memory_mb ||
        (flat_out + by_requests + !!dirty_pages_per_s > 1))
        return usage();
    page_count = memory_mb * PAGES_PER_MB;
    working_set_pages = working_set_mb ? working_set_mb * PAGES_PER_MB : page_count;

    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    pages = mmap(NULL, page_count * sizeof *pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || getrandom(&instance, sizeof instance, 0) != sizeof instance) {
        perror("memory");
        return 1;
    }
    for (uint64_t i = 0; i < page_count; i++)
        write_page(&pages[i], i, 0);
    raise_descriptor_limit();
    if (hold(&held)) {
        perror("held");
        return 1;
    }
    if ((!by_requests && start_thread(run_ticker)) || (dirty_pages_per_s && start_thread(run_dirtier)) ||
        (flat_out && start_thread(run_flat_out))) {
        perror("thread");
        return 1;
    }
    thread_count = entries_of("/proc/self/task");
    printf("serving with %llu MB\n", (unsigned long long)memory_mb);
    fflush(stdout);
    return run_server((uint16_t)port);
}
