/* Entity maps: as a resource, and in use by queries.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.25, 5.2.39, 5.5.9.3, 5.7.1.4, 5.7.2.4, 5.14.1–5.14.4, 6.32, 6.34. */
#include "api/gather_int.h"

#include "base/duration.h"
#include "base/time_value.h"
#include "ngsild/expand.h"

#define MAPS_PATH "/entityMaps/"
#define NGSILD_ROOT "https://uri.etsi.org/ngsi-ld/"

/* ---- in use ---- */

/* The header may hold the resource's URI, absolute or not, as answers do, or the map's id. */
static enum err_code wanted_id(struct call *call, struct str *ret_id)
{
	struct str given = http_request_header(call->request, STR("NGSILD-EntityMap"));
	struct str id = given;

	if (!given.at) {
		*ret_id = call->parameters[P_ENTITY_MAP_ID];
		return ERR_OK;
	}
	for (size_t i = given.len; i > 0; i--) {
		struct str rest = str_part(given, i - 1, given.len);

		if (!str_starts(rest, STR(MAPS_PATH)))
			continue;
		if (!http_decode(call->arena, str_part(rest, sizeof(MAPS_PATH) - 1, rest.len), &id))
			id = STR("");
		break;
	}
	if (str_ends(id, STR("/")))
		id.len--;
	if (!expand_is_uri(id))
		return err_set(&call->error, ERR_INVALID,
			       "the header NGSILD-EntityMap names no entity map by a URI: \"%.*s\"",
			       STR_FMT(str_part(given, 0, 120)));
	*ret_id = id;
	return ERR_OK;
}

static enum err_code life_take(struct call *call, int64_t *ret_life_us)
{
	struct str text = call->parameters[P_ENTITY_MAP_LIFETIME];

	*ret_life_us = 0;
	if (!text.at)
		return ERR_OK;
	if (!duration_parse_iso(text, ret_life_us) || *ret_life_us <= 0)
		return err_set(&call->error, ERR_INVALID,
			       "entityMapLifetime is an ISO 8601 duration such as PT10M, not \"%.*s\"",
			       STR_FMT(str_part(text, 0, 60)));
	return ERR_OK;
}

static enum err_code flag_take(struct call *call, bool *ret_wanted)
{
	struct str text = call->parameters[P_ENTITY_MAP];

	*ret_wanted = str_eq(text, STR("true"));
	if (!text.at || *ret_wanted || str_eq(text, STR("false")))
		return ERR_OK;
	return err_set(&call->error, ERR_INVALID, "entityMap is true or false, not \"%.*s\"",
		       STR_FMT(str_part(text, 0, 60)));
}

enum err_code entity_map_check(struct call *call, const struct entity_map *map, const struct asked *asked)
{
	if (entity_map_marks(map)->context == asked->marks.context)
		return ERR_OK;
	return err_set(&call->error, ERR_INVALID,
		       "this entity map was made with another @context, which pages must not change (5.5.9.1)");
}

void entity_map_header(struct call *call, const struct entity_map *map)
{
	(void)http_response_header(call->request, "NGSILD-EntityMap",
				   arena_printf(call->arena, API_ROOT MAPS_PATH "%.*s", STR_FMT(entity_map_id(map))));
}

enum err_code entity_map_wish(struct call *call, struct entity_map **ret_map, bool *ret_wanted, int64_t *ret_life_us)
{
	struct str id = STR_NONE;
	enum err_code code = flag_take(call, ret_wanted);

	*ret_map = NULL;
	if (code == ERR_OK)
		code = life_take(call, ret_life_us);
	if (code == ERR_OK)
		code = wanted_id(call, &id);
	if (code != ERR_OK || !id.at)
		return code;
	code = broker_map_find(call->api->options.broker, call->tenant, id, ret_map, &call->error);
	/* One that is gone is made anew (5.7.2.4). */
	if (code == ERR_NOT_FOUND) {
		*ret_wanted = true;
		return ERR_OK;
	}
	return code;
}

