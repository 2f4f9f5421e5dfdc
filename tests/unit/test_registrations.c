/* Registrations in the broker: what is claimed is claimed once, also within one transaction; what has expired is
 * hidden at once and removed; a restart knows them all. Matching is tested in test_registration.c. */
#include "folder_util.h"
#include "registration_util.h"

#include <time.h>

#define WAIT_MS 20000

static enum err_code get(const char *id)
{
	struct registration_look look;

	return broker_registration_get(reader, STR_NONE, str_from(id), &arena, &look, &err);
}

/* How many can say something about attribute n. */
static uint64_t found(void)
{
	const struct str attributes[] = {STR(TYPE "n")};
	struct registration_question question = {.attribute_iris = attributes, .attribute_count = 1};
	struct registration_look *looks = NULL;
	size_t count = 0;
	uint64_t total = 0;

	CHECK_OK(broker_registration_query(reader, STR_NONE, &question, 0, 100, &arena, &looks, &count, &total, &err),
		 &err);
	CHECK(count == total);
	return total;
}

static bool has_record(const char *id)
{
	struct store_reader *records = NULL;
	struct str text;

	CHECK_OK(store_reader_new(store, &records, &err), &err);
	enum err_code code = store_record_get(records, STR("registration"), str_from(id), &arena, &text, &err);

	(void)store_reader_free(records);
	return code == ERR_OK;
}

/* ---- promises ---- */

static void they_are_there_after_a_restart(void)
{
	struct test_folder folder;

	folder_make(&folder);
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", document("urn:r:1", "")) == ERR_OK);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:2", document("urn:r:2", "")) == ERR_OK);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", document("urn:r:1", "")) == ERR_EXISTS);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:2", "{\"description\":\"x\"}") == ERR_OK);
	CHECK(submit(REGISTRATION_DELETE, "urn:r:1", NULL) == ERR_OK);
	CHECK(submit(REGISTRATION_DELETE, "urn:r:1", NULL) == ERR_NOT_FOUND);
	city_end();
	city_begin(folder.path, 0);
	CHECK(get("urn:r:1") == ERR_NOT_FOUND && get("urn:r:2") == ERR_OK && found() == 1);
	city_end();
	folder_remove(&folder);
}

static const char *claiming(const char *id, const char *names)
{
	return arena_printf(&arena,
			    "{\"id\":\"%s\",\"type\":\"ContextSourceRegistration\",\"endpoint\":\"http://h/\",\"mode\":"
			    "\"exclusive\",\"information\":[{\"entities\":[{\"id\":\"urn:e\",\"type\":\"" TYPE
			    "T\"}],\"propertyNames\":[%s]}]}",
			    id, names)
		.at;
}

/* What is refused stands in nobody's way, also in its own transaction. */
static void what_is_refused_claims_nothing(void)
{
	struct waiting writes[2];
	struct queued first;
	struct gate gate;

	city_begin(NULL, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", claiming("urn:r:1", "\"" TYPE "a\"")) == ERR_OK);
	gate_shut(store, &gate, &first);
	begin(&writes[0], REGISTRATION_CREATE, "urn:r:2", claiming("urn:r:2", "\"" TYPE "a\",\"" TYPE "b\""));
	begin(&writes[1], REGISTRATION_CREATE, "urn:r:3", claiming("urn:r:3", "\"" TYPE "b\""));
	gate_open(&gate, 1);
	CHECK(finish(&writes[0]) == ERR_CONFLICT && finish(&writes[1]) == ERR_OK);
	city_end();
}

/* Several in one transaction: of those that claim the same the first has it, of one id the last counts. */
static void one_transaction_claims_once(void)
{
	struct waiting writes[5];
	struct queued first;
	struct gate gate;

	city_begin(NULL, 0);
	gate_shut(store, &gate, &first);
	begin(&writes[0], REGISTRATION_CREATE, "urn:r:1", document("urn:r:1", "\"mode\":\"exclusive\","));
	begin(&writes[1], REGISTRATION_CREATE, "urn:r:2", document("urn:r:2", "\"mode\":\"exclusive\","));
	begin(&writes[2], REGISTRATION_CREATE, "urn:r:3", document("urn:r:3", ""));
	begin(&writes[3], REGISTRATION_CREATE, "urn:r:3", document("urn:r:3", ""));
	begin(&writes[4], REGISTRATION_DELETE, "urn:r:3", NULL);
	CHECK(found() == 0);
	gate_open(&gate, 1);
	CHECK(finish(&writes[0]) == ERR_OK && finish(&writes[1]) == ERR_CONFLICT);
	CHECK(finish(&writes[2]) == ERR_OK && finish(&writes[3]) == ERR_EXISTS && finish(&writes[4]) == ERR_OK);
	CHECK(get("urn:r:1") == ERR_OK && get("urn:r:2") == ERR_NOT_FOUND && get("urn:r:3") == ERR_NOT_FOUND);
	CHECK(found() == 1);
	city_end();
}

static void what_has_expired_is_hidden_and_removed(void)
{
	city_begin(NULL, 20);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1",
		     document("urn:r:1", "\"mode\":\"exclusive\",\"expiresAt\":\"2027-01-01T00:00:00Z\",")) == ERR_OK);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:2", document("urn:r:2", "\"mode\":\"exclusive\",")) == ERR_CONFLICT);
	CHECK(found() == 1 && has_record("urn:r:1"));
	atomic_store(&now_us, INT64_C(1798761600) * US_PER_S); /* 2027-01-01T00:00:00Z */
	CHECK(found() == 0 && get("urn:r:1") == ERR_NOT_FOUND);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", "{\"description\":\"x\"}") == ERR_NOT_FOUND);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:2", document("urn:r:2", "\"mode\":\"exclusive\",")) == ERR_OK);
	for (int i = 0; i < WAIT_MS / 10 && has_record("urn:r:1"); i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	CHECK(!has_record("urn:r:1") && has_record("urn:r:2") && found() == 1);
	city_end();
}

int main(void)
{
	cases_begin();
	RUN(they_are_there_after_a_restart);
	RUN(one_transaction_claims_once);
	RUN(what_is_refused_claims_nothing);
	RUN(what_has_expired_is_hidden_and_removed);
	return cases_end();
}
