/* Rows are tried in their order: special ones before general ones; the last two fit anything. */
#include "client/doctor.h"

#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLOCK_TOLERANCE_MS 30000	/* half of what tokens are given */

/* Which probes a row is about: the first, or one after a smaller one passed. */
enum when { FIRST, LARGER, EITHER };

/* Whose answer a row is about. */
enum whose { OURS, THEIRS };

#define ANY_FRONT (-1)
#define ANY_WORD NULL

#define LIMIT "the web server refuses a header line of this size by itself"
#define LIMIT_OTHER "let it, and every proxy before it, take header lines of 64 KB " \
	"(nginx: large_client_header_buffers; Apache: LimitRequestFieldSize; " \
	"lighttpd: server.max-request-field-size)"
#define PATH_CURE "compare the URL with the location, alias or script in the web " \
	"server's configuration"

/* The finding of a row that is called so; each server has a directive of its own. */
#define BY_FRONT NULL
static const struct doctor_finding limits[] = {
	[DOCTOR_NGINX] = { "header-limit", LIMIT,
	    "large_client_header_buffers 4 63k; in http { } or in the address's "
	    "default server (nginx/leadrelay.conf has it)" },
	[DOCTOR_APACHE] = { "header-limit", LIMIT,
	    "LimitRequestFieldSize 65536 in the server's configuration, before the "
	    "first virtual host; it cannot stand in .htaccess, so on shared hosting "
	    "ask the host" },
	[DOCTOR_LIGHTTPD] = { "header-limit", LIMIT,
	    "server.max-request-field-size = 65535" },
	[DOCTOR_OTHER] = { "header-limit", LIMIT, LIMIT_OTHER },
};

