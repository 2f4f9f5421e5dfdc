/* Loading a configuration. Mistakes are collected rather than stopping at the first, so that one run of
 * `machi config check` shows all that is wrong. */
#include "main/config.h"

#include "base/cleanup.h"
#include "base/nearest.h"
#include "feed/feed.h"
#include "yaml/yaml_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES_MAX (4u << 20) /* strings of one configuration, the file's tree included */
#define SENTENCE_BYTES_MAX 1024u

struct loader {
	const struct config_sources *sources;
	struct config *config;
	struct error *err; /* the first mistake */
	uint32_t mistakes;
	enum err_code fatal; /* ERR_MEMORY */
};

/* Notes what *cause says, after where and key. */
static void mistake(struct loader *loader, struct str where, struct str key, const struct error *cause)
{
	struct buf sentence;

	if (cause->code == ERR_MEMORY)
		loader->fatal = err_set(loader->err, ERR_MEMORY, "no memory for settings");
	if (loader->fatal || loader->mistakes++ >= CONFIG_MISTAKES_MAX)
		return;
	buf_init(&sentence, SENTENCE_BYTES_MAX);
	buf_put(&sentence, where);
	buf_put(&sentence, where.len ? STR(": ") : STR(""));
	buf_put(&sentence, key);
	buf_put(&sentence, key.len ? STR(": ") : STR(""));
	buf_put(&sentence, str_from(cause->detail));
	if (loader->mistakes == 1)
		(void)err_set(loader->err, ERR_INVALID, "%.*s", STR_FMT(buf_str(&sentence)));
	if (loader->sources->mistake)
		loader->sources->mistake(loader->sources->self, buf_str(&sentence));
	buf_done(&sentence);
}

static struct str where_of(struct loader *loader, const struct yaml_tree *node)
{
	return arena_printf(&loader->config->arena, "%.*s:%u:%u", STR_FMT(node->file), node->line, node->column);
}

/* Offers the part of each key behind "section." (section STR_NONE: top-level keys and section names). */
static void offer_keys(struct nearest *nearest, const struct setting *settings, struct str section)
{
	for (const struct setting *setting = settings; setting->key; setting++) {
		struct str key = str_from(setting->key);
		size_t dot;
		bool has_dot = str_find(key, '.', &dot);

		if (section.len == 0)
			nearest_offer(nearest, has_dot ? str_part(key, 0, dot) : key);
		else if (has_dot && str_eq(str_part(key, 0, dot), section))
			nearest_offer(nearest, str_part(key, dot + 1, key.len));
	}
	if (section.len == 0 && settings == config_settings) {
		nearest_offer(nearest, STR("timetable"));
		nearest_offer(nearest, STR("feeds"));
	}
}

static void unknown_key(struct loader *loader, const struct yaml_tree *key, struct str name,
			const struct setting *settings, struct str section)
{
	struct nearest nearest;
	struct error cause;

	nearest_init(&nearest, key->text);
	offer_keys(&nearest, settings, section);
	if (nearest.best.len)
		(void)err_set(&cause, ERR_INVALID, "no setting has this name; did you mean \"%.*s\"?",
			      STR_FMT(nearest.best));
	else
		(void)err_set(&cause, ERR_INVALID, "no setting has this name (machi config example shows all)");
	mistake(loader, where_of(loader, key), name, &cause);
}

/* *at is the entry that is wrong. */
static enum err_code read_origin_list(struct loader *loader, const struct setting *setting,
				      const struct yaml_tree *list, void *target, const struct yaml_tree **at,
				      struct error *err)
{
	enum err_code code = setting_read(setting, &loader->config->arena, STR(""), target, err);

	for (uint32_t i = 0; i < list->count && !code; i++) {
		*at = &list->items[i];
		if (list->items[i].kind != YAML_TREE_SCALAR)
			return err_set(err, ERR_INVALID, "expected a list of texts");
		code = setting_add_item(setting, &loader->config->arena, list->items[i].text, target, err);
	}
	return code;
}

