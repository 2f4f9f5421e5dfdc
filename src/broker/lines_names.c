/* What is remembered of a tenant's things and attributes: the key of a line as it was written to the number that the
 * store gave its subject, the name of a field to that of its attribute. */
#include "broker/lines_int.h"

#include "base/map.h"
#include "lineproto/series_key.h"
#include "ngsild/expand.h"
#include "store/bulk.h"

#include <stdlib.h>

#define NAMES_TEXT_BYTES_MAX ((size_t)256 << 20)
#define LINES_BULKS_KEPT 4u
#define LINES_BULK_BYTES_KEPT ((size_t)8 << 20) /* of one */
#define WANTED_SCRATCH_BYTES_MAX ((size_t)16 << 20)
#define LINES_WANTED_MAX 200000u /* new things and attributes in one request */

struct lines_names {
	pthread_rwlock_t lock; /* guards all below */
	struct map subjects, attributes;
	struct arena texts;
	int64_t generation;
	pthread_mutex_t bulks_lock; /* guards the following */
	struct store_bulk *bulks[LINES_BULKS_KEPT]; /* owned: memory that the next request need not ask for */
	size_t bulk_count;
};

struct wanted {
	struct str key; /* as written */
	struct store_bulk_subject subject;
	bool attribute; /* then subject.id is its IRI */
	struct str reason; /* why it cannot be named; STR_NONE: it can */
	struct wanted *next;
};

struct lines_wanted {
	struct map subjects, attributes; /* by their keys, in the request's text */
	struct wanted *first, *last; /* as they came: ascending numbers fill the store's pages */
	size_t subject_count, count;
	int64_t generation;
	struct arena scratch; /* of one key */
};

/* ---- the memory ---- */

static struct lines_names *names_new(void)
{
	struct lines_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	(void)pthread_rwlock_init(&names->lock, NULL);
	(void)pthread_mutex_init(&names->bulks_lock, NULL);
	map_init(&names->subjects, (uint64_t)(uintptr_t)names);
	map_init(&names->attributes, (uint64_t)(uintptr_t)names);
	arena_init(&names->texts, NAMES_TEXT_BYTES_MAX);
	return names;
}

struct lines_names *lines_names_free(struct lines_names *names)
{
	if (!names)
		return NULL;
	map_done(&names->subjects);
	map_done(&names->attributes);
	arena_done(&names->texts);
	for (size_t i = 0; i < names->bulk_count; i++)
		(void)store_bulk_free(names->bulks[i]);
	(void)pthread_mutex_destroy(&names->bulks_lock);
	(void)pthread_rwlock_destroy(&names->lock);
	free(names);
	return NULL;
}

struct store_bulk *lines_names_take_bulk(struct lines_names *names)
{
	(void)pthread_mutex_lock(&names->bulks_lock);
	struct store_bulk *bulk = names->bulk_count ? names->bulks[--names->bulk_count] : NULL;

	(void)pthread_mutex_unlock(&names->bulks_lock);
	return bulk;
}

void lines_names_give_bulk(struct lines_names *names, struct store_bulk *bulk)
{
	(void)pthread_mutex_lock(&names->bulks_lock);
	bool kept = names->bulk_count < LINES_BULKS_KEPT && store_bulk_bytes(bulk) <= LINES_BULK_BYTES_KEPT;

	if (kept)
		names->bulks[names->bulk_count++] = bulk;
	(void)pthread_mutex_unlock(&names->bulks_lock);
	if (!kept)
		(void)store_bulk_free(bulk);
}

enum err_code lines_names_of(struct broker *broker, struct store *store, struct lines_names **ret, struct error *err)
{
	struct tenants *tenants = &broker->tenants;
	enum err_code code = err_set(err, ERR_INTERNAL, "lines for a store that is no tenant's");

	(void)pthread_mutex_lock(&tenants->lock);
	for (size_t i = 0; i < tenants->count; i++) {
		struct tenant *tenant = tenants->list[i];

		if (tenant->store != store)
			continue;
		if (!tenant->lines_names)
			tenant->lines_names = names_new();
		*ret = tenant->lines_names;
		code = tenant->lines_names ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for lines");
	}
	(void)pthread_mutex_unlock(&tenants->lock);
	return code;
}

void lines_names_hold(struct lines_names *names)
{
	(void)pthread_rwlock_rdlock(&names->lock);
}

void lines_names_release(struct lines_names *names)
{
	(void)pthread_rwlock_unlock(&names->lock);
}

int64_t lines_names_generation(const struct lines_names *names)
{
	return names->generation;
}

