/* One URL of a realtime feed: fetched when it is due, taken, and told until it is durable. What went wrong is tried
 * again with pauses that grow, each URL by itself. A condition (ETag, Last-Modified) is sent only once the message that
 * it stands for is durable. */
#include "feed/feed_clock_int.h"
#include "feed/gtfs_realtime_int.h"
#include "gtfsrt/gtfsrt.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX ((size_t)1 << 20) /* of an answer's headers */
#define ACCEPT "application/x-protobuf, application/protobuf, application/octet-stream;q=0.9, */*;q=0.5"

static void keep_text(char *to, size_t room, struct str text)
{
	(void)snprintf(to, room, "%.*s", text.len < room ? (int)text.len : 0, text.at ? text.at : "");
}

enum err_code gtfs_realtime_tell(void *session, enum broker_operation operation, struct str id,
				 const struct json *entity, struct error *err)
{
	return feed_add_operation(((struct gtfs_realtime *)session)->feed, operation, id, entity, err);
}

/* ---- a message ---- */

static void count_report(struct gtfs_realtime *session, struct gtfs_realtime_source *source,
			 const struct realtime_report *report)
{
	struct feed *feed = session->feed;

	if (report->old) {
		feed->own.counts[COUNT_OLD]++;
		return;
	}
	memcpy(source->by_reason, report->by_reason, sizeof(source->by_reason));
	source->stops_unknown = report->stops_unknown;
	source->places_refused = report->places_refused;
	if (!report->refused)
		return;
	feed->own.dropped[FEED_DROP_INVALID] += report->refused - 1;
	feed_drop(feed, FEED_DROP_INVALID, "%.200s", report->refusal.detail);
}

/* What a URL told that has been failing for long is no longer so: as if it had told of nothing. */
static void forget(struct gtfs_realtime *session, struct gtfs_realtime_source *source)
{
	static const struct gtfsrt_message nothing = {.timestamp_s = GTFSRT_TIME_NONE};
	const struct realtime_sink sink = {gtfs_realtime_tell, session};
	struct realtime_report report;
	struct str bytes;
	struct error err;

	arena_clear(&session->arena);
	enum err_code code = gtfsrt_encode(&nothing, &session->arena, &bytes, &err);

	if (!code)
		code = realtime_take(session->realtime, (uint32_t)(source - session->sources), bytes,
				     feed_now_us(session->feed), &session->arena, &sink, &report, &err);
	source->told = !feed_settle(session->feed) || code != ERR_OK;
	if (source->told)
		return;
	memset(source->by_reason, 0, sizeof(source->by_reason));
	source->stops_unknown = source->places_refused = 0;
}

static enum err_code take(struct gtfs_realtime *session, struct gtfs_realtime_source *source, struct error *err)
{
	struct feed *feed = session->feed;
	const struct realtime_sink sink = {gtfs_realtime_tell, session};
	struct realtime_report report;
	struct str bytes = buf_str(&session->body);

	feed->own.messages++;
	feed->own.bytes += bytes.len;
	feed->own.message_us = feed_now_us(feed);
	arena_clear(&session->arena);
	enum err_code code = realtime_take(session->realtime, (uint32_t)(source - session->sources), bytes,
					   feed->own.message_us, &session->arena, &sink, &report, err);

	if (code && feed_goes_on(feed))
		feed_drop(feed, code == ERR_LIMIT || code == ERR_MEMORY ? FEED_DROP_OVERSIZED : FEED_DROP_MALFORMED,
			  "%.200s", err->detail);
	if (!code)
		count_report(session, source, &report);
	return code;
}

/* ---- fetching ---- */

static enum err_code fetch(struct gtfs_realtime *session, uint32_t number, struct arena *arena,
			   struct http_answer *ret_answer, struct error *err)
{
	const struct gtfs_realtime_settings *settings = session->settings;
	struct gtfs_realtime_source *source = &session->sources[number];
	struct feed_fetch fetch = {
		.feed = session->feed,
		.shown = settings->shown[number],
		.timeout_s = settings->timeout_s,
		.headers = &settings->headers,
		.accept = ACCEPT,
		.if_none_match = source->etag[0] ? source->etag : NULL,
		.if_modified_since = source->modified[0] ? source->modified : NULL,
	};
	enum err_code code = feed_fetch(&fetch, settings->urls[number], arena, ret_answer, &session->body, err);

	source->wanted_pause_ms = (int64_t)fetch.retry_after_s * 1000;
	return code;
}

static enum err_code fetch_and_take(struct gtfs_realtime *session, uint32_t number, struct error *err)
{
	struct gtfs_realtime_source *source = &session->sources[number];
	struct http_answer answer;
	struct arena arena;

	arena_init(&arena, ANSWER_BYTES_MAX);
	enum err_code code = fetch(session, number, &arena, &answer, err);

	if (!code && answer.status == 304) {
		session->feed->own.counts[COUNT_NOT_MODIFIED]++;
		arena_done(&arena);
		return ERR_OK;
	}
	source->etag[0] = source->modified[0] = '\0';
	source->told = source->told || !code;
	session->lost = false;
	if (!code)
		code = take(session, source, err);
	/* Also after an error: what was added of it lies in memory that is used again. */
	if (!feed_settle(session->feed) && !code)
		code = err_set(err, ERR_CONFLICT, "the feed is being stopped");
	source->heard = source->heard || !code;
	if (!code && !session->lost) {
		keep_text(source->etag, sizeof(source->etag), answer.etag);
		keep_text(source->modified, sizeof(source->modified), answer.last_modified);
	}
	arena_done(&arena);
	return code;
}

/* When it is asked again, counted from when it was asked. */
static int64_t next_ms(const struct gtfs_realtime *session, const struct gtfs_realtime_source *source)
{
	if (!source->pause_ms)
		return (int64_t)session->settings->interval_s * 1000;
	return source->wanted_pause_ms > source->pause_ms ? source->wanted_pause_ms : source->pause_ms;
}

bool gtfs_realtime_poll(struct gtfs_realtime *session, uint32_t number)
{
	struct gtfs_realtime_source *source = &session->sources[number];
	int64_t start_ms = feed_clock_ms();
	struct error err;
	enum err_code code = fetch_and_take(session, number, &err);

	if (code && !feed_goes_on(session->feed))
		return false;
	source->pause_ms = code ? feed_back_off_ms(source->pause_ms, session->settings->interval_s) : 0;
	session->feed->own.counts[COUNT_FAILED] += code != ERR_OK;
	if (!code)
		source->good_ms = start_ms;
	else if (source->told && start_ms - source->good_ms > (int64_t)session->settings->forget_s * 1000)
		forget(session, source);
	(void)snprintf(source->trouble, sizeof(source->trouble), "%s", code ? err.detail : "");
	source->due_ms = start_ms + next_ms(session, source);
	return feed_goes_on(session->feed);
}
