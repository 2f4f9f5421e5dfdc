/* The settings of a feed of kind replay. */
#include "feed/replay_int.h"

#include <stdio.h>

#define SPEED_MIN 0.001
#define SPEED_MAX 1e6

static enum err_code read_time(struct feed *feed, struct mapping_reader *reader, const struct yaml_tree *node,
			       struct replay_settings *settings)
{
	static const char *const known[] = {"column", "format", "zone", NULL};
	const struct yaml_tree *time = yaml_tree_get(node, STR("time"));

	settings->time_format = STR("iso");
	if (!time)
		return yaml_tree_refuse(node, reader->err,
					"expected \"time: {column: NAME}\", the column that says when a row was");
	enum err_code code = mapping_expect(reader, time, YAML_TREE_MAP, "{column: NAME, format: iso}");

	if (!code)
		code = mapping_check_keys(reader, time, known);
	if (!code)
		code = mapping_read_text(reader, time, "column", &settings->column);
	if (!code && settings->column.len == 0)
		code = yaml_tree_refuse(time, reader->err, "expected \"column:\" with a name");
	if (!code)
		code = mapping_read_format(reader, time, &settings->time_format);
	if (!code)
		code = mapping_read_zone(reader, time, &settings->zone_us);
	if (code || rows_are_table(settings->format))
		return code;
	code = json_path_parse(settings->column, &feed->arena, &settings->place, reader->err);
	if (code == ERR_INVALID) {
		struct error cause = *reader->err;

		code = yaml_tree_refuse(time, reader->err, "%s", cause.detail);
	}
	return code;
}

static enum err_code read_start(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct replay_settings *settings)
{
	const struct yaml_tree *start = yaml_tree_get(node, STR("start"));

	if (!start || (start->kind == YAML_TREE_SCALAR && str_eq(start->text, STR("now"))))
		return ERR_OK;
	settings->starts_at = true;
	if (start->kind == YAML_TREE_SCALAR && mapping_time(start->text, STR("iso"), 0, &settings->start_us))
		return ERR_OK;
	return yaml_tree_refuse(start, reader->err, "expected now, or a time such as 2026-01-01T00:00:00Z, not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, start)));
}

static enum err_code read_file(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct replay_settings *settings)
{
	const struct yaml_tree *format = yaml_tree_get(node, STR("format"));
	enum err_code code = feed_read_c_text(reader, node, "file", &settings->path);

	if (!code && (!settings->path || !settings->path[0]))
		return yaml_tree_refuse(node, reader->err, "expected \"file:\" with the path of a recording");
	if (code ||
	    (!format && rows_format_of(str_from(settings->path), &settings->format) && settings->format != ROWS_JSON))
		return code;
	settings->format = format && str_eq(format->text, STR("csv")) ? ROWS_CSV : ROWS_JSON_LINES;
	if (!format || (settings->format != ROWS_CSV && !str_eq(format->text, STR("jsonl"))))
		return yaml_tree_refuse(format ? format : node, reader->err,
					"expected \"format: csv\" or jsonl, since the file's name does not end in one");
	return ERR_OK;
}

enum err_code replay_read_settings(struct feed *feed, const struct mapping_reader *given, const struct yaml_tree *node)
{
	static const char *const known[] = {"file", "format", "time", "start", "speed", "loop", "sort", NULL};
	struct replay_settings *settings = arena_new(&feed->arena, struct replay_settings);
	struct mapping_reader reader = *given;

	if (!settings)
		return mapping_no_memory(given);
	settings->speed = 1;
	enum err_code code = mapping_check_keys(&reader, node, known);

	if (!code)
		code = read_file(&reader, node, settings);
	if (!code)
		code = read_time(feed, &reader, node, settings);
	if (!code)
		code = read_start(&reader, node, settings);
	if (!code)
		code = mapping_read_number(&reader, node, "speed", SPEED_MIN, SPEED_MAX, &settings->speed);
	if (!code)
		code = mapping_read_switch(&reader, node, "loop", &settings->loops);
	if (!code)
		code = mapping_read_switch(&reader, node, "sort", &settings->sorts);
	if (!code)
		(void)snprintf(feed->place, sizeof(feed->place), "%s", settings->path);
	feed->has_tables = rows_are_table(settings->format);
	feed->settings = settings;
	return code;
}
