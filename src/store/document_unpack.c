/* Unpacking a document: into a tree, or straight into the text of that tree.
 *
 * Bytes may be of a damaged file: each length is held against what is left, each number against what there is, and
 * nesting is bounded. */
#include "store/document_pack.h"

#include "base/time_value.h"
#include "store/document_pack_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MADE_BYTES 28u /* room for the text of any number or moment that is not kept as text */

static_assert(MADE_BYTES >= TIME_ISO_BYTES, "moments fit");

struct unpacking {
	const unsigned char *at, *end;
	const struct document_names *names;
	struct arena *arena; /* NULL: texts that are made need to live until the next one only, noted ones to the end */
	enum err_code code; /* of the first failure */
	struct error *err;
	size_t noted_count;
	struct json noted[PACK_NOTED_MAX];
	char made[PACK_NOTED_MAX + 1][MADE_BYTES]; /* without arena: of those that were noted, and of the last */
};

/* Powers of ten are doubles without loss, so digits divided by one round once, as reading the text does. */
static const double powers[PACK_DECIMALS_MAX + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
						     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static bool damaged(struct unpacking *unpacking, const char *what)
{
	if (!unpacking->code)
		unpacking->code = err_set(unpacking->err, ERR_CORRUPT, "a packed document with %s", what);
	return false;
}

static bool no_memory(struct unpacking *unpacking)
{
	if (!unpacking->code)
		unpacking->code = err_set(unpacking->err, ERR_MEMORY, "no memory for a document");
	return false;
}

/* ---- bytes ---- */

static bool take_byte(struct unpacking *unpacking, unsigned *ret_byte)
{
	if (unpacking->at == unpacking->end)
		return damaged(unpacking, "an early end");
	*ret_byte = *unpacking->at++;
	return true;
}

static bool take_varint(struct unpacking *unpacking, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 7 * PACK_VARINT_BYTES_MAX; shift += 7) {
		unsigned byte = 0;

		if (!take_byte(unpacking, &byte))
			return false;
		number |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*ret_number = number;
			return true;
		}
	}
	return damaged(unpacking, "a number that does not end");
}

static bool take_signed(struct unpacking *unpacking, int64_t *ret_number)
{
	uint64_t number;

	if (!take_varint(unpacking, &number))
		return false;
	*ret_number = (int64_t)(number >> 1 ^ (0 - (number & 1)));
	return true;
}

static bool take_bytes(struct unpacking *unpacking, uint64_t len, struct str *ret_bytes)
{
	if (len > (size_t)(unpacking->end - unpacking->at))
		return damaged(unpacking, "a text beyond its end");
	*ret_bytes = (struct str){(const char *)unpacking->at, (size_t)len};
	unpacking->at += len;
	return true;
}

static bool take_text(struct unpacking *unpacking, struct str *ret_text)
{
	uint64_t len;

	return take_varint(unpacking, &len) && take_bytes(unpacking, len, ret_text);
}

static bool take_name(struct unpacking *unpacking, uint64_t number, struct str *ret_iri)
{
	if (number == 0 || number > INT64_MAX)
		return damaged(unpacking, "a name that cannot be");
	unpacking->code = unpacking->names->name_of(unpacking->names->self, (int64_t)number, unpacking->arena, ret_iri,
						    unpacking->err);
	return unpacking->code == ERR_OK;
}

static bool take_word(struct unpacking *unpacking, unsigned number, struct str *ret_word)
{
	*ret_word = document_word(number);
	return ret_word->at || damaged(unpacking, "a word that is not known");
}

/* ---- scalars ---- */

static void note(struct unpacking *unpacking, const struct json *scalar)
{
	if (unpacking->noted_count < PACK_NOTED_MAX)
		unpacking->noted[unpacking->noted_count++] = *scalar;
}

static void note_text(struct unpacking *unpacking, const struct json *text)
{
	if (text->count >= PACK_NOTED_BYTES_MIN && text->count <= PACK_NOTED_BYTES_MAX)
		note(unpacking, text);
}

static void note_integer(struct unpacking *unpacking, const struct json *number)
{
	if (number->count >= PACK_NOTED_DIGITS_MIN)
		note(unpacking, number);
}

/* Memory for a text that may be noted next. */
static char *room_for_text(struct unpacking *unpacking)
{
	if (unpacking->arena)
		return arena_alloc(unpacking->arena, MADE_BYTES);
	return unpacking->made[unpacking->noted_count];
}

