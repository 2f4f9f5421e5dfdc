/* Comma-separated text: a scanner that looks at separators, quotes and line ends only.
 *
 * The bytes that matter are found sixty-four at a time as bits of a mask, so that the content of fields costs one
 * table look-up a byte and the state machine runs once a field. All positions are counted from the beginning of the
 * text. A row that lies within one chunk is handed out from there; one that a chunk cuts is collected in `held`, and
 * the scanner goes on in it, piece by piece, until the row is whole. A row that breaks the form is skipped up to the
 * next line end, wherever that stands: after an unclosed quote nothing else can be said about it. */
#include "base/csv.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HELD_PIECE_BYTES 4096u /* appended at once to a row that a chunk cut */
#define BLOCK_BYTES 64u

struct field {
	uint64_t begin, end; /* positions, quotes left out */
	bool doubled; /* holds doubled quotes */
};

struct csv {
	struct csv_options options;
	uint8_t special[256]; /* 1: separator, quote, CR or LF */
	uint64_t position; /* bytes fed so far */
	uint64_t row_begin, field_begin; /* positions */
	uint64_t close_at; /* the quote that closed the field last */
	uint64_t cr_at; /* the last CR, UINT64_MAX when none */
	uint64_t line; /* of the byte that comes next */
	uint64_t row_line;
	bool quoted; /* the field began with a quote */
	bool inside; /* … which is not closed */
	bool doubled;
	bool skipping; /* the row was bad; its line end is awaited */
	bool first_row;
	size_t field_count;
	struct field fields[CSV_FIELDS_MAX];
	struct str values[CSV_FIELDS_MAX];
	struct buf held; /* the beginning of a row that a chunk cut; holds positions from row_begin on */
	struct buf plain; /* values whose doubled quotes were made single */
};

static const char too_long_row[] = "row is larger than 1048576 bytes";
static const char too_long_quote[] = "quote is not closed within 1048576 bytes";
static const char too_long_field[] = "field is larger than 262144 bytes";
static const char too_many_fields[] = "row has more than 1024 fields";
static const char behind_quote[] = "text behind the closing quote of a field";
static const char never_closed[] = "quote is never closed";

static_assert(CSV_ROW_BYTES_MAX == 1048576 && CSV_FIELD_BYTES_MAX == 262144 && CSV_FIELDS_MAX == 1024,
	      "the reasons name the bounds");

enum err_code csv_new(const struct csv_options *options, struct csv **ret_csv, struct error *err)
{
	char separator = options->separator ? options->separator : ',';

	assert(options->row);
	if (separator == '"' || separator == '\n' || separator == '\r')
		return err_set(err, ERR_INVALID, "a quote or line end cannot separate fields");
	struct csv *csv = calloc(1, sizeof(*csv));

	if (!csv)
		return err_set(err, ERR_MEMORY, "no memory for a CSV parser");
	csv->options = *options;
	csv->options.separator = separator;
	csv->special[(uint8_t)separator] = csv->special['"'] = csv->special['\n'] = csv->special['\r'] = 1;
	csv->cr_at = UINT64_MAX;
	csv->line = csv->row_line = 1;
	csv->first_row = true;
	buf_init(&csv->held, CSV_ROW_BYTES_MAX + HELD_PIECE_BYTES);
	buf_init(&csv->plain, CSV_ROW_BYTES_MAX + HELD_PIECE_BYTES);
	*ret_csv = csv;
	return ERR_OK;
}

struct csv *csv_free(struct csv *csv)
{
	if (csv) {
		buf_done(&csv->held);
		buf_done(&csv->plain);
		free(csv);
	}
	return NULL;
}

/* A piece of the text: bytes of the positions from `from` on. */
struct window {
	const char *bytes;
	uint64_t from;
};

static void row_reset(struct csv *csv, uint64_t begin)
{
	csv->row_begin = csv->field_begin = begin;
	csv->row_line = csv->line;
	csv->field_count = 0;
	csv->quoted = csv->inside = csv->doubled = csv->skipping = false;
}

static enum err_code row_bad(struct csv *csv, const char *reason, struct error *err)
{
	csv->skipping = true;
	csv->inside = false;
	if (csv->options.bad)
		return csv->options.bad(csv->options.self, csv->row_line, reason, err);
	return err_set(err, ERR_INVALID, "line %llu: %s", (unsigned long long)csv->row_line, reason);
}

static enum err_code row_too_long(struct csv *csv, struct error *err)
{
	return row_bad(csv, csv->inside ? too_long_quote : too_long_row, err);
}

static enum err_code field_end(struct csv *csv, uint64_t at, struct error *err)
{
	uint64_t begin = csv->quoted ? csv->field_begin + 1 : csv->field_begin;
	uint64_t end = csv->quoted ? csv->close_at : at;

