/* The SQLite store's own: connections with their prepared statements, error mapping, and who does what in which file.
 *
 *   sqlite.c          opening and closing, the table of operations, transactions
 *   sqlite_checkpoint.c  copying the write-ahead log back
 *   sqlite_log_file.c  the write-ahead log, written in large pieces
 *   sqlite_open.c     one connection: opening, settings
 *   sqlite_page_cache.c  the page cache of all connections
 *   sqlite_conn.c     one connection: statements, errors
 *   sqlite_schema.c   tables and migrations
 *   sqlite_entity.c   documents: get, put, delete, ids
 *   sqlite_document.c  documents in rows, packed
 *   sqlite_places.c   where the rows of ids are
 *   sqlite_index.c    index rows and the dictionary of names
 *   expiry_sqlite.c   what expires, and when next
 *   sqlite_values.c   the log of the index of values
 *   sqlite_chunks.c   the index of values
 *   sqlite_pending.c  changes of the index of values, sorted in its order
 *   sqlite_history.c  history: subjects, slices, append
 *   sqlite_bundle.c   history: many points in one row
 *   sqlite_instance.c  history: is an instance there already
 *   sqlite_prune.c    history: pruning by age
 *   sqlite_prune_blocks.c  history: pruning what is packed
 *   sqlite_series.c   history: reading
 *   sqlite_series_sums.c  history: sums, by instances and roll-ups
 *   sqlite_retain.c   history: what is too old
 *   sqlite_subject.c  history: whose it is
 *   sqlite_block.c    history: packed blocks
 *   sqlite_bulk.c     history: batches of values
 *   sqlite_segment.c  history: batches as they came
 *   sqlite_block_revise.c  history: taking points out of blocks
 *   sqlite_history_stats.c  history: what it takes
 *   sqlite_packer.c   history: who packs, and when
 *   sqlite_pack.c     history: rows into blocks
 *   sqlite_merge.c    history: blocks put together
 *   sqlite_revise.c   history: deleting and correcting
 *   sqlite_sums.c     how many rows there are, stored once a transaction
 *   record_sqlite.c   named records
 *   outbox_sqlite.c   what is owed to receivers
 *   sqlite_reader.c   reading one document, history, meta
 *   sqlite_scan.c     candidates: which indices to follow, and the walk
 *   sqlite_condition.c  what a query demands, as questions to the indices
 *   sqlite_gather.c   entity numbers that an index does not give in order
 *   sqlite_stream.c   ascending streams of entity numbers out of the indices
 *   sqlite_backup.c   online backup
 *   sqlite_check.c    everything that can be wrong
 *   census_sqlite.c   how many entities and attributes of which kind
 *
 * Thread: a connection belongs to one thread at a time (SQLITE_OPEN_NOMUTEX). */
#ifndef MACHI_STORE_SQLITE_INT_H
#define MACHI_STORE_SQLITE_INT_H

#include "base/cleanup.h"
#include "base/map.h"
#include "series/block.h"
#include "store/census_int.h"
#include "store/index_rows.h"
#include "store/rollup_set.h"
#include "store/temporal_int.h"
#include "store/value_log.h"

#include <sqlite3.h>

#define SQLITE_SCHEMA_VERSION 4
#define SQLITE_APPLICATION_ID 0x4D616368 /* "Mach" in the file's header */
#define SQLITE_PAGE_BYTES 4096
#define SQLITE_CACHE_BYTES_DEFAULT ((uint32_t)32 << 20)
#define SQLITE_BUSY_MS_DEFAULT 60000
#define SQLITE_WAL_PAGES_CHECKPOINT 8000 /* the log is copied back when it holds so many pages … */
#define SQLITE_WAL_PAGES_COPIER 16000 /* … from here on the writer waits for the copier … */
#define SQLITE_WAL_PAGES_WAIT 100000 /* … and from here on for readers to let go of it */
#define SQLITE_WAL_WAIT_MS 500
#define SQLITE_WAL_BYTES_KEEP ((int64_t)80 << 20) /* a longer log file is cut when it starts anew */
#define SQLITE_NAMES_CACHED_MAX 8192 /* dictionary entries that a connection remembers */
#define SQLITE_NAME_TEXTS_BYTES_MAX ((size_t)1 << 20) /* of them */
#define SQLITE_NAME_ADDRESSES 1024u /* a power of two */
#define SQLITE_SCRATCH_BYTES_MAX ((size_t)256 << 20)
#define SQLITE_STATEMENTS_IDLE_MAX 3 /* kept of one kind: scans within scans need more than one */

