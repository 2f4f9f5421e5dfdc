/* The life of a subscriber's connection: looked up, connected, opened, kept alive, opened again when it breaks. */
#include "net/mqtt_subscriber_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/random.h>

#define ARENA_BYTES_MAX ((size_t)64 << 10)
#define PAYLOAD_BYTES_MAX_DEFAULT ((size_t)1 << 20)
#define KEEPALIVE_S_DEFAULT 30u
#define STEP_MS_MAX 10000 /* for each of looking up, connecting, opening, subscribing */
#define BACKOFF_MS_MIN 500u
#define BACKOFF_MS_MAX 30000u

/* ---- making ---- */

static enum err_code check_options(const struct mqtt_subscriber_options *options, struct error *err)
{
	assert(options->message && options->oversized);
	if (options->version != 0 && options->version != 3 && options->version != 5)
		return err_set(err, ERR_INVALID, "MQTT version %d is neither 3 (3.1.1) nor 5", options->version);
	if (options->filter_count > MQTT_FILTERS_MAX)
		return err_set(err, ERR_LIMIT, "%zu topics, at most %u are subscribed to by one connection",
			       options->filter_count, MQTT_FILTERS_MAX);
	for (size_t i = 0; i < options->filter_count; i++)
		if (!mqtt_topic_is_good(options->filters[i], true))
			return err_set(err, ERR_INVALID, "\"%.*s\" is no topic filter",
				       STR_FMT(str_part(options->filters[i], 0, 100)));
	if (options->qos > 1)
		return err_set(err, ERR_INVALID, "QoS %u is not subscribed to: 0 or 1", (unsigned int)options->qos);
	if (options->client_id.len == 0 || options->client_id.len > MQTT_CLIENT_ID_BYTES_MAX)
		return err_set(err, ERR_INVALID, "the client id has 1 to %u bytes", MQTT_CLIENT_ID_BYTES_MAX);
	return ERR_OK;
}

static enum err_code init(struct mqtt_subscriber *subscriber, struct error *err)
{
	struct mqtt_subscriber_options *options = &subscriber->options;
	enum err_code code = check_options(options, err);

	if (!code)
		code = mqtt_uri_parse_broker(str_from(options->url), &subscriber->arena, &subscriber->broker, err);
	if (!code && subscriber->broker.secure)
		code = mqtt_tls_init_files(&subscriber->tls, options->trusted_file, options->certificate_file,
					   options->key_file, subscriber->broker.host.at, err);
	if (options->keepalive_s == 0)
		options->keepalive_s = KEEPALIVE_S_DEFAULT;
	if (options->payload_bytes_max == 0)
		options->payload_bytes_max = PAYLOAD_BYTES_MAX_DEFAULT;
	subscriber->version = options->version == 3 ? 3 : 5;
	return code;
}

enum err_code mqtt_subscriber_new(const struct mqtt_subscriber_options *options,
				  struct mqtt_subscriber **ret_subscriber, struct error *err)
{
	struct mqtt_subscriber *subscriber = calloc(1, sizeof(*subscriber));

	if (!subscriber)
		return err_set(err, ERR_MEMORY, "no memory for an MQTT connection");
	subscriber->options = *options;
	subscriber->fd = -1;
	arena_init(&subscriber->arena, ARENA_BYTES_MAX);
	buf_init(&subscriber->out, MQTT_OUT_BYTES_MAX);
	enum err_code code = init(subscriber, err);

	if (code) {
		(void)mqtt_subscriber_free(subscriber);
		return code;
	}
	*ret_subscriber = subscriber;
	return ERR_OK;
}

struct mqtt_subscriber *mqtt_subscriber_free(struct mqtt_subscriber *subscriber)
{
	if (!subscriber)
		return NULL;
	if (subscriber->step >= STEP_SUBSCRIBING) {
		mqtt_write_disconnect(&subscriber->out, subscriber->version);
		(void)subscriber_flush(subscriber);
	}
	subscriber_close(subscriber);
	mqtt_tls_done(&subscriber->tls);
	arena_done(&subscriber->arena);
	buf_done(&subscriber->out);
	free(subscriber->in);
	free(subscriber);
	return NULL;
}

