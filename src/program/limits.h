/*
 * limits: what a process that runs jq programs may use.
 */
#ifndef LEADRELAY_PROGRAM_LIMITS_H
#define LEADRELAY_PROGRAM_LIMITS_H

#include <stdbool.h>

#include "program/wire.h"

/* A sanitizer's shadow memory takes more than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_NO_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIMITS_NO_MEMORY
#endif
#endif

#ifdef LIMITS_NO_MEMORY
#define LIMITS_OVERRUN "it took longer than a second, or more than 64 MB"
#else
#define LIMITS_OVERRUN "it took longer than a second"
#endif
#define LIMITS_REFUSED "the system does not allow the process to be limited"

/*
 * For good: no further privileges, no core file, no file written.  False when
 * the system does not let itself be limited (a system call filter).
 */
bool limits_confine(void);

/*
 * No more than PROGRAM_MEMORY beyond what is in use now; ${for_good}: it can not
 * be raised again, and no descriptor can be opened either.
 */
bool limits_memory(bool for_good);

/* No file can be opened, or as many as before. */
void limits_files(bool none);

/*
 * After ${ms} of processor time the process ends; 0: it may go on.  Time spent
 * waiting for a busy machine does not count.
 */
void limits_watch(int ms);

/*
 * Ended by limits_watch or by a fault of libjq's (out of memory is one), this
 * process says so on the socket ${fd}, with WIRE_LAST: the one as a WIRE_ERROR with
 * the constant ${overrun}, the other as a ${crash}.
 * Whoever is ended in another way, by somebody else, says nothing.
 */
void limits_last_words(int fd, const char *overrun, enum wire_kind crash);

#endif
