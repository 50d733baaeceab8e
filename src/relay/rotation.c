/*
 * States: saved; unsaved (kept.unsaved); being saved (saving).  A token that changes while
 * one is being saved is saved after it.
 */
#include "relay/rotation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "outbox/store.h"

#define AGAIN_MS 1000		/* between two tries to store it */
#define HURRY_MS 100		/* when the process is about to end */

/* A token on its way, in a copy of its own. */
struct rotation_job {
	struct mailbox_job job;
	struct rotation *rotation;
	int64_t number;
	uint8_t origin[DIGEST_SIZE];
	struct buf token;
};

void
rotation_init(struct rotation *r, struct mailbox *box, int64_t number,
    const char *name)
{
	memset(r, 0, sizeof(*r));
	r->box = box;
	r->number = number;
	r->name = name;
}

void
rotation_destroy(struct rotation *r)
{
	refresh_token_destroy(&r->kept);
}

int
rotation_load(struct rotation *r, struct store *store)
{
	uint8_t origin[DIGEST_SIZE] = { 0 };
	char *token;

	if (store_load_token(store, r->number, origin, &token) == -1)
		return -1;
	if (rotation_saved(r)) {
		refresh_token_destroy(&r->kept);
		if (token != NULL)
			buf_puts(&r->kept.token, token);
		memcpy(r->kept.origin, origin, sizeof(r->kept.origin));
	}
	if (token != NULL)
		explicit_bzero(token, strlen(token));
	free(token);
	return 0;
}

static int
save_run(struct store *store, struct mailbox_job *base)
{
	struct rotation_job *job = (struct rotation_job *)base;

	return store_save_token(store, job->number, job->origin,
	    job->token.data);
}

static void
save_finish(struct mailbox_job *base, const struct store_fault *fault)
{
	struct rotation_job *job = (struct rotation_job *)base;
	struct rotation *r = job->rotation;

	r->saving = NULL;
	if (fault != NULL) {
		if (!r->failing)
			log_err("destination %s: its new refresh token is not stored "
			    "yet, trying again every second: %s", r->name, fault->text);
		r->kept.unsaved = true;
	} else if (r->failing) {
		log_info("destination %s: its new refresh token is stored", r->name);
	}
	r->failing = fault != NULL;
	secret_wipe(&job->token);
	free(job);
}

static void
save(struct rotation *r)
{
	struct rotation_job *job;

	r->tried_mono_ms = clock_mono_ms();
	if ((job = calloc(1, sizeof(*job))) == NULL)
		return;
	job->job.run = save_run;
	job->job.finish = save_finish;
	job->rotation = r;
	job->number = r->number;
	memcpy(job->origin, r->kept.origin, sizeof(job->origin));
	buf_add(&job->token, r->kept.token.data, r->kept.token.len);
	if (!buf_ok(&job->token)) {
		secret_wipe(&job->token);
		free(job);
		return;
	}
	r->kept.unsaved = false;
	r->saving = job;
	mailbox_submit(r->box, &job->job);
}

void
rotation_step(struct rotation *r, bool hurry)
{
	int64_t pause_ms = !r->failing ? 0 : hurry ? HURRY_MS : AGAIN_MS;

	if (r->kept.unsaved && r->saving == NULL &&
	    clock_mono_ms() >= r->tried_mono_ms + pause_ms)
		save(r);
}

bool
rotation_saved(const struct rotation *r)
{
	return !r->kept.unsaved && r->saving == NULL;
}
