/* A temporal query, one parameter a line, and behind them an EntityTemporal.
 *
 * What is accepted can be written in every form as JSON; the normalized text is accepted again, with as many instances.
 * Bounds, periods and edges keep their promises for any instants. */
#include "base/time_value.h"
#include "demand.h"
#include "ngsild/expand.h"
#include "ngsild/represent_temporal.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define OUT_BYTES_MAX ((size_t)16 << 20)
#define LINES 7

struct trial {
	struct arena arena;
	struct json_parser *parser;
	struct context *context;
	struct temporal_query query;
	int64_t first_us, last_us; /* of all instances within the query's bounds */
};

/* ---- the query ---- */

static void read_query(struct trial *trial, struct str *rest)
{
	struct temporal_text text = {.aggregated = true};
	struct str *const parts[LINES] = {&text.timerel, &text.time_at,      &text.end_time_at, &text.timeproperty,
					  &text.last_n,  &text.aggr_methods, &text.aggr_period};
	struct error err = {.code = ERR_OK};
	struct str line;

	for (size_t i = 0; i < LINES && rest->at && str_next(rest, '\n', &line); i++)
		if (line.len)
			*parts[i] = line;
	trial->query = (struct temporal_query){.last_n = 0};
	enum err_code code = temporal_query_read(&text, &trial->query, &err);

	demand(code == ERR_OK || (code == ERR_INVALID && err.detail[0]));
}

static void check_periods(struct trial *trial, const struct temporal_periods *periods)
{
	demand(periods->count > 0 && periods->edges[0] <= trial->first_us);
	demand(periods->edges[periods->count] > trial->last_us);
	for (size_t i = 0; i < periods->count; i++)
		demand(periods->edges[i] < periods->edges[i + 1]);
}

/* ---- the entity ---- */

static struct temporal_point point_of(const struct json *instance, int64_t number)
{
	int64_t us = TEMPORAL_NO_TIME;

	(void)time_parse_iso(json_text(json_get(instance, STR("observedAt"))), true, &us);
	return (struct temporal_point){.observed_us = us,
				       .created_us = number,
				       .modified_us = number,
				       .deleted_us = number % 5 == 4 ? number : TEMPORAL_NO_TIME,
				       .deleted = number % 5 == 4,
				       .number = number,
				       .instance = instance,
				       .value = document_value(instance)};
}

static int by_time(const void *a, const void *b)
{
	const struct temporal_point *x = a, *y = b;
	int64_t left = temporal_point_time(x, TEMPORAL_OBSERVED_AT),
		right = temporal_point_time(y, TEMPORAL_OBSERVED_AT);

	return left != right ? (left < right ? -1 : 1) : x->number < y->number ? -1 : x->number > y->number;
}

static void put_periods(struct trial *trial, struct temporal_attribute *attribute)
{
	struct temporal_aggregate *aggregate = arena_new(&trial->arena, struct temporal_aggregate);
	struct error err;

	if (!aggregate)
		return;
	temporal_bounds(&trial->query, &trial->first_us, &trial->last_us);
	struct temporal_point *kept = arena_array(&trial->arena, struct temporal_point, attribute->count);

	for (size_t i = 0; kept && i < attribute->count; i++) {
		int64_t us = temporal_point_time(&attribute->points[i], trial->query.property);

		if (!attribute->points[i].deleted && us >= trial->first_us && us <= trial->last_us)
			kept[aggregate->count++] = attribute->points[i];
	}
	attribute->count = 0;
	if (aggregate->count == 0)
		return;
	aggregate->points = kept;
	trial->first_us = trial->last_us = temporal_point_time(&kept[0], trial->query.property);
	for (size_t i = 0; i < aggregate->count; i++) {
		int64_t us = temporal_point_time(&kept[i], trial->query.property);

		trial->first_us = us < trial->first_us ? us : trial->first_us;
		trial->last_us = us > trial->last_us ? us : trial->last_us;
	}
	enum err_code code = temporal_periods_make(&trial->arena, &trial->query, trial->first_us, trial->last_us,
						   &aggregate->periods, &err);

	demand(code == ERR_OK || code == ERR_TOO_COMPLEX || code == ERR_MEMORY);
	if (code != ERR_OK)
		return;
	check_periods(trial, &aggregate->periods);
	attribute->aggregates = aggregate;
	attribute->aggregate_count = 1;
}

