/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fence/handover.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define NAME "srp-fence-peer"
#define EXIT_BROKEN 1 /* of a fence-peer handler: none of the answers that DRBD knows */

static char *const *stock;
static pid_t self;

/* What the signal handler sends, made before: syslog() may be what hangs. */
static int last_socket = -1;
static char last_words[1024];
static size_t last_len;

/* ---- when nothing can be done in order any more ---- */

/* A child of a library that aborts on purpose is not us. */
static void give_up(int signo)
{
	(void)signo;
	if (getpid() != self)
		_exit(EXIT_BROKEN);
	if (last_socket >= 0)
		send(last_socket, last_words, last_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	execv(stock[0], stock);
	_exit(EXIT_BROKEN);
}

/* Best effort: without it the line is missing. */
static void last_words_prepare(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int n = snprintf(last_words, sizeof(last_words),
			 "<%d>" NAME "[%ld]: it crashed or took too long: %s is asked",
			 LOG_DAEMON | LOG_WARNING, (long)self, stock[0]);

	last_len = n < (int)sizeof(last_words) ? (size_t)n : sizeof(last_words) - 1;
	last_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (last_socket >= 0 && connect(last_socket, (struct sockaddr *)&un, sizeof(un))) {
		close(last_socket);
		last_socket = -1;
	}
}

static void signals_set(void (*handler)(int))
{
	static const int signals[] = { SIGALRM, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP };
	/* What is blocked stays so in the program that is executed: nothing may be. */
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

/* The kernel starts handlers without any: a socket must not become standard error. */
static void standard_files_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void handover_begin(char *const handler[], unsigned seconds)
{
	stock = handler;
	self = getpid();
	standard_files_open();
	signals_set(give_up);
	alarm(seconds);
	last_words_prepare();
	openlog(NAME, LOG_PID | LOG_PERROR, LOG_DAEMON);
}

/* ---- in order ---- */

void handover_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsyslog(LOG_NOTICE, fmt, ap);
	va_end(ap);
}

void handover(const char *reason)
{
	handover_log("%s: %s is asked", reason, stock[0]);
	alarm(0);
	signals_set(SIG_DFL);
	execv(stock[0], stock);
	handover_log("cannot run %s: %s; DRBD gets no answer", stock[0], strerror(errno));
	exit(EXIT_BROKEN);
}
