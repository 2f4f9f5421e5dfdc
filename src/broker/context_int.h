/* Stored @contexts on the inside: the table of documents (context_store.c), the threads that fetch remote ones
 * (context_fetch.c), their records (context_record.c), what clients see and change (context_look.c, context_change.c);
 * and the cache of contexts built from them (context_cache.c). */
#ifndef MACHI_BROKER_CONTEXT_INT_H
#define MACHI_BROKER_CONTEXT_INT_H

#include "broker/broker_int.h"
#include "broker/context_store.h"

#include <stdatomic.h>

#define CONTEXT_DOCUMENTS_MAX 256 /* remote documents kept */
#define CONTEXT_DOCUMENTS_BYTES_MAX ((size_t)32 << 20) /* of their bodies together */
#define CONTEXT_FETCHES_MAX 64 /* fetches that wait or run */
#define CONTEXT_FETCH_THREADS_MAX 16 /* so that some slow sources do not hold up the others */
#define CONTEXT_WAITERS_MAX 4096 /* callers that wait for a fetch */
#define CONTEXT_RETRY_S 30 /* how long a failure is remembered */
/* What a source states is kept to the second; guesses lie between these and broker_options.context_keep_s. */
#define CONTEXT_FRESH_S_MIN 1
#define CONTEXT_FRESH_S_MAX (INT64_C(365) * 86400)
#define CONTEXT_GUESS_S_MIN 60
#define CONTEXT_DROPS_MAX 256 /* records of dropped documents that wait to be deleted */
#define CONTEXT_RECORD_KIND "context"

struct body { /* counted; immutable */
	atomic_uint references;
	size_t len;
	struct str base; /* what relative references are relative to; behind the text; STR_NONE: the URL it goes by */
	char bytes[];
};

struct usage { /* counted; of one document, whatever bodies it has had */
	atomic_uint references;
	atomic_bool missed; /* the next use is the one that had to wait for the first fetch: no hit */
	atomic_uint_fast64_t hits;
	atomic_int_fast64_t last_us;
};

enum document_state { DOCUMENT_QUEUED, DOCUMENT_FETCHING, DOCUMENT_SETTLED };

struct waiter {
	void (*wake)(void *wake_self);
	void *wake_self;
	struct waiter *next;
};

/* Guarded by the store's lock; but what is not settled belongs to its fetching thread as far as url goes. */
struct document {
	char id[CONTEXT_ID_BYTES];
	char tenant[BROKER_TENANT_NAME_BYTES_MAX + 1];
	enum stored_context_kind kind;
	enum document_state state; /* SETTLED for those that are not fetched */
	struct body *body; /* counted; NULL: a remote one that was never had */
	struct usage *usage; /* counted */
	struct error failure; /* of the last fetch; its code is ERR_OK when that was good */
	int64_t created_us;
	int64_t again_us; /* when to fetch again */
	bool pending; /* not durable yet: nobody may see it */
	bool gone; /* deleted while it was fetched: out of the tables, the fetching thread frees it */
	bool has_record;
	bool forced; /* the next fetch is unconditional */
	unsigned int deleting; /* deletions under way */
	uint64_t used; /* the store's count of uses at the last one */
	char etag[CONTEXT_TAG_BYTES_MAX + 1], last_modified[CONTEXT_TAG_BYTES_MAX + 1];
	struct waiter *waiters;
	struct document *next; /* in the queue */
	size_t url_len; /* 0: not a remote one */
	char url[];
};

struct context_store {
	struct broker *broker;
	struct store *records; /* the default tenant's; NULL until loaded */
	struct context *core; /* borrowed */
	atomic_uint_fast64_t generation; /* counts what makes built contexts wrong: deletions and reloads */
	pthread_mutex_t lock; /* guards all below, and the documents */
	struct map by_url; /* the remote ones: struct document */
	struct map by_id; /* all, those in by_url too; owned */
	size_t cached_bytes, stored_bytes, stored_count;
	uint64_t uses;
	char drops[CONTEXT_DROPS_MAX][CONTEXT_ID_BYTES]; /* records to delete with the next one stored */
	size_t drop_count;

