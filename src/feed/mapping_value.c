/* What a mapping makes of a row's texts: values of each kind. Errors name the column (or the attribute where several
 * columns make a text) and the value. */
#include "base/time_value.h"
#include "feed/mapping_int.h"

#include <math.h>

#define SHOWN_BYTES_MAX 40u
#define CLOCK_HOURS_MAX 47

enum err_code mapping_row_no_memory(const struct mapping_row *row)
{
	return err_set(row->err, ERR_MEMORY, "no memory for an entity");
}

/* The row's text in a column; STR_NONE when it is empty or one of the words for nothing. */
struct str mapping_cell(const struct mapping_row *row, size_t column)
{
	struct str text = column == NO_COLUMN ? STR_NONE : str_trim(row->values[column]);

	for (size_t i = 0; i < row->mapping->nothing_count; i++)
		if (str_eq(text, row->mapping->nothing[i]))
			return STR_NONE;
	return text.len ? text : STR_NONE;
}

bool mapping_condition_holds(const struct mapping_row *row, const struct condition *condition)
{
	struct str text =
		condition->empty ? mapping_cell(row, condition->column) : str_trim(row->values[condition->column]);
	bool found = condition->empty && text.len == 0;

	for (size_t i = 0; i < condition->word_count && !found; i++)
		found = str_eq(text, condition->words[i]);
	return found != condition->inverted;
}

/* What RFC 3986 lets stand in a URI; beyond ASCII it is an IRI's character and stays. */
static bool stands_in_uri(char c)
{
	size_t at;

	return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       str_find(STR("-._~:/@!$&'()*+,;="), c, &at);
}

