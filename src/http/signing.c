/*
 * As credentials, but a list: several secrets sign at once while one takes over.
 */
#include "http/signing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sign.h"
#include "config/config.h"

static int
read_secrets(struct signing *s, const char *path, struct buf *why)
{
	struct secret_list fresh = { 0 };
	const char *fault;

	if (secret_read_list(path, false, &fresh, why) == -1)
		return -1;
	if ((fault = sign_check(&fresh)) != NULL) {
		buf_puts(why, fault);
		secret_list_free(&fresh);
		return -1;
	}
	secret_list_free(&s->secrets);
	s->secrets = fresh;
	return 0;
}

int
signing_refresh(struct signing *s, const struct config_destination *config,
    struct buf *why)
{
	struct buf phrase = { 0 };
	char *path;
	int rc = 0;

	if (config->sign_secret_file == NULL)
		return 0;
	if ((path = secret_resolve(config->sign_secret_file)) == NULL ||
	    (rc = stamp_take(&s->stamp, path)) == -1)
		buf_puts(&phrase, strerror(errno));
	else if (rc == 1)
		rc = read_secrets(s, config->sign_secret_file, &phrase);
	if (phrase.len != 0) {
		rc = -1;
		s->stamp = 0;		/* said until it is mended */
		buf_printf(why, "%ssign_secret_file: %s",
		    why->len != 0 ? "; " : "", phrase.data);
	}
	buf_free(&phrase);
	free(path);
	return rc;
}

void
signing_destroy(struct signing *s)
{
	secret_list_free(&s->secrets);
}