/* ---- breaking ---- */

static void end_publishes(struct mqtt_subscriber *subscriber)
{
	for (size_t i = 0; i < MQTT_PUBLISHES_WAITING_MAX && subscriber->publish_count > 0; i++) {
		struct subscriber_publish *publish = &subscriber->publishes[i];

		if (publish->id == 0)
			continue;
		publish->id = 0;
		subscriber->publish_count--;
		if (subscriber->options.published)
			subscriber->options.published(subscriber->options.self, publish->token, ERR_IO,
						      "the connection broke before the broker acknowledged");
	}
}

/* Up to a quarter more, so that the clients of a broker that was away do not all come back at once. */
static uint32_t with_jitter(uint32_t ms)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return ms + number % (ms / 4 + 1);
}

/* The next address at once, all of them after a while. */
static void connection_break(struct mqtt_subscriber *subscriber)
{
	bool was_open = subscriber->step >= STEP_SUBSCRIBING;
	bool more = !was_open && subscriber->address_next < subscriber->address_count;

	subscriber_close(subscriber);
	subscriber->step = STEP_CLOSED;
	end_publishes(subscriber);
	if (was_open)
		subscriber->address_count = subscriber->address_next = 0;
	uint32_t pause_ms = subscriber->backoff_ms ? subscriber->backoff_ms : BACKOFF_MS_MIN;

	subscriber->retry_ms = http_outgoing_now_ms() + (more ? 0 : with_jitter(pause_ms));
	if (!more)
		subscriber->backoff_ms = pause_ms < BACKOFF_MS_MAX / 2 ? pause_ms * 2 : BACKOFF_MS_MAX;
	if (was_open && subscriber->options.lost)
		subscriber->options.lost(subscriber->options.self);
}

/* ---- opening ---- */

static void begin_step(struct mqtt_subscriber *subscriber, enum subscriber_step step)
{
	subscriber->step = step;
	subscriber->step_by_ms = http_outgoing_now_ms() + STEP_MS_MAX;
}

static void connect_next(struct mqtt_subscriber *subscriber)
{
	begin_step(subscriber, STEP_CONNECTING);
	subscriber->connection++;
	if (!subscriber_connect(subscriber, subscriber->addresses[subscriber->address_next++]))
		connection_break(subscriber);
}

static void turn_resolving(struct mqtt_subscriber *subscriber)
{
	const struct addrinfo *found = NULL;
	char denied[ADDRESS_TEXT_BYTES];
	int code = 0;

	if (!mqtt_lookup_finished(subscriber->lookup, &code, &found))
		return;
	subscriber->address_next = 0;
	subscriber->address_count = mqtt_lookup_addresses(found, subscriber->options.policy, subscriber->broker.host,
							  subscriber->addresses, denied);
	subscriber->lookup = mqtt_lookup_free(subscriber->lookup);
	if (subscriber->address_count > 0) {
		connect_next(subscriber);
		return;
	}
	if (denied[0])
		subscriber_say_trouble(subscriber, "leads to the address %s, which may not be connected to from here",
				       denied);
	else
		subscriber_say_trouble(subscriber, "the host %s is not found: %s", subscriber->broker.host.at,
				       code ? gai_strerror(code) : "it has no address");
	connection_break(subscriber);
}

static void turn_closed(struct mqtt_subscriber *subscriber)
{
	struct error err;

	if (http_outgoing_now_ms() < subscriber->retry_ms)
		return;
	if (subscriber->address_next < subscriber->address_count) {
		connect_next(subscriber);
		return;
	}
	begin_step(subscriber, STEP_RESOLVING);
	if (mqtt_lookup_start(subscriber->broker.host.at, subscriber->broker.port, subscriber->options.wake_fd,
			      &subscriber->lookup, &err) != ERR_OK) {
		subscriber_say_trouble(subscriber, "%s", err.detail);
		connection_break(subscriber);
		return;
	}
	turn_resolving(subscriber); /* an address needs no waiting */
}

