/* A table into the store. Rows are mapped as they come and wait in memory by entity, so that several rows of one entity
 * become one write of it; then one transaction takes them all. */
#include "feed/csv_import.h"

#include "base/cleanup.h"
#include "base/csv.h"
#include "base/log_line.h"
#include "base/map.h"
#include "base/nearest.h"
#include "base/time_value.h"
#include "feed/csv_series_int.h"
#include "ngsild/expand.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CHUNK_BYTES 65536u
#define REPORT_BYTES_MAX (4u << 20)
#define CONFLICTS_MAX 5u /* so often entities may go with their history while a batch of moments is made */

struct pending { /* an entity that waits for its transaction */
	struct json *body; /* as the mapping made it */
	struct json *entity; /* expanded */
	uint64_t line, rows; /* its first row, and how many */
	int64_t latest_us; /* mode series: of the body's times */
	struct broker_outcome outcome;
	struct pending *next;
};

struct import {
	struct broker *broker;
	struct store *store;
	const struct csv_import_options *options;
	struct csv_import_report *report;
	struct context *context;
	struct csv *csv;
	struct csv_series *series; /* owned; NULL unless rows are moments */
	const struct str *columns; /* the mapping's */
	size_t column_count;
	size_t places[MAPPING_COLUMNS_MAX]; /* of the mapping's columns in the file */
	size_t header_count; /* 0: the header has not come yet */
	struct arena arena; /* of the batch */
	struct map by_id;
	struct pending *first, **last;
	uint64_t pending_count;
};

struct batch_write {
	struct store_write write;
	struct import *import;
};

void csv_import_report_init(struct csv_import_report *report)
{
	*report = (struct csv_import_report){0};
	arena_init(&report->arena, REPORT_BYTES_MAX);
}

void csv_import_report_done(struct csv_import_report *report)
{
	arena_done(&report->arena);
}

void csv_import_report_write(const struct csv_import_report *report, const char *name, struct buf *out)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		buf_printf(out, "%s:%llu: skipped: ", name, (unsigned long long)report->findings[i].line);
		log_put_safe(out, report->findings[i].what); /* it may show what a stranger put into the table */
		buf_put_char(out, '\n');
	}
	if (report->skipped > report->finding_count)
		buf_printf(out, "… and %llu rows more were skipped\n",
			   (unsigned long long)(report->skipped - report->finding_count));
	buf_printf(out,
		   "%llu rows: %llu taken, %llu skipped\n%llu entities: %llu created, %llu changed, %llu unchanged\n",
		   (unsigned long long)report->rows, (unsigned long long)report->taken,
		   (unsigned long long)report->skipped, (unsigned long long)report->entities,
		   (unsigned long long)report->created, (unsigned long long)report->changed,
		   (unsigned long long)report->unchanged);
	if (report->points)
		buf_printf(out, "%llu points of history\n", (unsigned long long)report->points);
}

/* Notes that rows were left out; rows counts those of an entity that failed as a whole. */
static void skip(struct import *import, uint64_t line, uint64_t rows, const char *why)
{
	struct csv_import_report *report = import->report;
	struct str what = arena_dup(&report->arena, str_from(why));

	report->skipped += rows;
	if (report->finding_count < CSV_FINDINGS_MAX && what.at)
		report->findings[report->finding_count++] = (struct csv_finding){line, what};
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the rows of the table");
}

/* ---- storing ---- */

static enum err_code apply(struct import *import, struct store_txn *txn, struct pending *pending, struct error *err)
{
	enum mapping_mode mode = mapping_mode(import->options->mapping);
	struct broker_item item = {
		.operation = mode == MAPPING_REPLACE ? BROKER_REPLACE : BROKER_APPEND_ATTRIBUTES,
		.id = document_id(pending->entity),
		.entity = pending->entity,
		.overwrite = true,
		.create_missing = mode == MAPPING_APPEND || mode == MAPPING_SERIES,
		.newest_stays = import->series,
		.no_history = import->series || !mapping_history(import->options->mapping),
	};
	enum err_code code = broker_apply_item(import->broker, txn, &item, store_txn_arena(txn), err);

	pending->outcome = item.outcome;
	pending->outcome.refusals = NULL; /* they lie in the transaction's scratch */
	return code;
}

static enum err_code run(struct store_write *write, struct store_txn *txn, struct error *err)
{
	struct import *import = ((struct batch_write *)write)->import;
	enum err_code code = import->series ? csv_series_store(import->series, txn, err) : ERR_OK;

	for (struct pending *pending = import->first; pending && !code; pending = pending->next) {
		arena_clear(store_txn_arena(txn)); /* a file's worth of documents would not fit */
		code = apply(import, txn, pending, err);
		if (code)
			code = err_while(err, "storing the entity of line %llu", (unsigned long long)pending->line);
	}
	return code;
}

