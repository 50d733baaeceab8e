/*
 * The same pipeline and the same request as a delivery's, waited for; nothing is sent.
 */
#include "relay/dry_run.h"

#include <stdbool.h>
#include <stdlib.h>

#include "config/config.h"
#include "http/credentials.h"
#include "http/signing.h"
#include "outbox/event.h"
#include "program/pipeline.h"
#include "program/programs.h"

#define LOOK_MS 200

struct dry_run {
	const struct config_destination *config;
	struct credentials *credentials;
	struct program_pool *pool;
	struct programs *programs;
	struct signing signing;
	struct pipeline pipeline;
	enum pipeline_end end;
};

struct dry_run *
dry_run_new(struct program_pool *pool, const struct config_destination *config,
    struct buf *why)
{
	struct dry_run *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	r->config = config;
	r->pool = pool;
	if ((r->credentials = credentials_new(config)) == NULL)
		buf_puts(why, "out of memory");
	else if (credentials_refresh(r->credentials, why) == 0 &&
	    signing_refresh(&r->signing, config, why) == 0 &&
	    (r->programs = programs_new(pool, config, why)) != NULL)
		return r;
	dry_run_free(r);
	return NULL;
}

void
dry_run_free(struct dry_run *r)
{
	if (r == NULL)
		return;
	pipeline_destroy(&r->pipeline);
	programs_free(r->programs);
	signing_destroy(&r->signing);
	credentials_free(r->credentials);
	free(r);
}

static void
passed(struct pipeline *p, enum pipeline_end end)
{
	struct dry_run *r = p->owner;

	r->end = end;
}

/* Take the delivery through when and transform, waiting. */
static void
pass(struct dry_run *r, const struct delivery_claim *claim)
{
	pipeline_destroy(&r->pipeline);
	r->pipeline = (struct pipeline){ .owner = r };
	pipeline_out(&r->pipeline, r->programs, claim, passed);
	while (r->pipeline.busy)
		program_pool_wait(r->pool, LOOK_MS);
}

void
dry_run_run(struct dry_run *r, const struct delivery_claim *claim,
    int64_t now_ms, struct dry_run_result *out)
{
	struct http_request_source from = {
		.config = r->config,
		.credentials = r->credentials,
		.signing = &r->signing.secrets,
		.claim = claim,
		.now_ms = now_ms,
	};

	buf_reset(&out->reason);
	pass(r, claim);
	out->end = r->end == PIPELINE_ON ? DRY_RUN_SEND :
	    r->end == PIPELINE_SKIP ? DRY_RUN_SKIP :
	    r->end == PIPELINE_TROUBLE ? DRY_RUN_TROUBLE : DRY_RUN_HOLD;
	if (r->end != PIPELINE_ON) {
		buf_add(&out->reason, r->pipeline.reason.data, r->pipeline.reason.len);
		return;
	}
	from.transformed = r->pipeline.body.data;
	from.transformed_len = r->pipeline.body.len;
	if (http_request_build(&out->request, &from, &out->reason) == -1)
		out->end = DRY_RUN_HOLD;
}

void
dry_run_done(struct dry_run_result *out)
{
	buf_free(&out->reason);
	http_request_free(&out->request);
}