static void read_value(struct loader *loader, const struct setting *setting, struct str name,
		       const struct yaml_tree *node, void *target)
{
	struct arena *arena = &loader->config->arena;
	const struct yaml_tree *at = node;
	struct buf expected;
	struct error cause;
	enum err_code code;

	if (yaml_tree_is_nothing(node))
		return; /* "key:" with nothing behind it leaves the default */
	if (node->kind == YAML_TREE_SCALAR) {
		code = setting_read(setting, arena, node->text, target, &cause);
	} else if (node->kind == YAML_TREE_LIST && setting_is_list(setting)) {
		code = read_origin_list(loader, setting, node, target, &at, &cause);
	} else {
		buf_init(&expected, SENTENCE_BYTES_MAX);
		setting_write_expected(setting, &expected);
		code = err_set(&cause, ERR_INVALID, "expected %.*s, not %s", STR_FMT(buf_str(&expected)),
			       node->kind == YAML_TREE_MAP ? "a mapping" : "a list");
		buf_done(&expected);
	}
	if (code)
		mistake(loader, where_of(loader, at), name, &cause);
}

static void note_origin(struct loader *loader, const struct setting *setting, struct str origin)
{
	if (origin.at)
		loader->config->origins[setting - config_settings] = origin.at;
}

static void read_known(struct loader *loader, const struct setting *setting, struct str name,
		       const struct yaml_tree *node)
{
	read_value(loader, setting, name, node, loader->config);
	if (!yaml_tree_is_nothing(node))
		note_origin(loader, setting,
			    arena_printf(&loader->config->arena, "%.*s:%u", STR_FMT(node->file), node->line));
}

static bool is_section(struct str name)
{
	for (const struct setting *setting = config_settings; setting->key; setting++) {
		struct str key = str_from(setting->key);
		size_t dot;

		if (str_find(key, '.', &dot) && str_eq(str_part(key, 0, dot), name))
			return true;
	}
	return false;
}

static void read_section(struct loader *loader, struct str section, const struct yaml_tree *node)
{
	struct error cause;

	if (yaml_tree_is_nothing(node))
		return;
	if (node->kind != YAML_TREE_MAP) {
		(void)err_set(&cause, ERR_INVALID, "expected a section with settings in it");
		mistake(loader, where_of(loader, node), section, &cause);
		return;
	}
	for (uint32_t i = 0; i < node->count; i++) {
		struct str name = arena_printf(&loader->config->arena, "%.*s.%.*s", STR_FMT(section),
					       STR_FMT(node->keys[i].text));
		const struct setting *setting = config_setting(name);

		if (setting)
			read_known(loader, setting, name, &node->items[i]);
		else
			unknown_key(loader, &node->keys[i], name, config_settings, section);
	}
}

static bool read_defaults(struct arena *arena, const struct setting *settings, void *target)
{
	for (const struct setting *setting = settings; setting->key; setting++) {
		struct setting free_of_bounds = *setting;
		struct error cause;

		free_of_bounds.min = setting->kind == SETTING_NAME ? 0 : setting->min; /* names that must be given */
		enum err_code code = setting_read(&free_of_bounds, arena, str_from(setting->fallback), target, &cause);

		assert(code == ERR_OK || code == ERR_MEMORY);
		if (code)
			return false;
	}
	return true;
}

