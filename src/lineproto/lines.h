/* InfluxDB line protocol, read a line at a time out of a text that may come in pieces.
 *
 * "measurement,tag=value field=1.5,other=2i 1609459200000000000": what stands before the first blank is the key of a
 * series and is handed out as it is, so that a caller who knows the key already need not take it apart (series_key.h
 * does). Numbers keep their decimals: 27.35 is 2735 and a scale of 2. Everything handed out borrows the text.
 *
 * Source: docs.influxdata.com, "Line protocol" of InfluxDB v2 and "Line protocol reference" of v1.8. A line end is LF,
 * also CR LF; within a quoted text a line end is part of the text. Lines that are blank or begin with "#" are passed
 * over. Several blanks do as one. Pure. Thread: a reader has one owner. */
#ifndef MACHI_LINEPROTO_LINES_H
#define MACHI_LINEPROTO_LINES_H

#include "base/str.h"

#define LINE_BYTES_MAX (1u << 20) /* of a line, its end included */
#define LINE_KEY_BYTES_MAX 65535u /* as InfluxDB has it */
#define LINE_FIELDS_MAX 1024u /* in a line */
#define LINE_NAME_BYTES_MAX 1024u /* of a field's name, as written */
#define LINE_TEXT_BYTES_MAX 65536u /* of a text, as written; as InfluxDB has it */

enum line_precision { LINE_NS, LINE_US, LINE_MS, LINE_S, LINE_MINUTES, LINE_HOURS };
/* "n", "ns"; "u", "us", "µ", "µs"; "ms"; "s"; "m"; "h"; nothing: nanoseconds. False when it is another text. */
bool line_precision_from(struct str text, enum line_precision *ret_precision);

enum line_kind {
	LINE_DECIMAL, /* mantissa / 10^scale: a float of up to 18 digits without exponent, or any signed integer */
	LINE_DOUBLE, /* any other float, as the double nearest to it; also −0 */
	LINE_WHOLE, /* an unsigned integer above 2^63 − 1: `raw` has its digits */
	LINE_TEXT, /* `raw` is what stands between the quotes; line_text() takes the escapes out */
	LINE_BOOLEAN,
};

struct line_field {
	struct str name; /* as written; line_name() takes the escapes out */
	struct str raw; /* as written; of integers the digits alone, without leading zeros */
	union {
		int64_t mantissa;
		double real; /* finite */
		bool truth;
	};
	enum line_kind kind;
	uint8_t scale; /* of a decimal: 0 to 18 */
	bool name_escaped, raw_escaped; /* there are backslashes; the second, of a text */
};

struct line {
	uint64_t number; /* of its first physical line in the whole text, from 1 */
	struct str key; /* not checked beyond its length */
	const struct line_field *fields; /* at least one; the reader's, until the next call */
	size_t field_count;
	int64_t time_us; /* rounded down; the reader's now_us when the line has none */
	/* of a bad line: why, static, and the byte of the line that it was noticed at, from 1 */
	const char *reason;
	size_t column;
	struct str text; /* the whole line, or what is at hand of it */
};

enum lines_got {
	LINES_POINT, /* a good line */
	LINES_BAD, /* a line that breaks a rule; the next call goes on behind it */
	LINES_MORE, /* the text has no further whole line: feed more, or it was the end */
};

/* To be initialised by lines_init(); owns nothing. */
struct lines {
	const char *at, *end;
	const char *begin; /* of the text fed last */
	uint64_t number; /* of the line at `at` */
	int64_t now_us;
	enum line_precision precision;
	bool last; /* no text follows */
	bool skipping; /* inside a line too long, or a comment, of which the rest is passed over */
	struct lines_skip {
		bool comment, fields, quoted, escaped;
		size_t equals, commas;
	} skip;
	struct line_field fields[LINE_FIELDS_MAX];
};

void lines_init(struct lines *lines, enum line_precision precision, int64_t now_us);
/* Gives the next piece of text, borrowed until the next call. It must begin with what the piece before left, from
 * lines_used() on: at most LINE_BYTES_MAX bytes. */
void lines_feed(struct lines *lines, struct str text, bool last);
enum lines_got lines_next(struct lines *lines, struct line *ret_line);
size_t lines_used(const struct lines *lines); /* bytes of the piece that are gone through */

/* Without escapes, into `to`, which has room for raw.len bytes and may be raw.at's own memory. */
struct str line_name(struct str raw, char *to);
struct str line_text(struct str raw, char *to);

#endif
