/* The settings of a feed of kind modbus. */
#include "feed/modbus_int.h"

#include <stdio.h>

#define DEVICES_MAX 256u
#define UNIT_MAX 255u
#define UNIT_DEFAULT STR("1")
#define PORT_DEFAULT 502u
#define INTERVAL_S_DEFAULT 10u
#define TIMEOUT_S_DEFAULT 1u
#define TIMEOUT_S_MAX 60u

static enum err_code read_unit(const struct mapping_reader *reader, const struct yaml_tree *node, struct str text,
			       struct modbus_device *device)
{
	uint64_t unit;

	if (!str_to_uint64(text, &unit) || unit > UNIT_MAX)
		return yaml_tree_refuse(node, reader->err, "expected a unit from 0 to %u, not %.*s", UNIT_MAX,
					STR_FMT(yaml_tree_show(reader->arena, node)));
	device->unit = (uint8_t)unit;
	device->name = text;
	return ERR_OK;
}

/* {unit: 3, name: cellar, registers: {…}} */
static enum err_code read_device(const struct mapping_reader *reader, const struct yaml_tree *node,
				 const struct yaml_tree *item, struct modbus_device *device)
{
	static const char *const known[] = {"unit", "name", "registers", NULL};
	enum err_code code = mapping_expect(reader, item, YAML_TREE_MAP, "{unit: 3, name: cellar}");

	if (!code)
		code = mapping_check_keys(reader, item, known);
	const struct yaml_tree *unit = code ? NULL : yaml_tree_get(item, STR("unit"));
	const struct yaml_tree *registers = code ? NULL : yaml_tree_get(item, STR("registers"));

	if (!code)
		code = read_unit(reader, unit ? unit : item,
				 unit && unit->kind == YAML_TREE_SCALAR ? unit->text : UNIT_DEFAULT, device);
	if (!code)
		code = mapping_read_text(reader, item, "name", &device->name);
	if (!code && registers)
		code = modbus_read_map(reader, node, registers, &device->map);
	if (!code && !device->map)
		code = yaml_tree_refuse(item, reader->err, "expected \"registers\" here or beside \"devices\"");
	return code;
}

static enum err_code read_devices(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct modbus_settings *settings)
{
	const struct yaml_tree *unit = yaml_tree_get(node, STR("unit")), *units = yaml_tree_get(node, STR("units"));
	const struct yaml_tree *devices = yaml_tree_get(node, STR("devices")), *list = devices ? devices : units;
	const struct yaml_tree *registers = yaml_tree_get(node, STR("registers"));
	const struct modbus_map *map = NULL;
	enum err_code code = ERR_OK;

	if ((unit != NULL) + (units != NULL) + (devices != NULL) > 1)
		return yaml_tree_refuse(node, reader->err, "expected one of \"unit\", \"units\" and \"devices\"");
	if (list && (list->kind != YAML_TREE_LIST || list->count == 0 || list->count > DEVICES_MAX))
		return yaml_tree_refuse(list, reader->err, "expected a list of 1 to %u", DEVICES_MAX);
	if (!registers && !devices)
		return yaml_tree_refuse(node, reader->err, "expected \"registers\": what is to be read");
	if (registers)
		code = modbus_read_map(reader, node, registers, &map);
	settings->device_count = list ? list->count : 1;
	settings->devices = arena_array(reader->arena, struct modbus_device, settings->device_count);
	if (!code && !settings->devices)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < settings->device_count && !code; i++) {
		const struct yaml_tree *item = list ? &list->items[i] : unit ? unit : node;
		struct str text = item == node ? UNIT_DEFAULT : item->kind == YAML_TREE_SCALAR ? item->text : STR("");

		settings->devices[i] = (struct modbus_device){.map = map};
		code = devices ? read_device(reader, node, item, &settings->devices[i])
			       : read_unit(reader, item, text, &settings->devices[i]);
	}
	return code;
}

static enum err_code read_place(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				struct modbus_settings *settings)
{
	const struct yaml_tree *port = yaml_tree_get(node, STR("port"));
	uint64_t number = PORT_DEFAULT;
	enum err_code code = mapping_read_text(reader, node, "host", &settings->host);

	if (!code && (settings->host.len == 0 || settings->host.len > TCP_LINK_HOST_BYTES_MAX ||
		      memchr(settings->host.at, '\0', settings->host.len)))
		code = yaml_tree_refuse(node, reader->err, "expected \"host:\" with a name or an address");
	if (!code && port &&
	    (port->kind != YAML_TREE_SCALAR || !str_to_uint64(port->text, &number) || number == 0 ||
	     number > UINT16_MAX))
		code = yaml_tree_refuse(port, reader->err, "expected a port from 1 to %u, not %.*s", UINT16_MAX,
					STR_FMT(yaml_tree_show(reader->arena, port)));
	settings->port = (uint16_t)number;
	(void)snprintf(feed->place, sizeof(feed->place), "modbus://%.*s:%u", STR_FMT(settings->host),
		       (unsigned int)settings->port);
	return code;
}

enum err_code modbus_read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"host",    "port",      "interval",   "timeout",    "unit",  "units",
					    "devices", "registers", "word_order", "byte_order", "exact", NULL};
	struct modbus_settings *settings = arena_new(&feed->arena, struct modbus_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = read_place(feed, reader, node, settings);
	if (!code)
		code = feed_read_seconds(reader, node, "interval", INTERVAL_S_DEFAULT, &settings->interval_s);
	if (!code)
		code = feed_read_seconds(reader, node, "timeout", TIMEOUT_S_DEFAULT, &settings->timeout_s);
	if (!code && settings->timeout_s > TIMEOUT_S_MAX)
		code = yaml_tree_refuse(yaml_tree_get(node, STR("timeout")), reader->err, "a timeout is at most %u s",
					TIMEOUT_S_MAX);
	if (!code)
		code = read_devices(reader, node, settings);
	feed->settings = settings;
	return code;
}
