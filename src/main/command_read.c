/* machi get, query, export: entities out of a city. Output streams entity by entity, so a whole city needs no more
 * memory than its largest entity. */
#include "base/cleanup.h"
#include "main/command_table.h"
#include "main/pretty.h"
#include "main/say.h"
#include "main/session.h"

#include <errno.h>
#include <string.h>

#define ENTITY_BYTES_MAX (256u << 20)
#define ARENA_BYTES_MAX (1024u << 20)

/* Where entities go and in which shape. */
struct printer {
	struct session *session;
	struct represent_options options;
	struct arena *arena; /* scratch of one entity */
	struct buf text; /* of one entity */
	bool pretty;
	bool array; /* commas and brackets around */
	uint64_t printed;
	bool pipe_closed;
	enum err_code code;
	struct error err;
};

static bool put_out(struct printer *printer, struct str text)
{
	if (fwrite(text.at, 1, text.len, stdout) == text.len)
		return true;
	printer->pipe_closed = errno == EPIPE;
	printer->code = err_set(&printer->err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
	return false;
}

static enum err_code make_pretty(struct printer *printer)
{
	struct json *tree;
	enum err_code code = json_parse(printer->session->parser, printer->arena, buf_str(&printer->text), NULL, &tree,
					&printer->err);

	if (code)
		return code;
	buf_clear(&printer->text);
	pretty_write(&printer->text, tree, printer->array ? 1 : 0);
	return buf_check(&printer->text, "an entity", &printer->err);
}

/* One entity to standard output. False stops; code and err say why. */
static bool print_entity(void *self, const struct json *entity)
{
	struct printer *printer = self;

	arena_clear(printer->arena);
	buf_clear(&printer->text);
	printer->code = represent_entity(&printer->text, printer->arena, entity, &printer->options, &printer->err);
	if (!printer->code)
		printer->code = buf_check(&printer->text, "an entity", &printer->err);
	if (!printer->code && printer->pretty)
		printer->code = make_pretty(printer);
	if (printer->code)
		return false;
	if (printer->array && !put_out(printer, printer->printed ? STR(",\n") : STR("[\n")))
		return false;
	if (printer->array && printer->pretty && !put_out(printer, STR("  ")))
		return false;
	if (!put_out(printer, buf_str(&printer->text)) || (!printer->array && !put_out(printer, STR("\n"))))
		return false;
	printer->printed++;
	return true;
}

static enum represent_format format_of(struct str name)
{
	if (str_eq(name, STR("simplified")))
		return REPRESENT_SIMPLIFIED;
	return str_eq(name, STR("concise")) ? REPRESENT_CONCISE : REPRESENT_NORMALIZED;
}

/* arena: for names, lasts; scratch: cleared for each entity. */
static enum err_code printer_init(struct printer *printer, struct session *session, const struct call *call,
				  struct arena *arena, struct arena *scratch, struct error *err)
{
	struct str attrs = call_str(call, "attrs");

	*printer = (struct printer){
		.session = session,
		.arena = scratch,
		.pretty = !call_has(call, "compact") && isatty(STDOUT_FILENO),
		.options =
			{
				.context = session->context,
				.format = format_of(call_str(call, "format")),
				.sys_attrs = call_has(call, "sys-attrs"),
			},
	};
	buf_init(&printer->text, ENTITY_BYTES_MAX);
	if (!attrs.len)
		return ERR_OK;
	return projection_new(arena, session->context, "attrs", attrs, PROJECT_ATTRIBUTES, 0,
			      &printer->options.show.attrs, err);
}

/* What is wrong, said; an output that nobody reads any more is nobody's mistake. */
static enum exit_status finish(enum err_code code, const struct printer *printer, const struct error *err)
{
	if (printer->code)
		return printer->pipe_closed ? EXIT_GOOD : say_error(&printer->err);
	if (code)
		return say_error(err);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		say("cannot write to standard output: %s", strerror(errno));
		return EXIT_IO;
	}
	return EXIT_GOOD;
}

/* Runs a command on a session opened for reading, with an arena for what it asks and one for each entity printed. */
static enum exit_status with_session(const struct call *call,
				     enum exit_status (*run)(struct session *session, const struct call *call,
							     struct arena *arena, struct arena *scratch))
{
	struct arena arena, scratch;
	struct session session;
	enum exit_status status = session_open(&session, call, SESSION_READS);

	arena_init(&arena, ARENA_BYTES_MAX);
	arena_init(&scratch, ARENA_BYTES_MAX);
	if (status == EXIT_GOOD)
		status = run(&session, call, &arena, &scratch);
	arena_done(&scratch);
	arena_done(&arena);
	session_close(&session);
	return status;
}

