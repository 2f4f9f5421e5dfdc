/* Every command, once: names, arguments, options, explanations. */
#include "main/command_table.h"

#define DATA_OPTION                                                                                                    \
	{                                                                                                              \
		.name = "data", .letter = 'd', .kind = OPTION_FOLDER, .value_name = "DIR",                             \
		.doc = "Folder of the city. Without it: $MACHI_DATA, else ./city."                                     \
	}
#define TENANT_OPTION                                                                                                  \
	{                                                                                                              \
		.name = "tenant", .letter = 't', .kind = OPTION_TEXT, .value_name = "NAME",                            \
		.doc = "Tenant to work on. Without it: the default tenant."                                            \
	}
#define ONE_TENANT_OPTION                                                                                              \
	{                                                                                                              \
		.name = "tenant", .letter = 't', .kind = OPTION_TEXT, .value_name = "NAME",                            \
		.doc = "Only this tenant. Without it: all."                                                            \
	}
#define CONTEXT_OPTION                                                                                                 \
	{                                                                                                              \
		.name = "context", .kind = OPTION_FILE, .value_name = "FILE|URL",                                      \
		.doc = "JSON-LD @context for short names. Without it: the core context."                               \
	}
#define COMPACT_OPTION                                                                                                 \
	{                                                                                                              \
		.name = "compact", .kind = OPTION_FLAG,                                                                \
		.doc = "One line a document. Without it, output to a terminal is indented."                            \
	}
#define FORMAT_OPTION                                                                                                  \
	{                                                                                                              \
		.name = "format", .letter = 'f', .kind = OPTION_CHOICE, .value_name = "FORMAT",                        \
		.fallback = "normalized", .choices = formats, .doc = "Representation of entities."                     \
	}
#define SYS_ATTRS_OPTION                                                                                               \
	{                                                                                                              \
		.name = "sys-attrs", .kind = OPTION_FLAG, .doc = "Show createdAt and modifiedAt."                      \
	}
#define TEXT_OPTION(option_name, value, text)                                                                          \
	{                                                                                                              \
		.name = (option_name), .kind = OPTION_TEXT, .value_name = (value), .doc = (text)                       \
	}

static const char *const formats[] = {"normalized", "concise", "simplified", NULL};
static const char *const history_formats[] = {"csv", "json", NULL};
static const char *const time_properties[] = {"time", "observedAt", "createdAt", "modifiedAt", "deletedAt", NULL};
static const char *const put_modes[] = {"replace", "append", NULL};
static const char *const roles[] = {"viewer", "operator", "engineer", "officer", "auditor", "administrator", NULL};
static const char *const markdown_parts[] = {"commands", "configuration", "exit-codes", NULL};

const struct option common_options[] = {
	{.name = "help", .letter = 'h', .kind = OPTION_FLAG, .doc = "Show this help."},
	{0},
};

const struct command_group command_groups[] = {
	{"import", "Bring files into a city"},
	{"feed", "Look at feeds, try them, hold them up"},
	{"notifications", "Look at notifications that could not be delivered"},
	{"account", "Who may sign in, and as what"},
	{"token", "API tokens for programs"},
	{"config", "Look at the configuration"},
	{0},
};

static const struct option serve_options[] = {
	{.name = "config",
	 .letter = 'c',
	 .kind = OPTION_FILE,
	 .value_name = "FILE",
	 .doc = "Configuration file (YAML). Without it: defaults and environment."},
	{.name = "data",
	 .letter = 'd',
	 .kind = OPTION_FOLDER,
	 .value_name = "DIR",
	 .doc = "Folder of the city, made when it is not there; setting data (./city)."},
	{.name = "listen",
	 .letter = 'l',
	 .kind = OPTION_TEXT,
	 .value_name = "ADDRESS:PORT",
	 .doc = "Where the API is served; setting listen (127.0.0.1:8080). [::1]:8080 for IPv6."},
	{.name = "open",
	 .kind = OPTION_FLAG,
	 .doc = "Nobody signs in, everybody may do everything: for a first look, on loopback alone. Setting "
		"access.mode."},
	{.name = "set",
	 .letter = 's',
	 .kind = OPTION_TEXT,
	 .value_name = "KEY=VALUE",
	 .repeats = true,
	 .doc = "Any setting, as --set log.level=debug."},
	{.name = "timetable",
	 .kind = OPTION_TEXT,
	 .value_name = "FEED[,KEY=VALUE…]",
	 .repeats = true,
	 .doc = "Move the vehicles of an imported GTFS feed, as in the setting timetable: singapore,speed=10."},
	{0},
};
static const struct example serve_examples[] = {
	{"machi serve --data ./city --open", "A first look, on this machine only"},
	{"machi serve --config /etc/machi/machi.yaml", "As the systemd unit does it"},
	{0},
};

