/*
 * A check asks the section's struct for values and the file for what was written:
 * a key with a faulty value is there, but its member is as if it were not.
 */
#include <config.h>		/* not the header of that name beside this file */

#include "config/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sign.h"
#include "config/config.h"
#include "config/url.h"
#include "config/value.h"

#ifdef HAVE_JQ
#define BUILT_WITH_JQ true
#else
#define BUILT_WITH_JQ false
#endif

#define SECRET_SHORT 16		/* bytes; RFC 7518 section 3.2 would like 32 */

/* Characters of a method or header name: "token" in RFC 9110 section 5.6.2. */
#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789" \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Where ${name} stands in the section, or the section when it does not. */
static struct fault_place
place_of(const struct check_site *site, const char *name)
{
	struct fault_place at = site->at;
	int line = parse_line_of(&site->section, name);

	if (line != 0)
		at.line = line;
	return at;
}

/* A fault of the key ${name}, where it stands: "${name}: words". */
__attribute__((format(printf, 3, 4)))
static void
complain(const struct check_site *site, const char *name, const char *fmt, ...)
{
	struct fault_place at = place_of(site, name);
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	fault_add(&at, "%s: %s", name, words);
}

static bool
has(const struct check_site *site, const char *name)
{
	return parse_line_of(&site->section, name) != 0;
}

static void
check_either(const struct check_site *site, const char *name, const char *other)
{
	if (has(site, name) && has(site, other))
		complain(site, name, "there is a %s too; expected one of them", other);
}

/* Is ${str} made of the characters of a method or header name? */
static bool
is_token(const char *str)
{
	return str[strspn(str, TOKEN_CHARS)] == '\0';
}

/* What a function said of its failure. */
static const char *
phrase(const struct buf *why)
{
	return why->data == NULL ? "out of memory" : why->data;
}

/* ---- source ---- */

/* Pages about leadrelay itself answer at these last segments, wherever it is. */
static bool
is_admin_path(const char *path)
{
	const char *last = strrchr(path, '/') + 1;

	return strcmp(last, "healthz") == 0 || strcmp(last, "metrics") == 0 ||
	    strcmp(last, "status") == 0;
}

static void
check_path(const struct check_site *site, const char *path)
{
	if (path == NULL)
		return;
	if (path[0] != '/' || strpbrk(path, "?# ") != NULL)
		complain(site, "path", "expected a path such as /leads, without "
		    "\"?\", \"#\" or blanks, or any; got \"%.64s\"", path);
	else if (is_admin_path(path))
		complain(site, "path", "\"%.64s\" ends like an admin page "
		    "(healthz, metrics, status)", path);
}

static void
load_secrets(const struct check_site *site, struct config_source *source)
{
	struct fault_place at = place_of(site, "secret_file");
	struct buf why = { 0 };

	if (secret_read_list(source->secret_file, source->allow_readable,
	    &source->secrets, &why) == -1)
		complain(site, "secret_file", "%s %s", source->secret_file,
		    phrase(&why));
	for (size_t i = 0; i < source->secrets.count; i++)
		if (source->secrets.items[i].len < SECRET_SHORT)
			fault_warn(&at, "secret_file: secret %zu of %s is only "
			    "%zu bytes; a secret under %d bytes can be guessed",
			    i + 1, source->secret_file,
			    source->secrets.items[i].len, SECRET_SHORT);
	buf_free(&why);
}

static void
check_source(const struct check_site *site, void *base)
{
	struct config_source *source = base;
	struct fault_place at = place_of(site, "verify");

	check_path(site, source->path);
	if (source->verify == CONFIG_VERIFY_NONE)
		fault_warn(&at, "%s: verify = none: whoever can reach this "
		    "source can make leads", site->title);
	else if (source->secret_file != NULL)
		load_secrets(site, source);
	else if (!has(site, "secret_file"))
		fault_add(&site->at, "%s: secret_file is missing: the file that "
		    "holds LeadPro's webhook signing secret", site->title);
}

/* ---- store and worker ---- */