int64_t lines_names_subject(const struct lines_names *names, struct str key)
{
	return (int64_t)(uintptr_t)map_get(&names->subjects, key);
}

int64_t lines_names_attribute(const struct lines_names *names, struct str field)
{
	return (int64_t)(uintptr_t)map_get(&names->attributes, field);
}

/* Under the lock. */
static void forget(struct lines_names *names)
{
	map_done(&names->subjects);
	map_done(&names->attributes);
	arena_clear(&names->texts);
	map_init(&names->subjects, (uint64_t)(uintptr_t)names);
	map_init(&names->attributes, (uint64_t)(uintptr_t)names);
}

void lines_names_forget(struct lines_names *names)
{
	(void)pthread_rwlock_wrlock(&names->lock);
	forget(names);
	(void)pthread_rwlock_unlock(&names->lock);
}

/* ---- what a request wants ---- */

void lines_want_nothing(struct broker_lines *lines)
{
	if (!lines->wanted)
		return;
	map_done(&lines->wanted->subjects);
	map_done(&lines->wanted->attributes);
	arena_done(&lines->wanted->scratch);
	free(lines->wanted);
	lines->wanted = NULL;
}

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for lines");
}

/* The entry of a key; *ret_new says that it has yet to be named. */
static enum err_code want(struct broker_lines *lines, struct str key, bool attribute, struct wanted **ret_wanted,
			  bool *ret_new, struct error *err)
{
	if (!lines->wanted) {
		lines->wanted = calloc(1, sizeof(*lines->wanted));
		if (!lines->wanted)
			return no_memory(err);
		map_init(&lines->wanted->subjects, (uint64_t)(uintptr_t)lines);
		map_init(&lines->wanted->attributes, (uint64_t)(uintptr_t)lines);
		arena_init(&lines->wanted->scratch, WANTED_SCRATCH_BYTES_MAX);
	}
	*ret_wanted = map_get(attribute ? &lines->wanted->attributes : &lines->wanted->subjects, key);
	*ret_new = !*ret_wanted;
	if (*ret_wanted)
		return ERR_OK;
	if (lines->wanted->count == LINES_WANTED_MAX)
		return err_set(err, ERR_LIMIT, "more than %u new things and attributes in one request",
			       LINES_WANTED_MAX);
	struct wanted *wanted = arena_new(lines->arena, struct wanted);

	if (!wanted || !map_set(attribute ? &lines->wanted->attributes : &lines->wanted->subjects, key, wanted))
		return no_memory(err);
	*wanted = (struct wanted){.key = key, .attribute = attribute};
	*ret_wanted = wanted;
	lines->wanted->count++;
	return ERR_OK;
}

static void keep(struct broker_lines *lines, struct wanted *wanted)
{
	if (lines->wanted->last)
		lines->wanted->last->next = wanted;
	else
		lines->wanted->first = wanted;
	lines->wanted->last = wanted;
	lines->wanted->subject_count += !wanted->attribute;
}

/* A name that NGSI-LD does not allow becomes one with "_" for what is neither letter nor digit. */
static struct str tame(struct arena *arena, struct str name)
{
	char *to = arena_bytes(arena, name.len + 1, 1);
	size_t len = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (i == 0 && !letter)
			to[len++] = 'x';
		to[len++] = letter || (c >= '0' && c <= '9') ? c : '_';
	}
	return (struct str){to, len};
}

/* The name as an IRI. */
static enum err_code expand(struct broker_lines *lines, struct str name, struct str *ret_iri, struct error *why)
{
	struct context *core = broker_core_context(lines->broker);
	enum err_code code = expand_attribute_iri(lines->arena, core, name, ret_iri, why);

	if (code != ERR_INVALID)
		return code;
	struct str tamed = tame(lines->arena, name);

	return tamed.at ? expand_attribute_iri(lines->arena, core, tamed, ret_iri, why) : no_memory(why);
}

/* Why it cannot be named, for this line and all others that say the same. */
static enum err_code refuse(struct broker_lines *lines, struct wanted *wanted, const struct error *why,
			    struct str *ret_reason, struct error *err)
{
	wanted->reason = arena_dup(lines->arena, str_from(why->detail));
	*ret_reason = wanted->reason;
	return wanted->reason.at ? err_set(err, ERR_INVALID, "%s", why->detail) : no_memory(err);
}

static enum err_code name_subject(struct broker_lines *lines, struct wanted *wanted, struct error *why)
{
	struct arena *scratch = &lines->wanted->scratch;
	struct line_key key;

