/* Can a registered source say something about what is asked (5.10.2.4, 5.12)?
 *
 * Where the clauses leave a choice:
 * - A question that names types and neither ids nor an id pattern meets an EntityInfo whatever its id: 5.12 lists no
 *   such case, but what is not specified restricts nothing ("if present"), and an exclusive registration, which always
 *   has an id, could never be found by a query for types.
 * - "before" and "after" ask whether timeAt lies in the interval, ends included, as the clause says; not whether the
 *   interval has times before or after it. Intervals that touch overlap.
 * - A registration that says no scope, no geometry or no datasetId is not restricted by these. */
#include "ngsild/query_int.h"
#include "ngsild/registration_int.h"
#include "ngsild/rename_int.h"

struct str registration_id(const struct registration *registration)
{
	return json_text(json_get(registration->document, STR("id")));
}

enum registration_mode registration_mode(const struct registration *registration)
{
	return registration->mode;
}

bool registration_has_places(const struct registration *registration)
{
	for (size_t i = 0; i < REGISTERED_PLACES; i++)
		if (registration->places[i].geometry)
			return true;
	return false;
}

const struct json *registration_scopes(const struct registration *registration)
{
	return registration->scopes;
}

const struct json *registration_document(const struct registration *registration)
{
	return registration->document;
}

int64_t registration_expires_us(const struct registration *registration)
{
	return registration->expires_us;
}

/* ---- entities ---- */

static bool any_id_matches(const struct pattern *pattern, const struct str *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pattern_matches(pattern, ids[i]))
			return true;
	return false;
}

static bool ids_match(const struct registered_entity *entity, const struct selector *asked)
{
	if (!entity->id.at && !entity->id_pattern)
		return true;
	if (asked->id_count == 0 && !asked->id_pattern)
		return true;
	if (!entity->id.at)
		return asked->id_pattern || any_id_matches(entity->id_pattern, asked->ids, asked->id_count);
	return (asked->id_count > 0 && query_id_among(asked->ids, asked->id_count, entity->id)) ||
	       (asked->id_pattern && pattern_matches(asked->id_pattern, entity->id));
}

static bool entity_matches(const struct registered_entity *entity, const struct selector *asked)
{
	return (asked->types.count == 0 || query_eval_types(&asked->types, entity->types)) && ids_match(entity, asked);
}

static bool any_selector_matches(const struct registered_entity *entity, const struct query *query)
{
	for (size_t i = 0; i < query->selector_count; i++)
		if (entity_matches(entity, &query->selectors[i]))
			return true;
	return query->selector_count == 0;
}

static bool type_known(const struct json *type, const struct registration_entity *asked)
{
	for (size_t i = 0; i < asked->type_count; i++)
		if (str_eq(json_text(type), asked->type_iris[i]))
			return true;
	return asked->type_count == 0;
}

static bool describes(const struct registered_entity *entity, enum registration_mode mode,
		      const struct registration_entity *asked)
{
	const struct json *types = json_get(entity->types, STR("type"));

	if (entity->id.at && !str_eq(entity->id, asked->id))
		return false;
	if (entity->id_pattern && !pattern_matches(entity->id_pattern, asked->id))
		return false;
	for (uint32_t i = 0; mode != REGISTRATION_EXCLUSIVE && i < types->count; i++)
		if (!type_known(&types->items[i], asked))
			return false;
	return true;
}

bool registration_entity_matches(const struct registration *registration, const struct registered_entity *entity,
				 const struct registration_question *question)
{
	const struct query *query = question->query;

	if (question->entity.id.at && !describes(entity, registration->mode, &question->entity))
		return false;
	if (!query)
		return true;
	const struct selector whole = {query->ids, query->id_count, query->id_pattern, query->types};

	return entity_matches(entity, &whole) && any_selector_matches(entity, query);
}

static bool entities_match(const struct registration *registration, const struct registered_info *info,
			   const struct registration_question *question)
{
	for (size_t i = 0; i < info->entity_count; i++)
		if (registration_entity_matches(registration, &info->entities[i], question))
			return true;
	return info->entity_count == 0;
}

/* ---- attributes ---- */

static bool q_names_any(const struct q_node *node)
{
	if (node->kind == Q_TERM)
		return document_is_attribute(node->term->path.steps[0]);
	for (const struct q_node *child = node->first; child; child = child->next)
		if (q_names_any(child))
			return true;
	return false;
}

bool registration_names_attributes(const struct registration_question *question)
{
	const struct query *query = question->query;

	for (size_t i = 0; i < question->attribute_count; i++)
		if (document_is_attribute(question->attribute_iris[i]))
			return true;
	return query && !question->listed_only && (query->geo_iri.at || (query->q && q_names_any(query->q)));
}

