/*
 * Wall, monotonic and boot time; the steady clock is the wall's reading at the start,
 * going on monotonically.  Tests shift the first two.
 */
#include "base/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t pretended_wall, pretended_boot;
static _Atomic(const char *) pretended_id;

static int64_t
read_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME) +
	    atomic_load_explicit(&pretended_wall, memory_order_relaxed);
}

int64_t
clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME) +
	    atomic_load_explicit(&pretended_boot, memory_order_relaxed);
}

static char boot_id[CLOCK_BOOT_SIZE];

static void
read_boot_id(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = -1;

	if (fd != -1) {
		len = read(fd, boot_id, sizeof(boot_id) - 1);
		close(fd);
	}
	boot_id[len > 0 ? len : 0] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
	if (boot_id[0] == '\0')
		(void)snprintf(boot_id, sizeof(boot_id), "%ld-%lld",
		    (long)getpid(), (long long)clock_boot_ms());
}

const char *
clock_boot_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *pretended = atomic_load(&pretended_id);

	(void)pthread_once(&once, read_boot_id);
	return pretended != NULL ? pretended : boot_id;
}

/* --- the steady clock ----------------------------------------------------- */

static int64_t steady_base;

static void
begin_steady(void)
{
	steady_base = clock_wall_ms() - clock_mono_ms();
}

int64_t
clock_steady_ms(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, begin_steady);
	return steady_base + clock_mono_ms();
}

int64_t
clock_steady_of(int64_t wall_ms)
{
	return wall_ms == 0 ? 0 : wall_ms - clock_wall_ms() + clock_steady_ms();
}

int64_t
clock_wall_of(int64_t steady_ms)
{
	return steady_ms == 0 ? 0 : steady_ms - clock_steady_ms() + clock_wall_ms();
}

/* --- conditions ----------------------------------------------------------- */

void
clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

struct timespec
clock_deadline(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	return (struct timespec){
		.tv_sec = (time_t)(end / 1000),
		.tv_nsec = (long)(end % 1000 * 1000000)
	};
}

/* --- for tests ------------------------------------------------------------ */

void
clock_pretend(int64_t wall_ms, int64_t boot_ms)
{
	atomic_store(&pretended_wall, wall_ms);
	atomic_store(&pretended_boot, boot_ms);
}

void
clock_pretend_boot(const char *id)
{
	atomic_store(&pretended_id, id);
}
