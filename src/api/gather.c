/* The entities of one request, found here and there. */
#include "api/gather_int.h"

#include "ngsild/expand.h"
#include "ngsild/expiry.h"

#define ENTITIES_FIRST 64u

static enum err_code no_memory(struct call *call)
{
	return err_set(&call->error, ERR_LIMIT, "the entities of all sources do not fit into the memory of a request");
}

/* ---- the set ---- */

static void release(void *self)
{
	struct gather *gather = self;

	map_done(&gather->by_id);
}

enum err_code gather_new(struct call *call, struct gather **ret_gather)
{
	struct gather *gather = arena_new(call->arena, struct gather);

	if (!gather)
		return no_memory(call);
	gather->call = call;
	map_init(&gather->by_id, (uint64_t)(uintptr_t)gather);
	if (!call_on_end(call, release, gather))
		return no_memory(call);
	*ret_gather = gather;
	return ERR_OK;
}

static bool make_room(struct gather *gather)
{
	struct gathered **at = arena_grow(gather->call->arena, gather->at, gather->count, &gather->room,
					  sizeof(struct gathered *), ENTITIES_FIRST);

	if (at)
		gather->at = at;
	return at != NULL;
}

static struct gathered *gathered_of(struct gather *gather, struct str id)
{
	struct gathered *gathered = map_get(&gather->by_id, id);

	if (gathered || !make_room(gather))
		return gathered;
	gathered = arena_new(gather->call->arena, struct gathered);
	if (!gathered || !map_set(&gather->by_id, id, gathered))
		return NULL;
	*gathered = (struct gathered){.id = id};
	gather->at[gather->count++] = gathered;
	return gathered;
}

static bool version_add(struct gather *gather, struct gathered *gathered, struct json *entity, struct source *holder)
{
	struct arena *arena = gather->call->arena;
	bool auxiliary = holder && source_mode(holder) == REGISTRATION_AUXILIARY;
	size_t at = gathered->count, room = gathered->room;
	struct union_version *versions =
		arena_grow(arena, gathered->versions, at, &room, sizeof(struct union_version), 1);
	struct source **holders =
		versions ? arena_grow(arena, gathered->holders, at, &gathered->room, sizeof(struct source *), 1) : NULL;

	if (!holders)
		return false;
	gathered->versions = versions;
	gathered->holders = holders;
	for (; !auxiliary && at > 0 && gathered->versions[at - 1].auxiliary; at--) {
		gathered->versions[at] = gathered->versions[at - 1];
		gathered->holders[at] = gathered->holders[at - 1];
	}
	gathered->versions[at] = (struct union_version){entity, auxiliary};
	gathered->holders[at] = holder;
	gathered->count++;
	return true;
}

/* Where in its versions what this holder has of it stands; gathered->count: nothing so far. */
static size_t version_of(const struct gathered *gathered, const struct source *holder)
{
	size_t at = 0;

	while (at < gathered->count && gathered->holders[at] != holder)
		at++;
	return at;
}

enum err_code gather_add(struct gather *gather, struct json *entity, struct source *holder)
{
	struct call *call = gather->call;
	struct gathered *gathered;
	size_t at;

	/* An end that has come counts as if the source did not have it (5.7.1.4). */
	if (expiry_is_over(entity, broker_now_us(call->api->options.broker)))
		return ERR_OK;
	gathered = gathered_of(gather, document_id(entity));
	if (!gathered)
		return no_memory(call);
	if (gather->count > GATHER_ENTITIES_MAX)
		return err_set(&call->error, ERR_LIMIT, "all sources together have more than %u entities to look at",
			       GATHER_ENTITIES_MAX);
	at = gather->parts ? gathered->count : version_of(gathered, holder);
	/* A source that gives an entity twice has moved its pages meanwhile. */
	if (at < gathered->count && gathered->versions[at].entity)
		return ERR_OK;
	gathered->united = false;
	gathered->ids_only = false;
	if (at < gathered->count) {
		gathered->versions[at].entity = entity;
		return ERR_OK;
	}
	gather->versions++;
	return version_add(gather, gathered, entity, holder) ? ERR_OK : no_memory(call);
}

enum err_code gather_add_id(struct gather *gather, struct str id, struct source *holder)
{
	struct gathered *gathered = id.at ? gathered_of(gather, id) : NULL;

	if (!gathered)
		return no_memory(gather->call);
	if (gather->count > GATHER_IDS_MAX)
		return err_set(&gather->call->error, ERR_LIMIT, "all sources together have more than %u entities",
			       GATHER_IDS_MAX);
	if (version_of(gathered, holder) < gathered->count)
		return ERR_OK;
	gather->versions++;
	gathered->ids_only = gathered->count == 0 || gathered->ids_only;
	return version_add(gather, gathered, NULL, holder) ? ERR_OK : no_memory(gather->call);
}

enum err_code gather_unite(struct gather *gather, struct gathered *gathered)
{
	struct call *call = gather->call;

	if (gathered->united)
		return ERR_OK;
	gathered->united = true;
	/* Of some only the id is known, which is all that counting needs. */
	struct union_version *known = arena_array(call->arena, struct union_version, gathered->count);
	size_t count = 0;

	if (!known)
		return no_memory(call);
	for (size_t i = 0; i < gathered->count; i++)
		if (gathered->versions[i].entity)
			known[count++] = gathered->versions[i];
	return union_entity(call->arena, known, count, broker_now_us(call->api->options.broker), &gathered->entity,
			    &call->error);
}