static const struct argument gtfs_arguments[] = {
	{"FEED", OPTION_FILE, true, false, "Zip file, folder, or http(s) URL of a zip file."},
	{0},
};
static const struct option gtfs_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	TEXT_OPTION("feed", "NAME",
		    "Name of the feed; part of every id, so the same name updates. Without it: the file's name without "
		    "its ending."),
	{.name = "dry-run", .letter = 'n', .kind = OPTION_FLAG, .doc = "Read, check and report; change nothing."},
	{.name = "remove", .kind = OPTION_FLAG, .doc = "Delete everything of the feed named by --feed."},
	{0},
};
static const struct example gtfs_examples[] = {
	{"machi import gtfs data/singapore/gtfs.zip --feed singapore", "Take a timetable in"},
	{"machi import gtfs --remove --feed singapore", "Take it out again"},
	{0},
};

static const struct argument csv_arguments[] = {
	{"FILE", OPTION_FILE, false, false, "The file; - reads standard input."},
	{0},
};
static const struct option csv_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	{.name = "map",
	 .letter = 'm',
	 .kind = OPTION_FILE,
	 .value_name = "MAP.yaml",
	 .doc = "How columns become attributes (docs/how-to/import-csv.md). Must be given."},
	CONTEXT_OPTION,
	{.name = "dry-run",
	 .letter = 'n',
	 .kind = OPTION_FLAG,
	 .doc = "Print the entities as NDJSON instead of storing them."},
	{0},
};
static const struct example csv_examples[] = {
	{"machi import csv sg_carparkavail.csv --map maps/carparks.yaml --dry-run", "See what would be stored"},
	{0},
};

static const struct argument id_argument[] = {
	{"ID", OPTION_TEXT, false, false, "Entity id, a URI."},
	{0},
};
static const struct option get_options[] = {
	DATA_OPTION,      TENANT_OPTION,
	CONTEXT_OPTION,   FORMAT_OPTION,
	SYS_ATTRS_OPTION, TEXT_OPTION("attrs", "NAMES", "Only these attributes, comma-separated."),
	COMPACT_OPTION,   {0},
};
static const struct example get_examples[] = {
	{"machi get urn:ngsi-ld:GtfsStop:singapore:01012 --format simplified", "A bus stop"},
	{0},
};

static const struct option query_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	CONTEXT_OPTION,
	TEXT_OPTION("type", "TYPES", "Entity types: A,B for either, (A;B) for both."),
	TEXT_OPTION("id", "IDS", "Entity ids, comma-separated."),
	TEXT_OPTION("id-pattern", "REGEX", "Ids that match this POSIX extended regular expression."),
	TEXT_OPTION("attrs", "NAMES", "Entities that have one of these attributes; only these are shown."),
	TEXT_OPTION("q", "QUERY", "Query over attributes, such as availableSpotNumber>100."),
	TEXT_OPTION("scope-q", "SCOPES", "Query over scopes."),
	TEXT_OPTION("near", "LON,LAT,METRES", "Entities within so many metres of a place; short for the three below."),
	TEXT_OPTION("georel", "RELATION", "near;maxDistance==500, within, intersects, …"),
	TEXT_OPTION("geometry", "TYPE", "Point, Polygon, …"),
	TEXT_OPTION("coordinates", "JSON", "GeoJSON coordinates of the geometry."),
	TEXT_OPTION("geoproperty", "NAME", "The GeoProperty that is compared. Without it: location."),
	{.name = "limit",
	 .kind = OPTION_COUNT,
	 .value_name = "N",
	 .fallback = "20",
	 .min = 0,
	 .max = 1000000000,
	 .doc = "The most entities to show; 0 with --count for the number alone."},
	{.name = "offset",
	 .kind = OPTION_COUNT,
	 .value_name = "N",
	 .fallback = "0",
	 .min = 0,
	 .max = UINT64_C(1) << 60,
	 .doc = "Entities to leave out first."},
	{.name = "count", .kind = OPTION_FLAG, .doc = "Print how many match, to standard error."},
	FORMAT_OPTION,
	SYS_ATTRS_OPTION,
	COMPACT_OPTION,
	{0},
};
static const struct example query_examples[] = {
	{"machi query --type OffStreetParking --q 'availableSpotNumber>1000' --format simplified",
	 "Car parks with many free lots"},
	{"machi query --type GtfsStop --near 103.8545,1.2897,300 --count", "Stops near a place"},
	{0},
};

