/* Feeds, which are no matter of NGSI-LD: GET /api/v1/feeds and …/{name}, POST /api/v1/feeds (a document, YAML or JSON),
 * DELETE …/{name}, POST …/{name}/pause, …/resume. What is posted to them is in feed_posts.c. */
#include "api/form.h"

#include "base/time_value.h"
#include "feed/feed.h"

#define FEEDS_BYTES_MAX ((size_t)4 << 20) /* of the list as text */

/* ---- showing ---- */

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[TIME_ISO_BYTES];

	if (us)
		buf_printf(out, ",\"%s\":\"%.*s\"", name, STR_FMT(time_format_iso(us, text)));
}

static void put_text(struct buf *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	buf_printf(out, ",\"%s\":", name);
	json_write_string(out, str_from(text));
}

/* Of the kind: "trips":{"matched":2,"trip unknown":1},"old":0 */
static void put_counts(struct buf *out, const struct feed_info *info)
{
	for (size_t i = 0; i < info->count_count; i++) {
		const struct feed_count *count = &info->counts[i];
		bool same = i > 0 && strcmp(info->counts[i - 1].name, count->name) == 0;
		bool last = i + 1 == info->count_count || strcmp(info->counts[i + 1].name, count->name) != 0;

		if (!same)
			buf_printf(out, ",\"%s\":%s", count->name, count->item ? "{" : "");
		if (count->item)
			buf_printf(out, "%s\"%s\":", same ? "," : "", count->item);
		buf_printf(out, "%llu%s", (unsigned long long)info->stats.counts[i], count->item && last ? "}" : "");
	}
}

static void put_feed(struct buf *out, const struct feed_info *info)
{
	const struct feed_stats *stats = &info->stats;

	buf_put(out, STR("{\"name\":"));
	json_write_string(out, str_from(info->name));
	put_text(out, "tenant", info->tenant);
	buf_printf(out, ",\"kind\":\"%s\",\"state\":\"%s\"", info->kind, feed_state_name(stats->state));
	put_text(out, "place", info->place);
	buf_printf(out, ",\"origin\":\"%s\"", info->stored ? "api" : "configuration");
	buf_printf(out, ",\"messages\":%llu,\"bytes\":%llu", (unsigned long long)stats->messages,
		   (unsigned long long)stats->bytes);
	buf_printf(out,
		   ",\"entities\":{\"created\":%llu,\"changed\":%llu,\"unchanged\":%llu,\"deleted\":%llu,"
		   "\"late\":%llu}",
		   (unsigned long long)stats->created, (unsigned long long)stats->changed,
		   (unsigned long long)stats->unchanged, (unsigned long long)stats->deleted,
		   (unsigned long long)stats->late);
	buf_put(out, STR(",\"dropped\":{"));
	for (size_t i = 0; i < FEED_DROP_COUNT; i++)
		buf_printf(out, "%s\"%s\":%llu", i ? "," : "", feed_drop_name((enum feed_drop)i),
			   (unsigned long long)stats->dropped[i]);
	buf_printf(out, "},\"connects\":%llu,\"commits\":%llu,\"commitFailures\":%llu",
		   (unsigned long long)stats->connects, (unsigned long long)stats->commits,
		   (unsigned long long)stats->commit_failures);
	put_counts(out, info);
	buf_printf(out, ",\"commands\":%llu,\"commandsFailed\":%llu", (unsigned long long)stats->commands,
		   (unsigned long long)stats->commands_failed);
	put_time(out, "lastMessage", stats->message_us);
	put_text(out, "lastError", stats->error);
	put_time(out, "lastErrorAt", stats->error_us);
	put_text(out, "lastDrop", stats->drop);
	put_time(out, "lastDropAt", stats->drop_us);
	buf_put_char(out, '}');
}

static bool list_feed(void *self, const struct feed_info *info)
{
	struct buf *out = self;

	if (out->at[out->len - 1] == '}')
		buf_put_char(out, ',');
	put_feed(out, info);
	return !out->failed;
}

