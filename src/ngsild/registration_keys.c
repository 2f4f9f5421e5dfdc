/* What a registration is found by, so that a question need not be held against each.
 *
 * A question finds by entities, by attributes or by both, as the caller finds shorter: each way alone gives all that
 * match, and some that do not. An EntityInfo with an id stands apart from those without: a question for ids, which
 * names a type or an attribute too, is not to meet every entity of these that somebody registered by name. */
#include "ngsild/query_int.h"
#include "ngsild/registration_int.h"

struct visiting {
	registration_key_visit *visit;
	void *self;
	bool good; /* nobody has said that it is enough */
};

static void tell(struct visiting *v, enum registration_key kind, struct str key)
{
	v->good = v->good && v->visit(v->self, kind, key);
}

/* ---- a registration ---- */

static void tell_entity(struct visiting *v, const struct registered_entity *entity)
{
	const struct json *types = json_get(entity->types, STR("type"));

	if (entity->id.at)
		tell(v, REGISTRATION_KEY_ID, entity->id);
	else
		tell(v, REGISTRATION_KEY_NO_ID, STR(""));
	for (uint32_t i = 0; i < types->count; i++)
		tell(v, entity->id.at ? REGISTRATION_KEY_TYPE_OF_ID : REGISTRATION_KEY_TYPE,
		     json_text(&types->items[i]));
}

static void tell_attributes(struct visiting *v, const struct registered_info *info, bool of_id)
{
	for (size_t i = 0; i < info->attribute_count; i++)
		tell(v, of_id ? REGISTRATION_KEY_ATTRIBUTE_OF_ID : REGISTRATION_KEY_ATTRIBUTE, info->attributes[i]);
	if (info->attribute_count == 0)
		tell(v, of_id ? REGISTRATION_KEY_NO_ATTRIBUTE_OF_ID : REGISTRATION_KEY_NO_ATTRIBUTE, STR(""));
}

static void tell_info(struct visiting *v, const struct registered_info *info)
{
	size_t with_id = 0;

	for (size_t i = 0; i < info->entity_count; i++) {
		tell_entity(v, &info->entities[i]);
		with_id += info->entities[i].id.at != NULL;
	}
	if (info->entity_count == 0)
		tell(v, REGISTRATION_KEY_NO_ENTITY, STR(""));
	if (with_id > 0)
		tell_attributes(v, info, true);
	if (with_id < info->entity_count || info->entity_count == 0)
		tell_attributes(v, info, false);
}

bool registration_each_key(const struct registration *registration, registration_key_visit *visit, void *self)
{
	struct visiting v = {visit, self, true};

	for (size_t i = 0; i < registration->info_count; i++)
		tell_info(&v, &registration->infos[i]);
	return v.good;
}

/* ---- a question's entities ---- */

/* Of alternatives each is met by its first part at least. */
static void tell_types(struct visiting *v, const struct choices *types, enum registration_key kind)
{
	for (size_t i = 0; i < types->count; i++)
		tell(v, kind, types->list[i].parts[0]);
}

/* A pattern may match any id, so that only types help. */
static bool is_narrow(const struct selector *asked)
{
	return asked->types.count > 0 || (asked->id_count > 0 && !asked->id_pattern);
}

static void tell_selector(struct visiting *v, const struct selector *asked)
{
	if (asked->id_count == 0 || asked->id_pattern)
		tell_types(v, &asked->types, REGISTRATION_KEY_TYPE_OF_ID);
	else
		for (size_t i = 0; i < asked->id_count; i++)
			tell(v, REGISTRATION_KEY_ID, asked->ids[i]);
	if (asked->types.count > 0)
		tell_types(v, &asked->types, REGISTRATION_KEY_TYPE);
	else
		tell(v, REGISTRATION_KEY_NO_ID, STR(""));
}

/* Types that are not known may be any. */
static void tell_one(struct visiting *v, const struct registration_entity *asked)
{
	tell(v, REGISTRATION_KEY_ID, asked->id);
	for (size_t i = 0; i < asked->type_count; i++)
		tell(v, REGISTRATION_KEY_TYPE, asked->type_iris[i]);
	if (asked->type_count == 0)
		tell(v, REGISTRATION_KEY_NO_ID, STR(""));
}

