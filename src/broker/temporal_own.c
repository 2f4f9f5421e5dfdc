/* What is here of one entity's evolution, as a document, for being put together with what other brokers have of it. */
#include "broker/temporal_int.h"

struct own {
	struct temporal_reading reading;
	bool judge; /* the query is put to what is here alone */
	uint32_t count_max; /* of each series */
	bool latest;
	struct json *evolution;
};

static enum err_code no_memory(const struct own *own)
{
	return err_set(own->reading.err, ERR_MEMORY, "no memory for so many instances; ask for less at once");
}

/* ---- instances ---- */

static bool add_marks(struct arena *arena, struct json *document, const struct store_instance *instance, uint64_t mark,
		      bool scope)
{
	struct str id;

	if (instance->shape->kind == CHANGE_DELETED &&
	    !json_set(arena, document, STR("deletedAt"), json_int(arena, instance->deleted_us)))
		return false;
	if (scope)
		return true;
	id = arena_printf(arena, TEMPORAL_INSTANCE_PREFIX "%016llx:%lld", (unsigned long long)mark,
			  (long long)instance->number);
	return id.at && json_set(arena, document, STR("instanceId"), json_string(id));
}

/* passing: what they say lies in scratch. */
static enum err_code add_instances(struct own *own, struct str iri, const struct store_instances *instances,
				   bool passing)
{
	struct arena *arena = own->reading.arena;
	uint64_t mark = temporal_mark(own->reading.ask->holder, document_id(own->evolution), iri);
	bool scope = str_eq(iri, TEMPORAL_SCOPE), filtered = temporal_is_filtered(&own->reading, iri);
	struct json *array = json_get(own->evolution, iri);

	for (size_t i = 0; i < instances->count; i++) {
		const struct store_instance *instance = &instances->at[i];

		if (filtered && !temporal_passes(&own->reading, iri, instance))
			continue;
		if (!array) {
			struct str key = arena_dup(arena, iri);

			array = key.at ? json_add(arena, own->evolution, key, json_array()) : NULL;
		}
		struct json *document = store_instance_document(arena, instance);

		if (document && passing)
			document = json_dup(arena, document);
		if (!array || !document || !add_marks(arena, document, instance, mark, scope) ||
		    !json_push(arena, array, *document))
			return no_memory(own);
	}
	return ERR_OK;
}

static enum err_code read_window(struct own *own, const struct temporal_series *series, struct store_instances *ret)
{
	struct temporal_reading *reading = &own->reading;
	enum err_code code =
		store_series_read(reading->store, series->id, series->iri, series->dataset_id, &reading->window,
				  own->latest, own->count_max, reading->arena, ret, reading->err);

	if (code == ERR_OK && ret->more && own->count_max == BROKER_TEMPORAL_EXAMINED_MAX)
		return err_set(reading->err, ERR_TOO_COMPLEX,
			       "more than %u instances of one attribute to look at; ask for a shorter time",
			       BROKER_TEMPORAL_EXAMINED_MAX);
	return code;
}

/* With a query that is held against the whole, also what it looks at outside the interval. */
static enum err_code add_series(struct own *own, const struct store_series *series)
{
	struct temporal_reading *reading = &own->reading;
	const struct query *query = reading->ask->query;
	const struct temporal_series named = {document_id(own->evolution), series->attribute_iri, series->dataset_id};
	struct store_instances instances = {.count = 0};
	bool passing = str_eq(named.iri, TEMPORAL_SCOPE) && query && query_asks_scope(query);
	enum err_code code =
		passing ? temporal_scopes_read(reading, named.id, &instances) : read_window(own, &named, &instances);

	if (code == ERR_OK && instances.count == 0 && query && !own->judge && query_reads(query, named.iri)) {
		passing = true;
		code = temporal_timeless_read(reading, &named, &instances);
	}
	return code == ERR_OK ? add_instances(own, named.iri, &instances, passing) : code;
}

/* ---- the entity ---- */

static bool add_time(struct own *own, struct str key, int64_t us)
{
	struct arena *arena = own->reading.arena;

	return us == STORE_NO_TIME || json_add(arena, own->evolution, key, json_int(arena, us));
}