static const struct argument put_arguments[] = {
	{"FILE", OPTION_FILE, true, false, "JSON array, JSON object, or NDJSON; - or nothing reads standard input."},
	{0},
};
static const struct option put_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	CONTEXT_OPTION,
	{.name = "mode",
	 .kind = OPTION_CHOICE,
	 .value_name = "MODE",
	 .fallback = "replace",
	 .choices = put_modes,
	 .doc = "What happens to an entity that exists: it becomes the new one, or gets the new attributes."},
	{.name = "atomic",
	 .kind = OPTION_FLAG,
	 .doc = "All of the file or nothing (at most 10000 entities); without it what is good is stored."},
	{0},
};
static const struct example put_examples[] = {
	{"machi export | machi put --data ./other", "Copy the entities of a city into another"},
	{0},
};

static const struct argument delete_arguments[] = {
	{"ID", OPTION_TEXT, false, true, "Entity ids."},
	{0},
};
static const struct option delete_options[] = {DATA_OPTION, TENANT_OPTION, {0}};

static const struct option export_options[] = {
	DATA_OPTION, TENANT_OPTION, CONTEXT_OPTION, TEXT_OPTION("type", "TYPES", "Only entities of these types."), {0},
};
static const struct example export_examples[] = {
	{"machi export | zstd > city.ndjson.zst", "Everything the default tenant knows now"},
	{0},
};

static const struct option history_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	CONTEXT_OPTION,
	TEXT_OPTION("type", "TYPES", "Only of entities of one of these types, comma-separated."),
	TEXT_OPTION("id", "IDS", "Only of these entities, comma-separated."),
	TEXT_OPTION("attrs", "NAMES", "Only these attributes, comma-separated; scope is one."),
	TEXT_OPTION("from", "TIME",
		    "From this time on: 2026-11-22T04:21:00Z, or a date, which is its midnight in UTC."),
	TEXT_OPTION("to", "TIME", "Up to this time, which does not count any more."),
	{.name = "timeproperty",
	 .kind = OPTION_CHOICE,
	 .value_name = "NAME",
	 .fallback = "time",
	 .choices = time_properties,
	 .doc = "Which time that is, and the order: time is observedAt, and where there is none modifiedAt. Instances "
		"without the named one are left out."},
	{.name = "format",
	 .letter = 'f',
	 .kind = OPTION_CHOICE,
	 .value_name = "FORMAT",
	 .fallback = "csv",
	 .choices = history_formats,
	 .doc = "csv, a row an instance; or json, an NGSI-LD temporal evolution a line."},
	{.name = "columns",
	 .kind = OPTION_TEXT,
	 .value_name = "NAMES",
	 .fallback = "id,attribute,datasetId,time,value",
	 .doc = "Of csv: id, type, attribute, datasetId, time, observedAt, createdAt, modifiedAt, deletedAt, unitCode, "
		"value."},
	{.name = "page",
	 .kind = OPTION_COUNT,
	 .value_name = "N",
	 .fallback = "16384",
	 .min = 1,
	 .max = 16384,
	 .hidden = true,
	 .doc = "Instances that are read at once: for tests."},
	SYS_ATTRS_OPTION,
	{0},
};
static const struct example history_examples[] = {
	{"machi history --type SmartMeter --attrs power --from 2026-11-01 --to 2026-12-01 > power.csv",
	 "A month of readings for a spreadsheet"},
	{"machi history --format json --sys-attrs | zstd > history.ndjson.zst", "All history of the default tenant"},
	{0},
};

static const struct option backup_options[] = {
	DATA_OPTION,
	{.name = "to",
	 .kind = OPTION_FILE,
	 .value_name = "FILE|DIR",
	 .doc = "A file ending in .tar or .tar.zst, or else a folder to make. Must not exist. Must be given."},
	{0},
};
static const struct example backup_examples[] = {
	{"machi backup --data ./city --to city-2026-11-22.tar.zst", "Back up while the daemon serves"},
	{0},
};