/* The first row that fits is the finding.  A status of 0: there was no answer. */
static const struct row {
	enum when when;
	enum whose whose;
	int low, high;			/* statuses, both included */
	const char *word;		/* OURS only */
	int front;
	struct doctor_finding finding;
} rows[] = {
	/* What the worker says of the first one. */
	{ FIRST, OURS, 401, 401, "token-missing", DOCTOR_APACHE, { "header-stripped",
	    "Apache does not pass the Authorization header on",
	    "CGIPassAuth On in the location, folder or .htaccess (before Apache "
	    "2.4.13: SetEnvIf Authorization \"(.+)\" HTTP_AUTHORIZATION=$1)" } },
	{ FIRST, OURS, 401, 401, "token-missing", DOCTOR_NGINX, { "header-stripped",
	    "nginx does not pass the Authorization header on",
	    "fastcgi_param HTTP_AUTHORIZATION $http_authorization; in the location "
	    "(nginx/leadrelay-location.conf has it)" } },
	{ FIRST, OURS, 401, 401, "token-missing", ANY_FRONT, { "header-stripped",
	    "the Authorization header does not reach the worker",
	    "have the web server, and every proxy before it, pass it on" } },
	{ FIRST, OURS, 401, 401, "token-signature", ANY_FRONT, { "secret",
	    "the worker does not know the secret this configuration signs with",
	    "put the webhook signing secret of LeadPro's dashboard into both "
	    "secret files, then reload the worker" } },
	{ FIRST, OURS, 401, 401, "token-malformed", ANY_FRONT, { "header-cut",
	    "the Authorization header reaches the worker changed or cut",
	    "look for a rewrite rule or a proxy that changes it" } },
	{ FIRST, OURS, 404, 404, ANY_WORD, ANY_FRONT, { "path",
	    "the worker has no source for this path",
	    "compare the URL with the path of the source section" } },
	{ FIRST, OURS, 503, 503, "configuration", ANY_FRONT, { "configuration",
	    "the worker cannot use its configuration",
	    "its log says why, and so does 'leadrelay check' beside it" } },
	{ FIRST, OURS, 503, 503, ANY_WORD, ANY_FRONT, { "worker",
	    "the worker takes nothing just now",
	    "its log says why, and so does 'leadrelay check' beside it" } },
	{ FIRST, OURS, 200, 299, ANY_WORD, ANY_FRONT, { "version",
	    "the worker took the probe for a lead: it does not know probes",
	    "install the same leadrelay there, and discard the probe" } },
	{ FIRST, OURS, 422, 422, ANY_WORD, ANY_FRONT, { "version",
	    "the worker took the probe for a lead: it does not know probes",
	    "install the same leadrelay there, and discard the probe" } },

	/* What it says of a larger one. */
	{ LARGER, OURS, 401, 401, "token-missing", DOCTOR_APACHE, { "header-dropped",
	    "Apache's mod_proxy_fcgi drops a header over 16 KB without a word",
	    "split it with SetEnvIf into LR_AUTH_0, LR_AUTH_1 and so on, as "
	    "apache/mod_proxy_fcgi.conf does" } },
	{ LARGER, OURS, 401, 401, "token-missing", ANY_FRONT, { "header-dropped",
	    "a header of this size is dropped on its way to the worker",
	    LIMIT_OTHER } },
	{ LARGER, OURS, 401, 401, ANY_WORD, ANY_FRONT, { "header-cut",
	    "a token of this size reaches the worker cut",
	    LIMIT_OTHER } },
	{ EITHER, OURS, 431, 431, ANY_WORD, DOCTOR_NGINX, { BY_FRONT, NULL, NULL } },
	{ EITHER, OURS, 431, 431, ANY_WORD, ANY_FRONT, { "header-limit", LIMIT,
	    LIMIT_OTHER } },
	{ EITHER, OURS, 413, 413, ANY_WORD, ANY_FRONT, { "body-limit",
	    "a body of this size is refused",
	    "max_body in leadrelay.conf, client_max_body_size in nginx, "
	    "LimitRequestBody in Apache" } },
	{ LARGER, OURS, 0, 999, ANY_WORD, ANY_FRONT, { "worker",
	    "the worker's answer changes with the size of the token",
	    "its log says why" } },

	/* What the web server says instead of the worker. */
	{ EITHER, THEIRS, 400, 400, ANY_WORD, ANY_FRONT, { BY_FRONT, NULL, NULL } },
	{ EITHER, THEIRS, 431, 431, ANY_WORD, ANY_FRONT, { BY_FRONT, NULL, NULL } },
	{ EITHER, THEIRS, 413, 413, ANY_WORD, ANY_FRONT, { "body-limit",
	    "the web server refuses a body of this size by itself",
	    "client_max_body_size 256k; in nginx, LimitRequestBody in Apache" } },
	{ LARGER, THEIRS, 500, 500, ANY_WORD, DOCTOR_NGINX, { "record-limit",
	    "the parameters do not fit into one FastCGI record of 64 KB",
	    "fastcgi_pass_request_headers off; and few fastcgi_param lines "
	    "(nginx/leadrelay-location.conf has both)" } },
	{ LARGER, THEIRS, 500, 500, ANY_WORD, DOCTOR_APACHE, { "record-limit",
	    "the parameters do not fit into one FastCGI record of 64 KB",
	    "pass the header once: CGIPassAuth On, and neither FcgidPassHeader "
	    "nor an internal rewrite" } },
	{ LARGER, THEIRS, 500, 500, ANY_WORD, ANY_FRONT, { "record-limit",
	    "the web server fails at a token of this size",
	    "its error log says why" } },
	{ LARGER, THEIRS, 0, 0, ANY_WORD, ANY_FRONT, { "header-limit",
	    "the connection is cut at a header of this size", LIMIT_OTHER } },
	{ FIRST, THEIRS, 0, 0, ANY_WORD, ANY_FRONT, { "no-answer",
	    "nobody answers at this URL",
	    "check host, port and scheme, and whether the web server runs" } },
	{ EITHER, THEIRS, 300, 399, ANY_WORD, ANY_FRONT, { "redirect",
	    "the web server redirects, and LeadPro may not follow",
	    "give LeadPro, and doctor, the URL it redirects to" } },
	{ EITHER, THEIRS, 401, 401, ANY_WORD, ANY_FRONT, { "login",
	    "the web server asks for a login of its own",
	    "exempt the webhook's location: auth_basic off, or Require all granted" } },
	{ EITHER, THEIRS, 403, 403, ANY_WORD, ANY_FRONT, { "forbidden",
	    "the web server does not let the request through",
	    "allow the webhook's location; exempt it from ModSecurity or a firewall" } },
	{ EITHER, THEIRS, 404, 405, ANY_WORD, ANY_FRONT, { "path",
	    "the web server does not hand this path to leadrelay", PATH_CURE } },
	{ EITHER, THEIRS, 200, 299, ANY_WORD, ANY_FRONT, { "path",
	    "something other than leadrelay answers at this URL", PATH_CURE } },
	{ EITHER, THEIRS, 429, 429, ANY_WORD, ANY_FRONT, { "rate-limit",
	    "the web server limits the rate of requests",
	    "try again in a minute; if it stays, raise its limit" } },
	{ EITHER, THEIRS, 502, 504, ANY_WORD, ANY_FRONT, { "worker",
	    "the web server does not reach the worker",
	    "is it running, is its socket the one the web server names, and may "
	    "the web server use it (socket_group)?" } },
	{ EITHER, THEIRS, 500, 500, ANY_WORD, ANY_FRONT, { "worker",
	    "the web server cannot run the worker", "its error log says why" } },
	{ EITHER, OURS, 0, 999, ANY_WORD, ANY_FRONT, { "worker",
	    "the worker refuses the probe", "its log says why" } },
	{ EITHER, THEIRS, 0, 999, ANY_WORD, ANY_FRONT, { "unexpected",
	    "the web server gives an answer of its own",
	    "its error log may say why" } },
};

