/* The MQTT sender against Debian's mosquitto: both versions, every QoS, users, topics that are refused, a broker that
 * restarts; and against false brokers on plain sockets: absent, mute, talkative. A subscriber by libmosquitto in the
 * same thread says what has arrived. Without mosquitto only the false brokers are there, and the rest says SKIP. */
#include "check.h"
#include "mqtt_broker.h"
#include "net/address_policy.h"
#include "net/mqtt_sender.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <stdatomic.h>

#define SENT_MAX 600

static struct broker broker;
static struct mqtt_sender *sender;
static struct error err;

/* ---- what the tests do with a sender ---- */

struct sent {
	struct mqtt_publish publish;
	char uri[256], body[32];
	enum err_code code;
	struct error error;
	int order; /* the how manieth to end; 0: has not */
};

static struct sent sent[SENT_MAX];
static int ended;

static void on_done(struct mqtt_publish *publish, enum err_code code, const struct error *error)
{
	struct sent *one = publish->self;

	CHECK(one->order == 0);
	one->code = code;
	one->error = *error;
	one->order = ++ended;
}

static void open_sender(const struct mqtt_sender_options *options)
{
	memset(sent, 0, sizeof(sent));
	ended = 0;
	CHECK_OK(mqtt_sender_new(options, &sender, &err), &err);
}

static struct sent *prepare(size_t index, const char *uri, uint8_t qos, int version)
{
	struct sent *one = &sent[index];

	*one = (struct sent){0};
	(void)snprintf(one->uri, sizeof(one->uri), "%s", uri);
	(void)snprintf(one->body, sizeof(one->body), "message %zu", index);
	one->publish = (struct mqtt_publish){.uri = one->uri,
					     .body = str_from(one->body),
					     .qos = qos,
					     .version = version,
					     .done = on_done,
					     .self = one};
	return one;
}

static struct sent *give(size_t index, const char *uri, uint8_t qos, int version, uint32_t timeout_ms)
{
	struct sent *one = prepare(index, uri, qos, version);

	one->publish.timeout_ms = timeout_ms;
	CHECK_OK(mqtt_sender_publish(sender, &one->publish, &err), &err);
	return one;
}

static void run_until(int count)
{
	time_t start = time(NULL);

	while (ended < count && time(NULL) < start + 15)
		CHECK_OK(mqtt_sender_run(sender, 200, &err), &err);
	CHECK(ended == count);
}

static const char *at_broker(const char *topic)
{
	static char uri[256];

	(void)snprintf(uri, sizeof(uri), "mqtt://ann:se%%3Acr%%40t@127.0.0.1:%u/%s", (unsigned int)broker.port, topic);
	return uri;
}

static const char *at_port(uint16_t port)
{
	static char uri[128];

	(void)snprintf(uri, sizeof(uri), "mqtt://ann:secret@127.0.0.1:%u/city", (unsigned int)port);
	return uri;
}

static bool says(const struct sent *one, const char *part)
{
	bool has = str_contains(str_from(one->error.detail), str_from(part));

	if (!has || str_contains(str_from(one->error.detail), STR("secret")))
		printf("# \"%s\" has no \"%s\"\n", one->error.detail, part);
	return has && !str_contains(str_from(one->error.detail), STR("secret"));
}

/* ---- the subscriber ---- */

static struct mosquitto *subscriber;
static bool subscribed;
static struct {
	char topic[64], body[32];
	int qos;
	size_t bytes;
} heard[SENT_MAX];
static size_t heard_count;

static void on_subscribe(struct mosquitto *mosq, void *cls, int mid, int count, const int *granted)
{
	(void)mosq;
	(void)cls;
	(void)mid;
	subscribed = count == 1 && granted[0] == 2;
}

static void on_message(struct mosquitto *mosq, void *cls, const struct mosquitto_message *message)
{
	(void)mosq;
	(void)cls;
	if (heard_count == SENT_MAX)
		return;
	(void)snprintf(heard[heard_count].topic, sizeof(heard[0].topic), "%s", message->topic);
	(void)snprintf(heard[heard_count].body, sizeof(heard[0].body), "%.*s",
		       message->payloadlen < 31 ? message->payloadlen : 31, (const char *)message->payload);
	heard[heard_count].bytes = (size_t)message->payloadlen;
	heard[heard_count++].qos = message->qos;
}

