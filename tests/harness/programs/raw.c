/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How fast a plain TCP connection carries memory: the sender's pages are all its own, the receiver keeps every one of
 * them ("keep") or forgets them in one buffer ("receive"). Prints the receiver's nanoseconds from the first byte to the last. */
#define _GNU_SOURCE
#include "protocol.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)
#define ACCEPT_S 30
#define EXIT_USAGE 64

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static char *allocate(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static int receive_all(struct sockaddr_in *address, size_t size, int keep)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *memory = allocate(keep ? size : CHUNK_BYTES);
    struct timeval patience = {.tv_sec = ACCEPT_S};

    if (listener < 0 || !memory || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        bind(listener, (struct sockaddr *)address, sizeof *address) || listen(listener, 1))
        return fail("listen");
    puts("listening");
    fflush(stdout);
    int peer = accept(listener, NULL, NULL);
    if (peer < 0)
        return fail("accept");

    uint64_t began = 0;
    for (size_t received = 0; received < size;) {
        size_t room = size - received < CHUNK_BYTES ? size - received : CHUNK_BYTES;
        ssize_t n = recv(peer, memory + (keep ? received : 0), room, 0);
        if (n <= 0)
            return fail("recv");
        if (!began)
            began = now_ns();
        received += (size_t)n;
    }
    printf("%llu\n", (unsigned long long)(now_ns() - began));
    return 0;
}

static int send_all(const struct sockaddr_in *address, size_t size)
{
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *memory = allocate(size);

    if (!memory)
        return fail("memory");
    memset(memory, 1, size);
    if (peer < 0 || connect(peer, (const struct sockaddr *)address, sizeof *address))
        return fail("connect");
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send(peer, memory + sent, size - sent < CHUNK_BYTES ? size - sent : CHUNK_BYTES, MSG_NOSIGNAL);
        if (n < 0)
            return fail("send");
        sent += (size_t)n;
    }
    return 0;
}

static int usage(void)
{
    fputs("usage: raw send|receive|keep --address A --port N --memory-mb N\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'},
        {"port", required_argument, NULL, 'p'},
        {"memory-mb", required_argument, NULL, 'm'},
        {0},
    };
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint64_t port = 0, memory_mb = 0;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int bad = option == 'a'   ? inet_pton(AF_INET, optarg, &address.sin_addr) != 1
                  : option == 'p' ? parse_number(optarg, 1, 65535, &port)
                  : option == 'm' ? parse_number(optarg, 1, 1u << 20, &memory_mb)
                                  : -1;
        if (bad)
            return usage();
    }
    if (optind != argc - 1 || !port || !memory_mb)
        return usage();
    address.sin_port = htons((uint16_t)port);
    if (strcmp(argv[optind], "send") == 0)
        return send_all(&address, memory_mb << 20);
    if (strcmp(argv[optind], "receive") == 0 || strcmp(argv[optind], "keep") == 0)
        return receive_all(&address, memory_mb << 20, argv[optind][0] == 'k');
    return usage();
}