static enum err_code map_make(struct call *call, const struct asked *asked, struct entity_map **ret_map)
{
	int64_t life_us;
	enum err_code code = life_take(call, &life_us);

	if (code == ERR_OK)
		code = broker_map_make(call->loop->reader, call->tenant, asked->query, asked->order, &asked->marks,
				       life_us, ret_map, &call->error);
	return code;
}

enum err_code entity_map_named(struct call *call, struct entity_map **ret_map)
{
	struct str id = STR_NONE;
	enum err_code code = wanted_id(call, &id);

	*ret_map = NULL;
	if (code == ERR_OK && id.at)
		code = broker_map_find(call->api->options.broker, call->tenant, id, ret_map, &call->error);
	if (code == ERR_OK && *ret_map)
		entity_map_header(call, *ret_map);
	return code;
}

enum err_code page_map_take(struct call *call, const struct asked *asked, struct broker_page *page, bool *ret_created)
{
	struct entity_map *map = NULL;
	struct str id = STR_NONE;
	bool wanted;
	enum err_code code = flag_take(call, &wanted);

	*ret_created = false;
	if (code == ERR_OK)
		code = wanted_id(call, &id);
	if (code == ERR_OK && id.at)
		code = broker_map_find(call->api->options.broker, call->tenant, id, &map, &call->error);
	if ((code == ERR_OK && !id.at && wanted) || (code == ERR_NOT_FOUND && id.at)) {
		code = map_make(call, asked, &map);
		*ret_created = code == ERR_OK;
	}
	if (code != ERR_OK || !map)
		return code;
	const struct entity_map_marks *marks = entity_map_marks(map);

	page->map = map;
	code = entity_map_check(call, map, asked);
	if (code != ERR_OK)
		return code;
	page->map_keeps = marks->query != asked->marks.query;
	/* The map is in this order already. */
	if (marks->order == asked->marks.order)
		page->order = NULL;
	entity_map_header(call, map);
	return ERR_OK;
}

enum err_code entity_map_of_one(struct call *call, struct str id)
{
	const struct entity_map_marks marks = {0, 0, 0};
	struct broker *broker = call->api->options.broker;
	struct entity_map *map = NULL;
	struct str wanted = STR_NONE;
	int64_t life_us = 0;
	bool flag;
	enum err_code code = flag_take(call, &flag);

	if (code == ERR_OK)
		code = wanted_id(call, &wanted);
	if (code == ERR_OK)
		code = life_take(call, &life_us);
	if (code == ERR_OK && wanted.at)
		code = broker_map_find(broker, call->tenant, wanted, &map, &call->error);
	if ((code == ERR_OK && !wanted.at && flag) || (code == ERR_NOT_FOUND && wanted.at))
		code = broker_map_make_one(broker, call->tenant, id, &marks, life_us, &map, &call->error);
	if (code == ERR_OK && map)
		entity_map_header(call, map);
	(void)entity_map_unref(map);
	return code;
}

/* ---- as a resource ---- */

struct ids_writer {
	const struct entity_map *map;
	struct buf *out;
	bool some;
};

/* Who holds it: "@none" is this broker (5.2.39). */
static void put_holders(struct ids_writer *writer, size_t at)
{
	size_t count = entity_map_source_count(writer->map) + 1;
	bool some = false;

	for (size_t i = 0; i < count; i++) {
		if (!entity_map_holds(writer->map, at, i))
			continue;
		if (some)
			buf_put_char(writer->out, ',');
		some = true;
		json_write_string(writer->out,
				  i == 0 ? STR("@none") : entity_map_source(writer->map, i - 1)->registration_id);
	}
}