/* One entry for each statement; the texts are in sqlite_conn.c. */
enum sqlite_sql {
	SQL_BEGIN_WRITE,
	SQL_BEGIN_READ,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVEPOINT,
	SQL_UNDO,
	SQL_RELEASE,
	SQL_ENTITY_GET,
	SQL_ENTITY_AT,
	SQL_ENTITY_IID,
	SQL_ENTITY_DOC,
	SQL_ENTITY_DOC_AT,
	SQL_ENTITY_DOC_BY_IID,
	SQL_ENTITY_ALL,
	SQL_ENTITY_EXPIRED,
	SQL_EXPIRED_IDS,
	SQL_EXPIRY_FIRST,
	SQL_ENTITY_IDS,
	SQL_ENTITY_INSERT,
	SQL_ENTITY_UPDATE,
	SQL_ENTITY_UPDATE_EXPIRES,
	SQL_ENTITY_DELETE,
	SQL_ENTITY_IDS_RANGE,
	SQL_NAME_GET,
	SQL_NAME_ADD,
	SQL_TYPE_ADD,
	SQL_TYPE_DELETE,
	SQL_TYPE_STREAM,
	SQL_TYPE_COUNT,
	SQL_SCOPE_ADD,
	SQL_SCOPE_DELETE,
	SQL_SCOPE_ALL,
	SQL_CHUNK_FIND,
	SQL_CHUNK_LAST,
	SQL_CHUNK_READ,
	SQL_CHUNK_ALL,
	SQL_CHUNK_ADD,
	SQL_CHUNK_SET,
	SQL_CHUNK_DROP,
	SQL_VALUE_LOG_LAST,
	SQL_VALUE_LOG_ADD,
	SQL_VALUE_LOG_EXTEND,
	SQL_VALUE_LOG_READ,
	SQL_VALUE_LOG_CLEAR,
	SQL_VALUE_LOG_SIZES,
	SQL_VALUE_LOG_ALL,
	SQL_GEO_PUT,
	SQL_GEO_DELETE,
	SQL_CELL_ADD,
	SQL_CELL_DELETE,
	SQL_GEO_ALL,
	SQL_GEO_WIDE,
	SQL_SUBJECT_GET,
	SQL_SUBJECT_GONE,
	SQL_SUBJECT_NEXT_GONE,
	SQL_SUBJECT_LAST_POINT,
	SQL_SUBJECT_DROP,
	SQL_SUBJECT_ADD,
	SQL_SUBJECT_ID,
	SQL_POINT_ADD,
	SQL_POINT_NEXT_SEQ,
	SQL_POINT_NEXT_SUBJECT,
	SQL_POINT_DELETE,
	SQL_POINT_DELETE_SLICE,
	SQL_BUNDLE_DELETE_SLICE,
	SQL_BUNDLE_ADD,
	SQL_BUNDLE_NEXT_SEQ,
	SQL_BUNDLE_OLD,
	SQL_BUNDLE_UNPACK,
	SQL_BUNDLE_DELETE,
	SQL_POINT_READ,
	SQL_POINT_READ_LATEST,
	SQL_POINT_AT,
	SQL_POINT_AT_IN_SLICE,
	SQL_POINT_SERIES,
	SQL_SUBJECT_UNPACK,
	SQL_SUBJECT_UNBUNDLE,
	SQL_POINT_COUNT,
	SQL_POINT_REMOVE,
	SQL_POINT_DOC,
	SQL_SUBJECT_FIND,
	SQL_SUBJECT_AFTER,
	SQL_SUBJECT_OF_TYPE,
	SQL_SUBJECT_TYPES,
	SQL_SUBJECT_TYPE_ADD,
	SQL_SUBJECT_TYPE_DROP,
	SQL_ENTITY_TYPES,
	SQL_NAME_OF,
	SQL_SLICE_ADD,
	SQL_SLICE_IS_PACKED,
	SQL_SLICE_SET_PACKED,
	SQL_SLICE_NEXT_PACKED,
	SQL_SLICE_DELETE,
	SQL_POINT_DELETE_SOME,
	SQL_BUNDLE_DELETE_SOME,
	SQL_SLICE_TO_PACK,
	SQL_SLICE_UNPACKED,
	SQL_SLICE_POINTS,
	SQL_RUN_IN_TIME,
	SQL_RUN_ADD,
	SQL_RUN_LIST,
	SQL_RUN_SUM,
	SQL_RUN_DELETE,
	SQL_BLOCK_DELETE_RUN,
	SQL_BLOCK_NEXT,
	SQL_SEGMENT_ADD,
	SQL_SEGMENT_IN_TIME,
	SQL_SEGMENT_LIST,
	SQL_SEGMENT_DELETE,
	SQL_SEGMENT_ASIDE,
	SQL_SEGMENT_COUNT,
	SQL_BLOCK_OLD,
	SQL_BLOCK_REPLACE,
	SQL_BLOCK_DELETE,
	SQL_BLOCK_ASIDE,
	SQL_ASIDE_RUN,
	SQL_ASIDE_COUNT,
	SQL_RETENTION_SET,
	SQL_RETENTION_RUN,
	SQL_RETENTION_FORGET,
	SQL_RETENTION_NEXT,
	SQL_RETENTION_SAME,
	SQL_HISTORY_PAGES,
	SQL_HISTORY_COUNTS,
	SQL_BLOCK_OF,
	SQL_BLOCK_DOC,
	SQL_BLOCK_ADD,
	SQL_SLICE_OLDER,
	SQL_SLICE_TAKE,
	SQL_SLICE_DROP_EMPTY,
	SQL_COUNTER_ADD,
	SQL_COUNTER_GET,
	SQL_CENSUS_ADD,
	SQL_CENSUS_DROP,
	SQL_CENSUS_TOTALS,
	SQL_CENSUS_ALL,
	SQL_CENSUS_OF_TYPE,
	SQL_CENSUS_OF_ATTRIBUTE,
	SQL_META_GET,
	SQL_META_SET,
	SQL_META_DELETE,
	SQL_RECORD_GET,
	SQL_RECORD_PUT,
	SQL_RECORD_DELETE,
	SQL_RECORD_EACH,
	SQL_OWED_LAST,
	SQL_OWED_NOTE,
	SQL_OWED_ADD,
	SQL_OWED_REPLACE,
	SQL_OWED_DONE,
	SQL_OWED_JOINED,
	SQL_OWED_RETRY,
	SQL_OWED_BURY,
	SQL_OWED_DROP,
	SQL_OWED_LEFT,
	SQL_OWED_READ,
	SQL_OWED_READ_ALL,
	SQL_OWED_DEBTS,
	SQL_DEAD_REPLAY,
	SQL_DEAD_DROP,
	SQL_DEAD_DROP_SOME,
	SQL_DEAD_READ,
	SQL_DEAD_READ_ALL,
	SQL_COUNT
};

