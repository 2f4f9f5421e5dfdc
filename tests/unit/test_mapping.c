/* The mapping language against docs/how-to/import-csv.md: expected entities are written by hand after GS CIM 009
 * (normalized form, DateTime, GeoJSON positions as longitude, latitude), times are calendar facts. */
#include "check.h"
#include "feed/mapping.h"

#include <string.h>

static struct arena arena;
static struct error err;

static struct mapping *parse(const char *text)
{
	struct mapping *mapping = NULL;

	if (mapping_parse(STR("m.yaml"), str_from(text), &mapping, &err))
		printf("# %s\n", err.detail);
	CHECK(mapping != NULL);
	return mapping;
}

/* "Name=value;Name=value" as the mapping's columns. */
static const struct str *values_of(const struct mapping *mapping, const char *row)
{
	size_t count;
	const struct str *columns = mapping_columns(mapping, &count);
	struct str *values = arena_array(&arena, struct str, count);

	for (size_t i = 0; i < count; i++) {
		struct str rest = str_from(row), piece;

		values[i] = STR_NONE;
		while (str_next(&rest, ';', &piece)) {
			size_t equals;

			if (str_find(piece, '=', &equals) && str_eq(str_part(piece, 0, equals), columns[i]))
				values[i] = str_part(piece, equals + 1, piece.len);
		}
	}
	return values;
}

static struct json *apply(const struct mapping *mapping, const char *row)
{
	enum mapping_result result = MAPPING_TAKEN;
	struct json *entity = NULL;

	err = (struct error){0};
	if (mapping_apply(mapping, &arena, values_of(mapping, row), &result, &entity, &err))
		return NULL;
	return result == MAPPING_SKIPPED ? NULL : entity;
}

static void check_json(const struct json *entity, const char *expected, int line)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	if (entity)
		json_write(&text, entity);
	else
		buf_put(&text, str_from(err.detail));
	check_str(buf_str(&text), str_from(expected), "entity", __FILE__, line);
	buf_done(&text);
}

#define GIVES(mapping, row, expected) check_json(apply((mapping), (row)), (expected), __LINE__)

#define NO_ATTRIBUTE "{\"id\":\"urn:x:1\",\"type\":\"T\"}"

/* What one attribute makes of the text in column C; "": nothing. */
static void attribute_gives(const char *attribute, const char *cell, const char *expected, int line)
{
	char text[512], row[256], wanted[512];

	(void)snprintf(text, sizeof(text), "id: urn:x:1\ntype: T\nnothing: [NA]\nattributes:\n  a: {%s}\n", attribute);
	(void)snprintf(row, sizeof(row), "C=%s", cell);
	struct mapping *mapping = parse(text);

	if (!mapping)
		return;
	if (expected[0] == '{' || expected[0] == '[')
		(void)snprintf(wanted, sizeof(wanted), "{\"id\":\"urn:x:1\",\"type\":\"T\",\"a\":%s}", expected);
	else
		(void)snprintf(wanted, sizeof(wanted), "%s", expected[0] ? expected : NO_ATTRIBUTE);
	check_json(apply(mapping, row), wanted, line);
	(void)mapping_free(mapping);
}

#define A(attribute, cell, expected) attribute_gives((attribute), (cell), (expected), __LINE__)

