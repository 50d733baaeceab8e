/*
 * config_served: does the web server serve what it must not?
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* Is ${path}, already resolved, ${root} or inside it? */
static bool
lies_in(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (strcmp(root, "/") == 0)
		return true;
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

/* A file named by a "*_file" key, wherever it is really read from. */
static bool
secret_is_served(const char *path, const char *root)
{
	char *real = path == NULL ? NULL : secret_resolve(path);
	bool served = real != NULL && is_served(real, root);

	free(real);
	return served;
}

static const char *
destination_served(const struct config_destination *dest, const char *root)
{
	const struct { const char *name; const char *path; } files[] = {
		{ "url_file", dest->url_file },
		{ "bearer_file", dest->bearer_file },
		{ "basic_file", dest->basic_file },
		{ "header_file", dest->header_file },
		{ "oauth_client_secret_file", dest->oauth_client_secret_file },
		{ "oauth_refresh_token_file", dest->oauth_refresh_token_file },
		{ "sign_secret_file", dest->sign_secret_file },
		{ "client_key", dest->client_key },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (secret_is_served(files[i].path, root))
			return files[i].name;
	return NULL;
}

const char *
config_served_by(const struct config *config, const char *document_root)
{
	const char *colon = strchr(config->store.url, ':');
	const char *setting;
	char root[PATH_MAX];

	/* What cannot be resolved, nothing is served from. */
	if (document_root == NULL || document_root[0] == '\0' ||
	    realpath(document_root, root) == NULL)
		return NULL;
	if (is_served(config->file, root))
		return "configuration";
	for (size_t i = 0; i < config->source_count; i++)
		if (secret_is_served(config->sources[i].secret_file, root))
			return "secret_file";
	if (strncmp(config->store.url, "sqlite:", 7) == 0 &&
	    is_served(colon + 1, root))
		return "store";
	if (secret_is_served(config->alert.url_file, root))
		return "url_file";
	for (size_t i = 0; i < config->destination_count; i++) {
		setting = destination_served(&config->destinations[i], root);
		if (setting != NULL)
			return setting;
	}
	return NULL;
}
