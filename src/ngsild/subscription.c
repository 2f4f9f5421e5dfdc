/* Subscriptions compiled: texts to queries, projections and numbers, once; then each change is held against them.
 *
 * Which changes call for a notification (5.2.12, 5.8.6):
 * - An entity that is created or deleted is a creation or deletion of all its attributes too: the default triggers,
 *   attributeCreated and attributeUpdated, are older than entityCreated and always told of new entities.
 * - A change counts for each instance of an attribute: one more datasetId is attributeCreated. The datasetId of the
 *   subscription says what is shown, not what is watched.
 * - Types are no attributes; a type added alone triggers nothing. The scope is "a special Property" (4.18) that no
 *   list of attributes can name (4.5.1): its changes count where all attributes are watched.
 * - q, geoQ and scopeQ are held against the entity after the change, of a deleted one against what it was. csf speaks
 *   of Context Source Registrations; what is stored here comes from none (subscription_question.c). */
#include "ngsild/subscription_int.h"

#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/expand.h"
#include "ngsild/query_int.h"

#include <math.h>
#include <stdlib.h>

#define FIRST_BYTES 1664u /* what a plain one takes */
#define SCRATCH_BYTES_MAX (16u << 20)
#define PLACE_IRI STR("https://uri.etsi.org/ngsi-ld/location")

/* What building takes. */
struct build {
	struct subscription *subscription;
	struct arena scratch;
	struct json_parser *parser;
	struct error *err;
};

static enum err_code no_memory(const struct build *b)
{
	return err_set(b->err, ERR_MEMORY, "no memory for a subscription");
}

const struct json *subscription_member(const struct json *document, struct str outer, struct str inner)
{
	return json_get(json_get(document, outer), inner);
}

static const struct json *own(const struct build *b, struct str name)
{
	return json_get(b->subscription->document, name);
}

static const struct json *of_notification(const struct build *b, struct str name)
{
	return subscription_member(b->subscription->document, STR("notification"), name);
}

static bool is_true(const struct json *value)
{
	return json_is(value, JSON_BOOL) && value->boolean;
}

/* ---- texts for the parsers ---- */

/* A text, or the texts of an array with commas between; STR_NONE when there is none. */
static enum err_code joined(struct build *b, const struct json *value, struct str *ret)
{
	struct buf out;

	*ret = json_text(value);
	if (!json_is(value, JSON_ARRAY))
		return ERR_OK;
	buf_init(&out, SUBSCRIPTION_BYTES_MAX);
	for (uint32_t i = 0; i < value->count; i++) {
		if (i > 0)
			buf_put_char(&out, ',');
		buf_put(&out, json_text(&value->items[i]));
	}
	enum err_code code = buf_check(&out, "a list in a subscription", b->err);

	*ret = arena_dup(&b->scratch, buf_str(&out));
	buf_done(&out);
	return code ? code : ret->at ? ERR_OK : no_memory(b);
}

static enum err_code coordinates_text(struct build *b, const struct json *value, struct str *ret)
{
	struct buf out;

	*ret = json_text(value);
	if (!json_is(value, JSON_ARRAY))
		return ERR_OK;
	buf_init(&out, SUBSCRIPTION_BYTES_MAX);
	json_write(&out, value);
	enum err_code code = buf_check(&out, "the coordinates of a subscription", b->err);

	*ret = arena_dup(&b->scratch, buf_str(&out));
	buf_done(&out);
	return code ? code : ret->at ? ERR_OK : no_memory(b);
}

static enum err_code selectors_text(struct build *b, struct query_text *text)
{
	const struct json *entities = own(b, STR("entities"));
	enum err_code code = ERR_OK;

	if (!entities)
		return ERR_OK;
	struct query_selector *selectors = arena_array(&b->scratch, struct query_selector, entities->count);

	if (!selectors)
		return no_memory(b);
	for (uint32_t i = 0; code == ERR_OK && i < entities->count; i++) {
		const struct json *selector = &entities->items[i];

		selectors[i] = (struct query_selector){.id_pattern = json_text(json_get(selector, STR("idPattern"))),
						       .type = json_text(json_get(selector, STR("type")))};
		code = joined(b, json_get(selector, STR("id")), &selectors[i].ids);
	}
	text->selectors = selectors;
	text->selector_count = entities->count;
	return code;
}

