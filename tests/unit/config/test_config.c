/* Configurations that are right: what the settings come to. */
#include "files.h"

/* The manual's table of defaults, written out once more by hand. */
static void
defaults(void **state)
{
	static const int64_t retry[] = { 5000, 30000, 120000, 600000, 1800000,
	    7200000, 21600000, 43200000 };
	static const int64_t probe[] = { 30000, 60000, 120000, 300000 };
	const int64_t day = 86400000;
	struct config *c;
	struct config_source *s;
	struct config_destination *d;

	(void)state;
	write_basics();
	c = load_good(SMALLEST);
	assert_int_equal(c->source_count, 1);
	s = c->sources;
	assert_string_equal(s->name, "default");
	assert_null(s->path);
	assert_int_equal(s->verify, CONFIG_VERIFY_JWT);
	assert_int_equal(s->secrets.count, 1);
	assert_string_equal(s->secrets.items[0].bytes, SECRET_TEXT);
	assert_false(s->allow_readable);
	assert_int_equal(s->max_age_ms, -1);
	assert_int_equal(s->stale, CONFIG_STALE_HOLD);
	assert_int_equal(s->invalid, CONFIG_INVALID_HOLD);
	assert_null(s->office_ids);
	assert_int_equal(s->office_count, 0);
	assert_int_equal(s->duplicate_window_ms, day);
	assert_int_equal(s->max_body, 262144);
	assert_int_equal(s->max_token, 65536);
	assert_string_equal(c->store.url, "sqlite:/var/lib/leadrelay/outbox.db");
	assert_int_equal(c->store.keep_delivered_ms, 30 * day);
	assert_int_equal(c->store.keep_failed_ms, 90 * day);
	assert_int_equal(c->store.max_waiting, 1000000);
	assert_int_equal(c->store.min_free, 64 * 1048576);
	assert_int_equal(c->worker.threads, 16);
	assert_true(c->worker.relay);
	assert_string_equal(c->worker.log, "stderr");
	assert_int_equal(c->worker.log_format, LOG_FMT_LOGFMT);
	assert_int_equal(c->worker.log_level, LOG_LV_INFO);
	assert_null(c->worker.socket_group);
	assert_false(c->admin_tcp);
	assert_int_equal(c->destination_count, 1);
	d = c->destinations;
	assert_string_equal(d->name, "crm");
	assert_string_equal(d->url, "https://crm.example/api/leads");
	assert_null(d->url_file);
	assert_false(d->allow_http);
	assert_int_equal(d->body, CONFIG_BODY_PAYLOAD);
	assert_null(d->content_type);
	assert_string_equal(d->method, "POST");
	assert_null(d->headers);
	assert_int_equal(d->header_count, 0);
	assert_null(d->bearer_file);
	assert_null(d->basic_file);
	assert_null(d->header_file);
	assert_null(d->ca_file);
	assert_null(d->client_cert);
	assert_null(d->client_key);
	assert_null(d->proxy);
	assert_int_equal(d->success_count, 1);
	assert_int_equal(d->success[0].low, 200);
	assert_int_equal(d->success[0].high, 299);
	assert_int_equal(d->timeout_ms, 20000);
	assert_int_equal(d->connect_timeout_ms, 5000);
	assert_int_equal(d->max_concurrent, 8);
	assert_int_equal(d->max_rate.count, 0);
	assert_int_equal(d->max_per_day, 0);
	assert_int_equal(d->retry_count, COUNT(retry));
	assert_memory_equal(d->retry_ms, retry, sizeof(retry));
	assert_int_equal(d->probe_count, COUNT(probe));
	assert_memory_equal(d->probe_ms, probe, sizeof(probe));
	assert_int_equal(d->retry_for_ms, 4 * day);
	assert_false(d->hold_on_dead);
	config_free(c);
}

