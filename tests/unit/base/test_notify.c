/*
 * A service manager's side of the protocol, on a datagram socket in a folder and
 * on an abstract one.
 */
#include "unit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"

static struct {
	char folder[32];
	char name[100];
	int fd;
} manager;

/* Listen as ${name}, "@..." being abstract, and let the environment say so. */
static void
manage(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager.fd, (struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static int
setup(void **state)
{
	(void)state;
	manager.fd = -1;
	strcpy(manager.folder, "/tmp/test_notify.XXXXXX");
	if (mkdtemp(manager.folder) == NULL)
		return -1;
	(void)snprintf(manager.name, sizeof(manager.name), "%s/socket",
	    manager.folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (manager.fd != -1)
		(void)close(manager.fd);
	(void)unlink(manager.name);
	(void)rmdir(manager.folder);
	return 0;
}

/* The next datagram; "" when there is none. */
static const char *
heard(void)
{
	static char text[1024];
	ssize_t n = recv(manager.fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
test_words(void **state)
{
	struct notify n;
	long long usec;

	(void)state;
	manage(manager.name);
	notify_open(&n);
	assert_int_equal(n.watchdog_ms, 0);
	assert_int_equal(notify_ready(&n), 0);
	assert_string_equal(heard(), "READY=1");
	notify_reloading(&n);
	assert_int_equal(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
	assert_true(usec > 0);
	notify_stopping(&n);
	assert_string_equal(heard(), "STOPPING=1");
	notify_alive(&n);
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_status(&n, "a.conf:3: unknown\nREADY=1 \xc3\xa4");
	assert_string_equal(heard(), "STATUS=a.conf:3: unknown READY=1 ??");
	notify_close(&n);
}

static void
test_abstract(void **state)
{
	char name[64];
	struct notify n;

	(void)state;
	(void)snprintf(name, sizeof(name), "@test_notify.%ld", (long)getpid());
	manage(name);
	notify_open(&n);
	assert_int_equal(notify_ready(&n), 0);
	assert_string_equal(heard(), "READY=1");
	notify_close(&n);
}

/* Whom the watchdog is for, and how often it is to be fed; no child inherits any of it. */
static void
test_watchdog(void **state)
{
	char self[24], other[24];
	const struct {
		const char *usec, *pid;
		int ms;
	} cases[] = {
		{ "30000000", NULL, 15000 }, { "30000000", self, 15000 },
		{ "30000000", other, 0 }, { "1000", self, 1 },
		{ "0", self, 0 }, { "x", self, 0 }, { "", self, 0 },
		{ "30000000", "", 0 }, { "18446744073709551615", self, 0 },
		{ "9223372036854775807", self, 60000 },
	};
	struct notify n;
	size_t i;

	(void)state;
	(void)snprintf(self, sizeof(self), "%ld", (long)getpid());
	(void)snprintf(other, sizeof(other), "%ld", (long)getppid());
	manage(manager.name);
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", manager.name, 1), 0);
		assert_int_equal(setenv("WATCHDOG_USEC", cases[i].usec, 1), 0);
		if (cases[i].pid != NULL)
			assert_int_equal(setenv("WATCHDOG_PID", cases[i].pid, 1), 0);
		notify_open(&n);
		if (n.watchdog_ms != cases[i].ms)
			fail_msg("case %zu: %d", i, n.watchdog_ms);
		notify_close(&n);
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
	}
}

/* Nobody is there, or somebody who does not read: nothing waits, nothing fails. */
static void
test_nobody(void **state)
{
	static const char *const names[] = { NULL, "", "/", "@", "x", "vsock:2:1",
	    "/nowhere/at/all", "@nobody-is-there" };
	struct notify n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		if (names[i] != NULL)
			assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		notify_open(&n);
		assert_int_equal(n.fd, -1);
		assert_int_equal(notify_ready(&n), 0);
		notify_close(&n);
	}
	manage(manager.name);
	notify_open(&n);
	for (i = 0; i < 2000 && notify_ready(&n) == 0; i++)
		continue;
	assert_int_equal(notify_ready(&n), -1);
	while (heard()[0] != '\0')
		continue;
	assert_int_equal(notify_ready(&n), 0);
	notify_close(&n);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_words),
		CASE(test_abstract),
		CASE(test_watchdog),
		CASE(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
