/* A feed's document taken apart. */
#include "feed/feed_int.h"

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

#define FEED_BYTES_MAX ((size_t)64 << 20) /* document, settings and plans */
#define SECONDS_MAX 31536000u

const struct feed_kind *const feed_kinds[] = {
	&feed_kind_echonet,       &feed_kind_folder,
	&feed_kind_modbus,        &feed_kind_replay,
	&feed_kind_gtfs_realtime, &feed_kind_home_assistant,
	&feed_kind_http,          &feed_kind_influx,
	&feed_kind_mqtt,          &feed_kind_ngsiv2,
	&feed_kind_ocpp,          &feed_kind_sparkplug,
	&feed_kind_webhook,       NULL,
};

struct feed *feed_new(void)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	arena_init(&feed->arena, FEED_BYTES_MAX);
	feed->wake_fd = -1;
	(void)pthread_mutex_init(&feed->lock, NULL);
	return feed;
}

struct feed *feed_free(struct feed *feed)
{
	if (!feed)
		return NULL;
	for (size_t i = 0; i < feed->map_count; i++)
		(void)mapping_free(feed->maps[i].mapping);
	(void)intake_free(feed->intake);
	(void)context_unref(feed->context);
	(void)json_parser_free(feed->parser);
	fd_closep(&feed->wake_fd);
	arena_done(&feed->arena);
	(void)pthread_mutex_destroy(&feed->lock);
	free(feed);
	return NULL;
}

/* ---- parts ---- */

enum err_code feed_read_c_text(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
			       const char **ret)
{
	struct str text = STR_NONE;
	enum err_code code = mapping_read_text(reader, map, key, &text);

	if (!code && text.at && memchr(text.at, '\0', text.len))
		code = yaml_tree_refuse(yaml_tree_get(map, str_from(key)), reader->err, "expected a text without NUL");
	if (!code && text.at)
		*ret = text.at; /* yaml_tree.h puts a NUL behind it */
	return code;
}

enum err_code feed_read_seconds(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				uint32_t fallback_s, uint32_t *ret_s)
{
	const struct yaml_tree *node = yaml_tree_get(map, str_from(key));
	uint64_t seconds = 0;

	*ret_s = fallback_s;
	if (!node)
		return ERR_OK;
	if (node->kind != YAML_TREE_SCALAR || !duration_parse_seconds(node->text, &seconds) || seconds == 0 ||
	    seconds > SECONDS_MAX)
		return yaml_tree_refuse(
			node, reader->err,
			"expected a duration such as \"30 s\", \"5 min\", \"1 h\" or \"7 d\" behind \"%s\", not %.*s",
			key, STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret_s = (uint32_t)seconds;
	return ERR_OK;
}

enum err_code feed_read_timeout(const struct mapping_reader *reader, const struct yaml_tree *map, uint32_t fallback_s,
				uint32_t max_s, uint32_t *ret_s)
{
	enum err_code code = feed_read_seconds(reader, map, "timeout", fallback_s, ret_s);

	if (!code && *ret_s > max_s)
		return yaml_tree_refuse(yaml_tree_get(map, STR("timeout")), reader->err,
					"expected a timeout of at most %u s", max_s);
	return code;
}

static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_' || c == '.'))
			return false;
	}
	return text.len > 0 && text.len <= FEED_NAME_BYTES_MAX;
}

static enum err_code read_head(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *document)
{
	const struct yaml_tree *name = yaml_tree_get(document, STR("name"));
	enum err_code code = mapping_read_text(reader, document, "name", &feed->name);

	if (!code && !is_name(feed->name))
		code = yaml_tree_refuse(name ? name : document, reader->err,
					"expected \"name:\" with letters, digits, \"-\", \"_\" and \".\", up to %u",
					FEED_NAME_BYTES_MAX);
	if (!code)
		code = mapping_read_text(reader, document, "tenant", &feed->tenant);
	if (!code && feed->tenant.len && !broker_tenant_is_name(feed->tenant))
		code = yaml_tree_refuse(yaml_tree_get(document, STR("tenant")), reader->err,
					"expected the name of a tenant");
	if (!code)
		code = mapping_read_text(reader, document, "context", &feed->context_url);
	return code;
}

static enum err_code read_kind(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *document)
{
	const struct yaml_tree *settings = NULL;

	for (size_t i = 0; feed_kinds[i]; i++) {
		const struct yaml_tree *found = yaml_tree_get(document, str_from(feed_kinds[i]->name));

		if (!found)
			continue;
		if (settings)
			return yaml_tree_refuse(found, reader->err, "a feed is of one kind: \"%s\" or \"%s\"",
						feed->kind->name, feed_kinds[i]->name);
		settings = found;
		feed->kind = feed_kinds[i];
	}
	if (!settings)
		return yaml_tree_refuse(document, reader->err,
					"expected what kind of feed this is, such as \"mqtt:\" with its settings");
	enum err_code code = mapping_expect(reader, settings, YAML_TREE_MAP, "the settings of this kind of feed");

