/* What nodes and objects of ECHONET Lite say, as entities: a Device for each node, and an entity for each object. */
#include "feed/echonet_feed_int.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPC_FIRST 0x80u
#define EPC_COUNT 128u
#define TOLD_MAX (ECHONET_NODES_MAX * 8u) /* objects whose last states are remembered; beyond, all is told each time */
#define INSTANCES_TEXT_BYTES 7u

/* By what was told last it is known what need not be told again. */
struct echonet_told {
	struct {
		uint32_t address, eoj;
	} key; /* of the map */
	uint32_t hash[EPC_COUNT]; /* of the EDT; 0: nothing was told */
	uint32_t at_s[EPC_COUNT]; /* since 1970 */
};

/* Smart Data Models where they have a type for it; names of ours else. */
static const struct {
	uint16_t class_code;
	const char *type;
} types[] = {
	{0x0011, "IndoorEnvironmentObserved"},
	{0x0012, "IndoorEnvironmentObserved"},
	{0x0130, "AirConditioner"},
	{0x026b, "ElectricWaterHeater"},
	{0x0272, "InstantaneousWaterHeater"},
	{0x0279, "PhotovoltaicDevice"},
	{0x027c, "FuelCell"},
	{0x027d, "StorageBatteryDevice"},
	{0x027e, "EVChargingStation"},
	{0x0281, "WaterConsumptionObserved"},
	{0x0282, "GasMeter"},
	{0x0287, "ACMeasurement"},
	{0x0288, "ACMeasurement"},
	{0x028a, "ACMeasurement"},
	{0x0290, "Lighting"},
	{0x02a1, "EVChargingStation"},
};

/* Attributes that the model of the type has under another name. */
static const struct {
	const char *type, *ours, *theirs;
} names[] = {
	{"ACMeasurement", "normalDirectionCumulativeElectricEnergy", "totalActiveEnergyImport"},
	{"ACMeasurement", "reverseDirectionCumulativeElectricEnergy", "totalActiveEnergyExport"},
	{"ACMeasurement", "cumulativeActiveElectricEnergy", "totalActiveEnergyImport"},
	{"ACMeasurement", "instantaneousElectricPower", "totalActivePower"},
};

const char *echonet_entity_type(uint16_t class_code)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].class_code == class_code)
			return types[i].type;
	return class_code == ECHONET_NODE_PROFILE_CLASS ? "Device" : "EchonetObject";
}

static struct str name_of(const char *type, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].type, type) == 0 && strcmp(names[i].ours, name) == 0)
			return str_from(names[i].theirs);
	return str_from(name);
}

/* ---- documents ---- */

/* One entity being made; an arena that refuses leaves it failed, and it is dropped whole. */
struct making {
	struct feed *feed;
	struct arena *arena;
	struct json body;
	struct str now; /* observedAt of what says nothing of its own */
	bool failed;
};

static void put(struct making *making, struct json *object, struct str key, struct json value)
{
	making->failed = making->failed || !json_set(making->arena, object, key, value);
}

static struct json text(struct making *making, struct str value)
{
	struct str copy = arena_dup(making->arena, value);

	making->failed = making->failed || !copy.at;
	return json_string(copy);
}

static struct json property(struct making *making, struct json value, const char *unit, struct str observed_at)
{
	struct json node = json_object();

	put(making, &node, STR("type"), json_string(STR("Property")));
	put(making, &node, STR("value"), value);
	if (unit)
		put(making, &node, STR("unitCode"), json_string(str_from(unit)));
	if (observed_at.len)
		put(making, &node, STR("observedAt"), json_string(observed_at));
	return node;
}

static void put_attribute(struct making *making, struct str name, struct json attribute)
{
	struct json key = text(making, name);

	if (!making->failed)
		put(making, &making->body, json_text(&key), attribute);
}

static struct str time_text(struct making *making, int64_t us)
{
	char buffer[TIME_ISO_BYTES];
	struct str copy = arena_dup(making->arena, time_format_iso(us, buffer));

	making->failed = making->failed || !copy.at;
	return copy;
}

static struct making begin(struct feed *feed, const char *type, const char *urn)
{
	struct making making = {.feed = feed, .arena = feed_arena(feed), .body = json_object()};

	put(&making, &making.body, STR("id"), text(&making, str_from(urn)));
	put(&making, &making.body, STR("type"), json_string(str_from(type)));
	making.now = time_text(&making, feed_now_us(feed));
	return making;
}

static void end(struct making *making)
{
	if (making->failed)
		feed_drop(making->feed, FEED_DROP_OVERSIZED, "no memory for an entity");
	else
		feed_add_entity(making->feed, &making->body, MAPPING_APPEND, true);
}

/* ---- ids ---- */

static void address_text_of(uint32_t address, char chars[static INET_ADDRSTRLEN])
{
	const struct in_addr in = {.s_addr = htonl(address)};

	(void)inet_ntop(AF_INET, &in, chars, INET_ADDRSTRLEN);
}

