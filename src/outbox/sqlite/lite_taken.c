/*
 * lite_taken: what the relay has in hand.
 *
 * A delivery that the relay has taken is a waiting one to everybody else: should
 * the relay end, it is simply due.  Only one whose request was begun may have
 * reached its receiver.  Both are facts about a process, not about the outbox, so
 * they stand in a table in memory that the relay shares with every other process,
 * behind the relay's lock file.  The kernel keeps it when the relay is killed, and
 * the next one reads there what was begun; it says itself of which boot it is,
 * since after a power cut it may be any older state of itself.
 *
 * A slot:	FREE -> TAKEN	by the relay, in a claim, under the writer's lock
 *		TAKEN -> BEGUN	by the relay, just before a request
 *		TAKEN -> REVOKED by a command that changes the delivery, under the
 *				writer's lock: the relay then lets go of it
 *		any -> FREE	by the relay, when the outcome is on disk or nothing
 *				was sent
 *
 * So while a command holds the writer's lock, a delivery can be begun or let go,
 * but not be taken anew; and of command and relay one is first, by compare and
 * swap.  What the relay itself looks up, delivery by delivery, is indexed in its
 * own memory under a mutex: its thread and the committing one both use it.
 *
 * No destination may take the slots that others need.  Half of the table is shared
 * out among the configured ones; each may take while it has less than its share, or
 * while the shares of all the others would fit beside it.
 */
#include "outbox/sqlite/lite.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TABLE_AT 4096			/* in the relay's lock file */
#define TABLE_MAGIC UINT64_C(0x314e454b41544c52)
#define SLOTS 4096
#define CHAINS 1024

enum { FREE, TAKEN, BEGUN, REVOKED };

struct slot {
	_Atomic uint32_t state;
	int64_t delivery;
	int64_t lead;
	int64_t claim;
	int64_t started_ms;		/* BEGUN: when */
};

struct table {
	uint64_t magic;
	char boot[CLOCK_BOOT_SIZE];	/* of the machine, at which it was begun */
	struct slot slots[SLOTS];
};

struct lite_taken {
	_Atomic(struct table *) table;	/* NULL: not mapped (yet) */
	atomic_bool own;		/* we hold the relay's lock */
	atomic_bool chained;		/* and the chains below say what is in the table */
	dev_t device;			/* the file it is mapped from */
	ino_t inode;

	/* The relay's own: deliveries in chains by their hash, and what is free. */
	pthread_mutex_t mutex;
	int chain[CHAINS];
	int next[SLOTS];
	int spare;
	int spare_count;
	bool told;			/* that there is no more for some destination */
};

/* --- the table ------------------------------------------------------------- */

int
lite_taken_open(struct lite *lt)
{
	if ((lt->taken = calloc(1, sizeof(*lt->taken))) == NULL)
		return lite_fault_memory(lt);
	pthread_mutex_init(&lt->taken->mutex, NULL);
	return 0;
}

void
lite_taken_close(struct lite *lt)
{
	struct lite_taken *t = lt->taken;

	if (t == NULL)
		return;
	if (t->table != NULL)
		munmap(t->table, sizeof(struct table));
	pthread_mutex_destroy(&t->mutex);
	free(t);
	lt->taken = NULL;
}

/*
 * Map the table in the file ${fd}.  The mapping stays, since another thread may
 * be looking at it; only should the file be another one now, a new one is made.
 */
static int
map(struct lite_taken *t, int fd, bool writable)
{
	struct table *table = t->table;
	struct stat sb;

	if (fstat(fd, &sb) == -1)
		return -1;
	if (table != NULL && t->device == sb.st_dev && t->inode == sb.st_ino)
		return 0;
	table = mmap(NULL, sizeof(*table), PROT_READ | (writable ? PROT_WRITE : 0),
	    MAP_SHARED, fd, TABLE_AT);
	if (table == MAP_FAILED)
		return -1;
	t->device = sb.st_dev;
	t->inode = sb.st_ino;
	t->table = table;
	return 0;
}

int
lite_taken_own(struct lite *lt, int fd)
{
	struct lite_taken *t = lt->taken;
	int error;

	/* All of it is there from now on: a store to it cannot fail. */
	error = posix_fallocate(fd, TABLE_AT, sizeof(struct table));
	pthread_mutex_lock(&t->mutex);
	if (error == 0 && map(t, fd, true) == -1)
		error = errno;
	t->chained = false;
	t->own = error == 0;
	pthread_mutex_unlock(&t->mutex);
	if (error != 0)
		log_warn("outbox %s-relay: no memory to share: %s", lt->path,
		    strerror(error));
	return error == 0 ? 0 : -1;
}

void
lite_taken_disown(struct lite *lt)
{
	pthread_mutex_lock(&lt->taken->mutex);
	lt->taken->own = lt->taken->chained = false;
	pthread_mutex_unlock(&lt->taken->mutex);
}