static void every_kind_makes_its_value(void)
{
	A("kind: text, column: C", " Victoria St ", "{\"type\":\"Property\",\"value\":\"Victoria St\"}");
	A("kind: number, column: C", "27.50", "{\"type\":\"Property\",\"value\":27.5}");
	A("kind: number, column: C, scale: 0.001, decimals: 2, unit: KMT", "31734",
	  "{\"type\":\"Property\",\"value\":31.73,\"unitCode\":\"KMT\"}");
	A("kind: integer, column: C", "9007199254740993", "{\"type\":\"Property\",\"value\":9007199254740993}");
	A("kind: boolean, column: C", "Yes", "{\"type\":\"Property\",\"value\":true}");
	A("kind: boolean, column: C", "0", "{\"type\":\"Property\",\"value\":false}");
	A("kind: clock, column: C", "0530", "{\"type\":\"Property\",\"value\":\"05:30\"}");
	A("kind: clock, column: C", "530", "{\"type\":\"Property\",\"value\":\"05:30\"}");
	A("kind: clock, column: C", "24:00", "{\"type\":\"Property\",\"value\":\"24:00\"}");
	A("kind: clock, column: C", "7:05:09", "{\"type\":\"Property\",\"value\":\"07:05:09\"}");
	A("kind: relationship, text: \"urn:agency:{C}\"", "SBST",
	  "{\"type\":\"Relationship\",\"object\":\"urn:agency:SBST\"}");
	A("kind: time, column: C, format: \"%d/%m/%Y %H:%M\", zone: \"+08:00\"", "11/12/2018 23:10",
	  "{\"type\":\"Property\",\"value\":{\"@type\":\"DateTime\",\"@value\":\"2018-12-11T15:10:00Z\"}}");
	A("kind: object, members: {x: {kind: integer, column: C}, y: {kind: text, text: z}}", "4",
	  "{\"type\":\"Property\",\"value\":{\"x\":4,\"y\":\"z\"}}");
}

static void empty_texts_give_no_attribute_or_the_default(void)
{
	struct mapping *mapping = parse("id: urn:x:1\ntype: T\nnothing: [NA]\nattributes:\n"
					"  a: {kind: text, column: C}\n  b: {kind: text, text: \"{C} x\"}\n");

	if (mapping) {
		GIVES(mapping, "C=NA", NO_ATTRIBUTE);
		GIVES(mapping, "C= ", NO_ATTRIBUTE);
	}
	(void)mapping_free(mapping);
	A("kind: integer, column: C, default: 7", "", "{\"type\":\"Property\",\"value\":7}");
	A("kind: integer, column: C, required: true", "NA", "column \"C\" is empty");
}

static void texts_that_do_not_fit_are_refused_by_column(void)
{
	A("kind: number, column: C", "12a", "column \"C\": expected a number, not \"12a\"");
	A("kind: number, column: C", "nan", "column \"C\": expected a number, not \"nan\"");
	A("kind: integer, column: C", "1.5", "column \"C\": expected a whole number, not \"1.5\"");
	A("kind: boolean, column: C", "maybe", "column \"C\": expected true or false, not \"maybe\"");
	A("kind: clock, column: C", "000`", "column \"C\": expected a time of day, not \"000`\"");
	A("kind: clock, column: C", "5:3", "column \"C\": expected a time of day, not \"5:3\"");
	A("kind: clock, column: C", "0560", "column \"C\": expected a time of day, not \"0560\"");
	A("kind: text, column: C, values: {a: b}", "c",
	  "column \"C\": expected one of the mapping's values, not \"c\"");
	A("kind: time, column: C", "yesterday",
	  "column \"C\": expected a time in the mapping's format, not \"yesterday\"");
}

static void enumerations_translate(void)
{
	A("kind: text, column: C, values: {C: car, Y: motorcycle}", "Y",
	  "{\"type\":\"Property\",\"value\":\"motorcycle\"}");
	A("kind: integer, column: C, values: {low: 1, high: 3}", "high", "{\"type\":\"Property\",\"value\":3}");
}

static void points_are_longitude_then_latitude(void)
{
	struct mapping *mapping = parse("id: \"urn:x:{N}\"\ntype: T\nnothing: NA\nattributes:\n"
					"  location: {kind: point, longitude: lng, latitude: lat, decimals: 5}\n");

	if (!mapping)
		return;
	GIVES(mapping, "N=1;lat=1.293751234;lng=103.85718",
	      "{\"id\":\"urn:x:1\",\"type\":\"T\",\"location\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\","
	      "\"coordinates\":[103.85718,1.29375]}}}");
	GIVES(mapping, "N=1;lat=NA;lng=NA", NO_ATTRIBUTE);
	GIVES(mapping, "N=1;lat=91;lng=1", "attribute \"location\": expected a latitude from -90 to 90, not \"91\"");
	GIVES(mapping, "N=1;lat=1;lng=1e3",
	      "attribute \"location\": expected a longitude from -180 to 180, not \"1e3\"");
	(void)mapping_free(mapping);
}

