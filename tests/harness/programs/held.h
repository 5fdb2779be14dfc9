/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the server holds besides its private memory, and leaves alone: idle threads and processes, shared memory, small
 * files. Each can be counted and checked after a migration. */
#ifndef HELD_H
#define HELD_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELD_DIRECTORY "/held"
#define HELD_STACK_BYTES 65536
#define HELD_FILES_A_DIRECTORY 1000

struct held {
    uint64_t threads, processes, shared_mb, files;
    uint64_t *shared;
    pid_t *children;
};

/* As many descriptors as the user may have. */
static inline void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline void *idle_thread(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static inline int hold_threads(uint64_t count)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, HELD_STACK_BYTES))
        return -1;
    for (uint64_t i = 0; i < count; i++)
        if (pthread_create(&thread, &attributes, idle_thread, NULL))
            return -1;
    return 0;
}

/* Forked, so that they share all the memory that their parent has. */
static inline int hold_processes(struct held *held)
{
    if (held->processes && !(held->children = calloc(held->processes, sizeof *held->children)))
        return -1;
    for (uint64_t i = 0; i < held->processes; i++) {
        pid_t child = fork();

        if (child < 0)
            return -1;
        if (!child) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        held->children[i] = child;
    }
    return 0;
}

static inline uint64_t held_words(const struct held *held)
{
    return held->shared_mb << 17;
}

static inline int hold_shared(struct held *held)
{
    if (!held->shared_mb)
        return 0;
    held->shared = mmap(NULL, held->shared_mb << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (held->shared == MAP_FAILED)
        return -1;
    for (uint64_t i = 0; i < held_words(held); i++)
        held->shared[i] = (i + 1) * 0x9e3779b97f4a7c15u;
    return 0;
}

static inline void held_file(uint64_t i, char *path, size_t size)
{
    snprintf(path, size, HELD_DIRECTORY "/%llu/%llu", (unsigned long long)(i / HELD_FILES_A_DIRECTORY),
             (unsigned long long)i);
}

static inline int hold_files(uint64_t count)
{
    char path[64];

    if (count && mkdir(HELD_DIRECTORY, 0755) && errno != EEXIST)
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        if (i % HELD_FILES_A_DIRECTORY == 0) {
            snprintf(path, sizeof path, HELD_DIRECTORY "/%llu", (unsigned long long)(i / HELD_FILES_A_DIRECTORY));
            if (mkdir(path, 0755) && errno != EEXIST)
                return -1;
        }
        held_file(i, path, sizeof path);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, &i, sizeof i) != sizeof i || close(fd))
            return -1;
    }
    return 0;
}

static inline int hold(struct held *held)
{
    return hold_files(held->files) || hold_shared(held) || hold_processes(held) || hold_threads(held->threads);
}

static inline uint64_t entries_of(const char *directory)
{
    uint64_t count = 0;
    DIR *entries = opendir(directory);

    for (struct dirent *entry; entries && (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    if (entries)
        closedir(entries);
    return count;
}

/* How many words of shared memory, files, processes and threads are not what they were. */
static inline uint64_t count_lost(const struct held *held, uint64_t threads)
{
    uint64_t lost = 0, content;
    char path[64];

    for (uint64_t i = 0; held->shared && i < held_words(held); i++)
        lost += held->shared[i] != (i + 1) * 0x9e3779b97f4a7c15u;
    for (uint64_t i = 0; i < held->files; i++) {
        held_file(i, path, sizeof path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        lost += fd < 0 || read(fd, &content, sizeof content) != sizeof content || content != i;
        if (fd >= 0)
            close(fd);
    }
    for (uint64_t i = 0; i < held->processes; i++)
        lost += waitpid(held->children[i], NULL, WNOHANG) != 0;
    return lost + (entries_of("/proc/self/task") != threads);
}

#endif
