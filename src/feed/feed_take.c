/* Messages to entities: a feed's mappings over what came, whatever its format. */
#include "feed/feed_int.h"

#include "ngsild/expand.h"

#include <string.h>

/* ---- rows ---- */

/* What a device says is seldom all that is known of it, so others' attributes stay. */
static enum mapping_mode mode_of(const struct mapping *mapping)
{
	return mapping_says_mode(mapping) ? mapping_mode(mapping) : MAPPING_APPEND;
}

struct arena *feed_arena(struct feed *feed)
{
	return feed->trial ? feed->scratch : intake_arena(feed->intake);
}

void feed_add_entity(struct feed *feed, const struct json *body, enum mapping_mode mode, bool history)
{
	const struct expand_options options = {.context = feed->context, .now_us = feed_now_us(feed)};
	uint64_t tag = feed->seen ? feed_seen_tag(feed->seen, body) : 0;
	struct json *entity = NULL;
	struct error err;

	if (tag && feed_seen_knows(feed->seen, tag)) {
		feed->repeated++;
		return;
	}
	enum err_code code = expand_entity(feed_arena(feed), body, &options, &entity, &err);

	if (!code && feed->trial)
		code = feed->trial->entity(feed->trial->self, body, &err);
	else if (!code && !intake_add(feed->intake, entity, mode, history, tag))
		code = err_set(&err, ERR_MEMORY, "no memory for an entity");
	if (!code && tag)
		feed_seen_add(feed->seen, tag);
	if (code)
		feed_drop(feed, code == ERR_MEMORY ? FEED_DROP_OVERSIZED : FEED_DROP_INVALID, "%s", err.detail);
}

void feed_take_values(struct feed *feed, const struct feed_map *map, const struct str *values)
{
	enum mapping_result result;
	struct json *body = NULL;
	struct error err;
	enum err_code code = mapping_apply(map->mapping, feed_arena(feed), values, &result, &body, &err);

	if (code)
		feed_drop(feed, FEED_DROP_INVALID, "%s", err.detail);
	else if (result == MAPPING_SKIPPED)
		feed_drop(feed, FEED_DROP_SKIPPED, "%s", err.detail);
	else
		feed_add_entity(feed, body, mode_of(map->mapping), mapping_history(map->mapping));
}

void feed_take_row(struct feed *feed, const struct feed_map *map, const struct record *record, size_t row)
{
	struct arena *arena = feed_arena(feed);
	size_t column_count;

	(void)mapping_columns(map->mapping, &column_count);
	struct str *values = arena_array(arena, struct str, column_count);

	if (values && record_row(map->plan, record, row, arena, values))
		feed_take_values(feed, map, values);
	else
		feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for a message");
}

/* Which of the feed's patterns the topic fits; NULL: none, or it has none. */
static const struct topic_pattern *pattern_of(const struct feed *feed, struct str topic)
{
	for (size_t i = 0; i < feed->pattern_count; i++)
		if (topic_pattern_fits(&feed->patterns[i], topic))
			return &feed->patterns[i];
	return NULL;
}

/* ---- messages ---- */

void feed_drop_malformed(struct feed *feed, struct str topic, const char *why)
{
	feed_drop(feed, FEED_DROP_MALFORMED, "%.*s%s%s", STR_FMT(str_part(topic, 0, 100)), topic.len ? ": " : "", why);
}

/* The payload as JSON when some mapping reads it, once. False: it is none, and that has been counted. */
static bool read_payload(struct feed *feed, const struct feed_map *map, struct record *record, bool *parsed)
{
	struct json *document = NULL;
	struct error err;

	if (record->document || !record_plan_reads_json(map->plan))
		return true;
	if (*parsed)
		return false;
	*parsed = true;
	if (json_parse(feed->parser, feed_arena(feed), record->payload, NULL, &document, &err) != ERR_OK) {
		feed_drop_malformed(feed, record->topic, err.detail);
		return false;
	}
	record->document = document;
	return true;
}

static void take_rows(struct feed *feed, const struct feed_map *map, const struct record *record)
{
	size_t rows = record_rows(map->plan, record);
	struct str each = mapping_each(map->mapping);

	if (rows == RECORD_ROWS_NONE) {
		feed_drop(feed, FEED_DROP_UNMAPPED, "there is no list at \"%.*s\"", STR_FMT(each));
		return;
	}
	if (rows > RECORD_ROWS_MAX) {
		feed_drop(feed, FEED_DROP_OVERSIZED, "a message of %zu rows, at most %u are taken", rows,
			  RECORD_ROWS_MAX);
		return;
	}
	if (rows == 0)
		feed_drop(feed, FEED_DROP_SKIPPED, "the list at \"%.*s\" is empty", STR_FMT(each));
	for (size_t i = 0; i < rows; i++)
		feed_take_row(feed, map, record, i);
}

