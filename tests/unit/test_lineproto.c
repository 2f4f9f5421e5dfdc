/* Line protocol, held against the examples and rules of InfluxDB's documentation, and against a slow reader that finds
 * the lines first, splits them at their separators and reads numbers by the C library, on texts made of all the bytes
 * that matter; each text whole and cut everywhere. */
#include "base/buf.h"
#include "check.h"
#include "lineproto/lines.h"
#include "lineproto/series_key.h"

#include <stdlib.h>
#include <string.h>

#define NOW_US INT64_C(1700000000000000)

/* ---- what came out, as text: "1:key|name=value,…|time" a good line, "!1" a bad one ---- */

static void put_double(struct buf *out, double value)
{
	buf_printf(out, "%.17g", value);
}

static void put_field(struct buf *out, const struct line_field *field)
{
	char text[LINE_TEXT_BYTES_MAX], number[64];

	buf_put(out, line_name(field->name, text));
	buf_put_char(out, '=');
	switch (field->kind) {
	case LINE_DECIMAL:
		(void)snprintf(number, sizeof(number), "%lde-%u", (long)field->mantissa, field->scale);
		put_double(out, strtod(number, NULL));
		break;
	case LINE_DOUBLE:
		put_double(out, field->real);
		break;
	case LINE_WHOLE:
		put_double(out, strtod(field->raw.at, NULL));
		break;
	case LINE_TEXT:
		buf_put_char(out, '"');
		buf_put(out, line_text(field->raw, text));
		buf_put_char(out, '"');
		break;
	case LINE_BOOLEAN:
		buf_put(out, field->truth ? STR("true") : STR("false"));
		break;
	}
}

static void put_line(struct buf *out, enum lines_got got, const struct line *line)
{
	if (got == LINES_BAD) {
		buf_printf(out, "!%u\n", (unsigned)line->number);
		CHECK(line->reason != NULL && line->column > 0);
		return;
	}
	buf_printf(out, "%u:%.*s", (unsigned)line->number, STR_FMT(line->key));
	for (size_t i = 0; i < line->field_count; i++) {
		buf_put_char(out, i ? ',' : '|');
		put_field(out, &line->fields[i]);
	}
	buf_printf(out, "|%ld\n", (long)line->time_us);
}

/* Reads a text in pieces, as a caller with a buffer does: each piece dies when the next is fed. */
static void read_cut(struct str text, size_t piece, enum line_precision precision, struct buf *out)
{
	struct lines *lines = malloc(sizeof(*lines));
	char *held = NULL;
	size_t held_len = 0;
	bool last = false;

	lines_init(lines, precision, NOW_US);
	for (size_t at = 0; !last; at += piece) {
		struct str part = str_part(text, at, at + piece);
		char *window = malloc(held_len + part.len + 1);

		if (held_len)
			memcpy(window, held, held_len);
		if (part.len)
			memcpy(window + held_len, part.at, part.len);
		free(held);
		held = window;
		held_len += part.len;
		last = at + piece >= text.len;
		lines_feed(lines, (struct str){held, held_len}, last);
		struct line line;

		for (enum lines_got got; (got = lines_next(lines, &line)) != LINES_MORE;)
			put_line(out, got, &line);
		held_len -= lines_used(lines);
		window = malloc(held_len + 1);
		memcpy(window, held + lines_used(lines), held_len);
		free(held);
		held = window;
	}
	CHECK(held_len == 0);
	free(held);
	free(lines);
}

static void check_lines(struct str text, const char *expected)
{
	static const size_t pieces[] = {1u << 20, 1, 2, 3, 7, 64};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct buf out;

		buf_init(&out, (size_t)1 << 24);
		read_cut(text, pieces[i], LINE_NS, &out);
		CHECK_STR(buf_str(&out), str_from(expected));
		buf_done(&out);
	}
}

#define LINES(text, expected) check_lines(STR(text), expected)

/* The examples of "Line protocol" (InfluxDB v2) and "Line protocol reference" (v1.8), with what the text there says of
 * them. */