/* digits with a point before the last decimals of them, at the end of the room; its length. */
static size_t write_digits(char *room, int64_t digits, unsigned decimals)
{
	uint64_t rest = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits;
	size_t at = MADE_BYTES;

	for (unsigned i = 0; i < decimals; i++, rest /= 10)
		room[--at] = (char)('0' + rest % 10);
	if (decimals > 0)
		room[--at] = '.';
	do {
		room[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (digits < 0)
		room[--at] = '-';
	return MADE_BYTES - at;
}

static bool make_number(struct unpacking *unpacking, int64_t digits, unsigned decimals, struct json *ret_number)
{
	char *room = room_for_text(unpacking);

	if (!room)
		return no_memory(unpacking);
	size_t len = write_digits(room, digits, decimals);

	*ret_number = (struct json){.kind = JSON_NUMBER,
				    .integer = decimals == 0,
				    .count = (uint32_t)len,
				    .text = room + MADE_BYTES - len,
				    .number = (double)digits / powers[decimals]};
	return true;
}

static bool take_integer(struct unpacking *unpacking, struct json *ret_number)
{
	int64_t digits;

	if (!take_signed(unpacking, &digits) || !make_number(unpacking, digits, 0, ret_number))
		return false;
	note_integer(unpacking, ret_number);
	return true;
}

static bool take_decimal(struct unpacking *unpacking, struct json *ret_number)
{
	unsigned decimals;
	int64_t digits;

	if (!take_byte(unpacking, &decimals) || !take_signed(unpacking, &digits))
		return false;
	if (decimals == 0 || decimals > PACK_DECIMALS_MAX || digits >= PACK_EXACT_MAX || digits <= -PACK_EXACT_MAX)
		return damaged(unpacking, "a decimal that cannot be");
	return make_number(unpacking, digits, decimals, ret_number);
}

static bool take_token(struct unpacking *unpacking, struct json *ret_number)
{
	uint64_t bits = 0;
	unsigned integer;
	struct str bytes, token;
	double number;

	if (!take_bytes(unpacking, sizeof(bits), &bytes) || !take_byte(unpacking, &integer) ||
	    !take_text(unpacking, &token))
		return false;
	for (size_t i = 0; i < sizeof(bits); i++)
		bits |= (uint64_t)(unsigned char)bytes.at[i] << 8 * i;
	memcpy(&number, &bits, sizeof(number));
	if (!isfinite(number) || integer > 1 || token.len == 0 || token.len > UINT32_MAX)
		return damaged(unpacking, "a number that cannot be");
	*ret_number = (struct json){.kind = JSON_NUMBER,
				    .integer = integer,
				    .count = (uint32_t)token.len,
				    .text = token.at,
				    .number = number};
	if (integer)
		note_integer(unpacking, ret_number);
	return true;
}

static bool make_text(struct unpacking *unpacking, struct str text, struct json *ret_text)
{
	if (text.len > UINT32_MAX)
		return damaged(unpacking, "a text beyond its end");
	*ret_text = json_string(text);
	note_text(unpacking, ret_text);
	return true;
}

static bool take_moment(struct unpacking *unpacking, bool whole, struct json *ret_text)
{
	int64_t unit = whole ? US_PER_S : 1, moment;

	if (!take_signed(unpacking, &moment))
		return false;
	if (moment < PACK_YEAR_1_S * (US_PER_S / unit) || moment >= PACK_YEAR_10000_S * (US_PER_S / unit))
		return damaged(unpacking, "a moment that cannot be");
	char *room = room_for_text(unpacking);

	return room ? make_text(unpacking, time_format_iso(moment * unit, room), ret_text) : no_memory(unpacking);
}

static bool take_name_text(struct unpacking *unpacking, struct json *ret_text)
{
	struct str iri;
	uint64_t number;

	if (!take_varint(unpacking, &number) || !take_name(unpacking, number, &iri))
		return false;
	*ret_text = json_string(iri);
	return true;
}

/* What is said by more than its first byte, and holds no other values. */
static bool take_scalar(struct unpacking *unpacking, unsigned head, struct json *ret_scalar)
{
	struct str text;

	switch (head) {
	case PACK_NULL:
		*ret_scalar = json_null();
		return true;
	case PACK_FALSE:
	case PACK_TRUE:
		*ret_scalar = json_bool(head == PACK_TRUE);
		return true;
	case PACK_TEXT:
		return take_text(unpacking, &text) && make_text(unpacking, text, ret_scalar);
	case PACK_NAME:
		return take_name_text(unpacking, ret_scalar);
	case PACK_INTEGER:
		return take_integer(unpacking, ret_scalar);
	case PACK_DECIMAL:
		return take_decimal(unpacking, ret_scalar);
	case PACK_NUMBER:
		return take_token(unpacking, ret_scalar);
	case PACK_SECONDS:
	case PACK_MICROSECONDS:
		return take_moment(unpacking, head == PACK_SECONDS, ret_scalar);
	default:
		return damaged(unpacking, "a value of an unknown kind");
	}
}

/* Of what is one byte; PACK_ARRAY and PACK_OBJECT are not asked for. */
static bool take_plain(struct unpacking *unpacking, unsigned head, struct json *ret_scalar)
{
	struct str text;

	if (head >= PACK_WORD) {
		if (!take_word(unpacking, head - PACK_WORD, &text))
			return false;
		*ret_scalar = json_string(text);
		return true;
	}
	if (head >= PACK_TEXT_SHORT)
		return take_bytes(unpacking, head - PACK_TEXT_SHORT, &text) && make_text(unpacking, text, ret_scalar);
	if (head >= PACK_INTEGER_SHORT)
		return make_number(unpacking, head - PACK_INTEGER_SHORT, 0, ret_scalar);
	if (head < PACK_NOTED)
		return take_scalar(unpacking, head, ret_scalar);
	if (head - PACK_NOTED >= unpacking->noted_count)
		return damaged(unpacking, "a reference to nothing");
	*ret_scalar = unpacking->noted[head - PACK_NOTED];
	return true;
}

/* ---- containers ---- */

struct container {
	enum json_kind kind; /* JSON_ARRAY, JSON_OBJECT, or JSON_NULL: it is none */
	uint32_t count;
};

/* Each value takes a byte at least, each member two. */
static bool take_count(struct unpacking *unpacking, uint64_t count, size_t bytes_min)
{
	return (count <= (size_t)(unpacking->end - unpacking->at) / bytes_min && count <= UINT32_MAX) ||
	       damaged(unpacking, "more values than there is room for");
}

static bool take_container(struct unpacking *unpacking, unsigned head, struct container *ret_container)
{
	uint64_t count = 0;
	enum json_kind kind = JSON_NULL;

	if (head >= PACK_ARRAY_SHORT && head < PACK_OBJECT_SHORT) {
		kind = JSON_ARRAY;
		count = head - PACK_ARRAY_SHORT;
	} else if (head >= PACK_OBJECT_SHORT && head < PACK_TEXT_SHORT) {
		kind = JSON_OBJECT;
		count = head - PACK_OBJECT_SHORT;
	} else if (head == PACK_ARRAY || head == PACK_OBJECT) {
		kind = head == PACK_ARRAY ? JSON_ARRAY : JSON_OBJECT;
		if (!take_varint(unpacking, &count))
			return false;
	}
	*ret_container = (struct container){kind, (uint32_t)count};
	return take_count(unpacking, count, kind == JSON_OBJECT ? 2 : 1);
}

static bool take_key(struct unpacking *unpacking, struct str *ret_key)
{
	unsigned head = 0;
	uint64_t number;

	if (!take_byte(unpacking, &head))
		return false;
	if (head >= PACK_KEY_WORD)
		return take_word(unpacking, head - PACK_KEY_WORD, ret_key);
	if (head == PACK_KEY_TEXT)
		return take_text(unpacking, ret_key);
	if (head >= PACK_KEY_NAME_SHORT)
		return take_name(unpacking, head - PACK_KEY_NAME_SHORT + 1, ret_key);
	return take_varint(unpacking, &number) && take_name(unpacking, number, ret_key);
}

/* ---- as a tree ---- */

static bool take_tree(struct unpacking *unpacking, unsigned levels, struct json *ret_node);

static bool take_items(struct unpacking *unpacking, uint32_t count, unsigned levels, struct json *ret_node)
{
	struct json *items = arena_array(unpacking->arena, struct json, count);

	if (!items)
		return no_memory(unpacking);
	for (uint32_t i = 0; i < count; i++)
		if (!take_tree(unpacking, levels, &items[i]))
			return false;
	*ret_node = (struct json){.kind = JSON_ARRAY, .count = count, .room = count, .items = items};
	return true;
}

static bool take_members(struct unpacking *unpacking, uint32_t count, unsigned levels, struct json *ret_node)
{
	struct json_member *members = arena_array(unpacking->arena, struct json_member, count);

	if (!members)
		return no_memory(unpacking);
	for (uint32_t i = 0; i < count; i++)
		if (!take_key(unpacking, &members[i].key) || !take_tree(unpacking, levels, &members[i].value))
			return false;
	*ret_node = (struct json){.kind = JSON_OBJECT, .count = count, .room = count, .members = members};
	return true;
}

static bool take_tree(struct unpacking *unpacking, unsigned levels, struct json *ret_node)
{
	struct container container;
	unsigned head = 0;

	if (levels == 0)
		return damaged(unpacking, "too many levels");
	if (!take_byte(unpacking, &head) || !take_container(unpacking, head, &container))
		return false;
	switch (container.kind) {
	case JSON_ARRAY:
		return take_items(unpacking, container.count, levels - 1, ret_node);
	case JSON_OBJECT:
		return take_members(unpacking, container.count, levels - 1, ret_node);
	default:
		return take_plain(unpacking, head, ret_node);
	}
}

/* ---- as text ---- */

static bool write_text(struct unpacking *unpacking, unsigned levels, struct buf *text);

static bool write_items(struct unpacking *unpacking, uint32_t count, unsigned levels, struct buf *text)
{
	buf_put_char(text, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_char(text, ',');
		if (!write_text(unpacking, levels, text))
			return false;
	}
	buf_put_char(text, ']');
	return true;
}

static bool write_members(struct unpacking *unpacking, uint32_t count, unsigned levels, struct buf *text)
{
	struct str key = STR_NONE;

	buf_put_char(text, '{');
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_char(text, ',');
		if (!take_key(unpacking, &key))
			return false;
		json_write_string(text, key);
		buf_put_char(text, ':');
		if (!write_text(unpacking, levels, text))
			return false;
	}
	buf_put_char(text, '}');
	return true;
}

static bool write_text(struct unpacking *unpacking, unsigned levels, struct buf *text)
{
	struct container container;
	struct json scalar;
	unsigned head = 0;

	if (levels == 0)
		return damaged(unpacking, "too many levels");
	if (!take_byte(unpacking, &head) || !take_container(unpacking, head, &container))
		return false;
	switch (container.kind) {
	case JSON_ARRAY:
		return write_items(unpacking, container.count, levels - 1, text);
	case JSON_OBJECT:
		return write_members(unpacking, container.count, levels - 1, text);
	default:
		if (!take_plain(unpacking, head, &scalar))
			return false;
		json_write(text, &scalar);
		return true;
	}
}

/* ---- all of it ---- */

static struct unpacking unpacking_of(struct str packed, const struct document_names *names, struct arena *arena,
				     struct error *err)
{
	const unsigned char *at = (const unsigned char *)packed.at;

	return (struct unpacking){.at = at, .end = at + packed.len, .names = names, .arena = arena, .err = err};
}

static bool begin(struct unpacking *unpacking)
{
	unsigned format;

	return take_byte(unpacking, &format) && (format == PACK_FORMAT || damaged(unpacking, "an unknown format"));
}

static bool end(struct unpacking *unpacking)
{
	return unpacking->at == unpacking->end || damaged(unpacking, "more behind its end");
}

enum err_code document_unpack(struct str packed, const struct document_names *names, struct arena *arena,
			      struct json **ret_document, struct error *err)
{
	struct str copy = arena_dup(arena, packed);
	struct unpacking unpacking = unpacking_of(copy, names, arena, err);
	struct json *root = arena_new(arena, struct json);

	if (!copy.at || !root)
		return err_set(err, ERR_MEMORY, "no memory for a document");
	if (begin(&unpacking) && take_tree(&unpacking, PACK_DEPTH_MAX, root) && end(&unpacking))
		*ret_document = root;
	return unpacking.code;
}

enum err_code document_unpack_text(struct str packed, const struct document_names *names, struct buf *text,
				   struct error *err)
{
	struct unpacking unpacking = unpacking_of(packed, names, NULL, err);

	if (begin(&unpacking) && write_text(&unpacking, PACK_DEPTH_MAX, text))
		(void)end(&unpacking);
	return unpacking.code ? unpacking.code : buf_check(text, "document", err);
}
