/* Feeds of kind ngsiv2: FIWARE's Orion moves over. Its notifications are posted here, its entities are copied from
 * there (ngsiv2_pull.c). */
#include "feed/feed_clock_int.h"
#include "feed/ngsiv2_feed_int.h"

#include <stdio.h>

/* ---- settings ---- */

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"token", "service", "observed_at", "pull", NULL};
	struct ngsiv2_settings *settings = arena_new(&feed->arena, struct ngsiv2_settings);

	if (!settings)
		return mapping_no_memory(reader);
	settings->time_name = STR("TimeInstant");
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_token(reader, node, &settings->token);
	if (!code)
		code = mapping_read_text(reader, node, "service", &settings->service);
	if (!code)
		code = mapping_read_text(reader, node, "observed_at", &settings->time_name);
	if (!code)
		code = ngsiv2_read_pull(feed, reader, node, settings);
	if (!code && settings->url)
		(void)snprintf(feed->place, sizeof(feed->place), "%.*s", STR_FMT(settings->shown));
	else
		(void)snprintf(feed->place, sizeof(feed->place), "/api/v1/feeds/%.*s/messages", STR_FMT(feed->name));
	feed->settings = settings;
	return code;
}

/* ---- entities ---- */

static bool is_simplified(struct str format, const struct json *entity)
{
	if (str_eq_nocase(format, STR("keyValues")) || str_eq_nocase(format, STR("simplifiedKeyValues")))
		return true;
	if (str_eq_nocase(format, STR("normalized")) || str_eq_nocase(format, STR("simplifiedNormalized")))
		return false;
	return ngsiv2_looks_simplified(entity);
}

/* Orion tells of a deletion, where it is asked to, as of a change. */
static bool is_deletion(const struct json *entity)
{
	const struct json *change = json_get(entity, STR("alterationType"));

	return str_eq(json_text(json_get(change, STR("value"))), STR("entityDelete")) ||
	       str_eq(json_text(change), STR("entityDelete"));
}

static void take_entity(struct feed *feed, const struct json *entity, struct str service_path, struct str format)
{
	const struct ngsiv2_settings *settings = feed->settings;
	const struct ngsiv2_options options = {.time_name = settings->time_name,
					       .service_path = service_path,
					       .simplified = is_simplified(format, entity)};
	struct json *converted = NULL;
	struct error err;

	if (json_is(entity, JSON_ARRAY)) {
		feed_drop(feed, FEED_DROP_INVALID, "the attrsFormat \"values\" has neither ids nor names");
		return;
	}
	if (is_deletion(entity)) {
		feed_drop(feed, FEED_DROP_SKIPPED, "\"%.*s\" was deleted there and stays here",
			  STR_FMT(str_part(json_text(json_get(entity, STR("id"))), 0, 100)));
		return;
	}
	enum err_code code = ngsiv2_to_ngsild(feed_arena(feed), entity, &options, &converted, &err);

	if (code)
		feed_drop(feed, code == ERR_MEMORY ? FEED_DROP_OVERSIZED : FEED_DROP_INVALID, "%s", err.detail);
	else
		feed_add_entity(feed, converted, MAPPING_APPEND, true);
}

/* One path for all, or as many as there are entities, with commas between. */
static struct str path_of(struct str *paths, struct str *last)
{
	struct str path;

	if (str_next(paths, ',', &path))
		*last = str_trim(path);
	return *last;
}

void ngsiv2_take(struct feed *feed, const struct json *list, struct str service_path, struct str format)
{
	struct str paths = service_path, last = STR_NONE;

	if (list->count > RECORD_ROWS_MAX) {
		feed_drop(feed, FEED_DROP_OVERSIZED, "%u entities at once, at most %u are taken",
			  (unsigned int)list->count, RECORD_ROWS_MAX);
		return;
	}
	if (list->count == 0)
		feed_drop(feed, FEED_DROP_SKIPPED, "no entities");
	for (size_t i = 0; i < list->count; i++)
		take_entity(feed, &list->items[i], path_of(&paths, &last), format);
}

/* ---- notifications ---- */

