/* Holding payloads against tables. Objects are walked member by member for what should not be there, then field by
 * field for what should; the place of a fault is only written down when there is one. */
#include "ocpp/schema_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <math.h>

#define TIME_FRACTION_AT 19u /* behind "2026-11-22T04:21:00" */
#define TIME_DECIMALS_MAX 6u
#define TIME_TEXT_BYTES_MAX 64u
#define INTEGER_MAX 9007199254740992.0 /* 2⁵³: doubles below it hold every integer */
#define TENTH_TOLERANCE 1e-6

/* A member on the way down, so that its place can be named. */
struct place {
	const struct place *up;
	const char *name;
	size_t item; /* SIZE_MAX: no item of a list */
	enum ocpp_version version;
	uint32_t depth;
};

static const struct ocpp_field custom_data_fields[] = {{"vendorId", MUST, TEXT(255)}};
static const struct ocpp_shape custom_data = {FIELDS(custom_data_fields), .open = true};
static const struct ocpp_field custom_data_field = {"customData", OBJECT(custom_data)};

static const struct ocpp_action *find(const struct ocpp_action *actions, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, str_from(actions[i].name)))
			return &actions[i];
	return NULL;
}

const struct ocpp_action *ocpp_action_find(enum ocpp_version version, struct str name)
{
	if (version == OCPP_1_6)
		return find(ocpp_actions_16, ocpp_actions_16_count, name);
	const struct ocpp_action *action = find(ocpp_actions_201_station, ocpp_actions_201_station_count, name);

	return action ? action : find(ocpp_actions_201_city, ocpp_actions_201_city_count, name);
}

struct str ocpp_action_name(const struct ocpp_action *action)
{
	return str_from(action->name);
}

bool ocpp_action_of_station(const struct ocpp_action *action)
{
	return action->by & OCPP_BY_STATION;
}

bool ocpp_action_of_city(const struct ocpp_action *action)
{
	return action->by & OCPP_BY_CITY;
}

bool ocpp_integer(const struct json *number, int64_t *ret)
{
	if (!json_is(number, JSON_NUMBER))
		return false;
	if (number->integer)
		return json_int64(number, ret);
	if (number->number != floor(number->number) || fabs(number->number) > INTEGER_MAX)
		return false;
	*ret = (int64_t)number->number;
	return true;
}

/* Decimals beyond the sixth are cut out of the text before it is read. */
bool ocpp_time(const struct json *node, int64_t *ret_us)
{
	struct str text = json_text(node);
	char short_text[TIME_TEXT_BYTES_MAX];
	size_t end = TIME_FRACTION_AT + 1;

	if (text.len <= TIME_FRACTION_AT || text.at[TIME_FRACTION_AT] != '.')
		return time_parse_iso(text, true, ret_us);
	while (end < text.len && text.at[end] >= '0' && text.at[end] <= '9')
		end++;
	size_t keep = TIME_FRACTION_AT + 1 + TIME_DECIMALS_MAX;

	if (end <= keep)
		return time_parse_iso(text, true, ret_us);
	if (keep + (text.len - end) > sizeof(short_text))
		return false;
	memcpy(short_text, text.at, keep);
	memcpy(short_text + keep, text.at + end, text.len - end);
	return time_parse_iso((struct str){short_text, keep + (text.len - end)}, true, ret_us);
}

/* "a.b[3].c" into a buffer, the innermost last; what has no room is left out. */
static void place_write(struct buf *buf, const struct place *place)
{
	const struct place *way[2 * OCPP_SCHEMA_DEPTH_MAX + 2];
	size_t count = 0;

	for (; place && count < sizeof(way) / sizeof(way[0]); place = place->up)
		way[count++] = place;
	while (count > 0) {
		const struct place *one = way[--count];

		if (one->item != SIZE_MAX)
			buf_printf(buf, "[%zu]", one->item);
		else if (one->name)
			buf_printf(buf, "%s%s", buf->len ? "." : "", one->name);
	}
}

static bool wrong(struct ocpp_fault *fault, enum ocpp_fault_code code, const struct place *place, const char *what)
{
	struct buf buf;

	buf_init(&buf, OCPP_FAULT_TEXT_BYTES);
	place_write(&buf, place);
	(void)ocpp_fault_set(fault, code, "%.*s%s%s", STR_FMT(buf_str(&buf)), buf.len ? ": " : "", what);
	buf_done(&buf);
	return false;
}

static bool check_number(const struct ocpp_field *field, const struct json *node, const struct place *place,
			 struct ocpp_fault *fault)
{
	int64_t number = 0;

	if (!json_is(node, JSON_NUMBER))
		return wrong(fault, OCPP_TYPE_VIOLATION, place, "no number");
	if (field->kind == OCPP_NUMBER)
		return true;
	if (field->kind == OCPP_TENTHS) {
		double steps = node->number * 10;

		return fabs(steps - nearbyint(steps)) < TENTH_TOLERANCE ||
		       wrong(fault, OCPP_PROPERTY_VIOLATION, place, "more than one decimal");
	}
	if (node->number != floor(node->number))
		return wrong(fault, OCPP_TYPE_VIOLATION, place, "no whole number");
	if (!ocpp_integer(node, &number))
		return wrong(fault, OCPP_PROPERTY_VIOLATION, place, "out of the range of 64 bits");
	if (field->kind != OCPP_INTEGER && (number < 0 || (field->kind == OCPP_PERCENT && number > 100)))
		return wrong(fault, OCPP_PROPERTY_VIOLATION, place, "out of range");
	return true;
}

