/* What every match must satisfy, for stores to find candidates by: sound, never complete.
 *
 * Conditions on attributes are gathered up the tree of q. A term gives one condition on the attribute that its path
 * begins with; AND holds the conditions of all its children; OR holds a condition only on an attribute that every one
 * of its children has a condition on, as a range that covers theirs, or as mere existence where they have no common
 * order. "!=" and "!~=" demand that the attribute exists (4.9). */
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <math.h>
#include <string.h>

#define CONDITIONS_MAX 16 /* kept of one node: a store uses few */

struct conditions {
	struct narrow_attribute list[CONDITIONS_MAX];
	size_t count;
};

static void add(struct conditions *conditions, const struct narrow_attribute *condition)
{
	if (conditions->count < CONDITIONS_MAX)
		conditions->list[conditions->count++] = *condition;
}

/* ---- ranges ---- */

static double low_of(double a, double b)
{
	return a < b ? a : b;
}

static double high_of(double a, double b)
{
	return a > b ? a : b;
}

/* Widens range to what both ranges hold; mere existence when one is no range or their types differ. */
static void cover(struct narrow_attribute *range, const struct narrow_attribute *other)
{
	if (range->op != NARROW_RANGE || other->op != NARROW_RANGE || range->is_text != other->is_text) {
		*range = (struct narrow_attribute){.attribute_iri = range->attribute_iri, .op = NARROW_EXISTS};
		return;
	}
	range->has_low = range->has_low && other->has_low;
	range->has_high = range->has_high && other->has_high;
	range->low_number = low_of(range->low_number, other->low_number);
	range->high_number = high_of(range->high_number, other->high_number);
	if (str_cmp(other->low_text, range->low_text) < 0)
		range->low_text = other->low_text;
	if (str_cmp(other->high_text, range->high_text) > 0)
		range->high_text = other->high_text;
	if (!range->has_low && !range->has_high)
		*range = (struct narrow_attribute){.attribute_iri = range->attribute_iri, .op = NARROW_EXISTS};
}

/* The range of one item as an operator uses it; existence for types without an indexed order. */
static struct narrow_attribute item_range(struct str iri, const struct q_item *item, enum q_op op)
{
	const struct q_value *low = &item->low, *high = item->range ? &item->high : &item->low;
	struct narrow_attribute range = {.attribute_iri = iri, .op = NARROW_EXISTS};

	if (low->type != high->type || (low->type != Q_NUMBER && low->type != Q_TEXT))
		return range;
	range.op = NARROW_RANGE;
	range.is_text = low->type == Q_TEXT;
	range.has_low = op == Q_EQUAL || op == Q_GREATER || op == Q_GREATER_EQ;
	range.has_high = op == Q_EQUAL || op == Q_LESS || op == Q_LESS_EQ;
	range.low_number = low->number;
	range.high_number = high->number;
	range.low_text = low->text;
	range.high_text = high->text;
	return range;
}

static struct narrow_attribute term_condition(const struct q_term *term)
{
	const struct q_path *path = &term->path;
	struct narrow_attribute condition = {.attribute_iri = path->steps[0], .op = NARROW_EXISTS};
	bool ordered = term->op >= Q_EQUAL && term->op <= Q_LESS_EQ && term->op != Q_UNEQUAL;

	if (!ordered || path->step_count > 1 || path->trail_count > 0 || path->linked)
		return condition;
	condition = item_range(path->steps[0], &term->items[0], term->op);
	for (size_t i = 1; i < term->item_count; i++) {
		struct narrow_attribute other = item_range(path->steps[0], &term->items[i], term->op);

		cover(&condition, &other);
	}
	return condition;
}

/* ---- the tree ---- */

static struct narrow_attribute *find_condition(struct conditions *conditions, struct str iri)
{
	for (size_t i = 0; i < conditions->count; i++)
		if (str_eq(conditions->list[i].attribute_iri, iri))
			return &conditions->list[i];
	return NULL;
}

/* Keeps of kept what the conditions of one more alternative allow too. */
static void join_alternative(struct conditions *kept, struct conditions *alternative)
{
	size_t count = 0;

	for (size_t i = 0; i < kept->count; i++) {
		const struct narrow_attribute *other = find_condition(alternative, kept->list[i].attribute_iri);

		if (!other)
			continue;
		cover(&kept->list[i], other);
		kept->list[count++] = kept->list[i];
	}
	kept->count = count;
}

/* Recursion is bounded by QUERY_Q_DEPTH_MAX. */
static void gather(const struct q_node *node, struct conditions *ret_conditions)
{
	ret_conditions->count = 0;
	if (node->kind == Q_TERM) {
		const struct q_path *path = &node->term->path;

		if (!path->is_member || path->step_count > 1) { /* not a core member of the entity */
			struct narrow_attribute condition = term_condition(node->term);

			add(ret_conditions, &condition);
		}
		return;
	}
	for (const struct q_node *child = node->first; child; child = child->next) {
		struct conditions of_child;

		gather(child, &of_child);
		if (child == node->first) {
			*ret_conditions = of_child;
		} else if (node->kind == Q_OR) {
			join_alternative(ret_conditions, &of_child);
		} else {
			for (size_t i = 0; i < of_child.count; i++)
				add(ret_conditions, &of_child.list[i]);
		}
	}
}

/* ---- types and scopes ---- */

