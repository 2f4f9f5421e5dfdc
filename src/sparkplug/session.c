/* Which nodes and devices live, and what numbers their metrics have (chapters 5.5 to 5.9). */
#include "sparkplug/sparkplug_int.h"

#include "base/protobuf_arena.h"

#include <stdlib.h>
#include <string.h>

#define NODE_BYTES_MAX ((size_t)16 << 20)
#define FIRST_BYTES 512u
#define BIRTH_NUMBER STR("bdSeq")

/* ---- what was born ---- */

static void born_init(struct born *born)
{
	arena_init_small(&born->arena, NODE_BYTES_MAX, FIRST_BYTES);
	map_init(&born->by_name, 0);
	map_init(&born->by_alias, 0);
	born->metric_count = 0;
}

static void born_done(struct born *born)
{
	map_done(&born->by_name);
	map_done(&born->by_alias);
	arena_done(&born->arena);
}

static void drop_devices(struct node *node)
{
	struct str id;
	void *device;

	for (size_t at = 0; map_each(&node->devices, &at, &id, &device);) {
		born_done(device);
		free(device);
	}
	map_done(&node->devices);
	map_init(&node->devices, 0);
}

static struct node *node_free(struct node *node)
{
	drop_devices(node);
	map_done(&node->devices);
	born_done(&node->self);
	arena_done(&node->arena);
	free(node);
	return NULL;
}

struct sparkplug *sparkplug_new(void)
{
	struct sparkplug *sparkplug = calloc(1, sizeof(*sparkplug));

	if (sparkplug)
		map_init(&sparkplug->nodes, 0);
	return sparkplug;
}

struct sparkplug *sparkplug_free(struct sparkplug *sparkplug)
{
	struct str key;
	void *node;

	if (!sparkplug)
		return NULL;
	for (size_t at = 0; map_each(&sparkplug->nodes, &at, &key, &node);)
		(void)node_free(node);
	map_done(&sparkplug->nodes);
	free(sparkplug);
	return NULL;
}

#define KEY_BYTES (2 * SPARKPLUG_ID_BYTES_MAX + 1)

static struct str key_of(const struct sparkplug_topic *topic, char at[static KEY_BYTES])
{
	memcpy(at, topic->group.at, topic->group.len);
	at[topic->group.len] = '/';
	memcpy(at + topic->group.len + 1, topic->node.at, topic->node.len);
	return (struct str){at, topic->group.len + 1 + topic->node.len};
}

struct node *sparkplug_node(const struct sparkplug *sparkplug, const struct sparkplug_topic *topic)
{
	char key[KEY_BYTES];

	return map_get(&sparkplug->nodes, key_of(topic, key));
}

const struct born *sparkplug_born(const struct node *node, struct str device)
{
	return device.len ? map_get(&node->devices, device) : &node->self;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a message of Sparkplug");
}

/* The node, made where there is none. */
static enum err_code want_node(struct sparkplug *sparkplug, const struct sparkplug_topic *topic, struct node **ret,
			       struct error *err)
{
	struct node *node = sparkplug_node(sparkplug, topic);
	char key[KEY_BYTES];

	*ret = node;
	if (node)
		return ERR_OK;
	if (sparkplug->nodes.count >= SPARKPLUG_NODES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u nodes", SPARKPLUG_NODES_MAX);
	node = calloc(1, sizeof(*node));
	if (!node)
		return no_memory(err);
	arena_init_small(&node->arena, NODE_BYTES_MAX, KEY_BYTES);
	map_init(&node->devices, 0);
	born_init(&node->self);
	node->asked_us = INT64_MIN / 2;
	node->key = arena_dup(&node->arena, key_of(topic, key));
	if (!node->key.at || !map_set(&sparkplug->nodes, node->key, node)) {
		(void)node_free(node);
		return no_memory(err);
	}
	*ret = node;
	return ERR_OK;
}

/* ---- births ---- */

static enum err_code add_metric(struct born *born, const Sparkplug__Metric *from, struct error *err)
{
	struct born_metric *metric = arena_new(&born->arena, struct born_metric);
	struct str name = str_from(from->name);

	if (!str_is_utf8(name))
		return err_set(err, ERR_INVALID, "a metric's name is no UTF-8");
	if (!metric)
		return no_memory(err);
	*metric = (struct born_metric){.name = arena_dup(&born->arena, name),
				       .type = from->has_datatype ? from->datatype : TYPE_UNKNOWN,
				       .has_alias = from->has_alias,
				       .alias = from->alias};
	struct str alias = {(const char *)&metric->alias, sizeof(metric->alias)};