static void read_feed(struct loader *loader, const struct yaml_tree *node, uint32_t index, struct config_feed *feed)
{
	struct arena *arena = &loader->config->arena;
	struct error cause;

	if (!read_defaults(arena, config_feed_settings, feed)) {
		loader->fatal = err_set(loader->err, ERR_MEMORY, "no memory for settings");
		return;
	}
	if (node->kind != YAML_TREE_MAP) {
		(void)err_set(&cause, ERR_INVALID, "expected settings of a feed (feed, tenant, interval, …)");
		mistake(loader, where_of(loader, node), arena_printf(arena, "timetable[%u]", index), &cause);
		return;
	}
	for (uint32_t i = 0; i < node->count; i++) {
		const struct setting *setting = config_feed_settings;
		struct str name = arena_printf(arena, "timetable[%u].%.*s", index, STR_FMT(node->keys[i].text));

		while (setting->key && !str_eq(node->keys[i].text, str_from(setting->key)))
			setting++;
		if (setting->key)
			read_value(loader, setting, name, &node->items[i], feed);
		else
			unknown_key(loader, &node->keys[i], name, config_feed_settings, STR_NONE);
	}
	if (yaml_tree_is_nothing(yaml_tree_get(node, STR("feed")))) {
		(void)err_set(&cause, ERR_INVALID, "expected the name of an imported GTFS feed; it is missing");
		mistake(loader, where_of(loader, node), arena_printf(arena, "timetable[%u].feed", index), &cause);
	}
}

static void read_feeds(struct loader *loader, const struct yaml_tree *node)
{
	struct config *config = loader->config;
	struct error cause;

	if (yaml_tree_is_nothing(node))
		return;
	if (node->kind != YAML_TREE_LIST || node->count > CONFIG_FEEDS_MAX) {
		(void)err_set(&cause, ERR_INVALID, "expected a list of at most %u feeds, each \"- feed: NAME\"",
			      CONFIG_FEEDS_MAX);
		mistake(loader, where_of(loader, node), STR("timetable"), &cause);
		return;
	}
	for (uint32_t i = 0; i < node->count && !loader->fatal; i++) {
		config->feeds[i] = (struct config_feed){0};
		read_feed(loader, &node->items[i], i, &config->feeds[i]);
	}
	config->feed_count = node->count;
}

/* Each checks itself, and says where it is wrong. */
static void read_feed_list(struct loader *loader, const struct yaml_tree *node)
{
	struct error cause;

	if (yaml_tree_is_nothing(node))
		return;
	if (node->kind != YAML_TREE_LIST || node->count > FEEDS_MAX) {
		(void)err_set(&cause, ERR_INVALID, "expected a list of at most %u feeds, each with name, kind and map",
			      FEEDS_MAX);
		mistake(loader, where_of(loader, node), STR("feeds"), &cause);
		return;
	}
	for (uint32_t i = 0; i < node->count && !loader->fatal; i++)
		if (feed_check(&node->items[i], &cause) != ERR_OK)
			mistake(loader, STR_NONE, STR_NONE, &cause);
	loader->config->feed_list = node;
}

static void read_file(struct loader *loader)
{
	const struct config_sources *sources = loader->sources;
	struct yaml_tree *root = NULL;
	struct error cause;
	enum err_code code =
		yaml_tree_parse(&loader->config->arena, sources->file_name, sources->file_text, &root, &cause);

	if (!code && root && root->kind != YAML_TREE_MAP)
		code = yaml_tree_refuse(root, &cause, "expected settings as \"key: value\" lines");
	if (code) {
		mistake(loader, STR_NONE, STR_NONE, &cause);
		return;
	}
	for (uint32_t i = 0; root && i < root->count; i++) {
		const struct yaml_tree *key = &root->keys[i];
		const struct setting *setting = config_setting(key->text);

		if (setting && !memchr(setting->key, '.', key->text.len))
			read_known(loader, setting, key->text, &root->items[i]);
		else if (str_eq(key->text, STR("timetable")))
			read_feeds(loader, &root->items[i]);
		else if (str_eq(key->text, STR("feeds")))
			read_feed_list(loader, &root->items[i]);
		else if (is_section(key->text))
			read_section(loader, key->text, &root->items[i]);
		else
			unknown_key(loader, key, key->text, config_settings, STR_NONE);
	}
}

