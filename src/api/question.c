/* What a request asks of registrations: attributes, datasets and times, from its parameters (5.10.2, 5.12). */
#include "api/query_int.h"

#include "ngsild/expand.h"

void question_done(struct question *question)
{
	query_done(question->query);
	query_done(question->csf);
}

static size_t count_items(struct str list)
{
	struct str item;
	size_t count = 0;

	while (list.at && str_next(&list, ',', &item))
		count++;
	return count;
}

/* Of pick the attributes, without what is asked of those linked to ("a{b,c}"). */
static bool names_attribute(struct str name, bool picked)
{
	return !picked || (!str_eq(name, STR("id")) && !str_eq(name, STR("type")) && !str_eq(name, STR("scope")));
}

/* Cuts the next name off; commas between braces are those of linked entities. */
static bool next_name(struct str *rest, struct str *ret_name)
{
	size_t depth = 0, end = 0;

	if (!rest->at)
		return false;
	for (; end < rest->len && (depth > 0 || rest->at[end] != ','); end++)
		depth += rest->at[end] == '{' ? 1 : rest->at[end] == '}' && depth > 0 ? (size_t)-1 : 0;
	struct str whole = str_part(*rest, 0, end), name;

	*rest = end < rest->len ? str_part(*rest, end + 1, rest->len) : STR_NONE;
	(void)str_next(&whole, '{', &name);
	*ret_name = str_trim(name);
	return true;
}

static enum err_code add_attributes(struct call *call, struct question *question, enum parameter parameter)
{
	struct str rest = call->parameters[parameter], name;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && next_name(&rest, &name)) {
		if (!names_attribute(name, parameter == P_PICK))
			continue;
		code = expand_attribute_iri(call->arena, call->context, name,
					    &question->attributes[question->asked.attribute_count], &call->error);
		question->asked.attribute_count += code == ERR_OK;
	}
	return code ? err_while(&call->error, "reading %s", parameter == P_PICK ? "pick" : "attrs") : ERR_OK;
}

enum err_code question_take_attributes(struct call *call, struct question *question)
{
	const struct str *texts = call->parameters;

	question->attributes =
		arena_array(call->arena, struct str, count_items(texts[P_ATTRS]) + count_items(texts[P_PICK]));
	if (!question->attributes)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	question->asked.attribute_iris = question->attributes;
	enum err_code code = add_attributes(call, question, P_ATTRS);

	return code ? code : add_attributes(call, question, P_PICK);
}

enum err_code question_take_datasets(struct call *call, struct question *question)
{
	struct str rest = call->parameters[P_DATASET_ID], item;

	question->datasets = arena_array(call->arena, struct str, count_items(rest));
	if (!question->datasets)
		return err_set(&call->error, ERR_MEMORY, "no memory for this request");
	question->asked.dataset_ids = question->datasets;
	while (rest.at && str_next(&rest, ',', &item)) {
		item = str_trim(item);
		if (!expand_is_uri(item) && !str_eq(item, STR("@none")))
			return err_set(&call->error, ERR_INVALID, "datasetId: \"%.*s\" is neither a URI nor @none",
				       STR_FMT(str_part(item, 0, 100)));
		question->datasets[question->asked.dataset_count++] = item;
	}
	return ERR_OK;
}

enum err_code question_take_temporal(struct call *call, struct question *question)
{
	const struct str *texts = call->parameters;
	const struct temporal_text text = {.timerel = texts[P_TIMEREL],
					   .time_at = texts[P_TIME_AT],
					   .end_time_at = texts[P_END_TIME_AT],
					   .timeproperty = texts[P_TIMEPROPERTY]};
	enum err_code code = temporal_query_read(&text, &question->temporal, &call->error);

	if (code == ERR_OK && text.timerel.at)
		question->asked.temporal = &question->temporal;
	return code;
}

enum err_code question_take_csf(struct call *call, struct question *question)
{
	const struct query_text filter = {.q = call->parameters[P_CSF]};

	if (!filter.q.at)
		return ERR_OK;
	enum err_code code = query_new(call->arena, broker_reader_parser(call->loop->reader), &filter, call->context,
				       &question->csf, &call->error);

	question->asked.csf = question->csf;
	return code ? err_while(&call->error, "reading csf") : ERR_OK;
}
