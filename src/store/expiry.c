/* What expires: the calls, for every kind of store. */
#include "store/expiry.h"
#include "store/store_int.h"

#include <assert.h>

enum err_code store_next_expiry(struct store_reader *reader, int64_t *ret_us, struct error *err)
{
	return reader->store->ops->next_expiry(reader->snapshot, ret_us, err);
}

enum err_code store_txn_each_expired(struct store_txn *txn, int64_t now_us, uint32_t count_max,
				     bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	enum err_code code = store_txn_check(txn, err);

	assert(visit);
	if (code)
		return code;
	code = txn->store->ops->txn_each_expired(txn->store->backend, now_us, count_max, visit, self, err);
	return store_txn_read(txn, code, err);
}
