/* Feeds of kind mqtt: a subscription at a broker, whose messages of QoS 1 are acknowledged once they are durable. */
#include "broker/identity.h"
#include "feed/feed_clock_int.h"
#include "feed/mqtt_feed_int.h"
#include "net/mqtt_uri.h"

#include <stdio.h>

#define TOPICS_MAX MQTT_FILTERS_MAX
#define SESSION_S_DEFAULT 86400u
#define IDENTITY_BYTES_MAX 1024u
#define CLIENT_DIGITS 8u /* of the city's UUID, in a client id */
#define FILE_PAUSE_MS 10000 /* until a file that cannot be used is looked at again */
#define RECEIVE_MAX INTAKE_ENTITIES_MAX /* as many as a batch has; the broker may send them ahead of our answer */

struct mqtt_settings {
	const char *url, *trusted_file, *certificate_file, *key_file;
	struct str client_id, user, password;
	struct str *filters; /* in the feed's arena */
	size_t filter_count;
	uint32_t session_s;
	uint8_t qos;
	int version;
	const struct mqtt_format *format;
	void *own; /* the format's */
};

/* ---- settings ---- */

static enum err_code add_topic(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct mqtt_settings *settings)
{
	struct topic_pattern *pattern = &feed->patterns[feed->pattern_count];
	enum err_code code = mapping_expect(reader, node, YAML_TREE_SCALAR, "a topic such as city/{room}/temperature");

	if (!code)
		code = topic_pattern_parse(node->text, &feed->arena, pattern, reader->err);
	if (code == ERR_OK && !mqtt_topic_is_good(pattern->filter, true))
		return yaml_tree_refuse(node, reader->err, "\"%.*s\" is no topic to subscribe to",
					STR_FMT(str_part(node->text, 0, 100)));
	if (code) {
		struct error cause = *reader->err;

		return code == ERR_INVALID ? yaml_tree_refuse(node, reader->err, "%s", cause.detail) : code;
	}
	settings->filters[settings->filter_count++] = pattern->filter;
	feed->pattern_count++;
	return ERR_OK;
}

static enum err_code read_topics(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct mqtt_settings *settings)
{
	const struct yaml_tree *topic = yaml_tree_get(node, STR("topic"));
	const struct yaml_tree usual = {.kind = YAML_TREE_SCALAR, .text = str_from(settings->format->topic)};
	bool many = topic && topic->kind == YAML_TREE_LIST;
	uint32_t count = many ? topic->count : 1;
	enum err_code code = ERR_OK;

	if ((!topic && !settings->format->topic) || count == 0 || count > TOPICS_MAX)
		return yaml_tree_refuse(topic ? topic : node, reader->err,
					"expected \"topic:\" with a topic, or a list of up to %u", TOPICS_MAX);
	if (!topic)
		topic = &usual;
	feed->patterns = arena_array(&feed->arena, struct topic_pattern, count);
	settings->filters = arena_array(&feed->arena, struct str, count);
	if (!feed->patterns || !settings->filters)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < count && !code; i++)
		code = add_topic(feed, reader, many ? &topic->items[i] : topic, settings);
	return code;
}

enum err_code mqtt_feed_read_choice(const struct mapping_reader *reader, const struct yaml_tree *node, const char *key,
				    int first, int second, int fallback, int *ret)
{
	const struct yaml_tree *choice = yaml_tree_get(node, str_from(key));
	int64_t number = fallback;

	*ret = fallback;
	if (!choice)
		return ERR_OK;
	if (choice->kind != YAML_TREE_SCALAR || !str_to_int64(choice->text, &number) ||
	    (number != first && number != second))
		return yaml_tree_refuse(choice, reader->err, "expected %d or %d behind \"%s\", not %.*s", first, second,
					key, STR_FMT(yaml_tree_show(reader->arena, choice)));
	*ret = (int)number;
	return ERR_OK;
}

