/*
 * files: a temporary folder for a configuration and what belongs to it.
 */
#ifndef LEADRELAY_TESTS_CONFIG_FILES_H
#define LEADRELAY_TESTS_CONFIG_FILES_H

#include <sys/stat.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "unit.h"

#define SECRET_TEXT "a-signing-secret-for-tests-only-0"

/* The smallest useful configuration; write_basics makes its secret. */
#define SMALLEST \
	"source { secret_file = \"secret\" }\n" \
	"destination crm { url = \"https://crm.example/api/leads\" }\n"

/* A setup function: *state is the folder, and the working directory. */
static inline int
make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX], *real;

	(void)snprintf(path, sizeof(path), "%s/leadrelay-test-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(path) == NULL || (real = realpath(path, NULL)) == NULL)
		return -1;
	*state = real;
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	(void)unsetenv("LEADRELAY_CONFIG");
	return chdir(real);
}

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
remove_folder(void **state)
{
	int rc = chdir("/");

	rc |= nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return rc;
}

/* Write a file with permissions of its own, below the working directory. */
static inline void
write_file(const char *name, const char *text, mode_t mode)
{
	FILE *fp = fopen(name, "w");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(fclose(fp), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static inline void
write_basics(void)
{
	write_file("secret", SECRET_TEXT "\n", 0600);
	write_file("short", "twelve-bytes\n", 0600);
	write_file("empty", "", 0600);
	(void)mkfifo("fifo", 0600);
	write_file("open", SECRET_TEXT "\n", 0644);
	write_file("signing", "whsec_" "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 0600);
	write_file("login", "user:password\n", 0600);
	write_file("header", "X-Api-Key: tell-nobody\n", 0600);
	write_file("address", "https://hook.example/secret-path\n", 0600);
}

/* Load ${text} as "x.conf"; what was said is in ${fault}. */
static inline struct config *
load_text(const char *text, struct config_fault *fault)
{
	write_file("x.conf", text, 0644);
	return config_load("x.conf", fault);
}

/* Load what must be good and cause no warning. */
static inline struct config *
load_good(const char *text)
{
	struct config_fault fault;
	struct config *config = load_text(text, &fault);

	if (fault.text.data != NULL)
		fail_msg("unexpected: %s", fault.text.data);
	assert_non_null(config);
	assert_int_equal(fault.count, 0);
	buf_free(&fault.text);
	return config;
}

#endif
