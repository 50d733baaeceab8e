/*
 * What every process of ours does about signals before it has threads.
 */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>

static const struct {
	int number;
	void (*action)(int);
} table[] = {
	{ SIGXFSZ, SIG_IGN },		/* EFBIG: for the store a full disk, not death */
	{ SIGPIPE, SIG_DFL },		/* until signals_expect_hangups */
	{ SIGCHLD, SIG_DFL },		/* ignored, a child's status would be lost */
	{ SIGALRM, SIG_DFL },		/* ends a request's child that hangs */
};

static void
set(int number, void (*action)(int))
{
	struct sigaction sa = { .sa_handler = action };

	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(number, &sa, NULL);
}

void
signals_start(void)
{
	sigset_t none;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		set(table[i].number, table[i].action);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
signals_expect_hangups(void)
{
	set(SIGPIPE, SIG_IGN);
}