static struct temporal_entity entity_of(struct trial *trial, const struct json *entity, bool aggregated)
{
	struct temporal_attribute *attributes = arena_array(&trial->arena, struct temporal_attribute, entity->count);
	struct str id = document_id(entity);
	struct temporal_entity result = {.id = id.len ? id : STR("urn:a:b"), .attributes = attributes};

	for (uint32_t i = 0; attributes && i < entity->count; i++) {
		const struct json_member *member = &entity->members[i];

		if (!document_is_attribute(member->key) && !str_eq(member->key, TEMPORAL_SCOPE))
			continue;
		struct temporal_point *points = arena_array(&trial->arena, struct temporal_point, member->value.count);

		if (!points)
			break;
		for (uint32_t k = 0; k < member->value.count; k++)
			points[k] = point_of(&member->value.items[k], k);
		qsort(points, member->value.count, sizeof(*points), by_time);
		attributes[result.count] =
			(struct temporal_attribute){.iri = member->key, .points = points, .count = member->value.count};
		if (aggregated)
			put_periods(trial, &attributes[result.count]);
		result.count++;
	}
	return result;
}

static uint32_t attribute_count(const struct json *entity)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < entity->count; i++)
		count += document_is_attribute(entity->members[i].key);
	return count;
}

/* NULL: no memory for it, or a method that applies to nothing. */
static struct json *written(struct trial *trial, const struct json *entity, enum temporal_form form)
{
	const struct represent_options represent = {.context = trial->context, .sys_attrs = true};
	const struct temporal_options options = {form, &trial->query, &represent, STR_NONE};
	struct json_parse_options parse_options = {.depth_max = 2 * JSON_DEPTH_MAX};
	struct temporal_entity temporal = entity_of(trial, entity, form == TEMPORAL_AGGREGATED);
	struct json *again = NULL;
	struct error err;
	struct buf out;

	buf_init(&out, OUT_BYTES_MAX);
	enum err_code code = represent_temporal(&out, &trial->arena, &temporal, &options, &err);

	demand(code == ERR_OK || code == ERR_MEMORY);
	if (code == ERR_OK)
		code = buf_check(&out, "the text", &err);
	if (code == ERR_OK) {
		code = json_parse(trial->parser, &trial->arena, buf_str(&out), &parse_options, &again, &err);
		demand(code == ERR_OK || code == ERR_MEMORY || code == ERR_LIMIT);
	}
	buf_done(&out);
	return code == ERR_OK ? again : NULL;
}

static void run(struct trial *trial, struct str bytes)
{
	const struct expand_options options = {
		.context = trial->context, .now_us = 1, .fragment = true, .temporal = true};
	struct json *body = NULL, *entity = NULL, *again = NULL;
	struct error err = {.code = ERR_OK};

	read_query(trial, &bytes);
	if (!bytes.at || json_parse(trial->parser, &trial->arena, bytes, NULL, &body, &err))
		return;
	enum err_code code = expand_entity(&trial->arena, body, &options, &entity, &err);

	demand(code == ERR_OK || (code != ERR_INTERNAL && err.detail[0]));
	if (code)
		return;
	(void)written(trial, entity, TEMPORAL_VALUES);
	(void)written(trial, entity, TEMPORAL_AGGREGATED);
	trial->query.property = TEMPORAL_OBSERVED_AT;
	struct json *text = written(trial, entity, TEMPORAL_NORMALIZED);

	/* As long as no instance is a deletion, which is none that a client could send. */
	for (uint32_t i = 0; text && i < entity->count; i++)
		if (json_is(&entity->members[i].value, JSON_ARRAY) && entity->members[i].value.count > 4)
			text = NULL;
	if (!text)
		return;
	code = expand_entity(&trial->arena, text, &options, &again, &err);
	demand(code == ERR_OK || code == ERR_MEMORY);
	demand(code || attribute_count(again) == attribute_count(entity));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct context *core;
	struct trial trial = {.parser = json_parser_new()};
	struct error err;

	demand(trial.parser && (core || context_core_new(&core, &err) == ERR_OK));
	trial.context = core;
	arena_init(&trial.arena, ARENA_BYTES_MAX);
	run(&trial, (struct str){(const char *)data, size});
	arena_done(&trial.arena);
	trial.parser = json_parser_free(trial.parser);
	return 0;
}
