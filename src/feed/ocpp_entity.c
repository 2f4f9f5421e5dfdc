/* What charge points are called as entities, and entities being made. Types and names are those of EVChargingStation in
 * dataModel.Transportation of the Smart Data Models where that has one (chargingUnitId, transactionId, startDateTime,
 * endDateTime, its words for status); it knows no charging point, connector or session: those are ours. */
#include "feed/ocpp_feed_int.h"

#include "base/time_value.h"

#include <math.h>
#include <stdio.h>

/* ---- ids ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

bool ocpp_uri_put(char *to, size_t room, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		size_t wanted = is_plain((char)c) ? 1 : 3;

		if (len + wanted >= room)
			return false;
		to[len] = is_plain((char)c) ? (char)c : '%';
		if (wanted == 3) {
			to[len + 1] = digits[c >> 4];
			to[len + 2] = digits[c & 0xf];
		}
		len += wanted;
	}
	to[len] = '\0';
	return true;
}

struct str ocpp_station_id(struct arena *arena, const struct feed *feed, const char *uri)
{
	return arena_printf(arena, "urn:ngsi-ld:EVChargingStation:%.*s:%s", STR_FMT(feed->name), uri);
}

struct str ocpp_point_id(struct arena *arena, const struct ocpp_station *station, int64_t evse)
{
	return arena_printf(arena, "urn:ngsi-ld:EVChargingPoint:%.*s:%s:%lld", STR_FMT(station->ocpp->feed->name),
			    station->uri, (long long)evse);
}

struct str ocpp_connector_id(struct arena *arena, const struct ocpp_station *station, struct ocpp_place place)
{
	return arena_printf(arena, "urn:ngsi-ld:EVChargingConnector:%.*s:%s:%lld:%lld",
			    STR_FMT(station->ocpp->feed->name), station->uri, (long long)place.evse,
			    (long long)place.connector);
}

struct str ocpp_session_id(struct arena *arena, const struct ocpp_station *station, struct str transaction)
{
	char text[OCPP_TRANSACTION_ID_BYTES * 3 + 1];

	if (!ocpp_uri_put(text, sizeof(text), transaction))
		return STR_NONE;
	return arena_printf(arena, "urn:ngsi-ld:EVChargingSession:%.*s:%s:%s", STR_FMT(station->ocpp->feed->name),
			    station->uri, text);
}

/* ---- making ---- */

void ocpp_entity_begin(struct ocpp_entity *entity, struct arena *arena, struct str id, const char *type, int64_t at_us)
{
	*entity = (struct ocpp_entity){.arena = arena, .body = json_object(), .at_us = at_us};
	entity->failed = !id.at || !json_add(arena, &entity->body, STR("id"), json_string(id)) ||
			 !json_add(arena, &entity->body, STR("type"), json_string(str_from(type)));
}

static struct json text_in(struct ocpp_entity *entity, struct str text)
{
	struct str copy = arena_dup(entity->arena, text);

	entity->failed = entity->failed || !copy.at;
	return json_string(copy);
}

static struct json time_in(struct ocpp_entity *entity, int64_t us)
{
	char buffer[TIME_ISO_BYTES];

	return text_in(entity, time_format_iso(us, buffer));
}

static void add(struct ocpp_entity *entity, struct json *object, const char *name, struct json value)
{
	if (!json_add(entity->arena, object, str_from(name), value))
		entity->failed = true;
}

/* A second value of the same attribute, of the same time, says nothing that could be kept. */
static struct json *add_property(struct ocpp_entity *entity, const char *name, struct json value, const char *unit)
{
	struct json node = json_object();

	if (json_get(&entity->body, str_from(name)))
		return NULL;
	add(entity, &node, "type", json_string(STR("Property")));
	add(entity, &node, "value", value);
	if (unit)
		add(entity, &node, "unitCode", json_string(str_from(unit)));
	if (entity->at_us != OCPP_NO_TIME)
		add(entity, &node, "observedAt", time_in(entity, entity->at_us));
	return json_add(entity->arena, &entity->body, str_from(name), node);
}

struct json *ocpp_entity_text(struct ocpp_entity *entity, const char *name, struct str text)
{
	return text.len > 0 ? add_property(entity, name, text_in(entity, text), NULL) : NULL;
}

struct json *ocpp_entity_number(struct ocpp_entity *entity, const char *name, double number, const char *unit)
{
	return isfinite(number) ? add_property(entity, name, json_double(entity->arena, number), unit) : NULL;
}