static void ids_are_made_safe(void)
{
	struct mapping *mapping =
		parse("id: \"urn:x:{A}:{{{B}}}\"\ntype: [T, U]\nattributes:\n  a: {kind: text, text: t}\n");

	if (!mapping)
		return;
	GIVES(mapping, "A=BLK 1 <a>;B=é%",
	      "{\"id\":\"urn:x:BLK%201%20%3Ca%3E:{é%25}\",\"type\":[\"T\",\"U\"],\"a\":{\"type\":\"Property\","
	      "\"value\":\"t\"}}");
	GIVES(mapping, "A=1", "column \"B\" is empty but part of the id");
	(void)mapping_free(mapping);
}

static void a_template_may_be_full_of_braces(void)
{
	struct mapping *mapping =
		parse("id: \"urn:x:{A}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}{A}{A}{{{{\"\ntype: T\nattributes: {}\n");

	if (!mapping)
		return;
	GIVES(mapping, "A=1", "{\"id\":\"urn:x:1}}}}}}}}}}}}}}}}}11{{\",\"type\":\"T\"}");
	(void)mapping_free(mapping);
}

static void attributes_carry_time_dataset_and_sub_attributes(void)
{
	struct mapping *mapping =
		parse("id: urn:x:1\ntype: T\nobserved_at: {column: at, format: unix}\nattributes:\n"
		      "  n:\n    kind: integer\n    column: n\n    dataset: \"urn:d:{k}\"\n    attributes:\n"
		      "      quality: {kind: number, column: q}\n"
		      "  name: {kind: text, column: name, observed_at: none}\n"
		      "  fixed: {kind: integer, column: n, observed_at: 2018-12-11T23:10:00+08:00}\n");

	if (!mapping)
		return;
	GIVES(mapping, "at=1543924800;n=5;k=a b;q=0.5;name=x",
	      "{\"id\":\"urn:x:1\",\"type\":\"T\",\"n\":{\"type\":\"Property\",\"value\":5,\"observedAt\":"
	      "\"2018-12-04T12:00:00Z\",\"datasetId\":\"urn:d:a%20b\",\"quality\":{\"type\":\"Property\",\"value\":0.5}"
	      "},"
	      "\"name\":{\"type\":\"Property\",\"value\":\"x\"},\"fixed\":{\"type\":\"Property\",\"value\":5,"
	      "\"observedAt\":"
	      "\"2018-12-11T15:10:00Z\"}}");
	(void)mapping_free(mapping);
}

static void rules_skip_rows_and_choose_instances(void)
{
	struct mapping *mapping =
		parse("id: urn:x:1\ntype: T\nskip:\n  - {column: k, in: [x, \"\"]}\n"
		      "  - {column: n, empty: true}\nattributes:\n  spots:\n"
		      "    - {kind: integer, column: n, when: {column: k, in: C}}\n"
		      "    - {kind: integer, column: n, when: {column: k, not_in: C}, dataset: urn:d:other}\n");

	if (!mapping)
		return;
	GIVES(mapping, "k=x;n=1", "skip rule of line 4");
	GIVES(mapping, "k=;n=1", "skip rule of line 4");
	GIVES(mapping, "k=C;n=", "skip rule of line 5");
	GIVES(mapping, "k=C;n=3", "{\"id\":\"urn:x:1\",\"type\":\"T\",\"spots\":{\"type\":\"Property\",\"value\":3}}");
	GIVES(mapping, "k=Y;n=4",
	      "{\"id\":\"urn:x:1\",\"type\":\"T\",\"spots\":{\"type\":\"Property\",\"value\":4,\"datasetId\":\"urn:d:"
	      "other\"}}");
	(void)mapping_free(mapping);
}

