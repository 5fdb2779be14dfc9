/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "target.h"

#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LAZY_PAGES_SOCKET "lazy-pages.socket" /* criu/uffd.c */
#define LAZY_PAGES_RESTORE_FINISHED 0x52535446

int listen_for_criu(int images)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = LAZY_PAGES_SOCKET};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fchdir(images) || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
	    listen(listener, 1))
		fail("no socket for CRIU: %s", strerror(errno));
	return listener;
}

bool receive_from_criu(int criu)
{
	struct target_process *process;
	struct address_space *space;
	int pid, uffd;
	char byte;

	if (recv(criu, &pid, sizeof pid, MSG_WAITALL) != sizeof pid)
		return false;
	if (pid == LAZY_PAGES_RESTORE_FINISHED || pid < 0) /* negative: a zombie, which has no memory */
		return true;
	receive_with_descriptor(criu, &byte, 1, &uffd);
	process = find_target_process((uint32_t)pid, true);
	if (uffd < 0 || !process)
		fail("CRIU gave no userfaultfd for process %d", pid);
	fcntl(uffd, F_SETFL, O_NONBLOCK);
	pthread_rwlock_wrlock(&target.layout);
	send_event_with_fd(uffd, "{\"event\": \"process\", \"pid\": %d}", pid);
	space = add_space(process, uffd);
	for (size_t i = 0; i < process->vmas.count; i++)
		add_mapping(space, (struct mapping){process->vmas.list[i].start, process->vmas.list[i].end,
						    process->vmas.list[i].start});
	pthread_rwlock_unlock(&target.layout);
	return true;
}
