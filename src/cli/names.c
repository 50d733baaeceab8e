/* An array that grows by one: what a person names is few, and realloc is quick. */
#include "cli/names.h"

#include <stdlib.h>
#include <string.h>

void
names_add(struct names *names, const char *name)
{
	char **list = realloc(names->list, (names->count + 1) * sizeof(*list));

	if (list != NULL) {
		names->list = list;
		if ((list[names->count] = strdup(name)) != NULL) {
			names->count++;
			return;
		}
	}
	names->oom = true;
}

void
names_learn(struct names *names, const char *name)
{
	if (!names_know(names, name))
		names_add(names, name);
}

bool
names_know(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

void
names_tell(const struct names *names, struct buf *out)
{
	for (size_t i = 0; i < names->count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" :
		    i + 1 < names->count ? ", " : " and ", names->list[i]);
}

void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct names){ 0 };
}
