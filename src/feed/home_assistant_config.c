/* What a discovery message says of a component and its device. Members have long and brief names. */
#include "feed/home_assistant_int.h"

#include "feed/ha_template.h"
#include "ngsild/expand.h"

#define ID_PREFIX "urn:ngsi-ld:Device:"

const struct json *ha_member(const struct ha_component *component, const char *name, const char *brief)
{
	const struct json *found = json_get(component->config, str_from(name));

	if (!found)
		found = json_get(component->config, str_from(brief));
	if (!found && component->shared)
		found = json_get(component->shared, str_from(name));
	if (!found && component->shared)
		found = json_get(component->shared, str_from(brief));
	return found;
}

static struct str text_member(const struct ha_component *component, const char *name, const char *brief)
{
	return json_text(ha_member(component, name, brief));
}

struct str ha_topic_of(const struct ha_component *component, const struct json *value, struct arena *arena)
{
	struct str topic = json_text(value);

	if (topic.len && topic.at[0] == '~')
		return arena_concat(arena, component->base, str_part(topic, 1, topic.len));
	if (topic.len && topic.at[topic.len - 1] == '~')
		return arena_concat(arena, str_part(topic, 0, topic.len - 1), component->base);
	return topic.len ? arena_dup(arena, topic) : STR_NONE;
}

/* ---- the device ---- */

/* What may not stand in a URI, or would part one, as %XX. */
static void put_uri(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		size_t at;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
		    str_find(STR("-._~:@"), (char)c, &at))
			buf_put_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* The first of its identifiers, else the address of its first connection, else what the component has. */
static struct str identity(const struct ha_component *component, const struct json *device)
{
	const struct json *ids = json_get(device, STR("identifiers"));
	const struct json *connections = json_get(device, STR("connections"));
	struct str id;

	if (!ids)
		ids = json_get(device, STR("ids"));
	if (!connections)
		connections = json_get(device, STR("cns"));
	id = json_is(ids, JSON_ARRAY) ? json_text(json_at(ids, 0)) : json_text(ids);
	if (!id.len)
		id = json_text(json_at(json_at(connections, 0), 1));
	if (!id.len)
		id = text_member(component, "unique_id", "uniq_id");
	return id.len ? id : component->object;
}

static struct str either(const struct json *device, const char *name, const char *brief)
{
	struct str text = json_text(json_get(device, str_from(name)));

	return text.at ? text : json_text(json_get(device, str_from(brief)));
}

enum err_code ha_device_of(const struct ha_component *component, struct arena *arena, struct ha_device *ret_device,
			   struct error *err)
{
	const struct json *device = ha_member(component, "device", "dev");
	struct ha_device made = {.name = either(device, "name", "name"),
				 .maker = either(device, "manufacturer", "mf"),
				 .model = either(device, "model", "mdl"),
				 .version = either(device, "sw_version", "sw")};
	struct buf id;

	buf_init(&id, HOME_ASSISTANT_CONFIG_BYTES_MAX);
	buf_put(&id, STR(ID_PREFIX));
	put_uri(&id, identity(component, device));
	made.id = buf_to_arena(&id, arena);
	if (!made.id.at)
		return err_set(err, ERR_MEMORY, "no memory for a device");
	*ret_device = made;
	return ERR_OK;
}

/* ---- names ---- */

struct str ha_camel(struct str text, struct arena *arena)
{
	char *to = arena_bytes(arena, text.len + 1, 1);
	bool begins = false; /* a word, behind another */
	size_t len = 0;

	for (size_t i = 0; to && i < text.len; i++) {
		char c = text.at[i];
		bool small = c >= 'a' && c <= 'z', large = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';

		if (!small && !large && !digit) {
			begins = len > 0;
			continue;
		}
		if (digit && len == 0)
			to[len++] = '_';
		bool turns = (begins && small) || (len == 0 && large);

		to[len++] = turns ? (char)(c ^ 0x20) : c;
		begins = false;
	}
	return to ? (struct str){to, len} : STR_NONE;
}

