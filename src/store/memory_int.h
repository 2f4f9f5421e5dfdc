/* The memory store's own. It keeps documents as text like the SQLite store, searches by reading all of them, and
 * honours transactions by an undo list. For tests: the answers matter, not the speed.
 *
 * The writer changes the pending side; readers see the committed side, under the lock. */
#ifndef MACHI_STORE_MEMORY_INT_H
#define MACHI_STORE_MEMORY_INT_H

#include "base/map.h"
#include "store/store_int.h"

#include <stdatomic.h>

/* A counted text; shared by the pending side, the committed side and readers. */
struct memory_text {
	atomic_size_t references;
	size_t len;
	char at[]; /* with STORE_PADDING_BYTES zeros behind it */
};

/* One life of an entity (an id that is created again gets a new one, at the end), or a mark. */
struct memory_item {
	struct memory_item *next, *previous; /* in the order of creation */
	struct memory_text *pending, *committed; /* NULL: not there */
	int64_t number; /* ascending in the order of creation */
	struct str key; /* lies behind this struct */
};

struct memory_list {
	struct memory_item *first, *last;
	struct map pending, committed; /* key to item, where that side is there */
};

struct memory_point {
	int64_t at_us;
	uint64_t order; /* of all points; arrival */
	enum change_kind kind;
	struct memory_text *doc;
	bool committed; /* readers see it */
	bool gone; /* the transaction pruned it */
	int64_t kept_us; /* too old: only its bucket of this period is left of it; 0: it is there */
};

struct memory_series {
	struct memory_series *next;
	struct str id, attribute_iri, dataset_id; /* lie behind this struct */
	struct memory_point *points;
	size_t point_count, point_room;
};

enum memory_undo_kind { UNDO_ITEM, UNDO_APPEND, UNDO_PRUNE };

struct memory_undo {
	enum memory_undo_kind kind;
	struct memory_list *list; /* ITEM */
	struct memory_item *item;
	struct memory_text *before; /* ITEM: what was pending; owned */
	struct memory_series *series; /* APPEND: its last point; PRUNE: the point of this order */
	uint64_t order;
};

struct memory_store {
	pthread_mutex_t lock; /* guards the committed side, the links of the lists and the points */
	struct memory_list outbox; /* what is owed and dead letters; the key: the number's bytes */
	struct memory_list entities, metas, records; /* a record's key: kind, a NUL, id */
	struct memory_list subjects; /* ids with an entity or a history: an array of types kept or given */
	struct memory_series *series;
	uint64_t order; /* points so far */
	uint64_t items; /* so far */
	/* The last number of the outbox: now, at the last commit, at the savepoint. */
	int64_t owed_last, owed_committed, owed_savepoint;
	struct memory_undo *undo; /* of the transaction, oldest first */
	size_t undo_count, undo_room;
	size_t savepoint; /* undo_count when it was set */
};

struct memory_reader {
	struct memory_store *store;
	struct json_parser *parser;
};

struct memory_text *memory_text_new(struct str text); /* one reference; NULL when refused */
struct memory_text *memory_text_ref(struct memory_text *text);
struct memory_text *memory_text_unref(struct memory_text *text);
struct memory_text *memory_text_json(const struct json *node); /* written out; NULL when refused */

/* Sets in a map without which this store cannot go on. */
void memory_map_put(struct map *map, struct str key, void *value);
struct memory_item *memory_item_new(struct memory_store *store, struct memory_list *list, struct str key);
void memory_item_free(struct memory_list *list, struct memory_item *item); /* under the lock */
/* Takes text over (NULL: the item goes). */
void memory_item_set_pending(struct memory_list *list, struct memory_item *item, struct memory_text *text);
/* Sets what is pending and notes how to take it back. Takes text over. */
MUST_CHECK enum err_code memory_item_change(struct memory_store *store, struct memory_list *list,
					    struct memory_item *item, struct memory_text *text, struct error *err);

/* Room for one more entry of the undo list, made before the change; false when refused. */
MUST_CHECK bool memory_undo_reserve(struct memory_store *store);

/* memory_retain.c */
enum err_code memory_pack(struct store *owner, struct store_backend *backend, const struct store_pack_options *options,
			  struct store_pack_result *result, struct error *err);

/* memory_history.c */
enum err_code memory_txn_history(struct store_backend *backend, struct store_txn *txn, struct str id,
				 const struct change *changes, int64_t now_us, struct error *err);
enum err_code memory_txn_prune(struct store_backend *backend, struct store_txn *txn, struct str id_prefix,
			       int64_t before_us, uint32_t rows_max, uint32_t *ret_rows, struct error *err);
/* Appends with this order number. Under no lock. */
MUST_CHECK bool memory_history_put(struct memory_store *store, struct str id, const struct change *change,
				   int64_t now_us, uint64_t order);
/* Under the lock. */
struct memory_series *memory_series_find(const struct memory_store *store, struct str id, struct str attribute_iri,
					 struct str dataset_id);
/* Copies of the committed points from from_us to to_us, in time order, each with a reference; NULL without memory. */
struct memory_point *memory_points_take(struct memory_store *store, const struct memory_series *series, int64_t from_us,
					int64_t to_us, size_t *ret_count);
void memory_history_undo(const struct memory_undo *undo);
void memory_history_commit(struct memory_store *store); /* under the lock */
uint64_t memory_history_count(const struct memory_store *store); /* under the lock */
/* The committed points of another one, whose lock is held, into one that has none; false when refused. */
MUST_CHECK bool memory_history_copy(struct memory_store *store, const struct memory_store *from);
void memory_history_free(struct memory_store *store);

