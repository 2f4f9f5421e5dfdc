/* Devices that were discovered, and what comes at their topics. */
#include "feed/home_assistant_int.h"

#include "feed/ha_template.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_ARENA_BYTES_MAX ((size_t)1 << 20)
#define FIRST_BYTES 1024u

/* ---- making ---- */

struct home_assistant *home_assistant_new(const struct context *context)
{
	struct home_assistant *ha = calloc(1, sizeof(*ha));

	if (ha) {
		ha->context = context;
		map_init(&ha->configs, 0);
		map_init(&ha->topics, 0);
		map_init(&ha->attributes, 0);
	}
	return ha;
}

static void config_free(struct ha_config *config)
{
	arena_done(&config->arena);
	free(config->sources);
	free(config);
}

struct home_assistant *home_assistant_free(struct home_assistant *ha)
{
	struct str key;
	void *value;

	if (!ha)
		return NULL;
	for (size_t at = 0; map_each(&ha->configs, &at, &key, &value);)
		config_free(value);
	for (size_t i = 0; i < ha->place_count; i++)
		free(ha->places[i]);
	free(ha->places);
	map_done(&ha->configs);
	map_done(&ha->topics);
	map_done(&ha->attributes);
	free(ha);
	return NULL;
}

/* ---- topics ---- */

static struct ha_topic *want_topic(struct home_assistant *ha, struct str topic)
{
	struct ha_topic *made = map_get(&ha->topics, topic);

	if (made)
		return made;
	if (ha->place_count == ha->place_room) {
		size_t room = ha->place_room ? ha->place_room * 2 : 64;
		void *grown = realloc(ha->places, room * sizeof(struct ha_topic *));

		if (!grown)
			return NULL;
		ha->places = grown;
		ha->place_room = room;
	}
	made = calloc(1, sizeof(*made) + topic.len);
	if (!made)
		return NULL;
	made->topic = (struct str){memcpy(made + 1, topic.at, topic.len), topic.len};
	if (!map_set(&ha->topics, made->topic, made)) {
		free(made);
		return NULL;
	}
	ha->places[ha->place_count++] = made;
	return made;
}

struct str home_assistant_topic(const struct home_assistant *ha, size_t place)
{
	return place < ha->place_count ? ha->places[place]->topic : STR_NONE;
}

bool home_assistant_reads_json(const struct home_assistant *ha, struct str topic)
{
	const struct ha_topic *found = map_get(&ha->topics, topic);

	return found && found->reads_json;
}

/* ---- sources ---- */

static void drop_source(struct home_assistant *ha, const struct ha_source *source)
{
	struct ha_source **link = &source->topic->first;

	while (*link && *link != source)
		link = &(*link)->next;
	if (*link)
		*link = source->next;
	(void)map_remove(&ha->attributes, source->key);
	ha->source_count--;
}

static void drop_config(struct home_assistant *ha, struct str topic)
{
	struct ha_config *config = map_remove(&ha->configs, topic);

	if (!config)
		return;
	for (size_t i = 0; i < config->count; i++)
		drop_source(ha, config->sources[i]);
	config_free(config);
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a device");
}

/* The key of its attribute, which no other value has. STR_NONE: no memory. */
static struct str key_of(const struct home_assistant *ha, struct ha_config *config, struct ha_source *source,
			 struct str object)
{
	struct str key =
		arena_printf(&config->arena, "%.*s\n%.*s", STR_FMT(source->device), STR_FMT(source->attribute));

	if (!key.at || !map_get(&ha->attributes, key))
		return key;
	source->attribute = arena_printf(&config->arena, "%.*s_%.*s", STR_FMT(source->attribute),
					 STR_FMT(ha_camel(object, &config->arena)));
	key = arena_printf(&config->arena, "%.*s\n%.*s", STR_FMT(source->device), STR_FMT(source->attribute));
	return key.at && map_get(&ha->attributes, key) ? STR("") : key;
}