/* sqlite_log_file.c: a layer of files for one connection's log. */
struct sqlite_log_vfs;
MUST_CHECK enum err_code sqlite_log_vfs_new(struct sqlite_log_vfs **ret_vfs, struct error *err);
struct sqlite_log_vfs *sqlite_log_vfs_free(struct sqlite_log_vfs *vfs); /* once no file is open through it */
const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *vfs);

/* sqlite_page_cache.c: before SQLite is first used. */
void sqlite_page_cache_install(void);

/* Blocks read within one snapshot, of a connection that looks at them again and again. */
#define SQLITE_BLOCKS_KEPT_MAX 16u
#define SQLITE_BLOCKS_KEPT_BYTES_MAX ((size_t)4 << 20)

struct sqlite_block_kept {
	int64_t bid;
	char *at; /* owned */
	size_t len;
};

struct sqlite_block_cache {
	bool on;
	size_t count, bytes;
	struct sqlite_block_kept kept[SQLITE_BLOCKS_KEPT_MAX];
};

/* Names by their numbers, as packed documents have them (sqlite_document.c). */
struct sqlite_name_texts {
	struct str *at; /* owned; at NULL: not met */
	size_t room;
	struct arena texts;
	struct arena once; /* of one that is not remembered */
};

struct sqlite_conn {
	struct sqlite_log_vfs *log_vfs; /* owned; of a writing connection */
	sqlite3 *db;
	char *path; /* owned, as it was given: for messages */
	sqlite3_stmt *idle[SQL_COUNT][SQLITE_STATEMENTS_IDLE_MAX]; /* prepared, not in use */
	struct sqlite_block_cache blocks; /* of a reader, while a snapshot is held */
	struct sqlite_name_texts names;
};

enum sqlite_use { SQLITE_USE_WRITE, SQLITE_USE_READ, SQLITE_USE_READ_ONLY };

MUST_CHECK enum err_code sqlite_conn_open(struct sqlite_conn *conn, const char *path, enum sqlite_use use,
					  uint32_t cache_bytes, uint32_t busy_timeout_ms, struct error *err);
void sqlite_conn_close(struct sqlite_conn *conn); /* also of a zeroed or half-opened one */

/* What SQLite's last call on this connection meant, as our error: "PATH: no room …; while DOING". */
enum err_code sqlite_fail(const struct sqlite_conn *conn, int rc, const char *doing, struct error *err);

/* A prepared statement out of the idle ones, or a new one; give it back when done with (it is reset then). */
MUST_CHECK enum err_code sqlite_take(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt **ret_stmt,
				     struct error *err);
void sqlite_give(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt); /* NULL is fine */
/* Prepares it now, so that using it later needs no memory. */
MUST_CHECK enum err_code sqlite_ready(struct sqlite_conn *conn, enum sqlite_sql sql, struct error *err);

/* Values are borrowed until the statement is given back. */
void sqlite_bind_int(sqlite3_stmt *stmt, int index, int64_t value);
void sqlite_bind_text(sqlite3_stmt *stmt, int index, struct str text);
void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct str bytes); /* a BLOB */
void sqlite_bind_double(sqlite3_stmt *stmt, int index, double value);
void sqlite_bind_partial(sqlite3_stmt *stmt, int index); /* the empty BLOB: above every text */
void sqlite_bind_present(sqlite3_stmt *stmt, int index); /* a BLOB of one zero: above that */
struct str sqlite_text(sqlite3_stmt *stmt, int column); /* borrowed until the next step; "" for NULL */

/* Steps: *ret_row says whether there is one. */
MUST_CHECK enum err_code sqlite_step(struct sqlite_conn *conn, sqlite3_stmt *stmt, const char *doing, bool *ret_row,
				     struct error *err);
/* Steps a statement that has no rows and gives it back, whatever happens. */
MUST_CHECK enum err_code sqlite_finish(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt,
				       const char *doing, struct error *err);
/* Runs a statement without parameters and rows. */
MUST_CHECK enum err_code sqlite_run(struct sqlite_conn *conn, enum sqlite_sql sql, const char *doing,
				    struct error *err);
/* Steps once, takes column 0 as a number (0 and false when there is no row), gives back. */
MUST_CHECK enum err_code sqlite_number(struct sqlite_conn *conn, enum sqlite_sql sql, sqlite3_stmt *stmt,
				       const char *doing, int64_t *ret_number, bool *ret_row, struct error *err);
/* Any text, without parameters; ret_text may be NULL, else gets column 0 of the first row. */
MUST_CHECK enum err_code sqlite_exec(struct sqlite_conn *conn, const char *sql, const char *doing, struct error *err);
MUST_CHECK enum err_code sqlite_pragma(struct sqlite_conn *conn, const char *sql, int64_t *ret_number,
				       struct error *err);

/* Creates or migrates; refuses what is not ours or newer. conn is a writing one, outside of a transaction. */
MUST_CHECK enum err_code sqlite_schema_migrate(struct sqlite_conn *conn, struct error *err);
/* The same questions without changing anything: ERR_VERSION also for an older schema. */
MUST_CHECK enum err_code sqlite_schema_verify(struct sqlite_conn *conn, struct error *err);

#define SQLITE_KNOWN_IDS 32
#define SQLITE_KNOWN_ID_BYTES 120

/* What this transaction has looked up already. */
struct sqlite_known {
	int64_t iid; /* 0: empty */
	int64_t subject; /* of its history */
	int64_t expires_us; /* as stored; INT64_MAX: NULL */
	uint32_t len;
	char id[SQLITE_KNOWN_ID_BYTES];
};

/* Points of one slice of the history; points 0: none. */
struct sqlite_slice_sum {
	int64_t number, points, at_us_min, at_us_max;
};

