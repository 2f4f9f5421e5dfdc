/* What a subscription asks registrations for (5.11.2.4, 5.12), compiled with the rest of it.
 *
 * Where the clauses leave a choice:
 * - 5.12 has the attributes of the notification alone restrict what matches, 5.11.2.4 and 5.11.7 only those that stand
 *   beside watchedAttributes: the two clauses of the operation count.
 * - pick is another word for attributes (5.2.14.1), so it asks for what it names; q is a condition on entities, which
 *   registrations are not held against. */
#include "ngsild/registration_notification.h"
#include "ngsild/subscription_int.h"

#include "ngsild/document.h"

static enum err_code build_csf(struct subscription *s, struct json_parser *parser, struct error *err)
{
	const struct query_text text = {.q = json_text(json_get(s->document, STR("csf")))};

	if (!text.q.at)
		return ERR_OK;
	enum err_code code = query_new(&s->arena, parser, &text, s->context, &s->csf, err);

	return code ? err_while(err, "reading csf") : ERR_OK;
}

static enum err_code build_temporal(struct subscription *s, struct error *err)
{
	const struct json *from = json_get(s->document, STR("temporalQ"));
	const struct temporal_text text = {.timerel = json_text(json_get(from, STR("timerel"))),
					   .time_at = json_text(json_get(from, STR("timeAt"))),
					   .end_time_at = json_text(json_get(from, STR("endTimeAt"))),
					   .timeproperty = json_text(json_get(from, STR("timeproperty")))};
	struct temporal_query *temporal;

	if (!from)
		return ERR_OK;
	temporal = arena_new(&s->arena, struct temporal_query);
	if (!temporal)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	enum err_code code = temporal_query_read(&text, temporal, err);

	s->temporal = temporal;
	return code ? err_while(err, "reading temporalQ") : ERR_OK;
}

static size_t put_shown(const struct projection *shown, struct str *iris)
{
	size_t count = 0;

	for (size_t i = 0; shown && i < shown->count; i++)
		if (document_is_attribute(shown->terms[i].name))
			iris[count++] = shown->terms[i].name;
	return count;
}

static enum err_code build_asked(struct subscription *s, struct error *err)
{
	const struct represent_selection *show = &s->represent.show;
	const struct projection *shown = show->attrs ? show->attrs : show->pick;

	if (s->watched_count == 0 || !shown)
		return ERR_OK;
	struct str *iris = arena_array(&s->arena, struct str, shown->count + s->watched_count);

	if (!iris)
		return err_set(err, ERR_MEMORY, "no memory for a subscription");
	size_t count = put_shown(shown, iris);

	for (size_t i = 0; count > 0 && i < s->watched_count; i++)
		iris[count++] = s->watched[i];
	s->asked = iris;
	s->asked_count = count;
	return ERR_OK;
}

enum err_code subscription_build_question(struct subscription *s, struct json_parser *parser, struct error *err)
{
	enum err_code code = build_csf(s, parser, err);

	if (code == ERR_OK)
		code = build_temporal(s, err);
	return code ? code : build_asked(s, err);
}

void subscription_question(const struct subscription *s, struct registration_question *ret)
{
	*ret = (struct registration_question){.query = s->query,
					      .attribute_iris = s->asked,
					      .attribute_count = s->asked_count,
					      .listed_only = true,
					      .dataset_ids = s->represent.dataset_ids,
					      .dataset_count = s->represent.dataset_count,
					      .temporal = s->temporal,
					      .csf = s->csf};
}
