/* Headers of a stranger's answer: freshness stays within its bounds and does what its definition says of no-store; a
 * link's target lies within the header. The input is cut at newlines into fields. */
#include "net/http_cache.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, parts[6] = {{NULL, 0}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rest.at; i++)
		if (!str_next(&rest, '\n', &parts[i]))
			break;
	const struct http_cache_fields fields = {parts[0], parts[1], parts[2], parts[3], parts[4]};
	struct http_freshness freshness = http_freshness(&fields, 1795321260);

	assert(freshness.fresh_s <= HTTP_FRESH_S_MAX);
	assert(!(freshness.stated && freshness.heuristic));
	assert(!freshness.no_store || (freshness.stated && freshness.fresh_s == 0));
	assert(freshness.stated || freshness.heuristic || freshness.fresh_s == 0);
	struct str target = http_link_target(parts[5], STR("alternate"), STR("application/ld+json"));

	assert(!target.at || (target.at > parts[5].at && target.at + target.len < parts[5].at + parts[5].len));
	return 0;
}
