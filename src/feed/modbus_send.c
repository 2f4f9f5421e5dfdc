/* Commands over Modbus: a value written into registers or a coil, which has reached its end when the device says so. */
#include "feed/feed_clock_int.h"
#include "feed/modbus_int.h"

#include <assert.h>

#define DEVICE_BYTES_MAX 1024u

struct modbus_send {
	struct str name; /* of the register */
	struct name_pattern device; /* its name; no pieces: there is one device */
	bool writes_list;
};

static const struct modbus_point *point_named(const struct modbus_map *map, struct str name)
{
	for (size_t i = 0; i < map->point_count; i++)
		if (str_eq(map->points[i].name, name))
			return &map->points[i];
	return NULL;
}

/* Can the value be written? Why not is a literal. */
static const char *why_not_written(const struct modbus_point *point)
{
	if (modbus_write_max(point->table) == 0)
		return "is only read: coils and holding registers are written";
	if (point->value.type == MODBUS_BITS || (!point->value.of_bits && point->value.bit >= 0))
		return "is part of a register or several bits: these are not written on their own";
	return point->value.count > modbus_write_max(point->table) ? "is too long to be written" : NULL;
}

static enum err_code check_register(const struct feed *feed, const struct mapping_reader *reader,
				    const struct yaml_tree *node, struct str name)
{
	const struct modbus_settings *settings = feed->settings;
	const struct yaml_tree *at = yaml_tree_get(node, STR("register"));
	bool found = false;

	for (size_t i = 0; i < settings->device_count; i++) {
		const struct modbus_point *point = point_named(settings->devices[i].map, name);
		const char *why = point ? why_not_written(point) : NULL;

		if (why)
			return yaml_tree_refuse(at, reader->err, "\"%.*s\" %s", STR_FMT(str_part(name, 0, 60)), why);
		found = found || point;
	}
	return found ? ERR_OK
		     : yaml_tree_refuse(at ? at : node, reader->err,
					"expected \"register:\" with the name of one of this feed's registers");
}

enum err_code modbus_read_send(struct feed *feed, const struct mapping_reader *reader, const struct command_plan *plan,
			       const struct yaml_tree *node, void **ret_send)
{
	static const char *const known[] = {"register", "device", "multiple", NULL};
	const struct modbus_settings *settings = feed->settings;
	struct modbus_send *send = arena_new(&feed->arena, struct modbus_send);
	bool has_device = false;

	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = mapping_read_text(reader, node, "register", &send->name);
	if (!code)
		code = check_register(feed, reader, node, send->name);
	if (!code)
		code = feed_read_send_text(reader, plan, node, "device", &send->device, &has_device);
	if (!code && !has_device && settings->device_count > 1)
		code = yaml_tree_refuse(node, reader->err,
					"expected \"device:\" with the name or unit of one, since there are several");
	if (!code)
		code = mapping_read_switch(reader, node, "multiple", &send->writes_list);
	*ret_send = send;
	return code;
}

/* ---- taking a command ---- */

static const struct modbus_device *device_of(const struct modbus_settings *settings, const struct modbus_send *send,
					     const struct feed_command *command)
{
	const struct modbus_device *found = send->device.count == 0 ? &settings->devices[0] : NULL;
	struct buf name;

	assert(settings->devices);
	buf_init(&name, DEVICE_BYTES_MAX);
	name_pattern_fill(&send->device, command->values, command->value_count, NULL, NULL, &name);
	for (size_t i = 0; i < settings->device_count && !found && !name.failed; i++)
		if (str_eq(settings->devices[i].name, buf_str(&name)))
			found = &settings->devices[i];
	buf_done(&name);
	return found;
}

/* The command's text as the register's type has it. */
static enum err_code read_value(const struct feed *feed, const struct modbus_point *point, struct str text,
				uint16_t *words, struct error *err)
{
	struct json string = json_string(text), *value = &string;
	struct arena arena;
	bool on;

	arena_init(&arena, COMMAND_TEXT_BYTES_MAX * 2);
	if (point->value.type == MODBUS_BOOL && yaml_tree_to_bool(text, &on))
		string = json_bool(on);
	else if (point->value.type != MODBUS_STRING &&
		 json_parse(feed->parser, &arena, text, NULL, &value, err) != ERR_OK)
		value = &string;
	enum err_code code = modbus_value_take(&point->value, value, words, err);

	arena_done(&arena);
	return code;
}

static enum err_code take_command(struct feed *feed, const struct feed_command *command, struct modbus_write *write,
				  struct error *err)
{
	const struct modbus_send *send = command->plan->send;
	const struct modbus_device *device = device_of(feed->settings, send, command);

	if (!device)
		return err_set(err, ERR_NOT_FOUND, "the feed has no such device");
	*write = (struct modbus_write){.number = command->number,
				       .unit = device->unit,
				       .point = point_named(device->map, send->name),
				       .writes_list = send->writes_list,
				       .deadline_ms = feed_clock_ms() + (int64_t)command->plan->timeout_s * 1000};
	if (!write->point)
		return err_set(err, ERR_NOT_FOUND, "the device has no register \"%.*s\"",
			       STR_FMT(str_part(send->name, 0, 60)));
	return read_value(feed, write->point, command->text, write->words, err);
}

enum feed_send modbus_send(struct feed *feed, const struct feed_command *command)
{
	struct modbus_session *session = feed->session;
	struct modbus_queue *queue = session ? &session->queue : NULL;
	struct error err;

	if (!session || queue->count == MODBUS_WRITES_MAX || tcp_link_state(session->line.link) != TCP_LINK_OPEN)
		return FEED_SEND_LATER;
	if (take_command(feed, command, &queue->writes[(queue->first + queue->count) % MODBUS_WRITES_MAX], &err) ==
	    ERR_OK)
		queue->count++;
	else
		feed_command_end(feed, command->number, err.detail);
	return FEED_SEND_TAKEN;
}

/* ---- writing ---- */

static void work_one(struct modbus_line *line, const struct modbus_write *write, int64_t timeout_ms)
{
	struct modbus_request request = {.unit = write->unit,
					 .table = write->point->table,
					 .address = write->point->address,
					 .count = write->point->value.count,
					 .writes = true,
					 .writes_list = write->writes_list,
					 .words = write->words};
	uint8_t exception = 0;
	struct error err;
	enum modbus_outcome outcome = modbus_line_open(line, timeout_ms, &err);

	if (outcome == MODBUS_ANSWERED)
		outcome = modbus_line_ask(line, &request, timeout_ms, NULL, &exception, &err);
	if (outcome == MODBUS_ANSWERED && exception)
		(void)err_set(&err, ERR_IO, "the device answers \"%s\"", modbus_exception_name(exception));
	if (outcome != MODBUS_STOPPED)
		feed_command_end(line->feed, write->number,
				 outcome != MODBUS_ANSWERED || exception ? err.detail : NULL);
}

void modbus_queue_work(struct modbus_line *line, struct modbus_queue *queue, int64_t timeout_ms)
{
	while (queue->count > 0 && feed_goes_on(line->feed)) {
		/* It is copied: others may come, behind it, while this one waits for its answer. */
		const struct modbus_write write = queue->writes[queue->first];

		queue->first = (queue->first + 1) % MODBUS_WRITES_MAX;
		queue->count--;
		if (feed_clock_ms() < write.deadline_ms)
			work_one(line, &write, timeout_ms);
	}
}