/* Every key set to something else, in every notation. */
static void
everything(void **state)
{
	static const int64_t offices[] = { -1, 7, 12, 9007199254740991 };
	static const int64_t retry[] = { 1500, 60000, 3600000 };
	struct config *c;
	struct config_source *s;
	struct config_destination *d;

	(void)state;
	write_basics();
	c = load_good("\xef\xbb\xbf# a comment with \"quotes and { braces\r\n"
	    "source one { path = /hooks/one  secret_file = 'secret' }\r\n"
	    "source \"two\" {\n"
	    "\tpath = any\n\tsecret_file = open\n\tallow_readable = yes\n"
	    "\tmax_age = 2w # two weeks\n\tstale = refuse\n\tinvalid = relay\n"
	    "\toffice_ids = {12, \"7, -1\",\n\t9007199254740991}\n"
	    "\tduplicate_window = 0\n\tmax_body = 1048576\n\tmax_token = 100k\n}\n"
	    "store{url=\"sqlite:data/out box.db\" keep_delivered=0\n"
	    "keep_failed=1d max_waiting=5 min_free=0}\n"
	    "worker {\n threads = 256\n relay = no\n log = \"file:log/x.log\"\n"
	    " log_format = json\n log_level = debug\n socket_group = www-data\n user = office\n}\n"
	    "admin { tcp = yes }\n"
	    "destination a_B-9 {\n"
	    " url = http://crm.example/in?a\n allow_http = yes\n body = data\n"
	    " content_type = \"application/x-lead+json\"\n method = PUT\n"
	    " header = {\"X-Office: Oxford, \\\"north\\\"\", 'X-Price: $\\{1}'}\n"
	    " header += \"X-More: yes\"\n"
	    " basic_file = login\n header_file = header\n ca_file = secret\n"
	    " client_cert = secret\n client_key = empty\n"
	    " proxy = socks5h://user:word@proxy.example:1080\n"
	    " success = {200-204, \"302, 409\"}\n timeout = 1500ms\n"
	    " connect_timeout = 1s\n max_concurrent = 1\n"
	    " max_rate = 100/10s\n max_per_day = 5000\n"
	    " retry = {\"1500ms\", 1m, 1h}\n probe = 10s\n retry_for = 0\n"
	    " on_dead = hold\n}\n"
	    "destination b { url_file = address }\n");
	s = &c->sources[1];
	assert_string_equal(c->sources[0].path, "/hooks/one");
	assert_null(s->path);
	assert_true(s->allow_readable);
	assert_int_equal(s->max_age_ms, 14 * INT64_C(86400000));
	assert_int_equal(s->stale, CONFIG_STALE_REFUSE);
	assert_int_equal(s->invalid, CONFIG_INVALID_RELAY);
	assert_int_equal(s->office_count, COUNT(offices));
	assert_memory_equal(s->office_ids, offices, sizeof(offices));
	assert_int_equal(s->duplicate_window_ms, 0);
	assert_int_equal(s->max_body, 1048576);
	assert_int_equal(s->max_token, 102400);
	assert_int_equal(c->store.keep_delivered_ms, 0);
	assert_int_equal(c->store.max_waiting, 5);
	assert_int_equal(c->store.min_free, 0);
	assert_int_equal(c->worker.threads, 256);
	assert_false(c->worker.relay);
	assert_int_equal(c->worker.log_format, LOG_FMT_JSON);
	assert_int_equal(c->worker.log_level, LOG_LV_DEBUG);
	assert_string_equal(c->worker.socket_group, "www-data");
	assert_string_equal(c->worker.user, "office");
	assert_true(c->admin_tcp);
	d = &c->destinations[0];
	assert_string_equal(d->name, "a_B-9");
	assert_int_equal(d->body, CONFIG_BODY_DATA);
	assert_int_equal(d->header_count, 3);
	assert_string_equal(d->headers[0], "X-Office: Oxford, \"north\"");
	assert_string_equal(d->headers[2], "X-More: yes");
	assert_int_equal(d->success_count, 3);
	assert_int_equal(d->success[0].high, 204);
	assert_int_equal(d->success[2].low, 409);
	assert_int_equal(d->success[2].high, 409);
	assert_int_equal(d->timeout_ms, 1500);
	assert_int_equal(d->max_rate.count, 100);
	assert_int_equal(d->max_rate.period_ms, 10000);
	assert_int_equal(d->max_per_day, 5000);
	assert_int_equal(d->retry_count, COUNT(retry));
	assert_memory_equal(d->retry_ms, retry, sizeof(retry));
	assert_int_equal(d->probe_count, 1);
	assert_int_equal(d->retry_for_ms, 0);
	assert_true(d->hold_on_dead);
	assert_null(c->destinations[1].url);
	config_free(c);
}

static void
assert_path(const char *got, const char *prefix, const char *folder,
    const char *name)
{
	struct buf want = { 0 };

	buf_printf(&want, "%s%s%s", prefix, folder, name);
	assert_string_equal(got, want.data);
	buf_free(&want);
}

/* Relative paths count from the configuration's folder, not from the working one. */
static void
relative_paths(void **state)
{
	struct config_fault fault;
	struct config *c;

	write_basics();
	assert_int_equal(mkdir("etc", 0700), 0);
	assert_int_equal(rename("secret", "etc/secret"), 0);
	write_file("etc/x.conf", "source { secret_file = \"secret\" }\n"
	    "store { url = \"sqlite:../var/outbox.db\" }\n"
	    "worker { log = \"file:x.log\" }\n"
	    "destination crm { url = \"https://crm.example\"\n"
	    " ca_file = \"secret\"\n bearer_file = \"secret\" }\n", 0644);
	assert_non_null(c = config_load("etc/x.conf", &fault));
	assert_path(c->file, "", *state, "/etc/x.conf");
	assert_path(c->folder, "", *state, "/etc");
	assert_path(c->sources[0].secret_file, "", *state, "/etc/secret");
	assert_path(c->store.url, "sqlite:", *state, "/etc/../var/outbox.db");
	assert_path(c->worker.log, "file:", *state, "/etc/x.log");
	assert_path(c->destinations[0].ca_file, "", *state, "/etc/secret");
	assert_path(c->destinations[0].bearer_file, "", *state, "/etc/secret");
	config_free(c);
	buf_free(&fault.text);
}

