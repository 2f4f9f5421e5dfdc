/* The id of a tenant's database: made once, at random, and kept among the store's marks. */
#include "broker/identity.h"

#include "broker/broker_int.h"
#include "broker/random_id.h"

#include <string.h>

#define META_IDENTITY "broker.identity"
#define SCRATCH_BYTES_MAX 4096

struct identity_write {
	struct store_write write; /* first */
	char uuid[RANDOM_UUID_BYTES];
};

static enum err_code set_identity(struct store_write *write, struct store_txn *txn, struct error *err)
{
	return store_txn_set_meta(txn, STR(META_IDENTITY), str_from(((struct identity_write *)write)->uuid), err);
}

static enum err_code has_identity(struct store *store, bool *ret_has, struct error *err)
{
	struct store_reader *reader;
	struct str uuid;
	struct arena arena;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code)
		return code;
	arena_init(&arena, SCRATCH_BYTES_MAX);
	code = store_get_meta(reader, STR(META_IDENTITY), &arena, &uuid, err);
	if (code == ERR_OK)
		*ret_has = uuid.len > 0;
	arena_done(&arena);
	(void)store_reader_free(reader);
	return code;
}

enum err_code identity_renew(struct store *store, struct error *err)
{
	struct identity_write write = {.write = {.run = set_identity}};
	enum err_code code = random_uuid(write.uuid, err);

	return code ? code : store_apply(store, &write.write, err);
}

enum err_code identity_ensure(struct store *store, struct error *err)
{
	bool has;
	enum err_code code = has_identity(store, &has, err);

	return code || has ? code : identity_renew(store, err);
}

enum err_code identity_of_store(struct store_reader *reader, struct arena *arena, struct str *ret_uuid,
				struct error *err)
{
	struct str uuid;
	enum err_code code = store_get_meta(reader, STR(META_IDENTITY), arena, &uuid, err);

	if (code)
		return code;
	if (uuid.len == 0)
		return err_set(err, ERR_NOT_FOUND, "this database has no identity: it was never open for writing");
	*ret_uuid = uuid;
	return ERR_OK;
}

enum err_code broker_identity(struct broker_reader *reader, struct str tenant, struct arena *arena,
			      struct str *ret_uuid, struct error *err)
{
	struct store_reader *store_reader;
	enum err_code code = store_reader_of(reader, tenant, &store_reader, err);

	return code ? code : identity_of_store(store_reader, arena, ret_uuid, err);
}
