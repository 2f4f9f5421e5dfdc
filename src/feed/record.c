/* Messages taken apart for mappings. */
#include "feed/record.h"

#include "base/time_value.h"
#include "feed/json_path.h"
#include "net/mqtt_packet.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20) /* of an object or array as text */

/* ---- topics with named levels ---- */

static struct str without_share(struct str topic)
{
	struct str group = STR_NONE, share = STR_NONE, rest = topic;

	if (!str_starts(topic, STR("$share/")) || !str_next(&rest, '/', &share) || !str_next(&rest, '/', &group))
		return topic;
	return rest;
}

static enum err_code take_level(struct topic_pattern *pattern, struct str level, struct buf *filter, struct error *err)
{
	bool named = level.len > 0 && level.at[0] == '{';
	struct str name = named ? str_part(level, 1, level.len - 1) : STR_NONE;

	if (pattern->level_count == RECORD_LEVELS_MAX)
		return err_set(err, ERR_INVALID, "the topic \"%.*s\" has more than %u levels",
			       STR_FMT(str_part(pattern->text, 0, 100)), RECORD_LEVELS_MAX);
	if (named && (name.len == 0 || level.at[level.len - 1] != '}'))
		return err_set(err, ERR_INVALID, "a level of the topic \"%.*s\" is no {name}",
			       STR_FMT(str_part(pattern->text, 0, 100)));
	for (size_t i = 0; named && i < pattern->level_count; i++)
		if (str_eq(pattern->names[i], name))
			return err_set(err, ERR_INVALID, "the topic \"%.*s\" has {%.*s} twice",
				       STR_FMT(str_part(pattern->text, 0, 100)), STR_FMT(name));
	if (pattern->level_count > 0)
		buf_put_char(filter, '/');
	buf_put(filter, named ? STR("+") : level);
	pattern->names[pattern->level_count++] = name;
	return ERR_OK;
}

enum err_code topic_pattern_parse(struct str text, struct arena *arena, struct topic_pattern *ret_pattern,
				  struct error *err)
{
	struct topic_pattern pattern = {.text = text};
	struct str rest = without_share(text), level;
	struct buf filter;
	enum err_code code = ERR_OK;

	buf_init(&filter, text.len + 1);
	buf_put(&filter, str_part(text, 0, text.len - rest.len));
	while (!code && str_next(&rest, '/', &level))
		code = take_level(&pattern, level, &filter, err);
	pattern.filter = buf_to_arena(&filter, arena);
	if (!code && !pattern.filter.at)
		code = err_set(err, ERR_MEMORY, "no memory for a topic");
	if (!code)
		*ret_pattern = pattern;
	return code;
}

bool topic_pattern_fits(const struct topic_pattern *pattern, struct str topic)
{
	return mqtt_topic_fits(without_share(pattern->filter), topic);
}

/* ---- plans ---- */

enum column_kind { COLUMN_TOPIC, COLUMN_LEVEL, COLUMN_NAMED, COLUMN_PAYLOAD, COLUMN_RECEIVED, COLUMN_KEY, COLUMN_PATH };

struct column {
	enum column_kind kind;
	size_t level; /* COLUMN_LEVEL */
	size_t *levels; /* COLUMN_NAMED: one for each pattern; SIZE_MAX: it has no such name */
	struct json_path path;
};

struct record_plan {
	const struct topic_pattern *patterns;
	size_t pattern_count;
	const struct str *names; /* of the columns, as the mapping has them */
	struct json_path each;
	bool has_each, reads_json;
	struct column *columns;
	size_t column_count;
};

static size_t level_named(const struct topic_pattern *pattern, struct str name)
{
	for (size_t i = 0; i < pattern->level_count; i++)
		if (pattern->names[i].at && str_eq(pattern->names[i], name))
			return i;
	return SIZE_MAX;
}

/* *ret_named: some pattern has this name. */
static enum err_code find_levels(const struct record_plan *plan, struct str name, struct arena *arena,
				 struct column *column, bool *ret_named, struct error *err)
{
	size_t *levels = arena_array(arena, size_t, plan->pattern_count);

	*ret_named = false;
	if (!levels)
		return err_set(err, ERR_MEMORY, "no memory for a mapping's columns");
	for (size_t i = 0; i < plan->pattern_count; i++) {
		levels[i] = level_named(&plan->patterns[i], name);
		*ret_named = *ret_named || levels[i] != SIZE_MAX;
	}
	column->levels = levels;
	return ERR_OK;
}

static bool is_level(struct str name, size_t *ret_level)
{
	struct str prefix = STR("topic[");
	uint64_t level;

	if (!str_starts(name, prefix) || !str_ends(name, STR("]")) ||
	    !str_to_uint64(str_part(name, prefix.len, name.len - 1), &level))
		return false;
	*ret_level = level < RECORD_LEVELS_MAX ? (size_t)level : RECORD_LEVELS_MAX;
	return true;
}

static enum err_code plan_column(struct record_plan *plan, struct str name, struct arena *arena, struct column *column,
				 struct error *err)
{
	bool named = false;

