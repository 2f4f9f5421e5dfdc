/* POST /entityOperations/query: the data type Query turned into the texts of a GET.
 * Source: GS CIM 009 V1.9.1 clauses 5.2.13, 5.2.23, 5.2.33, 6.23.3.1. */
#include "api/api_int.h"

/* A string, or the strings of an array joined by commas; STR_NONE when absent. */
static enum err_code texts_of(struct call *call, const struct json *object, struct str key, struct str *ret)
{
	const struct json *value = json_get(object, key);
	struct str joined = STR("");

	if (!value)
		return ERR_OK;
	if (json_is(value, JSON_STRING)) {
		*ret = json_text(value);
		return ERR_OK;
	}
	for (uint32_t i = 0; json_is(value, JSON_ARRAY) && i < value->count; i++) {
		struct str text = json_text(&value->items[i]);

		if (!text.at)
			break;
		joined = arena_printf(call->arena, "%.*s%s%.*s", STR_FMT(joined), i ? "," : "", STR_FMT(text));
	}
	if (!json_is(value, JSON_ARRAY) || value->count == 0 || !joined.len)
		return err_set(&call->error, ERR_INVALID,
			       "\"%.*s\" is to be a string or an array of strings, not empty", STR_FMT(key));
	*ret = joined;
	return ERR_OK;
}

static enum err_code text_of(struct call *call, const struct json *object, struct str key, struct str *ret)
{
	const struct json *value = json_get(object, key);

	if (!value)
		return ERR_OK;
	if (!json_is(value, JSON_STRING))
		return err_set(&call->error, ERR_INVALID, "\"%.*s\" is to be a string", STR_FMT(key));
	*ret = json_text(value);
	return ERR_OK;
}

/* One selector may say everything; several are offered as long as they differ by type alone. */
static enum err_code selectors_read(struct call *call, struct query_text *text)
{
	const struct json *selectors = json_get(call->body, STR("entities"));
	enum err_code code = ERR_OK;
	struct str types = STR_NONE;

	if (!selectors)
		return ERR_OK;
	if (!json_is(selectors, JSON_ARRAY) || selectors->count == 0)
		return err_set(&call->error, ERR_INVALID, "\"entities\" is to be an array of selectors, not empty");
	for (uint32_t i = 0; i < selectors->count && code == ERR_OK; i++) {
		const struct json *selector = &selectors->items[i];
		struct str type = STR_NONE;

		code = text_of(call, selector, STR("type"), &type);
		if (code == ERR_OK && !type.len)
			return err_set(&call->error, ERR_INVALID, "selector %u of \"entities\" has no type", i);
		if (code == ERR_OK)
			code = texts_of(call, selector, STR("id"), &text->ids);
		if (code == ERR_OK)
			code = text_of(call, selector, STR("idPattern"), &text->id_pattern);
		if (code == ERR_OK && selectors->count > 1 && (text->ids.at || text->id_pattern.at))
			return err_set(&call->error, ERR_UNSUPPORTED,
				       "several selectors with ids are not offered yet; ask once for each");
		types = types.at ? arena_printf(call->arena, "%.*s,%.*s", STR_FMT(types), STR_FMT(type)) : type;
	}
	if (text->ids.at) /* id takes precedence over idPattern (5.2.33) */
		text->id_pattern = STR_NONE;
	text->type = types;
	return code;
}

static enum err_code geo_read(struct call *call, struct query_text *text)
{
	const struct json *geo = json_get(call->body, STR("geoQ"));
	const struct json *coordinates = json_get(geo, STR("coordinates"));

	if (!geo)
		return ERR_OK;
	if (!json_is(geo, JSON_OBJECT))
		return err_set(&call->error, ERR_INVALID, "\"geoQ\" is to be an object");
	enum err_code code = text_of(call, geo, STR("georel"), &text->georel);

	if (code == ERR_OK)
		code = text_of(call, geo, STR("geometry"), &text->geometry);
	if (code == ERR_OK)
		code = text_of(call, geo, STR("geoproperty"), &text->geoproperty);
	if (code != ERR_OK || !coordinates)
		return code;
	if (json_is(coordinates, JSON_STRING)) {
		text->coordinates = json_text(coordinates);
		return ERR_OK;
	}
	struct buf out;

	buf_init(&out, API_METRICS_BYTES_MAX);
	json_write(&out, coordinates);
	code = buf_check(&out, "the coordinates", &call->error);
	text->coordinates = arena_dup(call->arena, buf_str(&out));
	buf_done(&out);
	return code;
}

/* Members of Query that this version has no answer for. */
static enum err_code refuse_later_members(struct call *call)
{
	static const struct str later[] = {{"temporalQ", 9}, {"aggrParams", 10}, {"join", 4},
					   {"joinLevel", 9}, {"lang", 4},        {"ordering", 8},
					   {"entityMap", 9}, {"jsonKeys", 8},    {"expandValues", 12}};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (json_get(call->body, later[i]))
			return err_set(&call->error, ERR_UNSUPPORTED, "the member \"%.*s\" of Query is not offered yet",
				       STR_FMT(later[i]));
	return ERR_OK;
}

static enum err_code query_read(struct call *call, struct query_text *text)
{
	enum err_code code = refuse_later_members(call);
	struct str kind = json_text(json_get(call->body, STR("type")));

	if (code == ERR_OK && !str_eq(kind, STR("Query")))
		return err_set(&call->error, ERR_INVALID, "the body's type is to be \"Query\"");
	if (code == ERR_OK)
		code = selectors_read(call, text);
	if (code == ERR_OK)
		code = geo_read(call, text);
	if (code == ERR_OK)
		code = text_of(call, call->body, STR("q"), &text->q);
	if (code == ERR_OK)
		code = text_of(call, call->body, STR("scopeQ"), &text->scope_q);
	if (code == ERR_OK)
		code = texts_of(call, call->body, STR("attrs"), &text->attrs);
	call->parameters[P_ATTRS] = text->attrs;
	if (code == ERR_OK)
		code = texts_of(call, call->body, STR("pick"), &call->parameters[P_PICK]);
	if (code == ERR_OK)
		code = texts_of(call, call->body, STR("omit"), &call->parameters[P_OMIT]);
	if (code == ERR_OK)
		code = texts_of(call, call->body, STR("datasetId"), &call->parameters[P_DATASET_ID]);
	return code;
}

static void query_by_body(struct call *call)
{
	struct query_text text = {0};
	enum err_code code = query_read(call, &text);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		query_run(call, &text);
}

void query_by_post(struct call *call)
{
	call_with_context(call, query_by_body);
}
