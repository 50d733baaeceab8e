/*
 * config_served: does the web server serve what it must not?
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

/* Is ${path}, already resolved, ${root} or inside it? */
static bool
lies_in(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	return strncmp(path, root, len) == 0 &&
	    (path[len] == '/' || path[len] == '\0');
}

/*
 * Does the web server reach ${path} below ${root}?  By the name it has, in its
 * folder as it really is, or by where a symbolic link leads.  What does not
 * exist yet is judged by the nearest folder that does.
 */
static bool
is_served(const char *path, const char *root)
{
	char name[PATH_MAX], real[PATH_MAX];
	char *slash;

	if (realpath(path, real) != NULL && lies_in(real, root))
		return true;
	if ((size_t)snprintf(name, sizeof(name), "%s", path) >= sizeof(name))
		return false;		/* longer than any path that works */
	while ((slash = strrchr(name, '/')) != NULL && slash != name) {
		*slash = '\0';
		if (realpath(name, real) != NULL)
			return lies_in(real, root);
	}
	return false;
}

/* Which key's secret is, of the sections of this kind; NULL: none.  As it is really read. */
static const char *
secret_served(const struct config *config, enum section_id id, const char *root)
{
	const char *base;
	char *name, *real;
	bool served = false;

	for (size_t i = 0; (base = keys_struct(config, id, i, &name)) != NULL; i++)
		for (const struct key *k = keys_table; k < keys_table + keys_count; k++) {
			const char *path;

			if (k->section != id || !(k->flags & KEY_SECRET) || (path =
			    *(char *const *)(const void *)(base + k->offset)) == NULL)
				continue;
			real = secret_resolve(path);
			served = real != NULL && is_served(real, root);
			free(real);
			if (served)
				return k->name;
		}
	return NULL;
}

const char *
config_served_by(const struct config *config, const char *document_root)
{
	const char *setting;
	char root[PATH_MAX];

	/* What cannot be resolved, nothing is served from. */
	if (document_root == NULL || document_root[0] == '\0' ||
	    realpath(document_root, root) == NULL)
		return NULL;
	if (is_served(config->file, root))
		return "configuration";
	if ((setting = secret_served(config, SECTION_SOURCE, root)) != NULL)
		return setting;
	if (strncmp(config->store.url, "sqlite:", 7) == 0 &&
	    is_served(config->store.url + 7, root))
		return "store";
	if ((setting = secret_served(config, SECTION_ALERT, root)) != NULL)
		return setting;
	return secret_served(config, SECTION_DESTINATION, root);
}