/* Any alternative needs its first type. */
static bool narrow_types(struct narrow *narrow, const struct choices *types, struct arena *arena, bool *exact)
{
	struct str *iris = arena_array(arena, struct str, types->count);

	if (!iris)
		return false;
	for (size_t i = 0; i < types->count; i++) {
		struct str iri = types->list[i].parts[0];
		size_t at = 0;

		while (at < narrow->type_count && !str_eq(iris[at], iri))
			at++;
		if (at == narrow->type_count)
			iris[narrow->type_count++] = iri;
		*exact = *exact && types->list[i].part_count == 1;
	}
	if (narrow->type_count)
		narrow->type_iris = iris;
	return true;
}

/* The levels of a pattern before its first wildcard. */
static struct str literal_levels(struct str pattern)
{
	struct str rest = pattern, level;
	size_t len = 0;

	while (str_next(&rest, '/', &level) && !str_eq(level, STR("+")) && !str_eq(level, STR("#")))
		len = (size_t)(level.at + level.len - pattern.at);
	return str_part(pattern, 0, len);
}

/* The levels that two scopes begin with alike. */
static struct str common_levels(struct str a, struct str b)
{
	struct str a_rest = a, b_rest = b, of_a, of_b;
	size_t len = 0;

	while (str_next(&a_rest, '/', &of_a) && str_next(&b_rest, '/', &of_b) && str_eq(of_a, of_b))
		len = (size_t)(of_a.at + of_a.len - a.at);
	return str_part(a, 0, len);
}

/* Of each alternative one scope is needed; the first is taken. With the leading "/". */
static bool narrow_scopes(struct narrow *narrow, const struct choices *scopes, struct arena *arena)
{
	struct str prefix = STR_NONE;

	for (size_t i = 0; i < scopes->count; i++) {
		struct str levels = literal_levels(scopes->list[i].parts[0]);

		prefix = i == 0 ? levels : common_levels(prefix, levels);
	}
	if (prefix.len == 0)
		return true;
	narrow->scope_prefix = arena_concat(arena, STR("/"), prefix);
	return narrow->scope_prefix.at != NULL;
}

static bool narrow_attributes(struct query *query, struct arena *arena)
{
	struct conditions conditions = {.count = 0};

	if (query->q)
		gather(query->q, &conditions);
	if (query->attr_count == 1 && document_is_attribute(query->attrs[0]))
		add(&conditions, &(struct narrow_attribute){.attribute_iri = query->attrs[0], .op = NARROW_EXISTS});
	if (conditions.count == 0)
		return true;
	struct narrow_attribute *list = arena_array(arena, struct narrow_attribute, conditions.count);

	if (!list)
		return false;
	memcpy(list, conditions.list, conditions.count * sizeof(*list));
	query->narrow.attributes = list;
	query->narrow.attribute_count = conditions.count;
	return true;
}

enum err_code query_build_narrow(struct query *query, struct arena *arena, struct str id_pattern, struct error *err)
{
	struct narrow *narrow = &query->narrow;
	bool exact = !query->id_pattern && !query->selector_count && !query->scopes.count && !query->attr_count &&
		     !query->q && !query->geo_iri.at;
	bool memory = true;

	narrow->ids = query->ids;
	narrow->id_count = query->id_count;
	if (query->id_pattern)
		narrow->id_prefix = pattern_prefix(arena, id_pattern, &memory);
	memory = memory && narrow_types(narrow, &query->types, arena, &exact) &&
		 narrow_scopes(narrow, &query->scopes, arena) && narrow_attributes(query, arena) &&
		 query_narrow_selectors(query, arena);
	if (!memory)
		return err_set(err, ERR_MEMORY, "no memory to narrow a query");
	if (query->geo_iri.at && geo_query_box(&query->geo, &narrow->geo_box))
		narrow->geo_attribute_iri = query->geo_iri;
	narrow->exact = exact;
	return ERR_OK;
}

const struct narrow *query_narrow(const struct query *query)
{
	return &query->narrow;
}

/* ---- what an index must hold ---- */

static bool visit_scalar(const struct json *node, bool (*visit)(void *self, const struct json *scalar), void *self)
{
	return node->kind != JSON_NUMBER && node->kind != JSON_STRING ? true : visit(self, node);
}

static bool visit_value(const struct json *value, bool (*visit)(void *self, const struct json *scalar), void *self)
{
	if (value->kind != JSON_ARRAY)
		return visit_scalar(value, visit, self);
	for (uint32_t i = 0; i < value->count; i++) {
		const struct json *object = json_get(&value->items[i], STR("object"));

		if (!visit_scalar(object ? object : &value->items[i], visit, self))
			return false;
	}
	return true;
}

static bool visit_instance(const struct json *instance, bool (*visit)(void *self, const struct json *scalar),
			   void *self)
{
	for (uint32_t i = 0; json_is(instance, JSON_OBJECT) && i < instance->count; i++) {
		enum member member = member_of(instance->members[i].key);
		const struct json *value = &instance->members[i].value;

		if (!member_in(member, MEMBERS_VALUE))
			continue;
		if (member != MEMBER_LANGUAGE_MAP || !json_is(value, JSON_OBJECT))
			return visit_value(value, visit, self);
		for (uint32_t j = 0; j < value->count; j++)
			if (!visit_value(&value->members[j].value, visit, self))
				return false;
		return true;
	}
	return true;
}

void query_each_narrow_value(const struct json *instances, bool (*visit)(void *self, const struct json *scalar),
			     void *self)
{
	for (uint32_t i = 0; json_is(instances, JSON_ARRAY) && i < instances->count; i++)
		if (!visit_instance(&instances->items[i], visit, self))
			return;
}
