/* Random queries against random entities. Method: the evaluator must agree with a second one that was written from the
 * clause in another way (query_naive.h), and whatever matches must satisfy every condition that stores narrow by,
 * checked by a plain walk over the document. Same seed, same run (of one compiler: the order of arguments counts). */
#include "query_naive.h"

#define ROUNDS 2000
#define ENTITIES 12

static uint64_t state = 42;

static uint32_t dice(uint32_t sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % sides;
}

static const char *one_of(const char *const *list, uint32_t count)
{
	return list[dice(count)];
}

#define ONE_OF(...)                                                                                                    \
	one_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- entities, already expanded ---- */

static const char *scalar(void)
{
	return ONE_OF("0", "1", "-1.5", "2", "2.50", "3e0", "true", "false", "\"red\"", "\"green\"", "\"re\"", "\"\"",
		      "\"urn:x:1\"", "\"2020-01-01T00:00:00Z\"", "\"2020-01-01T00:00:00.5Z\"", "\"2020-01-02\"",
		      "\"10:00:00Z\"", "{\"@type\":\"DateTime\",\"@value\":\"2021-01-01T00:00:00Z\"}", "null");
}

static void put_value(struct buf *out)
{
	switch (dice(5)) {
	case 0:
		buf_printf(out, "[%s,%s]", scalar(), scalar());
		break;
	case 1:
		buf_printf(out, "{\"k\":%s,\"m\":{\"n\":%s}}", scalar(), scalar());
		break;
	default:
		buf_printf(out, "%s", scalar());
	}
}

static void put_attributes(struct buf *out, int depth);

static void put_instance(struct buf *out, int depth)
{
	switch (dice(7)) {
	case 0:
		buf_printf(out, "{\"type\":\"Relationship\",\"object\":%s",
			   ONE_OF("\"urn:x:1\"", "[\"urn:x:1\",\"urn:x:2\"]", "\"urn:x:2\""));
		break;
	case 1:
		buf_printf(out, "{\"type\":\"LanguageProperty\",\"languageMap\":{\"en\":%s,\"fr\":%s}",
			   ONE_OF("\"red\"", "\"green\"", "[\"red\",\"re\"]"),
			   ONE_OF("\"red\"", "\"rouge\"", "[\"re\"]"));
		break;
	case 2:
		buf_printf(out, "{\"type\":\"ListRelationship\",\"objectList\":[{\"object\":\"urn:x:%u\"}]", dice(3));
		break;
	case 3:
		buf_printf(out, "{\"type\":\"ListProperty\",\"valueList\":[%s,%s]", scalar(), scalar());
		break;
	default:
		buf_printf(out, "{\"type\":\"Property\",\"value\":");
		put_value(out);
	}
	if (dice(2))
		buf_printf(out, ",\"observedAt\":\"202%u-01-01T00:00:00Z\"", dice(3));
	if (dice(3) == 0)
		buf_printf(out, ",\"unitCode\":\"%s\"", ONE_OF("red", "CEL"));
	put_attributes(out, depth - 1);
	buf_put_char(out, '}');
}

static void put_attributes(struct buf *out, int depth)
{
	for (char name = 'a'; depth > 0 && name <= 'd'; name++) {
		if (dice(depth > 1 ? 3 : 2) == 0)
			continue;
		buf_printf(out, ",\"" VOCAB "%c\":[", name);
		put_instance(out, depth);
		if (dice(3) == 0) {
			buf_put_char(out, ',');
			put_instance(out, depth);
		}
		buf_put_char(out, ']');
	}
}

static struct json *random_entity(void)
{
	struct buf out;
	struct json *document = NULL;
	struct error err;

	buf_init(&out, 1 << 20);
	buf_printf(&out, "{\"id\":\"urn:%s:%u\",\"type\":[\"" VOCAB "%s\"", ONE_OF("x", "y.z"), dice(4),
		   ONE_OF("A", "B", "C"));
	if (dice(2))
		buf_printf(&out, ",\"" VOCAB "D\"");
	buf_printf(&out, "],\"scope\":[\"%s\",\"%s\"]", ONE_OF("/M/G", "/M/G/P", "/M", "M/S/P", "/C"),
		   ONE_OF("/M/S", "/C/X", "/C", "/M/G/P/Q"));
	put_attributes(&out, 2);
	buf_put_char(&out, '}');
	CHECK_OK(json_parse(parser, &arena, buf_str(&out), NULL, &document, &err), &err);
	buf_done(&out);
	return document;
}