	if (!metric->name.at || !map_set(&born->by_name, metric->name, metric) ||
	    (metric->has_alias && !map_set(&born->by_alias, alias, metric)))
		return no_memory(err);
	born->metric_count++;
	return ERR_OK;
}

static enum err_code be_born(struct node *node, struct born *born, const Sparkplug__Payload *payload, struct error *err)
{
	enum err_code code = ERR_OK;

	if (node->metric_count + payload->n_metrics > SPARKPLUG_NODE_METRICS_MAX)
		return err_set(err, ERR_LIMIT, "a node with more than %u metrics", SPARKPLUG_NODE_METRICS_MAX);
	for (size_t i = 0; i < payload->n_metrics && !code; i++)
		if (payload->metrics[i]->name)
			code = add_metric(born, payload->metrics[i], err);
	node->metric_count += born->metric_count;
	return code;
}

static bool birth_number(const Sparkplug__Payload *payload, uint64_t *ret)
{
	for (size_t i = 0; i < payload->n_metrics; i++) {
		const Sparkplug__Metric *metric = payload->metrics[i];

		if (!metric->name || !str_eq(str_from(metric->name), BIRTH_NUMBER))
			continue;
		*ret = metric->value_case == SPARKPLUG__METRIC__VALUE_LONG_VALUE ? metric->long_value
										 : metric->int_value;
		return metric->value_case == SPARKPLUG__METRIC__VALUE_LONG_VALUE ||
		       metric->value_case == SPARKPLUG__METRIC__VALUE_INT_VALUE;
	}
	return false;
}

static enum err_code node_birth(struct node *node, const Sparkplug__Payload *payload, struct error *err)
{
	drop_devices(node);
	born_done(&node->self);
	born_init(&node->self);
	node->metric_count = 0;
	node->alive = true;
	node->has_birth_number = birth_number(payload, &node->birth_number);
	node->next_seq = (uint8_t)payload->seq;
	return be_born(node, &node->self, payload, err);
}

static enum err_code device_birth(struct node *node, struct str id, const Sparkplug__Payload *payload,
				  struct error *err)
{
	struct born *device = map_get(&node->devices, id);

	if (device) {
		node->metric_count -= device->metric_count;
		(void)map_remove(&node->devices, id);
		born_done(device);
	} else {
		device = node->devices.count < SPARKPLUG_DEVICES_MAX ? calloc(1, sizeof(*device)) : NULL;
	}
	if (!device)
		return err_set(err, ERR_LIMIT, "no memory, or a node with more than %u devices", SPARKPLUG_DEVICES_MAX);
	born_init(device);
	device->id = arena_dup(&device->arena, id);
	if (!device->id.at || !map_set(&node->devices, device->id, device)) {
		born_done(device);
		free(device);
		return no_memory(err);
	}
	return be_born(node, device, payload, err);
}

/* ---- what a message names ---- */

static bool know(const struct born *born, const Sparkplug__Metric *metric, struct known_metric *ret)
{
	struct str alias = {(const char *)&metric->alias, sizeof(metric->alias)};
	struct str name = str_from(metric->name);
	const struct born_metric *found = name.at             ? map_get(&born->by_name, name)
					  : metric->has_alias ? map_get(&born->by_alias, alias)
							      : NULL;

	*ret = (struct known_metric){.metric = metric, .name = found ? found->name : name};
	ret->type = metric->has_datatype && metric->datatype ? metric->datatype : found ? found->type : TYPE_UNKNOWN;
	return found || (name.at && str_is_utf8(name) && metric->has_datatype);
}

static enum err_code make_document(const struct sparkplug_topic *topic, const struct born *born,
				   const Sparkplug__Payload *payload, struct arena *arena,
				   struct sparkplug_taken *taken, struct error *err)
{
	struct known_metric *known = arena_array(arena, struct known_metric, payload->n_metrics);
	size_t count = 0;
	uint32_t bad = 0;

	if (!known)
		return no_memory(err);
	for (size_t i = 0; born && i < payload->n_metrics; i++) {
		if (!know(born, payload->metrics[i], &known[count])) {
			taken->unknown++;
			continue;
		}
		/* Born again, its arena goes: the document has its own. */
		known[count].name = arena_dup(arena, known[count].name);
		if (!known[count++].name.at)
			return no_memory(err);
	}
	taken->document = sparkplug_document(arena, topic, payload, known, count, &bad);
	taken->unknown += bad;
	return taken->document ? ERR_OK : no_memory(err);
}

/* ---- messages ---- */

static enum err_code unpack(struct str payload, struct arena *arena, Sparkplug__Payload **ret, struct error *err)
{
	struct protobuf_arena memory;