/* The URL without its user, as it is shown. */
static enum err_code note_place(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				const struct mqtt_settings *settings)
{
	struct mqtt_uri uri;
	struct error cause;
	enum err_code code = mqtt_uri_parse_broker(str_from(settings->url), &feed->arena, &uri, &cause);

	if (code)
		return yaml_tree_refuse(yaml_tree_get(node, STR("url")), reader->err, "%s", cause.detail);
	(void)snprintf(feed->place, sizeof(feed->place), "mqtt%s://%.*s:%u/%.*s", uri.secure ? "s" : "",
		       STR_FMT(uri.host), (unsigned int)uri.port, STR_FMT(str_part(settings->filters[0], 0, 120)));
	return ERR_OK;
}

static enum err_code read_session(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct mqtt_settings *settings)
{
	int qos = 1;
	enum err_code code = mqtt_feed_read_choice(reader, node, "qos", 0, 1, 1, &qos);

	settings->qos = (uint8_t)qos;
	if (!code)
		code = mqtt_feed_read_choice(reader, node, "version", 3, 5, 0, &settings->version);
	if (!code)
		code = feed_read_seconds(reader, node, "session_expiry", SESSION_S_DEFAULT, &settings->session_s);
	if (!code)
		code = mapping_read_text(reader, node, "client_id", &settings->client_id);
	if (!code && settings->client_id.at &&
	    (settings->client_id.len == 0 || settings->client_id.len > MQTT_CLIENT_ID_BYTES_MAX))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("client_id")), reader->err,
					"expected a client id of 1 to %u bytes", MQTT_CLIENT_ID_BYTES_MAX);
	return code;
}

static enum err_code read_access(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct mqtt_settings *settings)
{
	enum err_code code = feed_read_c_text(reader, node, "url", &settings->url);

	if (!code && !settings->url)
		code = yaml_tree_refuse(node, reader->err, "expected \"url: mqtt://HOST\", or mqtts://");
	if (!code)
		code = mapping_read_text(reader, node, "user", &settings->user);
	if (!code)
		code = mapping_read_text(reader, node, "password", &settings->password);
	if (!code)
		code = feed_read_c_text(reader, node, "ca_file", &settings->trusted_file);
	if (!code)
		code = feed_read_c_text(reader, node, "certificate_file", &settings->certificate_file);
	if (!code)
		code = feed_read_c_text(reader, node, "key_file", &settings->key_file);
	return code;
}

#define KEYS_MAX 32u

static enum err_code check_keys(const struct mapping_reader *reader, const struct yaml_tree *node,
				const struct mqtt_format *format)
{
	static const char *const common[] = {"url",      "topic",          "qos",
					     "version",  "client_id",      "user",
					     "password", "ca_file",        "certificate_file",
					     "key_file", "session_expiry", NULL};
	const char *known[KEYS_MAX];
	size_t count = 0;

	for (size_t i = 0; common[i]; i++)
		known[count++] = common[i];
	for (size_t i = 0; format->keys && format->keys[i] && count + 1 < KEYS_MAX; i++)
		known[count++] = format->keys[i];
	known[count] = NULL;
	return mapping_check_keys(reader, node, known);
}

enum err_code mqtt_feed_read(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
			     const struct mqtt_format *format)
{
	struct mqtt_settings *settings = arena_new(&feed->arena, struct mqtt_settings);

	if (!settings)
		return mapping_no_memory(reader);
	settings->format = format;
	enum err_code code = check_keys(reader, node, format);

	if (!code)
		code = read_access(reader, node, settings);
	if (!code)
		code = read_topics(feed, reader, node, settings);
	if (!code)
		code = read_session(reader, node, settings);
	if (!code)
		code = note_place(feed, reader, node, settings);
	if (!code && format->read)
		code = format->read(feed, reader, node, &settings->own);
	feed->settings = settings;
	return code;
}

/* ---- messages ---- */

static void take(struct mqtt_session *session, const struct mqtt_message *message)
{
	if (session->format->take)
		session->format->take(session, message);
	else
		feed_take(session->feed, message->topic, message->payload);
}