/* ---- queries ---- */

static const char *literal(void)
{
	return ONE_OF("0", "1", "-1.5", "2", "2.5", "\"red\"", "\"re\"", "\"green\"", "\"\"", "\"urn:x:1\"",
		      "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.500Z", "2021-01-01T00:00:00Z", "2020-01-02",
		      "10:00:00Z", "\"2020-01-02\"");
}

static void put_values(struct buf *out)
{
	switch (dice(6)) {
	case 0:
		buf_printf(out, "%s",
			   ONE_OF("0..2", "-2..0.5", "1..1", "2..1", "\"green\"..\"red\"", "\"\"..\"re\"",
				  "2020-01-01T00:00:00Z..2020-12-31T00:00:00Z", "2020-01-01..2020-01-03"));
		break;
	case 1:
		buf_printf(out, "%s,%s", literal(), literal());
		break;
	case 2:
		buf_printf(out, "%s", ONE_OF("true", "false", "urn:x:1", "true,1"));
		break;
	default:
		buf_printf(out, "%s", literal());
	}
}

static void put_term(struct buf *out)
{
	buf_printf(out, "%s", ONE_OF("a", "b", "c", "d"));
	if (dice(4) == 0)
		buf_printf(out, ".%s", ONE_OF("a", "b", "c", "observedAt", "unitCode"));
	else if (dice(4) == 0)
		buf_printf(out, "[%s]", ONE_OF("k", "m.n", "m", "en", "*", "fr"));
	switch (dice(7)) {
	case 0:
		break;
	case 1:
	case 2:
	case 3:
		buf_printf(out, "%s", ONE_OF("==", "!="));
		put_values(out);
		break;
	case 4:
		buf_printf(out, "%s\"%s\"", ONE_OF("~=", "!~="), ONE_OF("^re", "e+n", "d$", "^$", "(r|g)[a-r]*e", "1"));
		break;
	default:
		buf_printf(out, "%s%s", ONE_OF(">", ">=", "<", "<="), literal());
	}
}

static void put_query(struct buf *out, int depth)
{
	uint32_t parts = depth ? 1 + dice(3) : 1;

	for (uint32_t i = 0; i < parts; i++) {
		bool group = depth && dice(2);

		if (i)
			buf_printf(out, "%s", ONE_OF(";", "|"));
		if (group) {
			buf_put_char(out, '(');
			put_query(out, depth - 1);
			buf_put_char(out, ')');
		} else {
			put_term(out);
		}
	}
}

/* ---- what a match must satisfy ---- */

struct found {
	const struct narrow_attribute *condition;
	bool holds;
};

static bool in_range(const struct narrow_attribute *range, const struct json *node)
{
	if (range->is_text) {
		struct str text = json_text(node);

		return json_is(node, JSON_STRING) && (!range->has_low || str_cmp(text, range->low_text) >= 0) &&
		       (!range->has_high || str_cmp(text, range->high_text) <= 0);
	}
	return json_is(node, JSON_NUMBER) && (!range->has_low || node->number >= range->low_number) &&
	       (!range->has_high || node->number <= range->high_number);
}

static bool visit(void *self, const struct json *node)
{
	struct found *found = self;

	found->holds = found->holds || in_range(found->condition, node);
	return !found->holds;
}

static bool has_scope_under(const struct json *document, struct str prefix)
{
	const struct json *scopes = json_get(document, STR("scope"));

	for (size_t i = 0; json_at(scopes, i); i++) {
		struct str scope = json_text(json_at(scopes, i));

		if (!str_starts(scope, STR("/")))
			scope = arena_concat(&arena, STR("/"), scope);
		if (str_eq(scope, prefix) || str_starts(scope, arena_concat(&arena, prefix, STR("/"))))
			return true;
	}
	return false;
}

