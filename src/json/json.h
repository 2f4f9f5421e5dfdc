/* JSON documents: a tree in an arena that keeps numbers as they were written and members in their order.
 *
 * A node is 32 bytes; the items of an array and the members of an object lie in one piece of memory. Text of strings
 * is decoded UTF-8 in the arena (or borrowed by builders: it must outlive the tree). Source: RFC 8259; duplicate
 * member names are refused unless allowed (RFC 7493, 2.3). Thread: a tree belongs to one thread, a parser too. */
#ifndef MACHI_JSON_JSON_H
#define MACHI_JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member;

struct json {
	uint8_t kind; /* enum json_kind */
	bool boolean; /* JSON_BOOL */
	bool integer; /* JSON_NUMBER: the token has neither fraction nor exponent */
	uint32_t count; /* bytes of text (string, number token), items or members */
	uint32_t room; /* items or members allocated */
	union {
		const char *text; /* JSON_STRING: decoded; JSON_NUMBER: the token as written */
		struct json *items; /* JSON_ARRAY */
		struct json_member *members; /* JSON_OBJECT, in document order */
	};
	double number; /* JSON_NUMBER */
};

struct json_member {
	struct str key;
	struct json value;
};

#define JSON_DEPTH_MAX 64 /* default nesting bound of the parser */

struct json_parse_options {
	uint32_t depth_max; /* 0: JSON_DEPTH_MAX */
	bool duplicates_allowed; /* for text that we wrote ourselves: skips the check */
};

/* Holds simdjson's buffers; reuse one per thread. */
struct json_parser;
struct json_parser *json_parser_new(void); /* NULL when memory is refused */
struct json_parser *json_parser_free(struct json_parser *parser);

/* Parses one document (surrounding white space allowed, nothing else behind it). The tree, copies of its strings
 * included, lives in the arena; bytes may go at once. options may be NULL.
 * Errors: ERR_INVALID (says what and at which byte), ERR_LIMIT (depth, or a number token too long), ERR_MEMORY. */
MUST_CHECK enum err_code json_parse(struct json_parser *parser, struct arena *arena, struct str bytes,
				    const struct json_parse_options *options, struct json **ret_json,
				    struct error *err);

/* Reading. All accept NULL and give "nothing" for a node of another kind. */
struct json *json_get(const struct json *object, struct str key); /* NULL when absent */
struct json *json_at(const struct json *array, size_t index); /* NULL when beyond */
/* Asked many times of every node, so the two lie here. */
static inline bool json_is(const struct json *node, enum json_kind kind)
{
	return node && node->kind == kind;
}

/* STR_NONE when not a string. */
static inline struct str json_text(const struct json *string)
{
	return json_is(string, JSON_STRING) ? (struct str){string->text, string->count} : STR_NONE;
}

bool json_int64(const struct json *number, int64_t *ret); /* exact, also beyond 2⁵³ */
/* Same value: numbers by value, members in any order. */
bool json_equal(const struct json *a, const struct json *b);

/* Building. Values are copied shallowly (32 bytes); strings are borrowed. The makers that need memory give a node of
 * kind JSON_NULL and the adders false when the arena refuses. */
struct json json_null(void);
struct json json_bool(bool value);
struct json json_string(struct str text);
struct json json_int(struct arena *arena, int64_t value);
/* Shortest text that reads back as the same double; value must be finite. */
struct json json_double(struct arena *arena, double value);
/* value rounded to the given decimals (0 to 17), trailing zeros dropped: for measured quantities such as degrees. */
struct json json_decimal(struct arena *arena, double value, int decimals);
struct json json_array(void);
struct json json_object(void);
struct json *json_new(struct arena *arena, struct json value); /* the node itself in the arena; NULL when refused */

/* Appends; the returned slot is valid until the next append to the same parent. NULL when the arena refuses. */
struct json *json_push(struct arena *arena, struct json *array, struct json value);
/* Sets or appends member key (borrowed). */
struct json *json_set(struct arena *arena, struct json *object, struct str key, struct json value);
/* Appends without looking for the key: the caller knows that it is new. */
struct json *json_add(struct arena *arena, struct json *object, struct str key, struct json value);
bool json_remove(struct json *object, struct str key); /* keeps the others' order; false when absent */
bool json_remove_at(struct json *array, size_t index);
/* Deep copy, strings included, into the arena; NULL when refused. */
struct json *json_dup(struct arena *arena, const struct json *node);
/* The same with node's own strings, which must outlive the copy. */
struct json *json_dup_nodes(struct arena *arena, const struct json *node);

/* Writing, compact; errors are the buffer's sticky ones. */
void json_write(struct buf *buf, const struct json *node);
void json_write_string(struct buf *buf, struct str text); /* quoted and escaped */
void json_write_double(struct buf *buf, double value); /* finite; the shortest text that reads back as it */

#endif
