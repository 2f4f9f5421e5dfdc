/* Conditions of a query on the indices.
 *
 * The statements of one kind take the same parameters in the same places; behind them comes the bound (counting) or the
 * number to begin with (ordered streams). */
#include "store/sqlite_condition.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define PLACE_ROWS_MAX 512 /* rows of cells that are looked into one by one: 2 degrees */

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory to plan a search");
}

/* ---- bounds of values ---- */

/* A text is filed under a prefix of at least INDEX_TEXT_BYTES_SURE bytes. Cut to so many bytes, a low bound is not
 * above the prefix of any text that lies above the bound. */
static struct str text_low(struct str text)
{
	size_t len = INDEX_TEXT_BYTES_SURE;

	if (text.len <= len)
		return text;
	while (len > 0 && ((unsigned char)text.at[len] & 0xC0) == 0x80)
		len--;
	return (struct str){text.at, len};
}

/* And a high bound, cut and continued by the greatest character, is not below that of any text under the bound. */
static struct str text_high(struct arena *arena, struct str text)
{
	struct str cut = text_low(text);

	if (cut.len == text.len)
		return text.at ? text : STR("");
	return arena_concat(arena, cut, STR("\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF"));
}

/* The order of values in the index: numbers, texts, partial, present. An open end is the end of its kind. */
static bool make_bounds(struct arena *arena, const struct narrow_attribute *attribute, struct condition *condition)
{
	bool exists = attribute->op == NARROW_EXISTS;

	condition->low = (struct index_value){.kind = INDEX_NUMBER, .number = -INFINITY};
	condition->high = (struct index_value){.kind = exists ? INDEX_PRESENT : INDEX_PARTIAL};
	if (exists)
		return true;
	if (!attribute->is_text) {
		if (attribute->has_low)
			condition->low.number = attribute->low_number;
		condition->high = (struct index_value){
			.kind = INDEX_NUMBER, .number = attribute->has_high ? attribute->high_number : INFINITY};
		return true;
	}
	condition->low = (struct index_value){.kind = INDEX_TEXT,
					      .text = attribute->has_low ? text_low(attribute->low_text) : STR("")};
	if (attribute->has_high)
		condition->high =
			(struct index_value){.kind = INDEX_TEXT, .text = text_high(arena, attribute->high_text)};
	return condition->high.kind != INDEX_TEXT || condition->high.text.at;
}

/* ---- making ---- */

static enum err_code make_attribute(struct sqlite_conn *conn, struct arena *arena,
				    const struct narrow_attribute *attribute, struct condition *condition,
				    struct error *err)
{
	*condition = (struct condition){.kind = CONDITION_RANGE};
	condition->numbers = arena_array(arena, int64_t, 1);
	if (!condition->numbers || !make_bounds(arena, attribute, condition))
		return no_memory(err);
	enum err_code code = sqlite_name_find(conn, attribute->attribute_iri, condition->numbers, err);

	condition->number_count = code == ERR_OK && *condition->numbers != 0;
	return code;
}

static int number_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static enum err_code find_id(struct sqlite_conn *conn, struct str id, int64_t *ret_iid, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_ENTITY_IID, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	return sqlite_number(conn, SQL_ENTITY_IID, stmt, "looking for an entity", ret_iid, &row, err);
}

/* The numbers of ids or names that the database knows, each once, ascending. */
static enum err_code make_numbers(struct sqlite_conn *conn, struct arena *arena, enum condition_kind kind,
				  const struct str *texts, size_t count, struct condition *condition, struct error *err)
{
	*condition = (struct condition){.kind = kind, .numbers = arena_array(arena, int64_t, count)};
	if (!condition->numbers)
		return no_memory(err);
	size_t found = 0, kept = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t *number = &condition->numbers[found];
		enum err_code code = kind == CONDITION_IDS ? find_id(conn, texts[i], number, err)
							   : sqlite_name_find(conn, texts[i], number, err);

		if (code)
			return code;
		found += *number != 0;
	}
	if (found > 1)
		qsort(condition->numbers, found, sizeof(*condition->numbers), number_cmp);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || condition->numbers[kept - 1] != condition->numbers[i])
			condition->numbers[kept++] = condition->numbers[i];
	condition->number_count = kept;
	return ERR_OK;
}

static enum err_code make_either(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
				 struct condition *condition, struct error *err)
{
	struct condition types;
	enum err_code code = make_numbers(conn, arena, CONDITION_TYPES, narrow->either_type_iris,
					  narrow->either_type_count, &types, err);

	if (code == ERR_OK)
		code = make_numbers(conn, arena, CONDITION_IDS, narrow->either_ids, narrow->either_id_count, condition,
				    err);
	if (code)
		return code;
	condition->kind = CONDITION_EITHER;
	condition->type_numbers = types.numbers;
	condition->type_number_count = types.number_count;
	return ERR_OK;
}

