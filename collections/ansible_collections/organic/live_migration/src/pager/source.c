/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The source's pager. It answers for the private anonymous memory of a process tree: finds the pages that were written,
 * reads them from outside and sends them. What was written is told by userfaultfd write-protection, or by the kernel's
 * soft-dirty bits (Documentation/admin-guide/mm/soft-dirty.rst), which it takes a stop of the tree to read and clear.
 *
 * Orders: "round" sends what was written since the last one while the process runs, "count" only counts it. "learn" is
 * given right before the freeze. "final all" and "final lists" want it frozen: give CRIU its hints (../hints.h), then send
 * the rest, or only say what is missing. "verify" tells, as long as it is frozen, whether they were right. After "final
 * lists" "push" sends what nobody asked for yet; questions are answered all the time. "resume" takes the place of
 * "final lists" when another pager did that and its connections broke. "limit N" is the bandwidth, in bytes a second, of
 * what is sent before the freeze and pushed, "compress" has the pages compressed. */
#define _GNU_SOURCE
#include "../hints.h"
#include "../pagemap_scan.h"
#include "areas.h"
#include "chunks.h"
#include "inject.h"
#include "pager.h"
#include "tracer.h"
#include "tracking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 1
#define REGIONS 65536
#define BATCH_JOBS 64
/* Of an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst): the frame or the place in the swap, and which of
 * them; and whether the page is mapped only there. */
#define PAGEMAP_PLACE (((1UL << 55) - 1) | 3UL << 62)
#define PAGEMAP_EXCLUSIVE (1UL << 56)
/* clear_refs (proc_pid_clear_refs(5)) */
#define CLEAR_SOFT_DIRTY "4"
/* A thread that takes longer to stop may wait for another that we have stopped, as in vfork(2). */
#define STOP_TOGETHER_MS 50.0

enum page_state { UNSENT, SENT, PENDING /* to be pushed */ };

struct process {
	pid_t pid;
	uint64_t started;
	uint32_t inner; /* PID in the container's namespace */
	int pagemap, memory, userfault;
	bool alive, tracked;
	struct areas areas;
	struct ranges present, stale;
	struct chunks pages;
};

struct job {
	struct process *process;
	uint64_t start, end;
	bool zero;
};

static struct process **processes;
static size_t process_count;
static pid_t root;

static struct connection *connections;
static int connection_count;
static uint64_t barriers_done[CONNECTIONS_MAX], barrier;
static pthread_t readers[CONNECTIONS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct job *jobs;
static size_t job_count, job_room, next_job;
static bool jobs_begun; /* the list is complete, and the target ready for what is on it */
static int busy;
static bool pushing, frozen;

static bool compressing, by_soft_dirty, round_sent;
static uint64_t guard_category; /* PAGE_IS_GUARD, where the kernel knows it */
static uint64_t limit_bytes_per_s;
static _Atomic uint64_t limited_bytes;
static double limited_since_ms;
static _Atomic uint64_t pages_sent, zero_pages;
static uint64_t pages_seen;

static struct page_region regions[REGIONS];
static sigset_t termination;

/* The process tree */

static int open_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static uint32_t inner_pid(pid_t pid)
{
	char path[64], line[256], *last;
	uint32_t inner = 0;
	FILE *status;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "NSpid:", 6) == 0 && (last = strrchr(line, '\t')))
			inner = (uint32_t)strtoul(last + 1, NULL, 10);
	if (status)
		fclose(status);
	return inner;
}

/* What stat tells of a process or a thread from the end of its name on (proc_pid_stat(5)); NULL when there is none. */
static char *read_stat(pid_t pid, char *text, size_t size)
{
	int fd = open_of(pid, "stat");
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strrchr(text, ')'); /* the name may hold anything */
}

/* Clock ticks since boot, which tell a process from a later one with its PID; 0 when there is none. */
static uint64_t start_time(pid_t pid)
{
	char text[1024], *at = read_stat(pid, text, sizeof text);
	uint64_t time = 0;

	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		time = strtoull(at, NULL, 10);
	return time;
}

static struct process *known_process(pid_t pid, uint64_t started)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->pid == pid && processes[i]->started == started)
			return processes[i];
	return NULL;
}

static void close_memory(struct process *process)
{
	if (process->pagemap >= 0)
		close(process->pagemap);
	if (process->memory >= 0)
		close(process->memory);
	process->pagemap = process->memory = -1;
}

/* Its memory as it is now: what is open goes on meaning what it had before an execve(2). */
static bool open_memory(struct process *process)
{
	close_memory(process);
	process->pagemap = open_of(process->pid, "pagemap");
	process->memory = open_of(process->pid, "mem");
	return process->pagemap >= 0 && process->memory >= 0;
}

/* Whether the memory that is open is no process's any more; its descriptor has nothing to read then (proc_pid_mem(5)). */
static bool is_memory_gone(const struct process *process)
{
	char byte;

	return pread(process->memory, &byte, 1, 0) == 0;
}

static struct process *add_process(pid_t pid, uint64_t started)
{
	struct process new = {.pid = pid,
			      .started = started,
			      .inner = inner_pid(pid),
			      .pagemap = -1,
			      .memory = -1,
			      .userfault = -1};

	if (!new.inner || !open_memory(&new)) {
		close_memory(&new); /* it has just ended */
		return NULL;
	}
	processes = realloc(processes, (process_count + 1) * sizeof(struct process *));
	if (!processes)
		fail("no memory for %zu processes", process_count + 1);
	processes[process_count] = allocate(sizeof new);
	*processes[process_count] = new;
	return processes[process_count++];
}

