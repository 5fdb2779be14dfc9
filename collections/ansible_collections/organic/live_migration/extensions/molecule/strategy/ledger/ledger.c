/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The process that the scenarios migrate: a server whose state is in memory only.
 *   ledger PORT MEGABYTES   serves; each line of a client is an entry: a counter in one page, and the sum over all pages
 *   ledger PORT             asks the server of this network namespace for its state and prints it; writes no entry
 * An answer is {"entries": N, "sum_of_pages": N, "pid": N, "clients": N}: the first two are equal unless memory was lost.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAGE = 4096, CLIENTS = 16, STRIDE = 7919 /* a prime, so that consecutive entries are in pages far apart */ };

static unsigned char *memory;
static size_t pages;
static uint64_t entries;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t *counter_of(size_t page) {
    return (uint64_t *)(memory + page * PAGE);
}

/* Bytes 8 to 15 of each page hold its own number, so that a page in the wrong place is seen. */
static uint64_t *number_of(size_t page) {
    return counter_of(page) + 1;
}

static uint64_t sum_of_pages(void) {
    uint64_t sum = 0;
    for (size_t page = 0; page < pages; page++)
        sum += *number_of(page) == page ? *counter_of(page) : 1ULL << 40;
    return sum;
}

static void answer(int client, const char *line, ssize_t size, int clients) {
    for (ssize_t at = 0; at < size; at++) {
        if (line[at] == '?') {
            char text[160];
            int length = snprintf(text, sizeof text,
                                  "{\"entries\": %llu, \"sum_of_pages\": %llu, \"pid\": %d, \"clients\": %d}\n",
                                  (unsigned long long)entries, (unsigned long long)sum_of_pages(), getpid(), clients);
            if (write(client, text, (size_t)length) != length)
                return;
        } else if (line[at] == '\n' && !(at > 0 && line[at - 1] == '?')) {
            char text[32];
            ++*counter_of(entries++ * STRIDE % pages);
            int length = snprintf(text, sizeof text, "%llu\n", (unsigned long long)entries);
            if (write(client, text, (size_t)length) != length)
                return;
        }
    }
}

static int open_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        die("socket");
    return fd;
}

static void serve(struct sockaddr_in address, size_t megabytes) {
    int yes = 1;
    pages = megabytes * 1024 * 1024 / PAGE;
    memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        die("mmap");
    for (size_t page = 0; page < pages; page++)
        *number_of(page) = page;
    signal(SIGPIPE, SIG_IGN);

    struct pollfd sockets[1 + CLIENTS];
    int used = 1;
    sockets[0] = (struct pollfd){.fd = open_socket(), .events = POLLIN};
    setsockopt(sockets[0].fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(sockets[0].fd, (struct sockaddr *)&address, sizeof address) || listen(sockets[0].fd, CLIENTS))
        die("listen");
    for (;;) {
        if (poll(sockets, (nfds_t)used, -1) < 0)
            continue; /* EINTR, also after a restore */
        for (int at = used - 1; at > 0; at--) {
            char line[512];
            if (!sockets[at].revents)
                continue;
            ssize_t size = read(sockets[at].fd, line, sizeof line);
            if (size > 0) {
                answer(sockets[at].fd, line, size, used - 1);
            } else {
                close(sockets[at].fd);
                sockets[at] = sockets[--used];
            }
        }
        if (sockets[0].revents && used <= CLIENTS) {
            int client = accept(sockets[0].fd, NULL, NULL);
            if (client >= 0)
                sockets[used++] = (struct pollfd){.fd = client, .events = POLLIN};
        }
    }
}

static int ask(struct sockaddr_in address) {
    char text[160];
    int fd = open_socket();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        die("connect");
    if (write(fd, "?\n", 2) != 2)
        die("write");
    ssize_t size = read(fd, text, sizeof text);
    return size > 0 && write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s PORT [MEGABYTES]\n", argv[0]);
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    if (argc == 2)
        return ask(address);
    serve(address, (size_t)atoi(argv[2]));
}
