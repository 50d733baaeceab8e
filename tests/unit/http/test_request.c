#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "base/secret.h"
#include "outbox/event.h"
#include "http/credentials.h"
#include "http/request.h"

static char payload[] =
    "{ \"event\":\"lead.created\",\"data\" : {\"id\": 7, \"a\":[1.0]} }";
static char url[] = "https://crm.example/api/leads";
static char crm[] = "crm";

struct world {
	struct config_destination config;
	struct delivery_claim claim;
	struct credentials *c;
	struct http_request rq;
	struct buf why;
	struct secret_list secrets;
	const char *transformed;
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
	http_request_free(&w->rq);
	buf_free(&w->why);
	free(w);
	return 0;
}

static int
build(struct world *w)
{
	const struct http_request_source from = {
		.config = &w->config, .credentials = w->c, .claim = &w->claim,
		.signing = &w->secrets, .transformed = w->transformed,
		.transformed_len = w->transformed != NULL ? strlen(w->transformed) : 0,
		.now_ms = 1614265330999,
	};

	return http_request_build(&w->rq, &from, &w->why);
}

static int
has_line(const struct http_request *rq, const char *line)
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
	assert_true(has_line(&w->rq, "X-Leadrelay-Event: unknown"));
	w->claim.name = evil;
	assert_int_equal(build(w), 0);
	assert_true(has_line(&w->rq, "X-Leadrelay-Event: unknown"));
}

/* A body of the destination's own making, and the same as a form. */
static void
test_transformed(void **state)
{
	static const char made[] = "{\"a\":{\"b\":[1.50,\"x y\"]},\"n\":null}";
	struct world *w = *state;

	w->config.body = CONFIG_BODY_TRANSFORM;
	w->transformed = made;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.body_len, strlen(made));
	assert_memory_equal(w->rq.body, made, strlen(made));
	w->config.format = CONFIG_FORMAT_FORM;
	assert_int_equal(build(w), 0);
	assert_string_equal(w->rq.body, "a%5Bb%5D%5B0%5D=1.50&a%5Bb%5D%5B1%5D=x+y");
	assert_true(has_line(&w->rq, "Content-Type: application/x-www-form-urlencoded"));
	w->transformed = "7";
	assert_int_equal(build(w), -1);
	assert_non_null(strstr(w->why.data, "format = form"));
}

/* What was signed may be a form, too, with its numbers as they were written. */
static void
test_forms(void **state)
{
	static char text[] = "not JSON";
	struct world *w = *state;

	w->config.format = CONFIG_FORMAT_FORM;
	assert_int_equal(build(w), 0);
	assert_string_equal(w->rq.body,
	    "event=lead.created&data%5Bid%5D=7&data%5Ba%5D%5B0%5D=1.0");
	w->config.body = CONFIG_BODY_DATA;
	assert_int_equal(build(w), 0);
	assert_string_equal(w->rq.body, "id=7&a%5B0%5D=1.0");
	w->claim.payload = text;
	w->claim.payload_len = strlen(text);
	assert_int_equal(build(w), -1);
}

static void
test_placeholders(void **state)
{
	static char place[] = "https://crm.example/{lead_id}/x({lead_uuid})?e={id}&l={lead_id}";
	static char lead[] = "a/b c%", plain_lead[] = "7";
	struct world *w = *state;

	w->config.url = place;
	w->claim.lead = lead;
	assert_int_equal(build(w), 0);
	assert_string_equal(w->rq.url, "https://crm.example/a%2Fb%20c%25/"
	    "x(6efec6b3-10c7-5108-af8e-d0cef063eb05)"
	    "?e=01890a5d-ac96-774b-bcce-b302099a8057&l=a%2Fb%20c%25");
	w->claim.lead = plain_lead;
	assert_int_equal(build(w), 0);
	assert_non_null(strstr(w->rq.url, "x(566218d3-98cb-581b-85f3-5eb1d14cbb9c)"));
}

/* The key's number follows the body, but only when a person said so. */
static void
test_key_number(void **state)
{
	struct world *w = *state;
	int64_t digest;

	w->claim.key_number = 1;
	assert_int_equal(build(w), 0);
	digest = w->rq.digest;
	assert_int_not_equal(digest, 0);
	assert_int_equal(w->rq.key_number, 1);
	w->claim.body = digest;
	w->claim.retried = true;
	assert_int_equal(build(w), 0);		/* the same body */
	assert_int_equal(w->rq.key_number, 1);
	w->config.body = CONFIG_BODY_DATA;
	w->claim.retried = false;
	assert_int_equal(build(w), 0);		/* another one, but nobody asked */
	assert_int_equal(w->rq.key_number, 1);
	w->claim.retried = true;
	assert_int_equal(build(w), 0);
	assert_int_equal(w->rq.key_number, 2);
	assert_true(has_line(&w->rq, "Idempotency-Key: "
	    "\"01890a5d-ac96-774b-bcce-b302099a8057.crm.2\""));
	w->claim.body = 0;
	assert_int_equal(build(w), 0);		/* nothing was ever sent */
	assert_int_equal(w->rq.key_number, 1);
}

/* The value is what Python's hmac module makes of the same. */
static void
test_signature(void **state)
{
	static char key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	struct secret secret = { key, strlen(key) };
	struct world *w = *state;

	w->secrets = (struct secret_list){ &secret, 1 };
	w->claim.key_number = 1;
	assert_int_equal(build(w), 0);
	assert_true(has_line(&w->rq,
	    "webhook-id: 01890a5d-ac96-774b-bcce-b302099a8057"));
	assert_true(has_line(&w->rq, "webhook-timestamp: 1614265330"));
	assert_true(has_line(&w->rq, "webhook-signature: v1,K6DM6s8QEHLYNjtf4d1Cc7Fi7wcC+sWRYAXVR7Dtuic="));
	w->claim.key_number = 3;
	assert_int_equal(build(w), 0);
	assert_true(has_line(&w->rq,
	    "webhook-id: 01890a5d-ac96-774b-bcce-b302099a8057-3"));
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
		T(test_transformed),
		T(test_forms),
		T(test_placeholders),
		T(test_key_number),
		T(test_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