/* ---- turns ---- */

static void ask_for_session(struct mqtt_subscriber *subscriber)
{
	int64_t now_ms = http_outgoing_now_ms();

	subscriber->keepalive_ms = (int64_t)subscriber->options.keepalive_s * 1000;
	subscriber->sent_ms = subscriber->heard_ms = now_ms;
	subscriber->step_by_ms = now_ms + STEP_MS_MAX;
	subscriber_open(subscriber);
}

static void turn_connecting(struct mqtt_subscriber *subscriber, int events)
{
	if (subscriber->step == STEP_CONNECTING) {
		if (!(events & (POLLOUT | POLLERR | POLLHUP)))
			return;
		if (!subscriber_connected(subscriber)) {
			connection_break(subscriber);
			return;
		}
		if (subscriber->broker.secure)
			begin_step(subscriber, STEP_SECURING);
	}
	int secured = subscriber->broker.secure ? subscriber_secure(subscriber) : 1;

	if (secured < 0)
		connection_break(subscriber);
	else if (secured > 0)
		ask_for_session(subscriber);
}

/* A ping when we were quiet for long; an answer to it must come (3.1.2.10). */
static bool keep_alive(struct mqtt_subscriber *subscriber, int64_t now_ms)
{
	if (subscriber->keepalive_ms == 0)
		return true;
	if (subscriber->pinged && now_ms - subscriber->sent_ms > subscriber->keepalive_ms / 2 &&
	    now_ms - subscriber->heard_ms > subscriber->keepalive_ms) {
		subscriber_say_trouble(subscriber, "the broker does not answer");
		return false;
	}
	if (!subscriber->pinged && now_ms - subscriber->sent_ms >= subscriber->keepalive_ms / 2) {
		mqtt_write_pingreq(&subscriber->out);
		subscriber->pinged = true;
	}
	return true;
}

static bool turn_session(struct mqtt_subscriber *subscriber, int events, bool reads)
{
	int64_t now_ms = http_outgoing_now_ms();
	bool pending = subscriber->session && SSL_pending(subscriber->session) > 0;
	enum subscriber_step before = subscriber->step;

	if (!reads && subscriber->step == STEP_OPEN && (events & (POLLERR | POLLHUP))) {
		subscriber_say_trouble(subscriber, "the connection broke: the broker hung up");
		return false; /* what it has sent meanwhile comes again */
	}
	if (!subscriber_take(subscriber, (events & (POLLIN | POLLERR | POLLHUP)) || pending, reads))
		return false;
	if (subscriber->step != before)
		subscriber->step_by_ms = now_ms + STEP_MS_MAX;
	if (subscriber->step < STEP_OPEN && now_ms >= subscriber->step_by_ms) {
		subscriber_say_trouble(subscriber, "the broker does not open the session");
		return false;
	}
	if (!keep_alive(subscriber, now_ms))
		return false;
	if (subscriber->step == STEP_OPEN)
		subscriber_ask_more(subscriber);
	if (subscriber->out.failed) {
		subscriber_say_trouble(subscriber, "the broker does not take what is sent to it");
		return false;
	}
	return subscriber_flush(subscriber);
}

void mqtt_subscriber_turn(struct mqtt_subscriber *subscriber, int events, bool reads)
{
	if (subscriber->step == STEP_CLOSED)
		turn_closed(subscriber);
	else if (subscriber->step == STEP_RESOLVING)
		turn_resolving(subscriber);
	else if (subscriber->step < STEP_OPENING)
		turn_connecting(subscriber, events);
	if (subscriber->step >= STEP_OPENING) {
		if (!turn_session(subscriber, events, reads))
			connection_break(subscriber);
	} else if (subscriber->step != STEP_CLOSED && http_outgoing_now_ms() >= subscriber->step_by_ms) {
		subscriber_say_trouble(subscriber, "the broker %s does not answer", subscriber->broker.host.at);
		connection_break(subscriber);
	}
}

struct pollfd mqtt_subscriber_wanted(const struct mqtt_subscriber *subscriber, bool reads)
{
	struct pollfd wanted = {.fd = subscriber->fd, .events = 0};

