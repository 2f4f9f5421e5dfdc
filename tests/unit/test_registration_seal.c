/* What a registration keeps secret: sealed in the database, opened for its source, kept when it comes back hidden; and
 * what becomes of it when the key is gone, is another, or somebody changed the database. */
#include "broker/sources.h"
#include "registration_util.h"

#include <stdio.h>
#include <string.h>

#define SECRET "Bearer 0123456789secret"
#define OTHER "another-9876543210"
#define INFORMATION "\"information\":[{\"entities\":[{\"type\":\"" TYPE "T\"}]}]"
#define FRAGMENT_HIDDEN "{\"contextSourceInfo\":[{\"key\":\"Authorization\",\"value\":\"***\"}]}"

static struct test_folder folder;

static const char *text_of(const char *id, const char *secret)
{
	return arena_printf(&arena,
			    "{\"id\":\"%s\",\"type\":\"ContextSourceRegistration\",\"endpoint\":\"http://h/\","
			    "\"contextSourceInfo\":[{\"key\":\"Authorization\",\"value\":\"%s\"},"
			    "{\"key\":\"X-Own\",\"value\":\"" OTHER "\"},"
			    "{\"key\":\"accept\",\"value\":\"application/json\"}]," INFORMATION "}",
			    id, secret)
		.at;
}

/* ---- what is on the disk ---- */

static bool file_has(const char *name, struct str bytes)
{
	CLEANUP_MEMORY char *path = NULL;
	CLEANUP_MEMORY char *content = malloc((size_t)64 << 20);
	size_t count = 0;

	if (!content || asprintf(&path, "%s/%s", folder.path, name) < 0)
		abort();
	FILE *file = fopen(path, "r");

	if (file) {
		count = fread(content, 1, (size_t)64 << 20, file);
		(void)fclose(file);
	}
	return memmem(content, count, bytes.at, bytes.len) != NULL;
}

static bool disk_has(struct str bytes)
{
	return file_has("machi.db", bytes) || file_has("machi.db-wal", bytes);
}

static void move_key(const char *from, const char *to)
{
	CLEANUP_MEMORY char *old = NULL;
	CLEANUP_MEMORY char *new = NULL;

	if (asprintf(&old, "%s/%s", folder.path, from) < 0 || asprintf(&new, "%s/%s", folder.path, to) < 0)
		abort();
	CHECK(rename(old, new) == 0);
}

/* ---- what the source gets ---- */

static struct source_list sources(void)
{
	const struct source_question question = {.operation = SOURCE_QUERY_ENTITY};
	struct source_list list = {.at = NULL};

	CHECK_OK(broker_sources(reader, STR_NONE, &question, &arena, &list, &err), &err);
	return list;
}

/* NULL: it cannot be used. */
static const char *sent(void)
{
	struct source_list list = sources();
	const char *result = NULL;

	CHECK(list.count == 1);
	if (list.count == 1 && source_begin(list.at[0], 0, &err) == ERR_OK)
		result = arena_dup(&arena, source_info_value(list.at[0], STR("Authorization"))).at;
	sources_release(&list);
	return result;
}

static const char *shown(const char *id)
{
	const struct registration_show show = {.context = broker_core_context(broker)};
	struct registration_look look = {.document = NULL};
	struct buf out;

	buf_init(&out, 1u << 20);
	CHECK_OK(broker_registration_get(reader, STR_NONE, str_from(id), &arena, &look, &err), &err);
	CHECK_OK(registration_represent(&out, &arena, look.document, show.context, &look.state, &show, &err), &err);
	const char *text = arena_dup(&arena, buf_str(&out)).at;

	buf_done(&out);
	return text;
}

static void begin_again(void)
{
	city_end();
	city_begin(folder.path, 0);
}

/* ---- promises ---- */

static void secrets_are_sealed_on_the_disk(void)
{
	folder_make(&folder);
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	CHECK(!disk_has(STR(SECRET)) && !disk_has(STR(OTHER)) && disk_has(STR("urn:r:1")));
	CHECK(strcmp(sent(), SECRET) == 0);
	begin_again();
	CHECK(!disk_has(STR(SECRET)) && !disk_has(STR(OTHER)) && disk_has(STR("urn:r:1")));
	CHECK(complaints == 0 && strcmp(sent(), SECRET) == 0);
	const char *text = shown("urn:r:1");

	CHECK(!strstr(text, SECRET) && strstr(text, "***") && !strstr(text, "sealed"));
	CHECK(strstr(text, OTHER) && strstr(text, "application/json")); /* a header of one's own is shown */
	city_end();
	folder_remove(&folder);
}

