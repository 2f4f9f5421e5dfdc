/* Numbers in the payloads of small devices, which send bytes and no names: where they lie, and how they are read. */
#include "base/nearest.h"
#include "feed/mapping_read_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define PLACE_MAX 4095

struct byte_type_fact {
	const char *name;
	uint8_t len;
	bool is_signed, is_float;
};

static const struct byte_type_fact facts[BYTE_TYPE_COUNT] = {
	[BYTE_INT8] = {"int8", 1, true, false},      [BYTE_UINT8] = {"uint8", 1, false, false},
	[BYTE_INT16] = {"int16", 2, true, false},    [BYTE_UINT16] = {"uint16", 2, false, false},
	[BYTE_INT24] = {"int24", 3, true, false},    [BYTE_UINT24] = {"uint24", 3, false, false},
	[BYTE_INT32] = {"int32", 4, true, false},    [BYTE_UINT32] = {"uint32", 4, false, false},
	[BYTE_INT64] = {"int64", 8, true, false},    [BYTE_UINT64] = {"uint64", 8, false, false},
	[BYTE_FLOAT32] = {"float32", 4, true, true}, [BYTE_FLOAT64] = {"float64", 8, true, true},
};

/* ---- settings ---- */

static enum err_code read_type(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct field_bytes *bytes)
{
	struct str text = STR_NONE;
	struct nearest nearest;
	enum err_code code = mapping_read_text(reader, node, "type", &text);
	const struct yaml_tree *place = yaml_tree_get(node, STR("type"));

	if (code)
		return code;
	nearest_init(&nearest, text);
	for (size_t i = 0; i < BYTE_TYPE_COUNT; i++) {
		if (str_eq(text, str_from(facts[i].name))) {
			bytes->type = (enum byte_type)i;
			return ERR_OK;
		}
		nearest_offer(&nearest, str_from(facts[i].name));
	}
	return yaml_tree_refuse(
		place ? place : node, reader->err,
		"expected \"type:\" int8, uint8, int16, uint16, int24, …, uint64, float32 or float64%s%.*s%s",
		nearest.best.len ? "; did you mean \"" : "", STR_FMT(nearest.best), nearest.best.len ? "\"?" : "");
}

/* One of two words behind key; the first when it is not there. */
static enum err_code read_word(const struct mapping_reader *reader, const struct yaml_tree *node, const char *key,
			       const char *first, const char *second, bool *ret_second)
{
	struct str text = STR_NONE;
	enum err_code code = mapping_read_text(reader, node, key, &text);

	if (code || !text.at)
		return code;
	*ret_second = str_eq(text, str_from(second));
	if (*ret_second || str_eq(text, str_from(first)))
		return ERR_OK;
	return yaml_tree_refuse(yaml_tree_get(node, str_from(key)), reader->err,
				"expected \"%s\" or \"%s\" behind \"%s\"", first, second, key);
}

static enum err_code read_bits(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct field_bytes *bytes)
{
	double bit = 0, count = yaml_tree_get(node, STR("bit")) ? 1 : 0, room = facts[bytes->type].len * 8.0;
	enum err_code code = mapping_read_number(reader, node, "bit", 0, room - 1, &bit);

	if (!code)
		code = mapping_read_number(reader, node, "bits", 1, room - bit, &count);
	if (!code && count > 0 && facts[bytes->type].is_signed)
		return yaml_tree_refuse(node, reader->err, "only types without sign have bits");
	bytes->bit = (uint8_t)bit;
	bytes->bit_count = (uint8_t)count;
	return code;
}

enum err_code mapping_read_bytes(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct field_bytes **ret)
{
	static const char *const known[] = {"encoding", "at", "type", "order", "bit", "bits", NULL};
	struct field_bytes *bytes = arena_new(reader->arena, struct field_bytes);
	double at = 0;
	enum err_code code =
		mapping_expect(reader, node, YAML_TREE_MAP, "where the bytes are, such as {at: 0, type: int16}");

