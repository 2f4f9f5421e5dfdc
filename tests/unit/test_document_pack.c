/* Packed documents.
 *
 * Goal: what is unpacked, as a tree and as text, is what was packed, to the letter; the bytes are those that the format
 * says; damage is noticed or gives some other document, and never more than was asked for. Method: bytes written by
 * hand; trees at random against json_write() of what went in; doubles against strtod(); every cut and every flipped bit
 * of a document. */
#include "check.h"
#include "names_util.h"
#include "random_util.h"

#include "store/document_pack_int.h"

#include <string.h>

#define ARENA_BYTES ((size_t)256 << 20)
#define BUF_BYTES ((size_t)64 << 20)
#define ROUNDS 3000
#define SPEED "https://example.org/speed"

struct desk {
	struct test_names dictionary;
	struct document_names names;
	struct json_parser *parser;
	struct arena arena;
	struct buf packed, text;
};

static void desk_start(struct desk *desk)
{
	desk->names = test_names_start(&desk->dictionary);
	desk->parser = json_parser_new();
	arena_init(&desk->arena, ARENA_BYTES);
	buf_init(&desk->packed, BUF_BYTES);
	buf_init(&desk->text, BUF_BYTES);
}

static void desk_end(struct desk *desk)
{
	arena_done(&desk->dictionary.arena);
	(void)json_parser_free(desk->parser);
	arena_done(&desk->arena);
	buf_done(&desk->packed);
	buf_done(&desk->text);
}

static struct json *parse(struct desk *desk, struct str text)
{
	const struct json_parse_options options = {.depth_max = 200, .duplicates_allowed = true};
	struct json *tree = NULL;
	struct error err = {0};

	CHECK_OK(json_parse(desk->parser, &desk->arena, text, &options, &tree, &err), &err);
	return tree;
}

static bool pack(struct desk *desk, const struct json *tree, bool *ret_expires)
{
	struct error err = {0};
	bool packed = false;

	buf_clear(&desk->packed);
	CHECK_OK(document_pack(tree, DOCUMENT_ENTITY, &desk->names, &desk->packed, &packed, ret_expires, &err), &err);
	return packed;
}

/* What is packed comes out as the text, by both ways; returns the tree. */
static struct json *check_unpacks(struct desk *desk, struct str expected)
{
	struct json *tree = NULL;
	struct error err = {0};
	struct buf written;

	buf_clear(&desk->text);
	CHECK_OK(document_unpack_text(buf_str(&desk->packed), &desk->names, &desk->text, &err), &err);
	CHECK_STR(buf_str(&desk->text), expected);
	CHECK_OK(document_unpack(buf_str(&desk->packed), &desk->names, &desk->arena, &tree, &err), &err);
	buf_init(&written, BUF_BYTES);
	if (tree)
		json_write(&written, tree);
	CHECK_STR(buf_str(&written), expected);
	buf_done(&written);
	return tree;
}

static void check_same(struct desk *desk, const char *text)
{
	bool expires;

	CHECK(pack(desk, parse(desk, str_from(text)), &expires));
	const struct json *tree = check_unpacks(desk, str_from(text));

	/* What came out goes in again: found by addresses, and the same bytes. */
	struct str first = arena_dup(&desk->arena, buf_str(&desk->packed));

	CHECK(tree && pack(desk, tree, &expires));
	CHECK_STR(buf_str(&desk->packed), first);
}

/* ---- the format ---- */