static void forget_process(struct process *process)
{
	close_memory(process);
	if (process->userfault >= 0)
		close(process->userfault);
	process->userfault = -1;
	process->started = 0; /* its chunks may still be in use by a reader */
}

static void see_tree(pid_t pid)
{
	uint64_t started = start_time(pid);
	struct process *process = known_process(pid, started);
	char path[300], *children = NULL;
	struct dirent *thread;
	size_t room = 0;
	DIR *threads;
	FILE *list;

	if (process && is_memory_gone(process)) {
		forget_process(process);
		process = NULL;
	}
	if (!process)
		process = add_process(pid, started);
	else if (!open_memory(process)) /* it may have been another's memory, until the execve(2) after a vfork(2) */
		process = NULL;
	if (!process)
		return;
	process->alive = true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (threads && (thread = readdir(threads))) {
		/* the children of each thread are the process's (proc(5), CONFIG_PROC_CHILDREN) */
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
		list = fopen(path, "re");
		if (list && getline(&children, &room, list) > 0)
			for (char *at = children, *end; strtol(at, &end, 10) > 0; at = end)
				see_tree((pid_t)strtol(at, NULL, 10));
		if (list)
			fclose(list);
	}
	if (threads)
		closedir(threads);
	free(children);
}

static void find_processes(void)
{
	bool root_alive = false;

	for (size_t i = 0; i < process_count; i++)
		processes[i]->alive = false;
	see_tree(root);
	for (size_t i = 0; i < process_count; i++) {
		root_alive |= processes[i]->alive && processes[i]->pid == root;
		if (!processes[i]->alive && processes[i]->started)
			forget_process(processes[i]);
	}
	if (!root_alive)
		fail("process %d has ended", (int)root);
}

/* Standing still */

static pid_t *stopped;
static size_t stopped_count;
static pthread_mutex_t stopped_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool stopping;

static void release_tree(void)
{
	double deadline = now_ms() + STOP_PATIENCE_MS;

	pthread_mutex_lock(&stopped_lock);
	while (stopped_count && now_ms() < deadline) {
		for (size_t i = 0; i < stopped_count; i++)
			if (release_thread(stopped[i]))
				stopped[i--] = stopped[--stopped_count];
		if (stopped_count)
			await_signal(1);
	}
	if (stopped_count)
		fail("%zu threads that stood still do not go on", stopped_count); /* the kernel lets them */
	pthread_mutex_unlock(&stopped_lock);
}

/* Who calls execve(2) waits until its other threads have been waited for, by us if we have stopped them, and keeps us from
 * tracing another one meanwhile. So this is a thread of its own. */
static void *attend_the_ended(void *nothing)
{
	while (stopping) {
		pthread_mutex_lock(&stopped_lock);
		for (size_t i = 0; i < stopped_count; i++)
			if (has_ended(stopped[i]))
				stopped[i--] = stopped[--stopped_count];
		pthread_mutex_unlock(&stopped_lock);
		nanosleep(&(struct timespec){0, 1000000}, NULL); /* there is no event for one of several */
	}
	return nothing;
}

/* Whether it stands still; one that does no more is forgotten. */
static bool is_stopped(pid_t tid)
{
	char text[1024], *at;
	bool found = false;

	pthread_mutex_lock(&stopped_lock);
	for (size_t i = 0; i < stopped_count && !found; i++) {
		if (stopped[i] != tid)
			continue;
		at = read_stat(tid, text, sizeof text);
		found = at && at[2] == 't';
		if (!found)
			stopped[i--] = stopped[--stopped_count];
	}
	pthread_mutex_unlock(&stopped_lock);
	return found;
}

static void note_stopped(pid_t tid)
{
	pthread_mutex_lock(&stopped_lock);
	stopped = realloc(stopped, (stopped_count + 1) * sizeof *stopped);
	if (!stopped)
		fail("no memory for %zu threads", stopped_count + 1);
	stopped[stopped_count++] = tid;
	pthread_mutex_unlock(&stopped_lock);
}

/* A thread that has ended, but is still on the list; the first one of a process stays as long as the others. */
static bool is_dead(pid_t tid)
{
	char text[1024], *at = read_stat(tid, text, sizeof text);

	return !at || at[2] == 'Z' || at[2] == 'X';
}

/* Stops the threads that are not yet; tells how many, or -1 when one did not stop in time, and all have been let go. */
static long stop_threads(const struct process *process)
{
	char path[64];
	struct dirent *entry;
	long count = 0;
	DIR *threads;

	snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		pid_t tid = atoi(entry->d_name);
		int error;

		if (tid <= 0 || is_stopped(tid))
			continue;
		error = interrupt_thread(tid, 0);
		if (!error)
			error = await_stop(tid, STOP_TOGETHER_MS);
		if (error && is_dead(tid))
			continue;
		if (error == -ESRCH || error == -EPERM) {
			count++; /* an execve(2) gave its number to another, or the other way round: look again */
			continue;
		}
		if (error == -EAGAIN) {
			release_tree();
			error = await_stop(tid, STOP_PATIENCE_MS);
			if (!error)
				note_stopped(tid); /* and it stays so, lest it be late again */
			if (!error || error == -ESRCH) {
				count = -1;
				break;
			}
		}
		if (error)
			fail("process %u cannot be stopped to see what it has written: %s", process->inner,
			     strerror(-error));
		note_stopped(tid);
		count++;
	}
	if (threads)
		closedir(threads);
	return count;
}

