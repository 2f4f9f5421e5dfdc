/* Registrations compiled: names to IRIs, patterns, geometries and times, once; then each question is held against them
 * (registration_match.c), and each other (registration_claim.c). */
#include "ngsild/registration_int.h"

#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"

#include <stdlib.h>

#define FIRST_BYTES 4096u
#define SCRATCH_BYTES_MAX (16u << 20)

/* What building takes. */
struct build {
	struct registration *registration;
	struct arena scratch;
	const struct context *context;
	struct checking c; /* for errors that name a place */
	size_t entities, patterns; /* so far */
};

static enum err_code no_memory(const struct build *b)
{
	return err_set(b->c.err, ERR_MEMORY, "no memory for " REGISTRATION_SUBJECT);
}

static const struct json *own(const struct build *b, struct str name)
{
	return json_get(b->registration->document, name);
}

/* ---- information ---- */

/* The IRI of a name, in the arena. */
static enum err_code name_iri(struct build *b, const struct place *place, struct str name, bool type,
			      struct str *ret_iri)
{
	struct error why = {.code = ERR_OK};
	struct str iri = STR_NONE;
	enum err_code code = type ? context_expand(b->context, &b->scratch, name, &iri, &why)
				  : expand_attribute_iri(&b->scratch, b->context, name, &iri, &why);

	if (code)
		return place_fail(&b->c, place, code, "cannot be expanded: %s", why.detail);
	*ret_iri = arena_dup(&b->registration->arena, iri);
	return ret_iri->at ? ERR_OK : no_memory(b);
}

static enum err_code push_type(struct build *b, const struct place *place, const struct json *name, struct json *types)
{
	struct str iri = STR_NONE;
	enum err_code code = name_iri(b, place, json_text(name), true, &iri);

	if (code == ERR_OK && !json_push(&b->registration->arena, types, json_string(iri)))
		return no_memory(b);
	return code;
}

static enum err_code build_types(struct build *b, const struct place *place, const struct json *names,
				 const struct json **ret_types)
{
	const struct place here = {place, STR("type"), 0};
	struct arena *arena = &b->registration->arena;
	struct json types = json_array(), *holder = json_new(arena, json_object());
	enum err_code code = holder ? ERR_OK : no_memory(b);

	if (code == ERR_OK && json_is(names, JSON_STRING))
		code = push_type(b, &here, names, &types);
	for (uint32_t i = 0; code == ERR_OK && json_is(names, JSON_ARRAY) && i < names->count; i++) {
		const struct place item = {&here, STR_NONE, i};

		code = push_type(b, &item, &names->items[i], &types);
	}
	if (code)
		return code;
	if (!json_add(arena, holder, STR("type"), types))
		return no_memory(b);
	*ret_types = holder;
	return ERR_OK;
}

static enum err_code build_pattern(struct build *b, const struct place *place, struct str text,
				   const struct pattern **ret_pattern)
{
	const struct place here = {place, STR("idPattern"), 0};
	struct error why = {.code = ERR_OK};
	struct pattern *pattern = NULL;

	if (text.len > QUERY_PATTERN_BYTES_MAX)
		return place_fail(&b->c, &here, ERR_TOO_COMPLEX, "has more than %d bytes", QUERY_PATTERN_BYTES_MAX);
	if (++b->patterns > REGISTRATION_PATTERNS_MAX)
		return place_fail(&b->c, &here, ERR_TOO_COMPLEX, "is one of more than %u", REGISTRATION_PATTERNS_MAX);
	enum err_code code = pattern_new(text, &pattern, &why);

	if (code)
		return place_fail(&b->c, &here, code, "%s", why.detail);
	pattern_chain(&b->registration->patterns, pattern);
	*ret_pattern = pattern;
	return ERR_OK;
}

static enum err_code build_entity(struct build *b, const struct place *place, const struct json *entity,
				  struct registered_entity *ret)
{
	struct str pattern = json_text(json_get(entity, STR("idPattern")));
	enum err_code code = build_types(b, place, json_get(entity, STR("type")), &ret->types);

	ret->id = json_text(json_get(entity, STR("id")));
	ret->id_pattern = NULL;
	if (code == ERR_OK && pattern.at)
		code = build_pattern(b, place, pattern, &ret->id_pattern);
	if (ret->id.at)
		ret->id_pattern = NULL; /* checked all the same */
	ret->id_pattern_text = ret->id_pattern ? pattern : STR_NONE;
	return code;
}

