#include "relay/rehearse.h"

#include <stdbool.h>
#include <stdlib.h>

#include "config/config.h"
#include "outbox/event.h"
#include "relay/credentials.h"
#include "relay/passage.h"
#include "relay/programs.h"
#include "relay/signing.h"

#define LOOK_MS 200

struct rehearse {
	const struct config_destination *config;
	struct credentials *credentials;
	struct program_host *host;
	struct programs *programs;
	struct signing signing;
	struct passage passage;
	enum passage_end end;
};

struct rehearse *
rehearse_new(struct program_host *host, const struct config_destination *config,
    struct buf *why)
{
	struct rehearse *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		buf_puts(why, "out of memory");
		return NULL;
	}
	r->config = config;
	r->host = host;
	if ((r->credentials = credentials_new(config)) == NULL)
		buf_puts(why, "out of memory");
	else if (credentials_refresh(r->credentials, why) == 0 &&
	    signing_refresh(&r->signing, config, why) == 0 &&
	    (r->programs = programs_new(host, config, why)) != NULL)
		return r;
	rehearse_free(r);
	return NULL;
}

void
rehearse_free(struct rehearse *r)
{
	if (r == NULL)
		return;
	passage_destroy(&r->passage);
	programs_free(r->programs);
	signing_destroy(&r->signing);
	credentials_free(r->credentials);
	free(r);
}

static void
passed(struct passage *p, enum passage_end end)
{
	struct rehearse *r = p->owner;

	r->end = end;
}

/* Take the delivery through when and transform, waiting. */
static void
pass(struct rehearse *r, const struct delivery_claim *claim)
{
	passage_destroy(&r->passage);
	r->passage = (struct passage){ .owner = r };
	passage_out(&r->passage, r->programs, claim, passed);
	while (r->passage.busy)
		program_host_wait(r->host, LOOK_MS);
}

void
rehearse_run(struct rehearse *r, const struct delivery_claim *claim,
    int64_t now_ms, struct rehearsal *out)
{
	struct outgoing_source from = {
		.config = r->config,
		.credentials = r->credentials,
		.signing = &r->signing.secrets,
		.claim = claim,
		.now_ms = now_ms,
	};

	buf_reset(&out->reason);
	pass(r, claim);
	out->end = r->end == PASSAGE_ON ? REHEARSE_SEND :
	    r->end == PASSAGE_SKIP ? REHEARSE_SKIP :
	    r->end == PASSAGE_TROUBLE ? REHEARSE_TROUBLE : REHEARSE_HOLD;
	if (r->end != PASSAGE_ON) {
		buf_add(&out->reason, r->passage.reason.data, r->passage.reason.len);
		return;
	}
	from.transformed = r->passage.body.data;
	from.transformed_len = r->passage.body.len;
	if (outgoing_build(&out->request, &from, &out->reason) == -1)
		out->end = REHEARSE_HOLD;
}

void
rehearse_done(struct rehearsal *out)
{
	buf_free(&out->reason);
	outgoing_free(&out->request);
}