/* Where points go now. A rollback leaves it as it is: the counts decide about room only. */
struct sqlite_slice {
	int64_t number;
	int64_t points, points_before; /* in it, and at the beginning of the transaction */
	bool open; /* false: there is none yet */
};

struct sqlite_sums {
	int64_t entities, points; /* more than before */
	struct sqlite_slice_sum slice;
	bool used;
};

/* The last number of the outbox; of one transaction. */
struct sqlite_outbox {
	bool known, known_before; /* false: to be read; before: when the write that runs began */
	int64_t last, last_before;
	int64_t stored; /* as the table has it */
};

struct sqlite_prune_mark { /* from where on a prefix may have points that the last pruning left */
	char prefix[SQLITE_KNOWN_ID_BYTES];
	size_t prefix_len;
	int64_t slice, subject;
	bool set;
};

/* Up to which block, and which age, the blocks have been pruned for a prefix. */
struct sqlite_prune_blocks {
	char prefix[SQLITE_KNOWN_ID_BYTES];
	size_t prefix_len;
	int64_t bid, before_us;
	bool set;
};

struct sqlite_pending_row {
	int64_t nid;
	struct value_change change; /* text in the list's arena */
	uint32_t order; /* of arrival */
};

struct sqlite_pending {
	struct sqlite_pending_row *rows; /* owned */
	size_t count, room;
	struct arena texts;
};

struct sqlite_value_size {
	int64_t nid, rows; /* of one attribute in the log of values */
};

/* How much the log of values holds, as far as this store knows. */
struct sqlite_value_sizes {
	struct sqlite_value_size *at; /* owned; by nid, ascending */
	size_t count, room;
	int64_t total;
	bool known; /* false: to be read again */
	struct buf text; /* a piece of log being written */
};

/* The thread that copies the log back; started when there is something for it to do. */
struct sqlite_copier {
	const char *path; /* borrowed */
	bool started; /* the writer's */
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake, idle;
	bool busy; /* asked to copy, and not done */
	bool stopping;
	int copied; /* pages of the log that the last pass found copied or copied itself */
};

struct sqlite_store {
	struct sqlite_conn writer; /* closed in a store opened for reading only */
	char *path; /* owned */
	bool read_only;
	uint32_t busy_timeout_ms, cache_bytes;
	struct buf text; /* a piece of history being written */
	struct buf document; /* that is put */

	struct map names; /* IRI to number, what this connection has seen */
	struct arena name_texts;
	uint16_t name_addresses[SQLITE_NAME_ADDRESSES]; /* numbers by where the writer's connection has the texts */
	bool names_new; /* this transaction added names: a rollback must forget them */
	struct sqlite_known known[SQLITE_KNOWN_IDS];
	struct sqlite_places *places; /* owned; NULL in a store opened for reading only */

	struct sqlite_slice slice;
	struct sqlite_pending pending; /* changes of the index of values that this transaction has not logged yet */
	struct sqlite_value_sizes value_sizes;
	bool savepoints; /* each write of this transaction has one */
	struct sqlite_outbox outbox;
	struct sqlite_sums now, kept, spent; /* of the write that runs, of those done; sqlite_sums.c */

	struct census census; /* what the transaction changed in it, stored before its commit */
	struct sqlite_prune_mark prune;
	struct sqlite_prune_blocks prune_blocks;
	int wal_pages; /* after the last commit */
	int wal_pages_tried; /* when the last copying back was tried */
	int wal_passes; /* of the copier at this log; 0: it is not at work */
	struct sqlite_copier copier;

	pthread_mutex_t stats_lock; /* guards stats_conn */
	struct sqlite_conn stats_conn; /* opened at the first question */
};

/* sqlite_places.c */
struct sqlite_places;

/* A row that a statement stands on; to be given back. */
struct sqlite_row {
	sqlite3_stmt *stmt; /* NULL: there is none */
	enum sqlite_sql sql;
};

/* Steps to an entity's row: to the guessed place, when there is one, by `at` (parameter: the number), else by `by_id`
 * (parameter: the id). Column 0 of both is the number, column 1 the id. places may be NULL. */
MUST_CHECK enum err_code sqlite_find_row(struct sqlite_conn *conn, struct sqlite_places *places, enum sqlite_sql at,
					 enum sqlite_sql by_id, struct str id, struct sqlite_row *ret_row,
					 struct error *err);

/* sqlite_entity.c */
enum err_code sqlite_txn_get(struct store_backend *backend, struct store_txn *txn, struct str id,
			     struct json **ret_entity, struct error *err);
enum err_code sqlite_txn_put(struct store_backend *backend, struct store_txn *txn, const struct json *before,
			     const struct json *entity, struct error *err);
enum err_code sqlite_txn_delete(struct store_backend *backend, struct store_txn *txn, const struct json *before,
				struct error *err);
enum err_code sqlite_txn_each_id(struct store_backend *backend, struct str prefix,
				 bool (*visit)(void *self, struct str id), void *self, struct error *err);
enum err_code sqlite_txn_set_meta(struct store_backend *backend, struct store_txn *txn, struct str key,
				  struct str value, struct error *err);
void sqlite_known_clear(struct sqlite_store *store);
/* NULL: nothing is known of it. */
struct sqlite_known *sqlite_known_find(struct sqlite_store *store, struct str id);

/* sqlite_document.c: an entity or instance out of a row, packed or text, as a tree in the arena. borrow: its names are
 * the connection's, and go with it. parser: for texts; may be NULL where there is none. ERR_CORRUPT: it is damaged. */
MUST_CHECK enum err_code sqlite_document_read(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column,
					      struct json_parser *parser, struct arena *arena,
					      struct json **ret_document, struct error *err);
MUST_CHECK enum err_code sqlite_document_borrow(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column,
						struct json_parser *parser, struct arena *arena,
						struct json **ret_document, struct error *err);
