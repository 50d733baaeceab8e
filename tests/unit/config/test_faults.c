#include "config.h"

/* What config_load says of files that are wrong: every word, and on which line. */
#include "files.h"

#define GOOD_SOURCE "source { secret_file = secret }\n"
#define GOOD_DEST "destination crm { url = \"https://crm.example/x\" }\n"
#define IN_SOURCE(text) "source {\n secret_file = secret\n " text "\n}\n" GOOD_DEST
#define IN_DEST(text) GOOD_SOURCE "destination crm {\n" \
	" url = \"https://crm.example/x\"\n " text "\n}\n"
#define IN(section, text) SMALLEST section " {\n " text "\n}\n"

struct bad {
	const char *name;
	const char *text;
	const char *said;	/* all of it */
};

static const struct bad names[] = {
	{ "unknown key", IN("worker", "thread = 4"),
	    "x.conf:4: unknown key \"thread\"; expected one of: threads, relay, "
	    "log, log_format, log_level, socket_group, user\n" },
	{ "unknown section", SMALLEST "wurker {\n threads = 4\n}\n",
	    "x.conf:3: unknown section \"wurker\"; expected one of: source, store, "
	    "worker, admin, destination, alert\n" },
	{ "several unknown names, lists and all",
	    IN("admin", "a = {1, \"}\"}\n tcp = no\n b += 2") "c d { e = 1 }\n",
	    "x.conf:4: unknown key \"a\"; expected one of: tcp\n"
	    "x.conf:6: unknown key \"b\"; expected one of: tcp\n"
	    "x.conf:8: unknown section \"c\"; expected one of: source, store, "
	    "worker, admin, destination, alert\n" },
	{ "a key of a later version", IN("worker", "\n\n max_age = 1d"),
	    "x.conf:6: unknown key \"max_age\"; expected one of: threads, relay, "
	    "log, log_format, log_level, socket_group, user\n" },
	{ "a key at the top", SMALLEST "threads = 4\n",
	    "x.conf:3: unknown section \"threads\"; expected one of: source, store, "
	    "worker, admin, destination, alert\n" },
	{ "a name with the parser's own marks", IN("admin", "source|tcp = yes"),
	    "x.conf:4: unknown key \"source|tcp\"; expected one of: tcp\n" },
	{ "the parser's stand-in", IN("admin", "unknown_name = yes"),
	    "x.conf:4: unknown key \"unknown_name\"; expected one of: tcp\n" },
	{ "no include", SMALLEST "include(\"y.conf\")\n",
	    "x.conf:3: unknown section \"include\"; expected one of: source, store, "
	    "worker, admin, destination, alert\n" },
	{ "the same key twice", IN("worker", "threads = 4\n relay = no\n threads = 5"),
	    "x.conf:6: threads: was set on line 4 already\n" },
	{ "the same list twice", IN_DEST("retry = {1s}\n retry = {2s, 3s}"),
	    "x.conf:5: retry: was set on line 4 already\n" },
	{ "the same section twice", SMALLEST "worker { }\nworker { relay = no }\n",
	    "x.conf:4: there is a section worker on line 3 already\n" },
	{ "a name where none belongs", SMALLEST "worker fast { }\n",
	    "x.conf:3: a section worker has no name\n" },
	{ "destination without a name", GOOD_SOURCE
	    "destination { url = \"https://crm.example\" }\n",
	    "x.conf:2: a section destination needs a name: destination NAME { ... }\n" },
	{ "bad name", SMALLEST "destination \"a b\" { url = \"https://crm.example\" }\n",
	    "x.conf:3: destination \"a b\": expected a name of 1 to 64 letters, "
	    "digits, \"_\" and \"-\"\n" },
	{ "name too long", SMALLEST "destination "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab "
	    "{ url = \"https://crm.example\" }\n",
	    "x.conf:3: destination \""
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": "
	    "expected a name of 1 to 64 letters, digits, \"_\" and \"-\"\n" },
	{ "destination twice", SMALLEST "\n" GOOD_DEST,
	    "x.conf:4: there is a destination crm on line 2 already\n" },
	{ "destination twice on one line", GOOD_SOURCE
	    "destination crm { url = \"https://a.example\" } "
	    "destination crm { url = \"https://b.example\" }\n",
	    "x.conf:2: there is a destination crm on line 2 already\n" },
	{ "named in quotes and without, on one line", GOOD_SOURCE
	    "destination crm { url = \"https://a.example\" } "
	    "destination \"crm\" { url = \"https://b.example\" }\n",
	    "x.conf:2: there is a destination crm on line 2 already\n" },
	{ "a nameless section twice on one line", SMALLEST
	    "store { } store { }\n",
	    "x.conf:3: there is a section store on line 3 already\n" },
	{ "unnamed source twice", GOOD_SOURCE
	    "source { secret_file = secret\n path = \"/b\" }\n" GOOD_DEST,
	    "x.conf:2: there is a source default on line 1 already\n" },
	{ "unnamed source and one of its name", GOOD_SOURCE
	    "source default { secret_file = secret path = \"/b\" }\n" GOOD_DEST,
	    "x.conf:2: there is a source default on line 1 already\n" },
	{ "nothing at all", "",
	    "x.conf: there is no source section: nothing says whose webhooks to accept\n"
	    "x.conf: there is no destination section: leads would go nowhere\n" },
	{ "only comments, no last newline", "#\n# source { }",
	    "x.conf: there is no source section: nothing says whose webhooks to accept\n"
	    "x.conf: there is no destination section: leads would go nowhere\n" },
	{ "no source", GOOD_DEST,
	    "x.conf: there is no source section: nothing says whose webhooks to accept\n" },
	{ "no destination", GOOD_SOURCE,
	    "x.conf: there is no destination section: leads would go nowhere\n" },
};