	pthread_cond_t wanted; /* the queue is no longer empty, or stopping */
	pthread_cond_t settled; /* some document has settled */
	bool stopping;
	struct document *head, *tail; /* the queue */
	size_t fetch_count; /* queued and fetching */
	size_t waiter_count;
	pthread_t threads[CONTEXT_FETCH_THREADS_MAX];
	size_t thread_count;
};

/* ---- context_store.c ---- */

MUST_CHECK enum err_code context_store_new(struct broker *broker, struct context_store **ret_store, struct error *err);
/* Stops the threads after the fetches that run; whoever still waits is woken. */
struct context_store *context_store_free(struct context_store *store);

struct body *body_new(struct str text, struct str base); /* NULL when refused */
void body_unref(struct body *body);
void usage_unref(struct usage *usage);
void usage_note(struct usage *usage, int64_t now_us);

/* With the lock held, as all of these: */
struct document *document_new(enum stored_context_kind kind, struct str url, struct str tenant); /* NULL: refused */
void document_free(struct document *document);
/* Into the table of ids, with a new id unless it has one. */
MUST_CHECK bool documents_name(struct context_store *store, struct document *document);
/* The document of this id or, for the default tenant, URL, as far as the tenant may see it. */
struct document *documents_find(struct context_store *store, struct str tenant, struct str name);
/* Out of the tables; frees it, unless its fetching thread has to. */
void documents_remove(struct context_store *store, struct document *document);
/* Room for one more remote one; false when all are busy. */
bool documents_make_room(struct context_store *store);
/* While there are too many bytes, drops remote ones. */
void documents_trim(struct context_store *store);
void documents_set_body(struct context_store *store, struct document *document, struct body *body);

/* What a build needs of one document. */
struct part {
	struct body *body; /* counted */
	struct usage *usage; /* counted */
	int64_t until_us; /* when to look again */
};

/* The document behind url if it is at hand. ERR_TIMEOUT when it must be fetched first, ERR_CONTEXT or ERR_INVALID when
 * that failed lately. Any thread. */
MUST_CHECK enum err_code context_store_get(struct context_store *store, struct str url, struct part *ret_part,
					   struct error *err);

/* ---- context_fetch.c ---- */

/* Sees to it that url is fetched. With wake it returns at once and wake is called when that is over, from the fetching
 * thread, unless *ret_ready says that the document is there already. With wake NULL it waits. Then: look again.
 * ERR_CONTEXT: too many fetches or waiters. */
MUST_CHECK enum err_code context_store_want(struct context_store *store, struct str url, void (*wake)(void *wake_self),
					    void *wake_self, bool *ret_ready, struct error *err);
/* With the lock held: a fetch of this document, which wake is told of. */
MUST_CHECK enum err_code context_fetch_start(struct context_store *store, struct document *document,
					     void (*wake)(void *wake_self), void *wake_self, struct error *err);
bool document_is_current(const struct context_store *store, const struct document *document);
/* With the lock held, of a document that is not current: may its old copy serve for now? Yes when its source failed the
 * last time, while it is fetched again behind; and when there is no room to fetch or to wait. */
bool context_fetch_behind(struct context_store *store, struct document *document);
void context_fetch_stop(struct context_store *store);

/* ---- context_record.c ---- */

/* A stored @context as its record says it. */
struct context_record {
	struct str id, tenant;
	enum stored_context_kind kind;
	struct str url, base, etag, last_modified; /* of a cached one */
	int64_t created_us, again_us;
	struct str document; /* {"@context": …} */
};

/* Takes what the default tenant's store has: hosted ones all, cached ones as far as they fit. */
MUST_CHECK enum err_code context_store_load(struct context_store *store, struct error *err);
void context_record_write(struct buf *out, const struct context_record *record);
/* Stores the record of a document that this thread is fetching. That it cannot be kept is no error: the document only
 * has to be fetched again after a restart. True when it was. */
bool context_record_keep(struct context_store *store, const struct document *document,
			 const struct context_record *record);

/* context_look.c: ERR_NOT_FOUND for a client. */
MUST_CHECK enum err_code context_not_there(struct str name, struct error *err);

/* ---- context_change.c ---- */

/* Is this document of "@context" one that JSON-LD and clause 5.5.7 allow? Remote parts are taken for empty ones. */
MUST_CHECK enum err_code context_check(struct context *core, struct str document, struct error *err);
/* {"@context": value} and nothing else. */
void context_document_write(struct buf *out, const struct json *value);

#endif
