/* What a query asks for, for GET and POST alike, on the way to pages and entity maps.
 * Source: GS CIM 009 V1.9.1 clauses 5.7.2.4, 5.14.4.4, 5.5.13, 4.23. */
#include "api/query_int.h"

#define MARK_SEED 0x4d41434849 /* marks live as long as the process, and only one client's maps depend on them */

void asked_done(struct asked *asked)
{
	query_done(asked->query);
	order_done(asked->order);
}

struct query_text query_text_of(const struct call *call)
{
	const struct str *texts = call->parameters;

	return (struct query_text){.ids = texts[P_ID],
				   .id_pattern = texts[P_ID_PATTERN],
				   .type = texts[P_TYPE],
				   .attrs = texts[P_ATTRS],
				   .q = texts[P_Q],
				   .scope_q = texts[P_SCOPE_Q],
				   .georel = texts[P_GEOREL],
				   .geometry = texts[P_GEOMETRY],
				   .coordinates = texts[P_COORDINATES],
				   .geoproperty = texts[P_GEOPROPERTY]};
}

/* ---- local scope (5.5.13) ---- */

static bool any_type(const struct query_text *text)
{
	for (size_t i = 0; i < text->selector_count; i++)
		if (str_eq(str_trim(text->selectors[i].type), STR("*")))
			return true;
	return str_eq(text->type, STR("*"));
}

/* Is this broker alone meant? "*" for a type implies it. */
static bool local_take(struct call *call, const struct query_text *text, bool *ret_local)
{
	bool local, split, any = any_type(text);

	if (!call_flag(call, P_LOCAL, &local) || !call_flag(call, P_SPLIT_ENTITIES, &split))
		return false;
	if (any && call->parameters[P_LOCAL].at && !local) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "type=* and local=false exclude each other");
		return false;
	}
	*ret_local = any || local;
	return true;
}

/* Clause 5.7.2.4: a type, an attribute that is not the system's, in attrs or in q, a geo-query, or local scope. */
static bool asks_something(const struct query *query, const struct query_text *text, bool local)
{
	return local || text->type.len || text->selector_count || text->georel.len || query_names_attribute(query);
}

/* ---- the query ---- */

static struct json_parser *parser_of(const struct call *call)
{
	return broker_reader_parser(call->loop->reader);
}

/* The context source filter chooses among registrations, whenever these are looked at: it has to be one (5.7.2.4). */
static enum err_code csf_check(struct call *call)
{
	const struct query_text text = {.q = call->parameters[P_CSF]};
	struct query *query;

	if (!text.q.at)
		return ERR_OK;
	enum err_code code = query_new(call->arena, parser_of(call), &text, call->context, &query, &call->error);

	if (code != ERR_OK)
		return err_while(&call->error, "reading csf");
	query_done(query);
	return ERR_OK;
}

static enum err_code query_make(struct call *call, struct query_text *text, struct query **ret_query)
{
	struct call_join join;
	enum err_code code = call_join(call, &join, &call->error);

	if (code == ERR_OK)
		code = csf_check(call);
	if (code != ERR_OK)
		return code;
	text->linked_levels = join.levels;
	text->expand_values = call->parameters[P_EXPAND_VALUES];
	text->json_keys = call->parameters[P_JSON_KEYS];
	return query_new(call->arena, parser_of(call), text, call->context, ret_query, &call->error);
}

/* ---- the order ---- */

/* What is given for an order is checked also where no order is asked for (5.7.2.4). */
static enum err_code order_make(struct call *call, bool local, struct order **ret_order)
{
	const struct str *texts = call->parameters;
	struct order_text text = {texts[P_ORDER_BY], texts[P_ORDER_FROM], texts[P_ORDER_GEOMETRY], texts[P_COLLATION]};
	bool asked = text.order_by.at != NULL;
	struct order *order;

	if (!asked && !text.from.at && !text.geometry.at && !text.collation.at)
		return ERR_OK;
	/* A broker without registrations is limited to itself (5.5.13), unless the client says that it means others. */
	if (asked && !local && call->parameters[P_LOCAL].at)
		return err_set(&call->error, ERR_INVALID,
			       "orderBy and local=false exclude each other: no order is kept over several brokers");
	if (!asked)
		text.order_by = STR("id");
	enum err_code code = order_new(call->arena, parser_of(call), &text, call->context, &order, &call->error);

