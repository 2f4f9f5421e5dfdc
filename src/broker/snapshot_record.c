/* What is kept of a snapshot: its record, the queries in it as texts, and what came of them. */
#include "broker/snapshots_int.h"

#include <stddef.h>

/* ---- queries ---- */

static const struct query_part {
	struct str name;
	size_t offset;
} parts[] = {
#define PART(name, member)                                                                                             \
	{                                                                                                              \
		{(name), sizeof(name) - 1}, offsetof(struct snapshot_query, member)                                    \
	}
	PART("id", text.ids),
	PART("idPattern", text.id_pattern),
	PART("type", text.type),
	PART("attrs", text.attrs),
	PART("q", text.q),
	PART("expandValues", text.expand_values),
	PART("jsonKeys", text.json_keys),
	PART("scopeQ", text.scope_q),
	PART("georel", text.georel),
	PART("geometry", text.geometry),
	PART("coordinates", text.coordinates),
	PART("geoproperty", text.geoproperty),
	PART("pick", pick),
	PART("omit", omit),
	PART("datasetId", dataset_id),
	PART("timerel", when.timerel),
	PART("timeAt", when.time_at),
	PART("endTimeAt", when.end_time_at),
	PART("timeproperty", when.timeproperty),
	PART("lastN", when.last_n),
#undef PART
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void put_text(struct buf *out, struct str name, struct str text)
{
	if (!text.at)
		return;
	if (out->len && out->at[out->len - 1] != '{')
		buf_put_char(out, ',');
	json_write_string(out, name);
	buf_put_char(out, ':');
	json_write_string(out, text);
}

static void put_selectors(struct buf *out, const struct query_text *text)
{
	if (!text->selector_count)
		return;
	buf_put(out, STR(",\"entities\":["));
	for (size_t i = 0; i < text->selector_count; i++) {
		buf_put(out, i ? STR(",{") : STR("{"));
		put_text(out, STR("id"), text->selectors[i].ids);
		put_text(out, STR("idPattern"), text->selectors[i].id_pattern);
		put_text(out, STR("type"), text->selectors[i].type);
		buf_put_char(out, '}');
	}
	buf_put_char(out, ']');
}

void snapshot_query_put(struct buf *out, const struct snapshot_query *query)
{
	buf_printf(out, "{\"temporal\":%s", query->temporal ? "true" : "false");
	for (size_t i = 0; i < PARTS; i++)
		put_text(out, parts[i].name, *(const struct str *)((const char *)query + parts[i].offset));
	put_selectors(out, &query->text);
	buf_put_char(out, '}');
}

enum err_code snapshot_query_read(struct arena *arena, const struct json *json, struct snapshot_query *ret,
				  struct error *err)
{
	const struct json *list = json_get(json, STR("entities"));
	size_t count = json_is(list, JSON_ARRAY) ? list->count : 0;
	struct query_selector *selectors = arena_array(arena, struct query_selector, count);

	if (!selectors)
		return err_set(err, ERR_MEMORY, "no memory for a snapshot's query");
	*ret = (struct snapshot_query){.text = {.selectors = count ? selectors : NULL, .selector_count = count}};
	ret->temporal = json_is(json_get(json, STR("temporal")), JSON_BOOL) && json_get(json, STR("temporal"))->boolean;
	for (size_t i = 0; i < PARTS; i++)
		*(struct str *)((char *)ret + parts[i].offset) = json_text(json_get(json, parts[i].name));
	for (size_t i = 0; i < count; i++)
		selectors[i] = (struct query_selector){json_text(json_get(&list->items[i], STR("id"))),
						       json_text(json_get(&list->items[i], STR("idPattern"))),
						       json_text(json_get(&list->items[i], STR("type")))};
	return ERR_OK;
}

/* ---- results ---- */

/* Table 5.5.2-1 */
static const char *problem_of(enum err_code code)
{
	switch (code) {
	case ERR_INVALID:
		return "BadRequestData";
	case ERR_TOO_COMPLEX:
		return "TooComplexQuery";
	case ERR_LIMIT:
		return "TooManyResults";
	case ERR_CONTEXT:
		return "LdContextNotAvailable";
	case ERR_TENANT:
		return "NonexistentTenant";
	default:
		return "InternalError";
	}
}

/* What was found is there and counts as such, whoever has not answered (5.2.42). */
static void put_found(struct buf *out, uint64_t found, struct str warnings)
{
	buf_printf(out, "{\"resultStatus\":\"%s\"", found ? "success" : "empty");
	if (warnings.len) {
		buf_put(out, STR(",\"problemDetails\":{\"type\":\"about:blank\",\"title\":\"Context sources that did "
				 "not give what they may have\",\"detail\":"));
		json_write_string(out, warnings);
		buf_put_char(out, '}');
	}
	buf_put_char(out, '}');
}

void snapshot_details_put(struct buf *out, enum err_code code, const struct error *err, uint64_t found,
			  struct str warnings)
{
	if (code == ERR_OK) {
		put_found(out, found, warnings);
		return;
	}
	buf_printf(
		out,
		"{\"resultStatus\":\"failure\",\"problemDetails\":{\"type\":\"https://uri.etsi.org/ngsi-ld/errors/%s\","
		"\"title\":\"The query of the snapshot failed\",\"detail\":",
		problem_of(code));
	json_write_string(out, str_from(err->detail));
	buf_put(out, STR("}}"));
}

enum snapshot_status snapshot_status_of(const struct json *details, const struct json *temporal_details)
{
	const struct json *const lists[] = {details, temporal_details};
	size_t all = 0, good = 0, empty = 0;

	for (size_t k = 0; k < 2; k++)
		for (uint32_t i = 0; lists[k] && i < lists[k]->count; i++) {
			struct str status = json_text(json_get(&lists[k]->items[i], STR("resultStatus")));

			all++;
			good += str_eq(status, STR("success"));
			empty += str_eq(status, STR("empty"));
		}
	if (good > 0)
		return good == all ? SNAPSHOT_SUCCESS : SNAPSHOT_PARTIAL;
	return empty > 0 ? SNAPSHOT_EMPTY : SNAPSHOT_FAILURE;
}

/* ---- the record ---- */

static void put_json(struct buf *out, const char *name, const struct json *value)
{
	if (!value)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_write(out, value);
}

void snapshot_record_write(struct buf *out, const struct snapshot_record *record)
{
	const struct snapshot_state *state = &record->state;

	buf_printf(out,
		   "{\"place\":\"%.*s\",\"number\":%lld,\"status\":\"%.*s\",\"createdAt\":%lld,\"modifiedAt\":%lld,"
		   "\"expiresAt\":%lld,\"lastUsedAt\":%lld",
		   STR_FMT(record->digits), (long long)record->number, STR_FMT(snapshot_status_name(state->status)),
		   (long long)state->created_us, (long long)state->modified_us, (long long)state->expires_us,
		   (long long)state->last_used_us);
	put_text(out, STR("source"), record->source);
	put_json(out, "context", record->context_value);
	put_json(out, "document", record->document);
	put_json(out, "queries", record->queries);
	put_json(out, "details", state->details);
	put_json(out, "temporalDetails", state->temporal_details);
	buf_put_char(out, '}');
}

enum err_code snapshot_record_read(const struct json *json, struct snapshot_record *ret, struct error *err)
{
	struct snapshot_state state = {.status = snapshot_status_named(json_text(json_get(json, STR("status")))),
				       .details = json_get(json, STR("details")),
				       .temporal_details = json_get(json, STR("temporalDetails"))};

	*ret = (struct snapshot_record){.document = json_get(json, STR("document")),
					.context_value = json_get(json, STR("context")),
					.queries = json_get(json, STR("queries")),
					.source = json_text(json_get(json, STR("source"))),
					.digits = json_text(json_get(json, STR("place")))};
	if (!json_is(ret->document, JSON_OBJECT) || state.status == SNAPSHOT_STATUS_COUNT ||
	    ret->digits.len != RANDOM_ID_BYTES - 1 || !json_int64(json_get(json, STR("number")), &ret->number) ||
	    !json_int64(json_get(json, STR("createdAt")), &state.created_us) ||
	    !json_int64(json_get(json, STR("modifiedAt")), &state.modified_us) ||
	    !json_int64(json_get(json, STR("expiresAt")), &state.expires_us) ||
	    !json_int64(json_get(json, STR("lastUsedAt")), &state.last_used_us))
		return err_set(err, ERR_CORRUPT, "the record of a snapshot is damaged");
	ret->state = state;
	return ERR_OK;
}

enum err_code snapshot_record_parse(struct json_parser *parser, struct arena *arena, struct str text,
				    struct snapshot_record *ret, struct error *err)
{
	struct json_parse_options options = {.duplicates_allowed = true};
	struct json *json = NULL;
	enum err_code code = json_parse(parser, arena, text, &options, &json, err);

	return code == ERR_OK ? snapshot_record_read(json, ret, err) : code;
}
