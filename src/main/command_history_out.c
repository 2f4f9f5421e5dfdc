/* machi history: what attributes were, as CSV or as NGSI-LD, for spreadsheets, notebooks and other databases. Pages
 * stream out as they are read. */
#include "base/cleanup.h"
#include "base/time_value.h"
#include "broker/identity.h"
#include "main/command_table.h"
#include "main/history.h"
#include "main/say.h"
#include "main/session.h"
#include "ngsild/represent_temporal.h"

#include <errno.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define PAGE_TEXT_BYTES_MAX ((size_t)1 << 30)
#define LINE_INSTANCES_MAX 1000u /* a line can then be the body of a request */

struct printer {
	struct history_table table;
	bool as_table; /* else NGSI-LD */
	struct temporal_options options;
	struct buf text; /* of a page */
	uint64_t printed; /* instances */
	bool pipe_closed;
};

static enum err_code put_out(struct printer *printer, struct error *err)
{
	enum err_code code = buf_check(&printer->text, "a page of history", err);

	if (code || printer->text.len == 0 ||
	    fwrite(printer->text.at, 1, printer->text.len, stdout) == printer->text.len)
		return code;
	printer->pipe_closed = errno == EPIPE;
	return err_set(err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
}

/* ---- NGSI-LD: an entity's temporal evolution a line, of one attribute, of one page ---- */

static struct temporal_point point_of(const struct store_instance *instance)
{
	return (struct temporal_point){
		.observed_us = instance->observed_us,
		.created_us = instance->created_us,
		.modified_us = instance->modified_us,
		.deleted_us = instance->deleted_us,
		.number = instance->number,
		.deleted = instance->shape->kind == CHANGE_DELETED,
		.instance = instance->shape->instance,
		.value = &instance->value,
	};
}

static enum err_code put_line(struct printer *printer, const struct history_page *page, size_t from, size_t count,
			      struct error *err)
{
	struct temporal_point *points = arena_array(page->arena, struct temporal_point, count);
	struct temporal_attribute attribute = {.iri = page->series->attribute_iri, .points = points, .count = count};
	const struct temporal_entity entity = {
		.id = page->subject->id,
		.types = page->subject->types,
		.type_count = page->subject->type_count,
		.created_us = TEMPORAL_NO_TIME,
		.modified_us = TEMPORAL_NO_TIME,
		.deleted_us = TEMPORAL_NO_TIME,
		.attributes = &attribute,
		.count = 1,
	};

	if (!points)
		return err_set(err, ERR_MEMORY, "no memory for a page of history");
	for (size_t i = 0; i < count; i++)
		points[i] = point_of(&page->at[from + i]);
	enum err_code code = represent_temporal(&printer->text, page->arena, &entity, &printer->options, err);

	buf_put_char(&printer->text, '\n');
	return code;
}

static enum err_code take_page(void *self, const struct history_page *page, struct error *err)
{
	struct printer *printer = self;
	enum err_code code = ERR_OK;

	buf_clear(&printer->text);
	if (printer->as_table)
		history_put_rows(&printer->table, page, &printer->text);
	for (size_t from = 0, count; !printer->as_table && from < page->count && !code; from += count) {
		count = page->count - from < LINE_INSTANCES_MAX ? page->count - from : LINE_INSTANCES_MAX;
		code = put_line(printer, page, from, count, err);
	}
	printer->printed += page->count;
	return code ? code : put_out(printer, err);
}

/* ---- what is asked for ---- */

/* Comma-separated names: as they are, or expanded. */
static enum err_code read_names(const struct context *context, struct arena *arena, const char *option,
				struct str names, const struct str **ret_names, size_t *ret_count, struct error *err)
{
	struct str *found = arena_array(arena, struct str, HISTORY_NAMES_MAX);
	struct str rest = names, name;
	size_t count = 0;

	if (!found)
		return err_set(err, ERR_MEMORY, "no memory for --%s", option);
	while (str_next(&rest, ',', &name)) {
		if (count == HISTORY_NAMES_MAX)
			return err_set(err, ERR_LIMIT, "--%s names more than %u", option, HISTORY_NAMES_MAX);
		found[count] = str_trim(name);
		bool as_is = !context || str_eq(found[count], STR(STORE_SCOPE_SERIES));
		enum err_code code = as_is ? ERR_OK : context_expand(context, arena, found[count], &found[count], err);

		if (code)
			return err_while(err, "reading --%s", option);
		count++;
	}
	*ret_names = found;
	*ret_count = count;
	return ERR_OK;
}

/* A DateTime, or a date that stands for its midnight in UTC. */
static enum err_code read_time(const struct call *call, const char *option, int64_t *ret_us, struct error *err)
{
	struct str text = call_str(call, option);
	struct civil_date date;