/* The selectors of a query, all of which must be narrow; false: they do not help. */
static bool tell_query(struct visiting *v, const struct query *query)
{
	const struct selector whole = {query->ids, query->id_count, query->id_pattern, query->types};

	if (is_narrow(&whole)) {
		tell_selector(v, &whole);
		return true;
	}
	for (size_t i = 0; i < query->selector_count; i++)
		if (!is_narrow(&query->selectors[i]))
			return false;
	for (size_t i = 0; i < query->selector_count; i++)
		tell_selector(v, &query->selectors[i]);
	return query->selector_count > 0;
}

bool registration_each_entity_key(const struct registration_question *question, registration_key_visit *visit,
				  void *self)
{
	struct visiting v = {visit, self, true};

	if (question->entity.id.at)
		tell_one(&v, &question->entity);
	else if (!question->query || !tell_query(&v, question->query))
		return false;
	tell(&v, REGISTRATION_KEY_NO_ENTITY, STR(""));
	return true;
}

/* ---- a question's attributes ---- */

static void tell_q(struct visiting *v, const struct q_node *node, enum registration_key kind)
{
	if (node->kind == Q_TERM)
		tell(v, kind, node->term->path.steps[0]);
	for (const struct q_node *child = node->kind == Q_TERM ? NULL : node->first; child; child = child->next)
		tell_q(v, child, kind);
}

static void tell_asked(struct visiting *v, const struct registration_question *question, enum registration_key kind)
{
	const struct query *query = question->query;

	for (size_t i = 0; i < question->attribute_count; i++)
		tell(v, kind, question->attribute_iris[i]);
	if (query && query->geo_iri.at)
		tell(v, kind, query->geo_iri);
	if (query && query->q)
		tell_q(v, query->q, kind);
}

bool registration_each_attribute_key(const struct registration_question *question, registration_key_visit *visit,
				     void *self)
{
	struct visiting v = {visit, self, true};

	if (!registration_names_attributes(question))
		return false;
	tell_asked(&v, question, REGISTRATION_KEY_ATTRIBUTE);
	tell_asked(&v, question, REGISTRATION_KEY_ATTRIBUTE_OF_ID);
	tell(&v, REGISTRATION_KEY_NO_ATTRIBUTE, STR(""));
	tell(&v, REGISTRATION_KEY_NO_ATTRIBUTE_OF_ID, STR(""));
	return true;
}

bool registration_each_mixed_key(const struct registration_question *question, registration_key_visit *visit,
				 void *self)
{
	const struct query *query = question->query;
	struct visiting v = {visit, self, true};
	bool by_ids = query && query->id_count > 0 && !query->id_pattern;

	if (!registration_names_attributes(question) || (!question->entity.id.at && !by_ids))
		return false;
	if (question->entity.id.at)
		tell(&v, REGISTRATION_KEY_ID, question->entity.id);
	for (size_t i = 0; !question->entity.id.at && i < query->id_count; i++)
		tell(&v, REGISTRATION_KEY_ID, query->ids[i]);
	tell_asked(&v, question, REGISTRATION_KEY_ATTRIBUTE);
	tell(&v, REGISTRATION_KEY_NO_ATTRIBUTE, STR(""));
	return true;
}

/* ---- what it may conflict with ---- */

static void tell_rivals(struct visiting *v, const struct registered_entity *entity, enum registration_mode mode)
{
	const struct json *types = json_get(entity->types, STR("type"));

	if (entity->id.at)
		tell(v, REGISTRATION_KEY_ID, entity->id);
	for (uint32_t i = 0; i < types->count; i++)
		if (mode == REGISTRATION_EXCLUSIVE)
			tell(v, REGISTRATION_KEY_TYPE, json_text(&types->items[i]));
		else if (!entity->id.at)
			tell(v, REGISTRATION_KEY_TYPE_OF_ID, json_text(&types->items[i]));
}

bool registration_each_rival_key(const struct registration *registration, registration_key_visit *visit, void *self)
{
	struct visiting v = {visit, self, true};

	for (size_t i = 0; i < registration->info_count; i++)
		if (registration->infos[i].entity_count == 0)
			return false;
	for (size_t i = 0; i < registration->info_count; i++)
		for (size_t k = 0; k < registration->infos[i].entity_count; k++)
			tell_rivals(&v, &registration->infos[i].entities[k], registration->mode);
	tell(&v, REGISTRATION_KEY_NO_ENTITY, STR(""));
	return true;
}