static const struct bad syntax[] = {
	{ "section not closed", SMALLEST "worker {\n threads = 4\n",
	    "x.conf:3: a section begins here and is not closed with \"}\"\n" },
	{ "one brace too many", SMALLEST "}\n",
	    "x.conf:3: unexpected closing brace\n" },
	{ "string not closed", SMALLEST "worker {\n log = \"stderr\n}\n",
	    "x.conf:4: a string begins here and does not end\n"
	    "x.conf:4: premature end of file\n" },
	{ "single quotes not closed", SMALLEST "worker {\n log = 'stderr\n}\n",
	    "x.conf:4: a string begins here and does not end\n"
	    "x.conf:4: premature end of file\n" },
	{ "no equals sign", IN("worker", "threads 4"),
	    "x.conf:4: missing equal sign after option 'threads'\n" },
	{ "no value", IN("worker", "threads ="),
	    "x.conf:5: unexpected token '}'\n" },
	{ "semicolon behind a word", IN("worker", "threads = 4;"),
	    "x.conf:4: a setting ends with its line, not with \";\"\n"
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got \"4;\"\n" },
	{ "semicolon behind a string", IN("worker", "log = \"stderr\";"),
	    "x.conf:4: a setting ends with its line, not with \";\"\n"
	    "x.conf:4: unknown key \";\"; expected one of: threads, relay, log, "
	    "log_format, log_level, socket_group, user\n" },
	{ "star", IN("worker", "threads = *4"),
	    "x.conf:4: \"*\" may stand only in quotes\n" },
	{ "plus", IN("worker", "threads = +4"),
	    "x.conf:4: \"+\" may stand only in quotes\n" },
	{ "another language's comment", IN("worker", "// threads = 4"),
	    "x.conf:4: a comment begins with #\n" },
	{ "and another's", SMALLEST "/* worker { */\n",
	    "x.conf:3: a comment begins with #\n" },
	{ "environment in quotes", IN_DEST("method = \"${METHOD}\""),
	    "x.conf:4: \"${...}\" is not expanded: write \"\\${\" for these two "
	    "characters\n"
	    "x.conf:4: method: expected a method such as POST or PUT; got "
	    "\"_{METHOD}\"\n" },
	{ "environment without quotes", IN_DEST("method = ${METHOD}"),
	    "x.conf:4: \"${...}\" is not expanded\n" },
	{ "escape to NUL", IN_DEST("method = \"PO\\x00ST\""),
	    "x.conf:4: no escape may begin with \\0 or \\x0\n" },
	{ "octal escape to NUL", IN_DEST("method = \"PO\\0\""),
	    "x.conf:4: no escape may begin with \\0 or \\x0\n" },
	{ "control character in a word", IN_DEST("method = PO\001ST"),
	    "x.conf:4: a control character stands here\n"
	    "x.conf:4: method: expected a value that is not empty, without "
	    "control characters\n" },
	{ "newline in a string", IN_DEST("method = \"PO\nST\""),
	    "x.conf:5: method: expected a value that is not empty, without "
	    "control characters\n" },
	{ "two titles", SMALLEST "destination a b { }\n",
	    "x.conf:3: missing opening brace for section 'destination'\n" },
	{ "a section inside a section", IN("worker", "admin { tcp = no }"),
	    "x.conf:4: unknown key \"admin\"; expected one of: threads, relay, "
	    "log, log_format, log_level, socket_group, user\n" },
};

