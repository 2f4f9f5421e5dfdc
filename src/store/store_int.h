/* What store.c and the kinds of store (sqlite*.c, memory*.c) promise each other.
 *
 * store.c owns the queue, the writer thread and the batches; a kind offers transactions and reading through a table of
 * operations. Everything named txn_ and the transaction control run on the writer thread alone. */
#ifndef MACHI_STORE_STORE_INT_H
#define MACHI_STORE_STORE_INT_H

#include "store/bulk.h"
#include "store/census.h"
#include "store/outbox_int.h"
#include "store/pack.h"
#include "store/temporal.h"

#include <pthread.h>

#define STORE_TXN_ARENA_BYTES_MAX ((size_t)512 << 20) /* scratch of one write */
#define STORE_PADDING_BYTES 64 /* zeros behind a document's text that a parser may read (simdjson asks for 64) */

struct store_backend; /* the kind's own state */
struct store_snapshot; /* the kind's own reader */

struct store_backend_ops {
	/* Transaction control. settle (NULL: nothing to do) stores what was gathered for the end of the transaction;
	 * commit that fails has rolled back. undo leaves the savepoint open, release closes it. */
	enum err_code (*begin)(struct store_backend *backend, struct error *err);
	enum err_code (*settle)(struct store_backend *backend, struct error *err);
	enum err_code (*commit)(struct store_backend *backend, struct error *err);
	void (*rollback)(struct store_backend *backend);
	enum err_code (*savepoint)(struct store_backend *backend, struct error *err);
	enum err_code (*undo)(struct store_backend *backend, struct error *err);
	enum err_code (*release)(struct store_backend *backend, struct error *err);
	/* False when an error made the database roll the transaction back by itself. */
	bool (*alive)(struct store_backend *backend);
	/* A write starts, and has run without error (sums that were kept aside go in now). */
	void (*write_start)(struct store_backend *backend);
	enum err_code (*write_finish)(struct store_backend *backend, struct error *err);
	/* After the outcomes were handed over: work that no submitter should wait for. */
	void (*housekeeping)(struct store_backend *backend);

	enum err_code (*txn_get)(struct store_backend *backend, struct store_txn *txn, struct str id,
				 struct json **ret_entity, struct error *err);
	enum err_code (*txn_put)(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				 const struct json *entity, struct error *err);
	enum err_code (*txn_delete)(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				    struct error *err);
	enum err_code (*txn_history)(struct store_backend *backend, struct store_txn *txn, struct str id,
				     const struct change *changes, int64_t now_us, struct error *err);
	/* The instance was observed at observed_us. */
	enum err_code (*txn_has_instance)(struct store_backend *backend, struct store_txn *txn, struct str id,
					  struct str attribute_iri, struct str dataset_id, const struct json *instance,
					  int64_t observed_us, bool *ret_has, struct error *err);
	enum err_code (*txn_each_id)(struct store_backend *backend, struct str prefix,
				     bool (*visit)(void *self, struct str id), void *self, struct error *err);
	enum err_code (*txn_set_meta)(struct store_backend *backend, struct store_txn *txn, struct str key,
				      struct str value, struct error *err);
	enum err_code (*txn_record_put)(struct store_backend *backend, struct store_txn *txn, struct str kind,
					struct str id, struct str doc, struct error *err);
	enum err_code (*txn_record_delete)(struct store_backend *backend, struct store_txn *txn, struct str kind,
					   struct str id, struct error *err);
	enum err_code (*txn_record_get)(struct store_backend *backend, struct store_txn *txn, struct str kind,
					struct str id, struct str *ret_doc, struct error *err);
	enum err_code (*txn_each_expired)(struct store_backend *backend, int64_t now_us, uint32_t count_max,
					  bool (*visit)(void *self, struct str id), void *self, struct error *err);
	enum err_code (*txn_prune)(struct store_backend *backend, struct store_txn *txn, struct str id_prefix,
				   int64_t before_us, uint32_t rows_max, uint32_t *ret_rows, struct error *err);
	enum err_code (*txn_subject_add)(struct store_backend *backend, struct store_txn *txn, struct str id,
					 const struct str *types, size_t type_count, bool *ret_created,
					 struct error *err);
	enum err_code (*txn_subject_has)(struct store_backend *backend, struct str id, bool *ret_has,
					 struct error *err);
	enum err_code (*txn_subject_delete)(struct store_backend *backend, struct store_txn *txn, struct str id,
					    struct error *err);
	enum err_code (*txn_series_delete)(struct store_backend *backend, struct store_txn *txn, struct str id,
					   struct str attribute_iri, struct str dataset_id, bool all,
					   struct error *err);
	enum err_code (*txn_instance_replace)(struct store_backend *backend, struct store_txn *txn, struct str id,
					      struct str attribute_iri, int64_t number, const struct json *instance,
					      int64_t now_us, struct error *err);
	/* outbox.h */
	enum err_code (*txn_owe)(struct store_backend *backend, struct store_txn *txn, const struct store_owed *owed,
				 bool replace, int64_t *ret_number, struct error *err);
	enum err_code (*txn_owed_done)(struct store_backend *backend, struct store_txn *txn, const int64_t *numbers,
				       size_t count, struct error *err);
	enum err_code (*txn_owed_joined)(struct store_backend *backend, struct store_txn *txn, int64_t number,
					 struct str body, struct error *err);
	enum err_code (*txn_owed_retry)(struct store_backend *backend, struct store_txn *txn, int64_t number,
					int64_t due_us, uint32_t tries, struct error *err);
	enum err_code (*txn_owed_bury)(struct store_backend *backend, struct store_txn *txn, int64_t number,
				       int64_t now_us, struct str why, struct error *err);
	enum err_code (*txn_owed_drop)(struct store_backend *backend, struct store_txn *txn, int64_t subscription,
				       bool dead_too, uint32_t rows_max, bool *ret_more, struct error *err);
	enum err_code (*txn_dead_replay)(struct store_backend *backend, struct store_txn *txn, int64_t number,
					 int64_t now_us, struct error *err);
	enum err_code (*txn_dead_drop)(struct store_backend *backend, struct store_txn *txn, int64_t number,
				       struct error *err);