static void examples_of_the_documentation(void)
{
	LINES("myMeasurement,tag1=value1,tag2=value2 fieldKey=\"fieldValue\" 1556813561098000000\n",
	      "1:myMeasurement,tag1=value1,tag2=value2|fieldKey=\"fieldValue\"|1556813561098000\n");
	LINES("myMeasurement fieldKey=1.0\nmyMeasurement fieldKey=1\nmyMeasurement fieldKey=-1.234456e+78\n",
	      "1:myMeasurement|fieldKey=1|1700000000000000\n2:myMeasurement|fieldKey=1|1700000000000000\n"
	      "3:myMeasurement|fieldKey=-1.234456e+78|1700000000000000\n");
	LINES("m a=1i,b=12485903i,c=-12485903i\nm a=1u,b=12485903u\n",
	      "1:m|a=1,b=12485903,c=-12485903|1700000000000000\n2:m|a=1,b=12485903|1700000000000000\n");
	LINES("m a=true,b=false,c=t,d=f,e=TRUE,f=FALSE,g=T,h=F,i=True,j=False",
	      "1:m|a=true,b=false,c=true,d=false,e=true,f=false,g=true,h=false,i=true,j=false|1700000000000000\n");
	LINES("myMeasurement,tag1=value1,tag2=value2 fieldKey=\"fieldValue\" 1556813561098000000",
	      "1:myMeasurement,tag1=value1,tag2=value2|fieldKey=\"fieldValue\"|1556813561098000\n");
	/* escapes */
	LINES("my\\ Measurement fieldKey=\"string value\"\n",
	      "1:my\\ Measurement|fieldKey=\"string value\"|1700000000000000\n");
	LINES("myMeasurement fieldKey=\"\\\"string\\\" within a string\"\n",
	      "1:myMeasurement|fieldKey=\"\"string\" within a string\"|1700000000000000\n");
	LINES("myMeasurement,tag\\ Key1=tag\\ Value1,tag\\ Key2=tag\\ Value2 fieldKey=100\n",
	      "1:myMeasurement,tag\\ Key1=tag\\ Value1,tag\\ Key2=tag\\ Value2|fieldKey=100|1700000000000000\n");
	LINES("myMeasurement,tagKey=\xF0\x9F\x8D\xAD fieldKey=\"Launch \xF0\x9F\x9A\x80\" 1556813561098000000",
	      "1:myMeasurement,tagKey=\xF0\x9F\x8D\xAD|fieldKey=\"Launch \xF0\x9F\x9A\x80\"|1556813561098000\n");
	LINES("weather,location=us-midwest temp\\=rature=82", "1:weather,location=us-midwest|temp=rature=82|"
							      "1700000000000000\n");
	/* In the documentation's table: written "\", "\\" … and what is in the text then. */
	LINES("m a=\"C:\\\\\\Windows\",b=\"\\\\\",c=\"\\x\"",
	      "1:m|a=\"C:\\\\Windows\",b=\"\\\",c=\"\\x\"|1700000000000000\n");
	LINES("# This is a comment\nmyMeasurement fieldKey=\"string value\" 1556813561098000000\n",
	      "2:myMeasurement|fieldKey=\"string value\"|1556813561098000\n");
	LINES("cpu,host=server\\ 01,region=uswest value=1,msg=\"all systems nominal\"\n",
	      "1:cpu,host=server\\ 01,region=uswest|value=1,msg=\"all systems nominal\"|1700000000000000\n");
	/* Quotes in names and tags are part of them; a line end in a text too. */
	LINES("w,l='us-midwest' \"t\"=1\nm t=\"a\nb\" 1000\nm v=2 2000\n",
	      "1:w,l='us-midwest'|\"t\"=1|1700000000000000\n2:m|t=\"a\nb\"|1\n4:m|v=2|2\n");
}

static void blanks_and_line_ends(void)
{
	LINES("", "");
	LINES("\n\n  \n\t\n", "");
	LINES("  m   a=1    1000   \r\n\r\nm a=2 2000\r\n", "1:m|a=1|1\n3:m|a=2|2\n");
	LINES("m a=1 1000", "1:m|a=1|1\n");
	LINES("m a=1 1000\r", "1:m|a=1|1\n");
	LINES("#a \"b\n#c=\"d,\nm a=1 -1\n  # e\n", "3:m|a=1|-1\n");
}