static const struct bad values[] = {
	{ "switch", IN("worker", "relay = true"),
	    "x.conf:4: relay: expected no or yes; got \"true\"\n" },
	{ "choice", IN("worker", "log_level = warning"),
	    "x.conf:4: log_level: expected error, warn, info or debug; got \"warning\"\n" },
	{ "choice of three", IN_DEST("body = xml"),
	    "x.conf:4: body: expected payload, data or transform; got \"xml\"\n" },
	{ "integer below", IN("worker", "threads = 0"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got \"0\"\n" },
	{ "integer above", IN("worker", "threads = 257"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got \"257\"\n" },
	{ "integer overflowing", IN("worker", "threads = 18446744073709551617"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got "
	    "\"18446744073709551617\"\n" },
	{ "integer with a rest", IN("worker", "threads = 0x10"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got \"0x10\"\n" },
	{ "empty", IN("worker", "threads = \"\""),
	    "x.conf:4: threads: expected a whole number, from 1 to 256; got \"\"\n" },
	{ "a list for one", IN("worker", "threads = {1, 2}"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256\n" },
	{ "one, and then more", IN("worker", "threads = 1\n threads += 2"),
	    "x.conf:4: threads: expected a whole number, from 1 to 256\n" },
	{ "duration without a unit", IN_DEST("timeout = 20"),
	    "x.conf:4: timeout: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 1h; got \"20\"\n" },
	{ "duration of none", IN_DEST("timeout = 0"),
	    "x.conf:4: timeout: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 1h; got \"0\"\n" },
	{ "negative duration", IN_SOURCE("max_age = -5m"),
	    "x.conf:3: max_age: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 36500d, or off; got \"-5m\"\n" },
	{ "duration overflowing", IN_SOURCE("max_age = 99999999999999d"),
	    "x.conf:3: max_age: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 36500d, or off; got \"99999999999999d\"\n" },
	{ "no word for it here", IN_SOURCE("duplicate_window = off"),
	    "x.conf:3: duplicate_window: expected a duration such as 90s, 15m or "
	    "4d, from 0 to 36500d; got \"off\"\n" },
	{ "size", IN_SOURCE("max_body = 5x"),
	    "x.conf:3: max_body: expected a size such as 4096, 256k or 64m, from "
	    "1 to 64m; got \"5x\"\n" },
	{ "size too large", IN_SOURCE("max_token = 1m"),
	    "x.conf:3: max_token: expected a size such as 4096, 256k or 64m, from "
	    "1 to 128k; got \"1m\"\n" },
	{ "list of integers", IN_SOURCE("office_ids = {1, two}"),
	    "x.conf:3: office_ids: expected whole numbers such as {1, 2}, from "
	    "-9007199254740991 to 9007199254740991, or any; got \"two\"\n" },
	{ "blanks for commas", IN_SOURCE("office_ids = \"1 2\""),
	    "x.conf:3: office_ids: expected whole numbers such as {1, 2}, from "
	    "-9007199254740991 to 9007199254740991, or any; got \"1 2\"\n" },
	{ "an empty list", IN_DEST("retry = {\n }"),
	    "x.conf:5: a list must not be empty\n" },
	{ "list of durations", IN_DEST("retry = {5s, \"soon\"}"),
	    "x.conf:4: retry: expected durations such as {\"5s\", \"30s\", \"2m\"}, "
	    "from 1ms to 36500d; got \"soon\"\n" },
	{ "pause of none", IN_DEST("retry = {0}"),
	    "x.conf:4: retry: expected durations such as {\"5s\", \"30s\", \"2m\"}, "
	    "from 1ms to 36500d; got \"0\"\n" },
	{ "status out of range", IN_DEST("success = {200, 600}"),
	    "x.conf:4: success: expected statuses such as \"200-299,302,409\", "
	    "within 100-599; got \"600\"\n" },
	{ "range upside down", IN_DEST("success = 299-200"),
	    "x.conf:4: success: expected statuses such as \"200-299,302,409\", "
	    "within 100-599; got \"299-200\"\n" },
	{ "range with a gap", IN_DEST("success = \"200-,302\""),
	    "x.conf:4: success: expected statuses such as \"200-299,302,409\", "
	    "within 100-599; got \"200-,302\"\n" },
	{ "a folder for a file", IN_DEST("ca_file = certs/"),
	    "x.conf:4: ca_file: expected the path of a file; got \"certs/\"\n" },
	{ "all of them", GOOD_SOURCE "worker { threads = x\n relay = y }\n"
	    "destination crm { url = \"https://crm.example/x\"\n timeout = z }\n",
	    "x.conf:2: threads: expected a whole number, from 1 to 256; got \"x\"\n"
	    "x.conf:3: relay: expected no or yes; got \"y\"\n"
	    "x.conf:5: timeout: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 1h; got \"z\"\n" },
};

static const struct bad source[] = {
	{ "no secret", "source { }\n" GOOD_DEST,
	    "x.conf:1: source: secret_file is missing: the file that holds "
	    "LeadPro's webhook signing secret\n" },
	{ "no such secret", "source {\n secret_file = none\n}\n" GOOD_DEST,
	    "x.conf:2: secret_file: @/none cannot be opened: No such file or directory\n" },
	{ "empty secret", "source {\n secret_file = empty\n}\n" GOOD_DEST,
	    "x.conf:2: secret_file: @/empty holds no secret\n" },
	{ "open secret", "source {\n secret_file = open\n}\n" GOOD_DEST,
	    "x.conf:2: secret_file: @/open may be read by others (mode 0644): "
	    "chmod o-r\n" },
	{ "path without slash", IN_SOURCE("path = leads"),
	    "x.conf:3: path: expected a path such as /leads, without \"?\", \"#\" or "
	    "blanks, or any; got \"leads\"\n" },
	{ "path with a query", IN_SOURCE("path = \"/leads?x=1\""),
	    "x.conf:3: path: expected a path such as /leads, without \"?\", \"#\" or "
	    "blanks, or any; got \"/leads?x=1\"\n" },
	{ "an admin page's path", IN_SOURCE("path = /hooks/status"),
	    "x.conf:3: path: \"/hooks/status\" ends like an admin page "
	    "(healthz, metrics, status)\n" },
	{ "two for any path", GOOD_SOURCE "source b { secret_file = secret }\n" GOOD_DEST,
	    "x.conf:2: source b answers the same path as source default: give "
	    "each its own path\n" },
	{ "two for one path", "source a { path = /x secret_file = secret }\n"
	    "source b {\n path = \"/x\"\n secret_file = secret }\n" GOOD_DEST,
	    "x.conf:2: source b answers the same path as source a: give each its "
	    "own path\n" },
	{ "PostgreSQL", IN("store", "url = \"postgresql://db.example/leads\""),
	    "x.conf:4: url: this leadrelay is built without PostgreSQL; expected "
	    "sqlite:PATH\n" },
	{ "another store", IN("store", "url = \"mysql:leads\""),
	    "x.conf:4: url: expected sqlite:PATH\n" },
	{ "a store of no name", IN("store", "url = \"sqlite:\""),
	    "x.conf:4: url: expected sqlite:PATH\n" },
	{ "log", IN("worker", "log = journal"),
	    "x.conf:4: log: expected stderr, syslog or file:PATH; got \"journal\"\n" },
	{ "log to a folder", IN("worker", "log = \"file:logs/\""),
	    "x.conf:4: log: expected stderr, syslog or file:PATH; got \"file:logs/\"\n" },
};

#define DEST(text) GOOD_SOURCE "destination crm {\n " text "\n}\n"

static const struct bad destination[] = {
	{ "no url", DEST(""),
	    "x.conf:2: destination crm: url (or url_file) is missing: where its "
	    "leads go\n" },
	{ "a brace that is no placeholder", DEST("url = \"https://crm.example/{leadid}\""),
	    "x.conf:3: url: expected {id}, {lead_id} or {lead_uuid} where a brace "
	    "stands, in the path or behind it\n" },
	{ "a brace left open", DEST("url = \"https://crm.example/{id}/{lead_id\""),
	    "x.conf:3: url: expected {id}, {lead_id} or {lead_uuid} where a brace "
	    "stands, in the path or behind it\n" },
	{ "a placeholder for a host", DEST("url = \"https://{lead_id}.crm.example/\""),
	    "x.conf:3: url: expected {id}, {lead_id} or {lead_uuid} where a brace "
	    "stands, in the path or behind it\n" },
	{ "body = transform alone", IN_DEST("body = transform"),
	    "x.conf:4: body: expected a transform too: the file with the program "
	    "that makes the body\n" },
#ifdef HAVE_JQ
	{ "transform alone", IN_DEST("transform = empty"),
	    "x.conf:4: transform: is used with body = transform only\n" },
	{ "transform that is not there", IN_DEST("body = transform\n transform = none"),
	    "x.conf:5: transform: @/none cannot be read: No such file or directory\n" },
	{ "programs that nobody writes", IN_DEST("body = transform\n transform = fifo\n"
	    " when_file = fifo"),
	    "x.conf:6: when_file: @/fifo is no regular file\n"
	    "x.conf:5: transform: @/fifo is no regular file\n" },
	{ "two conditions", IN_DEST("when = true\n when_file = empty"),
	    "x.conf:4: when: there is a when_file too; expected one of them\n" },
#else
	{ "a program without libjq", IN_DEST("when = true"),
	    "x.conf:4: when: this leadrelay is built without libjq\n" },
#endif
	{ "no signing secret", IN_DEST("sign_secret_file = secret"),
	    "x.conf:4: sign_secret_file: @/secret holds a line that is not whsec_ "
	    "and base64 of 24 to 64 bytes\n" },
	{ "a header of the signature", IN_DEST("sign_secret_file = signing\n "
	    "header = {\"Webhook-Id: 1\"}"),
	    "x.conf:5: header: webhook-... is set by leadrelay itself where there "
	    "is a sign_secret_file\n" },
	{ "two urls", IN_DEST("url_file = address"),
	    "x.conf:3: url: there is a url_file too; expected one of them\n" },
	{ "plain http", DEST("url = \"http://crm.example/x\""),
	    "x.conf:3: url: expected https: leads must not go out unprotected "
	    "(allow_http = yes permits it)\n" },
	{ "http to what looks like loopback", DEST("url = \"http://127.0.0.1.crm.example/\""),
	    "x.conf:3: url: expected https: leads must not go out unprotected "
	    "(allow_http = yes permits it)\n" },
	{ "another scheme", DEST("url = \"file:///etc/passwd\""),
	    "x.conf:3: url: expected a URL such as https://crm.example/leads\n" },
	{ "no scheme", DEST("url = crm.example"),
	    "x.conf:3: url: expected a URL such as https://crm.example/leads\n" },
	{ "no host", DEST("url = \"https:///leads\""),
	    "x.conf:3: url: expected a URL such as https://crm.example/leads\n" },
	{ "bad port", DEST("url = \"https://crm.example:https/\""),
	    "x.conf:3: url: expected a URL such as https://crm.example/leads\n" },
	{ "a blank in it", DEST("url = \"https://crm.example/a b\""),
	    "x.conf:3: url: expected a URL such as https://crm.example/leads\n" },
	{ "a password in it", DEST("url = \"https://me:word@crm.example/\""),
	    "x.conf:3: url: a user and password belong into basic_file, not into "
	    "the URL\n" },
	{ "no such url_file", DEST("url_file = none"),
	    "x.conf:3: url_file: @/none cannot be opened: No such file or directory\n" },
	{ "url_file without a url", DEST("url_file = secret"),
	    "x.conf:3: url_file: expected a URL such as https://crm.example/leads\n" },
	{ "header without colon", IN_DEST("header = {\"X-A: 1\", \"X-B\"}"),
	    "x.conf:4: header: expected \"Name: value\"\n" },
	{ "header without value", IN_DEST("header = \"X-A: \""),
	    "x.conf:4: header: expected \"Name: value\"\n" },
	{ "header name with a blank", IN_DEST("header = \"X A: 1\""),
	    "x.conf:4: header: expected \"Name: value\"\n" },
	{ "header injection", IN_DEST("header = \"X-A: 1\\r\\nX-B: 2\""),
	    "x.conf:4: header: expected values that are not empty, without "
	    "control characters\n" },
	{ "a header of ours", IN_DEST("header = \"content-type: text/plain\""),
	    "x.conf:4: header: content-type is set by leadrelay itself; its "
	    "setting is content_type\n" },
	{ "a header with our prefix", IN_DEST("header = \"X-LeadRelay-Event: x\""),
	    "x.conf:4: header: X-LeadRelay-Event is set by leadrelay itself\n" },
	{ "credentials missing", IN_DEST("bearer_file = none\n basic_file = empty\n"
	    " header_file = secret"),
	    "x.conf:4: bearer_file: @/none cannot be opened: No such file or directory\n"
	    "x.conf:5: basic_file: @/empty holds no secret in its first line\n"
	    "x.conf:6: header_file: expected \"Name: value\"\n"
	    "x.conf:2: destination crm: more than one of bearer_file, "
	    "basic_file, oauth_token_url and an Authorization header\n" },
	{ "a credential open to others", IN_DEST("bearer_file = open"),
	    "x.conf:4: bearer_file: @/open may be read by others (mode 0644): "
	    "chmod o-r\n" },
	{ "no user and password", IN_DEST("basic_file = secret"),
	    "x.conf:4: basic_file: expected user:password\n" },
	{ "two authorizations", IN_DEST("basic_file = login\n"
	    " header = \"authorization: Other x\""),
	    "x.conf:2: destination crm: more than one of bearer_file, "
	    "basic_file, oauth_token_url and an Authorization header\n" },
	{ "a certificate without key", IN_DEST("client_cert = secret"),
	    "x.conf:2: destination crm: client_cert and client_key go together\n" },
	{ "files that nobody writes", IN_DEST("ca_file = fifo\n bearer_file = fifo"),
	    "x.conf:5: bearer_file: @/fifo is not a regular file\n"
	    "x.conf:4: ca_file: @/fifo is no regular file\n" },
	{ "no such certificates", IN_DEST("ca_file = none"),
	    "x.conf:4: ca_file: @/none cannot be read: No such file or directory\n" },
	{ "proxy", IN_DEST("proxy = \"ftp://proxy.example\""),
	    "x.conf:4: proxy: expected a URL such as http://proxy.example:3128 or "
	    "socks5h://proxy.example\n" },
	{ "alert", IN_DEST("}\nalert {\n\turl = \"http://hooks.example/\"\n"
	    "\temail = \"office\"\n\tquiet_for = never"),
	    "x.conf:8: quiet_for: expected a duration such as 90s, 15m or 4d, from "
	    "1ms to 36500d, or off; got \"never\"\n"
	    "x.conf:6: url: expected a URL such as https://hooks.example/alerts, or "
	    "one of this machine itself\n"
	    "x.conf:7: email: expected addresses such as office@agent.example; got "
	    "\"office\"\n" },
	{ "alert twice over", IN_DEST("}\nalert {\n"
	    "\turl = \"https://hooks.example/\"\n\turl_file = secret"),
	    "x.conf:6: url: there is a url_file too; expected one of them\n"
	    "x.conf:7: url_file: expected a URL such as https://hooks.example/alerts, "
	    "or one of this machine itself\n" },
	{ "oauth without a token endpoint",
	    IN_DEST("oauth_client_id = x\n\toauth_scope = y"),
	    "x.conf:4: oauth_client_id: oauth_token_url is missing\n"
	    "x.conf:5: oauth_scope: oauth_token_url is missing\n" },
	{ "oauth half there", IN_DEST("oauth_token_url = \"http://crm.example/t\"\n"
	    "\toauth_scheme = \"a b\""),
	    "x.conf:4: oauth_token_url: expected https: leads must not go out "
	    "unprotected (allow_http = yes permits it)\n"
	    "x.conf:4: oauth_token_url: oauth_client_id is missing\n"
	    "x.conf:4: oauth_token_url: oauth_client_secret_file (or "
	    "oauth_refresh_token_file) is missing\n"
	    "x.conf:5: oauth_scheme: expected a word such as Bearer; got \"a b\"\n" },
	{ "max_rate", IN_DEST("max_rate = 10"),
	    "x.conf:4: max_rate: expected a rate such as 10/s, 100/m or 100/10s; "
	    "got \"10\"\n" },
	{ "max_rate of nothing", IN_DEST("max_rate = 0/s"),
	    "x.conf:4: max_rate: expected a rate such as 10/s, 100/m or 100/10s; "
	    "got \"0/s\"\n" },
	{ "max_rate of weeks", IN_DEST("max_rate = 5/2w"),
	    "x.conf:4: max_rate: expected a rate such as 10/s, 100/m or 100/10s; "
	    "got \"5/2w\"\n" },
	{ "max_per_day", IN_DEST("max_per_day = 0"),
	    "x.conf:4: max_per_day: expected a whole number, from 1 to 1000000000; "
	    "got \"0\"\n" },
	{ "method", IN_DEST("method = \"PO ST\""),
	    "x.conf:4: method: expected a method such as POST or PUT; got \"PO ST\"\n" },
};

/* ${said} with the folder in place of each "@/". */
static void
expand(const char *said, const char *folder, struct buf *out)
{
	for (; *said != '\0'; said++) {
		if (said[0] == '@' && said[1] == '/')
			buf_puts(out, folder);
		else
			buf_putc(out, *said);
	}
}

static void
check_table(const struct bad *table, size_t count, const char *folder)
{
	int wrong = 0;

	write_basics();
	for (size_t i = 0; i < count; i++) {
		struct config_fault fault;
		struct config *config = load_text(table[i].text, &fault);
		const char *got = fault.text.data == NULL ? "" : fault.text.data;
		struct buf said = { 0 };

		expand(table[i].said, folder, &said);
		if (config != NULL || fault.count == 0 ||
		    strcmp(got, said.data) != 0) {
			print_error("%s: %s\n got: %s want: %s", table[i].name,
			    config != NULL ? "accepted" : "other words", got,
			    said.data);
			wrong++;
		}
		config_free(config);
		buf_free(&said);
		buf_free(&fault.text);
	}
	assert_int_equal(wrong, 0);
}

#define TABLE_TEST(table) \
	static void \
	table##_faults(void **state) \
	{ \
		check_table(table, COUNT(table), *state); \
	}
TABLE_TEST(names)
TABLE_TEST(syntax)
TABLE_TEST(values)
TABLE_TEST(source)
TABLE_TEST(destination)

static void
check_file(const char *name, const char *want)
{
	struct config_fault fault;

	assert_null(config_load(name, &fault));
	assert_int_equal(fault.count, 1);
	assert_string_equal(fault.text.data, want);
	buf_free(&fault.text);
}

/* Files that cannot be configurations. */
static void
no_text_file(void **state)
{
	FILE *fp;

	(void)state;
	check_file("none.conf",
	    "none.conf: cannot be opened: No such file or directory\n");
	check_file(".", ".: is no regular file\n");
	check_file("/dev/null", "/dev/null: is no regular file\n");
	assert_int_equal(mkfifo("fifo", 0600), 0);	/* that nobody writes to */
	check_file("fifo", "fifo: is no regular file\n");
	assert_non_null(fp = fopen("nul.conf", "w"));
	assert_int_equal(fwrite("source\0{ }", 1, 10, fp), 10);
	assert_int_equal(fclose(fp), 0);
	check_file("nul.conf", "nul.conf: holds a NUL byte: not a text file\n");
	assert_non_null(fp = fopen("big.conf", "w"));
	for (int i = 0; i < 1100000; i++)
		assert_int_not_equal(putc('\n', fp), EOF);
	assert_int_equal(fclose(fp), 0);
	check_file("big.conf",
	    "big.conf: is larger than 1 MB: not a configuration\n");
}

/* A pipe of whoever started us: leadrelay --config <(...) check. */
static void
handed_over(void **state)
{
	char text[PATH_MAX * 2], name[32];
	struct config_fault fault = { 0 };
	struct config *config;
	int fds[2];

	write_basics();
	(void)snprintf(text, sizeof(text), "source { secret_file = \"%s/secret\" }\n"
	    GOOD_DEST, (const char *)*state);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
	assert_int_equal(close(fds[1]), 0);
	(void)snprintf(name, sizeof(name), "/dev/fd/%d", fds[0]);
	config = config_load(name, &fault);
	assert_non_null(config);
	config_free(config);
	buf_free(&fault.text);
	assert_int_equal(close(fds[0]), 0);
}

/* A file of nothing but faults is not answered with megabytes. */
static void
many_faults(void **state)
{
	struct config_fault fault;
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_puts(&text, "admin { x = 1 }\n");
	assert_null(load_text(text.data, &fault));
	assert_true(fault.count >= 10000);
	assert_true(fault.text.len < 20000);
	assert_non_null(strstr(fault.text.data, "\nx.conf: further faults are left out\n"));
	buf_free(&fault.text);
	buf_free(&text);
}

/* Warnings alone do not stop a load. */
static void
warnings(void **state)
{
	struct config_fault fault;
	struct config *config;
	struct buf want = { 0 };

	write_basics();
	expand("warning: x.conf:1: secret_file: secret 1 of @/short is only 12 "
	    "bytes; a secret under 16 bytes can be guessed\n"
	    "warning: x.conf:3: source b: verify = none: whoever can reach this "
	    "source can make leads\n", *state, &want);
	config = load_text("source a { path = /a secret_file = short }\n"
	    "source b { path = /b\n verify = none }\n"
	    GOOD_DEST, &fault);
	assert_non_null(config);
	assert_int_equal(fault.count, 0);
	assert_string_equal(fault.text.data, want.data);
	config_free(config);
	buf_free(&fault.text);
	buf_free(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(syntax_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(values_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(source_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(destination_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(no_text_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(handed_over, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(many_faults, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(warnings, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("config faults", tests, NULL, NULL);
}
