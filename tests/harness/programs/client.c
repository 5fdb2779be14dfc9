/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Measures the service from outside: requests fall due at fixed times whether or not earlier ones were answered (open
 * loop), over TCP connections that stay open. A connection that breaks, or is silent for --silence-s, is opened again;
 * the requests that fell due on it and were not answered have failed.
 *
 * It says "ready" after the first answer, a JSON line for every line it reads, and a last one when its input ends: whoever
 * started it holds it by its standard input, so it cannot be left behind. */
#define _GNU_SOURCE
#include "protocol.h"

#include "held.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define CONNECT_RETRY_NS 20000000u
/* A lost SYN is repeated only after a second: open another connection instead. */
#define CONNECT_PATIENCE_NS 100000000u
#define BATCH 64
#define MAX_CONNECTIONS 4096
#define EXIT_USAGE 64
#define NO_SEQUENCE UINT64_MAX
/* What counts as an interruption when they are summed up. */
#define INTERRUPTION_NS 20000000u

enum state { CLOSED, CONNECTING, OPEN };

struct connection {
    int fd;
    enum state state;
    uint64_t state_since;
    uint64_t first_due_ns;  /* when request 0 fell due */
    uint64_t due;           /* requests that have fallen due */
    uint64_t next;          /* the request to write next ... */
    size_t written;         /* ... and how many bytes of it are written */
    uint64_t expected;      /* the request to be answered next */
    uint64_t verify;        /* the request that asks for a verification */
    uint64_t handled;       /* as the server counts on this connection */
    uint64_t interruptions, interrupted_ns;
    uint64_t silent_since;  /* last answer, or when the first request after it fell due */
    unsigned opened;
    size_t received;        /* bytes in answers */
    struct answer answers[BATCH * 4];
};

static struct {
    uint64_t answered, failed, doubled, disordered, breaks;
    uint64_t gap_ns, gap_ended_ns, last_answer_ns, instance;
    struct answer last, verified;
    int process_changed, is_verified;
} seen;

static struct connection connections[MAX_CONNECTIONS];
static uint64_t connection_count = 1, interval_ns = 1000000, silence_ns = 300 * (uint64_t)SECOND_NS;
static struct sockaddr_in server = {.sin_family = AF_INET};

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t period_ns(void)
{
    return interval_ns * connection_count;
}

static uint64_t due_at(const struct connection *c, uint64_t sequence)
{
    return c->first_due_ns + sequence * period_ns();
}

static void note_gap(struct connection *c, uint64_t now)
{
    uint64_t gap_ns = now > c->silent_since ? now - c->silent_since : 0;

    if (c->expected == c->verify)
        return; /* the verification is no part of the service */
    if (gap_ns > seen.gap_ns) {
        seen.gap_ns = gap_ns;
        seen.gap_ended_ns = now;
    }
    if (gap_ns > INTERRUPTION_NS) {
        c->interruptions++;
        c->interrupted_ns += gap_ns;
    }
}

static void set_state(struct connection *c, enum state state, uint64_t now)
{
    c->state = state;
    c->state_since = now;
}

static void close_connection(struct connection *c, uint64_t now)
{
    if (c->state == OPEN)
        seen.breaks++;
    close(c->fd);
    c->fd = -1;
    set_state(c, CLOSED, now);
}

/* What was due and not answered on the old connection has failed; the new one starts with what falls due from now on. */
static void begin_serving(struct connection *c, uint64_t now)
{
    seen.failed += c->due - c->expected;
    c->expected = c->next = c->due;
    c->written = c->received = 0;
    c->handled = 0;
    c->opened++;
    set_state(c, OPEN, now);
}

static void open_connection(struct connection *c, uint64_t now)
{
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) {
        perror("socket");
        exit(1);
    }
    set_state(c, CONNECTING, now);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) == 0)
        begin_serving(c, now);
    else if (errno != EINPROGRESS)
        close_connection(c, now);
}

