/* Reading a FeedMessage.
 *
 * The outermost frame is read here, field by field, and each entity is given to protobuf-c on its own. So an error can
 * say which entity breaks the format, one bad entity does not take the others with it, and nothing of the message's
 * size is allocated before its entities are counted. */
#include "gtfsrt/gtfsrt_int.h"

#include <string.h>

#define FIELD_HEADER 1u
#define FIELD_ENTITY 2u
#define VARINT_BYTES_MAX 10u

enum wire { WIRE_VARINT = 0, WIRE_EIGHT_BYTES = 1, WIRE_BYTES = 2, WIRE_FOUR_BYTES = 5 };

struct field {
	uint64_t number;
	enum wire wire;
	struct str body; /* of WIRE_BYTES */
	size_t at; /* the byte of the message that it begins at */
};

static bool read_varint(struct str bytes, size_t *at, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX && *at < bytes.len; i++) {
		uint8_t byte = (uint8_t)bytes.at[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* The field at *at, which moves behind it. False when its frame breaks. */
static bool read_field(struct str bytes, size_t *at, struct field *ret)
{
	struct field field = {.at = *at};
	uint64_t tag, len = 0;

	if (!read_varint(bytes, at, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return false;
	field.number = tag >> 3;
	field.wire = (enum wire)(tag & 7);
	switch (field.wire) {
	case WIRE_VARINT:
		if (!read_varint(bytes, at, &len))
			return false;
		len = 0;
		break;
	case WIRE_EIGHT_BYTES:
		len = 8;
		break;
	case WIRE_FOUR_BYTES:
		len = 4;
		break;
	case WIRE_BYTES:
		if (!read_varint(bytes, at, &len))
			return false;
		break;
	default:
		return false; /* groups, which the format does not use */
	}
	if (len > bytes.len - *at)
		return false;
	field.body = (struct str){bytes.at + *at, (size_t)len};
	*at += (size_t)len;
	*ret = field;
	return true;
}

/* Walks the whole frame; counts entities and finds the header. */
static enum err_code survey(struct str bytes, uint32_t *ret_count, struct field *ret_header, struct error *err)
{
	struct field field;
	uint32_t count = 0, headers = 0;

	for (size_t at = 0; at < bytes.len;) {
		size_t start = at;

		if (!read_field(bytes, &at, &field))
			return err_set(err, ERR_INVALID,
				       "no GTFS Realtime message: the field at byte %zu of %zu is cut or malformed",
				       start, bytes.len);
		if (field.number <= FIELD_ENTITY && field.wire != WIRE_BYTES)
			return err_set(err, ERR_INVALID,
				       "no GTFS Realtime message: field %u at byte %zu is not a message",
				       (unsigned)field.number, start);
		if (field.number == FIELD_HEADER) {
			*ret_header = field;
			headers++;
		}
		count += field.number == FIELD_ENTITY;
		if (count > GTFSRT_ENTITIES_MAX)
			return err_set(err, ERR_LIMIT, "the message has more than %u entities", GTFSRT_ENTITIES_MAX);
	}
	if (headers != 1)
		return err_set(err, ERR_INVALID, "the message has %u headers instead of one", headers);
	*ret_count = count;
	return ERR_OK;
}

/* ---- protobuf-c's memory ---- */

static enum err_code no_room(const struct protobuf_arena *memory, struct error *err)
{
	return err_set(err, ERR_LIMIT, "the message needs more than the %zu bytes of memory that it may have",
		       memory->arena->bytes_max);
}

/* ---- texts and times ---- */

bool decode_text(const char *text, struct str *ret)
{
	*ret = str_from(text);
	return str_is_utf8(*ret);
}

bool decode_time(bool given, uint64_t value, int64_t *ret_s)
{
	*ret_s = given && value != 0 ? (int64_t)value : GTFSRT_TIME_NONE;
	return !given || value <= GTFSRT_TIME_MAX;
}

/* ---- the message ---- */

static enum err_code read_header(struct protobuf_arena *memory, const struct field *field,
				 struct gtfsrt_message *message, struct error *err)
{
	const TransitRealtime__FeedHeader *header = transit_realtime__feed_header__unpack(
		&memory->allocator, field->body.len, (const uint8_t *)field->body.at);

	if (!header && memory->refused)
		return no_room(memory, err);
	if (!header)
		return err_set(err, ERR_INVALID, "the header at byte %zu is malformed, or has no gtfs_realtime_version",
			       field->at);
	if (!decode_text(header->gtfs_realtime_version, &message->version) ||
	    !decode_text(header->feed_version, &message->feed_version))
		return err_set(err, ERR_INVALID, "the header's version is no UTF-8");
	if (!decode_time(header->has_timestamp, header->timestamp, &message->timestamp_s))
		return err_set(err, ERR_INVALID, "the header's timestamp %llu is no time in seconds since 1970",
			       (unsigned long long)header->timestamp);
	message->differential = header->has_incrementality &&
				header->incrementality == TRANSIT_REALTIME__FEED_HEADER__INCREMENTALITY__DIFFERENTIAL;
	return ERR_OK;
}

/* ERR_INVALID: this one is to be left out. */
static enum err_code read_entity(struct protobuf_arena *memory, const struct field *field, struct gtfsrt_entity *ret,
				 struct error *err)
{
	const TransitRealtime__FeedEntity *entity = transit_realtime__feed_entity__unpack(
		&memory->allocator, field->body.len, (const uint8_t *)field->body.at);

	if (!entity && memory->refused)
		return no_room(memory, err);
	if (!entity)
		return err_set(err, ERR_INVALID, "the entity at byte %zu is malformed, or a required field is missing",
			       field->at);
	return decode_entity(memory->arena, entity, ret, err);
}

static enum err_code read_entities(struct protobuf_arena *memory, struct str bytes, struct gtfsrt_entity *entities,
				   struct gtfsrt_message *message, struct error *err)
{
	struct field field;
	struct error fault = {0};

	for (size_t at = 0; at < bytes.len && read_field(bytes, &at, &field);) {
		if (field.number != FIELD_ENTITY)
			continue;
		enum err_code code = read_entity(memory, &field, &entities[message->entity_count], &fault);

		if (code && code != ERR_INVALID) {
			if (err)
				*err = fault;
			return code;
		}
		if (code && message->refused_count++ == 0)
			message->refused = fault;
		message->entity_count += !code;
	}
	return ERR_OK;
}

enum err_code gtfsrt_decode(struct str bytes, struct arena *arena, struct gtfsrt_message *ret_message,
			    struct error *err)
{
	struct protobuf_arena memory;
	struct gtfsrt_message message = {.timestamp_s = GTFSRT_TIME_NONE};
	struct field header = {0};
	uint32_t count = 0;

	protobuf_arena_init(&memory, arena);
	if (bytes.len > GTFSRT_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the message has %zu bytes, more than %zu", bytes.len, GTFSRT_BYTES_MAX);
	enum err_code code = survey(bytes, &count, &header, err);

	if (!code)
		code = read_header(&memory, &header, &message, err);
	if (code)
		return code;
	struct gtfsrt_entity *entities = arena_array(arena, struct gtfsrt_entity, count);

	if (!entities)
		return no_room(&memory, err);
	message.entities = entities;
	code = read_entities(&memory, bytes, entities, &message, err);
	if (!code)
		*ret_message = message;
	return code;
}