/* Is *str "${prefix}PATH"?  Then the path is made absolute, counted from ${folder}. */
static bool
take_path(char **str, const char *prefix, const char *folder)
{
	size_t len = strlen(prefix);
	struct buf b = { 0 };
	char *path;

	if (strncmp(*str, prefix, len) != 0 || (*str)[len] == '\0' ||
	    (*str)[strlen(*str) - 1] == '/')
		return false;
	if ((path = value_absolute(folder, *str + len)) == NULL)
		return true;
	buf_printf(&b, "%s%s", prefix, path);
	free(path);
	if (buf_ok(&b)) {
		free(*str);
		*str = buf_detach(&b);
	}
	buf_free(&b);
	return true;
}

static void
check_store(const struct check_site *site, void *base)
{
	struct config_store *store = base;

	if (store->url == NULL || take_path(&store->url, "sqlite:", site->folder))
		return;
	complain(site, "url", "%sexpected sqlite:PATH",
	    strncmp(store->url, "postgres", 8) != 0 ? "" :
	    "this leadrelay is built without PostgreSQL; ");
}

static void
check_worker(const struct check_site *site, void *base)
{
	struct config_worker *worker = base;

	if (worker->log != NULL && strcmp(worker->log, "stderr") != 0 &&
	    strcmp(worker->log, "syslog") != 0 &&
	    !take_path(&worker->log, "file:", site->folder))
		complain(site, "log", "expected stderr, syslog or file:PATH; "
		    "got \"%.64s\"", worker->log);
}

/* ---- URLs and credentials ---- */

/* Are all braces in ${url} placeholders, and behind the host?  See http/request.h. */
static bool
has_good_braces(const char *str, const struct url *url)
{
	static const char *const good[] = { "{id}", "{lead_id}", "{lead_uuid}" };
	const size_t count = sizeof(good) / sizeof(good[0]);
	const char *brace = str + strcspn(str, "{}");
	size_t i;

	if (*brace != '\0' && brace < url->rest)
		return false;
	for (; *brace != '\0'; brace += strcspn(brace, "{}")) {
		for (i = 0; i < count; i++)
			if (strncmp(brace, good[i], strlen(good[i])) == 0)
				break;
		if (i == count)
			return false;
		brace += strlen(good[i]);
	}
	return true;
}

static void
check_url(const struct check_site *site, const char *name, const char *str,
    bool allow_http)
{
	struct url url;

	/* The URL may be a secret: no word of it in the message. */
	if (!url_split(str, &url) ||
	    (!url_is(&url, "https") && !url_is(&url, "http")))
		complain(site, name, "expected a URL such as "
		    "https://crm.example/leads");
	else if (url.user != NULL)
		complain(site, name, "a user and password belong into basic_file, "
		    "not into the URL");
	else if (url_is(&url, "http") && !allow_http && !url_is_loopback(&url))
		complain(site, name, "expected https: leads must not go out "
		    "unprotected (allow_http = yes permits it)");
	else if (!has_good_braces(str, &url))
		complain(site, name, "expected {id}, {lead_id} or {lead_uuid} where "
		    "a brace stands, in the path or behind it");
}

/* Read a file that holds a credential, to know that it can be; see its first line. */
static void
read_credential(const struct check_site *site, const char *name,
    const char *path, struct buf *line)
{
	struct buf why = { 0 };

	if (path != NULL && secret_read_one(path, false, line, &why) == -1)
		complain(site, name, "%s %s", path, phrase(&why));
	buf_free(&why);
}

static void
check_credential(const struct check_site *site, const char *name, const char *path)
{
	struct buf unused = { 0 };

	read_credential(site, name, path, &unused);
	secret_wipe(&unused);
}

/* The URL of the key url, or of the file that url_file names, by ${check}. */
static void
check_where(const struct check_site *site, const char *url, const char *file,
    bool allow_http, void (*check)(const struct check_site *site,
    const char *name, const char *str, bool allow_http))
{
	struct buf line = { 0 };

	if (url != NULL)
		check(site, "url", url, allow_http);
	read_credential(site, "url_file", file, &line);
	if (line.data != NULL)
		check(site, "url_file", line.data, allow_http);
	secret_wipe(&line);
}

/* ---- destination ---- */

/* Headers that leadrelay or libcurl writes itself, and what to use instead. */
static const struct { const char *name; const char *instead; } own_headers[] = {
	{ "Connection", "" },
	{ "Content-Length", "" },
	{ "Content-Type", "; its setting is content_type" },
	{ "Expect", "" },
	{ "Host", "; its setting is url" },
	{ "Idempotency-Key", "" },
	{ "Transfer-Encoding", "" },
	{ "User-Agent", "" },
	{ "X-Leadrelay-", "" },		/* ends in "-": all that begin so */
};

