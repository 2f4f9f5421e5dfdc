/* The tables of members and kinds of attributes. */
#include "ngsild/attribute_int.h"

#include <assert.h>
#include <string.h>

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

static const struct {
	struct str name;
	enum member member;
} member_names[] = {
	/* Sorted by length, so that a name is compared with few others. */
	{TEXT("id"), MEMBER_ID},
	{TEXT("@id"), MEMBER_ID},
	{TEXT("type"), MEMBER_TYPE},
	{TEXT("json"), MEMBER_JSON},
	{TEXT("lang"), MEMBER_FOREIGN},
	{TEXT("value"), MEMBER_VALUE},
	{TEXT("@type"), MEMBER_TYPE},
	{TEXT("scope"), MEMBER_SCOPE},
	{TEXT("vocab"), MEMBER_VOCAB},
	{TEXT("jsons"), MEMBER_FOREIGN},
	{TEXT("object"), MEMBER_OBJECT},
	{TEXT("entity"), MEMBER_ENTITY},
	{TEXT("values"), MEMBER_FOREIGN},
	{TEXT("vocabs"), MEMBER_FOREIGN},
	{TEXT("objects"), MEMBER_FOREIGN},
	{TEXT("dataset"), MEMBER_FOREIGN},
	{TEXT("@context"), MEMBER_CONTEXT},
	{TEXT("unitCode"), MEMBER_UNIT_CODE},
	{TEXT("datasetId"), MEMBER_DATASET_ID},
	{TEXT("valueType"), MEMBER_VALUE_TYPE},
	{TEXT("createdAt"), MEMBER_CREATED_AT},
	{TEXT("expiresAt"), MEMBER_EXPIRES_AT},
	{TEXT("deletedAt"), MEMBER_DELETED_AT},
	{TEXT("valueList"), MEMBER_VALUE_LIST},
	{TEXT("observedAt"), MEMBER_OBSERVED_AT},
	{TEXT("modifiedAt"), MEMBER_MODIFIED_AT},
	{TEXT("objectType"), MEMBER_OBJECT_TYPE},
	{TEXT("objectList"), MEMBER_OBJECT_LIST},
	{TEXT("instanceId"), MEMBER_INSTANCE_ID},
	{TEXT("entityList"), MEMBER_ENTITY_LIST},
	{TEXT("valueLists"), MEMBER_FOREIGN},
	{TEXT("languageMap"), MEMBER_LANGUAGE_MAP},
	{TEXT("objectLists"), MEMBER_FOREIGN},
	{TEXT("languageMaps"), MEMBER_FOREIGN},
	{TEXT("previousJson"), MEMBER_PREVIOUS_JSON},
	{TEXT("previousValue"), MEMBER_PREVIOUS_VALUE},
	{TEXT("previousVocab"), MEMBER_PREVIOUS_VOCAB},
	{TEXT("previousObject"), MEMBER_PREVIOUS_OBJECT},
	{TEXT("entityIdSealed"), MEMBER_ENTITY_ID_SEALED},
	{TEXT("entityTypeSealed"), MEMBER_ENTITY_TYPE_SEALED},
	{TEXT("previousValueList"), MEMBER_PREVIOUS_VALUE_LIST},
	{TEXT("previousObjectList"), MEMBER_PREVIOUS_OBJECT_LIST},
	{TEXT("previousLanguageMap"), MEMBER_PREVIOUS_LANGUAGE_MAP},
};

#define MEMBER_NAMES (sizeof(member_names) / sizeof(member_names[0]))
#define MEMBER_NAME_BYTES_MAX 19

/* Where the names of each length begin in member_names; the entry behind it is where they end. */
static const uint8_t length_starts[MEMBER_NAME_BYTES_MAX + 2] = {0,  0,  0,  1,  2,  5,  10, 14, 16, 18, 24,
								 31, 33, 35, 37, 39, 39, 40, 41, 42, 43};

