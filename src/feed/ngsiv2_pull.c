/* All entities of an Orion, copied page by page: GET /v2/entities with limit and offset, in the order of their
 * creation, so that what is created meanwhile comes at the end. What is deleted meanwhile moves the others forward by a
 * place, so that a page may miss some: a copy that is made again finds them. */
#include "feed/feed_clock_int.h"
#include "feed/ngsiv2_feed_int.h"
#include "net/http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES_MAX ((size_t)32 << 20)
#define ARENA_BYTES_MAX ((size_t)1 << 20) /* of a page's request and answer */
#define PAGE_ENTITIES_MAX 1000u /* as Orion has it ("Pagination") */
#define TYPES_MAX 256u
#define TIMEOUT_S_DEFAULT 60u
#define TIMEOUT_S_MAX 600u
#define RETRY_S_MAX 300u /* of a copy that is made once */

struct ngsiv2_pull {
	struct feed *feed;
	const struct ngsiv2_settings *settings;
	struct arena arena;
	struct buf body;
	struct feed_seen *seen; /* what it gave before; NULL: no memory for that */
	uint64_t offset; /* of the next page */
	int64_t begun_ms, due_ms, pause_ms;
	char trouble[ERROR_DETAIL_BYTES];
};

/* ---- settings ---- */

static enum err_code put_types(const struct mapping_reader *reader, const struct yaml_tree *node, struct buf *out)
{
	const struct yaml_tree *types = yaml_tree_get(node, STR("types"));
	struct str *words = NULL;
	size_t count = 0;

	if (!types)
		return ERR_OK;
	enum err_code code = mapping_read_words(reader, types, &words, &count);

	if (code)
		return code;
	if (count == 0 || count > TYPES_MAX)
		return yaml_tree_refuse(types, reader->err, "expected a type, or a list of up to %u", TYPES_MAX);
	buf_put(out, STR("type="));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_char(out, ',');
		buf_put_percent(out, words[i], STR_NONE);
	}
	buf_put_char(out, '&');
	return ERR_OK;
}

/* The place of Orion, with or without "/v2" behind it, becomes that of its entities. */
static enum err_code read_url(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			      struct ngsiv2_settings *settings)
{
	const char *text = NULL;
	enum err_code code = feed_read_c_text(reader, node, "url", &text);
	struct str base = str_from(text), url;
	struct http_url_view view;
	struct error cause;
	struct buf out;

	if (code)
		return code;
	if (!text)
		return yaml_tree_refuse(node, reader->err,
					"expected \"url:\" with the place of Orion, such as "
					"http://orion.lan:1026");
	if (http_url_look(text, &feed->arena, &view, &cause) != ERR_OK)
		return yaml_tree_refuse(yaml_tree_get(node, STR("url")), reader->err, "%s", cause.detail);
	if (strpbrk(text, "?#"))
		return yaml_tree_refuse(yaml_tree_get(node, STR("url")), reader->err,
					"expected the place of Orion alone, without \"?\" and \"#\"");
	while (str_ends(base, STR("/")))
		base.len--;
	if (str_ends(base, STR("/v2")))
		base.len -= STR("/v2").len;
	buf_init(&out, 65536);
	buf_put(&out, base);
	buf_put(&out, STR("/v2/entities?"));
	code = put_types(reader, node, &out);
	buf_put(&out, STR("attrs=servicePath,*&"));
	buf_put_char(&out, '\0');
	url = buf_to_arena(&out, &feed->arena);
	if (!code && !url.at)
		code = mapping_no_memory(reader);
	settings->url = url.at;
	settings->shown = view.shown;
	return code;
}

static enum err_code read_times(const struct mapping_reader *reader, const struct yaml_tree *node,
				struct ngsiv2_settings *settings)
{
	double page = PAGE_ENTITIES_MAX;
	enum err_code code = feed_read_seconds(reader, node, "interval", 0, &settings->interval_s);

	if (!code)
		code = feed_read_timeout(reader, node, TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, &settings->timeout_s);
	if (!code)
		code = mapping_read_number(reader, node, "page", 1, PAGE_ENTITIES_MAX, &page);
	settings->page_entities = (uint32_t)page;
	return code;
}

static enum err_code add_service(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct ngsiv2_settings *settings)
{
	struct str path = STR("/#");
	enum err_code code = mapping_read_text(reader, node, "service_path", &path);
	struct error cause;

	if (!code &&
	    (http_header_check(STR("Fiware-ServicePath"), path, &cause) != ERR_OK || !str_starts(path, STR("/"))))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("service_path")), reader->err,
					"expected a service path such as /madrid/gardens or /#");
	if (!code && http_header_check(STR("Fiware-Service"), settings->service, &cause) != ERR_OK)
		code = yaml_tree_refuse(node, reader->err, "expected a name behind \"service\"");
	if (!code && settings->service.len)
		code = feed_add_header(feed, reader, "Fiware-Service", settings->service, &settings->headers);
	return code ? code : feed_add_header(feed, reader, "Fiware-ServicePath", path, &settings->headers);
}

