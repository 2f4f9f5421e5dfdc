/* Messages to brokers: the connections, one for each broker and user, and the one loop that waits for all of them.
 *
 * done() is called from a list when nothing of the sender is being walked, so it may give further messages. A
 * connection's pointers to the sender's lists are only followed inside a call of the sender. */
#include "net/mqtt_sender.h"

#include "base/cleanup.h"
#include "net/http_outgoing_int.h"
#include "net/mqtt_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define CONNECTIONS_DEFAULT 64u
#define TIMEOUT_MS_DEFAULT 10000u
#define CARE_MS 1000 /* how long an open connection is left alone at most: libmosquitto's keep-alive needs a look */
#define PARSE_ARENA_BYTES_MAX ((size_t)64 << 10)

/* ---- giving messages ---- */

/* The place of the connection that was used least recently of those that have nothing to do. */
static struct mqtt_connection **least_used(struct mqtt_sender *sender)
{
	struct mqtt_connection **least = NULL;

	for (uint32_t i = 0; i < sender->connection_count; i++) {
		struct mqtt_connection **at = &sender->connections[i];

		if (mqtt_connection_idle(*at) && (!least || (*at)->used_ms < (*least)->used_ms))
			least = at;
	}
	return least;
}

static enum err_code find_connection(struct mqtt_sender *sender, const struct mqtt_uri *uri, int version,
				     struct mqtt_connection **ret_connection, struct error *err)
{
	struct mqtt_connection **place = NULL, *made = NULL;

	for (uint32_t i = 0; i < sender->connection_count; i++)
		if (mqtt_connection_fits(sender->connections[i], uri, version)) {
			*ret_connection = sender->connections[i];
			return ERR_OK;
		}
	bool full = sender->connection_count == sender->connections_max;

	place = full ? least_used(sender) : &sender->connections[sender->connection_count];
	if (!place)
		return err_set(err, ERR_LIMIT, "all %u connections to brokers are busy", sender->connections_max);
	enum err_code code = mqtt_connection_new(sender, uri, version, &made, err);

	if (code != ERR_OK)
		return code;
	if (full)
		(void)mqtt_connection_free(*place);
	else
		sender->connection_count++;
	*ret_connection = *place = made;
	return ERR_OK;
}

static enum err_code accept_publish(struct mqtt_sender *sender, struct mqtt_publish *publish, struct arena *arena,
				    struct error *err)
{
	uint32_t timeout_ms = publish->timeout_ms ? publish->timeout_ms : TIMEOUT_MS_DEFAULT;
	struct mqtt_uri uri;
	enum err_code code = mqtt_uri_parse(str_from(publish->uri), arena, &uri, err);

	if (code != ERR_OK)
		return code;
	CLEANUP_MEMORY char *topic = strdup(uri.topic.at);

	if (!topic)
		return err_set(err, ERR_MEMORY, "no memory for an MQTT message");
	code = find_connection(sender, &uri, publish->version, &publish->connection, err);
	if (code != ERR_OK)
		return code;
	publish->connection->used_ms = http_outgoing_now_ms();
	publish->deadline_ms = publish->connection->used_ms + timeout_ms;
	publish->topic = TAKE(topic);
	if (publish->deadline_ms < sender->deadline_ms)
		sender->deadline_ms = publish->deadline_ms;
	mqtt_list_add(&publish->connection->waiting, publish);
	sender->publish_count++;
	return ERR_OK;
}

enum err_code mqtt_sender_publish(struct mqtt_sender *sender, struct mqtt_publish *publish, struct error *err)
{
	struct arena arena;

	if (sender->closing)
		return err_set(err, ERR_CONFLICT, "the sender is being closed");
	if (publish->qos > 2 || (publish->version != 3 && publish->version != 5))
		return err_set(err, ERR_INVALID, "MQTT has QoS 0 to 2 and the versions 3 (3.1.1) and 5");
	if (publish->body.len > MQTT_BODY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "an MQTT message of more than %zu bytes", MQTT_BODY_BYTES_MAX);
	if (sender->publish_count >= MQTT_PUBLISHES_MAX)
		return err_set(err, ERR_LIMIT, "%u MQTT messages have not ended yet", MQTT_PUBLISHES_MAX);
	arena_init(&arena, PARSE_ARENA_BYTES_MAX);
	enum err_code code = accept_publish(sender, publish, &arena, err);

	arena_done(&arena);
	return code;
}

/* ---- the run ---- */

/* True when some had ended. Only what is in the list now, so that a done() that gives messages cannot hold us here. */
static bool deliver(struct mqtt_sender *sender)
{
	struct mqtt_publish *publish = sender->ended.first;
	bool some = publish != NULL;

	sender->ended = (struct mqtt_list){0};
	while (publish) {
		struct mqtt_publish *next = publish->next;
		struct error error = publish->error;

		sender->publish_count--;
		publish->done(publish, error.code, &error);
		publish = next;
	}
	return some;
}

