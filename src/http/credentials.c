/*
 * A table of files: what is read of each, and the line that is made of it.  A file that
 * turns bad leaves what was read before in use.
 */
#include "http/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/secret.h"
#include "base/stamp.h"
#include "config/config.h"

/* A shorter credential would scrub every answer to stars. */
#define SCRUB_MIN 4

enum kind { KIND_URL, KIND_BEARER, KIND_BASIC, KIND_HEADER, KIND_CLIENT_SECRET,
	KIND_REFRESH_TOKEN, KIND_GRANTED, KINDS };

/*
 * One file: what it holds, what is made of it, and how it looked when read.
 * KIND_GRANTED has no file.
 */
struct file {
	const char *setting;		/* "bearer_file" */
	const char *path;		/* NULL: not configured */
	int (*make)(struct file *f, struct buf *why);
	struct buf secret;		/* its first line */
	struct buf line;		/* the header line, or the URL */
	struct buf encoded;		/* another form to scrub, or empty */
	uint64_t stamp;			/* of the file as it was read; 0: not yet */
};

struct credentials {
	const struct config_destination *config;
	struct file files[KINDS];
};

static int
make_url(struct file *f, struct buf *why)
{
	(void)why;
	buf_add(&f->line, f->secret.data, f->secret.len);
	return 0;
}

static int
make_bearer(struct file *f, struct buf *why)
{
	(void)why;
	buf_puts(&f->line, "Authorization: Bearer ");
	buf_add(&f->line, f->secret.data, f->secret.len);
	return 0;
}

/* For the token endpoint, no header. */
static int
make_nothing(struct file *f, struct buf *why)
{
	(void)f;
	(void)why;
	return 0;
}

/* RFC 7617: "user:password" in the base64 of RFC 4648 section 4, with padding. */
static int
make_basic(struct file *f, struct buf *why)
{
	size_t len = f->secret.len;
	struct buf *out = &f->encoded;
	char *p;

	if (memchr(f->secret.data, ':', len) == NULL) {
		buf_puts(why, "holds no \"user:password\"");
		return -1;
	}
	if (!buf_reserve(out, BASE64URL_ENCODED_SIZE(len)))
		return 0;			/* the caller asks buf_ok */
	base64url_encode((const unsigned char *)f->secret.data, len, out->data);
	for (p = out->data; *p != '\0'; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	out->len = (size_t)(p - out->data);
	buf_puts(&f->line, "Authorization: Basic ");
	buf_add(&f->line, out->data, out->len);
	buf_puts(&f->line, len % 3 == 1 ? "==" : len % 3 == 2 ? "=" : "");
	return 0;
}

/* A whole header line; what stands behind the colon is the secret. */
static int
make_header(struct file *f, struct buf *why)
{
	const char *colon = memchr(f->secret.data, ':', f->secret.len);
	size_t at;

	if (colon == NULL || colon == f->secret.data) {
		buf_puts(why, "holds no \"Name: value\"");
		return -1;
	}
	at = (size_t)(colon - f->secret.data) + 1;
	at += strspn(f->secret.data + at, " \t");
	buf_add(&f->line, f->secret.data, f->secret.len);
	buf_add(&f->encoded, f->secret.data + at, f->secret.len - at);
	return 0;
}

struct credentials *
credentials_new(const struct config_destination *config)
{
	struct credentials *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->config = config;
	c->files[KIND_URL] = (struct file){ .setting = "url_file",
	    .path = config->url == NULL ? config->url_file : NULL, .make = make_url };
	c->files[KIND_BEARER] = (struct file){ .setting = "bearer_file",
	    .path = config->bearer_file, .make = make_bearer };
	c->files[KIND_BASIC] = (struct file){ .setting = "basic_file",
	    .path = config->basic_file, .make = make_basic };
	c->files[KIND_HEADER] = (struct file){ .setting = "header_file",
	    .path = config->header_file, .make = make_header };
	c->files[KIND_CLIENT_SECRET] = (struct file){
	    .setting = "oauth_client_secret_file",
	    .path = config->oauth_client_secret_file, .make = make_nothing };
	c->files[KIND_REFRESH_TOKEN] = (struct file){
	    .setting = "oauth_refresh_token_file",
	    .path = config->oauth_refresh_token_file, .make = make_nothing };
	return c;
}

static void
wipe_file(struct file *f)
{
	secret_wipe(&f->secret);
	secret_wipe(&f->line);
	secret_wipe(&f->encoded);
}

void
credentials_free(struct credentials *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < KINDS; i++)
		wipe_file(&c->files[i]);
	free(c);
}