static const struct option restore_options[] = {
	{.name = "from",
	 .kind = OPTION_FILE,
	 .value_name = "FILE|DIR",
	 .doc = "What machi backup wrote. Must be given."},
	{.name = "data",
	 .letter = 'd',
	 .kind = OPTION_FOLDER,
	 .value_name = "DIR",
	 .doc = "Folder to restore into; must be empty or not there, and not served. Must be given."},
	{0},
};
static const struct example restore_examples[] = {
	{"machi restore --from city-2026-11-22.tar.zst --data ./city", "Bring a backup back"},
	{0},
};

static const struct option check_options[] = {
	DATA_OPTION,
	ONE_TENANT_OPTION,
	{.name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .doc = "Print findings only."},
	{0},
};

static const struct option stats_options[] = {
	DATA_OPTION,
	ONE_TENANT_OPTION,
	{.name = "json", .kind = OPTION_FLAG, .doc = "One line of JSON a tenant, sizes in bytes."},
	{0},
};
static const struct option pack_options[] = {
	DATA_OPTION,
	ONE_TENANT_OPTION,
	{.name = "config",
	 .letter = 'c',
	 .kind = OPTION_FILE,
	 .value_name = "FILE",
	 .doc = "Configuration file: what is older than its history.rules say goes. Without it nothing does."},
	{.name = "set",
	 .letter = 's',
	 .kind = OPTION_TEXT,
	 .value_name = "KEY=VALUE",
	 .repeats = true,
	 .doc = "With --config: a setting as the command line of machi serve would give it."},
	{0},
};
static const struct example pack_examples[] = {
	{"machi pack --data ./city", "Pack all history now"},
	{"machi pack --data ./city --config machi.yaml", "And let go of what is older than the rules keep it"},
	{0},
};

#define SUBSCRIPTION_OPTION TEXT_OPTION("subscription", "ID", "Only those of the subscription with this id.")
#define LETTERS_JSON_OPTION                                                                                            \
	{                                                                                                              \
		.name = "json", .kind = OPTION_FLAG, .doc = "JSON, one line each."                                     \
	}
static const struct argument letter_argument[] = {
	{"NUMBER", OPTION_TEXT, false, false, "As list shows it."},
	{0},
};
static const struct argument letters_arguments[] = {
	{"NUMBER", OPTION_TEXT, true, true, "As list shows them."},
	{0},
};
static const struct argument feed_argument[] = {
	{"NAME", OPTION_TEXT, false, false, "The feed's name, as list shows it."},
	{0},
};
static const struct argument message_argument[] = {
	{"MESSAGE", OPTION_FILE, false, false, "A file with one message, as it would come; - reads standard input."},
	{0},
};
#define URL_OPTION                                                                                                     \
	{                                                                                                              \
		.name = "url", .kind = OPTION_TEXT, .value_name = "URL", .fallback = "http://127.0.0.1:8080",          \
		.doc = "Where the daemon serves."                                                                      \
	}
static const struct option feed_options[] = {
	URL_OPTION,
	{0},
};
static const struct option feed_show_options[] = {
	URL_OPTION,
	{.name = "json", .kind = OPTION_FLAG, .doc = "As the API has it."},
	{0},
};
static const struct option feed_test_options[] = {
	{.name = "map",
	 .kind = OPTION_FILE,
	 .value_name = "FILE",
	 .doc = "A mapping alone (YAML): every message is for it."},
	{.name = "config",
	 .letter = 'c',
	 .kind = OPTION_FILE,
	 .value_name = "FILE",
	 .doc = "A feed's document, or a configuration with feeds."},
	{.name = "feed", .kind = OPTION_TEXT, .value_name = "NAME", .doc = "Which feed of it; else the first one."},
	{.name = "topic", .kind = OPTION_TEXT, .value_name = "TOPIC", .doc = "The message's topic."},
	{0},
};
static const struct example feed_test_examples[] = {
	{"machi feed test message.json --map rooms.yaml", "What a mapping makes of a message"},
	{"mosquitto_sub -t 'city/#' -C 1 | machi feed test - -c machi.yaml --topic city/a/state",
	 "What a feed would make of what a device says now"},
	{0},
};
static const struct option letters_list_options[] = {
	DATA_OPTION, ONE_TENANT_OPTION, SUBSCRIPTION_OPTION, LETTERS_JSON_OPTION, {0},
};
static const struct option letters_show_options[] = {
	DATA_OPTION,
	TENANT_OPTION,
	{.name = "json", .kind = OPTION_FLAG, .doc = "What list --json says, and the body as \"notification\"."},
	{0},
};
static const struct option letters_change_options[] = {
	DATA_OPTION,         TENANT_OPTION,
	SUBSCRIPTION_OPTION, {.name = "all", .kind = OPTION_FLAG, .doc = "All of the tenant, or of the subscription."},
	LETTERS_JSON_OPTION, {0},
};
static const struct example letters_replay_examples[] = {
	{"machi notifications replay 17 18", "Two of them"},
	{"machi notifications replay --subscription urn:ngsi-ld:Subscription:alarms", "All of one subscription"},
	{0},
};