static struct str escape_for_uri(struct arena *arena, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t more = 0;

	for (size_t i = 0; i < text.len; i++)
		more += stands_in_uri(text.at[i]) ? 0 : 2;
	if (more == 0)
		return text;
	char *at = arena_bytes(arena, text.len + more, 0), *to = at;

	if (!at)
		return STR_NONE;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (stands_in_uri(text.at[i])) {
			*to++ = text.at[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return (struct str){at, text.len + more};
}

/* The template's text in the arena; STR_NONE when one of its columns is empty. *ret_missing names that column. */
enum err_code mapping_fill(const struct mapping_row *row, const struct template *template, bool is_uri, struct str *ret,
			   size_t *ret_missing)
{
	struct str text = STR("");

	*ret_missing = NO_COLUMN;
	for (size_t i = 0; i < template->count; i++) {
		const struct template_part *part = &template->parts[i];
		struct str piece = part->column == NO_COLUMN ? part->literal : mapping_cell(row, part->column);

		if (part->column != NO_COLUMN && piece.len == 0) {
			*ret_missing = part->column;
			*ret = STR_NONE;
			return ERR_OK;
		}
		if (piece.len > MAPPING_CELL_BYTES_MAX)
			return err_set(row->err, ERR_INVALID, "column \"%.*s\": longer than %u bytes",
				       STR_FMT(row->mapping->columns[part->column]), MAPPING_CELL_BYTES_MAX);
		if (is_uri && part->column != NO_COLUMN)
			piece = escape_for_uri(row->arena, piece);
		text = template->count == 1 ? piece : arena_concat(row->arena, text, piece);
		if (!text.at)
			return mapping_row_no_memory(row);
	}
	*ret = text;
	return ERR_OK;
}

/* "column "X": expected a number, not "abc"" */
static enum err_code refuse(const struct mapping_row *row, const struct field *field, const char *expected,
			    struct str text)
{
	size_t column = field->source.count == 1 ? field->source.parts[0].column : NO_COLUMN;
	struct str name = column == NO_COLUMN ? field->name : row->mapping->columns[column];
	size_t cut = text.len < SHOWN_BYTES_MAX ? text.len : SHOWN_BYTES_MAX;

	while (cut < text.len && cut > 0 && ((unsigned char)text.at[cut] & 0xC0) == 0x80)
		cut--;
	return err_set(row->err, ERR_INVALID, "%s \"%.*s\": expected %s, not \"%.*s\"%s",
		       column == NO_COLUMN ? "attribute" : "column", STR_FMT(name), expected, (int)cut,
		       text.len ? text.at : "", cut < text.len ? "…" : "");
}

static enum err_code make_number(const struct mapping_row *row, const struct field *field, struct str text,
				 struct json *ret)
{
	double number;
	int64_t whole;

	if (field->kind == FIELD_INTEGER) {
		if (!str_to_int64(text, &whole))
			return refuse(row, field, "a whole number", text);
		*ret = json_int(row->arena, whole);
		return ret->kind == JSON_NUMBER ? ERR_OK : mapping_row_no_memory(row);
	}
	if (!str_to_double(text, &number))
		return refuse(row, field, "a number", text);
	number = number * field->scale + field->offset;
	if (!isfinite(number))
		return refuse(row, field, "a number that can be scaled", text);
	*ret = field->decimals >= 0 ? json_decimal(row->arena, number, field->decimals)
				    : json_double(row->arena, number);
	return ret->kind == JSON_NUMBER ? ERR_OK : mapping_row_no_memory(row);
}

static enum err_code make_boolean(const struct mapping_row *row, const struct field *field, struct str text,
				  struct json *ret)
{
	static const char *const yes[] = {"true", "yes", "1", "on", "y", "t"};
	static const char *const no[] = {"false", "no", "0", "off", "n", "f"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (str_eq_nocase(text, str_from(yes[i])) || str_eq_nocase(text, str_from(no[i]))) {
			*ret = json_bool(str_eq_nocase(text, str_from(yes[i])));
			return ERR_OK;
		}
	}
	return refuse(row, field, "true or false", text);
}

static enum err_code make_time(const struct mapping_row *row, const struct field *field, struct str text,
			       struct json *ret)
{
	char buffer[TIME_ISO_BYTES];
	int64_t us;

	if (!mapping_time(text, field->format, field->zone_us, &us))
		return refuse(row, field, "a time in the mapping's format", text);
	struct str iso = arena_dup(row->arena, time_format_iso(us, buffer));
	struct json value = json_object();

	if (!iso.at || !json_add(row->arena, &value, STR("@type"), json_string(STR("DateTime"))) ||
	    !json_add(row->arena, &value, STR("@value"), json_string(iso)))
		return mapping_row_no_memory(row);
	*ret = value;
	return ERR_OK;
}

/* "0530", "530", "05:30", "5:30", each also with seconds: to "05:30" or "05:30:00". */
static enum err_code make_clock(const struct mapping_row *row, const struct field *field, struct str text,
				struct json *ret)
{
	char digits[6];
	size_t count = 0, colons = 0;

	for (size_t i = 0; i < text.len && count < 7; i++) {
		bool is_digit = text.at[i] >= '0' && text.at[i] <= '9';

		if (!is_digit && !(text.at[i] == ':' && (text.len - i) % 3 == 0))
			return refuse(row, field, "a time of day", text);
		colons += is_digit ? 0 : 1;
		if (is_digit && count < 6)
			digits[count] = text.at[i];
		count += is_digit;
	}
	if (count < 3 || count > 6 || (colons && colons != (count - 1) / 2))
		return refuse(row, field, "a time of day", text);
	if (count % 2) {
		for (size_t i = count; i > 0; i--)
			digits[i] = digits[i - 1];
		digits[0] = '0';
		count++;
	}
	int hour = (digits[0] - '0') * 10 + digits[1] - '0';

	if (hour > CLOCK_HOURS_MAX || digits[2] > '5' || (count == 6 && digits[4] > '5'))
		return refuse(row, field, "a time of day", text);
	struct str clock = count == 6 ? arena_printf(row->arena, "%.2s:%.2s:%.2s", digits, digits + 2, digits + 4)
				      : arena_printf(row->arena, "%.2s:%.2s", digits, digits + 2);

	*ret = json_string(clock);
	return clock.at ? ERR_OK : mapping_row_no_memory(row);
}

/* The text that a field is made of: the cell or the filled template, an enumeration's word, or the default. */
static enum err_code field_text(const struct mapping_row *row, const struct field *field, struct str *ret)
{
	size_t missing;
	struct str text;
	enum err_code code = mapping_fill(row, &field->source, field->kind == FIELD_RELATIONSHIP, &text, &missing);

	if (code)
		return code;
	if (text.len && field->bytes && !mapping_decode(field->bytes, text, row->arena, &text))
		return refuse(row, field, field->bytes->is_hex ? "bytes in hexadecimal" : "bytes in base64", text);
	if (text.len && field->word_count) {
		size_t i = 0;

		while (i < field->word_count && !str_eq(text, field->words[i].from))
			i++;
		if (i == field->word_count)
			return refuse(row, field, "one of the mapping's values", text);
		text = field->words[i].to;
	}
	if (text.len == 0)
		text = field->fallback;
	if (text.len == 0 && field->required && missing != NO_COLUMN)
		return err_set(row->err, ERR_INVALID, "column \"%.*s\" is empty",
			       STR_FMT(row->mapping->columns[missing]));
	*ret = text;
	return ERR_OK;
}

static enum err_code make_point(const struct mapping_row *row, const struct field *field, struct json *ret,
				bool *ret_given)
{
	struct str lon_text = mapping_cell(row, field->longitude), lat_text = mapping_cell(row, field->latitude);
	struct json position = json_array(), point = json_object();
	double lon, lat;

	*ret_given = false;
	if (lon_text.len == 0 || lat_text.len == 0) {
		size_t empty = lon_text.len == 0 ? field->longitude : field->latitude;

		if (field->required)
			return err_set(row->err, ERR_INVALID, "column \"%.*s\" is empty",
				       STR_FMT(row->mapping->columns[empty]));
		return ERR_OK;
	}
	if (!str_to_double(lon_text, &lon) || lon < -180 || lon > 180)
		return refuse(row, field, "a longitude from -180 to 180", lon_text);
	if (!str_to_double(lat_text, &lat) || lat < -90 || lat > 90)
		return refuse(row, field, "a latitude from -90 to 90", lat_text);
	struct json x =
		field->decimals >= 0 ? json_decimal(row->arena, lon, field->decimals) : json_double(row->arena, lon);
	struct json y =
		field->decimals >= 0 ? json_decimal(row->arena, lat, field->decimals) : json_double(row->arena, lat);

	if (!json_push(row->arena, &position, x) || !json_push(row->arena, &position, y) ||
	    !json_add(row->arena, &point, STR("type"), json_string(STR("Point"))) ||
	    !json_add(row->arena, &point, STR("coordinates"), position))
		return mapping_row_no_memory(row);
	*ret = point;
	*ret_given = true;
	return ERR_OK;
}

static enum err_code make_object(const struct mapping_row *row, const struct field *field, struct json *ret,
				 bool *ret_given)
{
	struct json object = json_object();

	for (size_t i = 0; i < field->member_count; i++) {
		struct json value = json_null();
		bool given = false;
		enum err_code code = mapping_make_value(row, &field->members[i], &value, &given);

		if (code)
			return code;
		if (given && !json_add(row->arena, &object, field->members[i].name, value))
			return mapping_row_no_memory(row);
	}
	*ret = object;
	*ret_given = object.count > 0;
	return ERR_OK;
}

/* *ret_given false: the row says nothing of this field. */
enum err_code mapping_make_value(const struct mapping_row *row, const struct field *field, struct json *ret,
				 bool *ret_given)
{
	struct str text = STR_NONE;
	enum err_code code;

	if (field->kind == FIELD_POINT)
		return make_point(row, field, ret, ret_given);
	if (field->kind == FIELD_OBJECT)
		return make_object(row, field, ret, ret_given);
	if (field->kind == FIELD_COUNT_ROWS) {
		*ret = json_int(row->arena, 1);
		*ret_given = true;
		return ret->kind == JSON_NUMBER ? ERR_OK : mapping_row_no_memory(row);
	}
	code = field_text(row, field, &text);
	*ret_given = text.len > 0;
	if (code || text.len == 0)
		return code;
	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_INTEGER:
		return make_number(row, field, text, ret);
	case FIELD_BOOLEAN:
		return make_boolean(row, field, text, ret);
	case FIELD_TIME:
		return make_time(row, field, text, ret);
	case FIELD_CLOCK:
		return make_clock(row, field, text, ret);
	default:
		*ret = json_string(text);
		return ERR_OK;
	}
}