static void finish_connecting(struct connection *c, uint64_t now)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error)
        close_connection(c, now);
    else
        begin_serving(c, now);
}

static struct request request_of(const struct connection *c, uint64_t sequence)
{
    uint64_t command = sequence == c->verify                   ? COMMAND_VERIFY
                       : sequence == 0 && c == &connections[0] ? COMMAND_RESET
                                                               : COMMAND_ECHO;

    return (struct request){.sequence = sequence, .command = command};
}

static void write_requests(struct connection *c, uint64_t now)
{
    while (c->state == OPEN && c->next < c->due) {
        struct request batch[BATCH];
        size_t n = 0;

        while (n < BATCH && c->next + n < c->due) {
            batch[n] = request_of(c, c->next + n);
            n++;
        }
        ssize_t sent = send(c->fd, (char *)batch + c->written, n * sizeof batch[0] - c->written, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0 && errno != EINTR) {
            close_connection(c, now);
            return;
        }
        if (sent > 0) {
            c->written += (size_t)sent;
            c->next += c->written / sizeof batch[0];
            c->written %= sizeof batch[0];
        }
    }
}

static void take_answer(struct connection *c, const struct answer *a, uint64_t now)
{
    if (a->sequence < c->expected) {
        seen.doubled++;
        return;
    }
    if (a->handled != ++c->handled || a->sequence >= c->due) {
        seen.disordered++;
        c->handled = a->handled;
    }
    seen.failed += a->sequence - c->expected;
    note_gap(c, now);
    seen.answered++;
    c->expected = a->sequence + 1;
    c->silent_since = max(now, due_at(c, c->expected));
    seen.last_answer_ns = now;
    if (seen.instance && seen.instance != a->instance)
        seen.process_changed = 1;
    seen.instance = a->instance;
    seen.last = *a;
    if (a->sequence == c->verify) {
        seen.verified = *a;
        seen.is_verified = 1;
    }
}

static void read_answers(struct connection *c)
{
    ssize_t n = recv(c->fd, (char *)c->answers + c->received, sizeof c->answers - c->received, 0);
    uint64_t now = now_ns();

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_connection(c, now);
        return;
    }
    c->received += (size_t)n;
    size_t whole = c->received / sizeof c->answers[0];
    for (size_t i = 0; i < whole; i++)
        take_answer(c, &c->answers[i], now);
    c->received %= sizeof c->answers[0];
    memmove(c->answers, c->answers + whole, c->received);
}

static void keep_open(struct connection *c, uint64_t now)
{
    uint64_t waiting_since = max(c->silent_since, c->state_since);

    if (c->state == OPEN && now > waiting_since && now - waiting_since > silence_ns)
        close_connection(c, now);
    else if (c->state == CONNECTING && now - c->state_since > CONNECT_PATIENCE_NS)
        close_connection(c, now);
    else if (c->state == CLOSED && now - c->state_since > CONNECT_RETRY_NS)
        open_connection(c, now);
}

static void let_requests_fall_due(struct connection *c, uint64_t now)
{
    if (now >= c->first_due_ns)
        c->due = (now - c->first_due_ns) / period_ns() + 1;
}

static void poll_connections(struct pollfd *fds, uint64_t now)
{
    for (uint64_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];

        if (!fds[i].revents || fds[i].fd != c->fd)
            continue;
        if (c->state == CONNECTING)
            finish_connecting(c, now);
        else if (fds[i].revents & POLLOUT)
            write_requests(c, now);
        if (c->state == OPEN && fds[i].revents & (POLLIN | POLLERR | POLLHUP))
            read_answers(c);
    }
}

static void watch_connections(struct pollfd *fds)
{
    for (uint64_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        int wants_to_write = c->state == CONNECTING || (c->state == OPEN && c->next < c->due);

        fds[i] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (wants_to_write ? POLLOUT : 0))};
    }
}