/* The source's topic is a name only so far. ERR_EXISTS: the device has two values of one name. */
static enum err_code add_source(struct home_assistant *ha, struct ha_config *config, struct ha_source *source,
				struct str topic, struct str object, struct error *err)
{
	if (ha->source_count >= HOME_ASSISTANT_SOURCES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u values of devices", HOME_ASSISTANT_SOURCES_MAX);
	if (config->count == config->room) {
		size_t room = config->room ? config->room * 2 : 8;
		void *grown = realloc(config->sources, room * sizeof(struct ha_source *));

		if (!grown)
			return no_memory(err);
		config->sources = grown;
		config->room = room;
	}
	source->key = key_of(ha, config, source, object);
	source->topic = want_topic(ha, topic);
	if (!source->key.at || !source->topic)
		return no_memory(err);
	if (!source->key.len)
		return err_set(err, ERR_EXISTS, "the device has two values \"%.*s\"", STR_FMT(source->attribute));
	if (!map_set(&ha->attributes, source->key, source))
		return no_memory(err);
	source->next = source->topic->first;
	source->topic->first = source;
	source->topic->reads_json |= str_contains(source->template, STR("value_json"));
	config->sources[config->count++] = source;
	ha->source_count++;
	return ERR_OK;
}

/* ---- discovery ---- */

/* "PREFIX/COMPONENT/OBJECT/config", perhaps with a node before the object. */
static bool read_topic(struct str topic, struct str *ret_platform, struct str *ret_object)
{
	struct str levels[64], level;
	size_t count = 0;

	while (count < sizeof(levels) / sizeof(levels[0]) && str_next(&topic, '/', &level))
		levels[count++] = level;
	if (topic.at || count < 4 || !str_eq(levels[count - 1], STR("config")))
		return false;
	*ret_object = levels[count - 2];
	*ret_platform = levels[count - 3];
	return true;
}

static const char *const platforms[] = {"binary_sensor", "sensor",     "switch", "light",  "fan",  "siren",
					"lock",          "humidifier", "number", "select", "text", "cover",
					"valve",         "event",      "device", NULL};

/* With a node the component stands one level further to the left. */
static struct str platform_of(struct str topic, struct str near)
{
	struct str before = STR_NONE, level;

	for (size_t i = 0; platforms[i]; i++)
		if (str_eq(near, str_from(platforms[i])))
			return near;
	while (str_next(&topic, '/', &level)) {
		if (level.at == near.at)
			return before;
		before = level;
	}
	return near;
}

static enum err_code add_availability(struct home_assistant *ha, struct ha_config *config,
				      const struct ha_component *component, const struct ha_device *device,
				      struct error *err)
{
	const struct json *list = ha_member(component, "availability", "avty");
	const struct json *one = json_is(list, JSON_ARRAY) ? json_at(list, 0) : list;
	struct ha_component inner = *component;
	const struct json *topic = ha_member(component, "availability_topic", "avty_t");
	struct ha_source *source = arena_new(&config->arena, struct ha_source);

	if (json_is(one, JSON_OBJECT)) { /* of several the first one, which is the device's own as a rule */
		inner.config = one;
		topic = json_get(one, STR("topic")) ? json_get(one, STR("topic")) : json_get(one, STR("t"));
	}
	struct str at = ha_topic_of(component, topic, &config->arena);

	if (!source)
		return no_memory(err);
	if (!at.len)
		return ERR_OK;
	const struct json *on = ha_member(&inner, "payload_available", "pl_avail");
	const struct json *off = ha_member(&inner, "payload_not_available", "pl_not_avail");
	const struct json *template =
		ha_member(&inner, json_is(one, JSON_OBJECT) ? "value_template" : "availability_template",
			  json_is(one, JSON_OBJECT) ? "val_tpl" : "avty_tpl");

	*source = (struct ha_source){.device = device->id, .attribute = STR("online"), .kind = HA_BOOLEAN};
	source->on = on ? arena_dup(&config->arena, json_text(on)) : STR("online");
	source->off = off ? arena_dup(&config->arena, json_text(off)) : STR("offline");
	source->template = template ? arena_dup(&config->arena, json_text(template)) : STR_NONE;
	struct str key = arena_printf(&config->arena, "%.*s\nonline", STR_FMT(device->id));

	if (map_get(&ha->attributes, key)) /* each component of a device says the same */
		return ERR_OK;
	enum err_code code = ha_template_check(source->template, err);