static bool satisfies(const struct narrow *narrow, const struct json *document)
{
	bool good = narrow->type_count == 0;

	for (size_t i = 0; i < narrow->type_count; i++)
		good = good || document_has_type(document, narrow->type_iris[i]);
	good = good && str_starts(document_id(document), narrow->id_prefix);
	good = good && (narrow->scope_prefix.len == 0 || has_scope_under(document, narrow->scope_prefix));
	for (size_t i = 0; good && i < narrow->attribute_count; i++) {
		struct found found = {.condition = &narrow->attributes[i]};
		const struct json *instances = json_get(document, found.condition->attribute_iri);

		if (found.condition->op == NARROW_RANGE)
			query_each_narrow_value(instances, visit, &found);
		good = found.condition->op == NARROW_EXISTS ? instances != NULL : found.holds;
	}
	return good;
}

static void two_evaluators_agree_and_narrowing_loses_nothing(void)
{
	int matched = 0, narrowed = 0, ranges = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct buf out;
		struct error err;
		struct query *query = NULL;

		buf_init(&out, 1 << 16);
		put_query(&out, (int)dice(3));
		struct query_text text = {.q = buf_str(&out)};

		if (!CHECK_OK(query_new(&arena, parser, &text, core, &query, &err), &err))
			printf("# %.*s\n", STR_FMT(text.q));
		for (int i = 0; query && i < ENTITIES; i++) {
			const struct json *document = random_entity();
			bool is = query_matches(query, document), should = naive_matches(text.q, document);

			matched += is;
			narrowed += !satisfies(query_narrow(query), document);
			if (!CHECK(is == should) || !CHECK(!is || satisfies(query_narrow(query), document))) {
				struct buf shown;

				buf_init(&shown, 1 << 16);
				json_write(&shown, document);
				printf("# q=%.*s\n# %.*s\n", STR_FMT(text.q), STR_FMT(buf_str(&shown)));
				buf_done(&shown);
			}
		}
		for (size_t i = 0; query && i < query_narrow(query)->attribute_count; i++)
			ranges += query_narrow(query)->attributes[i].op == NARROW_RANGE;
		query_done(query);
		buf_done(&out);
		arena_clear(&arena);
	}
	/* The dice must have thrown both outcomes often, or the run says little. */
	printf("# %d of %d matched, %d were ruled out by narrowing, %d ranges\n", matched, ROUNDS * ENTITIES, narrowed,
	       ranges);
	CHECK(matched > ROUNDS * ENTITIES / 10 && matched < ROUNDS * ENTITIES * 9 / 10);
	CHECK(narrowed > ROUNDS * ENTITIES / 10 && ranges > ROUNDS / 10);
}

/* The narrow values of an attribute are its scalars: the evaluator's equality with each of them must hold. */
static bool equals_itself(void *self, const struct json *node)
{
	struct buf out;
	struct query_text text;

	buf_init(&out, 1 << 12);
	buf_printf(&out, "a==");
	json_write(&out, node);
	text = (struct query_text){.q = buf_str(&out)};
	if (!CHECK(matches(&text, self)))
		printf("# %.*s\n", STR_FMT(text.q));
	buf_done(&out);
	return true;
}

static void every_narrow_value_can_be_asked_for(void)
{
	for (int i = 0; i < 500; i++) {
		struct json *document = random_entity();

		query_each_narrow_value(json_get(document, STR(VOCAB "a")), equals_itself, document);
	}
}

static struct str random_text(char *buffer, size_t room, const char *(*part)(void), const char *group)
{
	int len = 0;
	uint32_t alternatives = 1 + dice(3);

	for (uint32_t i = 0; i < alternatives; i++) {
		bool grouped = dice(2) == 0;

		len += snprintf(buffer + len, room - (size_t)len, "%s%s%s", i ? ONE_OF("|", ",") : "",
				grouped ? group : "", part());
		if (grouped)
			len += snprintf(buffer + len, room - (size_t)len, ";%s)", part());
	}
	return (struct str){buffer, (size_t)len};
}

static const char *type_part(void)
{
	static const char iri_of_a[] = VOCAB "A";

	return ONE_OF("A", "B", "C", "D", iri_of_a);
}

