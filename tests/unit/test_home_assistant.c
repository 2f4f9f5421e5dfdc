/* Home Assistant's discovery: the examples of its documentation (integrations MQTT, MQTT Sensor, MQTT Switch, MQTT
 * Light), and templates by the rules of Jinja's grammar. What entities result is worked out by hand. */
#include "check.h"
#include "feed/ha_template.h"
#include "feed/home_assistant.h"

#include <string.h>

static struct arena arena;
static struct error err;
static struct json_parser *parser;
static struct context *context;
static struct home_assistant *ha;
static struct home_assistant_found found;

static struct json *document(const char *text)
{
	struct json *parsed = NULL;

	if (json_parse(parser, &arena, str_from(text), NULL, &parsed, &err) != ERR_OK)
		return NULL;
	return parsed;
}

static struct str text_of(const struct json *node)
{
	struct buf text;

	buf_init(&text, 100000);
	json_write(&text, node);
	return buf_to_arena(&text, &arena);
}

/* ---- templates ---- */

static struct str filled(const char *template, const char *payload)
{
	struct str text = STR_NONE;

	if (ha_template_fill(str_from(template), str_from(payload), document(payload), &arena, &text, &err))
		return str_from(err.detail);
	return text.at ? text : STR("absent");
}

static void templates_give_what_jinja_would(void)
{
	static const char *const cases[][3] = {
		{"{{ value_json.temperature }}", "{\"temperature\": 23.20}", "23.2"},
		{"{{value_json['AM2301'].Temperature}}", "{\"AM2301\": {\"Temperature\": -1.5}}", "-1.5"},
		{"{{ value_json[\"a b\"][1] }}", "{\"a b\": [1, \"x\"]}", "x"},
		{"{{ value }}", "ON", "ON"},
		{"{{ value | float / 10 }}", "215", "21.5"},
		{"{{ (value_json.x / 3) | round(2) }}", "{\"x\": 10}", "3.33"},
		{"{{ value_json.x / 2 | round }}", "{\"x\": 3}", "1.5"}, /* a filter binds more tightly */
		{"{{ value_json.x | int }}", "{\"x\": \"7.9\"}", "7"},
		{"{{ value_json.x * 2 + 1 }}", "{\"x\": 3}", "7"},
		{"{{ 1 + value_json.x * 2 - -3 }}", "{\"x\": 3}", "10"},
		{"{{ value_json.x | default(5) }}", "{}", "5"},
		{"{{ value_json.x | float(0) }}", "{}", "0"},
		{"{{ value_json.x.y }}", "{}", "absent"},
		{"{{ value_json.x | is_defined }}", "{}", "absent"},
		{"{{ value_json.x * 2 }}", "{}", "absent"},
		{"{{ value_json.x }}", "no json", "absent"},
		{"{{ 'ON' if value_json.p > 5 else 'OFF' }}", "{\"p\": 6}", "ON"},
		{"{{ 'ON' if value == \"1\" else 'OFF' }}", "0", "OFF"},
		{"{{ value_json.on }}", "{\"on\": true}", "True"},
		{"{{ value | upper | trim }}", "on", "ON"},
		{"{{ value_json }}", "{\"a\": 1}", "{\"a\":1}"},
		{"", "as it is", "as it is"},
		{"{{ value | float }}", "warm", "\"warm\" is no number"},
		{"{{ value_json.x / 0 }}", "{\"x\": 1}", "absent"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_STR(filled(cases[i][0], cases[i][1]), str_from(cases[i][2]));
}

static void what_is_not_understood_is_said_to_be(void)
{
	static const char *const none[] = {"{% if value %}1{% endif %}",
					   "{{ states('x') }}",
					   "{{ value",
					   "{{ value.split(',') }}",
					   "a {{ value }}",
					   "{{ value }} b",
					   "{{ value | frobnicate }}",
					   "{{ value_json.a( }}",
					   "{{ 'a }}",
					   "{{ ((((((((((((((((((value)))))))))))))))))) }}"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK(ha_template_check(str_from(none[i]), &err) == ERR_UNSUPPORTED);
	CHECK_OK(ha_template_check(STR("{{ value_json.temperature | float }}"), &err), &err);
}

/* ---- devices ---- */

static void discover(const char *topic, const char *config)
{
	CHECK_OK(
		home_assistant_discover(ha, str_from(topic), config[0] ? document(config) : NULL, &arena, &found, &err),
		&err);
}

static struct str take(const char *topic, const char *payload)
{
	enum err_code code = home_assistant_take(ha, str_from(topic), str_from(payload), document(payload),
						 STR("2026-01-01T00:00:00Z"), &arena, &found, &err);

	if (code)
		return str_from(err.detail);
	if (found.passed_over)
		return str_from(found.why.detail);
	return found.count ? text_of(found.bodies[0]) : STR("nothing");
}

#define STATED ",\"observedAt\":\"2026-01-01T00:00:00Z\"}"

static void the_sensors_of_the_documentation_become_a_device(void)
{
	discover("homeassistant/sensor/sensorBedroomT/config",
		 "{\"device_class\":\"temperature\",\"state_topic\":\"homeassistant/sensor/sensorBedroom/state\","
		 "\"unit_of_measurement\":\"°C\",\"value_template\":\"{{ value_json.temperature}}\","
		 "\"unique_id\":\"temp01ae\",\"device\":{\"identifiers\":[\"bedroom01ae\"],\"name\":\"Bedroom\","
		 "\"manufacturer\":\"Example sensors Ltd.\",\"model\":\"K9\",\"serial_number\":\"12AE3010545\"}}");
	CHECK(found.count == 1 && !found.passed_over);
	CHECK_STR(text_of(found.bodies[0]),
		  STR("{\"id\":\"urn:ngsi-ld:Device:bedroom01ae\",\"type\":\"Device\",\"name\":{\"type\":\"Property\","
		      "\"value\":\"Bedroom\"},\"brandName\":{\"type\":\"Property\",\"value\":\"Example sensors Ltd.\"},"
		      "\"modelName\":{\"type\":\"Property\",\"value\":\"K9\"}}"));
	discover("homeassistant/sensor/sensorBedroomH/config",
		 "{\"device_class\":\"humidity\",\"state_topic\":\"homeassistant/sensor/sensorBedroom/state\","
		 "\"unit_of_measurement\":\"%\",\"value_template\":\"{{ value_json.humidity}}\","
		 "\"unique_id\":\"hum01ae\",\"device\":{\"identifiers\":[\"bedroom01ae\"]}}");
	CHECK_STR(home_assistant_topic(ha, 0), STR("homeassistant/sensor/sensorBedroom/state"));
	CHECK(!home_assistant_topic(ha, 1).at);
	CHECK(home_assistant_reads_json(ha, STR("homeassistant/sensor/sensorBedroom/state")));
	CHECK_STR(take("homeassistant/sensor/sensorBedroom/state", "{ \"temperature\": 23.20, \"humidity\": 43.70 }"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:bedroom01ae\",\"type\":\"Device\",\"humidity\":{\"type\":"
		      "\"Property\","
		      "\"value\":43.7,\"unitCode\":\"P1\"" STATED ",\"temperature\":{\"type\":\"Property\","
		      "\"value\":23.2,\"unitCode\":\"CEL\"" STATED "}"));
	/* What a message does not have is left as it is. */
	CHECK_STR(take("homeassistant/sensor/sensorBedroom/state", "{\"humidity\": 44}"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:bedroom01ae\",\"type\":\"Device\",\"humidity\":{\"type\":"
		      "\"Property\","
		      "\"value\":44,\"unitCode\":\"P1\"" STATED "}"));
	CHECK_STR(take("homeassistant/sensor/sensorBedroom/state", "{\"humidity\": \"wet\"}"),
		  STR("humidity: expected a number, not \"wet\""));
	CHECK_STR(take("homeassistant/sensor/sensorBedroom/state", "{\"humidity\": \"unknown\"}"), STR("nothing"));
}

static void brief_names_and_the_base_topic_are_those_of_the_documentation(void)
{
	discover("homeassistant/switch/irrigation/config",
		 "{\"~\":\"homeassistant/switch/irrigation\",\"name\":\"garden\",\"cmd_t\":\"~/set\",\"stat_t\":\"~/"
		 "state\"}");
	CHECK_STR(take("homeassistant/switch/irrigation/state", "ON"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:irrigation\",\"type\":\"Device\",\"garden\":{\"type\":\"Property\","
		      "\"value\":true" STATED "}"));
	CHECK_STR(take("homeassistant/switch/irrigation/state", "MAYBE"),
		  STR("garden: expected \"ON\" or \"OFF\", not \"MAYBE\""));
	discover("homeassistant/light/kitchen/config",
		 "{\"~\":\"homeassistant/light/"
		 "kitchen\",\"name\":\"Kitchen\",\"uniq_id\":\"kitchen_light\",\"cmd_t\":\"~/set\","
		 "\"stat_t\":\"~/state\",\"schema\":\"json\",\"brightness\":true}");
	CHECK_STR(take("homeassistant/light/kitchen/state", "{\"state\":\"OFF\",\"brightness\":20}"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:kitchen_light\",\"type\":\"Device\",\"kitchen\":{\"type\":"
		      "\"Property\","
		      "\"value\":false" STATED "}"));
}

static void a_device_may_tell_of_all_at_once(void)
{
	discover("homeassistant/device/0AFFD2/config",
		 "{\"dev\":{\"ids\":\"ea334450945afc\",\"name\":\"Kitchen\",\"mf\":\"Bla electronics\",\"sw\":\"1.0\"},"
		 "\"o\":{\"name\":\"bla2mqtt\"},\"cmps\":{"
		 "\"some_unique_component_id1\":{\"p\":\"sensor\",\"device_class\":\"temperature\","
		 "\"unit_of_measurement\":\"°C\",\"value_template\":\"{{ "
		 "value_json.temperature}}\",\"unique_id\":\"temp01ae_t\"},"
		 "\"some_unique_id2\":{\"p\":\"sensor\",\"device_class\":\"humidity\",\"unit_of_measurement\":\"%\","
		 "\"value_template\":\"{{ value_json.humidity}}\",\"unique_id\":\"temp01ae_h\"},"
		 "\"cam\":{\"p\":\"camera\",\"topic\":\"x\"}},"
		 "\"state_topic\":\"sensorBedroom/state\",\"availability_topic\":\"sensorBedroom/status\",\"qos\":2}");
	CHECK(found.count == 1 && found.passed_over == 1);
	CHECK_STR(str_from(found.why.detail), STR("of a component \"camera\" nothing is taken"));
	CHECK_STR(take("sensorBedroom/state", "{\"temperature\": 20}"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:ea334450945afc\",\"type\":\"Device\",\"temperature\":{"
		      "\"type\":\"Property\",\"value\":20,\"unitCode\":\"CEL\"" STATED "}"));
	CHECK_STR(take("sensorBedroom/status", "offline"),
		  STR("{\"id\":\"urn:ngsi-ld:Device:ea334450945afc\",\"type\":\"Device\",\"online\":{"
		      "\"type\":\"Property\",\"value\":false" STATED "}"));
}

static void names_are_made_for_attributes(void)
{
	discover("homeassistant/sensor/node/0x01_power/config",
		 "{\"name\":\"Kitchen Total power "
		 "(L1)\",\"stat_t\":\"p1\",\"unit_of_meas\":\"W\",\"dev\":{\"ids\":[\"0x 01\"],"
		 "\"name\":\"Kitchen\"}}");
	CHECK_STR(take("p1", "7"), STR("{\"id\":\"urn:ngsi-ld:Device:0x%2001\",\"type\":\"Device\",\"totalPowerL1\":{"
				       "\"type\":\"Property\",\"value\":7,\"unitCode\":\"WTT\"" STATED "}"));
	/* A second value of the same name has its own. */
	discover(
		"homeassistant/sensor/node/0x01_other/config",
		"{\"name\":\"Total power L1\",\"stat_t\":\"p2\",\"unit_of_meas\":\"W\",\"dev\":{\"ids\":[\"0x 01\"]}}");
	CHECK(str_contains(take("p2", "8"), STR("\"totalPowerL1__0x01Other\"")));
	discover("homeassistant/sensor/x1/config", "{\"name\":\"Type\",\"stat_t\":\"p3\"}");
	CHECK(str_contains(take("p3", "b"), STR("\"typeState\":{\"type\":\"Property\",\"value\":\"b\"")));
	discover("homeassistant/sensor/x3/config", "{\"name\":\"Value\",\"stat_t\":\"p5\"}");
	CHECK(str_contains(take("p5", "b"), STR("\"valueState\":")));
	discover("homeassistant/sensor/x2/config", "{\"name\":\"温度\",\"stat_t\":\"p4\",\"dev_cla\":\"temperature\"}");
	CHECK(str_contains(take("p4", "b"), STR("\"temperature\":")));
}

static void what_is_gone_is_forgotten_and_what_changes_is_new(void)
{
	discover("homeassistant/sensor/g/config", "{\"name\":\"a\",\"stat_t\":\"g1\"}");
	discover("homeassistant/sensor/g/config", "{\"name\":\"a\",\"stat_t\":\"g2\"}");
	CHECK_STR(take("g1", "x"), STR("no device has told of the topic \"g1\""));
	CHECK(str_contains(take("g2", "x"), STR("\"a\":{\"type\":\"Property\",\"value\":\"x\"")));
	discover("homeassistant/sensor/g/config", "");
	CHECK_STR(take("g2", "x"), STR("no device has told of the topic \"g2\""));
	discover("homeassistant/sensor/h/config", "{\"name\":\"a\"}");
	CHECK_STR(str_from(found.why.detail), STR("the component \"h\" tells of no state"));
	discover("homeassistant/sensor/h/config", "{\"name\":\"a\",\"stat_t\":\"h1\",\"val_tpl\":\"{% x %}\"}");
	CHECK(found.passed_over == 1 && str_contains(str_from(found.why.detail), STR("is not understood from byte 0")));
	CHECK(home_assistant_discover(ha, STR("homeassistant/sensor/h/config"), document("[]"), &arena, &found, &err) ==
	      ERR_INVALID);
	CHECK(home_assistant_discover(ha, STR("h/config"), document("{}"), &arena, &found, &err) == ERR_INVALID);
}

int main(void)
{
	arena_init(&arena, (size_t)64 << 20);
	parser = json_parser_new();
	CHECK_OK(context_core_new(&context, &err), &err);
	ha = home_assistant_new(context);
	RUN(templates_give_what_jinja_would);
	RUN(what_is_not_understood_is_said_to_be);
	RUN(the_sensors_of_the_documentation_become_a_device);
	RUN(brief_names_and_the_base_topic_are_those_of_the_documentation);
	RUN(a_device_may_tell_of_all_at_once);
	RUN(names_are_made_for_attributes);
	RUN(what_is_gone_is_forgotten_and_what_changes_is_new);
	(void)home_assistant_free(ha);
	(void)context_unref(context);
	(void)json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
