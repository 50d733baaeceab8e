#include "unit.h"

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/identity.h"
#include "cli/file_access.h"

static char root[] = "/tmp/test_place.XXXXXX";

static void
expect(const char *tail, enum file_access verdict, const char *words)
{
	char path[128];
	struct buf why = { 0 };

	snprintf(path, sizeof(path), "%s%s", root, tail);
	assert_int_equal(file_access_look(path, true, &why), verdict);
	if (words != NULL && (why.data == NULL || strstr(why.data, words) == NULL))
		fail_msg("\"%s\" is not in: %s", words, why.data);
	buf_free(&why);
}

static void
verdicts(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", root);
	assert_non_null(file = fopen(path, "w"));
	fclose(file);
	expect("/file", FILE_ACCESS_THERE, NULL);
	expect("/outbox.db", FILE_ACCESS_CAN, "can make it");
	expect("/a/outbox.db", FILE_ACCESS_CAN, "can make it");
	expect("/a/b/outbox.db", FILE_ACCESS_CANNOT, "/a is not there");
	expect("/file/a/outbox.db", FILE_ACCESS_CANNOT, "no folder");
	expect("/file/outbox.db", FILE_ACCESS_CANNOT, "no folder");
}

/* What is made without its folder needs that to be there. */
static void
without_folder(void **state)
{
	char path[128];
	struct buf why = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "%s/x.log", root);
	assert_int_equal(file_access_look(path, false, &why), FILE_ACCESS_CAN);
	snprintf(path, sizeof(path), "%s/a/x.log", root);
	assert_int_equal(file_access_look(path, false, &why), FILE_ACCESS_CANNOT);
	buf_free(&why);
}

/* Root may do all of this, so it is asked only of others. */
static void
denied(void **state)
{
	char path[128], cure[256], me[IDENTITY_NAME_SIZE];

	(void)state;
	if (geteuid() == 0)
		skip();
	snprintf(path, sizeof(path), "%s/closed", root);
	assert_int_equal(mkdir(path, 0500), 0);
	snprintf(cure, sizeof(cure), "install -d -m 0700 -o %s %s/new",
	    identity_name(geteuid(), me), path);
	expect("/closed/new/outbox.db", FILE_ACCESS_CANNOT, cure);
	assert_int_equal(chmod(path, 0), 0);
	expect("/closed/new/outbox.db", FILE_ACCESS_HIDDEN, "may not look into");
}

static int
make_root(void **state)
{
	(void)state;
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int
remove_root(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", root);
	unlink(path);
	snprintf(path, sizeof(path), "%s/closed", root);
	rmdir(path);
	return rmdir(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(without_folder),
		cmocka_unit_test(denied),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
