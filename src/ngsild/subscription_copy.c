/* A subscription reduced to what a registration holds. Entities are those that a selector of the subscription and an
 * EntityInfo have in common, as far as the language of selectors can say so: where it cannot (two patterns) the copy is
 * wider, and who gets the notifications takes no more of them than was registered and asked for. */
#include "ngsild/subscription_copy.h"

#include "ngsild/registration_notification.h"
#include "ngsild/subscription_int.h"

struct copying {
	struct arena *arena;
	struct json_parser *parser;
	const struct subscription *subscription;
	const struct registration *registration;
	struct json entities; /* selectors so far */
	bool any_entity; /* no selector is needed: something is registered of whichever entity */
	struct json attributes; /* IRIs of what is registered, each once */
	bool any_attribute;
	bool matched;
	bool failed; /* no memory */
	struct error *err;
};

static void add(struct copying *c, struct json *object, const char *key, struct json value)
{
	if (!json_add(c->arena, object, str_from(key), value))
		c->failed = true;
}

static void push(struct copying *c, struct json *array, struct json value)
{
	if (!json_push(c->arena, array, value))
		c->failed = true;
}

static bool has_text(const struct json *array, struct str text)
{
	for (uint32_t i = 0; json_is(array, JSON_ARRAY) && i < array->count; i++)
		if (str_eq(json_text(&array->items[i]), text))
			return true;
	return false;
}

/* ---- entities ---- */

/* The next of the alternatives of a type selection (4.17), which are types, or some in parentheses that an entity must
 * have all: "A|(B;C)". */
static bool next_alternative(struct str *rest, struct str *ret)
{
	size_t len = 0;

	if (!rest->len)
		return false;
	while (len < rest->len && rest->at[len] != ',' && rest->at[len] != '|')
		len++;
	*ret = str_trim(str_part(*rest, 0, len));
	*rest = str_part(*rest, len + 1, rest->len);
	if (str_starts(*ret, STR("(")) && str_ends(*ret, STR(")")))
		*ret = str_trim(str_part(*ret, 1, ret->len - 1));
	return true;
}

static bool is_part(struct str alternative, struct str type)
{
	struct str part;

	while (alternative.at && str_next(&alternative, ';', &part))
		if (str_eq(str_trim(part), type))
			return true;
	return false;
}

/* An alternative, and whatever else is registered. */
static void put_alternative(struct buf *out, struct str alternative, const struct registration_part_entity *entity)
{
	bool any = !alternative.len;

	if (out->len)
		buf_put_char(out, ',');
	buf_put_char(out, '(');
	buf_put(out, alternative);
	for (size_t i = 0; i < entity->type_count; i++) {
		if (is_part(alternative, entity->type_iris[i]))
			continue;
		if (!any)
			buf_put_char(out, ';');
		any = false;
		buf_put(out, entity->type_iris[i]);
	}
	buf_put_char(out, ')');
}

/* Does one of them ask for nothing but what is registered? */
static bool is_all_registered(struct str asked, const struct registration_part_entity *entity)
{
	struct str alternative;

	if (!asked.len || str_eq(asked, STR("*")))
		return true;
	while (next_alternative(&asked, &alternative))
		for (size_t i = 0; i < entity->type_count; i++)
			if (str_eq(alternative, entity->type_iris[i]))
				return true;
	return false;
}

/* Types that entities have which fit both what is asked for and what is registered. */
static struct str types_join(struct copying *c, struct str asked, const struct registration_part_entity *entity)
{
	struct str alternative, rest = asked;
	struct buf out;

	/* Of what is registered exclusively the id decides. */
	if (entity->type_count == 0 || (entity->id.at && registration_mode(c->registration) == REGISTRATION_EXCLUSIVE))
		return asked;
	if (entity->type_count == 1 && is_all_registered(asked, entity))
		return entity->type_iris[0];
	buf_init(&out, SUBSCRIPTION_BYTES_MAX);
	if (is_all_registered(asked, entity))
		put_alternative(&out, STR(""), entity);
	else
		while (next_alternative(&rest, &alternative))
			put_alternative(&out, alternative, entity);
	struct str text = out.failed ? STR_NONE : arena_dup(c->arena, buf_str(&out));

	buf_done(&out);
	c->failed = c->failed || !text.at;
	return text;
}