static void the_bytes_are_those_of_the_format(void)
{
	static const char text[] =
		"{\"id\":\"urn:a\",\"type\":[\"https://example.org/Bus\"],\"createdAt\":1000000,\"" SPEED
		"\":[{\"type\":\"Property\",\"value\":-12.50,\"createdAt\":1000000,\"x\":[null,true,7,16,1e3]}]}";
	static const unsigned char bytes[] = {
		0x01, /* format */
		0x44, /* four members */
		0x80, 0x65, 'u',  'r',  'n',  ':',  'a', /* id, a text of five bytes */
		0x81, 0x31, 0x04, 0x01, /* type, an array of one, name 1 */
		0x84, 0x05, 0x80, 0x89, 0x7A, /* createdAt: 2000000 = 0x7A·2¹⁴ + 0x09·2⁷ */
		0x03, 0x31, 0x44, /* name 2, an array of one, an object of four */
		0x81, 0x94, /* type, Property */
		0x82, 0x06, 0x02, 0xC3, 0x13, /* value: two decimals, zigzag of -1250 = 2499 */
		0x84, 0x10, /* createdAt, what was noted first */
		0x00, 0x01, 'x',  0x35, 0x00, 0x02, 0x27, 0x05, 0x20, /* x: null, true, 7, 16 … */
		0x07, 0,    0,    0,    0,    0,    0x40, 0x8F, 0x40,
		0x00, 0x03, '1',  'e',  '3', /* … and 1000 as it was written */
	};
	static struct desk desk;
	bool expires;

	desk_start(&desk);
	CHECK(pack(&desk, parse(&desk, str_from(text)), &expires) && !expires);
	CHECK(desk.packed.len == sizeof(bytes) && memcmp(desk.packed.at, bytes, sizeof(bytes)) == 0);
	(void)check_unpacks(&desk, str_from(text));
	desk_end(&desk);
}

static void words_are_found_by_text_and_by_address(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PACK_WORDS_MAX; i++) {
		struct str word = document_word(i);
		char copy[64];

		if (!word.at)
			continue;
		count++;
		memcpy(copy, word.at, word.len);
		CHECK(strlen(word.at) == word.len);
		CHECK(document_word_number(word) == (int)i);
		CHECK(document_word_number((struct str){copy, word.len}) == (int)i);
		CHECK(document_word_number((struct str){copy, word.len - 1}) != (int)i);
		copy[0] ^= 1;
		CHECK(document_word_number((struct str){copy, word.len}) != (int)i);
	}
	CHECK(count > 50);
	CHECK(document_word_number(STR("")) == -1);
	CHECK_STR(document_word(DOCUMENT_WORD_EXPIRES_AT), STR("expiresAt"));
	/* Part of the format. */
	CHECK_STR(document_word(0), STR("id"));
	CHECK_STR(document_word(20), STR("Property"));
	CHECK_STR(document_word(88), STR("LTR"));
}

/* Bit by bit: also the sign of zero. */
static uint64_t bits_of(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static void numbers_keep_their_digits_and_their_doubles(void)
{
	static const char *const numbers[] = {"0",
					      "-0",
					      "15",
					      "16",
					      "-1",
					      "0.0",
					      "-0.0",
					      "0.05",
					      "-0.05",
					      "0.050",
					      "1.5",
					      "100.00",
					      "-12.5",
					      "123456",
					      "12345",
					      "1796024691043934",
					      "-1796024691043934",
					      "9007199254740992",
					      "9007199254740993",
					      "90071992547409930",
					      "9223372036854775807",
					      "-9223372036854775808",
					      "18446744073709551616",
					      "0.123456789012345",
					      "0.1234567890123456",
					      "9007199254740.991",
					      "9007199254740.993",
					      "90071992547409.93",
					      "1e3",
					      "1E+3",
					      "1.5e-7",
					      "103.620003",
					      "1.3521000000000001",
					      "12345678901234567890123456789.5",
					      "0.000000000000001",
					      "0.0000000000000001"};
	static struct desk desk;
	char text[128];

	desk_start(&desk);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text), "[%s,%s,{\"value\":%s}]", numbers[i], numbers[i], numbers[i]);
		check_same(&desk, text);
		const struct json *tree = check_unpacks(&desk, str_from(text));

		for (uint32_t k = 0; tree && k < 2; k++) {
			CHECK(bits_of(tree->items[k].number) == bits_of(strtod(numbers[i], NULL)));
			CHECK(tree->items[k].integer == !strpbrk(numbers[i], ".eE"));
		}
	}
	desk_end(&desk);
}