static void rows_of_one_entity_come_together(void)
{
	struct mapping *mapping = parse("id: urn:x:1\ntype: T\nattributes:\n"
					"  n: {kind: integer, column: n, dataset: \"urn:d:{k}\"}\n"
					"  kinds: {kind: text, column: k, gather: true}\n  rows: {kind: count}\n"
					"  at: {kind: point, longitude: x, latitude: y, gather: true}\n"
					"  last: {kind: integer, column: n}\n");

	if (!mapping)
		return;
	struct json *entity = apply(mapping, "n=1;k=a;x=1;y=2");
	const char *rows[] = {"n=2;k=b;x=3;y=4", "n=3;k=a;x=1;y=2"};

	for (size_t i = 0; i < 2 && entity; i++) {
		struct json *row = apply(mapping, rows[i]);

		CHECK(row && mapping_merge(mapping, &arena, entity, row));
	}
	check_json(entity,
		   "{\"id\":\"urn:x:1\",\"type\":\"T\",\"n\":[{\"type\":\"Property\",\"value\":3,\"datasetId\":\"urn:d:"
		   "a\"},"
		   "{\"type\":\"Property\",\"value\":2,\"datasetId\":\"urn:d:b\"}],\"kinds\":{\"type\":\"Property\","
		   "\"value\":"
		   "[\"a\",\"b\"]},\"rows\":{\"type\":\"Property\",\"value\":3},\"at\":{\"type\":\"GeoProperty\","
		   "\"value\":"
		   "{\"type\":\"MultiPoint\",\"coordinates\":[[1,2],[3,4],[1,2]]}},\"last\":{\"type\":\"Property\","
		   "\"value\":3}}",
		   __LINE__);
	(void)mapping_free(mapping);
}

static void times_are_read_in_their_zone(void)
{
	int64_t us = 0, zone = INT64_C(8) * 3600 * 1000000;

	CHECK(mapping_time(STR("2018-12-11 23:10:00"), STR("iso"), zone, &us) && us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("2018-12-11T23:10:00+08:00"), STR("iso"), 0, &us) && us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("2018-12-11T23:10:00+0800"), STR("iso"), 0, &us) && us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("2018-12-11T15:10:00Z"), STR("iso"), zone, &us) && us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("1544541000"), STR("unix"), zone, &us) && us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("1544541000250"), STR("unix_ms"), 0, &us) && us == INT64_C(1544541000250000));
	CHECK(mapping_time(STR("1544541000250123"), STR("unix_us"), 0, &us) && us == INT64_C(1544541000250123));
	CHECK(mapping_time(STR("1544541000250123999"), STR("unix_ns"), 0, &us) && us == INT64_C(1544541000250123));
	CHECK(!mapping_time(STR("999"), STR("unix_ns"), 0, &us));
	CHECK(mapping_time(STR("2018-12-11T15:10:00.250123999Z"), STR("iso"), 0, &us) &&
	      us == INT64_C(1544541000250123));
	CHECK(mapping_time(STR("2018-12-11 23:10:00.2501239+08:00"), STR("iso"), 0, &us) &&
	      us == INT64_C(1544541000250123));
	CHECK(mapping_time(STR("11-Dec-18 23:10"), STR("%d-%b-%y %H:%M"), zone, &us) &&
	      us == INT64_C(1544541000000000));
	CHECK(mapping_time(STR("100% 2018"), STR("100%% %Y"), 0, &us) && us == INT64_C(1514764800000000));
	CHECK(!mapping_time(STR("29-Feb-18 23:10"), STR("%d-%b-%y %H:%M"), 0, &us));
	CHECK(!mapping_time(STR("2018-12-11 24:10:00"), STR("%Y-%m-%d %H:%M:%S"), 0, &us));
	CHECK(!mapping_time(STR("2018-12-11 23:10:00x"), STR("%Y-%m-%d %H:%M:%S"), 0, &us));
	CHECK(!mapping_time(STR("9999999999999"), STR("unix"), 0, &us));
	CHECK(!mapping_time_format_is_good(STR("%Q")) && !mapping_time_format_is_good(STR("Y-m")) &&
	      !mapping_time_format_is_good(STR("%")));
}