void echonet_key(const struct echonet_node *node, char key[static ECHONET_KEY_BYTES])
{
	if (!node->has_id)
		address_text_of(node->address, key);
	for (size_t i = 0; node->has_id && i < ECHONET_ID_BYTES; i++)
		(void)snprintf(key + 2 * i, ECHONET_KEY_BYTES - 2 * i, "%02X", node->id[i]);
}

static void urn_of(const struct feed *feed, const struct echonet_node *node, const struct echonet_object *object,
		   char urn[static ECHONET_URN_BYTES])
{
	bool is_node = !object || object->class_code == ECHONET_NODE_PROFILE_CLASS;
	char key[ECHONET_KEY_BYTES];

	echonet_key(node, key);
	if (is_node)
		(void)snprintf(urn, ECHONET_URN_BYTES, "urn:ngsi-ld:Device:%.*s:%s", STR_FMT(feed->name), key);
	else
		(void)snprintf(urn, ECHONET_URN_BYTES, "urn:ngsi-ld:%s:%.*s:%s:%06X",
			       echonet_entity_type(object->class_code), STR_FMT(feed->name), key,
			       (unsigned int)object->eoj);
}

/* ---- nodes ---- */

static struct json instances_of(struct making *making, const struct echonet_node *node)
{
	struct json list = json_array();

	for (size_t i = 1; i < node->object_count; i++) {
		char eoj[INSTANCES_TEXT_BYTES];

		(void)snprintf(eoj, sizeof(eoj), "%06X", (unsigned int)node->objects[i].eoj);
		making->failed = making->failed || !json_push(making->arena, &list, text(making, str_from(eoj)));
	}
	return list;
}

void echonet_tell_node(struct echonet_session *session, const struct echonet_node *node)
{
	char urn[ECHONET_URN_BYTES], address[INET_ADDRSTRLEN];
	struct json addresses = json_array();

	urn_of(session->feed, node, NULL, urn);
	address_text_of(node->address, address);
	struct making making = begin(session->feed, "Device", urn);

	making.failed = making.failed || !json_push(making.arena, &addresses, text(&making, str_from(address)));
	put_attribute(&making, STR("ipAddress"), property(&making, addresses, NULL, STR_NONE));
	put_attribute(&making, STR("supportedProtocol"),
		      property(&making, json_string(STR("ECHONET Lite")), NULL, STR_NONE));
	put_attribute(&making, STR("deviceState"),
		      property(&making, json_string(node->is_up ? STR("online") : STR("offline")), NULL, making.now));
	if (node->object_count > 1)
		put_attribute(&making, STR("instances"),
			      property(&making, instances_of(&making, node), NULL, STR_NONE));
	end(&making);
}

/* ---- objects ---- */

/* A meter's own time, which is local: the offset there is looked up twice, as it depends on the time itself. */
static int64_t stated_us(const struct echonet_session *session, const struct echonet_value *value)
{
	int64_t local_s = days_from_civil(value->date) * 86400 + value->second;
	int64_t guess_s = local_s;

	if (!session->zone)
		return local_s * US_PER_S + session->settings->zone_us;
	guess_s = local_s - transit_zone_offset_s(session->zone, guess_s);
	guess_s = local_s - transit_zone_offset_s(session->zone, guess_s);
	return guess_s * US_PER_S;
}

static struct json value_json(struct making *making, const struct echonet_value *value)
{
	switch (value->field->form) {
	case ECHONET_SWITCH:
		return json_bool(value->boolean);
	case ECHONET_UNSIGNED:
	case ECHONET_SIGNED:
	case ECHONET_POWER:
		return json_double(making->arena, value->number);
	default:
		return text(making, value->text);
	}
}

static void put_value(const struct echonet_session *session, struct making *making, const char *type,
		      const struct echonet_value *value)
{
	struct str observed_at = value->field->pace == ECHONET_OFTEN ? making->now : STR_NONE;

	if (value->has_time)
		observed_at = time_text(making, stated_us(session, value));
	put_attribute(making, name_of(type, value->name),
		      property(making, value_json(making, value), value->field->unit, observed_at));
}

/* What an object is, along with what its maker says of it. */
static void describe(struct making *making, const struct feed *feed, const struct echonet_event *event)
{
	const struct echonet_class *class = echonet_class_find(event->object->class_code);
	char urn[ECHONET_URN_BYTES], eoj[INSTANCES_TEXT_BYTES];
	struct json device = json_object();

	if (event->object->class_code == ECHONET_NODE_PROFILE_CLASS)
		return;
	urn_of(feed, event->node, NULL, urn);
	(void)snprintf(eoj, sizeof(eoj), "%06X", (unsigned int)event->object->eoj);
	put(making, &device, STR("type"), json_string(STR("Relationship")));
	put(making, &device, STR("object"), text(making, str_from(urn)));
	put_attribute(making, STR("refDevice"), device);
	put_attribute(making, STR("eoj"), property(making, text(making, str_from(eoj)), NULL, STR_NONE));
	if (class)
		put_attribute(making, STR("className"),
			      property(making, json_string(str_from(class->name)), NULL, STR_NONE));
}

