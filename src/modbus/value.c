/* Words to values and back. */
#include "modbus/value.h"

#include <math.h>
#include <stdio.h>

#define SCALED_DIGITS 15 /* a double keeps so many decimal digits */
#define FLOAT_DIGITS_MIN 6
#define FLOAT_DIGITS_MAX 9 /* enough for every float */
#define NUMBER_TEXT_BYTES 40
#define WORD_BITS 16u
#define WORDS_MAX 4u /* of a number */
#define TEXT_BYTES_MAX (2u * MODBUS_READ_REGISTERS_MAX)

static const struct {
	const char *name;
	uint16_t words;
} types[MODBUS_TYPE_COUNT] = {
	[MODBUS_INT16] = {"int16", 1},     [MODBUS_UINT16] = {"uint16", 1},   [MODBUS_INT32] = {"int32", 2},
	[MODBUS_UINT32] = {"uint32", 2},   [MODBUS_INT64] = {"int64", 4},     [MODBUS_UINT64] = {"uint64", 4},
	[MODBUS_FLOAT32] = {"float32", 2}, [MODBUS_FLOAT64] = {"float64", 4}, [MODBUS_BOOL] = {"bool", 1},
	[MODBUS_BITS] = {"bits", 0},       [MODBUS_STRING] = {"string", 0},
};

const char *modbus_type_name(enum modbus_type type)
{
	return types[type].name;
}

uint16_t modbus_type_words(enum modbus_type type)
{
	return types[type].words;
}

bool modbus_type_is_number(enum modbus_type type)
{
	return type < MODBUS_BOOL;
}

static uint16_t swapped(uint16_t word)
{
	return (uint16_t)(word << 8 | word >> 8);
}

/* ---- words to values ---- */

static uint16_t word_at(const struct modbus_value *value, const uint16_t *words, size_t index)
{
	return value->bytes_little ? swapped(words[index]) : words[index];
}

static uint64_t joined(const struct modbus_value *value, const uint16_t *words)
{
	uint64_t all = 0;

	for (size_t i = 0; i < value->count; i++)
		all = all << WORD_BITS | word_at(value, words, value->words_little ? value->count - 1u - i : i);
	return all;
}

static bool is_exact(const struct modbus_value *value)
{
	return value->scale == 1 && value->offset == 0;
}

static void put_scaled(const struct modbus_value *value, double raw, struct buf *out)
{
	double number = raw * value->scale + value->offset;
	char text[NUMBER_TEXT_BYTES];

	if (!isfinite(number)) {
		buf_put(out, STR("null"));
		return;
	}
	(void)snprintf(text, sizeof(text), "%.*g", SCALED_DIGITS, number);
	if (str_to_double(str_from(text), &number)) /* not where rounding passes the largest double */
		json_write_double(out, number);
	else
		buf_put(out, STR("null"));
}

/* The double of the shortest text that reads back as the same float: others have digits that were never measured. */
static double measured(float number)
{
	char text[NUMBER_TEXT_BYTES];
	double back = 0;

	for (int digits = FLOAT_DIGITS_MIN; digits <= FLOAT_DIGITS_MAX; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, (double)number);
		if (str_to_double(str_from(text), &back) && (float)back == number)
			break;
	}
	return back;
}

static void put_real(const struct modbus_value *value, uint64_t bits, struct buf *out)
{
	uint32_t low = (uint32_t)bits;
	double number;
	float single;

	if (value->type == MODBUS_FLOAT32) {
		memcpy(&single, &low, sizeof(single));
		number = isfinite(single) ? measured(single) : (double)single;
	} else {
		memcpy(&number, &bits, sizeof(number));
	}
	if (!is_exact(value) || !isfinite(number))
		put_scaled(value, number, out);
	else
		json_write_double(out, number);
}

static int64_t signed_of(uint64_t bits, uint32_t words)
{
	switch (words) {
	case 1:
		return (int16_t)(uint16_t)bits;
	case 2:
		return (int32_t)(uint32_t)bits;
	default:
		return (int64_t)bits;
	}
}