/* A batch is made for the entities as they are; should one go with its history meanwhile, it is made once more. */
static enum err_code apply_batch(struct import *import, struct error *err)
{
	struct batch_write batch = {.write = {.run = run}, .import = import};
	enum err_code code = ERR_CONFLICT;

	if (!import->series)
		return store_apply(import->store, &batch.write, err);
	for (unsigned int i = 0; i < CONFLICTS_MAX && code == ERR_CONFLICT; i++) {
		code = csv_series_prepare(import->series, import->store, broker_now_us(import->broker), err);
		if (!code)
			code = store_apply(import->store, &batch.write, err);
	}
	if (!code)
		import->report->points += csv_series_points(import->series);
	return code;
}

static void count_outcomes(struct import *import)
{
	struct csv_import_report *report = import->report;

	for (const struct pending *pending = import->first; pending; pending = pending->next) {
		const struct broker_outcome *outcome = &pending->outcome;

		if (outcome->code) {
			skip(import, pending->line, pending->rows,
			     outcome->code == ERR_NOT_FOUND ? "the entity to update is not there"
							    : outcome->error.detail);
			continue;
		}
		report->taken += pending->rows;
		report->entities++;
		report->created += outcome->created;
		report->changed += !outcome->created && outcome->changed;
		report->unchanged += !outcome->created && !outcome->changed;
	}
}

static void forget_batch(struct import *import)
{
	map_done(&import->by_id);
	arena_clear(&import->arena);
	if (import->series)
		csv_series_clear(import->series);
	import->first = NULL;
	import->last = &import->first;
	import->pending_count = 0;
}

static enum err_code print_batch(struct import *import, struct error *err)
{
	enum err_code code = ERR_OK;

	for (const struct pending *pending = import->first; pending && !code; pending = pending->next) {
		code = import->options->dry_run(import->options->dry_run_self, pending->body, err);
		import->report->taken += pending->rows;
		import->report->entities++;
	}
	return code;
}

/* Drops what the standard's rules refuse, with the reason. */
static enum err_code expand_batch(struct import *import, struct error *err)
{
	struct expand_options options = {.context = import->context, .now_us = broker_now_us(import->broker)};

	for (struct pending **at = &import->first; *at;) {
		struct pending *pending = *at;
		struct error cause;
		enum err_code code = expand_entity(&import->arena, pending->body, &options, &pending->entity, &cause);

		if (code == ERR_MEMORY)
			return no_memory(err);
		if (code) {
			skip(import, pending->line, pending->rows, cause.detail);
			if (import->series)
				csv_series_drop(import->series, json_text(json_get(pending->body, STR("id"))));
			*at = pending->next;
		} else {
			at = &pending->next;
		}
	}
	return ERR_OK;
}

static enum err_code store_batch(struct import *import, struct error *err)
{
	if (!import->first)
		return ERR_OK;
	enum err_code code = expand_batch(import, err);

	if (!code && import->options->dry_run) {
		code = print_batch(import, err);
	} else if (!code && import->first) {
		code = apply_batch(import, err);
		if (!code)
			count_outcomes(import);
	}
	import->report->transactions += code == ERR_OK;
	forget_batch(import);
	return code;
}

/* ---- reading ---- */

static enum err_code read_header(struct import *import, const struct csv_row *row, struct error *err)
{
	csv_columns(row, import->columns, import->column_count, import->places);
	for (size_t i = 0; i < import->column_count; i++) {
		struct nearest nearest;

		if (import->places[i] != CSV_NO_COLUMN)
			continue;
		nearest_init(&nearest, import->columns[i]);
		for (size_t j = 0; j < row->field_count; j++)
			nearest_offer(&nearest, str_trim(row->fields[j]));
		if (nearest.best.len)
			return err_set(err, ERR_INVALID, "the table has no column \"%.*s\"; did you mean \"%.*s\"?",
				       STR_FMT(import->columns[i]), STR_FMT(nearest.best));
		return err_set(err, ERR_INVALID, "the table has no column \"%.*s\"", STR_FMT(import->columns[i]));
	}
	import->header_count = row->field_count;
	return ERR_OK;
}

/* Puts the entity into the batch, beside what earlier rows gave it. latest_us: where the row's time decides what is
 * later, and not its place in the file. */
static enum err_code add_to_batch(struct import *import, struct json *body, uint64_t line, int64_t latest_us,
				  struct error *err)
{
	struct str id = json_text(json_get(body, STR("id")));
	struct pending *pending = map_get(&import->by_id, id);

	if (pending) {
		pending->rows++;
		if (latest_us < pending->latest_us) {
			struct json *later = pending->body;

			pending->body = body;
			body = later;
		} else {
			pending->latest_us = latest_us;
		}
		return mapping_merge(import->options->mapping, &import->arena, pending->body, body) ? ERR_OK
												    : no_memory(err);
	}
	pending = arena_new(&import->arena, struct pending);
	if (!pending || !map_set(&import->by_id, id, pending))
		return no_memory(err);
	*pending = (struct pending){.body = body, .line = line, .rows = 1, .latest_us = latest_us};
	*import->last = pending;
	import->last = &pending->next;
	import->pending_count++;
	return ERR_OK;
}