static void take_notification(struct feed *feed, struct str payload, struct str service_path, struct str format)
{
	struct json *document = NULL;
	const struct json *data;
	struct error err;
	struct str own = arena_dup(feed_arena(feed), payload); /* what is taken from it outlives the post */

	feed->own.messages++;
	feed->own.bytes += payload.len;
	feed->own.message_us = feed_now_us(feed);
	if (!own.at) {
		feed_drop(feed, FEED_DROP_OVERSIZED, "no memory for a notification");
		return;
	}
	if (json_parse(feed->parser, feed_arena(feed), own, NULL, &document, &err) != ERR_OK) {
		feed_drop_malformed(feed, STR(""), err.detail);
		return;
	}
	data = json_is(document, JSON_ARRAY) ? document : json_get(document, STR("data"));
	if (json_is(data, JSON_ARRAY))
		ngsiv2_take(feed, data, service_path, format);
	else if (json_get(document, STR("id")))
		take_entity(feed, document, service_path, format); /* simplifiedNormalized, simplifiedKeyValues */
	else
		feed_drop(feed, FEED_DROP_INVALID, "neither a notification with \"data\" nor an entity");
}

static enum err_code check(struct feed *feed, struct feed_post *post, struct error *err)
{
	const struct ngsiv2_settings *settings = feed->settings;

	if (!settings->service.at || str_eq_nocase(settings->service, post->service))
		return ERR_OK;
	return err_set(err, ERR_DENIED,
		       "the notification is of the service \"%.*s\", the feed \"%.*s\" is for \"%.*s\"",
		       STR_FMT(str_part(post->service, 0, 60)), STR_FMT(feed->name),
		       STR_FMT(str_part(settings->service, 0, 60)));
}

static void take(struct feed *feed, struct feed_post *post)
{
	take_notification(feed, post->payload, post->service_path, post->attributes_format);
}

static const struct feed_post_taker taker = {.check = check, .take = take};

static enum err_code post(struct feed *feed, struct feed_post *post, struct error *err)
{
	const struct ngsiv2_settings *settings = feed->settings;

	return feed_put_post(feed, settings->token, post, err);
}

static void try_message(struct feed *feed, struct str topic, struct str payload)
{
	(void)topic;
	take_notification(feed, payload, STR_NONE, STR_NONE);
}

/* ---- the thread ---- */

/* A page takes its time; notifications do not wait for it. */
static void take_meanwhile(struct feed *feed)
{
	feed_take_posts(feed, &taker);
}

static void forget(struct feed *feed, uint64_t tag)
{
	if (feed->session)
		ngsiv2_pull_forget(feed->session, tag);
}

static void turn(struct feed *feed, struct ngsiv2_pull *pull)
{
	int64_t deadline_ms = INT64_MAX, intake_ms;
	const char *trouble = "";

	feed_take_posts(feed, &taker);
	intake_turn(feed->intake);
	if (pull) {
		ngsiv2_pull_turn(pull);
		intake_turn(feed->intake);
		deadline_ms = ngsiv2_pull_deadline_ms(pull);
		trouble = ngsiv2_pull_trouble(pull);
	}
	feed_show(feed, trouble[0] ? FEED_WAITING : FEED_UP, trouble);
	intake_ms = intake_deadline_ms(feed->intake);
	feed_wait(feed, NULL, deadline_ms < intake_ms ? deadline_ms : intake_ms);
}

static void run(struct feed *feed)
{
	const struct ngsiv2_settings *settings = feed->settings;
	struct ngsiv2_pull *pull = settings->url ? ngsiv2_pull_new(feed) : NULL;

	if (settings->url && !pull)
		feed_show(feed, FEED_WAITING, "no memory for a copy of entities");
	feed->session = pull;
	while (feed_goes_on(feed))
		turn(feed, pull);
	feed_end_posts(feed, &taker);
	feed->session = NULL;
	(void)ngsiv2_pull_free(pull);
}

const struct feed_kind feed_kind_ngsiv2 = {
	.name = "ngsiv2",
	.maps_itself = true,
	.read = read_settings,
	.run = run,
	.settled = feed_answer_posts,
	.post = post,
	.try_message = try_message,
	.meanwhile = take_meanwhile,
	.forget = forget,
	.read_send = feed_http_read_send,
	.send = feed_http_send,
};