static void notice_variable(struct loader *loader, struct str name)
{
	struct nearest nearest;
	struct buf sentence, variable;

	if (!loader->sources->notice)
		return;
	nearest_init(&nearest, name);
	buf_init(&sentence, SENTENCE_BYTES_MAX);
	for (const struct setting *setting = config_settings; setting->key; setting++) {
		buf_init(&variable, SENTENCE_BYTES_MAX);
		setting_write_variable(setting, &variable);
		nearest_offer(&nearest, arena_dup(&loader->config->arena, buf_str(&variable)));
		buf_done(&variable);
	}
	buf_printf(&sentence, "environment variable %.*s names no setting and is ignored", STR_FMT(name));
	if (nearest.best.len)
		buf_printf(&sentence, "; did you mean %.*s?", STR_FMT(nearest.best));
	loader->sources->notice(loader->sources->self, buf_str(&sentence));
	buf_done(&sentence);
}

static const struct setting *setting_of_variable(struct str name)
{
	for (const struct setting *setting = config_settings; setting->key; setting++) {
		struct buf variable;

		buf_init(&variable, SENTENCE_BYTES_MAX);
		setting_write_variable(setting, &variable);
		bool same = str_eq(buf_str(&variable), name);

		buf_done(&variable);
		if (same)
			return setting;
	}
	return NULL;
}

static void read_environment(struct loader *loader)
{
	struct error cause;

	for (const char *const *entry = loader->sources->environment; entry && *entry; entry++) {
		struct str name = str_from(*entry);
		size_t equals;

		if (!str_starts(name, STR("MACHI_")) || !str_find(name, '=', &equals))
			continue;
		struct str value = str_part(name, equals + 1, name.len);

		name = str_part(name, 0, equals);
		const struct setting *setting = setting_of_variable(name);

		if (!setting)
			notice_variable(loader, name);
		else if (setting_read(setting, &loader->config->arena, value, loader->config, &cause))
			mistake(loader,
				arena_printf(&loader->config->arena, "environment variable %.*s", STR_FMT(name)),
				str_from(setting->key), &cause);
		else
			note_origin(loader, setting, arena_dup(&loader->config->arena, name));
	}
}

/* "NAME[,key=value…]": one timetable feed more. */
static void read_feed_text(struct loader *loader, const struct config_override *override)
{
	struct config *config = loader->config;
	struct config_feed *feed = &config->feeds[config->feed_count];
	struct str rest = override->value, piece = STR_NONE;
	struct error cause;
	enum err_code code = ERR_OK;

	if (config->feed_count == CONFIG_FEEDS_MAX) {
		(void)err_set(&cause, ERR_INVALID, "more than %u feeds", CONFIG_FEEDS_MAX);
		mistake(loader, str_from(override->option), STR("timetable"), &cause);
		return;
	}
	*feed = (struct config_feed){0};
	if (!read_defaults(&config->arena, config_feed_settings, feed)) {
		loader->fatal = err_set(loader->err, ERR_MEMORY, "no memory for settings");
		return;
	}
	for (bool first = true; !code && str_next(&rest, ',', &piece); first = false) {
		const struct setting *setting = config_feed_settings;
		size_t equals = 0;
		bool has_key = str_find(piece, '=', &equals);
		struct str key = has_key ? str_part(piece, 0, equals) : first ? STR("feed") : piece;

		while (setting->key && !str_eq(key, str_from(setting->key)))
			setting++;
		if (!setting->key || (!has_key && !first))
			code = err_set(&cause, ERR_INVALID,
				       "expected NAME[,key=value…] with keys such as speed, start");
		else
			code = setting_read(setting, &config->arena,
					    str_part(piece, has_key ? equals + 1 : 0, piece.len), feed, &cause);
		if (code)
			mistake(loader, str_from(override->option),
				arena_printf(&config->arena, "timetable.%.*s", STR_FMT(key)), &cause);
	}
	config->feed_count += code == ERR_OK;
}