#define LINES_JSON_OPTION                                                                                              \
	{                                                                                                              \
		.name = "json", .kind = OPTION_FLAG, .doc = "One JSON object a line."                                  \
	}
#define ACCOUNT_OPTIONS                                                                                                \
	{.name = "display-name", .kind = OPTION_TEXT, .value_name = "TEXT", .doc = "Full name."},                      \
		TEXT_OPTION("services", "NAMES",                                                                       \
			    "Of an officer: transit, energy, security, payment, people, environment; with commas."),   \
		TEXT_OPTION("tenants", "NAMES",                                                                        \
			    "Tenants it is kept to, with commas; - is the default one, all for none of it.")
static const struct argument account_argument[] = {
	{"NAME", OPTION_TEXT, false, false, "Name of the account."},
	{0},
};
static const struct option account_list_options[] = {DATA_OPTION, LINES_JSON_OPTION, {0}};
static const struct option account_add_options[] = {
	DATA_OPTION,
	{.name = "role",
	 .kind = OPTION_CHOICE,
	 .value_name = "ROLE",
	 .fallback = "viewer",
	 .choices = roles,
	 .doc = "What the account may do."},
	ACCOUNT_OPTIONS,
	{0},
};
static const struct option account_change_options[] = {
	DATA_OPTION,
	{.name = "role", .kind = OPTION_CHOICE, .value_name = "ROLE", .choices = roles, .doc = "What it may do."},
	ACCOUNT_OPTIONS,
	{.name = "disable", .kind = OPTION_FLAG, .doc = "It signs in no more; its tokens are refused."},
	{.name = "enable", .kind = OPTION_FLAG, .doc = "It may again."},
	{0},
};
static const struct option account_options[] = {DATA_OPTION, {0}};
static const struct example account_add_examples[] = {
	{"machi account add sophea --role officer --services energy", "An officer who commands what is of energy"},
	{0},
};
static const struct example account_reset_examples[] = {
	{"machi account reset admin", "The way back in for who has lost the password"},
	{0},
};
static const struct option token_list_options[] = {
	DATA_OPTION,
	TEXT_OPTION("account", "NAME", "Only of this account."),
	LINES_JSON_OPTION,
	{0},
};
static const struct argument token_add_arguments[] = {
	{"ACCOUNT", OPTION_TEXT, false, false, "Whose the token is."},
	{"TITLE", OPTION_TEXT, false, false, "What it is for."},
	{0},
};
static const struct option token_add_options[] = {
	DATA_OPTION,
	{.name = "scopes",
	 .kind = OPTION_TEXT,
	 .value_name = "SCOPES",
	 .fallback = "city:read",
	 .doc = "What it may do, with blanks, such as \"city:read city:write\"; no more than its account."},
	{.name = "days",
	 .kind = OPTION_COUNT,
	 .value_name = "N",
	 .fallback = "90",
	 .max = 3650,
	 .doc = "How long; 0: until it is removed."},
	TEXT_OPTION("tenants", "NAMES", "Tenants it is kept to, with commas; - is the default one."),
	{0},
};
static const struct example token_add_examples[] = {
	{"machi token add admin 'bus depot' --scopes 'city:read city:write' --days 365", "For a program that writes"},
	{0},
};
static const struct argument token_argument[] = {
	{"NUMBER", OPTION_TEXT, false, false, "Number of the token, as list shows it."},
	{0},
};
static const struct option audit_options[] = {
	DATA_OPTION,
	TEXT_OPTION("account", "NAME", "Only what this account did."),
	TEXT_OPTION("action", "NAME", "Only this, such as signIn or createEntity."),
	TEXT_OPTION("from", "TIME", "From this DateTime on."),
	TEXT_OPTION("to", "TIME", "Before this DateTime."),
	{.name = "limit",
	 .kind = OPTION_COUNT,
	 .value_name = "N",
	 .fallback = "100",
	 .min = 1,
	 .max = 1000,
	 .doc = "At most so many."},
	LINES_JSON_OPTION,
	{0},
};