	if (csv->quoted && csv->close_at + 1 != at)
		return row_bad(csv, behind_quote, err);
	if (end - begin > CSV_FIELD_BYTES_MAX)
		return row_bad(csv, too_long_field, err);
	if (csv->field_count == CSV_FIELDS_MAX)
		return row_bad(csv, too_many_fields, err);
	csv->fields[csv->field_count++] = (struct field){begin, end, csv->doubled};
	csv->field_begin = at + 1;
	csv->quoted = csv->doubled = false;
	return ERR_OK;
}

/* "a ""b""" as a "b"; the memory was reserved for the whole row, so that it does not move. */
static struct str undouble(struct buf *plain, struct str text)
{
	char *at = plain->at + plain->len;
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		at[len++] = text.at[i];
		i += text.at[i] == '"';
	}
	plain->len += len;
	return (struct str){at, len};
}

static enum err_code reserve_plain(struct csv *csv, uint64_t row_bytes, struct error *err)
{
	buf_clear(&csv->plain);
	if (!buf_extend(&csv->plain, (size_t)row_bytes))
		return buf_check(&csv->plain, "an unquoted row", err);
	csv->plain.len = 0;
	return ERR_OK;
}

static bool has_mark(const char *at, uint64_t len)
{
	return len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0;
}

static enum err_code row_out(struct csv *csv, const struct window *window, uint64_t at, struct error *err)
{
	bool reserved = false;

	for (size_t i = 0; i < csv->field_count; i++) {
		const struct field *field = &csv->fields[i];

		csv->values[i] = (struct str){window->bytes + (field->begin - window->from),
					      (size_t)(field->end - field->begin)};
		if (!field->doubled)
			continue;
		enum err_code code = reserved ? ERR_OK : reserve_plain(csv, at - csv->row_begin, err);

		if (code)
			return code;
		reserved = true;
		csv->values[i] = undouble(&csv->plain, csv->values[i]);
	}
	/* A quoted first field had its mark left out with the quote. */
	if (csv->first_row && csv->fields[0].begin == 0 && has_mark(csv->values[0].at, csv->values[0].len))
		csv->values[0] = str_part(csv->values[0], 3, csv->values[0].len);
	bool empty = csv->field_count == 1 && csv->values[0].len == 0 && csv->fields[0].begin == csv->row_begin;

	csv->first_row = false;
	if (empty)
		return ERR_OK;
	struct csv_row row = {csv->values, csv->field_count, csv->row_line};

	return csv->options.row(csv->options.self, &row, err);
}

static enum err_code on_line_end(struct csv *csv, const struct window *window, uint64_t at, struct error *err)
{
	char c = window->bytes[at - window->from];
	bool second = c == '\n' && csv->cr_at + 1 == at && csv->cr_at != UINT64_MAX; /* of CR LF */

	if (c == '\r')
		csv->cr_at = at;
	csv->line += !second;
	if (csv->inside)
		return ERR_OK;
	if (second && at == csv->row_begin) {
		row_reset(csv, at + 1);
		return ERR_OK;
	}
	enum err_code code = csv->skipping ? ERR_OK : field_end(csv, at, err);

	if (!code && !csv->skipping)
		code = row_out(csv, window, at, err);
	row_reset(csv, at + 1);
	return code;
}

static enum err_code on_quote(struct csv *csv, const struct window *window, uint64_t at, struct error *err)
{
	if (csv->inside) {
		csv->inside = false;
		csv->close_at = at;
		return ERR_OK;
	}
	if (csv->quoted && csv->close_at + 1 == at) {
		csv->inside = csv->doubled = true;
		return ERR_OK;
	}
	if (csv->quoted)
		return row_bad(csv, behind_quote, err);
	bool opens = at == csv->field_begin ||
		     (at == 3 && csv->field_begin == 0 && window->from == 0 && has_mark(window->bytes, 3));

	if (opens) {
		csv->field_begin = at;
		csv->quoted = csv->inside = true;
	}
	return ERR_OK;
}

static enum err_code on_special(struct csv *csv, const struct window *window, uint64_t at, struct error *err)
{
	char c = window->bytes[at - window->from];

	if (!csv->skipping && at - csv->row_begin > CSV_ROW_BYTES_MAX) {
		enum err_code code = row_too_long(csv, err);

		if (code)
			return code;
	}
	if (c == '\n' || c == '\r')
		return on_line_end(csv, window, at, err);
	if (csv->skipping)
		return ERR_OK;
	if (c == '"')
		return on_quote(csv, window, at, err);
	return csv->inside ? ERR_OK : field_end(csv, at, err);
}