static void turn_all(struct mqtt_sender *sender)
{
	int64_t now_ms = http_outgoing_now_ms();

	for (uint32_t i = 0; i < sender->connection_count; i++)
		mqtt_connection_turn(sender->connections[i], now_ms);
	if (now_ms < sender->deadline_ms)
		return;
	sender->deadline_ms = INT64_MAX;
	for (uint32_t i = 0; i < sender->connection_count; i++) {
		int64_t next_ms = mqtt_connection_expire(sender->connections[i], now_ms);

		if (next_ms < sender->deadline_ms)
			sender->deadline_ms = next_ms;
	}
}

static int wait_ms(const struct mqtt_sender *sender, uint32_t timeout_ms)
{
	int64_t now_ms = http_outgoing_now_ms(), until_ms = now_ms + timeout_ms;

	if (sender->deadline_ms < until_ms)
		until_ms = sender->deadline_ms;
	for (uint32_t i = 0; i < sender->connection_count; i++) {
		const struct mqtt_connection *connection = sender->connections[i];
		int64_t due_ms = INT64_MAX;

		if (connection->state == MQTT_CLOSED && connection->waiting.first)
			due_ms = connection->retry_ms;
		else if (connection->state == MQTT_OPENING)
			due_ms = connection->open_by_ms;
		else if (connection->state == MQTT_OPEN)
			due_ms = now_ms + CARE_MS;
		if (due_ms < until_ms)
			until_ms = due_ms;
	}
	int64_t left_ms = until_ms - now_ms;

	return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

enum err_code mqtt_sender_run(struct mqtt_sender *sender, uint32_t timeout_ms, struct error *err)
{
	struct pollfd *fds = sender->fds;
	uint64_t woken;

	turn_all(sender);
	if (deliver(sender))
		return ERR_OK;
	uint32_t count = sender->connection_count;

	fds[count] = (struct pollfd){.fd = sender->wake_fd, .events = POLLIN};
	for (uint32_t i = 0; i < count; i++)
		fds[i] = mqtt_connection_wanted(sender->connections[i]);
	if (poll(fds, count + 1, wait_ms(sender, timeout_ms)) < 0 && errno != EINTR)
		return err_set(err, ERR_IO, "cannot wait for brokers: %s", strerrordesc_np(errno));
	if (fds[count].revents)
		(void)!read(sender->wake_fd, &woken, sizeof(woken));
	for (uint32_t i = 0; i < count; i++)
		mqtt_connection_event(sender->connections[i], fds[i].revents);
	turn_all(sender);
	(void)deliver(sender);
	return ERR_OK;
}

void mqtt_sender_wake(struct mqtt_sender *sender)
{
	const uint64_t one = 1;

	(void)!write(sender->wake_fd, &one, sizeof(one));
}

/* ---- the whole ---- */

static void sender_done(struct mqtt_sender *sender)
{
	X509_STORE_free(sender->store);
	if (sender->wake_fd >= 0)
		(void)close(sender->wake_fd);
	free(sender->fds);
	free((void *)sender->connections);
	free(sender);
}

struct mqtt_sender *mqtt_sender_free(struct mqtt_sender *sender)
{
	if (!sender)
		return NULL;
	sender->closing = true;
	for (uint32_t i = 0; i < sender->connection_count; i++)
		(void)mqtt_connection_free(sender->connections[i]);
	(void)deliver(sender);
	sender_done(sender);
	(void)mosquitto_lib_cleanup();
	return NULL;
}

enum err_code mqtt_sender_new(const struct mqtt_sender_options *options, struct mqtt_sender **ret_sender,
			      struct error *err)
{
	struct mqtt_sender *sender = calloc(1, sizeof(*sender));
	uint32_t count = options && options->connections_max ? options->connections_max : CONNECTIONS_DEFAULT;

	if (!sender)
		return err_set(err, ERR_MEMORY, "no memory for an MQTT sender");
	sender->policy = options ? options->policy : NULL;
	sender->connections_max = count < MQTT_CONNECTIONS_MAX ? count : MQTT_CONNECTIONS_MAX;
	sender->deadline_ms = INT64_MAX;
	sender->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sender->fds = calloc((size_t)sender->connections_max + 1, sizeof(*sender->fds));
	sender->connections = calloc(sender->connections_max, sizeof(struct mqtt_connection *));
	if (sender->wake_fd < 0 || !sender->fds || !sender->connections || mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
		sender_done(sender);
		return err_set(err, ERR_MEMORY, "no memory or descriptor for an MQTT sender");
	}
	*ret_sender = sender;
	return ERR_OK;
}
