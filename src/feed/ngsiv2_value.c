/* Texts and values of NGSIv2 in the words of NGSI-LD: ids, names, scopes, times, places. */
#include "feed/ngsiv2_int.h"

#include "base/time_value.h"
#include "geo/geo.h"
#include "ngsild/document.h"
#include "ngsild/expand.h"

#define LINE_POSITIONS_MAX 100000u
#define DATE_BYTES 10u

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- ids ---- */

static bool has_authority(struct str id)
{
	size_t colon;

	return str_find(id, ':', &colon) && str_starts(str_part(id, colon + 1, id.len), STR("//"));
}

/* What may stand in a URN behind its namespace (RFC 8141, 2; RFC 3986, 3.3), "%" aside. */
static bool is_urn_byte(char c)
{
	return is_letter(c) || is_digit(c) || (c != '\0' && strchr("-._~!$'()*+,;=:@", c) != NULL);
}

static void put_escaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_urn_byte(text.at[i]))
			buf_put_char(out, text.at[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text.at[i]);
	}
}

struct str ngsiv2_urn(struct arena *arena, struct str id, struct str type)
{
	struct buf out;

	if ((str_eq_nocase(str_part(id, 0, 4), STR("urn:")) || has_authority(id)) && expand_is_uri(id))
		return id;
	buf_init(&out, 3 * (id.len + type.len) + 64);
	buf_put(&out, STR("urn:ngsi-ld:"));
	if (!(str_starts(id, type) && id.len > type.len + 1 && id.at[type.len] == ':')) {
		put_escaped(&out, type);
		buf_put_char(&out, ':');
	}
	put_escaped(&out, id);
	return buf_to_arena(&out, arena);
}

/* "PointOfInterest:RZ:MainSquare" says the type itself, "sensor:7" does not: types begin with a capital. */
static bool says_type(struct str id, struct str *ret_type)
{
	size_t colon;

	if (!str_find(id, ':', &colon) || colon + 1 == id.len || id.at[0] < 'A' || id.at[0] > 'Z')
		return false;
	*ret_type = str_part(id, 0, colon);
	return true;
}

struct str ngsiv2_target(struct arena *arena, struct str id, struct str attribute_name)
{
	struct str type = attribute_name;

	if (!says_type(id, &type) && str_starts(type, STR("ref")) && type.len > 3)
		type = str_part(type, 3, type.len);
	return ngsiv2_urn(arena, id, type);
}

/* ---- names ---- */

static struct str tame(struct arena *arena, struct str name, struct str suffix)
{
	struct buf out;

	buf_init(&out, name.len + suffix.len + 2);
	if (name.len == 0 || !is_letter(name.at[0]))
		buf_put_char(&out, 'x');
	for (size_t i = 0; i < name.len; i++)
		buf_put_char(&out, is_letter(name.at[i]) || is_digit(name.at[i]) ? name.at[i] : '_');
	buf_put(&out, suffix);
	return buf_to_arena(&out, arena);
}

static bool is_one_of(struct str name, const char *const *names)
{
	for (; *names; names++)
		if (str_eq(name, str_from(*names)))
			return true;
	return false;
}

bool ngsiv2_name_is_taken(struct str name)
{
	/* GS CIM 009, 4.5 and annex B: members of entities and attributes. */
	static const char *const taken[] = {"id",
					    "type",
					    "scope",
					    "createdAt",
					    "modifiedAt",
					    "deletedAt",
					    "expiresAt",
					    "observedAt",
					    "unitCode",
					    "datasetId",
					    "value",
					    "object",
					    "objectType",
					    "objectList",
					    "languageMap",
					    "lang",
					    "vocab",
					    "json",
					    "valueList",
					    "values",
					    "entity",
					    "instanceId",
					    "ngsildproof",
					    "previousValue",
					    "previousObject",
					    "previousLanguageMap",
					    "previousVocab",
					    "previousJson",
					    "previousValueList",
					    "previousObjectList",
					    NULL};

	return is_one_of(name, taken);
}

bool ngsiv2_name_is_place(struct str name)
{
	static const char *const places[] = {"location", "observationSpace", "operationSpace", NULL};

	return is_one_of(name, places);
}

struct str ngsiv2_name(struct arena *arena, struct str name)
{
	bool tame_already = name.len > 0 && is_letter(name.at[0]);

	if (has_authority(name) && expand_is_uri(name))
		return name;
	for (size_t i = 0; i < name.len && tame_already; i++)
		tame_already = is_letter(name.at[i]) || is_digit(name.at[i]) || name.at[i] == '_';
	if (tame_already && !ngsiv2_name_is_taken(name))
		return name;
	return tame(arena, name, tame_already ? STR("_") : STR(""));
}

struct str ngsiv2_scope(struct arena *arena, struct str path)
{
	struct str level;
	struct buf out;

	buf_init(&out, path.len * 2 + 2);
	while (str_next(&path, '/', &level)) {
		if (level.len == 0)
			continue;
		struct str name = tame(arena, level, STR(""));

		if (!name.at)
			return STR_NONE;
		buf_put_char(&out, '/');
		buf_put(&out, name);
	}
	return out.len || out.failed ? buf_to_arena(&out, arena) : STR("");
}

/* ---- times ---- */