static void refuses(const char *text, const char *place, const char *words)
{
	struct mapping *mapping = NULL;

	err = (struct error){0};
	if (!CHECK(mapping_parse(STR("m.yaml"), str_from(text), &mapping, &err) == ERR_INVALID) ||
	    !CHECK(strstr(err.detail, place)) || !CHECK(strstr(err.detail, words)))
		printf("# %s -> %s\n", text, err.detail);
	(void)mapping_free(mapping);
}

#define HEAD "id: urn:x:1\ntype: T\nattributes:\n"

/* A Property of this value alone. */
#define N(attribute, cell, value) A(attribute, cell, "{\"type\":\"Property\",\"value\":" value "}")
/* Cayenne LPP's own examples: channel, type 0x67, then tenths of a degree as int16, highest byte first. The rest is
 * the arithmetic of two's complement and IEEE 754. */
static void numbers_are_found_in_bytes(void)
{
#define LPP "kind: number, column: C, scale: 0.1, decimals: 1, bytes: {encoding: hex, type: int16, at: "
	N(LPP "2}", "03670110056700FF", "27.2");
	N(LPP "6}", "03670110056700FF", "25.5");
	N(LPP "-2}", "03670110056700ff", "25.5");
	N(LPP "2}", "0167FFD7", "-4.1");
	A(LPP "2}, offset: 273, unit: KEL", "0167FFD7", "{\"type\":\"Property\",\"value\":268.9,\"unitCode\":\"KEL\"}");
#undef LPP
	N("kind: number, column: C, bytes: {at: 2, type: int16}", "AWf/1w==", "-41");
	N("kind: number, column: C, bytes: {at: 2, type: int16}", "AWf_1w", "-41");
	N("kind: number, column: C, bytes: {at: 2, type: uint16, order: little}", "AWf/1w==", "55295");
	N("kind: number, column: C, bytes: {encoding: hex, type: float32}", "C0490FDB", "-3.1415927410125732");
	N("kind: number, column: C, bytes: {encoding: hex, type: float64, order: little}", "182D4454FB210940",
	  "3.141592653589793");
	N("kind: integer, column: C, bytes: {encoding: hex, type: uint64}", "7FFFFFFFFFFFFFFF", "9223372036854775807");
	N("kind: number, column: C, bytes: {encoding: hex, type: int24}", "800000", "-8388608");
	N("kind: number, column: C, bytes: {encoding: hex, type: uint8, bit: 4, bits: 3}", "D5", "5");
	N("kind: boolean, column: C, bytes: {encoding: hex, type: uint8, bit: 7}", "D5", "true");
	N("kind: text, column: C, bytes: {encoding: hex, type: uint8}, values: {2: open, 3: shut}", "03", "\"shut\"");
	/* A shorter message says nothing of what lies behind its end; NaN is no number. */
	A("kind: number, column: C, bytes: {encoding: hex, at: 1, type: int16}", "0102", "");
	A("kind: number, column: C, bytes: {encoding: hex, at: -3, type: int8}", "0102", "");
	A("kind: number, column: C, bytes: {encoding: hex, type: float32}", "7FC00000", "");
	A("kind: number, column: C, bytes: {encoding: hex, type: int8}", "0G",
	  "column \"C\": expected bytes in hexadecimal, not \"0G\"");
	A("kind: number, column: C, bytes: {encoding: hex, type: int8}", "012",
	  "column \"C\": expected bytes in hexadecimal, not \"012\"");
	A("kind: number, column: C, bytes: {type: int8}", "A", "column \"C\": expected bytes in base64, not \"A\"");
	A("kind: number, column: C, bytes: {type: int8}",
	  "A*==", "column \"C\": expected bytes in base64, not \"A*==\"");
}

