#include <config.h>		/* not the header of that name beside this file */

#include "config/check.h"

#include <errno.h>
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

static bool
has(const struct check_site *site, const char *name)
{
	return parse_line_of(&site->section, name) != 0;
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
	struct fault_place at = place_of(site, "path");

	if (path == NULL)
		return;
	if (path[0] != '/' || strpbrk(path, "?# ") != NULL)
		fault_add(&at, "path: expected a path such as /leads, without "
		    "\"?\", \"#\" or blanks, or any; got \"%.64s\"", path);
	else if (is_admin_path(path))
		fault_add(&at, "path: \"%.64s\" ends like an admin page "
		    "(healthz, metrics, status)", path);
}

static void
load_secrets(const struct check_site *site, struct config_source *source)
{
	struct fault_place at = place_of(site, "secret_file");
	struct buf why = { 0 };

	if (secret_read_list(source->secret_file, source->allow_readable,
	    &source->secrets, &why) == -1)
		fault_add(&at, "secret_file: %s %s", source->secret_file,
		    phrase(&why));
	for (size_t i = 0; i < source->secrets.count; i++)
		if (source->secrets.items[i].len < SECRET_SHORT)
			fault_warn(&at, "secret_file: secret %zu of %s is only "
			    "%zu bytes; a secret under %d bytes can be guessed",
			    i + 1, source->secret_file,
			    source->secrets.items[i].len, SECRET_SHORT);
	buf_free(&why);
}