static const char *scope_part(void)
{
	return ONE_OF("/M", "/M/G", "/M/G/#", "/M/#", "/+/G", "/M/+/P", "/C", "/C/#", "/M/S/P", "/#", "/M/G/+/#");
}

/* Is the scope in the pattern's set? By comparing the last levels first. */
static bool naive_scope(struct str pattern, struct str scope)
{
	if (str_starts(scope, STR("/")))
		scope = str_part(scope, 1, scope.len);
	if (str_starts(pattern, STR("/")))
		pattern = str_part(pattern, 1, pattern.len);
	bool below = str_ends(pattern, STR("#"));
	struct str pattern_levels[8], scope_levels[8];
	size_t patterns = 0, scopes = 0;

	if (below)
		pattern = str_part(pattern, 0, pattern.len > 1 ? pattern.len - 2 : 0);
	while (pattern.len && str_next(&pattern, '/', &pattern_levels[patterns]))
		patterns++;
	while (str_next(&scope, '/', &scope_levels[scopes]))
		scopes++;
	for (size_t i = patterns; i > 0; i--)
		if (i > scopes ||
		    (!str_eq(pattern_levels[i - 1], STR("+")) && !str_eq(pattern_levels[i - 1], scope_levels[i - 1])))
			return false;
	return below || patterns == scopes;
}

static bool naive_selection(struct str text, const struct json *document, bool scopes)
{
	size_t at;
	const struct json *list = json_get(document, scopes ? STR("scope") : STR("type"));

	if (naive_any_separator(text, '|', &at) || naive_any_separator(text, ',', &at))
		return naive_selection(str_part(text, 0, at), document, scopes) ||
		       naive_selection(str_part(text, at + 1, text.len), document, scopes);
	if (str_starts(text, STR("(")))
		text = str_part(text, 1, text.len - 1);
	if (naive_any_separator(text, ';', &at))
		return naive_selection(str_part(text, 0, at), document, scopes) &&
		       naive_selection(str_part(text, at + 1, text.len), document, scopes);
	if (!scopes && !str_starts(text, STR("https:")))
		text = arena_concat(&arena, STR(VOCAB), text);
	for (size_t i = 0; json_at(list, i); i++) {
		struct str have = json_text(json_at(list, i));

		if (scopes ? naive_scope(text, have) : str_eq(text, have))
			return true;
	}
	return false;
}

static void selections_of_types_and_scopes_agree_too(void)
{
	int matched = 0;

	for (int round = 0; round < ROUNDS; round++) {
		char types[512], scopes[512];
		struct query_text text = {.type = random_text(types, sizeof(types), type_part, "("),
					  .scope_q = random_text(scopes, sizeof(scopes), scope_part, "("),
					  .id_pattern = str_from(ONE_OF("^urn:x", "urn:", "^urn:y\\.z:[0-2]", "3$"))};
		struct query *query = build(&text);

		for (int i = 0; query && i < ENTITIES; i++) {
			const struct json *document = random_entity();
			regex_t regex;
			bool is = query_matches(query, document);
			bool should = naive_selection(text.type, document, false) &&
				      naive_selection(text.scope_q, document, true);
			char id[64];

			(void)snprintf(id, sizeof(id), "%.*s", STR_FMT(document_id(document)));
			CHECK(regcomp(&regex, text.id_pattern.at, REG_EXTENDED | REG_NOSUB) == 0);
			should = should && regexec(&regex, id, 0, NULL, 0) == 0;
			regfree(&regex);
			matched += is;
			if (!CHECK(is == should) || !CHECK(!is || satisfies(query_narrow(query), document)))
				printf("# type=%s scopeQ=%s %s\n", types, scopes, id);
		}
		query_done(query);
		arena_clear(&arena);
	}
	CHECK(matched > ROUNDS && matched < ROUNDS * ENTITIES * 9 / 10);
}

int main(void)
{
	query_check_begin();
	RUN(two_evaluators_agree_and_narrowing_loses_nothing);
	RUN(every_narrow_value_can_be_asked_for);
	RUN(selections_of_types_and_scopes_agree_too);
	return query_check_end();
}