/* A header is never quoted in full: its value may be a credential. */
static void
check_header(const struct check_site *site, const char *key, const char *header)
{
	size_t len = strspn(header, TOKEN_CHARS);
	const char *value = header + len + 1;

	if (len == 0 || header[len] != ':' || value[strspn(value, " \t")] == '\0') {
		complain(site, key, "expected \"Name: value\"");
		return;
	}
	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++) {
		const char *own = own_headers[i].name;
		size_t own_len = strlen(own);

		if (strncasecmp(header, own, own_len) == 0 &&
		    (own[own_len - 1] == '-' || len == own_len))
			complain(site, key, "%.*s is set by leadrelay itself%s",
			    (int)len, header, own_headers[i].instead);
	}
}

static bool
is_authorization(const char *header)
{
	return header != NULL && strncasecmp(header, "Authorization:", 14) == 0;
}

static void
check_headers(const struct check_site *site, const struct config_destination *dest)
{
	struct buf line = { 0 };
	int authorizations = (dest->bearer_file != NULL) + (dest->basic_file != NULL) +
	    (dest->oauth_token_url != NULL);

	for (size_t i = 0; i < dest->header_count; i++) {
		check_header(site, "header", dest->headers[i]);
		authorizations += is_authorization(dest->headers[i]);
	}
	check_credential(site, "bearer_file", dest->bearer_file);
	read_credential(site, "basic_file", dest->basic_file, &line);
	if (line.data != NULL && strchr(line.data, ':') == NULL)
		complain(site, "basic_file", "expected user:password");
	secret_wipe(&line);
	read_credential(site, "header_file", dest->header_file, &line);
	if (line.data != NULL)
		check_header(site, "header_file", line.data);
	authorizations += is_authorization(line.data);
	secret_wipe(&line);
	if (authorizations > 1)
		fault_add(&site->at, "%s: more than one of bearer_file, "
		    "basic_file, oauth_token_url and an Authorization header",
		    site->title);
}

static void
check_oauth(const struct check_site *site, const struct config_destination *dest)
{
	static const char key[] = "oauth_token_url";
	static const char *const others[] = { "oauth_client_id",
	    "oauth_client_secret_file", "oauth_refresh_token_file", "oauth_scope" };

	if (!has(site, key)) {
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (has(site, others[i]))
				complain(site, others[i], "oauth_token_url is missing");
		return;
	}
	if (dest->oauth_token_url != NULL)
		check_url(site, key, dest->oauth_token_url, dest->allow_http);
	if (!has(site, "oauth_client_id"))
		complain(site, key, "oauth_client_id is missing");
	if (!has(site, "oauth_client_secret_file") &&
	    !has(site, "oauth_refresh_token_file"))
		complain(site, key, "oauth_client_secret_file (or "
		    "oauth_refresh_token_file) is missing");
	check_credential(site, "oauth_client_secret_file",
	    dest->oauth_client_secret_file);
	check_credential(site, "oauth_refresh_token_file",
	    dest->oauth_refresh_token_file);
	if (dest->oauth_scheme != NULL && !is_token(dest->oauth_scheme))
		complain(site, "oauth_scheme", "expected a word such as Bearer; got "
		    "\"%.64s\"", dest->oauth_scheme);
}

/* A file that others will read, wherever the service manager put it; they would wait for a FIFO. */
static void
check_readable(const struct check_site *site, const char *name, char **path)
{
	struct stat sb;
	char *real;

	if (*path == NULL || (real = secret_resolve(*path)) == NULL)
		return;
	free(*path);
	*path = real;
	if (access(real, R_OK) == -1 || stat(real, &sb) == -1)
		complain(site, name, "%s cannot be read: %s", real, strerror(errno));
	else if (!S_ISREG(sb.st_mode))
		complain(site, name, "%s is no regular file", real);
}

static void
check_tls(const struct check_site *site, struct config_destination *dest)
{
	check_readable(site, "ca_file", &dest->ca_file);
	check_readable(site, "client_cert", &dest->client_cert);
	check_readable(site, "client_key", &dest->client_key);
	if (has(site, "client_cert") != has(site, "client_key"))
		fault_add(&site->at, "%s: client_cert and client_key go together",
		    site->title);
}