	arena_clear(scratch);
	enum err_code code = line_key_parse(scratch, wanted->key, &key, why);

	if (code)
		return code;
	struct str id = line_key_tag(&key, STR("id"));
	struct str measurement = arena_dup(lines->arena, key.measurement);

	wanted->subject.id = arena_dup(lines->arena, expand_is_uri(id) ? id : line_key_urn(scratch, &key));
	if (!wanted->subject.id.len || !measurement.at)
		return no_memory(why);
	return expand(lines, measurement, &wanted->subject.type_iri, why);
}

static enum err_code name_attribute(struct broker_lines *lines, const struct line_field *field, struct wanted *wanted,
				    struct error *why)
{
	struct str name = field->name;

	if (field->name_escaped) {
		char *copy = arena_bytes(lines->arena, name.len, 1);

		if (!copy)
			return no_memory(why);
		name = line_name(name, copy);
	}
	return expand(lines, name, &wanted->subject.id, why);
}

/* What came of naming it. */
static enum err_code settle(struct broker_lines *lines, struct wanted *wanted, enum err_code code,
			    const struct error *why, struct str *ret_reason, struct error *err)
{
	if (code == ERR_OK)
		keep(lines, wanted);
	else if (code == ERR_INVALID || code == ERR_LIMIT)
		return refuse(lines, wanted, why, ret_reason, err);
	else if (err)
		*err = *why;
	return code;
}

enum err_code lines_want_subject(struct broker_lines *lines, struct str key, struct str *ret_reason, struct error *err)
{
	struct wanted *wanted;
	struct error why = {0};
	bool new;
	enum err_code code = want(lines, key, false, &wanted, &new, err);

	if (code)
		return code;
	if (new)
		return settle(lines, wanted, name_subject(lines, wanted, &why), &why, ret_reason, err);
	*ret_reason = wanted->reason;
	return wanted->reason.at ? err_set(err, ERR_INVALID, "%.*s", STR_FMT(wanted->reason)) : ERR_OK;
}

enum err_code lines_want_attribute(struct broker_lines *lines, const struct line_field *field, struct str *ret_reason,
				   struct error *err)
{
	struct wanted *wanted;
	struct error why = {0};
	bool new;
	enum err_code code = want(lines, field->name, true, &wanted, &new, err);

	if (code)
		return code;
	if (new)
		return settle(lines, wanted, name_attribute(lines, field, wanted, &why), &why, ret_reason, err);
	*ret_reason = wanted->reason;
	return wanted->reason.at ? err_set(err, ERR_INVALID, "%.*s", STR_FMT(wanted->reason)) : ERR_OK;
}

/* ---- numbers ---- */

enum err_code lines_name(struct broker_lines *lines, struct store_txn *txn, struct error *err)
{
	struct lines_wanted *list = lines->wanted;
	struct store_bulk_subject *subjects =
		arena_array(store_txn_arena(txn), struct store_bulk_subject, list->subject_count);
	size_t count = 0;
	enum err_code code = subjects ? ERR_OK : no_memory(err);

	for (struct wanted *wanted = list->first; code == ERR_OK && wanted; wanted = wanted->next) {
		if (wanted->attribute)
			code = store_txn_bulk_name(txn, wanted->subject.id, &wanted->subject.number, err);
		else
			subjects[count++] = wanted->subject;
	}
	if (code == ERR_OK)
		code = store_txn_bulk_subjects(txn, subjects, count, &list->generation, err);
	count = 0;
	for (struct wanted *wanted = list->first; code == ERR_OK && wanted; wanted = wanted->next)
		if (!wanted->attribute)
			wanted->subject.number = subjects[count++].number;
	return code;
}

void lines_names_learn(struct broker_lines *lines)
{
	struct lines_names *names = lines->names;
	bool good = true;

	(void)pthread_rwlock_wrlock(&names->lock);
	if (names->generation != lines->wanted->generation ||
	    names->subjects.count + names->attributes.count + lines->wanted->count > LINES_NAMES_MAX)
		forget(names);
	names->generation = lines->wanted->generation;
	for (const struct wanted *wanted = lines->wanted->first; good && wanted; wanted = wanted->next) {
		struct str key = arena_dup(&names->texts, wanted->key);

		good = key.at && map_set(wanted->attribute ? &names->attributes : &names->subjects, key,
					 (void *)(uintptr_t)wanted->subject.number);
	}
	if (!good)
		forget(names);
	(void)pthread_rwlock_unlock(&names->lock);
}