/* Read into a fresh copy, so that a bad file leaves what was good. */
static int
read_file(struct file *f, uint64_t stamp, struct buf *why)
{
	struct file fresh = { .setting = f->setting, .path = f->path,
	    .make = f->make, .stamp = stamp };
	struct buf phrase = { 0 };
	int rc = -1;

	if (secret_read_one(f->path, false, &fresh.secret, &phrase) == -1)
		goto out;
	if (fresh.make(&fresh, &phrase) == -1)
		goto out;
	if (!buf_ok(&fresh.line) || !buf_ok(&fresh.encoded)) {
		buf_puts(&phrase, "out of memory");
		goto out;
	}
	wipe_file(f);
	*f = fresh;
	rc = 0;
out:
	if (rc == -1) {
		wipe_file(&fresh);
		buf_printf(why, "%s%s: %s", why->len != 0 ? "; " : "", f->setting,
		    phrase.data != NULL ? phrase.data : "cannot be read");
	}
	buf_free(&phrase);
	return rc;
}

static int
refresh_file(struct file *f, struct buf *why)
{
	uint64_t stamp = f->stamp;
	char *path;
	int rc;

	if (f->path == NULL)
		return 0;
	if ((path = secret_resolve(f->path)) == NULL ||
	    (rc = stamp_take(&stamp, path)) == -1) {
		buf_printf(why, "%s%s: %s", why->len != 0 ? "; " : "", f->setting,
		    strerror(errno));
		rc = -1;
	} else if (rc == 1) {
		rc = read_file(f, stamp, why);
	}
	free(path);
	return rc;
}

int
credentials_refresh(struct credentials *c, struct buf *why)
{
	int i, rc = 0;

	for (i = 0; i < KINDS; i++)
		if (refresh_file(&c->files[i], why) == -1)
			rc = -1;
	return rc;
}

bool
credentials_complete(const struct credentials *c)
{
	int i;

	for (i = 0; i < KINDS; i++)
		if (c->files[i].path != NULL && c->files[i].stamp == 0)
			return false;
	return true;
}

void
credentials_set_token(struct credentials *c, const char *scheme, const char *token)
{
	struct file *f = &c->files[KIND_GRANTED];
	struct buf former = f->secret;

	/* Answers to the former one may be on their way, and are scrubbed too. */
	f->secret = (struct buf){ 0 };
	if (former.len != 0) {
		secret_wipe(&f->encoded);
		f->encoded = former;
	}
	secret_wipe(&f->line);
	if (token == NULL)
		return;
	buf_puts(&f->secret, token);
	buf_printf(&f->line, "Authorization: %s %s", scheme, token);
	if (!buf_ok(&f->secret) || !buf_ok(&f->line)) {
		secret_wipe(&f->secret);
		secret_wipe(&f->line);
	}
}

const char *
credentials_client_secret(const struct credentials *c)
{
	return c->files[KIND_CLIENT_SECRET].secret.data;
}

const char *
credentials_refresh_token(const struct credentials *c)
{
	return c->files[KIND_REFRESH_TOKEN].secret.data;
}

const char *
credentials_url(const struct credentials *c)
{
	return c->config->url != NULL ? c->config->url : c->files[KIND_URL].line.data;
}

/* The ${index}th file that has a header line, or NULL. */
static const struct file *
header_file(const struct credentials *c, size_t index)
{
	int i;

	for (i = KIND_URL + 1; i < KINDS; i++)
		if (c->files[i].line.len != 0 && index-- == 0)
			return &c->files[i];
	return NULL;
}

size_t
credentials_header_count(const struct credentials *c)
{
	size_t n;

	for (n = 0; header_file(c, n) != NULL; n++)
		continue;
	return n;
}

const char *
credentials_header(const struct credentials *c, size_t index)
{
	return header_file(c, index)->line.data;
}

/* How many bytes of ${text} spell ${secret}, backslashes skipped; 0: they do not. */
static size_t
match(const char *text, size_t len, const struct buf *secret)
{
	size_t i = 0, j = 0;

	while (j < secret->len && i < len) {
		if (text[i] == secret->data[j])
			i++, j++;
		else if (j != 0 && text[i] == '\\')
			i++;
		else
			return 0;
	}
	return j == secret->len ? i : 0;
}

static void
scrub_one(const struct buf *secret, char *text, size_t len)
{
	size_t i, n;

	if (secret->len < SCRUB_MIN)
		return;
	for (i = 0; i < len; i += n != 0 ? n : 1)
		if ((n = match(text + i, len - i, secret)) != 0)
			memset(text + i, '*', n);
}

void
credentials_scrub(const struct credentials *c, char *text, size_t len)
{
	int i;

	for (i = 0; i < KINDS; i++) {
		scrub_one(&c->files[i].secret, text, len);
		scrub_one(&c->files[i].encoded, text, len);
	}
}