static void
check_signature(const struct check_site *site, const struct config_destination *dest)
{
	struct secret_list secrets = { 0 };
	struct buf why = { 0 };
	const char *fault;

	if (dest->sign_secret_file == NULL)
		return;
	if (secret_read_list(dest->sign_secret_file, false, &secrets, &why) == -1)
		fault = phrase(&why);
	else
		fault = sign_check(&secrets);
	if (fault != NULL)
		complain(site, "sign_secret_file", "%s %s", dest->sign_secret_file,
		    fault);
	for (size_t i = 0; i < dest->header_count; i++)
		if (strncasecmp(dest->headers[i], "webhook-", 8) == 0)
			complain(site, "header", "webhook-... is set by leadrelay "
			    "itself where there is a sign_secret_file");
	secret_list_free(&secrets);
	buf_free(&why);
}

/* Keys that libjq carries out.  Whether a program compiles is asked elsewhere. */
static void
check_programs(const struct check_site *site, struct config_destination *dest)
{
	static const char *const keys[] = { "when", "when_file", "transform",
	    "success_when", "capture" };

	if (dest->body == CONFIG_BODY_TRANSFORM && !has(site, "transform"))
		complain(site, "body", "expected a transform too: the file with "
		    "the program that makes the body");
	if (dest->body != CONFIG_BODY_TRANSFORM && has(site, "transform"))
		complain(site, "transform", "is used with body = transform only");
	check_either(site, "when", "when_file");
	check_readable(site, "when_file", &dest->when_file);
	check_readable(site, "transform", &dest->transform);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!BUILT_WITH_JQ && has(site, keys[i]))
			complain(site, keys[i], "this leadrelay is built without libjq");
}

static void
check_proxy(const struct check_site *site, const char *proxy)
{
	static const char *const schemes[] = { "http", "https", "socks4",
	    "socks4a", "socks5", "socks5h" };
	struct url url;

	if (proxy == NULL)
		return;
	if (url_split(proxy, &url))
		for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
			if (url_is(&url, schemes[i]))
				return;
	complain(site, "proxy", "expected a URL such as http://proxy.example:3128 "
	    "or socks5h://proxy.example");
}

static void
check_destination(const struct check_site *site, void *base)
{
	struct config_destination *dest = base;

	check_either(site, "url", "url_file");
	if (!has(site, "url") && !has(site, "url_file"))
		fault_add(&site->at, "%s: url (or url_file) is missing: where "
		    "its leads go", site->title);
	check_where(site, dest->url, dest->url_file, dest->allow_http, check_url);
	check_headers(site, dest);
	check_oauth(site, dest);
	check_tls(site, dest);
	check_signature(site, dest);
	check_programs(site, dest);
	check_proxy(site, dest->proxy);
	if (dest->method != NULL && !is_token(dest->method))
		complain(site, "method", "expected a method such as POST or PUT; "
		    "got \"%.64s\"", dest->method);
}

/* ---- alert ---- */

static void
check_alert_url(const struct check_site *site, const char *name, const char *str,
    bool allow_http)
{
	struct url url;

	(void)allow_http;
	if (!url_split(str, &url) ||
	    !(url_is(&url, "https") || (url_is(&url, "http") && url_is_loopback(&url))))
		complain(site, name, "expected a URL such as https://hooks.example/alerts, "
		    "or one of this machine itself");
}

static void
check_alert(const struct check_site *site, void *base)
{
	const struct config_alert *alert = base;
	const char *email = alert->email;

	check_either(site, "url", "url_file");
	check_where(site, alert->url, alert->url_file, false, check_alert_url);
	if (email != NULL && (email[0] == '-' || strchr(email, '@') == NULL ||
	    strpbrk(email, "\\\"<>;:()") != NULL))
		complain(site, "email", "expected addresses such as "
		    "office@agent.example; got \"%.64s\"", email);
}

void
check_section(const struct check_site *site, enum section_id id, void *base)
{
	static void (*const checks[SECTIONS])(const struct check_site *, void *) = {
		[SECTION_SOURCE] = check_source, [SECTION_STORE] = check_store,
		[SECTION_WORKER] = check_worker, [SECTION_ALERT] = check_alert,
		[SECTION_DESTINATION] = check_destination,
	};

	if (checks[id] != NULL)
		checks[id](site, base);
}
