/* Label sets, interned, and what is made of them. */
#include "promql/eval_int.h"

#include <string.h>

#define BUCKETS_FIRST 64u
#define MEMO_FIRST 16u

static const struct str metric_name = {"__name__", 8};

static uint64_t hash_labels(const struct promql_label *at, size_t count)
{
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++)
		hash = str_hash(at[i].value, str_hash(at[i].name, hash));
	return hash;
}

static bool same_labels(const struct labelset *set, const struct promql_label *at, size_t count)
{
	if (set->labels.count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!str_eq(set->labels.at[i].name, at[i].name) || !str_eq(set->labels.at[i].value, at[i].value))
			return false;
	return true;
}

static bool grow(struct eval *eval)
{
	size_t count = eval->bucket_count ? eval->bucket_count * 4 : BUCKETS_FIRST;
	struct labelset **buckets = arena_zalloc(eval->arena, count * sizeof(*buckets));

	if (!buckets)
		return false;
	for (size_t i = 0; i < eval->bucket_count; i++)
		for (struct labelset *set = eval->buckets[i], *next; set; set = next) {
			next = set->next;
			set->next = buckets[set->hash & (count - 1)];
			buckets[set->hash & (count - 1)] = set;
		}
	eval->buckets = buckets;
	eval->bucket_count = count;
	return true;
}

struct labelset *labels_intern(struct eval *eval, const struct promql_label *at, size_t count)
{
	uint64_t hash = hash_labels(at, count);

	if (eval->labelset_count >= eval->bucket_count && !grow(eval))
		return NULL;
	struct labelset **bucket = &eval->buckets[hash & (eval->bucket_count - 1)];

	for (struct labelset *set = *bucket; set; set = set->next)
		if (set->hash == hash && same_labels(set, at, count))
			return set;
	struct labelset *made = arena_new(eval->arena, struct labelset);
	struct promql_label *copy = arena_array(eval->arena, struct promql_label, count);

	if (!made || !copy)
		return NULL;
	if (count)
		memcpy(copy, at, count * sizeof(*copy));
	made->labels = (struct promql_labels){copy, count};
	made->hash = hash;
	made->next = *bucket;
	*bucket = made;
	eval->labelset_count++;
	return made;
}

/* ---- memos: from the address of a set to the set that a node makes of it ---- */

struct memo {
	const struct labelset **from;
	struct labelset **to;
	size_t room, count;
};