static void bad_lines_are_named_and_passed_over(void)
{
	LINES("m\nm a=1 1000\nm \nm,t=1\n", "!1\n2:m|a=1|1\n!3\n!4\n");
	LINES("m a\nm a=\nm =1\nm a=1,\nm a=1,,b=1\nm ,a=1\nm a=1 1000\n", "!1\n!2\n!3\n!4\n!5\n!6\n7:m|a=1|1\n");
	LINES("m a=1x\nm a=1.2.3\nm a=1.5i\nm a=-1u\nm a=1ii\nm a=--1\nm a=.\nm a=-\nm a=e5\nm a=1e\nm a=NaN\nm "
	      "a=inf\n",
	      "!1\n!2\n!3\n!4\n!5\n!6\n!7\n!8\n!9\n!10\n!11\n!12\n");
	LINES("m a=tRUE\nm a=yes\nm a='t'\nm a=\"t\"x\nm a=1 x\nm a=1 1 1\nm a=1 1.5\nm a=1 9223372036854775808\n",
	      "!1\n!2\n!3\n!4\n!5\n!6\n!7\n!8\n");
	LINES("m a=9223372036854775808i\nm a=18446744073709551616u\nm a=1e400\nm a=1e-400\n",
	      "!1\n!2\n!3\n4:m|a=0|1700000000000000\n");
	/* What stands in a text of a bad line is no line. */
	LINES("m a=bad,t=\"x\nadmin,id=urn:a:b v=1\n\"\nm a=1 1000\n", "!1\n4:m|a=1|1\n");
	/* A quote without end takes the rest, and is named. */
	LINES("m a=1 1000\nm t=\"x\nm a=2 2000\n", "1:m|a=1|1\n!2\n");
}

static const struct line_field *only_field(struct lines *lines, struct str text)
{
	struct line line = {0};

	lines_init(lines, LINE_NS, NOW_US);
	lines_feed(lines, text, true);
	CHECK(lines_next(lines, &line) == LINES_POINT && line.field_count == 1);
	return line.fields;
}

static void numbers_keep_their_decimals(void)
{
	static const struct {
		const char *text;
		int64_t mantissa;
		unsigned scale;
	} cases[] = {
		{"m a=27.35", 2735, 2},
		{"m a=-0.001", -1, 3},
		{"m a=+5", 5, 0},
		{"m a=5.", 5, 0},
		{"m a=.5", 5, 1},
		{"m a=27.50", 2750, 2},
		{"m a=0.0", 0, 1},
		{"m a=0007", 7, 0},
		{"m a=999999999999999999", INT64_C(999999999999999999), 0},
		{"m a=0.123456789012345678", INT64_C(123456789012345678), 18},
		{"m a=9223372036854775807i", INT64_MAX, 0},
		{"m a=-9223372036854775808i", INT64_MIN, 0},
		{"m a=9223372036854775807u", INT64_MAX, 0},
		{"m a=-0i", 0, 0},
		{"m a=00000000000000000000000000000000000012i", 12, 0},
	};
	struct lines *lines = malloc(sizeof(*lines));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct line_field *field = only_field(lines, str_from(cases[i].text));

		if (!CHECK(field->kind == LINE_DECIMAL && field->mantissa == cases[i].mantissa &&
			   field->scale == cases[i].scale))
			printf("# %s\n", cases[i].text);
	}
	CHECK(only_field(lines, STR("m a=1000000000000000001"))->real == 1e18);
	CHECK(only_field(lines, STR("m a=1e3"))->real == 1000);
	CHECK(only_field(lines, STR("m a=0.1234567890123456789"))->real == 0.1234567890123456789);
	CHECK(only_field(lines, STR("m a=0.0000000000000000001"))->real == 1e-19);
	const struct line_field *zero = only_field(lines, STR("m a=-0.0"));

	CHECK(zero->kind == LINE_DOUBLE && signbit(zero->real) && zero->real == 0);
	const struct line_field *whole = only_field(lines, STR("m a=0018446744073709551615u"));

	CHECK(whole->kind == LINE_WHOLE);
	CHECK_STR(whole->raw, STR("18446744073709551615"));
	free(lines);
}

