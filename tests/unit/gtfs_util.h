/* What the tests of GTFS share: a broker on a folder that goes away, a copy of the tiny feed that may be changed. */
#ifndef MACHI_TESTS_GTFS_UTIL_H
#define MACHI_TESTS_GTFS_UTIL_H

#include "base/cleanup.h"
#include "broker/broker.h"
#include "check.h"
#include "feed/gtfs_import.h"
#include "folder_util.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct gtfs_test {
	char folder[64]; /* the databases */
	char feed[80]; /* the feed's files */
	struct broker *broker;
	struct store *store;
	struct broker_reader *reader;
	struct arena arena;
};

/* tests/data and data lie below it. */
static inline const char *source_root(void)
{
	const char *root = getenv("TEST_SOURCE_ROOT");

	return root ? root : ".";
}

static inline void write_file(const char *folder, const char *name, struct str text)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP_FILE FILE *file = fopen(path, "wb");

	if (!file || fwrite(text.at, 1, text.len, file) != text.len)
		abort();
}

/* The text of a file in the feed's folder; in the buffer. */
static inline struct str read_file(const char *folder, const char *name, struct buf *buf)
{
	char path[512], chunk[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP_FILE FILE *file = fopen(path, "rb");

	if (!file) {
		printf("# %s cannot be opened\n", path);
		abort();
	}
	for (size_t got; (got = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		buf_put(buf, (struct str){chunk, got});
	return buf_str(buf);
}

/* Replaces the first occurrence of one text in a file of the feed by another. */
static inline void edit_file(const char *folder, const char *name, const char *from, const char *to)
{
	struct buf buf, changed;

	buf_init(&buf, 1u << 20);
	buf_init(&changed, 1u << 20);
	struct str text = read_file(folder, name, &buf);
	const char *at = memmem(text.at, text.len, from, strlen(from));

	if (CHECK(at)) {
		buf_put(&changed, (struct str){text.at, (size_t)(at - text.at)});
		buf_put(&changed, str_from(to));
		buf_put(&changed, (struct str){at + strlen(from), text.len - (size_t)(at - text.at) - strlen(from)});
		write_file(folder, name, buf_str(&changed));
	}
	buf_done(&buf);
	buf_done(&changed);
}

static inline void copy_tiny_feed(const char *to)
{
	char from[400];

	(void)snprintf(from, sizeof(from), "%s/tests/data/gtfs-tiny", source_root());
	DIR *dir = opendir(from);

	if (!dir) {
		printf("# %s cannot be opened\n", from);
		abort();
	}
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		struct buf buf;

		if (entry->d_name[0] == '.')
			continue;
		buf_init(&buf, 1u << 20);
		write_file(to, entry->d_name, read_file(from, entry->d_name, &buf));
		buf_done(&buf);
	}
	(void)closedir(dir);
}

/* clock NULL: the real one. */
static inline void gtfs_test_open(struct gtfs_test *test, int64_t (*clock)(void))
{
	struct error err = {0};

	memset(test, 0, sizeof(*test));
	(void)snprintf(test->folder, sizeof(test->folder), "/tmp/machi-test-XXXXXX");
	if (!mkdtemp(test->folder))
		abort();
	(void)snprintf(test->feed, sizeof(test->feed), "%s/feed", test->folder);
	if (mkdir(test->feed, 0700) != 0)
		abort();
	copy_tiny_feed(test->feed);
	struct broker_options options = {.data_path = test->folder, .create = true, .clock_us = clock};

	arena_init(&test->arena, (size_t)1 << 30);
	if (!CHECK_OK(broker_new(&options, &test->broker, &err), &err) ||
	    !CHECK_OK(broker_tenant(test->broker, STR_NONE, true, &test->store, &err), &err) ||
	    !CHECK_OK(broker_reader_new(test->broker, &test->reader, &err), &err))
		abort();
}

static inline void gtfs_test_close(struct gtfs_test *test)
{
	test->reader = broker_reader_free(test->reader);
	test->broker = broker_free(test->broker);
	arena_done(&test->arena);
	remove_folder(test->folder);
}

/* The report must be done with by the caller. */
static inline enum err_code import_path(struct gtfs_test *test, const char *path, const char *feed,
					struct gtfs_report *report, struct error *err)
{
	struct gtfs_import_options options = {.path = path, .feed = str_from(feed)};

	gtfs_report_init(report);
	return gtfs_import(test->broker, test->store, &options, report, err);
}

static inline uint64_t count_entities(struct gtfs_test *test)
{
	struct store_stats stats = {0};
	struct error err = {0};

	CHECK_OK(store_stats(test->store, &stats, &err), &err);
	return stats.entities;
}

#endif
