/* Rows of files. A chunk is read at a time; its rows are copied into an arena and handed out one by one before the next
 * chunk is read. */
#include "feed/rows_int.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "parquet/parquet.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES 65536u
#define ARENA_BYTES_MAX ((size_t)64 << 20) /* the rows of a chunk and of what was left over by others */
#define QUEUE_FIRST 64u
#define PARQUET_ROWS 64u /* that are read at once */

struct rows {
	enum rows_format format;
	int fd; /* −1: a text */
	struct str text;
	struct csv *csv; /* owned */
	struct parquet *parquet; /* owned */
	bool has_header; /* of Parquet: it has been given */
	struct buf line; /* JSON: begun and not finished */
	bool overlong; /* what is there of the line is passed over */
	uint64_t line_number; /* of JSON lines: the last one that began */
	uint64_t bytes;
	bool ended;
	struct arena arena; /* of the queue */
	struct row *queue;
	size_t count, room, next;
};

DEFINE_CLEANUP(struct rows *, rows);

const char *rows_format_name(enum rows_format format)
{
	static const char *const names[ROWS_FORMAT_COUNT] = {"csv", "jsonl", "json", "parquet"};

	return names[format];
}

bool rows_format_of(struct str name, enum rows_format *ret_format)
{
	static const struct {
		const char *end;
		enum rows_format format;
	} ends[] = {{".csv", ROWS_CSV},          {".tsv", ROWS_CSV},           {".txt", ROWS_CSV},
		    {".jsonl", ROWS_JSON_LINES}, {".ndjson", ROWS_JSON_LINES}, {".json", ROWS_JSON},
		    {".geojson", ROWS_JSON},     {".parquet", ROWS_PARQUET}};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct str end = str_from(ends[i].end);

		if (name.len > end.len && str_eq_nocase(str_part(name, name.len - end.len, name.len), end)) {
			*ret_format = ends[i].format;
			return true;
		}
	}
	return false;
}

bool rows_are_table(enum rows_format format)
{
	return format == ROWS_CSV || format == ROWS_PARQUET;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the rows of a file");
}

/* ---- filling the queue ---- */

static enum err_code put(struct rows *rows, const struct row *row, struct error *err)
{
	struct row *grown =
		arena_grow(&rows->arena, rows->queue, rows->count, &rows->room, sizeof(*rows->queue), QUEUE_FIRST);

	if (!grown)
		return no_memory(err);
	rows->queue = grown;
	rows->queue[rows->count++] = *row;
	return ERR_OK;
}

static enum err_code put_fields(void *self, const struct csv_row *row, struct error *err)
{
	struct rows *rows = self;
	struct str *fields = arena_array(&rows->arena, struct str, row->field_count);

	if (!fields)
		return no_memory(err);
	for (size_t i = 0; i < row->field_count; i++) {
		fields[i] = arena_dup(&rows->arena, row->fields[i]);
		if (!fields[i].at)
			return no_memory(err);
	}
	return put(rows, &(struct row){.line = row->line, .fields = fields, .field_count = row->field_count}, err);
}

static enum err_code put_bad(void *self, uint64_t line, const char *reason, struct error *err)
{
	struct rows *rows = self;
	struct str bad = arena_dup(&rows->arena, str_from(reason));

	return bad.at ? put(rows, &(struct row){.line = line, .bad = bad.at}, err) : no_memory(err);
}

static enum err_code put_line(struct rows *rows, struct error *err)
{
	struct row row = {.line = rows->line_number, .text = buf_str(&rows->line)};

	if (rows->line_number == 1 && str_starts(row.text, STR("\xEF\xBB\xBF")))
		row.text = str_part(row.text, 3, row.text.len);
	row.text = str_trim(row.text);
	if (rows->overlong)
		row = (struct row){.line = rows->line_number, .bad = "the line is too long"};
	else if (row.text.len == 0)
		return ERR_OK;
	row.text = row.bad ? STR_NONE : arena_dup(&rows->arena, row.text);
	return row.bad || row.text.at ? put(rows, &row, err) : no_memory(err);
}

static enum err_code take_lines(struct rows *rows, struct str chunk, struct error *err)
{
	enum err_code code = ERR_OK;
	size_t end;

	while (chunk.len > 0 && !code) {
		bool ends = str_find(chunk, '\n', &end);
		struct str piece = str_part(chunk, 0, ends ? end : chunk.len);

		if (!rows->overlong)
			buf_put(&rows->line, piece);
		if (rows->line.failed == ERR_MEMORY)
			return no_memory(err);
		rows->overlong = rows->overlong || rows->line.failed;
		chunk = str_part(chunk, ends ? end + 1 : chunk.len, chunk.len);
		if (!ends)
			break;
		code = put_line(rows, err);
		buf_clear(&rows->line);
		rows->overlong = false;
		rows->line_number++;
	}
	return code;
}

static enum err_code take_chunk(struct rows *rows, struct str chunk, struct error *err)
{
	switch (rows->format) {
	case ROWS_CSV:
		return csv_feed(rows->csv, chunk, err);
	case ROWS_JSON_LINES:
		return take_lines(rows, chunk, err);
	default:
		buf_put(&rows->line, chunk);
		return buf_check(&rows->line, "the JSON document", err);
	}
}

static enum err_code take_end(struct rows *rows, struct error *err)
{
	rows->ended = true;
	if (rows->format == ROWS_CSV)
		return csv_finish(rows->csv, err);
	return rows->line.len || rows->overlong ? put_line(rows, err) : ERR_OK;
}

static enum err_code read_chunk(struct rows *rows, char *chunk, struct str *ret, struct error *err)
{
	ssize_t got;