/* Stops all threads of the tree; tells since when some stand still, in ms of now_ms(). */
static double stop_tree(void)
{
	double began = now_ms(), deadline = began + 2 * STOP_PATIENCE_MS;
	pthread_t attendant;

	stopping = true;
	if (pthread_create(&attendant, NULL, attend_the_ended, NULL))
		fail("no thread to stop the processes with");
	for (long more = 1; more;) {
		if (now_ms() > deadline)
			fail("the processes do not stand still together, to see what they have written");
		more = 0;
		find_processes();
		for (size_t i = 0; i < process_count && more >= 0; i++) {
			long count = processes[i]->alive ? stop_threads(processes[i]) : 0;

			more = count < 0 ? -1 : more + count;
		}
	}
	stopping = false;
	pthread_join(attendant, NULL);
	return began;
}

static void read_all_areas(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_areas(&processes[i]->areas, processes[i]->pid);
}

/* Tracking */

static bool has_memory(pid_t pid)
{
	char path[64];
	FILE *maps;
	bool has;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	has = maps && getc(maps) != EOF;
	if (maps)
		fclose(maps);
	return has;
}

static void track(struct process *process)
{
	struct uffdio_api api = {.api = UFFD_API, .features = TRACKING_FEATURES};

	pthread_sigmask(SIG_BLOCK, &termination, NULL);
	process->userfault = inject_userfaultfd(process->pid);
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	if (process->userfault < 0) {
		if (start_time(process->pid) != process->started || !has_memory(process->pid))
			return; /* it ended meanwhile, and its parent may not know yet */
		if (process->userfault == -ENOEXEC)
			return; /* it is amid an execve(2): another round, or the last one, finds what it becomes */
		fail("process %d cannot be tracked: userfaultfd: %s", (int)process->inner,
		     strerror(-process->userfault));
	}
	if (ioctl(process->userfault, UFFDIO_API, &api))
		fail("this kernel cannot track written pages: UFFDIO_API: %s", strerror(errno));
	process->tracked = true;
}

/* Seen with huge pages: regions that begin within the one before. What one of them calls written is. */
static long unite_regions(long count)
{
	long kept = 0;

	for (long i = 0; i < count; i++) {
		struct page_region *last = kept ? &regions[kept - 1] : NULL;

		if (!last || regions[i].start >= last->end) {
			regions[kept++] = regions[i];
			continue;
		}
		last->end = last->end > regions[i].end ? last->end : regions[i].end;
		last->categories &= regions[i].categories | ~(PAGE_IS_PFNZERO | PAGE_IS_WPALLOWED);
		last->categories |= regions[i].categories & (PAGE_IS_WRITTEN | PAGE_IS_SOFT_DIRTY);
	}
	return kept;
}

static long scan(struct process *process, struct pm_scan_arg *arguments)
{
	long n;

	arguments->size = sizeof *arguments;
	arguments->category_inverted |= guard_category; /* guards (madvise(2), MADV_GUARD_INSTALL) are no pages */
	arguments->category_mask |= guard_category;
	arguments->vec = (uint64_t)(uintptr_t)regions;
	arguments->vec_len = REGIONS;
	n = ioctl(process->pagemap, PAGEMAP_SCAN, arguments);
	if (n < 0 && (errno == ESRCH || errno == ENOENT))
		return 0;
	if (n < 0)
		fail("PAGEMAP_SCAN: %s", strerror(errno));
	end_walk(arguments, n);
	return unite_regions(n);
}

static void set_states(struct process *process, uint64_t start, uint64_t end, enum page_state state)
{
	struct chunk *chunk = NULL;

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		if (!chunk || at % CHUNK_BYTES == 0)
			chunk = chunk_add(&process->pages, at);
		chunk->state[chunk_page(at)] = (uint8_t)state;
	}
}

static void add_job(struct process *process, uint64_t start, uint64_t end, bool zero)
{
	pages_seen += (end - start) / PAGE_BYTES;
	for (uint64_t next; start < end; start = next) {
		next = zero || end - start <= FRAME_BYTES_MAX ? end : start + FRAME_BYTES_MAX;
		if (job_count == job_room) {
			job_room = job_room ? 2 * job_room : 4096;
			jobs = realloc(jobs, job_room * sizeof *jobs);
			if (!jobs)
				fail("no memory for %zu ranges", job_room);
		}
		jobs[job_count++] = (struct job){process, start, next, zero};
	}
}

/* What is_written() must know of a page. Linux 6.7 refuses to be asked for soft-dirty bits. */
static uint64_t written_categories(void)
{
	return by_soft_dirty ? PAGE_IS_SOFT_DIRTY : PAGE_IS_WRITTEN | PAGE_IS_WPALLOWED;
}

static bool is_written(uint64_t categories)
{
	/* a zero page that is only read is not dirty, though it may have come in the place of another */
	if (by_soft_dirty)
		return categories & (PAGE_IS_SOFT_DIRTY | PAGE_IS_PFNZERO);
	return categories & PAGE_IS_WRITTEN || !(categories & PAGE_IS_WPALLOWED);
}

/* Pages in areas that are not write-protected have come since, maybe at the address of older ones. */
static void forget_remapped(struct process *process, struct range area)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_inverted = PAGE_IS_WPALLOWED, .category_mask = PAGE_IS_WPALLOWED,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PRESENT};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++)
			set_states(process, regions[i].start, regions[i].end, UNSENT);
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

