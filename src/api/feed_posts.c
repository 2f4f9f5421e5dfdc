/* What is posted to feeds: POST /api/v1/feeds/{name}/messages, and …/write as collectors write to InfluxDB.
 *
 * 204: everything is durable. 400: what is right is durable all the same; the answer tells how much that is
 * ("taken"), how much is not by reason ("dropped"), and why one of these is not. Skip rules are the operator's will and
 * no error. */
#include "api/form.h"

#include "feed/feed.h"

#define MESSAGE_BYTES_MAX ((size_t)16 << 20) /* of a body, unpacked */
#define ANSWER_BYTES_MAX 4096u

struct str call_body_media(struct call *call)
{
	struct str type = http_request_header(call->request, STR("Content-Type")), media = STR_NONE;

	(void)str_next(&type, ';', &media);
	return str_trim(media);
}

static void post_done(struct feed_post *post, enum err_code code, const struct error *err)
{
	call_ended(post->self, code, err);
}

/* NULL: no memory. */
static struct feed_post *post_new(struct call *call)
{
	struct feed_post *post = arena_new(call->arena, struct feed_post);

	if (!post) {
		(void)err_set(&call->error, ERR_MEMORY, "no memory for this request");
		return NULL;
	}
	post->token = call_bearer(call);
	post->vouched = call->caller->by == ACCESS_BY_SESSION || call->caller->by == ACCESS_BY_TOKEN;
	post->needs_token = call->caller->by == ACCESS_BY_NOTHING;
	post->content_type = http_request_header(call->request, STR("Content-Type"));
	post->service = http_request_header(call->request, STR("Fiware-Service"));
	post->service_path = http_request_header(call->request, STR("Fiware-ServicePath"));
	post->attributes_format = http_request_header(call->request, STR("Ngsiv2-AttrsFormat"));
	post->done = post_done;
	post->self = call;
	call->work = post;
	return post;
}

static enum err_code submit(struct call *call, struct feed_post *post, void (*answer)(struct call *call))
{
	struct feed_set *feeds = call->api->options.feeds;
	enum err_code code = feeds ? feed_set_post(feeds, call->variables[0], post, &call->error) : call_no_feeds(call);

	if (!code)
		call_wait(call, answer);
	return code;
}

/* ---- messages ---- */

/* A problem document of the house with two members more. */
static void answer_dropped(struct call *call, const struct feed_post *post, uint64_t refused)
{
	uint64_t rows = post->taken + refused;
	struct buf out;
	bool first = true;

	(void)err_set(&call->error, ERR_INVALID, "%llu of %llu rows were left out, one because: %s",
		      (unsigned long long)refused, (unsigned long long)rows, post->why);
	buf_init(&out, ANSWER_BYTES_MAX);
	problem_write(&out, ERR_INVALID, &call->error);
	out.len--; /* its "}" */
	buf_printf(&out, ",\"taken\":%llu,\"dropped\":{", (unsigned long long)post->taken);
	for (size_t i = 0; i < FEED_DROP_COUNT; i++) {
		if (!post->dropped[i])
			continue;
		buf_printf(&out, "%s\"%s\":%llu", first ? "" : ",", feed_drop_name((enum feed_drop)i),
			   (unsigned long long)post->dropped[i]);
		first = false;
	}
	buf_put(&out, STR("}}"));
	answer_buf(call, 400, STR("application/json"), &out);
}

static void answer_message(struct call *call)
{
	const struct feed_post *post = call->work;
	uint64_t refused = feed_post_refused(post);

	if (call->write_code)
		answer_error(call, call->write_code, &call->error);
	else if (refused)
		answer_dropped(call, post, refused);
	else
		answer_empty(call, 204);
}

static enum err_code read_topic(struct call *call, struct str *ret)
{
	struct form form;
	enum err_code code = form_read_url(call, &form, &call->error);

	for (size_t i = 0; code == ERR_OK && i < form.count; i++) {
		if (!str_eq(form.fields[i].name, STR("topic")))
			return err_set(&call->error, ERR_INVALID, "there is no parameter \"%.*s\", but topic",
				       STR_FMT(str_part(form.fields[i].name, 0, 60)));
		*ret = form.fields[i].value;
	}
	return code;
}

/* What a page of another site may send without being asked (Fetch, "CORS-safelisted request-header"). */
static bool is_simple(struct call *call)
{
	struct str media = call_body_media(call);

	return media.len == 0 || str_eq_nocase(media, STR("text/plain")) ||
	       str_eq_nocase(media, STR("application/x-www-form-urlencoded")) ||
	       str_eq_nocase(media, STR("multipart/form-data"));
}

void post_to_feed(struct call *call)
{
	struct feed_post *post = post_new(call);
	enum err_code code = post ? ERR_OK : ERR_MEMORY;

	if (!code) {
		post->topic = STR("");
		code = read_topic(call, &post->topic);
	}
	if (code == ERR_OK && is_simple(call) && call_bearer(call).len == 0) {
		answer_empty(call, 415);
		return;
	}
	if (!code)
		code = call_unpacked_body(call, MESSAGE_BYTES_MAX, &post->payload);
	if (!code)
		code = submit(call, post, answer_message);
	if (code)
		answer_error(call, code, &call->error);
}

/* ---- line protocol ---- */

static void answer_lines(struct call *call)
{
	const struct feed_post *post = call->work;
	enum err_code code = call->write_code;
	/* A collector sends all that it has: that there is no mapping for some of it is no mistake of its own. */
	uint64_t refused = feed_post_refused(post) - post->dropped[FEED_DROP_UNMAPPED];

	if (!code && refused)
		code = err_set(&call->error, ERR_INVALID, "partial write: %s; dropped=%llu", post->why,
			       (unsigned long long)refused);
	if (code) {
		line_answer_failure(call, code);
		return;
	}
	line_version_header(call);
	answer_empty(call, 204);
}

void write_lines_to_feed(struct call *call)
{
	struct feed_post *post = post_new(call);
	enum err_code code = post ? ERR_OK : ERR_MEMORY;
	struct form form;

	if (!code)
		code = form_read_url(call, &form, &call->error);
	if (!code) {
		post->precision = form_get(&form, "precision");
		post->is_lines = true;
		code = call_unpacked_body(call, LINE_BODY_BYTES_MAX, &post->payload);
	}
	if (!code) {
		code = submit(call, post, answer_lines);
		code = code == ERR_LIMIT ? ERR_CONFLICT : code; /* too many wait: 503, not 413 */
	}
	if (code)
		line_answer_failure(call, code);
}
