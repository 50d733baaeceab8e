#include "config.h"

#include "program/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/program.h"
#include "program/runner.h"

struct program_host {
	pid_t pid;
	int fd;			/* closing it ends the host */
};

/* Pass the descriptor ${fd} over the socket ${over}. */
static int
send_fd(int over, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(over, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* The descriptor that comes next, or -1 when the other end is closed. */
static int
receive_fd(int over)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c;
	ssize_t n;
	int fd;

	do
		n = recvmsg(over, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n != 1 || (c = CMSG_FIRSTHDR(&msg)) == NULL ||
	    c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Close what the parent had open: above all a listening socket on descriptor 0. */
static void
close_others(int keep)
{
	int fd, null;

	for (fd = 3; fd < 1024; fd++)
		if (fd != keep)
			close(fd);
	if ((null = open("/dev/null", O_RDWR)) != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
}

static _Noreturn void
host_main(int fd)
{
	int runner_fd;

	prctl(PR_SET_NAME, "leadrelay-host");
	/* Signals meant for the group (Ctrl-C) are the parent's affair. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);	/* runners are not waited for */
	close_others(fd);
	while ((runner_fd = receive_fd(fd)) != -1) {
		if (fork() == 0) {
			close(fd);
			runner_main(runner_fd);
		}
		close(runner_fd);
	}
	_exit(0);
}

struct program_host *
program_host_start(void)
{
	struct program_host *host;
	int pair[2];

	if ((host = malloc(sizeof(*host))) == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		free(host);
		return NULL;
	}
	if ((host->pid = fork()) == 0)
		host_main(pair[1]);
	close(pair[1]);
	if (host->pid == -1) {
		close(pair[0]);
		free(host);
		return NULL;
	}
	host->fd = pair[0];
	return host;
}

void
program_host_stop(struct program_host *host)
{
	if (host == NULL)
		return;
	close(host->fd);
	while (waitpid(host->pid, NULL, 0) == -1 && errno == EINTR)
		;
	free(host);
}

int
host_new_runner(struct program_host *host)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (send_fd(host->fd, pair[1]) == -1 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) == -1) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	close(pair[1]);
	return pair[0];
}