static void precisions(void)
{
	static const struct {
		const char *name, *text;
		int64_t us;
	} cases[] = {
		{"", "m a=1 1999", 1},
		{"n", "m a=1 -1", -1},
		{"ns", "m a=1 -1000", -1},
		{"ns", "m a=1 9223372036854775807", INT64_C(9223372036854775)},
		{"u", "m a=1 7", 7},
		{"us", "m a=1 7", 7},
		{"\xC2\xB5", "m a=1 7", 7},
		{"ms", "m a=1 1556813561098", INT64_C(1556813561098000)},
		{"s", "m a=1 1556813561", INT64_C(1556813561000000)},
		{"m", "m a=1 2", INT64_C(120000000)},
		{"h", "m a=1 -1", -INT64_C(3600000000)},
	};
	struct lines *lines = malloc(sizeof(*lines));
	enum line_precision precision = LINE_NS;
	struct line line = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK(line_precision_from(str_from(cases[i].name), &precision));
		lines_init(lines, precision, NOW_US);
		lines_feed(lines, str_from(cases[i].text), true);
		CHECK(lines_next(lines, &line) == LINES_POINT && line.time_us == cases[i].us);
	}
	CHECK(!line_precision_from(STR("d"), &precision) && !line_precision_from(STR("NS"), &precision));
	/* Nanoseconds taken for seconds. */
	lines_init(lines, LINE_S, NOW_US);
	lines_feed(lines, STR("m a=1 1556813561098000000\n"), true);
	CHECK(lines_next(lines, &line) == LINES_BAD && line.column == 7);
	free(lines);
}

/* ---- bounds ---- */

static void check_bound(struct str start, size_t count, struct str unit, struct str end, bool good)
{
	struct buf text, out;

	buf_init(&text, (size_t)1 << 24);
	buf_init(&out, (size_t)1 << 24);
	buf_put(&text, start);
	for (size_t i = 0; i < count; i++)
		buf_put(&text, unit);
	buf_put(&text, end);
	buf_put(&text, STR("\nm a=1 1000\n"));
	read_cut(buf_str(&text), 300000, LINE_NS, &out);
	CHECK(str_starts(buf_str(&out), STR("!1\n")) == !good);
	CHECK(str_ends(buf_str(&out), STR("\n2:m|a=1|1\n")));
	buf_done(&text);
	buf_done(&out);
}

static void bounds(void)
{
	check_bound(STR("m a=1"), LINE_FIELDS_MAX - 1, STR(",a=1"), STR(""), true);
	check_bound(STR("m a=1"), LINE_FIELDS_MAX, STR(",a=1"), STR(""), false);
	check_bound(STR(""), LINE_KEY_BYTES_MAX, STR("k"), STR(" a=1"), true);
	check_bound(STR(""), LINE_KEY_BYTES_MAX + 1, STR("k"), STR(" a=1"), false);
	check_bound(STR("m "), LINE_NAME_BYTES_MAX, STR("k"), STR("=1"), true);
	check_bound(STR("m "), LINE_NAME_BYTES_MAX + 1, STR("k"), STR("=1"), false);
	check_bound(STR("m a=\""), LINE_TEXT_BYTES_MAX, STR("k"), STR("\""), true);
	check_bound(STR("m a=\""), LINE_TEXT_BYTES_MAX + 1, STR("k"), STR("\""), false);
	check_bound(STR("m a=1 1"), LINE_BYTES_MAX - 8, STR(" "), STR(""), true);
	check_bound(STR("m a=1 1"), LINE_BYTES_MAX, STR(" "), STR(""), false);
	check_bound(STR("m"), 3u << 20, STR("x"), STR(""), false);
}

