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
/* Of the text; escaping makes it at most six times as long as is counted here, and every reader has room for that. */
#define PACKED_TEXT_BYTES_MAX ((size_t)1 << 20)

/* Where a node stands says which of its texts are names. */
enum place { PLACE_VALUE, PLACE_ENTITY, PLACE_TYPES, PLACE_INSTANCES, PLACE_INSTANCE };

struct packing {
	struct buf *out;
	const struct document_names *names;
	struct error *err;
	enum err_code code; /* of the first failure */
	bool declined;
	bool expires;
	size_t text_bytes; /* of the JSON, nothing escaped */
	size_t noted_count;
	struct str noted[PACK_NOTED_MAX]; /* texts, and integers as written */
	bool noted_integer[PACK_NOTED_MAX];
};

/* ---- bytes ---- */

static void put_byte(struct packing *packing, unsigned byte)
{
	struct buf *out = packing->out;

	if (out->len < out->room && !out->failed)
		out->at[out->len++] = (char)byte;
	else
		buf_put_char(out, (char)byte);
}

static void put_varint(struct packing *packing, uint64_t number)
{
	for (; number > 127; number >>= 7)
		put_byte(packing, (unsigned)(number & 127) | 128);
	put_byte(packing, (unsigned)number);
}

static void put_signed(struct packing *packing, int64_t number)
{
	put_varint(packing, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

static void put_count(struct packing *packing, unsigned head, unsigned head_short, uint32_t count, uint32_t short_max)
{
	if (count <= short_max) {
		put_byte(packing, head_short + count);
		return;
	}
	put_byte(packing, head);
	put_varint(packing, count);
}

/* ---- texts ---- */

static bool number_of(struct packing *packing, struct str iri, int64_t *ret_number)
{
	if (packing->code)
		return false;
	packing->code = packing->names->number_of(packing->names->self, iri, ret_number, packing->err);
	return packing->code == ERR_OK;
}

/* Writes a reference when the text was noted, else notes it; true: written. */
static bool put_noted(struct packing *packing, struct str text, bool integer)
{
	for (size_t i = 0; i < packing->noted_count; i++) {
		struct str noted = packing->noted[i];

		if (noted.len != text.len || packing->noted_integer[i] != integer ||
		    (noted.at != text.at && memcmp(noted.at, text.at, text.len) != 0))
			continue;
		put_byte(packing, PACK_NOTED + (unsigned)i);
		return true;
	}
	if (packing->noted_count < PACK_NOTED_MAX) {
		packing->noted_integer[packing->noted_count] = integer;
		packing->noted[packing->noted_count++] = text;
	}
	return false;
}

/* Is it a moment, written as it would be again? */
static bool is_moment(struct str text, int64_t *ret_us)
{
	char buffer[TIME_ISO_BYTES];

	return text.len >= 20 && text.len < TIME_ISO_BYTES && text.at[10] == 'T' && text.at[text.len - 1] == 'Z' &&
	       time_parse_iso(text, false, ret_us) && *ret_us >= PACK_YEAR_1_S * US_PER_S &&
	       *ret_us < PACK_YEAR_10000_S * US_PER_S && str_eq(time_format_iso(*ret_us, buffer), text);
}

static void put_moment(struct packing *packing, int64_t us)
{
	bool whole = us % US_PER_S == 0;

	put_byte(packing, whole ? PACK_SECONDS : PACK_MICROSECONDS);
	put_signed(packing, whole ? us / US_PER_S : us);
}

static void put_text(struct packing *packing, struct str text)
{
	int word = document_word_number(text);

	packing->text_bytes += text.len + 2;
	if (word >= 0) {
		put_byte(packing, PACK_WORD + (unsigned)word);
		return;
	}
	if (text.len >= PACK_NOTED_BYTES_MIN && text.len <= PACK_NOTED_BYTES_MAX && put_noted(packing, text, false))
		return;
	int64_t us;

	if (is_moment(text, &us)) {
		put_moment(packing, us);
		return;
	}
	put_count(packing, PACK_TEXT, PACK_TEXT_SHORT, (uint32_t)text.len, PACK_TEXT_SHORT_MAX);
	buf_put(packing->out, text);
}

static void put_name(struct packing *packing, struct str text)
{
	int64_t number = 0;

	packing->text_bytes += text.len + 2;
	if (!number_of(packing, text, &number))
		return;
	put_byte(packing, PACK_NAME);
	put_varint(packing, (uint64_t)number);
}

/* *ret_name: it is a name of the dictionary. */
static void put_key(struct packing *packing, struct str key, bool may_be_name, bool *ret_name)
{
	int word = document_word_number(key);
	int64_t number = 0;

	packing->text_bytes += key.len + 4;
	packing->expires = packing->expires || word == DOCUMENT_WORD_EXPIRES_AT;
	*ret_name = word < 0 && may_be_name && document_is_attribute(key);
	if (word >= 0) {
		put_byte(packing, PACK_KEY_WORD + (unsigned)word);
		return;
	}
	if (!*ret_name) {
		put_byte(packing, PACK_KEY_TEXT);
		put_varint(packing, key.len);
		buf_put(packing->out, key);
		return;
	}
	if (!number_of(packing, key, &number))
		return;
	if (number <= PACK_KEY_NAME_SHORT_MAX) {
		put_byte(packing, PACK_KEY_NAME_SHORT + (unsigned)number - 1);
		return;
	}
	put_byte(packing, PACK_KEY_NAME);
	put_varint(packing, (uint64_t)number);
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

static void put_token(struct packing *packing, const struct json *number)
{
	uint64_t bits;

	memcpy(&bits, &number->number, sizeof(bits));
	put_byte(packing, PACK_NUMBER);
	for (size_t i = 0; i < sizeof(bits); i++)
		put_byte(packing, (unsigned)(bits >> 8 * i) & 255);
	put_byte(packing, number->integer);
	put_varint(packing, number->count);
	buf_put(packing->out, (struct str){number->text, number->count});
}

static void put_number(struct packing *packing, const struct json *number)
{
	struct str token = {number->text, number->count};
	unsigned decimals;
	int64_t digits;

	packing->text_bytes += token.len;
	if (number->integer && token.len >= PACK_NOTED_DIGITS_MIN && put_noted(packing, token, true))
		return;
	if (!read_digits(token, &digits, &decimals) || number->integer != (decimals == 0) ||
	    (decimals > 0 && (digits >= PACK_EXACT_MAX || digits <= -PACK_EXACT_MAX))) {
		put_token(packing, number);
		return;
	}
	if (number->integer && digits >= 0 && digits <= PACK_INTEGER_SHORT_MAX) {
		put_byte(packing, PACK_INTEGER_SHORT + (unsigned)digits);
		return;
	}
	put_byte(packing, number->integer ? PACK_INTEGER : PACK_DECIMAL);
	if (!number->integer)
		put_byte(packing, decimals);
	put_signed(packing, digits);
}

/* ---- the tree ---- */

static enum place place_of_member(enum place place, struct str key, bool name)
{
	if (name)
		return PLACE_INSTANCES;
	return place == PLACE_ENTITY && str_eq(key, STR("type")) ? PLACE_TYPES : PLACE_VALUE;
}

static void put_value(struct packing *packing, const struct json *node, enum place place, unsigned levels);

static void put_array(struct packing *packing, const struct json *array, enum place place, unsigned levels)
{
	enum place item = place == PLACE_INSTANCES ? PLACE_INSTANCE : place == PLACE_TYPES ? PLACE_TYPES : PLACE_VALUE;

	put_count(packing, PACK_ARRAY, PACK_ARRAY_SHORT, array->count, PACK_ARRAY_SHORT_MAX);
	packing->text_bytes += 2 + (size_t)array->count;
	for (uint32_t i = 0; i < array->count; i++)
		put_value(packing, &array->items[i], item, levels);
}

static void put_object(struct packing *packing, const struct json *object, enum place place, unsigned levels)
{
	put_count(packing, PACK_OBJECT, PACK_OBJECT_SHORT, object->count, PACK_OBJECT_SHORT_MAX);
	packing->text_bytes += 2;
	for (uint32_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		bool name;

		put_key(packing, member->key, place == PLACE_ENTITY || place == PLACE_INSTANCE, &name);
		put_value(packing, &member->value, place_of_member(place, member->key, name), levels);
	}
}

static void put_value(struct packing *packing, const struct json *node, enum place place, unsigned levels)
{
	packing->declined = packing->declined || levels == 0 || packing->out->len > PACKED_BYTES_MAX ||
			    packing->text_bytes > PACKED_TEXT_BYTES_MAX;
	if (packing->declined || packing->code)
		return;
	switch (node->kind) {
	case JSON_BOOL:
		put_byte(packing, node->boolean ? PACK_TRUE : PACK_FALSE);
		break;
	case JSON_NUMBER:
		put_number(packing, node);
		break;
	case JSON_STRING:
		if (place == PLACE_TYPES)
			put_name(packing, json_text(node));
		else
			put_text(packing, json_text(node));
		break;
	case JSON_ARRAY:
		put_array(packing, node, place, levels - 1);
		break;
	case JSON_OBJECT:
		put_object(packing, node, place, levels - 1);
		break;
	default:
		put_byte(packing, PACK_NULL);
	}
}

enum err_code document_pack(const struct json *document, enum document_kind kind, const struct document_names *names,
			    struct buf *out, bool *ret_packed, bool *ret_expires, struct error *err)
{
	struct packing packing = {.out = out, .names = names, .err = err};

	put_byte(&packing, PACK_FORMAT);
	put_value(&packing, document, kind == DOCUMENT_ENTITY ? PLACE_ENTITY : PLACE_INSTANCE, PACK_DEPTH_MAX);
	if (packing.code)
		return packing.code;
	/* The buffer has room for more than a document may take: what it refuses is memory. */
	*ret_packed = !packing.declined && out->failed != ERR_LIMIT;
	*ret_expires = packing.expires;
	return *ret_packed ? buf_check(out, "document", err) : ERR_OK;
}
