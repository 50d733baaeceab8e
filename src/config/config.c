/*
 * A load goes on after each fault, so that all are told: a key with a faulty value
 * gets its default, a section given twice is read as far as it goes.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"
#include "config/fault.h"
#include "config/keys.h"
#include "config/parse.h"
#include "config/scan.h"
#include "config/value.h"

#define FILE_MAX ((size_t)1 << 20)
#define PIPE_WAIT_MS 5000		/* for who writes to it, each time */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789_-"
#define NAME_LEN_MAX 64

/* A load under way. */
struct load {
	struct config *config;
	struct fault_place at;		/* the file as a whole */
	struct parse parse;
};

char *
config_find(const char *option)
{
	const char *env = getenv("LEADRELAY_CONFIG");

	if (option == NULL && env != NULL && env[0] != '\0')
		option = env;
	return strdup(option != NULL ? option : SYSCONFDIR "/leadrelay/leadrelay.conf");
}

/* ---- the file ---- */

/* A regular file, or a pipe that whoever started us handed over: /dev/stdin, /dev/fd/63. */
static bool
is_readable(int fd, const char *path)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && (S_ISREG(sb.st_mode) ||
	    (S_ISFIFO(sb.st_mode) && strncmp(path, "/dev/", 5) == 0));
}

/* Read all of ${fd}, at most FILE_MAX bytes and a chunk.  Returns 0 or -1. */
static int
read_all(int fd, struct buf *text)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char chunk[8192];
	ssize_t n = 1;

	while (n > 0 && text->len <= FILE_MAX) {
		if (poll(&pfd, 1, PIPE_WAIT_MS) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(text, chunk, (size_t)n);
	}
	buf_puts(text, "");		/* an empty file is a string, too */
	return n == -1 ? -1 : 0;
}

/* 0, or -1 and the fault is reported. */
static int
read_file(const struct fault_place *at, struct buf *text)
{
	/* O_NONBLOCK: what nobody writes to must be refused, not waited for. */
	int fd = open(at->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int before = at->fault->count;

	if (fd == -1) {
		fault_add(at, "cannot be opened: %s", strerror(errno));
		return -1;
	}
	if (!is_readable(fd, at->file))
		fault_add(at, "is no regular file");
	else if (read_all(fd, text) == -1)
		fault_add(at, "cannot be read: %s", strerror(errno));
	else if (!buf_ok(text) || text->data == NULL)
		fault_add(at, "out of memory");
	else if (text->len > FILE_MAX)
		fault_add(at, "is larger than 1 MB: not a configuration");
	else if (memchr(text->data, '\0', text->len) != NULL)
		fault_add(at, "holds a NUL byte: not a text file");
	(void)close(fd);
	return at->fault->count == before ? 0 : -1;
}

/* ---- sections ---- */

/* Set every key of a section, from the file or to its default. */
static void
fill_section(const struct load *ld, enum section_id id,
    const struct parse_section *section, void *base)
{
	struct fault_place at = ld->at;
	const char *folder = ld->config->folder;
	struct parse_setting set;
	struct buf why = { 0 };

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys_table[i];

		if (key->section != id)
			continue;
		if (!parse_setting(section, key->name, &set)) {
			if (value_set_default(key, base, folder) == -1)
				fault_add(&ld->at, "out of memory");
			continue;
		}
		at.line = set.line;
		if (set.earlier != 0)
			fault_add(&at, "%s: was set on line %d already",
			    key->name, set.earlier);
		if (value_set(key, base, set.texts, set.count, folder, &why) == -1) {
			fault_add(&at, "%s: %s", key->name,
			    why.data == NULL ? "out of memory" : why.data);
			(void)value_set_default(key, base, folder);
		}
		buf_reset(&why);
		free(set.texts);
	}
	buf_free(&why);
}

