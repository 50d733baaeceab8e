#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "outbox/event.h"
#include "relay/credentials.h"
#include "relay/outgoing.h"

static char payload[] =
    "{ \"event\":\"lead.created\",\"data\" : {\"id\": 7, \"a\":[1.0]} }";
static char url[] = "https://crm.example/api/leads";
static char crm[] = "crm";

struct world {
	struct config_destination config;
	struct delivery_claim claim;
	struct credentials *c;
	struct outgoing rq;
	struct buf why;
};

static int
set_up(void **state)
{
	static char source[] = "default", lead[] = "7", name[] = "lead.created";
	struct world *w = calloc(1, sizeof(*w));

	w->config.name = crm;
	w->config.url = url;
	w->claim = (struct delivery_claim){
		.id = "01890a5d-ac96-774b-bcce-b302099a8057",
		.source = source, .lead = lead, .name = name, .sequence = 12,
		.key_number = 2, .payload = payload, .payload_len = strlen(payload),
	};
	w->c = credentials_new(&w->config);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	credentials_free(w->c);
	outgoing_free(&w->rq);
	buf_free(&w->why);
	free(w);
	return 0;
}

static int
build(struct world *w)
{
	return outgoing_build(&w->rq, &w->config, w->c, &w->claim, &w->why);
}

static int
has_line(const struct outgoing *rq, const char *line)
{
	size_t i;
	int n = 0;

	for (i = 0; i < rq->header_count; i++)
		n += strcmp(rq->headers[i], line) == 0;
	return n;
}

static void
test_payload(void **state)
{
	struct world *w = *state;
	int i;

	for (i = 0; i < 3; i++) {		/* its memory may be used again */
		assert_int_equal(build(w), 0);
		assert_string_equal(w->rq.method, "POST");
		assert_string_equal(w->rq.url, url);
		assert_ptr_equal(w->rq.body, payload);
		assert_int_equal(w->rq.body_len, strlen(payload));
		assert_int_equal(w->rq.header_count, 6);
		assert_true(has_line(&w->rq, "Idempotency-Key: "
		    "\"01890a5d-ac96-774b-bcce-b302099a8057.crm.2\""));
		assert_true(has_line(&w->rq,
		    "X-Leadrelay-Id: 01890a5d-ac96-774b-bcce-b302099a8057"));
		assert_true(has_line(&w->rq, "X-Leadrelay-Event: lead.created"));
		assert_true(has_line(&w->rq, "X-Leadrelay-Sequence: 12"));
		assert_true(has_line(&w->rq, "Content-Type: application/json"));
		assert_true(has_line(&w->rq, "User-Agent: leadrelay/" PACKAGE_VERSION));
	}
}

static void
test_data(void **state)
{
	static const char data[] = "{\"id\": 7, \"a\":[1.0]}";
	struct world *w = *state;

	w->config.body = CONFIG_BODY_DATA;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.body_len, strlen(data));
	assert_memory_equal(w->rq.body, data, strlen(data));
}

static void
test_no_data(void **state)
{
	static char bare[] = "{\"event\":\"x\"}", broken[] = "{\"data\":";
	struct world *w = *state;

	w->config.body = CONFIG_BODY_DATA;
	w->claim.payload = bare;
	w->claim.payload_len = strlen(bare);
	assert_int_equal(build(w), -1);
	assert_non_null(strstr(w->why.data, "\"data\""));
	w->claim.payload = broken;
	w->claim.payload_len = strlen(broken);
	assert_int_equal(build(w), -1);
}

static void
test_configured_headers(void **state)
{
	static char type[] = "application/vnd.api+json", put[] = "PUT";
	static char agent[] = "user-agent: mine", office[] = "X-Office: Oxford";
	static char other[] = "Content-Type: text/json";
	char *headers[] = { agent, office, other };
	struct world *w = *state;

	w->config.method = put;
	w->config.content_type = type;
	assert_int_equal(build(w), 0);
	assert_string_equal(w->rq.method, "PUT");
	assert_true(has_line(&w->rq, "Content-Type: application/vnd.api+json"));
	w->config.headers = headers;
	w->config.header_count = 3;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.header_count, 7);
	assert_true(has_line(&w->rq, office));
	assert_true(has_line(&w->rq, agent));
	assert_true(has_line(&w->rq, other));
	assert_false(has_line(&w->rq, "Content-Type: application/vnd.api+json"));
	assert_false(has_line(&w->rq, "User-Agent: leadrelay/" PACKAGE_VERSION));
}

static void
test_event_names(void **state)
{
	static char none[] = "", evil[] = "lead.created\r\nX-Evil: 1";
	struct world *w = *state;

	w->claim.name = none;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.header_count, 5);
	w->claim.name = evil;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.header_count, 5);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_payload),
		T(test_data),
		T(test_no_data),
		T(test_configured_headers),
		T(test_event_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
