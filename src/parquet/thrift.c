/* Thrift's compact protocol, as far as Parquet uses it. */
#include "parquet/parquet_int.h"

static void fail(struct thrift *thrift)
{
	thrift->bad = true;
	thrift->rest = STR_NONE;
}

static uint8_t take_byte(struct thrift *thrift)
{
	if (thrift->rest.len == 0) {
		fail(thrift);
		return 0;
	}
	uint8_t byte = (uint8_t)thrift->rest.at[0];

	thrift->rest = str_part(thrift->rest, 1, thrift->rest.len);
	return byte;
}

static uint64_t take_varint(struct thrift *thrift)
{
	uint64_t value = 0;

	for (uint32_t shift = 0; shift < 64; shift += 7) {
		uint8_t byte = take_byte(thrift);

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
	fail(thrift);
	return 0;
}

static int64_t take_zigzag(struct thrift *thrift)
{
	uint64_t value = take_varint(thrift);

	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

bool thrift_next(struct thrift *thrift, struct thrift_field *field)
{
	uint8_t head = take_byte(thrift);
	uint8_t step = head >> 4;

	if (thrift->bad || (head & 15) == THRIFT_STOP)
		return false;
	if ((head & 15) > THRIFT_STRUCT) {
		fail(thrift);
		return false;
	}
	field->type = (enum thrift_type)(head & 15);
	int64_t id = step ? field->id + (int64_t)step : take_zigzag(thrift);

	if (id < INT16_MIN || id > INT16_MAX)
		fail(thrift);
	field->id = (int32_t)id;
	return !thrift->bad;
}

int64_t thrift_int(struct thrift *thrift, enum thrift_type type)
{
	if (type == THRIFT_BYTE)
		return (int8_t)take_byte(thrift);
	if (type == THRIFT_I16 || type == THRIFT_I32 || type == THRIFT_I64)
		return take_zigzag(thrift);
	fail(thrift);
	return 0;
}

struct str thrift_binary(struct thrift *thrift, enum thrift_type type)
{
	uint64_t len = type == THRIFT_BINARY ? take_varint(thrift) : 0;

	if (type != THRIFT_BINARY || len > thrift->rest.len)
		fail(thrift);
	if (thrift->bad)
		return STR_NONE;
	struct str bytes = str_part(thrift->rest, 0, len);

	thrift->rest = str_part(thrift->rest, len, thrift->rest.len);
	return bytes;
}

static uint64_t take_list_head(struct thrift *thrift, uint8_t *ret_item)
{
	uint8_t head = take_byte(thrift);
	uint64_t count = head >> 4 == 15 ? take_varint(thrift) : head >> 4;

	*ret_item = head & 15;
	if (count > thrift->rest.len) /* each item has a byte at least */
		fail(thrift);
	return thrift->bad ? 0 : count;
}

uint32_t thrift_list(struct thrift *thrift, enum thrift_type type, enum thrift_type item)
{
	uint8_t found = 0;
	uint64_t count = type == THRIFT_LIST ? take_list_head(thrift, &found) : 0;

	if (type != THRIFT_LIST || (count > 0 && found != item))
		fail(thrift);
	return thrift->bad ? 0 : (uint32_t)count;
}

bool thrift_enter(struct thrift *thrift, enum thrift_type type)
{
	if (type != THRIFT_STRUCT || thrift->depth == THRIFT_DEPTH_MAX)
		fail(thrift);
	thrift->depth += !thrift->bad;
	return !thrift->bad;
}

void thrift_leave(struct thrift *thrift)
{
	thrift->depth -= thrift->depth > 0;
}

static void skip_items(struct thrift *thrift, enum thrift_type type, bool in_list);

static void skip_struct(struct thrift *thrift)
{
	struct thrift_field field = {0};

	if (!thrift_enter(thrift, THRIFT_STRUCT))
		return;
	while (thrift_next(thrift, &field))
		skip_items(thrift, field.type, false);
	thrift_leave(thrift);
}

static void skip_collection(struct thrift *thrift, enum thrift_type type)
{
	uint8_t item = 0, key = 0;
	uint64_t count;

	if (type == THRIFT_MAP) {
		count = take_varint(thrift);
		uint8_t types = count ? take_byte(thrift) : 0;

		key = types >> 4;
		item = types & 15;
		if (count > thrift->rest.len)
			fail(thrift);
	} else {
		count = take_list_head(thrift, &item);
	}
	if (!thrift_enter(thrift, THRIFT_STRUCT))
		return;
	for (uint64_t i = 0; i < count && !thrift->bad; i++) {
		if (type == THRIFT_MAP)
			skip_items(thrift, (enum thrift_type)key, true);
		skip_items(thrift, (enum thrift_type)item, true);
	}
	thrift_leave(thrift);
}

/* Booleans have a byte of their own in lists, and none in structs. */
static void skip_items(struct thrift *thrift, enum thrift_type type, bool in_list)
{
	switch (type) {
	case THRIFT_TRUE:
	case THRIFT_FALSE:
		if (in_list)
			(void)take_byte(thrift);
		return;
	case THRIFT_BYTE:
	case THRIFT_I16:
	case THRIFT_I32:
	case THRIFT_I64:
		(void)thrift_int(thrift, type);
		return;
	case THRIFT_DOUBLE:
		for (int i = 0; i < 8; i++)
			(void)take_byte(thrift);
		return;
	case THRIFT_BINARY:
		(void)thrift_binary(thrift, type);
		return;
	case THRIFT_LIST:
	case THRIFT_SET:
	case THRIFT_MAP:
		skip_collection(thrift, type);
		return;
	case THRIFT_STRUCT:
		skip_struct(thrift);
		return;
	default:
		fail(thrift);
	}
}

void thrift_skip(struct thrift *thrift, enum thrift_type type)
{
	skip_items(thrift, type, false);
}
