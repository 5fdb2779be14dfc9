/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The resident init: PID 1 of a container whose process can be live-migrated into and out of it.
 *
 *   init [--name NAME] [--address ADDRESSES]... [--drop-net-admin] [--] COMMAND...
 *                                        run COMMAND, or await a process that is migrated here (see await.h).
 *                                        ADDRESSES of each interface are set before COMMAND is started (see
 *                                        addresses.h); a process that
 *                                        is migrated here brings its own. Then CAP_NET_ADMIN, which that needs, is
 *                                        dropped.
 *                                        With RESIDENT_NOTIFY=ready in its environment, COMMAND itself says when it
 *                                        is ready (see notify.h), and is not healthy before; afterwards it remains so,
 *                                        and a process that is migrated here is, as it has served elsewhere.
 *   init health                          exits with 0 when the command or a process that was migrated here runs, or has
 *                                        moved away, else with 1; for the health check of the container
 *   init version                         prints the version
 *
 * It exits with the status of the main child (128+N on signal N), so that the engine's restart policy works.
 * The host sends it commands as queued real-time signals:
 *   SIGRTMIN,  value PID   adopt: PID, a restored process, is the main child from now on
 *   SIGRTMIN+1, value 0    departed: the main child has moved to another host; when it ends here, exit with 0
 *   SIGRTMIN+1, value 1    departed, but stay until a stop: a cluster would start a container again that ends by itself
 * Its state is its name in /proc/1/comm: resident-start (not ready yet), resident-run, resident-await, resident-hold,
 * resident-left.
 */
#define _GNU_SOURCE
#include "addresses.h"
#include "await.h"
#include "descriptors.h"
#include "health.h"
#include "notify.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define VERSION "1.0.0"
#define SIGNAL_ADOPT SIGRTMIN
#define SIGNAL_DEPARTED (SIGRTMIN + 1)
#define DEPARTED_STAY 1
#define HOLD_POLL_NS 100000000L
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define EXIT_SIGNAL_BASE 128
#define ENDED_CHILDREN_MAX 1024
#define NOT_ENDED (-1)
#define NOT_NOTIFIED (-1)

struct ended_child {
	pid_t pid;
	int status;
};

struct resident {
	const struct arguments *arguments;
	sigset_t inherited; /* signal mask of the command */
	pid_t main_child;   /* 0 while awaiting or held, and when it has ended after a departure */
	int exit_status;    /* NOT_ENDED, or what to exit with */
	int notification;   /* socket of a command that is not ready yet, or NOT_NOTIFIED */
	bool departed;
	bool stays;    /* after the departure, until it is stopped */
	bool held;     /* has not started the command because of a hold */
	int postponed; /* signal to stop that waits for the end of a hold or of a departure, or 0 */
	bool has_deadline;
	struct timespec deadline;
	timer_t timer;
	/* Children that ended while awaiting, because the restored process may end before the host sends "adopt"; the
	 * oldest is overwritten first. They are reaped at once: a zombie keeps its PID, which CRIU may need for the
	 * next attempt. */
	struct ended_child ended[ENDED_CHILDREN_MAX];
	size_t ended_count;
};

struct arguments {
	const char *name;
	struct address_list addresses;
	bool drop_net_admin;
	char **command;
};

