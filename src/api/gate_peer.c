/* Where a request comes from, for the lock-out and the audit log. */
#include "api/gate_int.h"

/* "127.0.0.1:4711" as "127.0.0.1", "[::1]:4711" as "::1" */
static struct str address_of(struct str peer)
{
	size_t end = peer.len;

	while (end > 0 && peer.at[end - 1] != ':')
		end--;
	struct str address = end ? str_part(peer, 0, end - 1) : peer;

	return str_starts(address, STR("[")) ? str_part(address, 1, address.len - 1) : address;
}

static bool is_proxy(const struct api_options *options, struct str address)
{
	for (size_t i = 0; i < options->proxy_count; i++)
		if (str_eq(str_from(options->proxies[i]), address))
			return true;
	return false;
}

struct str gate_peer(struct call *call)
{
	struct str peer = address_of(http_request_peer(call->request));
	struct str piece, rest = http_request_header(call->request, STR("X-Forwarded-For")), last = STR_NONE;

	if (!is_proxy(&call->api->options, peer))
		return peer;
	/* The last one is what the proxy has seen; those before it are what it was told. */
	while (rest.at && str_next(&rest, ',', &piece))
		last = str_trim(piece);
	return last.len ? last : peer;
}
