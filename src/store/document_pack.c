/* Packing a document: one walk over its tree (document_pack.h has the format).
 *
 * What was unpacked before is packed again at little cost: words, texts and integers that were noted are found by their
 * addresses, before anything is compared. */
#include "store/document_pack.h"

#include "base/time_value.h"
#include "ngsild/document.h"
#include "store/document_pack_int.h"

#include <string.h>

#define PACKED_BYTES_MAX ((size_t)256 << 10)
#define MOMENT_BYTES 20u /* without decimals */
#define PIECE_BYTES_MAX 64u /* of what is written without asking for room: a head, its numbers */
/* Of the text; escaping makes it at most six times as long as is counted here, and every reader has room for that. */
#define PACKED_TEXT_BYTES_MAX ((size_t)1 << 20)

/* Where a node stands says which of its texts are names. */
enum place { PLACE_VALUE, PLACE_ENTITY, PLACE_TYPES, PLACE_INSTANCES, PLACE_INSTANCE };

/* Functions that write take where, and return where what they have written ends. */
struct packing {
	const struct document_names *names;
	struct error *err;
	enum err_code code; /* of the first failure */
	bool declined;
	bool expires;
	const char *limit; /* behind it is room for one more piece */
	size_t text_bytes; /* of the JSON, nothing escaped */
	size_t noted_count;
	struct str noted[PACK_NOTED_MAX]; /* texts, and integers as written */
	bool noted_integer[PACK_NOTED_MAX];
};

/* ---- bytes ---- */

static char *put_byte(char *at, unsigned byte)
{
	*at = (char)byte;
	return at + 1;
}

static char *put_varint(char *at, uint64_t number)
{
	for (; number > 127; number >>= 7)
		at = put_byte(at, (unsigned)(number & 127) | 128);
	return put_byte(at, (unsigned)number);
}