static const struct argument config_arguments[] = {
	{"FILE", OPTION_FILE, true, false, "Configuration file; without it, defaults and environment alone."},
	{0},
};
static const struct option config_options[] = {
	{.name = "set",
	 .letter = 's',
	 .kind = OPTION_TEXT,
	 .value_name = "KEY=VALUE",
	 .repeats = true,
	 .doc = "A setting as the command line of machi serve would give it."},
	{0},
};
static const struct argument help_arguments[] = {
	{"COMMAND", OPTION_TEXT, true, true, "The command, of one or two words."},
	{0},
};
static const struct option help_options[] = {
	{.name = "man", .kind = OPTION_FLAG, .doc = "Print the manual page as roff."},
	{.name = "man-pages",
	 .kind = OPTION_FOLDER,
	 .value_name = "DIR",
	 .doc = "Write all manual pages into a folder that exists."},
	{.name = "markdown",
	 .kind = OPTION_CHOICE,
	 .value_name = "PART",
	 .choices = markdown_parts,
	 .doc = "Print the reference that docs/reference is made of."},
	{0},
};
static const struct option version_options[] = {
	{.name = "short", .kind = OPTION_FLAG, .doc = "Only the number."},
	{0},
};
static const struct argument completion_arguments[] = {
	{"SHELL", OPTION_TEXT, false, false, "bash or zsh."},
	{0},
};
static const struct example completion_examples[] = {
	{"eval \"$(machi completion bash)\"", "For this shell"},
	{0},
};