/* Comments are passed over whatever their length. */
static void long_comment(void)
{
	struct buf text, out;

	buf_init(&text, (size_t)1 << 24);
	buf_init(&out, (size_t)1 << 24);
	for (size_t i = 0; i < 3u << 20; i++)
		buf_put_char(&text, "# a=\""[i % 5]);
	buf_put(&text, STR("\nm a=1 1000\n"));
	read_cut(buf_str(&text), 100000, LINE_NS, &out);
	CHECK_STR(buf_str(&out), STR("2:m|a=1|1\n"));
	buf_done(&text);
	buf_done(&out);
}

/* ---- keys ---- */

static void check_urn_back(struct arena *arena, const struct line_key *key)
{
	struct line_key back = {0};

	CHECK(line_key_from_urn(arena, line_key_urn(arena, key), &back) == (key->tag_count > 0));
	CHECK(back.tag_count == key->tag_count);
	for (size_t i = 0; i < back.tag_count; i++) {
		CHECK_STR(back.tags[i].name, key->tags[i].name);
		CHECK_STR(back.tags[i].value, key->tags[i].value);
	}
}

static void check_key(struct str text, const char *urn, const char *expected)
{
	struct arena arena;
	struct line_key key = {0};
	struct error err = {0};
	struct buf out;

	arena_init(&arena, 1u << 20);
	buf_init(&out, 10000);
	if (line_key_parse(&arena, text, &key, &err)) {
		CHECK_STR(str_from(err.detail), str_from(expected));
	} else {
		buf_put(&out, key.measurement);
		for (size_t i = 0; i < key.tag_count; i++) {
			buf_printf(&out, "|%.*s|%.*s", STR_FMT(key.tags[i].name), STR_FMT(key.tags[i].value));
			CHECK_STR(line_key_tag(&key, key.tags[i].name), key.tags[i].value);
		}
		CHECK_STR(buf_str(&out), str_from(expected));
		CHECK_STR(line_key_urn(&arena, &key), str_from(urn));
		check_urn_back(&arena, &key);
		CHECK(!line_key_tag(&key, STR("no such")).at);
	}
	buf_done(&out);
	arena_done(&arena);
}

static void keys(void)
{
	check_key(STR("cpu"), "urn:ngsi-ld:cpu", "cpu");
	check_key(STR("cpu,host=b,core=0"), "urn:ngsi-ld:cpu:core=0:host=b", "cpu|core|0|host|b");
	check_key(STR("my\\ M\\,x\\=,tag\\ K\\,1=v\\=1\\\\"), "urn:ngsi-ld:my%20M%2Cx%5C%3D:tag%20K%2C1=v%3D1%5C%5C",
		  "my M,x\\=|tag K,1|v=1\\\\");
	check_key(STR("a:b,c=d:e=1"), "", "the value of the tag \"c\" holds an unescaped \"=\"");
	check_key(STR("a,b=\xC3\xA9"), "urn:ngsi-ld:a:b=%C3%A9", "a|b|\xC3\xA9");
	check_key(STR(",a=b"), "", "no measurement");
	check_key(STR("m,"), "", "a tag without name");
	check_key(STR("m,a=1,"), "", "a tag without name");
	check_key(STR("m,=1"), "", "a tag without name");
	check_key(STR("m,a"), "", "the tag \"a\" has no value");
	check_key(STR("m,a="), "", "the tag \"a\" has no value");
	check_key(STR("m,a=1,b=2,a=1"), "", "the tag \"a\" is there twice");

	static const char *const others[] = {"",
					     "urn:ngsi-ld:",
					     "urn:ngsi-ld:a:b",
					     "urn:ngsi-ld:a:b=",
					     "urn:ngsi-ld:a:=c",
					     "urn:ngsi-ld:a:b=c:",
					     "urn:ngsi-ld:a:b=%4",
					     "urn:ngsi-ld:a:b=%zz",
					     "urn:ngsi-ld:a:b=c:a=d",
					     "urn:ngsi-ld::b=c",
					     "urn:ngsi-ld:a:b=c/d",
					     "http://a:b=c"};
	struct line_key key;
	struct arena arena;

	arena_init(&arena, 1u << 20);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(!line_key_from_urn(&arena, str_from(others[i]), &key));
	arena_done(&arena);
}

/* ---- a slow reader ---- */