/* Fill a section's struct, and see whether its settings make sense. */
static void
load_section(const struct load *ld, enum section_id id,
    const struct parse_section *section, void *base)
{
	struct check_site site = { .at = ld->at, .section = *section,
	    .folder = ld->config->folder };
	const char *kind = keys_sections[id].name;
	struct buf title = { 0 };

	fill_section(ld, id, section, base);
	buf_puts(&title, kind);
	if (section->name != NULL && section->name[0] != '\0')
		buf_printf(&title, " %s", section->name);
	site.at.line = section->line;
	site.title = buf_ok(&title) ? title.data : kind;
	check_section(&site, id, base);
	buf_free(&title);
}

/* The only section of its kind that there may be: is it, and without a name? */
static void
check_single(const struct load *ld, enum section_id id, size_t index)
{
	struct parse_section section = parse_section(&ld->parse, id, index);
	const char *kind = keys_sections[id].name;
	struct fault_place at = ld->at;

	at.line = section.line;
	if (index > 0)
		fault_add(&at, "there is a section %s on line %d already", kind,
		    parse_section(&ld->parse, id, 0).line);
	if (section.name[0] != '\0')
		fault_add(&at, "a section %s has no name", kind);
}

/* One of several: its name, checked, for its struct. */
static char *
take_name(const struct load *ld, enum section_id id, size_t index)
{
	struct parse_section section = parse_section(&ld->parse, id, index);
	const char *kind = keys_sections[id].name, *name = section.name;
	struct fault_place at = ld->at;
	char *other;

	at.line = section.line;
	if (name[0] == '\0' && keys_sections[id].unnamed != NULL)
		name = keys_sections[id].unnamed;
	else if (name[0] == '\0')
		fault_add(&at, "a section %s needs a name: %s NAME { ... }", kind, kind);
	else if (name[strspn(name, NAME_CHARS)] != '\0' ||
	    strlen(name) > NAME_LEN_MAX)
		fault_add(&at, "%s \"%.64s\": expected a name of 1 to %d letters, "
		    "digits, \"_\" and \"-\"", kind, name, NAME_LEN_MAX);
	for (size_t i = 0; name[0] != '\0' && i < index; i++) {
		(void)keys_struct(ld->config, id, i, &other);
		if (other == NULL || strcmp(name, other) != 0)
			continue;
		fault_add(&at, "there is a %s %s on line %d already", kind, name,
		    parse_section(&ld->parse, id, i).line);
		break;
	}
	return strdup(name);
}

/* All sections of a kind; of one that there may be but one, the last counts. */
static void
load_kind(const struct load *ld, enum section_id id)
{
	const struct section *kind = &keys_sections[id];
	size_t count = parse_count(&ld->parse, id);
	struct parse_section section = { 0 };
	char *config = (char *)ld->config, *base = config + kind->offset;

	if (kind->several && count > 0) {
		if ((base = calloc(count, kind->size)) == NULL) {
			fault_add(&ld->at, "out of memory");
			return;
		}
		*(void **)(void *)(config + kind->offset) = base;
		*(size_t *)(void *)(config + kind->count_offset) = count;
	}
	for (size_t i = 0; i < count; i++) {
		section = parse_section(&ld->parse, id, i);
		if (!kind->several) {
			check_single(ld, id, i);
			continue;
		}
		*(char **)(void *)(base + kind->name_offset) = take_name(ld, id, i);
		load_section(ld, id, &section, base);
		base += kind->size;
	}
	if (!kind->several)
		load_section(ld, id, &section, base);
}

/* ---- the whole ---- */

/* Two sources must not answer the same path; no path reads "any". */
static void
check_paths(const struct load *ld)
{
	const struct config_source *a = ld->config->sources, *b;
	struct fault_place at = ld->at;

	for (size_t i = 0; i < ld->config->source_count; i++, a++)
		for (b = ld->config->sources; b < a; b++) {
			if (strcmp(a->path != NULL ? a->path : "any",
			    b->path != NULL ? b->path : "any") != 0)
				continue;
			at.line = parse_section(&ld->parse, SECTION_SOURCE, i).line;
			fault_add(&at, "source %s answers the same path as "
			    "source %s: give each its own path", a->name, b->name);
		}
}

