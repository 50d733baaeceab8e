/*
 * reload_reply: what became of a SIGHUP, told to who asked for it.
 *
 * A process that takes SIGHUP has a door: a socket without a file, named by its
 * process number.  Who asks knocks there first and then sends SIGHUP, so everybody
 * who has knocked when a reload begins is told its verdict: that of the process
 * that is to live by the new configuration, with its user, its credentials and its
 * view of the file system.  No signal could come back: root may ask who left root.
 */
#ifndef LEADRELAY_START_RELOAD_REPLY_H
#define LEADRELAY_START_RELOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define RELOAD_REPLY_MAX 64

/* This process's door, or -1: it takes SIGHUP, but tells nobody. */
int reload_reply_open(void);

/* Who has knocked at ${door} so far.  When all places are taken there may be more. */
size_t reload_reply_hear(int door, int askers[RELOAD_REPLY_MAX]);

/* Tell ${asker}, whom reload_reply_hear found, and be done with them. */
void reload_reply_tell(int asker, bool taken);

/*
 * For a command: have the process ${pid} ("4711") take its configuration anew,
 * and wait.  Returns the exit status; words on standard error.
 */
int reload_reply_ask(const char *pid);

#endif
