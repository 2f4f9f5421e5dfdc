/* What a store promises.
 *
 * A store keeps the entities of one tenant as expanded documents (ngsild/document.h) with their history. One writer
 * thread per store takes all writes that wait, runs them in one transaction and commits once (group commit); a write
 * that is answered ERR_OK survives kill -9 and a power cut. Readers see the last commit and never wait for the writer.
 * Kinds: SQLite (store_sqlite_open), memory for tests (store_memory_open); both give the same answers.
 * Thread: a struct store may be used from every thread, a struct store_reader from one at a time, a struct store_txn
 * only inside the run() it was handed to. */
#ifndef MACHI_STORE_STORE_H
#define MACHI_STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "ngsild/merge.h"
#include "ngsild/query.h"
#include "json/json.h"

struct store;
struct store_reader;
struct store_txn;

#define STORE_QUEUE_MAX 65536 /* writes waiting; one more is refused with ERR_LIMIT */
#define STORE_COMMIT_WRITES_MAX 2048 /* writes in one transaction */
#define STORE_RECORD_NAME_BYTES_MAX 4096 /* of a record's kind, and of its id */
#define STORE_DOCUMENT_BYTES_MAX ((size_t)64 << 20) /* a document's text; a longer one is refused with ERR_LIMIT */

struct store_options {
	const char *path; /* the database file; created with mode 0600 unless read_only. NULL: memory store */
	bool read_only;
	bool create; /* false: ERR_NOT_FOUND when the file is not there */
	uint32_t busy_timeout_ms; /* how long to wait for another process's write; 0: 60,000 */
	uint32_t cache_bytes_max; /* of the writer's page cache; 0: 32 MiB. A reader's is a sixteenth */
};

/* Opens, migrates the schema forward where needed, starts the writer thread (unless read_only).
 * Errors: ERR_NOT_FOUND, ERR_IO (folder, permission, disk), ERR_CORRUPT, ERR_VERSION (database of a newer
 * schema: names both versions). */
MUST_CHECK enum err_code store_sqlite_open(const struct store_options *options, struct store **ret_store,
					   struct error *err);
MUST_CHECK enum err_code store_memory_open(struct store **ret_store, struct error *err);

/* A store of its own with the entities and the evolutions that this one has at one moment, while others use it; records
 * and what is owed are left out, marks are not. options: as for opening; the path must be free (ERR_EXISTS), and is
 * whole or absent. SQLite copies page by page, which is as fast as the disk is; a store in memory shares the texts. */
MUST_CHECK enum err_code store_clone(struct store *store, const struct store_options *options, struct store **ret_store,
				     struct error *err);

/* Finishes the writes that wait, stops the writer, closes. Every reader must be freed before. */
struct store *store_free(struct store *store);

/* What an owner is told, on the writer's thread: so it can keep what its writes did beside the store until it is
 * durable. Of two calls of begins() for a transaction without committed() between them the first came to nothing. */
struct store_owner_calls {
	void (*begins)(void *owner); /* a transaction: nothing of it is done yet */
	void (*runs)(void *owner); /* a write of it is about to run */
	void (*undone)(void *owner); /* what was done since runs() has been taken back */
	void (*committed)(void *owner); /* before the writes' done(); perhaps without a change */
};
/* What the owner hangs on a store, for its writes to find. Before the store is used by other threads. */
void store_set_owner(struct store *store, void *owner, const struct store_owner_calls *calls); /* calls: static */
void *store_owner(const struct store *store); /* NULL: none was set */
void *store_txn_owner(const struct store_txn *txn);

/* ---- writing ---- */

/* One atomic write, owned by the caller until done() is called. */
struct store_write {
	/* Runs on the writer thread inside a transaction. It may run again from the start when the transaction has to
	 * be repeated without a write that failed: it must not change anything but its own results, which it sets anew.
	 * An error rolls back what this write did, and no other's. A change that failed for a reason that does not lie
	 * in its input (anything but ERR_NOT_FOUND, ERR_EXISTS, ERR_INVALID, ERR_LIMIT) may be half done: the write
	 * then fails with that error whatever run() returns. */
	enum err_code (*run)(struct store_write *write, struct store_txn *txn, struct error *err);
	/* Called on the writer thread once the outcome is durable (or failed): hand the result to whom it belongs, at
	 * once and without blocking. The write may be freed in here. */
	void (*done)(struct store_write *write, enum err_code code, const struct error *err);
	struct store_write *next; /* the queue's, while it waits */
};

/* Queues a write. ERR_LIMIT when STORE_QUEUE_MAX wait, ERR_CONFLICT when the store is closing, ERR_DENIED when it is
 * open for reading only; then done() is not called. Outcomes beside run()'s own: ERR_IO (disk full or failing),
 * ERR_TIMEOUT (another process held the database for busy_timeout_ms), ERR_CORRUPT, ERR_MEMORY; the next batch tries
 * afresh. */
