/* Values of metrics as JSON (chapter 6.4.16). Whole numbers below 64 bits travel as uint32, in two's complement; arrays
 * are packed little-endian. */
#include "sparkplug/sparkplug_int.h"

#include "base/time_value.h"

#include <math.h>
#include <string.h>

#define TIME_MS_MAX UINT64_C(253402300799999) /* the year 9999 */

static const char *const type_names[TYPE_COUNT] = {
	[TYPE_INT8] = "Int8",
	[TYPE_INT16] = "Int16",
	[TYPE_INT32] = "Int32",
	[TYPE_INT64] = "Int64",
	[TYPE_UINT8] = "UInt8",
	[TYPE_UINT16] = "UInt16",
	[TYPE_UINT32] = "UInt32",
	[TYPE_UINT64] = "UInt64",
	[TYPE_FLOAT] = "Float",
	[TYPE_DOUBLE] = "Double",
	[TYPE_BOOLEAN] = "Boolean",
	[TYPE_STRING] = "String",
	[TYPE_DATE_TIME] = "DateTime",
	[TYPE_TEXT] = "Text",
	[TYPE_UUID] = "UUID",
	[TYPE_DATA_SET] = "DataSet",
	[TYPE_BYTES] = "Bytes",
	[TYPE_FILE] = "File",
	[TYPE_TEMPLATE] = "Template",
	[TYPE_INT8_ARRAY] = "Int8Array",
	[TYPE_INT16_ARRAY] = "Int16Array",
	[TYPE_INT32_ARRAY] = "Int32Array",
	[TYPE_INT64_ARRAY] = "Int64Array",
	[TYPE_UINT8_ARRAY] = "UInt8Array",
	[TYPE_UINT16_ARRAY] = "UInt16Array",
	[TYPE_UINT32_ARRAY] = "UInt32Array",
	[TYPE_UINT64_ARRAY] = "UInt64Array",
	[TYPE_FLOAT_ARRAY] = "FloatArray",
	[TYPE_DOUBLE_ARRAY] = "DoubleArray",
	[TYPE_BOOLEAN_ARRAY] = "BooleanArray",
	[TYPE_STRING_ARRAY] = "StringArray",
	[TYPE_DATE_TIME_ARRAY] = "DateTimeArray",
};

const char *sparkplug_type_name(uint32_t type)
{
	return type < TYPE_COUNT ? type_names[type] : NULL;
}

struct json sparkplug_time(struct arena *arena, uint64_t ms)
{
	char text[TIME_ISO_BYTES];

	if (ms > TIME_MS_MAX)
		return json_null();
	struct str copy = arena_dup(arena, time_format_iso((int64_t)ms * US_PER_MS, text));

	return copy.at ? json_string(copy) : json_null();
}

static struct json whole(struct arena *arena, bool is_signed, uint64_t raw)
{
	struct str text = is_signed ? arena_printf(arena, "%lld", (long long)raw)
				    : arena_printf(arena, "%llu", (unsigned long long)raw);

	return text.at ? (struct json){.kind = JSON_NUMBER,
				       .integer = true,
				       .count = (uint32_t)text.len,
				       .text = text.at,
				       .number = is_signed ? (double)(int64_t)raw : (double)raw}
		       : json_null();
}

static struct json real(struct arena *arena, double number)
{
	return isfinite(number) ? json_double(arena, number) : json_null();
}

/* A float's own shortest decimal text, not that of the double that it widens to. */
static struct json single(struct arena *arena, float number)
{
	for (int digits = 6; digits < 9; digits++) {
		struct str text = arena_printf(arena, "%.*g", digits, (double)number);
		double read;

		if (text.at && str_to_double(text, &read) && (float)read == number)
			return json_double(arena, read);
	}
	return real(arena, (double)number);
}

/* Of this type, from its lowest bytes. */
static struct json number_of(uint32_t type, uint64_t raw, struct arena *arena)
{
	uint32_t half = (uint32_t)raw;
	float short_real;
	double long_real;

