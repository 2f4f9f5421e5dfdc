/* The CSV parser, held against RFC 4180's own examples and rules, and against a slow reader written from its grammar
 * (a byte at a time, the whole text in memory) on texts made of all the bytes that matter. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/csv.h"
#include "check.h"

#include <string.h>

/* What came out: "[line:field|field]" for a row, "!line" for a bad one. */
struct sink {
	struct buf text;
	uint64_t stop_at_line;
	uint64_t rows, bad;
	const char *reason;
};

static enum err_code take_row(void *self, const struct csv_row *row, struct error *err)
{
	struct sink *sink = self;

	if (sink->stop_at_line && row->line >= sink->stop_at_line)
		return err_set(err, ERR_CONFLICT, "stopped at line %d", (int)row->line);
	sink->rows++;
	buf_printf(&sink->text, "[%d:", (int)row->line);
	for (size_t i = 0; i < row->field_count; i++) {
		if (i)
			buf_put_char(&sink->text, '|');
		buf_put(&sink->text, row->fields[i]);
	}
	buf_put_char(&sink->text, ']');
	return ERR_OK;
}

static enum err_code take_bad(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct sink *sink = self;

	(void)err;
	sink->bad++;
	sink->reason = reason;
	buf_printf(&sink->text, "!%d", (int)line);
	return ERR_OK;
}

static enum err_code parse_in_pieces(struct sink *sink, struct str text, size_t piece, bool tolerant, struct error *err)
{
	struct csv_options options = {.row = take_row, .bad = tolerant ? take_bad : NULL, .self = sink};
	struct csv *csv = NULL;
	enum err_code code = csv_new(&options, &csv, err);

	for (size_t at = 0; !code && at < text.len; at += piece) {
		/* The chunk dies when the call returns, so that a pointer kept into it is seen. */
		struct str part = str_part(text, at, at + piece);
		char *copy = malloc(part.len);

		memcpy(copy, part.at, part.len);
		code = csv_feed(csv, (struct str){copy, part.len}, err);
		free(copy);
	}
	if (!code)
		code = csv_finish(csv, err);
	(void)csv_free(csv);
	return code;
}

static void check_rows(struct str text, const char *expected)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, 65, 5000, 1u << 20};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct sink sink = {0};
		struct error err = {0};

		buf_init(&sink.text, 1u << 24);
		CHECK_OK(parse_in_pieces(&sink, text, pieces[i], true, &err), &err);
		CHECK_STR(buf_str(&sink.text), str_from(expected));
		buf_done(&sink.text);
	}
}

static void the_examples_of_the_rfc_come_out_as_it_says(void)
{
	check_rows(STR("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"), "[1:aaa|bbb|ccc][2:zzz|yyy|xxx]");
	check_rows(STR("aaa,bbb,ccc\r\nzzz,yyy,xxx"), "[1:aaa|bbb|ccc][2:zzz|yyy|xxx]");
	check_rows(STR("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx"), "[1:aaa|bbb|ccc][2:zzz|yyy|xxx]");
	check_rows(STR("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx"), "[1:aaa|b\r\nbb|ccc][3:zzz|yyy|xxx]");
	check_rows(STR("\"aaa\",\"b\"\"bb\",\"ccc\""), "[1:aaa|b\"bb|ccc]");
}

static void all_line_ends_and_empty_lines_are_understood(void)
{
	check_rows(STR("a\nb\r\nc\rd"), "[1:a][2:b][3:c][4:d]");
	check_rows(STR("a\n\n\r\n\rb\n"), "[1:a][5:b]");
	check_rows(STR(""), "");
	check_rows(STR("\n"), "");
	check_rows(STR("a,\n,b\n,\n"), "[1:a|][2:|b][3:|]");
	check_rows(STR("\"\"\nx"), "[1:][2:x]"); /* an empty quoted field is no empty line */
}

static void a_byte_order_mark_is_no_part_of_the_first_name(void)
{
	check_rows(STR("\xEF\xBB\xBFstop_id,x\n1,2\n"), "[1:stop_id|x][2:1|2]");
	check_rows(STR("\xEF\xBB\xBF\"stop_id\",x\n1,2\n"), "[1:stop_id|x][2:1|2]");
	check_rows(STR("\xEF\xBB\xBF"), "");
	check_rows(STR("\xEF\xBB"), "[1:\xEF\xBB]");
	check_rows(STR("a\n\xEF\xBB\xBF"
		       "b\n"),
		   "[1:a][2:\xEF\xBB\xBF"
		   "b]");
}

