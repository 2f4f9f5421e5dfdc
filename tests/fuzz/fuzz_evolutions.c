/* What other brokers say of an evolution: a Content-Range, and two EntityTemporals, one a line.
 *
 * What is accepted of them can be put together, whoever comes first: every attribute and every instance's time of both
 * is there, and no instance more than both have. */
#include "base/time_value.h"
#include "ngsild/expand.h"
#include "ngsild/temporal.h"
#include "ngsild/union.h"
#include "trial_fuzz.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)

/* NULL: none. */
static struct json *read_evolution(struct trial *trial, struct str text)
{
	const struct expand_options options = {.context = trial->context, .temporal = true, .stamped = true};
	struct str copy = arena_printf(&trial->arena, "%.*s%64s", STR_FMT(text), "");
	struct json *body = NULL, *evolution = NULL;
	struct error err = {.code = ERR_OK};

	if (!copy.at || json_parse(trial->parser, &trial->arena, str_part(copy, 0, copy.len - 64), NULL, &body, &err))
		return NULL;
	enum err_code code = expand_entity(&trial->arena, body, &options, &evolution, &err);

	demand(code == ERR_OK || (code != ERR_INTERNAL && err.detail[0]));
	return code == ERR_OK ? evolution : NULL;
}

static bool has_time(const struct json *instances, const struct json *instance)
{
	int64_t us, other_us;

	if (!time_parse_iso(json_text(json_get(instance, STR("observedAt"))), false, &us))
		return true;
	for (uint32_t i = 0; i < instances->count; i++)
		if (time_parse_iso(json_text(json_get(&instances->items[i], STR("observedAt"))), false, &other_us) &&
		    us == other_us)
			return true;
	return false;
}

static size_t instances_of(const struct json *evolution, struct str key)
{
	const struct json *instances = json_get(evolution, key);

	return json_is(instances, JSON_ARRAY) ? instances->count : 0;
}

/* All that one of the two has is in both together. */
static void check_part(const struct json *whole, const struct json *part, const struct json *other)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const struct json_member *member = &part->members[i];
		const struct json *instances = json_get(whole, member->key);

		if (!document_is_attribute(member->key))
			continue;
		demand(json_is(instances, JSON_ARRAY));
		demand(instances->count <= member->value.count + instances_of(other, member->key));
		for (uint32_t k = 0; k < member->value.count; k++)
			demand(has_time(instances, &member->value.items[k]));
	}
}

static void unite(struct trial *trial, struct json *base, struct json *added, bool auxiliary)
{
	struct json *whole = NULL, *first = json_dup(&trial->arena, base), *second = json_dup(&trial->arena, added);
	struct union_version versions[] = {{json_dup(&trial->arena, base), false},
					   {json_dup(&trial->arena, added), auxiliary}};
	struct error err;

	if (!first || !second || !versions[0].entity || !versions[1].entity)
		return;
	if (union_evolution(&trial->arena, versions, 2, STR("observedAt"), &whole, &err) != ERR_OK)
		return;
	check_part(whole, first, second);
	check_part(whole, second, first);
}

static void run(struct trial *trial, struct str bytes)
{
	struct str line, rest = bytes;
	int64_t start_us, end_us;

	if (!str_next(&rest, '\n', &line))
		return;
	if (temporal_range_read(line, &start_us, &end_us))
		demand(line.len > 40);
	if (!rest.at || !str_next(&rest, '\n', &line))
		return;
	struct json *one = read_evolution(trial, line);
	struct json *other = rest.at ? read_evolution(trial, rest) : NULL;

	if (!one || !other)
		return;
	unite(trial, one, other, false);
	unite(trial, other, one, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_trial(data, size, ARENA_BYTES_MAX);
}