	if (code != ERR_OK)
		return code;
	if (asked)
		*ret_order = order;
	else
		order_done(order);
	return ERR_OK;
}

/* ---- marks ---- */

static void put_marked(struct buf *out, struct str text)
{
	buf_printf(out, "%zu:", text.at ? text.len + 1 : 0);
	buf_put(out, text);
}

/* The @context by what it says: core contexts and the brackets around a lone one make no difference. */
static uint64_t context_mark(const struct call *call)
{
	const struct json *value = call->context_value;
	struct buf out;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	for (size_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++)
		if (!context_url_is_core(json_text(&value->items[i])))
			json_write(&out, &value->items[i]);
	if (value && !json_is(value, JSON_ARRAY) && !context_url_is_core(json_text(value)))
		json_write(&out, value);
	uint64_t mark = str_hash(buf_str(&out), MARK_SEED);

	buf_done(&out);
	return mark;
}

static void put_without_spaces(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] > ' ')
			buf_put_char(out, text.at[i]);
	buf_put_char(out, '\n');
}

static uint64_t query_mark(const struct query_text *text)
{
	const struct str texts[] = {text->ids,         text->id_pattern,    text->type,     text->attrs,
				    text->q,           text->scope_q,       text->georel,   text->geometry,
				    text->geoproperty, text->expand_values, text->json_keys};
	struct buf out;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	put_without_spaces(&out, text->coordinates);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_marked(&out, texts[i]);
	for (size_t i = 0; i < text->selector_count; i++) {
		put_marked(&out, text->selectors[i].ids);
		put_marked(&out, text->selectors[i].id_pattern);
		put_marked(&out, text->selectors[i].type);
	}
	buf_put_int64(&out, text->linked_levels);
	uint64_t mark = str_hash(buf_str(&out), MARK_SEED);

	buf_done(&out);
	return mark;
}

void asked_mark_temporal(const struct call *call, struct asked *asked)
{
	static const enum parameter concerned[] = {P_TIMEREL, P_TIME_AT, P_END_TIME_AT, P_TIMEPROPERTY,
						   P_PICK,    P_OMIT,    P_DATASET_ID};
	struct buf out;

	buf_init(&out, API_SCRATCH_BYTES_MAX);
	buf_printf(&out, "evolutions %llu ", (unsigned long long)asked->marks.query);
	for (size_t i = 0; i < sizeof(concerned) / sizeof(concerned[0]); i++)
		put_marked(&out, call->parameters[concerned[i]]);
	asked->marks.query = str_hash(buf_str(&out), MARK_SEED);
	buf_done(&out);
}

static uint64_t order_mark(const struct call *call)
{
	struct buf out;

	if (!call->parameters[P_ORDER_BY].at)
		return 0;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	put_without_spaces(&out, call->parameters[P_ORDER_FROM]);
	put_marked(&out, call->parameters[P_ORDER_BY]);
	put_marked(&out, call->parameters[P_ORDER_GEOMETRY]);
	put_marked(&out, call->parameters[P_COLLATION]);
	uint64_t mark = str_hash(buf_str(&out), MARK_SEED) | 1;

	buf_done(&out);
	return mark;
}

/* ---- all of it ---- */

static enum err_code make(struct call *call, struct query_text *text, bool local, struct asked *asked)
{
	enum err_code code = query_make(call, text, &asked->query);

	if (code == ERR_OK)
		code = order_make(call, local, &asked->order);
	/* A bound met while reading the query is the query's: coordinates nested too deep. */
	if (code == ERR_LIMIT)
		code = ERR_TOO_COMPLEX;
	asked->marks = (struct entity_map_marks){context_mark(call), query_mark(text), order_mark(call)};
	return code;
}

bool query_ask(struct call *call, struct query_text *text, struct asked *ret_asked)
{
	struct asked asked = {NULL, NULL, {0, 0, 0}, false};
	bool local;

	if (!local_take(call, text, &local))
		return false;
	asked.local = local;
	if (str_eq(text->type, STR("*")))
		text->type = STR_NONE;
	enum err_code code = make(call, text, local, &asked);

	if (code == ERR_OK && asks_something(asked.query, text, local)) {
		*ret_asked = asked;
		return true;
	}
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "too wide a query: give at least one of type, attrs or q with an attribute that is not "
			       "the system's, georel, or local=true");
	asked_done(&asked);
	return false;
}
