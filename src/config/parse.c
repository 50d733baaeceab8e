/*
 * libConfuse only cuts the text into words here: each value is kept with its line, and
 * judged afterwards by value.c, so that one load finds every fault.
 */
#include "config/parse.h"

#include <confuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/scan.h"

/* One value as libConfuse met it. */
struct item {
	int line;
	int earlier;		/* the key's line when it was given before; else 0 */
	char text[];
};

/*
 * libConfuse's scanner has one state for the whole process, and its error
 * function is told no more than the section it is in.  So one thread at a time
 * is in libConfuse, and where its faults go stands here meanwhile.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct fault_place *faults_at;

__attribute__((format(printf, 2, 0)))
static void
report_syntax(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct fault_place at = *faults_at;
	char words[256];

	at.line = cfg->line;
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	if (strstr(words, SCAN_UNKNOWN) == NULL)	/* that one is reported */
		fault_add(&at, "%s", words);
}

/*
 * Keep a value with its line.  Each section has options of its own, so a key's
 * earlier line is kept in the number that would be the default of an integer.
 */
static int
keep_item(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t size = strlen(value) + 1;
	struct item *item = malloc(sizeof(*item) + size);

	if (item == NULL)
		return -1;
	item->line = cfg->line;
	item->earlier = 0;
	memcpy(item->text, value, size);
	if (opt->nvalues == 1) {	/* the first of this assignment */
		item->earlier = (int)opt->def.number;
		opt->def.number = cfg->line;
	}
	*(void **)result = item;
	return 0;
}

static cfg_opt_t
key_option(const char *name)
{
	return (cfg_opt_t)CFG_PTR_LIST_CB(name, 0, CFGF_NODEFAULT, keep_item, free);
}

/* A list for every key, section by section, and a last section for unknown ones. */
static cfg_t *
init_options(void)
{
	cfg_opt_t *opts = calloc(keys_count + 2 * (SECTIONS + 1), sizeof(*opts));
	cfg_opt_t top[SECTIONS + 2];
	cfg_opt_t *next = opts;
	cfg_t *root;

	if (opts == NULL)
		return NULL;
	for (size_t id = 0; id <= SECTIONS; id++) {
		top[id] = (cfg_opt_t)CFG_SEC(id == SECTIONS ? SCAN_UNKNOWN :
		    keys_sections[id].name, next,
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
		for (size_t i = 0; i < keys_count; i++)
			if (keys_table[i].section == id)
				*next++ = key_option(keys_table[i].name);
		*next++ = key_option(SCAN_UNKNOWN);
		*next++ = (cfg_opt_t)CFG_END();
	}
	top[SECTIONS + 1] = (cfg_opt_t)CFG_END();
	root = cfg_init(top, CFGF_NONE);	/* copies them */
	free(opts);
	return root;
}

struct parse
parse_text(const char *text, struct fault_place at)
{
	struct parse p = { 0 };

	(void)pthread_mutex_lock(&lock);
	faults_at = &at;
	p.root = init_options();
	if (p.root != NULL) {
		(void)cfg_set_error_function(p.root, report_syntax);
		p.whole = cfg_parse_buf(p.root, text) == CFG_SUCCESS;
	}
	faults_at = NULL;
	(void)pthread_mutex_unlock(&lock);
	if (!p.whole && at.fault->count == 0)
		fault_add(&at, "out of memory");
	return p;
}

void
parse_free(struct parse *p)
{
	(void)pthread_mutex_lock(&lock);
	if (p->root != NULL)
		(void)cfg_free(p->root);	/* and the scanner with it */
	(void)pthread_mutex_unlock(&lock);
	p->root = NULL;
}

size_t
parse_count(const struct parse *p, enum section_id id)
{
	return p->root == NULL ? 0 : cfg_size(p->root, keys_sections[id].name);
}

struct parse_section
parse_section(const struct parse *p, enum section_id id, size_t index)
{
	struct parse_section section = { .cfg = cfg_getnsec(p->root,
	    keys_sections[id].name, (unsigned)index) };
	const char *title = cfg_title(section.cfg);

	section.line = (int)strtol(title, NULL, 10);
	section.name = strchr(title, ':') + 1;
	return section;
}

/* The key's option, or NULL where the section is not in the file. */
static cfg_opt_t *
find_option(const struct parse_section *section, const char *name)
{
	return section->cfg == NULL ? NULL : cfg_getopt(section->cfg, name);
}

bool
parse_setting(const struct parse_section *section, const char *name,
    struct parse_setting *out)
{
	cfg_opt_t *opt = find_option(section, name);
	const struct item *item;

	*out = (struct parse_setting){ 0 };
	if (opt == NULL || opt->nvalues == 0)
		return false;
	out->texts = calloc(opt->nvalues, sizeof(*out->texts));
	if (out->texts == NULL)
		return false;
	for (unsigned i = 0; i < opt->nvalues; i++) {
		item = cfg_opt_getnptr(opt, i);
		if (item == NULL)
			break;			/* memory ran out there */
		if (i == 0) {
			out->line = item->line;
			out->earlier = item->earlier;
		}
		out->texts[out->count++] = item->text;
	}
	return true;
}

int
parse_line_of(const struct parse_section *section, const char *name)
{
	const struct item *item = cfg_opt_getnptr(find_option(section, name), 0);

	return item == NULL ? 0 : item->line;
}
