#include "intake/served.h"

#include <stdbool.h>
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

/* Look ${root} up; under the lock. */
static bool
served_known(const struct served *sv, const char *root, const char **setting)
{
	for (size_t i = 0; i < sv->count; i++) {
		if (strcmp(sv->roots[i].root, root) == 0) {
			*setting = sv->roots[i].setting;
			return true;
		}
	}
	return false;
}

const char *
served_setting(struct served *sv, const struct config *config,
    const char *document_root)
{
	const char *setting, *other;
	char *copy;
	bool known;

	(void)pthread_mutex_lock(&sv->lock);
	known = served_known(sv, document_root, &setting);
	(void)pthread_mutex_unlock(&sv->lock);
	if (known)
		return setting;
	setting = config_served_by(config, document_root);
	(void)pthread_mutex_lock(&sv->lock);
	if (sv->count < SERVED_ROOTS_MAX &&
	    !served_known(sv, document_root, &other) &&
	    (copy = strdup(document_root)) != NULL) {
		sv->roots[sv->count].root = copy;
		sv->roots[sv->count++].setting = setting;
	}
	(void)pthread_mutex_unlock(&sv->lock);
	return setting;
}