	return code ? code : add_source(ha, config, source, at, STR("online"), err);
}

static enum err_code add_state(struct home_assistant *ha, struct ha_config *config,
			       const struct ha_component *component, const struct ha_device *device, struct error *err)
{
	struct str topic = ha_topic_of(component, ha_member(component, "state_topic", "stat_t"), &config->arena);
	struct ha_source *source = arena_new(&config->arena, struct ha_source);

	if (!source)
		return no_memory(err);
	if (!topic.len)
		return err_set(err, ERR_UNSUPPORTED, "the component \"%.*s\" tells of no state",
			       STR_FMT(str_part(component->object, 0, 60)));
	enum err_code code = ha_describe(component, &config->arena, source, err);

	if (code)
		return code;
	source->device = device->id;
	source->attribute = ha_attribute_of(component, device, ha->context, &config->arena);
	return source->attribute.at ? add_source(ha, config, source, topic, component->object, err) : no_memory(err);
}

static bool add_text(struct arena *arena, struct json *body, const char *name, struct str text)
{
	struct json property = json_object();

	if (!text.len)
		return true;
	return json_add(arena, &property, STR("type"), json_string(STR("Property"))) &&
	       json_add(arena, &property, STR("value"), json_string(text)) &&
	       json_set(arena, body, str_from(name), property);
}

static struct json *body_of(struct arena *arena, struct str id)
{
	struct json *body = json_new(arena, json_object());

	return body && json_add(arena, body, STR("id"), json_string(id)) &&
			       json_add(arena, body, STR("type"), json_string(STR("Device")))
		       ? body
		       : NULL;
}

/* What the device says of itself. */
static enum err_code tell_device(const struct ha_device *device, struct arena *arena,
				 struct home_assistant_found *found, struct error *err)
{
	struct str id = arena_dup(arena, device->id);
	struct json *body = id.at ? body_of(arena, id) : NULL;

	if (!body || !add_text(arena, body, "name", device->name) ||
	    !add_text(arena, body, "brandName", device->maker) || !add_text(arena, body, "modelName", device->model) ||
	    !add_text(arena, body, "softwareVersion", device->version))
		return no_memory(err);
	if (found->count == 0 && body->count > 2)
		found->bodies[found->count++] = body;
	return ERR_OK;
}

static void pass_over(struct home_assistant_found *found, const struct error *why)
{
	found->passed_over++;
	found->why = *why;
}

/* What can be made of it; the rest is passed over. */
static enum err_code add_component(struct home_assistant *ha, struct ha_config *config,
				   const struct ha_component *component, struct arena *arena,
				   struct home_assistant_found *found, struct error *err)
{
	struct ha_device device;
	enum err_code code = ha_device_of(component, &config->arena, &device, err);

	if (!code)
		code = tell_device(&device, arena, found, err);
	if (code)
		return code;
	code = add_state(ha, config, component, &device, err);
	if (!code)
		code = add_availability(ha, config, component, &device, err);
	if (code == ERR_MEMORY || code == ERR_LIMIT)
		return code;
	if (code)
		pass_over(found, err);
	return ERR_OK;
}

static enum err_code add_components(struct home_assistant *ha, struct ha_config *config, struct ha_component whole,
				    struct arena *arena, struct home_assistant_found *found, struct error *err)
{
	const struct json *list = json_get(whole.config, STR("components"));
	enum err_code code = ERR_OK;

	if (!list)
		list = json_get(whole.config, STR("cmps"));
	if (!json_is(list, JSON_OBJECT) || list->count > HOME_ASSISTANT_COMPONENTS_MAX)
		return err_set(err, ERR_INVALID, "expected up to %u components in the device's message",
			       HOME_ASSISTANT_COMPONENTS_MAX);
	for (uint32_t i = 0; i < list->count && !code; i++) {
		struct ha_component one = whole;

		one.shared = whole.config;
		one.config = &list->members[i].value;
		one.object = list->members[i].key;
		one.platform = json_text(json_get(one.config, STR("platform")));
		if (!one.platform.len)
			one.platform = json_text(json_get(one.config, STR("p")));
		code = add_component(ha, config, &one, arena, found, err);
	}
	return code;
}

enum err_code home_assistant_discover(struct home_assistant *ha, struct str topic, const struct json *config,
				      struct arena *arena, struct home_assistant_found *ret_found, struct error *err)
{
	struct ha_component component = {.config = config, .base = json_text(json_get(config, STR("~")))};
	struct ha_config *made;
	enum err_code code = ERR_OK;