/* The table as a relay made it; NULL: none ever did. */
static struct table *
look(struct lite *lt)
{
	struct lite_taken *t = lt->taken;
	struct stat sb;
	int fd;

	if (t->table == NULL) {
		fd = lite_files_open(lt, LITE_RELAY, lt->read_only ? O_RDONLY : O_RDWR);
		if (fd == -1)
			return NULL;
		pthread_mutex_lock(&t->mutex);
		if (fstat(fd, &sb) == 0 &&
		    (size_t)sb.st_size >= TABLE_AT + sizeof(struct table))
			(void)map(t, fd, !lt->read_only);
		pthread_mutex_unlock(&t->mutex);
		close(fd);
	}
	return t->table != NULL && t->table->magic == TABLE_MAGIC ? t->table : NULL;
}

bool
lite_taken_trusted(const struct lite *lt)
{
	const struct table *table = lt->taken->table;

	return table->magic == TABLE_MAGIC &&
	    strncmp(table->boot, clock_boot_id(), sizeof(table->boot)) == 0;
}

void
lite_taken_clear(struct lite *lt)
{
	struct lite_taken *t = lt->taken;

	pthread_mutex_lock(&t->mutex);
	for (int i = 0; i < SLOTS; i++) {
		if (atomic_load(&t->table->slots[i].state) != FREE)
			atomic_store(&t->table->slots[i].state, FREE);
		t->next[i] = i + 1 < SLOTS ? i + 1 : -1;
	}
	for (int i = 0; i < CHAINS; i++)
		t->chain[i] = -1;
	t->spare = 0;
	t->spare_count = SLOTS;
	t->told = false;
	(void)snprintf(t->table->boot, sizeof(t->table->boot), "%s",
	    clock_boot_id());
	t->table->magic = TABLE_MAGIC;
	t->chained = true;
	pthread_mutex_unlock(&t->mutex);
}

/* --- the relay ------------------------------------------------------------- */

static int *
chain_of(struct lite_taken *t, int64_t delivery)
{
	return &t->chain[(uint64_t)delivery * UINT64_C(0x9e3779b97f4a7c15) >> 54 &
	    (CHAINS - 1)];
}

/*
 * The slot of ${delivery}, or -1.  Others than the relay have to look at them all,
 * as has the relay until it has taken up what the last one left.
 */
static int
find(struct lite_taken *t, int64_t delivery)
{
	const struct slot *slots = t->table->slots;
	int i;

	if (!t->chained) {
		for (i = SLOTS - 1; i >= 0; i--)
			if (slots[i].delivery == delivery &&
			    atomic_load(&slots[i].state) != FREE)
				break;
		return i;
	}
	pthread_mutex_lock(&t->mutex);
	for (i = *chain_of(t, delivery); i != -1; i = t->next[i])
		if (slots[i].delivery == delivery)
			break;
	pthread_mutex_unlock(&t->mutex);
	return i;
}

bool
lite_taken_has(struct lite *lt, int64_t delivery)
{
	return find(lt->taken, delivery) != -1;
}

/* How many are in hand of ${destination}? */
static int
count_of(struct lite_taken *t, int64_t destination)
{
	const struct slot *slots = t->table->slots;
	int count = 0;

	for (int i = 0; i < SLOTS; i++)
		count += LITE_DESTINATION_OF(slots[i].delivery) == destination &&
		    atomic_load(&slots[i].state) != FREE;
	return count;
}

/* Each destination's share of the table, of which the other half is for whoever comes. */
static int
share_of(const struct lite *lt)
{
	return lt->destination_count == 0 ? SLOTS / 2 :
	    SLOTS / 2 / (int)lt->destination_count;
}

int
lite_taken_room(struct lite *lt, int64_t destination, int max)
{
	struct lite_taken *t = lt->taken;
	int share = share_of(lt), room, left;

	pthread_mutex_lock(&t->mutex);
	room = t->spare_count - (SLOTS / 2 - share);
	if (room < max && (left = share - count_of(t, destination)) > room)
		room = left < t->spare_count ? left : t->spare_count;
	pthread_mutex_unlock(&t->mutex);
	return room < 0 ? 0 : room < max ? room : max;
}

void
lite_taken_tell(struct lite *lt)
{
	struct lite_taken *t = lt->taken;
	int spare;

	pthread_mutex_lock(&t->mutex);
	spare = t->told ? -1 : t->spare_count;
	t->told = true;
	pthread_mutex_unlock(&t->mutex);
	if (spare != -1)
		log_warn("outbox %s: %d deliveries are in hand, of %d at most: each "
		    "destination goes on with %d at once until answers come",
		    lt->path, SLOTS - spare, SLOTS, share_of(lt));
}

bool
lite_taken_add(struct lite *lt, struct delivery_ticket *ticket, int64_t lead)
{
	struct lite_taken *t = lt->taken;
	struct slot *slot;
	int i, *chain;

	pthread_mutex_lock(&t->mutex);
	if ((i = t->spare) != -1) {
		t->spare = t->next[i];
		t->spare_count--;
		chain = chain_of(t, ticket->delivery);
		t->next[i] = *chain;
		*chain = i;
		slot = &t->table->slots[i];
		slot->delivery = ticket->delivery;
		slot->lead = lead;
		slot->claim = ticket->claim;
		atomic_store(&slot->state, TAKEN);
	}
	pthread_mutex_unlock(&t->mutex);
	ticket->slot = i;
	return i != -1;
}