static void answer_json(struct call *call, int status, struct buf *out)
{
	enum err_code code = buf_check(out, "the answer", &call->error);

	if (code == ERR_OK) {
		answer_buf(call, status, STR("application/json"), out);
		return;
	}
	buf_done(out);
	answer_error(call, code, &call->error);
}

void list_feeds(struct call *call)
{
	struct buf out;

	buf_init(&out, FEEDS_BYTES_MAX);
	buf_put(&out, STR("{\"feeds\":["));
	if (call->api->options.feeds)
		feed_set_each(call->api->options.feeds, list_feed, &out);
	buf_put(&out, STR("]}"));
	answer_json(call, 200, &out);
}

enum err_code call_no_feeds(struct call *call)
{
	return err_set(&call->error, ERR_NOT_FOUND, "there is no feed \"%.*s\"",
		       STR_FMT(str_part(call->variables[0], 0, 100)));
}

void show_feed(struct call *call)
{
	struct feed_set *feeds = call->api->options.feeds;
	struct feed_info info;
	enum err_code code = feeds ? feed_set_get(feeds, call->variables[0], &info, &call->error) : call_no_feeds(call);
	struct buf out;

	if (code) {
		answer_error(call, code, &call->error);
		return;
	}
	buf_init(&out, FEEDS_BYTES_MAX);
	put_feed(&out, &info);
	answer_json(call, 200, &out);
}

/* ---- changing ---- */

static void change_done(struct feed_change *change, enum err_code code, const struct error *err)
{
	call_ended(change->self, code, err);
}

static void answer_change(struct call *call)
{
	const struct feed_change *change = call->work;
	struct str location;

	if (call->write_code) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	if (change->kind != FEED_CHANGE_ADD) {
		answer_empty(call, 204);
		return;
	}
	location = arena_printf(call->arena, "/api/v1/feeds/%s", change->name);
	if (location.at)
		(void)http_response_header(call->request, "Location", location);
	answer_empty(call, 201);
}

static void submit(struct call *call, enum feed_change_kind kind)
{
	struct feed_set *feeds = call->api->options.feeds;
	struct feed_change *change = arena_new(call->arena, struct feed_change);
	enum err_code code = ERR_OK;

	if (!change)
		code = err_set(&call->error, ERR_MEMORY, "no memory for this request");
	else if (!feeds || (kind != FEED_CHANGE_ADD && call->variables[0].len >= sizeof(change->name)))
		code = call_no_feeds(call);
	if (code) {
		answer_error(call, code, &call->error);
		return;
	}
	*change = (struct feed_change){.kind = kind, .done = change_done, .self = call};
	if (kind == FEED_CHANGE_ADD)
		change->document = http_request_body(call->request);
	else
		memcpy(change->name, call->variables[0].at, call->variables[0].len);
	call->work = change;
	code = feed_set_change(feeds, change, &call->error);
	if (code)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer_change);
}

/* A page of another site may send forms and plain text, but none of these. */
static bool is_document(struct call *call)
{
	struct str media = call_body_media(call);

	return str_eq_nocase(media, STR("application/json")) || str_eq_nocase(media, STR("application/yaml")) ||
	       str_eq_nocase(media, STR("application/x-yaml")) || str_eq_nocase(media, STR("text/yaml"));
}

static void change_feed(struct call *call, enum feed_change_kind kind)
{
	if (kind != FEED_CHANGE_REMOVE && !is_document(call))
		answer_empty(call, 415);
	else
		submit(call, kind);
}

void add_feed(struct call *call)
{
	change_feed(call, FEED_CHANGE_ADD);
}

void remove_feed(struct call *call)
{
	change_feed(call, FEED_CHANGE_REMOVE);
}

void pause_feed(struct call *call)
{
	change_feed(call, FEED_CHANGE_PAUSE);
}

void resume_feed(struct call *call)
{
	change_feed(call, FEED_CHANGE_RESUME);
}
