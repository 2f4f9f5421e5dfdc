/* Paths, topics and rows of messages. Paths against the examples of RFC 9535 that are singular (2.3.1.3, 2.3.3.3). */
#include "check.h"
#include "feed/json_path.h"
#include "feed/record.h"

static struct arena arena;
static struct error err;
static struct json_parser *parser;

static const struct json *document(const char *text)
{
	struct json *parsed = NULL;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &parsed, &err), &err);
	return parsed;
}

/* What the path finds, as JSON; "" where it finds nothing. */
static struct str found(const char *path, const struct json *in)
{
	struct json_path parsed;
	struct buf text;

	if (!CHECK_OK(json_path_parse(str_from(path), &arena, &parsed, &err), &err))
		return STR_NONE;
	const struct json *node = json_path_find(&parsed, in);

	if (!node)
		return STR("");
	buf_init(&text, 10000);
	json_write(&text, node);
	struct str copy = arena_dup(&arena, buf_str(&text));

	buf_done(&text);
	return copy;
}

static void paths_lead_where_the_standard_says(void)
{
	/* RFC 9535, 2.3.1.3 and 2.3.3.3. */
	const struct json *names = document("{\"o\": {\"j j\": {\"k.k\": 3}}, \"'\": {\"@\": 2}}");
	const struct json *letters = document("[\"a\", \"b\"]");

	CHECK_STR(found("$.o['j j']", names), STR("{\"k.k\":3}"));
	CHECK_STR(found("$.o['j j']['k.k']", names), STR("3"));
	CHECK_STR(found("$.o[\"j j\"][\"k.k\"]", names), STR("3"));
	CHECK_STR(found("$[\"'\"][\"@\"]", names), STR("2"));
	CHECK_STR(found("$['\\'']['@']", names), STR("2"));
	CHECK_STR(found("$[1]", letters), STR("\"b\""));
	CHECK_STR(found("$[-2]", letters), STR("\"a\""));
	CHECK_STR(found("$[2]", letters), STR(""));
	CHECK_STR(found("$[-3]", letters), STR(""));
	CHECK_STR(found("$.a", letters), STR(""));
	CHECK_STR(found("$[0]", names), STR(""));
	CHECK_STR(found("$", letters), STR("[\"a\",\"b\"]"));
	CHECK_STR(found("o['j j'][\"k.k\"]", names), STR("3"));
	CHECK_STR(found("[1]", letters), STR("\"b\""));
}

static void paths_that_are_none_say_where(void)
{
	static const struct {
		const char *path, *says;
	} bad[] = {
		{"a..b", "no name at character 3"},
		{"a[", "neither a number nor a name in quotes at character 3"},
		{"a[1", "no \"]\" at character 4"},
		{"a['b]", "a quote that does not end at character 6"},
		{"$a", "neither \".\" nor \"[\" at character 2"},
		{"a]b", "neither \".\" nor \"[\" at character 2"},
		{"a.", "no name at character 3"},
		{"", "no name at character 1"},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "too many steps"},
	};
	struct json_path path;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(json_path_parse(str_from(bad[i].path), &arena, &path, &err) == ERR_INVALID);
		if (!CHECK(str_contains(str_from(err.detail), str_from(bad[i].says))))
			printf("# %s\n", err.detail);
	}
}

static void topics_have_named_levels(void)
{
	struct topic_pattern pattern;

	CHECK_OK(topic_pattern_parse(STR("$share/g/city/{room}/+/{device}"), &arena, &pattern, &err), &err);
	CHECK_STR(pattern.filter, STR("$share/g/city/+/+/+"));
	CHECK(pattern.level_count == 4);
	CHECK_STR(pattern.names[1], STR("room"));
	CHECK(!pattern.names[2].at);
	CHECK(topic_pattern_fits(&pattern, STR("city/a/b/c")));
	CHECK(!topic_pattern_fits(&pattern, STR("city/a/b")));
	CHECK(topic_pattern_parse(STR("a/{b}/{b}"), &arena, &pattern, &err) == ERR_INVALID);
	CHECK(topic_pattern_parse(STR("a/{b"), &arena, &pattern, &err) == ERR_INVALID);
	CHECK(topic_pattern_parse(STR("a/{}"), &arena, &pattern, &err) == ERR_INVALID);
}

static struct mapping *mapping_with(const char *head, const char *columns)
{
	struct mapping *mapping = NULL;
	struct str text = arena_printf(&arena, "id: urn:x:{room}\ntype: T\n%sattributes:\n%s", head, columns);

	CHECK_OK(mapping_parse(STR("m.yaml"), text, &mapping, &err), &err);
	return mapping;
}