static void read_override(struct loader *loader, const struct config_override *override)
{
	const struct setting *setting = config_setting(override->key);
	struct nearest nearest;
	struct error cause;

	if (str_eq(override->key, STR("timetable"))) {
		read_feed_text(loader, override);
	} else if (!setting) {
		nearest_init(&nearest, override->key);
		for (const struct setting *known = config_settings; known->key; known++)
			nearest_offer(&nearest, str_from(known->key));
		(void)err_set(&cause, ERR_INVALID,
			      nearest.best.len ? "no setting has this name; did you mean \"%.*s\"?"
					       : "no setting has this name%.*s",
			      STR_FMT(nearest.best));
		mistake(loader, str_from(override->option), override->key, &cause);
	} else if (setting_read(setting, &loader->config->arena, override->value, loader->config, &cause)) {
		mistake(loader, str_from(override->option), override->key, &cause);
	} else {
		note_origin(loader, setting, str_from(override->option));
	}
}

/* A timetable's feed takes the vehicles of its name for its own and deletes others. */
static void check_realtime_names(struct loader *loader)
{
	const struct config *config = loader->config;
	const struct yaml_tree *list = config->feed_list;
	struct error cause;

	for (uint32_t i = 0; list && i < list->count; i++) {
		const struct yaml_tree *name = yaml_tree_get(&list->items[i], STR("name"));
		const struct yaml_tree *tenant = yaml_tree_get(&list->items[i], STR("tenant"));

		if (!yaml_tree_get(&list->items[i], STR("gtfs_realtime")))
			continue;
		for (uint32_t f = 0; f < config->feed_count; f++) {
			if (!str_eq(name->text, str_from(config->feeds[f].feed)) ||
			    !str_eq(tenant ? tenant->text : STR(""), str_from(config->feeds[f].tenant)))
				continue;
			(void)err_set(&cause, ERR_INVALID,
				      "a realtime feed needs another name than the timetable \"%.*s\", whose vehicles "
				      "have that name",
				      STR_FMT(name->text));
			mistake(loader, where_of(loader, name), STR("feeds"), &cause);
		}
	}
}

static void check_together(struct loader *loader)
{
	const struct config *config = loader->config;
	struct error cause;

	if (config->query.page_default > config->query.page_max) {
		(void)err_set(&cause, ERR_INVALID, "expected at most query.page_max (%llu), not %llu",
			      (unsigned long long)config->query.page_max,
			      (unsigned long long)config->query.page_default);
		mistake(loader, STR_NONE, STR("query.page_default"), &cause);
	}
	if (config->http.request_bytes_max < config->http.body_bytes_max) {
		(void)err_set(&cause, ERR_INVALID, "expected at least http.body_max");
		mistake(loader, STR_NONE, STR("http.request_memory_max"), &cause);
	}
	check_realtime_names(loader);
}

static bool config_prepare(struct config *config)
{
	arena_init(&config->arena, CONFIG_BYTES_MAX + 64 * (size_t)YAML_TREE_BYTES_MAX);
	config->origins = arena_array(&config->arena, const char *, config_setting_count());
	for (size_t i = 0; config->origins && i < config_setting_count(); i++)
		config->origins[i] = "default";
	config->feeds = arena_array(&config->arena, struct config_feed, CONFIG_FEEDS_MAX);
	return config->origins && config->feeds && read_defaults(&config->arena, config_settings, config);
}

DEFINE_CLEANUP(struct config *, config);

enum err_code config_load(const struct config_sources *sources, struct config **ret_config, struct error *err)
{
	CLEANUP(config) struct config *config = calloc(1, sizeof(*config));
	struct error first = {0};
	struct loader loader = {.sources = sources, .config = config, .err = err ? err : &first};

	if (!config || !config_prepare(config))
		return err_set(err, ERR_MEMORY, "no memory for settings");
	if (sources->file_name.len)
		read_file(&loader);
	read_environment(&loader);
	for (size_t i = 0; i < sources->override_count; i++)
		read_override(&loader, &sources->overrides[i]);
	if (!loader.fatal && loader.mistakes == 0)
		check_together(&loader);
	if (loader.fatal)
		return loader.fatal;
	if (loader.mistakes)
		return ERR_INVALID;
	*ret_config = TAKE(config);
	return ERR_OK;
}

struct config *config_free(struct config *config)
{
	if (config) {
		arena_done(&config->arena);
		free(config);
	}
	return NULL;
}