static enum err_code add_head(struct own *own, const struct store_subject *subject, int64_t deleted_us)
{
	struct arena *arena = own->reading.arena;
	struct str id = arena_dup(arena, subject->id);
	struct json types = json_array();
	bool good = id.at != NULL;

	own->evolution = json_new(arena, json_object());
	for (size_t i = 0; good && i < subject->type_count; i++) {
		struct str type = arena_dup(arena, subject->types[i]);

		good = type.at && json_push(arena, &types, json_string(type));
	}
	good = good && own->evolution && json_add(arena, own->evolution, STR("id"), json_string(id)) &&
	       json_add(arena, own->evolution, STR("type"), types) &&
	       add_time(own, STR("createdAt"), subject->created_us) &&
	       add_time(own, STR("modifiedAt"), subject->modified_us) && add_time(own, STR("deletedAt"), deleted_us);
	return good ? ERR_OK : no_memory(own);
}

/* Where each instance is not looked at, no more than an answer can hold. */
static void set_bounds(struct own *own)
{
	const struct broker_temporal_ask *ask = own->reading.ask;
	bool each = ask->query || ask->form == TEMPORAL_AGGREGATED;
	uint64_t last_n = ask->temporal->last_n;
	uint64_t most = each ? BROKER_TEMPORAL_EXAMINED_MAX : (uint64_t)ask->instances_max + 1;

	own->latest = last_n > 0;
	if (last_n && last_n < most && !ask->query)
		most = last_n;
	own->count_max = most < BROKER_TEMPORAL_EXAMINED_MAX ? (uint32_t)most : BROKER_TEMPORAL_EXAMINED_MAX;
}

static enum err_code read_own(struct own *own, struct str id, struct json **ret_evolution)
{
	struct temporal_reading *reading = &own->reading;
	const struct store_series *series = NULL;
	struct store_subject subject;
	size_t count = 0;
	int64_t deleted_us = TEMPORAL_NO_TIME;
	bool matches = true;
	enum err_code code = store_subject_get(reading->store, id, reading->scratch, &subject, NULL);

	if (code == ERR_NOT_FOUND)
		return ERR_OK;
	if (code != ERR_OK)
		return err_set(reading->err, code, "the evolution of %.*s cannot be read",
			       STR_FMT(str_part(id, 0, 150)));
	code = own->judge && reading->ask->query ? temporal_match(reading, &subject, &series, &count, &matches)
						 : temporal_series_list(reading, id, &series, &count);
	if (code != ERR_OK || !matches)
		return code;
	code = temporal_deletion(reading, &subject, series, count, &deleted_us);
	if (code == ERR_OK)
		code = add_head(own, &subject, deleted_us);
	for (size_t i = 0; code == ERR_OK && i < count && !temporal_reading_is_empty(reading); i++)
		code = add_series(own, &series[i]);
	if (code == ERR_OK)
		*ret_evolution = own->evolution;
	return code;
}

enum err_code broker_temporal_own(struct broker_reader *reader, struct str tenant, struct str id,
				  const struct broker_temporal_ask *ask, bool judge, struct arena *arena,
				  struct json **ret_evolution, struct error *err)
{
	struct own own = {.judge = judge};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	*ret_evolution = NULL;
	if (code == ERR_TENANT)
		return ERR_OK;
	code = code ? code : store_hold(store, err);
	if (code != ERR_OK)
		return code;
	arena_clear(&reader->scratch);
	temporal_reading_init(&own.reading, store, ask, arena, &reader->scratch, err);
	set_bounds(&own);
	code = read_own(&own, id, ret_evolution);
	store_release(store);
	return code;
}

enum err_code broker_temporal_types(struct broker_reader *reader, struct str tenant, struct str id, struct arena *arena,
				    const struct str **ret_types, size_t *ret_count, struct error *err)
{
	struct store_reader *store;
	struct store_subject subject;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	*ret_types = NULL;
	*ret_count = 0;
	if (code == ERR_OK)
		code = store_subject_get(store, id, arena, &subject, err);
	if (code == ERR_NOT_FOUND || code == ERR_TENANT)
		return ERR_OK;
	if (code == ERR_OK) {
		*ret_types = subject.types;
		*ret_count = subject.type_count;
	}
	return code;
}
