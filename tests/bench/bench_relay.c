/*
 * bench_relay: how fast waiting leads drain, as a ratio.
 *
 * Posts the same body to the same sink over 32 HTTP/1.1 connections: by libcurl's
 * multi interface alone, then by the relay out of a durable outbox.
 *
 *	bench_relay [LEADS [FOLDER]]
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/sink.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/digest.h"
#include "base/log.h"
#include "config/config.h"
#include "outbox/outbox.h"
#include "http/curl_api.h"
#include "relay/relay.h"

#define CONNECTIONS 32
#define FEED_GROUP 500
#define BODY_SIZE 1600

static void
count_request(void *arg, const struct sink_request *request,
    struct sink_reply *reply)
{
	(void)request;
	(void)reply;
	atomic_fetch_add((atomic_long *)arg, 1);
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_relay: %s\n", what);
	exit(70);
}

/* A payload of about the size of LeadPro's sample; ${n} makes it unlike the others. */
static size_t
make_body(char *out, long n)
{
	int head = snprintf(out, BODY_SIZE,
	    "{\"event\":\"lead.created\",\"data\":{\"id\":%ld,\"message\":\"", n);

	memset(out + head, 'x', BODY_SIZE - 4 - (size_t)head);
	memcpy(out + BODY_SIZE - 4, "\"}}", 4);
	return BODY_SIZE - 1;
}

/* --- libcurl alone -------------------------------------------------------- */

static size_t
discard(char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * count;
}

static CURL *
make_easy(const struct curl_api *curl, const char *url, const char *body,
    size_t len, struct curl_slist *type)
{
	CURL *easy = curl->easy_init();

	(void)curl->easy_setopt(easy, CURLOPT_URL, url);
	(void)curl->easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl->easy_setopt(easy, CURLOPT_HTTPHEADER, type);
	(void)curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	(void)curl->easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	(void)curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len);
	return easy;
}

/* Leads a second. */
static double
bare(const struct curl_api *curl, const char *url, long leads)
{
	char body[BODY_SIZE], header[] = "Content-Type: application/json";
	struct curl_slist type = { .data = header };
	size_t len = make_body(body, 1);
	CURLM *multi = curl->multi_init();
	CURL *easy[CONNECTIONS];
	struct CURLMsg *msg;
	long begun, done = 0;
	int64_t start = clock_mono_ms();
	int n;

	(void)curl->multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
	for (begun = 0; begun < CONNECTIONS; begun++) {
		easy[begun] = make_easy(curl, url, body, len, &type);
		(void)curl->multi_add_handle(multi, easy[begun]);
	}
	while (done < leads) {
		(void)curl->multi_perform(multi, &n);
		while ((msg = curl->multi_info_read(multi, &n)) != NULL) {
			CURL *ended = msg->easy_handle;

			if (msg->data.result != CURLE_OK)
				die("the sink failed");
			done++;
			(void)curl->multi_remove_handle(multi, ended);
			if (begun++ < leads)
				(void)curl->multi_add_handle(multi, ended);
		}
		if (done < leads)
			(void)curl->multi_poll(multi, NULL, 0, 1000, NULL);
	}
	for (n = 0; n < CONNECTIONS; n++)
		curl->easy_cleanup(easy[n]);
	(void)curl->multi_cleanup(multi);
	return (double)leads * 1000 / (double)(clock_mono_ms() - start);
}

/* --- the relay ------------------------------------------------------------ */

struct feed {
	long first, count;
};

static int
feed_group(struct store *store, void *arg)
{
	const struct feed *feed = arg;
	char body[BODY_SIZE], lead[24];
	struct event_in in = { .source = "default", .lead = lead,
	    .name = "lead.created", .payload = body,
	    .received_ms = clock_wall_ms() };
	struct event_out out;
	long n;

	for (n = feed->first; n < feed->first + feed->count; n++) {
		in.payload_len = make_body(body, n);
		snprintf(lead, sizeof(lead), "%ld", n);
		memset(&out, 0, sizeof(out));
		if (digest_sha256(body, in.payload_len, in.data_digest) == -1 ||
		    store_accept(store, &in, &out, 1) == -1)
			return -1;
		if (out.fate != EVENT_STORED)
			die("a lead was not stored");
	}
	return 0;
}

