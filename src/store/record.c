/* Named records beside the entities: the calls, for every kind of store. */
#include "store/store_int.h"

#include <assert.h>

static enum err_code check_name(struct str kind, struct str id, struct error *err)
{
	if (kind.len == 0 || id.len == 0)
		return err_set(err, ERR_INVALID, "a record needs a kind and an id");
	if (kind.len > STORE_RECORD_NAME_BYTES_MAX || id.len > STORE_RECORD_NAME_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a record's kind or id is longer than %d bytes",
			       STORE_RECORD_NAME_BYTES_MAX);
	return ERR_OK;
}

enum err_code store_txn_record_put(struct store_txn *txn, struct str kind, struct str id, struct str doc,
				   struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code == ERR_OK)
		code = check_name(kind, id, err);
	if (code == ERR_OK && doc.len > STORE_DOCUMENT_BYTES_MAX)
		code = err_set(err, ERR_LIMIT, "the record %.*s has more than %zu bytes", STR_FMT(id),
			       STORE_DOCUMENT_BYTES_MAX);
	if (code)
		return code;
	code = txn->store->ops->txn_record_put(txn->store->backend, txn, kind, id, doc, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_record_delete(struct store_txn *txn, struct str kind, struct str id, struct error *err)
{
	struct error local = {0};
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_record_delete(txn->store->backend, txn, kind, id, &local);
	return store_txn_change(txn, code, &local, err);
}

enum err_code store_txn_record_get(struct store_txn *txn, struct str kind, struct str id, struct str *ret_doc,
				   struct error *err)
{
	enum err_code code = store_txn_check(txn, err);

	if (code)
		return code;
	code = txn->store->ops->txn_record_get(txn->store->backend, txn, kind, id, ret_doc, err);
	return store_txn_read(txn, code, err);
}

enum err_code store_record_get(struct store_reader *reader, struct str kind, struct str id, struct arena *arena,
			       struct str *ret_doc, struct error *err)
{
	return reader->store->ops->record_get(reader->snapshot, kind, id, arena, ret_doc, err);
}

enum err_code store_record_each(struct store_reader *reader, struct str kind, struct str after,
				bool (*visit)(void *self, struct str id, struct str doc), void *self, struct error *err)
{
	assert(visit);
	return reader->store->ops->record_each(reader->snapshot, kind, after, visit, self, err);
}