static void put_number(const struct modbus_value *value, uint64_t bits, struct buf *out)
{
	bool is_signed = value->type == MODBUS_INT16 || value->type == MODBUS_INT32 || value->type == MODBUS_INT64;
	int64_t number = signed_of(bits, value->count);

	if (value->type == MODBUS_FLOAT32 || value->type == MODBUS_FLOAT64)
		put_real(value, bits, out);
	else if (!is_exact(value))
		put_scaled(value, is_signed ? (double)number : (double)bits, out);
	else if (is_signed)
		buf_put_int64(out, number);
	else
		buf_printf(out, "%llu", (unsigned long long)bits);
}

static bool bit_of(const struct modbus_value *value, const uint16_t *words, size_t bit)
{
	return value->of_bits ? words[bit] != 0 : word_at(value, words, bit / WORD_BITS) >> bit % WORD_BITS & 1;
}

static void put_bits(const struct modbus_value *value, const uint16_t *words, struct buf *out)
{
	size_t count = value->of_bits ? value->count : (size_t)value->count * WORD_BITS;

	for (size_t i = 0; i < count; i++) {
		buf_put_char(out, i ? ',' : '[');
		buf_put(out, bit_of(value, words, i) ? STR("true") : STR("false"));
	}
	buf_put_char(out, ']');
}

static void put_text(const struct modbus_value *value, const uint16_t *words, struct buf *out)
{
	char bytes[TEXT_BYTES_MAX];
	size_t len = 0;

	for (size_t i = 0; i < value->count && len < sizeof(bytes); i++) {
		uint16_t word = word_at(value, words, i);

		bytes[len++] = (char)(unsigned char)(word >> 8);
		bytes[len++] = (char)(unsigned char)word;
	}
	struct str text = {bytes, strnlen(bytes, len)};

	text = str_trim(text);
	if (str_is_utf8(text))
		json_write_string(out, text);
	else
		buf_put(out, STR("null"));
}

void modbus_value_put(const struct modbus_value *value, const uint16_t *words, struct buf *out)
{
	if (value->type == MODBUS_BITS) {
		put_bits(value, words, out);
	} else if (value->type == MODBUS_STRING) {
		put_text(value, words, out);
	} else if (value->type == MODBUS_BOOL) {
		bool on = value->of_bits || value->bit < 0 ? words[0] != 0 : bit_of(value, words, (size_t)value->bit);

		buf_put(out, on ? STR("true") : STR("false"));
	} else {
		put_number(value, joined(value, words), out);
	}
}

/* ---- values to words ---- */

static void split(const struct modbus_value *value, uint64_t bits, uint16_t *words)
{
	for (size_t i = 0; i < value->count; i++) {
		size_t at = value->words_little ? i : value->count - 1u - i;
		uint16_t word = (uint16_t)(bits >> WORD_BITS * i);

		words[at] = value->bytes_little ? swapped(word) : word;
	}
}

/* The least and the most of a type of whole numbers, and of floats. */
static void range_of(enum modbus_type type, double *ret_min, double *ret_max)
{
	static const struct {
		double min, max;
	} ranges[] = {
		[MODBUS_INT16] = {INT16_MIN, INT16_MAX},
		[MODBUS_UINT16] = {0, UINT16_MAX},
		[MODBUS_INT32] = {INT32_MIN, INT32_MAX},
		[MODBUS_UINT32] = {0, UINT32_MAX},
		[MODBUS_INT64] = {-0x1p63, 0x1p63},
		[MODBUS_UINT64] = {0, 0x1p64},
		[MODBUS_FLOAT32] = {-3.4028234663852886e38, 3.4028234663852886e38},
		[MODBUS_FLOAT64] = {-1.7976931348623157e308, 1.7976931348623157e308},
	};

	*ret_min = ranges[type].min;
	*ret_max = ranges[type].max;
}

static enum err_code refuse_number(const struct modbus_value *value, double number, struct error *err)
{
	double min, max;

	range_of(value->type, &min, &max);
	double first = min * value->scale + value->offset, last = max * value->scale + value->offset;