MUST_CHECK enum err_code store_submit(struct store *store, struct store_write *write, struct error *err);
/* Submits and waits for the outcome (commands, imports; never on an event loop). done must be NULL. */
MUST_CHECK enum err_code store_apply(struct store *store, struct store_write *write, struct error *err);

/* Scratch that lasts until this write's run() returns; a run() that handles many entities may clear it between them. */
struct arena *store_txn_arena(struct store_txn *txn);
struct json_parser *store_txn_parser(struct store_txn *txn);

/* The entity's document, parsed into the txn's arena; sees earlier writes of the same transaction.
 * ERR_NOT_FOUND without touching err's detail cost: err may be NULL. */
MUST_CHECK enum err_code store_txn_get(struct store_txn *txn, struct str id, struct json **ret_entity,
				       struct error *err);
/* Stores entity in place of before (the tree that store_txn_get gave, or a copy, unmodified, which may share with
 * entity what is the same in both; NULL: it is new, and an existing id is ERR_EXISTS). Indices are brought up to date
 * by the difference of the two. */
MUST_CHECK enum err_code store_txn_put(struct store_txn *txn, const struct json *before, const struct json *entity,
				       struct error *err);
/* Deletes the entity whose document is before. Its history stays. */
MUST_CHECK enum err_code store_txn_delete(struct store_txn *txn, const struct json *before, struct error *err);
/* Appends what happened to the history: one row for each change, at its time (observedAt, else modifiedAt of the
 * instance; deletions at their deleted_us, else at now_us). now_us is the time of arrival, by which the rows are
 * filed: the clock, not older. Between putting an entity and appending its history the trees of both stay as they
 * are. */
MUST_CHECK enum err_code store_txn_history(struct store_txn *txn, struct str id, const struct change *changes,
					   int64_t now_us, struct error *err);
/* Does the history hold what this instance says: one of the same attribute and datasetId (STR_NONE: the default one),
 * observed at the same moment and the same in all else but createdAt and modifiedAt? Of an instance without observedAt
 * it never does. Sees earlier writes of the same transaction. What was deleted, or became a roll-up, is not there.
 * ERR_CORRUPT, ERR_VERSION: what may hold it cannot be read. */
MUST_CHECK enum err_code store_txn_has_instance(struct store_txn *txn, struct str id, struct str attribute_iri,
						struct str dataset_id, const struct json *instance, bool *ret_has,
						struct error *err);
/* Iterates the ids that begin with prefix, in byte order, inside the transaction. visit returning false stops; it may
 * change and delete what it is shown. */
MUST_CHECK enum err_code store_txn_each_id(struct store_txn *txn, struct str prefix,
					   bool (*visit)(void *self, struct str id), void *self, struct error *err);
/* Small named texts beside the entities (feed versions, import marks). value STR_NONE deletes. The key "schema_version"
 * is the store's own (ERR_INVALID). */
MUST_CHECK enum err_code store_txn_set_meta(struct store_txn *txn, struct str key, struct str value, struct error *err);

/* Named records beside the entities (stored @contexts, subscriptions, registrations …): a JSON text for each kind and
 * id, both not empty, of at most STORE_RECORD_NAME_BYTES_MAX. put stores doc in place of what was there, if anything.
 * delete: ERR_NOT_FOUND. get: the text in the txn's arena; ERR_NOT_FOUND, err may be NULL. */
MUST_CHECK enum err_code store_txn_record_put(struct store_txn *txn, struct str kind, struct str id, struct str doc,
					      struct error *err);
MUST_CHECK enum err_code store_txn_record_delete(struct store_txn *txn, struct str kind, struct str id,
						 struct error *err);
MUST_CHECK enum err_code store_txn_record_get(struct store_txn *txn, struct str kind, struct str id,
					      struct str *ret_doc, struct error *err);

/* Deletes history points older than before_us of entities whose id begins with id_prefix, at most rows_max of them;
 * ret_rows says how many went (packed ones go with their block, so it may be more). The work is bounded too, so
 * fewer than rows_max may go although more are old; the next call goes on from there. What was known only of
 * entities that are gone and have no points left goes with them. */
MUST_CHECK enum err_code store_txn_prune_history(struct store_txn *txn, struct str id_prefix, int64_t before_us,
						 uint32_t rows_max, uint32_t *ret_rows, struct error *err);

/* ---- reading ---- */

MUST_CHECK enum err_code store_reader_new(struct store *store, struct store_reader **ret_reader, struct error *err);
struct store_reader *store_reader_free(struct store_reader *reader);
/* What is read between the two is of one snapshot, and packed history is read from the disk once. Every store_hold()
 * that succeeds needs its store_release(); they nest. A store in memory has each read by itself. */