static void subscribe(void)
{
	heard_count = 0;
	subscribed = false;
	subscriber = mosquitto_new("subscriber", true, NULL);
	(void)mosquitto_username_pw_set(subscriber, "ann", BROKER_PASSWORD);
	mosquitto_subscribe_callback_set(subscriber, on_subscribe);
	mosquitto_message_callback_set(subscriber, on_message);
	CHECK(mosquitto_connect(subscriber, "127.0.0.1", broker.port, 60) == MOSQ_ERR_SUCCESS);
	CHECK(mosquitto_subscribe(subscriber, NULL, "city/#", 2) == MOSQ_ERR_SUCCESS);
	for (int i = 0; i < 100 && !subscribed; i++)
		(void)mosquitto_loop(subscriber, 100, 1);
	CHECK(subscribed);
}

/* Waits for so many and a little for more. */
static void hear(size_t count)
{
	time_t start = time(NULL);

	while (heard_count < count && time(NULL) < start + 10)
		(void)mosquitto_loop(subscriber, 100, 1);
	(void)mosquitto_loop(subscriber, 50, 1);
	CHECK(heard_count == count);
}

static void unsubscribe(void)
{
	mosquitto_destroy(subscriber);
	subscriber = NULL;
}

/* ---- with a broker ---- */

static void every_qos_in_both_versions_arrives(void)
{
	open_sender(NULL);
	subscribe();
	for (size_t i = 0; i < 6; i++) {
		(void)give(i, at_broker("city/stra%C3%9Fe/a%20b"), (uint8_t)(i % 3), i < 3 ? 3 : 5, 0);
		run_until((int)i + 1);
		CHECK_OK(sent[i].code, &sent[i].error);
		hear(i + 1);
		CHECK_STR(str_from(heard[i].topic), STR("city/straße/a b"));
		CHECK_STR(str_from(heard[i].body), str_from(sent[i].body));
		CHECK(heard[i].qos == (int)(i % 3));
	}
	unsubscribe();
	sender = mqtt_sender_free(sender);
}

static void many_arrive_in_their_order(void)
{
	for (uint8_t qos = 0; qos < 3; qos++) {
		open_sender(NULL);
		subscribe();
		for (size_t i = 0; i < 500; i++)
			(void)give(i, at_broker("city"), qos, 5, 0);
		run_until(500);
		hear(500);
		for (size_t i = 0; i < 500; i++) {
			CHECK(sent[i].code == ERR_OK && sent[i].order == (int)i + 1);
			CHECK_STR(str_from(heard[i].body), str_from(sent[i].body));
		}
		unsubscribe();
		sender = mqtt_sender_free(sender);
	}
}

static void a_large_and_an_empty_body_arrive(void)
{
	static char large[5000000];

	memset(large, 'l', sizeof(large));
	open_sender(NULL);
	subscribe();
	struct sent *one = prepare(0, at_broker("city"), 1, 5);

	one->publish.body = (struct str){large, sizeof(large)};
	CHECK_OK(mqtt_sender_publish(sender, &one->publish, &err), &err);
	one = prepare(1, at_broker("city"), 1, 5);
	one->publish.body = STR_NONE;
	CHECK_OK(mqtt_sender_publish(sender, &one->publish, &err), &err);
	run_until(2);
	hear(2);
	CHECK_OK(sent[0].code, &sent[0].error);
	CHECK_OK(sent[1].code, &sent[1].error);
	CHECK(heard[0].bytes == sizeof(large) && heard[1].bytes == 0);
	unsubscribe();
	sender = mqtt_sender_free(sender);
}

static void a_wrong_password_is_denied_at_once(void)
{
	open_sender(NULL);
	for (size_t i = 0; i < 2; i++)
		(void)give(i, at_port(broker.port), 1, i ? 3 : 5, 0);
	time_t start = time(NULL);

	run_until(2);
	CHECK(time(NULL) < start + 5);
	for (size_t i = 0; i < 2; i++)
		CHECK(sent[i].code == ERR_DENIED && says(&sent[i], "refuses the connection"));
	/* The right one has a connection of its own. */
	(void)give(2, at_broker("city"), 1, 5, 0);
	run_until(3);
	CHECK_OK(sent[2].code, &sent[2].error);
	sender = mqtt_sender_free(sender);
}