/* Collects what was written since the last time, and protects it anew. */
static void collect_written(struct process *process, struct range area)
{
	struct uffdio_register registration = {.range = {area.start, area.end - area.start},
					       .mode = UFFDIO_REGISTER_MODE_WP};
	struct pm_scan_arg arguments = {.flags = PM_SCAN_WP_MATCHING, .start = area.start, .end = area.end,
					.category_mask = PAGE_IS_WRITTEN,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = PAGE_IS_PFNZERO};

	forget_remapped(process, area);
	if (ioctl(process->userfault, UFFDIO_REGISTER, &registration))
		return; /* unmapped meanwhile, or not to be registered: the final scan finds it unprotected */
	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			set_states(process, regions[i].start, regions[i].end, SENT);
			add_job(process, regions[i].start, regions[i].end, regions[i].categories & PAGE_IS_PFNZERO);
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

static void collect_running(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		if (process->userfault < 0)
			track(process);
		if (process->userfault < 0)
			continue;
		read_areas(&process->areas, process->pid);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_written(process, process->areas.ours.list[area]);
	}
}

/* Collects what was written since the last time; of a process that was not tracked yet, all it has. */
static void collect_soft_dirty(struct process *process, struct range area)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			if (process->tracked && !is_written(regions[i].categories))
				continue;
			set_states(process, regions[i].start, regions[i].end, SENT);
			add_job(process, regions[i].start, regions[i].end, regions[i].categories & PAGE_IS_PFNZERO);
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

static void forget_range(struct process *process, struct range range)
{
	for (uint64_t at = range.start; at < range.end; at += PAGE_BYTES) {
		struct chunk *chunk = chunk_find(&process->pages, at);

		if (!chunk) /* nothing of this chunk was sent */
			at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
		else
			chunk->state[chunk_page(at)] = UNSENT;
	}
}

static const uint64_t *places_of(const struct process *process, const struct chunk *chunk)
{
	static uint64_t entries[CHUNK_PAGES];
	ssize_t n = pread(process->pagemap, entries, sizeof entries, (off_t)(chunk->base / PAGE_BYTES * sizeof *entries));

	if (n < (ssize_t)sizeof entries)
		memset((char *)entries + (n > 0 ? n : 0), 0, sizeof entries - (size_t)(n > 0 ? n : 0));
	return entries;
}

/* mremap(2) moves whole page tables with their soft-dirty bits as they are, so others may stand where pages were sent.
 * It shows in the place of any page of a table, in memory or swap, and a chunk is as large as what a table is for. */
static void note_places(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];
		const uint64_t *entries = chunk ? places_of(process, chunk) : NULL;
		bool exclusive = false; /* the zero page is at many places, and nobody's */

		if (chunk)
			chunk->place = 0;
		for (size_t page = 0; chunk && page < CHUNK_PAGES && !exclusive; page++) {
			exclusive = entries[page] & PAGEMAP_EXCLUSIVE;
			if (chunk->state[page] != SENT || !(entries[page] & PAGEMAP_PLACE) ||
			    (chunk->place && !exclusive)) {
				exclusive = false;
				continue;
			}
			chunk->marked = page;
			chunk->place = entries[page] & PAGEMAP_PLACE;
		}
	}
}

static void forget_moved(struct process *process)
{
	for (size_t i = 0; i < process->pages.size; i++) {
		struct chunk *chunk = process->pages.table[i];

		if (chunk && chunk->place && (places_of(process, chunk)[chunk->marked] & PAGEMAP_PLACE) != chunk->place)
			forget_range(process, (struct range){chunk->base, chunk->base + CHUNK_BYTES});
	}
}

static void clear_soft_dirty(struct process *process)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, CLEAR_SOFT_DIRTY, 1) != 1)
		fail("process %d cannot be tracked: %s: %s", (int)process->inner, path, strerror(errno));
	close(fd);
	process->tracked = true;
}

/* The bits are read and cleared while the whole tree stands still: what is written between the two would be lost, also
 * by a child of vfork(2), which shares them. Tells for how long, in ms. */
static double collect_stopped(void)
{
	double began;

	read_all_areas(); /* what is new among them takes a while */
	began = stop_tree();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		read_areas(&process->areas, process->pid);
		forget_moved(process);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_soft_dirty(process, process->areas.ours.list[area]);
		/* they are not ours, but may be again, with their bits cleared */
		for (size_t area = 0; area < process->areas.special.count; area++)
			forget_range(process, process->areas.special.list[area]);
		note_places(process);
	}
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			clear_soft_dirty(processes[i]);
	release_tree();
	return now_ms() - began;
}

