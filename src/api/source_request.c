/* A request to another context source: what it says, whoever makes it. */
#include "api/source_request.h"

#include "api/api.h"
#include "api/negotiate.h"
#include "broker/identity.h"
#include "ngsild/context.h"

#include <string.h>

#define TIMEOUT_MS 5000u /* when neither the registration nor the configuration says */
#define URL_BYTES_MAX ((size_t)1 << 20)
#define BODY_BYTES_MAX ((size_t)64 << 20)
#define HEADERS_MAX 64u
#define ALIAS_PREFIX "machi-"

/* ---- who has passed it on ---- */

size_t via_read(struct str via, struct str *ret, size_t room)
{
	struct str element;
	size_t count = 0;

	while (via.at && count < room && str_next(&via, ',', &element)) {
		struct str word, rest = str_trim(element);

		if (!str_next(&rest, ' ', &word) || !rest.at)
			continue;
		rest = str_trim(rest);
		if (str_next(&rest, ' ', &word) && word.len)
			ret[count++] = word;
	}
	return count;
}

enum err_code source_alias_make(struct broker_reader *reader, struct str tenant, struct arena *arena,
				struct str *ret_alias, struct error *err)
{
	struct str uuid;
	enum err_code code = broker_identity(reader, tenant, arena, &uuid, err);

	if (code == ERR_OK)
		*ret_alias = arena_concat(arena, STR(ALIAS_PREFIX), uuid);
	return code == ERR_OK && !ret_alias->at ? err_set(err, ERR_MEMORY, "no memory for a name") : code;
}

enum err_code source_via_make(struct broker_reader *reader, struct str tenant, struct str came, struct arena *arena,
			      struct str *ret_via, struct error *err)
{
	struct str alias;
	enum err_code code = source_alias_make(reader, tenant, arena, &alias, err);

	if (code != ERR_OK)
		return code;
	*ret_via = came.len ? arena_printf(arena, "%.*s, 1.1 %.*s", STR_FMT(came), STR_FMT(alias))
			    : arena_concat(arena, STR("1.1 "), alias);
	return ret_via->at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a name");
}

/* ---- texts ---- */

void put_escaped(struct buf *out, struct str text)
{
	buf_put_percent(out, text, STR(":"));
}

/* ---- the request ---- */

uint32_t source_timeout_ms(const struct source *source, uint32_t usual_ms)
{
	int64_t said_ms = source_management(source).timeout_ms;

	return said_ms ? (uint32_t)said_ms : usual_ms ? usual_ms : TIMEOUT_MS;
}

/* The endpoint is where the interface is found: with the root of the API, or before it. */
static const char *url_make(const struct source_request *request)
{
	struct str endpoint = source_endpoint(request->source);
	struct buf out;

	while (str_ends(endpoint, STR("/")))
		endpoint.len--;
	buf_init(&out, URL_BYTES_MAX);
	buf_put(&out, endpoint);
	if (!str_ends(endpoint, STR(API_ROOT)))
		buf_put(&out, STR(API_ROOT));
	buf_put(&out, request->path);
	if (request->query.len) {
		buf_put_char(&out, '?');
		buf_put(&out, request->query);
	}
	if (!request->local_told && source_management(request->source).local_only &&
	    !str_contains(request->query, STR("local=true"))) {
		buf_put_char(&out, request->query.len ? '&' : '?');
		buf_put(&out, STR("local=true"));
	}
	return buf_to_arena(&out, request->arena).at;
}