static void mistakes_in_a_mapping_name_line_and_remedy(void)
{
	refuses("", "m.yaml:1:1", "id, type and attributes");
	refuses("type: T\nattributes: {}\n", "m.yaml:1:1", "expected \"id\"");
	refuses("id: x\nattributes: {}\n", "m.yaml:1:1", "expected \"type\"");
	refuses("id: x\ntype: T\natributes: {}\n", "m.yaml:3:1", "did you mean \"attributes\"?");
	refuses("id: x\ntype: T\nmode: upsert\nattributes: {}\n", "m.yaml:3:7", "replace, append, update or series");
	refuses("id: \"x:{A\"\ntype: T\nattributes: {}\n", "m.yaml:1:5", "without \"}\"");
	refuses("id: \"x:A}\"\ntype: T\nattributes: {}\n", "m.yaml:1:5", "without \"{\"");
	refuses("id: \"x:{}\"\ntype: T\nattributes: {}\n", "m.yaml:1:5", "name of a column");
	refuses(HEAD "  a: {kind: numbr, column: C}\n", "m.yaml:4:13", "did you mean \"number\"?");
	refuses(HEAD "  a: {column: C}\n", "m.yaml:4:6", "kind: text");
	refuses(HEAD "  a: {kind: text}\n", "m.yaml:4:6", "either \"column\" or \"text\"");
	refuses(HEAD "  a: {kind: text, column: C, text: x}\n", "m.yaml:4:6", "either");
	refuses(HEAD "  a: {kind: text, colum: C}\n", "m.yaml:4:19", "did you mean \"column\"?");
	refuses(HEAD "  a: {kind: text, column: C, unit: KMT}\n", "m.yaml:4:36", "only numbers have a unit");
	refuses(HEAD "  a: {kind: point, longitude: x}\n", "m.yaml:4:6", "\"longitude\" and \"latitude\"");
	refuses(HEAD "  a: {kind: object}\n", "m.yaml:4:6", "needs \"members\"");
	refuses(HEAD "  a: {kind: time, column: C, format: \"%Q\"}\n", "m.yaml:4:38", "pattern of");
	refuses(HEAD "  a: {kind: time, column: C, zone: SGT}\n", "m.yaml:4:36", "+08:00");
	refuses(HEAD "  a: {kind: number, column: C, scale: big}\n", "m.yaml:4:39", "expected a number behind");
	refuses(HEAD "  a: {kind: number, column: C, scale: 1e16}\n", "m.yaml:4:39", "expected a number from");
	refuses(HEAD "  a: {kind: number, column: C, bytes: {type: in16}}\n", "m.yaml:4:46", "did you mean \"int16\"?");
	refuses(HEAD "  a: {kind: number, column: C, bytes: {type: uint8, bit: 8}}\n", "m.yaml:4:58", "from 0 to 7");
	refuses(HEAD "  a: {kind: number, column: C, bytes: {type: int8, bit: 1}}\n", "m.yaml:4:39", "without sign");
	refuses(HEAD "  a: {kind: number, text: C, bytes: {type: int8}}\n", "m.yaml:4:37", "only a \"column\"");
	refuses(HEAD "  a: {kind: text, column: C, observed_at: noon}\n", "m.yaml:4:43", "expected a time such as");
	refuses("id: x\ntype: T\nskip:\n  - {column: A}\nattributes: {}\n", "m.yaml:4:5", "one of \"in\"");
	refuses(HEAD "  a: C\n", "m.yaml:4:6", "an attribute such as");
}

int main(void)
{
	arena_init(&arena, 64 << 20);
	RUN(every_kind_makes_its_value);
	RUN(empty_texts_give_no_attribute_or_the_default);
	RUN(texts_that_do_not_fit_are_refused_by_column);
	RUN(enumerations_translate);
	RUN(points_are_longitude_then_latitude);
	RUN(ids_are_made_safe);
	RUN(a_template_may_be_full_of_braces);
	RUN(attributes_carry_time_dataset_and_sub_attributes);
	RUN(rules_skip_rows_and_choose_instances);
	RUN(rows_of_one_entity_come_together);
	RUN(times_are_read_in_their_zone);
	RUN(numbers_are_found_in_bytes);
	RUN(mistakes_in_a_mapping_name_line_and_remedy);
	arena_done(&arena);
	return check_done();
}