	return err_set(err, ERR_INVALID, "%.*g is beyond what a register of type %s holds: from %.*g to %.*g",
		       SCALED_DIGITS, number, modbus_type_name(value->type), SCALED_DIGITS, fmin(first, last),
		       SCALED_DIGITS, fmax(first, last));
}

/* Whole numbers without a scale, exactly. False: it is none of those. */
static bool take_whole(const struct modbus_value *value, const struct json *json, uint64_t *ret_bits)
{
	int64_t whole;
	double min, max;

	range_of(value->type, &min, &max);
	if (!is_exact(value) || value->type >= MODBUS_FLOAT32)
		return false;
	if (value->type == MODBUS_UINT64)
		return str_to_uint64((struct str){json->text, json->count}, ret_bits);
	if (!json_int64(json, &whole) || (value->type != MODBUS_INT64 && ((double)whole < min || (double)whole > max)))
		return false;
	*ret_bits = (uint64_t)whole;
	return true;
}

static enum err_code take_number(const struct modbus_value *value, const struct json *json, uint16_t *words,
				 struct error *err)
{
	double raw, min, max;
	uint64_t bits = 0;

	if (!json_is(json, JSON_NUMBER))
		return err_set(err, ERR_INVALID, "expected a number for a register of type %s",
			       modbus_type_name(value->type));
	if (take_whole(value, json, &bits)) {
		split(value, bits, words);
		return ERR_OK;
	}
	raw = (json->number - value->offset) / value->scale;
	range_of(value->type, &min, &max);
	if (value->type < MODBUS_FLOAT32)
		raw = round(raw);
	/* 2^63 and 2^64, which a double has, are themselves beyond the whole numbers of 64 bits. */
	bool is_open = value->type == MODBUS_INT64 || value->type == MODBUS_UINT64;

	if (!(raw >= min && (is_open ? raw < max : raw <= max)))
		return refuse_number(value, json->number, err);
	if (value->type == MODBUS_FLOAT64) {
		memcpy(&bits, &raw, sizeof(bits));
	} else if (value->type == MODBUS_FLOAT32) {
		float single = (float)raw;
		uint32_t low;

		memcpy(&low, &single, sizeof(low));
		bits = low;
	} else {
		bits = value->type == MODBUS_UINT64 ? (uint64_t)raw : (uint64_t)(int64_t)raw;
	}
	split(value, bits, words);
	return ERR_OK;
}

static enum err_code take_text(const struct modbus_value *value, const struct json *json, uint16_t *words,
			       struct error *err)
{
	struct str text = json_text(json);

	if (!json_is(json, JSON_STRING) || text.len > (size_t)value->count * 2 || memchr(text.at, 0, text.len))
		return err_set(err, ERR_INVALID, "expected a text of at most %u bytes, without NUL", value->count * 2u);
	for (size_t i = 0; i < value->count; i++) {
		unsigned int high = i * 2 < text.len ? (unsigned char)text.at[i * 2] : 0;
		unsigned int low = i * 2 + 1 < text.len ? (unsigned char)text.at[i * 2 + 1] : 0;
		uint16_t word = (uint16_t)(high << 8 | low);

		words[i] = value->bytes_little ? swapped(word) : word;
	}
	return ERR_OK;
}

enum err_code modbus_value_take(const struct modbus_value *value, const struct json *json, uint16_t *words,
				struct error *err)
{
	if (modbus_type_is_number(value->type))
		return take_number(value, json, words, err);
	if (value->type == MODBUS_STRING)
		return take_text(value, json, words, err);
	if (value->type == MODBUS_BITS || (!value->of_bits && value->bit >= 0))
		return err_set(err, ERR_UNSUPPORTED, "bits of a register are not written on their own");
	bool is_number = json_is(json, JSON_NUMBER) && (json->number == 0 || json->number == 1);

	if (!json_is(json, JSON_BOOL) && !is_number)
		return err_set(err, ERR_INVALID, "expected true or false");
	words[0] = is_number ? json->number == 1 : json->boolean;
	if (value->bytes_little && !value->of_bits)
		words[0] = swapped(words[0]);
	return ERR_OK;
}