static bool put_id(void *self, struct str id, size_t at)
{
	struct ids_writer *writer = self;

	if (writer->some)
		buf_put_char(writer->out, ',');
	writer->some = true;
	json_write_string(writer->out, id);
	buf_put(writer->out, STR(":["));
	put_holders(writer, at);
	buf_put_char(writer->out, ']');
	return !writer->out->failed;
}

/* The maps that sources have made of their own. */
static void put_linked_maps(struct buf *out, const struct entity_map *map)
{
	bool some = false;

	for (size_t i = 0; i < entity_map_source_count(map); i++) {
		const struct entity_map_source *source = entity_map_source(map, i);

		if (!source->linked_map.at)
			continue;
		buf_put(out, some ? STR(",") : STR(",\"linkedMaps\":{"));
		some = true;
		json_write_string(out, source->registration_id);
		buf_put_char(out, ':');
		json_write_string(out, source->linked_map);
	}
	if (some)
		buf_put_char(out, '}');
}

static enum err_code map_write(struct call *call, const struct entity_map *map, struct buf *out)
{
	char expires[TIME_ISO_BYTES];
	struct ids_writer writer = {.map = map, .out = out};
	const struct context *context = call->context;
	const struct json *member;

	call_context_out(call, &context, &member);
	buf_put(out, STR("{\"id\":"));
	json_write_string(out, entity_map_id(map));
	buf_printf(out, ",\"type\":\"EntityMap\",\"expiresAt\":\"%.*s\",\"entityMap\":{",
		   STR_FMT(time_format_iso(entity_map_expires_us(map), expires)));
	entity_map_each(map, put_id, &writer);
	buf_put_char(out, '}');
	put_linked_maps(out, map);
	if (member) {
		buf_put(out, STR(",\"@context\":"));
		json_write(out, member);
	}
	buf_put_char(out, '}');
	return buf_check(out, "the entity map", &call->error);
}

/* Takes the reference. */
void entity_map_answer(struct call *call, int status, struct entity_map *map)
{
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = map_write(call, map, &out);

	(void)entity_map_unref(map);
	if (code == ERR_OK) {
		answer_represented_as(call, status, &out);
		return;
	}
	buf_done(&out);
	answer_query_error(call, code);
}

static bool map_id(struct call *call, struct str *ret_id)
{
	struct str id = call->variables[0];
	struct store *store;

	if (!expand_is_uri(id)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "an entity map's id is a URI, not \"%.*s\"",
			       STR_FMT(id));
		return false;
	}
	enum err_code code = broker_tenant(call->api->options.broker, call->tenant, false, &store, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	*ret_id = id;
	return code == ERR_OK;
}

static void retrieve(struct call *call)
{
	struct entity_map *map;
	struct str id;

	if (!map_id(call, &id))
		return;
	enum err_code code = broker_map_find(call->api->options.broker, call->tenant, id, &map, &call->error);

	if (code == ERR_OK)
		entity_map_answer(call, 200, map);
	else
		answer_error(call, code, &call->error);
}

void retrieve_entity_map(struct call *call)
{
	call_with_context(call, retrieve);
}

void delete_entity_map(struct call *call)
{
	struct str id;

	if (!map_id(call, &id))
		return;
	enum err_code code = broker_map_delete(call->api->options.broker, call->tenant, id, &call->error);

	if (code == ERR_OK)
		answer_empty(call, 204);
	else
		answer_error(call, code, &call->error);
}

/* ---- updating ---- */

static bool is_named(struct str key, struct str name)
{
	struct str rest = str_starts(key, STR(NGSILD_ROOT)) ? str_part(key, sizeof(NGSILD_ROOT) - 1, key.len) : key;

	return str_eq(rest, name);
}

