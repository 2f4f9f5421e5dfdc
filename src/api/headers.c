/* Header fields that every answer has, refusals too: the echoes of tenant and snapshot, and what browsers are
 * told. Source: GS CIM 009 V1.9.1 clauses 6.3.14, 6.3.22; the Fetch standard's CORS protocol. */
#include "api/api_int.h"

#include "broker/snapshots.h"

/* The origin to name in Access-Control-Allow-Origin; STR_NONE: this one may not read. */
static struct str origin_allowed(const struct api *api, struct http_request *request)
{
	struct str origin = http_request_header(request, STR("Origin"));

	for (size_t i = 0; origin.at && i < api->options.cors_origin_count; i++) {
		struct str allowed = str_from(api->options.cors_origins[i]);

		if (str_eq(allowed, STR("*")) || str_eq(allowed, origin))
			return allowed;
	}
	return STR_NONE;
}

/* An origin is scheme and host; behind a proxy that speaks TLS the scheme is not known here, so hosts are compared. */
static bool is_host_of(struct str origin, struct str host)
{
	size_t scheme_len = 0;

	while (scheme_len < origin.len && origin.at[scheme_len] != ':')
		scheme_len++;
	struct str rest = str_part(origin, scheme_len, origin.len);

	return host.len > 0 && str_starts(rest, STR("://")) && str_eq_nocase(str_part(rest, 3, rest.len), host);
}

bool origin_trusted(const struct api *api, struct http_request *request)
{
	struct str origin = http_request_header(request, STR("Origin"));

	if (!origin.len)
		return !origin.at;
	return origin_allowed(api, request).at || is_host_of(origin, http_request_header(request, STR("Host"))) ||
	       str_eq_nocase(origin, str_from(api->options.public_url));
}

static void cors_headers(const struct api *api, struct http_request *request)
{
	struct str allowed = origin_allowed(api, request);

	if (!allowed.at)
		return;
	(void)http_response_header(request, "Access-Control-Allow-Origin", allowed);
	(void)http_response_header(request, "Access-Control-Expose-Headers",
				   STR("Content-Range, Link, Location, NGSILD-EntityMap, NGSILD-Results-Count, "
				       "NGSILD-Snapshot, NGSILD-Tenant, "
				       "Preference-Applied, X-Request-Id"));
	if (!str_eq(allowed, STR("*")))
		(void)http_response_header(request, "Vary", STR("Origin"));
}

void common_headers(const struct api *api, struct http_request *request)
{
	struct str tenant = http_request_header(request, STR("NGSILD-Tenant"));
	struct str snapshot = http_request_header(request, STR("NGSILD-Snapshot"));

	if (tenant.len > 0 && tenant.len <= BROKER_TENANT_NAME_BYTES_MAX)
		(void)http_response_header(request, "NGSILD-Tenant", tenant);
	if (snapshot.len > 0 && snapshot.len <= BROKER_SNAPSHOT_ID_BYTES_MAX)
		(void)http_response_header(request, "NGSILD-Snapshot", snapshot);
	cors_headers(api, request);
}

void preflight_headers(const struct api *api, struct http_request *request)
{
	struct str wanted = http_request_header(request, STR("Access-Control-Request-Headers"));
	struct str names = str_from(api->options.cors_headers);
	struct arena *arena = http_request_arena(request);

	if (!origin_allowed(api, request).at || !http_request_header(request, STR("Access-Control-Request-Method")).at)
		return;
	(void)http_response_header(request, "Access-Control-Allow-Methods", str_from(api->options.cors_methods));
	/* "*" would be taken by its letter for requests with credentials; what was asked for says the same. */
	if (str_eq(names, STR("*")))
		names = wanted;
	if (names.at)
		(void)http_response_header(request, "Access-Control-Allow-Headers", names);
	(void)http_response_header(request, "Access-Control-Max-Age",
				   arena_printf(arena, "%u", api->options.cors_max_age_s));
}