/* Is the slot still this ticket's?  Not once the lock was lost meanwhile. */
static bool
is_ours(const struct lite *lt, const struct delivery_ticket *ticket)
{
	return lt->taken->own && ticket->epoch == lt->epoch;
}

void
lite_taken_let_go(struct store *st, const struct delivery_ticket *ticket)
{
	struct lite *lt = (struct lite *)st;
	struct lite_taken *t = lt->taken;
	int *link;

	if (!is_ours(lt, ticket))
		return;
	pthread_mutex_lock(&t->mutex);
	link = chain_of(t, ticket->delivery);
	while (*link != -1 && *link != ticket->slot)
		link = &t->next[*link];
	if (*link != -1) {
		*link = t->next[ticket->slot];
		t->next[ticket->slot] = t->spare;
		t->spare = ticket->slot;
		if (++t->spare_count > SLOTS - SLOTS / 4)
			t->told = false;
		atomic_store(&t->table->slots[ticket->slot].state, FREE);
	}
	pthread_mutex_unlock(&t->mutex);
}

bool
lite_taken_start(struct store *st, const struct delivery_ticket *ticket,
    int64_t now_ms)
{
	struct lite *lt = (struct lite *)st;
	uint32_t state = TAKEN;
	struct slot *slot;

	if (!is_ours(lt, ticket) || !lite_lock_is_relay(lt))
		return false;
	slot = &lt->taken->table->slots[ticket->slot];
	slot->started_ms = now_ms;
	return atomic_compare_exchange_strong(&slot->state, &state, BEGUN);
}

/* --- everybody -------------------------------------------------------------- */

/* Revoke it if it was only taken; true: it was begun. */
static bool
stop(struct slot *slot)
{
	uint32_t state = TAKEN;

	return !atomic_compare_exchange_strong(&slot->state, &state, REVOKED) &&
	    state == BEGUN;
}

bool
lite_taken_stop(struct lite *lt, int64_t delivery, int64_t claim)
{
	struct table *table = look(lt);
	int i;

	return table != NULL && (i = find(lt->taken, delivery)) != -1 &&
	    table->slots[i].claim == claim && stop(&table->slots[i]);
}

bool
lite_taken_stop_newer(struct lite *lt, int64_t lead, int64_t delivery)
{
	struct table *table = look(lt);
	bool begun = false;
	struct slot *slot;

	for (int i = 0; table != NULL && i < SLOTS; i++) {
		slot = &table->slots[i];
		if (atomic_load(&slot->state) != FREE && slot->lead == lead &&
		    slot->delivery > delivery && LITE_DESTINATION_OF(slot->delivery) ==
		    LITE_DESTINATION_OF(delivery))
			begun |= lt->read_only || !lt->writing ?
			    atomic_load(&slot->state) == BEGUN : stop(slot);
	}
	return begun;
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Is what ${slot} says still so?  Its outcome may have been written since. */
static bool
is_current(struct lite *lt, const struct slot *slot)
{
	struct lite_delivery d;

	return atomic_load(&slot->state) == BEGUN &&
	    lite_delivery_read(lt, slot->delivery, &d) == 1 &&
	    d.state == DELIVERY_WAITING && d.claim == slot->claim;
}

/* What is begun now, in order, for the rest of the transaction. */
static void
read_begun(struct lite *lt)
{
	const struct table *table = look(lt);

	lt->begun_seen = true;
	lt->begun_count = 0;
	if (table == NULL || (lt->begun == NULL &&
	    (lt->begun = malloc(SLOTS * sizeof(*lt->begun))) == NULL))
		return;
	for (int i = 0; i < SLOTS; i++)
		if (is_current(lt, &table->slots[i]))
			lt->begun[lt->begun_count++] = table->slots[i].delivery;
	qsort(lt->begun, lt->begun_count, sizeof(*lt->begun), by_number);
}

bool
lite_taken_is_begun(struct lite *lt, int64_t delivery)
{
	if (!lt->begun_seen)
		read_begun(lt);
	return lt->begun_count > 0 && bsearch(&delivery, lt->begun,
	    lt->begun_count, sizeof(*lt->begun), by_number) != NULL;
}

int64_t
lite_taken_begun_at(struct lite *lt, int64_t destination)
{
	int64_t count = 0;

	if (!lt->begun_seen)
		read_begun(lt);
	for (size_t i = 0; i < lt->begun_count; i++)
		count += LITE_DESTINATION_OF(lt->begun[i]) == destination;
	return count;
}

int
lite_taken_each_begun(struct lite *lt,
    int (*tell)(struct lite *lt, void *arg, int64_t delivery, int64_t claim,
    int64_t started_ms), void *arg)
{
	const struct slot *slot;

	for (int i = 0; i < SLOTS; i++) {
		slot = &lt->taken->table->slots[i];
		if (atomic_load(&slot->state) == BEGUN && tell(lt, arg,
		    slot->delivery, slot->claim, slot->started_ms) == -1)
			return -1;
	}
	return 0;
}