/* Of a frozen process: all its pages, and those that the target has not, or not as they are. */
static void collect_final(struct process *process, struct range area, bool send)
{
	struct pm_scan_arg arguments = {.start = area.start, .end = area.end,
					.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
					.return_mask = written_categories() | PAGE_IS_PFNZERO};

	while (arguments.start < area.end) {
		long n = scan(process, &arguments);

		for (long i = 0; i < n; i++) {
			uint64_t categories = regions[i].categories, at = regions[i].start;
			bool written = !process->tracked || is_written(categories);

			add_pages(&process->present, at, regions[i].end);
			for (uint64_t end; at < regions[i].end; at = end) {
				struct chunk *chunk = written ? NULL : chunk_find(&process->pages, at);
				bool stale = written || !chunk || chunk->state[chunk_page(at)] != SENT;

				for (end = written ? regions[i].end : at + PAGE_BYTES; end < regions[i].end;
				     end += PAGE_BYTES) {
					if (end % CHUNK_BYTES == 0)
						chunk = chunk_find(&process->pages, end);
					if (stale != (!chunk || chunk->state[chunk_page(end)] != SENT))
						break;
				}
				if (!stale)
					continue;
				add_pages(&process->stale, at, end);
				if (send)
					add_job(process, at, end, categories & PAGE_IS_PFNZERO);
				else
					set_states(process, at, end, PENDING);
			}
		}
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
}

/* Sending */

struct batch {
	struct connection *connection;
	char *pages;	  /* FRAME_BYTES_MAX */
	char *compressed; /* as much: what does not become smaller stays as it is */
	size_t compressed_bytes;
	ZSTD_CCtx *compressor;
	struct frame frames[FRAME_PAGES_MAX + BATCH_JOBS];
	struct iovec vector[2 * (FRAME_PAGES_MAX + BATCH_JOBS)];
	int frame_count, parts;
};

static struct batch *new_batch(void)
{
	struct batch *batch = allocate(sizeof *batch);

	batch->pages = allocate_pages(FRAME_BYTES_MAX);
	batch->compressed = allocate_pages(FRAME_BYTES_MAX);
	return batch;
}

static void free_batch(struct batch *batch)
{
	munmap(batch->pages, FRAME_BYTES_MAX);
	munmap(batch->compressed, FRAME_BYTES_MAX);
	ZSTD_freeCCtx(batch->compressor);
	free(batch);
}

/* Puts the compressed pages into the place of those in a frame, when they are smaller. */
static void compress_frame(struct batch *batch, struct frame *frame, struct iovec *payload)
{
	char *at = batch->compressed + batch->compressed_bytes;
	size_t n;

	if (!batch->compressor)
		batch->compressor = ZSTD_createCCtx();
	if (!batch->compressor)
		fail("no memory to compress with");
	n = ZSTD_compressCCtx(batch->compressor, at, frame->length - 1, payload->iov_base, frame->length,
			      COMPRESSION_LEVEL);
	if (ZSTD_isError(n))
		return; /* it would not become smaller */
	frame->kind = FRAME_COMPRESSED;
	frame->payload_bytes = n;
	*payload = (struct iovec){at, n};
	batch->compressed_bytes += n;
}

static void add_frame(struct batch *batch, enum frame_kind kind, const struct process *process, uint64_t address,
		      uint64_t length, void *payload)
{
	struct frame *frame = &batch->frames[batch->frame_count++];

	*frame = (struct frame){kind, process->inner, address, length, payload ? length : 0};
	batch->vector[batch->parts++] = (struct iovec){frame, sizeof *frame};
	if (!payload)
		return;
	batch->vector[batch->parts++] = (struct iovec){payload, length};
	if (compressing)
		compress_frame(batch, frame, &batch->vector[batch->parts - 1]);
}

/* Reads page by page what could not be read at once; a page that has gone meanwhile is told by its state. */
static void read_slowly(const struct process *process, uint64_t address, char *pages, size_t count, bool *gone)
{
	for (size_t i = 0; i < count; i++)
		gone[i] = pread(process->memory, pages + i * PAGE_BYTES, PAGE_BYTES,
				(off_t)(address + i * PAGE_BYTES)) != (ssize_t)PAGE_BYTES;
}

static bool claim_page(struct chunk *chunk, uint64_t address)
{
	uint8_t pending = PENDING;

	return atomic_compare_exchange_strong(&chunk->state[chunk_page(address)], &pending, SENT);
}

/* Sends up to FRAME_PAGES_MAX pages in one go. With `claim`, only those that are still pending. */
static void send_jobs(struct batch *batch, const struct job *list, size_t count, bool claim)
{
	struct process *process = list[0].process;
	struct iovec theirs[BATCH_JOBS];
	bool skip[FRAME_PAGES_MAX] = {false};
	size_t total = 0, reads = 0;
	char *at = batch->pages;

	batch->frame_count = batch->parts = 0;
	batch->compressed_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		if (list[i].zero)
			continue;
		theirs[reads++] = (struct iovec){(void *)list[i].start, list[i].end - list[i].start};
		total += list[i].end - list[i].start;
	}
	if (total && process_vm_readv(process->pid, &(struct iovec){batch->pages, total}, 1, theirs, reads, 0) !=
			     (ssize_t)total)
		for (size_t i = 0, page = 0; i < reads; i++) {
			read_slowly(process, (uint64_t)(uintptr_t)theirs[i].iov_base, batch->pages + page * PAGE_BYTES,
				    theirs[i].iov_len / PAGE_BYTES, skip + page);
			page += theirs[i].iov_len / PAGE_BYTES;
		}
	for (size_t i = 0; i < count; i++) {
		const struct job *job = &list[i];
		uint64_t begin = job->start;
		int last = -1; /* 0: gone, FRAME_PAGES, FRAME_ZERO */

		if (job->zero && !claim) {
			add_frame(batch, FRAME_ZERO, process, job->start, job->end - job->start, NULL);
			zero_pages += (job->end - job->start) / PAGE_BYTES;
			continue;
		}
		for (uint64_t page = job->start; page <= job->end; page += PAGE_BYTES) {
			int kind = -1;

			if (page < job->end) {
				struct chunk *chunk = chunk_find(&process->pages, page);
				size_t n = (size_t)(at - batch->pages) / PAGE_BYTES;

				kind = job->zero || is_zero_page(at) ? FRAME_ZERO : FRAME_PAGES;
				if (claim && !(chunk && claim_page(chunk, page))) {
					kind = 0;
				} else if (!job->zero && skip[n]) {
					if (frozen)
						fail("process %u has died, and the rest of its memory with it",
						     process->inner);
					if (chunk)
						chunk->state[chunk_page(page)] = UNSENT;
					kind = 0;
				}
			}
			if (kind != last && last > 0) {
				add_frame(batch, (enum frame_kind)last, process, begin, page - begin,
					  last == FRAME_PAGES ? at - (page - begin) : NULL);
				*(last == FRAME_PAGES ? &pages_sent : &zero_pages) += (page - begin) / PAGE_BYTES;
			}
			if (kind != last)
				begin = page;
			last = kind;
			if (!job->zero && page < job->end)
				at += PAGE_BYTES;
		}
	}
	if (batch->parts)
		send_vector(batch->connection, batch->vector, batch->parts);
}