/* The text lives in the row or in the buffer. */
MUST_CHECK enum err_code sqlite_document_text(struct sqlite_conn *conn, sqlite3_stmt *stmt, int column,
					      struct buf *text, struct str *ret_text, struct error *err);
/* Writes the entity as its row will have it into store->document; *ret_expires: something in it may expire. */
MUST_CHECK enum err_code sqlite_document_write(struct sqlite_store *store, const struct json *entity, bool *ret_packed,
					       bool *ret_expires, struct error *err);
/* The same for an instance of the history, into store->text. */
MUST_CHECK enum err_code sqlite_instance_write(struct sqlite_store *store, const struct json *instance,
					       bool *ret_packed, struct error *err);
void sqlite_bind_document(sqlite3_stmt *stmt, int index, const struct buf *document, bool packed);
void sqlite_name_texts_init(struct sqlite_conn *conn);
void sqlite_name_texts_done(struct sqlite_conn *conn);
/* The number of a name that this connection has remembered, found by its address; 0: it is not one. */
int64_t sqlite_name_by_address(const struct sqlite_store *store, struct str iri);
void sqlite_name_note_address(struct sqlite_store *store, struct str iri, int64_t nid);

/* expiry_sqlite.c */
/* What the column "expires" holds: the earliest expiry of anything in the document; false: NULL. */
bool sqlite_expires(const struct json *entity, int64_t *ret_us);
enum err_code sqlite_next_expiry(struct store_snapshot *snapshot, int64_t *ret_us, struct error *err);
enum err_code sqlite_txn_each_expired(struct store_backend *backend, int64_t now_us, uint32_t count_max,
				      bool (*visit)(void *self, struct str id), void *self, struct error *err);

/* sqlite_places.c: a guess where an id's row is, for any thread; 0: none. */
struct sqlite_places *sqlite_places_new(void); /* for free(); NULL when memory is refused */
int64_t sqlite_places_get(struct sqlite_places *places, uint64_t hash);
void sqlite_places_set(struct sqlite_places *places, uint64_t hash, int64_t iid);

/* sqlite_checkpoint.c: on the writer's thread, outside of a transaction. */
void sqlite_copier_init(struct sqlite_copier *copier, const char *path);
void sqlite_copier_done(struct sqlite_copier *copier); /* waits for the thread */
void sqlite_checkpoint_if_due(struct sqlite_store *store);

/* sqlite_index.c */
MUST_CHECK enum err_code sqlite_index_update(struct sqlite_store *store, int64_t iid, const struct json *before,
					     const struct json *entity, struct error *err);
MUST_CHECK enum err_code sqlite_name_number(struct sqlite_store *store, struct str iri, int64_t *ret_nid,
					    struct error *err);
/* Without adding: ERR_OK and 0 when the dictionary has it not. The first knows what the writer has met. */
MUST_CHECK enum err_code sqlite_name_look_up(struct sqlite_store *store, struct str iri, int64_t *ret_nid,
					     struct error *err);
MUST_CHECK enum err_code sqlite_name_find(struct sqlite_conn *conn, struct str iri, int64_t *ret_nid,
					  struct error *err);
void sqlite_names_clear(struct sqlite_store *store);
void sqlite_bind_value(sqlite3_stmt *stmt, int index, const struct index_value *value);

/* sqlite_pending.c */
void sqlite_pending_init(struct sqlite_pending *pending);
void sqlite_pending_done(struct sqlite_pending *pending);
void sqlite_pending_clear(struct sqlite_pending *pending);
MUST_CHECK enum err_code sqlite_pending_add(struct sqlite_pending *pending, int64_t nid,
					    const struct value_change *change, struct error *err);
/* By attribute, value, entity; the order of arrival does not count. */
int sqlite_pending_cmp(const struct sqlite_pending_row *a, const struct sqlite_pending_row *b);
/* What is left to be done, each row once, in the order of the index; *ret_rows is for free() and borrows the list's
 * rows. */
MUST_CHECK enum err_code sqlite_pending_sort(const struct sqlite_pending *pending,
					     const struct sqlite_pending_row ***ret_rows, size_t *ret_count,
					     struct error *err);

/* sqlite_values.c: notes a change of the index of values; all noted ones go into its log; what has been long enough in
 * the log goes into the index, all of it when `all` says so; what is known of the log's size is not true any more. */
MUST_CHECK enum err_code sqlite_values_change(struct sqlite_store *store, int64_t nid,
					      const struct value_change *change, struct error *err);
MUST_CHECK enum err_code sqlite_values_log(struct sqlite_store *store, struct error *err);
MUST_CHECK enum err_code sqlite_values_merge(struct sqlite_store *store, bool all, struct error *err);
void sqlite_values_forget(struct sqlite_store *store);
void sqlite_values_init(struct sqlite_store *store);
void sqlite_values_done(struct sqlite_store *store);
/* sqlite_chunks.c: does changes of one attribute in the index; each must suit it. */
MUST_CHECK enum err_code sqlite_chunks_merge(struct sqlite_conn *conn, int64_t nid,
					     const struct sqlite_pending_row *const *rows, size_t count,
					     struct error *err);
/* Adds the changes of a piece of log to a list. */
MUST_CHECK enum err_code sqlite_values_unpack(const struct sqlite_conn *conn, struct sqlite_pending *list, int64_t nid,
					      struct str changes, struct error *err);

/* sqlite_history.c */
enum err_code sqlite_txn_history(struct store_backend *backend, struct store_txn *txn, struct str id,
				 const struct change *changes, int64_t now_us, struct error *err);