static int all_answered(void)
{
    for (uint64_t i = 0; i < connection_count; i++)
        if (connections[i].expected < connections[i].due)
            return 0;
    return 1;
}

static void report(const char *event)
{
    const struct connection *worst = &connections[0];
    uint64_t due = 0, opened = 0, kept = 0, now = now_ns();

    for (uint64_t i = 0; i < connection_count; i++) {
        due += connections[i].due;
        opened += connections[i].opened;
        if (connections[i].interrupted_ns > worst->interrupted_ns)
            worst = &connections[i];
        kept += connections[i].opened == 1 && connections[i].state == OPEN;
    }
    printf("{\"event\": \"%s\", \"sent\": %llu, \"answered\": %llu, \"failed\": %llu, \"doubled\": %llu, "
           "\"disordered\": %llu, ",
           event, (unsigned long long)due, (unsigned long long)seen.answered, (unsigned long long)seen.failed,
           (unsigned long long)seen.doubled, (unsigned long long)seen.disordered);
    printf("\"silent_ms\": %.3f, \"service_gap_ms\": %.3f, \"service_gap_ended_s\": %.6f, "
           "\"interruptions\": %llu, \"interrupted_ms\": %.3f, ",
           (double)(now - seen.last_answer_ns) / 1e6, (double)seen.gap_ns / 1e6, (double)seen.gap_ended_ns / 1e9,
           (unsigned long long)worst->interruptions, (double)worst->interrupted_ns / 1e6);
    printf("\"tcp_connections\": {\"opened\": %llu, \"kept\": %llu, \"broken\": %llu}, ", (unsigned long long)opened,
           (unsigned long long)kept, (unsigned long long)seen.breaks);
    printf("\"process_kept\": %s, \"process_downtime_ms\": %.3f, \"process_downtime_ended_s\": %.6f, ",
           seen.process_changed ? "false" : "true", (double)seen.last.longest_stop_ns / 1e6,
           (double)seen.last.stop_ended_ns / 1e9);
    printf("\"last_answer_s\": %.6f, \"writer_cpu_s\": %.6f, ", (double)seen.last_answer_ns / 1e9,
           (double)seen.last.writer_cpu_ns / 1e9);
    printf("\"page_writes\": %llu, \"verified\": %s, \"faulty_pages\": %llu, \"lost_writes\": %llu}\n",
           (unsigned long long)seen.last.writes, seen.is_verified ? "true" : "false",
           (unsigned long long)seen.verified.faulty_pages, (unsigned long long)seen.verified.lost_writes);
    fflush(stdout);
}

/* One turn of the loop: waits for the next tick, or what comes first. */
static void turn(int timer, int sending, struct pollfd *input)
{
    static struct pollfd fds[MAX_CONNECTIONS + 2];
    uint64_t ticks;

    watch_connections(fds);
    fds[connection_count] = (struct pollfd){.fd = timer, .events = POLLIN};
    fds[connection_count + 1] = *input;
    if (poll(fds, connection_count + 2, -1) < 0 && errno != EINTR) {
        perror("poll");
        exit(1);
    }
    uint64_t now = now_ns();
    poll_connections(fds, now);
    if (fds[connection_count].revents && read(timer, &ticks, sizeof ticks) == sizeof ticks) {
        for (uint64_t i = 0; i < connection_count; i++) {
            if (sending)
                let_requests_fall_due(&connections[i], now);
            keep_open(&connections[i], now);
            write_requests(&connections[i], now);
        }
    }
    input->revents = fds[connection_count + 1].revents;
}

/* 0: input goes on; -1: it has ended. A line asks for a report. */
static int read_input(const struct pollfd *input)
{
    char text[256];

    if (!input->revents)
        return 0;
    ssize_t n = read(input->fd, text, sizeof text);
    if (n <= 0)
        return n < 0 && errno == EINTR ? 0 : -1;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\n')
            report("status");
    return 0;
}