void
check_source(const struct check_site *site, struct config_source *source)
{
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

/* Replace ${prefix}PATH in *str by ${prefix} and the absolute path. */
static void
make_absolute(char **str, const char *prefix, const char *folder)
{
	char *path = value_absolute(folder, *str + strlen(prefix));
	struct buf b = { 0 };

	if (path == NULL)
		return;
	buf_printf(&b, "%s%s", prefix, path);
	free(path);
	if (buf_ok(&b)) {
		free(*str);
		*str = buf_detach(&b);
	}
	buf_free(&b);
}

/* Is ${str} "${prefix}PATH"? */
static bool
has_prefix(const char *str, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(str, prefix, len) == 0 && str[len] != '\0' &&
	    str[strlen(str) - 1] != '/';
}

void
check_store(const struct check_site *site, struct config *config)
{
	struct fault_place at = place_of(site, "url");
	char **url = &config->store.url;

	if (*url == NULL)
		return;
	if (has_prefix(*url, "sqlite:"))
		make_absolute(url, "sqlite:", config->folder);
	else if (strncmp(*url, "postgres", 8) == 0)
		fault_add(&at, "url: this leadrelay is built without "
		    "PostgreSQL; expected sqlite:PATH");
	else
		fault_add(&at, "url: expected sqlite:PATH");
}

void
check_worker(const struct check_site *site, struct config *config)
{
	struct fault_place at = place_of(site, "log");
	char **log = &config->worker.log;

	if (*log == NULL)
		return;
	if (has_prefix(*log, "file:"))
		make_absolute(log, "file:", config->folder);
	else if (strcmp(*log, "stderr") != 0 && strcmp(*log, "syslog") != 0)
		fault_add(&at, "log: expected stderr, syslog or file:PATH; "
		    "got \"%.64s\"", *log);
}

/* ---- destination ---- */

/* What may stand in braces in a URL's path and query; see relay/outgoing.h. */
static const char *const placeholders[] = { "{id}", "{lead_id}", "{lead_uuid}" };

/* The length of the placeholder at ${str}, or 0. */
static size_t
placeholder(const char *str)
{
	for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
		if (strncmp(str, placeholders[i], strlen(placeholders[i])) == 0)
			return strlen(placeholders[i]);
	return 0;
}

/* Are all braces in ${url} placeholders, and behind the host? */
static bool
has_good_braces(const char *str, const struct url *url)
{
	const char *brace = str + strcspn(str, "{}");

	if (*brace != '\0' && brace < url->rest)
		return false;
	for (; *brace != '\0'; brace += strcspn(brace, "{}")) {
		size_t len = placeholder(brace);

		if (len == 0)
			return false;
		brace += len;
	}
	return true;
}

static void
check_url(const struct fault_place *at, const char *name, const char *str,
    bool allow_http)
{
	struct url url;

	/* The URL may be a secret: no word of it in the message. */
	if (!url_split(str, &url) ||
	    (!url_is(&url, "https") && !url_is(&url, "http")))
		fault_add(at, "%s: expected a URL such as "
		    "https://crm.example/leads", name);
	else if (url.user != NULL)
		fault_add(at, "%s: a user and password belong into basic_file, "
		    "not into the URL", name);
	else if (url_is(&url, "http") && !allow_http && !url_is_loopback(&url))
		fault_add(at, "%s: expected https: leads must not go out "
		    "unprotected (allow_http = yes permits it)", name);
	else if (!has_good_braces(str, &url))
		fault_add(at, "%s: expected {id}, {lead_id} or {lead_uuid} where "
		    "a brace stands, in the path or behind it", name);
}

/* Read a file that holds a credential, to know that it can be; see its first line. */
static void
check_credential(const struct check_site *site, const char *name,
    const char *path, struct buf *line)
{
	struct fault_place at = place_of(site, name);
	struct buf why = { 0 };

	if (path != NULL && secret_read_one(path, false, line, &why) == -1)
		fault_add(&at, "%s: %s %s", name, path, phrase(&why));
	buf_free(&why);
}

static void
check_where(const struct check_site *site, const struct config_destination *dest)
{
	struct fault_place at = place_of(site, "url");
	struct buf url = { 0 };

	if (has(site, "url") && has(site, "url_file"))
		fault_add(&at, "url: there is a url_file too; expected one of them");
	else if (!has(site, "url") && !has(site, "url_file"))
		fault_add(&site->at, "%s: url (or url_file) is missing: where "
		    "its leads go", site->title);
	if (dest->url != NULL)
		check_url(&at, "url", dest->url, dest->allow_http);
	check_credential(site, "url_file", dest->url_file, &url);
	at = place_of(site, "url_file");
	if (url.data != NULL)
		check_url(&at, "url_file", url.data, dest->allow_http);
	secret_wipe(&url);
}

/* Headers that leadrelay or libcurl writes itself, and what to use instead. */
static const struct { const char *name; const char *instead; } own_headers[] = {
	{ "Connection", NULL },
	{ "Content-Length", NULL },
	{ "Content-Type", "content_type" },
	{ "Expect", NULL },
	{ "Host", "url" },
	{ "Idempotency-Key", NULL },
	{ "Transfer-Encoding", NULL },
	{ "User-Agent", NULL },
	{ "X-Leadrelay-", NULL },	/* ends in "-": all that begin so */
};

static void
check_own_header(const struct fault_place *at, const char *key,
    const char *header, size_t len)
{
	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++) {
		const char *own = own_headers[i].name;
		size_t own_len = strlen(own);

		if (strncasecmp(header, own, own_len) != 0 ||
		    (own[own_len - 1] != '-' && len != own_len))
			continue;
		fault_add(at, "%s: %.*s is set by leadrelay itself%s%s", key,
		    (int)len, header, own_headers[i].instead == NULL ? "" :
		    "; its setting is ", own_headers[i].instead == NULL ? "" :
		    own_headers[i].instead);
	}
}

/* A header is never quoted in full: its value may be a credential. */
static void
check_header(const struct fault_place *at, const char *key, const char *header)
{
	size_t len = strspn(header, TOKEN_CHARS);
	const char *value = header + len + 1;

	if (len == 0 || header[len] != ':' || value[strspn(value, " \t")] == '\0')
		fault_add(at, "%s: expected \"Name: value\"", key);
	else
		check_own_header(at, key, header, len);
}

static bool
is_authorization(const char *header)
{
	return header != NULL && strncasecmp(header, "Authorization:", 14) == 0;
}

