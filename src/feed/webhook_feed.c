/* Feeds of kind webhook: messages that others post over HTTP, answered when they are durable.
 *
 * The lock of the set is held by who posts while it waits for a feed that is being stopped: so posts that wait when the
 * feed ends are told, and none comes afterwards. */
#include "feed/feed_int.h"

#include <stdio.h>
#include <unistd.h>

struct webhook_settings {
	struct str token; /* STR_NONE: anybody may post */
};

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"token", NULL};
	struct webhook_settings *settings = arena_new(&feed->arena, struct webhook_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = mapping_read_text(reader, node, "token", &settings->token);
	if (!code && settings->token.at && settings->token.len == 0)
		code = yaml_tree_refuse(yaml_tree_get(node, STR("token")), reader->err,
					"expected a token, not nothing");
	(void)snprintf(feed->place, sizeof(feed->place), "/api/v1/feeds/%.*s/messages", STR_FMT(feed->name));
	feed->settings = settings;
	return code;
}

static enum err_code post(struct feed *feed, struct feed_post *post, struct error *err)
{
	const struct webhook_settings *settings = feed->settings;
	enum err_code code = ERR_OK;
	const uint64_t one = 1;

	if (settings->token.at && !str_eq_constant_time(settings->token, post->token))
		return err_set(err, ERR_DENIED, "the feed \"%.*s\" takes messages with its token only",
			       STR_FMT(feed->name));
	if (!feed->running)
		return err_set(err, ERR_CONFLICT, "the feed \"%.*s\" is paused", STR_FMT(feed->name));
	(void)pthread_mutex_lock(&feed->lock);
	if (feed->post_count == FEED_POSTS_MAX) {
		code = err_set(err, ERR_LIMIT, "%u messages wait at the feed \"%.*s\" already", FEED_POSTS_MAX,
			       STR_FMT(feed->name));
	} else {
		post->next = NULL;
		if (feed->posts)
			feed->posts_last->next = post;
		else
			feed->posts = post;
		feed->posts_last = post;
		feed->post_count++;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	if (!code)
		(void)!write(feed->wake_fd, &one, sizeof(one));
	return code;
}

static struct feed_post *next_post(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	struct feed_post *post = feed->posts;

	if (post) {
		feed->posts = post->next;
		feed->post_count--;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	return post;
}

static uint64_t dropped(const struct feed *feed)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < FEED_DROP_COUNT; i++)
		sum += feed->own.dropped[i];
	return sum;
}

static void take_posts(struct feed *feed)
{
	struct feed_post *post;

	while (intake_has_room(feed->intake) && (post = next_post(feed))) {
		const struct intake_receipt receipt = {.first = (uint64_t)(uintptr_t)post};
		struct error err;

		if (!intake_add_receipt(feed->intake, receipt)) {
			post->done(post, err_set(&err, ERR_MEMORY, "no memory for a message"), &err);
			continue;
		}
		uint64_t before = dropped(feed);

		feed_take(feed, post->topic, post->payload);
		post->dropped = dropped(feed) - before;
		if (post->dropped)
			(void)snprintf(post->why, sizeof(post->why), "%s", feed->own.drop);
	}
}

static void answer(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err)
{
	(void)self;
	for (size_t i = 0; i < count; i++) {
		struct feed_post *post = (struct feed_post *)(uintptr_t)receipts[i].first;

		post->done(post, err ? err->code : ERR_OK, err);
	}
}

static void run(struct feed *feed)
{
	struct feed_post *post;
	struct error err;

	while (feed_goes_on(feed)) {
		take_posts(feed);
		intake_turn(feed->intake);
		feed_show(feed, FEED_UP, NULL);
		feed_wait(feed, NULL, intake_deadline_ms(feed->intake));
	}
	take_posts(feed);
	intake_settle(feed->intake);
	while ((post = next_post(feed)))
		post->done(post, err_set(&err, ERR_CONFLICT, "the feed is being stopped"), &err);
}

const struct feed_kind feed_kind_webhook = {
	.name = "webhook", .read = read_settings, .run = run, .settled = answer, .post = post};