static struct echonet_told *told_of(struct echonet_session *session, const struct echonet_event *event)
{
	struct echonet_told *told, key = {.key = {event->node->address, event->object->eoj}};

	told = map_get(&session->told, (struct str){(const char *)&key.key, sizeof(key.key)});
	if (told || session->told.count >= TOLD_MAX)
		return told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	told->key = key.key;
	if (map_set(&session->told, (struct str){(const char *)&told->key, sizeof(told->key)}, told))
		return told;
	free(told);
	return NULL;
}

void echonet_forget_told(struct echonet_session *session)
{
	struct str key;
	void *told;

	for (size_t at = 0; map_each(&session->told, &at, &key, &told);)
		free(told);
	map_done(&session->told);
}

/* Is it a state, or a measurement of a stated time, that was told before? What is measured now is told each time. */
static bool is_old(const struct echonet_session *session, struct echonet_told *told,
		   const struct echonet_property *property, const struct echonet_value *value)
{
	bool is_number = value->field->form == ECHONET_UNSIGNED || value->field->form == ECHONET_SIGNED;
	uint32_t hash = (uint32_t)str_hash(property->edt, 1) | 1u, at = property->epc - EPC_FIRST;
	uint32_t now_s = (uint32_t)(feed_now_us(session->feed) / US_PER_S);

	if (!told || (is_number && !value->has_time && value->field->pace == ECHONET_OFTEN))
		return false;
	if (told->hash[at] == hash && now_s - told->at_s[at] < ECHONET_REPEAT_S)
		return true;
	told->hash[at] = hash;
	told->at_s[at] = now_s;
	return false;
}

/* Returns whether something of it is to be told. */
static bool put_property(struct echonet_session *session, struct making *making, const struct echonet_event *event,
			 const struct echonet_property *property, struct echonet_told *told)
{
	struct echonet_value values[ECHONET_VALUES_MAX];
	const struct echonet_object *object = event->object;
	bool malformed = false;
	size_t count =
		echonet_decode(object->class_code, &object->factors, &object->readable, property, values, &malformed);

	if (malformed)
		feed_drop(session->feed, FEED_DROP_MALFORMED, "property %02X of object %06X has %zu bytes",
			  property->epc, (unsigned int)object->eoj, property->edt.len);
	if (count == 0 || property->epc < EPC_FIRST || is_old(session, told, property, &values[0]))
		return false;
	for (size_t i = 0; i < count; i++)
		put_value(session, making, echonet_entity_type(object->class_code), &values[i]);
	if (values[0].field->pace == ECHONET_SELDOM)
		describe(making, session->feed, event);
	return true;
}

bool echonet_tell_values(struct echonet_session *session, const struct echonet_event *event)
{
	struct echonet_told *told = told_of(session, event);
	char urn[ECHONET_URN_BYTES];
	bool any = false;

	urn_of(session->feed, event->node, event->object, urn);
	struct making making = begin(session->feed, echonet_entity_type(event->object->class_code), urn);

	for (size_t i = 0; i < event->count; i++)
		any = put_property(session, &making, event, &event->properties[i], told) || any;
	if (any)
		end(&making);
	return any;
}

/* ---- a dry run ---- */

void echonet_feed_try(struct feed *feed, struct str topic, struct str payload)
{
	struct echonet_session session = {.feed = feed, .settings = feed->settings};
	struct echonet_object object = {.eoj = 0};
	struct echonet_node node = {.object_count = 1, .objects = &object};
	struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
	CLEANUP_MEMORY struct echonet_frame *frame = calloc(1, sizeof(*frame));
	CLEANUP_MEMORY char *from = str_to_c(topic);
	struct buf bytes;
	struct error err;

	buf_init(&bytes, ECHONET_FRAME_BYTES_MAX);
	if (!frame || !from || !echonet_read_octets(payload, &bytes)) {
		feed_drop(feed, FEED_DROP_MALFORMED, "expected the bytes of a frame as hexadecimal text");
	} else if (echonet_frame_read(buf_str(&bytes), frame, &err) != ERR_OK) {
		feed_drop(feed, FEED_DROP_MALFORMED, "%s", err.detail);
	} else {
		(void)inet_pton(AF_INET, from, &address);
		node.address = ntohl(address.s_addr);
		object.eoj = frame->source;
		object.class_code = (uint16_t)(frame->source >> 8);
		for (uint8_t i = 0; i < frame->count; i++)
			echonet_factors_note(&object.factors, object.class_code, &frame->properties[i]);
		map_init(&session.told, 0);
		const struct echonet_event event = {.kind = ECHONET_VALUES,
						    .node = &node,
						    .object = &object,
						    .properties = frame->properties,
						    .count = frame->count};

		if (!echonet_tell_values(&session, &event))
			feed_drop(feed, FEED_DROP_UNMAPPED, "the frame has no value that is known");
		echonet_forget_told(&session);
	}
	buf_done(&bytes);
}