/* selector NULL: the subscription has none. */
static void add_common(struct copying *c, const struct json *selector, const struct registration_part_entity *entity)
{
	const struct json *id = json_get(selector, STR("id")), *pattern = json_get(selector, STR("idPattern"));
	struct str type = types_join(c, json_text(json_get(selector, STR("type"))), entity);
	struct json common = json_object();

	if (entity->id.at)
		add(c, &common, "id", json_string(entity->id));
	else if (id)
		add(c, &common, "id", *id);
	else if (pattern)
		add(c, &common, "idPattern", *pattern);
	else if (entity->id_pattern.at)
		add(c, &common, "idPattern", json_string(entity->id_pattern));
	add(c, &common, "type", json_string(type.at ? type : STR("*")));
	for (uint32_t i = 0; i < c->entities.count; i++)
		if (json_equal(&c->entities.items[i], &common))
			return;
	push(c, &c->entities, common);
}

static void add_part(struct copying *c, const struct json *selector, const struct registration_part *part)
{
	c->matched = true;
	if (part->entity_count == 0 && selector)
		push(c, &c->entities, *selector);
	else if (part->entity_count == 0)
		c->any_entity = true;
	for (size_t i = 0; i < part->entity_count && c->entities.count <= SUBSCRIPTION_SELECTORS_MAX; i++)
		add_common(c, selector, &part->entities[i]);
	if (part->attribute_count == 0)
		c->any_attribute = true;
	for (size_t i = 0; i < part->attribute_count; i++)
		if (!has_text(&c->attributes, part->attribute_iris[i]))
			push(c, &c->attributes, json_string(part->attribute_iris[i]));
}

static enum err_code add_parts(struct copying *c, const struct json *selector, const struct query *query)
{
	struct registration_question question;
	struct registration_part *parts;
	size_t count;

	subscription_question(c->subscription, &question);
	question.query = query;
	if (!registration_parts(c->arena, c->registration, &question, &parts, &count))
		return err_set(c->err, ERR_MEMORY, "no memory for a copy of a subscription");
	for (size_t i = 0; i < count; i++)
		add_part(c, selector, &parts[i]);
	return ERR_OK;
}

/* The ids of a selector, which may be one text or several. */
static struct str ids_of(struct copying *c, const struct json *id)
{
	struct str ids = json_text(id);

	for (uint32_t i = 0; json_is(id, JSON_ARRAY) && i < id->count; i++) {
		struct str one = json_text(&id->items[i]);

		ids = ids.at ? arena_printf(c->arena, "%.*s,%.*s", STR_FMT(ids), STR_FMT(one)) : one;
		c->failed = c->failed || !ids.at;
	}
	return ids;
}

static enum err_code add_selector(struct copying *c, const struct json *selector)
{
	const struct query_selector one = {.ids = ids_of(c, json_get(selector, STR("id"))),
					   .id_pattern = json_text(json_get(selector, STR("idPattern"))),
					   .type = json_text(json_get(selector, STR("type")))};
	const struct query_text text = {.selectors = &one, .selector_count = 1};
	struct query *query = NULL;
	enum err_code code = query_new(c->arena, c->parser, &text, c->subscription->context, &query, c->err);

	if (code == ERR_OK)
		code = add_parts(c, selector, query);
	query_done(query);
	return code;
}

/* Too many of them: those that were asked for, which is wider. */
static enum err_code add_entities(struct copying *c, struct json *copy)
{
	const struct json *asked = json_get(c->subscription->document, STR("entities"));
	enum err_code code = ERR_OK;

	c->entities = json_array();
	c->attributes = json_array();
	if (!asked)
		code = add_parts(c, NULL, c->subscription->query);
	for (uint32_t i = 0; code == ERR_OK && asked && i < asked->count; i++)
		code = add_selector(c, &asked->items[i]);
	if (c->any_entity)
		return code;
	if (c->entities.count <= SUBSCRIPTION_SELECTORS_MAX)
		add(c, copy, "entities", c->entities);
	else if (asked)
		add(c, copy, "entities", *asked);
	return code;
}

/* ---- attributes ---- */

/* False: there is none that is registered. */
static bool add_watched(struct copying *c, struct json *copy)
{
	const struct json *asked = json_get(c->subscription->document, STR("watchedAttributes"));
	struct json watched = json_array();

	if (c->subscription->interval_us)
		return true;
	if (!asked) {
		if (!c->any_attribute && c->attributes.count <= SUBSCRIPTION_LIST_MAX)
			add(c, copy, "watchedAttributes", c->attributes);
		return true;
	}
	for (uint32_t i = 0; i < asked->count; i++)
		if (c->any_attribute || has_text(&c->attributes, json_text(&asked->items[i])))
			push(c, &watched, asked->items[i]);
	add(c, copy, "watchedAttributes", watched);
	return watched.count > 0;
}