enum err_code conditions_make(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
			      struct condition *conditions, size_t *ret_count, struct error *err)
{
	enum err_code code = ERR_OK;
	size_t count = 0;

	if (narrow->id_count > 0)
		code = make_numbers(conn, arena, CONDITION_IDS, narrow->ids, narrow->id_count, &conditions[count++],
				    err);
	if (code == ERR_OK && narrow->type_count > 0)
		code = make_numbers(conn, arena, CONDITION_TYPES, narrow->type_iris, narrow->type_count,
				    &conditions[count++], err);
	if (code == ERR_OK && narrow->either_id_count + narrow->either_type_count > 0)
		code = make_either(conn, arena, narrow, &conditions[count++], err);
	if (narrow->id_prefix.len > 0)
		conditions[count++] = (struct condition){.kind = CONDITION_ID_PREFIX};
	if (narrow->scope_prefix.len > 0)
		conditions[count++] = (struct condition){.kind = CONDITION_SCOPE};
	if (narrow->geo_attribute_iri.len > 0)
		conditions[count++] = (struct condition){.kind = CONDITION_PLACE};
	for (size_t i = 0; code == ERR_OK && i < narrow->attribute_count && i < CONDITION_ATTRIBUTES_MAX; i++)
		code = make_attribute(conn, arena, &narrow->attributes[i], &conditions[count++], err);
	*ret_count = count;
	return code;
}

bool condition_is_empty(const struct condition *condition)
{
	switch (condition->kind) {
	case CONDITION_IDS:
	case CONDITION_TYPES:
	case CONDITION_RANGE:
		return condition->number_count == 0;
	case CONDITION_EITHER:
		return condition->number_count + condition->type_number_count == 0;
	default:
		return false;
	}
}

bool condition_is_ordered(const struct condition *condition)
{
	return condition->kind == CONDITION_IDS || condition->kind == CONDITION_TYPES ||
	       condition->kind == CONDITION_EITHER;
}

/* ---- asking ---- */

static const struct {
	enum sqlite_sql stream, count; /* those without order have no count: they are read */
	int parameters; /* before the bound or the beginning */
} condition_sql[] = {
	[CONDITION_TYPES] = {SQL_TYPE_STREAM, SQL_TYPE_COUNT, 1},
	[CONDITION_EITHER] = {SQL_TYPE_STREAM, SQL_TYPE_COUNT, 1},
	[CONDITION_ID_PREFIX] = {.stream = SQL_ENTITY_IDS_RANGE},
	[CONDITION_SCOPE] = {.stream = SQL_SCOPE_ALL},
	[CONDITION_PLACE] = {.stream = SQL_GEO_ALL},
	[CONDITION_RANGE] = {.stream = SQL_CHUNK_READ},
};

static enum sqlite_sql place_sql(const struct geo_box *box)
{
	struct index_cells cells = index_cells(*box);

	return cells.row_last - cells.row_first < PLACE_ROWS_MAX ? SQL_GEO_ALL : SQL_GEO_WIDE;
}

static void bind_place(sqlite3_stmt *stmt, const struct geo_box *box)
{
	sqlite_bind_double(stmt, 1, box->west);
	sqlite_bind_double(stmt, 2, box->east);
	sqlite_bind_double(stmt, 3, box->south);
	sqlite_bind_double(stmt, 4, box->north);
	struct index_cells cells = index_cells(*box);

	sqlite_bind_int(stmt, 5, cells.row_first);
	sqlite_bind_int(stmt, 6, cells.row_last);
	sqlite_bind_int(stmt, 7, cells.column_first);
	sqlite_bind_int(stmt, 8, cells.column_last);
}

static void bind_prefix(sqlite3_stmt *stmt, struct arena *arena, struct str prefix)
{
	struct str end = sqlite_prefix_end(arena, prefix);

	sqlite_bind_text(stmt, 1, prefix);
	if (end.at)
		sqlite_bind_text(stmt, 2, end);
	else
		sqlite_bind_partial(stmt, 2); /* above every text */
}

/* How many questions it takes: one for each type. */
static size_t question_count(const struct condition *condition)
{
	if (condition->kind == CONDITION_TYPES)
		return condition->number_count;
	return condition->kind == CONDITION_EITHER ? condition->type_number_count : 1;
}

/* number: which of the types. */
static void bind_question(sqlite3_stmt *stmt, struct arena *arena, const struct narrow *narrow,
			  const struct condition *condition, size_t number)
{
	switch (condition->kind) {
	case CONDITION_IDS:
		break;
	case CONDITION_TYPES:
		sqlite_bind_int(stmt, 1, condition->numbers[number]);
		break;
	case CONDITION_EITHER:
		sqlite_bind_int(stmt, 1, condition->type_numbers[number]);
		break;
	case CONDITION_ID_PREFIX:
		bind_prefix(stmt, arena, narrow->id_prefix);
		break;
	case CONDITION_SCOPE:
		sqlite_bind_text(stmt, 1, index_scope(narrow->scope_prefix));
		break;
	case CONDITION_PLACE:
		bind_place(stmt, &narrow->geo_box);
		break;
	case CONDITION_RANGE:
		break;
	}
}