static enum err_code map_row(struct import *import, const struct csv_row *row, struct error *err)
{
	struct str *values = arena_array(&import->arena, struct str, import->column_count);
	enum mapping_result result;
	int64_t latest_us = 0;
	struct error cause;
	struct json *body;

	for (size_t i = 0; values && i < import->column_count; i++) {
		values[i] = arena_dup(&import->arena, csv_value(row, import->places[i]));
		if (!values[i].at)
			values = NULL;
	}
	if (!values)
		return no_memory(err);
	enum err_code code = mapping_apply(import->options->mapping, &import->arena, values, &result, &body, &cause);

	bool skipped = !code && result == MAPPING_SKIPPED;

	if (!code && !skipped && import->series)
		code = csv_series_take(import->series, import->context, body, &latest_us, &cause);
	if (code == ERR_MEMORY)
		return no_memory(err);
	if (code || skipped) {
		skip(import, row->line, 1, cause.detail);
		return ERR_OK;
	}
	return add_to_batch(import, body, row->line, latest_us, err);
}

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	struct import *import = self;
	char why[128];

	if (import->header_count == 0)
		return read_header(import, row, err);
	import->report->rows++;
	if (row->field_count > import->header_count) {
		(void)snprintf(why, sizeof(why), "%zu fields where the header has %zu (a separator without quotes?)",
			       row->field_count, import->header_count);
		skip(import, row->line, 1, why);
		return ERR_OK;
	}
	enum err_code code = map_row(import, row, err);

	if (!code &&
	    (import->pending_count >= CSV_IMPORT_ENTITIES_MAX || import->arena.bytes > CSV_IMPORT_BYTES_MAX / 2 ||
	     (import->series && csv_series_is_full(import->series))))
		code = store_batch(import, err);
	return code;
}

static enum err_code take_bad_row(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct import *import = self;

	if (import->header_count == 0)
		return err_set(err, ERR_INVALID, "the table's header is not readable: %s", reason);
	import->report->rows++;
	skip(import, line, 1, reason);
	return ERR_OK;
}

static enum err_code read_all(struct import *import, int fd, struct error *err)
{
	char chunk[CHUNK_BYTES];
	enum err_code code = ERR_OK;

	while (!code) {
		if (import->options->goes_on && !import->options->goes_on(import->options->goes_on_self))
			return err_set(err, ERR_CONFLICT, "the import of %s was ended", import->options->path);
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, ERR_IO, "cannot read %s: %s", import->options->path, strerror(errno));
		code = csv_feed(import->csv, (struct str){chunk, (size_t)got}, err);
	}
	if (!code)
		code = csv_finish(import->csv, err);
	if (!code && import->header_count == 0)
		code = err_set(err, ERR_INVALID, "%s is empty", import->options->path);
	return code ? code : store_batch(import, err);
}

static enum err_code open_and_read(struct import *import, struct error *err)
{
	const char *path = import->options->path;
	bool is_stdin = strcmp(path, "-") == 0;

	if (import->options->has_fd)
		return read_all(import, import->options->fd, err);
	CLEANUP_FD int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (!is_stdin && opened < 0)
		return err_set(err,
			       errno == ENOENT   ? ERR_NOT_FOUND
			       : errno == EACCES ? ERR_DENIED
						 : ERR_IO,
			       "cannot open %s: %s", path, strerror(errno));
	return read_all(import, is_stdin ? STDIN_FILENO : opened, err);
}

enum err_code csv_import(struct broker *broker, struct store *store, const struct csv_import_options *options,
			 struct csv_import_report *report, struct error *err)
{
	struct import import = {
		.broker = broker,
		.store = store,
		.options = options,
		.report = report,
		.context = options->context,
	};
	struct csv_options csv_options = {
		.separator = mapping_separator(options->mapping),
		.row = take_row,
		.bad = take_bad_row,
		.self = &import,
	};

	assert(options->dry_run || store);
	if (!import.context)
		import.context = broker_core_context(broker);
	import.columns = mapping_columns(options->mapping, &import.column_count);
	import.last = &import.first;
	arena_init(&import.arena, CSV_IMPORT_BYTES_MAX);
	map_init(&import.by_id, (uint64_t)(uintptr_t)report);
	enum err_code code = csv_new(&csv_options, &import.csv, err);

	if (!code && mapping_mode(options->mapping) == MAPPING_SERIES)
		code = csv_series_new(&import.series, err);
	if (!code)
		code = open_and_read(&import, err);
	(void)csv_series_free(import.series);
	(void)csv_free(import.csv);
	map_done(&import.by_id);
	arena_done(&import.arena);
	return code;
}
