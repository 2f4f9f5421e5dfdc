/* Registrations shown and found. Source: GS CIM 009 V1.9.1 clauses 5.10.1, 5.10.2. */
#include "broker/read_int.h"
#include "broker/registrations_int.h"

#include <string.h>

#define DOCUMENT_PADDING_BYTES 64u /* that the parser may read behind a text */

static enum err_code read_record(struct broker_reader *reader, struct str text, struct arena *arena,
				 struct registration_record *ret, struct error *err)
{
	struct json *json = NULL;
	enum err_code code = reader_parse(reader, arena, text, &json, err);

	return code == ERR_OK ? registration_record_read(json, ret, err) : code;
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
	struct registrations *all;
	const struct registration_question *question;
	struct arena *arena;
	uint64_t offset, limit, found;
	struct registration_look *at;
	size_t count, room;
	enum err_code code;
	struct error *err;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for a list of registrations");
}

static bool make_room(struct finding *finding)
{
	if (finding->count < finding->room)
		return true;
	size_t room = finding->room ? finding->room * 2 : 16;
	struct registration_look *grown = arena_array(finding->arena, struct registration_look, room);

	if (!grown)
		return false;
	if (finding->count)
		memcpy(grown, finding->at, finding->count * sizeof(*grown));
	finding->at = grown;
	finding->room = room;
	return true;
}

static enum err_code add(struct finding *finding, const struct registered *one, struct str doc)
{
	char *copy = arena_bytes(finding->arena, doc.len, DOCUMENT_PADDING_BYTES);

	if (!copy || !make_room(finding))
		return no_memory(finding->err);
	memcpy(copy, doc.at, doc.len);
	struct registration_look *look = &finding->at[finding->count];
	struct registration_record record;
	enum err_code code =
		read_record(finding->reader, (struct str){copy, doc.len}, finding->arena, &record, finding->err);

	if (code != ERR_OK)
		return code;
	*look = look_of(&record, one);
	look->document = registration_filtered(finding->arena, one->registration, look->document, finding->question);
	finding->count++;
	return look->document ? ERR_OK : no_memory(finding->err);
}

/* Records come in the order of their ids. What is in memory may be newer than the record; the next look shows both. */
static bool look_at(void *self, struct str id, struct str doc)
{
	struct finding *finding = self;

	struct registered *one = registrations_find(finding->all, id);

	if (one && registered_matches(one, finding->question)) {
		uint64_t place = finding->found++;

		if (place >= finding->offset && place - finding->offset < finding->limit)
			finding->code = add(finding, one, doc);
	}
	(void)registered_unref(one);
	return finding->code == ERR_OK;
}

enum err_code broker_registration_query(struct broker_reader *reader, struct str tenant,
					struct registration_question *question, uint64_t offset, uint64_t limit,
					struct arena *arena, struct registration_look **ret, size_t *ret_count,
					uint64_t *ret_total, struct error *err)
{
	struct broker *broker = reader_broker(reader);
	struct finding finding = {
		.reader = reader, .question = question, .arena = arena, .offset = offset, .limit = limit, .err = err};
	struct store_reader *store;
	enum err_code code = store_reader_of(reader, tenant, &store, err);

	if (code != ERR_OK)
		return code;
	question->now_us = broker_now_us(broker);
	finding.all = registrations_of(broker, tenant);
	code = store_record_each(store, STR(REGISTRATION_RECORD_KIND), STR_NONE, look_at, &finding, err);
	*ret = finding.at;
	*ret_count = finding.count;
	*ret_total = finding.found;
	return code ? code : finding.code;
}
