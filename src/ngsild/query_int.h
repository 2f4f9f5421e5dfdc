/* Shared inside the ngsild room by the files of the query: its parts once built, and the scanner that reads texts.
 * Everything lives in the query's arena except regular expressions and the geo matcher, which query_done() frees. */
#ifndef MACHI_NGSILD_QUERY_INT_H
#define MACHI_NGSILD_QUERY_INT_H

#include "ngsild/attribute_int.h"
#include "ngsild/projection.h"
#include "ngsild/query.h"
#include "ngsild/query_pattern.h"

#define QUERY_PATH_STEPS_MAX 16 /* names in a dotted path; JSON member names between brackets too */
#define QUERY_VALUES_MAX 1000 /* values in one list of a q term */
#define QUERY_NEAR_POSITIONS_MAX 10000 /* of the geometry that "near" measures from */
#define QUERY_CHOICES_MAX 256 /* types, scopes or attributes named in one parameter */

/* ---- q (4.9) ---- */

enum q_type {
	Q_NUMBER,
	Q_TEXT,
	Q_BOOL,
	Q_DATETIME, /* int64: µs since 1970 */
	Q_DATE, /* int64: days since 1970 */
	Q_TIME, /* int64: µs since midnight */
	Q_STAMP, /* int64: µs, against a member that documents keep as µs (createdAt, modifiedAt) */
	Q_NEVER /* a value of a type that the target cannot have: equal to nothing, comparable with nothing */
};

struct q_value {
	enum q_type type;
	bool boolean;
	bool integer; /* Q_NUMBER: int64 is the exact value */
	double number;
	int64_t int64;
	struct str text;
};

struct q_item { /* one value, or a range with both ends included */
	struct q_value low, high; /* high only when range */
	bool range;
};

enum q_op { Q_EXISTS, Q_EQUAL, Q_UNEQUAL, Q_GREATER, Q_GREATER_EQ, Q_LESS, Q_LESS_EQ, Q_MATCH, Q_NO_MATCH };

struct q_path {
	const struct str *types; /* a linked entity has one of these (IRIs); NULL with count 0: any */
	size_t type_count;
	const struct str *steps; /* attribute IRIs; with is_member the last one is a core member's name */
	size_t step_count; /* at least 1 */
	bool is_member;
	struct str member_else; /* the member that stands in when the last step's is left out (modifiedAt) */
	const struct str *trail; /* JSON member names between brackets */
	size_t trail_count;
	const struct q_path *linked; /* goes on in the entities that the one step, a Relationship, points to; or NULL */
};

/* Core members that hold a time; of these, those that documents keep as µs. */
#define QUERY_MEMBERS_STAMP                                                                                            \
	(MEMBER_BIT(MEMBER_CREATED_AT) | MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_DELETED_AT))
#define QUERY_MEMBERS_TIME (QUERY_MEMBERS_STAMP | MEMBER_BIT(MEMBER_OBSERVED_AT) | MEMBER_BIT(MEMBER_EXPIRES_AT))

struct q_term {
	struct q_path path;
	enum q_op op;
	const struct q_item *items; /* one for the order operators; never NULL */
	size_t item_count; /* 0 for Q_EXISTS and patterns */
	const struct pattern *pattern;
};

enum q_kind { Q_TERM, Q_AND, Q_OR };

struct q_node {
	enum q_kind kind;
	const struct q_term *term; /* Q_TERM */
	struct q_node *first; /* Q_AND, Q_OR: two children at least */
	struct q_node *next; /* sibling */
};

/* ---- type selection (4.17) and scopeQ (4.19): any of the alternatives, each of them all of its parts ---- */

struct choice {
	const struct str *parts; /* type IRIs, or scope patterns without their leading "/" */
	size_t part_count;
};

struct choices {
	const struct choice *list; /* NULL with count 0: no condition */
	size_t count;
};

/* ---- selectors (5.2.33): any of them, each of them all of its parts ---- */

struct selector {
	const struct str *ids; /* sorted, each once */
	size_t id_count;
	struct pattern *id_pattern; /* owned */
	struct choices types;
};

/* ---- the query ---- */

struct query {
	const struct str *ids; /* sorted, each once */
	size_t id_count;
	struct pattern *id_pattern;
	struct choices types;
	struct selector *selectors; /* more than one; else they are the parts above */
	size_t selector_count;
	struct choices scopes;
	const struct str *attrs; /* member names of the entity: it has one of them at least */
	size_t attr_count;
	uint32_t linked_levels; /* that q may reach into, and attrs may name */
	const struct projection *expand_values, *json_keys; /* NULL: not given */
	struct q_node *q;
	struct pattern *patterns; /* all that q uses, chained, owned */
	struct str geo_iri; /* STR_NONE: no geo-query */
	struct geo_query geo;
	struct geo_matcher *geo_matcher; /* owned */
	struct narrow narrow;
};

/* ---- reading texts ---- */

/* A list that grows in the arena by doubling. */
struct list {
	char *at;
	size_t count, room;
};

