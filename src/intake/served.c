/*
 * A cache: what a document root was found to hold is asked of the disk once.
 */
#include "intake/served.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

void
served_init(struct served *sv)
{
	*sv = (struct served){ 0 };
	(void)pthread_mutex_init(&sv->lock, NULL);
}

void
served_free(struct served *sv)
{
	for (size_t i = 0; i < sv->count; i++)
		free(sv->roots[i].root);
	(void)pthread_mutex_destroy(&sv->lock);
}

/* What is known of ${root}, or NULL; under the lock. */
static const struct served_root *
served_find(const struct served *sv, const char *root)
{
	for (size_t i = 0; i < sv->count; i++)
		if (strcmp(sv->roots[i].root, root) == 0)
			return &sv->roots[i];
	return NULL;
}

const char *
served_setting(struct served *sv, const struct config *config,
    const char *document_root)
{
	const struct served_root *known;
	const char *setting = NULL;
	char *copy;

	(void)pthread_mutex_lock(&sv->lock);
	if ((known = served_find(sv, document_root)) != NULL)
		setting = known->setting;
	(void)pthread_mutex_unlock(&sv->lock);
	if (known != NULL)
		return setting;
	setting = config_served_by(config, document_root);
	(void)pthread_mutex_lock(&sv->lock);
	if (sv->count < SERVED_ROOTS_MAX && served_find(sv, document_root) == NULL &&
	    (copy = strdup(document_root)) != NULL) {
		sv->roots[sv->count].root = copy;
		sv->roots[sv->count++].setting = setting;
	}
	(void)pthread_mutex_unlock(&sv->lock);
	return setting;
}