const struct command commands[] = {
	{"serve", "run the daemon: the API and the feeds of a city",
	 "Opens the city's folder and serves the NGSI-LD API at http://ADDRESS:PORT/ngsi-ld/v1, with /health, /ready, "
	 "/metrics and /openapi.json beside it. Runs in the foreground and writes its log to standard error.\n\n"
	 "SIGTERM and SIGINT drain: nothing new is accepted, requests under way are answered, what was acknowledged is "
	 "on disk. A second one ends the wait. SIGHUP reads the configuration again and says what needs a restart. "
	 "Under systemd it reports readiness, reloading, stopping and answers the watchdog.",
	 NULL, serve_options, serve_examples, command_serve},
	{"import gtfs", "take a GTFS timetable in",
	 "Brings the entities of a feed into line with a GTFS file: what is new is created, what differs is changed, "
	 "what vanished is deleted, all in one transaction. Rows that break the rules are left out and reported by "
	 "file "
	 "and line. A daemon may serve the folder meanwhile.",
	 gtfs_arguments, gtfs_options, gtfs_examples, command_import_gtfs},
	{"import csv", "make entities of a table",
	 "Each row becomes an entity, as a map file says. The whole file is one transaction; rows that do not fit are "
	 "left out and reported by line. Importing the same file again changes nothing.",
	 csv_arguments, csv_options, csv_examples, command_import_csv},
	{"get", "print one entity", "Prints the entity with this id as JSON.", id_argument, get_options, get_examples,
	 command_get},
	{"query", "print the entities that match",
	 "Prints matching entities as a JSON array. The options mean what the API's parameters of the same names mean.",
	 NULL, query_options, query_examples, command_query},
	{"put", "create or change entities",
	 "Stores entities in normalized or concise form. What is wrong with an entity is told with its position and "
	 "the "
	 "others are stored; the exit status then is 65.",
	 put_arguments, put_options, put_examples, command_put},
	{"delete", "delete entities",
	 "Deletes the entities with these ids. Ids that are not there are named and make the exit status 1.",
	 delete_arguments, delete_options, NULL, command_delete},
	{"export", "print all entities, one a line",
	 "Writes every entity as one line of JSON, normalized, with createdAt and modifiedAt. machi put reads it back.",
	 NULL, export_options, export_examples, command_export},
	{"history", "print what attributes were",
	 "Writes the history of attributes, entity by entity, attribute by attribute, in the order of time, with "
	 "numbers as "
	 "they were sent. It streams: however long the history is, little memory is needed. The daemon may serve "
	 "meanwhile.\n\n"
	 "A row of csv whose value is empty is a deletion; an empty text is \"\". A line of json is what POST "
	 "/ngsi-ld/v1/temporal/entities takes.",
	 NULL, history_options, history_examples, command_history},
	{"backup", "copy a city, also while it is served",
	 "Copies the databases of all tenants, each consistent in itself, checks the copies and writes them to a "
	 "folder "
	 "or into one tar file. The target is whole or absent.",
	 NULL, backup_options, backup_examples, command_backup},
	{"restore", "bring a backup back",
	 "Unpacks a backup beside the target, checks every database, and puts it in place at the end. A folder that "
	 "holds "
	 "anything, or is served, is left alone.",
	 NULL, restore_options, restore_examples, command_restore},
	{"check", "look for damage in the databases",
	 "Runs the database's integrity check and holds every index against the documents. Findings make the exit "
	 "status "
	 "1. A daemon may serve the folder meanwhile.",
	 NULL, check_options, NULL, command_check},
	{"stats", "print what the history takes",
	 "Prints for each tenant how many points its history has, how many of them are not packed yet, and the bytes "
	 "that "
	 "they and what finds them take on the disk. A daemon may serve the folder meanwhile.",
	 NULL, stats_options, NULL, command_stats},
	{"pack", "put the history into compressed blocks now",
	 "Packs what has arrived more than half a minute ago and puts all blocks together. A daemon that serves the "
	 "folder "
	 "does so by itself, a little at a time; it may serve meanwhile.",
	 NULL, pack_options, pack_examples, command_pack},
	{"feed list", "print the feeds of a daemon",
	 "Prints each feed with its kind, whether its peer is there, messages received, entities created or changed, "
	 "messages dropped, when the last one came, and where from.",
	 NULL, feed_show_options, NULL, command_feed_list},
	{"feed status", "print all that is known of a feed",
	 "Prints state, counters, messages dropped by reason, last error and why the last message was dropped. The "
	 "exit "
	 "status is 1 when the feed is not up.",
	 feed_argument, feed_show_options, NULL, command_feed_status},
	{"feed test", "print what a feed would make of a message",
	 "Prints the entities that would result, one a line, normalized; what would be dropped is told with the "
	 "reason, "
	 "and the exit status then is 65. Nothing is stored, and no daemon is needed.",
	 message_argument, feed_test_options, feed_test_examples, command_feed_test},
	{"feed pause", "hold a feed up",
	 "The feed leaves its peer until machi feed resume, also over restarts of the daemon. An MQTT broker keeps the "
	 "messages of QoS 1 meanwhile.",
	 feed_argument, feed_options, NULL, command_feed_pause},
	{"feed resume", "let a paused feed run again", "The feed connects to its peer again.", feed_argument,
	 feed_options, NULL, command_feed_resume},
	{"notifications list", "print which notifications were given up",
	 "Prints the dead letters: notifications that were tried too often, or could not be delivered in their time. "
	 "Number, when made (or last replayed), when given up, tries, subscription, entity, and why. A daemon may "
	 "serve "
	 "the folder meanwhile.",
	 NULL, letters_list_options, NULL, command_notifications_list},
	{"notifications show", "print one that was given up", "Prints the body of a dead letter, as it was to be sent.",
	 letter_argument, letters_show_options, NULL, command_notifications_show},
	{"notifications replay", "owe notifications again that were given up",
	 "Dead letters are owed again, as they were made, with all their tries before them. A daemon that serves the "
	 "folder sends them after some seconds, else the next one does. Numbers that are not there are named and make "
	 "the "
	 "exit status 1; so do those that are left because their subscription has expired.",
	 letters_arguments, letters_change_options, letters_replay_examples, command_notifications_replay},
	{"notifications drop", "forget notifications that were given up",
	 "Dead letters go for good. Numbers that are not there are named and make the exit status 1.",
	 letters_arguments, letters_change_options, NULL, command_notifications_drop},
	{"account list", "print who may sign in",
	 "Prints each account: name, role, services, state, tenants, last sign-in.", NULL, account_list_options, NULL,
	 command_account_list},
	{"account add", "let somebody sign in",
	 "Makes an account and prints its password for the first sign-in, which has to be changed then.",
	 account_argument, account_add_options, account_add_examples, command_account_add},
	{"account change", "change an account",
	 "What no option names stays. Sessions and tokens follow within a second.", account_argument,
	 account_change_options, NULL, command_account_change},
	{"account reset", "give an account a one-time password",
	 "Prints a new password for one sign-in; the old one and all sessions end, and a lock-out is lifted.",
	 account_argument, account_options, account_reset_examples, command_account_reset},
	{"account remove", "remove an account",
	 "With its sessions and tokens. The last administrator cannot be removed.", account_argument, account_options,
	 NULL, command_account_remove},
	{"token list", "print API tokens", "Prints number, account, title, scopes, end and last use of each token.",
	 NULL, token_list_options, NULL, command_token_list},
	{"token add", "make an API token", "Prints the token, this once: only its digest is kept.", token_add_arguments,
	 token_add_options, token_add_examples, command_token_add},
	{"token remove", "remove an API token", "A daemon refuses it within a second.", token_argument, account_options,
	 NULL, command_token_remove},
	{"audit", "print who changed what", "Prints the audit log, the latest first.", NULL, audit_options, NULL,
	 command_audit},
	{"config show", "print the settings in effect",
	 "Prints every setting as YAML, and behind it where its value comes from.", config_arguments, config_options,
	 NULL, command_config_show},
	{"config check", "find mistakes in a configuration",
	 "Reads the configuration as machi serve would, and prints each mistake with file, line, column and key. Exit "
	 "status 78 when there are any.",
	 config_arguments, config_options, NULL, command_config_check},
	{"config example", "print a file with every setting explained",
	 "Prints a configuration file with all defaults; it is valid as it stands.", NULL, NULL, NULL,
	 command_config_example},
	{"version", "print the version", "Prints the version of Machi and of the libraries that it runs with.", NULL,
	 version_options, NULL, command_version},
	{"help", "explain a command", "Without a command: lists all.", help_arguments, help_options, NULL,
	 command_help},
	{"completion", "print shell completion", "Prints completion code for a shell.", completion_arguments, NULL,
	 completion_examples, command_completion},
	{0},
};