struct scan {
	const char *name; /* of the parameter, for errors */
	struct str text;
	size_t at;
	struct arena *arena;
	struct json_parser *parser;
	const struct context *context;
	struct query *query; /* what is being built */
	struct error *err;
	uint32_t terms, depth; /* so far, of q */
	struct list *names; /* of struct scanned_name: where names were expanded; NULL: nobody wants to know */
};

struct scanned_name {
	size_t at, len; /* in the text */
	struct str iri;
};

/* An error that names the parameter and the character (counted from 1) at byte at. */
#define scan_fail(scan, at, code, ...)                                                                                 \
	(scan_tell((scan), (at), (code), __FILE__ ":" ERR_LINE_(__LINE__), __VA_ARGS__), (code))
void scan_tell(const struct scan *scan, size_t at, enum err_code code, const char *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
#define scan_no_memory(scan) ((void)err_set((scan)->err, ERR_MEMORY, "no memory for %s", (scan)->name), ERR_MEMORY)

/* Spaces between tokens are passed over: the standard's own examples have them. */
void scan_spaces(struct scan *scan);
bool scan_end(struct scan *scan); /* nothing but spaces left */
bool scan_take(struct scan *scan, const char *token); /* passes over spaces, then over token if it stands there */
/* What stands at the position, shortened for an error's text; "the end" at the end. */
struct str scan_here(const struct scan *scan);

/* A byte of names and prefixed names; whether they are legal name_is_legal() says. */
bool scan_is_name_byte(char c);
/* An attribute's name at the position, as written. */
MUST_CHECK enum err_code scan_name(struct scan *scan, struct str *ret_name);
/* The IRI of a name that was read at byte at, copied into the arena. */
MUST_CHECK enum err_code scan_expand(struct scan *scan, size_t at, struct str name, struct str *ret_iri);
/* One literal: quoted string, number, date, time, true, false; or a URI or bare word, which is *ret_bare. */
MUST_CHECK enum err_code scan_value(struct scan *scan, struct q_value *ret_value, bool *ret_bare);
/* A regular expression: between quotes as it stands there, or bare up to a ; | or ) that is not its own. */
MUST_CHECK enum err_code scan_pattern(struct scan *scan, struct str *ret_text);

/* The new element, zeroed; NULL when memory is refused. */
void *list_push(struct arena *arena, struct list *list, size_t element_bytes);

/* ---- builders and evaluators, one file each ---- */

MUST_CHECK enum err_code query_parse_q(struct scan *scan, struct q_node **ret_root);
/* query_path.c: ret_member is the core member that the path ends with, in whatever entity; MEMBER_NONE: none. */
MUST_CHECK enum err_code query_parse_term_path(struct scan *scan, struct q_path *path, enum member *ret_member);
bool query_eval_q(const struct q_node *node, const struct json *entity, const struct linked_source *linked);
/* projection.c: the whole text of the scan as a projection. */
MUST_CHECK enum err_code projection_read(struct scan *scan, enum projection_kind kind, uint32_t levels,
					 struct projection **ret_projection);

/* An attribute path alone, as orders have it too (4.23.3). Where scan->query is NULL it has no braces. */
MUST_CHECK enum err_code query_parse_path(struct scan *scan, struct q_path *ret_path);
MUST_CHECK enum err_code query_parse_types(struct scan *scan);
MUST_CHECK enum err_code query_parse_scopes(struct scan *scan);
MUST_CHECK enum err_code query_parse_ids(struct scan *scan);
MUST_CHECK enum err_code query_parse_attrs(struct scan *scan);
MUST_CHECK enum err_code query_parse_expand_values(struct scan *scan);
MUST_CHECK enum err_code query_parse_json_keys(struct scan *scan);
/* query_selectors.c: reads text->selectors; what one says, or several that differ by type alone, becomes the query's
 * own ids, pattern and types. */
MUST_CHECK enum err_code query_build_selectors(struct query *query, const struct scan *base,
					       const struct query_text *text);
bool query_eval_selectors(const struct query *query, const struct json *entity);
void query_selectors_done(struct query *query);
/* Fills either_ids and either_type_iris; false when memory is refused. */
bool query_narrow_selectors(struct query *query, struct arena *arena);
/* query.c: runs one parameter's parser over a copy of its text; nothing for STR_NONE. */
MUST_CHECK enum err_code query_parse_part(const struct scan *base, const char *name, struct str text,
					  enum err_code (*parse)(struct scan *scan));
MUST_CHECK enum err_code query_parse_id_pattern(struct scan *scan);
/* Is the id among the sorted ids (or are there none)? */
bool query_id_among(const struct str *ids, size_t count, struct str id);
/* Does the list (an array, else never) have all parts of one choice at least? */
bool choices_hold(const struct choices *choices, const struct json *list,
		  bool (*has)(const struct json *list, struct str part));
bool query_eval_types(const struct choices *types, const struct json *entity);
bool query_has_scope(const struct json *scopes, struct str pattern);
bool query_eval_scopes(const struct choices *scopes, const struct json *entity);

MUST_CHECK enum err_code query_build_geo(struct query *query, const struct scan *scan, const struct query_text *text);
bool query_eval_geo(const struct query *query, const struct json *entity);

MUST_CHECK enum err_code query_build_narrow(struct query *query, struct arena *arena, struct str id_pattern,
					    struct error *err);

#endif