static enum err_code build_entities(struct build *b, const struct place *place, const struct json *list,
				    struct registered_info *info)
{
	const struct place here = {place, STR("entities"), 0};
	enum err_code code = ERR_OK;

	if (!list)
		return ERR_OK;
	b->entities += list->count;
	if (b->entities > REGISTRATION_ENTITIES_MAX)
		return place_fail(&b->c, &here, ERR_TOO_COMPLEX, "make more than %u in all", REGISTRATION_ENTITIES_MAX);
	struct registered_entity *entities =
		arena_array(&b->registration->arena, struct registered_entity, list->count);

	if (!entities)
		return no_memory(b);
	for (uint32_t i = 0; code == ERR_OK && i < list->count; i++) {
		const struct place item = {&here, STR_NONE, i};

		code = build_entity(b, &item, &list->items[i], &entities[i]);
	}
	info->entities = entities;
	info->entity_count = list->count;
	return code;
}

static enum err_code build_names(struct build *b, const struct place *place, struct str key, const struct json *info,
				 struct str *iris, size_t *count)
{
	const struct place here = {place, key, 0};
	const struct json *names = json_get(info, key);
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; code == ERR_OK && names && i < names->count; i++) {
		const struct place item = {&here, STR_NONE, i};

		code = name_iri(b, &item, json_text(&names->items[i]), false, &iris[*count]);
		*count += code == ERR_OK;
	}
	return code;
}

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static enum err_code build_attributes(struct build *b, const struct place *place, const struct json *info,
				      struct registered_info *ret)
{
	const struct json *properties = json_get(info, STR("propertyNames"));
	const struct json *relationships = json_get(info, STR("relationshipNames"));
	size_t room = (properties ? properties->count : 0) + (relationships ? relationships->count : 0), count = 0;
	struct str *iris = arena_array(&b->registration->arena, struct str, room);

	if (!iris)
		return no_memory(b);
	enum err_code code = build_names(b, place, STR("propertyNames"), info, iris, &count);

	if (code == ERR_OK)
		code = build_names(b, place, STR("relationshipNames"), info, iris, &count);
	if (count > 1)
		qsort(iris, count, sizeof(*iris), compare_names);
	ret->attributes = iris;
	ret->attribute_count = count;
	return code;
}

static enum err_code build_infos(struct build *b)
{
	struct registration *r = b->registration;
	const struct place list = {NULL, STR("information"), 0};
	const struct json *information = own(b, STR("information"));
	struct registered_info *infos = arena_array(&r->arena, struct registered_info, information->count);
	enum err_code code = infos ? ERR_OK : no_memory(b);

	for (uint32_t i = 0; code == ERR_OK && i < information->count; i++) {
		const struct place item = {&list, STR_NONE, i};
		const struct json *info = &information->items[i];

		infos[i] = (struct registered_info){.entities = NULL};
		code = build_entities(b, &item, json_get(info, STR("entities")), &infos[i]);
		if (code == ERR_OK)
			code = build_attributes(b, &item, info, &infos[i]);
	}
	r->infos = infos;
	r->info_count = information->count;
	return code;
}

/* ---- what restricts all of it ---- */

enum registration_mode registration_mode_of(const struct json *document)
{
	struct str name = json_text(json_get(document, STR("mode")));

	return str_eq(name, STR("exclusive"))   ? REGISTRATION_EXCLUSIVE
	       : str_eq(name, STR("redirect"))  ? REGISTRATION_REDIRECT
	       : str_eq(name, STR("auxiliary")) ? REGISTRATION_AUXILIARY
						: REGISTRATION_INCLUSIVE;
}

int64_t registration_expires_of(const struct json *document)
{
	int64_t expires_us;
	bool given = time_parse_iso(json_text(json_get(document, STR("expiresAt"))), false, &expires_us);

	return given ? expires_us : INT64_MAX;
}

static struct registered_interval interval_of(const struct json *interval)
{
	struct registered_interval result = {interval != NULL, INT64_MIN, INT64_MAX};

	(void)time_parse_iso(json_text(json_get(interval, STR("startAt"))), false, &result.start_us);
	(void)time_parse_iso(json_text(json_get(interval, STR("endAt"))), false, &result.end_us);
	return result;
}

