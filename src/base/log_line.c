/* Log lines that hold what strangers sent. The one hard part is escaping. */
#include "base/log_line.h"

#include "base/time_value.h"

#include <assert.h>

#define REPLACEMENT 0xFFFDu

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return names[level];
}

/* Decodes one character of UTF-8 (RFC 3629) at *at and moves on; REPLACEMENT for a byte that starts none. */
static uint32_t next_character(struct str text, size_t *at)
{
	unsigned char lead = (unsigned char)text.at[(*at)++];

	if (lead < 0x80)
		return lead;
	size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
	uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
	uint32_t code = lead & (0x3Fu >> more);

	if (lead < 0xC2 || lead > 0xF4 || text.len - *at < more)
		return REPLACEMENT;
	for (size_t i = 0; i < more; i++) {
		unsigned char next = (unsigned char)text.at[*at + i];

		if ((next & 0xC0) != 0x80)
			return REPLACEMENT;
		code = code << 6 | (next & 0x3F);
	}
	if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return REPLACEMENT;
	*at += more;
	return code;
}

/* Characters that end lines, move the cursor, or turn the direction of what follows on a terminal. */
static bool is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
	       (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

static void put_safe(struct buf *out, uint32_t code, struct str as_written)
{
	if (code == '\n')
		buf_put(out, STR("\\n"));
	else if (code == '\r')
		buf_put(out, STR("\\r"));
	else if (code == '\t')
		buf_put(out, STR("\\t"));
	else if (is_unsafe(code))
		buf_printf(out, "\\u%04x", (unsigned)code);
	else if (code == REPLACEMENT)
		buf_put(out, STR("\xEF\xBF\xBD"));
	else
		buf_put(out, as_written);
}

void log_put_safe(struct buf *out, struct str text)
{
	for (size_t at = 0; at < text.len;) {
		size_t from = at;
		uint32_t code = next_character(text, &at);

		put_safe(out, code, str_part(text, from, at));
	}
}

static void put_quoted(struct buf *out, struct str text)
{
	buf_put_char(out, '"');
	for (size_t at = 0; at < text.len;) {
		size_t from = at;
		uint32_t code = next_character(text, &at);

		if (at > LOG_VALUE_BYTES_MAX) {
			buf_put(out, STR("…"));
			break;
		}
		if (code == '"' || code == '\\')
			buf_put_char(out, '\\');
		put_safe(out, code, str_part(text, from, at));
	}
	buf_put_char(out, '"');
}

/* Can a logfmt value stand without quotes? ASCII letters, digits and harmless signs only. */
static bool is_bare(struct str text)
{
	if (text.len == 0 || text.len > LOG_VALUE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c <= ' ' || c > '~' || c == '=' || c == '"' || c == '\\')
			return false;
	}
	return true;
}

static void put_key(struct buf *out, enum log_format format, const char *key, bool first)
{
	for (const char *c = key; *c; c++)
		assert((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_');
	if (format == LOG_JSON)
		buf_printf(out, "%s\"%s\":", first ? "{" : ",", key);
	else
		buf_printf(out, "%s%s=", first ? "" : " ", key);
}

static void put_text(struct buf *out, enum log_format format, struct str text)
{
	if (format == LOG_LOGFMT && is_bare(text))
		buf_put(out, text);
	else
		put_quoted(out, text);
}

void log_line(struct buf *out, enum log_format format, int64_t time_us, enum log_level level, struct str message,
	      const struct log_field *fields, size_t field_count)
{
	char time_text[TIME_ISO_BYTES];

	put_key(out, format, "time", true);
	put_text(out, format, time_format_iso(time_us - time_us % US_PER_MS, time_text));
	put_key(out, format, "level", false);
	put_text(out, format, str_from(log_level_name(level)));
	put_key(out, format, "msg", false);
	put_text(out, format, message);
	for (size_t i = 0; i < field_count; i++) {
		put_key(out, format, fields[i].key, false);
		if (fields[i].is_number)
			buf_put_int64(out, fields[i].number);
		else
			put_text(out, format, fields[i].text);
	}
	buf_put(out, format == LOG_JSON ? STR("}\n") : STR("\n"));
}
