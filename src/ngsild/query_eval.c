/* Does an entity meet q? (clause 4.9) Walks the tree of terms over the expanded document; allocates nothing.
 *
 * How the clause's sentences are read, term by term:
 * - A path reaches a target element in every instance of the attributes it names; any instance that holds is enough.
 *   An element that does not exist meets no term, also not != and !~=: both demand that it exists.
 * - == looks into the target value when that is an array (one level), != is its opposite for each instance; >= and <=
 *   are "greater or equal", so that their equal half looks into arrays too. The strict orders, ranges and patterns are
 *   about single values: an array is of another type and does not match.
 * - Values of different types are unequal and have no order. A quoted text is a text and an unquoted dateTime a time,
 *   whatever the target's text looks like; times are read from the target's text, or from its @value.
 * - Relationships know only existence, == and !=.
 * - attr{path}: any entity that a Relationship or ListRelationship of that name points to, which meets the rest of the
 *   term. One that is not there meets none.
 * - A LanguageProperty without a language asks each of its texts: any that holds, but none that is equal for !=.
 * - Patterns search strings; a target that is no string meets neither ~= nor !~=. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/query_int.h"

#include <math.h>
#include <string.h>

#define DOUBLE_EXACT_MAX 9007199254740992.0 /* 2⁵³: integers beyond may share a double */

enum order { ORDER_LESS, ORDER_EQUAL, ORDER_GREATER, ORDER_NONE }; /* target against value; NONE: different types */

static enum order order_int64(int64_t target, int64_t value)
{
	return target < value ? ORDER_LESS : target > value ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order order_number(const struct q_value *value, const struct json *target)
{
	int64_t exact;

	if (target->number < value->number)
		return ORDER_LESS;
	if (target->number > value->number)
		return ORDER_GREATER;
	if (value->integer && fabs(value->number) >= DOUBLE_EXACT_MAX && json_int64(target, &exact))
		return order_int64(exact, value->int64);
	return ORDER_EQUAL;
}

static enum order order_text(struct str value, const struct json *target)
{
	size_t len = target->count < value.len ? target->count : value.len;
	int difference = len ? memcmp(target->text, value.at, len) : 0;

	if (difference)
		return difference < 0 ? ORDER_LESS : ORDER_GREATER;
	return target->count < value.len ? ORDER_LESS : target->count > value.len ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order order_time(const struct q_value *value, const struct json *target)
{
	struct str text = json_text(json_is(target, JSON_OBJECT) ? json_get(target, STR("@value")) : target);
	struct civil_date date;
	int64_t is;

	if (value->type == Q_DATETIME) {
		if (!time_parse_iso(text, true, &is))
			return ORDER_NONE;
	} else if (value->type == Q_DATE) {
		if (!date_parse_iso(text, &date))
			return ORDER_NONE;
		is = days_from_civil(date);
	} else if (!time_of_day_parse_iso(text, &is)) {
		return ORDER_NONE;
	}
	return order_int64(is, value->int64);
}

static enum order order(const struct q_value *value, const struct json *target)
{
	int64_t stamp;

	switch (value->type) {
	case Q_NUMBER:
		return target->kind == JSON_NUMBER ? order_number(value, target) : ORDER_NONE;
	case Q_TEXT:
		return target->kind == JSON_STRING ? order_text(value->text, target) : ORDER_NONE;
	case Q_BOOL:
		return target->kind == JSON_BOOL && target->boolean == value->boolean ? ORDER_EQUAL : ORDER_NONE;
	case Q_DATETIME:
	case Q_DATE:
	case Q_TIME:
		return order_time(value, target);
	case Q_STAMP:
		return json_int64(target, &stamp) ? order_int64(stamp, value->int64) : ORDER_NONE;
	case Q_NEVER:
		break;
	}
	return ORDER_NONE;
}

/* ---- one target value ---- */

static bool equals_single(const struct q_term *term, const struct json *target)
{
	for (size_t i = 0; i < term->item_count; i++) {
		const struct q_item *item = &term->items[i];
		enum order low = order(&item->low, target);

		if (!item->range && low == ORDER_EQUAL)
			return true;
		if (item->range && (low == ORDER_EQUAL || low == ORDER_GREATER)) {
			enum order high = order(&item->high, target);

			if (high == ORDER_LESS || high == ORDER_EQUAL)
				return true;
		}
	}
	return false;
}

/* Included in an array, or the value itself. Elements of an objectList say their URI in the member "object". */
static bool equals(const struct q_term *term, const struct json *target)
{
	if (target->kind != JSON_ARRAY)
		return equals_single(term, target);
	if (term->items[0].range)
		return false;
	for (uint32_t i = 0; i < target->count; i++) {
		const struct json *element = &target->items[i];
		const struct json *object = json_get(element, STR("object"));

		if (equals_single(term, object ? object : element))
			return true;
	}
	return false;
}

static bool value_holds(const struct q_term *term, const struct json *target)
{
	const struct q_value *value = &term->items[0].low;

	switch (term->op) {
	case Q_EXISTS:
		return true;
	case Q_EQUAL:
		return equals(term, target);
	case Q_UNEQUAL:
		return !equals(term, target);
	case Q_GREATER:
		return order(value, target) == ORDER_GREATER;
	case Q_GREATER_EQ:
		return order(value, target) == ORDER_GREATER || equals(term, target);
	case Q_LESS:
		return order(value, target) == ORDER_LESS;
	case Q_LESS_EQ:
		return order(value, target) == ORDER_LESS || equals(term, target);
	case Q_MATCH:
		return target->kind == JSON_STRING && pattern_matches(term->pattern, json_text(target));
	case Q_NO_MATCH:
		return target->kind == JSON_STRING && !pattern_matches(term->pattern, json_text(target));
	}
	return false;
}

/* ---- one instance of the target element ---- */

/* Language tags are compared without case (RFC 5646, 2.1.1). */
static const struct json *language_value(const struct json *map, struct str tag)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (str_eq_nocase(map->members[i].key, tag))
			return &map->members[i].value;
	return NULL;
}

static bool any_language_holds(const struct q_term *term, const struct json *map)
{
	bool some = false;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct json *text = &map->members[i].value;

		if (term->op == Q_NO_MATCH && text->kind != JSON_STRING)
			continue;
		if (value_holds(term, text))
			some = true;
		else if (term->op == Q_UNEQUAL || term->op == Q_NO_MATCH)
			return false;
	}
	return some;
}

