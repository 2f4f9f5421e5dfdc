/* What the tests of the store share: a folder that goes away, writes made of a function, documents from text. */
#ifndef MACHI_TESTS_STORE_UTIL_H
#define MACHI_TESTS_STORE_UTIL_H

#include "base/cleanup.h"
#include "base/time_value.h"
#include "check.h"
#include "store/store.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NAME_IRI "https://example.org/name"
#define SPEED_IRI "https://example.org/speed"
#define NOTE_IRI "https://example.org/note"
#define LOCATION_IRI "https://uri.etsi.org/ngsi-ld/location"
#define BUS_IRI "https://example.org/Bus"
#define STOP_IRI "https://example.org/Stop"

struct test_folder {
	char path[64];
	char file[96]; /* path of a database in it */
};

#define MEMORY_FOLDER_BYTES_MIN ((uint64_t)1 << 30)

/* In memory where there is room: these tests sync a lot, and none depends on a disk that really does. */
static inline void folder_make(struct test_folder *folder)
{
	struct statvfs shm;
	bool memory = statvfs("/dev/shm", &shm) == 0 && access("/dev/shm", W_OK) == 0 &&
		      (uint64_t)shm.f_bavail * shm.f_frsize >= MEMORY_FOLDER_BYTES_MIN;

	(void)snprintf(folder->path, sizeof(folder->path), "%s/machi-test-XXXXXX", memory ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder->path))
		abort();
	(void)snprintf(folder->file, sizeof(folder->file), "%s/city.db", folder->path);
}

static inline void folder_remove(const struct test_folder *folder)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;
	char name[400];

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder->path, entry->d_name);
		(void)unlink(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(folder->path);
}

/* A write whose run() is a function of two arguments. */
struct test_write {
	struct store_write write; /* first */
	enum err_code (*body)(struct store_txn *txn, void *self, struct error *err);
	void *self;
	int runs;
};

static inline enum err_code test_run(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct test_write *test = (struct test_write *)write;

	test->runs++;
	return test->body(txn, test->self, err);
}

static inline enum err_code apply(struct store *store,
				  enum err_code (*body)(struct store_txn *txn, void *self, struct error *err),
				  void *self, struct error *err)
{
	struct test_write test = {.write = {.run = test_run}, .body = body, .self = self};

	return store_apply(store, &test.write, err);
}

static inline struct json *txn_parse(struct store_txn *txn, const char *text)
{
	struct json *json = NULL;
	struct error err = {0};

	if (json_parse(store_txn_parser(txn), store_txn_arena(txn), str_from(text), NULL, &json, &err) != ERR_OK) {
		printf("# %s in %s\n", err.detail, text);
		abort();
	}
	return json;
}

/* Stores the document in place of what has its id. */
static inline enum err_code txn_upsert(struct store_txn *txn, const char *text, struct error *err)
{
	struct json *entity = txn_parse(txn, text), *before = NULL;
	enum err_code code = store_txn_get(txn, document_id(entity), &before, NULL);

	if (code && code != ERR_NOT_FOUND)
		return code;
	return store_txn_put(txn, before, entity, err);
}

static inline enum err_code upsert_body(struct store_txn *txn, void *self, struct error *err)
{
	return txn_upsert(txn, self, err);
}

static inline enum err_code upsert(struct store *store, const char *text, struct error *err)
{
	return apply(store, upsert_body, (void *)(uintptr_t)text, err);
}

static inline enum err_code remove_body(struct store_txn *txn, void *self, struct error *err)
{
	struct json *before;
	enum err_code code = store_txn_get(txn, str_from(self), &before, err);

	return code ? code : store_txn_delete(txn, before, err);
}

static inline enum err_code remove_entity(struct store *store, const char *id, struct error *err)
{
	return apply(store, remove_body, (void *)(uintptr_t)id, err);
}

/* The ids that a scan visits, joined by spaces: "urn:a urn:b". */
struct id_list {
	char text[4096];
	size_t len, stop_after, count;
};

static inline bool list_id(void *self, struct str bytes)
{
	struct id_list *list = self;
	struct json_parser *parser = json_parser_new();
	struct arena arena;
	struct json *entity = NULL;

	arena_init(&arena, 1 << 24);
	if (json_parse(parser, &arena, bytes, NULL, &entity, NULL) == ERR_OK) {
		struct str id = document_id(entity);

		list->len += (size_t)snprintf(list->text + list->len, sizeof(list->text) - list->len, "%s%.*s",
					      list->len ? " " : "", STR_FMT(id));
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	return ++list->count != list->stop_after;
}

static inline struct str scan_ids(struct store_reader *reader, const struct narrow *narrow, struct id_list *list)
{
	struct error err = {0};

	*list = (struct id_list){.len = 0};
	CHECK_OK(store_scan(reader, narrow, list_id, list, &err), &err);
	return (struct str){list->text, list->len};
}

static inline struct store *open_kind(bool sqlite, const struct test_folder *folder)
{
	struct store *store = NULL;
	struct error err = {0};

	if (sqlite)
		CHECK_OK(store_sqlite_open(&(struct store_options){.path = folder->file, .create = true}, &store, &err),
			 &err);
	else
		CHECK_OK(store_memory_open(&store, &err), &err);
	if (!store)
		abort();
	return store;
}

static inline void print_finding(void *self, const char *finding)
{
	(void)self;
	printf("# finding: %s\n", finding);
}

/* The database has nothing wrong with it. */
static inline void check_clean(const char *path)
{
	uint64_t findings = 1;
	struct error err = {0};

	CHECK_OK(store_sqlite_check(path, print_finding, NULL, &findings, &err), &err);
	CHECK(findings == 0);
}

#endif
