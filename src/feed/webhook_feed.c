/* Feeds of kind webhook: messages that others post over HTTP, as JSON, lines of it, or tables. */
#include "feed/feed_fetch_int.h"

#include <stdio.h>

struct webhook_settings {
	struct str token; /* STR_NONE: anybody may post */
};

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"token", "format", NULL};
	struct webhook_settings *settings = arena_new(&feed->arena, struct webhook_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_token(reader, node, &settings->token);
	if (!code)
		code = feed_read_format(feed, reader, node);
	(void)snprintf(feed->place, sizeof(feed->place), "/api/v1/feeds/%.*s/messages", STR_FMT(feed->name));
	feed->settings = settings;
	return code;
}

static enum err_code post(struct feed *feed, struct feed_post *post, struct error *err)
{
	const struct webhook_settings *settings = feed->settings;

	return feed_put_post(feed, settings->token, post, err);
}

static void take(struct feed *feed, struct feed_post *post)
{
	feed_take_as(feed, feed_format_of(feed, post->content_type), post->topic, post->payload);
}

static const struct feed_post_taker taker = {.take = take};

static void take_meanwhile(struct feed *feed)
{
	feed_take_posts(feed, &taker);
}

static void run(struct feed *feed)
{
	feed_run_posts(feed, &taker);
}

const struct feed_kind feed_kind_webhook = {
	.name = "webhook",
	.read = read_settings,
	.run = run,
	.meanwhile = take_meanwhile,
	.settled = feed_answer_posts,
	.post = post,
	.read_send = feed_http_read_send,
	.send = feed_http_send,
};