static enum err_code build_plain(struct build *b)
{
	struct registration *r = b->registration;

	r->mode = registration_mode_of(r->document);
	r->expires_us = registration_expires_of(r->document);
	r->operations = registration_operations_of(r->document);
	r->observation = interval_of(own(b, STR("observationInterval")));
	r->management = interval_of(own(b, STR("managementInterval")));
	return ERR_OK;
}

static enum err_code build_datasets(struct build *b)
{
	const struct json *list = own(b, STR("datasetId"));

	if (!list)
		return ERR_OK;
	struct str *ids = arena_array(&b->registration->arena, struct str, list->count);

	if (!ids)
		return no_memory(b);
	for (uint32_t i = 0; i < list->count; i++)
		ids[i] = json_text(&list->items[i]);
	b->registration->dataset_ids = ids;
	b->registration->dataset_count = list->count;
	return ERR_OK;
}

static enum err_code build_scopes(struct build *b)
{
	struct arena *arena = &b->registration->arena;
	const struct json *scope = own(b, STR("scope"));
	struct json *list = json_is(scope, JSON_STRING) ? json_new(arena, json_array()) : NULL;

	b->registration->scopes = json_is(scope, JSON_ARRAY) ? scope : list;
	if (json_is(scope, JSON_STRING) && (!list || !json_push(arena, list, *scope)))
		return no_memory(b);
	return ERR_OK;
}

static enum err_code build_place(struct build *b, struct registered_place *at, struct str name)
{
	static const enum geo_relation relations[PLACE_RELATION_COUNT] = {
		[PLACE_MEETS] = GEO_INTERSECTS, [PLACE_HOLDS] = GEO_WITHIN, [PLACE_LIES_IN] = GEO_CONTAINS};
	const struct place here = {NULL, name, 0};
	struct error why = {.code = ERR_OK};
	enum err_code code = ERR_OK;

	at->geometry = own(b, name);
	at->iri = arena_concat(&b->registration->arena, NGSILD_NAMESPACE, name);
	if (!at->iri.at)
		return no_memory(b);
	for (size_t i = 0; code == ERR_OK && at->geometry && i < PLACE_RELATION_COUNT; i++) {
		at->queries[i] = (struct geo_query){.relation = relations[i], .geometry = at->geometry};
		code = geo_matcher_new(&at->queries[i], &at->matchers[i], &why);
	}
	return code ? place_fail(&b->c, &here, code, "%s", why.detail) : ERR_OK;
}

static enum err_code build_places(struct build *b)
{
	static const char *const names[REGISTERED_PLACES] = {"location", "observationSpace", "operationSpace"};
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < REGISTERED_PLACES; i++)
		code = build_place(b, &b->registration->places[i], str_from(names[i]));
	return code;
}

/* ---- the members, for csf ---- */

/* An array of one instance. */
static bool instance_of(struct arena *arena, struct str name, struct json value, struct json *ret)
{
	struct json instance = json_object();
	bool place = AMONG(name, STR("location"), STR("observationSpace"), STR("operationSpace"));

	*ret = json_array();
	return json_add(arena, &instance, STR("type"), json_string(place ? STR("GeoProperty") : STR("Property"))) &&
	       json_add(arena, &instance, STR("value"), value) && json_push(arena, ret, instance);
}

static enum err_code add_property(struct build *b, struct json *members, struct str name, struct json value)
{
	const struct place here = {NULL, name, 0};
	struct arena *arena = &b->registration->arena;
	struct str iri = STR_NONE;
	struct json instances;
	enum err_code code = name_iri(b, &here, name, true, &iri);

	if (code)
		return code;
	return instance_of(arena, name, value, &instances) && json_set(arena, members, iri, instances) ? ERR_OK
												       : no_memory(b);
}

/* Whoever may ask is not to guess at contextSourceInfo, where secrets lie. */
static enum err_code build_members(struct build *b)
{
	struct registration *r = b->registration;
	struct json *members = json_new(&r->arena, json_object());
	enum err_code code = members ? ERR_OK : no_memory(b);

