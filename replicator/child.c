/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replicator/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NO_PROGRAM 127

void child_init(struct child *c, qb_loop_t *loop)
{
	c->loop = loop;
	c->pid = -1;
	c->pidfd = c->in = c->out = -1;
}

bool child_runs(const struct child *c)
{
	return c->pid > 0;
}

/* In the child, between fork and exec: only what is allowed in a signal handler. */
static void become(const char *const argv[], int in, int out, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0)
		_exit(EXIT_NO_PROGRAM);
	dup2(in >= 0 ? in : null, STDIN_FILENO);
	dup2(out >= 0 ? out : null, STDOUT_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(EXIT_NO_PROGRAM);
}

static int32_t output_ready(int32_t fd, int32_t revents, void *data)
{
	struct child *c = data;

	(void)fd;
	(void)revents;
	c->readable(c);
	return 0;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void forget(struct child *c)
{
	if (c->pidfd >= 0)
		qb_loop_poll_del(c->loop, c->pidfd);
	fd_close(&c->pidfd);
	fd_close(&c->in);
	c->pid = -1;
}

/* What it wrote before its end is read first. */
static int32_t exited(int32_t fd, int32_t revents, void *data)
{
	struct child *c = data;
	int status = 0;

	(void)fd;
	(void)revents;
	if (waitpid(c->pid, &status, WNOHANG) == 0)
		return 0;
	forget(c);
	if (c->out >= 0)
		c->readable(c);
	child_output_close(c);
	c->ended(c, status);
	return 0;
}

static int watch(struct child *c)
{
	int rc;

	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0)
		return -errno;
	fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	rc = qb_loop_poll_add(c->loop, QB_LOOP_MED, c->pidfd, POLLIN, c, exited);
	if (!rc && c->out >= 0)
		rc = qb_loop_poll_add(c->loop, QB_LOOP_HIGH, c->out, POLLIN, c, output_ready);
	return rc;
}

int child_start(struct child *c, const char *const argv[])
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = 0;
	pid_t parent = getpid();

	if (((c->readable || c->listens) && pipe2(in, O_CLOEXEC)) ||
	    (c->readable && pipe2(out, O_CLOEXEC)))
		rc = -errno;
	if (!rc) {
		c->pid = fork();
		if (c->pid == 0)
			become(argv, in[0], out[1], parent);
		rc = c->pid < 0 ? -errno : 0;
	}
	fd_close(&in[0]);
	fd_close(&out[1]);
	c->in = in[1];
	c->out = out[0];
	if (c->out >= 0)
		fcntl(c->out, F_SETFL, O_NONBLOCK);
	if (!rc)
		rc = watch(c);
	if (rc)
		child_abandon(c);
	return rc;
}

int child_write(struct child *c, const char *text)
{
	ssize_t n = write(c->in, text, strlen(text));

	return n < 0 ? -errno : 0;
}

void child_output_close(struct child *c)
{
	if (c->out >= 0)
		qb_loop_poll_del(c->loop, c->out);
	fd_close(&c->out);
}

void child_kill(struct child *c)
{
	if (child_runs(c))
		kill(c->pid, SIGKILL);
}

void child_abandon(struct child *c)
{
	if (child_runs(c)) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, WNOHANG);
	}
	forget(c);
	child_output_close(c);
}