static char *put_signed(char *at, int64_t number)
{
	return put_varint(at, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

static char *put_bytes(struct packing *packing, char *at, struct str bytes)
{
	if (at > packing->limit || bytes.len > (size_t)(packing->limit - at)) {
		packing->declined = true;
		return at;
	}
	if (bytes.len)
		memcpy(at, bytes.at, bytes.len);
	return at + bytes.len;
}

static char *put_count(char *at, unsigned head, unsigned head_short, uint32_t count, uint32_t short_max)
{
	if (count <= short_max)
		return put_byte(at, head_short + count);
	return put_varint(put_byte(at, head), count);
}

/* ---- texts ---- */

static bool number_of(struct packing *packing, struct str iri, int64_t *ret_number)
{
	if (packing->code)
		return false;
	packing->code = packing->names->number_of(packing->names->self, iri, ret_number, packing->err);
	return packing->code == ERR_OK;
}

/* Which of those that were noted it is; PACK_NOTED_MAX: none, and it is noted now if there is room. */
static unsigned find_noted(struct packing *packing, struct str text, bool integer)
{
	for (unsigned i = 0; i < packing->noted_count; i++) {
		struct str noted = packing->noted[i];

		if (noted.len == text.len && packing->noted_integer[i] == integer &&
		    (noted.at == text.at || memcmp(noted.at, text.at, text.len) == 0))
			return i;
	}
	if (packing->noted_count < PACK_NOTED_MAX) {
		packing->noted_integer[packing->noted_count] = integer;
		packing->noted[packing->noted_count++] = text;
	}
	return PACK_NOTED_MAX;
}

/* Is it a moment, written as it would be again? Without decimals there is one way only. */
static bool is_moment(struct str text, int64_t *ret_us)
{
	char buffer[TIME_ISO_BYTES];

	return text.len >= MOMENT_BYTES && text.len < TIME_ISO_BYTES && text.at[10] == 'T' &&
	       text.at[text.len - 1] == 'Z' && time_parse_iso(text, false, ret_us) &&
	       (text.len == MOMENT_BYTES || str_eq(time_format_iso(*ret_us, buffer), text));
}

static char *put_moment(char *at, int64_t us)
{
	bool whole = us % US_PER_S == 0;

	at = put_byte(at, whole ? PACK_SECONDS : PACK_MICROSECONDS);
	return put_signed(at, whole ? us / US_PER_S : us);
}

static char *put_text(struct packing *packing, char *at, struct str text)
{
	int word = document_word_number(text);
	int64_t us;

	packing->text_bytes += text.len + 2;
	if (word >= 0)
		return put_byte(at, PACK_WORD + (unsigned)word);
	if (text.len >= PACK_NOTED_BYTES_MIN && text.len <= PACK_NOTED_BYTES_MAX) {
		unsigned noted = find_noted(packing, text, false);

		if (noted < PACK_NOTED_MAX)
			return put_byte(at, PACK_NOTED + noted);
		if (is_moment(text, &us))
			return put_moment(at, us);
	}
	at = put_count(at, PACK_TEXT, PACK_TEXT_SHORT, (uint32_t)text.len, PACK_TEXT_SHORT_MAX);
	return put_bytes(packing, at, text);
}

static char *put_name(struct packing *packing, char *at, struct str text)
{
	int64_t number = 0;

	packing->text_bytes += text.len + 2;
	if (!number_of(packing, text, &number))
		return at;
	return put_varint(put_byte(at, PACK_NAME), (uint64_t)number);
}

/* *ret_name: it is a name of the dictionary. */
static char *put_key(struct packing *packing, char *at, struct str key, bool may_be_name, bool *ret_name)
{
	int word = document_word_number(key);
	int64_t number = 0;

	packing->text_bytes += key.len + 4;
	packing->expires = packing->expires || word == DOCUMENT_WORD_EXPIRES_AT;
	*ret_name = word < 0 && may_be_name && document_is_attribute(key);
	if (word >= 0)
		return put_byte(at, PACK_KEY_WORD + (unsigned)word);
	if (!*ret_name)
		return put_bytes(packing, put_varint(put_byte(at, PACK_KEY_TEXT), key.len), key);
	if (!number_of(packing, key, &number))
		return at;
	if (number <= PACK_KEY_NAME_SHORT_MAX)
		return put_byte(at, PACK_KEY_NAME_SHORT + (unsigned)number - 1);
	return put_varint(put_byte(at, PACK_KEY_NAME), (uint64_t)number);
}

/* ---- numbers ---- */

/* All digits of an integer, or of a decimal without exponent, as one; false when they are too many, or the token is not
 * what would be written of them again. */
static bool read_digits(struct str token, int64_t *ret_digits, unsigned *ret_decimals)
{
	bool negative = token.len > 0 && token.at[0] == '-', point = false;
	int64_t digits = 0;

	*ret_decimals = 0;
	for (size_t i = negative; i < token.len; i++) {
		unsigned digit = (unsigned char)token.at[i] - (unsigned)'0';

		if (token.at[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (digit > 9 || digits >= PACK_EXACT_MAX)
			return false;
		digits = digits * 10 + digit;
		*ret_decimals += point;
	}
	*ret_digits = negative ? -digits : digits;
	return !(negative && digits == 0) && (!point || (*ret_decimals > 0 && *ret_decimals <= PACK_DECIMALS_MAX));
}

static char *put_token(struct packing *packing, char *at, const struct json *number)
{
	uint64_t bits;

	memcpy(&bits, &number->number, sizeof(bits));
	at = put_byte(at, PACK_NUMBER);
	for (size_t i = 0; i < sizeof(bits); i++)
		at = put_byte(at, (unsigned)(bits >> 8 * i) & 255);
	at = put_byte(at, number->integer);
	return put_bytes(packing, put_varint(at, number->count), (struct str){number->text, number->count});
}

static char *put_number(struct packing *packing, char *at, const struct json *number)
{
	struct str token = {number->text, number->count};
	unsigned decimals;
	int64_t digits;

	packing->text_bytes += token.len;
	if (number->integer && token.len >= PACK_NOTED_DIGITS_MIN) {
		unsigned noted = find_noted(packing, token, true);

		if (noted < PACK_NOTED_MAX)
			return put_byte(at, PACK_NOTED + noted);
	}
	if (!read_digits(token, &digits, &decimals) || number->integer != (decimals == 0) ||
	    (decimals > 0 && (digits >= PACK_EXACT_MAX || digits <= -PACK_EXACT_MAX)))
		return put_token(packing, at, number);
	if (number->integer && digits >= 0 && digits <= PACK_INTEGER_SHORT_MAX)
		return put_byte(at, PACK_INTEGER_SHORT + (unsigned)digits);
	at = put_byte(at, number->integer ? PACK_INTEGER : PACK_DECIMAL);
	if (!number->integer)
		at = put_byte(at, decimals);
	return put_signed(at, digits);
}

/* ---- the tree ---- */

static enum place place_of_member(enum place place, struct str key, bool name)
{
	if (name)
		return PLACE_INSTANCES;
	return place == PLACE_ENTITY && str_eq(key, STR("type")) ? PLACE_TYPES : PLACE_VALUE;
}

static char *put_value(struct packing *packing, char *at, const struct json *node, enum place place, unsigned levels);

static char *put_array(struct packing *packing, char *at, const struct json *array, enum place place, unsigned levels)
{
	enum place item = place == PLACE_INSTANCES ? PLACE_INSTANCE : place == PLACE_TYPES ? PLACE_TYPES : PLACE_VALUE;

	at = put_count(at, PACK_ARRAY, PACK_ARRAY_SHORT, array->count, PACK_ARRAY_SHORT_MAX);
	packing->text_bytes += 2 + (size_t)array->count;
	for (uint32_t i = 0; i < array->count; i++)
		at = put_value(packing, at, &array->items[i], item, levels);
	return at;
}

static char *put_object(struct packing *packing, char *at, const struct json *object, enum place place, unsigned levels)
{
	bool may_be_name = place == PLACE_ENTITY || place == PLACE_INSTANCE, name;

	at = put_count(at, PACK_OBJECT, PACK_OBJECT_SHORT, object->count, PACK_OBJECT_SHORT_MAX);
	packing->text_bytes += 2;
	for (uint32_t i = 0; i < object->count && at <= packing->limit; i++) {
		const struct json_member *member = &object->members[i];

		at = put_key(packing, at, member->key, may_be_name, &name);
		at = put_value(packing, at, &member->value, place_of_member(place, member->key, name), levels);
	}
	return at;
}

/* A key and the head of a value are one piece at most. */
static char *put_value(struct packing *packing, char *at, const struct json *node, enum place place, unsigned levels)
{
	if (at > packing->limit || levels == 0 || packing->text_bytes > PACKED_TEXT_BYTES_MAX)
		packing->declined = true;
	if (packing->declined || packing->code)
		return at;
	switch (node->kind) {
	case JSON_BOOL:
		return put_byte(at, node->boolean ? PACK_TRUE : PACK_FALSE);
	case JSON_NUMBER:
		return put_number(packing, at, node);
	case JSON_STRING:
		return place == PLACE_TYPES ? put_name(packing, at, json_text(node))
					    : put_text(packing, at, json_text(node));
	case JSON_ARRAY:
		return put_array(packing, at, node, place, levels - 1);
	case JSON_OBJECT:
		return put_object(packing, at, node, place, levels - 1);
	default:
		return put_byte(at, PACK_NULL);
	}
}

enum err_code document_pack(const struct json *document, enum document_kind kind, const struct document_names *names,
			    struct buf *out, bool *ret_packed, bool *ret_expires, struct error *err)
{
	struct packing packing = {.names = names, .err = err};
	char *start = buf_extend(out, PACKED_BYTES_MAX + PIECE_BYTES_MAX);

	if (!start)
		return buf_check(out, "document", err);
	packing.limit = start + PACKED_BYTES_MAX;
	char *at = put_value(&packing, put_byte(start, PACK_FORMAT), document,
			     kind == DOCUMENT_ENTITY ? PLACE_ENTITY : PLACE_INSTANCE, PACK_DEPTH_MAX);

	out->len -= (size_t)(start + PACKED_BYTES_MAX + PIECE_BYTES_MAX - at);
	*ret_packed = !packing.declined;
	*ret_expires = packing.expires;
	return packing.code;
}