	return code ? code : feed->kind->read(feed, reader, settings);
}

/* ---- mappings ---- */

static enum err_code plan_map(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			      struct feed_map *map)
{
	struct str topic;
	enum err_code code = mapping_of_tree(node, &map->mapping, reader->err);

	if (code)
		return code;
	feed->map_count++; /* from here on it is freed with the feed */
	if (feed->has_tables && mapping_each(map->mapping).len)
		return yaml_tree_refuse(yaml_tree_get(node, STR("each")), reader->err,
					"\"each\" is for JSON: a table has its rows");
	topic = mapping_topic(map->mapping);
	map->has_topic = topic.len > 0;
	if (map->has_topic)
		code = topic_pattern_parse(topic, &feed->arena, &map->topic, reader->err);
	if (!code && !feed->has_tables)
		code = record_plan_new(map->mapping, map->has_topic ? &map->topic : feed->patterns,
				       map->has_topic ? 1 : feed->pattern_count, &feed->arena, &map->plan, reader->err);
	if (code == ERR_INVALID) {
		struct error cause = *reader->err;

		return yaml_tree_refuse(node, reader->err, "%s", cause.detail);
	}
	return code;
}

static enum err_code read_maps(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *document)
{
	const struct yaml_tree *one = yaml_tree_get(document, STR("map"));
	const struct yaml_tree *many = yaml_tree_get(document, STR("maps"));
	uint32_t count = many ? many->count : 1;

	if (feed->kind->maps_itself)
		return one || many ? yaml_tree_refuse(
					     one ? one : many, reader->err,
					     "a feed of kind \"%s\" knows what its messages mean and has no mapping",
					     feed->kind->name)
				   : ERR_OK;
	if (!one == !many)
		return yaml_tree_refuse(document, reader->err, "expected either \"map\" or \"maps\" in the feed");
	if (many && (many->kind != YAML_TREE_LIST || count == 0 || count > FEED_MAPS_MAX))
		return yaml_tree_refuse(many, reader->err, "expected a list of 1 to %u mappings", FEED_MAPS_MAX);
	feed->maps = arena_array(&feed->arena, struct feed_map, count);
	if (!feed->maps)
		return mapping_no_memory(reader);
	memset(feed->maps, 0, count * sizeof(*feed->maps));
	for (uint32_t i = 0; i < count; i++) {
		enum err_code code = plan_map(feed, reader, many ? &many->items[i] : one, &feed->maps[i]);

		if (code)
			return code;
	}
	return ERR_OK;
}

/* ---- the whole ---- */

static enum err_code check_keys(const struct mapping_reader *reader, const struct yaml_tree *document)
{
	static const char *const common[] = {"name", "tenant",   "context",     "map",
					     "maps", "commands", "description", NULL};
	const char *known[32];
	size_t count = 0;

	for (size_t i = 0; common[i]; i++)
		known[count++] = common[i];
	for (size_t i = 0; feed_kinds[i] && count + 1 < sizeof(known) / sizeof(known[0]); i++)
		known[count++] = feed_kinds[i]->name;
	known[count] = NULL;
	return mapping_check_keys(reader, document, known);
}

enum err_code feed_read(struct feed *feed, const struct yaml_tree *document, struct error *err)
{
	struct mapping_reader reader = {.arena = &feed->arena, .err = err};
	enum err_code code = mapping_expect(&reader, document, YAML_TREE_MAP, "a feed with name, kind and map");

	feed->document = document;
	if (!code)
		code = check_keys(&reader, document);
	if (!code)
		code = read_head(feed, &reader, document);
	if (!code)
		code = read_kind(feed, &reader, document);
	if (!code)
		code = read_maps(feed, &reader, document);
	return code ? code : feed_read_commands(feed, &reader, document);
}

enum err_code feed_read_mapping(struct feed *feed, const struct yaml_tree *document, struct error *err)
{
	struct mapping_reader reader = {.arena = &feed->arena, .err = err};

	feed->name = STR("trial");
	feed->maps = arena_new(&feed->arena, struct feed_map);
	return feed->maps ? plan_map(feed, &reader, document, &feed->maps[0]) : mapping_no_memory(&reader);
}

DEFINE_CLEANUP(struct feed *, feed);

enum err_code feed_check(const struct yaml_tree *document, struct error *err)
{
	CLEANUP(feed) struct feed *feed = feed_new();

	return feed ? feed_read(feed, document, err) : err_set(err, ERR_MEMORY, "no memory for a feed");
}
