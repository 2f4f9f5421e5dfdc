/* The attribute paths of q (4.9):
 *
 *   path   = name "{" linked "}" / name *("." name) ["[" member *("." member) "]"]
 *   linked = [type *("," type) ":"] path
 *
 * The clause's ABNF has types only before a further name{…}, and two of them at least; its example 14 has one before a
 * plain name. Here one or more may stand before either. "a:b" could be a type and a name, or a prefixed name (4.6.2):
 * it is the latter when the @context knows the prefix. */
#include "ngsild/attribute_int.h"
#include "ngsild/name_int.h"
#include "ngsild/query_int.h"

#include <string.h>

/* Core members that a path may end with: of the entity, and of an attribute's instance. */
#define MEMBERS_OF_ENTITY (QUERY_MEMBERS_STAMP | MEMBER_BIT(MEMBER_EXPIRES_AT) | MEMBER_BIT(MEMBER_SCOPE))
#define MEMBERS_OF_INSTANCE                                                                                            \
	(QUERY_MEMBERS_TIME | MEMBER_BIT(MEMBER_UNIT_CODE) | MEMBER_BIT(MEMBER_DATASET_ID) |                           \
	 MEMBER_BIT(MEMBER_VALUE_TYPE) | MEMBER_BIT(MEMBER_OBJECT_TYPE))

static enum err_code parse_step(struct scan *scan, struct list *steps, enum member *ret_member)
{
	struct str name, iri;
	enum err_code code;

	scan_spaces(scan);
	size_t from = scan->at;

	if (steps->count == QUERY_PATH_STEPS_MAX)
		return scan_fail(scan, from, ERR_TOO_COMPLEX, "more than %d names in one path", QUERY_PATH_STEPS_MAX);
	if (*ret_member != MEMBER_NONE)
		return scan_fail(scan, from, ERR_INVALID, "nothing can follow a core member in a path");
	code = scan_name(scan, &name);
	if (code)
		return code;
	*ret_member = member_of(name);
	if (*ret_member == MEMBER_NONE) {
		code = scan_expand(scan, from, name, &iri);
		if (code)
			return code;
	} else if (member_in(*ret_member, steps->count ? MEMBERS_OF_INSTANCE : MEMBERS_OF_ENTITY)) {
		iri = name;
	} else {
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is no attribute that can be queried",
				 STR_FMT(name));
	}
	struct str *step = list_push(scan->arena, steps, sizeof(*step));

	if (!step)
		return scan_no_memory(scan);
	*step = iri;
	return ERR_OK;
}

/* Names of JSON members and language tags: anything but what ends them here. "*" is any language. */
static bool is_trail_byte(char c)
{
	return (unsigned char)c > ' ' && !strchr(".[]{}()\"", c);
}

static enum err_code parse_trail(struct scan *scan, struct q_path *path)
{
	struct list keys = {NULL, 0, 0};

	do {
		scan_spaces(scan);
		size_t from = scan->at;

		while (scan->at < scan->text.len && is_trail_byte(scan->text.at[scan->at]))
			scan->at++;
		if (scan->at == from)
			return scan_fail(scan, from, ERR_INVALID, "expected a member name, found \"%.*s\"",
					 STR_FMT(scan_here(scan)));
		if (keys.count == QUERY_PATH_STEPS_MAX)
			return scan_fail(scan, from, ERR_TOO_COMPLEX, "more than %d member names in brackets",
					 QUERY_PATH_STEPS_MAX);
		struct str *key = list_push(scan->arena, &keys, sizeof(*key));

		if (!key)
			return scan_no_memory(scan);
		*key = str_part(scan->text, from, scan->at);
	} while (scan_take(scan, "."));
	if (!scan_take(scan, "]"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ] or . in a trailing path, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	path->trail = (const struct str *)keys.at;
	path->trail_count = keys.count;
	return ERR_OK;
}

/* ---- linked entities ---- */

/* Would the @context make an IRI of this prefixed name? */
static bool is_prefixed(const struct scan *scan, struct str name)
{
	struct str iri;

	return name_is_legal(name) && context_expand(scan->context, scan->arena, name, &iri, NULL) == ERR_OK &&
	       !str_eq(iri, name);
}

static bool last_colon(struct str text, size_t *ret_at)
{
	for (size_t at = text.len; at > 0; at--)
		if (text.at[at - 1] == ':') {
			*ret_at = at - 1;
			return true;
		}
	return false;
}

/* Where the last type ends, given that it and the attribute stand in run with a colon between and perhaps one inside
 * either. False: there is no type, run is a prefixed name. */
static bool find_colon(const struct scan *scan, struct str run, size_t *ret_colon)
{
	size_t last, before, first;

	if (!last_colon(run, &last))
		return false;
	*ret_colon = last;
	if (!last_colon(str_part(run, 0, last), &before))
		return !is_prefixed(scan, run); /* a:b */
	if (last_colon(str_part(run, 0, before), &first)) {
		*ret_colon = before; /* prefix:type:prefix:name */
		return true;
	}
	/* prefix:type:name, or type:prefix:name */
	if (!is_prefixed(scan, str_part(run, 0, last)) && is_prefixed(scan, str_part(run, before + 1, run.len)))
		*ret_colon = before;
	return true;
}

/* The types before the attribute, up to the colon behind them; STR_NONE when there are none. */
static struct str find_types(const struct scan *scan)
{
	size_t from = scan->at, to = from, last = from, colon;

