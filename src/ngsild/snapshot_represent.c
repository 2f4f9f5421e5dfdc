/* A snapshot as clients get it, and as a query on its members sees it. */
#include "ngsild/snapshot.h"

#include "ngsild/attribute_int.h"
#include "ngsild/name_int.h"
#include "ngsild/rename_int.h"

#define NO_MEMORY "no memory for a snapshot"

static const char type_marks[] = "|,;() ";
static const char projection_marks[] = ",|{} \t\r\n";

static void rename_selector(struct renaming *r, struct json *selector)
{
	rename_member(r, selector, STR("type"), type_marks);
}

static void rename_query(struct renaming *r, struct json *query)
{
	struct json *geo = rename_own(r, query, STR("geoQ"));

	rename_items(r, query, STR("entities"), rename_selector);
	rename_member(r, query, STR("attrs"), "");
	rename_member(r, query, STR("pick"), projection_marks);
	rename_member(r, query, STR("omit"), projection_marks);
	if (geo)
		rename_member(r, geo, STR("geoproperty"), "");
}

static struct json *renamed(struct renaming *r, const struct json *document)
{
	struct json *result = rename_copy(r, document);

	if (!result)
		return NULL;
	rename_items(r, result, STR("snapshotQueries"), rename_query);
	rename_items(r, result, STR("snapshotTemporalQueries"), rename_query);
	return result;
}

enum err_code snapshot_rename(struct arena *arena, const struct json *document, const struct context *from,
			      const struct context *to, struct json **ret_document, struct error *err)
{
	struct renaming r = {arena, from, to, false};
	struct json *result = renamed(&r, document);

	if (!result || r.failed)
		return err_set(err, ERR_MEMORY, NO_MEMORY);
	*ret_document = result;
	return ERR_OK;
}

/* Table 5.2.41-2. */
static void tell(struct renaming *r, struct json *result, const struct snapshot_state *state)
{
	rename_set(r, result, STR("snapshotStatus"), json_string(snapshot_status_name(state->status)));
	if (state->details)
		rename_set(r, result, STR("snapshotQueriesDetails"), *state->details);
	if (state->temporal_details)
		rename_set(r, result, STR("snapshotTemporalQueriesDetails"), *state->temporal_details);
	rename_set_time(r, result, STR("createdAt"), state->created_us);
	rename_set_time(r, result, STR("modifiedAt"), state->modified_us);
	rename_set_time(r, result, STR("expiresAt"), state->expires_us);
	rename_set_time(r, result, STR("lastUsedAt"), state->last_used_us);
}

enum err_code snapshot_represent(struct buf *out, struct arena *arena, const struct json *document,
				 const struct context *own_context, const struct snapshot_state *state,
				 const struct context *context, const struct json *context_value, struct error *err)
{
	struct renaming r = {arena, own_context, context, false};
	struct json *result = renamed(&r, document);

	if (!result)
		return err_set(err, ERR_MEMORY, NO_MEMORY);
	tell(&r, result, state);
	if (context_value)
		rename_set(&r, result, STR("@context"), *context_value);
	if (r.failed)
		return err_set(err, ERR_MEMORY, NO_MEMORY);
	json_write(out, result);
	return ERR_OK;
}

/* ---- queries on members (4.9) ---- */

/* Of the data type, but for what is no attribute in a query: id, type, and the times that every entity has. */
static const struct str members[] = {
	{"snapshotQueries", 15},
	{"snapshotTemporalQueries", 23},
	{"snapshotLifetime", 16},
	{"snapshotPriority", 16},
	{"endpoint", 8},
	{"snapshotStatus", 14},
	{"snapshotQueriesDetails", 22},
	{"snapshotTemporalQueriesDetails", 30},
	{"lastUsedAt", 10},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

struct fitting {
	const struct context *context;
	struct arena *arena;
};

static bool is_member(void *self, struct str name)
{
	struct fitting *fitting = self;
	struct str iri;

	if (member_of(name) == MEMBER_CREATED_AT || member_of(name) == MEMBER_MODIFIED_AT ||
	    member_of(name) == MEMBER_EXPIRES_AT)
		return true;
	for (size_t i = 0; i < MEMBERS; i++)
		if (context_expand(fitting->context, fitting->arena, members[i], &iri, NULL) == ERR_OK &&
		    str_eq(iri, name))
			return true;
	return false;
}

bool snapshot_query_fits(const struct query *query, const struct context *context, struct arena *arena)
{
	struct fitting fitting = {context, arena};

	return query_each_name(query, is_member, &fitting);
}

static bool add_property(struct renaming *r, struct json *entity, struct str name, struct json value)
{
	struct json instance = json_object(), instances = json_array();
	struct str iri;

	return context_expand(r->to, r->arena, name, &iri, NULL) == ERR_OK &&
	       json_add(r->arena, &instance, STR("type"), json_string(STR("Property"))) &&
	       json_add(r->arena, &instance, STR("value"), value) && json_push(r->arena, &instances, instance) &&
	       json_add(r->arena, entity, iri, instances);
}

/* Times of entities are numbers where a document has them (document.h), but for expiresAt. */
enum err_code snapshot_members(struct arena *arena, const struct json *document, const struct snapshot_state *state,
			       const struct context *context, struct json **ret_entity, struct error *err)
{
	struct renaming r = {arena, context, context, false};
	struct json *told = rename_copy(&r, document), *entity = json_new(arena, json_object());
	bool good = told && entity;

	if (good)
		tell(&r, told, state);
	for (size_t i = 0; good && i < MEMBERS; i++) {
		const struct json *value = json_get(told, members[i]);

		good = !value || add_property(&r, entity, members[i], *value);
	}
	good = good && json_add(arena, entity, STR("createdAt"), json_int(arena, state->created_us)) &&
	       json_add(arena, entity, STR("modifiedAt"), json_int(arena, state->modified_us)) &&
	       json_add(arena, entity, STR("expiresAt"), *json_get(told, STR("expiresAt")));
	if (!good || r.failed)
		return err_set(err, ERR_MEMORY, NO_MEMORY);
	*ret_entity = entity;
	return ERR_OK;
}
