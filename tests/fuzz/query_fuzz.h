/* What the fuzz targets of queries share: a few entities, and the promise that narrowing loses no match. */
#ifndef MACHI_TESTS_QUERY_FUZZ_H
#define MACHI_TESTS_QUERY_FUZZ_H

#include "ngsild/query.h"

#include <assert.h>
#include <stdlib.h>

#define FUZZ_ENTITIES 3
#define VOCAB NGSILD_DEFAULT_VOCAB

struct query_fuzz {
	struct context *core;
	struct json_parser *parser;
	struct arena arena; /* of the entities */
	const struct json *entities[FUZZ_ENTITIES];
};

static const char *const fuzz_entities[FUZZ_ENTITIES] = {
	"{\"id\":\"urn:x:1\",\"type\":[\"" VOCAB "A\",\"" VOCAB "B\"],\"scope\":[\"/M/G/P\",\"C\"],\"createdAt\":5,"
	"\"" VOCAB "a\":[{\"type\":\"Property\",\"value\":20,\"observedAt\":\"2020-01-01T00:00:00Z\",\"" VOCAB
	"b\":[{\"type\":\"Property\",\"value\":\"x\"}]},{\"type\":\"Property\",\"value\":[1,\"x\",null]}],"
	"\"https://uri.etsi.org/ngsi-ld/location\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\","
	"\"coordinates\":[8,40]}}]}",
	"{\"id\":\"urn:x:2\",\"type\":[\"" VOCAB "C\"],\"createdAt\":6,\"modifiedAt\":7,\"" VOCAB
	"a\":[{\"type\":\"LanguageProperty\",\"languageMap\":{\"en\":\"red\",\"fr\":[\"rouge\"]}}],\"" VOCAB
	"b\":[{\"type\":\"Relationship\",\"object\":[\"urn:x:1\"]}],\"" VOCAB
	"c\":[{\"type\":\"Property\",\"value\":{\"k\":{\"m\":true}}}],"
	"\"https://uri.etsi.org/ngsi-ld/location\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Polygon\","
	"\"coordinates\":[[[0,0],[9,0],[9,41],[0,41],[0,0]]]}}]}",
	"{\"id\":\"urn:x:3\",\"type\":[\"" VOCAB "A\"],\"createdAt\":5,\"" VOCAB
	"a\":[{\"type\":\"ListRelationship\",\"objectList\":[{\"object\":\"urn:x:1\"}]}],"
	"\"https://uri.etsi.org/ngsi-ld/location\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"MultiLineString\","
	"\"coordinates\":[[[0,0],[9,41]],[[179,1],[180,2]]]}}]}",
};

static inline struct query_fuzz *query_fuzz_ready(void)
{
	static struct query_fuzz fuzz;
	struct error err;

	if (fuzz.core)
		return &fuzz;
	arena_init(&fuzz.arena, 1 << 20);
	fuzz.parser = json_parser_new();
	if (!fuzz.parser || context_core_new(&fuzz.core, &err) != ERR_OK)
		abort();
	for (int i = 0; i < FUZZ_ENTITIES; i++) {
		struct json *entity;

		if (json_parse(fuzz.parser, &fuzz.arena, str_from(fuzz_entities[i]), NULL, &entity, &err) != ERR_OK)
			abort();
		fuzz.entities[i] = entity;
	}
	return &fuzz;
}

struct query_fuzz_range {
	const struct narrow_attribute *condition;
	bool holds;
};

static inline bool query_fuzz_visit(void *self, const struct json *node)
{
	struct query_fuzz_range *range = self;
	const struct narrow_attribute *c = range->condition;
	struct str text = json_text(node);

	if (c->is_text != json_is(node, JSON_STRING))
		return true;
	if (c->is_text)
		range->holds = range->holds || ((!c->has_low || str_cmp(text, c->low_text) >= 0) &&
						(!c->has_high || str_cmp(text, c->high_text) <= 0));
	else
		range->holds = range->holds || ((!c->has_low || node->number >= c->low_number) &&
						(!c->has_high || node->number <= c->high_number));
	return true;
}

static inline void query_fuzz_check(const struct narrow *narrow, const struct json *entity)
{
	bool type = narrow->type_count == 0;
	struct geo_box box = {0, 0, 0, 0};

	for (size_t i = 0; i < narrow->type_count; i++)
		type = type || document_has_type(entity, narrow->type_iris[i]);
	assert(type);
	assert(str_starts(document_id(entity), narrow->id_prefix));
	for (size_t i = 0; i < narrow->attribute_count; i++) {
		struct query_fuzz_range range = {.condition = &narrow->attributes[i]};
		const struct json *instances = json_get(entity, range.condition->attribute_iri);

		assert(instances);
		if (range.condition->op == NARROW_RANGE)
			query_each_narrow_value(instances, query_fuzz_visit, &range);
		assert(range.holds || range.condition->op == NARROW_EXISTS);
	}
	if (!narrow->geo_attribute_iri.at)
		return;
	const struct json *place = json_at(json_get(entity, narrow->geo_attribute_iri), 0);

	assert(geo_bounds(json_get(place, STR("value")), &box) && geo_box_overlaps(box, narrow->geo_box));
}

/* The entities link to each other, so that q may reach from one into the next. */
static inline const struct json *query_fuzz_find(void *self, struct str id)
{
	const struct query_fuzz *fuzz = self;

	for (int i = 0; i < FUZZ_ENTITIES; i++)
		if (str_eq(document_id(fuzz->entities[i]), id))
			return fuzz->entities[i];
	return NULL;
}

/* Builds the query and holds all entities against it. */
static inline void query_fuzz_run(const struct query_text *text)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	const struct linked_source linked = {query_fuzz_find, fuzz};
	struct query *query;
	struct arena arena;
	struct error err = {.code = ERR_OK};

	arena_init(&arena, 1 << 22);
	if (query_new(&arena, fuzz->parser, text, fuzz->core, &query, &err) == ERR_OK) {
		for (int i = 0; i < FUZZ_ENTITIES; i++)
			if (query_matches_linked(query, fuzz->entities[i], &linked))
				query_fuzz_check(query_narrow(query), fuzz->entities[i]);
		query_done(query);
	} else {
		assert(err.code != ERR_OK && err.code != ERR_INTERNAL && err.detail[0]);
	}
	arena_done(&arena);
}

#endif