	switch (type) {
	case TYPE_INT8:
		return whole(arena, true, (uint64_t)(int64_t)(int8_t)raw);
	case TYPE_INT16:
		return whole(arena, true, (uint64_t)(int64_t)(int16_t)raw);
	case TYPE_INT32:
		return whole(arena, true, (uint64_t)(int64_t)(int32_t)raw);
	case TYPE_INT64:
		return whole(arena, true, raw);
	case TYPE_UINT8:
		return whole(arena, false, (uint8_t)raw);
	case TYPE_UINT16:
		return whole(arena, false, (uint16_t)raw);
	case TYPE_UINT32:
		return whole(arena, false, half);
	case TYPE_UINT64:
		return whole(arena, false, raw);
	case TYPE_FLOAT:
		memcpy(&short_real, &half, sizeof(short_real));
		return isfinite(short_real) ? single(arena, short_real) : json_null();
	case TYPE_DOUBLE:
		memcpy(&long_real, &raw, sizeof(long_real));
		return real(arena, long_real);
	default:
		return sparkplug_time(arena, raw);
	}
}

/* ---- arrays ---- */

static struct json texts_of(ProtobufCBinaryData bytes, struct arena *arena)
{
	struct json list = json_array();
	struct str rest = {(const char *)bytes.data, bytes.len};

	while (rest.len) {
		const char *end = memchr(rest.at, '\0', rest.len);
		struct str text = {rest.at, end ? (size_t)(end - rest.at) : rest.len};

		if (!str_is_utf8(text) || !json_push(arena, &list, json_string(text)))
			return json_null();
		rest = end ? (struct str){end + 1, rest.len - text.len - 1} : STR_NONE;
	}
	return list;
}

/* How many in four bytes, then a bit for each, the first one the highest. */
static struct json bits_of(ProtobufCBinaryData bytes, struct arena *arena)
{
	struct json list = json_array();
	uint64_t count = 0;

	for (size_t i = 0; i < 4 && bytes.len >= 4; i++)
		count |= (uint64_t)bytes.data[i] << (8 * i);
	if (bytes.len < 4 || count > (bytes.len - 4) * 8)
		return json_null();
	for (size_t i = 0; i < count; i++)
		if (!json_push(arena, &list, json_bool(bytes.data[4 + i / 8] >> (7 - i % 8) & 1)))
			return json_null();
	return list;
}

static struct json numbers_of(uint32_t type, size_t len, ProtobufCBinaryData bytes, struct arena *arena)
{
	struct json list = json_array();

	for (size_t at = 0; bytes.len % len == 0 && at < bytes.len; at += len) {
		uint64_t raw = 0;

		for (size_t i = 0; i < len; i++)
			raw |= (uint64_t)bytes.data[at + i] << (8 * i);
		if (!json_push(arena, &list, number_of(type, raw, arena)))
			return json_null();
	}
	return bytes.len % len ? json_null() : list;
}

static struct json array_of(uint32_t type, ProtobufCBinaryData bytes, struct arena *arena)
{
	static const struct {
		uint32_t type;
		size_t len;
	} items[TYPE_COUNT] = {
		[TYPE_INT8_ARRAY] = {TYPE_INT8, 1},           [TYPE_INT16_ARRAY] = {TYPE_INT16, 2},
		[TYPE_INT32_ARRAY] = {TYPE_INT32, 4},         [TYPE_INT64_ARRAY] = {TYPE_INT64, 8},
		[TYPE_UINT8_ARRAY] = {TYPE_UINT8, 1},         [TYPE_UINT16_ARRAY] = {TYPE_UINT16, 2},
		[TYPE_UINT32_ARRAY] = {TYPE_UINT32, 4},       [TYPE_UINT64_ARRAY] = {TYPE_UINT64, 8},
		[TYPE_FLOAT_ARRAY] = {TYPE_FLOAT, 4},         [TYPE_DOUBLE_ARRAY] = {TYPE_DOUBLE, 8},
		[TYPE_DATE_TIME_ARRAY] = {TYPE_DATE_TIME, 8},
	};

	if (type == TYPE_STRING_ARRAY)
		return texts_of(bytes, arena);
	if (type == TYPE_BOOLEAN_ARRAY)
		return bits_of(bytes, arena);
	return items[type].len ? numbers_of(items[type].type, items[type].len, bytes, arena) : json_null();
}

/* ---- bytes ---- */

static struct json base64_of(ProtobufCBinaryData bytes, struct arena *arena)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = (bytes.len + 2) / 3 * 4;
	char *text = arena_bytes(arena, len, 1), *to = text;

	for (size_t at = 0; text && at < bytes.len; at += 3) {
		size_t left = bytes.len - at;
		uint32_t group = (uint32_t)bytes.data[at] << 16 | (left > 1 ? (uint32_t)bytes.data[at + 1] << 8 : 0) |
				 (left > 2 ? bytes.data[at + 2] : 0);

		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[group & 63] : '=';
	}
	return text ? json_string((struct str){text, len}) : json_null();
}