/* Writes one line to stderr; the line is dropped if that would block PID 1. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[512] = "resident-init: ";
	size_t prefix = strlen(line);
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	length = (int)strlen(line);
	line[length++] = '\n';
	if (poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT) && write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

static int usage(void)
{
	fprintf(stderr, "usage: init [--name NAME] [--address ADDRESSES]... [--drop-net-admin] [--] COMMAND [ARGUMENT...]\n"
			"       init health\n"
			"       init ready\n"
			"       init version\n"
			"NAME: [A-Za-z0-9][A-Za-z0-9_.-]{0,127}\n"
			"ADDRESSES: INTERFACE,ADDRESS/PREFIX[,mac=MAC][,gateway=ADDRESS]\n");
	return EX_USAGE;
}

static pid_t start(char **command, const sigset_t *mask)
{
	pid_t pid = fork();
	int reason;

	if (pid != 0)
		return pid;
	setsid();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	reason = errno;
	say("%s: %s", command[0], strerror(reason));
	_exit(reason == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? EXIT_SIGNAL_BASE + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void end_main_child(struct resident *resident, int status)
{
	if (!resident->departed || !resident->stays || resident->postponed)
		resident->exit_status = exit_status_of(status);
	else
		resident->main_child = 0;
}

static void reap(struct resident *resident)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == resident->main_child)
			end_main_child(resident, status);
		else if (resident->main_child == 0)
			resident->ended[resident->ended_count++ % ENDED_CHILDREN_MAX] = (struct ended_child){pid, status};
	}
}

static void stop_notification(struct resident *resident)
{
	if (resident->notification != NOT_NOTIFIED)
		close(resident->notification);
	resident->notification = NOT_NOTIFIED;
}

static void check_notification(struct resident *resident)
{
	if (resident->notification == NOT_NOTIFIED || !notify_is_ready(resident->notification))
		return;
	stop_notification(resident);
	if (!resident->departed)
		prctl(PR_SET_NAME, "resident-run");
}

/* The latest recorded end of a child with this PID, or NULL. */
static const struct ended_child *find_ended(const struct resident *resident, pid_t pid)
{
	size_t oldest = resident->ended_count > ENDED_CHILDREN_MAX ? resident->ended_count - ENDED_CHILDREN_MAX : 0;

	for (size_t i = resident->ended_count; i > oldest; i--)
		if (resident->ended[(i - 1) % ENDED_CHILDREN_MAX].pid == pid)
			return &resident->ended[(i - 1) % ENDED_CHILDREN_MAX];
	return NULL;
}

static void adopt(struct resident *resident, pid_t pid)
{
	bool awaiting = resident->main_child == 0;
	siginfo_t child;

	if (pid > 1 && pid == resident->main_child)
		return; /* received twice; it may have departed since */
	/* A living child has precedence: a recorded end with its PID is left from an earlier, failed restore. */
	if (pid <= 1 || waitid(P_PID, (id_t)pid, &child, WEXITED | WNOHANG | WNOWAIT) != 0) {
		const struct ended_child *ended = awaiting && pid > 1 ? find_ended(resident, pid) : NULL;

		if (!ended) {
			say("cannot adopt %d: not a child of mine", (int)pid);
			return;
		}
		resident->exit_status = exit_status_of(ended->status);
	}
	if (resident->has_deadline)
		timer_delete(resident->timer);
	resident->has_deadline = resident->held = false;
	resident->main_child = pid;
	resident->departed = resident->stays = false;
	stop_notification(resident);
	prctl(PR_SET_NAME, "resident-run");
}

/* si_pid is 0 when the sender is outside our PID namespace (kernel/signal.c, send_signal_locked). Root in the container
 * could forge that with rt_sigqueueinfo(2), but only to stop its own container, which it can do anyway. */
static bool from_host(const siginfo_t *info)
{
	return info->si_code == SI_QUEUE && info->si_pid == 0;
}

static void handle_command(struct resident *resident, const siginfo_t *info)
{
	if (!from_host(info)) {
		say("signal %d not queued by the host: ignored", info->si_signo);
	} else if (info->si_signo == SIGNAL_ADOPT) {
		adopt(resident, info->si_value.sival_int);
	} else if (resident->main_child == 0 && !resident->departed) {
		say("cannot depart: nothing runs here");
	} else {
		resident->departed = true;
		resident->stays = info->si_value.sival_int == DEPARTED_STAY;
		prctl(PR_SET_NAME, "resident-left");
	}
}

static bool is_stop(int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT; /* the stop signals of most images */
}

static enum await_decision decide(const struct resident *resident)
{
	const char *reason;
	struct timespec deadline;

	return resident->arguments->name ? await_decide(resident->arguments->name, &deadline, &reason) : AWAIT_NO;
}

