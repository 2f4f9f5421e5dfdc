/* Commands: a payload that sets one metric (chapter 6.4.24, 6.4.25). */
#include "sparkplug/sparkplug_int.h"

#include "base/time_value.h"

#include <math.h>
#include <string.h>

static bool read_whole(struct str text, int64_t min, uint64_t max, uint64_t *ret)
{
	int64_t number;

	if (str_to_int64(text, &number)) {
		*ret = (uint64_t)number;
		return number >= min && (number < 0 || (uint64_t)number <= max);
	}
	return min == 0 && str_to_uint64(text, ret) && *ret <= max;
}

static bool put_whole(Sparkplug__Metric *metric, uint32_t type, struct str text)
{
	static const struct {
		int64_t min;
		uint64_t max;
	} bounds[] = {
		[TYPE_INT8] = {INT8_MIN, INT8_MAX},    [TYPE_INT16] = {INT16_MIN, INT16_MAX},
		[TYPE_INT32] = {INT32_MIN, INT32_MAX}, [TYPE_INT64] = {INT64_MIN, INT64_MAX},
		[TYPE_UINT8] = {0, UINT8_MAX},         [TYPE_UINT16] = {0, UINT16_MAX},
		[TYPE_UINT32] = {0, UINT32_MAX},       [TYPE_UINT64] = {0, UINT64_MAX},
	};
	uint64_t number;

	if (!read_whole(text, bounds[type].min, bounds[type].max, &number))
		return false;
	/* Implementations in use read UInt32 where Java, which has none, puts it. */
	if (type == TYPE_INT64 || type == TYPE_UINT64 || type == TYPE_UINT32) {
		metric->value_case = SPARKPLUG__METRIC__VALUE_LONG_VALUE;
		metric->long_value = number;
	} else {
		metric->value_case = SPARKPLUG__METRIC__VALUE_INT_VALUE;
		metric->int_value = (uint32_t)number;
	}
	return true;
}

static bool put_real(Sparkplug__Metric *metric, uint32_t type, struct str text)
{
	double number;

	if (!str_to_double(text, &number))
		return false;
	if (type == TYPE_DOUBLE) {
		metric->value_case = SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE;
		metric->double_value = number;
		return true;
	}
	metric->value_case = SPARKPLUG__METRIC__VALUE_FLOAT_VALUE;
	metric->float_value = (float)number;
	return isfinite(metric->float_value);
}

static bool put_boolean(Sparkplug__Metric *metric, struct str text)
{
	metric->value_case = SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE;
	metric->boolean_value = str_eq(text, STR("true")) || str_eq(text, STR("1"));
	return metric->boolean_value || str_eq(text, STR("false")) || str_eq(text, STR("0"));
}

static bool put_time(Sparkplug__Metric *metric, struct str text)
{
	int64_t us;

	if (!time_parse_iso(text, true, &us) || us < 0)
		return false;
	metric->value_case = SPARKPLUG__METRIC__VALUE_LONG_VALUE;
	metric->long_value = (uint64_t)(us / US_PER_MS);
	return true;
}

static char *c_text(struct arena *arena, struct str text)
{
	char *copy = arena_bytes(arena, text.len, 1);

	if (copy) {
		memcpy(copy, text.at, text.len);
		copy[text.len] = '\0';
	}
	return copy;
}

static enum err_code put_value(Sparkplug__Metric *metric, uint32_t type, struct str text, struct arena *arena,
			       struct error *err)
{
	bool good = false;

	if (type >= TYPE_INT8 && type <= TYPE_UINT64) {
		good = put_whole(metric, type, text);
	} else if (type == TYPE_FLOAT || type == TYPE_DOUBLE) {
		good = put_real(metric, type, text);
	} else if (type == TYPE_BOOLEAN) {
		good = put_boolean(metric, text);
	} else if (type == TYPE_DATE_TIME) {
		good = put_time(metric, text);
	} else if (type == TYPE_STRING || type == TYPE_TEXT || type == TYPE_UUID) {
		metric->value_case = SPARKPLUG__METRIC__VALUE_STRING_VALUE;
		metric->string_value = c_text(arena, text);
		if (!metric->string_value)
			return err_set(err, ERR_MEMORY, "no memory for a command");
		good = !memchr(metric->string_value, '\0', text.len) && str_is_utf8(text);
	} else {
		return err_set(err, ERR_UNSUPPORTED, "a metric of type %s cannot be set",
			       sparkplug_type_name(type) ? sparkplug_type_name(type) : "unknown");
	}
	return good ? ERR_OK
		    : err_set(err, ERR_INVALID, "\"%.*s\" is no %s", STR_FMT(str_part(text, 0, 80)),
			      sparkplug_type_name(type));
}

static enum err_code find_metric(const struct sparkplug *sparkplug, const struct sparkplug_topic *topic,
				 struct str name, struct born_metric *ret, struct error *err)
{
	const struct node *node = sparkplug_node(sparkplug, topic);
	const struct born *born = node && node->alive ? sparkplug_born(node, topic->device) : NULL;
	const struct born_metric *metric = born ? map_get(&born->by_name, name) : NULL;

	if (metric)
		*ret = *metric;
	else if (!topic->device.len && str_eq(name, SPARKPLUG_REBIRTH))
		*ret = (struct born_metric){.name = name, .type = TYPE_BOOLEAN};
	else if (!born)
		return err_set(err, ERR_NOT_FOUND, "the node or device is not alive");
	else
		return err_set(err, ERR_NOT_FOUND, "it was not born with a metric \"%.*s\"",
			       STR_FMT(str_part(name, 0, 80)));
	return ERR_OK;
}

enum err_code sparkplug_command(const struct sparkplug *sparkplug, const struct sparkplug_topic *topic,
				struct str metric, struct str text, int64_t now_us, struct arena *arena,
				struct str *ret_payload, struct error *err)
{
	Sparkplug__Payload payload = SPARKPLUG__PAYLOAD__INIT;
	Sparkplug__Metric one = SPARKPLUG__METRIC__INIT, *list[] = {&one};
	struct born_metric born;
	enum err_code code = find_metric(sparkplug, topic, metric, &born, err);

	if (!code)
		code = put_value(&one, born.type, text, arena, err);
	if (code)
		return code;
	one.name = c_text(arena, metric);
	one.has_timestamp = payload.has_timestamp = true;
	one.timestamp = payload.timestamp = (uint64_t)(now_us / US_PER_MS);
	one.has_datatype = true;
	one.datatype = born.type;
	payload.metrics = list;
	payload.n_metrics = 1;
	size_t len = one.name ? sparkplug__payload__get_packed_size(&payload) : 0;
	char *bytes = arena_bytes(arena, len, 1);

	if (!bytes || !one.name)
		return err_set(err, ERR_MEMORY, "no memory for a command");
	(void)sparkplug__payload__pack(&payload, (uint8_t *)bytes);
	*ret_payload = (struct str){bytes, len};
	return ERR_OK;
}