/* Waits as long as the bandwidth wants it. */
static void keep_limit(uint64_t bytes)
{
	uint64_t sent = limited_bytes += bytes, limit = limit_bytes_per_s;
	double due_ms;

	if (!limit || (frozen && !pushing))
		return;
	due_ms = limited_since_ms + (double)sent * 1e3 / (double)limit - now_ms();
	if (due_ms > 0)
		nanosleep(&(struct timespec){(time_t)(due_ms / 1e3), (long)(due_ms * 1e6) % 1000000000L}, NULL);
}

static void *send_all(void *argument)
{
	struct batch *batch = new_batch();
	int number = (int)(intptr_t)argument;

	for (;;) {
		struct job list[BATCH_JOBS];
		size_t count = 0;
		uint64_t pages = 0, bytes;

		pthread_mutex_lock(&lock);
		/* while it is pushed, the first connection is kept free for what is asked for */
		while (!jobs_begun || next_job == job_count || (pushing && number == 0 && connection_count > 1))
			pthread_cond_wait(&changed, &lock);
		batch->connection = &connections[number];
		while (next_job < job_count && count < BATCH_JOBS &&
		       jobs[next_job].process == jobs[next_job - (count > 0)].process) {
			uint64_t more = jobs[next_job].zero ? 0 : (jobs[next_job].end - jobs[next_job].start) / PAGE_BYTES;

			if (pages + more > FRAME_PAGES_MAX)
				break;
			pages += more;
			list[count++] = jobs[next_job++];
		}
		busy++;
		pthread_mutex_unlock(&lock);

		bytes = batch->connection->bytes_sent;
		send_jobs(batch, list, count, pushing);
		keep_limit(batch->connection->bytes_sent - bytes);

		pthread_mutex_lock(&lock);
		busy--;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static uint64_t total_bytes_sent(void)
{
	uint64_t bytes = 0;

	for (int i = 0; i < connection_count; i++)
		bytes += connections[i].bytes_sent;
	return bytes;
}

/* What the target's host has taken. */
static uint64_t total_bytes_taken(void)
{
	uint64_t bytes = total_bytes_sent();
	int waiting;

	for (int i = 0; i < connection_count; i++)
		if (!ioctl(connections[i].fd, SIOCOUTQ, &waiting))
			bytes -= (uint64_t)waiting < bytes ? (uint64_t)waiting : bytes;
	return bytes;
}

static void tell_progress(void)
{
	uint64_t pages = 0;

	for (size_t i = next_job; i < job_count; i++)
		pages += (jobs[i].end - jobs[i].start) / PAGE_BYTES;
	tell("{\"event\": \"progress\", \"pages_left\": %lu, \"zero_pages\": %lu, \"bytes_sent\": %lu, "
	     "\"bytes_taken\": %lu}",
	     pages, zero_pages, total_bytes_sent(), total_bytes_taken());
}

/* Waits for a change; tells of the progress once a second. The lock is held. */
static void await_change(struct timespec *next_news)
{
	if (pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, next_news) != ETIMEDOUT)
		return;
	tell_progress();
	next_news->tv_sec++;
}

static struct timespec in_a_second(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec++;
	return time;
}

/* Lets the workers send all jobs; returns when they have. */
static void run_jobs(void)
{
	struct timespec next_news = in_a_second();

	pthread_mutex_lock(&lock);
	jobs_begun = true;
	limited_bytes = 0;
	limited_since_ms = now_ms();
	pthread_cond_broadcast(&changed);
	while (next_job < job_count || busy)
		await_change(&next_news);
	jobs_begun = false;
	next_job = job_count = 0;
	pthread_mutex_unlock(&lock);
}

static bool any_broken(void)
{
	for (int i = 0; i < connection_count; i++)
		if (connections[i].broken)
			return true;
	return false;
}

/* Waits until the target has done all that was sent to it. */
static bool await_barrier(void)
{
	struct timespec next_news = in_a_second();
	bool broken = false;

	barrier++;
	for (int i = 0; i < connection_count; i++)
		send_frame(&connections[i], (struct frame){.kind = FRAME_BARRIER, .address = barrier}, NULL);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < connection_count; i++)
		while (barriers_done[i] < barrier && !(broken = any_broken()))
			await_change(&next_news);
	pthread_mutex_unlock(&lock);
	return !broken;
}

/* What the target says */

static struct process *process_named(uint32_t inner)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->inner == inner && processes[i]->started)
			return processes[i];
	return NULL;
}

static void answer_request(struct batch *batch, struct connection *connection, const struct frame *request)
{
	struct process *process = process_named(request->process);
	uint64_t end = request->address + AROUND_PAGES * PAGE_BYTES;
	struct chunk *chunk = process ? chunk_find(&process->pages, request->address) : NULL;

	if (!chunk || !frozen)
		return;
	if (end > chunk->base + CHUNK_BYTES)
		end = chunk->base + CHUNK_BYTES;
	batch->connection = connection;
	send_jobs(batch, &(struct job){process, request->address, end, false}, 1, true);
}