bool feed_begin_message(struct feed *feed, struct str topic, struct str payload, struct record *ret_record)
{
	struct arena *arena = feed_arena(feed);

	*ret_record = (struct record){.topic = arena_dup(arena, topic),
				      .payload = arena_dup(arena, payload),
				      .received_us = feed_now_us(feed)};
	feed->own.messages++;
	feed->own.bytes += payload.len;
	feed->own.message_us = ret_record->received_us;
	if (ret_record->topic.at && ret_record->payload.at)
		return true;
	feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for a message");
	return false;
}

const struct feed_map *feed_next_map(const struct feed *feed, struct record *record, const struct feed_map *last)
{
	for (size_t i = last ? (size_t)(last - feed->maps) + 1 : 0; i < feed->map_count; i++) {
		const struct feed_map *map = &feed->maps[i];

		if (map->has_topic && !topic_pattern_fits(&map->topic, record->topic))
			continue;
		record->pattern = map->has_topic ? &map->topic : pattern_of(feed, record->topic);
		return map;
	}
	return NULL;
}

void feed_drop_unmapped(struct feed *feed, const struct record *record)
{
	feed_drop(feed, FEED_DROP_UNMAPPED, "no mapping is for the topic \"%.*s\"",
		  STR_FMT(str_part(record->topic, 0, 150)));
}

void feed_take_document(struct feed *feed, struct str topic, struct str payload, const struct json *document)
{
	const struct feed_map *map = NULL;
	struct record record;
	bool parsed = false, mapped = false;

	if (!feed_begin_message(feed, topic, payload, &record))
		return;
	record.document = document;
	while ((map = feed_next_map(feed, &record, map))) {
		mapped = true;
		if (read_payload(feed, map, &record, &parsed))
			take_rows(feed, map, &record);
	}
	if (!mapped)
		feed_drop_unmapped(feed, &record);
}

void feed_take(struct feed *feed, struct str topic, struct str payload)
{
	feed_take_document(feed, topic, payload, NULL);
}

static void take_lines_of_json(struct feed *feed, struct str topic, struct str payload)
{
	struct str line;
	size_t count = 0;

	while (str_next(&payload, '\n', &line)) {
		line = str_trim(line);
		if (line.len == 0)
			continue;
		if (++count > RECORD_ROWS_MAX) {
			feed_drop(feed, FEED_DROP_OVERSIZED, "a message of more than %u lines; those behind are left",
				  RECORD_ROWS_MAX);
			return;
		}
		feed_take(feed, topic, line);
	}
	if (count == 0)
		feed_drop(feed, FEED_DROP_SKIPPED, "no line has anything");
}

void feed_take_as(struct feed *feed, enum feed_format format, struct str topic, struct str payload)
{
	switch (format) {
	case FEED_FORMAT_JSON:
		feed_take(feed, topic, payload);
		break;
	case FEED_FORMAT_NDJSON:
		take_lines_of_json(feed, topic, payload);
		break;
	case FEED_FORMAT_CSV:
		feed_take_table(feed, topic, payload);
		break;
	}
}

/* ---- formats ---- */

static const char *const format_names[] = {
	[FEED_FORMAT_JSON] = "json", [FEED_FORMAT_NDJSON] = "ndjson", [FEED_FORMAT_CSV] = "csv"};

enum err_code feed_read_format(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *map)
{
	const struct yaml_tree *node = yaml_tree_get(map, STR("format"));

	if (!node)
		return ERR_OK;
	for (size_t i = 0; node->kind == YAML_TREE_SCALAR && i < sizeof(format_names) / sizeof(format_names[0]); i++)
		if (str_eq(node->text, str_from(format_names[i]))) {
			feed->has_format = true;
			feed->format = (enum feed_format)i;
			return ERR_OK;
		}
	return yaml_tree_refuse(node, reader->err, "expected json, csv or ndjson behind \"format\", not %.*s",
				STR_FMT(yaml_tree_show(reader->arena, node)));
}

enum feed_format feed_format_of(const struct feed *feed, struct str content_type)
{
	static const struct {
		const char *media;
		enum feed_format format;
	} known[] = {
		{"text/csv", FEED_FORMAT_CSV},
		{"application/csv", FEED_FORMAT_CSV},
		{"application/x-ndjson", FEED_FORMAT_NDJSON},
		{"application/ndjson", FEED_FORMAT_NDJSON},
		{"application/jsonl", FEED_FORMAT_NDJSON},
		{"application/x-jsonlines", FEED_FORMAT_NDJSON},
	};
	struct str media = STR_NONE;

	if (feed->has_format)
		return feed->format;
	(void)str_next(&content_type, ';', &media);
	media = str_trim(media);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq_nocase(media, str_from(known[i].media)))
			return known[i].format;
	return FEED_FORMAT_JSON;
}
