/* A store that has no folder, as a database has none: whom does root become for it? */
#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "outbox/outbox.h"
#include "outbox/owner.h"
#include "outbox/store_ops.h"

/* In the place of the true one: it says of no place whose it is, and makes none. */
const struct store_ops store_sqlite = { .scheme = "sqlite" };

static char url[] = "sqlite:anywhere";

static int
owner(const char *user, struct identity *id, struct store_fault *fault)
{
	struct config config = { .store.url = url,
	    .worker.user = (char *)(uintptr_t)user };

	return owner_of(&config, true, id, fault);
}

/* Nothing of ours runs as root: a command ends with 78. */
static void
test_nobody_is_named(void **state)
{
	struct store_fault fault;
	struct config config = { .store.url = url };
	struct identity id;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(owner(NULL, &id, &fault), -1);
	assert_int_equal(fault.kind, STORE_FAULT_USER);
	assert_non_null(strstr(fault.text, "name a user in worker { user }"));
	assert_int_equal(owner_become(&config, false, &fault), -1);
	assert_int_equal(owner_become(&config, true, &fault), -1);
	assert_int_equal(fault.kind, STORE_FAULT_USER);
}

static void
test_a_user_is_named(void **state)
{
	struct store_fault fault;
	struct identity id, nobody;

	(void)state;
	if (geteuid() != 0 || identity_of_user("nobody", &nobody) == -1)
		skip();
	assert_int_equal(owner("nobody", &id, &fault), 1);
	assert_int_equal(id.uid, nobody.uid);
	assert_int_equal(owner("nobody-like-this", &id, &fault), -1);
	assert_int_equal(fault.kind, STORE_FAULT_USER);
}

/* Who is not root stays who they are. */
static void
test_no_root(void **state)
{
	struct store_fault fault;
	struct identity id;

	(void)state;
	if (geteuid() == 0)
		assert_int_equal(seteuid(12345), 0);
	assert_int_equal(owner(NULL, &id, &fault), 0);
	assert_int_equal(owner("nobody", &id, &fault), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_is_named),
		cmocka_unit_test(test_a_user_is_named),
		cmocka_unit_test(test_no_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
