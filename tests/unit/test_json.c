/* The JSON room against RFC 8259: what is a document, what is not, and that what goes in comes out.
 *
 * Goal: every rule of the grammar has a document that keeps it and one that breaks it; numbers are exact to the digit;
 * limits refuse. Expected values are written by hand from the RFC, doubles are the C compiler's own reading. */
#include "check.h"
#include "json/json.h"

#include <float.h>
#include <string.h>

#define ARENA_BYTES (64u << 20)

static struct json_parser *parser;
static struct arena arena;
static struct error err;

static enum err_code parse(const char *text, struct json **ret)
{
	arena_clear(&arena);
	err = (struct error){0};
	return json_parse(parser, &arena, str_from(text), NULL, ret, &err);
}

static bool refused(const char *text, enum err_code code, const char *said)
{
	struct json *json = NULL;
	bool good = parse(text, &json) == code && !json && err.code == code &&
		    str_contains(str_from(err.detail), str_from(said));

	if (!good)
		printf("# %s: %s, \"%s\"\n", text, err_name(err.code), err.detail);
	return good;
}

/* Parsed and written again; the buffer's memory is reused by the next call. */
static struct str again(const char *text)
{
	static struct buf out;
	struct json *json;

	buf_done(&out);
	buf_init(&out, 1 << 20);
	if (parse(text, &json) == ERR_OK)
		json_write(&out, json);
	return buf_str(&out);
}

static void documents_are_written_as_they_were_read_without_white_space(void)
{
	CHECK_STR(again("null"), STR("null"));
	CHECK_STR(again(" true "), STR("true"));
	CHECK_STR(again("\r\n\tfalse"), STR("false"));
	CHECK_STR(again("\"\""), STR("\"\""));
	CHECK_STR(again("[]"), STR("[]"));
	CHECK_STR(again("[ ]"), STR("[]"));
	CHECK_STR(again("{}"), STR("{}"));
	CHECK_STR(again("{ \"a\" : [ 1 , [ ] , { } , \"b\" ] , \"c\" : { \"d\" : null } }"),
		  STR("{\"a\":[1,[],{},\"b\"],\"c\":{\"d\":null}}"));
	CHECK_STR(again("[[[[1],2],3],{\"a\":{\"b\":[{\"c\":0}]}}]"), STR("[[[[1],2],3],{\"a\":{\"b\":[{\"c\":0}]}}]"));
	CHECK_STR(again("{\"\":1}"), STR("{\"\":1}"));
}

static void texts_that_are_no_documents_are_refused_with_the_place(void)
{
	CHECK(refused("", ERR_INVALID, "empty"));
	CHECK(refused(" \n ", ERR_INVALID, "empty"));
	CHECK(refused("[1] 2", ERR_INVALID, "byte 4"));
	CHECK(refused("{} {}", ERR_INVALID, "byte 3"));
	CHECK(refused("true false", ERR_INVALID, "byte 5"));
	CHECK(refused("\"a\"\"b\"", ERR_INVALID, "byte 3"));
	CHECK(refused("\"a\"b", ERR_INVALID, "byte 3"));
	CHECK(refused("[1,]", ERR_INVALID, "byte 3"));
	CHECK(refused("[,1]", ERR_INVALID, "byte 1"));
	CHECK(refused("[1 2]", ERR_INVALID, "byte 3"));
	CHECK(refused("[1,,2]", ERR_INVALID, "byte 3"));
	CHECK(refused("[1", ERR_INVALID, "byte 2"));
	CHECK(refused("[", ERR_INVALID, "byte 1"));
	CHECK(refused("]", ERR_INVALID, "byte 0"));
	CHECK(refused("[1}", ERR_INVALID, "byte 2"));
	CHECK(refused("{1:2}", ERR_INVALID, "byte 1"));
	CHECK(refused("{\"a\"}", ERR_INVALID, "byte 4"));
	CHECK(refused("{\"a\":}", ERR_INVALID, "byte 5"));
	CHECK(refused("{\"a\":1,}", ERR_INVALID, "byte 7"));
	CHECK(refused("{\"a\" 1}", ERR_INVALID, "byte 5"));
	CHECK(refused("{\"a\":1 \"b\":2}", ERR_INVALID, "byte 7"));
	CHECK(refused("{\"a\":1]", ERR_INVALID, "byte 6"));
	CHECK(refused("{\"a\":1", ERR_INVALID, "byte 6"));
	CHECK(refused("{a:1}", ERR_INVALID, "byte 1"));
	CHECK(refused("{'a':1}", ERR_INVALID, "byte 1"));
	CHECK(refused("[1]//x", ERR_INVALID, "byte 3"));
	CHECK(refused("\xef\xbb\xbf[]", ERR_INVALID, "byte 0"));
	CHECK(refused(":", ERR_INVALID, "byte 0"));
}

