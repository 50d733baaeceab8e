/*
 * lite_txn: transactions, and the numbers every one of them carries: the head
 * and the counts are kept in memory while it runs and written just before it
 * commits, so that a group of a hundred jobs pays for them once.
 */
#include "outbox/sqlite/lite.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Forget what the transaction had counted. */
static void
forget(struct lite *lt)
{
	lt->head.loaded = lt->head.changed = false;
	lt->tally_count = 0;
	lt->space_seen = lt->floor_seen = false;
	lt->begun_seen = false;
	lt->next_epoch = 0;
	lt->writing = false;
}

/* The transaction is on disk, and with it a new epoch of ours. */
static void
begin_epoch(struct lite *lt)
{
	lt->epoch = lt->next_epoch;
	lite_taken_clear(lt);
}

/* After trouble with the file, start from what is on disk. */
static void
drop_if_bad(struct lite *lt)
{
	switch (lt->store.fault.kind) {
	case STORE_FAULT_IO:
	case STORE_FAULT_FULL:
	case STORE_FAULT_CORRUPT:
		lite_open_disconnect(lt);
		break;
	default:
		break;
	}
}

int
lite_txn_begin(struct store *st, bool write)
{
	struct lite *lt = (struct lite *)st;

	forget(lt);
	lt->until = st->until_mono_ms != 0 ? st->until_mono_ms :
	    clock_mono_ms() + lt->busy_ms;
	if (lite_files_rest(lt) == -1 ||
	    (lt->db == NULL && lite_open_connect(lt) == -1))
		return -1;
	if (write && lite_lock_writer(lt) == -1)
		return -1;
	lt->writing = write;
	if ((write || lt->read_only) && lite_files_check(lt) == -1)
		goto fail;
	if (LITE_RUN(lt, write ? LITE_BEGIN_WRITE : LITE_BEGIN_READ) == -1)
		goto fail;
	if (write && lite_sync_check(lt) == -1) {
		lite_open_disconnect(lt);
		goto fail;
	}
	if (lite_schema_current(lt) == 0)
		return 0;
fail:
	lite_txn_rollback(st);
	return -1;
}

/*
 * Commit, and note that it is on disk.  A failed one may be there or not, and
 * trying again would prove nothing: a failed fsync forgets what it could not
 * write.  Recovery, when the file is next opened, decides, and lite_sync.
 */
static int
commit_surely(struct lite *lt)
{
	int rc;

	lt->log_grew = false;
	if (lt->writing && sqlite3_txn_state(lt->db, NULL) == SQLITE_TXN_WRITE)
		lite_sync_begin(lt);
	rc = LITE_RUN(lt, LITE_COMMIT);
	if (rc == 0 && lt->writing && (lt->log_grew || !lt->logged))
		lite_sync_note(lt);
	return rc;
}

static int
write_counts(struct lite *lt)
{
	const struct lite_head *h = &lt->head;

	if (h->changed && LITE_RUN(lt, LITE_HEAD_SET, h->event, h->open,
	    h->held, h->floor) == -1)
		return -1;
	for (size_t i = 0; i < lt->tally_count; i++)
		for (int state = 0; state < DELIVERY_STATES; state++)
			if (lt->tallies[i].delta[state] != 0 && LITE_RUN(lt,
			    LITE_TALLY_ADD, lt->tallies[i].destination, state,
			    lt->tallies[i].delta[state]) == -1)
				return -1;
	return 0;
}

int
lite_txn_commit(struct store *st)
{
	struct lite *lt = (struct lite *)st;
	bool wrote = lt->writing;
	int rc;

	rc = write_counts(lt);
	if (rc == 0)
		rc = commit_surely(lt);
	if (rc == -1)
		lite_open_disconnect(lt);
	else if (lt->next_epoch != 0)
		begin_epoch(lt);
	if (wrote)
		lite_lock_release(lt);
	forget(lt);
	return rc;
}

void
lite_txn_rollback(struct store *st)
{
	struct lite *lt = (struct lite *)st;

	if (lt->db != NULL && !sqlite3_get_autocommit(lt->db))
		sqlite3_exec(lt->db, "ROLLBACK", NULL, NULL, NULL);
	free(lt->source);
	lt->source = NULL;
	drop_if_bad(lt);
	if (lt->writing)
		lite_lock_release(lt);
	forget(lt);
}

int
lite_txn_try(struct store *st)
{
	return LITE_RUN((struct lite *)st, LITE_HEAD_TRY);
}

struct lite_head *
lite_txn_head(struct lite *lt)
{
	struct lite_head *h = &lt->head;
	int rc;

	if (h->loaded)
		return h;
	if ((rc = LITE_READ(lt, LITE_GET(lt, LITE_HEAD_GET), &h->event, &h->open,
	    &h->held, &h->floor, &h->epoch, &h->doubt, &h->doubt_epoch, &h->purged,
	    &h->folded)) != 1) {
		if (rc == 0)
			lite_fault_set(lt, STORE_FAULT_CORRUPT,
			    "outbox %s: its head is missing", lt->path);
		return NULL;
	}
	h->loaded = true;
	h->changed = false;
	return h;
}

int
lite_txn_fence(struct lite *lt)
{
	const struct lite_head *head = lite_txn_head(lt);

	if (head == NULL)
		return -1;
	if (lt->epoch != 0 && head->epoch == lt->epoch && lite_lock_is_relay(lt))
		return 0;
	return lite_fault_set(lt, STORE_FAULT_FENCED,
	    "outbox %s: another relay has taken over", lt->path);
}

int
lite_txn_tally(struct lite *lt, int64_t destination, enum delivery_state state,
    int64_t delta)
{
	struct lite_tally *more;
	size_t i;

	for (i = 0; i < lt->tally_count; i++)
		if (lt->tallies[i].destination == destination)
			break;
	if (i == lt->tally_count) {
		/* Few, and kept for the next transaction. */
		more = realloc(lt->tallies, (i + 1) * sizeof(*more));
		if (more == NULL)
			return lite_fault_memory(lt);
		lt->tallies = more;
		memset(&more[i], 0, sizeof(more[i]));
		more[i].destination = destination;
		lt->tally_count++;
	}
	lt->tallies[i].delta[state] += delta;
	return 0;
}