/* The position of the first of the separators at or behind `from` that no backslash precedes; text.len when none. */
static size_t find(struct str text, size_t from, const char *separators)
{
	for (size_t i = from; i < text.len; i++)
		if (strchr(separators, text.at[i]) && text.at[i] && (i == 0 || text.at[i - 1] != '\\'))
			return i;
	return text.len;
}

/* The end of the line at `from`: InfluxDB's rule. */
static size_t naive_line_end(struct str text, size_t from)
{
	struct str rest = str_part(text, from, text.len);
	size_t equals = 0, commas = 0, i = find(rest, 0, " ");
	struct str key = str_part(rest, 0, i);
	size_t line_end;
	bool quoted = false;

	if (str_find(key, '\n', &line_end))
		return from + line_end;
	for (i++; i < rest.len; i++) {
		char c = rest.at[i];

		if (c == '\n' && !quoted)
			break;
		if (c == '\\') {
			if (i + 1 < rest.len && (rest.at[i + 1] != '\n' || quoted))
				i++;
		} else if (c == '"' && (quoted || equals > commas)) {
			quoted = !quoted;
		} else if (!quoted) {
			equals += c == '=';
			commas += c == ',';
		}
	}
	return i < rest.len ? from + i : text.len;
}

static bool naive_number(struct str value, struct buf *out)
{
	char number[600];
	char last = value.len ? value.at[value.len - 1] : '\0';
	bool integer = last == 'i' || last == 'u';

	if (value.len == 0 || value.len >= sizeof(number))
		return false;
	memcpy(number, value.at, value.len);
	number[value.len - (integer ? 1 : 0)] = '\0';
	bool digit = false;

	for (const char *at = number; *at; at++) {
		digit = digit || (*at >= '0' && *at <= '9');
		if (!strchr(integer ? "+-0123456789" : digit ? "+-0123456789.eE" : "+-0123456789.", *at))
			return false;
	}
	if (last == 'u' && number[0] == '-')
		return false;
	char *end;
	double real = strtod(number, &end);

	if (*end || !digit || !isfinite(real))
		return false;
	put_double(out, integer && real == 0 ? 0 : real);
	return true;
}

/* The end of a field's value at `from`; 0: it is a text that does not end. */
static size_t value_end(struct str text, size_t from)
{
	size_t i = from;

	if (i < text.len && text.at[i] == '"') {
		for (i++; i < text.len && text.at[i] != '"'; i++)
			i += text.at[i] == '\\' && i + 1 < text.len &&
			     (text.at[i + 1] == '"' || text.at[i + 1] == '\\');
		return i < text.len ? i + 1 : 0;
	}
	while (i < text.len && text.at[i] != ',' && text.at[i] != ' ')
		i++;
	return i;
}

static bool naive_value(struct str value, struct buf *out)
{
	static const char truths[] = " t T true True TRUE ", lies[] = " f F false False FALSE ";
	char word[20], text[4096];

	if (value.len && value.at[0] == '"') {
		buf_printf(out, "\"%.*s\"", STR_FMT(line_text(str_part(value, 1, value.len - 1), text)));
		return true;
	}
	(void)snprintf(word, sizeof(word), " %.*s ", STR_FMT(value));
	if (value.len > 0 && value.len < 6 && !str_contains(value, STR(" ")) && strstr(truths, word)) {
		buf_put(out, STR("true"));
		return true;
	}
	if (value.len > 0 && value.len < 6 && !str_contains(value, STR(" ")) && strstr(lies, word)) {
		buf_put(out, STR("false"));
		return true;
	}
	return naive_number(value, out);
}

static size_t name_end(struct str text, size_t from)
{
	size_t i = from;

	for (; i < text.len && !strchr("=, ", text.at[i]); i++)
		i += text.at[i] == '\\' && i + 1 < text.len;
	return i;
}