	if (!text.at || time_parse_iso(text, true, ret_us))
		return ERR_OK;
	if (!date_parse_iso(text, &date))
		return err_set(err, ERR_INVALID,
			       "option --%s takes a time such as 2026-11-22T04:21:00Z or a date, not \"%.*s\"", option,
			       STR_FMT(text));
	*ret_us = days_from_civil(date) * US_PER_DAY;
	return ERR_OK;
}

static enum err_code read_window(const struct call *call, struct store_window *window, struct error *err)
{
	struct str by = call_str(call, "timeproperty");
	enum err_code code;

	*window = (struct store_window){.by = STORE_OBSERVED_AT, .from_us = INT64_MIN, .to_us = INT64_MAX};
	window->or_modified = str_eq(by, STR("time"));
	if (str_eq(by, STR("createdAt")))
		window->by = STORE_CREATED_AT;
	else if (str_eq(by, STR("modifiedAt")))
		window->by = STORE_MODIFIED_AT;
	else if (str_eq(by, STR("deletedAt")))
		window->by = STORE_DELETED_AT;
	code = read_time(call, "from", &window->from_us, err);
	if (!code)
		code = read_time(call, "to", &window->to_us, err);
	/* --to names the first instant that is not wanted any more. */
	if (!code && call_has(call, "to"))
		window->to_us--;
	return code;
}

static enum err_code read_request(struct session *session, const struct call *call, struct arena *arena,
				  struct history_request *request, struct error *err)
{
	enum err_code code = read_window(call, &request->window, err);

	request->page_max = (uint32_t)call_count(call, "page");

	if (!code && call_has(call, "type"))
		code = read_names(session->context, arena, "type", call_str(call, "type"), &request->type_iris,
				  &request->type_count, err);
	if (!code && call_has(call, "id"))
		code = read_names(NULL, arena, "id", call_str(call, "id"), &request->ids, &request->id_count, err);
	if (!code && call_has(call, "attrs"))
		code = read_names(session->context, arena, "attrs", call_str(call, "attrs"), &request->attribute_iris,
				  &request->attribute_count, err);
	return code;
}

static enum temporal_property property_of(enum store_time by)
{
	switch (by) {
	case STORE_CREATED_AT:
		return TEMPORAL_CREATED_AT;
	case STORE_MODIFIED_AT:
		return TEMPORAL_MODIFIED_AT;
	case STORE_DELETED_AT:
		return TEMPORAL_DELETED_AT;
	case STORE_OBSERVED_AT:
		break;
	}
	return TEMPORAL_OBSERVED_AT;
}

/* Its database's id, without which it has no instances either. */
static enum err_code holder_find(struct store_reader *reader, struct arena *arena, struct str *ret_holder,
				 struct error *err)
{
	enum err_code code = identity_of_store(reader, arena, ret_holder, err);

	return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code write_history(struct session *session, const struct call *call, struct arena *arena,
				   const struct history_request *request, struct printer *printer, struct error *err)
{
	const struct temporal_query query = {.property = property_of(request->window.by)};
	const struct represent_options represent = {.context = session->context,
						    .sys_attrs = call_has(call, "sys-attrs")};
	struct store_reader *reader = NULL;
	enum err_code code = ERR_OK;

	printer->options = (struct temporal_options){TEMPORAL_NORMALIZED, &query, &represent, STR_NONE};
	if (str_eq(call_str(call, "format"), STR("csv"))) {
		printer->as_table = true;
		printer->table.context = session->context;
		code = history_table_read(&printer->table, call_str(call, "columns"), err);
		history_put_header(&printer->table, &printer->text);
	}
	if (!code)
		code = store_reader_new(session->store, &reader, err);
	if (!code)
		code = holder_find(reader, arena, &printer->options.holder, err);
	if (!code)
		code = put_out(printer, err);
	if (!code)
		code = history_each(reader, request, take_page, printer, err);
	(void)store_reader_free(reader);
	return code;
}

static enum exit_status run(struct session *session, const struct call *call, struct arena *arena)
{
	struct history_request request = {0};
	struct printer printer = {0};
	struct error err;

	buf_init(&printer.text, PAGE_TEXT_BYTES_MAX);
	enum err_code code = read_request(session, call, arena, &request, &err);

	if (!code)
		code = write_history(session, call, arena, &request, &printer, &err);
	buf_done(&printer.text);
	if (!code && fflush(stdout) != 0) {
		printer.pipe_closed = errno == EPIPE;
		code = err_set(&err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
	}
	/* An output that nobody reads any more is nobody's mistake. */
	if (code)
		return printer.pipe_closed ? EXIT_GOOD : say_error(&err);
	if (printer.printed == 0)
		say("there is no such history");
	return EXIT_GOOD;
}

enum exit_status command_history(const struct call *call)
{
	struct session session;
	struct arena arena;
	enum exit_status status = session_open(&session, call, SESSION_READS);

	arena_init(&arena, ARENA_BYTES_MAX);
	if (status == EXIT_GOOD)
		status = run(&session, call, &arena);
	arena_done(&arena);
	session_close(&session);
	return status;
}