	if (!bytes)
		return mapping_no_memory(reader);
	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = read_type(reader, node, bytes);
	if (!code)
		code = read_word(reader, node, "encoding", "base64", "hex", &bytes->is_hex);
	if (!code)
		code = read_word(reader, node, "order", "big", "little", &bytes->is_little);
	if (!code)
		code = mapping_read_number(reader, node, "at", -PLACE_MAX, PLACE_MAX, &at);
	if (!code && at != floor(at))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("at")), reader->err,
					"expected a whole number behind \"at\"");
	if (!code)
		code = read_bits(reader, node, bytes);
	bytes->at = (int32_t)at;
	*ret = bytes;
	return code;
}

/* ---- texts to bytes ---- */

static int digit_of(char c, bool is_hex)
{
	if (c >= '0' && c <= '9')
		return c - '0' + (is_hex ? 0 : 52);
	if (is_hex)
		return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c == '+' || c == '-') /* "-" and "_" are those of base64url (RFC 4648, 5) */
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* False: the text is not in the encoding. Fewer than a byte's bits at the end must be 0, "=" may follow. */
static bool to_bytes(struct str text, bool is_hex, uint8_t *to, size_t *ret_len)
{
	unsigned bits = is_hex ? 4 : 6, held = 0, count = 0;
	size_t len = 0;

	while (!is_hex && text.len && text.at[text.len - 1] == '=' && count++ < 2)
		text.len--;
	count = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = digit_of(text.at[i], is_hex);

		if (digit < 0)
			return false;
		held = held << bits | (unsigned)digit;
		count += bits;
		if (count >= 8) {
			count -= 8;
			to[len++] = (uint8_t)(held >> count);
			held &= (1U << count) - 1;
		}
	}
	*ret_len = len;
	return count < bits && held == 0;
}

/* ---- numbers ---- */

static uint64_t raw_of(const struct field_bytes *bytes, const uint8_t *at)
{
	size_t len = facts[bytes->type].len;
	uint64_t raw = 0;

	for (size_t i = 0; i < len; i++)
		raw = raw << 8 | at[bytes->is_little ? len - 1 - i : i];
	return raw;
}

static struct str text_of(const struct field_bytes *bytes, uint64_t raw, struct arena *arena)
{
	const struct byte_type_fact *fact = &facts[bytes->type];

	if (fact->is_float) {
		uint32_t half = (uint32_t)raw;
		float single;
		double number;

		memcpy(&single, &half, sizeof(single));
		memcpy(&number, &raw, sizeof(number));
		if (bytes->type == BYTE_FLOAT32)
			number = (double)single;
		return isfinite(number) ? arena_printf(arena, "%.17g", number) : STR("");
	}
	if (fact->is_signed) {
		assert(fact->len > 0);
		uint64_t sign = UINT64_C(1) << (fact->len * 8U - 1);

		return arena_printf(arena, "%lld", (long long)((raw ^ sign) - sign)); /* two's complement */
	}
	if (bytes->bit_count)
		raw = raw >> bytes->bit & (bytes->bit_count == 64 ? UINT64_MAX : (UINT64_C(1) << bytes->bit_count) - 1);
	return arena_printf(arena, "%llu", (unsigned long long)raw);
}

bool mapping_decode(const struct field_bytes *bytes, struct str text, struct arena *arena, struct str *ret)
{
	uint8_t *at = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	if (!at || !to_bytes(text, bytes->is_hex, at, &len))
		return false;
	int64_t from = bytes->at < 0 ? (int64_t)len + bytes->at : bytes->at;

	*ret = STR_NONE;
	if (from < 0 || (size_t)from + facts[bytes->type].len > len)
		return true; /* a shorter message, which says nothing of this */
	*ret = text_of(bytes, raw_of(bytes, at + from), arena);
	return ret->at != NULL;
}
