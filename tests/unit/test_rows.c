/* Goal: rows come out of files and texts as they stand there, wherever a chunk ends, and bounds hold. Method: long
 * files whose every row is known by its number; each odd line by hand. */
#include "check.h"
#include "feed/rows_int.h"

#include "base/buf.h"

#include <unistd.h>

#define COUNT 20000

static struct rows *open_rows(struct str text, enum rows_format format, bool as_file)
{
	char path[] = "/tmp/machi-rows-XXXXXX";
	struct rows *rows = NULL;
	struct error err;

	if (!as_file) {
		CHECK_OK(rows_of_text(text, format, ',', &rows, &err), &err);
		return rows;
	}
	int fd = mkstemp(path);

	(void)unlink(path);
	CHECK(write(fd, text.at, text.len) == (ssize_t)text.len && lseek(fd, 0, SEEK_SET) == 0);
	CHECK_OK(rows_of_file(fd, format, ',', &rows, &err), &err);
	return rows;
}

static bool next(struct rows *rows, struct row *row)
{
	struct error err;
	bool there = false;

	CHECK_OK(rows_next(rows, row, &there, &err), &err);
	return there;
}

static void long_files_come_out_whole(bool as_file)
{
	struct buf text, lines;
	struct row row;

	buf_init(&text, 16 << 20);
	buf_init(&lines, 16 << 20);
	for (int i = 0; i < COUNT; i++) {
		buf_printf(&text, "%d,\"a \"\"%d\"\"\nb\"\r\n", i, i);
		buf_printf(&lines, "{\"n\":%d}%s\n", i, i % 3 ? "" : "\r");
	}
	struct rows *rows = open_rows(buf_str(&text), ROWS_CSV, as_file);

	for (int i = 0; i < COUNT && CHECK(next(rows, &row)); i++) {
		char number[16], quoted[32];

		(void)snprintf(number, sizeof(number), "%d", i);
		(void)snprintf(quoted, sizeof(quoted), "a \"%d\"\nb", i);
		if (!CHECK(row.line == 2 * (uint64_t)i + 1 && row.field_count == 2 && !row.bad) ||
		    !CHECK_STR(row.fields[0], str_from(number)) || !CHECK_STR(row.fields[1], str_from(quoted)))
			break;
	}
	CHECK(!next(rows, &row) && !next(rows, &row) && rows_bytes(rows) == text.len);
	(void)rows_free(rows);
	rows = open_rows(buf_str(&lines), ROWS_JSON_LINES, as_file);
	for (int i = 0; i < COUNT && CHECK(next(rows, &row)); i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "{\"n\":%d}", i);
		if (!CHECK(row.line == (uint64_t)i + 1) || !CHECK_STR(row.text, str_from(line)))
			break;
	}
	CHECK(!next(rows, &row));
	(void)rows_free(rows);
	rows = open_rows(buf_str(&lines), ROWS_JSON, as_file);
	CHECK(next(rows, &row) && row.line == 1 && row.text.len == str_trim(buf_str(&lines)).len);
	CHECK(!next(rows, &row));
	(void)rows_free(rows);
	buf_done(&text);
	buf_done(&lines);
}

static void texts_come_out_whole(void)
{
	long_files_come_out_whole(false);
}

static void files_come_out_whole(void)
{
	long_files_come_out_whole(true);
}

static void lines_keep_their_numbers(void)
{
	struct rows *rows = open_rows(STR("\xEF\xBB\xBF{}\n\n \t\r\n[1]\n{\"last\":1}"), ROWS_JSON_LINES, true);
	struct row row;

	CHECK(next(rows, &row) && row.line == 1 && str_eq(row.text, STR("{}")));
	CHECK(next(rows, &row) && row.line == 4 && str_eq(row.text, STR("[1]")));
	CHECK(next(rows, &row) && row.line == 5 && str_eq(row.text, STR("{\"last\":1}")));
	CHECK(!next(rows, &row));
	(void)rows_free(rows);
	rows = open_rows(STR("a,b\n\"x\"y,1\nc,d"), ROWS_CSV, true);
	CHECK(next(rows, &row) && row.line == 1 && row.field_count == 2);
	CHECK(next(rows, &row) && row.line == 2 && row.bad);
	CHECK(next(rows, &row) && row.line == 3 && str_eq(row.fields[1], STR("d")));
	CHECK(!next(rows, &row));
	(void)rows_free(rows);
}

static void what_is_too_long_is_passed_over(void)
{
	struct rows *rows;
	struct buf text;
	struct row row;
	struct error err;
	bool there;

	buf_init(&text, (size_t)64 << 20);
	buf_put(&text, STR("1\n"));
	(void)memset(buf_extend(&text, ROWS_LINE_BYTES_MAX + 1), '2', ROWS_LINE_BYTES_MAX + 1);
	buf_put(&text, STR("\n3\n"));
	(void)memset(buf_extend(&text, ROWS_LINE_BYTES_MAX), '4', ROWS_LINE_BYTES_MAX);
	rows = open_rows(buf_str(&text), ROWS_JSON_LINES, true);
	CHECK(next(rows, &row) && str_eq(row.text, STR("1")));
	CHECK(next(rows, &row) && row.line == 2 && row.bad);
	CHECK(next(rows, &row) && row.line == 3 && str_eq(row.text, STR("3")));
	CHECK(next(rows, &row) && row.line == 4 && !row.bad && row.text.len == ROWS_LINE_BYTES_MAX);
	CHECK(!next(rows, &row));
	(void)rows_free(rows);
	(void)memset(buf_extend(&text, ROWS_DOCUMENT_BYTES_MAX), ' ', ROWS_DOCUMENT_BYTES_MAX);
	rows = open_rows(buf_str(&text), ROWS_JSON, true);
	CHECK(rows_next(rows, &row, &there, &err) == ERR_LIMIT);
	(void)rows_free(rows);
	buf_done(&text);
}

static void formats_are_known_by_names(void)
{
	enum rows_format format;

	CHECK(rows_format_of(STR("a.CSV"), &format) && format == ROWS_CSV);
	CHECK(rows_format_of(STR("*.ndjson"), &format) && format == ROWS_JSON_LINES);
	CHECK(rows_format_of(STR("a.geojson"), &format) && format == ROWS_JSON);
	CHECK(!rows_format_of(STR("csv"), &format) && !rows_format_of(STR(".csv"), &format));
}

int main(void)
{
	RUN(texts_come_out_whole);
	RUN(files_come_out_whole);
	RUN(lines_keep_their_numbers);
	RUN(what_is_too_long_is_passed_over);
	RUN(formats_are_known_by_names);
	return check_done();
}