/* memory_temporal.c */
enum err_code memory_series_read(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, const struct store_window *window, bool latest,
				 uint32_t count_max, struct arena *arena, struct store_instances *ret,
				 struct error *err);
enum err_code memory_series_sums(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				 struct series_sums *sums, bool *cut, struct error *err);
enum err_code memory_series_kept(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret,
				 struct error *err);
enum err_code memory_series_list(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 const struct store_series **ret_series, size_t *ret_count, struct error *err);
enum err_code memory_subject_get(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 struct store_subject *ret, struct error *err);
enum err_code memory_subject_each(struct store_snapshot *snapshot, const struct narrow *narrow, int64_t after,
				  bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				  void *self, struct error *err);
/* The subject of an id, made when it is not there, with these types more. */
MUST_CHECK enum err_code memory_subject_add(struct memory_store *store, struct store_txn *txn, struct str id,
					    const struct str *types, size_t type_count, bool *ret_created,
					    struct error *err);
enum err_code memory_txn_has_instance(struct store_backend *backend, struct store_txn *txn, struct str id,
				      struct str attribute_iri, struct str dataset_id, const struct json *instance,
				      int64_t observed_us, bool *ret_has, struct error *err);
enum err_code memory_txn_subject_add(struct store_backend *backend, struct store_txn *txn, struct str id,
				     const struct str *types, size_t type_count, bool *ret_created, struct error *err);
enum err_code memory_txn_subject_has(struct store_backend *backend, struct str id, bool *ret_has, struct error *err);
enum err_code memory_txn_subject_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
					struct error *err);
enum err_code memory_txn_series_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
				       struct str attribute_iri, struct str dataset_id, bool all, struct error *err);
enum err_code memory_txn_instance_replace(struct store_backend *backend, struct store_txn *txn, struct str id,
					  struct str attribute_iri, int64_t number, const struct json *instance,
					  int64_t now_us, struct error *err);

/* record_memory.c */
enum err_code memory_txn_record_put(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str doc, struct error *err);
enum err_code memory_txn_record_delete(struct store_backend *backend, struct store_txn *txn, struct str kind,
				       struct str id, struct error *err);
enum err_code memory_txn_record_get(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str *ret_doc, struct error *err);
enum err_code memory_record_get(struct store_snapshot *snapshot, struct str kind, struct str id, struct arena *arena,
				struct str *ret_doc, struct error *err);
enum err_code memory_record_each(struct store_snapshot *snapshot, struct str kind, struct str after,
				 bool (*visit)(void *self, struct str id, struct str doc), void *self,
				 struct error *err);

/* outbox_memory.c */
enum err_code memory_txn_owe(struct store_backend *backend, struct store_txn *txn, const struct store_owed *owed,
			     bool replace, int64_t *ret_number, struct error *err);
enum err_code memory_txn_owed_done(struct store_backend *backend, struct store_txn *txn, const int64_t *numbers,
				   size_t count, struct error *err);
enum err_code memory_txn_owed_joined(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     struct str body, struct error *err);
enum err_code memory_txn_owed_retry(struct store_backend *backend, struct store_txn *txn, int64_t number,
				    int64_t due_us, uint32_t tries, struct error *err);
enum err_code memory_txn_owed_bury(struct store_backend *backend, struct store_txn *txn, int64_t number, int64_t now_us,
				   struct str why, struct error *err);
enum err_code memory_txn_owed_drop(struct store_backend *backend, struct store_txn *txn, int64_t subscription,
				   bool dead_too, uint32_t rows_max, bool *ret_more, struct error *err);
enum err_code memory_txn_dead_replay(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     int64_t now_us, struct error *err);
enum err_code memory_txn_dead_drop(struct store_backend *backend, struct store_txn *txn, int64_t number,
				   struct error *err);
enum err_code memory_outbox_read(struct store_snapshot *snapshot, struct outbox_list *list, struct error *err);
enum err_code memory_outbox_debts(struct store_snapshot *snapshot, struct outbox_debts *debts, struct error *err);

/* expiry_memory.c */
enum err_code memory_next_expiry(struct store_snapshot *snapshot, int64_t *ret_us, struct error *err);
enum err_code memory_txn_each_expired(struct store_backend *backend, int64_t now_us, uint32_t count_max,
				      bool (*visit)(void *self, struct str id), void *self, struct error *err);

/* memory_scan.c */
enum err_code memory_reader_new(struct store_backend *backend, struct store_snapshot **ret_snapshot, struct error *err);
void memory_reader_free(struct store_snapshot *snapshot);
/* The committed text of a key with a reference of its own; NULL when absent. */
struct memory_text *memory_text_find(struct memory_store *store, const struct memory_list *list, struct str key);
/* Copies a text into the arena, with the parser's padding, and gives the reference back. */
MUST_CHECK enum err_code memory_text_copy(struct memory_text *text, struct arena *arena, struct str *ret,
					  struct error *err);
enum err_code memory_get(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			 struct error *err);
enum err_code memory_get_meta(struct store_snapshot *snapshot, struct str key, struct arena *arena,
			      struct str *ret_value, struct error *err);
enum err_code memory_scan(struct store_snapshot *snapshot, const struct narrow *narrow,
			  bool (*visit)(void *self, struct str bytes), void *self, uint64_t *ret_count,
			  struct error *err);

/* census_memory.c */
enum err_code memory_census(struct store_snapshot *snapshot, const struct census_question *question,
			    bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err);

#endif
