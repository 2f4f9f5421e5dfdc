/* Line protocol as messages: each line a row of named texts. Its names are "measurement", "time" (ISO 8601, in UTC),
 * those of its tags and fields; where a tag is called as a field is, the field counts. */
#include "feed/feed_int.h"

#include "base/time_value.h"
#include "lineproto/series_key.h"

static bool field_text(const struct line_field *field, struct arena *arena, struct str *ret)
{
	char *room;

	switch (field->kind) {
	case LINE_BOOLEAN:
		*ret = field->truth ? STR("true") : STR("false");
		return true;
	case LINE_TEXT:
		room = arena_bytes(arena, field->raw.len, 1);
		*ret = room ? line_text(field->raw, room) : STR_NONE;
		return room != NULL;
	case LINE_DECIMAL:
	case LINE_DOUBLE:
	case LINE_WHOLE:
		*ret = arena_dup(arena, field->raw);
		return ret->at != NULL;
	}
	return false;
}

static const struct line_field *field_named(const struct line *line, struct str name)
{
	char room[LINE_NAME_BYTES_MAX];

	for (size_t i = 0; i < line->field_count; i++) {
		const struct line_field *field = &line->fields[i];

		if (str_eq(field->name_escaped ? line_name(field->name, room) : field->name, name))
			return field;
	}
	return NULL;
}

/* False: no memory. */
static bool cell_named(const struct line *line, const struct line_key *key, struct str name, struct arena *arena,
		       struct str *ret)
{
	char buffer[TIME_ISO_BYTES];

	if (str_eq(name, STR("measurement"))) {
		*ret = key->measurement;
		return true;
	}
	if (str_eq(name, STR("time"))) {
		*ret = arena_dup(arena, time_format_iso(line->time_us, buffer));
		return ret->at != NULL;
	}
	const struct line_field *field = field_named(line, name);

	if (field)
		return field_text(field, arena, ret);
	*ret = line_key_tag(key, name);
	return true;
}

static void take_row(struct feed *feed, const struct feed_map *map, struct record *record, const struct line *line,
		     const struct line_key *key)
{
	struct arena *arena = feed_arena(feed);
	size_t column_count;

	(void)mapping_columns(map->mapping, &column_count);
	struct str *cells = arena_array(arena, struct str, column_count);
	bool good = cells != NULL;

	for (size_t i = 0; good && i < column_count; i++)
		good = cell_named(line, key, record_plan_name(map->plan, i), arena, &cells[i]);
	record->cells = cells;
	if (good)
		feed_take_row(feed, map, record, 0);
	else
		feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for line %llu", (unsigned long long)line->number);
}

static void take_line(struct feed *feed, const struct line *line)
{
	const struct feed_map *map = NULL;
	struct record record;
	struct line_key key;
	struct error err;
	bool mapped = false;

	if (line_key_parse(feed_arena(feed), line->key, &key, &err) != ERR_OK) {
		feed->own.messages++;
		feed_drop(feed, FEED_DROP_MALFORMED, "line %llu: %s", (unsigned long long)line->number, err.detail);
		return;
	}
	if (!feed_begin_message(feed, key.measurement, line->text, &record))
		return;
	for (; (map = feed_next_map(feed, &record, map)); mapped = true)
		take_row(feed, map, &record, line, &key);
	if (!mapped)
		feed_drop_unmapped(feed, &record);
}

void feed_take_lines(struct feed *feed, enum line_precision precision, struct str payload)
{
	struct lines *lines = arena_new(feed_arena(feed), struct lines);
	uint64_t before = feed->own.messages;
	struct line line;
	enum lines_got got;

	if (!lines) {
		feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for line protocol");
		return;
	}
	lines_init(lines, precision, feed_now_us(feed));
	lines_feed(lines, payload, true);
	while ((got = lines_next(lines, &line)) != LINES_MORE) {
		if (got == LINES_POINT) {
			take_line(feed, &line);
			continue;
		}
		feed->own.messages++;
		feed_drop(feed, FEED_DROP_MALFORMED, "line %llu: %s", (unsigned long long)line.number, line.reason);
	}
	if (feed->own.messages == before)
		feed_drop(feed, FEED_DROP_SKIPPED, "no line has anything");
}