static void what_is_odd_comes_back_too(void)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		"\"\"",
		"{\"\":\"\"}",
		"{\"type\":\"https://example.org/Bus\"}",
		"{\"type\":[1,{\"type\":\"Property\"},\"id\"]}",
		"{\"a\":1,\"a\":2}",
		"{\"id\":\"type\",\"" SPEED "\":{\"" SPEED "\":[{\"" SPEED "\":[[{\"" SPEED "\":1}]]}]}}",
		"{\"value\":\"\\\"\\\\\\n\\u0001é漢\"}",
		"{\"scope\":[\"12345678\",\"12345678\",\"1234567\",\"1234567\"]}",
		"[\"123456\",123456,\"12345678\",12345678,\"12345678\",12345678]",
		"{\"" SPEED "\":[{\"value\":{\"" SPEED "\":\"" SPEED "\"}}]}",
		"[[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]]"};
	static struct desk desk;

	desk_start(&desk);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_same(&desk, texts[i]);
	desk_end(&desk);
}

static void moments_are_numbers_unless_written_otherwise(void)
{
	static const struct {
		const char *text;
		size_t bytes; /* of the value, with its head; 0: as text */
	} moments[] = {{"1970-01-01T00:00:00Z", 2},     {"2026-11-23T08:16:40Z", 6},
		       {"2026-11-23T08:16:40.250Z", 9}, {"2026-11-23T08:16:40.000001Z", 9},
		       {"1969-12-31T23:59:59Z", 2},     {"0001-01-01T00:00:00Z", 7},
		       {"0000-01-01T00:00:00Z", 0},     {"9999-12-31T23:59:59.999999Z", 10},
		       {"2026-11-23T08:16:40.0Z", 0},   {"2026-11-23T08:16:40.25Z", 0},
		       {"2026-11-23T08:16:40,250Z", 0}, {"2026-11-23T08:16:40+00:00", 0},
		       {"2026-02-29T08:16:40Z", 0},     {"2026-11-23T08:16:40.250000Z", 0},
		       {"aaaaaaaaaaTaaaaaaaaZ", 0}};
	static struct desk desk;
	char text[128];
	bool expires;

	desk_start(&desk);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		(void)snprintf(text, sizeof(text), "\"%s\"", moments[i].text);
		CHECK(pack(&desk, parse(&desk, str_from(text)), &expires));
		CHECK(desk.packed.len == 1 + (moments[i].bytes ? moments[i].bytes : 1 + strlen(moments[i].text)));
		/* The second time it is noted. */
		(void)snprintf(text, sizeof(text), "[\"%s\",\"%s\"]", moments[i].text, moments[i].text);
		check_same(&desk, text);
	}
	desk_end(&desk);
}

static void instances_have_names_too(void)
{
	static struct desk desk;
	bool packed, expires;
	struct error err = {0};
	struct str text = STR("{\"type\":\"Property\",\"value\":1,\"" SPEED "\":[{\"" SPEED "\":[]}]}");

	desk_start(&desk);
	CHECK_OK(document_pack(parse(&desk, text), DOCUMENT_INSTANCE, &desk.names, &desk.packed, &packed, &expires,
			       &err),
		 &err);
	CHECK(packed && desk.packed.len == 11);
	(void)check_unpacks(&desk, text);
	desk_end(&desk);
}

static void expiry_is_noticed_at_any_depth(void)
{
	static struct desk desk;
	bool expires;

	desk_start(&desk);
	CHECK(pack(&desk, parse(&desk, STR("{\"" SPEED "\":[{\"expiresAt\":\"x\"}]}")), &expires) && expires);
	CHECK(pack(&desk, parse(&desk, STR("{\"" SPEED "\":[{\"value\":\"expiresAt\"}]}")), &expires) && !expires);
	desk_end(&desk);
}

/* ---- what is not packed ---- */

static void what_is_deep_or_large_is_left_alone(void)
{
	static struct desk desk;
	struct buf text;
	bool expires;

	desk_start(&desk);
	buf_init(&text, BUF_BYTES);
	for (unsigned depth = PACK_DEPTH_MAX - 1; depth <= PACK_DEPTH_MAX + 1; depth++) {
		buf_clear(&text);
		for (unsigned i = 0; i < depth; i++)
			buf_put_char(&text, '[');
		for (unsigned i = 0; i < depth; i++)
			buf_put_char(&text, ']');
		CHECK(pack(&desk, parse(&desk, buf_str(&text)), &expires) == (depth <= PACK_DEPTH_MAX));
	}
	/* One text again and again: short packed, long written out. */
	buf_clear(&text);
	buf_put(&text, STR("[\"0123456789012345678901234567890123456789\""));
	for (unsigned i = 0; i < 40000; i++)
		buf_put(&text, STR(",\"0123456789012345678901234567890123456789\""));
	buf_put_char(&text, ']');
	CHECK(!pack(&desk, parse(&desk, buf_str(&text)), &expires));
	buf_done(&text);
	desk_end(&desk);
}