static bool take_message(void *self, const struct mqtt_message *message)
{
	struct mqtt_session *session = self;
	struct feed *feed = session->feed;

	if (!intake_has_room(feed->intake))
		return false;
	if (message->qos &&
	    !intake_add_receipt(feed->intake, mqtt_subscriber_connection(session->subscriber), message->id))
		return false;
	take(session, message);
	return true;
}

static bool more_topics(void *self, size_t place, struct str *ret_filter)
{
	struct mqtt_session *session = self;

	return session->format->more && session->format->more(session, place, ret_filter);
}

static void more_refused(void *self, size_t place, const char *why)
{
	struct mqtt_session *session = self;
	struct str topic = STR_NONE;

	(void)more_topics(self, place, &topic);
	feed_drop(session->feed, FEED_DROP_UNMAPPED, "the broker refuses the subscription to \"%.*s\": %s",
		  STR_FMT(str_part(topic, 0, 100)), why);
}

static void drop_oversized(void *self, const struct mqtt_message *message, size_t payload_bytes)
{
	struct mqtt_session *session = self;

	session->feed->own.messages++;
	feed_drop(session->feed, FEED_DROP_OVERSIZED, "%.*s: a message of %zu bytes",
		  STR_FMT(str_part(message->topic, 0, 100)), payload_bytes);
}

void mqtt_feed_settled(void *self, const struct intake_receipt *receipts, size_t count, const struct error *err)
{
	struct feed *feed = self;
	const struct mqtt_session *session = feed->session;

	for (size_t i = 0; i < count && !err; i++)
		mqtt_subscriber_ack(session->subscriber, receipts[i].first, (uint16_t)receipts[i].second);
}

/* ---- the thread ---- */

static void show(struct mqtt_session *session)
{
	static const enum feed_state states[] = {[MQTT_SUBSCRIBER_WAITING] = FEED_WAITING,
						 [MQTT_SUBSCRIBER_CONNECTING] = FEED_STARTING,
						 [MQTT_SUBSCRIBER_OPEN] = FEED_UP};
	enum mqtt_subscriber_state state = mqtt_subscriber_state(session->subscriber);

	/* A try that goes on does not make good what went wrong before. */
	if (state == MQTT_SUBSCRIBER_CONNECTING && session->feed->own.state == FEED_WAITING)
		state = MQTT_SUBSCRIBER_WAITING;
	feed_show(session->feed, states[state], mqtt_subscriber_trouble(session->subscriber));
}

static void wait_and_turn(struct mqtt_session *session)
{
	struct feed *feed = session->feed;
	bool is_open = mqtt_subscriber_state(session->subscriber) == MQTT_SUBSCRIBER_OPEN;
	bool reads = intake_has_room(feed->intake) && !(is_open && intake_is_gathering(feed->intake));
	struct pollfd wanted = mqtt_subscriber_wanted(session->subscriber, reads);
	int64_t deadline_ms = mqtt_subscriber_deadline_ms(session->subscriber);
	int64_t intake_ms = intake_deadline_ms(feed->intake);

	feed_wait(feed, &wanted, deadline_ms < intake_ms ? deadline_ms : intake_ms);
	intake_turn(feed->intake);
	mqtt_subscriber_turn(session->subscriber, wanted.revents, reads && intake_has_room(feed->intake));
	intake_turn(feed->intake);
	show(session);
}

static struct mqtt_subscriber_options options_of(struct mqtt_session *session, struct str client_id)
{
	const struct feed *feed = session->feed;
	const struct mqtt_settings *settings = feed->settings;

