/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A process that does to its memory what the pager must notice. Each byte on standard input is one deed, answered by
 * the same byte when it is done. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 600
#define FIXED 16384
/* More regions than the kernel looks at in one go, 512. */
#define EVERY_OTHER 3000
/* What one page table is for. */
#define TABLE (512 * PAGE)
#define MADV_GUARD 102 /* MADV_GUARD_INSTALL, Linux 6.13 */

static char *area, *other, *tables[2];
static char *fixed;
static int locked, spawns;
static volatile int quiet;
static uint64_t written;

static char *map(void *where)
{
    return mmap(where, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1,
                0);
}

static void fill(char *at, int first, int count)
{
    for (int page = first; page < first + count; page++)
        for (int word = 0; word < PAGE / 8; word++)
            ((uint64_t *)(at + (size_t)page * PAGE))[word] = ++written * 0x9e3779b97f4a7c15u;
}

static void become_family(void)
{
    if (fork() == 0) {
        fill(area, 0, 40); /* its own copies now */
        for (;;)
            pause();
    }
}

/* Memory that is at the same place in whatever program asks for it. */
static char *map_fixed(void)
{
    return mmap((void *)0xc000000000, FIXED * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

static void *write_fixed(void *fixed)
{
    while (!quiet) {
        fill(fixed, (int)(written / (PAGE / 8) * 7 % FIXED), 1);
        nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    return NULL;
}

/* Starts a program that has memory at the same place, again and again. */
static void *spawn_on(void *program)
{
    while (!quiet) {
        if (vfork() == 0) {
            nanosleep(&(struct timespec){0, 8000000}, NULL);
            execl(program, program, "brief", NULL);
            _exit(1);
        }
        nanosleep(&(struct timespec){0, 2000000}, NULL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    while (wait(NULL) > 0)
        ;
    return NULL;
}

static void *write_on(void *nothing)
{
    for (;;)
        fill(area, (int)(written / (PAGE / 8) * 7 % PAGES), 1);
    return nothing;
}

/* Another program, in a child that has our memory before, for so long; we wait for it in vfork(2). */
static void spawn(char *program, long wait_ms)
{
    if (vfork() == 0) {
        nanosleep(&(struct timespec){0, wait_ms * 1000000}, NULL);
        execl(program, program, "wait", NULL);
        _exit(1);
    }
}

int main(int count, char **arguments)
{
    pthread_t writer, spawner;
    char deed;

    if (count > 1 && strcmp(arguments[1], "brief") == 0) {
        fill(map_fixed(), 0, 1);
        nanosleep(&(struct timespec){0, 60000000}, NULL);
        return 0;
    }
    if (count > 1 && strcmp(arguments[1], "wait") == 0) {
        fill(map(NULL), 0, 40);
        for (;;)
            pause();
    }

    area = map(NULL);
    other = map(NULL);
    fill(area, 0, PAGES);
    if (count > 1 && write(STDOUT_FILENO, "x", 1) != 1)
        return 1;
    while (read(STDIN_FILENO, &deed, 1) == 1) {
        switch (deed) {
        case 'w': /* writes here and there */
            for (int page = 0; page < PAGES; page += 7)
                fill(area, page, 1);
            break;
        case 'd': /* gives pages back, and takes some again */
            madvise(area + 100 * PAGE, 100 * PAGE, MADV_DONTNEED);
            fill(area, 150, 10);
            break;
        case 'u': /* another mapping at the same address */
            munmap(area, PAGES * PAGE);
            map(area);
            fill(area, 300, 50);
            break;
        case 'm': /* moves pages to where others were */
            fill(other, 0, PAGES);
            mremap(other, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area);
            other = map(NULL);
            break;
        case 'p': /* protects some, which cuts the area */
            mprotect(area + 200 * PAGE, 10 * PAGE, PROT_NONE);
            mprotect(area + 220 * PAGE, 10 * PAGE, PROT_READ);
            break;
        case 'h': /* small pages only: each is noted by itself, whoever tracks them */
            madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
            madvise(area, PAGES * PAGE, MADV_DONTNEED);
            fill(area, 0, PAGES);
            break;
        case 'z':
            memset(area + 50 * PAGE, 0, 20 * PAGE);
            break;
        case 'e': /* every other page of much memory */
            other = mmap(NULL, EVERY_OTHER * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            madvise(other, EVERY_OTHER * PAGE, MADV_NOHUGEPAGE);
            for (int page = 0; page < EVERY_OTHER; page += 2)
                fill(other, page, 1);
            break;
        case 'M': /* moves whole page tables to where others were */
            if (!tables[0])
                for (int i = 0; i < 2; i++) {
                    char *room = mmap(NULL, 3 * TABLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                    tables[i] = room + TABLE - (uintptr_t)room % TABLE;
                    mprotect(tables[i], TABLE, PROT_READ | PROT_WRITE);
                    madvise(tables[i], TABLE, MADV_NOHUGEPAGE);
                    fill(tables[i], 0, TABLE / PAGE);
                }
            else
                mremap(tables[1], TABLE, TABLE, MREMAP_MAYMOVE | MREMAP_FIXED, tables[0]);
            break;
        case 'g': /* guards some, where the kernel can */
            madvise(area + 300 * PAGE, 10 * PAGE, MADV_GUARD);
            break;
        case 'l': /* locks some, writes, and unlocks them in the deed after */
            if (locked)
                munlock(area + 400 * PAGE, 10 * PAGE);
            else if (mlock(area + 400 * PAGE, 10 * PAGE) == 0)
                fill(area, 400, 10);
            locked = !locked;
            break;
        case 'f':
            become_family();
            break;
        case 's':
            spawn(arguments[0], 0);
            break;
        case 'S':
            spawn(arguments[0], 300);
            break;
        case 'v': /* starts others all the time, and writes meanwhile; the deed after ends it */
            spawns = !spawns;
            quiet = !spawns;
            if (spawns) {
                fixed = map_fixed();
                fill(fixed, 0, FIXED);
                if (pthread_create(&writer, NULL, write_fixed, fixed) ||
                    pthread_create(&spawner, NULL, spawn_on, arguments[0]))
                    return 1;
            } else {
                pthread_join(writer, NULL);
                pthread_join(spawner, NULL);
            }
            break;
        case 't': /* never stops to write */
            if (pthread_create(&writer, NULL, write_on, NULL))
                return 1;
            break;
        case 'x': /* another memory from here on; whoever is new answers */
            execl(arguments[0], arguments[0], "again", NULL);
            return 1;
        }
        if (write(STDOUT_FILENO, &deed, 1) != 1)
            return 1;
    }
    return 0;
}
