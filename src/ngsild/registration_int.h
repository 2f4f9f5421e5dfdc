/* Shared by the files of registrations. */
#ifndef MACHI_NGSILD_REGISTRATION_INT_H
#define MACHI_NGSILD_REGISTRATION_INT_H

#include "ngsild/query_pattern.h"
#include "ngsild/registration.h"
#include "ngsild/shape.h"

#define REGISTRATION_SUBJECT "the registration"

extern const struct shape registration_shape;

/* registration_check.c: what the members of a whole document demand of each other. */
MUST_CHECK enum err_code registration_check_whole(const struct checking *c, const struct json *document);

/* registration_hidden.c: none of a whole document's, which has kept none before. */
MUST_CHECK enum err_code registration_check_hidden(const struct checking *c, const struct json *document);
/* After a merge: what a fragment has hidden, and what it does not touch, is as before. */
MUST_CHECK enum err_code registration_keep_hidden(const struct checking *c, struct arena *arena,
						  const struct json *before, const struct json *fragment,
						  struct json *result);

/* registration_operation.c: what an operation or a group of them (4.20) stands for, a bit each; 0: nobody knows it. */
uint64_t registration_operations_named(struct str name);
uint64_t registration_operations_of(const struct json *document);

/* ---- compiled ---- */

/* EntityInfo (5.2.8) */
struct registered_entity {
	struct str id; /* STR_NONE: none */
	const struct pattern *id_pattern; /* NULL: none, or there is an id, which takes precedence */
	struct str id_pattern_text; /* STR_NONE without id_pattern */
	const struct json *types; /* { "type": [IRI, …] }, as queries read entities */
};

/* RegistrationInfo (5.2.10) */
struct registered_info {
	const struct registered_entity *entities; /* count 0: any entity */
	size_t entity_count;
	const struct str *attributes; /* IRIs of Properties and Relationships, sorted; count 0: any attribute */
	size_t attribute_count;
};

/* A geometry that asked ones are held against, and whether these meet it, lie in it, hold it. */
enum place_relation { PLACE_MEETS, PLACE_HOLDS, PLACE_LIES_IN, PLACE_RELATION_COUNT };
struct registered_place {
	struct str iri; /* of the GeoProperty */
	const struct json *geometry; /* NULL: not restricted */
	struct geo_query queries[PLACE_RELATION_COUNT];
	struct geo_matcher *matchers[PLACE_RELATION_COUNT]; /* owned */
};
#define REGISTERED_PLACES 3 /* location, observationSpace, operationSpace */

struct registered_interval {
	bool given;
	int64_t start_us, end_us; /* INT64_MAX: open */
};

struct registration {
	struct arena arena;
	const struct json *document; /* in the arena */
	enum registration_mode mode;
	int64_t expires_us;
	uint64_t operations; /* a bit for each enum source_operation */
	const struct registered_info *infos; /* in the order of "information" */
	size_t info_count;
	struct pattern *patterns; /* all of entities, chained, owned */
	const struct str *dataset_ids;
	size_t dataset_count;
	const struct json *scopes; /* an array of texts; NULL: not restricted */
	struct registered_place places[REGISTERED_PLACES];
	struct registered_interval observation, management;
	const struct json *members; /* an entity whose Properties are the registration's members, for csf */
	struct registration_claim claim;
};

/* registration_match.c: does the question name attributes? */
bool registration_names_attributes(const struct registration_question *question);
/* Is it what the question asks for? */
bool registration_entity_matches(const struct registration *registration, const struct registered_entity *entity,
				 const struct registration_question *question);
bool registration_info_matches(const struct registration *registration, const struct registered_info *info,
			       const struct registration_question *question);

#endif
