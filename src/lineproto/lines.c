/* Lines of the line protocol. One pass over a good line: the key up to its blank, then name and value in turn, then the
 * time. Only a bad line is gone through a second time, to find its end, by InfluxDB's own rule (a line end inside a
 * quoted text is none), so that what somebody wrote into a text is never taken for a line of its own. */
#include "lineproto/lines_int.h"

#include "base/time_value.h"

#include <assert.h>
#include <string.h>

#define SKIP_NONE ((struct lines_skip){0})

/* Where a name of a field may end. */
static const uint8_t stops[256] = {['='] = 1, [' '] = 1, [','] = 1, ['\n'] = 1, ['\\'] = 1};

bool line_precision_from(struct str text, enum line_precision *ret_precision)
{
	static const struct {
		const char *name;
		enum line_precision precision;
	} names[] = {
		{"", LINE_NS},       {"n", LINE_NS},       {"ns", LINE_NS},     {"u", LINE_US},  {"us", LINE_US},
		{"\u00b5", LINE_US}, {"\u00b5s", LINE_US}, {"\u03bc", LINE_US}, {"ms", LINE_MS}, {"\u03bcs", LINE_US},
		{"s", LINE_S},       {"m", LINE_MINUTES},  {"h", LINE_HOURS},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(text, str_from(names[i].name))) {
			*ret_precision = names[i].precision;
			return true;
		}
	return false;
}

void lines_init(struct lines *lines, enum line_precision precision, int64_t now_us)
{
	lines->at = lines->end = lines->begin = NULL;
	lines->number = 1;
	lines->now_us = now_us;
	lines->precision = precision;
	lines->last = lines->skipping = false;
	lines->skip = SKIP_NONE;
}

void lines_feed(struct lines *lines, struct str text, bool last)
{
	assert(!lines->last);
	lines->begin = lines->at = text.at;
	lines->end = text.at + text.len;
	lines->last = last;
}

size_t lines_used(const struct lines *lines)
{
	return (size_t)(lines->at - lines->begin);
}

/* One byte of a line whose end is looked for; true when it is the end. Escapes as read_key(), read_name() and
 * read_text() see them. */
static bool skip_byte(struct lines_skip *skip, char c)
{
	bool escaped = skip->escaped;

	skip->escaped = false;
	if (c == '\n' && !skip->quoted)
		return true;
	if (skip->comment)
		return false;
	if (!skip->fields) {
		skip->fields = c == ' ' && !escaped;
		skip->escaped = c == '\\';
	} else if (escaped) {
		return false;
	} else if (c == '\\') {
		skip->escaped = true;
	} else if (c == '"') {
		skip->quoted = skip->quoted ? false : skip->equals > skip->commas;
	} else if (!skip->quoted) {
		skip->equals += c == '=';
		skip->commas += c == ',';
	}
	return false;
}

/* Moves behind the end of a bad line. False when it is not at hand; the state is kept in skip then. */
static bool skip_line(struct lines *lines, struct lines_skip *skip)
{
	for (; lines->at < lines->end; lines->at++) {
		lines->number += *lines->at == '\n';
		if (skip_byte(skip, *lines->at)) {
			lines->at++;
			return true;
		}
	}
	return lines->last;
}

/* A place in a line being read. */
struct cursor {
	const char *at, *end;
	const char *reason; /* why it failed, at `at` */
	uint64_t line_ends; /* inside texts */
};

static bool fail(struct cursor *cursor, const char *at, const char *reason)
{
	cursor->at = at;
	cursor->reason = reason;
	return false;
}

static inline char peek(const struct cursor *cursor)
{
	return cursor->at < cursor->end ? *cursor->at : '\n';
}

static inline void blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

static inline bool at_line_end(const struct cursor *cursor)
{
	char c = peek(cursor);

	return c == '\n' || (c == '\r' && (cursor->at + 1 == cursor->end || cursor->at[1] == '\n'));
}

static bool read_key(struct cursor *cursor, struct str *ret_key)
{
	const char *from = cursor->at;
	const char *line_end = memchr(from, '\n', (size_t)(cursor->end - from));
	const char *blank = from;

	if (!line_end)
		line_end = cursor->end;
	do {
		blank = memchr(blank + 1, ' ', (size_t)(line_end - blank - 1));
		if (!blank)
			return fail(cursor, line_end, "no fields");
	} while (blank[-1] == '\\');
	if ((size_t)(blank - from) > LINE_KEY_BYTES_MAX)
		return fail(cursor, from, "measurement and tags have over 65535 bytes");
	*ret_key = (struct str){from, (size_t)(blank - from)};
	cursor->at = blank;
	return true;
}