/* Names of the device's own attributes, and those that NGSI-LD keeps for itself. */
static bool is_kept(struct str name, const struct context *context, struct arena *arena)
{
	static const char *const kept[] = {"id",         "type",      "scope",           "location",   "name",
					   "brandName",  "modelName", "softwareVersion", "online",     "createdAt",
					   "modifiedAt", "deletedAt", "expiresAt",       "ngsildproof"};
	struct error ignored;
	struct str iri;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (str_eq(name, str_from(kept[i])))
			return true;
	return expand_attribute_iri(arena, context, name, &iri, &ignored) != ERR_OK;
}

struct str ha_attribute_of(const struct ha_component *component, const struct ha_device *device,
			   const struct context *context, struct arena *arena)
{
	struct str name = text_member(component, "name", "name");
	struct str made;

	if (!json_get(component->config, STR("name")) || (device->name.len && str_eq(name, device->name)))
		name = STR_NONE; /* the shared one is the device's */
	if (device->name.len && name.len > device->name.len + 1 && str_starts(name, device->name) &&
	    name.at[device->name.len] == ' ')
		name = str_part(name, device->name.len + 1, name.len);
	made = ha_camel(name, arena);
	if (!made.len)
		made = ha_camel(text_member(component, "device_class", "dev_cla"), arena);
	if (!made.len)
		made = ha_camel(component->object, arena);
	if (!made.len)
		made = ha_camel(component->platform, arena);
	return is_kept(made, context, arena) ? arena_concat(arena, made, STR("State")) : made;
}

/* ---- states ---- */

static struct str word_of(const struct ha_component *component, const char *name, const char *brief,
			  struct str fallback)
{
	const struct json *value = ha_member(component, name, brief);

	if (json_is(value, JSON_NUMBER))
		return (struct str){value->text, value->count};
	if (json_is(value, JSON_BOOL))
		return value->boolean ? STR("True") : STR("False");
	return json_is(value, JSON_STRING) ? json_text(value) : fallback;
}

static void describe_switch(const struct ha_component *component, struct ha_source *source)
{
	source->kind = HA_BOOLEAN;
	if (str_eq(component->platform, STR("lock"))) {
		source->on = word_of(component, "state_locked", "stat_locked", STR("LOCKED"));
		source->off = word_of(component, "state_unlocked", "stat_unlocked", STR("UNLOCKED"));
		return;
	}
	source->on = word_of(component, "payload_on", "pl_on", STR("ON"));
	source->off = word_of(component, "payload_off", "pl_off", STR("OFF"));
	source->on = word_of(component, "state_on", "stat_on", source->on);
	source->off = word_of(component, "state_off", "stat_off", source->off);
}

static bool is_one_of(struct str word, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (str_eq(word, str_from(words[i])))
			return true;
	return false;
}

/* Without memory the text is not there: then the message's own arena is full, and so is its message. */
static void keep(struct arena *arena, struct str *text)
{
	*text = text->len ? arena_dup(arena, *text) : STR_NONE;
}

enum err_code ha_describe(const struct ha_component *component, struct arena *arena, struct ha_source *source,
			  struct error *err)
{
	static const char *const switches[] = {"binary_sensor", "switch", "light",      "fan",
					       "siren",         "lock",   "humidifier", NULL};
	static const char *const texts[] = {"select", "text", "cover", "valve", "event", NULL};
	struct str platform = component->platform;

	source->template = text_member(component, "value_template", "val_tpl");
	if (!source->template.len)
		source->template = text_member(component, "state_value_template", "stat_val_tpl");
	if (str_eq(platform, STR("sensor")) || str_eq(platform, STR("number"))) {
		source->unit = text_member(component, "unit_of_measurement", "unit_of_meas");
		source->kind =
			source->unit.len || ha_member(component, "state_class", "stat_cla") || platform.at[0] == 'n'
				? HA_NUMBER
				: HA_TEXT;
	} else if (is_one_of(platform, switches)) {
		describe_switch(component, source);
		if (!source->template.len && str_eq(text_member(component, "schema", "schema"), STR("json")))
			source->template = STR("{{ value_json.state }}");
	} else if (is_one_of(platform, texts)) {
		source->kind = HA_TEXT;
	} else {
		return err_set(err, ERR_UNSUPPORTED, "of a component \"%.*s\" nothing is taken",
			       STR_FMT(str_part(platform, 0, 40)));
	}
	keep(arena, &source->template);
	keep(arena, &source->unit);
	keep(arena, &source->on);
	keep(arena, &source->off);
	return ha_template_check(source->template, err);
}