static void a_topic_may_be_refused(void)
{
	open_sender(NULL);
	for (uint8_t qos = 1; qos < 3; qos++)
		(void)give(qos, at_broker("elsewhere"), qos, 5, 0);
	/* 3.1.1 has no words for it. */
	(void)give(3, at_broker("elsewhere"), 1, 3, 0);
	run_until(3);
	CHECK(sent[1].code == ERR_DENIED && sent[2].code == ERR_DENIED && says(&sent[1], "is refused by the broker"));
	CHECK_OK(sent[3].code, &sent[3].error);
	sender = mqtt_sender_free(sender);
}

static void a_broker_may_restart(void)
{
	open_sender(NULL);
	for (size_t i = 0; i < 3; i++)
		(void)give(i, at_broker("city"), (uint8_t)i, 5, 0);
	run_until(3);
	broker_stop(&broker);
	for (size_t i = 3; i < 6; i++)
		(void)give(i, at_broker("city"), (uint8_t)(i % 2 + 1), i % 2 ? 5 : 3, 0);
	for (int i = 0; i < 5; i++)
		CHECK_OK(mqtt_sender_run(sender, 100, &err), &err);
	CHECK(ended == 3);
	CHECK(broker_start(&broker));
	run_until(6);
	for (size_t i = 0; i < 6; i++)
		CHECK_OK(sent[i].code, &sent[i].error);
	sender = mqtt_sender_free(sender);
}

static void connections_are_bounded(void)
{
	open_sender(&(struct mqtt_sender_options){.connections_max = 1});
	for (size_t i = 0; i < 6; i++) {
		(void)give(i, at_broker("city"), 1, i % 2 ? 3 : 5, 0);
		run_until((int)i + 1);
		CHECK_OK(sent[i].code, &sent[i].error);
	}
	(void)give(6, at_broker("city"), 1, 5, 0);
	struct sent *one = prepare(7, at_broker("city"), 1, 3);

	CHECK(mqtt_sender_publish(sender, &one->publish, &err) == ERR_LIMIT);
	run_until(7);
	sender = mqtt_sender_free(sender);
}

static void on_done_again(struct mqtt_publish *publish, enum err_code code, const struct error *error)
{
	CHECK_OK(code, error);
	if (++ended < 10)
		CHECK_OK(mqtt_sender_publish(sender, publish, &err), &err);
}

static void done_may_give_the_next(void)
{
	open_sender(NULL);
	struct sent *one = prepare(0, at_broker("city"), 0, 5);

	one->publish.done = on_done_again;
	CHECK_OK(mqtt_sender_publish(sender, &one->publish, &err), &err);
	run_until(10);
	sender = mqtt_sender_free(sender);
}

/* The certificate is for localhost, which the system does not trust until it is told to. */
static void tls_is_verified_by_name(void)
{
	char uri[128];

	for (size_t i = 0; i < 3; i++) {
		if (i == 1)
			(void)setenv("SSL_CERT_FILE", broker.certificate, 1);
		open_sender(NULL);
		(void)snprintf(uri, sizeof(uri), "mqtts://ann:se%%3Acr%%40t@%s:%u/city",
			       i == 2 ? "127.0.0.1" : "localhost", (unsigned int)broker.tls_port);
		(void)give(0, uri, 2, i ? 5 : 3, i == 1 ? 0 : 1000);
		run_until(1);
		if (i == 1)
			CHECK_OK(sent[0].code, &sent[0].error);
		else
			CHECK(sent[0].code == ERR_TIMEOUT && says(&sent[0], "the broker's certificate: "));
		sender = mqtt_sender_free(sender);
	}
	(void)unsetenv("SSL_CERT_FILE");
}

/* ---- without ---- */

static void an_absent_broker_is_a_timeout(void)
{
	open_sender(NULL);
	(void)give(0, at_port(broker_free_port()), 1, 5, 400);
	(void)give(1, "mqtts://ann:secret@127.0.0.1:1/city", 1, 5, 400);
	(void)give(2, "mqtt://ann:secret@nowhere.invalid/city", 1, 5, 1000);
	run_until(3);
	CHECK(sent[0].code == ERR_TIMEOUT && says(&sent[0], "Connection refused"));
	CHECK(sent[1].code == ERR_TIMEOUT && says(&sent[1], "cannot connect to 127.0.0.1: "));
	CHECK(sent[2].code == ERR_TIMEOUT && says(&sent[2], "mqtt://nowhere.invalid:1883/city was not published"));
	sender = mqtt_sender_free(sender);
}

