/* machi serve: the daemon's life.
 *
 * The main thread opens everything, then only waits: for signals (a signalfd, so that nothing ever runs inside a signal
 * handler), for the watchdog's next ping, and for feeds with something to log. Every other thread is born with these
 * signals blocked. The way down is the way up backwards: not ready, feeds stopped, requests answered, all on disk. */
#include "api/api.h"
#include "api/source_asker.h"
#include "api/source_copies.h"
#include "base/cleanup.h"
#include "broker/purge.h"
#include "feed/feed.h"
#include "feed/gtfs_publish.h"
#include "main/command_config.h"
#include "main/command_table.h"
#include "main/databases.h"
#include "main/folder.h"
#include "main/log.h"
#include "main/notify.h"
#include "main/retention_rule.h"
#include "main/say.h"
#include "main/serve_access.h"
#include "main/session.h"
#include "main/timetables.h"
#include "net/address_policy.h"
#include "net/http_forwarder.h"
#include "notify/notify.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define WATCH_MS 2000 /* how often feeds are looked at for the log */
#define THREAD_STACK_BYTES (1u << 20)
#define VALUES_BYTES_MAX (1u << 20)
#define STATUS_BYTES_MAX 160
#define SOURCE_CONNECTIONS_MAX 512 /* to all context sources */
#define SOURCE_HOST_CONNECTIONS_MAX 64
#define DESCRIPTORS_BESIDE 2048 /* for databases, listening, contexts under way */

struct daemon {
	const struct call *call;
	struct config *boot; /* what the daemon was started with; the api borrows from it */
	struct config *current; /* the last one reloaded; boot until then */
	struct log log;
	atomic_bool log_requests;
	struct address_policy *policy; /* of connections to places that requests name */
	struct broker *broker;
	struct address_policy *receivers; /* of notifications */
	struct notifier *notifier;
	struct address_policy *source_places; /* of context sources */
	struct http_forwarder *forwarder; /* to context sources */
	struct source_copier *copier; /* of subscriptions, to context sources */
	struct source_asker asker; /* of what snapshots hold of context sources */
	struct access *access; /* accounts, tokens, the audit log */
	struct api *api;
	struct http_server *server;
	struct broker_rule rules[SETTING_TEXTS_MAX]; /* their texts are those of boot */
	struct timetables timetables;
	struct feed_set *feeds;
	struct gtfs_publisher *publisher;
	int lock_fd, hold_fd, signal_fd;
};

/* ---- configuration ---- */

static enum exit_status load_config(const struct call *call, const struct config_listener *listener,
				    struct config **ret_config)
{
	struct config_override shorthands[CONFIG_SHORTHANDS_MAX];
	size_t count = 0, at = 0;

	if (call_has(call, "data"))
		shorthands[count++] = (struct config_override){STR("data"), call_str(call, "data"), "--data"};
	if (call_has(call, "listen"))
		shorthands[count++] = (struct config_override){STR("listen"), call_str(call, "listen"), "--listen"};
	if (call_has(call, "open"))
		shorthands[count++] = (struct config_override){STR("access.mode"), STR("open"), "--open"};
	for (const char *feed = call_each(call, "timetable", &at); feed && count < CONFIG_SHORTHANDS_MAX;
	     feed = call_each(call, "timetable", &at))
		shorthands[count++] = (struct config_override){STR("timetable"), str_from(feed), "--timetable"};
	return config_from_call(call, call_text(call, "config"), shorthands, count, listener, ret_config);
}

static void log_mistake(void *self, struct str sentence)
{
	log_say(self, LOG_ERROR, "the configuration has a mistake", LOG_TEXT("error", sentence));
}

static void log_notice(void *self, struct str sentence)
{
	log_say(self, LOG_WARNING, "the configuration may not be what was meant", LOG_TEXT("error", sentence));
}

/* ---- opening ---- */

static enum exit_status refuse(const struct error *err, enum exit_status status)
{
	say("%s", err->detail);
	return status;
}