	/* Any thread. */
	enum err_code (*reader_new)(struct store_backend *backend, struct store_snapshot **ret_snapshot,
				    struct error *err);
	void (*reader_free)(struct store_snapshot *snapshot);
	enum err_code (*stats)(struct store_backend *backend, struct store_stats *stats, struct error *err);
	/* pack.h; NULL: nothing to pack. Adds to result. */
	enum err_code (*pack)(struct store *owner, struct store_backend *backend,
			      const struct store_pack_options *options, struct store_pack_result *result,
			      struct error *err);
	enum err_code (*history_stats)(struct store_backend *backend, struct store_history_stats *ret_stats,
				       struct error *err);
	/* bulk.h; NULL: it takes no bulk. */
	enum err_code (*txn_bulk_subjects)(struct store_backend *backend, struct store_txn *txn,
					   struct store_bulk_subject *subjects, size_t count, int64_t *ret_generation,
					   struct error *err);
	enum err_code (*txn_bulk_name)(struct store_backend *backend, struct store_txn *txn, struct str attribute_iri,
				       int64_t *ret_number, struct error *err);
	enum err_code (*txn_bulk)(struct store_backend *backend, struct store_txn *txn, struct store_bulk *bulk,
				  struct error *err);
	void (*close)(struct store_backend *backend); /* frees the backend */