static uint64_t special_mask(const struct csv *csv, const char *bytes, size_t len)
{
	uint64_t mask = 0;

	if (len >= BLOCK_BYTES)
		for (unsigned i = 0; i < BLOCK_BYTES; i++)
			mask |= (uint64_t)csv->special[(uint8_t)bytes[i]] << i;
	else
		for (unsigned i = 0; i < len; i++)
			mask |= (uint64_t)csv->special[(uint8_t)bytes[i]] << i;
	return mask;
}

/* Goes through the window from position at to position end; one_row: no further than the first row's end. Returns
 * with *at behind the last byte looked at. */
static enum err_code scan(struct csv *csv, const struct window *window, uint64_t *at, uint64_t end, bool one_row,
			  struct error *err)
{
	uint64_t row = csv->row_begin;

	for (uint64_t block = *at; block < end; block += BLOCK_BYTES) {
		size_t len = end - block < BLOCK_BYTES ? (size_t)(end - block) : BLOCK_BYTES;
		uint64_t mask = special_mask(csv, window->bytes + (block - window->from), len);

		for (; mask; mask &= mask - 1) {
			uint64_t here = block + (unsigned)__builtin_ctzll(mask);

			enum err_code code = on_special(csv, window, here, err);

			if (code)
				return code;
			if (one_row && csv->row_begin != row) {
				*at = here + 1;
				return ERR_OK;
			}
		}
	}
	*at = end;
	return ERR_OK;
}

/* Completes the held row with bytes of the chunk; *ret_used of them are gone through then. */
static enum err_code finish_held(struct csv *csv, struct str chunk, size_t *ret_used, struct error *err)
{
	size_t used = 0;
	uint64_t row = csv->row_begin;

	while (used < chunk.len && csv->row_begin == row && !csv->skipping) {
		struct str piece = str_part(chunk, used, used + HELD_PIECE_BYTES);
		uint64_t from = row + csv->held.len, at = from;

		buf_put(&csv->held, piece);
		enum err_code code = buf_check(&csv->held, "a CSV row", err);
		struct window window = {csv->held.at, row};

		if (!code)
			code = scan(csv, &window, &at, from + piece.len, true, err);
		if (!code && csv->row_begin == row && !csv->skipping && csv->held.len > CSV_ROW_BYTES_MAX)
			code = row_too_long(csv, err);
		if (code)
			return code;
		used += (size_t)(at - from);
	}
	*ret_used = used;
	return ERR_OK;
}

/* Keeps the beginning of a row that the chunk's end cuts. */
static enum err_code hold(struct csv *csv, struct str rest, struct error *err)
{
	if (rest.len > CSV_ROW_BYTES_MAX)
		return row_too_long(csv, err);
	buf_put(&csv->held, rest);
	return buf_check(&csv->held, "a CSV row", err);
}

enum err_code csv_feed(struct csv *csv, struct str chunk, struct error *err)
{
	size_t used = 0;
	enum err_code code = csv->held.len > 0 ? finish_held(csv, chunk, &used, err) : ERR_OK;
	struct window window = {chunk.at, csv->position};
	uint64_t at = csv->position + used;

	if (code)
		return code;
	csv->position += chunk.len;
	if (csv->held.len > 0 && !csv->skipping && csv->row_begin < window.from)
		return ERR_OK; /* the row goes on: the whole chunk is in held */
	buf_clear(&csv->held);
	code = scan(csv, &window, &at, csv->position, false, err);
	if (code || csv->skipping || csv->row_begin >= csv->position)
		return code;
	return hold(csv, str_part(chunk, (size_t)(csv->row_begin - window.from), chunk.len), err);
}

enum err_code csv_finish(struct csv *csv, struct error *err)
{
	struct window window = {csv->held.at, csv->row_begin};

	if (csv->skipping || csv->position == csv->row_begin)
		return ERR_OK;
	if (csv->inside)
		return row_bad(csv, never_closed, err);
	enum err_code code = field_end(csv, csv->position, err);

	return code || csv->skipping ? code : row_out(csv, &window, csv->position, err);
}

size_t csv_column(const struct csv_row *header, struct str name)
{
	for (size_t i = 0; i < header->field_count; i++)
		if (str_eq(str_trim(header->fields[i]), name))
			return i;
	return CSV_NO_COLUMN;
}

void csv_columns(const struct csv_row *header, const struct str *names, size_t count, size_t *ret_columns)
{
	for (size_t i = 0; i < count; i++)
		ret_columns[i] = csv_column(header, names[i]);
}

struct str csv_value(const struct csv_row *row, size_t column)
{
	return column < row->field_count ? str_trim(row->fields[column]) : STR_NONE;
}
