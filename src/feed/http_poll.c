/* Feeds of kind http at work: documents fetched at intervals, page by page.
 *
 * A place that did not answer as it should is tried again sooner than the interval, then later and later, or when it
 * says itself (Retry-After). What tells an unchanged document (ETag, Last-Modified) is remembered as long as the feed
 * runs, of documents of one page: of the others the first page says nothing about the rest. */
#include "feed/feed_clock_int.h"
#include "feed/http_feed_int.h"
#include "net/http_url.h"

#include <stdio.h>
#include <string.h>

#define FETCH_ARENA_BYTES_MAX ((size_t)64 << 20) /* of all pages of a place */
#define VALIDATOR_BYTES 256u

struct place { /* while the feed runs */
	const struct http_feed_place *setting;
	char etag[VALIDATOR_BYTES], last_modified[VALIDATOR_BYTES]; /* "": none */
	int64_t due_ms; /* CLOCK_MONOTONIC */
	int64_t pause_ms; /* the last one after a failure; 0: the last time all went well */
	bool asked; /* at least once */
	struct feed_seen *seen; /* what it gave before; NULL: no memory for that */
	char trouble[ERROR_DETAIL_BYTES]; /* "": none */
};

struct poller {
	struct feed *feed;
	const struct http_feed_settings *settings;
	struct place places[HTTP_FEED_PLACES_MAX];
	struct arena arena; /* of a page's request and answer */
	struct buf body;
	bool gave; /* the place that is asked has given something: its answer is not "as before" */
	uint64_t retry_after_s; /* of the answer that was taken last; 0: it does not say */
};

/* ---- a page ---- */

static const char *accept_of(const struct poller *poller)
{
	if (poller->feed->has_format && poller->feed->format == FEED_FORMAT_CSV)
		return "text/csv, */*;q=0.1";
	return "application/json, */*;q=0.1";
}

static enum err_code fetch(struct poller *poller, const struct place *place, const char *url, bool is_first,
			   struct http_answer *ret_answer, struct error *err)
{
	const struct http_feed_settings *settings = poller->settings;
	bool asks = is_first && settings->is_get;
	struct feed_fetch request = {
		.feed = poller->feed,
		.shown = place->setting->shown,
		.timeout_s = settings->timeout_s,
		.headers = &settings->headers,
		.accept = accept_of(poller),
		.if_none_match = asks && place->etag[0] ? place->etag : NULL,
		.if_modified_since = asks && place->last_modified[0] ? place->last_modified : NULL,
		.method = settings->is_get ? NULL : settings->method,
		.content_type = settings->content_type,
		.body = settings->body,
	};
	enum err_code code = feed_fetch(&request, url, &poller->arena, ret_answer, &poller->body, err);

	poller->retry_after_s = request.retry_after_s;
	return code;
}

/* The next page's URL, in the poller's arena; *ret_url is STR_NONE when this page is the last one. */
static enum err_code find_next(struct poller *poller, const struct place *place, const char *url,
			       const struct json *document, struct str *ret_url, struct error *err)
{
	const struct json *next = json_path_find(&poller->settings->next, document);
	struct str shown = str_part(place->setting->shown, 0, 120);

	*ret_url = STR_NONE;
	if (!next || next->kind == JSON_NULL)
		return ERR_OK;
	if (next->kind != JSON_STRING || http_url_resolve(url, json_text(next), &poller->arena, ret_url, err) != ERR_OK)
		return err_set(err, ERR_IO, "%.*s: the next page's place is no URL of http or https", STR_FMT(shown));
	if (!http_url_same_origin(place->setting->url, ret_url->at))
		return err_set(err, ERR_IO, "%.*s: the next page is at another origin, which is not followed",
			       STR_FMT(shown));
	if (str_eq(*ret_url, str_from(url)))
		return err_set(err, ERR_IO, "%.*s: a page is its own next page", STR_FMT(shown));
	return ERR_OK;
}

/* What was fetched becomes messages; with "next" it is parsed once for both. */
static enum err_code take_page(struct poller *poller, const struct place *place, const char *url,
			       const struct http_answer *answer, struct str *ret_next, struct error *err)
{
	struct feed *feed = poller->feed;
	struct str topic = place->setting->topic, payload = buf_str(&poller->body);
	enum feed_format format = feed_format_of(feed, answer->content_type);
	struct json *document = NULL;

	*ret_next = STR_NONE;
	if (format != FEED_FORMAT_JSON || !poller->settings->has_next) {
		feed_take_as(feed, format, topic, payload);
		return ERR_OK;
	}
	enum err_code code = json_parse(feed->parser, feed_arena(feed), payload, NULL, &document, err);

	if (code) {
		feed->own.messages++;
		feed->own.bytes += payload.len;
		feed_drop_malformed(feed, topic, err->detail);
		return ERR_OK;
	}
	feed_take_document(feed, topic, payload, document);
	return find_next(poller, place, url, document, ret_next, err);
}

/* ---- a place ---- */

static void remember(char to[static VALIDATOR_BYTES], struct str value)
{
	to[0] = '\0';
	if (value.at && value.len < VALIDATOR_BYTES)
		(void)snprintf(to, VALIDATOR_BYTES, "%.*s", STR_FMT(value));
}