static void
check_headers(const struct check_site *site, const struct config_destination *dest)
{
	struct fault_place at = place_of(site, "header");
	struct buf line = { 0 }, unused = { 0 };
	int authorizations = (dest->bearer_file != NULL) + (dest->basic_file != NULL) +
	    (dest->oauth_token_url != NULL);

	for (size_t i = 0; i < dest->header_count; i++) {
		check_header(&at, "header", dest->headers[i]);
		authorizations += is_authorization(dest->headers[i]);
	}
	check_credential(site, "bearer_file", dest->bearer_file, &unused);
	secret_wipe(&unused);
	check_credential(site, "basic_file", dest->basic_file, &unused);
	at = place_of(site, "basic_file");
	if (unused.data != NULL && strchr(unused.data, ':') == NULL)
		fault_add(&at, "basic_file: expected user:password");
	secret_wipe(&unused);
	check_credential(site, "header_file", dest->header_file, &line);
	at = place_of(site, "header_file");
	if (line.data != NULL)
		check_header(&at, "header_file", line.data);
	authorizations += is_authorization(line.data);
	secret_wipe(&line);
	if (authorizations > 1)
		fault_add(&site->at, "%s: more than one of bearer_file, "
		    "basic_file, oauth_token_url and an Authorization header",
		    site->title);
}

/* Most keys of OAuth mean something only with a token endpoint. */
static void
check_oauth_unused(const struct check_site *site)
{
	static const char *const names[] = { "oauth_client_id",
	    "oauth_client_secret_file", "oauth_refresh_token_file", "oauth_scope" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fault_place at = place_of(site, names[i]);

		if (has(site, names[i]))
			fault_add(&at, "%s: oauth_token_url is missing", names[i]);
	}
}

static void
check_oauth(const struct check_site *site, const struct config_destination *dest)
{
	struct fault_place at = place_of(site, "oauth_token_url");
	struct buf unused = { 0 };

	if (!has(site, "oauth_token_url")) {
		check_oauth_unused(site);
		return;
	}
	if (dest->oauth_token_url != NULL)
		check_url(&at, "oauth_token_url", dest->oauth_token_url,
		    dest->allow_http);
	if (!has(site, "oauth_client_id"))
		fault_add(&at, "oauth_token_url: oauth_client_id is missing");
	if (!has(site, "oauth_client_secret_file") &&
	    !has(site, "oauth_refresh_token_file"))
		fault_add(&at, "oauth_token_url: oauth_client_secret_file (or "
		    "oauth_refresh_token_file) is missing");
	check_credential(site, "oauth_client_secret_file",
	    dest->oauth_client_secret_file, &unused);
	secret_wipe(&unused);
	check_credential(site, "oauth_refresh_token_file",
	    dest->oauth_refresh_token_file, &unused);
	secret_wipe(&unused);
	at = place_of(site, "oauth_scheme");
	if (dest->oauth_scheme != NULL &&
	    dest->oauth_scheme[strspn(dest->oauth_scheme, TOKEN_CHARS)] != '\0')
		fault_add(&at, "oauth_scheme: expected a word such as Bearer; got "
		    "\"%.64s\"", dest->oauth_scheme);
}