/* Headers that say what this request is, whatever contextSourceInfo says (4.3.6.5, 6.3.19). */
static bool is_ours(struct str key)
{
	static const struct str ours[] = {
		{"accept", 6},
		{"contentType", 11},
		{"jsonldContext", 13},
		{"ngsildConformance", 17},
		{"link", 4},
		{"content-type", 12},
		{"content-length", 14},
		{"content-encoding", 16},
		{"via", 3},
		{"host", 4},
		{"ngsild-tenant", 13},
		{"transfer-encoding", 17},
		{"connection", 10},
		{"te", 2},
		{"trailer", 7},
		{"upgrade", 7},
		{"expect", 6},
		{"keep-alive", 10},
		{"accept-encoding", 15},
		{"ngsild-snapshot", 15},
		{"cookie2", 7},
		{"proxy-connection", 16},
		{"ngsild-entitymap", 16},
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (str_eq_nocase(key, ours[i]))
			return true;
	return false;
}

struct headers {
	struct http_post_header *at;
	size_t count;
};

static void header_add(struct headers *headers, struct str name, struct str value)
{
	if (value.at && headers->count < HEADERS_MAX)
		headers->at[headers->count++] = (struct http_post_header){name, value};
}

static void info_add(const struct source_request *request, struct headers *headers)
{
	struct str key, value;

	for (size_t i = 0; source_info(request->source, i, &key, &value); i++) {
		if (is_ours(key))
			continue;
		if (str_eq(value, STR("urn:ngsi-ld:request")))
			value = request->client ? http_request_header(request->client, key) : STR_NONE;
		header_add(headers, key, value);
	}
}

static struct str link_make(struct arena *arena, struct str url)
{
	return arena_concat(arena, arena_concat(arena, STR("<"), url),
			    STR(">; rel=\"" LINK_REL_CONTEXT "\"; type=\"application/ld+json\""));
}

/* Where the @context goes: into the body, or into a Link header where there is no body, or the source wants plain JSON
 * (4.3.6.6, 6.3.19). */
static struct str context_place(const struct source_request *request, bool *ret_in_body)
{
	struct arena *arena = request->arena;
	struct str wanted = source_info_value(request->source, STR("jsonldContext"));
	struct str type = source_info_value(request->source, STR("contentType"));
	struct str url = context_lone_url(request->context_value);

	*ret_in_body = false;
	if (wanted.at)
		return link_make(arena, wanted);
	*ret_in_body = request->body && (request->context_value || str_eq(type, STR("application/ld+json"))) &&
		       !(str_eq(type, STR("application/json")) && (url.at || !request->context_value));
	if (*ret_in_body || !url.at || context_url_is_core(url))
		return STR_NONE;
	return link_make(arena, url);
}

static struct json with_context(const struct source_request *request, const struct json *object)
{
	struct arena *arena = request->arena;
	struct json copy = json_object();

	for (uint32_t i = 0; i < object->count; i++)
		(void)json_add(arena, &copy, object->members[i].key, object->members[i].value);
	(void)json_add(arena, &copy, STR("@context"),
		       request->context_value ? *request->context_value : json_string(STR(NGSILD_CORE_CONTEXT_URL)));
	return copy;
}

static enum err_code body_make(const struct source_request *request, bool context_inside, struct http_post *post,
			       struct error *err)
{
	struct json body = *request->body;
	struct buf out;

	if (context_inside && json_is(&body, JSON_OBJECT))
		body = with_context(request, &body);
	if (context_inside && json_is(&body, JSON_ARRAY)) {
		struct json list = json_array();

		for (uint32_t i = 0; i < body.count; i++)
			(void)json_push(request->arena, &list,
					json_is(&body.items[i], JSON_OBJECT) ? with_context(request, &body.items[i])
									     : body.items[i]);
		body = list;
	}
	buf_init(&out, BODY_BYTES_MAX);
	json_write(&out, &body);
	post->body = buf_to_arena(&out, request->arena);
	return post->body.at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a request");
}

static enum err_code headers_make(const struct source_request *request, struct http_post *post, struct error *err)
{
	struct headers headers = {arena_array(request->arena, struct http_post_header, HEADERS_MAX), 0};
	struct str accept = source_info_value(request->source, STR("accept"));
	bool inside;
	struct str link = context_place(request, &inside), version;

	if (!headers.at)
		return err_set(err, ERR_MEMORY, "no memory for a request");
	header_add(&headers, STR("Accept"), accept.at ? accept : STR("application/json"));
	if (request->body)
		header_add(&headers, STR("Content-Type"),
			   inside ? STR("application/ld+json") : STR("application/json"));
	header_add(&headers, STR("Link"), link);
	header_add(&headers, STR("Via"), request->via);
	header_add(&headers, STR("NGSILD-Tenant"), source_tenant(request->source));
	header_add(&headers, STR("NGSILD-EntityMap"), request->entity_map);
	version = source_info_value(request->source, STR("ngsildConformance"));
	if (version.at && strcmp(request->method, "GET") == 0)
		header_add(&headers, STR("Prefer"), arena_concat(request->arena, STR("ngsi-ld="), version));
	info_add(request, &headers);
	post->headers = headers.at;
	post->header_count = headers.count;
	return request->body ? body_make(request, inside, post, err) : ERR_OK;
}

enum err_code source_request_make(const struct source_request *request, struct http_post *post, struct error *err)
{
	post->method = request->method;
	post->url = url_make(request);
	return post->url ? headers_make(request, post, err) : err_set(err, ERR_MEMORY, "no memory for a request");
}