static void
check_whole(const struct load *ld)
{
	check_paths(ld);
	if (!ld->parse.whole)
		return;			/* what is missing may stand further down */
	if (ld->config->source_count == 0)
		fault_add(&ld->at, "there is no source section: nothing says "
		    "whose webhooks to accept");
	if (ld->config->destination_count == 0)
		fault_add(&ld->at, "there is no destination section: leads "
		    "would go nowhere");
}

/* The absolute path of ${file}, and its folder. */
static int
set_place(struct config *config, const char *file)
{
	char *cwd = file[0] == '/' ? strdup("/") : getcwd(NULL, 0);
	const char *slash;

	if (cwd != NULL)
		config->file = value_absolute(cwd, file);
	free(cwd);
	if (config->file == NULL)
		return -1;
	slash = strrchr(config->file, '/');
	config->folder = strndup(config->file, slash == config->file ? 1 :
	    (size_t)(slash - config->file));
	return config->folder == NULL ? -1 : 0;
}

struct config *
config_load_partly(const char *file, struct config_fault *fault)
{
	struct load ld = { .at = { .fault = fault, .file = file } };
	struct buf text = { 0 }, scanned = { 0 };

	*fault = (struct config_fault){ 0 };
	if (read_file(&ld.at, &text) == -1)
		goto out;
	scan_text(text.data, text.len, ld.at, &scanned);
	ld.config = calloc(1, sizeof(*ld.config));
	if (ld.config == NULL || set_place(ld.config, file) == -1 ||
	    !buf_ok(&scanned)) {
		fault_add(&ld.at, "out of memory");
		goto out;
	}
	ld.parse = parse_text(scanned.data == NULL ? "" : scanned.data, ld.at);
	for (enum section_id id = 0; id < SECTIONS; id++)
		load_kind(&ld, id);
	check_whole(&ld);
	parse_free(&ld.parse);
out:
	buf_free(&text);
	buf_free(&scanned);
	return ld.config;
}

struct config *
config_load(const char *file, struct config_fault *fault)
{
	struct config *config = config_load_partly(file, fault);

	if (fault->count == 0)
		return config;
	config_free(config);
	return NULL;
}

struct config *
config_share(struct config *config)
{
	if (config != NULL)
		atomic_fetch_add(&config->shares, 1);
	return config;
}

static void
free_section(enum section_id id, void *base)
{
	for (size_t i = 0; i < keys_count; i++)
		if (keys_table[i].section == id)
			value_free(&keys_table[i], base);
}

void
config_free(struct config *config)
{
	void *base;
	char *name;

	if (config == NULL || atomic_fetch_sub(&config->shares, 1) != 0)
		return;
	for (size_t i = 0; i < config->source_count; i++)
		secret_list_free(&config->sources[i].secrets);
	for (enum section_id id = 0; id < SECTIONS; id++)
		for (size_t i = 0; (base = keys_struct(config, id, i, &name)) != NULL; i++) {
			free_section(id, base);
			free(name);
		}
	free(config->sources);
	free(config->destinations);
	free(config->folder);
	free(config->file);
	free(config);
}

/* ---- looking things up ---- */

const struct config_source *
config_source_for(const struct config *config, const char *path)
{
	const struct config_source *any = NULL;

	for (size_t i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];

		if (source->path == NULL)
			any = source;
		else if (strcmp(source->path, path) == 0)
			return source;
	}
	return any;
}

const struct config_source *
config_source_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (strcmp(config->sources[i].name, name) == 0)
			return &config->sources[i];
	return NULL;
}

const struct config_destination *
config_destination_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->destination_count; i++)
		if (strcmp(config->destinations[i].name, name) == 0)
			return &config->destinations[i];
	return NULL;
}

int64_t
config_longest_pause(const struct config_destination *destination)
{
	int64_t longest = CONFIG_RETRY_AFTER_MAX_MS, pause;

	for (size_t i = 0; i < destination->retry_count; i++) {
		pause = destination->retry_ms[i] < CONFIG_PAUSE_MAX_MS ?
		    destination->retry_ms[i] : CONFIG_PAUSE_MAX_MS;
		if (pause + pause / 5 > longest)
			longest = pause + pause / 5;
	}
	return longest;
}