/* A file that others will read, wherever the service manager put it; they would wait for a FIFO. */
static void
check_readable(const struct check_site *site, const char *name, char **path)
{
	struct fault_place at = place_of(site, name);
	struct stat sb;
	char *real;

	if (*path == NULL || (real = secret_resolve(*path)) == NULL)
		return;
	free(*path);
	*path = real;
	if (access(real, R_OK) == -1 || stat(real, &sb) == -1)
		fault_add(&at, "%s: %s cannot be read: %s", name, real,
		    strerror(errno));
	else if (!S_ISREG(sb.st_mode))
		fault_add(&at, "%s: %s is no regular file", name, real);
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
	struct fault_place at = place_of(site, "sign_secret_file");
	struct secret_list secrets = { 0 };
	struct buf why = { 0 };
	const char *fault = NULL;

	if (dest->sign_secret_file == NULL)
		return;
	if (secret_read_list(dest->sign_secret_file, false, &secrets, &why) == -1)
		fault = phrase(&why);
	else
		fault = sign_check(&secrets);
	if (fault != NULL)
		fault_add(&at, "sign_secret_file: %s %s", dest->sign_secret_file,
		    fault);
	at = place_of(site, "header");
	for (size_t i = 0; i < dest->header_count; i++)
		if (strncasecmp(dest->headers[i], "webhook-", 8) == 0)
			fault_add(&at, "header: webhook-... is set by leadrelay "
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
	struct fault_place at = place_of(site, "body");

	if (dest->body == CONFIG_BODY_TRANSFORM && !has(site, "transform"))
		fault_add(&at, "body: expected a transform too: the file with "
		    "the program that makes the body");
	at = place_of(site, "transform");
	if (dest->body != CONFIG_BODY_TRANSFORM && has(site, "transform"))
		fault_add(&at, "transform: is used with body = transform only");
	at = place_of(site, "when");
	if (has(site, "when") && has(site, "when_file"))
		fault_add(&at, "when: there is a when_file too; expected one of "
		    "them");
	check_readable(site, "when_file", &dest->when_file);
	check_readable(site, "transform", &dest->transform);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		at = place_of(site, keys[i]);
		if (!BUILT_WITH_JQ && has(site, keys[i]))
			fault_add(&at, "%s: this leadrelay is built without "
			    "libjq", keys[i]);
	}
}

static void
check_proxy(const struct check_site *site, const char *proxy)
{
	static const char *const schemes[] = { "http", "https", "socks4",
	    "socks4a", "socks5", "socks5h" };
	struct fault_place at = place_of(site, "proxy");
	struct url url;

	if (proxy == NULL)
		return;
	if (url_split(proxy, &url))
		for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
			if (url_is(&url, schemes[i]))
				return;
	fault_add(&at, "proxy: expected a URL such as http://proxy.example:3128 "
	    "or socks5h://proxy.example");
}

void
check_destination(const struct check_site *site, struct config_destination *dest)
{
	struct fault_place at = place_of(site, "method");

	check_where(site, dest);
	check_headers(site, dest);
	check_oauth(site, dest);
	check_tls(site, dest);
	check_signature(site, dest);
	check_programs(site, dest);
	check_proxy(site, dest->proxy);
	if (dest->method != NULL &&
	    dest->method[strspn(dest->method, TOKEN_CHARS)] != '\0')
		fault_add(&at, "method: expected a method such as POST or PUT; "
		    "got \"%.64s\"", dest->method);
}

/* ---- alert ---- */

static void
check_alert_url(const struct fault_place *at, const char *name, const char *str)
{
	struct url url;

	if (!url_split(str, &url) ||
	    !(url_is(&url, "https") || (url_is(&url, "http") && url_is_loopback(&url))))
		fault_add(at, "%s: expected a URL such as https://hooks.example/alerts, "
		    "or one of this machine itself", name);
}

void
check_alert(const struct check_site *site, struct config_alert *alert)
{
	struct fault_place at = place_of(site, "url");
	struct buf url = { 0 };
	const char *email = alert->email;

	if (has(site, "url") && has(site, "url_file"))
		fault_add(&at, "url: there is a url_file too; expected one of them");
	if (alert->url != NULL)
		check_alert_url(&at, "url", alert->url);
	check_credential(site, "url_file", alert->url_file, &url);
	at = place_of(site, "url_file");
	if (url.data != NULL)
		check_alert_url(&at, "url_file", url.data);
	secret_wipe(&url);
	at = place_of(site, "email");
	if (email != NULL && (email[0] == '-' || strchr(email, '@') == NULL ||
	    strpbrk(email, "\\\"<>;:()") != NULL))
		fault_add(&at, "email: expected addresses such as "
		    "office@agent.example; got \"%.64s\"", email);
}
