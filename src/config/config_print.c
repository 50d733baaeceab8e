/*
 * config_print: a configuration shown to people, without its secrets.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/url.h"
#include "config/value.h"

void
config_mask_url(const char *url, struct buf *out)
{
	struct url parts;

	if (!url_split(url, &parts)) {
		buf_puts(out, "...");
		return;
	}
	buf_add(out, parts.scheme, parts.scheme_len);
	buf_puts(out, "://");
	buf_add(out, parts.host, parts.host_len);
	if (parts.port != NULL) {
		buf_putc(out, ':');
		buf_add(out, parts.port, parts.port_len);
	}
	if (parts.rest[0] == '/' && parts.rest[1] == '\0')
		buf_putc(out, '/');
	else if (parts.rest[0] != '\0')
		buf_puts(out, "/\xe2\x80\xa6");
}

bool
config_header_tells(const char *header)
{
	static const char *const telling[] = { "auth", "cookie", "credential",
	    "key", "password", "secret", "signature", "token" };
	char *name = strndup(header, strcspn(header, ":"));
	bool tells = name == NULL;

	for (size_t i = 0; !tells && i < sizeof(telling) / sizeof(telling[0]); i++)
		tells = strcasestr(name, telling[i]) != NULL;
	free(name);
	return tells;
}

static void
print_section(enum section_id id, const char *name, const void *base,
    struct buf *out)
{
	struct buf value = { 0 };

	buf_puts(out, keys_sections[id].name);
	if (name != NULL)
		buf_printf(out, " %s", name);
	buf_puts(out, " {\n");
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (key->section != id)
			continue;
		buf_reset(&value);
		value_print(key, base, &value);
		if (value.len > 0)
			buf_printf(out, "\t%s = %s\n", key->name, value.data);
		else
			buf_printf(out, "\t# %s is not set\n", key->name);
	}
	buf_puts(out, "}\n");
	if (!buf_ok(&value))
		out->oom = true;
	buf_free(&value);
}

void
config_print(const struct config *config, struct buf *out)
{
	const void *base;
	char *name;

	buf_printf(out, "# %s\n", config->file);
	for (enum section_id id = 0; id < SECTIONS; id++)
		for (size_t i = 0; (base = keys_struct(config, id, i, &name)) != NULL; i++)
			print_section(id, name, base, out);
}