/* All pages of a place. ERR_CONFLICT: the feed stops. */
static enum err_code poll_pages(struct poller *poller, struct place *place, struct error *err)
{
	struct str next = STR_NONE;
	char etag[VALIDATOR_BYTES] = "", last_modified[VALIDATOR_BYTES] = "";
	uint32_t page = 0;

	poller->feed->seen = place->seen;
	do {
		struct http_answer answer;
		struct str url = page ? next : str_from(place->setting->url);
		enum err_code code = fetch(poller, place, url.at, page == 0, &answer, err);

		if (!code && answer.status == 304)
			return ERR_OK;
		poller->gave = !code;
		if (!code && !feed_wait_for_room(poller->feed))
			code = err_set(err, ERR_CONFLICT, "the feed stops");
		if (!code)
			code = take_page(poller, place, answer.url.at, &answer, &next, err);
		if (code)
			return code;
		remember(etag, answer.etag);
		remember(last_modified, answer.last_modified);
		intake_turn(poller->feed->intake);
	} while (next.at && ++page < poller->settings->pages_max);
	if (next.at)
		feed_drop(poller->feed, FEED_DROP_OVERSIZED, "%.*s has more than %u pages; those behind are left",
			  STR_FMT(str_part(place->setting->shown, 0, 120)), poller->settings->pages_max);
	remember(place->etag, page ? STR_NONE : str_from(etag));
	remember(place->last_modified, page ? STR_NONE : str_from(last_modified));
	return ERR_OK;
}

/* How many messages could not be looked into: such an answer does not say what has gone. */
static uint64_t unread(const struct feed *feed)
{
	return feed->own.dropped[FEED_DROP_MALFORMED] + feed->own.dropped[FEED_DROP_UNMAPPED] +
	       feed->own.dropped[FEED_DROP_OVERSIZED];
}

static void poll_place(struct poller *poller, struct place *place)
{
	int64_t begun_ms = feed_clock_ms();
	uint64_t unread_before = unread(poller->feed);
	struct error err;

	arena_clear(&poller->arena);
	poller->retry_after_s = 0;
	poller->gave = false;
	enum err_code code = poll_pages(poller, place, &err);

	poller->feed->seen = NULL;
	place->asked = true;
	if (code == ERR_OK) {
		place->trouble[0] = '\0';
		place->pause_ms = 0;
		if (place->seen && poller->gave && unread(poller->feed) == unread_before)
			feed_seen_end_round(place->seen);
		place->due_ms = begun_ms + (int64_t)poller->settings->interval_s * 1000;
		return;
	}
	(void)snprintf(place->trouble, sizeof(place->trouble), "%s", err.detail);
	place->pause_ms = feed_back_off_ms(place->pause_ms, poller->settings->interval_s);
	place->due_ms =
		feed_clock_ms() + (poller->retry_after_s ? (int64_t)poller->retry_after_s * 1000 : place->pause_ms);
}

/* ---- the thread ---- */

static void show(const struct poller *poller)
{
	bool all_asked = true;

	for (size_t i = 0; i < poller->settings->place_count; i++) {
		const struct place *place = &poller->places[i];

		if (place->trouble[0]) {
			feed_show(poller->feed, FEED_WAITING, place->trouble);
			return;
		}
		all_asked = all_asked && place->asked;
	}
	feed_show(poller->feed, all_asked ? FEED_UP : FEED_STARTING, NULL);
}

static struct place *next_due(struct poller *poller)
{
	struct place *first = &poller->places[0];

	for (size_t i = 1; i < poller->settings->place_count; i++)
		if (poller->places[i].due_ms < first->due_ms)
			first = &poller->places[i];
	return first;
}

static void turn(struct poller *poller)
{
	struct feed *feed = poller->feed;
	struct place *place = next_due(poller);

	if (feed_clock_ms() >= place->due_ms)
		poll_place(poller, place);
	intake_turn(feed->intake);
	show(poller);

	int64_t due_ms = next_due(poller)->due_ms, intake_ms = intake_deadline_ms(feed->intake);

	feed_wait(feed, NULL, due_ms < intake_ms ? due_ms : intake_ms);
}

void http_feed_forget(struct feed *feed, uint64_t tag)
{
	struct poller *poller = feed->session;

	for (size_t i = 0; poller && i < poller->settings->place_count; i++)
		if (poller->places[i].seen)
			feed_seen_forget(poller->places[i].seen, tag);
}

void http_feed_run(struct feed *feed)
{
	const struct http_feed_settings *settings = feed->settings;
	struct poller poller = {.feed = feed, .settings = settings};

	arena_init(&poller.arena, FETCH_ARENA_BYTES_MAX);
	buf_init(&poller.body, HTTP_FEED_BODY_BYTES_MAX);
	for (size_t i = 0; i < settings->place_count; i++) {
		poller.places[i].setting = &settings->places[i];
		poller.places[i].seen = feed_seen_new();
	}
	feed->session = &poller;
	while (feed_goes_on(feed))
		turn(&poller);
	intake_settle(feed->intake);
	feed->session = NULL;
	for (size_t i = 0; i < settings->place_count; i++)
		(void)feed_seen_free(poller.places[i].seen);
	buf_done(&poller.body);
	arena_done(&poller.arena);
}
