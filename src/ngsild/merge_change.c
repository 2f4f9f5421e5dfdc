/* What one merge does to the entity's instances, each step recorded as a change. */
#include "ngsild/merge_int.h"

#include "ngsild/expand.h"

struct merge merge_begin(struct arena *arena, struct json *entity, int64_t now_us, struct error *err)
{
	return (struct merge){
		.arena = arena, .entity = entity, .now_us = now_us, .now = json_int(arena, now_us), .err = err};
}

enum err_code merge_record(struct merge *m, enum change_kind kind, struct str iri, const struct json *before,
			   const struct json *after)
{
	struct change *change = arena_new(m->arena, struct change);

	if (!change)
		return merge_no_memory(m);
	change->kind = kind;
	change->attribute_iri = iri;
	change->dataset_id = instance_dataset(after ? after : before);
	change->before = before ? json_new(m->arena, *before) : NULL;
	change->after = after ? json_new(m->arena, *after) : NULL;
	if ((before && !change->before) || (after && !change->after))
		return merge_no_memory(m);
	if (!m->change_end)
		m->change_end = &m->result.changes;
	*m->change_end = change;
	m->change_end = &change->next;
	m->result.changed = true;
	return ERR_OK;
}

enum err_code merge_refuse(struct merge *m, struct str iri, const char *reason)
{
	struct merge_refusal *refusal = arena_new(m->arena, struct merge_refusal);

	if (!refusal)
		return merge_no_memory(m);
	*refusal = (struct merge_refusal){.attribute_iri = iri, .reason = reason};
	if (!m->refusal_end)
		m->refusal_end = &m->result.refusals;
	*m->refusal_end = refusal;
	m->refusal_end = &refusal->next;
	return ERR_OK;
}

enum err_code merge_end(struct merge *m, struct merge_result *ret_result)
{
	m->result.changed = m->result.changed || m->result.type_changed || m->result.scope_changed;
	if (m->result.changed && document_created_us(m->entity) == m->now_us)
		(void)json_remove(m->entity, STR("modifiedAt"));
	else if (m->result.changed &&
		 (!json_is(&m->now, JSON_NUMBER) || !json_set(m->arena, m->entity, STR("modifiedAt"), m->now)))
		return merge_no_memory(m);
	*ret_result = m->result;
	return ERR_OK;
}

enum err_code merge_remove_instance(struct merge *m, struct str iri, struct json *instances, uint32_t index)
{
	enum err_code code = merge_record(m, CHANGE_DELETED, iri, &instances->items[index], NULL);

	if (code)
		return code;
	(void)json_remove_at(instances, index);
	if (instances->count == 0)
		(void)json_remove(m->entity, iri);
	return ERR_OK;
}

enum err_code merge_add_instance(struct merge *m, struct str iri, struct json *instances, const struct json *fragment)
{
	struct json stored = {0};
	bool same = false;
	enum err_code code = instance_take(m, fragment, NULL, &stored, &same);

	if (code)
		return code;
	if (!instances && m->entity->count >= EXPAND_ATTRIBUTES_MAX)
		return err_set(m->err, ERR_INVALID, "the entity would have more than %u members",
			       EXPAND_ATTRIBUTES_MAX);
	if (instances && instances->count >= EXPAND_INSTANCES_MAX)
		return err_set(m->err, ERR_INVALID, "attribute %.*s would have more than %u instances", STR_FMT(iri),
			       EXPAND_INSTANCES_MAX);
	if (!instances)
		instances = json_add(m->arena, m->entity, iri, json_array());
	if (!instances || !json_push(m->arena, instances, stored))
		return merge_no_memory(m);
	for (uint32_t i = instances->count - 1; instance_dataset(&stored).len == 0 && i > 0; i--) {
		instances->items[i] = instances->items[i - 1];
		instances->items[i - 1] = stored;
	}
	return merge_record(m, CHANGE_CREATED, iri, NULL, &stored);
}

enum err_code merge_replace_instance(struct merge *m, struct str iri, struct json *slot, const struct json *fragment)
{
	struct json stored = {0};
	bool same = merge_same_instance(fragment, slot);

	if (same) /* the usual case of repeated reports: nothing is built */
		return ERR_OK;
	enum err_code code = instance_take(m, fragment, slot, &stored, &same);

	if (code || same)
		return code;
	if ((code = merge_record(m, CHANGE_UPDATED, iri, slot, &stored)))
		return code;
	*slot = stored;
	return ERR_OK;
}

uint32_t instance_index(const struct json *instances, struct str dataset)
{
	uint32_t i = 0;

	while (i < instances->count && !str_eq(instance_dataset(&instances->items[i]), dataset))
		i++;
	return i;
}