/* A projection without what it says of linked entities; id and type have to be there. */
static void add_projection(struct copying *c, struct json *notification, const char *name, bool picks)
{
	const struct json *asked = subscription_member(c->subscription->document, STR("notification"), str_from(name));
	struct json list = json_array();
	size_t brace;

	for (uint32_t i = 0; json_is(asked, JSON_ARRAY) && i < asked->count; i++) {
		struct str text = json_text(&asked->items[i]);
		bool nested = str_find(text, '{', &brace),
		     needed = str_eq(text, STR("id")) || str_eq(text, STR("type"));

		if (picks ? !needed : !needed && !nested)
			push(c, &list, json_string(nested ? str_part(text, 0, brace) : text));
	}
	if (list.count == 0 && !(picks && json_is(asked, JSON_ARRAY)))
		return;
	if (picks) {
		push(c, &list, json_string(STR("id")));
		push(c, &list, json_string(STR("type")));
	}
	add(c, notification, name, list);
}

static void add_notification(struct copying *c, struct json *copy, bool split)
{
	const struct json *attributes =
		subscription_member(c->subscription->document, STR("notification"), STR("attributes"));
	struct json notification = json_object();

	add(c, &notification, "format", json_string(STR("normalized")));
	add(c, &notification, "sysAttrs", json_bool(true));
	if (!split && attributes)
		add(c, &notification, "attributes", *attributes);
	if (!split) {
		add_projection(c, &notification, "pick", true);
		add_projection(c, &notification, "omit", false);
	}
	add(c, copy, "notification", notification);
}

/* ---- all of it ---- */

static const char *const kept[] = {"timeInterval", "throttling", "notificationTrigger",
				   "expiresAt",    "datasetId",  "splitEntities"};
static const char *const filters[] = {"q", "expandValues", "jsonKeys", "geoQ", "scopeQ"};

static void add_members(struct copying *c, struct json *copy, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct json *value = json_get(c->subscription->document, str_from(names[i]));

		if (value)
			add(c, copy, names[i], *value);
	}
}

enum err_code subscription_copy(struct arena *arena, struct json_parser *parser,
				const struct subscription *subscription, const struct registration *registration,
				const struct subscription_copy_options *options, struct json **ret_copy,
				struct error *err)
{
	struct copying c = {.arena = arena,
			    .parser = parser,
			    .subscription = subscription,
			    .registration = registration,
			    .err = err};
	struct json copy = json_object();

	add(&c, &copy, "type", json_string(STR("Subscription")));
	enum err_code code = add_entities(&c, &copy);
	bool concerns = code == ERR_OK && c.matched && add_watched(&c, &copy);

	if (code != ERR_OK)
		return code;
	add_members(&c, &copy, kept, sizeof(kept) / sizeof(kept[0]));
	if (!options->split)
		add_members(&c, &copy, filters, sizeof(filters) / sizeof(filters[0]));
	if (options->local_only)
		add(&c, &copy, "localOnly", json_bool(true));
	add_notification(&c, &copy, options->split);
	struct json *made = json_new(arena, copy);

	if (c.failed || !made)
		return err_set(err, ERR_MEMORY, "no memory for a copy of a subscription");
	*ret_copy = concerns ? made : NULL;
	return ERR_OK;
}

bool subscription_copy_address(struct arena *arena, struct json *copy, struct str id, struct str uri)
{
	struct json *notification = json_get(copy, STR("notification"));
	struct json endpoint = json_object();

	return json_add(arena, &endpoint, STR("uri"), json_string(uri)) &&
	       json_add(arena, &endpoint, STR("accept"), json_string(STR("application/ld+json"))) &&
	       json_set(arena, notification, STR("endpoint"), endpoint) &&
	       json_set(arena, copy, STR("id"), json_string(id));
}

bool subscription_copy_has_names(const struct json *copy)
{
	return json_get(copy, STR("q")) != NULL;
}

struct json *subscription_copy_patch(struct arena *arena, const struct json *was, const struct json *copy)
{
	struct json *patch = json_new(arena, json_object());

	for (uint32_t i = 0; patch && i < copy->count; i++)
		if (!str_eq(copy->members[i].key, STR("id")) &&
		    !json_add(arena, patch, copy->members[i].key, copy->members[i].value))
			return NULL;
	for (uint32_t i = 0; patch && json_is(was, JSON_OBJECT) && i < was->count; i++)
		if (!json_get(copy, was->members[i].key) && !str_eq(was->members[i].key, STR("@context")) &&
		    !json_add(arena, patch, was->members[i].key, json_string(NGSILD_NULL)))
			return NULL;
	return patch;
}
