/* Every setting, once. Who adds one here has it in the file, the environment, the command line's --set, the example,
 * the manual and the reference. */
#include "main/config.h"

#include "broker/snapshots.h"

#define KIB 1024.0
#define MIB (1024.0 * 1024.0)
#define GIB (1024.0 * 1024.0 * 1024.0)
#define DAY 86400.0

#define AT(field) offsetof(struct config, field)
#define FEED_AT(field) offsetof(struct config_feed, field)

static const char *const store_choices[] = {"sqlite", "memory", NULL};
static const char *const level_choices[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_choices[] = {"logfmt", "json", NULL};

const struct setting config_settings[] = {
	{.key = "data",
	 .kind = SETTING_TEXT,
	 .offset = AT(data),
	 .fallback = "./city",
	 .min = 1,
	 .max = 4000,
	 .doc = "Folder of the city's databases: machi.db for the default tenant, tenants/NAME.db for the others. "
		"Created when it is not there."},
	{.key = "listen",
	 .kind = SETTING_ENDPOINT,
	 .offset = AT(listen),
	 .fallback = "127.0.0.1:8080",
	 .doc = "Address and port of the API. IPv6 addresses stand in brackets. Port 0 takes any free one and the log "
		"names it. Anything but a loopback address opens the city to the network: put a proxy with TLS and "
		"authentication in front."},
	{.key = "store",
	 .kind = SETTING_CHOICE,
	 .offset = AT(store),
	 .fallback = "sqlite",
	 .choices = store_choices,
	 .doc = "Where entities live: sqlite on disk, or memory, which forgets everything at the end and is meant for "
		"tests."},
	{.key = "store_cache",
	 .kind = SETTING_SIZE,
	 .offset = AT(store_cache_bytes),
	 .fallback = "32 MiB",
	 .min = 256 * KIB,
	 .max = GIB,
	 .doc = "Page cache of a tenant's writer; each loop's reader has a sixteenth of it. More makes large "
		"cities faster and the process bigger."},
	{.key = "sweep_interval",
	 .kind = SETTING_SECONDS,
	 .offset = AT(sweep_interval_s),
	 .fallback = "10 s",
	 .min = 1,
	 .max = DAY,
	 .doc = "How often entities and attributes whose expiresAt has passed are removed from the store. Nobody sees "
		"them from that moment on in any case."},

	{.key = "http.loops",
	 .kind = SETTING_COUNT,
	 .offset = AT(http.loops),
	 .fallback = "0",
	 .max = 64,
	 .doc = "Event loops, each a thread. 0: one for each processor."},
	{.key = "http.connections_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(http.connections_max),
	 .fallback = "10000",
	 .min = 1,
	 .max = 100000,
	 .doc = "Open connections over all loops; one more is closed at once and counted."},
	{.key = "http.header_max",
	 .kind = SETTING_SIZE,
	 .offset = AT(http.header_bytes_max),
	 .fallback = "16 KiB",
	 .min = 4 * KIB,
	 .max = MIB,
	 .doc = "Memory for the request line and headers of a connection. Longer ones are answered 431 or 414."},
	{.key = "http.body_max",
	 .kind = SETTING_SIZE,
	 .offset = AT(http.body_bytes_max),
	 .fallback = "8 MiB",
	 .min = KIB,
	 .max = GIB,
	 .doc = "The largest request body. Larger ones are answered 413."},
	{.key = "http.request_memory_max",
	 .kind = SETTING_SIZE,
	 .offset = AT(http.request_bytes_max),
	 .fallback = "64 MiB",
	 .min = MIB,
	 .max = 4 * GIB,
	 .doc = "Memory that one request may use, body and answer included."},
	{.key = "http.idle_timeout",
	 .kind = SETTING_SECONDS,
	 .offset = AT(http.idle_timeout_s),
	 .fallback = "60 s",
	 .min = 1,
	 .max = 3600,
	 .doc = "A connection on which nothing happens for so long is closed."},
	{.key = "http.drain_timeout",
	 .kind = SETTING_SECONDS,
	 .offset = AT(http.drain_timeout_s),
	 .fallback = "10 s",
	 .max = 600,
	 .reloads = true,
	 .doc = "How long SIGTERM waits for requests under way before their connections are closed."},
	{.key = "http.cors_origins",
	 .kind = SETTING_ORIGINS,
	 .offset = AT(http.cors_origins),
	 .fallback = "",
	 .doc = "Web origins whose pages may use the API from a browser. \"*\" stands for all."},
	{.key = "http.cors_methods",
	 .kind = SETTING_TOKENS,
	 .offset = AT(http.cors_methods),
	 .fallback = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
	 .doc = "Methods that those pages may use."},
	{.key = "http.cors_headers",
	 .kind = SETTING_TOKENS,
	 .offset = AT(http.cors_headers),
	 .fallback = "*",
	 .doc = "Request headers that those pages may send. \"*\" stands for all that they ask for."},
	{.key = "http.cors_max_age",
	 .kind = SETTING_SECONDS,
	 .offset = AT(http.cors_max_age_s),
	 .fallback = "10 min",
	 .max = DAY,
	 .doc = "How long a browser may remember what it was told of these."},

	{.key = "query.page_default",
	 .kind = SETTING_COUNT,
	 .offset = AT(query.page_default),
	 .reloads = true,
	 .fallback = "20",
	 .min = 1,
	 .max = 10000,
	 .doc = "Entities in an answer when the request has no limit parameter."},
	{.key = "query.page_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(query.page_max),
	 .reloads = true,
	 .fallback = "1000",
	 .min = 1,
	 .max = 10000,
	 .doc = "The largest limit that a request may ask for."},
	{.key = "query.instances_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(query.instances_max),
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .doc = "Instances of each attribute in the answer to a temporal request; one that has more is answered in "
		"part "
		"(206), with the range of time that it holds."},
	{.key = "query.instances_total_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(query.instances_total_max),
	 .fallback = "200000",
	 .min = 1,
	 .max = 1000000,
	 .doc = "Instances of all attributes and entities in the answer to a temporal query; its page ends before "
		"there "
		"are more."},
	{.key = "query.time_max",
	 .kind = SETTING_SECONDS,
	 .offset = AT(query.time_max_s),
	 .fallback = "30 s",
	 .min = 1,
	 .max = 3600,
	 .doc = "A query that takes longer is refused as too complex (403): other requests of its loop wait "
		"meanwhile."},

	{.key = "snapshots.max",
	 .kind = SETTING_COUNT,
	 .offset = AT(snapshots.max),
	 .fallback = "32",
	 .min = 1,
	 .max = BROKER_SNAPSHOTS_MAX,
	 .doc = "Snapshots of all tenants at once; one more is refused (503). Each has a database of its own, open as "
		"long as it lives."},
	{.key = "snapshots.lifetime_max",
	 .kind = SETTING_SECONDS,
	 .offset = AT(snapshots.lifetime_max_s),
	 .fallback = "30 d",
	 .min = 1,
	 .max = 365 * DAY,
	 .doc = "How long a snapshot lives at most, whatever lifetime is asked for. Who asks for none gets a day."},

	{.key = "history.rules",
	 .kind = SETTING_RULES,
	 .offset = AT(history.rules),
	 .fallback = "",
	 .doc = "How long history is kept, and in which roll-ups: a list of rules, each of words tenant=, type=, "
		"attribute= (each a name, or * as when left out), keep=DURATION for instances and "
		"rollup=PERIOD:DURATION "
		"for what they come to in periods of that length, from the shortest to the longest; durations are "
		"ISO 8601, or forever. The rule that names the attribute wins over others, then that which names the "
		"type, "
		"then the tenant, then the first. What no rule fits is kept for ever. See the guide \"Keep history\"."},

	{.key = "notifications.allow",
	 .kind = SETTING_ADDRESSES,
	 .offset = AT(notifications.allow),
	 .fallback = "127.0.0.0/8, ::1/128",
	 .doc = "Where notifications of subscriptions may be sent, beside public addresses: a list like that of "
		"outbound.allow. By default also to this machine, for a first trial; where clients are not trusted, "
		"set it to [] or to the receivers' addresses."},
	{.key = "notifications.tries_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(notifications.tries_max),
	 .fallback = "20",
	 .min = 1,
	 .max = 1000,
	 .doc = "How often a notification is tried before it becomes a dead letter. Between tries the server waits a "
		"second, then twice as long each time, up to five minutes."},
	{.key = "notifications.keep",
	 .kind = SETTING_SECONDS,
	 .offset = AT(notifications.keep_s),
	 .fallback = "1 d",
	 .min = 1,
	 .max = 31536000,
	 .doc = "How old a notification may become that cannot be delivered; then it is a dead letter."},
	{.key = "notifications.owed_max",
	 .kind = SETTING_COUNT,
	 .offset = AT(notifications.owed_max),
	 .fallback = "100000",
	 .min = 1,
	 .max = 100000000,
	 .doc = "Notifications that one subscription may be owed. The oldest beyond it become dead letters."},

	{.key = "sources.allow",
	 .kind = SETTING_ADDRESSES,
	 .offset = AT(sources.allow),
	 .fallback = "127.0.0.0/8, ::1/128",
	 .doc = "Where the context sources of registrations may be, beside public addresses: a list like that of "
		"outbound.allow. By default also on this machine, for a first trial; where clients are not trusted, "
		"set it to [] or to the sources' addresses."},
	{.key = "sources.timeout",
	 .kind = SETTING_SECONDS,
	 .offset = AT(sources.timeout_s),
	 .fallback = "5 s",
	 .min = 1,
	 .max = 600,
	 .doc = "How long a context source may take to answer when its registration does not say "
		"(management.timeout)."},
	{.key = "sources.split_entities",
	 .kind = SETTING_SWITCH,
	 .offset = AT(sources.split_entities),
	 .fallback = "true",
	 .doc = "Whether parts of one entity may be held by several context sources, when a query does not say "
		"(splitEntities). Then filters are applied here, once the parts are together; when false, every "
		"source filters what it has, which is much faster."},

	{.key = "console.city",
	 .kind = SETTING_TEXT,
	 .offset = AT(console.city),
	 .fallback = "",
	 .doc = "Name of the city, as the console shows it."},
	{.key = "console.tiles",
	 .kind = SETTING_TEXT,
	 .offset = AT(console.tiles),
	 .fallback = "",
	 .doc = "Background of the console's maps: URL of tiles with {z}, {x} and {y}. Empty: none, and no page asks "
		"another host for anything."},
	{.key = "console.tiles_attribution",
	 .kind = SETTING_TEXT,
	 .offset = AT(console.tiles_attribution),
	 .fallback = "",
	 .doc = "Whose the background is; shown on the map."},
	{.key = "console.folder",
	 .kind = SETTING_TEXT,
	 .offset = AT(console.folder),
	 .fallback = "",
	 .doc = "Reads the console's files from this folder (web/ of the sources) at each request, for those who work "
		"on them. Empty: those in the program."},
	{.key = "public_url",
	 .kind = SETTING_ORIGIN,
	 .offset = AT(public_url),
	 .fallback = "",
	 .doc = "Scheme and host under which clients reach this server, for the URLs of stored @contexts. "
		"Empty: those of each request's Host header. Context sources notify this server there of what "
		"was subscribed to at them; empty: at the address that it listens at."},
	{.key = "outbound.allow",
	 .kind = SETTING_ADDRESSES,
	 .offset = AT(outbound.allow),
	 .fallback = "",
	 .doc = "Where the server may connect to, beside public addresses, when a request names the place (the URL "
		"of an @context). Loopback, private, link-local and other special addresses are refused unless they "
		"stand here, whatever name or redirect led to them."},

	{.key = "context.fetch",
	 .kind = SETTING_SWITCH,
	 .offset = AT(context.fetch),
	 .fallback = "true",
	 .doc = "Fetch the @context documents that requests name by URL. When false, only the core context, stored "
		"contexts and those sent in the body are understood."},
	{.key = "context.keep",
	 .kind = SETTING_SECONDS,
	 .offset = AT(context.keep_s),
	 .fallback = "1 d",
	 .min = 1,
	 .max = 365 * DAY,
	 .doc = "How old a fetched @context may become when its source states nothing (Cache-Control, Expires). "
		"When it cannot be fetched again the old one serves on."},
	{.key = "log.level",
	 .kind = SETTING_CHOICE,
	 .offset = AT(log.level),
	 .fallback = "info",
	 .choices = level_choices,
	 .reloads = true,
	 .doc = "The least important lines that are written."},
	{.key = "log.format",
	 .kind = SETTING_CHOICE,
	 .offset = AT(log.format),
	 .fallback = "logfmt",
	 .choices = format_choices,
	 .reloads = true,
	 .doc = "Shape of log lines on standard error."},
	{.key = "log.requests",
	 .kind = SETTING_SWITCH,
	 .offset = AT(log.requests),
	 .fallback = "false",
	 .reloads = true,
	 .doc = "Write a line for every request; otherwise only for those that failed on our side."},
	{0},
};

const struct setting config_feed_settings[] = {
	{.key = "feed",
	 .kind = SETTING_NAME,
	 .offset = FEED_AT(feed),
	 .fallback = "",
	 .min = 1,
	 .max = CONFIG_FEED_NAME_BYTES_MAX,
	 .doc = "Name under which the GTFS feed was imported (machi import gtfs --feed). Must be given."},
	{.key = "tenant",
	 .kind = SETTING_NAME,
	 .offset = FEED_AT(tenant),
	 .fallback = "",
	 .max = CONFIG_FEED_NAME_BYTES_MAX,
	 .doc = "Tenant that holds the feed and gets the vehicles; empty: the default one."},
	{.key = "interval",
	 .kind = SETTING_SECONDS,
	 .offset = FEED_AT(interval_s),
	 .fallback = "5 s",
	 .min = 1,
	 .max = 3600,
	 .doc = "How often vehicles are moved."},
	{.key = "speed",
	 .kind = SETTING_DECIMAL,
	 .offset = FEED_AT(speed),
	 .fallback = "1",
	 .min = 0.01,
	 .max = 1000,
	 .doc = "Speed of the timetable's time against the clock."},
	{.key = "start",
	 .kind = SETTING_INSTANT,
	 .offset = FEED_AT(start_us),
	 .fallback = "now",
	 .doc = "Timetable instant that the daemon's start stands for: now, or a time for demonstrations."},
	{.key = "vehicles_max",
	 .kind = SETTING_COUNT,
	 .offset = FEED_AT(vehicles_max),
	 .fallback = "20000",
	 .min = 1,
	 .max = 200000,
	 .doc = "The most vehicles at a time; trips beyond it are left out and logged."},
	{.key = "history_keep",
	 .kind = SETTING_SECONDS,
	 .offset = FEED_AT(history_keep_s),
	 .fallback = "1 h",
	 .max = 3650 * DAY,
	 .doc = "How long past positions are kept; 0 s: for ever."},
	{0},
};

size_t config_setting_count(void)
{
	return sizeof(config_settings) / sizeof(config_settings[0]) - 1;
}

const struct setting *config_setting(struct str key)
{
	for (const struct setting *setting = config_settings; setting->key; setting++)
		if (str_eq(key, str_from(setting->key)))
			return setting;
	return NULL;
}