static void forward(struct resident *resident, const siginfo_t *info)
{
	int signal = info->si_signo;
	int result;

	/* A cluster may want to end the container while its process is being moved: whether the process is still wanted
	 * here is known when that is over. After a departure it must not be ended by the signal, but by the host. */
	if (is_stop(signal) && (resident->departed ? resident->stays : decide(resident) == AWAIT_HOLD)) {
		resident->postponed = signal;
		return;
	}

	if (signal == SIGCHLD || info->si_code == SI_TIMER || (signal == SIGIO && info->si_code == SI_KERNEL) ||
	    (info->si_code == SI_USER && info->si_pid == getpid()))
		return; /* meant for us: a child ended, an old deadline, a notification, SIGPIPE from a line to stderr */
	/* The kernel discards these in an orphaned process group, such as the session of the main child without a
	 * terminal. */
	if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
		signal = SIGSTOP;
	if (info->si_code == SI_QUEUE && signal != SIGSTOP)
		result = sigqueue(resident->main_child, signal, info->si_value);
	else
		result = kill(resident->main_child, signal);
	if (result != 0)
		say("cannot send signal %d to %d: %s", signal, (int)resident->main_child, strerror(errno));
}

static void await_signal(struct resident *resident, const siginfo_t *info)
{
	if (is_stop(info->si_signo)) {
		resident->exit_status = EXIT_SUCCESS;
	} else if (info->si_signo == SIGALRM && resident->has_deadline && await_expired(&resident->deadline)) {
		say("nothing arrived before the deadline");
		resident->exit_status = EX_UNAVAILABLE;
	}
}

/* Blocks all signals, so that sigwaitinfo(2) returns each; SIGCHLD must not be ignored, or there would be no exit
 * status. */
static void take_signals(sigset_t *all, sigset_t *inherited)
{
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};

	sigaction(SIGCHLD, &action, NULL);
	sigfillset(all);
	sigprocmask(SIG_SETMASK, all, inherited);
}

static bool arm_deadline(struct resident *resident)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct itimerspec when = {.it_value = resident->deadline};

	resident->has_deadline = timer_create(CLOCK_BOOTTIME, &event, &resident->timer) == 0 &&
				 timer_settime(resident->timer, TIMER_ABSTIME, &when, NULL) == 0;
	return resident->has_deadline;
}

static bool drop_net_admin(const struct arguments *arguments)
{
	if (!arguments->drop_net_admin || addresses_drop_capability())
		return true;
	say("cannot drop CAP_NET_ADMIN: %s", strerror(errno));
	return false;
}

static bool run_command(struct resident *resident)
{
	const struct arguments *arguments = resident->arguments;
	const char *interface, *action, *notifies = getenv("RESIDENT_NOTIFY");

	if (!addresses_set(&arguments->addresses, &interface, &action)) {
		say("%s: cannot %s: %s", interface, action, strerror(errno));
		return false;
	}
	addresses_correct_neighbours();
	if (!drop_net_admin(arguments))
		return false;
	if (notifies && strcmp(notifies, "ready") == 0 && (resident->notification = notify_open()) < 0) {
		say("cannot open a socket for notifications: %s", strerror(errno));
		return false;
	}
	resident->main_child = start(arguments->command, &resident->inherited);
	if (resident->main_child < 0) {
		say("cannot fork: %s", strerror(errno));
		return false;
	}
	prctl(PR_SET_NAME, resident->notification == NOT_NOTIFIED ? "resident-run" : "resident-start");
	return true;
}

/* What was put off until the host removed its hold. */
static void check_hold(struct resident *resident)
{
	if (resident->held && decide(resident) == AWAIT_NO) {
		resident->held = false;
		if (!run_command(resident))
			resident->exit_status = EX_OSERR;
	} else if (resident->postponed && !resident->departed && decide(resident) != AWAIT_HOLD) {
		kill(resident->main_child, resident->postponed);
		resident->postponed = 0;
	}
}