enum member member_of(struct str name)
{
	if (name.len > MEMBER_NAME_BYTES_MAX)
		return MEMBER_NONE;
	for (size_t i = length_starts[name.len]; i < length_starts[name.len + 1]; i++) {
		const char *other = member_names[i].name.at;

		if (other[0] == name.at[0] && other[name.len - 1] == name.at[name.len - 1] &&
		    memcmp(other, name.at, name.len) == 0)
			return member_names[i].member;
	}
	return MEMBER_NONE;
}

struct str member_name(enum member member)
{
	for (size_t i = 0; i < MEMBER_NAMES; i++)
		if (member_names[i].member == member && member_names[i].name.at[0] != '@')
			return member_names[i].name;
	return STR_NONE;
}

bool member_is_iri(struct str iri)
{
	if (!str_starts(iri, NGSILD_NAMESPACE))
		return false;
	struct str rest = str_part(iri, NGSILD_NAMESPACE.len, iri.len);

	/* The core context maps value to ngsi-ld:hasValue and so on; nothing else in it begins with "has". */
	if (rest.len > 3 && str_starts(rest, STR("has")) && rest.at[3] >= 'A' && rest.at[3] <= 'Z')
		return true;
	return member_of(rest) != MEMBER_NONE;
}

#define SYSTEM                                                                                                         \
	(MEMBER_BIT(MEMBER_CREATED_AT) | MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_DELETED_AT) |              \
	 MEMBER_BIT(MEMBER_INSTANCE_ID))
#define COMMON                                                                                                         \
	(MEMBER_BIT(MEMBER_TYPE) | MEMBER_BIT(MEMBER_DATASET_ID) | MEMBER_BIT(MEMBER_OBSERVED_AT) |                    \
	 MEMBER_BIT(MEMBER_EXPIRES_AT))
#define PROPERTY (COMMON | MEMBER_BIT(MEMBER_VALUE_TYPE))

/* 5.2.5–5.2.7 and 5.2.32–5.2.38. unitCode: 5.2.7 does not list it, but 4.5.2.2 gives it to every Property that has no
 * clause of its own saying otherwise, and a GeoProperty has none. Sealed members: see expand_instance.c. */
static const struct attribute_kind kinds[] = {
	{TEXT("Property"), TEXT("https://uri.etsi.org/ngsi-ld/Property"), MEMBER_VALUE, SIMPLIFIED_VALUE, true,
	 PROPERTY | MEMBER_BIT(MEMBER_VALUE) | MEMBER_BIT(MEMBER_UNIT_CODE),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_VALUE)},
	{TEXT("Relationship"), TEXT("https://uri.etsi.org/ngsi-ld/Relationship"), MEMBER_OBJECT, SIMPLIFIED_VALUE,
	 false, COMMON | MEMBER_BIT(MEMBER_OBJECT) | MEMBER_BIT(MEMBER_OBJECT_TYPE),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_OBJECT) | MEMBER_BIT(MEMBER_ENTITY)},
	{TEXT("GeoProperty"), TEXT("https://uri.etsi.org/ngsi-ld/GeoProperty"), MEMBER_VALUE, SIMPLIFIED_VALUE, true,
	 PROPERTY | MEMBER_BIT(MEMBER_VALUE) | MEMBER_BIT(MEMBER_UNIT_CODE),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_VALUE)},
	{TEXT("LanguageProperty"), TEXT("https://uri.etsi.org/ngsi-ld/LanguageProperty"), MEMBER_LANGUAGE_MAP,
	 SIMPLIFIED_MEMBER, false, PROPERTY | MEMBER_BIT(MEMBER_LANGUAGE_MAP),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_LANGUAGE_MAP)},
	{TEXT("VocabProperty"), TEXT("https://uri.etsi.org/ngsi-ld/VocabProperty"), MEMBER_VOCAB, SIMPLIFIED_MEMBER,
	 false, PROPERTY | MEMBER_BIT(MEMBER_VOCAB), SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_VOCAB)},
	{TEXT("JsonProperty"), TEXT("https://uri.etsi.org/ngsi-ld/JsonProperty"), MEMBER_JSON, SIMPLIFIED_MEMBER, false,
	 PROPERTY | MEMBER_BIT(MEMBER_JSON), SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_JSON)},
	{TEXT("ListProperty"), TEXT("https://uri.etsi.org/ngsi-ld/ListProperty"), MEMBER_VALUE_LIST, SIMPLIFIED_VALUE,
	 false, PROPERTY | MEMBER_BIT(MEMBER_VALUE_LIST) | MEMBER_BIT(MEMBER_UNIT_CODE),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_VALUE_LIST)},
	{TEXT("ListRelationship"), TEXT("https://uri.etsi.org/ngsi-ld/ListRelationship"), MEMBER_OBJECT_LIST,
	 SIMPLIFIED_OBJECTS, false, COMMON | MEMBER_BIT(MEMBER_OBJECT_LIST) | MEMBER_BIT(MEMBER_OBJECT_TYPE),
	 SYSTEM | MEMBER_BIT(MEMBER_PREVIOUS_OBJECT_LIST) | MEMBER_BIT(MEMBER_ENTITY_LIST)},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static_assert(MEMBER_COUNT <= 64, "sets of members are 64 bits");
