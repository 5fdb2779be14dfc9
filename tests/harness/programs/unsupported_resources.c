/* Copyright (c) 2026 Organic 5GC contributors
   GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later */

/* Processes that CRIU refuses. One of them a run, by name; it says "ready" and sleeps. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int listen_on_mptcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7777)};
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

    return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1) ? -1 : fd;
}

static int set_up_io_uring(void)
{
    char parameters[256] = {0};

    return (int)syscall(SYS_io_uring_setup, 4, parameters);
}

static int watch_the_root(void)
{
    int fd = inotify_init1(IN_CLOEXEC);

    return fd < 0 || inotify_add_watch(fd, "/", IN_CREATE) < 0 ? -1 : fd;
}

/* Not known to the preflight: CRIU itself must say no. */
static int open_userfaultfd(void)
{
    return (int)syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    int fd = !strcmp(what, "mptcp")      ? listen_on_mptcp()
             : !strcmp(what, "io_uring") ? set_up_io_uring()
             : !strcmp(what, "inotify")  ? watch_the_root()
             : !strcmp(what, "uffd")     ? open_userfaultfd()
                                         : -1;

    if (fd < 0) {
        perror(what);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