static inline bool read_name(struct cursor *cursor, struct line_field *field)
{
	const char *from = cursor->at, *at = from;
	bool escaped = false;

	for (;; at++) {
		while (at < cursor->end && !stops[(uint8_t)*at])
			at++;
		if (at == cursor->end || *at != '\\')
			break;
		escaped = true;
		if (at + 1 < cursor->end && at[1] != '\n')
			at++;
	}
	if (at == cursor->end || *at != '=')
		return fail(cursor, at, "a field without value");
	if (at == from)
		return fail(cursor, at, "a field without name");
	if ((size_t)(at - from) > LINE_NAME_BYTES_MAX)
		return fail(cursor, from, "the name of a field has over 1024 bytes");
	field->name = (struct str){from, (size_t)(at - from)};
	field->name_escaped = escaped;
	cursor->at = at + 1;
	return true;
}

static bool read_text(struct cursor *cursor, struct line_field *field)
{
	const char *from = cursor->at + 1, *at = from;

	field->raw_escaped = false;
	for (; at < cursor->end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < cursor->end && (at[1] == '"' || at[1] == '\\')) {
			field->raw_escaped = true;
			at++;
		}
		cursor->line_ends += *at == '\n';
	}
	if (at == cursor->end)
		return fail(cursor, from - 1, "a text without closing quote; everything behind it is left out");
	if ((size_t)(at - from) > LINE_TEXT_BYTES_MAX)
		return fail(cursor, from, "a text of over 65536 bytes");
	field->kind = LINE_TEXT;
	field->raw = (struct str){from, (size_t)(at - from)};
	cursor->at = at + 1;
	return true;
}

static bool read_boolean(struct cursor *cursor, struct line_field *field)
{
	static const char *const words[] = {"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"};
	const char *from = cursor->at, *at = from;

	while (at < cursor->end && *at != ',' && *at != ' ' && *at != '\n' && *at != '\r')
		at++;
	struct str word = {from, (size_t)(at - from)};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, str_from(words[i]))) {
			field->kind = LINE_BOOLEAN;
			field->raw = word;
			field->raw_escaped = false;
			field->truth = i < 5;
			cursor->at = at;
			return true;
		}
	return fail(cursor, from, "a value that is no number, text in quotes, or boolean");
}

static inline bool read_value(struct cursor *cursor, struct line_field *field)
{
	char c = peek(cursor);

	if (c == '"')
		return read_text(cursor, field);
	if ((c < '0' || c > '9') && c != '-' && c != '+' && c != '.')
		return read_boolean(cursor, field);
	const char *reason;
	const char *behind = line_number(cursor->at, cursor->end, field, &reason);

	if (!behind)
		return fail(cursor, cursor->at, reason);
	cursor->at = behind;
	return true;
}

static bool read_fields(struct cursor *cursor, struct line_field *fields, size_t *ret_count)
{
	for (size_t count = 0;; cursor->at++) {
		if (count == LINE_FIELDS_MAX)
			return fail(cursor, cursor->at, "over 1024 fields");
		if (!read_name(cursor, &fields[count]) || !read_value(cursor, &fields[count]))
			return false;
		count++;
		if (peek(cursor) == ',')
			continue;
		*ret_count = count;
		return peek(cursor) == ' ' || at_line_end(cursor) || fail(cursor, cursor->at, "a malformed value");
	}
}

static const int64_t us_per_unit[] = {
	[LINE_US] = 1,
	[LINE_MS] = US_PER_MS,
	[LINE_S] = US_PER_S,
	[LINE_MINUTES] = 60 * US_PER_S,
	[LINE_HOURS] = 3600 * US_PER_S,
};

static bool to_us(enum line_precision precision, int64_t time, int64_t *ret_us)
{
	if (precision == LINE_NS) {
		*ret_us = time / 1000 - (time % 1000 < 0 ? 1 : 0);
		return true;
	}
	int64_t us;

	if (__builtin_mul_overflow(time, us_per_unit[precision], &us) || us > INT64_MAX / 1000 || us < INT64_MIN / 1000)
		return false;
	*ret_us = us;
	return true;
}