	if (rows->fd < 0) {
		*ret = str_part(rows->text, 0, CHUNK_BYTES);
		rows->text = str_part(rows->text, ret->len, rows->text.len);
		return ERR_OK;
	}
	do
		got = read(rows->fd, chunk, CHUNK_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, ERR_IO, "it cannot be read: %s", strerrordesc_np(errno));
	*ret = (struct str){chunk, (size_t)got};
	return ERR_OK;
}

/* ---- Parquet ---- */

static bool read_part(void *self, uint64_t at, char *to, size_t len)
{
	const struct rows *rows = self;

	if (rows->fd < 0) {
		if (at > rows->text.len || len > rows->text.len - at)
			return false;
		if (len)
			memcpy(to, rows->text.at + at, len);
		return true;
	}
	while (len > 0) {
		ssize_t got = pread(rows->fd, to, len, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		at += (uint64_t)got;
		len -= (size_t)got;
	}
	return true;
}

static enum err_code open_parquet(struct rows *rows, struct error *err)
{
	struct parquet_source source = {.read = read_part, .self = rows, .bytes = rows->text.len};
	struct stat status;

	if (rows->fd >= 0 && fstat(rows->fd, &status) != 0)
		return err_set(err, ERR_IO, "it cannot be read: %s", strerrordesc_np(errno));
	if (rows->fd >= 0)
		source.bytes = (uint64_t)status.st_size;
	rows->bytes = source.bytes;
	return parquet_open(&source, &rows->parquet, err);
}

static enum err_code put_header(struct rows *rows, struct error *err)
{
	size_t count = parquet_column_count(rows->parquet);
	struct str *fields = arena_array(&rows->arena, struct str, count);

	for (size_t i = 0; fields && i < count; i++)
		fields[i] = parquet_column(rows->parquet, i);
	rows->has_header = true;
	rows->line_number = 0;
	return fields ? put(rows, &(struct row){.line = 1, .fields = fields, .field_count = count}, err)
		      : no_memory(err);
}

static enum err_code fill_from_parquet(struct rows *rows, struct error *err)
{
	enum err_code code = rows->parquet ? ERR_OK : open_parquet(rows, err);

	if (!code && !rows->has_header)
		return put_header(rows, err);
	for (size_t i = 0; i < PARQUET_ROWS && !code && !rows->ended; i++) {
		size_t count = parquet_column_count(rows->parquet);
		struct str *fields = arena_array(&rows->arena, struct str, count);
		bool there = false;

		if (!fields)
			return no_memory(err);
		code = parquet_next(rows->parquet, &rows->arena, fields, &there, err);
		rows->ended = !code && !there;
		if (!code && there)
			code = put(rows,
				   &(struct row){.line = ++rows->line_number, .fields = fields, .field_count = count},
				   err);
	}
	return code;
}

static enum err_code fill(struct rows *rows, struct error *err)
{
	char chunk[CHUNK_BYTES];
	enum err_code code = ERR_OK;

	arena_clear(&rows->arena);
	rows->queue = NULL;
	rows->count = rows->room = rows->next = 0;
	if (rows->format == ROWS_PARQUET)
		return rows->ended ? ERR_OK : fill_from_parquet(rows, err);
	while (rows->count == 0 && !rows->ended && !code) {
		struct str got;

		code = read_chunk(rows, chunk, &got, err);
		if (code)
			break;
		rows->bytes += got.len;
		code = got.len ? take_chunk(rows, got, err) : take_end(rows, err);
	}
	return code;
}

/* ---- for others ---- */

static enum err_code make(int fd, struct str text, enum rows_format format, char separator, struct rows **ret_rows,
			  struct error *err)
{
	CLEANUP(rows) struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows) {
		if (fd >= 0)
			(void)close(fd);
		return no_memory(err);
	}
	const struct csv_options options = {.separator = separator, .row = put_fields, .bad = put_bad, .self = rows};

	rows->format = format;
	rows->fd = fd;
	rows->text = text;
	rows->line_number = 1;
	arena_init(&rows->arena, ARENA_BYTES_MAX);
	buf_init(&rows->line, format == ROWS_JSON ? ROWS_DOCUMENT_BYTES_MAX : ROWS_LINE_BYTES_MAX);
	enum err_code code = format == ROWS_CSV ? csv_new(&options, &rows->csv, err) : ERR_OK;

	if (!code)
		*ret_rows = TAKE(rows);
	return code;
}

enum err_code rows_of_file(int fd, enum rows_format format, char separator, struct rows **ret_rows, struct error *err)
{
	return make(fd, STR_NONE, format, separator, ret_rows, err);
}

enum err_code rows_of_text(struct str text, enum rows_format format, char separator, struct rows **ret_rows,
			   struct error *err)
{
	return make(-1, text, format, separator, ret_rows, err);
}

struct rows *rows_free(struct rows *rows)
{
	if (!rows)
		return NULL;
	if (rows->fd >= 0)
		(void)close(rows->fd);
	(void)csv_free(rows->csv);
	(void)parquet_free(rows->parquet);
	buf_done(&rows->line);
	arena_done(&rows->arena);
	free(rows);
	return NULL;
}

enum err_code rows_next(struct rows *rows, struct row *ret_row, bool *ret_there, struct error *err)
{
	enum err_code code = rows->next < rows->count ? ERR_OK : fill(rows, err);

	if (code)
		return code;
	*ret_there = rows->next < rows->count;
	if (*ret_there)
		*ret_row = rows->queue[rows->next++];
	return ERR_OK;
}

uint64_t rows_bytes(const struct rows *rows)
{
	return rows->bytes;
}