static enum exit_status get(struct session *session, const struct call *call, struct arena *arena,
			    struct arena *scratch)
{
	struct str id = str_from(call_argument(call, 0));
	struct printer printer;
	struct json *entity;
	struct error err;
	enum err_code code = printer_init(&printer, session, call, arena, scratch, &err);

	if (!code)
		code = broker_retrieve(session->reader, session->tenant, id, arena, &entity, &err);
	if (!code)
		(void)print_entity(&printer, entity);
	enum exit_status status = finish(code, &printer, &err);

	buf_done(&printer.text);
	return status;
}

enum exit_status command_get(const struct call *call)
{
	return with_session(call, get);
}

/* --near LON,LAT,METRES in the API's words. */
static enum err_code read_near(struct arena *arena, struct str near, struct query_text *text, struct error *err)
{
	double numbers[3];
	struct str rest = near, piece;
	size_t count = 0;

	while (str_next(&rest, ',', &piece)) {
		if (count == 3 || !str_to_double(str_trim(piece), &numbers[count]))
			count = 4;
		if (count == 4)
			break;
		count++;
	}
	if (count != 3)
		return err_set(err, ERR_INVALID, "option --near takes LON,LAT,METRES, not \"%.*s\"", STR_FMT(near));
	text->georel = arena_printf(arena, "near;maxDistance==%.12g", numbers[2]);
	text->geometry = STR("Point");
	text->coordinates = arena_printf(arena, "[%.12g,%.12g]", numbers[0], numbers[1]);
	return text->georel.at && text->coordinates.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for --near");
}

static enum err_code build_query(struct session *session, const struct call *call, struct arena *arena,
				 struct query **ret_query, struct error *err)
{
	struct query_text text = {
		.ids = call_str(call, "id"),
		.id_pattern = call_str(call, "id-pattern"),
		.type = call_str(call, "type"),
		.attrs = call_str(call, "attrs"),
		.q = call_str(call, "q"),
		.scope_q = call_str(call, "scope-q"),
		.georel = call_str(call, "georel"),
		.geometry = call_str(call, "geometry"),
		.coordinates = call_str(call, "coordinates"),
		.geoproperty = call_str(call, "geoproperty"),
	};
	enum err_code code = call_has(call, "near") ? read_near(arena, call_str(call, "near"), &text, err) : ERR_OK;

	if (code)
		return code;
	return query_new(arena, session->parser, &text, session->context, ret_query, err);
}

static enum exit_status query(struct session *session, const struct call *call, struct arena *arena,
			      struct arena *scratch)
{
	struct broker_page page = {.offset = call_count(call, "offset"),
				   .limit = call_count(call, "limit"),
				   .count = call_has(call, "count")};
	struct broker_page_result result = {0};
	struct printer printer;
	struct query *wanted = NULL;
	struct error err;
	enum err_code code = printer_init(&printer, session, call, arena, scratch, &err);

	printer.array = true;
	if (!code)
		code = build_query(session, call, arena, &wanted, &err);
	if (!code)
		code = broker_query(session->reader, session->tenant, wanted, &page, print_entity, &printer, &result,
				    &err);
	if (!code && !printer.code)
		(void)put_out(&printer, printer.printed ? STR("\n]\n") : STR("[]\n"));
	query_done(wanted);
	enum exit_status status = finish(code, &printer, &err);

	if (status == EXIT_GOOD && page.count)
		say("%llu entities match", (unsigned long long)result.total);
	else if (status == EXIT_GOOD && result.more)
		say("more entities match; --limit and --offset show them");
	buf_done(&printer.text);
	return status;
}

enum exit_status command_query(const struct call *call)
{
	return with_session(call, query);
}

static enum exit_status export_all(struct session *session, const struct call *call, struct arena *arena,
				   struct arena *scratch)
{
	struct query_text text = {.type = call_str(call, "type")};
	struct broker_page page = {.limit = UINT64_MAX >> 1};
	struct broker_page_result result;
	struct printer printer = {
		.session = session,
		.arena = scratch,
		.options = {.context = session->context, .format = REPRESENT_NORMALIZED, .sys_attrs = true},
	};
	struct query *wanted = NULL;
	struct error err;

	buf_init(&printer.text, ENTITY_BYTES_MAX);
	enum err_code code = query_new(arena, session->parser, &text, session->context, &wanted, &err);

	if (!code)
		code = broker_query(session->reader, session->tenant, wanted, &page, print_entity, &printer, &result,
				    &err);
	query_done(wanted);
	enum exit_status status = finish(code, &printer, &err);

	buf_done(&printer.text);
	return status;
}

enum exit_status command_export(const struct call *call)
{
	return with_session(call, export_all);
}