static bool take_received(struct connection *connection, const struct frame *frame)
{
	struct process *process = process_named(frame->process);
	size_t count = frame->payload_bytes / sizeof(struct range);
	struct range *list = allocate(frame->payload_bytes + 1);
	bool taken = receive_all(connection, list, frame->payload_bytes);

	for (size_t i = 0; taken && process && i < count; i++)
		for (uint64_t at = list[i].start; at < list[i].end && at < ADDRESS_END; at += PAGE_BYTES) {
			struct chunk *chunk = chunk_find(&process->pages, at);

			if (!chunk) /* nothing of this chunk is pending */
				at = at - at % CHUNK_BYTES + CHUNK_BYTES - PAGE_BYTES;
			else
				chunk->state[chunk_page(at)] = SENT;
		}
	free(list);
	return taken;
}

static bool received_told;

static void *read_answers(void *argument)
{
	int number = (int)(intptr_t)argument;
	struct connection *connection = &connections[number];
	struct batch *batch = new_batch();
	struct frame frame;

	while (receive_frame(connection, &frame)) {
		if (frame.kind == FRAME_REQUEST) {
			answer_request(batch, connection, &frame);
			continue;
		}
		if (frame.kind == FRAME_RECEIVED) {
			pthread_mutex_lock(&lock);
			while (!frozen)
				pthread_cond_wait(&changed, &lock);
			pthread_mutex_unlock(&lock);
			if (!take_received(connection, &frame))
				break;
			continue;
		}
		pthread_mutex_lock(&lock);
		if (frame.kind == FRAME_BARRIER_DONE)
			barriers_done[number] = frame.address;
		else if (frame.kind == FRAME_BARRIER)
			received_told = true;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	connection->broken = true;
	shutdown(connection->fd, SHUT_RDWR);
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free_batch(batch);
	tell("{\"event\": \"broken\", \"connection\": %d}", number);
	return NULL;
}

static void start_readers(void)
{
	for (int i = 0; i < connection_count; i++)
		if (pthread_create(&readers[i], NULL, read_answers, (void *)(intptr_t)i))
			fail("no thread for a connection");
}

/* The orders */

static void need_connections(void)
{
	if (any_broken())
		fail("the connection to the other host broke");
}

static void tell_sent(const char *what, double began_ms, double scanned_ms, double stopped_ms)
{
	tell("{\"done\": \"%s\", \"pages_written\": %lu, \"pages_sent\": %lu, \"zero_pages\": %lu, \"bytes_sent\": %lu, "
	     "\"scan_ms\": %.2f, \"stopped_ms\": %.2f, \"duration_ms\": %.2f}",
	     what, pages_seen, pages_sent, zero_pages, total_bytes_sent(), scanned_ms - began_ms, stopped_ms,
	     now_ms() - began_ms);
}

static void do_round(bool send)
{
	double began = now_ms(), scanned, stopped_ms = 0;

	set_priority(0);
	pages_seen = 0;
	if (by_soft_dirty)
		stopped_ms = collect_stopped();
	else
		collect_running();
	scanned = now_ms();
	if (!send) {
		job_count = 0;
	} else {
		round_sent = true;
		run_jobs();
		if (!await_barrier())
			need_connections();
	}
	tell_sent(send ? "round" : "count", began, scanned, stopped_ms);
}

static int by_inner(const void *a, const void *b)
{
	const struct process *const *left = a, *const *right = b;

	return ((*left)->inner > (*right)->inner) - ((*left)->inner < (*right)->inner);
}

static void hint_at_smaps(int hints_fd, off_t at)
{
	for (size_t i = 0; i < process_count; i++) {
		const struct text *known = &processes[i]->areas.exact;
		struct smaps_hint hint = {processes[i]->inner, known->count};
		struct iovec parts[] = {{&hint, sizeof hint}, {known->bytes, known->count}};

		if (!processes[i]->alive || !known->count)
			continue;
		if (pwritev(hints_fd, parts, 2, at) != (ssize_t)(sizeof hint + known->count))
			fail("no memory to tell CRIU of %zu areas", processes[i]->areas.known.count);
		at += (off_t)(sizeof hint + known->count);
	}
}

/* Tells CRIU what to leave to us, and what it need not find out. */
static void give_hints(int hints_fd)
{
	struct hints *hints;
	struct stat status;
	uint64_t room;

	if (fstat(hints_fd, &status) || (size_t)status.st_size < sizeof *hints)
		fail("there is no file for the hints");
	hints = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, hints_fd, 0);
	if (hints == MAP_FAILED)
		fail("the file for the hints cannot be mapped: %s", strerror(errno));
	room = ((uint64_t)status.st_size - sizeof *hints) / sizeof hints->hidden[0];
	qsort(processes, process_count, sizeof *processes, by_inner);
	hints->hidden_count = 0;
	for (size_t i = 0; i < process_count; i++) {
		const struct process *process = processes[i];

		for (size_t area = 0; process->alive && area < process->areas.ours.count; area++) {
			struct range range = process->areas.ours.list[area];

			if (hints->hidden_count == room)
				fail("more than %lu areas of memory", room);
			hints->hidden[hints->hidden_count++] =
				(struct hidden_range){process->inner, range.start, range.end};
		}
	}
	hint_at_smaps(hints_fd, status.st_size);
	hints->smaps_at = (uint64_t)status.st_size;
	munmap(hints, (size_t)status.st_size);
}

/* Has all known that smaps tells, so that little of it is left to be read in the freeze. */
static void do_learn(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			learn_areas(&processes[i]->areas, processes[i]->pid);
	tell("{\"done\": \"learn\"}");
}

