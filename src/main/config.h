/* The configuration of a daemon: defaults, then the YAML file, then MACHI_… environment variables, then the command
 * line; later ones win. Strict: unknown keys, wrong types and values out of range are mistakes that name file, line,
 * column, key, what was expected and the nearest known key. Pure: the file's text and the environment are handed in.
 *
 * A struct config is immutable once loaded and owns its strings. */
#ifndef MACHI_MAIN_CONFIG_H
#define MACHI_MAIN_CONFIG_H

#include "base/log_line.h"
#include "main/setting.h"

#define CONFIG_FEEDS_MAX 32u
#define CONFIG_FEED_NAME_BYTES_MAX 64
#define CONFIG_MISTAKES_MAX 32u /* reported in one go */

enum config_store { CONFIG_STORE_SQLITE, CONFIG_STORE_MEMORY };
enum config_access { CONFIG_ACCESS_ACCOUNTS, CONFIG_ACCESS_OPEN };

/* One entry of `timetable`: the vehicles of an imported GTFS feed, moving as planned. */
struct config_feed {
	const char *feed;
	const char *tenant; /* "": the default one */
	uint64_t interval_s;
	double speed; /* seconds of timetable for each second of the clock */
	int64_t start_us; /* timetable instant at which the daemon starts; SETTING_NOW */
	uint64_t vehicles_max;
	uint64_t history_keep_s; /* 0: for ever */
};

struct config {
	const char *data;
	struct setting_endpoint listen;
	unsigned store; /* enum config_store */
	uint64_t store_cache_bytes;
	uint64_t sweep_interval_s;
	struct {
		uint64_t loops; /* 0: one for each processor */
		uint64_t connections_max, header_bytes_max, body_bytes_max, request_bytes_max;
		uint64_t idle_timeout_s, drain_timeout_s;
		struct setting_texts cors_origins;
		const char *cors_methods, *cors_headers;
		uint64_t cors_max_age_s;
	} http;
	struct {
		uint64_t page_default, page_max, time_max_s;
		uint64_t instances_max, instances_total_max;
	} query;
	struct {
		uint64_t max, lifetime_max_s;
	} snapshots;
	struct {
		struct setting_texts rules; /* main/retention_rule.h */
	} history;
	struct {
		struct setting_texts allow; /* net/address_policy.h */
		uint64_t tries_max, keep_s, owed_max;
	} notifications;
	struct {
		struct setting_texts allow; /* net/address_policy.h */
		uint64_t timeout_s;
		bool split_entities;
	} sources;
	struct {
		unsigned mode; /* enum config_access */
		uint64_t session_idle_s, session_life_s, audit_keep_s;
		struct setting_texts proxies; /* addresses */
	} access;
	struct {
		const char *folder, *city, *tiles, *tiles_attribution;
	} console;
	const char *public_url; /* "": that of each request's Host header */
	struct {
		struct setting_texts allow; /* net/address_policy.h */
	} outbound;
	struct {
		bool fetch;
		uint64_t keep_s;
	} context;
	struct {
		unsigned level; /* enum log_level */
		unsigned format; /* enum log_format */
		bool requests;
	} log;
	struct config_feed *feeds; /* CONFIG_FEEDS_MAX places */
	size_t feed_count;
	const struct yaml_tree *feed_list; /* of feeds' documents (feed/feed.h), each checked; NULL: none */
	struct arena arena; /* all strings */
	const char *
		*origins; /* beside config_settings: who set each last ("default", "machi.yaml:3", "MACHI_LISTEN", …) */
};

/* The tables; both end with a NULL key. Offsets are into struct config and struct config_feed. */
extern const struct setting config_settings[];
extern const struct setting config_feed_settings[];
size_t config_setting_count(void);
/* NULL when there is none of this name. */
const struct setting *config_setting(struct str key);

/* From the command line. The key "timetable" adds a feed: "NAME[,key=value…]". */
struct config_override {
	struct str key, value;
	const char *option; /* as the user typed it, "--listen" */
};

struct config_sources {
	struct str file_name; /* for messages; STR_NONE: no file */
	struct str file_text;
	const char *const *environment; /* "NAME=VALUE", NULL at the end; may be NULL */
	const struct config_override *overrides;
	size_t override_count;
	/* Called for each mistake, with the whole sentence; NULL: only the first one is told, through err. */
	void (*mistake)(void *self, struct str sentence);
	/* Called for what is no mistake but surely not meant: an environment variable MACHI_… that no setting has. */
	void (*notice)(void *self, struct str sentence);
	void *self;
};

/* ERR_INVALID: the first mistake is in err; ERR_MEMORY. */
MUST_CHECK enum err_code config_load(const struct config_sources *sources, struct config **ret_config,
				     struct error *err);
struct config *config_free(struct config *config);

/* Texts made from the tables. */
void config_write_example(struct buf *out); /* the file with every default and its explanation; valid as it stands */
void config_write_reference(struct buf *out); /* Markdown: docs/reference/configuration.md between its marks */
void config_write_manual(struct buf *out); /* the same as roff paragraphs */
void config_write_values(const struct config *config, bool origins, struct buf *out); /* YAML of this configuration */

#endif