static bool is_choice(const char *choices, struct str text)
{
	struct str rest = str_from(choices), word;

	while (str_next(&rest, ' ', &word))
		if (str_eq(word, text))
			return true;
	return false;
}

static bool check_text(const struct ocpp_field *field, const struct json *node, const struct place *place,
		       struct ocpp_fault *fault)
{
	struct str text = json_text(node);
	int64_t us;

	if (!json_is(node, JSON_STRING))
		return wrong(fault, OCPP_TYPE_VIOLATION, place, "no text");
	if (field->kind == OCPP_TEXT && field->max > 0 && ocpp_chars(text) > field->max)
		return wrong(fault, OCPP_PROPERTY_VIOLATION, place, "too long");
	if (field->kind == OCPP_TIME && !ocpp_time(node, &us))
		return wrong(fault, OCPP_PROPERTY_VIOLATION, place, "no time by RFC 3339");
	if (field->kind == OCPP_CHOICE && !is_choice(field->choices, text))
		return wrong(fault, OCPP_PROPERTY_VIOLATION, place, "none of the values that there are");
	return true;
}

static bool check_object(const struct ocpp_shape *shape, const struct json *node, const struct place *place,
			 struct ocpp_fault *fault);

static bool check_value(const struct ocpp_field *field, const struct json *node, const struct place *place,
			struct ocpp_fault *fault)
{
	switch (field->kind) {
	case OCPP_TEXT:
	case OCPP_TIME:
	case OCPP_CHOICE:
		return check_text(field, node, place, fault);
	case OCPP_INTEGER:
	case OCPP_NATURAL:
	case OCPP_PERCENT:
	case OCPP_NUMBER:
	case OCPP_TENTHS:
		return check_number(field, node, place, fault);
	case OCPP_BOOLEAN:
		return json_is(node, JSON_BOOL) || wrong(fault, OCPP_TYPE_VIOLATION, place, "neither true nor false");
	case OCPP_OBJECT:
		return check_object(field->shape, node, place, fault);
	case OCPP_ANY:
		break;
	}
	return true;
}

static bool check_list(const struct ocpp_field *field, const struct json *node, const struct place *place,
		       struct ocpp_fault *fault)
{
	if (!json_is(node, JSON_ARRAY))
		return wrong(fault, OCPP_TYPE_VIOLATION, place, "no array");
	if (node->count < field->list_min)
		return wrong(fault, OCPP_OCCURRENCE_VIOLATION, place, "too few items");
	if (field->list_max > 0 && node->count > field->list_max)
		return wrong(fault, OCPP_OCCURRENCE_VIOLATION, place, "too many items");
	for (size_t i = 0; i < node->count; i++) {
		struct place item = {place, NULL, i, place->version, place->depth};

		if (!check_value(field, json_at(node, i), &item, fault))
			return false;
	}
	return true;
}

static bool check_field(const struct ocpp_field *field, const struct json *object, const struct place *up,
			struct ocpp_fault *fault)
{
	const struct json *node = json_get(object, str_from(field->name));
	struct place place = {up, field->name, SIZE_MAX, up->version, up->depth + 1};

	if (!node)
		return !field->must || wrong(fault, OCPP_OCCURRENCE_VIOLATION, &place, "missing");
	return field->list ? check_list(field, node, &place, fault) : check_value(field, node, &place, fault);
}

static bool is_field(const struct ocpp_shape *shape, struct str name)
{
	for (size_t i = 0; i < shape->field_count; i++)
		if (str_eq(name, str_from(shape->fields[i].name)))
			return true;
	return shape->custom && str_eq(name, str_from(custom_data_field.name));
}

static bool check_object(const struct ocpp_shape *shape, const struct json *node, const struct place *place,
			 struct ocpp_fault *fault)
{
	assert(place->depth <= OCPP_SCHEMA_DEPTH_MAX);
	if (!json_is(node, JSON_OBJECT))
		return wrong(fault, OCPP_TYPE_VIOLATION, place, "no object");
	for (uint32_t i = 0; !shape->open && i < node->count; i++)
		if (!is_field(shape, node->members[i].key))
			return wrong(fault, place->version == OCPP_1_6 ? OCPP_FORMAT_VIOLATION : OCPP_PROTOCOL_ERROR,
				     place, "has a member that there is not");
	for (size_t i = 0; i < shape->field_count; i++)
		if (!check_field(&shape->fields[i], node, place, fault))
			return false;
	return !shape->custom || check_field(&custom_data_field, node, place, fault);
}

bool ocpp_check(const struct ocpp_action *action, enum ocpp_part part, const struct json *payload,
		struct ocpp_fault *fault)
{
	struct place top = {NULL, NULL, SIZE_MAX, action->version, 0};

	return check_object(part == OCPP_REQUEST ? action->request : action->answer, payload, &top, fault);
}