	ret_found->count = 0;
	ret_found->passed_over = 0;
	if (!read_topic(topic, &component.platform, &component.object))
		return err_set(err, ERR_INVALID, "no topic of a discovery message");
	component.platform = platform_of(topic, component.platform);
	drop_config(ha, topic);
	if (!config)
		return ERR_OK;
	if (!json_is(config, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "a discovery message is an object");
	made = calloc(1, sizeof(*made));
	if (!made)
		return no_memory(err);
	arena_init_small(&made->arena, CONFIG_ARENA_BYTES_MAX, FIRST_BYTES);
	made->topic = arena_dup(&made->arena, topic);
	if (!made->topic.at || !map_set(&ha->configs, made->topic, made)) {
		config_free(made);
		return no_memory(err);
	}
	code = str_eq(component.platform, STR("device")) ? add_components(ha, made, component, arena, ret_found, err)
							 : add_component(ha, made, &component, arena, ret_found, err);
	if (code)
		drop_config(ha, topic);
	return code;
}

/* ---- states ---- */

static struct json *body_for(struct home_assistant_found *found, struct arena *arena, struct str device)
{
	for (size_t i = 0; i < found->count; i++)
		if (str_eq(json_text(json_get(found->bodies[i], STR("id"))), device))
			return found->bodies[i];
	if (found->count == HOME_ASSISTANT_BODIES_MAX)
		return NULL;
	struct str id = arena_dup(arena, device);
	struct json *body = id.at ? body_of(arena, id) : NULL;

	if (body)
		found->bodies[found->count++] = body;
	return body;
}

/* Words for no value. */
static bool says_nothing(struct str text)
{
	return text.len == 0 || str_eq(text, STR("None")) || str_eq(text, STR("unknown")) ||
	       str_eq(text, STR("unavailable"));
}

static enum err_code value_of(const struct ha_source *source, struct str text, struct arena *arena, struct json *ret,
			      struct error *err)
{
	double number;

	if (source->kind == HA_TEXT) {
		*ret = json_string(text);
		return ERR_OK;
	}
	if (source->kind == HA_NUMBER) {
		if (!str_to_double(text, &number))
			return err_set(err, ERR_INVALID, "%.*s: expected a number, not \"%.*s\"",
				       STR_FMT(str_part(source->attribute, 0, 60)), STR_FMT(str_part(text, 0, 60)));
		*ret = json_double(arena, number);
		return ERR_OK;
	}
	*ret = json_bool(str_eq(text, source->on));
	if (ret->boolean || str_eq(text, source->off))
		return ERR_OK;
	return err_set(err, ERR_INVALID, "%.*s: expected \"%.*s\" or \"%.*s\", not \"%.*s\"",
		       STR_FMT(str_part(source->attribute, 0, 60)), STR_FMT(str_part(source->on, 0, 30)),
		       STR_FMT(str_part(source->off, 0, 30)), STR_FMT(str_part(text, 0, 60)));
}

struct arriving {
	struct str payload, observed_at;
	const struct json *json;
};

static enum err_code add_value(const struct ha_source *source, const struct arriving *arriving, struct arena *arena,
			       struct home_assistant_found *found, struct error *err)
{
	struct json property = json_object(), value;
	struct str text = STR_NONE;
	enum err_code code = ha_template_fill(source->template, arriving->payload, arriving->json, arena, &text, err);

	text = str_trim(text);
	if (code || says_nothing(text))
		return code;
	code = value_of(source, text, arena, &value, err);
	if (code)
		return code;
	struct json *body = body_for(found, arena, source->device);
	struct str name = arena_dup(arena, source->attribute);
	struct str unit = source->unit.len ? arena_dup(arena, home_assistant_unit(source->unit)) : STR_NONE;

	if (!body || !name.at || !json_add(arena, &property, STR("type"), json_string(STR("Property"))) ||
	    !json_add(arena, &property, STR("value"), value) ||
	    (unit.len && !json_add(arena, &property, STR("unitCode"), json_string(unit))) ||
	    (arriving->observed_at.len &&
	     !json_add(arena, &property, STR("observedAt"), json_string(arriving->observed_at))) ||
	    !json_set(arena, body, name, property))
		return no_memory(err);
	return ERR_OK;
}

enum err_code home_assistant_take(const struct home_assistant *ha, struct str topic, struct str payload,
				  const struct json *json, struct str observed_at, struct arena *arena,
				  struct home_assistant_found *ret_found, struct error *err)
{
	const struct ha_topic *at = map_get(&ha->topics, topic);
	const struct arriving arriving = {.payload = payload, .observed_at = observed_at, .json = json};

	ret_found->count = 0;
	ret_found->passed_over = 0;
	if (!at || !at->first)
		return err_set(err, ERR_NOT_FOUND, "no device has told of the topic \"%.*s\"",
			       STR_FMT(str_part(topic, 0, 120)));
	for (const struct ha_source *source = at->first; source; source = source->next) {
		enum err_code code = add_value(source, &arriving, arena, ret_found, err);

		if (code == ERR_MEMORY)
			return code;
		if (code)
			pass_over(ret_found, err);
	}
	return ERR_OK;
}
