/* The inside of registrations, shared by their files. */
#ifndef MACHI_BROKER_REGISTRATIONS_INT_H
#define MACHI_BROKER_REGISTRATIONS_INT_H

#include "broker/broker_int.h"
#include "broker/key_index.h"
#include "broker/registrations.h"
#include "broker/sources.h"

#define REGISTRATION_RECORD_KIND "registration"

/* How a source has answered: of all that a registration has been, since the broker began. */
struct source_figures {
	atomic_uint references;
	pthread_mutex_t lock; /* guards all that follows */
	struct registration_state state; /* but for its times of creation */
	uint32_t silences; /* in a row; 0: none, and nothing of the following counts */
	bool alone; /* who asks now goes alone, after a cool-down */
	int64_t cooling_from_us, cooling_us;
};

/* A registration as it is, until another takes its place. Immutable once others see it, but for what is said. */
struct registered {
	atomic_uint references;
	struct registration *registration; /* owned */
	pthread_mutex_t places; /* held while it is asked what it matches, when it has places */
	struct source_figures *figures; /* held */
	bool locked; /* a secret of its source could not be opened */
	struct registered *next; /* among those that are being written */
	uint64_t change; /* the writer's thread's: what was told of it, by subscriptions->registration_changes */
	/* Guarded by the lock of registrations. */
	struct key_places standing;
	uint64_t seen; /* the look that it was last a candidate of */
	size_t id_bytes;
	char id[];
};

struct source { /* sources.h */
	struct registered *one; /* held */
};

struct registered_list {
	struct registered **at; /* held each */
	size_t count;
};

struct registrations {
	struct broker *broker;
	struct str tenant; /* borrowed */
	atomic_uint_fast32_t *count; /* the broker's, which other tenants may share */
	pthread_mutex_t lock; /* guards all that follows */
	struct map by_id; /* held: those that are committed */
	struct key_index index; /* of the same, by enum registration_key */
	uint64_t looks;
	/* Owned by their writes: what the transaction under way has made. Others of the same transaction may not
	 * conflict with it; nobody else sees it. */
	struct registered *written;
};

/* tenant: its name, which lives as long. NULL: no memory. */
struct registrations *registrations_new(struct broker *broker, struct str tenant);
struct registrations *registrations_free(struct registrations *all);
/* Takes the records of the store, before anything is written to it. */
MUST_CHECK enum err_code registrations_load(struct registrations *all, struct store *store, struct error *err);
struct registrations *registrations_of(struct broker *broker, struct str name); /* NULL: it is not open */
/* The writer's thread: one whose record is committed takes the place of the one with its id, and its figures unless
 * that has expired. Takes the reference over. False: no memory. */
MUST_CHECK bool registrations_put(struct registrations *all, struct registered *one);
void registrations_remove(struct registrations *all, struct str id); /* likewise */
/* Any thread: a reference, or NULL. */
struct registered *registrations_find(struct registrations *all, struct str id);
/* Removes the records of those that have expired. The sweep's thread. */
MUST_CHECK enum err_code registrations_sweep(struct registrations *all, struct store *store, struct error *err);

/* ---- registration_index.c ---- */

/* With the lock held. False: no memory, and it stands nowhere. */
MUST_CHECK bool registration_index_add(struct registrations *all, struct registered *one);
void registration_index_remove(struct registered *one);

struct registration_wish {
	bool (*wants)(const void *self, const struct registered *one); /* quick: the lock is held */
	const void *self;
};

/* Those that may match (NULL: all) and are wished for (NULL: all), in the arena. False: no memory, and none is held. */
MUST_CHECK bool registrations_candidates(struct registrations *all, const struct registration_question *question,
					 const struct registration_wish *wish, struct arena *arena,
					 struct registered_list *ret);
/* With the lock held: one of those that are committed which claims the same as this proxied one; or NULL. */
const struct registered *registrations_rival(const struct registrations *all, const struct registered *one,
					     int64_t now_us);

/* ---- registered.c: one ---- */

MUST_CHECK enum err_code registered_new(const struct json *document, const struct context *core,
					struct registered **ret, struct error *err);
struct registered *registered_ref(struct registered *one);
struct registered *registered_unref(struct registered *one);
struct str registered_id(const struct registered *one);
bool registered_expired(const struct registered *one, int64_t now_us);
bool registered_matches(struct registered *one, const struct registration_question *question);

/* source_figures.c. Any thread. */
struct source_figures *source_figures_new(void); /* NULL: no memory */
struct source_figures *source_figures_ref(struct source_figures *figures);
struct source_figures *source_figures_unref(struct source_figures *figures);
void source_figures_show(struct source_figures *figures, struct registration_state *state);
/* May the source be asked now? Else not for so long. */
bool source_figures_begin(struct source_figures *figures, int64_t now_us, int64_t *ret_wait_us);
/* cooldown_us 0: that of sources.h. */
void source_figures_end(struct source_figures *figures, enum source_end end, int64_t cooldown_us, int64_t now_us);

/* The record. */
struct registration_record {
	const struct json *document;
	int64_t created_us, modified_us;
	/* Read, not written. */
	int64_t expires_us;
	bool plain; /* registration_open(): something in it is not sealed, or not by the key that seals now */
	bool locked; /* likewise: something could not be opened, and `why` */
	struct error why;
};
MUST_CHECK enum err_code registration_record_read(const struct json *record, struct registration_record *ret,
						  struct error *err);

/* Seals what is to be and puts the record. */
MUST_CHECK enum err_code registration_record_put(struct broker *broker, struct store_txn *txn,
						 const struct registration_record *record, struct error *err);
/* As it is within the transaction, its secrets sealed. ERR_NOT_FOUND. */
MUST_CHECK enum err_code registration_record_get(struct store_txn *txn, struct str id, struct registration_record *ret,
						 struct error *err);

/* registration_seal.c: the document as the store gets it, in the arena, sharing nodes. */
MUST_CHECK enum err_code registration_seal(struct broker *broker, struct arena *arena, const struct json *document,
					   const struct json **ret, struct error *err);
/* The record's document with what is sealed opened; what cannot be is hidden, and its pair has both. ERR_MEMORY. */
MUST_CHECK enum err_code registration_open(struct broker *broker, struct arena *arena,
					   struct registration_record *record, struct error *err);
bool registration_is_locked(const struct json *document); /* one that was opened */

#endif