/* ---- linked entities ---- */

static const struct json *find_linked(void *self, struct str id)
{
	struct gather *gather = self;
	struct call *call = gather->call;
	struct gathered *gathered = map_get(&gather->by_id, id);
	struct json *entity = NULL;
	struct error err;

	if (gathered)
		return gather_unite(gather, gathered) == ERR_OK ? gathered->entity : NULL;
	return broker_retrieve(call->loop->reader, call->tenant, id, call->arena, &entity, &err) == ERR_OK ? entity
													   : NULL;
}

struct linked_source gather_linked(struct gather *gather)
{
	return (struct linked_source){find_linked, gather};
}

/* ---- what a source says ---- */

static size_t texts_of(const struct json *array, struct str *ret, size_t room)
{
	size_t count = 0;

	for (uint32_t i = 0; json_is(array, JSON_ARRAY) && i < array->count && count < room; i++)
		ret[count++] = json_text(&array->items[i]);
	return count;
}

bool gather_keep_registered(const struct source *source, struct json *entity)
{
	struct str types[EXPAND_TYPES_MAX];
	struct registration_entity about = {.id = document_id(entity), .type_iris = types};

	about.type_count = texts_of(json_get(entity, STR("type")), types, EXPAND_TYPES_MAX);
	if (!source_covers(source, &about, STR_NONE))
		return false;
	for (uint32_t i = entity->count; i > 0; i--) {
		struct str key = entity->members[i - 1].key;

		if (document_is_attribute(key) && !source_covers(source, &about, key))
			(void)json_remove(entity, key);
	}
	return true;
}

static enum err_code expand_registered(struct forward *forward, const struct json *body,
				       const struct expand_options *options, struct json **ret_entity)
{
	struct call *call = forward->round->call;
	struct json *entity = NULL;
	enum err_code code = expand_entity(call->arena, body, options, &entity, &forward->error);

	*ret_entity = NULL;
	if (code == ERR_OK && gather_keep_registered(forward->source, entity))
		*ret_entity = entity;
	return code;
}

enum err_code gather_expand(struct forward *forward, const struct json *body, struct context *context,
			    struct json **ret_entity)
{
	const struct expand_options options = {.context = context, .stamped = true};

	return expand_registered(forward, body, &options, ret_entity);
}

enum err_code gather_expand_temporal(struct forward *forward, const struct json *body, struct context *context,
				     struct json **ret_evolution)
{
	const struct expand_options options = {.context = context, .temporal = true, .stamped = true};

	return expand_registered(forward, body, &options, ret_evolution);
}

/* ---- no more than was registered ---- */

static bool is_among(const struct str *list, size_t count, struct str text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i], text))
			return true;
	return false;
}

/* Names (by names, where it is not NULL) of asked that are registered too; of all that are registered when nothing was
 * asked, and the other way round. STR_NONE: no restriction. False: no memory. */
static bool list_make(struct call *call, const struct str *asked, size_t asked_count, const struct str *registered,
		      size_t registered_count, const struct context *names, struct str *ret)
{
	const struct str *list = asked_count ? asked : registered;
	size_t count = asked_count ? asked_count : registered_count;
	struct buf out;

	*ret = STR_NONE;
	if (count == 0)
		return true;
	buf_init(&out, API_SCRATCH_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (asked_count && registered_count && !is_among(registered, registered_count, list[i]))
			continue;
		if (out.len)
			buf_put_char(&out, ',');
		buf_put(&out, names ? context_compact(names, call->arena, list[i]) : list[i]);
	}
	if (out.len == 0) {
		buf_done(&out);
		return list_make(call, NULL, 0, registered, registered_count, names, ret);
	}
	*ret = buf_to_arena(&out, call->arena);
	return ret->at != NULL;
}

/* A pattern of the registration goes along when the client has none and it is the only thing registered. */
static struct str pattern_of(const struct registration_part *part)
{
	if (part->id_count == 0 && part->entity_count == 1)
		return part->entities[0].id_pattern;
	return STR_NONE;
}

enum err_code gather_narrow(struct call *call, struct source *source, const struct registration_question *match,
			    const struct query_text *text, const struct context *names, struct narrowed *ret)
{
	struct registration_part *parts = NULL, part = {0};
	static const struct narrow nothing = {.exact = false};
	const struct narrow *narrow = match->query ? query_narrow(match->query) : &nothing;
	size_t count = 0;

	if (!source_parts(source, match, call->arena, &parts, &count) ||
	    !registration_parts_join(call->arena, parts, count, &part) ||
	    !list_make(call, narrow->type_iris, narrow->type_count, part.type_iris, part.type_count, names,
		       &ret->type) ||
	    !list_make(call, narrow->ids, narrow->id_count, part.ids, part.id_count, NULL, &ret->ids) ||
	    !list_make(call, match->attribute_iris, match->attribute_count, part.attribute_iris, part.attribute_count,
		       names, &ret->attrs))
		return err_set(&call->error, ERR_MEMORY, "no memory for requests to other sources");
	ret->id_pattern = text->id_pattern.at ? text->id_pattern : pattern_of(&part);
	if (ret->ids.at)
		ret->id_pattern = STR_NONE;
	return ERR_OK;
}