const struct exit_doc exit_docs[] = {
	{EXIT_GOOD, "EX_OK", "Done."},
	{EXIT_NOT_FOUND, "", "An entity, tenant or feed of that name is not there, or a check found something."},
	{EXIT_USAGE, "EX_USAGE", "The command line is wrong."},
	{EXIT_DATA, "EX_DATAERR", "Input breaks a rule, or a database is damaged."},
	{EXIT_NO_INPUT, "EX_NOINPUT", "An input file or folder is not there or cannot be read."},
	{EXIT_UNAVAILABLE, "EX_UNAVAILABLE",
	 "The port is in use, a peer does not answer, or the database was written by a newer version."},
	{EXIT_SOFTWARE, "EX_SOFTWARE", "A mistake in Machi itself; please report it."},
	{EXIT_MEMORY, "EX_OSERR", "The system gave no memory."},
	{EXIT_CANNOT_CREATE, "EX_CANTCREAT", "An output file or folder exists already or cannot be made."},
	{EXIT_IO, "EX_IOERR", "Reading or writing failed."},
	{EXIT_TRY_AGAIN, "EX_TEMPFAIL", "Busy: somebody else holds the folder or the database; try again."},
	{EXIT_NO_PERMISSION, "EX_NOPERM", "The system does not allow it: a folder or database cannot be written."},
	{EXIT_CONFIG, "EX_CONFIG", "The configuration has a mistake."},
	{0},
};

enum exit_status exit_of(enum err_code code)
{
	static const enum exit_status exits[ERR_CODE_COUNT] = {
		[ERR_OK] = EXIT_GOOD,
		[ERR_INVALID] = EXIT_DATA,
		[ERR_NOT_FOUND] = EXIT_NOT_FOUND,
		[ERR_EXISTS] = EXIT_CANNOT_CREATE,
		[ERR_LIMIT] = EXIT_DATA,
		[ERR_MEMORY] = EXIT_MEMORY,
		[ERR_IO] = EXIT_IO,
		[ERR_NO_ROOM] = EXIT_IO,
		[ERR_CORRUPT] = EXIT_DATA,
		[ERR_CONFLICT] = EXIT_TRY_AGAIN,
		[ERR_UNSUPPORTED] = EXIT_UNAVAILABLE,
		[ERR_VERSION] = EXIT_UNAVAILABLE,
		[ERR_DENIED] = EXIT_NO_PERMISSION,
		[ERR_TIMEOUT] = EXIT_TRY_AGAIN,
		[ERR_CONTEXT] = EXIT_UNAVAILABLE,
		[ERR_TENANT] = EXIT_NOT_FOUND,
		[ERR_TOO_COMPLEX] = EXIT_DATA,
		[ERR_INTERNAL] = EXIT_SOFTWARE,
	};

	return code < ERR_CODE_COUNT ? exits[code] : EXIT_SOFTWARE;
}
