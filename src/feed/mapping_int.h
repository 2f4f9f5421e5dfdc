/* A mapping taken apart; shared by its reader and its use. */
#ifndef MACHI_FEED_MAPPING_INT_H
#define MACHI_FEED_MAPPING_INT_H

#include "feed/mapping.h"

#define NO_COLUMN SIZE_MAX

enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_INTEGER,
	FIELD_BOOLEAN,
	FIELD_TIME, /* {"@type": "DateTime", "@value": …} */
	FIELD_CLOCK, /* "05:30" of "0530", "530" or "05:30"; hours up to 47 */
	FIELD_RELATIONSHIP,
	FIELD_POINT,
	FIELD_OBJECT,
	FIELD_COUNT_ROWS /* how many rows the entity is made of */
};

struct template_part {
	struct str literal; /* when column is NO_COLUMN */
	size_t column;
};

struct template
{
	struct template_part *parts;
	size_t count;
};

struct word { /* one entry of `values` */
	struct str from, to;
};

struct condition {
	size_t column;
	struct str *words;
	size_t word_count;
	bool inverted; /* not_in */
	bool empty; /* column is empty; words unused */
	struct str text; /* for reports */
};

struct moment { /* observedAt */
	bool given;
	size_t column; /* NO_COLUMN: constant */
	struct str constant; /* NGSI-LD DateTime */
	struct str format;
	int64_t zone_us;
};

enum byte_type {
	BYTE_INT8,
	BYTE_UINT8,
	BYTE_INT16,
	BYTE_UINT16,
	BYTE_INT24,
	BYTE_UINT24,
	BYTE_INT32,
	BYTE_UINT32,
	BYTE_INT64,
	BYTE_UINT64,
	BYTE_FLOAT32,
	BYTE_FLOAT64,
	BYTE_TYPE_COUNT
};

struct field_bytes { /* a number in a device's payload */
	bool is_hex; /* else base64 */
	bool is_little; /* the first byte is the lowest */
	enum byte_type type;
	int32_t at; /* of its first byte; below 0: from the end */
	uint8_t bit, bit_count; /* of a whole number without sign, from the lowest; count 0: all of it */
};

struct field {
	struct str name;
	enum field_kind kind;
	struct template source; /* one part with a column, or any text; no parts: none */
	struct str fallback; /* of an empty text; STR_NONE: the field is left out */
	bool required;
	struct word *words; /* enumeration: any other text is an error */
	size_t word_count;
	struct field_bytes *bytes; /* the text is bytes, and the value is among them; NULL: no */
	double scale; /* 1: as it is */
	double offset; /* added after scaling */
	int decimals; /* −1: all */
	struct str format; /* FIELD_TIME */
	int64_t zone_us;
	size_t longitude, latitude; /* FIELD_POINT */
	struct field *members; /* FIELD_OBJECT */
	size_t member_count;
	/* of attributes only */
	struct str unit;
	struct template dataset;
	struct moment observed_at;
	struct condition when; /* column NO_COLUMN: always */
	bool gather;
	struct field *attributes; /* sub-attributes */
	size_t attribute_count;
};

struct mapping {
	struct arena arena; /* everything */
	struct str columns[MAPPING_COLUMNS_MAX];
	size_t column_count;
	enum mapping_mode mode;
	bool says_mode;
	bool history;
	char separator;
	struct str each, topic;
	struct template id;
	struct str *types;
	size_t type_count;
	struct str *nothing; /* texts that mean no value */
	size_t nothing_count;
	struct condition *skips;
	size_t skip_count;
	struct field *attributes;
	size_t attribute_count;
};

/* A row under way. */
struct mapping_row {
	const struct mapping *mapping;
	struct arena *arena;
	const struct str *values;
	struct error *err;
};

enum err_code mapping_row_no_memory(const struct mapping_row *row);
/* The row's text in a column; STR_NONE when it is empty or one of the words for nothing. */
struct str mapping_cell(const struct mapping_row *row, size_t column);
bool mapping_condition_holds(const struct mapping_row *row, const struct condition *condition);
/* The template's text in the arena, its columns escaped for a URI when is_uri; STR_NONE when one of its columns is
 * empty, and *ret_missing names that column. */
enum err_code mapping_fill(const struct mapping_row *row, const struct template *template, bool is_uri, struct str *ret,
			   size_t *ret_missing);
/* mapping_bytes.c: the number that lies in the text's bytes, as text in the arena; STR_NONE: they end before it. False:
 * the text is not in the encoding, or there is no memory. */
bool mapping_decode(const struct field_bytes *bytes, struct str text, struct arena *arena, struct str *ret);
/* *ret_given false: the row says nothing of this field. */
enum err_code mapping_make_value(const struct mapping_row *row, const struct field *field, struct json *ret,
				 bool *ret_given);
/* Puts instance under name; a second one of the name makes an array of it. False: no memory. */
bool mapping_put_instance(struct arena *arena, struct json *parent, struct str name, struct json instance);

#endif