static void columns_mean_parts_of_a_message(void)
{
	static const char *const columns = "  a: {kind: text, column: topic}\n"
					   "  b: {kind: text, column: \"topic[2]\"}\n"
					   "  c: {kind: text, column: t}\n"
					   "  d: {kind: text, column: \"s.on\"}\n"
					   "  e: {kind: text, column: \"s\"}\n"
					   "  f: {kind: text, column: received}\n"
					   "  g: {kind: text, column: payload}\n"
					   "  h: {kind: text, column: \"n\"}\n"
					   "  i: {kind: text, column: \"topic[9]\"}\n"
					   "  j: {kind: text, column: \"$.room\"}\n";
	static const char *const payload = "{\"t\": 21.50, \"s\": {\"on\": true}, \"n\": null, \"room\": \"inner\"}";
	static const struct {
		const char *text;
	} wanted[] = {{"kitchen"},       {"city/kitchen/lamp"},    {"lamp"}, {"21.50"}, {"true"},
		      {"{\"on\":true}"}, {"2026-01-01T00:00:00Z"}, {NULL},   {NULL},    {NULL},
		      {"inner"}};
	struct mapping *mapping = mapping_with("", columns);
	struct topic_pattern pattern;
	struct record_plan *plan = NULL;
	struct str values[16];
	size_t count;

	CHECK_OK(topic_pattern_parse(STR("city/{room}/#"), &arena, &pattern, &err), &err);
	CHECK_OK(record_plan_new(mapping, &pattern, 1, &arena, &plan, &err), &err);
	CHECK(record_plan_reads_json(plan));
	(void)mapping_columns(mapping, &count);
	CHECK(count == sizeof(wanted) / sizeof(wanted[0]));
	const struct record record = {.topic = STR("city/kitchen/lamp"),
				      .payload = str_from(payload),
				      .received_us = INT64_C(1767225600000000),
				      .pattern = &pattern,
				      .document = document(payload)};

	CHECK(record_rows(plan, &record) == 1);
	CHECK(record_row(plan, &record, 0, &arena, values));
	for (size_t i = 0; i < count; i++)
		CHECK_STR(values[i], i == 7 ? str_from(payload) : str_from(wanted[i].text));
	CHECK(values[8].at == NULL);
	(void)mapping_free(mapping);
}

static void each_makes_rows(void)
{
	static const char *const columns = "  a: {kind: text, column: v}\n  b: {kind: text, column: $.at}\n";
	struct mapping *list = mapping_with("each: $.items\n", columns);
	struct mapping *object = mapping_with("each: sensors\n", "  a: {kind: text, column: key}\n");
	struct record_plan *list_plan = NULL, *object_plan = NULL;
	struct record record = {
		.document = document(
			"{\"at\": 7, \"items\": [{\"v\": 1}, {\"v\": 2}], \"sensors\": {\"x\": 1, \"y\": 2}}")};
	struct str values[8];

	CHECK_OK(record_plan_new(list, NULL, 0, &arena, &list_plan, &err), &err);
	CHECK_OK(record_plan_new(object, NULL, 0, &arena, &object_plan, &err), &err);
	CHECK(record_rows(list_plan, &record) == 2);
	CHECK(record_row(list_plan, &record, 1, &arena, values));
	CHECK_STR(values[1], STR("2"));
	CHECK_STR(values[2], STR("7"));
	CHECK(record_rows(object_plan, &record) == 2);
	CHECK(record_row(object_plan, &record, 1, &arena, values));
	CHECK_STR(values[1], STR("y"));
	record.document = document("{\"items\": 5}");
	CHECK(record_rows(list_plan, &record) == RECORD_ROWS_NONE);
	record.document = document("{\"items\": []}");
	CHECK(record_rows(list_plan, &record) == 0);
	(void)mapping_free(list);
	(void)mapping_free(object);
}

/* Of rows that have names of their own, what is no part of the topic is theirs. */
static void cells_stand_for_places(void)
{
	struct mapping *mapping = mapping_with("topic: city/{room}\n", "  a: {kind: text, column: \"['a.b']\"}\n"
								       "  r: {kind: text, column: room}\n");
	struct topic_pattern pattern;
	struct record_plan *plan = NULL;
	struct str cells[8], values[8];
	size_t count;
	const struct str *names = mapping_columns(mapping, &count);
	struct record record = {.topic = STR("city/x"), .pattern = &pattern, .cells = cells};

	CHECK_OK(topic_pattern_parse(STR("city/{room}"), &arena, &pattern, &err), &err);
	CHECK_OK(record_plan_new(mapping, &pattern, 1, &arena, &plan, &err), &err);
	for (size_t i = 0; i < count && CHECK(count <= 8); i++) {
		bool is_quoted = str_eq(names[i], STR("['a.b']"));

		CHECK_STR(record_plan_name(plan, i), is_quoted ? STR("a.b") : names[i]);
		cells[i] = is_quoted ? STR("cell") : STR("other");
	}
	CHECK(record_row(plan, &record, 0, &arena, values));
	for (size_t i = 0; i < count; i++)
		CHECK_STR(values[i], str_eq(names[i], STR("room")) ? STR("x") : cells[i]);
	(void)mapping_free(mapping);
}

int main(void)
{
	arena_init(&arena, 16 << 20);
	parser = json_parser_new();
	RUN(paths_lead_where_the_standard_says);
	RUN(paths_that_are_none_say_where);
	RUN(topics_have_named_levels);
	RUN(columns_mean_parts_of_a_message);
	RUN(each_makes_rows);
	RUN(cells_stand_for_places);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