enum err_code ngsiv2_read_pull(struct feed *feed, const struct mapping_reader *reader,
			       const struct yaml_tree *settings_node, struct ngsiv2_settings *settings)
{
	static const char *const known[] = {"url",     "service_path", "types",   "interval",
					    "timeout", "page",         "headers", NULL};
	const struct yaml_tree *node = yaml_tree_get(settings_node, STR("pull"));

	if (!node)
		return ERR_OK;
	enum err_code code = mapping_expect(reader, node, YAML_TREE_MAP, "{url: …}");

	if (!code)
		code = mapping_check_keys(reader, node, known);
	if (!code)
		code = read_times(reader, node, settings);
	if (!code)
		code = feed_read_headers(feed, reader, node, &settings->headers);
	if (!code)
		code = add_service(feed, reader, node, settings);
	return code ? code : read_url(feed, reader, node, settings);
}

/* ---- a page ---- */

static enum err_code fetch(struct ngsiv2_pull *pull, uint64_t *ret_retry_after_s, struct error *err)
{
	const struct ngsiv2_settings *settings = pull->settings;
	struct feed_fetch request = {
		.feed = pull->feed,
		.shown = settings->shown,
		.timeout_s = settings->timeout_s,
		.headers = &settings->headers,
		.accept = "application/json",
	};
	struct http_answer answer;
	struct str url = arena_printf(&pull->arena, "%slimit=%u&offset=%llu", settings->url, settings->page_entities,
				      (unsigned long long)pull->offset);

	if (!url.at)
		return err_set(err, ERR_MEMORY, "no memory to copy entities");
	enum err_code code = feed_fetch(&request, url.at, &pull->arena, &answer, &pull->body, err);

	*ret_retry_after_s = request.retry_after_s;
	return code;
}

/* *ret_count: how many there are. */
static enum err_code take_page(struct ngsiv2_pull *pull, size_t *ret_count, struct error *err)
{
	struct feed *feed = pull->feed;
	struct str shown = str_part(pull->settings->shown, 0, 100), payload;
	struct json *page = NULL;
	struct error cause;

	if (!feed_wait_for_room(feed))
		return err_set(err, ERR_CONFLICT, "the feed stops");
	payload = arena_dup(feed_arena(feed), buf_str(&pull->body));
	if (!payload.at)
		return err_set(err, ERR_MEMORY, "no memory to copy entities");
	if (json_parse(feed->parser, feed_arena(feed), payload, NULL, &page, &cause) != ERR_OK)
		return err_set(err, ERR_IO, "%.*s answered with no JSON: %s", STR_FMT(shown), cause.detail);
	if (!json_is(page, JSON_ARRAY))
		return err_set(err, ERR_IO, "%.*s answered with no list of entities", STR_FMT(shown));
	*ret_count = page->count;
	feed->own.messages++;
	feed->own.bytes += payload.len;
	feed->own.message_us = feed_now_us(feed);
	feed->seen = pull->seen;
	if (page->count > 0)
		ngsiv2_take(feed, page, STR_NONE, STR("normalized"));
	feed->seen = NULL;
	return ERR_OK;
}

static void end_copy(struct ngsiv2_pull *pull)
{
	pull->offset = 0;
	if (pull->seen)
		feed_seen_end_round(pull->seen);
	pull->due_ms =
		pull->settings->interval_s ? pull->begun_ms + (int64_t)pull->settings->interval_s * 1000 : INT64_MAX;
}

/* ---- the whole ---- */

void ngsiv2_pull_turn(struct ngsiv2_pull *pull)
{
	uint32_t interval_s = pull->settings->interval_s ? pull->settings->interval_s : RETRY_S_MAX;
	uint64_t retry_after_s = 0;
	size_t count = 0;
	struct error err;

	if (feed_clock_ms() < pull->due_ms)
		return;
	if (pull->offset == 0)
		pull->begun_ms = feed_clock_ms();
	arena_clear(&pull->arena);
	enum err_code code = fetch(pull, &retry_after_s, &err);

	if (!code)
		code = take_page(pull, &count, &err);
	if (code) {
		(void)snprintf(pull->trouble, sizeof(pull->trouble), "%s", err.detail);
		pull->pause_ms = feed_back_off_ms(pull->pause_ms, interval_s);
		pull->due_ms = feed_clock_ms() + (retry_after_s ? (int64_t)retry_after_s * 1000 : pull->pause_ms);
		return;
	}
	pull->trouble[0] = '\0';
	pull->pause_ms = 0;
	pull->offset += count;
	if (count < pull->settings->page_entities)
		end_copy(pull);
}

struct ngsiv2_pull *ngsiv2_pull_new(struct feed *feed)
{
	struct ngsiv2_pull *pull = calloc(1, sizeof(*pull));

	if (!pull)
		return NULL;
	pull->feed = feed;
	pull->settings = feed->settings;
	pull->seen = feed_seen_new();
	arena_init(&pull->arena, ARENA_BYTES_MAX);
	buf_init(&pull->body, PAGE_BYTES_MAX);
	return pull;
}

struct ngsiv2_pull *ngsiv2_pull_free(struct ngsiv2_pull *pull)
{
	if (!pull)
		return NULL;
	(void)feed_seen_free(pull->seen);
	buf_done(&pull->body);
	arena_done(&pull->arena);
	free(pull);
	return NULL;
}

void ngsiv2_pull_forget(struct ngsiv2_pull *pull, uint64_t tag)
{
	if (pull->seen)
		feed_seen_forget(pull->seen, tag);
}

int64_t ngsiv2_pull_deadline_ms(const struct ngsiv2_pull *pull)
{
	return pull->due_ms;
}

const char *ngsiv2_pull_trouble(const struct ngsiv2_pull *pull)
{
	return pull->trouble;
}