static bool naive_point(struct str line, struct buf *out)
{
	size_t at = find(line, 1, " ");
	char text[4096];

	buf_put(out, str_part(line, 0, at));
	while (at < line.len && strchr(" \t", line.at[at]))
		at++;
	for (char mark = '|';; mark = ',') {
		size_t end = name_end(line, at);

		if (end == at || end >= line.len || line.at[end] != '=')
			return false;
		buf_printf(out, "%c%.*s=", mark, STR_FMT(line_name(str_part(line, at, end), text)));
		at = value_end(line, end + 1);
		if (!at || !naive_value(str_part(line, end + 1, at), out))
			return false;
		if (at >= line.len || line.at[at] != ',')
			break;
		at++;
	}
	if (at < line.len && line.at[at] != ' ')
		return false;
	while (at < line.len && strchr(" \t", line.at[at]))
		at++;
	int64_t time = NOW_US * 1000;
	struct str time_text = str_part(line, at, line.len);

	while (time_text.len && strchr(" \t", time_text.at[time_text.len - 1]))
		time_text.len--;
	if (time_text.len && !str_to_int64(time_text, &time))
		return false;
	buf_printf(out, "|%ld\n", (long)floor((double)time / 1000));
	return true;
}

static void naive_read(struct str text, struct buf *out)
{
	unsigned number = 1;

	for (size_t at = 0; at < text.len;) {
		while (at < text.len && text.at[at] && strchr(" \t\r", text.at[at]))
			at++;
		size_t end = at;
		bool comment = at < text.len && text.at[at] == '#';

		if (comment)
			while (end < text.len && text.at[end] != '\n')
				end++;
		else
			end = naive_line_end(text, at);
		struct str line = str_part(text, at, end);

		if (line.len && !comment) {
			size_t before = out->len;

			buf_printf(out, "%u:", number);
			if (line.at[line.len - 1] == '\r')
				line.len--;
			if (!naive_point(line, out)) {
				out->len = before;
				buf_printf(out, "!%u\n", number);
			}
		}
		for (size_t i = at; i <= end && i < text.len; i++)
			number += text.at[i] == '\n';
		at = end + 1;
	}
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void any_text_as_the_slow_reader_has_it(void)
{
	static const char *const parts[] = {"m",       ",t=v",
					    " ",       "a=1",
					    ",b=2.5",  "=",
					    ",",       "\"",
					    "\\",      "\n",
					    "\r",      "t",
					    "1",       "-",
					    ".",       "e",
					    "i",       "u",
					    "#",       "\t",
					    " 7",      "c=\"",
					    "\"",      "x=t ",
					    "m a=1\n", "m,t=\\ 1 a=\"",
					    "\" 5\n",  "\n\n"};
	uint64_t state = 4711;

	for (unsigned round = 0; round < 60000; round++) {
		struct buf text, ours, whole, slow;

		buf_init(&text, 4096);
		buf_init(&ours, 65536);
		buf_init(&whole, 65536);
		buf_init(&slow, 65536);
		for (unsigned count = 1 + next_random(&state) % 24; count > 0; count--)
			buf_put(&text, str_from(parts[next_random(&state) % (sizeof(parts) / sizeof(parts[0]))]));
		read_cut(buf_str(&text), 1 + next_random(&state) % 9, LINE_NS, &ours);
		read_cut(buf_str(&text), 4096, LINE_NS, &whole);
		naive_read(buf_str(&text), &slow);
		bool same = str_eq(buf_str(&ours), buf_str(&slow)) && str_eq(buf_str(&whole), buf_str(&slow));

		if (!CHECK(same)) {
			printf("# text: %.*s\n# cut: %.*s\n# whole: %.*s\n# slow: %.*s\n", STR_FMT(buf_str(&text)),
			       STR_FMT(buf_str(&ours)), STR_FMT(buf_str(&whole)), STR_FMT(buf_str(&slow)));
			round = 60000;
		}
		buf_done(&text);
		buf_done(&ours);
		buf_done(&whole);
		buf_done(&slow);
	}
}

int main(void)
{
	RUN(examples_of_the_documentation);
	RUN(blanks_and_line_ends);
	RUN(bad_lines_are_named_and_passed_over);
	RUN(numbers_keep_their_decimals);
	RUN(precisions);
	RUN(bounds);
	RUN(long_comment);
	RUN(keys);
	RUN(any_text_as_the_slow_reader_has_it);
	return check_done();
}
