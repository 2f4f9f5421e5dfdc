/* Calls into the kind of store: reading, and inside a transaction, where a change that failed half-way dooms its
 * write. */
#include "store/store_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <stdlib.h>

/* ---- inside a transaction ---- */

struct arena *store_txn_arena(struct store_txn *txn)
{
	return &txn->arena;
}

struct json_parser *store_txn_parser(struct store_txn *txn)
{
	return txn->parser;
}

enum err_code store_txn_check(const struct store_txn *txn, struct error *err)
{
	if (txn->broken && err)
		*err = txn->broken_error;
	return txn->broken;
}

/* Reading may fail for the caller's reasons; the write is lost only with the transaction. */
enum err_code store_txn_read(struct store_txn *txn, enum err_code code, struct error *err)
{
	if (code == ERR_OK || code == ERR_NOT_FOUND || txn->store->ops->alive(txn->store->backend))
		return code;
	txn->broken = code;
	if (err)
		txn->broken_error = *err;
	else
		(void)err_set(&txn->broken_error, code, "the transaction was lost while reading");
	return code;
}

/* A change that fails for a reason that lies in its input has changed nothing; any other may be half done. */
enum err_code store_txn_change(struct store_txn *txn, enum err_code code, const struct error *local, struct error *err)
{
	if (code == ERR_OK)
		return code;
	if (err)
		*err = *local;
	if (code != ERR_NOT_FOUND && code != ERR_EXISTS && code != ERR_INVALID && code != ERR_LIMIT) {
		txn->broken = code;
		txn->broken_error = *local;
	}
	return code;
}

enum err_code store_txn_get(struct store_txn *txn, struct str id, struct json **ret_entity, struct error *err)
{
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	return store_txn_read(txn, txn->store->ops->txn_get(txn->store->backend, txn, id, ret_entity, err), err);
}

enum err_code store_txn_put(struct store_txn *txn, const struct json *before, const struct json *entity,
			    struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	assert(!before || str_eq(document_id(before), document_id(entity)));
	return store_txn_change(txn, txn->store->ops->txn_put(txn->store->backend, txn, before, entity, &local), &local,
				err);
}

enum err_code store_txn_delete(struct store_txn *txn, const struct json *before, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	return store_txn_change(txn, txn->store->ops->txn_delete(txn->store->backend, txn, before, &local), &local,
				err);
}

enum err_code store_txn_history(struct store_txn *txn, struct str id, const struct change *changes, int64_t now_us,
				struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code || !changes)
		return code;
	return store_txn_change(
		txn, txn->store->ops->txn_history(txn->store->backend, txn, id, changes, now_us, &local), &local, err);
}

enum err_code store_txn_has_instance(struct store_txn *txn, struct str id, struct str attribute_iri,
				     struct str dataset_id, const struct json *instance, bool *ret_has,
				     struct error *err)
{
	int64_t observed_us;
	enum err_code code = store_txn_check(txn, err);

	*ret_has = false;
	if (code || !time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &observed_us))
		return code;
	code = txn->store->ops->txn_has_instance(txn->store->backend, txn, id, attribute_iri, dataset_id, instance,
						 observed_us, ret_has, err);
	return store_read_ended(txn->store, store_txn_read(txn, code, err));
}

enum err_code store_txn_each_id(struct store_txn *txn, struct str prefix, bool (*visit)(void *self, struct str id),
				void *self, struct error *err)
{
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	return store_txn_read(txn, txn->store->ops->txn_each_id(txn->store->backend, prefix, visit, self, err), err);
}

enum err_code store_txn_set_meta(struct store_txn *txn, struct str key, struct str value, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	return store_txn_change(txn, txn->store->ops->txn_set_meta(txn->store->backend, txn, key, value, &local),
				&local, err);
}

enum err_code store_txn_prune_history(struct store_txn *txn, struct str id_prefix, int64_t before_us, uint32_t rows_max,
				      uint32_t *ret_rows, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_prune(txn->store->backend, txn, id_prefix, before_us, rows_max, ret_rows, &local);
	return store_txn_change(txn, code, &local, err);
}

/* ---- reading ---- */

enum err_code store_reader_new(struct store *store, struct store_reader **ret_reader, struct error *err)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	enum err_code code = store->ops->reader_new(store->backend, &reader->snapshot, err);

	if (code) {
		free(reader);
		return code;
	}
	reader->store = store;
	(void)pthread_mutex_lock(&store->lock);
	store->readers++;
	(void)pthread_mutex_unlock(&store->lock);
	*ret_reader = reader;
	return ERR_OK;
}

