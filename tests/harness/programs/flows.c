/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests over several TCP connections and one UDP socket in turn, each due at its own time whether or not earlier ones
 * were answered, and a record of each answer: flow (the last one is UDP), sequence, when it was due, when it came.
 *
 * It says "ready" when all connections are open, and ends with a line of JSON when its input does. The records are what
 * it writes to the file that it is given. A datagram is not repeated: one that is lost has failed. */
#define _GNU_SOURCE
#include "protocol.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define FLOWS_MAX 256
#define DRAIN_NS 10000000000u

struct record {
    uint64_t flow, sequence, due_ns, answered_ns;
};

struct flow {
    int fd;
    uint64_t next, expected, handled; /* sequences: to be sent, to be answered; answers as the server counts */
    uint64_t first_due_ns;
    size_t received;
    struct answer answer;
};

static struct flow flows[FLOWS_MAX];
static uint64_t connections, flow_count, interval_ns, instance;
static uint64_t answered, failed, doubled, disordered, broken;
static FILE *records;

static void end_with(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t due_ns(const struct flow *flow, uint64_t sequence)
{
    return flow->first_due_ns + sequence * interval_ns * flow_count;
}

static void take(struct flow *flow, uint64_t now)
{
    const struct answer *answer = &flow->answer;
    struct record record = {(uint64_t)(flow - flows), answer->sequence, due_ns(flow, answer->sequence), now};

    if (answer->sequence < flow->expected) {
        doubled++;
        return;
    }
    failed += answer->sequence - flow->expected;
    /* the server counts datagrams of all clients together, also of those before this one */
    disordered += (flow->handled && answer->handled != flow->handled + 1) || (instance && answer->instance != instance);
    flow->handled = answer->handled;
    instance = answer->instance;
    flow->expected = answer->sequence + 1;
    answered++;
    if (fwrite(&record, sizeof record, 1, records) != 1)
        end_with("records");
}

static void receive(struct flow *flow)
{
    ssize_t n;

    while ((n = recv(flow->fd, (char *)&flow->answer + flow->received, sizeof flow->answer - flow->received,
                     MSG_DONTWAIT)) > 0) {
        flow->received += (size_t)n;
        if (flow->received < sizeof flow->answer)
            continue;
        flow->received = 0;
        take(flow, now_ns());
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)) {
        broken++;
        close(flow->fd);
        flow->fd = -1;
    }
}

/* What is due now; a TCP connection whose peer takes nothing gets it later. */
static void send_due(struct flow *flow, uint64_t now)
{
    while (flow->fd >= 0 && due_ns(flow, flow->next) <= now) {
        struct request request = {.sequence = flow->next, .command = COMMAND_ECHO};

        if (send(flow->fd, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof request)
            return;
        flow->next++;
    }
}

static void turn(int sends, int input)
{
    struct pollfd polled[FLOWS_MAX + 1];
    struct timespec timeout = {.tv_nsec = 100000};

    for (uint64_t i = 0; i < flow_count; i++)
        polled[i] = (struct pollfd){.fd = flows[i].fd, .events = POLLIN};
    polled[flow_count] = (struct pollfd){.fd = input, .events = POLLIN};
    if (ppoll(polled, flow_count + 1, &timeout, NULL) < 0 && errno != EINTR)
        end_with("poll");
    for (uint64_t i = 0; i < flow_count; i++) {
        if (polled[i].revents)
            receive(&flows[i]);
        if (sends)
            send_due(&flows[i], now_ns());
    }
}

static int is_complete(void)
{
    for (uint64_t i = 0; i < flow_count; i++)
        if (flows[i].fd >= 0 && flows[i].expected < flows[i].next)
            return 0;
    return 1;
}

int main(int count, char **arguments)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    uint64_t port, interval_us, until, sent = 0;
    int on = 1;

    if (count != 6 || inet_pton(AF_INET, arguments[1], &server.sin_addr) != 1 ||
        parse_number(arguments[2], 1, 65535, &port) || parse_number(arguments[3], 0, FLOWS_MAX - 1, &connections) ||
        parse_number(arguments[4], 100, 1000000, &interval_us)) {
        fputs("usage: flows ADDRESS PORT CONNECTIONS INTERVAL_US RECORDS\n", stderr);
        return EXIT_USAGE;
    }
    server.sin_port = htons((uint16_t)port);
    interval_ns = interval_us * 1000;
    flow_count = connections + 1;
    records = fopen(arguments[5], "wbe");
    if (!records)
        end_with("records");
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (uint64_t i = 0; i < flow_count; i++) {
        flows[i].fd = socket(AF_INET, (i < connections ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        if (flows[i].fd < 0 || connect(flows[i].fd, (struct sockaddr *)&server, sizeof server) ||
            (i < connections && setsockopt(flows[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)))
            end_with("connect");
    }
    for (uint64_t i = 0; i < flow_count; i++)
        flows[i].first_due_ns = now_ns() + i * interval_ns;
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char byte;

        turn(1, STDIN_FILENO);
        if (poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
            break;
    }
    until = now_ns() + DRAIN_NS;
    while (!is_complete() && now_ns() < until)
        turn(0, -1);
    for (uint64_t i = 0; i < flow_count; i++) {
        sent += flows[i].next;
        failed += flows[i].next - flows[i].expected;
    }
    if (fclose(records))
        end_with("records");
    printf("{\"sent\": %llu, \"answered\": %llu, \"failed\": %llu, \"doubled\": %llu, \"disordered\": %llu, "
           "\"broken\": %llu}\n",
           (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)failed,
           (unsigned long long)doubled, (unsigned long long)disordered, (unsigned long long)broken);
    return 0;
}
