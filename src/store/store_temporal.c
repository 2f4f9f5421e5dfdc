/* Calls about temporal evolution into the kind of store, as store_call.c does for the current state. */
#include "store/overlay_int.h"

#include <assert.h>

/* ---- inside a transaction ---- */

enum err_code store_txn_subject_add(struct store_txn *txn, struct str id, const struct str *types, size_t type_count,
				    bool *ret_created, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_subject_add(txn->store->backend, txn, id, types, type_count, ret_created, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_subject_has(struct store_txn *txn, struct str id, bool *ret_has, struct error *err)
{
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	return store_txn_read(txn, txn->store->ops->txn_subject_has(txn->store->backend, id, ret_has, err), err);
}

enum err_code store_txn_subject_delete(struct store_txn *txn, struct str id, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_subject_delete(txn->store->backend, txn, id, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_series_delete(struct store_txn *txn, struct str id, struct str attribute_iri,
				      struct str dataset_id, bool all, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_series_delete(txn->store->backend, txn, id, attribute_iri, dataset_id, all, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_instance_replace(struct store_txn *txn, struct str id, struct str attribute_iri, int64_t number,
					 const struct json *instance, int64_t now_us, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_instance_replace(txn->store->backend, txn, id, attribute_iri, number, instance,
						     now_us, &local);
	return store_txn_change(txn, code, &local, err);
}

/* ---- bulk ---- */

static enum err_code no_bulk(struct error *err)
{
	return err_set(err, ERR_UNSUPPORTED, "a store in memory takes no bulk");
}

enum err_code store_txn_bulk_subjects(struct store_txn *txn, struct store_bulk_subject *subjects, size_t count,
				      int64_t *ret_generation, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	if (!txn->store->ops->txn_bulk_subjects)
		return no_bulk(err);
	code = txn->store->ops->txn_bulk_subjects(txn->store->backend, txn, subjects, count, ret_generation, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_bulk_name(struct store_txn *txn, struct str attribute_iri, int64_t *ret_number,
				  struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	if (!txn->store->ops->txn_bulk_name)
		return no_bulk(err);
	code = txn->store->ops->txn_bulk_name(txn->store->backend, txn, attribute_iri, ret_number, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_bulk(struct store_txn *txn, struct store_bulk *bulk, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_bulk(txn->store->backend, txn, bulk, &local);
	return store_txn_change(txn, code, &local, err);
}

/* ---- reading ---- */

enum err_code store_series_read(struct store_reader *reader, struct str id, struct str attribute_iri,
				struct str dataset_id, const struct store_window *window, bool latest,
				uint32_t count_max, struct arena *arena, struct store_instances *ret, struct error *err)
{
	const struct overlay_subject *over = overlay_find(reader->overlay, id);

	if (over)
		return overlay_series_read(over, attribute_iri, dataset_id, window, latest, count_max, arena, ret, err);
	enum err_code code = reader->store->ops->series_read(reader->snapshot, id, attribute_iri, dataset_id, window,
							     latest, count_max, arena, ret, err);

	return store_read_ended(reader->store, code);
}

enum err_code store_series_sums(struct store_reader *reader, struct str id, struct str attribute_iri,
				struct str dataset_id, enum store_time by, const int64_t *edges, size_t count,
				struct arena *arena, struct series_sums *ret_sums, struct error *err)
{
	const struct overlay_subject *over = overlay_find(reader->overlay, id);
	bool *cut = arena_array(arena, bool, count);

	assert(count >= 2);
	if (!cut)
		return err_set(err, ERR_MEMORY, "no memory for periods");
	for (size_t i = 0; i + 1 < count; i++) {
		series_sums_clear(&ret_sums[i], arena);
		cut[i] = false;
	}
	if (over)
		return overlay_series_sums(over, attribute_iri, dataset_id, by, edges, count, ret_sums, err);
	enum err_code code = reader->store->ops->series_sums(reader->snapshot, id, attribute_iri, dataset_id, by, edges,
							     count, ret_sums, cut, err);

	for (size_t i = 0; i + 1 < count; i++)
		if (cut[i])
			series_sums_clear(&ret_sums[i], arena);
	return store_read_ended(reader->store, code);
}

enum err_code store_series_kept(struct store_reader *reader, struct str id, struct str attribute_iri,
				struct str dataset_id, int64_t from_us, int64_t to_us, struct store_span *ret_span,
				struct error *err)
{
	*ret_span = (struct store_span){.any = false};
	if (overlay_find(reader->overlay, id))
		return ERR_OK;
	enum err_code code = reader->store->ops->series_kept(reader->snapshot, id, attribute_iri, dataset_id, from_us,
							     to_us, ret_span, err);

	return store_read_ended(reader->store, code);
}

enum err_code store_series_list(struct store_reader *reader, struct str id, struct arena *arena,
				const struct store_series **ret_series, size_t *ret_count, struct error *err)
{
	const struct overlay_subject *over = overlay_find(reader->overlay, id);

	if (over)
		return overlay_series_list(over, arena, ret_series, ret_count, err);
	enum err_code code = reader->store->ops->series_list(reader->snapshot, id, arena, ret_series, ret_count, err);

	return store_read_ended(reader->store, code);
}

enum err_code store_subject_get(struct store_reader *reader, struct str id, struct arena *arena,
				struct store_subject *ret, struct error *err)
{
	const struct overlay_subject *over = overlay_find(reader->overlay, id);

	if (over) {
		overlay_subject_get(over, ret);
		return ERR_OK;
	}
	return reader->store->ops->subject_get(reader->snapshot, id, arena, ret, err);
}

enum err_code store_subject_each(struct store_reader *reader, const struct narrow *narrow, int64_t after,
				 bool (*visit)(void *self, int64_t number, const struct store_subject *subject),
				 void *self, struct error *err)
{
	if (reader->overlay)
		return overlay_subject_each(reader, narrow, after, visit, self, err);
	return reader->store->ops->subject_each(reader->snapshot, narrow, after, visit, self, err);
}

/* ---- the history as texts ---- */

static enum err_code show(struct arena *arena, const struct store_instance *instance, int64_t at_us,
			  bool (*visit)(void *self, int64_t at_us, enum change_kind kind, struct str bytes), void *self,
			  bool *ret_more, struct error *err)
{
	const struct json *document = store_instance_document(arena, instance);
	struct buf text;

	if (!document)
		return err_set(err, ERR_MEMORY, "no memory for history");
	buf_init(&text, STORE_DOCUMENT_BYTES_MAX);
	json_write(&text, document);
	enum err_code code = buf_check(&text, "history", err);

	if (code == ERR_OK)
		*ret_more = visit(self, at_us, instance->shape->kind, buf_str(&text));
	buf_done(&text);
	return code;
}

enum err_code store_history(struct store_reader *reader, struct str id, struct str attribute_iri, struct str dataset_id,
			    int64_t from_us, int64_t to_us,
			    bool (*visit)(void *self, int64_t at_us, enum change_kind kind, struct str bytes),
			    void *self, struct error *err)
{
	/* In the order of observation, or else of the change. */
	const struct store_window window = {.by = STORE_OBSERVED_AT, .all = true};
	struct store_instances instances = {0};
	struct arena arena;
	bool more = true;

	arena_init(&arena, STORE_TXN_ARENA_BYTES_MAX);
	enum err_code code = store_series_read(reader, id, attribute_iri, dataset_id, &window, false, UINT32_MAX,
					       &arena, &instances, err);

	for (size_t i = 0; code == ERR_OK && more && i < instances.count; i++) {
		const struct store_instance *instance = &instances.at[i];
		int64_t at_us;

		(void)store_window_at_us(&window, instance, &at_us);
		if (at_us >= from_us && at_us <= to_us)
			code = show(&arena, instance, at_us, visit, self, &more, err);
	}
	arena_done(&arena);
	return code;
}