	if (payload.len > SPARKPLUG_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a payload of %zu bytes, at most %zu are taken", payload.len,
			       SPARKPLUG_BYTES_MAX);
	protobuf_arena_init(&memory, arena);
	*ret = sparkplug__payload__unpack(&memory.allocator, payload.len, (const uint8_t *)payload.at);
	if (!*ret && memory.refused)
		return err_set(err, ERR_LIMIT, "a payload that needs more memory than it may have");
	if (!*ret)
		return err_set(err, ERR_INVALID, "the payload is no Sparkplug B");
	if ((*ret)->n_metrics > SPARKPLUG_METRICS_MAX)
		return err_set(err, ERR_LIMIT, "a message of %zu metrics, at most %u are taken", (*ret)->n_metrics,
			       SPARKPLUG_METRICS_MAX);
	return ERR_OK;
}

/* Numbers go round from 255 to 0 (5.5); a birth begins them. */
static bool is_in_order(struct node *node, const Sparkplug__Payload *payload)
{
	if (!payload->has_seq)
		return true;
	bool good = (uint8_t)payload->seq == node->next_seq;

	node->next_seq = (uint8_t)(payload->seq + 1);
	return good;
}

static enum err_code node_death(struct node *node, const struct sparkplug_topic *topic,
				const Sparkplug__Payload *payload, struct arena *arena, struct sparkplug_taken *taken,
				struct error *err)
{
	struct str *devices = arena_array(arena, struct str, node->devices.count + 1), id;
	uint64_t number;
	void *device;

	if (node->alive && node->has_birth_number && birth_number(payload, &number) && number != node->birth_number)
		return ERR_OK; /* the will of an earlier connection */
	if (!devices)
		return no_memory(err);
	for (size_t at = 0; map_each(&node->devices, &at, &id, &device);) {
		devices[taken->device_count] = arena_dup(arena, id);
		if (!devices[taken->device_count++].at)
			return no_memory(err);
	}
	taken->devices = devices;
	drop_devices(node);
	node->alive = false;
	return make_document(topic, NULL, payload, arena, taken, err);
}

static enum err_code take_birth(struct node *node, const struct sparkplug_topic *topic,
				const Sparkplug__Payload *payload, struct sparkplug_taken *taken, struct error *err)
{
	if (topic->message == SPARKPLUG_NBIRTH) {
		enum err_code code = node_birth(node, payload, err);

		(void)is_in_order(node, payload);
		return code;
	}
	taken->wants_rebirth = !node->alive || !is_in_order(node, payload);
	return device_birth(node, topic->device, payload, err);
}

/* May a node be asked now to be born again? */
static bool may_ask(struct node *node, int64_t now_us)
{
	if (now_us - node->asked_us < SPARKPLUG_REBIRTH_PAUSE_US)
		return false;
	node->asked_us = now_us;
	return true;
}

enum err_code sparkplug_take(struct sparkplug *sparkplug, const struct sparkplug_topic *topic, struct str payload,
			     int64_t now_us, struct arena *arena, struct sparkplug_taken *ret_taken, struct error *err)
{
	struct sparkplug_taken taken = {0};
	Sparkplug__Payload *message = NULL;
	struct node *node = NULL;
	enum err_code code = ERR_OK;

	if (topic->message == SPARKPLUG_NCMD || topic->message == SPARKPLUG_DCMD) {
		*ret_taken = taken;
		return ERR_OK;
	}
	code = unpack(payload, arena, &message, err);
	if (!code)
		code = want_node(sparkplug, topic, &node, err);
	if (!code && (topic->message == SPARKPLUG_NBIRTH || topic->message == SPARKPLUG_DBIRTH))
		code = take_birth(node, topic, message, &taken, err);
	if (code)
		return code;
	const struct born *born = node->alive ? sparkplug_born(node, topic->device) : NULL;

	if (topic->message == SPARKPLUG_NDEATH) {
		code = node_death(node, topic, message, arena, &taken, err);
	} else {
		if (topic->message == SPARKPLUG_NDATA || topic->message == SPARKPLUG_DDATA ||
		    topic->message == SPARKPLUG_DDEATH)
			taken.wants_rebirth = !is_in_order(node, message) || !node->alive || !born;
		if (!born)
			taken.unknown = (uint32_t)message->n_metrics;
		if (born || topic->message == SPARKPLUG_DDEATH)
			code = make_document(topic, born, message, arena, &taken, err);
	}
	taken.wants_rebirth = (taken.wants_rebirth || (taken.unknown && born)) && may_ask(node, now_us);
	if (!code)
		*ret_taken = taken;
	return code;
}