struct store_reader *store_reader_free(struct store_reader *reader)
{
	if (!reader)
		return NULL;
	reader->store->ops->reader_free(reader->snapshot);
	(void)pthread_mutex_lock(&reader->store->lock);
	reader->store->readers--;
	(void)pthread_mutex_unlock(&reader->store->lock);
	free(reader);
	return NULL;
}

enum err_code store_hold(struct store_reader *reader, struct error *err)
{
	const struct store_backend_ops *ops = reader->store->ops;

	return ops->reader_hold ? ops->reader_hold(reader->snapshot, err) : ERR_OK;
}

void store_release(struct store_reader *reader)
{
	const struct store_backend_ops *ops = reader->store->ops;

	if (ops->reader_release)
		ops->reader_release(reader->snapshot);
}

enum err_code store_get(struct store_reader *reader, struct str id, struct arena *arena, struct str *ret_bytes,
			struct error *err)
{
	return store_read_ended(reader->store, reader->store->ops->get(reader->snapshot, id, arena, ret_bytes, err));
}

enum err_code store_scan(struct store_reader *reader, const struct narrow *narrow,
			 bool (*visit)(void *self, struct str bytes), void *self, struct error *err)
{
	uint64_t count;

	assert(visit);
	return store_read_ended(reader->store,
				reader->store->ops->scan(reader->snapshot, narrow, visit, self, &count, err));
}

/* ---- trees out of texts ---- */

static enum err_code parse(struct json_parser *parser, struct arena *arena, struct str bytes, struct json **ret_entity,
			   struct error *err)
{
	const struct json_parse_options options = {.duplicates_allowed = true};
	enum err_code code = json_parse(parser, arena, bytes, &options, ret_entity, err);

	if (code == ERR_INVALID)
		return err_set(err, ERR_CORRUPT, "a stored document of %zu bytes is not JSON", bytes.len);
	return code;
}

struct text_sight {
	const struct store_tree_sight *sight;
	enum err_code code;
	struct error *err;
};

static bool show_tree(void *self, struct str bytes)
{
	struct text_sight *text = self;
	const struct store_tree_sight *sight = text->sight;
	struct json *entity;

	arena_clear(sight->arena);
	text->code = parse(sight->parser, sight->arena, bytes, &entity, text->err);
	return text->code == ERR_OK && sight->visit(sight->self, entity);
}

enum err_code store_get_tree(struct store_reader *reader, struct str id, struct json_parser *parser,
			     struct arena *arena, struct json **ret_entity, struct error *err)
{
	const struct store_backend_ops *ops = reader->store->ops;
	struct str bytes;
	enum err_code code;

	if (ops->get_tree) {
		code = ops->get_tree(reader->snapshot, id, parser, arena, ret_entity, err);
		return store_read_ended(reader->store, code);
	}
	code = ops->get(reader->snapshot, id, arena, &bytes, err);
	if (code == ERR_OK)
		code = parse(parser, arena, bytes, ret_entity, err);
	return store_read_ended(reader->store, code);
}

enum err_code store_scan_trees(struct store_reader *reader, const struct narrow *narrow,
			       const struct store_tree_sight *sight, struct error *err)
{
	const struct store_backend_ops *ops = reader->store->ops;
	struct text_sight text = {.sight = sight, .err = err};
	uint64_t count;

	if (ops->scan_trees)
		return store_read_ended(reader->store, ops->scan_trees(reader->snapshot, narrow, sight, err));
	enum err_code code = ops->scan(reader->snapshot, narrow, show_tree, &text, &count, err);

	return store_read_ended(reader->store, code ? code : text.code);
}

enum err_code store_count(struct store_reader *reader, const struct narrow *narrow, uint64_t *ret_count,
			  struct error *err)
{
	return reader->store->ops->scan(reader->snapshot, narrow, NULL, NULL, ret_count, err);
}

enum err_code store_get_meta(struct store_reader *reader, struct str key, struct arena *arena, struct str *ret_value,
			     struct error *err)
{
	return reader->store->ops->get_meta(reader->snapshot, key, arena, ret_value, err);
}

enum err_code store_census(struct store_reader *reader, const struct census_question *question,
			   bool (*visit)(void *self, const struct census_row *row), void *self, struct error *err)
{
	return reader->store->ops->census(reader->snapshot, question, visit, self, err);
}