/* A transaction begins. */
void sqlite_slice_settle(struct sqlite_store *store);
/* What comes next goes into another slice. */
void sqlite_slice_end(struct sqlite_store *store);
/* The slice for so many points that arrive at now_us, and their order number in it. */
int64_t sqlite_slice_take(struct sqlite_store *store, int64_t now_us, int64_t points, int64_t *ret_seq);
/* sqlite_bundle.c: appends all changes in one row, or says that they are no case for that. */
MUST_CHECK enum err_code sqlite_bundle_append(struct sqlite_store *store, int64_t subject, const struct change *changes,
					      int64_t now_us, bool *ret_appended, struct error *err);
/* Takes what is older than before_us out of a subject's bundles: whole ones go, at most rows_max points (*ret_rows says
 * how many), others become single points. */
MUST_CHECK enum err_code sqlite_bundle_prune(struct sqlite_conn *conn, int64_t slice, int64_t subject,
					     int64_t before_us, uint32_t rows_max, uint32_t *ret_rows,
					     struct error *err);
/* 0 when there is none. */
MUST_CHECK enum err_code sqlite_subject_find(struct sqlite_conn *conn, struct str id, int64_t *ret_subject,
					     struct error *err);
/* Adds it when there is none; ret_added may be NULL. */
MUST_CHECK enum err_code sqlite_subject_number(struct sqlite_store *store, struct str id, int64_t *ret_subject,
					       bool *ret_added, struct error *err);
/* The same where it is likely to be new. */
MUST_CHECK enum err_code sqlite_subject_add(struct sqlite_store *store, struct str id, int64_t *ret_subject,
					    bool *ret_added, struct error *err);
/* Notes since when there is no entity of the subject; NULL: there is one. */
MUST_CHECK enum err_code sqlite_subject_note_gone(struct sqlite_conn *conn, int64_t subject, const int64_t *gone_us,
						  struct error *err);

/* census_sqlite.c: the sums of the transaction go into the table; a write is done; a reader asks; the documents' own
 * census against the table, which it uses up. */
MUST_CHECK enum err_code sqlite_census_store(struct sqlite_store *store, struct error *err);
MUST_CHECK enum err_code sqlite_census_finish(struct sqlite_store *store, struct error *err);
enum err_code sqlite_census(struct store_snapshot *snapshot, const struct census_question *question,
			    bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err);
MUST_CHECK enum err_code sqlite_census_check(struct sqlite_conn *conn, struct census *census,
					     void (*find)(void *self, struct str finding), void *self,
					     struct error *err);

/* sqlite_sums.c: a transaction begins; a write begins, is done, is undone; all so far goes into the tables. */
void sqlite_sums_clear(struct sqlite_store *store);
void sqlite_sums_start(struct sqlite_store *store);
MUST_CHECK enum err_code sqlite_sums_finish(struct sqlite_store *store, struct error *err);
void sqlite_sums_undo(struct sqlite_store *store);
MUST_CHECK enum err_code sqlite_sums_store(struct sqlite_store *store, struct error *err);
/* Points were added to a slice. */
MUST_CHECK enum err_code sqlite_sums_points(struct sqlite_store *store, const struct sqlite_slice_sum *points,
					    struct error *err);

/* sqlite_prune.c */
enum err_code sqlite_txn_prune(struct store_backend *backend, struct store_txn *txn, struct str id_prefix,
			       int64_t before_us, uint32_t rows_max, uint32_t *ret_rows, struct error *err);

/* sqlite_prune_blocks.c: of the points that are packed; *rows counts on, up to rows_max. */
MUST_CHECK enum err_code sqlite_prune_packed(struct sqlite_store *store, struct str id_prefix, int64_t before_us,
					     uint32_t rows_max, uint32_t *rows, struct error *err);

/* record_sqlite.c */
enum err_code sqlite_txn_record_put(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str doc, struct error *err);
enum err_code sqlite_txn_record_delete(struct store_backend *backend, struct store_txn *txn, struct str kind,
				       struct str id, struct error *err);
enum err_code sqlite_txn_record_get(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str *ret_doc, struct error *err);
enum err_code sqlite_record_get(struct store_snapshot *snapshot, struct str kind, struct str id, struct arena *arena,
				struct str *ret_doc, struct error *err);
enum err_code sqlite_record_each(struct store_snapshot *snapshot, struct str kind, struct str after,
				 bool (*visit)(void *self, struct str id, struct str doc), void *self,
				 struct error *err);

/* outbox_sqlite.c: a transaction begins; a write begins, is undone; the last number goes into its table. */
void sqlite_outbox_forget(struct sqlite_store *store);
void sqlite_outbox_start(struct sqlite_store *store);
void sqlite_outbox_undo(struct sqlite_store *store);
MUST_CHECK enum err_code sqlite_outbox_store(struct sqlite_store *store, struct error *err);
enum err_code sqlite_txn_owe(struct store_backend *backend, struct store_txn *txn, const struct store_owed *owed,
			     bool replace, int64_t *ret_number, struct error *err);
enum err_code sqlite_txn_owed_done(struct store_backend *backend, struct store_txn *txn, const int64_t *numbers,
				   size_t count, struct error *err);
enum err_code sqlite_txn_owed_joined(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     struct str body, struct error *err);
enum err_code sqlite_txn_owed_retry(struct store_backend *backend, struct store_txn *txn, int64_t number,
				    int64_t due_us, uint32_t tries, struct error *err);
enum err_code sqlite_txn_owed_bury(struct store_backend *backend, struct store_txn *txn, int64_t number, int64_t now_us,
				   struct str why, struct error *err);
enum err_code sqlite_txn_owed_drop(struct store_backend *backend, struct store_txn *txn, int64_t subscription,
				   bool dead_too, uint32_t rows_max, bool *ret_more, struct error *err);
enum err_code sqlite_txn_dead_replay(struct store_backend *backend, struct store_txn *txn, int64_t number,
				     int64_t now_us, struct error *err);