static bool language_holds(const struct q_term *term, const struct q_path *path, const struct json *map)
{
	if (!json_is(map, JSON_OBJECT) || path->trail_count > 1)
		return false;
	if (path->trail_count == 0 || str_eq(path->trail[0], STR("*")))
		return any_language_holds(term, map);
	const struct json *text = language_value(map, path->trail[0]);

	return text && value_holds(term, text);
}

static bool instance_holds(const struct q_term *term, const struct q_path *path, const struct json *instance)
{
	const struct json *target = NULL;
	enum member kind = MEMBER_NONE;

	for (uint32_t i = 0; i < instance->count && !target; i++) {
		kind = member_of(instance->members[i].key);
		if (member_in(kind, MEMBERS_VALUE))
			target = &instance->members[i].value;
	}
	if (!target)
		return false;
	if (kind == MEMBER_LANGUAGE_MAP)
		return language_holds(term, path, target);
	if ((kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_LIST) && term->op > Q_UNEQUAL)
		return false;
	for (size_t i = 0; i < path->trail_count; i++) {
		target = json_get(target, path->trail[i]);
		if (!target)
			return false;
	}
	return value_holds(term, target);
}

static bool member_holds(const struct q_term *term, const struct q_path *path, const struct json *node)
{
	const struct json *target = json_get(node, path->steps[path->step_count - 1]);

	if (!target && path->member_else.len)
		target = json_get(node, path->member_else);
	return target && value_holds(term, target);
}

/* What a term is held against: the entity, or an instance or linked entity that the path has led to. */
struct walk {
	const struct q_term *term;
	const struct linked_source *linked; /* NULL: nobody knows of other entities */
};

static bool path_holds(const struct walk *walk, const struct q_path *path, const struct json *node, size_t step);

static bool has_type(const struct q_path *path, const struct json *entity)
{
	for (size_t i = 0; i < path->type_count; i++)
		if (document_has_type(entity, path->types[i]))
			return true;
	return path->type_count == 0;
}

static bool linked_entity_holds(const struct walk *walk, const struct q_path *path, struct str id)
{
	const struct json *entity = id.len ? walk->linked->find(walk->linked->self, id) : NULL;

	return entity && has_type(path, entity) && path_holds(walk, path, entity, 0);
}

/* path: in the entities that the instance points to. Recursion is bounded by LINKED_LEVELS_MAX. */
static bool link_holds(const struct walk *walk, const struct q_path *path, const struct json *instance)
{
	const struct attribute_kind *kind = attribute_kind_of(instance);
	const struct json *value = instance_value(instance);

	if (!kind || !walk->linked || (kind->value != MEMBER_OBJECT && kind->value != MEMBER_OBJECT_LIST))
		return false;
	if (!json_is(value, JSON_ARRAY))
		return linked_entity_holds(walk, path, json_text(value));
	for (uint32_t i = 0; i < value->count; i++) {
		const struct json *object = json_get(&value->items[i], STR("object"));

		if (linked_entity_holds(walk, path, json_text(object ? object : &value->items[i])))
			return true;
	}
	return false;
}

/* Recursion is bounded by QUERY_PATH_STEPS_MAX. */
static bool path_holds(const struct walk *walk, const struct q_path *path, const struct json *node, size_t step)
{
	bool last = step + 1 == path->step_count;

	if (last && path->is_member)
		return member_holds(walk->term, path, node);
	const struct json *instances = json_get(node, path->steps[step]);

	if (!json_is(instances, JSON_ARRAY))
		return false;
	for (uint32_t i = 0; i < instances->count; i++) {
		const struct json *instance = &instances->items[i];

		if (instance->kind != JSON_OBJECT)
			continue;
		if (path->linked ? link_holds(walk, path->linked, instance)
		    : last       ? instance_holds(walk->term, path, instance)
				 : path_holds(walk, path, instance, step + 1))
			return true;
	}
	return false;
}

/* Recursion is bounded by QUERY_Q_DEPTH_MAX. */
bool query_eval_q(const struct q_node *node, const struct json *entity, const struct linked_source *linked)
{
	if (node->kind == Q_TERM) {
		const struct walk walk = {node->term, linked};

		return path_holds(&walk, &node->term->path, entity, 0);
	}
	bool any = node->kind == Q_OR;

	for (const struct q_node *child = node->first; child; child = child->next)
		if (query_eval_q(child, entity, linked) == any)
			return any;
	return !any;
}