static enum exit_status open_folder(struct daemon *daemon, struct error *err)
{
	const char *data = daemon->boot->data;
	enum err_code code = folder_make(data, err);

	if (code == ERR_NOT_FOUND || code == ERR_EXISTS || code == ERR_IO)
		return refuse(err, EXIT_CANNOT_CREATE);
	if (!code)
		code = folder_check_city(data, true, err);
	if (!code)
		code = folder_lock(data, false, &daemon->lock_fd, err);
	if (!code)
		code = folder_hold(data, &daemon->hold_fd, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static void log_complaint(void *self, struct str tenant, const struct error *err)
{
	struct daemon *daemon = self;

	log_say(&daemon->log, LOG_ERROR, "what the city does by itself did not go as it should",
		LOG_TEXT("tenant", tenant), LOG_TEXT("code", str_from(err_name(err->code))),
		LOG_TEXT("error", str_from(err->detail)));
}

static void log_unopened(struct daemon *daemon, struct str tenant, const struct error *err)
{
	log_say(&daemon->log, LOG_ERROR, "a tenant cannot be opened", LOG_TEXT("tenant", tenant),
		LOG_TEXT("code", str_from(err_name(err->code))), LOG_TEXT("error", str_from(err->detail)));
}

static enum err_code open_tenant(void *self, struct str tenant, const char *path, struct error *err)
{
	struct daemon *daemon = self;
	struct store *store;

	(void)path;
	if (broker_tenant(daemon->broker, tenant, false, &store, err) != ERR_OK)
		log_unopened(daemon, tenant, err);
	return ERR_OK;
}

/* What a tenant owes its subscribers, and what is to be swept, must not wait until somebody asks for that tenant. One
 * that cannot be opened keeps no other from being served. */
static void open_tenants(struct daemon *daemon)
{
	struct error err;

	if (daemon->boot->store != CONFIG_STORE_MEMORY &&
	    databases_each(daemon->boot->data, open_tenant, daemon, &err) != ERR_OK)
		log_unopened(daemon, STR(""), &err);
}

static enum exit_status open_broker(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	enum err_code code =
		address_policy_new(config->outbound.allow.items, config->outbound.allow.count, &daemon->policy, err);
	struct broker_options options = {
		.data_path = config->store == CONFIG_STORE_MEMORY ? NULL : config->data,
		.create = true,
		.cache_bytes_max = (uint32_t)config->store_cache_bytes,
		.fetch = config->context.fetch ? session_fetch_context : NULL,
		.fetch_self = daemon->policy,
		.context_keep_s = (uint32_t)config->context.keep_s,
		.sweep_interval_ms = (uint32_t)config->sweep_interval_s * 1000,
		.query_ms_max = (uint32_t)config->query.time_max_s * 1000,
		.snapshots = true,
		.snapshots_max = (uint32_t)config->snapshots.max,
		.snapshot_life_s_max = (uint32_t)config->snapshots.lifetime_max_s,
		.ask = source_asker_ask,
		.ask_self = &daemon->asker,
		.rules = daemon->rules,
		.rule_count = config->history.rules.count,
		.complain = log_complaint,
		.complain_self = daemon,
	};
	struct store *store;

	if (!code)
		code = retention_rules_read(&config->history.rules, daemon->rules, err);
	if (!code)
		code = broker_new(&options, &daemon->broker, err);
	if (!code)
		code = broker_tenant(daemon->broker, STR_NONE, true, &store, err);
	if (code == ERR_CORRUPT)
		say("the database is damaged; machi check says more, machi restore brings a backup back");
	if (!code)
		open_tenants(daemon);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static void log_undelivered(void *self, struct str tenant, const struct error *err)
{
	struct daemon *daemon = self;

	log_say(&daemon->log, LOG_ERROR, "notifications cannot be read or written as they should",
		LOG_TEXT("tenant", tenant), LOG_TEXT("code", str_from(err_name(err->code))),
		LOG_TEXT("error", str_from(err->detail)));
}

static enum exit_status open_notifier(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	enum err_code code = address_policy_new(config->notifications.allow.items, config->notifications.allow.count,
						&daemon->receivers, err);
	const struct notifier_options options = {.broker = daemon->broker,
						 .policy = daemon->receivers,
						 .tries_max = (uint32_t)config->notifications.tries_max,
						 .age_max_s = (uint32_t)config->notifications.keep_s,
						 .owed_max = (uint32_t)config->notifications.owed_max,
						 .complain = log_undelivered,
						 .complain_self = daemon};

	if (!code)
		code = notifier_new(&options, &daemon->notifier, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static enum exit_status open_forwarder(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	enum err_code code = address_policy_new(config->sources.allow.items, config->sources.allow.count,
						&daemon->source_places, err);
	const struct http_sender_options options = {.policy = daemon->source_places,
						    .connections_max = SOURCE_CONNECTIONS_MAX,
						    .host_connections_max = SOURCE_HOST_CONNECTIONS_MAX,
						    .user_agent = "machi/" MACHI_VERSION};

	if (!code)
		code = http_forwarder_new(&options, &daemon->forwarder, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static void log_request(void *self, const struct api_log_entry *entry)
{
	struct daemon *daemon = self;
	bool failed = entry->status >= 500 && !entry->is_probe;
	struct log_field fields[LOG_FIELDS_MAX];
	size_t count = 0;

	if (!failed && !atomic_load_explicit(&daemon->log_requests, memory_order_relaxed))
		return;
	fields[count++] = LOG_TEXT("request_id", entry->request_id);
	fields[count++] = LOG_TEXT("method", entry->method);
	fields[count++] = LOG_TEXT("path", entry->path);
	fields[count++] = LOG_NUMBER("status", entry->status);
	fields[count++] = LOG_NUMBER("bytes", (int64_t)entry->response_bytes);
	fields[count++] = LOG_NUMBER("duration_us", (int64_t)entry->duration_us);
	fields[count++] = LOG_TEXT("peer", entry->peer);
	if (entry->tenant.len)
		fields[count++] = LOG_TEXT("tenant", entry->tenant);
	if (entry->error) {
		fields[count++] = LOG_TEXT("code", str_from(err_name(entry->error->code)));
		fields[count++] = LOG_TEXT("error", str_from(entry->error->detail));
		fields[count++] = LOG_TEXT("where", str_from(entry->error->where));
	}
	log_fields(&daemon->log, failed ? LOG_ERROR : LOG_INFO, failed ? STR("request failed") : STR("request"), fields,
		   count);
}

static void log_feed(void *self, bool is_trouble, struct str feed, const char *text)
{
	struct daemon *daemon = self;

	if (is_trouble)
		log_say(&daemon->log, LOG_WARNING, "a feed has trouble", LOG_TEXT("feed", feed),
			LOG_TEXT("error", str_from(text)));
	else
		log_say(&daemon->log, LOG_INFO, "a feed is connected", LOG_TEXT("feed", feed));
}

/* Which device was told, and how that ended. The value may be a secret, and stays in the history. */
static void log_command(void *self, const struct feed_commanded *commanded)
{
	struct daemon *daemon = self;
	const struct log_field fields[] = {
		LOG_TEXT("feed", commanded->feed),
		LOG_TEXT("tenant", commanded->tenant),
		LOG_TEXT("entity", commanded->entity),
		LOG_TEXT("attribute", commanded->attribute),
		LOG_NUMBER("took_ms", commanded->took_us / 1000),
		LOG_TEXT("error", str_from(commanded->why)), /* the last: only there when there was one */
	};
	size_t count = sizeof(fields) / sizeof(fields[0]);

	if (commanded->why)
		log_fields(&daemon->log, LOG_WARNING, STR("a command failed"), fields, count);
	else
		log_fields(&daemon->log, LOG_INFO, STR("a command was carried out"), fields, count - 1);
}

static enum exit_status open_feeds(struct daemon *daemon, struct error *err)
{
	const struct feed_set_options options = {
		.broker = daemon->broker,
		.policy = daemon->policy,
		.say = log_feed,
		.commanded = log_command,
		.self = daemon,
	};
	enum err_code code = feed_set_new(&options, &daemon->feeds, err);

	if (!code)
		code = gtfs_publisher_new(daemon->broker, &daemon->publisher, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static enum exit_status open_access(struct daemon *daemon, struct error *err)
{
	enum err_code code = serve_access_open(daemon->boot, &daemon->log, &daemon->access, err);

	if (!code)
		code = serve_access_secret(daemon->asker.secret, sizeof(daemon->asker.secret), err);
	if (code == ERR_CONFLICT)
		return refuse(err, EXIT_CONFIG);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static enum exit_status open_api(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	struct api_options options = {
		.broker = daemon->broker,
		.page_entities_default = (uint32_t)config->query.page_default,
		.page_entities_max = (uint32_t)config->query.page_max,
		.instances_max = (uint32_t)config->query.instances_max,
		.instances_total_max = (uint32_t)config->query.instances_total_max,
		.cors_origins = config->http.cors_origins.items,
		.cors_origin_count = config->http.cors_origins.count,
		.cors_methods = config->http.cors_methods,
		.cors_headers = config->http.cors_headers,
		.cors_max_age_s = (uint32_t)config->http.cors_max_age_s,
		.public_url = config->public_url,
		.forwarder = daemon->forwarder,
		.feeds = daemon->feeds,
		.publisher = daemon->publisher,
		.source_timeout_ms = (uint32_t)config->sources.timeout_s * 1000,
		.split_entities = config->sources.split_entities,
		.console = {.folder = config->console.folder,
			    .city = config->console.city,
			    .tiles = config->console.tiles,
			    .tiles_attribution = config->console.tiles_attribution},
		.access = daemon->access,
		.open = config->access.mode == CONFIG_ACCESS_OPEN,
		.proxies = config->access.proxies.items,
		.proxy_count = config->access.proxies.count,
		.own_secret = daemon->asker.secret,
		.version = MACHI_VERSION,
		.log = log_request,
		.log_self = daemon,
	};
	enum err_code code = api_new(&options, &daemon->api, err);

	if (!code)
		code = api_add_metrics(daemon->api, timetables_write_metrics, &daemon->timetables, err);
	if (!code)
		code = api_add_metrics(daemon->api, feed_set_write_metrics, daemon->feeds, err);
	if (!code)
		code = api_add_metrics(daemon->api, notifier_write_metrics, daemon->notifier, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static enum exit_status open_server(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	struct http_server_options options = {
		.address = config->listen.address,
		.port = config->listen.port,
		.loop_count = (uint32_t)config->http.loops,
		.connections_max = (uint32_t)config->http.connections_max,
		.connection_bytes = (uint32_t)config->http.header_bytes_max,
		.idle_timeout_s = (uint32_t)config->http.idle_timeout_s,
		.body_bytes_max = config->http.body_bytes_max,
		.arena_bytes_max = config->http.request_bytes_max,
	};

	api_plug(daemon->api, &options);
	enum err_code code = http_server_new(&options, &daemon->server, err);

	if (!code) {
		api_set_server(daemon->api, daemon->server);
		return EXIT_GOOD;
	}
	say("%s", err->detail);
	if (strstr(err->detail, strerrordesc_np(EADDRINUSE)))
		say("another program has this port; choose one with --listen ADDRESS:PORT");
	if (strstr(err->detail, strerrordesc_np(EACCES)))
		return EXIT_NO_PERMISSION;
	return code == ERR_IO ? EXIT_UNAVAILABLE : exit_of(code);
}

static void log_uncopied(void *self, struct str tenant, const struct error *err)
{
	struct daemon *daemon = self;

	log_say(&daemon->log, LOG_WARNING, "a context source does not take a subscription as it should",
		LOG_TEXT("tenant", tenant), LOG_TEXT("code", str_from(err_name(err->code))),
		LOG_TEXT("error", str_from(err->detail)));
}

/* Once it is known where the server listens: that is where sources are to notify it, and where snapshots ask. */
static enum exit_status open_copier(struct daemon *daemon, struct error *err)
{
	const struct config *config = daemon->boot;
	const struct source_copier_options options = {.broker = daemon->broker,
						      .forwarder = daemon->forwarder,
						      .url = config->public_url[0] ? config->public_url
										   : daemon->asker.url,
						      .source_timeout_ms = (uint32_t)config->sources.timeout_s * 1000,
						      .split_entities = config->sources.split_entities,
						      .complain = log_uncopied,
						      .complain_self = daemon};

	source_asker_set_page(&daemon->asker, (uint32_t)config->query.page_max);
	source_asker_serve(&daemon->asker, config->listen.address, http_server_port(daemon->server));
	enum err_code code = source_copier_new(&options, &daemon->copier, err);

	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

/* Every connection takes a descriptor, and the soft limit of a login is far below connections_max. */
static void raise_descriptors(struct daemon *daemon)
{
	uint64_t wanted = daemon->boot->http.connections_max + DESCRIPTORS_BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
		log_say(&daemon->log, LOG_WARNING, "the system allows fewer connections than http.connections_max",
			LOG_NUMBER("descriptors", (int64_t)limit.rlim_cur), LOG_NUMBER("wanted", (int64_t)wanted));
}

/* ---- running ---- */

static bool open_signals(struct daemon *daemon)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0)
		daemon->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signal_fd < 0)
		say("cannot wait for signals: %s", strerror(errno));
	return daemon->signal_fd >= 0;
}

/* From here on a second SIGTERM or SIGINT ends the process at once; what was acknowledged is on disk by then too. */
static void let_signals_kill(struct daemon *daemon)
{
	sigset_t signals;

	fd_closep(&daemon->signal_fd);
	daemon->signal_fd = -1;
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static void apply_log_settings(struct daemon *daemon, const struct config *config)
{
	atomic_store(&daemon->log.level, config->log.level);
	atomic_store(&daemon->log.format, config->log.format);
	atomic_store(&daemon->log_requests, config->log.requests);
}

static bool same_setting(const struct setting *setting, const void *a, const void *b)
{
	struct buf text_a, text_b;

	buf_init(&text_a, VALUES_BYTES_MAX);
	buf_init(&text_b, VALUES_BYTES_MAX);
	setting_write(setting, a, &text_a);
	setting_write(setting, b, &text_b);
	bool same = str_eq(buf_str(&text_a), buf_str(&text_b));

	buf_done(&text_a);
	buf_done(&text_b);
	return same;
}

static bool same_timetables(const struct config *a, const struct config *b)
{
	bool same = a->feed_count == b->feed_count;

	for (size_t i = 0; same && i < a->feed_count; i++)
		for (const struct setting *setting = config_feed_settings; same && setting->key; setting++)
			same = same_setting(setting, &a->feeds[i], &b->feeds[i]);
	return same;
}

/* The old ones are stopped first: two may not move the same vehicles. */
static void reload_timetables(struct daemon *daemon, struct config *config)
{
	struct error err;

	timetables_stop(&daemon->timetables);
	if (timetables_start(&daemon->timetables, daemon->broker, config, &err))
		log_say(&daemon->log, LOG_ERROR, "a timetable feed could not be started",
			LOG_TEXT("error", str_from(err.detail)));
	else
		log_say(&daemon->log, LOG_INFO, "timetable feeds restarted",
			LOG_NUMBER("feeds", (int64_t)config->feed_count));
}

static void reload_feeds(struct daemon *daemon, struct config *config)
{
	struct error err;

	if (feed_set_use(daemon->feeds, config->feed_list, &err) != ERR_OK)
		log_say(&daemon->log, LOG_ERROR, "a feed could not be started",
			LOG_TEXT("error", str_from(err.detail)));
}

static void reload(struct daemon *daemon)
{
	struct config_listener listener = {log_mistake, log_notice, &daemon->log};
	struct config *config = NULL;

	notify_reloading();
	if (load_config(daemon->call, &listener, &config) != EXIT_GOOD) {
		log_say(&daemon->log, LOG_ERROR, "the configuration was not reloaded; the old one stays",
			LOG_TEXT("file", call_str(daemon->call, "config")));
		return;
	}
	apply_log_settings(daemon, config);
	api_set_page_limits(daemon->api, (uint32_t)config->query.page_default, (uint32_t)config->query.page_max);
	source_asker_set_page(&daemon->asker, (uint32_t)config->query.page_max);
	for (const struct setting *setting = config_settings; setting->key; setting++) {
		if (!setting->reloads && !same_setting(setting, daemon->boot, config))
			log_say(&daemon->log, LOG_WARNING, "a changed setting needs a restart",
				LOG_TEXT("setting", str_from(setting->key)));
		else if (setting->reloads && !same_setting(setting, daemon->current, config))
			log_say(&daemon->log, LOG_INFO, "a changed setting is in effect",
				LOG_TEXT("setting", str_from(setting->key)));
	}
	if (!same_timetables(daemon->current, config))
		reload_timetables(daemon, config);
	reload_feeds(daemon, config);
	if (daemon->current != daemon->boot)
		(void)config_free(daemon->current);
	daemon->current = config;
	log_say(&daemon->log, LOG_INFO, "configuration reloaded", LOG_TEXT("file", call_str(daemon->call, "config")));
}

static void say_ready(struct daemon *daemon)
{
	const struct config *config = daemon->boot;
	char url[SOURCE_ASKER_URL_BYTES + sizeof(API_ROOT)], status[sizeof(url) + 32];

	(void)snprintf(url, sizeof(url), "%s" API_ROOT, daemon->asker.url);
	(void)snprintf(status, sizeof(status), "Serving %s", url);
	log_say(&daemon->log, LOG_INFO, "ready", LOG_TEXT("url", str_from(url)),
		LOG_TEXT("data", str_from(config->store == CONFIG_STORE_MEMORY ? "memory" : config->data)),
		LOG_TEXT("version", STR(MACHI_VERSION)), LOG_NUMBER("pid", getpid()));
	notify_ready(status);
}

/* Waits until SIGTERM or SIGINT comes; gives its number. */
static uint32_t wait_for_end(struct daemon *daemon)
{
	struct pollfd waiting = {.fd = daemon->signal_fd, .events = POLLIN};
	uint32_t watchdog_ms = notify_watchdog_interval_ms();
	int timeout = watchdog_ms && watchdog_ms < WATCH_MS ? (int)watchdog_ms : WATCH_MS;
	struct signalfd_siginfo signal;

	for (;;) {
		int ready = poll(&waiting, 1, timeout);

		if (watchdog_ms)
			notify_watchdog();
		timetables_watch(&daemon->timetables, &daemon->log);
		if (ready <= 0 || read(daemon->signal_fd, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
			continue;
		if (signal.ssi_signo != SIGHUP)
			return signal.ssi_signo;
		reload(daemon);
		say_ready(daemon);
	}
}

static void drain(struct daemon *daemon, uint32_t signal)
{
	log_say(&daemon->log, LOG_INFO, "draining", LOG_TEXT("signal", str_from(sigabbrev_np((int)signal))),
		LOG_NUMBER("timeout_s", (int64_t)daemon->current->http.drain_timeout_s));
	notify_stopping();
	api_set_ready(daemon->api, false);
	let_signals_kill(daemon);
	timetables_stop(&daemon->timetables);
	feed_set_stop(daemon->feeds);
	gtfs_publisher_stop(daemon->publisher);
	broker_purge_stop(daemon->broker);
	http_server_drain(daemon->server, (uint32_t)(daemon->current->http.drain_timeout_s * 1000));
}

static void close_all(struct daemon *daemon)
{
	timetables_done(&daemon->timetables);
	if (daemon->api)
		api_set_server(daemon->api, NULL);
	(void)http_server_free(daemon->server);
	source_copier_stop(daemon->copier);
	(void)http_forwarder_free(daemon->forwarder);
	(void)source_copier_free(daemon->copier);
	(void)api_free(daemon->api);
	(void)access_free(daemon->access);
	(void)feed_set_free(daemon->feeds);
	(void)gtfs_publisher_free(daemon->publisher);
	(void)notifier_free(daemon->notifier);
	(void)broker_free(daemon->broker);
	(void)address_policy_free(daemon->policy);
	(void)address_policy_free(daemon->receivers);
	(void)address_policy_free(daemon->source_places);
	fd_closep(&daemon->hold_fd);
	fd_closep(&daemon->lock_fd);
	fd_closep(&daemon->signal_fd);
}

/* Those of the configuration first: a name that it has taken since is no longer the API's. */
static enum exit_status start_feeds(struct daemon *daemon, struct error *err)
{
	enum err_code code = feed_set_use(daemon->feeds, daemon->boot->feed_list, err);

	if (code)
		return refuse(err, code == ERR_MEMORY ? EXIT_MEMORY : EXIT_CONFIG);
	code = feed_set_load(daemon->feeds, err);
	return code ? refuse(err, exit_of(code)) : EXIT_GOOD;
}

static enum exit_status serve(struct daemon *daemon)
{
	bool in_memory = daemon->boot->store == CONFIG_STORE_MEMORY;
	struct error err;
	enum exit_status status = open_signals(daemon) ? EXIT_GOOD : EXIT_SOFTWARE;

	if (status == EXIT_GOOD && !in_memory)
		status = open_folder(daemon, &err);
	raise_descriptors(daemon);
	if (status == EXIT_GOOD)
		status = open_broker(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_notifier(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_forwarder(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_feeds(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_access(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_api(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_server(daemon, &err);
	if (status == EXIT_GOOD)
		status = open_copier(daemon, &err);
	if (status == EXIT_GOOD && timetables_start(&daemon->timetables, daemon->broker, daemon->boot, &err))
		status = refuse(&err, err.code == ERR_MEMORY ? EXIT_MEMORY : EXIT_CONFIG);
	if (status == EXIT_GOOD)
		status = start_feeds(daemon, &err);
	if (status == EXIT_GOOD) {
		api_set_ready(daemon->api, true);
		say_ready(daemon);
		drain(daemon, wait_for_end(daemon));
	}
	bool served = daemon->server != NULL;

	close_all(daemon);
	if (served)
		log_say(&daemon->log, LOG_INFO, "stopped", LOG_NUMBER("status", status));
	return status;
}

enum exit_status command_serve(const struct call *call)
{
	struct daemon daemon = {.call = call, .lock_fd = -1, .hold_fd = -1, .signal_fd = -1};
	enum exit_status status = load_config(call, NULL, &daemon.boot);
	pthread_attr_t threads;

	if (status != EXIT_GOOD)
		return status;
	daemon.current = daemon.boot;
	log_init(&daemon.log, STDERR_FILENO, LOG_INFO, LOG_LOGFMT);
	apply_log_settings(&daemon, daemon.boot);
	timetables_init(&daemon.timetables);
	if (pthread_attr_init(&threads) == 0) {
		if (pthread_attr_setstacksize(&threads, THREAD_STACK_BYTES) == 0)
			(void)pthread_setattr_default_np(&threads);
		(void)pthread_attr_destroy(&threads);
	}
	status = serve(&daemon);
	if (daemon.current != daemon.boot)
		(void)config_free(daemon.current);
	(void)config_free(daemon.boot);
	return status;
}