enum err_code sqlite_txn_dead_drop(struct store_backend *backend, struct store_txn *txn, int64_t number,
				   struct error *err);
enum err_code sqlite_outbox_read(struct store_snapshot *snapshot, struct outbox_list *list, struct error *err);
enum err_code sqlite_outbox_debts(struct store_snapshot *snapshot, struct outbox_debts *debts, struct error *err);

/* sqlite_reader.c, sqlite_scan.c */
enum err_code sqlite_reader_new(struct store_backend *backend, struct store_snapshot **ret_snapshot, struct error *err);
void sqlite_reader_free(struct store_snapshot *snapshot);
enum err_code sqlite_get(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			 struct error *err);
enum err_code sqlite_scan(struct store_snapshot *snapshot, const struct narrow *narrow,
			  bool (*visit)(void *self, struct str bytes), void *self, uint64_t *ret_count,
			  struct error *err);
enum err_code sqlite_get_tree(struct store_snapshot *snapshot, struct str id, struct json_parser *parser,
			      struct arena *arena, struct json **ret_entity, struct error *err);
enum err_code sqlite_scan_trees(struct store_snapshot *snapshot, const struct narrow *narrow,
				const struct store_tree_sight *sight, struct error *err);
enum err_code sqlite_get_meta(struct store_snapshot *snapshot, struct str key, struct arena *arena,
			      struct str *ret_value, struct error *err);

/* Order numbers of instances: their slice and their place in it. They stay when the instance is packed. */
#define SQLITE_NUMBER_BITS 22 /* of the place: a slice takes no more points */
#define SQLITE_SLICE_EPOCH INT64_C(1540856250000) /* the slice of 2020-01-01 has order numbers from 0 on */
int64_t sqlite_number_of(int64_t slice, int64_t seq);
void sqlite_number_split(int64_t number, int64_t *ret_slice, int64_t *ret_seq);

/* sqlite_series.c */
enum err_code sqlite_series_read(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, const struct store_window *window, bool latest,
				 uint32_t count_max, struct arena *arena, struct store_instances *ret,
				 struct error *err);
enum err_code sqlite_series_sums(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				 struct series_sums *sums, bool *cut, struct error *err);
enum err_code sqlite_series_kept(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
				 struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret,
				 struct error *err);
enum err_code sqlite_series_list(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 const struct store_series **ret_series, size_t *ret_count, struct error *err);

/* The name of this number, in the arena. */
MUST_CHECK enum err_code sqlite_name_of(struct sqlite_conn *conn, int64_t nid, struct arena *arena, struct str *ret_iri,
					struct error *err);

/* The key of a chunk names attribute and, in its last bit, whether its points are of the time of their observation: so
 * a chunk that is can be summed by what it says of itself. */
static inline int64_t sqlite_key_name(int64_t nid, bool observed)
{
	return nid * 2 + !observed;
}

static inline bool sqlite_key_is_rollup(const struct series_key *key)
{
	return key->name >= ROLLUP_NAME;
}

static inline int64_t sqlite_key_nid(const struct series_key *key)
{
	return sqlite_key_is_rollup(key) ? key->name - ROLLUP_NAME : key->name / 2;
}

static inline bool sqlite_key_is_observed(const struct series_key *key)
{
	return key->name % 2 == 0 && !sqlite_key_is_rollup(key);
}

/* sqlite_block.c */
/* Every packed chunk of a series that may have points from from_us to to_us (observed, or else changed): visit gets the
 * block, its number, and the chunk's index. What lies in the block lives until visit returns. */
typedef enum err_code (*sqlite_chunk_visitor)(void *self, int64_t bid, const struct series_block *block, uint32_t index,
					      struct error *err);
struct sqlite_series_key {
	int64_t subject;
	int64_t nid; /* 0: every attribute */
	struct str dataset; /* unless nid is 0 or any_dataset */
	bool any_dataset;
};
/* Which part of a series is looked at, and in what order: blocks by where they begin, or by where they end, backwards,
 * and then their chunks backwards too. Blocks of different runs may overlap. */
struct sqlite_part {
	int64_t from_us, to_us;
	bool latest_first;
	/* Can nothing of these times matter any more? Asked with those of each block, which ends the walk, and of each
	 * chunk. NULL: all matters. self is the visitor's. */
	bool (*enough)(void *self, const struct series_range *at_us);
};
extern const struct sqlite_part sqlite_all;
MUST_CHECK enum err_code sqlite_each_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
					   const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
					   struct error *err);
/* Of these, those in blocks; the others are sqlite_each_segment_chunk()'s. */
MUST_CHECK enum err_code sqlite_each_block_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
						 const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
						 struct error *err);

/* The chunks of roll-ups of a series that may have buckets in that part. */
MUST_CHECK enum err_code sqlite_each_rollup(struct sqlite_conn *conn, const struct sqlite_series_key *key,
					    const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
					    struct error *err);
/* The blocks that may have either of a series: visit walks through them with the two functions below. */
typedef enum err_code (*sqlite_block_visitor)(void *self, int64_t bid, const struct series_block *block,
					      struct error *err);
MUST_CHECK enum err_code sqlite_each_block(struct sqlite_conn *conn, const struct sqlite_series_key *key,
					   const struct sqlite_part *part, sqlite_block_visitor visit, void *self,
					   struct error *err);
/* Visits the chunk if it is in that part. */
MUST_CHECK enum err_code sqlite_visit_part(const struct sqlite_part *part, sqlite_chunk_visitor visit, void *self,
					   int64_t bid, const struct series_block *block, uint32_t index,
					   struct error *err);
void sqlite_block_cache_clear(struct sqlite_block_cache *cache);
/* The index behind *index (UINT32_MAX: the first) of a chunk of the series, of instances or of roll-ups; false: there
 * is none. */