/* Of how many frozen processes CRIU was told what is not so. */
static void do_verify(void)
{
	size_t changed = 0;

	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			changed += have_areas_changed(&processes[i]->areas, processes[i]->pid);
	tell("{\"done\": \"verify\", \"changed\": %zu}", changed);
}

static void do_final(int hints_fd, bool send)
{
	double began = now_ms(), scanned;

	set_priority(BEHIND_CRIU);
	pages_seen = 0;
	find_processes();
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->alive)
			read_areas_exactly(&processes[i]->areas, processes[i]->pid);
	give_hints(hints_fd);
	tell("{\"done\": \"hints\", \"duration_ms\": %.2f}", now_ms() - began);
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (process->alive && by_soft_dirty)
			forget_moved(process);
		for (size_t area = 0; process->alive && area < process->areas.ours.count; area++)
			collect_final(process, process->areas.ours.list[area], send);
	}
	frozen = true;
	scanned = now_ms();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		if (!process->alive)
			continue;
		if (!send)
			for (size_t j = 0; j < process->stale.count; j++)
				pages_seen += (process->stale.list[j].end - process->stale.list[j].start) / PAGE_BYTES;
		send_ranges(&connections[0], FRAME_EXTENTS, process->inner, process->areas.ours.list, process->areas.ours.count);
		send_ranges(&connections[0], FRAME_PRESENT, process->inner, process->present.list,
			    process->present.count);
		if (round_sent) /* else the target has nothing that could be stale */
			send_ranges(&connections[0], FRAME_STALE, process->inner, process->stale.list,
				    process->stale.count);
	}
	if (!await_barrier())
		need_connections();
	tell("{\"done\": \"lists\", \"duration_ms\": %.2f}", now_ms() - began);
	if (send) {
		run_jobs();
		if (!await_barrier())
			need_connections();
	}
	tell_sent("final", began, scanned, 0);
}

static void do_push(void)
{
	double began = now_ms();

	set_priority(0);
	pages_seen = 0;
	pushing = true;
	for (size_t i = 0; i < process_count; i++)
		for (size_t j = 0; processes[i]->started && j < processes[i]->stale.count; j++)
			add_job(processes[i], processes[i]->stale.list[j].start, processes[i]->stale.list[j].end, false);
	run_jobs();
	if (await_barrier())
		tell_sent("push", began, began, 0);
	else
		tell("{\"done\": \"push\", \"broken\": true}");
}

/* After a link or an agent has broken: everything is pending but what the target says it has. */
static void do_resume(void)
{
	find_processes();
	for (size_t i = 0; i < process_count; i++) {
		struct process *process = processes[i];

		read_areas(&process->areas, process->pid);
		for (size_t area = 0; area < process->areas.ours.count; area++)
			collect_final(process, process->areas.ours.list[area], false);
	}
	pthread_mutex_lock(&lock);
	frozen = true;
	pthread_cond_broadcast(&changed);
	while (!received_told && !any_broken())
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	tell("{\"done\": \"resume\", \"broken\": %s}", any_broken() ? "true" : "false");
}

static uint64_t ask_for_guards(void)
{
	struct page_region region;
	struct pm_scan_arg scan = {.size = sizeof scan, .vec = (uint64_t)(uintptr_t)&region, .vec_len = 1,
				   .category_mask = PAGE_IS_GUARD, .return_mask = PAGE_IS_GUARD};
	int pagemap = open_of(getpid(), "pagemap");
	bool known;

	scan.start = (uint64_t)(uintptr_t)allocate_pages(PAGE_BYTES);
	scan.end = scan.start + PAGE_BYTES;
	known = ioctl(pagemap, PAGEMAP_SCAN, &scan) >= 0;
	munmap((void *)scan.start, PAGE_BYTES);
	close(pagemap);
	return known ? PAGE_IS_GUARD : 0;
}

void run_source(pid_t pid, struct connection *given, int count, int hints_fd)
{
	struct connection fresh[CONNECTIONS_MAX];
	char order[256];
	pthread_t worker;
	int fresh_count;

	/* SIGTERM ends us, but not while a process stands still because we trace it: see track() */
	sigemptyset(&termination);
	sigaddset(&termination, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &termination, NULL);
	block_stop_signal();
	guard_category = ask_for_guards();
	root = pid;
	connections = given;
	connection_count = count;
	start_readers();
	for (int i = 0; i < count; i++)
		if (pthread_create(&worker, NULL, send_all, (void *)(intptr_t)i))
			fail("no thread to send with");
	pthread_sigmask(SIG_UNBLOCK, &termination, NULL);
	read_all_areas();
	while (hear(order, sizeof order, fresh, &fresh_count)) {
		if (strcmp(order, "round") == 0)
			do_round(true);
		else if (strcmp(order, "count") == 0)
			do_round(false);
		else if (strcmp(order, "final all") == 0 || strcmp(order, "final lists") == 0)
			do_final(hints_fd, strcmp(order, "final all") == 0);
		else if (strcmp(order, "learn") == 0)
			do_learn();
		else if (strcmp(order, "verify") == 0)
			do_verify();
		else if (strcmp(order, "push") == 0)
			do_push();
		else if (strcmp(order, "resume") == 0)
			do_resume();
		else if (strcmp(order, "compress") == 0) {
			compressing = true;
			tell("{\"done\": \"compress\"}");
		} else if (strcmp(order, "soft dirty") == 0) {
			by_soft_dirty = true;
			tell("{\"done\": \"soft dirty\"}");
		} else if (sscanf(order, "limit %lu", &limit_bytes_per_s) == 1)
			tell("{\"done\": \"limit\"}");
		else
			fail("unknown order '%s'", order);
	}
}