static enum err_code build_query(struct build *b)
{
	struct subscription *s = b->subscription;
	const struct json *geo = own(b, STR("geoQ"));
	struct query_text text = {.q = json_text(own(b, STR("q"))),
				  .expand_values = json_text(own(b, STR("expandValues"))),
				  .json_keys = json_text(own(b, STR("jsonKeys"))),
				  .scope_q = json_text(own(b, STR("scopeQ"))),
				  .georel = json_text(json_get(geo, STR("georel"))),
				  .geometry = json_text(json_get(geo, STR("geometry"))),
				  .geoproperty = json_text(json_get(geo, STR("geoproperty"))),
				  .linked_levels = s->levels};
	enum err_code code = selectors_text(b, &text);

	if (code == ERR_OK)
		code = coordinates_text(b, json_get(geo, STR("coordinates")), &text.coordinates);
	return code ? code : query_new(&s->arena, b->parser, &text, s->context, &s->query, b->err);
}

/* ---- for an index ---- */

/* Of each alternative one type is needed; the first is taken. */
static bool type_key(struct arena *arena, const struct choices *types, struct subscription_key *key)
{
	struct str *iris = arena_array(arena, struct str, types->count);

	for (size_t i = 0; iris && i < types->count; i++)
		iris[i] = types->list[i].parts[0];
	key->type_iris = iris;
	key->type_count = types->count;
	return iris != NULL;
}

static enum err_code build_keys(struct build *b)
{
	struct subscription *s = b->subscription;
	const struct query *query = s->query;
	size_t count = query->selector_count ? query->selector_count : own(b, STR("entities")) ? 1 : 0;
	struct subscription_key *keys = arena_array(&s->arena, struct subscription_key, count);

	if (!keys)
		return no_memory(b);
	for (size_t i = 0; i < count; i++) {
		const struct selector *selector = query->selector_count ? &query->selectors[i] : NULL;

		keys[i] = (struct subscription_key){.ids = selector ? selector->ids : query->ids,
						    .id_count = selector ? selector->id_count : query->id_count};
		if (keys[i].id_count == 0 &&
		    !type_key(&s->arena, selector ? &selector->types : &query->types, &keys[i]))
			return no_memory(b);
	}
	s->keys = keys;
	s->key_count = count;
	return ERR_OK;
}

/* ---- numbers and names ---- */

static int64_t us_of(const struct json *seconds)
{
	double us = json_is(seconds, JSON_NUMBER) ? ceil(seconds->number * (double)US_PER_S) : 0;

	return us >= (double)INT64_MAX ? INT64_MAX : (int64_t)us;
}

static uint32_t ms_of(const struct json *ms)
{
	double whole = json_is(ms, JSON_NUMBER) ? ceil(ms->number) : 0;

	return whole >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)whole;
}

