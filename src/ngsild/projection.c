/* Reading and asking projections (4.21). */
#include "ngsild/projection.h"

#include "ngsild/attribute_int.h"
#include "ngsild/name_int.h"
#include "ngsild/query_int.h"

#include <string.h>

/* One list that grows while it is read. */
struct reading {
	struct scan *scan;
	enum projection_kind kind;
	uint32_t levels;
	uint32_t depth; /* braces that are open */
};

static bool is_listed(enum projection_kind kind, enum member member)
{
	static const uint64_t stamps =
		MEMBER_BIT(MEMBER_CREATED_AT) | MEMBER_BIT(MEMBER_MODIFIED_AT) | MEMBER_BIT(MEMBER_EXPIRES_AT);
	static const uint64_t own = MEMBER_BIT(MEMBER_ID) | MEMBER_BIT(MEMBER_TYPE) | MEMBER_BIT(MEMBER_SCOPE);

	return member_in(member, stamps) || (kind == PROJECT_MEMBERS && member_in(member, own));
}

static enum err_code term_name(const struct reading *reading, struct str *ret_name, struct str *ret_written)
{
	struct scan *scan = reading->scan;

	scan_spaces(scan);
	size_t from = scan->at;

	while (scan->at < scan->text.len && !strchr(",|{} \t\r\n", scan->text.at[scan->at]))
		scan->at++;
	struct str name = str_part(scan->text, from, scan->at);

	if (name.len == 0)
		return scan_fail(scan, from, ERR_INVALID, "expected a name, found \"%.*s\"", STR_FMT(scan_here(scan)));
	*ret_written = name;
	if (member_of(name) != MEMBER_NONE) {
		if (!is_listed(reading->kind, member_of(name)))
			return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is no %s", STR_FMT(name),
					 reading->kind == PROJECT_MEMBERS ? "member of an entity" : "attribute");
		*ret_name = name;
		return ERR_OK;
	}
	if (!name_is_legal(name))
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" is no attribute name",
				 STR_FMT(str_part(name, 0, 80)));
	return scan_expand(scan, from, name, ret_name);
}

static struct projection_term *find_term(const struct projection *projection, struct str name)
{
	for (size_t i = 0; i < projection->count; i++)
		if (str_eq(projection->terms[i].name, name))
			return &projection->terms[i];
	return NULL;
}

static struct projection_term *add_term(struct arena *arena, struct projection *projection, struct list *list,
					struct str name)
{
	struct projection_term *term = list_push(arena, list, sizeof(*term));

	if (!term)
		return NULL;
	term->name = name;
	projection->terms = (struct projection_term *)list->at;
	projection->count = list->count;
	return term;
}

static enum err_code read_list(struct reading *reading, struct projection *projection);

static enum err_code read_braces(struct reading *reading, struct projection *outer, struct str name, struct str written,
				 size_t from)
{
	struct scan *scan = reading->scan;
	struct projection_term *term = find_term(outer, name);

	if (!document_is_attribute(name))
		return scan_fail(scan, from, ERR_INVALID, "\"%.*s\" links to no entities", STR_FMT(written));
	if (reading->levels == 0)
		return scan_fail(scan, from, ERR_INVALID, "%.*s{…} selects from linked entities, which needs join",
				 STR_FMT(written));
	if (reading->depth == reading->levels)
		return scan_fail(scan, from, ERR_INVALID, "%.*s{…} lies deeper than joinLevel, which is %u",
				 STR_FMT(written), reading->levels);
	if (!term->linked) {
		term->linked = arena_new(scan->arena, struct projection);
		if (!term->linked)
			return scan_no_memory(scan);
		term->linked->outer = outer;
	}
	reading->depth++;
	enum err_code code = read_list(reading, term->linked);

	if (code)
		return code;
	reading->depth--;
	if (!scan_take(scan, "}"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected , | or }, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	return ERR_OK;
}

/* Recursion is bounded by LINKED_LEVELS_MAX. A list may go on one that was read before: a{b},a{c}. */
static enum err_code read_list(struct reading *reading, struct projection *projection)
{
	struct scan *scan = reading->scan;
	struct list list = {(char *)projection->terms, projection->count, projection->count};
	struct str name, written;

	do {
		size_t from = scan->at;
		enum err_code code = term_name(reading, &name, &written);

		if (code)
			return code;
		if (++scan->terms > PROJECTION_TERMS_MAX)
			return scan_fail(scan, from, ERR_TOO_COMPLEX, "more than %d names", PROJECTION_TERMS_MAX);
		if (!find_term(projection, name) && !add_term(scan->arena, projection, &list, name))
			return scan_no_memory(scan);
		from = scan->at;
		if (scan_take(scan, "{"))
			code = read_braces(reading, projection, name, written, from);
		else
			find_term(projection, name)->bare = true;
		if (code)
			return code;
	} while (scan_take(scan, ",") || scan_take(scan, "|"));
	return ERR_OK;
}

enum err_code projection_read(struct scan *scan, enum projection_kind kind, uint32_t levels,
			      struct projection **ret_projection)
{
	struct reading reading = {.scan = scan, .kind = kind, .levels = levels};
	struct projection *projection = arena_new(scan->arena, struct projection);

	if (levels > LINKED_LEVELS_MAX)
		reading.levels = LINKED_LEVELS_MAX;
	if (!projection)
		return scan_no_memory(scan);
	enum err_code code = read_list(&reading, projection);

	if (code)
		return code;
	if (!scan_end(scan))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected , or |, found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	*ret_projection = projection;
	return ERR_OK;
}

enum err_code projection_new(struct arena *arena, const struct context *context, const char *parameter, struct str text,
			     enum projection_kind kind, uint32_t levels, const struct projection **ret_projection,
			     struct error *err)
{
	struct error unseen = {0};
	struct projection *projection = NULL;
	struct scan scan = {.name = parameter,
			    .text = arena_dup(arena, text),
			    .arena = arena,
			    .context = context,
			    .err = err ? err : &unseen};

	if (!scan.text.at)
		return scan_no_memory(&scan);
	enum err_code code = projection_read(&scan, kind, levels, &projection);

	if (code == ERR_OK)
		*ret_projection = projection;
	return code;
}

/* The parameter's own list. */
static const struct projection *outermost(const struct projection *projection)
{
	while (projection->outer)
		projection = projection->outer;
	return projection;
}

bool projection_names(const struct projection *projection, struct str name)
{
	return find_term(projection, name) != NULL;
}

bool projection_omits(const struct projection *projection, struct str name)
{
	const struct projection_term *term = projection ? find_term(projection, name) : NULL;

	if (term && term->bare)
		return true;
	return projection && projection->outer && projection_omits(outermost(projection), name);
}

const struct projection *projection_linked(const struct projection *projection, struct str name)
{
	const struct projection_term *term = projection ? find_term(projection, name) : NULL;

	if (term && term->linked)
		return term->linked;
	return projection ? outermost(projection) : NULL;
}
