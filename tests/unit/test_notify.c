/* The notifier with a broker in memory and a receiver on sockets, both in this process: what is owed arrives in order,
 * also when the receiver comes later, and everything ends. For ThreadSanitizer most of all; the daemon's behaviour is
 * tested in tests/scenario/subscriptions.py. */
#include "broker/subscriptions.h"
#include "check.h"
#include "notify/notify.h"
#include "number_util.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENTITIES 5u
#define CHANGES 60u
#define WAIT_MS 20000

/* ---- the receiver: a thread a connection ---- */

struct receiver {
	int listener;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the following */
	int64_t last[ENTITIES]; /* of each entity */
	uint32_t count, disorder;
	atomic_uint failing; /* so many are answered with 503 first */
};

struct connection {
	struct receiver *receiver;
	int fd;
};

/* "data":[{"id":"urn:x:N"…"value":V */
static void note(struct receiver *receiver, const char *body)
{
	const char *data = strstr(body, "\"data\""), *id = data ? strstr(data, "urn:x:") : NULL;
	const char *value = data ? strstr(data, "\"value\":") : NULL;
	unsigned entity = id ? (unsigned)number_at(id + 6) : ENTITIES;
	int64_t number = value ? (int64_t)number_at(value + 8) : -1;

	(void)pthread_mutex_lock(&receiver->lock);
	if (entity >= ENTITIES || number < receiver->last[entity]) {
		receiver->disorder++;
	} else if (number > receiver->last[entity]) {
		receiver->last[entity] = number;
		receiver->count++;
	}
	(void)pthread_mutex_unlock(&receiver->lock);
}

static bool answer(const struct connection *connection, const char *body)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const char bad[] = "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n";
	struct receiver *receiver = connection->receiver;
	unsigned failing = atomic_load(&receiver->failing);

	if (failing > 0 && atomic_compare_exchange_strong(&receiver->failing, &failing, failing - 1))
		return send(connection->fd, bad, sizeof(bad) - 1, MSG_NOSIGNAL) > 0;
	note(receiver, body);
	return send(connection->fd, good, sizeof(good) - 1, MSG_NOSIGNAL) > 0;
}

static void *serve(void *self)
{
	struct connection *connection = self;
	char bytes[8192];
	size_t len = 0;
	ssize_t got;

	while ((got = recv(connection->fd, bytes + len, sizeof(bytes) - 1 - len, 0)) > 0) {
		len += (size_t)got;
		bytes[len] = '\0';
		char *end = strstr(bytes, "\r\n\r\n"), *length = strstr(bytes, "Content-Length:");

		if (!end || !length || len < (size_t)(end + 4 - bytes) + number_at(length + 15))
			continue;
		if (!answer(connection, end + 4))
			break;
		len = 0;
	}
	(void)close(connection->fd);
	free(connection);
	return NULL;
}

static void *accept_all(void *self)
{
	struct receiver *receiver = self;
	int fd;

	while ((fd = accept(receiver->listener, NULL, NULL)) >= 0) {
		struct connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		*connection = (struct connection){receiver, fd};
		if (pthread_create(&thread, NULL, serve, connection) == 0)
			(void)pthread_detach(thread);
	}
	return NULL;
}

static void receiver_begin(struct receiver *receiver)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*receiver = (struct receiver){.listener = socket(AF_INET, SOCK_STREAM, 0)};
	(void)pthread_mutex_init(&receiver->lock, NULL);
	CHECK(bind(receiver->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(getsockname(receiver->listener, (struct sockaddr *)&address, &len) == 0);
	receiver->port = ntohs(address.sin_port);
}

static void receiver_listen(struct receiver *receiver)
{
	CHECK(listen(receiver->listener, 64) == 0);
	CHECK(pthread_create(&receiver->thread, NULL, accept_all, receiver) == 0);
}

static void receiver_end(struct receiver *receiver)
{
	(void)shutdown(receiver->listener, SHUT_RDWR);
	(void)pthread_join(receiver->thread, NULL);
	(void)close(receiver->listener);
}

static uint32_t wait_for(struct receiver *receiver, uint32_t count)
{
	uint32_t got = 0;

	for (unsigned i = 0; i < WAIT_MS / 10 && got < count; i++) {
		(void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		(void)pthread_mutex_lock(&receiver->lock);
		got = receiver->count;
		(void)pthread_mutex_unlock(&receiver->lock);
	}
	return got;
}

/* ---- the city ---- */

struct city {
	struct broker *broker;
	struct notifier *notifier;
	struct store *store;
	struct json_parser *parser;
	struct arena arena;
};

static void city_begin(struct city *city)
{
	struct error err = {0};

	*city = (struct city){.parser = json_parser_new()};
	arena_init(&city->arena, (size_t)64 << 20);
	CHECK_OK(broker_new(&(struct broker_options){.create = true}, &city->broker, &err), &err);
	CHECK_OK(broker_tenant(city->broker, STR_NONE, true, &city->store, &err), &err);
	CHECK_OK(notifier_new(&(struct notifier_options){.broker = city->broker, .retry_first_ms = 50}, &city->notifier,
			      &err),
		 &err);
}

static void city_end(struct city *city)
{
	city->notifier = notifier_free(city->notifier);
	city->broker = broker_free(city->broker);
	(void)json_parser_free(city->parser);
	arena_done(&city->arena);
}

static struct json *parse(struct city *city, const char *text)
{
	struct json *json = NULL;
	struct error err = {0};

	CHECK_OK(json_parse(city->parser, &city->arena, str_from(text), NULL, &json, &err), &err);
	return json;
}

static void on_written(struct subscription_write *write, enum err_code code, const struct error *err)
{
	(void)err;
	atomic_store((atomic_int *)write->self, code == ERR_OK ? 1 : -1);
}

static void change_subscription(struct city *city, enum subscription_operation operation, const char *text)
{
	atomic_int outcome = 0;
	struct error err = {0};
	struct subscription_write write = {.operation = operation,
					   .id = STR("urn:x:s"),
					   .document = text ? parse(city, text) : NULL,
					   .context = broker_core_context(city->broker),
					   .arena = &city->arena,
					   .done = on_written,
					   .self = &outcome};

	CHECK_OK(broker_subscription_submit(city->broker, STR_NONE, &write, &err), &err);
	while (atomic_load(&outcome) == 0)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	CHECK(atomic_load(&outcome) == 1);
}

static void subscribe(struct city *city, uint16_t port)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"id\":\"urn:x:s\",\"type\":\"Subscription\",\"entities\":[{\"type\":"
		       "\"https://uri.etsi.org/ngsi-ld/default-context/T\"}],"
		       "\"notification\":{\"endpoint\":{\"uri\":\"http://127.0.0.1:%u/\"}}}",
		       port);
	change_subscription(city, SUBSCRIPTION_CREATE, text);
}

