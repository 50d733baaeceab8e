/*
 * Each call is the back end's of the same name; that every store has it, store_ops.h
 * says.  The table is all there is, so that a call cannot be anything more.
 */
#include "outbox/store_ops.h"

#include <stdarg.h>
#include <stdio.h>

#define FORWARD(name, parameters, ...) \
	int \
	store_##name parameters \
	{ \
		return st->ops->name(__VA_ARGS__); \
	}

FORWARD(accept, (struct store *st, const struct event_in *in,
    struct event_out *out, size_t count), st, in, out, count)
FORWARD(claim, (struct store *st, int64_t destination, int64_t now_ms, size_t max,
    struct delivery_claim *claims, size_t *count),
    st, destination, now_ms, max, claims, count)
FORWARD(probe, (struct store *st, int64_t destination, int64_t cursor,
    struct delivery_claim *claim, size_t *count),
    st, destination, cursor, claim, count)
FORWARD(settle, (struct store *st, const struct delivery_outcome *outcomes,
    size_t count, int64_t now_ms), st, outcomes, count, now_ms)
FORWARD(next_due, (struct store *st, int64_t destination, int64_t *due_ms),
    st, destination, due_ms)
FORWARD(make_due, (struct store *st, int64_t destination, int64_t now_ms,
    size_t max, size_t *count), st, destination, now_ms, max, count)
FORWARD(recover, (struct store *st, int64_t now_ms, struct store_recovery *found),
    st, now_ms, found)
FORWARD(delivered_since, (struct store *st, int64_t destination, int64_t since_ms,
    int64_t until_ms, int max, int *count),
    st, destination, since_ms, until_ms, max, count)
FORWARD(requests, (struct store *st, int64_t destination, int64_t since_ms,
    int64_t now_ms, store_span_fn *span, void *arg),
    st, destination, since_ms, now_ms, span, arg)
FORWARD(load_trust, (struct store *st, struct trust *trust), st, trust)
FORWARD(save_trust, (struct store *st, const struct trust *trust), st, trust)
FORWARD(load_state, (struct store *st, struct destination_state *state), st, state)
FORWARD(save_state, (struct store *st, const struct destination_state *state),
    st, state)
FORWARD(load_token, (struct store *st, int64_t destination,
    uint8_t origin[DIGEST_SIZE], char **token), st, destination, origin, token)
FORWARD(save_token, (struct store *st, int64_t destination,
    const uint8_t origin[DIGEST_SIZE], const char *token),
    st, destination, origin, token)
FORWARD(load_alert, (struct store *st, const char *kind, const char *subject,
    struct store_alert *alert), st, kind, subject, alert)
FORWARD(save_alert, (struct store *st, const char *kind, const char *subject,
    const struct store_alert *alert), st, kind, subject, alert)
FORWARD(purge, (struct store *st, int64_t delivered_before_ms,
    int64_t failed_before_ms, size_t max, size_t *count),
    st, delivered_before_ms, failed_before_ms, max, count)
FORWARD(expire, (struct store *st, int64_t now_ms, bool sure), st, now_ms, sure)
FORWARD(list, (struct store *st, const struct store_filter *filter,
    store_row_fn *row, void *arg), st, filter, row, arg)
FORWARD(names, (struct store *st, enum store_names which, const char *lead,
    store_name_fn *name, void *arg), st, which, lead, name, arg)
FORWARD(match, (struct store *st, const char *beginning, char (*ids)[UUID7_SIZE],
    size_t max, size_t *count), st, beginning, ids, max, count)
FORWARD(show, (struct store *st, const char *id,
    const struct store_visitor *visitor, bool *found), st, id, visitor, found)
FORWARD(act, (struct store *st, enum store_action action, const char *id,
    const char *destination, unsigned how, int64_t now_ms,
    struct store_act_out *out), st, action, id, destination, how, now_ms, out)
FORWARD(find, (struct store *st, enum store_action action,
    const struct store_filter *filter, int64_t now_ms, struct store_walk *walk,
    char (*ids)[UUID7_SIZE], size_t max, size_t *count),
    st, action, filter, now_ms, walk, ids, max, count)
FORWARD(stats, (struct store *st, struct store_stats *stats,
    store_destination_fn *destination, void *arg), st, stats, destination, arg)
FORWARD(payloads, (struct store *st, struct store_walk *walk, size_t max,
    store_event_fn *event, void *arg), st, walk, max, event, arg)
FORWARD(erase, (struct store *st, const char *id, enum store_act_result *result),
    st, id, result)
FORWARD(try_write, (struct store *st), st)

int
store_backup(struct store *st, const char *path)
{
	if (st->ops->backup != NULL)
		return st->ops->backup(st, path);
	st->fault.kind = STORE_FAULT_CANTCREAT;
	(void)snprintf(st->fault.text, sizeof(st->fault.text),
	    "outbox: a store of this kind is copied by its own means");
	return -1;
}

int
store_fail(struct store_fault *fault, enum store_fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	fault->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	return -1;
}
