/*
 * verdict: what became of a SIGHUP, told to the process that sent it.
 *
 * Who asks sends SIGHUP with sigqueue(3) and a number of ours, and is answered
 * by SIGUSR1, taken, or SIGUSR2, refused.  So the verdict is that of the process
 * that is to live by the new configuration, with its user, its credentials and
 * its view of the file system, not that of whoever asks.
 */
#ifndef LEADRELAY_VERDICT_H
#define LEADRELAY_VERDICT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* Who waits for a verdict on this SIGHUP; 0: nobody. */
pid_t verdict_asker(const siginfo_t *info);

void verdict_tell(pid_t asker, bool taken);

/*
 * For a command: have the process ${pid} ("4711") take its configuration anew,
 * and wait.  Returns the exit status; words on standard error.
 */
int verdict_ask(const char *pid);

#endif