static int usage(void)
{
    fputs("usage: client --address A --port N [--interval-us N] [--connections N] [--connect-s N] [--silence-s N] "
          "[--drain-s N]\n",
          stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'},     {"port", required_argument, NULL, 'p'},
        {"interval-us", required_argument, NULL, 'i'}, {"connections", required_argument, NULL, 'c'},
        {"connect-s", required_argument, NULL, 'o'},   {"silence-s", required_argument, NULL, 's'},
        {"drain-s", required_argument, NULL, 'd'},     {0},
    };
    uint64_t port = 0, interval_us = 1000, connect_s = 60, silence_s = 300, drain_s = 60;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int bad = option == 'a'   ? inet_pton(AF_INET, optarg, &server.sin_addr) != 1
                  : option == 'p' ? parse_number(optarg, 1, 65535, &port)
                  : option == 'i' ? parse_number(optarg, 100, 10000000, &interval_us)
                  : option == 'c' ? parse_number(optarg, 1, MAX_CONNECTIONS, &connection_count)
                  : option == 'o' ? parse_number(optarg, 1, 3600, &connect_s)
                  : option == 's' ? parse_number(optarg, 1, 3600, &silence_s)
                  : option == 'd' ? parse_number(optarg, 1, 3600, &drain_s)
                                  : -1;
        if (bad)
            return usage();
    }
    if (optind != argc || !port || !server.sin_addr.s_addr)
        return usage();
    server.sin_port = htons((uint16_t)port);
    interval_ns = interval_us * 1000;
    silence_ns = silence_s * SECOND_NS;

    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct timespec tick = {.tv_sec = (time_t)(interval_us / 1000000), .tv_nsec = (long)(interval_us % 1000000) * 1000};
    if (timer < 0 || timerfd_settime(timer, 0, &(struct itimerspec){tick, tick}, NULL)) {
        perror("timer");
        return 1;
    }

    raise_descriptor_limit();
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    uint64_t began = now_ns();
    int ended = 0;
    for (uint64_t i = 0; i < connection_count; i++)
        connections[i] = (struct connection){.fd = -1, .verify = NO_SEQUENCE, .silent_since = began};
    for (uint64_t connected = 0; connected < connection_count && !ended;) {
        turn(timer, 0, &input);
        ended = read_input(&input);
        connected = 0;
        for (uint64_t i = 0; i < connection_count; i++)
            connected += connections[i].state == OPEN;
        if (now_ns() - began > connect_s * SECOND_NS) {
            fprintf(stderr, "no connection within %llu s\n", (unsigned long long)connect_s);
            return 1;
        }
    }
    if (ended)
        return 1;
    began = now_ns();
    seen.breaks = 0;
    for (uint64_t i = 0; i < connection_count; i++) {
        connections[i].first_due_ns = connections[i].silent_since = began + i * interval_ns;
        connections[i].opened = 1;
    }

    for (int ready = 0; !ended;) {
        turn(timer, 1, &input);
        ended = read_input(&input);
        if (!ready && seen.answered) {
            puts("ready");
            fflush(stdout);
            ready = 1;
        }
    }

    /* What is outstanding may still be answered, then the pages are checked. */
    uint64_t drain_until = now_ns() + drain_s * SECOND_NS;
    input.fd = -1;
    while (!all_answered() && now_ns() < drain_until)
        turn(timer, 0, &input);
    for (uint64_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];

        if (c->expected == c->due)
            continue;
        note_gap(c, now_ns());
        seen.failed += c->due - c->expected;
        c->expected = c->due;
        if (c->state == OPEN)
            close_connection(c, now_ns());
    }
    struct connection *c = &connections[0];
    if (c->state == OPEN) {
        c->verify = c->due++;
        while (!seen.is_verified && c->state == OPEN && now_ns() < drain_until)
            turn(timer, 0, &input);
    }
    report("end");
    return 0;
}