static int serve(struct resident *resident, const sigset_t *all)
{
	const struct timespec now = {0}, soon = {.tv_nsec = HOLD_POLL_NS};
	siginfo_t info, command;
	sigset_t commands;

	sigemptyset(&commands);
	sigaddset(&commands, SIGNAL_ADOPT);
	sigaddset(&commands, SIGNAL_DEPARTED);
	for (;;) {
		bool has_hold = resident->held || resident->postponed;
		int signal = has_hold ? sigtimedwait(all, &info, &soon) : sigwaitinfo(all, &info);

		if (has_hold)
			check_hold(resident);
		if (signal < 0 && resident->exit_status != NOT_ENDED)
			return resident->exit_status;
		if (signal < 0)
			continue; /* EINTR: PID 1 was stopped and continued, or traced; or a hold is not over yet */
		if (sigismember(&commands, signal))
			handle_command(resident, &info);
		/* The kernel delivers low signal numbers first. So commands are handled here, before the end of a
		 * child, the deadline or a stop that came after them. */
		while (resident->exit_status == NOT_ENDED && sigtimedwait(&commands, &command, &now) > 0)
			handle_command(resident, &command);
		reap(resident);
		check_notification(resident);
		if (resident->exit_status == NOT_ENDED && !sigismember(&commands, signal)) {
			if (resident->main_child == 0)
				await_signal(resident, &info);
			else
				forward(resident, &info);
		}
		if (resident->exit_status != NOT_ENDED)
			return resident->departed ? EXIT_SUCCESS : resident->exit_status;
	}
}

static int run(const struct arguments *arguments)
{
	static struct resident resident = {.exit_status = NOT_ENDED, .notification = NOT_NOTIFIED};
	const char *name = arguments->name;
	enum await_decision decision = AWAIT_NO;
	sigset_t all;
	const char *reason;

	if (getpid() != 1) {
		say("must be PID 1 of the container (so neither --init nor --pid=host)");
		return EX_USAGE;
	}
	resident.arguments = arguments;
	take_signals(&all, &resident.inherited);
	open_missing_streams();
	close_inherited_descriptors();
	if (name)
		decision = await_decide(name, &resident.deadline, &reason);
	switch (decision) {
	case AWAIT_INVALID:
		say("%s/%s %s: not started, it may be alive on another host", AWAIT_DIRECTORY, name, reason);
		return EX_CONFIG;
	case AWAIT_YES:
		if (!arm_deadline(&resident)) {
			say("cannot set the deadline: %s", strerror(errno));
			return EX_OSERR;
		}
		/* fall through */
	case AWAIT_UNLIMITED:
		if (!drop_net_admin(arguments))
			return EX_OSERR;
		prctl(PR_SET_NAME, "resident-await");
		break;
	case AWAIT_HOLD:
		say("waits until %s/%s is removed: the process may be alive on another host", AWAIT_DIRECTORY, name);
		resident.held = true;
		prctl(PR_SET_NAME, "resident-hold");
		break;
	case AWAIT_NO:
		if (!run_command(&resident))
			return EX_OSERR;
		break;
	}
	return serve(&resident, &all);
}

/* False when they are something else than usage() says. */
static bool parse_arguments(struct arguments *arguments, int argc, char **argv)
{
	int next = 1;

	while (next < argc && argv[next][0] == '-') {
		const char *option = argv[next++];

		if (strcmp(option, "--") == 0)
			break;
		if (strcmp(option, "--drop-net-admin") == 0) {
			arguments->drop_net_admin = true;
		} else if (strcmp(option, "--name") == 0 && !arguments->name && next < argc && await_name_valid(argv[next])) {
			arguments->name = argv[next++];
		} else if (strcmp(option, "--address") == 0 && next < argc) {
			if (!addresses_add(&arguments->addresses, argv[next++]))
				return false;
		} else {
			return false;
		}
	}
	arguments->command = argv + next;
	return next < argc;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};

	if (argc == 2 && strcmp(argv[1], "health") == 0)
		return health();
	if (argc == 2 && strcmp(argv[1], "ready") == 0)
		return ready();
	if (argc == 2 && strcmp(argv[1], "version") == 0)
		return puts(VERSION) < 0 ? EX_IOERR : EXIT_SUCCESS;
	if (argc > 1 && (strcmp(argv[1], "health") == 0 || strcmp(argv[1], "ready") == 0 || strcmp(argv[1], "version") == 0))
		return usage();
	return parse_arguments(&arguments, argc, argv) ? run(&arguments) : usage();
}
