/* Which copies of a subscription there are to be at other sources (GS CIM 009 V1.9.1, 5.8.1.4). */
#include "broker/source_copies_int.h"

#include "broker/read_int.h"
#include "broker/registrations_int.h"
#include "broker/subscriptions_int.h"
#include "ngsild/registration_notification.h"
#include "ngsild/subscription_copy.h"

#define VIA_MAX 64u /* brokers that a subscription has come through */

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for copies of subscriptions");
}

static bool flag(const struct json *document, struct str name, bool otherwise)
{
	const struct json *value = json_get(document, name);

	return json_is(value, JSON_BOOL) ? value->boolean : otherwise;
}

/* ---- the registrations that match ---- */

static enum err_code find_sources(struct broker_reader *reader, struct str tenant, const struct compiled *compiled,
				  const struct json *via, struct arena *arena, struct source_list *ret,
				  struct error *err)
{
	struct registration_question match;
	struct str passed[VIA_MAX];
	struct source_question question = {
		.match = &match, .operation = SOURCE_CREATE_SUBSCRIPTION, .any_operation = false, .via = passed};

	subscription_question(compiled->subscription, &match);
	for (uint32_t i = 0; json_is(via, JSON_ARRAY) && i < via->count && i < VIA_MAX; i++)
		passed[question.via_count++] = json_text(&via->items[i]);
	return broker_sources(reader, tenant, &question, arena, ret, err);
}

static enum err_code add_wish(struct broker_reader *reader, const struct compiled *compiled,
			      const struct subscription_record *record, bool split, struct source *source,
			      struct arena *arena, struct source_wishes *wishes, struct error *err)
{
	/* Names in q are the client's: a source that wants others is not sent them. */
	bool other_names = source_info_value(source, STR("jsonldContext")).at && json_get(record->document, STR("q"));
	const struct subscription_copy_options options = {.split = split || other_names,
							  .local_only = source_management(source).local_only};
	struct json *copy = NULL;

	/* An auxiliary source adds to entities, and no change of it is one of theirs (4.3.6.2). */
	if (source_mode(source) == REGISTRATION_AUXILIARY)
		return ERR_OK;
	enum err_code code = subscription_copy(arena, broker_reader_parser(reader), compiled->subscription,
					       source->one->registration, &options, &copy, err);

	if (code != ERR_OK || !copy)
		return code;
	wishes->at[wishes->count++] =
		(struct source_wish){.source = source,
				     .copy = copy,
				     .split = options.split,
				     .context_value = subscription_copy_has_names(copy) ? record->context_value : NULL,
				     .via = record->via};
	return ERR_OK;
}

/* The texts of what is found lie in the compiled one, which goes: they are copied. */
static enum err_code own(struct source_wishes *wishes, struct arena *arena, struct error *err)
{
	for (size_t i = 0; i < wishes->count; i++) {
		wishes->at[i].copy = json_dup(arena, wishes->at[i].copy);
		if (!wishes->at[i].copy)
			return no_memory(err);
	}
	return ERR_OK;
}

static enum err_code wish(struct broker_reader *reader, struct str tenant, const struct compiled *compiled,
			  const struct subscription_record *record, bool split, struct arena *arena,
			  struct source_wishes *wishes, struct error *err)
{
	enum err_code code = find_sources(reader, tenant, compiled, record->via, arena, &wishes->sources, err);

	split = flag(record->document, STR("splitEntities"), split);
	wishes->at = code ? NULL : arena_array(arena, struct source_wish, wishes->sources.count);
	if (code == ERR_OK && !wishes->at)
		code = no_memory(err);
	for (size_t i = 0; code == ERR_OK && i < wishes->sources.count; i++)
		code = add_wish(reader, compiled, record, split, wishes->sources.at[i], arena, wishes, err);
	return code ? code : own(wishes, arena, err);
}

static enum err_code get_record(struct broker_reader *reader, struct str tenant, struct str subscription,
				struct arena *arena, struct subscription_record *ret, struct error *err)
{
	struct json *json = NULL;
	struct store_reader *store;
	struct str text;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code == ERR_OK)
		code = store_record_get(store, subscription_record_kinds[SUBSCRIPTION_TO_ENTITIES], subscription, arena,
					&text, err);
	if (code == ERR_OK)
		code = reader_parse(reader, arena, text, &json, err);
	return code ? code : subscription_record_read(json, ret, err);
}

enum err_code broker_source_wishes(struct broker_reader *reader, struct str tenant, struct str subscription, bool split,
				   struct arena *arena, struct source_wishes *ret, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct subscriptions *all = subscriptions_of(broker, tenant);
	struct source_wishes wishes = {.count = 0};
	struct subscription_record record;
	struct compiled *compiled = NULL;

	*ret = wishes;
	struct subscribed *one = all && broker_has_registrations(broker, tenant)
					 ? subscriptions_find(all, SUBSCRIPTION_TO_ENTITIES, subscription)
					 : NULL;

	if (!one)
		return ERR_OK;
	enum err_code code = get_record(reader, tenant, subscription, arena, &record, err);
	bool wanted = code == ERR_OK && !flag(record.document, STR("localOnly"), false) &&
		      subscribed_status(one, broker_now_us(broker)) == SUBSCRIPTION_ACTIVE;

	if (wanted)
		code = subscribed_compile(one, broker->core, broker_reader_parser(reader), &compiled, err);
	if (wanted && code == ERR_OK)
		code = wish(reader, tenant, compiled, &record, split, arena, &wishes, err);
	(void)compiled_unref(compiled);
	(void)subscribed_unref(one);
	if (code == ERR_OK)
		*ret = wishes;
	else
		sources_release(&wishes.sources);
	return code == ERR_NOT_FOUND ? ERR_OK : code; /* deleted just now */
}

void source_wishes_release(struct source_wishes *wishes)
{
	sources_release(&wishes->sources);
	wishes->count = 0;
}

/* ---- one source ---- */

static enum err_code list_one(struct registered *one, struct arena *arena, struct source_list *ret, struct error *err)
{
	struct source *source = arena_new(arena, struct source);
	struct source **at = arena_array(arena, struct source *, 1);

	if (!source || !at) {
		(void)registered_unref(one);
		return no_memory(err);
	}
	source->one = one;
	at[0] = source;
	*ret = (struct source_list){.at = at, .count = 1};
	return ERR_OK;
}

enum err_code broker_source_get(struct broker_reader *reader, struct str tenant, struct str id, struct arena *arena,
				struct source_list *ret, struct error *err)
{
	struct registrations *all = registrations_of(reader_broker(reader), tenant);
	struct registered *one = all ? registrations_find(all, id) : NULL;

	*ret = (struct source_list){.at = NULL};
	if (one && registered_expired(one, broker_now_us(reader_broker(reader))))
		one = registered_unref(one);
	return one ? list_one(one, arena, ret, err) : ERR_OK;
}

enum err_code broker_source_of_copy(struct broker_reader *reader, const struct source_copy *copy, struct arena *arena,
				    struct source_list *ret, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct registration_record record = {.document = copy->source};
	struct registered *one = NULL;
	enum err_code code = registration_open(broker, arena, &record, err);

	if (code == ERR_OK)
		code = registered_new(record.document, broker->core, &one, err);
	return code ? code : list_one(one, arena, ret, err);
}

enum err_code broker_source_seal(struct broker_reader *reader, const struct source *source, struct arena *arena,
				 const struct json **ret, struct error *err)
{
	return registration_seal(reader_broker(reader), arena, source_document(source), ret, err);
}