static void what_comes_back_hidden_is_kept(void)
{
	city_begin(NULL, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", "***")) == ERR_OK); /* the API refuses it */
	CHECK(submit(REGISTRATION_DELETE, "urn:r:1", NULL) == ERR_OK);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", "{\"description\":\"x\"}") == ERR_OK);
	CHECK(strcmp(sent(), SECRET) == 0);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1",
		     "{\"contextSourceInfo\":[{\"key\":\"X-Own\",\"value\":\"1\"},"
		     "{\"key\":\"Authorization\",\"value\":\"***\"}]}") == ERR_OK);
	CHECK(strcmp(sent(), SECRET) == 0 && !strstr(shown("urn:r:1"), OTHER));
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1",
		     "{\"contextSourceInfo\":[{\"key\":\"X-New-Token\",\"value\":\"***\"}]}") == ERR_INVALID);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1",
		     "{\"contextSourceInfo\":[{\"key\":\"Authorization\",\"value\":\"new\",\"sealed\":\"1.x\"}]}") ==
	      ERR_OK);
	CHECK(strcmp(sent(), "new") == 0);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", "{\"contextSourceInfo\":null}") == ERR_OK);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", FRAGMENT_HIDDEN) == ERR_INVALID);
	city_end();
}

/* The registration stays, its source cannot be used, and nothing is lost until the key is back. */
static void without_the_key_nothing_is_lost(void)
{
	folder_make(&folder);
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	city_end();
	move_key("secret.key", "elsewhere");
	city_begin(folder.path, 0);
	CHECK(complaints == 1 && strstr(complaint.detail, "urn:r:1") && strstr(complaint.detail, "secret.key"));
	CHECK(!sent() && err.code == ERR_DENIED);
	CHECK(strstr(shown("urn:r:1"), "***") && !strstr(shown("urn:r:1"), "sealed"));
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", "{\"description\":\"x\"}") == ERR_OK);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1", FRAGMENT_HIDDEN) == ERR_OK);
	CHECK(!sent());
	CHECK(submit(REGISTRATION_CREATE, "urn:r:2", text_of("urn:r:2", SECRET)) == ERR_IO);
	CHECK(!file_has("secret.key", STR("#")));
	city_end();
	move_key("elsewhere", "secret.key");
	city_begin(folder.path, 0);
	CHECK(complaints == 0 && strcmp(sent(), SECRET) == 0);
	city_end();
	folder_remove(&folder);
}

static void another_key_opens_nothing_and_new_secrets_heal(void)
{
	folder_make(&folder);
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	city_end();
	move_key("secret.key", "old");
	struct test_folder mine = folder;

	folder_make(&folder);
	city_begin(folder.path, 0); /* another city's key */
	CHECK(submit(REGISTRATION_CREATE, "urn:r:9", text_of("urn:r:9", SECRET)) == ERR_OK);
	city_end();
	CLEANUP_MEMORY char *from = NULL;
	CLEANUP_MEMORY char *to = NULL;

	if (asprintf(&from, "%s/secret.key", folder.path) < 0 || asprintf(&to, "%s/secret.key", mine.path) < 0)
		abort();
	CHECK(rename(from, to) == 0);
	folder_remove(&folder);
	folder = mine;
	city_begin(folder.path, 0);
	CHECK(complaints == 1 && strstr(complaint.detail, "urn:r:1") && !sent());
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:1",
		     "{\"contextSourceInfo\":[{\"key\":\"Authorization\",\"value\":\"new\"}]}") == ERR_OK);
	CHECK(strcmp(sent(), "new") == 0);
	begin_again();
	CHECK(complaints == 0 && strcmp(sent(), "new") == 0);
	city_end();
	folder_remove(&folder);
}

/* ---- who can write to the database ---- */

static struct str record_of(const char *id)
{
	struct store_reader *records = NULL;
	struct str text = STR_NONE;

	CHECK_OK(store_reader_new(store, &records, &err), &err);
	CHECK_OK(store_record_get(records, STR("registration"), str_from(id), &arena, &text, &err), &err);
	(void)store_reader_free(records);
	return text;
}

struct put {
	const char *id;
	struct str text;
};

static enum err_code put_body(struct store_txn *txn, void *self, struct error *why)
{
	const struct put *put = self;

	return store_txn_record_put(txn, STR("registration"), str_from(put->id), put->text, why);
}