static enum err_code begin_gather(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
				  struct condition *condition, struct error *err)
{
	struct iid_gather *numbers = &condition->gather;

	if (condition->kind == CONDITION_RANGE)
		return gather_values(conn, numbers,
				     &(struct value_search){.nid = condition->numbers[0],
							    .low = condition->low,
							    .high = condition->high},
				     err);
	numbers->sql = condition->kind == CONDITION_PLACE ? place_sql(&narrow->geo_box)
							  : condition_sql[condition->kind].stream;
	enum err_code code = sqlite_take(conn, numbers->sql, &numbers->stmt, err);

	if (code == ERR_OK)
		bind_question(numbers->stmt, arena, narrow, condition, 0);
	return code;
}

static enum err_code gather(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
			    struct condition *condition, uint64_t bound, uint64_t *ret_count, struct error *err)
{
	struct iid_gather *numbers = &condition->gather;
	enum err_code code = numbers->stmt ? ERR_OK : begin_gather(conn, arena, narrow, condition, err);

	if (code == ERR_OK)
		code = gather_read(conn, numbers, bound, err);
	*ret_count = numbers->count;
	return code;
}

enum err_code condition_count(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
			      struct condition *condition, uint64_t bound, uint64_t *ret_count, struct error *err)
{
	enum sqlite_sql sql = condition_sql[condition->kind].count;
	uint64_t sum = condition->kind == CONDITION_EITHER ? condition->number_count : 0;

	if (!condition_is_ordered(condition))
		return gather(conn, arena, narrow, condition, bound, ret_count, err);
	if (condition->kind == CONDITION_IDS) {
		*ret_count = condition->number_count;
		return ERR_OK;
	}
	for (size_t i = 0; i < question_count(condition); i++) {
		sqlite3_stmt *stmt;
		int64_t count;
		bool row;
		enum err_code code = sqlite_take(conn, sql, &stmt, err);

		if (code)
			return code;
		bind_question(stmt, arena, narrow, condition, i);
		sqlite_bind_int(stmt, condition_sql[condition->kind].parameters + 1, (int64_t)bound);
		code = sqlite_number(conn, sql, stmt, "planning a search", &count, &row, err);
		if (code)
			return code;
		sum += (uint64_t)count;
		if (sum >= bound)
			break;
	}
	*ret_count = sum;
	return ERR_OK;
}

static enum err_code open_stream(struct sqlite_conn *conn, struct iid_union *streams, enum sqlite_sql sql,
				 int from_index, sqlite3_stmt **ret_stmt, struct error *err)
{
	struct iid_stream *stream = &streams->streams[streams->count];

	*stream = (struct iid_stream){.sql = sql, .from_index = from_index, .at = INT64_MIN};
	enum err_code code = sqlite_take(conn, sql, &stream->stmt, err);

	if (code)
		return code;
	if (from_index)
		sqlite_bind_int(stream->stmt, from_index, INT64_MIN);
	*ret_stmt = stream->stmt;
	streams->count++;
	return ERR_OK;
}

/* Those ready in memory, ascending. */
static void open_numbers(struct iid_union *streams, const int64_t *ids, size_t count)
{
	streams->streams[streams->count++] = (struct iid_stream){.ids = ids, .id_count = count, .at = INT64_MIN};
}

enum err_code condition_open(struct sqlite_conn *conn, struct arena *arena, const struct narrow *narrow,
			     struct condition *condition, struct error *err)
{
	bool ids = condition->kind == CONDITION_IDS || condition->kind == CONDITION_EITHER;
	size_t count = condition->kind == CONDITION_IDS ? 0 : question_count(condition);

	condition->streams.streams = arena_array(arena, struct iid_stream, count + 1);
	if (!condition->streams.streams)
		return no_memory(err);
	if (!condition_is_ordered(condition)) {
		assert(condition->gather.complete);
		gather_sort(&condition->gather);
		open_numbers(&condition->streams, condition->gather.ids, condition->gather.count);
		return ERR_OK;
	}
	if (ids)
		open_numbers(&condition->streams, condition->numbers, condition->number_count);
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *stmt;
		enum err_code code = open_stream(conn, &condition->streams, condition_sql[condition->kind].stream,
						 condition_sql[condition->kind].parameters + 1, &stmt, err);

		if (code)
			return code;
		bind_question(stmt, arena, narrow, condition, i);
	}
	return ERR_OK;
}

void condition_done(struct sqlite_conn *conn, struct condition *condition)
{
	iid_union_done(conn, &condition->streams);
	gather_done(conn, &condition->gather);
}