static enum err_code member_read(struct call *call, const struct json_member *member, struct str id,
				 int64_t *expires_us)
{
	struct str key = member->key, text = json_text(&member->value);

	if (str_eq(key, STR("id")) || str_eq(key, STR("@id")))
		return str_eq(text, id) ? ERR_OK
					: err_set(&call->error, ERR_INVALID, "the body's id is not that of the path");
	if (str_eq(key, STR("type")) || str_eq(key, STR("@type")))
		return is_named(text, STR("EntityMap"))
			       ? ERR_OK
			       : err_set(&call->error, ERR_INVALID, "the body's type is to be \"EntityMap\"");
	if (is_named(key, STR("expiresAt"))) {
		if (time_parse_iso(text, false, expires_us))
			return ERR_OK;
		return err_set(&call->error, ERR_INVALID, "\"expiresAt\" is to be a DateTime (4.6.3)");
	}
	/* For output only: ignored (5.14.2.4). */
	if (is_named(key, STR("entityMap")) || is_named(key, STR("hasEntityMap")) || is_named(key, STR("linkedMaps")) ||
	    is_named(key, STR("hasLinkedMaps")))
		return ERR_OK;
	return err_set(&call->error, ERR_INVALID, "\"%.*s\" is no member of an EntityMap",
		       STR_FMT(str_part(key, 0, 80)));
}

static void update(struct call *call)
{
	struct broker *broker = call->api->options.broker;
	int64_t expires_us = INT64_MIN; /* not given */
	struct entity_map *map = NULL;
	struct str id;

	if (!map_id(call, &id))
		return;
	enum err_code code = broker_map_find(broker, call->tenant, id, &map, &call->error);

	for (uint32_t i = 0; code == ERR_OK && i < call->body->count; i++)
		code = member_read(call, &call->body->members[i], id, &expires_us);
	if (code == ERR_OK && expires_us != INT64_MIN)
		code = broker_map_set_expiry(broker, call->tenant, id, expires_us, &call->error);
	(void)entity_map_unref(map);
	if (code == ERR_OK)
		answer_empty(call, 204);
	else
		answer_error(call, code, &call->error);
}

void update_entity_map(struct call *call)
{
	call_with_context(call, update);
}

/* ---- creating (5.14.4): a query that answers the map; limit, offset and the like are ignored ---- */

static void create_distributed(struct call *call, struct query_text *text, struct asked *asked)
{
	const struct broker_page page = {.limit = 1};
	struct asked *kept = arena_new(call->arena, struct asked);
	struct represent_options options;
	enum err_code code = call_representation(call, &options, &call->error);

	if (code == ERR_OK && !kept)
		code = err_set(&call->error, ERR_MEMORY, "no memory for this request");
	if (code != ERR_OK) {
		asked_done(asked);
		answer_error(call, code, &call->error);
		return;
	}
	*kept = *asked;
	gather_query(call, text, kept, &page, &options, true);
}

static void create(struct call *call, struct query_text *text)
{
	struct represent_options options;
	struct entity_map *map;
	struct asked asked;
	bool flag, answered = false;

	if (!query_ask(call, text, &asked))
		return;
	if (!asked.local && call_is_distributed(call, &answered)) {
		create_distributed(call, text, &asked);
		return;
	}
	if (answered) {
		asked_done(&asked);
		return;
	}
	enum err_code code = flag_take(call, &flag);

	if (code == ERR_OK)
		code = call_representation(call, &options, &call->error);

	if (code == ERR_OK)
		code = map_make(call, &asked, &map);
	asked_done(&asked);
	if (code == ERR_OK) {
		entity_map_header(call, map);
		entity_map_answer(call, 201, map);
	} else {
		answer_query_error(call, code);
	}
}

static void create_by_get(struct call *call)
{
	struct query_text text = query_text_of(call);

	create(call, &text);
}

void create_entity_map(struct call *call)
{
	call_with_context(call, create_by_get);
}

static void create_by_post(struct call *call)
{
	struct query_text text;
	enum err_code code = query_body_read(call, &text);

	if (code == ERR_OK)
		create(call, &text);
	else
		answer_error(call, code, &call->error);
}

void create_entity_map_by_post(struct call *call)
{
	call_with_context(call, create_by_post);
}