static const struct doctor_finding max_token = { "max-token",
	"the worker refuses a token of this size",
	"max_token = 64k in the source section" };

/* A Server header begins so. */
static const char *const fronts[] = {
	[DOCTOR_NGINX] = "nginx",
	[DOCTOR_APACHE] = "Apache",
	[DOCTOR_LIGHTTPD] = "lighttpd",
	[DOCTOR_OTHER] = "the web server",
};

enum doctor_front
doctor_front_of(const char *server)
{
	size_t i = 0;

	while (i < DOCTOR_OTHER && strncasecmp(server, fronts[i],
	    strlen(fronts[i])) != 0)
		i++;
	return (enum doctor_front)i;
}

const char *
doctor_front_name(enum doctor_front front)
{
	return fronts[front];
}

static bool
fits(const struct row *row, const struct doctor_answer *answer)
{
	if (row->when != EITHER && (row->when == LARGER) != answer->passed)
		return false;
	if ((row->whose == OURS) != (answer->word != NULL))
		return false;
	if (answer->status < row->low || answer->status > row->high)
		return false;
	if (row->word != ANY_WORD && strcmp(row->word, answer->word) != 0)
		return false;
	return row->front == ANY_FRONT || row->front == (int)answer->front;
}

const struct doctor_finding *
doctor_judge(const struct doctor_answer *answer)
{
	size_t i = 0;

	if (answer->status == 200 && answer->word != NULL &&
	    strcmp(answer->word, "probe") == 0)
		return NULL;
	if (answer->over_max_token && answer->word != NULL &&
	    strcmp(answer->word, "token-too-large") == 0)
		return &max_token;
	while (i < COUNT(rows) - 1 && !fits(&rows[i], answer))
		i++;				/* the last two fit all */
	return rows[i].finding.name == BY_FRONT ? &limits[answer->front] :
	    &rows[i].finding;
}

static bool
is_off(int64_t ms)
{
	return ms > CLOCK_TOLERANCE_MS || ms < -CLOCK_TOLERANCE_MS;
}

const struct doctor_finding *
doctor_judge_clock(int64_t worker_ahead_ms, int64_t front_ahead_ms)
{
	static const struct doctor_finding theirs = { "clock",
		"the worker's clock differs from this machine's and from the web server's",
		"set the clock where the worker runs (timedatectl set-ntp true)" };
	static const struct doctor_finding either = { "clock",
		"the worker's clock and this machine's differ",
		"set the one that is wrong (timedatectl set-ntp true); tokens with a "
		"time in them are given 60 s" };

	if (!is_off(worker_ahead_ms))
		return NULL;
	return is_off(worker_ahead_ms - front_ahead_ms) ? &theirs : &either;
}

const struct doctor_finding *
doctor_judge_store(const char *word)
{
	static const struct {
		const char *word;
		struct doctor_finding finding;
	} stores[] = {
		{ "no space", { "store", "the worker's store has no room left",
		    "make room on its disk" } },
		{ "locked by another process", { "store",
		    "another process keeps the worker's store locked",
		    "end what holds it: a backup tool, or a shell in the database" } },
		{ "damaged", { "store", "the worker's store is damaged",
		    "keep a copy of its folder, and put back a backup" } },
		{ "", { "store", "the worker cannot write to its store",
		    "its log says why; the store's folder must belong to the user "
		    "the worker runs as, with mode 0700" } },
	};
	size_t i = 0;

	if (strcmp(word, "ok") == 0)
		return NULL;
	while (i < COUNT(stores) - 1 && strcmp(stores[i].word, word) != 0)
		i++;
	return &stores[i].finding;
}
