/* Feeds of kind influx: line protocol that collectors post as to InfluxDB, each line a row for the mappings. */
#include "feed/feed_int.h"

#include <stdio.h>
#include <string.h>

#define INFLUX_LINES_MAX 20000u /* of a post: as many entities go into one batch */

struct influx_settings {
	struct str token; /* STR_NONE: anybody may post */
};

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"token", NULL};
	struct influx_settings *settings = arena_new(&feed->arena, struct influx_settings);

	if (!settings)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = feed_read_token(reader, node, &settings->token);
	(void)snprintf(feed->place, sizeof(feed->place), "/api/v1/feeds/%.*s/write", STR_FMT(feed->name));
	feed->settings = settings;
	return code;
}

static enum err_code post(struct feed *feed, struct feed_post *post, struct error *err)
{
	const struct influx_settings *settings = feed->settings;

	return feed_put_post(feed, settings->token, post, err);
}

static size_t count_lines(struct str text)
{
	const char *at = text.at, *end = text.at + text.len;
	size_t count = 0;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		count++;
		at++;
	}
	return count + 1;
}

static enum err_code check(struct feed *feed, struct feed_post *post, struct error *err)
{
	enum line_precision precision;

	(void)feed;
	if (!line_precision_from(post->precision, &precision))
		return err_set(err, ERR_INVALID, "the precision is one of n, ns, u, us, ms, s, m, h");
	if (count_lines(post->payload) > INFLUX_LINES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u lines at once", INFLUX_LINES_MAX);
	return ERR_OK;
}

static void take(struct feed *feed, struct feed_post *post)
{
	enum line_precision precision = LINE_NS;

	(void)line_precision_from(post->precision, &precision);
	feed_take_lines(feed, precision, post->payload);
}

static void try_message(struct feed *feed, struct str topic, struct str payload)
{
	(void)topic;
	feed_take_lines(feed, LINE_NS, payload);
}

static void run(struct feed *feed)
{
	static const struct feed_post_taker taker = {.check = check, .take = take};

	feed_run_posts(feed, &taker);
}

const struct feed_kind feed_kind_influx = {
	.name = "influx",
	.read = read_settings,
	.run = run,
	.settled = feed_answer_posts,
	.post = post,
	.try_message = try_message,
};
