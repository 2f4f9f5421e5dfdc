/* What a snapshot's query finds where other context sources have a part in it: asked of all of them by who can
 * (broker_options.ask), then treated as what was found here.
 * Source: GS CIM 009 V1.9.1 clauses 5.16.1.4, 5.7.2.4, 5.7.4.4. */
#include "broker/snapshot_gather_int.h"
#include "broker/sources.h"
#include "ngsild/expand.h"
#include "store/overlay.h"

enum err_code gathering_is_spread(struct gathering *g, struct str tenant, bool *ret_spread)
{
	const struct broker *broker = g->reader->broker;
	bool temporal = g->asked->temporal;
	const struct registration_question match = {.query = g->query, .temporal = temporal ? &g->when : NULL};
	const struct source_question question = {.match = &match,
						 .operation = temporal ? SOURCE_QUERY_TEMPORAL : SOURCE_QUERY_ENTITY};
	struct source_list sources = {.count = 0};
	enum err_code code = ERR_OK;

	*ret_spread = false;
	if (!g->asked->document || !broker->options.ask || !broker_has_registrations(broker, tenant))
		return ERR_OK;
	code = broker_sources(g->reader, tenant, &question, &g->arena, &sources, g->err);
	*ret_spread = sources.count > 0;
	sources_release(&sources);
	return code;
}

/* What selects entities and instances; what is shown of them is decided here (reduced()). */
static struct json *selecting(struct gathering *g)
{
	static const char *const names[] = {"type", "entities", "attrs",         "q",        "geoQ",
					    "csf",  "scopeQ",   "splitEntities", "temporalQ"};
	struct json *query = json_new(&g->arena, json_object());

	for (size_t i = 0; query && i < sizeof(names) / sizeof(names[0]); i++) {
		const struct json *value = json_get(g->asked->document, str_from(names[i]));

		if (value && !json_add(&g->arena, query, str_from(names[i]), *value))
			query = NULL;
	}
	return query;
}

/* Laid over what is here of it, it is read as that would be. All brokers together have found that it matches. */
static enum err_code take_evolution(struct gathering *g, const struct json *evolution, struct store_overlay *overlay,
				    struct store_reader *below)
{
	const struct broker_temporal_merged merged = {.overlay = overlay, .judged = true};
	const struct broker_temporal_ask asked = {.query = g->query,
						  .temporal = &g->when,
						  .form = TEMPORAL_NORMALIZED,
						  .represent = &g->represent,
						  .merged = &merged};
	enum err_code code = overlay ? store_overlay_add(overlay, evolution, g->err) : ERR_MEMORY;
	struct store_reader *over = code == ERR_OK ? temporal_reader_of(&asked, below) : NULL;
	struct store_subject subject;

	if (code == ERR_MEMORY || (code == ERR_OK && !over))
		return err_set(g->err, ERR_MEMORY, "no memory for an evolution in a snapshot");
	if (code != ERR_OK)
		return code;
	temporal_reading_init(&g->reading, over, &asked, &g->piece, &g->reader->scratch, g->err);
	code = store_subject_get(over, document_id(evolution), &g->laid, &subject, g->err);
	return code ? code : gathering_take_subject(g, &subject);
}

static bool take_answer(void *self, const struct json *answer)
{
	struct gathering *g = self;
	const struct expand_options options = {.context = g->context, .temporal = g->asked->temporal, .stamped = true};
	struct store_overlay *overlay = NULL;
	struct json *entity = NULL;

	arena_clear(&g->piece);
	arena_clear(&g->laid);
	g->code = expand_entity(&g->laid, answer, &options, &entity, g->err);
	if (g->code == ERR_OK && g->asked->temporal) {
		overlay = store_overlay_new(&g->laid);
		g->code = take_evolution(g, entity, overlay, g->below);
		store_overlay_done(overlay);
	} else if (g->code == ERR_OK) {
		(void)gathering_keep(g, entity);
	}
	return g->code == ERR_OK;
}

static bool is_over(const void *self)
{
	const struct gathering *g = self;

	return g->sink->is_over(g->sink->self);
}

enum err_code gathering_ask_all(struct gathering *g, struct str tenant)
{
	const struct broker_options *options = &g->reader->broker->options;
	const struct snapshot_asking asking = {.tenant = tenant,
					       .query = selecting(g),
					       .temporal = g->asked->temporal,
					       .context_value = g->asked->context_value,
					       .parser = broker_reader_parser(g->reader),
					       .take = take_answer,
					       .is_over = is_over,
					       .self = g,
					       .warnings = g->warnings};

	if (!asking.query)
		return err_set(g->err, ERR_MEMORY, "no memory for a snapshot's query");
	enum err_code code = store_reader_of(g->reader, tenant, &g->below, g->err);

	/* An evolution may come in parts that share an instance. */
	g->sink->again = g->sink->again || g->asked->temporal;
	if (code == ERR_OK)
		code = options->ask(options->ask_self, &asking, g->err);
	return g->code ? g->code : code;
}
