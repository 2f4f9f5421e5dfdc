/* Registrations shown and found. Source: GS CIM 009 V1.9.1 clauses 5.10.1, 5.10.2. */
#include "broker/read_int.h"
#include "broker/registrations_int.h"

#include <stdlib.h>

static enum err_code read_record(struct broker_reader *reader, struct str text, struct arena *arena,
				 struct registration_record *ret, struct error *err)
{
	struct json *json = NULL;
	enum err_code code = reader_parse(reader, arena, text, &json, err);

	if (code == ERR_OK)
		code = registration_record_read(json, ret, err);
	return code ? code : registration_open(reader_broker(reader), arena, ret, err);
}

/* one NULL: it is not in memory, and so never used. */
static struct registration_look look_of(const struct registration_record *record, const struct registered *one)
{
	struct registration_look look = {.document = record->document,
					 .state = {.last_success_us = INT64_MIN,
						   .last_failure_us = INT64_MIN,
						   .created_us = record->created_us,
						   .modified_us = record->modified_us}};

	if (one)
		source_figures_show(one->figures, &look.state);
	return look;
}

static struct registration_look look_up(struct broker_reader *reader, struct str tenant, struct str id,
					const struct registration_record *record)
{
	struct registrations *all = registrations_of(reader_broker(reader), tenant);
	struct registered *one = all ? registrations_find(all, id) : NULL;
	struct registration_look look = look_of(record, one);

	(void)registered_unref(one);
	return look;
}

/* What has expired is deleted "when this point in time is reached" (5.9.2.4), whenever the sweep comes. */
enum err_code broker_registration_get(struct broker_reader *reader, struct str tenant, struct str id,
				      struct arena *arena, struct registration_look *ret, struct error *err)
{
	struct registration_record record;
	struct store_reader *store;
	struct str text;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code != ERR_OK)
		return code;
	code = store_record_get(store, STR(REGISTRATION_RECORD_KIND), id, arena, &text, err);
	if (code == ERR_OK)
		code = read_record(reader, text, arena, &record, err);
	if (code == ERR_OK && record.expires_us <= broker_now_us(reader_broker(reader)))
		code = ERR_NOT_FOUND;
	if (code == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "there is no registration %.*s", STR_FMT(str_part(id, 0, 150)));
	if (code == ERR_OK)
		*ret = look_up(reader, tenant, id, &record);
	return code;
}

struct finding {
	struct broker_reader *reader;
	struct store_reader *store;
	const struct registration_question *question;
	struct arena *arena;
	struct registration_look *at;
	size_t count;
	struct error *err;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a list of registrations");
}

/* What is in memory may be newer than the record; the next look shows both. One deleted meanwhile is passed over. */
static enum err_code add(struct finding *finding, const struct registered *one)
{
	struct registration_record record;
	struct str text;
	enum err_code code = store_record_get(finding->store, STR(REGISTRATION_RECORD_KIND), registered_id(one),
					      finding->arena, &text, finding->err);

	if (code == ERR_OK)
		code = read_record(finding->reader, text, finding->arena, &record, finding->err);
	if (code != ERR_OK)
		return code == ERR_NOT_FOUND ? ERR_OK : code;
	struct registration_look *look = &finding->at[finding->count++];

	*look = look_of(&record, one);
	look->document = registration_filtered(finding->arena, one->registration, look->document, finding->question);
	return look->document ? ERR_OK : no_memory(finding->err);
}

static int compare(const void *a, const void *b)
{
	return str_cmp(registered_id(*(struct registered *const *)a), registered_id(*(struct registered *const *)b));
}

/* Those that match, in the order of their ids; of the others it lets go. */
static void keep_matches(struct registered_list *list, const struct registration_question *question)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (registered_matches(list->at[i], question))
			list->at[kept++] = list->at[i];
		else
			(void)registered_unref(list->at[i]);
	list->count = kept;
	if (kept > 1)
		qsort(list->at, kept, sizeof(struct registered *), compare);
}

static enum err_code add_page(struct finding *finding, const struct registered_list *list, uint64_t offset,
			      uint64_t limit)
{
	uint64_t behind = offset < list->count ? list->count - offset : 0;
	size_t count = (size_t)(behind < limit ? behind : limit);
	enum err_code code = ERR_OK;

	finding->at = arena_array(finding->arena, struct registration_look, count);
	if (!finding->at)
		return no_memory(finding->err);
	for (size_t i = 0; code == ERR_OK && i < count; i++)
		code = add(finding, list->at[offset + i]);
	return code;
}

enum err_code broker_registration_query(struct broker_reader *reader, struct str tenant,
					struct registration_question *question, uint64_t offset, uint64_t limit,
					struct arena *arena, struct registration_look **ret, size_t *ret_count,
					uint64_t *ret_total, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct finding finding = {.reader = reader, .question = question, .arena = arena, .err = err};
	struct registered_list list = {.at = NULL};
	enum err_code code = store_reader_of(reader, tenant, &finding.store, err);

	if (code != ERR_OK)
		return code;
	question->now_us = broker_now_us(broker);
	if (!registrations_candidates(registrations_of(broker, tenant), question, NULL, arena, &list))
		return no_memory(err);
	keep_matches(&list, question);
	code = add_page(&finding, &list, offset, limit);
	for (size_t i = 0; i < list.count; i++)
		(void)registered_unref(list.at[i]);
	*ret = finding.at;
	*ret_count = finding.count;
	*ret_total = list.count;
	return code;
}