static unsigned int trigger_of(struct str name)
{
	static const struct {
		const char *name;
		unsigned int triggers;
	} all[] = {
		{"entityCreated", SUBSCRIPTION_ENTITY_CREATED},
		{"entityDeleted", SUBSCRIPTION_ENTITY_DELETED},
		{"entityUpdated",
		 SUBSCRIPTION_ATTRIBUTE_CREATED | SUBSCRIPTION_ATTRIBUTE_UPDATED | SUBSCRIPTION_ATTRIBUTE_DELETED},
		{"attributeCreated", SUBSCRIPTION_ATTRIBUTE_CREATED},
		{"attributeUpdated", SUBSCRIPTION_ATTRIBUTE_UPDATED},
		{"attributeDeleted", SUBSCRIPTION_ATTRIBUTE_DELETED},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (str_eq(str_from(all[i].name), name))
			return all[i].triggers;
	return 0;
}

static enum err_code build_watched(struct build *b)
{
	struct subscription *s = b->subscription;
	const struct json *triggers = own(b, STR("notificationTrigger")), *names = own(b, STR("watchedAttributes"));
	enum err_code code = ERR_OK;

	for (uint32_t i = 0; triggers && i < triggers->count; i++)
		s->triggers |= trigger_of(json_text(&triggers->items[i]));
	if (!triggers)
		s->triggers = SUBSCRIPTION_ATTRIBUTE_CREATED | SUBSCRIPTION_ATTRIBUTE_UPDATED;
	if (!names)
		return ERR_OK;
	struct str *iris = arena_array(&s->arena, struct str, names->count);

	if (!iris)
		return no_memory(b);
	for (uint32_t i = 0; code == ERR_OK && i < names->count; i++)
		code = expand_attribute_iri(&s->arena, s->context, json_text(&names->items[i]), &iris[i], b->err);
	s->watched = iris;
	s->watched_count = names->count;
	return code ? err_while(b->err, "reading watchedAttributes") : ERR_OK;
}

static enum err_code build_times(struct build *b)
{
	struct subscription *s = b->subscription;
	const struct json *active = own(b, STR("isActive"));

	s->paused = json_is(active, JSON_BOOL) && !active->boolean;
	s->throttling_us = us_of(own(b, STR("throttling")));
	s->interval_us = us_of(own(b, STR("timeInterval")));
	if (!time_parse_iso(json_text(own(b, STR("expiresAt"))), false, &s->expires_us))
		s->expires_us = INT64_MAX;
	return ERR_OK;
}

/* ---- the endpoint ---- */

static enum err_code pairs_of(const struct build *b, const struct json *list,
			      const struct subscription_pair **ret_pairs, size_t *ret_count)
{
	if (!list)
		return ERR_OK;
	struct subscription_pair *pairs = arena_array(&b->subscription->arena, struct subscription_pair, list->count);

	if (!pairs)
		return no_memory(b);
	for (uint32_t i = 0; i < list->count; i++)
		pairs[i] = (struct subscription_pair){json_text(json_get(&list->items[i], STR("key"))),
						      json_text(json_get(&list->items[i], STR("value")))};
	*ret_pairs = pairs;
	*ret_count = list->count;
	return ERR_OK;
}

static enum subscription_accept accept_of(const struct json *endpoint)
{
	struct str accept = json_text(json_get(endpoint, STR("accept")));

	return str_eq(accept, STR("application/ld+json"))    ? SUBSCRIPTION_JSON_LD
	       : str_eq(accept, STR("application/geo+json")) ? SUBSCRIPTION_GEO_JSON
							     : SUBSCRIPTION_JSON;
}

/* Does receiverInfo ask for GeoJSON without an @context (5.3.1, 6.3.8)? */
static bool prefers_json(const struct json *endpoint)
{
	const struct json *list = json_get(endpoint, STR("receiverInfo"));

	for (uint32_t i = 0; list && i < list->count; i++)
		if (str_eq_nocase(json_text(json_get(&list->items[i], STR("key"))), STR("Prefer")) &&
		    str_eq(str_trim(json_text(json_get(&list->items[i], STR("value")))), STR("body=json")))
			return true;
	return false;
}

bool subscription_links_context(const struct json *document)
{
	const struct json *endpoint = subscription_member(document, STR("notification"), STR("endpoint"));
	enum subscription_accept accept = accept_of(endpoint);

	return accept == SUBSCRIPTION_JSON || (accept == SUBSCRIPTION_GEO_JSON && prefers_json(endpoint));
}

static enum err_code build_endpoint(struct build *b)
{
	const struct json *from = of_notification(b, STR("endpoint"));
	struct subscription_endpoint *endpoint = &b->subscription->endpoint;

	endpoint->uri = json_text(json_get(from, STR("uri")));
	endpoint->accept = accept_of(from);
	endpoint->timeout_ms = ms_of(json_get(from, STR("timeout")));
	endpoint->cooldown_ms = ms_of(json_get(from, STR("cooldown")));
	enum err_code code =
		pairs_of(b, json_get(from, STR("receiverInfo")), &endpoint->receiver_info, &endpoint->receiver_count);

	if (code == ERR_OK)
		code = pairs_of(b, json_get(from, STR("notifierInfo")), &endpoint->notifier_info,
				&endpoint->notifier_count);
	endpoint->context_linked = subscription_links_context(b->subscription->document);
	return code;
}

/* ---- what is shown ---- */

static enum err_code projection_of(struct build *b, const char *name, enum projection_kind kind,
				   const struct projection **ret)
{
	struct str text;
	const struct json *list = of_notification(b, str_from(name));
	enum err_code code = joined(b, list, &text);

	if (code || !list)
		return code;
	return projection_new(&b->subscription->arena, b->subscription->context, name, text, kind,
			      b->subscription->levels, ret, b->err);
}

static enum err_code build_selection(struct build *b)
{
	struct represent_selection *show = &b->subscription->represent.show;
	enum err_code code = projection_of(b, "attributes", PROJECT_ATTRIBUTES, &show->attrs);

	if (code == ERR_OK)
		code = projection_of(b, "pick", PROJECT_MEMBERS, &show->pick);
	if (code == ERR_OK)
		code = projection_of(b, "omit", PROJECT_MEMBERS, &show->omit);
	for (size_t i = 0; code == ERR_OK && show->pick && i < show->pick->count; i++)
		if (projection_omits(show->omit, show->pick->terms[i].name))
			code = err_set(b->err, ERR_INVALID, "%.*s stands in pick and in omit",
				       STR_FMT(show->pick->terms[i].name));
	return code;
}

static enum err_code build_datasets(struct build *b)
{
	struct represent_options *o = &b->subscription->represent;
	const struct json *list = own(b, STR("datasetId"));

	if (!list)
		return ERR_OK;
	struct str *ids = arena_array(&b->subscription->arena, struct str, list->count);

	if (!ids)
		return no_memory(b);
	for (uint32_t i = 0; i < list->count; i++)
		ids[i] = json_text(&list->items[i]);
	o->dataset_ids = ids;
	o->dataset_count = list->count;
	return ERR_OK;
}

/* "major.minor" as fallback.h counts; 0 for none, and for versions that know all there is. */
static unsigned int version_of(struct str text)
{
	struct str rest = text, major, minor;
	uint64_t high, low;

	if (!str_next(&rest, '.', &major) || !str_next(&rest, '.', &minor) || !str_to_uint64(major, &high) ||
	    !str_to_uint64(minor, &low) || high != 1 || low > 99)
		return 0;
	return 100 + (unsigned int)low;
}

static enum err_code build_represent(struct build *b)
{
	struct represent_options *o = &b->subscription->represent;
	struct str format = json_text(of_notification(b, STR("format"))), lang = json_text(own(b, STR("lang")));
	struct language_filter *filter = NULL;
	enum represent_format shown = str_eq(format, STR("concise"))      ? REPRESENT_CONCISE
				      : str_eq(format, STR("simplified")) ? REPRESENT_SIMPLIFIED
				      : str_eq(format, STR("keyValues"))  ? REPRESENT_SIMPLIFIED
									  : REPRESENT_NORMALIZED;
	bool features = b->subscription->endpoint.accept == SUBSCRIPTION_GEO_JSON;

	o->format = features ? REPRESENT_GEOJSON : shown;
	o->properties_format = shown;
	o->geometry_property = PLACE_IRI; /* nothing in a subscription names another (4.5.16.1) */
	o->sys_attrs = is_true(of_notification(b, STR("sysAttrs")));
	o->version = version_of(json_text(own(b, STR("ngsildConformance"))));
	b->subscription->show_changes = is_true(of_notification(b, STR("showChanges")));
	enum err_code code = lang.at ? language_filter_new(&b->subscription->arena, lang, &filter, b->err) : ERR_OK;

	o->language = filter;
	if (code == ERR_OK)
		code = build_selection(b);
	return code ? code : build_datasets(b);
}

static enum err_code build_join(struct build *b)
{
	struct str join = json_text(of_notification(b, STR("join")));
	const struct json *level = of_notification(b, STR("joinLevel"));
	struct subscription *s = b->subscription;

	s->join = str_eq(join, STR("inline")) ? JOIN_INLINE : str_eq(join, STR("flat")) ? JOIN_FLAT : JOIN_NONE;
	if (s->join != JOIN_NONE)
		s->levels = level ? (uint32_t)level->number : 1;
	return ERR_OK;
}

static enum err_code build_question(struct build *b)
{
	return subscription_build_question(b->subscription, b->parser, b->err);
}

/* ---- all of it ---- */

static enum err_code take_document(struct build *b, const struct json *document)
{
	struct json *kept = NULL;
	enum err_code code = subscription_keep(&b->scratch, document, &kept, b->err);

	if (code)
		return code;
	b->subscription->document = json_dup(&b->subscription->arena, kept);
	return b->subscription->document ? ERR_OK : no_memory(b);
}

static enum err_code build_all(struct build *b, const struct json *document)
{
	/* Later ones look at what earlier ones made. */
	static enum err_code (*const steps[])(struct build *) = {
		build_times, build_join, build_endpoint,  build_watched,
		build_query, build_keys, build_represent, build_question,
	};
	enum err_code code = take_document(b, document);

	for (size_t i = 0; code == ERR_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		code = steps[i](b);
	return code;
}

enum err_code subscription_new(const struct json *document, struct context *context, struct json_parser *parser,
			       struct subscription **ret_subscription, struct error *err)
{
	struct error unseen = {.code = ERR_OK};
	struct build b = {
		.subscription = calloc(1, sizeof(struct subscription)), .parser = parser, .err = err ? err : &unseen};

	if (!b.subscription)
		return no_memory(&b);
	b.subscription->context = context_ref(context);
	arena_init_small(&b.subscription->arena, SUBSCRIPTION_BYTES_MAX, FIRST_BYTES);
	arena_init(&b.scratch, SCRATCH_BYTES_MAX);
	enum err_code code = build_all(&b, document);

	arena_done(&b.scratch);
	if (code)
		(void)subscription_free(b.subscription);
	else
		*ret_subscription = b.subscription;
	return code;
}

struct subscription *subscription_free(struct subscription *subscription)
{
	if (!subscription)
		return NULL;
	query_done(subscription->query);
	query_done(subscription->csf);
	arena_done(&subscription->arena);
	(void)context_unref(subscription->context);
	free(subscription);
	return NULL;
}