static void quotes_that_open_nothing_are_ordinary(void)
{
	check_rows(STR("5\" pipe,b\n"), "[1:5\" pipe|b]");
	check_rows(STR(" \"a\",b\n"), "[1: \"a\"|b]");
	check_rows(STR("\"\"\"\",\"\"\"a\"\"\"\n"), "[1:\"|\"a\"]");
}

static void bad_rows_are_told_and_the_next_ones_come(void)
{
	check_rows(STR("a,b\n\"x\"y,c\nd,e\n"), "[1:a|b]!2[3:d|e]");
	check_rows(STR("\"x\"y\"z,\n\",c\nd\n"), "!1!2"); /* the quote of line 2 is open to the end */
	check_rows(STR("a\n\"open\nb\nc"), "[1:a]!2");

	struct sink sink = {0};
	struct error err = {0};

	buf_init(&sink.text, 1000);
	CHECK(parse_in_pieces(&sink, STR("a\nb\n\"x\"y\nz\n"), 100, false, &err) == ERR_INVALID);
	CHECK(str_contains(str_from(err.detail), STR("line 3")));
	CHECK(sink.rows == 2);
	buf_done(&sink.text);
}

static void an_error_of_the_receiver_stops_the_parser(void)
{
	struct sink sink = {.stop_at_line = 3};
	struct error err = {0};

	buf_init(&sink.text, 1000);
	CHECK(parse_in_pieces(&sink, STR("a\nb\nc\nd\n"), 2, true, &err) == ERR_CONFLICT);
	CHECK(sink.rows == 2);
	buf_done(&sink.text);
}

static struct str repeat(struct buf *buf, const char *head, char c, size_t count, const char *tail)
{
	buf_init(buf, 1u << 24);
	buf_put(buf, str_from(head));
	char *at = buf_extend(buf, count);

	memset(at, c, count);
	buf_put(buf, str_from(tail));
	return buf_str(buf);
}

static void check_big(struct str text, uint64_t rows, uint64_t bad)
{
	static const size_t pieces[] = {4096, 100000, 1u << 24};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct sink sink = {0};
		struct error err = {0};

		buf_init(&sink.text, 1u << 24);
		CHECK_OK(parse_in_pieces(&sink, text, pieces[i], true, &err), &err);
		CHECK(sink.rows == rows && sink.bad == bad);
		buf_done(&sink.text);
	}
}

static void bounds_hold_to_the_byte_and_cost_one_row(void)
{
	struct buf buf;

	check_big(repeat(&buf, "a\n", 'x', CSV_FIELD_BYTES_MAX, "\nb\n"), 3, 0);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n", 'x', CSV_FIELD_BYTES_MAX + 1, "\nb\n"), 2, 1);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n\"", 'x', CSV_FIELD_BYTES_MAX, "\"\nb\n"), 3, 0);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n", ',', CSV_FIELDS_MAX - 1, "\nb\n"), 3, 0);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n", ',', CSV_FIELDS_MAX, "\nb\n"), 2, 1);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n", 'x', 3 * CSV_ROW_BYTES_MAX, "\nb\n"), 2, 1);
	buf_done(&buf);
	check_big(repeat(&buf, "a\n\"", 'x', 3 * CSV_ROW_BYTES_MAX, "\"\nb\n"), 2, 1);
	buf_done(&buf);
}

/* The grammar, read slowly: fields of one whole text from *at on. False when the row is bad. */
static bool slow_row(struct str text, size_t *at, struct buf *out)
{
	bool first = true, good = true, empty = true;

	for (;; first = false) {
		if (!first)
			buf_put_char(out, '|');
		if (*at < text.len && text.at[*at] == '"') {
			empty = false;
			for ((*at)++;; (*at)++) {
				if (*at >= text.len)
					return false;
				if (text.at[*at] == '"' && *at + 1 < text.len && text.at[*at + 1] == '"')
					(*at)++;
				else if (text.at[*at] == '"')
					break;
				buf_put_char(out, text.at[*at]);
			}
			(*at)++;
			good = *at >= text.len || memchr(",\r\n", text.at[*at], 3);
			if (!good)
				break;
		}
		while (*at < text.len && !memchr(",\r\n", text.at[*at], 3)) {
			empty = false;
			buf_put_char(out, text.at[(*at)++]);
		}
		if (*at >= text.len || text.at[*at] != ',')
			break;
		empty = false;
		(*at)++;
	}
	while (!good && *at < text.len && text.at[*at] != '\r' && text.at[*at] != '\n')
		(*at)++;
	if (empty)
		buf_put(out, STR("EMPTY"));
	return good;
}