static bool attributes_match(const struct registered_info *info, const struct registration_question *question)
{
	if (info->attribute_count == 0 || !registration_names_attributes(question))
		return true;
	for (size_t i = 0; i < question->attribute_count; i++)
		if (query_id_among(info->attributes, info->attribute_count, question->attribute_iris[i]))
			return true;
	for (size_t i = 0; question->query && !question->listed_only && i < info->attribute_count; i++)
		if (query_reads(question->query, info->attributes[i]))
			return true;
	return false;
}

bool registration_info_matches(const struct registration *registration, const struct registered_info *info,
			       const struct registration_question *question)
{
	return entities_match(registration, info, question) && attributes_match(info, question);
}

static bool any_info_matches(const struct registration *r, const struct registration_question *question)
{
	for (size_t i = 0; i < r->info_count; i++)
		if (registration_info_matches(r, &r->infos[i], question))
			return true;
	return false;
}

/* ---- place ---- */

static bool near_matches(const struct registered_place *place, const struct query *query)
{
	struct geo_point point;
	double nearest_m;

	if (!geo_matcher_distance_m(query->geo_matcher, place->geometry, &nearest_m))
		return false;
	return nearest_m <= query->geo.distance_m_max &&
	       (!geo_point_of(place->geometry, &point) || nearest_m >= query->geo.distance_m_min);
}

static bool stands_in(const struct registered_place *place, enum place_relation relation, const struct query *query)
{
	return geo_matches(place->matchers[relation], query->geo.geometry);
}

/* What GEOS holds to contain a point does not have it on its edge, where an entity may well be. */
static bool holds(const struct registered_place *place, const struct query *query)
{
	struct geo_point point;

	return stands_in(place, geo_point_of(query->geo.geometry, &point) ? PLACE_MEETS : PLACE_HOLDS, query);
}

/* Does the geometry stand in the relation, or may it hold places that do? */
static bool place_matches(const struct registered_place *place, const struct query *query)
{
	switch (query->geo.relation) {
	case GEO_NEAR:
		return near_matches(place, query);
	case GEO_WITHIN:
	case GEO_INTERSECTS:
	case GEO_OVERLAPS:
		return stands_in(place, PLACE_MEETS, query);
	case GEO_CONTAINS:
	case GEO_EQUALS:
		return holds(place, query) || geo_matches(query->geo_matcher, place->geometry);
	case GEO_DISJOINT:
		return !stands_in(place, PLACE_LIES_IN, query);
	}
	return true;
}

static bool places_match(const struct registration *r, const struct query *query)
{
	for (size_t i = 0; query && query->geo_iri.at && i < REGISTERED_PLACES; i++)
		if (r->places[i].geometry && str_eq(r->places[i].iri, query->geo_iri))
			return place_matches(&r->places[i], query);
	return true;
}

/* ---- time, datasets, scope, the registration itself ---- */

static bool times_match(const struct registration *r, const struct temporal_query *temporal)
{
	if (!temporal)
		return !r->observation.given && !r->management.given;
	const struct registered_interval *interval =
		temporal->property == TEMPORAL_OBSERVED_AT ? &r->observation : &r->management;

	switch (temporal->relation) {
	case TEMPORAL_ANY:
		return interval->given;
	case TEMPORAL_BEFORE:
	case TEMPORAL_AFTER:
		return interval->given && interval->start_us <= temporal->at_us && temporal->at_us <= interval->end_us;
	case TEMPORAL_BETWEEN:
		return interval->given && interval->start_us <= temporal->end_us && temporal->at_us <= interval->end_us;
	}
	return false;
}

static bool datasets_match(const struct registration *r, const struct registration_question *question)
{
	for (size_t i = 0; i < question->dataset_count; i++)
		if (value_among(question->dataset_ids[i], r->dataset_ids, r->dataset_count))
			return true;
	return question->dataset_count == 0 || r->dataset_count == 0;
}

static bool scopes_match(const struct registration *r, const struct query *query)
{
	return !query || !r->scopes || query_scopes_match(query, r->scopes);
}

bool registration_matches(const struct registration *registration, const struct registration_question *question)
{
	return question->now_us < registration->expires_us &&
	       (question->any_time || times_match(registration, question->temporal)) &&
	       datasets_match(registration, question) && scopes_match(registration, question->query) &&
	       any_info_matches(registration, question) && places_match(registration, question->query) &&
	       (!question->csf || query_matches(question->csf, registration->members));
}

struct json *registration_filtered(struct arena *arena, const struct registration *registration,
				   const struct json *document, const struct registration_question *question)
{
	struct renaming r = {.arena = arena};
	struct json *result = rename_copy(&r, document), list = json_array();
	const struct json *information = json_get(document, STR("information"));

	for (uint32_t i = 0; json_is(information, JSON_ARRAY) && i < information->count; i++)
		if (i < registration->info_count &&
		    registration_info_matches(registration, &registration->infos[i], question) &&
		    !json_push(arena, &list, information->items[i]))
			return NULL;
	if (result)
		rename_set(&r, result, STR("information"), list);
	return r.failed ? NULL : result;
}
