/*
 * config_keep: what a reload leaves as it was.
 */
#include "config/config.h"

#include <string.h>

#include "config/keys.h"
#include "config/value.h"

/* Are the values of ${key} the same, as far as anybody can read? */
static bool
is_same(const struct key *key, const void *a, const void *b)
{
	struct buf one = { 0 }, other = { 0 };
	bool same;

	value_print(key, a, &one);
	value_print(key, b, &other);
	same = buf_ok(&one) && buf_ok(&other) && one.len == other.len &&
	    (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
	buf_free(&one);
	buf_free(&other);
	return same;
}

int
config_keep(struct config *next, const struct config *former, bool opened,
    struct buf *kept)
{
	char *unnamed;

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];
		const void *old = keys_struct(former, key->section, 0, &unnamed);
		void *new = keys_struct(next, key->section, 0, &unnamed);

		if (!(key->flags & KEY_AT_START) ||
		    (key->section == SECTION_STORE && !opened) ||
		    is_same(key, old, new))
			continue;
		if (value_copy(key, old, new) == -1)
			return -1;
		buf_printf(kept, "%s%s %s", kept->len != 0 ? ", " : "",
		    keys_sections[key->section].name, key->name);
	}
	return buf_ok(kept) ? 0 : -1;
}

bool
config_same_destination(const struct config_destination *a,
    const struct config_destination *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; i < keys_count; i++) {
		struct key key = keys_table[i];

		key.flags &= ~(unsigned)(KEY_MASK_URL | KEY_MASK_HEADER);
		if (key.section == SECTION_DESTINATION && !is_same(&key, a, b))
			return false;
	}
	return true;
}