	*column = (struct column){.kind = COLUMN_PATH};
	if (str_eq(name, STR("topic")))
		column->kind = COLUMN_TOPIC;
	else if (str_eq(name, STR("payload")))
		column->kind = COLUMN_PAYLOAD;
	else if (str_eq(name, STR("received")))
		column->kind = COLUMN_RECEIVED;
	else if (str_eq(name, STR("key")) && plan->has_each)
		column->kind = COLUMN_KEY;
	else if (is_level(name, &column->level))
		column->kind = COLUMN_LEVEL;
	if (column->kind != COLUMN_PATH)
		return ERR_OK;
	enum err_code code = find_levels(plan, name, arena, column, &named, err);

	if (!code && named) {
		column->kind = COLUMN_NAMED;
		return ERR_OK;
	}
	plan->reads_json = true;
	return code ? code : json_path_parse(name, arena, &column->path, err);
}

enum err_code record_plan_new(const struct mapping *mapping, const struct topic_pattern *patterns, size_t pattern_count,
			      struct arena *arena, struct record_plan **ret_plan, struct error *err)
{
	struct record_plan *plan = arena_new(arena, struct record_plan);
	struct str each = mapping_each(mapping);
	const struct str *names;

	if (!plan)
		return err_set(err, ERR_MEMORY, "no memory for a mapping's columns");
	plan->patterns = patterns;
	plan->pattern_count = pattern_count;
	plan->names = names = mapping_columns(mapping, &plan->column_count);
	plan->columns = arena_array(arena, struct column, plan->column_count);
	if (!plan->columns)
		return err_set(err, ERR_MEMORY, "no memory for a mapping's columns");
	plan->has_each = plan->reads_json = each.len > 0;
	enum err_code code = plan->has_each ? json_path_parse(each, arena, &plan->each, err) : ERR_OK;

	for (size_t i = 0; !code && i < plan->column_count; i++)
		code = plan_column(plan, names[i], arena, &plan->columns[i], err);
	if (!code)
		*ret_plan = plan;
	return code;
}

bool record_plan_reads_json(const struct record_plan *plan)
{
	return plan->reads_json;
}

struct str record_plan_name(const struct record_plan *plan, size_t column)
{
	const struct column *found = &plan->columns[column];

	return found->kind == COLUMN_PATH && found->path.count == 1 && found->path.steps[0].name.at
		       ? found->path.steps[0].name
		       : plan->names[column];
}

/* ---- rows ---- */

size_t record_rows(const struct record_plan *plan, const struct record *record)
{
	if (!plan->has_each)
		return 1;
	const struct json *list = json_path_find(&plan->each, record->document);

	return json_is(list, JSON_ARRAY) || json_is(list, JSON_OBJECT) ? list->count : RECORD_ROWS_NONE;
}

static struct str level_of(struct str topic, size_t level)
{
	struct str name = STR_NONE;

	for (size_t i = 0; i <= level; i++)
		if (!str_next(&topic, '/', &name))
			return STR_NONE;
	return name;
}

/* STR_NONE for null and for what is not there. False: no memory. */
static bool text_of(const struct json *node, struct arena *arena, struct str *ret)
{
	struct buf text;

	*ret = STR_NONE;
	if (!node || node->kind == JSON_NULL)
		return true;
	if (node->kind == JSON_STRING || node->kind == JSON_NUMBER) {
		*ret = (struct str){node->text, node->count};
		return true;
	}
	if (node->kind == JSON_BOOL) {
		*ret = node->boolean ? STR("true") : STR("false");
		return true;
	}
	buf_init(&text, TEXT_BYTES_MAX);
	json_write(&text, node);
	*ret = buf_to_arena(&text, arena);
	return ret->at != NULL;
}

static bool received_text(int64_t us, struct arena *arena, struct str *ret)
{
	char buffer[TIME_ISO_BYTES];

	*ret = arena_dup(arena, time_format_iso(us, buffer));
	return ret->at != NULL;
}

static struct str named_level(const struct record_plan *plan, const struct record *record, const struct column *column)
{
	if (!record->pattern)
		return STR_NONE;
	size_t level = column->levels[record->pattern - plan->patterns];

	return level == SIZE_MAX ? STR_NONE : level_of(record->topic, level);
}

bool record_row(const struct record_plan *plan, const struct record *record, size_t row, struct arena *arena,
		struct str *values)
{
	const struct json *list =
		plan->has_each && !record->cells ? json_path_find(&plan->each, record->document) : NULL;
	const struct json *item = record->document;
	struct str key = STR_NONE;
	bool good = true;

	if (json_is(list, JSON_OBJECT)) {
		item = &list->members[row].value;
		key = list->members[row].key;
	} else if (list) {
		item = json_at(list, row);
	}
	for (size_t i = 0; good && i < plan->column_count; i++) {
		const struct column *column = &plan->columns[i];

		switch (column->kind) {
		case COLUMN_TOPIC:
			values[i] = record->topic;
			break;
		case COLUMN_LEVEL:
			values[i] = level_of(record->topic, column->level);
			break;
		case COLUMN_NAMED:
			values[i] = named_level(plan, record, column);
			break;
		case COLUMN_PAYLOAD:
			values[i] = record->payload;
			break;
		case COLUMN_RECEIVED:
			good = received_text(record->received_us, arena, &values[i]);
			break;
		case COLUMN_KEY:
			values[i] = record->cells ? record->cells[i] : key;
			break;
		case COLUMN_PATH:
			if (record->cells)
				values[i] = record->cells[i];
			else
				good = text_of(
					json_path_find(&column->path, column->path.from_root ? record->document : item),
					arena, &values[i]);
			break;
		}
	}
	return good;
}