/* The service manager's credentials come first. */
static void
credentials_directory(void **state)
{
	struct config_fault fault;
	struct config *c;
	char path[PATH_MAX];

	write_basics();
	assert_int_equal(mkdir("run", 0700), 0);
	write_file("run/secret", "another-signing-secret-for-tests\n", 0444);
	write_file("run/ca", "certificates\n", 0444);
	(void)snprintf(path, sizeof(path), "%s/run", (char *)*state);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", path, 1), 0);
	c = load_text("source { secret_file = /nowhere/secret }\n"
	    "destination crm { url = \"https://crm.example\" ca_file = ca }\n",
	    &fault);
	assert_non_null(c);
	assert_null(fault.text.data);
	assert_string_equal(c->sources[0].secrets.items[0].bytes,
	    "another-signing-secret-for-tests");
	assert_path(c->destinations[0].ca_file, "", path, "/ca");
	config_free(c);
	buf_free(&fault.text);
}

static void
find(void **state)
{
	char *path;

	(void)state;
	assert_string_equal(path = config_find("given.conf"), "given.conf");
	free(path);
	assert_string_equal(path = config_find(NULL),
	    SYSCONFDIR "/leadrelay/leadrelay.conf");
	free(path);
	assert_int_equal(setenv("LEADRELAY_CONFIG", "/from/env.conf", 1), 0);
	assert_string_equal(path = config_find(NULL), "/from/env.conf");
	free(path);
	assert_string_equal(path = config_find("given.conf"), "given.conf");
	free(path);
	assert_int_equal(setenv("LEADRELAY_CONFIG", "", 1), 0);
	assert_string_equal(path = config_find(NULL),
	    SYSCONFDIR "/leadrelay/leadrelay.conf");
	free(path);
}

static void
lookups(void **state)
{
	struct config *c;

	(void)state;
	write_basics();
	c = load_good("source all { secret_file = secret }\n"
	    "source a { path = /a secret_file = secret }\n"
	    "destination x { url = \"https://x.example\" }\n"
	    "destination y { url = \"https://y.example\" }\n");
	assert_string_equal(config_source_for(c, "/a")->name, "a");
	assert_string_equal(config_source_for(c, "/a/")->name, "all");
	assert_string_equal(config_source_for(c, "")->name, "all");
	assert_ptr_equal(config_source_named(c, "a"), &c->sources[1]);
	assert_null(config_source_named(c, "default"));
	assert_ptr_equal(config_destination_named(c, "y"), &c->destinations[1]);
	assert_null(config_destination_named(c, "z"));
	config_free(c);
	c = load_good("source a { path = /a secret_file = secret }\n"
	    "destination x { url = \"https://x.example\" }\n");
	assert_null(config_source_for(c, "/b"));
	config_free(c);
	config_free(NULL);
}

/* Plain http is for this machine only. */
static void
loopback(void **state)
{
	static const char *const good[] = { "http://localhost/x",
	    "http://LOCALHOST:8080", "http://127.0.0.1:80/", "http://127.9.8.7/",
	    "HTTP://[::1]:8080/x", "https://crm.example?x" };
	struct config *c;
	char text[256];

	(void)state;
	write_basics();
	for (size_t i = 0; i < COUNT(good); i++) {
		(void)snprintf(text, sizeof(text), "source { secret_file = secret }\n"
		    "destination x { url = \"%s\" }\n", good[i]);
		c = load_good(text);
		assert_string_equal(c->destinations[0].url, good[i]);
		config_free(c);
	}
}

/* A reload gives back what only a start sets, and takes the rest. */
static void
keep_at_a_reload(void **state)
{
	struct config *former, *next;
	struct buf kept = { 0 };

	(void)state;
	write_basics();
	former = load_good(SMALLEST "worker { threads = 5 }\n"
	    "store { max_waiting = 7 keep_failed = 3d }\n");
	next = load_good(SMALLEST "worker { threads = 6 relay = no log = syslog "
	    "socket_group = www user = www }\nstore { url = \"sqlite:other.db\" max_waiting = 7 }\n");
	assert_int_equal(config_keep(next, former, true, &kept), 0);
	assert_string_equal(kept.data, "store url, worker threads, worker relay, "
	    "worker socket_group, worker user");
	assert_int_equal(next->worker.threads, 5);
	assert_true(next->worker.relay);
	assert_null(next->worker.socket_group);
	assert_null(next->worker.user);
	assert_string_equal(next->worker.log, "syslog");
	assert_string_equal(next->store.url, former->store.url);
	assert_int_equal(next->store.keep_failed_ms, INT64_C(90) * 86400000);

	buf_reset(&kept);
	assert_int_equal(config_keep(next, former, true, &kept), 0);
	assert_int_equal(kept.len, 0);
	buf_free(&kept);

	/* It stays until its last user has freed it. */
	assert_ptr_equal(config_share(former), former);
	config_free(former);
	assert_int_equal(former->worker.threads, 5);
	config_free(former);
	config_free(next);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(everything, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(relative_paths, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(credentials_directory, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(find, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(lookups, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(loopback, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(keep_at_a_reload, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