static size_t memo_place(const struct memo *memo, const struct labelset *from)
{
	size_t at = (size_t)(from->hash * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (memo->room - 1);

	while (memo->from[at] && memo->from[at] != from)
		at = (at + 1) & (memo->room - 1);
	return at;
}

struct labelset *memo_get(const struct memo *memo, const struct labelset *from)
{
	return memo ? memo->to[memo_place(memo, from)] : NULL;
}

bool memo_set(struct eval *eval, struct memo **memo, const struct labelset *from, struct labelset *to)
{
	if (!*memo || (*memo)->count * 2 >= (*memo)->room) {
		size_t room = *memo ? (*memo)->room * 4 : MEMO_FIRST;
		struct memo *made = arena_new(eval->arena, struct memo);

		if (!made)
			return false;
		made->from = arena_zalloc(eval->arena, room * sizeof(struct labelset *));
		made->to = arena_zalloc(eval->arena, room * sizeof(struct labelset *));
		made->room = room;
		if (!made->from || !made->to)
			return false;
		for (size_t i = 0; *memo && i < (*memo)->room; i++)
			if ((*memo)->from[i]) {
				size_t at = memo_place(made, (*memo)->from[i]);

				made->from[at] = (*memo)->from[i];
				made->to[at] = (*memo)->to[i];
				made->count++;
			}
		*memo = made;
	}
	size_t at = memo_place(*memo, from);

	(*memo)->count += (*memo)->from[at] == NULL;
	(*memo)->from[at] = from;
	(*memo)->to[at] = to;
	return true;
}

/* ---- what is made of sets ---- */

static bool listed(const struct names *names, struct str name)
{
	for (size_t i = 0; i < names->count; i++)
		if (str_eq(names->at[i], name))
			return true;
	return false;
}

struct labelset *labels_pick(struct eval *eval, const struct labelset *from, const struct names *names, bool keep,
			     bool drop_name)
{
	struct label_list list = {.count = 0};

	for (size_t i = 0; i < from->labels.count; i++) {
		struct str name = from->labels.at[i].name;

		if (listed(names, name) == keep && !(drop_name && str_eq(name, metric_name)))
			list.at[list.count++] = from->labels.at[i];
	}
	return labels_intern(eval, list.at, list.count);
}

struct labelset *labels_picked(struct eval *eval, struct memo **memo, struct labelset *from, const struct names *names,
			       bool keep, bool drop_name)
{
	struct labelset *to = memo_get(*memo, from);

	if (to)
		return to;
	to = labels_pick(eval, from, names, keep, drop_name);
	return to && memo_set(eval, memo, from, to) ? to : NULL;
}

struct labelset *labels_without_name(struct eval *eval, struct node *node, struct labelset *from)
{
	return labels_picked(eval, &node->memos[0], from, &(struct names){0}, false, true);
}

struct str labels_get(const struct labelset *labels, struct str name)
{
	for (size_t i = 0; i < labels->labels.count; i++)
		if (str_eq(labels->labels.at[i].name, name))
			return labels->labels.at[i].value;
	return STR("");
}

void list_from(struct label_list *list, const struct labelset *labels)
{
	list->count = labels->labels.count;
	if (list->count)
		memcpy(list->at, labels->labels.at, list->count * sizeof(*list->at));
}

bool list_set(struct label_list *list, struct str name, struct str value)
{
	size_t at = 0;

	while (at < list->count && str_cmp(list->at[at].name, name) < 0)
		at++;
	bool there = at < list->count && str_eq(list->at[at].name, name);

	if (value.len == 0) {
		if (there)
			memmove(&list->at[at], &list->at[at + 1], (--list->count - at) * sizeof(*list->at));
		return true;
	}
	if (!there) {
		if (list->count == PROMQL_LABELS_MAX)
			return false;
		memmove(&list->at[at + 1], &list->at[at], (list->count++ - at) * sizeof(*list->at));
	}
	list->at[at] = (struct promql_label){name, value};
	return true;
}

struct str labels_text(struct eval *eval, const struct labelset *labels)
{
	struct str text = STR("{");

	for (size_t i = 0; i < labels->labels.count; i++)
		text = arena_printf(&eval->step, "%.*s%s%.*s=\"%.*s\"", STR_FMT(text), i ? ", " : "",
				    STR_FMT(labels->labels.at[i].name), STR_FMT(labels->labels.at[i].value));
	return arena_printf(&eval->step, "%.*s}", STR_FMT(text));
}

struct labelset *labels_of_absent(struct eval *eval, struct node *node)
{
	struct label_list list = {.count = 0};

	node = unparen(node);
	if (node->kind == NODE_RANGE)
		node = node->args[0];
	if (node->kind != NODE_SELECTOR)
		return eval->empty;
	for (size_t i = 0; i < node->selector.count; i++) {
		const struct promql_matcher *matcher = &node->selector.matchers[i];
		bool before = false;

		for (size_t j = 0; j < i; j++)
			before = before || (str_eq(node->selector.matchers[j].name, matcher->name) &&
					    node->selector.matchers[j].match == PROMQL_EQUAL);
		if (!str_eq(matcher->name, metric_name))
			(void)list_set(&list, matcher->name,
				       matcher->match == PROMQL_EQUAL && !before ? matcher->value : STR_NONE);
	}
	return labels_intern(eval, list.at, list.count);
}
