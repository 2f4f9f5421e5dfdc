/* machi import gtfs and import csv. */
#include "base/cleanup.h"
#include "feed/csv_import.h"
#include "feed/gtfs_import.h"
#include "main/command_table.h"
#include "main/folder.h"
#include "main/say.h"
#include "main/session.h"

#include <errno.h>
#include <string.h>

#define REPORT_BYTES_MAX (8u << 20)
#define MAP_BYTES_MAX (1u << 20)
#define LINE_BYTES_MAX (64u << 20)

/* Reports go to standard error, so that standard output stays free for entities. */
static void say_report(struct buf *report)
{
	if (fwrite(report->at, 1, report->len, stderr) != report->len)
		clearerr(stderr);
	buf_done(report);
}

/* "data/singapore/gtfs.zip" is the feed "gtfs". */
static struct str feed_of_path(const char *path)
{
	struct str name = str_from(path), piece, rest;

	while (name.len > 1 && name.at[name.len - 1] == '/')
		name.len--;
	for (rest = name; str_next(&rest, '/', &piece);)
		name = piece;
	if (str_ends(name, STR(".zip")) && name.len > 4)
		name.len -= 4;
	return name;
}

static enum exit_status remove_feed(struct session *session, struct str feed)
{
	uint64_t deleted = 0;
	struct error err;

	if (gtfs_remove(session->broker, session->store, feed, &deleted, &err))
		return say_error(&err);
	say("%llu entities deleted", (unsigned long long)deleted);
	return deleted ? EXIT_GOOD : EXIT_NOT_FOUND;
}

static enum exit_status import_feed(struct session *session, const struct call *call, const char *path)
{
	struct gtfs_import_options options = {
		.path = path,
		.feed = call_has(call, "feed") ? call_str(call, "feed") : feed_of_path(path),
		.fetch = session_fetch_feed,
		.dry_run = call_has(call, "dry-run"),
	};
	struct gtfs_report *report = calloc(1, sizeof(*report)); /* too large for a stack */
	struct buf text;
	struct error err;

	if (!report) {
		say("no memory for the report");
		return EXIT_MEMORY;
	}
	gtfs_report_init(report);
	enum err_code code = gtfs_import(session->broker, session->store, &options, report, &err);

	buf_init(&text, REPORT_BYTES_MAX);
	gtfs_report_write(report, &text);
	say_report(&text);
	gtfs_report_done(report);
	free(report);
	if (!code)
		return EXIT_GOOD;
	enum exit_status status = say_error(&err);

	return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
}

enum exit_status command_import_gtfs(const struct call *call)
{
	const char *path = call_argument(call, 0);
	bool removing = call_has(call, "remove");
	struct session session;
	struct error err;

	if (removing ? path || !call_has(call, "feed") : !path) {
		(void)err_set(&err, ERR_INVALID,
			      removing ? "--remove takes the feed's name by --feed and no file"
				       : "missing argument FEED");
		return say_usage(call->command, &err);
	}
	enum exit_status status = session_open(&session, call, removing ? SESSION_WRITES : SESSION_CREATES);

	if (status == EXIT_GOOD)
		status = removing ? remove_feed(&session, call_str(call, "feed")) : import_feed(&session, call, path);
	session_close(&session);
	return status;
}

static enum err_code print_line(void *self, const struct json *entity, struct error *err)
{
	struct buf *line = self;

	buf_clear(line);
	json_write(line, entity);
	buf_put_char(line, '\n');
	if (buf_check(line, "an entity", err))
		return err->code;
	if (fwrite(line->at, 1, line->len, stdout) != line->len)
		return err_set(err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
	return ERR_OK;
}

static enum exit_status load_mapping(const char *path, struct mapping **ret_mapping)
{
	struct buf text;
	struct error err;

	buf_init(&text, MAP_BYTES_MAX);
	enum err_code code = folder_read_file(path, &text, &err);
	enum exit_status status = EXIT_GOOD;

	if (code) {
		status = say_error(&err);
		if (code == ERR_NOT_FOUND || code == ERR_DENIED)
			status = EXIT_NO_INPUT;
	} else if (mapping_parse(str_from(path), buf_str(&text), ret_mapping, &err)) {
		status = say_error(&err);
	}
	buf_done(&text);
	return status;
}

static enum exit_status import_table(struct session *session, const struct call *call, const struct mapping *mapping)
{
	struct csv_import_options options = {
		.path = call_argument(call, 0),
		.mapping = mapping,
		.context = session->context,
	};
	struct csv_import_report *report = calloc(1, sizeof(*report)); /* too large for a stack */
	struct buf line, text;
	struct error err;

	if (!report) {
		say("no memory for the report");
		return EXIT_MEMORY;
	}
	buf_init(&line, LINE_BYTES_MAX);
	if (call_has(call, "dry-run")) {
		options.dry_run = print_line;
		options.dry_run_self = &line;
	}
	csv_import_report_init(report);
	enum err_code code = csv_import(session->broker, session->store, &options, report, &err);

	if (fflush(stdout) != 0 && !code)
		code = err_set(&err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
	buf_init(&text, REPORT_BYTES_MAX);
	csv_import_report_write(report, options.path, &text);
	say_report(&text);
	csv_import_report_done(report);
	buf_done(&line);
	free(report);
	if (!code)
		return EXIT_GOOD;
	enum exit_status status = say_error(&err);

	return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
}

enum exit_status command_import_csv(const struct call *call)
{
	struct mapping *mapping = NULL;
	struct session session;
	struct error err;

	if (!call_has(call, "map")) {
		(void)err_set(&err, ERR_INVALID, "missing option --map");
		return say_usage(call->command, &err);
	}
	enum exit_status status = load_mapping(call_text(call, "map"), &mapping);

	if (status != EXIT_GOOD)
		return status;
	/* A dry run needs no city, only what checks entities. */
	status = session_open(&session, call, call_has(call, "dry-run") ? SESSION_EMPTY : SESSION_CREATES);
	if (status == EXIT_GOOD)
		status = import_table(&session, call, mapping);
	session_close(&session);
	(void)mapping_free(mapping);
	return status;
}