/* ---- at random ---- */

static void random_text(struct random *random, struct buf *text)
{
	static const char *const texts[] = {"Property",
					    "GeoProperty",
					    "",
					    "a",
					    "2026-11-23T08:16:40Z",
					    "urn:ngsi-ld:Bus:7",
					    "https://example.org/speed",
					    "long text that does not fit into one byte of length",
					    "é漢字\"\\\n",
					    "expiresAt",
					    "value"};

	json_write_string(text, str_from(texts[roll(random, sizeof(texts) / sizeof(texts[0]))]));
}

static void random_number(struct random *random, struct buf *text)
{
	switch (roll(random, 5)) {
	case 0:
		buf_put_int64(text, 1796024691043934 + roll(random, 2));
		break;
	case 1:
		buf_printf(text, "%s%u.%0*u", roll(random, 2) ? "-" : "", roll(random, 200), 1 + (int)roll(random, 9),
			   roll(random, 10));
		break;
	case 2:
		buf_printf(text, "%.17g", ((double)roll(random, 1u << 30) - 5e8) / (1 + roll(random, 1000)));
		break;
	case 3:
		buf_printf(text, "%ue%d", roll(random, 100), (int)roll(random, 40) - 20);
		break;
	default:
		buf_put_int64(text, (int64_t)((uint64_t)roll(random, 1u << 31) << roll(random, 32)) - 1000);
	}
}

static void random_value(struct random *random, struct buf *text, unsigned levels)
{
	uint32_t count = roll(random, roll(random, 8) ? 5 : 40);
	static const char *const keys[] = {
		"type", "value", "createdAt",  SPEED,      "urn:x", "https://example.org/other",
		"",     "own",   "observedAt", "datasetId"};

	switch (roll(random, levels ? 6 : 4)) {
	case 0:
		buf_put(text, roll(random, 2) ? STR("null") : STR("false"));
		break;
	case 1:
		random_number(random, text);
		break;
	case 2:
	case 3:
		random_text(random, text);
		break;
	case 4:
		buf_put_char(text, '[');
		for (uint32_t i = 0; i < count; i++) {
			if (i)
				buf_put_char(text, ',');
			random_value(random, text, levels - 1);
		}
		buf_put_char(text, ']');
		break;
	default:
		buf_put_char(text, '{');
		for (uint32_t i = 0; i < count; i++) {
			if (i)
				buf_put_char(text, ',');
			json_write_string(text, str_from(keys[roll(random, sizeof(keys) / sizeof(keys[0]))]));
			buf_put_char(text, ':');
			random_value(random, text, levels - 1);
		}
		buf_put_char(text, '}');
	}
}

static void trees_at_random_come_back(void)
{
	struct random random = {.state = 20261130};
	static struct desk desk;
	struct buf text;

	desk_start(&desk);
	buf_init(&text, BUF_BYTES);
	for (int i = 0; i < ROUNDS; i++) {
		bool expires;

		arena_clear(&desk.arena);
		buf_clear(&text);
		random_value(&random, &text, 5);
		CHECK(pack(&desk, parse(&desk, buf_str(&text)), &expires));
		const struct json *tree = check_unpacks(&desk, buf_str(&text));

		CHECK(tree && pack(&desk, tree, &expires));
		(void)check_unpacks(&desk, buf_str(&text));
	}
	buf_done(&text);
	desk_end(&desk);
}

/* ---- damage ---- */