MUST_CHECK enum err_code store_hold(struct store_reader *reader, struct error *err);
void store_release(struct store_reader *reader);

/* The document's JSON text, copied into the arena with room for the parser's padding. ERR_NOT_FOUND; err may be
 * NULL. */
MUST_CHECK enum err_code store_get(struct store_reader *reader, struct str id, struct arena *arena,
				   struct str *ret_bytes, struct error *err);

/* Who sees candidates as trees; all borrowed. */
struct store_tree_sight {
	bool (*visit)(void *self, struct json *entity);
	void *self;
	struct json_parser *parser;
	struct arena *arena;
};

/* Calls visit for every candidate of narrow (a superset of the matches, each entity once) in the order of creation
 * (insertion), within one snapshot. bytes is borrowed until visit returns. visit returning false stops the scan; it may
 * call this reader's store_get, store_scan and store_history, which see the same snapshot. */
MUST_CHECK enum err_code store_scan(struct store_reader *reader, const struct narrow *narrow,
				    bool (*visit)(void *self, struct str bytes), void *self, struct error *err);

/* Both with the document as a tree in the arena, which costs less than the text and reading it. The arena is emptied
 * before each candidate, and the tree is the visitor's until it returns; the parser is for documents that are stored as
 * text. Errors also: ERR_CORRUPT for what is no document. */
MUST_CHECK enum err_code store_get_tree(struct store_reader *reader, struct str id, struct json_parser *parser,
					struct arena *arena, struct json **ret_entity, struct error *err);
MUST_CHECK enum err_code store_scan_trees(struct store_reader *reader, const struct narrow *narrow,
					  const struct store_tree_sight *sight, struct error *err);
/* How many candidates store_scan would visit; reads no documents. */
MUST_CHECK enum err_code store_count(struct store_reader *reader, const struct narrow *narrow, uint64_t *ret_count,
				     struct error *err);
/* "" when absent. */
MUST_CHECK enum err_code store_get_meta(struct store_reader *reader, struct str key, struct arena *arena,
					struct str *ret_value, struct error *err);

/* The history of one attribute instance (dataset_id STR_NONE: the default one) from from_us to to_us, both included, in
 * time order, newest last: visit gets the time, what happened and the instance's JSON text as it was stored (of the
 * deleted instance for CHANGE_DELETED). */
MUST_CHECK enum err_code store_history(struct store_reader *reader, struct str id, struct str attribute_iri,
				       struct str dataset_id, int64_t from_us, int64_t to_us,
				       bool (*visit)(void *self, int64_t at_us, enum change_kind kind,
						     struct str bytes),
				       void *self, struct error *err);

/* A record's JSON text, copied into the arena with room for the parser's padding. ERR_NOT_FOUND; err may be NULL. */
MUST_CHECK enum err_code store_record_get(struct store_reader *reader, struct str kind, struct str id,
					  struct arena *arena, struct str *ret_doc, struct error *err);
/* The records of a kind whose ids lie behind `after` (STR_NONE: all), by their ids in byte order, within one snapshot.
 * For a page: stop by returning false, and go on later behind the last id. What visit gets is borrowed until it
 * returns; it may call this reader's functions. */
MUST_CHECK enum err_code store_record_each(struct store_reader *reader, struct str kind, struct str after,
					   bool (*visit)(void *self, struct str id, struct str doc), void *self,
					   struct error *err);

/* ---- upkeep ---- */

struct store_stats { /* monotonic counters since open, and gauges */
	uint64_t writes, commits, write_errors, replays;
	uint64_t queue_depth;
	uint64_t entities; /* rows now */
	uint64_t history_rows; /* rows now */
	uint64_t database_bytes, wal_bytes;
	uint64_t points_packed, points_expired, buckets_expired; /* of history, by this process (pack.h) */
	uint64_t damaged; /* pieces of the history set aside because they cannot be read */
	uint64_t damaged_reads; /* that came upon something damaged */
};

MUST_CHECK enum err_code store_stats(struct store *store, struct store_stats *ret_stats, struct error *err);

/* A consistent copy of the database file while others read and write; to_path must not exist, nor a log of that name
 * (ERR_EXISTS). Written under a temporary name, checked, synced and renamed, so that to_path is whole or absent. A copy
 * is a database: restoring is a backup from it to where the database shall be. */
MUST_CHECK enum err_code store_sqlite_backup(const char *from_path, const char *to_path, struct error *err);

/* Everything wrong with the database, also while others use it: SQLite's integrity check, documents that do not parse,
 * index rows, history and counters that disagree. visit (NULL: nobody) is called for each of the first 1,000 findings;
 * ret_findings counts all. */
MUST_CHECK enum err_code store_sqlite_check(const char *path, void (*visit)(void *self, const char *finding),
					    void *self, uint64_t *ret_findings, struct error *err);

#endif