static void change(struct city *city, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char text[512], id[32];
		struct error err = {0};
		struct broker_item item = {.operation = BROKER_UPSERT};
		struct broker_write write = {.items = &item, .item_count = 1, .arena = &city->arena};

		(void)snprintf(id, sizeof(id), "urn:x:%u", i % ENTITIES);
		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"%s\",\"type\":[\"https://uri.etsi.org/ngsi-ld/default-context/T\"],"
			       "\"createdAt\":1,\"https://uri.etsi.org/ngsi-ld/default-context/n\":"
			       "[{\"type\":\"Property\",\"value\":%u,\"createdAt\":1}]}",
			       id, i + 1);
		item.id = str_from(id);
		item.entity = parse(city, text);
		CHECK_OK(broker_apply(city->broker, city->store, &write, &err), &err);
		CHECK(item.outcome.code == ERR_OK);
	}
}

static void what_is_owed_arrives_in_order(void)
{
	struct city city;
	struct receiver receiver;
	struct notifier_stats stats;

	receiver_begin(&receiver);
	receiver_listen(&receiver);
	city_begin(&city);
	subscribe(&city, receiver.port);
	atomic_store(&receiver.failing, 3);
	change(&city, 0, CHANGES);
	CHECK(wait_for(&receiver, CHANGES) == CHANGES);
	CHECK(receiver.disorder == 0);
	notifier_stats(city.notifier, &stats);
	CHECK(stats.failed == 3 && stats.sent >= CHANGES + 3 && stats.dead == 0);
	/* Nobody is told after the end. */
	change_subscription(&city, SUBSCRIPTION_DELETE, NULL);
	change(&city, CHANGES, CHANGES + 5);
	(void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	CHECK(wait_for(&receiver, 0) == 0 && receiver.count == CHANGES);
	city_end(&city);
	receiver_end(&receiver);
}

static void a_receiver_may_come_later(void)
{
	struct city city;
	struct receiver receiver;

	receiver_begin(&receiver);
	city_begin(&city);
	subscribe(&city, receiver.port);
	change(&city, 0, CHANGES);
	/* The notifier goes and comes while nothing answers. */
	city.notifier = notifier_free(city.notifier);
	struct error err = {0};

	CHECK_OK(notifier_new(&(struct notifier_options){.broker = city.broker, .retry_first_ms = 20}, &city.notifier,
			      &err),
		 &err);
	receiver_listen(&receiver);
	change(&city, CHANGES, 2 * CHANGES);
	CHECK(wait_for(&receiver, 2 * CHANGES) == 2 * CHANGES);
	CHECK(receiver.disorder == 0);
	city_end(&city);
	receiver_end(&receiver);
}

/* They are given up by the first look, in which the lane that would send them wakes too. */
static void beyond_what_is_kept_the_oldest_are_never_sent(void)
{
	struct city city;
	struct receiver receiver;
	struct notifier_stats stats;
	struct error err = {0};

	receiver_begin(&receiver);
	city_begin(&city);
	subscribe(&city, receiver.port);
	city.notifier = notifier_free(city.notifier);
	change(&city, 0, CHANGES);
	receiver_listen(&receiver);
	CHECK_OK(notifier_new(&(struct notifier_options){.broker = city.broker, .owed_max = 10, .retry_first_ms = 20},
			      &city.notifier, &err),
		 &err);
	CHECK(wait_for(&receiver, 10) == 10);
	(void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	(void)pthread_mutex_lock(&receiver.lock);
	CHECK(receiver.count == 10 && receiver.disorder == 0);
	for (unsigned i = 0; i < ENTITIES; i++)
		CHECK(receiver.last[i] == (int64_t)(CHANGES - ENTITIES + i + 1));
	(void)pthread_mutex_unlock(&receiver.lock);
	notifier_stats(city.notifier, &stats);
	CHECK(stats.dead == CHANGES - 10 && stats.sent == 10);
	city_end(&city);
	receiver_end(&receiver);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	RUN(what_is_owed_arrives_in_order);
	RUN(a_receiver_may_come_later);
	RUN(beyond_what_is_kept_the_oldest_are_never_sent);
	return check_done();
}