/* ERR_CORRUPT, or another document: by both ways the same. */
static void check_damaged(struct desk *desk, struct str bytes)
{
	struct json *tree = NULL;
	struct buf written;
	enum err_code by_tree, by_text;

	buf_clear(&desk->text);
	buf_init(&written, BUF_BYTES);
	by_tree = document_unpack(bytes, &desk->names, &desk->arena, &tree, NULL);
	by_text = document_unpack_text(bytes, &desk->names, &desk->text, NULL);
	CHECK(by_tree == ERR_OK || by_tree == ERR_CORRUPT);
	CHECK(by_text == by_tree);
	if (by_tree == ERR_OK && by_text == ERR_OK) {
		json_write(&written, tree);
		CHECK_STR(buf_str(&written), buf_str(&desk->text));
	}
	buf_done(&written);
}

static void damage_is_noticed_or_harmless(void)
{
	static const char text[] =
		"{\"id\":\"urn:ngsi-ld:Bus:7\",\"type\":[\"https://example.org/"
		"Bus\"],\"createdAt\":1796024691043934,\"" SPEED
		"\":[{\"type\":\"Property\",\"value\":28.8,\"observedAt\":\"2026-11-23T08:16:40Z\",\"createdAt\":"
		"1796024691043934,\"urn:note\":[{\"type\":\"Property\",\"value\":1e3,\"observedAt\":\"2026-11-23T08:16:"
		"40Z\"}]}]}";
	static struct desk desk;
	bool expires;

	desk_start(&desk);
	CHECK(pack(&desk, parse(&desk, str_from(text)), &expires));
	struct str whole = arena_dup(&desk.arena, buf_str(&desk.packed));
	char *bytes = arena_bytes(&desk.arena, whole.len + 1, 0);

	for (size_t len = 0; len < whole.len; len++) {
		struct json *tree;

		CHECK(document_unpack(str_part(whole, 0, len), &desk.names, &desk.arena, &tree, NULL) == ERR_CORRUPT);
	}
	for (size_t bit = 0; bit < 8 * whole.len; bit++) {
		memcpy(bytes, whole.at, whole.len);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		check_damaged(&desk, (struct str){bytes, whole.len});
	}
	memcpy(bytes, whole.at, whole.len);
	bytes[whole.len] = 0;
	check_damaged(&desk, (struct str){bytes, whole.len + 1});
	desk_end(&desk);
}

static void lies_about_lengths_take_no_memory(void)
{
	static const struct str lies[] = {{"\x01\x08\xff\xff\xff\xff\x0f\x20", 8},
					  {"\x01\x09\xff\xff\xff\xff\x0f\x20", 8},
					  {"\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20", 13},
					  {"\x01\x03\xff\xff\xff\xff\x7f", 7},
					  {"\x01\x07"
					   "12345678\x01\x00",
					   12},
					  {"\x01\x10", 2},
					  {"\x01\x0c", 2},
					  {"\x02\x20", 2},
					  {"\x01\xff", 2},
					  {"\x01\x06\x00\x02", 4},
					  {"\x01\x06\x10\x02", 4},
					  {"\x01\x07\x00\x00\x00\x00\x00\x00\xf0\x7f\x01\x01"
					   "1",
					   13},
					  {"\x01\x04\x00", 3},
					  {"\x01\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}};
	static struct desk desk;

	desk_start(&desk);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct json *tree = NULL;

		CHECK(document_unpack(lies[i], &desk.names, &desk.arena, &tree, NULL) == ERR_CORRUPT);
		CHECK(document_unpack_text(lies[i], &desk.names, &desk.text, NULL) == ERR_CORRUPT);
	}
	CHECK(desk.arena.bytes < 1 << 20);
	desk_end(&desk);
}

int main(void)
{
	RUN(the_bytes_are_those_of_the_format);
	RUN(words_are_found_by_text_and_by_address);
	RUN(numbers_keep_their_digits_and_their_doubles);
	RUN(what_is_odd_comes_back_too);
	RUN(moments_are_numbers_unless_written_otherwise);
	RUN(instances_have_names_too);
	RUN(expiry_is_noticed_at_any_depth);
	RUN(what_is_deep_or_large_is_left_alone);
	RUN(trees_at_random_come_back);
	RUN(damage_is_noticed_or_harmless);
	RUN(lies_about_lengths_take_no_memory);
	return check_done();
}