static bool read_time(struct cursor *cursor, enum line_precision precision, int64_t *time_us)
{
	const char *from = cursor->at, *at = from;
	int64_t time;

	while (at < cursor->end && ((*at >= '0' && *at <= '9') || *at == '-'))
		at++;
	if (!str_to_int64((struct str){from, (size_t)(at - from)}, &time))
		return fail(cursor, from, "a time that is no 64-bit integer");
	if (!to_us(precision, time, time_us))
		return fail(cursor, from, "a time before 1677 or after 2262: is the precision right?");
	cursor->at = at;
	blanks(cursor);
	return at_line_end(cursor) || fail(cursor, cursor->at, "something behind the time");
}

/* Reads one line at the cursor, whose end it leaves at the line's end. */
static bool read_line(struct lines *lines, struct cursor *cursor, struct line *line)
{
	line->time_us = lines->now_us;
	if (!read_key(cursor, &line->key))
		return false;
	blanks(cursor);
	if (at_line_end(cursor))
		return fail(cursor, cursor->at, "no fields");
	if (!read_fields(cursor, lines->fields, &line->field_count))
		return false;
	blanks(cursor);
	return at_line_end(cursor) || read_time(cursor, lines->precision, &line->time_us);
}

/* Passes over blank lines and comments. True when a line begins at `at`. */
static bool find_line(struct lines *lines)
{
	while (lines->at < lines->end) {
		const char *at = lines->at;

		while (at < lines->end && (*at == ' ' || *at == '\t' || *at == '\r'))
			at++;
		if (at < lines->end && *at != '\n' && *at != '#') {
			lines->at = at;
			return true;
		}
		const char *line_end = memchr(at, '\n', (size_t)(lines->end - at));

		if (!line_end) {
			if (at < lines->end) {
				lines->skipping = true;
				lines->skip = (struct lines_skip){.comment = true};
			}
			lines->at = lines->end;
			return false;
		}
		lines->number++;
		lines->at = line_end + 1;
	}
	return false;
}

static enum lines_got bad_line(struct lines *lines, const struct cursor *cursor, struct line *line)
{
	const char *from = lines->at;
	uint64_t number = lines->number;
	struct lines_skip skip = SKIP_NONE;

	line->reason = cursor->reason;
	line->column = (size_t)(cursor->at - from) + 1;
	if (!skip_line(lines, &skip)) {
		if (lines->at - from < (ptrdiff_t)LINE_BYTES_MAX) {
			lines->at = from;
			lines->number = number;
			return LINES_MORE;
		}
		lines->skipping = true;
		lines->skip = skip;
		line->reason = "a line of over 1048576 bytes";
		line->column = 1;
	}
	line->text = str_trim((struct str){from, (size_t)(lines->at - from)});
	return LINES_BAD;
}

enum lines_got lines_next(struct lines *lines, struct line *ret_line)
{
	if (lines->skipping && !skip_line(lines, &lines->skip))
		return LINES_MORE;
	lines->skipping = false;
	if (!find_line(lines))
		return LINES_MORE;
	struct cursor cursor = {.at = lines->at, .end = lines->end};

	*ret_line = (struct line){.number = lines->number, .fields = lines->fields};
	if (!read_line(lines, &cursor, ret_line))
		return bad_line(lines, &cursor, ret_line);
	const char *line_end = cursor.at < lines->end && *cursor.at == '\r' ? cursor.at + 1 : cursor.at;
	bool whole = line_end < lines->end || lines->last;

	if ((size_t)(line_end - lines->at) >= LINE_BYTES_MAX) {
		cursor = (struct cursor){.at = lines->at, .reason = "a line of over 1048576 bytes"};
		return bad_line(lines, &cursor, ret_line);
	}
	if (!whole)
		return LINES_MORE;
	ret_line->text = (struct str){lines->at, (size_t)(cursor.at - lines->at)};
	lines->number += cursor.line_ends + 1;
	lines->at = line_end < lines->end ? line_end + 1 : line_end;
	return LINES_POINT;
}

static struct str unescape(struct str raw, const char *escapable, char *to)
{
	size_t len = 0;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.at[i] == '\\' && i + 1 < raw.len && raw.at[i + 1] && strchr(escapable, raw.at[i + 1]))
			i++;
		to[len++] = raw.at[i];
	}
	return (struct str){to, len};
}

struct str line_name(struct str raw, char *to)
{
	return unescape(raw, ",= \"", to);
}

struct str line_text(struct str raw, char *to)
{
	return unescape(raw, "\"\\", to);
}