static_assert(MEMBER_NAMES == 43, "length_starts follows member_names");

const struct attribute_kind *attribute_kind(struct str type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (str_eq(kinds[i].name, type) || str_eq(kinds[i].iri, type))
			return &kinds[i];
	return NULL;
}

const struct attribute_kind *attribute_kind_of_member(enum member member)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].value == member)
			return &kinds[i];
	return NULL;
}

const struct attribute_kind *attribute_kind_of(const struct json *instance)
{
	if (json_is(instance, JSON_OBJECT) && instance->count > 0 && str_eq(instance->members[0].key, STR("type")))
		return attribute_kind(json_text(&instance->members[0].value));
	return attribute_kind(json_text(json_get(instance, STR("type"))));
}

bool attribute_is_geometry_type(struct str type)
{
	static const struct str types[] = {
		TEXT("Point"),   TEXT("MultiPoint"),   TEXT("LineString"),        TEXT("MultiLineString"),
		TEXT("Polygon"), TEXT("MultiPolygon"), TEXT("GeometryCollection")};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

bool attribute_is_place(struct str iri)
{
	return str_starts(iri, NGSILD_NAMESPACE) &&
	       (str_ends(iri, STR("/location")) || str_ends(iri, STR("/observationSpace")) ||
		str_ends(iri, STR("/operationSpace")));
}

bool attribute_is_geometry(const struct json *value)
{
	if (!json_is(value, JSON_OBJECT))
		return false;
	return attribute_is_geometry_type(json_text(json_get(value, STR("type")))) &&
	       (json_get(value, STR("coordinates")) || json_get(value, STR("geometries")));
}

/* The member that holds the instance's value; NULL when there is none. */
static struct json_member *value_member(const struct json *instance)
{
	if (!json_is(instance, JSON_OBJECT))
		return NULL;
	for (uint32_t i = 0; i < instance->count; i++)
		if (member_in(member_of(instance->members[i].key), MEMBERS_VALUE))
			return &instance->members[i];
	return NULL;
}

struct json *instance_value(const struct json *instance)
{
	struct json_member *member = value_member(instance);

	return member ? &member->value : NULL;
}

bool node_is_null(const struct json *node)
{
	return json_is(node, JSON_STRING) && str_eq(json_text(node), NGSILD_NULL);
}

bool instance_is_null(const struct json *instance)
{
	const struct json_member *member = value_member(instance);

	if (!member)
		return false;
	const struct json *value = &member->value;

	/* 4.5.0: an array is deleted by an array of one Null, a languageMap by {"@none": Null}. */
	switch (member_of(member->key)) {
	case MEMBER_LANGUAGE_MAP:
		return value->count == 1 && node_is_null(json_get(value, NGSILD_DATASET_DEFAULT));
	case MEMBER_VALUE_LIST:
		return value->count == 1 && node_is_null(json_at(value, 0));
	case MEMBER_OBJECT_LIST:
		return value->count == 1 && node_is_null(json_get(json_at(value, 0), STR("object")));
	default:
		return node_is_null(value);
	}
}

struct str instance_dataset(const struct json *instance)
{
	return json_text(json_get(instance, STR("datasetId")));
}