	for (uint32_t i = 0; code == ERR_OK && i < r->document->count; i++) {
		const struct json_member *member = &r->document->members[i];

		if (member_of(member->key) == MEMBER_NONE && !str_eq(member->key, STR("contextSourceInfo")))
			code = add_property(b, members, member->key, member->value);
	}
	if (code == ERR_OK && !own(b, STR("mode")))
		code = add_property(b, members, STR("mode"), json_string(STR("inclusive")));
	if (code)
		return code;
	if (r->scopes && !json_add(&r->arena, members, STR("scope"), *r->scopes))
		return no_memory(b);
	const struct json *expires = own(b, STR("expiresAt"));

	if (expires && !json_add(&r->arena, members, STR("expiresAt"), *expires))
		return no_memory(b);
	r->members = members;
	return ERR_OK;
}

/* ---- all of it ---- */

static enum err_code take_document(struct build *b, const struct json *document)
{
	struct json *kept = NULL;
	enum err_code code = registration_keep(&b->scratch, document, &kept, b->c.err);

	if (code)
		return code;
	b->registration->document = json_dup(&b->registration->arena, kept);
	return b->registration->document ? ERR_OK : no_memory(b);
}

/* Of all infos: are they about entities by ids, or else by types? */
static void weigh_claim(const struct registration *r, bool *ret_ids, bool *ret_types, size_t *ret_count)
{
	*ret_ids = *ret_types = true;
	*ret_count = 0;
	for (size_t i = 0; i < r->info_count; i++) {
		const struct registered_info *info = &r->infos[i];

		*ret_types = *ret_types && info->entity_count > 0;
		*ret_count += info->entity_count;
		for (size_t k = 0; k < info->entity_count; k++)
			*ret_ids = *ret_ids && info->entities[k].id.at;
	}
	*ret_ids = *ret_ids && *ret_types;
}

/* Of several types the first is needed as much as the others. */
static enum err_code build_claim(struct build *b)
{
	struct registration *r = b->registration;
	bool by_ids, by_types;
	size_t room, count = 0;

	weigh_claim(r, &by_ids, &by_types, &room);
	if (!by_types)
		return ERR_OK;
	struct str *list = arena_array(&r->arena, struct str, room);

	if (!list)
		return no_memory(b);
	for (size_t i = 0; i < r->info_count; i++)
		for (size_t k = 0; k < r->infos[i].entity_count; k++) {
			const struct registered_entity *entity = &r->infos[i].entities[k];

			list[count++] =
				by_ids ? entity->id : json_text(json_at(json_get(entity->types, STR("type")), 0));
		}
	if (by_ids)
		r->claim = (struct registration_claim){.ids = list, .id_count = count};
	else
		r->claim = (struct registration_claim){.type_iris = list, .type_count = count};
	return ERR_OK;
}

static enum err_code build_all(struct build *b, const struct json *document)
{
	/* Later ones look at what earlier ones made. */
	static enum err_code (*const steps[])(struct build *) = {
		build_plain, build_infos, build_datasets, build_scopes, build_places, build_members, build_claim,
	};
	enum err_code code = take_document(b, document);

	for (size_t i = 0; code == ERR_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		code = steps[i](b);
	return code;
}

enum err_code registration_new(const struct json *document, const struct context *context,
			       struct registration **ret_registration, struct error *err)
{
	struct error unseen = {.code = ERR_OK};
	struct build b = {.registration = calloc(1, sizeof(struct registration)),
			  .context = context,
			  .c = {REGISTRATION_SUBJECT, false, INT64_MIN, err ? err : &unseen}};

	if (!b.registration)
		return no_memory(&b);
	arena_init_small(&b.registration->arena, REGISTRATION_BYTES_MAX, FIRST_BYTES);
	arena_init(&b.scratch, SCRATCH_BYTES_MAX);
	enum err_code code = build_all(&b, document);

	arena_done(&b.scratch);
	if (code)
		(void)registration_free(b.registration);
	else
		*ret_registration = b.registration;
	return code;
}

struct registration *registration_free(struct registration *registration)
{
	if (!registration)
		return NULL;
	for (size_t i = 0; i < REGISTERED_PLACES; i++)
		for (size_t k = 0; k < PLACE_RELATION_COUNT; k++)
			(void)geo_matcher_free(registration->places[i].matchers[k]);
	pattern_free_chain(registration->patterns);
	arena_done(&registration->arena);
	free(registration);
	return NULL;
}