struct json *ocpp_entity_integer(struct ocpp_entity *entity, const char *name, int64_t number)
{
	return number != OCPP_NONE ? add_property(entity, name, json_int(entity->arena, number), NULL) : NULL;
}

struct json *ocpp_entity_truth(struct ocpp_entity *entity, const char *name, bool truth)
{
	return add_property(entity, name, json_bool(truth), NULL);
}

struct json *ocpp_entity_time(struct ocpp_entity *entity, const char *name, int64_t us)
{
	struct json value = json_object();

	if (us == OCPP_NO_TIME)
		return NULL;
	add(entity, &value, "@type", json_string(STR("DateTime")));
	add(entity, &value, "@value", time_in(entity, us));
	return add_property(entity, name, value, NULL);
}

void ocpp_entity_relation(struct ocpp_entity *entity, const char *name, struct str id)
{
	struct json node = json_object();

	entity->failed = entity->failed || !id.at;
	add(entity, &node, "type", json_string(STR("Relationship")));
	add(entity, &node, "object", json_string(id));
	add(entity, &entity->body, name, node);
}

void ocpp_entity_detail(struct ocpp_entity *entity, struct json *property, const char *name, struct str text)
{
	struct json node = json_object();

	if (!property || text.len == 0)
		return;
	add(entity, &node, "type", json_string(STR("Property")));
	add(entity, &node, "value", text_in(entity, text));
	add(entity, property, name, node);
}

bool ocpp_entity_add(struct ocpp_entity *entity, struct feed *feed)
{
	struct json *body = entity->failed ? NULL : json_new(entity->arena, entity->body);
	uint64_t before = feed->own.dropped[FEED_DROP_OVERSIZED];

	if (!body)
		return false;
	if (body->count > 2) /* beyond id and type */
		feed_add_entity(feed, body, MAPPING_APPEND, true);
	return feed->own.dropped[FEED_DROP_OVERSIZED] == before;
}

/* ---- samples ---- */

/* "Energy.Active.Import.Register" → "energyActiveImportRegister"; phase and location, where they are told, behind it.
 * */
struct str ocpp_sample_name(struct arena *arena, const struct ocpp_sample *sample)
{
	struct str location = str_eq(sample->location, STR("Outlet")) ? STR("") : sample->location;
	const struct str parts[] = {sample->measurand, sample->phase, location};
	size_t room = sample->measurand.len + sample->phase.len + location.len, len = 0;
	char *name = arena_bytes(arena, room, 1);

	if (!name)
		return STR_NONE;
	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
		for (size_t i = 0; i < parts[p].len; i++)
			if (is_plain(parts[p].at[i]) && parts[p].at[i] != '.' && parts[p].at[i] != '-')
				name[len++] = parts[p].at[i];
	name[len] = '\0';
	if (len > 1 && name[0] >= 'A' && name[0] <= 'Z' && !(name[1] >= 'A' && name[1] <= 'Z'))
		name[0] = (char)(name[0] - 'A' + 'a');
	return (struct str){name, len};
}

/* UN/ECE Recommendation 20; units that it has no code for become those that it has one for. One flat table. */
const char *ocpp_unit_code(struct str unit, struct str measurand, double *scale)
{
	static const struct {
		const char *unit, *code;
		double scale;
	} units[] = {
		{"Wh", "WHR", 1},      {"kWh", "KWH", 1},    {"varh", "K3", 0.001}, {"kvarh", "K3", 1},
		{"VAh", "C79", 0.001}, {"kVAh", "C79", 1},   {"W", "WTT", 1},       {"kW", "KWT", 1},
		{"VA", "D46", 1},      {"kVA", "KVA", 1},    {"var", "D44", 1},     {"kvar", "KVR", 1},
		{"A", "AMP", 1},       {"V", "VLT", 1},      {"Celsius", "CEL", 1}, {"Fahrenheit", "FAH", 1},
		{"K", "KEL", 1},       {"Percent", "P1", 1}, {"Hertz", "HTZ", 1},   {"Hz", "HTZ", 1},
		{"RPM", "RPM", 1},     {"dB", "2N", 1},      {"Deg", "DD", 1},
	};

	/* 1.6 has no words for the units of these. */
	if (unit.len == 0 && str_eq(measurand, STR("Frequency")))
		unit = STR("Hertz");
	else if (unit.len == 0 && str_eq(measurand, STR("RPM")))
		unit = STR("RPM");
	else if (unit.len == 0 && str_eq(measurand, STR("SoC")))
		unit = STR("Percent");
	*scale = 1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(unit, str_from(units[i].unit))) {
			*scale = units[i].scale;
			return units[i].code;
		}
	return NULL;
}