static void literals_are_the_three_words_and_nothing_near(void)
{
	static const char *const near[] = {"tru",  "truex",     "True", "nul",       "nulll",     "falsee",
					   "fals", "undefined", "NaN",  "Infinity",  "-Infinity", "+1",
					   "t",    "f",         "n",    "true\"a\"", "[true1]"};

	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		CHECK(refused(near[i], ERR_INVALID, ""));
}

static void text_in_strings_is_decoded(void)
{
	struct json *json;
	char text[64];

	if (CHECK_OK(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\tx\"", &json), &err))
		CHECK_STR(json_text(json), STR("\"\\/\b\f\n\r\tx"));
	if (CHECK_OK(parse("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"", &json), &err))
		CHECK_STR(json_text(json), STR("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	if (CHECK_OK(parse("\"a\\u0000b\"", &json), &err))
		CHECK_STR(json_text(json), ((struct str){"a\0b", 3}));
	if (CHECK_OK(parse("{\"\\u0061b\":\"\xe1\x9e\x80\xe0\xb9\x84\xe7\x94\xba\"}", &json), &err))
		CHECK_STR(json_text(json_get(json, STR("ab"))), STR("\xe1\x9e\x80\xe0\xb9\x84\xe7\x94\xba"));
	/* Every length around the width of the vectors, with the escape last. */
	for (size_t len = 0; len < 48; len++) {
		memset(text, 'x', sizeof(text));
		text[0] = '"';
		memcpy(text + 1 + len, "\\n\"", 4);
		if (CHECK_OK(parse(text, &json), &err))
			CHECK(json->count == len + 1 && json->text[len] == '\n');
	}
}

static void broken_strings_are_refused(void)
{
	CHECK(refused("\"abc", ERR_INVALID, "byte 0"));
	CHECK(refused("[\"abc\\\"]", ERR_INVALID, "byte 1"));
	CHECK(refused("[1,\"\\x\"]", ERR_INVALID, "byte 4"));
	CHECK(refused("\"\\u12\"", ERR_INVALID, "byte 1"));
	CHECK(refused("\"\\u12g4\"", ERR_INVALID, "byte 1"));
	CHECK(refused("\"\\ud800\"", ERR_INVALID, "surrogate"));
	CHECK(refused("\"\\udc00\"", ERR_INVALID, "surrogate"));
	CHECK(refused("\"\\ud800\\u0041\"", ERR_INVALID, "surrogate"));
	CHECK(refused("\"\\ud800x\"", ERR_INVALID, "surrogate"));
	CHECK(refused("\"a\nb\"", ERR_INVALID, "control character 0x0a in a string at byte 2"));
	CHECK(refused("\"a\x01\"", ERR_INVALID, "byte 2"));
	CHECK(refused("[\"\xff\"]", ERR_INVALID, "not UTF-8 at byte 2"));
	CHECK(refused("\"\xc0\x80\"", ERR_INVALID, "byte 1")); /* overlong */
	CHECK(refused("\"\xed\xa0\x80\"", ERR_INVALID, "byte 1")); /* surrogate */
	CHECK(refused("\"\xf4\x90\x80\x80\"", ERR_INVALID, "byte 1")); /* beyond U+10FFFF */
	CHECK(refused("\"ab\xe2\x82\"", ERR_INVALID, "byte 3")); /* cut short */
}

static void numbers_keep_their_text_and_have_the_nearest_double(void)
{
	static const struct {
		const char *text;
		double value;
		bool integer;
	} cases[] = {
		{"0", 0, true},
		{"-0", 0, true},
		{"7", 7, true},
		{"-42", -42, true},
		{"9007199254740993", 9007199254740993.0, true},
		{"123456789012345678901234567890", 123456789012345678901234567890.0, true},
		{"0.1", 0.1, false},
		{"-2.50", -2.5, false},
		{"1e0", 1, false},
		{"1E+2", 100, false},
		{"12.5e-1", 1.25, false},
		{"0.3", 0.3, false},
		{"103.8198", 103.8198, false},
		{"1.3521000000000001", 1.3521000000000001, false},
		{"2.2250738585072014e-308", 2.2250738585072014e-308, false},
		{"1.7976931348623157e308", DBL_MAX, false},
		{"4.9e-324", 4.9e-324, false},
		{"1e-400", 0, false}, /* too small: zero, as written nonetheless */
		{"0e999", 0, false},
		{"0.000000000000000000000000000000000000000000000001e48", 1, false},
		{"8.41", 8.41, false},
		{"3.141592653589793238462643383279", 3.141592653589793, false},
		{"1e22", 1e22, false},
		{"1e23", 1e23, false},
		{"9007199254740991e22", 9007199254740991e22, false},
		{"18014398509481985", 18014398509481984.0, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *json;

		if (!CHECK_OK(parse(cases[i].text, &json), &err))
			continue;
		CHECK(json_is(json, JSON_NUMBER));
		CHECK(json->number == cases[i].value);
		CHECK(json->integer == cases[i].integer);
		CHECK_STR(again(cases[i].text), str_from(cases[i].text));
	}
}

static void broken_and_enormous_numbers_are_refused(void)
{
	static const char *const broken[] = {"01", "-01",  "-",   "1.",    ".5",  "1.e1",   "1e", "1e+", "1.5.5",
					     "1x", "0x10", "--1", "1e1.5", "- 1", "1\"a\"", "-a", "00",  "1_000"};
	char longer[1200];

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		CHECK(refused(broken[i], ERR_INVALID, "byte 0"));
	CHECK(refused("[1e999]", ERR_INVALID, "too large for a double"));
	CHECK(refused("-1e309", ERR_INVALID, "too large"));
	CHECK(refused("1e99999999999999999999", ERR_INVALID, "too large"));
	memset(longer, '1', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK(refused(longer, ERR_LIMIT, "longer than"));
	longer[1] = '.';
	CHECK(refused(longer, ERR_LIMIT, "longer than"));
	longer[900] = '\0';
	struct json *json;

	if (CHECK_OK(parse(longer, &json), &err))
		CHECK(json->number == 1.1111111111111111);
}

static void integers_are_exact_to_64_bits(void)
{
	struct json *json;
	int64_t value = 5;

	CHECK(parse("9223372036854775807", &json) == ERR_OK && json_int64(json, &value) && value == INT64_MAX);
	CHECK(parse("-9223372036854775808", &json) == ERR_OK && json_int64(json, &value) && value == INT64_MIN);
	CHECK(parse("9007199254740993", &json) == ERR_OK && json_int64(json, &value) && value == 9007199254740993);
	value = 5;
	CHECK(parse("9223372036854775808", &json) == ERR_OK && !json_int64(json, &value));
	CHECK(parse("1.0", &json) == ERR_OK && !json_int64(json, &value));
	CHECK(parse("\"1\"", &json) == ERR_OK && !json_int64(json, &value));
	CHECK(!json_int64(NULL, &value) && value == 5);
}

static void duplicate_members_are_refused_unless_allowed(void)
{
	struct json_parse_options allowed = {.duplicates_allowed = true};
	static char large[1 << 16];
	struct json *json;
	size_t at = 0;

	CHECK(refused("{\"a\":1,\"b\":2,\"a\":3}", ERR_INVALID, "\"a\" occurs twice"));
	CHECK(refused("[{\"x\":{\"\\u0061\":1,\"a\":2}}]", ERR_INVALID, "object at byte 6"));
	CHECK(refused("{\"\":1,\"\":2}", ERR_INVALID, "occurs twice"));
	CHECK(json_parse(parser, &arena, STR("{\"a\":1,\"a\":2}"), &allowed, &json, &err) == ERR_OK);
	/* Many members: the last repeats the first or does not. */
	large[at++] = '{';
	for (int i = 0; i < 3000; i++)
		at += (size_t)snprintf(large + at, sizeof(large) - at, "\"k%d\":%d,", i, i);
	(void)snprintf(large + at, sizeof(large) - at, "\"z\":0}");
	CHECK_OK(parse(large, &json), &err);
	(void)snprintf(large + at, sizeof(large) - at, "\"k0\":0}");
	CHECK(refused(large, ERR_INVALID, "\"k0\" occurs twice"));
}

static void depth_and_memory_are_bounded(void)
{
	char text[400];
	struct json_parse_options deeper = {.depth_max = 100};
	struct json_parse_options flat = {.depth_max = 1};
	struct json *json = NULL;
	struct arena small;

	for (size_t depth = 60; depth < 70; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		text[depth * 2] = '\0';
		if (depth <= JSON_DEPTH_MAX)
			CHECK_OK(parse(text, &json), &err);
		else
			CHECK(refused(text, ERR_LIMIT, "64 levels at byte 64"));
		CHECK(json_parse(parser, &arena, str_from(text), &deeper, &json, &err) == ERR_OK);
	}
	CHECK(json_parse(parser, &arena, STR("[1,2]"), &flat, &json, &err) == ERR_OK);
	CHECK(json_parse(parser, &arena, STR("[1,[]]"), &flat, &json, &err) == ERR_LIMIT);
	arena_init(&small, 4096);
	memset(text, '[', 3);
	for (size_t i = 0; i < 190; i++)
		memcpy(text + 3 + i * 2, "1,", 3);
	memcpy(text + 383, "1]]]", 5);
	CHECK(json_parse(parser, &small, str_from(text), NULL, &json, &err) == ERR_MEMORY);
	arena_done(&small);
}

static void documents_larger_than_what_the_parser_keeps_are_read(void)
{
	size_t count = 1500000;
	char *text = malloc(count * 2 + 2);
	struct json *json = NULL;

	if (!CHECK(text != NULL))
		return;
	for (size_t i = 0; i <= count; i++)
		memcpy(text + i * 2, i == 0 ? "[1" : ",2", 2);
	text[count * 2] = ']';
	struct arena large;

	arena_init(&large, 256u << 20);
	CHECK_OK(json_parse(parser, &large, (struct str){text, count * 2 + 1}, NULL, &json, &err), &err);
	CHECK(json && json->count == count && json->items[count - 1].number == 2);
	arena_done(&large);
	free(text);
	CHECK_STR(again("[1]"), STR("[1]"));
}

static void trees_are_built_read_and_changed(void)
{
	arena_clear(&arena);
	struct json object = json_object(), array = json_array();

	CHECK(json_set(&arena, &object, STR("a"), json_int(&arena, 1)) != NULL);
	CHECK(json_set(&arena, &object, STR("b"), json_string(STR("two"))) != NULL);
	CHECK(json_set(&arena, &object, STR("a"), json_bool(true)) != NULL);
	for (int i = 0; i < 100; i++)
		CHECK(json_push(&arena, &array, json_int(&arena, i)) != NULL);
	CHECK(json_remove_at(&array, 50) && array.count == 99 && json_at(&array, 50)->number == 51);
	CHECK(!json_remove_at(&array, 99));
	CHECK(json_add(&arena, &object, STR("c"), array) != NULL);
	CHECK(object.count == 3);
	CHECK(json_get(&object, STR("a"))->boolean);
	CHECK(json_remove(&object, STR("b")) && !json_remove(&object, STR("b")));
	CHECK_STR(object.members[1].key, STR("c"));
	CHECK(json_get(NULL, STR("a")) == NULL && json_get(&array, STR("a")) == NULL && json_at(&object, 0) == NULL);
	CHECK(json_text(&object).at == NULL);
	struct json *copy = json_dup(&arena, &object);

	CHECK(copy && json_equal(copy, &object));
	CHECK(copy && json_get(copy, STR("c"))->items != array.items);
}

static void a_parsed_tree_can_grow(void)
{
	struct json *json;

	if (!CHECK_OK(parse("{\"a\":[1],\"b\":2}", &json), &err))
		return;
	CHECK(json_push(&arena, json_get(json, STR("a")), json_null()) != NULL);
	CHECK(json_set(&arena, json, STR("c"), json_array()) != NULL);
	struct buf out;

	buf_init(&out, 1000);
	json_write(&out, json);
	CHECK_STR(buf_str(&out), STR("{\"a\":[1,null],\"b\":2,\"c\":[]}"));
	buf_done(&out);
}

static void doubles_are_written_short_and_read_back_the_same(void)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0.1, "0.1"},
		     {1, "1"},
		     {-0.5, "-0.5"},
		     {100000, "100000"},
		     {1e16, "10000000000000000"},
		     {1e22, "1e+22"},
		     {5e-324, "5e-324"},
		     {0.00001, "0.00001"},
		     {1.0 / 3, "0.3333333333333333"}};
	uint64_t bits = 88172645463325252u;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json node = json_double(&arena, cases[i].value);

		CHECK_STR(((struct str){node.text, node.count}), str_from(cases[i].text));
	}
	for (int i = 0; i < 20000; i++) {
		double value;

		bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17; /* xorshift: any finite double */
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		arena_clear(&arena);
		struct json node = json_double(&arena, value), *read;
		bool same =
			json_parse(parser, &arena, (struct str){node.text, node.count}, NULL, &read, &err) == ERR_OK &&
			read->number == value && read->number == strtod(node.text, NULL);

		if (!same && !CHECK(same))
			break;
	}
}

