/* The shapes of the documents that clients keep here (subscriptions, registrations): which members there are and of
 * what type, as tables; the walk by them that checks, and what is kept and merged by them. For use inside this room.
 * Pure. */
#ifndef MACHI_NGSILD_SHAPE_H
#define MACHI_NGSILD_SHAPE_H

#include "json/json.h"

#define SHAPE_LIST_MAX 1024u /* items of any array; more is ERR_TOO_COMPLEX */

enum rule_type {
	RULE_TEXT, /* not empty */
	RULE_ANY_TEXT,
	RULE_BOOL,
	RULE_POSITIVE, /* a number greater than 0 */
	RULE_WHOLE, /* a whole number of 1 or more */
	RULE_OBJECT, /* of the rule's shape; without one, of the members that its check knows */
	RULE_TEXTS, /* an array of texts, neither empty */
	RULE_OBJECTS, /* an array of objects of the rule's shape, not empty */
	RULE_TEXT_OR_TEXTS,
	RULE_TEXT_OR_ARRAY
};

/* The way from the document to a member, for errors. */
struct place {
	const struct place *outer; /* NULL: the document itself */
	struct str name; /* STR_NONE: an item of an array */
	uint32_t index;
};

struct checking {
	const char *subject; /* "the subscription" */
	bool fragment;
	int64_t now_us;
	struct error *err;
};

struct shape;

#define SHAPE_NAME(literal)                                                                                            \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}
#define SHAPE_OF(rules)                                                                                                \
	{                                                                                                              \
		(rules), sizeof(rules) / sizeof((rules)[0])                                                            \
	}

struct rule {
	struct str name;
	enum rule_type type;
	bool required;
	const struct shape *shape; /* of RULE_OBJECT and RULE_OBJECTS */
	/* More than its type: of each text of an array, of each object too. NULL: nothing more. */
	enum err_code (*check)(const struct checking *c, const struct place *place, const struct json *value);
};

struct shape {
	const struct rule *rules;
	size_t count;
};

/* An error that names the place. */
#define place_fail(c, place, code, ...)                                                                                \
	err_sure(place_tell((c), (place), (code), __FILE__ ":" ERR_LINE_(__LINE__), __VA_ARGS__))
enum err_code place_tell(const struct checking *c, const struct place *place, enum err_code code, const char *where,
			 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The members of an object by their rules. */
MUST_CHECK enum err_code shape_check(const struct checking *c, const struct shape *shape, const struct place *place,
				     const struct json *object);
/* The rule of this name; NULL when nobody knows it. */
const struct rule *shape_rule(const struct shape *shape, struct str name);
/* Does the value stand for removal: null, NGSI-LD Null or, where an array belongs, an array of one NGSI-LD Null? */
bool rule_is_null(const struct rule *rule, const struct json *value);

/* A member that is there and stands for no removal; NULL else. */
const struct json *shape_given(const struct json *object, struct str name);

/* ---- keeping and merging: shape_keep.c ---- */

/* The members known, without those that are null. In the arena, sharing nodes. */
MUST_CHECK enum err_code shape_keep(const struct checking *c, struct arena *arena, const struct shape *shape,
				    const struct json *document, struct json **ret_document);
/* A checked fragment put over a document (5.5.8: a member of the document is replaced as a whole). ERR_INVALID: another
 * id is named. What comes out is to be checked. */
MUST_CHECK enum err_code shape_merge(const struct checking *c, struct arena *arena, const struct shape *shape,
				     const struct json *document, const struct json *fragment,
				     struct json **ret_document);

/* ---- checks of values, for tables: shape_value.c ---- */

enum err_code value_uri(const struct checking *c, const struct place *place, const struct json *value);
/* The name of an attribute. */
enum err_code value_attribute(const struct checking *c, const struct place *place, const struct json *value);
/* A URI or "@none". */
enum err_code value_dataset(const struct checking *c, const struct place *place, const struct json *value);
enum err_code value_time(const struct checking *c, const struct place *place, const struct json *value);
/* A time that is not past. */
enum err_code value_expiry(const struct checking *c, const struct place *place, const struct json *value);
/* "major.minor" */
enum err_code value_version(const struct checking *c, const struct place *place, const struct json *value);
/* RFC 7230, 3.2: a header's name is a token (and so can no metadata's name of MQTT hurt); in its value stand no line
 * ends nor other control characters but the tab. */
enum err_code value_header_name(const struct checking *c, const struct place *place, const struct json *value);
enum err_code value_header(const struct checking *c, const struct place *place, const struct json *value);
bool value_is_token_char(char ch);
/* A URI that names a host, of one of the schemes ("http://"). in_words: the schemes, for the error. *ret_path:
 * what stands behind the host and a "/", "?" or "#". */
enum err_code value_address(const struct checking *c, const struct place *place, struct str uri,
			    const struct str *schemes, size_t count, const char *in_words, struct str *ret_path);

/* KeyValuePair (5.2.22) */
extern const struct shape pair_shape;

bool value_among(struct str text, const struct str *list, size_t count);
#define AMONG(text, ...)                                                                                               \
	value_among((text), (const struct str[]){__VA_ARGS__},                                                         \
		    sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

#endif