static double
relayed(struct config *config, atomic_long *posted, long leads)
{
	struct counters counters = { 0 };
	struct store_fault fault;
	struct outbox *outbox;
	struct relay *relay;
	struct buf why = { 0 };
	struct feed feed = { 0 };
	int64_t start, ms;

	if ((outbox = outbox_open(config, OUTBOX_SERVE, &fault)) == NULL)
		die(fault.text);
	for (; feed.first < leads; feed.first += feed.count) {
		feed.count = leads - feed.first < FEED_GROUP ?
		    leads - feed.first : FEED_GROUP;
		if (outbox_run(outbox, feed_group, &feed, &fault) == -1)
			die(fault.text);
	}
	if ((relay = relay_new(config, NULL, outbox, &counters, &why)) == NULL)
		die(why.data);
	atomic_store(posted, 0);
	start = clock_mono_ms();
	relay_run(relay, true, 3600 * 1000);
	ms = clock_mono_ms() - start;
	if (counters_get(&counters, delivered) != (uint64_t)leads ||
	    atomic_load(posted) != leads)
		die("not everything was delivered");
	relay_free(relay);
	outbox_close(outbox);
	return (double)leads * 1000 / (double)ms;
}

static void
measure(struct config *config, const char *url, atomic_long *posted, long leads)
{
	struct curl_api curl;
	struct buf why = { 0 };
	double alone, through;

	if (curl_api_load(&curl, &why) == -1)
		die(why.data);
	(void)bare(&curl, url, leads / 4 + CONNECTIONS);	/* warm up */
	alone = bare(&curl, url, leads);
	through = relayed(config, posted, leads);
	alone = (alone + bare(&curl, url, leads)) / 2;
	printf("libcurl alone %.0f/s, relay %.0f/s, ratio %.2f\n", alone, through,
	    through / alone);
}

int
main(int argc, char **argv)
{
	static struct config_range success[] = { { 200, 299 } };
	static int64_t pauses[] = { 5000 };
	static char name[] = "sink";
	long leads = argc > 1 ? atol(argv[1]) : 20000;
	char place[256], store[300], log[300], cleanup[300], url[64];
	atomic_long posted = 0;
	struct config_destination destination = {
		.name = name, .url = url, .success = success, .success_count = 1,
		.timeout_ms = 20000, .connect_timeout_ms = 5000,
		.max_concurrent = CONNECTIONS, .retry_ms = pauses, .retry_count = 1,
		.probe_ms = pauses, .probe_count = 1, .retry_for_ms = 3600 * 1000,
	};
	struct config config = { .destinations = &destination, .destination_count = 1,
		.store = { .url = store, .keep_delivered_ms = 86400000,
		.keep_failed_ms = 86400000, .max_waiting = 10000000 } };
	struct sink *sink;

	if (leads < CONNECTIONS)
		die("usage: bench_relay [LEADS [FOLDER]]");
	snprintf(place, sizeof(place), "%s/bench_relay.XXXXXX", argc > 2 ? argv[2] : ".");
	if (mkdtemp(place) == NULL)
		die("no place for the outbox");
	snprintf(store, sizeof(store), "sqlite:%s/outbox.db", place);
	snprintf(log, sizeof(log), "file:%s/log", place);
	snprintf(cleanup, sizeof(cleanup), "rm -rf '%s'", place);
	if (log_open(log, false) == -1 ||
	    (sink = sink_start(count_request, &posted, true)) == NULL)
		die("cannot start");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", sink_port(sink));
	measure(&config, url, &posted, leads);
	sink_stop(sink);
	return system(cleanup) == 0 ? 0 : 70;
}