static void decimals_are_rounded_and_trimmed(void)
{
	static const struct {
		double value;
		int decimals;
		const char *text;
	} cases[] = {{1.35209999, 4, "1.3521"}, {103.8, 6, "103.8"}, {-0.00001, 3, "0"}, {5, 2, "5"},
		     {99.995, 0, "100"},        {1200, 0, "1200"},   {-1.25, 1, "-1.2"}, {0, 6, "0"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json node = json_decimal(&arena, cases[i].value, cases[i].decimals);

		CHECK_STR(((struct str){node.text, node.count}), str_from(cases[i].text));
		CHECK_NEAR(node.number, strtod(cases[i].text, NULL), 0);
	}
	struct json huge = json_decimal(&arena, DBL_MAX, 17);

	CHECK(huge.kind == JSON_NUMBER && huge.count == 309);
}

static bool equal(const char *a, const char *b)
{
	struct json *x, *y;

	arena_clear(&arena);
	return json_parse(parser, &arena, str_from(a), NULL, &x, &err) == ERR_OK &&
	       json_parse(parser, &arena, str_from(b), NULL, &y, &err) == ERR_OK && json_equal(x, y) &&
	       json_equal(y, x);
}

static void equality_is_by_value(void)
{
	CHECK(equal("{\"a\":1,\"b\":[true,null]}", "{\"b\":[true,null],\"a\":1.0}"));
	CHECK(equal("100", "1e2") && equal("0.10", "1E-1") && equal("-0", "0.000") && equal("12.50", "1.25e1"));
	CHECK(equal("1200", "0.12e4") && equal("10.01", "1001e-2"));
	CHECK(!equal("9007199254740993", "9007199254740992"));
	CHECK(!equal("1", "-1") && !equal("1", "10") && !equal("1", "\"1\"") && !equal("null", "false"));
	CHECK(!equal("0.1", "0.10000000000000000001"));
	CHECK(!equal("[1,2]", "[2,1]") && !equal("[1]", "[1,1]"));
	CHECK(!equal("{\"a\":1}", "{\"b\":1}") && !equal("{\"a\":1}", "{\"a\":1,\"b\":1}"));
	CHECK(json_equal(NULL, NULL));
}

static void written_strings_escape_what_must_be_escaped(void)
{
	struct buf out;

	buf_init(&out, 1000);
	json_write_string(&out, (struct str){"a\"b\\c\n\x01\x1f\0/\x7f\xc3\xa9", 13});
	CHECK_STR(buf_str(&out), STR("\"a\\\"b\\\\c\\n\\u0001\\u001f\\u0000/\x7f\xc3\xa9\""));
	buf_clear(&out);
	json_write_string(&out, STR("0123456789abcdef\""));
	CHECK_STR(buf_str(&out), STR("\"0123456789abcdef\\\"\""));
	buf_clear(&out);
	json_write_string(&out, STR_NONE);
	CHECK_STR(buf_str(&out), STR("\"\""));
	buf_done(&out);
	buf_init(&out, 8);
	json_write_string(&out, STR("longer than that"));
	CHECK(buf_check(&out, "a test", &err) == ERR_LIMIT);
	buf_done(&out);
}

/* Whatever length and place: text is looked at in pieces of several bytes. */
static void every_place_of_a_string_is_looked_at(void)
{
	static const char hot[] = {'"', '\\', '\n', '\x1f'};
	char text[64];
	struct buf out;

	buf_init(&out, 1000);
	for (size_t len = 1; len < sizeof(text); len++)
		for (size_t at = 0; at < len * sizeof(hot); at++) {
			memset(text, at % 2 ? 'x' : (char)0xc3, len);
			text[at / sizeof(hot)] = hot[at % sizeof(hot)];
			buf_clear(&out);
			json_write_string(&out, (struct str){text, len});
			struct str written = buf_str(&out);
			char escape = written.at[at / sizeof(hot) + 1];
			size_t added = hot[at % sizeof(hot)] == '\x1f' ? 5 : 1;

			if (!CHECK(escape == '\\' && written.len == len + 2 + added))
				printf("# byte %zu of %zu: %.*s\n", at / sizeof(hot), len, STR_FMT(written));
		}
	buf_done(&out);
}

static void numbers_of_any_length_are_those_of_the_c_library(void)
{
	static const char digits[] = "1234567890987654321012345678909876543210";
	char text[96];

	for (int whole = 0; whole < 25; whole++)
		for (int decimals = 0; decimals < 25; decimals++) {
			struct json *json = NULL;
			int zeros = decimals % 3 * 4; /* before the first decimal that counts */

			(void)snprintf(text, sizeof(text), "%s%.*s%s%.*s%.*s", whole % 2 ? "-" : "", whole ? whole : 1,
				       whole ? digits : "0", decimals ? "." : "", decimals ? zeros : 0, "00000000",
				       decimals, digits + whole % 9);
			if (!CHECK(parse(text, &json) == ERR_OK && json->number == strtod(text, NULL) &&
				   json->count == strlen(text)))
				printf("# %s\n", text);
		}
}

static void a_copy_of_the_nodes_shares_the_text_and_nothing_else(void)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"c\"},null],\"d\":{},\"e\":[]}";
	struct json *json = NULL;

	CHECK_OK(parse(text, &json), &err);
	struct json *copy = json_dup_nodes(&arena, json);

	CHECK(copy && json_equal(copy, json));
	CHECK(json_get(copy, STR("a"))->items[0].text == json_get(json, STR("a"))->items[0].text);
	(void)json_set(&arena, json_at(json_get(json, STR("a")), 1), STR("b"), json_bool(true));
	(void)json_push(&arena, json_get(json, STR("e")), json_null());
	CHECK(json_remove(json, STR("d")));
	struct buf out;

	buf_init(&out, 1000);
	json_write(&out, copy);
	CHECK_STR(buf_str(&out), str_from(text));
	buf_done(&out);
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, ARENA_BYTES);
	RUN(documents_are_written_as_they_were_read_without_white_space);
	RUN(texts_that_are_no_documents_are_refused_with_the_place);
	RUN(literals_are_the_three_words_and_nothing_near);
	RUN(text_in_strings_is_decoded);
	RUN(broken_strings_are_refused);
	RUN(numbers_keep_their_text_and_have_the_nearest_double);
	RUN(broken_and_enormous_numbers_are_refused);
	RUN(integers_are_exact_to_64_bits);
	RUN(duplicate_members_are_refused_unless_allowed);
	RUN(depth_and_memory_are_bounded);
	RUN(documents_larger_than_what_the_parser_keeps_are_read);
	RUN(trees_are_built_read_and_changed);
	RUN(a_parsed_tree_can_grow);
	RUN(doubles_are_written_short_and_read_back_the_same);
	RUN(decimals_are_rounded_and_trimmed);
	RUN(equality_is_by_value);
	RUN(written_strings_escape_what_must_be_escaped);
	RUN(every_place_of_a_string_is_looked_at);
	RUN(numbers_of_any_length_are_those_of_the_c_library);
	RUN(a_copy_of_the_nodes_shares_the_text_and_nothing_else);
	(void)again("");
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
