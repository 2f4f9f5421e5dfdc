/* Documents that feeds fetch over HTTP. */
#include "feed/feed_fetch_int.h"

#include "feed/feed_clock_int.h"
#include "net/http_cache.h"

#define REDIRECTS_MAX 5u
#define PAUSE_MS_FIRST 5000
#define PAUSE_MS_LONG 300000 /* after many failures, where the interval is not longer */
#define RETRY_AFTER_S_MAX 86400u

/* ---- headers ---- */

static enum err_code put_header(struct feed *feed, const struct mapping_reader *reader, struct str name,
				struct str value, struct feed_headers *headers)
{
	struct str line = arena_printf(&feed->arena, "%.*s: %.*s", STR_FMT(name), STR_FMT(value));

	if (!line.at)
		return mapping_no_memory(reader);
	headers->lines[headers->count++] = line.at;
	headers->has_accept = headers->has_accept || str_eq_nocase(name, STR("Accept"));
	return ERR_OK;
}

static enum err_code read_header(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *name,
				 const struct yaml_tree *value, struct feed_headers *headers)
{
	struct error cause;

	if (value->kind != YAML_TREE_SCALAR)
		return yaml_tree_refuse(value, reader->err, "expected a text as the header's value");
	if (http_header_check(name->text, value->text, &cause) != ERR_OK)
		return yaml_tree_refuse(name, reader->err, "%s", cause.detail);
	if (str_eq_nocase(name->text, STR("Content-Type")))
		return yaml_tree_refuse(name, reader->err, "the header Content-Type is not for \"headers\"");
	return put_header(feed, reader, name->text, value->text, headers);
}

enum err_code feed_read_headers(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *map,
				struct feed_headers *headers)
{
	const struct yaml_tree *node = yaml_tree_get(map, STR("headers"));
	enum err_code code = ERR_OK;

	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_MAP || node->count > FEED_HEADERS_MAX)
		return yaml_tree_refuse(node, reader->err, "expected up to %u headers with their names",
					FEED_HEADERS_MAX);
	for (uint32_t i = 0; i < node->count && !code; i++)
		code = read_header(feed, reader, &node->keys[i], &node->items[i], headers);
	return code;
}

enum err_code feed_add_header(struct feed *feed, const struct mapping_reader *reader, const char *name,
			      struct str value, struct feed_headers *headers)
{
	return put_header(feed, reader, str_from(name), value, headers);
}

/* ---- fetching ---- */

static bool goes_on(void *self)
{
	struct feed *feed = self;

	if (feed->kind->meanwhile)
		feed->kind->meanwhile(feed);
	intake_turn(feed->intake);
	feed_commands_turn(feed);
	return feed_goes_on(feed);
}

static enum err_code refuse_status(struct feed_fetch *fetch, const struct http_answer *answer, struct error *err)
{
	struct str shown = str_part(fetch->shown, 0, 120);
	bool says_when =
		(answer->status == 429 || answer->status == 503) &&
		http_retry_after_s(answer->retry_after, feed_now_us(fetch->feed) / 1000000, &fetch->retry_after_s);

	if (!says_when)
		return err_set(err, ERR_IO, "%.*s answered with status %d", STR_FMT(shown), answer->status);
	if (fetch->retry_after_s > RETRY_AFTER_S_MAX)
		fetch->retry_after_s = RETRY_AFTER_S_MAX;
	if (fetch->retry_after_s == 0)
		fetch->retry_after_s = 1;
	return err_set(err, ERR_IO, "%.*s answered with status %d and wants to be left alone for %llu s",
		       STR_FMT(shown), answer->status, (unsigned long long)fetch->retry_after_s);
}

enum err_code feed_fetch(struct feed_fetch *fetch, const char *url, struct arena *arena, struct http_answer *ret_answer,
			 struct buf *body, struct error *err)
{
	bool is_conditional = fetch->if_none_match || fetch->if_modified_since;
	const struct http_fetch_options options = {
		.timeout_ms = fetch->timeout_s * 1000,
		.redirects_max = REDIRECTS_MAX,
		.accept = fetch->headers->has_accept ? NULL : fetch->accept,
		.policy = fetch->feed->stored ? fetch->feed->options->policy : NULL,
		.if_none_match = fetch->if_none_match,
		.if_modified_since = fetch->if_modified_since,
		.headers = fetch->headers->lines,
		.method = fetch->method,
		.content_type = fetch->content_type,
		.body = fetch->body,
		.any_status = true,
		.compressed = true,
		.hides_query = true,
		.goes_on = goes_on,
		.self = fetch->feed,
	};

	fetch->retry_after_s = 0;
	buf_clear(body);
	enum err_code code = http_get(url, &options, arena, ret_answer, body, err);

	if (code == ERR_LIMIT)
		feed_drop(fetch->feed, FEED_DROP_OVERSIZED, "%s", err->detail);
	if (code || ret_answer->status == 200 || (is_conditional && ret_answer->status == 304))
		return code;
	return refuse_status(fetch, ret_answer, err);
}

/* ---- waiting ---- */

int64_t feed_back_off_ms(int64_t last_ms, uint32_t interval_s)
{
	int64_t interval_ms = (int64_t)interval_s * 1000;
	int64_t first_ms = interval_ms < PAUSE_MS_FIRST ? interval_ms : PAUSE_MS_FIRST;
	int64_t longest_ms = interval_ms > PAUSE_MS_LONG ? interval_ms : PAUSE_MS_LONG;
	int64_t pause_ms = last_ms ? last_ms * 2 : first_ms;

	return pause_ms < longest_ms ? pause_ms : longest_ms;
}

bool feed_wait_for_room(struct feed *feed)
{
	while (!intake_has_room(feed->intake)) {
		intake_turn(feed->intake);
		if (intake_has_room(feed->intake))
			break;
		if (!feed_goes_on(feed))
			return false;
		feed_show(feed, feed->own.state, NULL);
		feed_wait(feed, NULL, intake_deadline_ms(feed->intake));
	}
	return true;
}
