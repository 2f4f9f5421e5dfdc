/* What a snapshot's document may say: its members as a table, and the rules about its queries. */
#include "ngsild/snapshot.h"

#include "base/duration.h"
#include "ngsild/shape.h"

#define SUBJECT "the snapshot"
#define QUERIES STR("snapshotQueries")
#define TEMPORAL_QUERIES STR("snapshotTemporalQueries")

static enum err_code check_type(const struct checking *c, const struct place *place, const struct json *value)
{
	return str_eq(json_text(value), STR("Snapshot")) ? ERR_OK
							 : place_fail(c, place, ERR_INVALID, "is to be \"Snapshot\"");
}

static enum err_code check_lifetime(const struct checking *c, const struct place *place, const struct json *value)
{
	int64_t us;

	return duration_parse_iso(json_text(value), &us) && us > 0
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is no duration such as \"PT15M\": \"%.*s\"",
				    STR_FMT(str_part(json_text(value), 0, 80)));
}

static enum err_code check_priority(const struct checking *c, const struct place *place, const struct json *value)
{
	return value->number <= SNAPSHOT_PRIORITY_MAX
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is to be a whole number from 1 to %d",
				    SNAPSHOT_PRIORITY_MAX);
}

static enum err_code check_endpoint(const struct checking *c, const struct place *place, const struct json *value)
{
	static const struct str schemes[] = {SHAPE_NAME("http://"), SHAPE_NAME("https://"), SHAPE_NAME("mqtt://"),
					     SHAPE_NAME("mqtts://")};
	struct str path;

	return value_address(c, place, json_text(value), schemes, sizeof(schemes) / sizeof(schemes[0]),
			     "http, https, mqtt or mqtts", &path);
}

/* An array of objects; check_queries() says more. */
static enum err_code check_list(const struct checking *c, const struct place *place, const struct json *value)
{
	return json_is(value, JSON_ARRAY) && value->count > 0
		       ? ERR_OK
		       : place_fail(c, place, ERR_INVALID, "is to be an array of queries, not empty");
}

static const struct rule rules[] = {
	{SHAPE_NAME("id"), RULE_TEXT, false, NULL, value_uri},
	{SHAPE_NAME("type"), RULE_TEXT, true, NULL, check_type},
	{SHAPE_NAME("snapshotQueries"), RULE_TEXT_OR_ARRAY, false, NULL, check_list},
	{SHAPE_NAME("snapshotTemporalQueries"), RULE_TEXT_OR_ARRAY, false, NULL, check_list},
	{SHAPE_NAME("snapshotLifetime"), RULE_TEXT, false, NULL, check_lifetime},
	{SHAPE_NAME("snapshotPriority"), RULE_WHOLE, false, NULL, check_priority},
	{SHAPE_NAME("endpoint"), RULE_TEXT, false, NULL, check_endpoint},
	{SHAPE_NAME("receiverInfo"), RULE_OBJECTS, false, &pair_shape, NULL},
};
static const struct shape shape = SHAPE_OF(rules);

/* Table 5.2.41-1: those of snapshotQueries have no temporalQ, those of snapshotTemporalQueries do. */
static enum err_code check_queries(const struct checking *c, const struct json *document, struct str name,
				   bool temporal)
{
	const struct place list = {NULL, name, 0};
	const struct json *queries = shape_given(document, name);

	if (queries && queries->count > SNAPSHOT_QUERIES_MAX)
		return place_fail(c, &list, ERR_TOO_COMPLEX, "has more than %u queries", SNAPSHOT_QUERIES_MAX);
	for (uint32_t i = 0; queries && i < queries->count; i++) {
		const struct place item = {&list, STR_NONE, i};
		const struct json *query = &queries->items[i];

		if (!json_is(query, JSON_OBJECT) || !str_eq(json_text(json_get(query, STR("type"))), STR("Query")))
			return place_fail(c, &item, ERR_INVALID, "is to be an object of type \"Query\"");
		if (temporal && !json_is(json_get(query, STR("temporalQ")), JSON_OBJECT))
			return place_fail(c, &item, ERR_INVALID, "needs a temporalQ");
		if (!temporal && json_get(query, STR("temporalQ")))
			return place_fail(c, &item, ERR_INVALID, "cannot have a temporalQ");
	}
	return ERR_OK;
}

static enum err_code check_no_queries(const struct checking *c, const struct json *document, enum snapshot_use use)
{
	const struct str names[] = {QUERIES, TEMPORAL_QUERIES};

	for (size_t i = 0; i < 2; i++) {
		const struct place place = {NULL, names[i], 0};

		if (json_get(document, names[i]))
			return place_fail(c, &place, ERR_INVALID, "can only be set when a snapshot is created, not %s",
					  use == SNAPSHOT_TO_CLONE ? "with a clone" : "with an update");
	}
	return ERR_OK;
}

enum err_code snapshot_check(const struct json *document, enum snapshot_use use, struct error *err)
{
	const struct checking c = {SUBJECT, use == SNAPSHOT_TO_UPDATE, 0, err};

	if (!json_is(document, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a snapshot is to be a JSON object");
	enum err_code code = shape_check(&c, &shape, NULL, document);

	if (code == ERR_OK && use != SNAPSHOT_TO_CREATE)
		return check_no_queries(&c, document, use);
	if (code == ERR_OK && !shape_given(document, QUERIES) && !shape_given(document, TEMPORAL_QUERIES))
		code = err_set(err, ERR_INVALID, "a snapshot needs \"snapshotQueries\" or \"snapshotTemporalQueries\"");
	if (code == ERR_OK)
		code = check_queries(&c, document, QUERIES, false);
	return code == ERR_OK ? check_queries(&c, document, TEMPORAL_QUERIES, true) : code;
}

enum err_code snapshot_keep(struct arena *arena, const struct json *document, struct json **ret_document,
			    struct error *err)
{
	const struct checking c = {SUBJECT, false, 0, err};

	return shape_keep(&c, arena, &shape, document, ret_document);
}

enum err_code snapshot_merge(struct arena *arena, const struct json *document, const struct json *fragment,
			     struct json **ret_document, struct error *err)
{
	const struct checking whole = {SUBJECT, false, 0, err};
	struct json *result = NULL;
	enum err_code code = shape_merge(&whole, arena, &shape, document, fragment, &result);

	if (code == ERR_OK) /* its type, too, cannot be removed */
		code = shape_check(&whole, &shape, NULL, result);
	if (code == ERR_OK)
		*ret_document = result;
	return code;
}

/* ---- states ---- */

static const struct str statuses[SNAPSHOT_STATUS_COUNT] = {
	[SNAPSHOT_PREPARING] = SHAPE_NAME("preparing"), [SNAPSHOT_SUCCESS] = SHAPE_NAME("success"),
	[SNAPSHOT_PARTIAL] = SHAPE_NAME("partial"),     [SNAPSHOT_FAILURE] = SHAPE_NAME("failure"),
	[SNAPSHOT_EMPTY] = SHAPE_NAME("empty"),
};

struct str snapshot_status_name(enum snapshot_status status)
{
	return statuses[status];
}

enum snapshot_status snapshot_status_named(struct str name)
{
	enum snapshot_status status = 0;

	while (status < SNAPSHOT_STATUS_COUNT && !str_eq(name, statuses[status]))
		status++;
	return status;
}
