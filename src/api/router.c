/* From a path and a method to an operation: 404, 405 with Allow, OPTIONS, HEAD, a trailing slash. */
#include "api/api_int.h"

#include <assert.h>

static const struct str method_names[METHOD_COUNT] = {
	[METHOD_GET] = {"GET", 3},     [METHOD_POST] = {"POST", 4},     [METHOD_PUT] = {"PUT", 3},
	[METHOD_PATCH] = {"PATCH", 5}, [METHOD_DELETE] = {"DELETE", 6},
};

struct str method_name(enum method method)
{
	return method_names[method];
}

/* Cuts "/a/b/" into "a", "b": a trailing slash makes no segment. False when there are too many. */
static bool path_split(struct str path, struct str *segments, size_t *ret_count)
{
	struct str segment, rest = str_part(path, 1, path.len);
	size_t count = 0;

	if (path.len == 0 || path.at[0] != '/')
		return false;
	while (str_next(&rest, '/', &segment)) {
		if (!rest.at && segment.len == 0)
			break;
		if (count == API_SEGMENTS_MAX)
			return false;
		segments[count++] = segment;
	}
	*ret_count = count;
	return true;
}

static struct route *route_named(struct api *api, struct str path)
{
	for (size_t i = 0; i < api->route_count; i++)
		if (str_eq(api->routes[i].path, path))
			return &api->routes[i];
	return NULL;
}

enum err_code router_init(struct api *api, struct error *err)
{
	api->routes = arena_array(&api->arena, struct route, operation_count);
	if (!api->routes)
		return err_set(err, ERR_MEMORY, "no memory for the routes");
	for (size_t i = 0; i < operation_count; i++) {
		const struct operation *operation = &operations[i];
		struct str path = arena_printf(&api->arena, "%s%s", operation->plain ? "" : API_ROOT, operation->path);

		if (!path.at)
			return err_set(err, ERR_MEMORY, "no memory for the routes");
		struct route *route = route_named(api, path);

		if (!route) {
			route = &api->routes[api->route_count++];
			*route = (struct route){.path = path};
			bool split = path_split(path, route->segments, &route->segment_count);

			assert(split);
			(void)split;
		}
		assert(!route->methods[operation->method] && operation->needs);
		route->methods[operation->method] = operation;
	}
	return ERR_OK;
}

static bool route_fits(const struct route *route, const struct str *segments, size_t count)
{
	if (route->segment_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (route->segments[i].at[0] != '{' && !str_eq(route->segments[i], segments[i]))
			return false;
	return true;
}

static const struct route *route_find(const struct api *api, const struct str *segments, size_t count)
{
	for (size_t i = 0; i < api->route_count; i++)
		if (route_fits(&api->routes[i], segments, count))
			return &api->routes[i];
	return NULL;
}

static void allow_header(struct call *call, const struct route *route)
{
	const struct str methods[METHOD_COUNT] = {STR("GET, HEAD, "), STR("POST, "), STR("PUT, "), STR("PATCH, "),
						  STR("DELETE, ")};
	struct str allow = STR("");

	for (enum method method = 0; method < METHOD_COUNT; method++)
		if (route->methods[method])
			allow = arena_concat(call->arena, allow, methods[method]);
	(void)http_response_header(call->request, "Allow", arena_concat(call->arena, allow, STR("OPTIONS")));
}

static bool takes_patch(const struct route *route)
{
	return route->methods[METHOD_PATCH] != NULL;
}

/* OPTIONS answers what a resource takes (RFC 9110 section 9.3.7, RFC 5789 section 3.1); a browser's preflight asks the
 * same with two headers. */
static void answer_options(struct call *call, const struct route *route)
{
	allow_header(call, route);
	if (takes_patch(route))
		(void)http_response_header(call->request, "Accept-Patch", STR(ACCEPT_PATCH));
	preflight_headers(call->api, call->request);
	answer_empty(call, 204);
}

static const struct operation *operation_of(const struct route *route, struct str method)
{
	if (str_eq(method, STR("HEAD")))
		method = STR("GET");
	for (enum method i = 0; i < METHOD_COUNT; i++)
		if (str_eq(method, method_names[i]))
			return route->methods[i];
	return NULL;
}

/* The route's variables, percent-decoded segment by segment so that an encoded "/" stays inside its segment. */
static bool take_variables(struct call *call, const struct route *route, const struct str *segments)
{
	size_t count = 0;

	for (size_t i = 0; i < route->segment_count; i++) {
		if (route->segments[i].at[0] != '{' || count == sizeof(call->variables) / sizeof(call->variables[0]))
			continue;
		if (!http_decode(call->arena, segments[i], &call->variables[count++])) {
			answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
				       "the path segment \"%.*s\" is not percent-encoded UTF-8", STR_FMT(segments[i]));
			return false;
		}
	}
	return true;
}

static void dispatch_route(struct call *call, const struct route *route, const struct str *segments)
{
	struct str method = http_request_method(call->request);

	if (str_eq(method, STR("OPTIONS"))) {
		answer_options(call, route);
		return;
	}
	const struct operation *operation = operation_of(route, method);

	if (!operation) {
		allow_header(call, route);
		answer_problem(call, PROBLEM_METHOD_NOT_ALLOWED, "%.*s is not a method of %.*s", STR_FMT(method),
			       STR_FMT(route->path));
		return;
	}
	call->operation = operation;
	if (!gate_enter(call) || !take_variables(call, route, segments))
		return;
	if (operation->plain ? call_snapshot_refuse(call) : call_prepare(call))
		gate_run(call);
}

void router_dispatch(struct call *call)
{
	struct str segments[API_SEGMENTS_MAX] = {0};
	struct str path = http_request_path(call->request);
	size_t count = 0;

	/* Prometheus's API also under a path of its own, for proxies that tell services apart by the first segment. */
	if (str_starts(path, STR("/prometheus/api/v1/")))
		path = str_part(path, sizeof("/prometheus") - 1, path.len);
	bool split = path_split(path, segments, &count);
	const struct route *route = split ? route_find(call->api, segments, count) : NULL;

	if (route)
		dispatch_route(call, route, segments);
	else if (split)
		show_file(call);
	else
		answer_problem(call, PROBLEM_NOT_FOUND, "there is nothing at %.*s", STR_FMT(path));
}