static void put_record(const char *id, struct str text)
{
	struct put put = {id, text};

	CHECK_OK(apply(store, put_body, &put, &err), &err);
}

static struct str sealed_in(struct str record, size_t *ret_at)
{
	const char *at = memmem(record.at, record.len, "\"sealed\":\"", 10);

	if (!at)
		return STR_NONE;
	*ret_at = (size_t)(at + 10 - record.at);
	struct str rest = str_part(record, *ret_at, record.len), text;

	(void)str_next(&rest, '"', &text);
	return text;
}

/* The secret of one registration in the place of another's, as who wants it sent to himself would do. */
static void a_secret_cannot_be_put_elsewhere(void)
{
	size_t at = 0, to = 0;

	folder_make(&folder);
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:2", text_of("urn:r:2", "mine")) == ERR_OK);
	struct str stolen = sealed_in(record_of("urn:r:1"), &at), record = record_of("urn:r:2");
	struct str own = sealed_in(record, &to);

	CHECK(stolen.len > 0 && own.len > 0);
	put_record("urn:r:2",
		   arena_printf(&arena, "%.*s%.*s%s", (int)to, record.at, STR_FMT(stolen), record.at + to + own.len));
	CHECK(submit(REGISTRATION_DELETE, "urn:r:1", NULL) == ERR_OK);
	begin_again();
	CHECK(complaints == 1 && strstr(complaint.detail, "urn:r:2") && !sent());
	city_end();
	folder_remove(&folder);
}

/* ---- before there were seals ---- */

static void plain_records_are_sealed_when_they_are_read(void)
{
	enum { MANY = 200 };

	folder_make(&folder);
	city_begin(folder.path, 0);
	for (int i = 0; i < MANY; i++) {
		const char *id = arena_printf(&arena, "urn:r:%d", i).at;

		put_record(id, arena_printf(&arena, "{\"createdAt\":1,\"modifiedAt\":2,\"document\":%s}",
					    text_of(id, SECRET)));
	}
	CHECK(disk_has(STR(SECRET)));
	begin_again();
	city_end(); /* what the log held is in the database now */
	CHECK(!disk_has(STR(SECRET)) && disk_has(STR("urn:r:7")));
	city_begin(folder.path, 0);
	struct source_list list = sources();

	CHECK(complaints == 0 && list.count == MANY);
	for (size_t i = 0; i < list.count; i++)
		CHECK_STR(source_info_value(list.at[i], STR("Authorization")), STR(SECRET));
	sources_release(&list);
	city_end();
	folder_remove(&folder);
}

/* A key above the old one takes over. */
static void a_new_key_takes_over(void)
{
	static const char ones[] = "1111111111111111111111111111111111111111111111111111111111111111";
	CLEANUP_MEMORY char *path = NULL;
	char old[4096] = "";
	size_t at = 0;

	folder_make(&folder);
	if (asprintf(&path, "%s/secret.key", folder.path) < 0)
		abort();
	city_begin(folder.path, 0);
	CHECK(submit(REGISTRATION_CREATE, "urn:r:1", text_of("urn:r:1", SECRET)) == ERR_OK);
	struct str before = sealed_in(record_of("urn:r:1"), &at);

	city_end();
	FILE *file = fopen(path, "r+");

	CHECK(file && fread(old, 1, sizeof(old) - 1, file) > 0);
	rewind(file);
	CHECK(fprintf(file, "%s\n%s", ones, old) > 0 && fclose(file) == 0);
	city_begin(folder.path, 0);
	struct str after = sealed_in(record_of("urn:r:1"), &at);

	CHECK(!str_eq(str_part(before, 0, 18), str_part(after, 0, 18))); /* another key's id */
	city_end();
	file = fopen(path, "w");
	CHECK(file && fprintf(file, "%s\n", ones) > 0 && fclose(file) == 0);
	city_begin(folder.path, 0);
	CHECK(complaints == 0 && strcmp(sent(), SECRET) == 0);
	city_end();
	folder_remove(&folder);
}

int main(void)
{
	cases_begin();
	RUN(secrets_are_sealed_on_the_disk);
	RUN(what_comes_back_hidden_is_kept);
	RUN(without_the_key_nothing_is_lost);
	RUN(another_key_opens_nothing_and_new_secrets_heal);
	RUN(a_secret_cannot_be_put_elsewhere);
	RUN(plain_records_are_sealed_when_they_are_read);
	RUN(a_new_key_takes_over);
	return cases_end();
}
