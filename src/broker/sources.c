/* The registered sources that an operation concerns. */
#include "broker/sources.h"

#include "base/duration.h"
#include "broker/registrations_int.h"

#include <stdlib.h>

/* ---- which there are ---- */

bool broker_has_registrations(const struct broker *broker, struct str tenant)
{
	return atomic_load_explicit(&broker->registered[broker_registered_slot(tenant)], memory_order_relaxed) > 0;
}

static bool among(struct str text, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, list[i]))
			return true;
	return false;
}

struct asking {
	const struct source_question *question;
	struct registration_question match; /* with its now_us */
};

static bool is_wanted(const void *self, const struct registered *one)
{
	const struct asking *asking = self;
	const struct source_question *question = asking->question;
	const struct json *document = registration_document(one->registration);

	if (registered_expired(one, asking->match.now_us) ||
	    !(question->any_operation || registration_supports(one->registration, question->operation)))
		return false;
	if (question->via_count == 0)
		return true;
	struct str alias = json_text(json_get(document, STR("contextSourceAlias")));

	return !alias.at || !among(alias, question->via, question->via_count);
}

static bool is_asked(struct registered *one, const struct asking *asking)
{
	return !asking->question->match || registered_matches(one, &asking->match);
}

static int rank(const struct source *source)
{
	static const int ranks[] = {[REGISTRATION_EXCLUSIVE] = 0,
				    [REGISTRATION_REDIRECT] = 1,
				    [REGISTRATION_INCLUSIVE] = 2,
				    [REGISTRATION_AUXILIARY] = 3};

	return ranks[source_mode(source)];
}

static int compare(const void *a, const void *b)
{
	const struct source *one = *(struct source *const *)a, *other = *(struct source *const *)b;
	int difference = rank(one) - rank(other);

	return difference ? difference : str_cmp(source_id(one), source_id(other));
}

/* Takes the references of those candidates that are asked; of the others it lets go. */
static bool choose(const struct registered_list *candidates, const struct asking *asking, struct arena *arena,
		   struct source_list *ret)
{
	struct source *sources = arena_array(arena, struct source, candidates->count);

	ret->at = arena_array(arena, struct source *, candidates->count);
	bool good = sources && ret->at;

	for (size_t i = 0; i < candidates->count; i++) {
		struct registered *one = candidates->at[i];

		if (!good || !is_asked(one, asking)) {
			(void)registered_unref(one);
			continue;
		}
		sources[ret->count].one = one;
		ret->at[ret->count] = &sources[ret->count];
		ret->count++;
	}
	return good;
}

enum err_code broker_sources(struct broker_reader *reader, struct str tenant, const struct source_question *question,
			     struct arena *arena, struct source_list *ret, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct registrations *all = broker_has_registrations(broker, tenant) ? registrations_of(broker, tenant) : NULL;
	struct asking asking = {.question = question};
	const struct registration_wish wish = {is_wanted, &asking};
	struct registered_list candidates = {.at = NULL};
	struct source_list list = {.at = NULL};

	if (question->match)
		asking.match = *question->match;
	asking.match.now_us = broker_now_us(broker);
	if (all && (!registrations_candidates(all, question->match, &wish, arena, &candidates) ||
		    !choose(&candidates, &asking, arena, &list)))
		return err_set(err, ERR_MEMORY, "no memory for a list of sources");
	if (list.count > 1)
		qsort(list.at, list.count, sizeof(*list.at), compare);
	*ret = list;
	return ERR_OK;
}

void sources_release(struct source_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->at[i]->one = registered_unref(list->at[i]->one);
	*list = (struct source_list){.at = NULL};
}

/* ---- what is registered ---- */

const struct json *source_document(const struct source *source)
{
	return registration_document(source->one->registration);
}

static const struct json *member(const struct source *source, struct str name)
{
	return json_get(source_document(source), name);
}

struct str source_id(const struct source *source)
{
	return registered_id(source->one);
}

enum registration_mode source_mode(const struct source *source)
{
	return registration_mode(source->one->registration);
}

struct str source_endpoint(const struct source *source)
{
	return json_text(member(source, STR("endpoint")));
}

struct str source_tenant(const struct source *source)
{
	return json_text(member(source, STR("tenant")));
}

struct str source_alias(const struct source *source)
{
	return json_text(member(source, STR("contextSourceAlias")));
}

bool source_supports(const struct source *source, enum source_operation operation)
{
	return registration_supports(source->one->registration, operation);
}

struct str source_dataset(const struct source *source, size_t at)
{
	return json_text(json_at(member(source, STR("datasetId")), at));
}

const struct json *source_scopes(const struct source *source)
{
	return registration_scopes(source->one->registration);
}

bool source_info(const struct source *source, size_t at, struct str *ret_key, struct str *ret_value)
{
	const struct json *pair = json_at(member(source, STR("contextSourceInfo")), at);

	if (!pair)
		return false;
	*ret_key = json_text(json_get(pair, STR("key")));
	*ret_value = json_text(json_get(pair, STR("value")));
	return true;
}

struct str source_info_value(const struct source *source, struct str key)
{
	struct str there, value;

	for (size_t i = 0; source_info(source, i, &there, &value); i++)
		if (str_eq(there, key))
			return value;
	return STR_NONE;
}

static int64_t milliseconds(const struct json *number)
{
	if (!json_is(number, JSON_NUMBER))
		return 0;
	if (number->number >= SOURCE_MANAGEMENT_MS_MAX)
		return SOURCE_MANAGEMENT_MS_MAX;
	return number->number > 1 ? (int64_t)number->number : 1;
}

struct source_management source_management(const struct source *source)
{
	const struct json *said = member(source, STR("management"));
	const struct json *local_only = json_get(said, STR("localOnly"));
	struct source_management management = {.local_only = json_is(local_only, JSON_BOOL) && local_only->boolean,
					       .timeout_ms = milliseconds(json_get(said, STR("timeout"))),
					       .cooldown_ms = milliseconds(json_get(said, STR("cooldown")))};

	(void)duration_parse_iso(json_text(json_get(said, STR("cacheDuration"))), &management.cache_us);
	return management;
}

bool source_covers(const struct source *source, const struct registration_entity *entity, struct str attribute_iri)
{
	return registration_covers(source->one->registration, entity, attribute_iri);
}

bool source_parts(const struct source *source, const struct registration_question *match, struct arena *arena,
		  struct registration_part **ret_parts, size_t *ret_count)
{
	const struct registration_question all = {.query = NULL};

	return registration_parts(arena, source->one->registration, match ? match : &all, ret_parts, ret_count);
}

/* ---- how it answers ---- */

enum err_code source_begin(const struct source *source, int64_t now_us, struct error *err)
{
	int64_t wait_us = 0;

	if (source->one->locked)
		return err_set(err, ERR_DENIED, "what the source of %.*s is to be sent cannot be opened",
			       STR_FMT(str_part(source_id(source), 0, 100)));
	if (source_figures_begin(source->one->figures, now_us, &wait_us))
		return ERR_OK;
	return err_set(err, ERR_TIMEOUT, "the source of %.*s did not answer, and is left alone for %lld ms more",
		       STR_FMT(str_part(source_id(source), 0, 100)), (long long)((wait_us + 999) / 1000));
}

void source_ended(const struct source *source, enum source_end end, int64_t now_us)
{
	source_figures_end(source->one->figures, end, source_management(source).cooldown_ms * 1000, now_us);
}