	return (struct mqtt_subscriber_options){
		.url = settings->url,
		.version = settings->version,
		.client_id = settings->client_id.at ? settings->client_id : client_id,
		.user = settings->user,
		.password = settings->password,
		.clean = settings->qos == 0,
		.session_s = settings->session_s,
		.receive_max = RECEIVE_MAX,
		.filters = settings->filters,
		.filter_count = settings->filter_count,
		.more = more_topics,
		.more_refused = more_refused,
		.qos = settings->qos,
		.trusted_file = settings->trusted_file,
		.certificate_file = settings->certificate_file,
		.key_file = settings->key_file,
		.policy = feed->stored ? feed->options->policy : NULL,
		.wake_fd = feed->wake_fd,
		.message = take_message,
		.oversized = drop_oversized,
		.published = mqtt_feed_published,
		.self = session,
	};
}

/* A client id that no other city's feed of this name has: two of one id would push each other out. A city that was
 * copied goes on as the one that it was. */
static void name_client(const struct feed *feed, char *to, size_t room)
{
	struct store_reader *reader = NULL;
	struct str uuid = STR_NONE;
	struct arena arena;
	struct error ignored;

	arena_init_small(&arena, IDENTITY_BYTES_MAX, IDENTITY_BYTES_MAX);
	if (store_reader_new(feed->store, &reader, &ignored) != ERR_OK ||
	    identity_of_store(reader, &arena, &uuid, &ignored) != ERR_OK)
		uuid = STR_NONE;
	(void)store_reader_free(reader);
	(void)snprintf(to, room, "machi-%.*s%s%.*s", STR_FMT(feed->name), uuid.len ? "-" : "",
		       STR_FMT(str_part(uuid, 0, CLIENT_DIGITS)));
	arena_done(&arena);
}

/* False: no memory, and the feed is told. */
static bool begin(struct mqtt_session *session)
{
	const struct mqtt_settings *settings = session->feed->settings;

	session->format = settings->format;
	session->settings = settings->own;
	if (!session->format->begin)
		return true;
	session->state = session->format->begin(session->feed);
	return session->state;
}

static void end(struct mqtt_session *session)
{
	if (session->state && session->format->end)
		session->format->end(session->state);
}

void mqtt_feed_run(struct feed *feed)
{
	struct mqtt_session session = {.feed = feed};
	char client_id[FEED_NAME_BYTES_MAX + 32];
	struct error err;

	name_client(feed, client_id, sizeof(client_id));
	const struct mqtt_subscriber_options options = options_of(&session, str_from(client_id));

	while (feed_goes_on(feed) && !begin(&session)) {
		feed_show(feed, FEED_WAITING, "no memory for the feed");
		feed_wait(feed, NULL, feed_clock_ms() + FILE_PAUSE_MS);
	}
	while (feed_goes_on(feed) && mqtt_subscriber_new(&options, &session.subscriber, &err) != ERR_OK) {
		feed_show(feed, FEED_WAITING, err.detail); /* a certificate may come */
		feed_wait(feed, NULL, feed_clock_ms() + FILE_PAUSE_MS);
	}
	feed->session = session.subscriber ? &session : NULL;
	while (feed_goes_on(feed))
		wait_and_turn(&session);
	if (session.subscriber) {
		intake_settle(feed->intake);
		mqtt_subscriber_turn(session.subscriber, 0, false);
	}
	session.subscriber = mqtt_subscriber_free(session.subscriber);
	feed->session = NULL;
	end(&session);
}

void mqtt_feed_try(struct feed *feed, struct str topic, struct str payload)
{
	struct mqtt_session session = {.feed = feed};
	const struct mqtt_message message = {.topic = topic, .payload = payload};

	if (begin(&session))
		take(&session, &message);
	end(&session);
}

/* ---- the kind that knows no more than MQTT ---- */

static enum err_code read_plain(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const struct mqtt_format plain = {.topic = NULL};

	return mqtt_feed_read(feed, reader, node, &plain);
}

const struct feed_kind feed_kind_mqtt = {
	.name = "mqtt",
	.read = read_plain,
	.run = mqtt_feed_run,
	.settled = mqtt_feed_settled,
	.read_send = mqtt_feed_read_send,
	.send = mqtt_feed_send,
};