/* ---- metrics ---- */

static enum err_code text_value(const char *text, struct json *ret, struct error *err)
{
	struct str copy = str_from(text);

	if (!str_is_utf8(copy))
		return err_set(err, ERR_INVALID, "a text that is no UTF-8");
	*ret = json_string(copy);
	return ERR_OK;
}

static bool is_whole(uint32_t type)
{
	return (type >= TYPE_INT8 && type <= TYPE_UINT64) || type == TYPE_DATE_TIME;
}

enum err_code sparkplug_value(const Sparkplug__Metric *metric, uint32_t type, struct arena *arena, struct json *ret,
			      struct error *err)
{
	uint32_t half;
	uint64_t raw;

	*ret = json_null();
	if (metric->has_is_null && metric->is_null)
		return ERR_OK;
	switch (metric->value_case) {
	case SPARKPLUG__METRIC__VALUE_INT_VALUE:
		if (is_whole(type))
			*ret = number_of(type, metric->int_value, arena);
		break;
	case SPARKPLUG__METRIC__VALUE_LONG_VALUE:
		if (is_whole(type))
			*ret = number_of(type, metric->long_value, arena);
		break;
	case SPARKPLUG__METRIC__VALUE_FLOAT_VALUE:
		memcpy(&half, &metric->float_value, sizeof(half));
		*ret = number_of(TYPE_FLOAT, half, arena);
		break;
	case SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE:
		memcpy(&raw, &metric->double_value, sizeof(raw));
		*ret = number_of(TYPE_DOUBLE, raw, arena);
		break;
	case SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE:
		*ret = json_bool(metric->boolean_value);
		break;
	case SPARKPLUG__METRIC__VALUE_STRING_VALUE:
		return text_value(metric->string_value, ret, err);
	case SPARKPLUG__METRIC__VALUE_BYTES_VALUE:
		*ret = type >= TYPE_INT8_ARRAY && type < TYPE_COUNT ? array_of(type, metric->bytes_value, arena)
								    : base64_of(metric->bytes_value, arena);
		break;
	default: /* none, a data set, a template */
		return ERR_OK;
	}
	if (ret->kind == JSON_NULL && (metric->value_case == SPARKPLUG__METRIC__VALUE_INT_VALUE ||
				       metric->value_case == SPARKPLUG__METRIC__VALUE_LONG_VALUE ||
				       metric->value_case == SPARKPLUG__METRIC__VALUE_BYTES_VALUE))
		return err_set(err, ERR_INVALID, "a value that is no %s",
			       sparkplug_type_name(type) ? sparkplug_type_name(type) : "type that there is");
	return ERR_OK;
}

enum err_code sparkplug_property(const Sparkplug__PropertyValue *property, struct arena *arena, struct json *ret)
{
	struct error ignored;
	uint32_t half;
	uint64_t raw;

	*ret = json_null();
	switch (property->value_case) {
	case SPARKPLUG__PROPERTY_VALUE__VALUE_INT_VALUE:
		*ret = number_of(is_whole(property->type) ? property->type : TYPE_INT32, property->int_value, arena);
		break;
	case SPARKPLUG__PROPERTY_VALUE__VALUE_LONG_VALUE:
		*ret = number_of(is_whole(property->type) ? property->type : TYPE_INT64, property->long_value, arena);
		break;
	case SPARKPLUG__PROPERTY_VALUE__VALUE_FLOAT_VALUE:
		memcpy(&half, &property->float_value, sizeof(half));
		*ret = number_of(TYPE_FLOAT, half, arena);
		break;
	case SPARKPLUG__PROPERTY_VALUE__VALUE_DOUBLE_VALUE:
		memcpy(&raw, &property->double_value, sizeof(raw));
		*ret = number_of(TYPE_DOUBLE, raw, arena);
		break;
	case SPARKPLUG__PROPERTY_VALUE__VALUE_BOOLEAN_VALUE:
		*ret = json_bool(property->boolean_value);
		break;
	case SPARKPLUG__PROPERTY_VALUE__VALUE_STRING_VALUE:
		return text_value(property->string_value, ret, &ignored);
	default:
		break;
	}
	return ERR_OK;
}
