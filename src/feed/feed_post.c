/* Messages that are handed in: they wait at their feed, and are answered when they are durable.
 *
 * Who posts holds the lock of the set, under which it was said before the feed ends that it does not run: so posts that
 * wait then are told, and none comes afterwards. */
#include "feed/feed_int.h"

#include <stdio.h>
#include <unistd.h>

uint64_t feed_post_refused(const struct feed_post *post)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < FEED_DROP_COUNT; i++)
		sum += i == FEED_DROP_SKIPPED ? 0 : post->dropped[i];
	return sum;
}

enum err_code feed_read_token(const struct mapping_reader *reader, const struct yaml_tree *map, struct str *ret_token)
{
	enum err_code code = mapping_read_text(reader, map, "token", ret_token);

	if (!code && ret_token->at && ret_token->len == 0)
		code = yaml_tree_refuse(yaml_tree_get(map, STR("token")), reader->err, "expected a token, not nothing");
	return code;
}

enum err_code feed_put_post(struct feed *feed, struct str token, struct feed_post *post, struct error *err)
{
	enum err_code code = ERR_OK;
	const uint64_t one = 1;

	if (!token.at && post->needs_token && !post->vouched)
		return err_set(err, ERR_DENIED,
			       "the feed \"%.*s\" has no token, so an API token with city:write is needed",
			       STR_FMT(feed->name));
	if (token.at && !post->vouched && !str_eq_constant_time(token, post->token))
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

void feed_note_post(struct feed_post *post, enum feed_drop drop, const char *why)
{
	bool is_mild = drop == FEED_DROP_SKIPPED || drop == FEED_DROP_UNMAPPED;

	if (post->why[0] && (is_mild || !post->why_is_mild))
		return;
	(void)snprintf(post->why, sizeof(post->why), "%s", why);
	post->why_is_mild = is_mild;
}

static void take_post(struct feed *feed, const struct feed_post_taker *taker, struct feed_post *post)
{
	uint64_t before[FEED_DROP_COUNT];

	memcpy(before, feed->own.dropped, sizeof(before));
	feed->taking = post;
	taker->take(feed, post);
	feed->taking = NULL;
	for (size_t i = 0; i < FEED_DROP_COUNT; i++)
		post->dropped[i] = feed->own.dropped[i] - before[i];
}

void feed_take_posts(struct feed *feed, const struct feed_post_taker *taker)
{
	struct feed_post *post;

	while (intake_has_room(feed->intake) && (post = next_post(feed))) {
		struct error err;
		enum err_code code = taker->check ? taker->check(feed, post, &err) : ERR_OK;

		if (!code && !intake_add_receipt(feed->intake, (uint64_t)(uintptr_t)post, 0))
			code = err_set(&err, ERR_MEMORY, "no memory for a message");
		if (code)
			post->done(post, code, &err);
		else
			take_post(feed, taker, post);
	}
}

void feed_answer_posts(void *feed, const struct intake_receipt *receipts, size_t count, const struct error *err)
{
	(void)feed;
	for (size_t i = 0; i < count; i++) {
		const struct intake_receipt *receipt = &receipts[i];
		struct feed_post *post = (struct feed_post *)(uintptr_t)receipt->first;

		post->taken = receipt->entities - receipt->absent - receipt->refused;
		post->dropped[FEED_DROP_ABSENT] += receipt->absent;
		post->dropped[FEED_DROP_REFUSED] += receipt->refused;
		if (receipt->why)
			feed_note_post(post, receipt->absent ? FEED_DROP_ABSENT : FEED_DROP_REFUSED,
				       receipt->why->detail);
		post->done(post, err ? err->code : ERR_OK, err);
	}
}

void feed_end_posts(struct feed *feed, const struct feed_post_taker *taker)
{
	struct feed_post *post;
	struct error err;

	feed_take_posts(feed, taker);
	intake_settle(feed->intake);
	while ((post = next_post(feed)))
		post->done(post, err_set(&err, ERR_CONFLICT, "the feed is being stopped"), &err);
}

void feed_run_posts(struct feed *feed, const struct feed_post_taker *taker)
{
	while (feed_goes_on(feed)) {
		feed_take_posts(feed, taker);
		intake_turn(feed->intake);
		feed_show(feed, FEED_UP, NULL);
		feed_wait(feed, NULL, intake_deadline_ms(feed->intake));
	}
	feed_end_posts(feed, taker);
}