	/* One thread at a time for each snapshot. Of store_hold() and store_release(); NULL: each read by itself. */
	enum err_code (*reader_hold)(struct store_snapshot *snapshot, struct error *err);
	void (*reader_release)(struct store_snapshot *snapshot);
	enum err_code (*get)(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			     struct error *err);
	/* visit NULL: only counts. */
	enum err_code (*scan)(struct store_snapshot *snapshot, const struct narrow *narrow,
			      bool (*visit)(void *self, struct str bytes), void *self, uint64_t *ret_count,
			      struct error *err);
	/* NULL: by the texts. */
	enum err_code (*get_tree)(struct store_snapshot *snapshot, struct str id, struct json_parser *parser,
				  struct arena *arena, struct json **ret_entity, struct error *err);
	enum err_code (*scan_trees)(struct store_snapshot *snapshot, const struct narrow *narrow,
				    const struct store_tree_sight *sight, struct error *err);
	enum err_code (*get_meta)(struct store_snapshot *snapshot, struct str key, struct arena *arena,
				  struct str *ret_value, struct error *err);
	enum err_code (*next_expiry)(struct store_snapshot *snapshot, int64_t *ret_us, struct error *err);
	enum err_code (*record_get)(struct store_snapshot *snapshot, struct str kind, struct str id,
				    struct arena *arena, struct str *ret_doc, struct error *err);
	enum err_code (*record_each)(struct store_snapshot *snapshot, struct str kind, struct str after,
				     bool (*visit)(void *self, struct str id, struct str doc), void *self,
				     struct error *err);
	/* temporal.h */
	enum err_code (*series_read)(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				     struct str dataset_id, const struct store_window *window, bool latest,
				     uint32_t count_max, struct arena *arena, struct store_instances *ret,
				     struct error *err);
	enum err_code (*series_sums)(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				     struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				     struct series_sums *sums, bool *cut, struct error *err); /* adds to sums */
	enum err_code (*series_kept)(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				     struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret,
				     struct error *err);
	enum err_code (*series_list)(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				     const struct store_series **ret_series, size_t *ret_count, struct error *err);
	enum err_code (*subject_get)(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				     struct store_subject *ret, struct error *err);
	enum err_code (*subject_each)(struct store_snapshot *snapshot, const struct narrow *narrow, int64_t after,
				      bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				      void *self, struct error *err);
	enum err_code (*census)(struct store_snapshot *snapshot, const struct census_question *question,
				bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err);
	/* Adds to what the list or the debts hold. */
	enum err_code (*outbox_read)(struct store_snapshot *snapshot, struct outbox_list *list, struct error *err);
	enum err_code (*outbox_debts)(struct store_snapshot *snapshot, struct outbox_debts *debts, struct error *err);
	/* store_clone(), also the opening of the copy. */
	enum err_code (*clone)(struct store_backend *backend, const struct store_options *options,
			       struct store **ret_store, struct error *err);
};

/* Wraps an opened backend (taken over, also when this fails) and starts the writer unless read_only. */
MUST_CHECK enum err_code store_new(const struct store_backend_ops *ops, struct store_backend *backend, bool read_only,
				   struct store **ret_store, struct error *err);

struct store_txn {
	struct store *store;
	struct arena arena; /* emptied before each write */
	struct json_parser *parser;
	bool changed; /* the write that runs has touched the database */
	enum err_code broken; /* not ERR_OK: a change failed half-way; the write cannot succeed any more */
	struct error broken_error;
};

struct store_reader {
	struct store *store;
	struct store_snapshot *snapshot;
	struct store_overlay *overlay; /* what temporal.h reads instead of the snapshot; NULL: nothing */
};

struct store_overlay;

/* store_call.c: may this transaction still be used; what a failed read or change means for the write that runs. */
MUST_CHECK enum err_code store_txn_check(const struct store_txn *txn, struct error *err);
MUST_CHECK enum err_code store_txn_read(struct store_txn *txn, enum err_code code, struct error *err);
MUST_CHECK enum err_code store_txn_change(struct store_txn *txn, enum err_code code, const struct error *local,
					  struct error *err);

/* A read has ended: one that came upon something damaged is counted. Returns code. */
enum err_code store_read_ended(struct store *store, enum err_code code);

struct batch_entry {
	struct store_write *write;
	enum err_code code;
	struct error *error; /* owned; NULL while code is ERR_OK, or when memory was refused */
};

struct store {
	const struct store_backend_ops *ops;
	struct store_backend *backend;
	bool read_only;
	const struct store_retention *retention; /* borrowed; NULL: everything stays */
	void *owner; /* borrowed */
	const struct store_owner_calls *owner_calls; /* static; NULL: no owner */
	bool has_writer; /* thread runs */
	pthread_t thread;
	pthread_mutex_t lock; /* guards the fields down to stats */
	pthread_cond_t wake; /* the queue is no longer empty, or closing */
	struct store_write *head, *tail;
	uint64_t depth;
	uint64_t wake_depth; /* the writer sleeps until so many wait; 0: it does not sleep */
	bool closing;
	uint64_t readers;
	struct store_stats stats;

	struct store_txn txn; /* the writer's, as all below */
	struct batch_entry *batch; /* STORE_COMMIT_WRITES_MAX */
	size_t batch_count;
	int64_t commit_ns; /* that the last commit took */
	uint64_t batch_replays;
};

bool store_is_closing(struct store *store);

/* Runs the writes of store->batch, commits, hands the outcomes over. */
void store_run_batch(struct store *store);

/* The moment of an instance: its observedAt, else its last change. */
int64_t store_instance_at_us(const struct json *instance);
/* That of a change which comes at now_us. */
int64_t store_change_at_us(const struct change *change, int64_t now_us);

#endif