enum falseness { MUTE, GARBAGE, CLOSES, TALKS, NEVER_ACKNOWLEDGES };

struct false_broker {
	int listener;
	uint16_t port;
	enum falseness how;
	pthread_t thread;
};

/* To one client after the other. */
static void *be_false(void *cls)
{
	static const char welcome[] = {0x20, 3, 0, 0, 0}; /* CONNACK of 5.0 */
	static const char publish[] = {0x30, (char)0xff, (char)0xff, (char)0xff, 0x7f}; /* 256 MiB to come */
	const struct false_broker *self = cls;
	static char bytes[65536];
	int fd;

	while ((fd = accept(self->listener, NULL, NULL)) >= 0) {
		if (self->how != CLOSES)
			(void)recv(fd, bytes, sizeof(bytes), 0);
		if (self->how == GARBAGE)
			(void)send(fd, "HTTP/1.1 400 What?\r\n\r\n", 22, MSG_NOSIGNAL);
		if (self->how == TALKS || self->how == NEVER_ACKNOWLEDGES)
			(void)send(fd, welcome, sizeof(welcome), MSG_NOSIGNAL);
		if (self->how == TALKS) {
			(void)send(fd, publish, sizeof(publish), MSG_NOSIGNAL);
			memset(bytes, 0, sizeof(bytes));
			while (send(fd, bytes, 16384, MSG_NOSIGNAL) > 0)
				broker_sleep_ms(2);
		}
		while (self->how != CLOSES && self->how != GARBAGE && recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		(void)close(fd);
	}
	return NULL;
}

static void false_start(struct false_broker *self, enum falseness how)
{
	self->how = how;
	self->listener = broker_socket(0, true, &self->port);
	if (self->listener < 0 || pthread_create(&self->thread, NULL, be_false, self) != 0)
		abort();
}

static void false_stop(struct false_broker *self)
{
	(void)shutdown(self->listener, SHUT_RDWR);
	(void)pthread_join(self->thread, NULL);
	(void)close(self->listener);
}

static void false_brokers_are_timeouts(void)
{
	/* The first deadline breaks the connection; a second, a millisecond later, finds its message waiting again. */
	static const char *const words[] = {"was not published in time", "the connection broke",
					    "was not published in time: ", "the broker sends what nobody asked for",
					    "acknowledge"};

	for (int how = MUTE; how <= NEVER_ACKNOWLEDGES; how++) {
		struct false_broker self;

		false_start(&self, (enum falseness)how);
		open_sender(NULL);
		(void)give(0, at_port(self.port), 2, 5, 700);
		(void)give(1, at_port(self.port), 1, 5, 700);
		run_until(2);
		for (size_t i = 0; i < 2; i++)
			if (!CHECK(sent[i].code == ERR_TIMEOUT && says(&sent[i], words[how])))
				printf("# false broker %d\n", how);
		if (how == NEVER_ACKNOWLEDGES)
			CHECK(says(&sent[0], "was not acknowledged in time"));
		sender = mqtt_sender_free(sender);
		false_stop(&self);
	}
}

/* It closes, or says nothing, in the middle of the handshake; nobody turns in circles over it. */
static void false_brokers_of_tls_are_timeouts(void)
{
	for (int how = MUTE; how <= CLOSES; how++) {
		struct false_broker self;
		char uri[64];
		clock_t start = clock();

		false_start(&self, (enum falseness)how);
		open_sender(NULL);
		(void)snprintf(uri, sizeof(uri), "mqtts://127.0.0.1:%u/city", (unsigned int)self.port);
		(void)give(0, uri, 1, 5, 700);
		run_until(1);
		CHECK(sent[0].code == ERR_TIMEOUT);
		CHECK(clock() - start < CLOCKS_PER_SEC / 2);
		sender = mqtt_sender_free(sender);
		false_stop(&self);
	}
}

static void the_policy_decides_on_addresses(void)
{
	static const char *const second[] = {"127.0.0.2"};
	struct address_policy *policy = NULL;

	CHECK_OK(address_policy_new(second, 1, &policy, &err), &err);
	open_sender(&(struct mqtt_sender_options){.policy = policy});
	(void)give(0, "mqtt://ann:secret@127.0.0.1:1/city", 1, 5, 500);
	(void)give(1, "mqtt://ann:secret@localhost:1/city", 1, 5, 500);
	(void)give(2, "mqtt://ann:secret@127.0.0.2:1/city", 1, 5, 500);
	run_until(3);
	CHECK(sent[0].code == ERR_DENIED && says(&sent[0], "the address 127.0.0.1, which may not be connected to"));
	CHECK(sent[1].code == ERR_DENIED && says(&sent[1], "localhost"));
	CHECK(sent[2].code == ERR_TIMEOUT && says(&sent[2], "Connection refused"));
	sender = mqtt_sender_free(sender);
	(void)address_policy_free(policy);
}

static void what_cannot_be_published_is_refused(void)
{
	open_sender(NULL);
	CHECK(mqtt_sender_publish(sender, &prepare(0, "http://h/t", 0, 5)->publish, &err) == ERR_INVALID);
	CHECK(mqtt_sender_publish(sender, &prepare(0, "mqtt://h/t", 3, 5)->publish, &err) == ERR_INVALID);
	CHECK(mqtt_sender_publish(sender, &prepare(0, "mqtt://h/t", 0, 4)->publish, &err) == ERR_INVALID);
	struct sent *one = prepare(0, "mqtt://h/t", 0, 5);

	one->publish.body.len = MQTT_BODY_BYTES_MAX + 1;
	CHECK(mqtt_sender_publish(sender, &one->publish, &err) == ERR_LIMIT);
	CHECK_OK(mqtt_sender_run(sender, 0, &err), &err);
	CHECK(ended == 0);
	sender = mqtt_sender_free(sender);
}

static void a_sender_is_freed_with_messages_under_way(void)
{
	struct false_broker self;

	false_start(&self, NEVER_ACKNOWLEDGES);
	open_sender(NULL);
	for (size_t i = 0; i < 200; i++)
		(void)give(i, at_port(self.port), 1, 5, 0);
	(void)give(200, "mqtt://nowhere.invalid/city", 1, 5, 0);
	for (int i = 0; i < 5; i++)
		CHECK_OK(mqtt_sender_run(sender, 20, &err), &err);
	sender = mqtt_sender_free(sender);
	CHECK(ended == 201);
	for (size_t i = 0; i < 201; i++)
		CHECK(sent[i].code == ERR_CONFLICT);
	CHECK(!mqtt_sender_free(NULL));
	false_stop(&self);
}

static void *wake_soon(void *cls)
{
	(void)cls;
	broker_sleep_ms(50);
	mqtt_sender_wake(sender);
	return NULL;
}

static void another_thread_wakes_a_run(void)
{
	pthread_t thread;
	time_t start = time(NULL);

	open_sender(NULL);
	if (pthread_create(&thread, NULL, wake_soon, NULL) != 0)
		abort();
	CHECK_OK(mqtt_sender_run(sender, 20000, &err), &err);
	(void)pthread_join(thread, NULL);
	mqtt_sender_wake(sender);
	CHECK_OK(mqtt_sender_run(sender, 20000, &err), &err);
	CHECK(time(NULL) < start + 10);
	sender = mqtt_sender_free(sender);
}

static void with_mosquitto(void)
{
	if (!CHECK(broker_new(&broker)))
		return;
	RUN(every_qos_in_both_versions_arrives);
	RUN(many_arrive_in_their_order);
	RUN(a_large_and_an_empty_body_arrive);
	RUN(a_wrong_password_is_denied_at_once);
	RUN(a_topic_may_be_refused);
	RUN(a_broker_may_restart);
	RUN(connections_are_bounded);
	RUN(done_may_give_the_next);
	if (broker.tls_port)
		RUN(tls_is_verified_by_name);
	else
		printf("ok %d - tls # SKIP openssl is not installed: NOTHING was tested over TLS\n", ++check_cases);
	broker_free(&broker);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)mosquitto_lib_init();
	if (broker_installed())
		with_mosquitto();
	else
		printf("ok %d - mosquitto # SKIP mosquitto is not installed: NOTHING was tested with a broker\n",
		       ++check_cases);
	RUN(an_absent_broker_is_a_timeout);
	RUN(false_brokers_are_timeouts);
	RUN(false_brokers_of_tls_are_timeouts);
	RUN(the_policy_decides_on_addresses);
	RUN(what_cannot_be_published_is_refused);
	RUN(a_sender_is_freed_with_messages_under_way);
	RUN(another_thread_wakes_a_run);
	(void)mosquitto_lib_cleanup();
	return check_done();
}