static int line_of(struct str text, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.at[i] == '\n' ? (i == 0 || text.at[i - 1] != '\r') : text.at[i] == '\r';
	return line;
}

static void slow_parse(struct str text, struct buf *out)
{
	struct buf row;

	buf_init(&row, 1u << 20);
	for (size_t at = 0; at < text.len;) {
		int line = line_of(text, at);

		buf_clear(&row);
		bool good = slow_row(text, &at, &row);

		if (!good)
			buf_printf(out, "!%d", line);
		else if (!str_eq(buf_str(&row), STR("EMPTY")))
			buf_printf(out, "[%d:%.*s]", line, STR_FMT(buf_str(&row)));
		if (at + 1 < text.len && text.at[at] == '\r' && text.at[at + 1] == '\n')
			at++;
		at++;
	}
	buf_done(&row);
}

static void every_short_text_reads_as_the_grammar_says(void)
{
	static const char letters[] = "a,\"\n\r";
	char text[8];
	struct buf slow;

	buf_init(&slow, 1u << 20);
	for (size_t len = 0; len <= 7; len++) {
		size_t count = 1;

		for (size_t i = 0; i < len; i++)
			count *= 5;
		for (size_t number = 0; number < count; number++) {
			size_t rest = number;

			for (size_t i = 0; i < len; i++, rest /= 5)
				text[i] = letters[rest % 5];
			struct sink sink = {0};
			struct error err = {0};

			buf_init(&sink.text, 1u << 20);
			buf_clear(&slow);
			slow_parse((struct str){text, len}, &slow);
			if (parse_in_pieces(&sink, (struct str){text, len}, number % 3 + 1, true, &err) ||
			    !str_eq(buf_str(&sink.text), buf_str(&slow))) {
				CHECK_STR(buf_str(&sink.text), buf_str(&slow));
				printf("# the text is text number %zu of length %zu\n", number, len);
			}
			buf_done(&sink.text);
		}
	}
	buf_done(&slow);
}

static void columns_are_found_by_name(void)
{
	struct str fields[] = {STR(" stop_id"), STR("stop_name "), STR("x")};
	struct csv_row header = {fields, 3, 1};
	struct str values[] = {STR(" 01012 "), STR("Hotel")};
	struct csv_row row = {values, 2, 2};
	struct str names[] = {STR("stop_name"), STR("stop_id"), STR("stop_lat")};
	size_t columns[3];

	csv_columns(&header, names, 3, columns);
	CHECK(columns[0] == 1 && columns[1] == 0 && columns[2] == CSV_NO_COLUMN);
	CHECK_STR(csv_value(&row, columns[1]), STR("01012"));
	CHECK(csv_value(&row, 2).len == 0);
	CHECK(csv_value(&row, CSV_NO_COLUMN).len == 0);
	CHECK(csv_column(&header, STR("STOP_ID")) == CSV_NO_COLUMN);
}

static void another_separator_may_be_chosen(void)
{
	struct sink sink = {0};
	struct csv_options options = {.separator = ';', .row = take_row, .self = &sink};
	struct csv *csv = NULL;
	struct error err = {0};

	buf_init(&sink.text, 1000);
	CHECK_OK(csv_new(&options, &csv, &err), &err);
	CHECK_OK(csv_feed(csv, STR("a,b;\"c;d\"\n"), &err), &err);
	CHECK_OK(csv_finish(csv, &err), &err);
	CHECK_STR(buf_str(&sink.text), STR("[1:a,b|c;d]"));
	csv = csv_free(csv);
	options.separator = '"';
	CHECK(csv_new(&options, &csv, &err) == ERR_INVALID && !csv);
	buf_done(&sink.text);
}

int main(void)
{
	RUN(the_examples_of_the_rfc_come_out_as_it_says);
	RUN(all_line_ends_and_empty_lines_are_understood);
	RUN(a_byte_order_mark_is_no_part_of_the_first_name);
	RUN(quotes_that_open_nothing_are_ordinary);
	RUN(bad_rows_are_told_and_the_next_ones_come);
	RUN(an_error_of_the_receiver_stops_the_parser);
	RUN(bounds_hold_to_the_byte_and_cost_one_row);
	RUN(every_short_text_reads_as_the_grammar_says);
	RUN(columns_are_found_by_name);
	RUN(another_separator_may_be_chosen);
	return check_done();
}