	for (; to < scan->text.len; to++) {
		char c = scan->text.at[to];

		if (c == ',')
			last = to + 1;
		else if (!scan_is_name_byte(c) && c != ' ')
			break;
	}
	struct str run = str_part(scan->text, last, to);

	if (!find_colon(scan, str_trim(run), &colon))
		return STR_NONE;
	colon += (size_t)(str_trim(run).at - scan->text.at);
	return str_part(scan->text, from, colon);
}

static enum err_code parse_types(struct scan *scan, struct q_path *path)
{
	struct list iris = {NULL, 0, 0};
	struct str rest = find_types(scan), piece, iri;
	size_t behind = scan->at + rest.len + 1;

	if (!rest.at)
		return ERR_OK;
	while (str_next(&rest, ',', &piece)) {
		struct str name = str_trim(piece);
		size_t at = (size_t)(piece.at - scan->text.at);

		if (iris.count == QUERY_CHOICES_MAX)
			return scan_fail(scan, at, ERR_TOO_COMPLEX, "more than %d types", QUERY_CHOICES_MAX);
		if (!name_is_legal(name))
			return scan_fail(scan, at, ERR_INVALID, "\"%.*s\" is no entity type",
					 STR_FMT(str_part(name, 0, 60)));
		enum err_code code = scan_expand(scan, at, name, &iri);

		if (code)
			return code;
		struct str *slot = list_push(scan->arena, &iris, sizeof(*slot));

		if (!slot)
			return scan_no_memory(scan);
		*slot = iri;
	}
	scan->at = behind;
	path->types = (const struct str *)iris.at;
	path->type_count = iris.count;
	return ERR_OK;
}

static enum err_code parse_path_at(struct scan *scan, uint32_t level, struct q_path *path, enum member *ret_member);

/* What stands behind "name{". */
static enum err_code parse_linked(struct scan *scan, uint32_t level, size_t from, struct q_path *path,
				  enum member *ret_member)
{
	struct q_path *linked = arena_new(scan->arena, struct q_path);
	uint32_t levels = scan->query ? scan->query->linked_levels : 0;

	if (!linked)
		return scan_no_memory(scan);
	if (path->step_count > 1 || path->is_member)
		return scan_fail(scan, from, ERR_INVALID, "only the name of a Relationship can stand before {");
	if (levels == 0)
		return scan_fail(scan, from, ERR_INVALID, "reaching into linked entities (attribute{…}) needs join");
	if (level == levels)
		return scan_fail(scan, from, ERR_INVALID,
				 "too deep a query: braces within braces go beyond joinLevel, which is %u", levels);
	scan_spaces(scan);
	enum err_code code = parse_types(scan, linked);

	if (code == ERR_OK)
		code = parse_path_at(scan, level + 1, linked, ret_member);
	if (code)
		return code;
	if (!scan_take(scan, "}"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected }, found \"%.*s\"", STR_FMT(scan_here(scan)));
	path->linked = linked;
	return ERR_OK;
}

/* Recursion is bounded by the query's linked_levels, LINKED_LEVELS_MAX at most. */
static enum err_code parse_path_at(struct scan *scan, uint32_t level, struct q_path *path, enum member *ret_member)
{
	struct list steps = {NULL, 0, 0};
	enum err_code code;

	*ret_member = MEMBER_NONE;
	do {
		code = parse_step(scan, &steps, ret_member);
		if (code)
			return code;
	} while (scan_take(scan, "."));
	path->steps = (const struct str *)steps.at;
	path->step_count = steps.count;
	path->is_member = *ret_member != MEMBER_NONE;
	if (*ret_member == MEMBER_MODIFIED_AT)
		path->member_else = STR("createdAt");
	size_t from = scan->at;

	if (scan_take(scan, "{"))
		return parse_linked(scan, level, from, path, ret_member);
	if (!scan_take(scan, "["))
		return ERR_OK;
	if (path->is_member)
		return scan_fail(scan, from, ERR_INVALID, "a core member has no compound value");
	return parse_trail(scan, path);
}

enum err_code query_parse_term_path(struct scan *scan, struct q_path *path, enum member *ret_member)
{
	return parse_path_at(scan, 0, path, ret_member);
}

enum err_code query_parse_path(struct scan *scan, struct q_path *ret_path)
{
	struct q_path path = {.step_count = 0};
	enum member member;
	enum err_code code = parse_path_at(scan, 0, &path, &member);

	if (code == ERR_OK)
		*ret_path = path;
	return code;
}