bool sqlite_block_next(const struct series_block *block, const struct sqlite_series_key *key, bool rollups,
		       uint32_t *index);

/* sqlite_bulk.c */
enum err_code sqlite_txn_bulk_subjects(struct store_backend *backend, struct store_txn *txn,
				       struct store_bulk_subject *subjects, size_t count, int64_t *ret_generation,
				       struct error *err);
enum err_code sqlite_txn_bulk_name(struct store_backend *backend, struct store_txn *txn, struct str attribute_iri,
				   int64_t *ret_number, struct error *err);
enum err_code sqlite_txn_bulk(struct store_backend *backend, struct store_txn *txn, struct store_bulk *bulk,
			      struct error *err);
/* Drops a subject that has neither an entity nor any history left (sqlite_prune.c). */
MUST_CHECK enum err_code sqlite_subject_forget(struct sqlite_store *store, int64_t subject, struct error *err);
/* A subject goes: numbers given before do not hold any more. */
MUST_CHECK enum err_code sqlite_subject_dropped(struct sqlite_conn *conn, struct error *err);

/* sqlite_segment.c: the chains of a subject as chunks of blocks made for the purpose, for sqlite_each_chunk(). */
MUST_CHECK enum err_code sqlite_each_segment_chunk(struct sqlite_conn *conn, const struct sqlite_series_key *key,
						   const struct sqlite_part *part, sqlite_chunk_visitor visit,
						   void *self, struct error *err);
/* Makes blocks of all segments, in the writer's transaction: so that what they hold can be changed. */
MUST_CHECK enum err_code sqlite_segments_settle(struct sqlite_store *store, struct error *err);

/* sqlite_history_stats.c */
enum err_code sqlite_history_stats(struct store_backend *backend, struct store_history_stats *ret_stats,
				   struct error *err);

/* sqlite_packer.c */
enum err_code sqlite_pack(struct store *owner, struct store_backend *backend, const struct store_pack_options *options,
			  struct store_pack_result *result, struct error *err);

/* sqlite_subject.c */
enum err_code sqlite_subject_get(struct store_snapshot *snapshot, struct str id, struct arena *arena,
				 struct store_subject *ret, struct error *err);
enum err_code sqlite_subject_each(struct store_snapshot *snapshot, const struct narrow *narrow, int64_t after,
				  bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				  void *self, struct error *err);
enum err_code sqlite_txn_subject_add(struct store_backend *backend, struct store_txn *txn, struct str id,
				     const struct str *types, size_t type_count, bool *ret_created, struct error *err);
enum err_code sqlite_txn_subject_has(struct store_backend *backend, struct str id, bool *ret_has, struct error *err);
/* In the arena; STR_NONE, or no types, when there is no such subject. */
MUST_CHECK enum err_code sqlite_subject_id(struct sqlite_conn *conn, int64_t number, struct arena *arena,
					   struct str *ret_id, struct error *err);
MUST_CHECK enum err_code sqlite_subject_types(struct sqlite_conn *conn, int64_t number, struct arena *arena,
					      const struct str **ret_types, size_t *ret_count, struct error *err);
/* The types of an entity that goes stay with its subject. */
MUST_CHECK enum err_code sqlite_subject_keep_types(struct sqlite_store *store, int64_t subject,
						   const struct json *entity, struct error *err);

/* Points that are to be deleted or changed. */
struct sqlite_meant {
	int64_t subject;
	int64_t nid; /* 0: every attribute */
	struct str dataset; /* unless any_dataset */
	bool any_dataset;
	bool one; /* the one of this order number */
	int64_t number;
};

/* Puts a point where its order number says, as a row (sqlite_history.c). */
MUST_CHECK enum err_code sqlite_point_put_back(struct sqlite_store *store, const struct sqlite_meant *meant,
					       enum change_kind kind, const struct json *document, struct error *err);

/* sqlite_instance.c */
enum err_code sqlite_txn_has_instance(struct store_backend *backend, struct store_txn *txn, struct str id,
				      struct str attribute_iri, struct str dataset_id, const struct json *instance,
				      int64_t observed_us, bool *ret_has, struct error *err);

/* sqlite_revise.c */
enum err_code sqlite_txn_subject_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
					struct error *err);
enum err_code sqlite_txn_series_delete(struct store_backend *backend, struct store_txn *txn, struct str id,
				       struct str attribute_iri, struct str dataset_id, bool all, struct error *err);
enum err_code sqlite_txn_instance_replace(struct store_backend *backend, struct store_txn *txn, struct str id,
					  struct str attribute_iri, int64_t number, const struct json *instance,
					  int64_t now_us, struct error *err);

struct sqlite_reader {
	struct sqlite_conn conn;
	struct sqlite_places *places; /* the store's; may be NULL */
	uint32_t depth; /* what runs within a scan or a hold shares the outermost one's snapshot */
	struct json_parser *parser; /* made at the first instance that is read; owned */
	struct buf document; /* the text of one that was packed, until the next */
};

MUST_CHECK enum err_code sqlite_snapshot_begin(struct sqlite_reader *reader, struct error *err);
void sqlite_snapshot_end(struct sqlite_reader *reader);
/* store_hold() and store_release(). */
enum err_code sqlite_reader_hold(struct store_snapshot *snapshot, struct error *err);
void sqlite_reader_release(struct store_snapshot *snapshot);

/* The least text above all that start with prefix, in byte order; at is NULL when there is none (all 0xFF). */
struct str sqlite_prefix_end(struct arena *arena, struct str prefix);

/* sqlite_backup.c */
enum err_code sqlite_clone(struct store_backend *backend, const struct store_options *options, struct store **ret_store,
			   struct error *err);

#endif