	if (subscriber->step == STEP_CONNECTING || subscriber->tls_wants_write ||
	    (subscriber->step >= STEP_OPENING && subscriber->out.len > subscriber->out_sent))
		wanted.events |= POLLOUT;
	if (reads || subscriber->step < STEP_OPEN)
		wanted.events |= POLLIN;
	return wanted;
}

int64_t mqtt_subscriber_deadline_ms(const struct mqtt_subscriber *subscriber)
{
	switch (subscriber->step) {
	case STEP_CLOSED:
		return subscriber->retry_ms;
	case STEP_OPEN:
		if (subscriber->keepalive_ms == 0)
			return INT64_MAX;
		return subscriber->pinged ? subscriber->heard_ms + subscriber->keepalive_ms + 1
					  : subscriber->sent_ms + subscriber->keepalive_ms / 2;
	default:
		return subscriber->step_by_ms;
	}
}

/* ---- acknowledging, publishing ---- */

void mqtt_subscriber_ack(struct mqtt_subscriber *subscriber, uint64_t connection, uint16_t id)
{
	if (connection == subscriber->connection && subscriber->step >= STEP_SUBSCRIBING)
		mqtt_write_puback(&subscriber->out, id);
}

uint64_t mqtt_subscriber_connection(const struct mqtt_subscriber *subscriber)
{
	return subscriber->connection;
}

static bool id_is_taken(const struct mqtt_subscriber *subscriber, uint16_t id)
{
	for (size_t i = 0; i < MQTT_PUBLISHES_WAITING_MAX; i++)
		if (subscriber->publishes[i].id == id)
			return true;
	return false;
}

static uint16_t take_publish(struct mqtt_subscriber *subscriber, uint64_t token)
{
	uint16_t id = subscriber_new_id(subscriber);

	while (id_is_taken(subscriber, id))
		id = subscriber_new_id(subscriber);
	for (size_t i = 0; i < MQTT_PUBLISHES_WAITING_MAX; i++) {
		if (subscriber->publishes[i].id != 0)
			continue;
		subscriber->publishes[i] = (struct subscriber_publish){id, token};
		subscriber->publish_count++;
		break;
	}
	return id;
}

enum err_code mqtt_subscriber_publish(struct mqtt_subscriber *subscriber, struct str topic, struct str payload,
				      uint8_t qos, bool retained, uint64_t token, struct error *err)
{
	if (!mqtt_topic_is_good(topic, false))
		return err_set(err, ERR_INVALID, "\"%.*s\" is no topic to publish to",
			       STR_FMT(str_part(topic, 0, 100)));
	if (subscriber->step != STEP_OPEN)
		return err_set(err, ERR_CONFLICT, "there is no connection to the broker%s%s",
			       subscriber->trouble[0] ? ": " : "", subscriber->trouble);
	if (subscriber->publish_count == MQTT_PUBLISHES_WAITING_MAX ||
	    subscriber->out.len + topic.len + payload.len > MQTT_OUT_BYTES_MAX / 2)
		return err_set(err, ERR_LIMIT, "the broker has too much to acknowledge already");
	uint16_t id = qos ? take_publish(subscriber, token) : 0;

	mqtt_write_publish(&subscriber->out, subscriber->version, topic, payload, qos, retained, false, id);
	return ERR_OK;
}

/* ---- how it stands ---- */

enum mqtt_subscriber_state mqtt_subscriber_state(const struct mqtt_subscriber *subscriber)
{
	if (subscriber->step == STEP_OPEN)
		return MQTT_SUBSCRIBER_OPEN;
	return subscriber->step == STEP_CLOSED ? MQTT_SUBSCRIBER_WAITING : MQTT_SUBSCRIBER_CONNECTING;
}

int mqtt_subscriber_version(const struct mqtt_subscriber *subscriber)
{
	return subscriber->version;
}

const char *mqtt_subscriber_trouble(const struct mqtt_subscriber *subscriber)
{
	return subscriber->trouble;
}