bool ngsiv2_time(struct str text, int64_t *ret_us)
{
	struct civil_date date;
	char with_zone[64];

	text = str_trim(text);
	if (time_parse_iso(text, true, ret_us))
		return true;
	if (text.len == DATE_BYTES && date_parse_iso(text, &date)) {
		*ret_us = days_from_civil(date) * US_PER_DAY;
		return true;
	}
	if (text.len < DATE_BYTES || text.len + 2 > sizeof(with_zone))
		return false;
	memcpy(with_zone, text.at, text.len);
	with_zone[text.len] = 'Z';
	return time_parse_iso((struct str){with_zone, text.len + 1}, false, ret_us);
}

struct str ngsiv2_time_text(struct arena *arena, int64_t us)
{
	char buffer[TIME_ISO_BYTES];

	return arena_dup(arena, time_format_iso(us, buffer));
}

/* ---- places ---- */

/* "41.3763726, 2.186447514": latitude first, GeoJSON has longitude first. */
static bool take_position(struct arena *arena, const struct json *pair, struct json *ret_position, bool *ret_failed)
{
	struct str rest = json_text(pair), first = STR_NONE, second = STR_NONE, more = STR_NONE;
	double latitude, longitude;

	if (!str_next(&rest, ',', &first) || !str_next(&rest, ',', &second) || str_next(&rest, ',', &more) ||
	    !str_to_double(str_trim(first), &latitude) || !str_to_double(str_trim(second), &longitude))
		return false;
	*ret_position = json_array();
	*ret_failed = *ret_failed || !json_push(arena, ret_position, json_double(arena, longitude)) ||
		      !json_push(arena, ret_position, json_double(arena, latitude));
	return true;
}

static bool take_positions(struct arena *arena, const struct json *list, struct json *ret_positions, bool *ret_failed)
{
	*ret_positions = json_array();
	if (!json_is(list, JSON_ARRAY) || list->count > LINE_POSITIONS_MAX)
		return false;
	for (size_t i = 0; i < list->count && !*ret_failed; i++) {
		struct json position;

		if (!take_position(arena, json_at(list, i), &position, ret_failed))
			return false;
		*ret_failed = *ret_failed || !json_push(arena, ret_positions, position);
	}
	return true;
}

/* Two corners, lower left and upper right, as a ring. */
static void ring_of_box(struct arena *arena, const struct json *corners, struct json *ret_ring, bool *ret_failed)
{
	static const size_t longitude_of[] = {0, 1, 1, 0, 0}, latitude_of[] = {0, 0, 1, 1, 0};

	*ret_ring = json_array();
	for (size_t i = 0; i < 5; i++) {
		struct json position = json_array();
		const struct json *longitude = json_at(json_at(corners, longitude_of[i]), 0);
		const struct json *latitude = json_at(json_at(corners, latitude_of[i]), 1);

		*ret_failed = *ret_failed || !json_push(arena, &position, *longitude) ||
			      !json_push(arena, &position, *latitude) || !json_push(arena, ret_ring, position);
	}
}

static struct json geometry_of(struct arena *arena, struct str type, struct json coordinates, bool *ret_failed)
{
	struct json geometry = json_object();

	*ret_failed = *ret_failed || !json_add(arena, &geometry, STR("type"), json_string(type)) ||
		      !json_add(arena, &geometry, STR("coordinates"), coordinates);
	return geometry;
}

static bool simple_geometry(struct arena *arena, struct str type, const struct json *value, struct json *ret,
			    bool *ret_failed)
{
	struct json positions, ring, rings = json_array();

	if (str_eq(type, STR("geo:point"))) {
		if (!take_position(arena, value, &positions, ret_failed))
			return false;
		*ret = geometry_of(arena, STR("Point"), positions, ret_failed);
		return true;
	}
	if (!take_positions(arena, value, &positions, ret_failed) || *ret_failed)
		return false;
	if (str_eq(type, STR("geo:line"))) {
		*ret = geometry_of(arena, STR("LineString"), positions, ret_failed);
		return true;
	}
	ring = positions;
	if (str_eq(type, STR("geo:box"))) {
		if (positions.count != 2)
			return false;
		ring_of_box(arena, &positions, &ring, ret_failed);
	}
	*ret_failed = *ret_failed || !json_push(arena, &rings, ring);
	*ret = geometry_of(arena, STR("Polygon"), rings, ret_failed);
	return true;
}

bool ngsiv2_geometry(struct arena *arena, struct str type, const struct json *value, struct json *ret_geometry,
		     bool *ret_failed)
{
	struct json geometry;

	if (str_eq(type, STR("geo:json"))) {
		const struct json *inner = json_get(value, STR("geometry"));

		/* A Feature is its geometry, as Orion itself has it. */
		if (!json_is(value, JSON_OBJECT))
			return false;
		geometry = inner && str_eq(json_text(json_get(value, STR("type"))), STR("Feature")) ? *inner : *value;
	} else if (!simple_geometry(arena, type, value, &geometry, ret_failed)) {
		return false;
	}
	if (*ret_failed || geo_check(&geometry, NULL) != ERR_OK)
		return false;
	*ret_geometry = geometry;
	return true;
}

/* ---- values ---- */

bool ngsiv2_value_is_plain(const struct json *value)
{
	switch (value->kind) {
	case JSON_NULL:
		return false;
	case JSON_STRING:
		return !str_eq(json_text(value), NGSILD_NULL);
	case JSON_ARRAY:
		for (size_t i = 0; i < value->count; i++)
			if (!ngsiv2_value_is_plain(&value->items[i]))
				return false;
		return true;
	case JSON_OBJECT:
		for (size_t i = 0; i < value->count; i++)
			if (str_eq(value->members[i].key, STR("@context")) ||
			    !ngsiv2_value_is_plain(&value->members[i].value))
				return false;
		return true;
	default:
		return true;
	}
}
