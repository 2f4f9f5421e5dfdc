/* The MQTT subscriber against Debian's mosquitto: both versions, acknowledgements that come late or never, a broker
 * that restarts, TLS, messages that are too large or not wanted yet; and against false brokers on plain sockets.
 * Without mosquitto only these are there, and the rest says SKIP. */
#include "check.h"
#include "mqtt_broker.h"
#include "net/mqtt_subscriber.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define GOT_MAX 3000u
#define PATIENCE_S 20

static struct broker broker;
static struct error err;
static int wake_fd;
static char url[128];

struct client {
	struct mqtt_subscriber *subscriber;
	struct str filter;
	struct {
		char topic[64], payload[64];
		uint16_t id;
		bool again;
	} got[GOT_MAX];
	size_t got_count;
	bool acknowledges;
	size_t takes_max; /* messages beyond are held up */
	size_t oversized_count, oversized_bytes;
	size_t lost_count;
	size_t published_count;
	uint64_t token;
	enum err_code published_code;
	bool reads;
};

static struct client one, two;

/* ---- what clients do ---- */

static bool on_message(void *self, const struct mqtt_message *message)
{
	struct client *client = self;

	if (client->got_count >= client->takes_max || client->got_count == GOT_MAX)
		return false;
	(void)snprintf(client->got[client->got_count].topic, sizeof(client->got[0].topic), "%.*s",
		       STR_FMT(message->topic));
	(void)snprintf(client->got[client->got_count].payload, sizeof(client->got[0].payload), "%.*s",
		       STR_FMT(message->payload));
	client->got[client->got_count].id = message->id;
	client->got[client->got_count++].again = message->again;
	if (client->acknowledges && message->qos)
		mqtt_subscriber_ack(client->subscriber, mqtt_subscriber_connection(client->subscriber), message->id);
	return true;
}

static void on_oversized(void *self, const struct mqtt_message *message, size_t payload_bytes)
{
	struct client *client = self;

	CHECK_STR(message->topic, STR("city/large"));
	client->oversized_count++;
	client->oversized_bytes = payload_bytes;
}

static void on_published(void *self, uint64_t token, enum err_code code, const char *why)
{
	struct client *client = self;

	CHECK((code == ERR_OK) == (why[0] == '\0'));
	client->published_count++;
	client->token = token;
	client->published_code = code;
}

static void on_lost(void *self)
{
	struct client *client = self;

	client->lost_count++;
}

static void open_client(struct client *client, const char *name, const char *filter,
			const struct mqtt_subscriber_options *wanted)
{
	struct mqtt_subscriber_options options = *wanted;

	*client =
		(struct client){.filter = str_from(filter), .takes_max = SIZE_MAX, .acknowledges = true, .reads = true};
	options.client_id = str_from(name);
	options.filters = &client->filter;
	options.filter_count = filter ? 1 : 0;
	options.wake_fd = wake_fd;
	options.message = on_message;
	options.oversized = on_oversized;
	options.published = on_published;
	options.lost = on_lost;
	options.self = client;
	if (!options.url)
		options.url = url;
	CHECK_OK(mqtt_subscriber_new(&options, &client->subscriber, &err), &err);
}

static void close_client(struct client *client)
{
	client->subscriber = mqtt_subscriber_free(client->subscriber);
}

/* As an owner does it; at most 50 ms. */
static void turn(struct client *client)
{
	struct pollfd fds[2] = {mqtt_subscriber_wanted(client->subscriber, client->reads),
				{.fd = wake_fd, .events = POLLIN}};
	uint64_t woken;

	(void)poll(fds, 2, 20);
	(void)!read(wake_fd, &woken, sizeof(woken));
	mqtt_subscriber_turn(client->subscriber, fds[0].revents, client->reads);
}

#define UNTIL(condition)                                                                                               \
	do {                                                                                                           \
		time_t start_ = time(NULL);                                                                            \
		while (!(condition) && time(NULL) < start_ + PATIENCE_S) {                                             \
			if (one.subscriber)                                                                            \
				turn(&one);                                                                            \
			if (two.subscriber)                                                                            \
				turn(&two);                                                                            \
		}                                                                                                      \
		CHECK(condition);                                                                                      \
	} while (0)

static bool is_open(const struct client *client)
{
	return mqtt_subscriber_state(client->subscriber) == MQTT_SUBSCRIBER_OPEN;
}

static void publish(struct client *client, const char *topic, const char *payload, uint8_t qos, uint64_t token)
{
	CHECK_OK(mqtt_subscriber_publish(client->subscriber, str_from(topic), str_from(payload), qos, false, token,
					 &err),
		 &err);
}

static void settle(int turns)
{
	for (int i = 0; i < turns; i++) {
		if (one.subscriber)
			turn(&one);
		if (two.subscriber)
			turn(&two);
	}
}

/* ---- with mosquitto ---- */

static void both_versions_and_qos_arrive(void)
{
	for (int version = 3; version <= 5; version += 2) {
		for (uint8_t qos = 0; qos < 2; qos++) {
			open_client(&one, "one", "city/+/state",
				    &(struct mqtt_subscriber_options){.version = version, .clean = true, .qos = qos});
			open_client(&two, "two", NULL, &(struct mqtt_subscriber_options){.clean = true});
			UNTIL(is_open(&one) && is_open(&two));
			CHECK(mqtt_subscriber_version(one.subscriber) == version);
			publish(&two, "city/a/state", "1", qos, 7);
			publish(&two, "city/a/other", "2", qos, 8);
			publish(&two, "city/b/state", "3", qos, 9);
			UNTIL(one.got_count == 2 && two.published_count == (qos ? 3 : 0));
			CHECK_STR(str_from(one.got[0].topic), STR("city/a/state"));
			CHECK_STR(str_from(one.got[1].payload), STR("3"));
			CHECK(!one.got[0].again);
			CHECK(!qos || (two.token == 9 && two.published_code == ERR_OK));
			close_client(&one);
			close_client(&two);
		}
	}
}

static void what_is_not_acknowledged_comes_again(void)
{
	const struct mqtt_subscriber_options kept = {.qos = 1, .session_s = 600};

	open_client(&one, "keeper", "city/#", &kept);
	open_client(&two, "two", NULL, &(struct mqtt_subscriber_options){.clean = true});
	UNTIL(is_open(&one) && is_open(&two));
	one.acknowledges = false;
	publish(&two, "city/1", "1", 1, 1);
	publish(&two, "city/2", "2", 1, 2);
	publish(&two, "city/3", "3", 1, 3);
	UNTIL(one.got_count == 3);
	mqtt_subscriber_ack(one.subscriber, mqtt_subscriber_connection(one.subscriber), one.got[0].id);
	mqtt_subscriber_ack(one.subscriber, mqtt_subscriber_connection(one.subscriber) - 1,
			    one.got[1].id); /* nothing */
	settle(5);
	close_client(&one);
	publish(&two, "city/4", "4", 1, 4);
	UNTIL(two.published_count == 4);
	open_client(&one, "keeper", "city/#", &kept);
	UNTIL(one.got_count == 3);
	CHECK_STR(str_from(one.got[0].payload), STR("2"));
	CHECK_STR(str_from(one.got[1].payload), STR("3"));
	CHECK_STR(str_from(one.got[2].payload), STR("4"));
	CHECK(one.got[0].again && one.got[1].again);
	settle(5);
	CHECK(one.got_count == 3);
	close_client(&one);
	close_client(&two);
}

static void messages_wait_until_they_are_wanted(void)
{
	open_client(&one, "one", "city/#",
		    &(struct mqtt_subscriber_options){.clean = true, .qos = 1, .receive_max = 3000});
	open_client(&two, "two", NULL, &(struct mqtt_subscriber_options){.clean = true});
	UNTIL(is_open(&one) && is_open(&two));
	one.takes_max = 100;
	for (unsigned int i = 0; i < 200; i++) {
		char payload[16];

		(void)snprintf(payload, sizeof(payload), "%u", i);
		publish(&two, "city/x", payload, 1, i);
		if (i % 50 == 0)
			settle(1);
	}
	UNTIL(two.published_count == 200 && one.got_count == 100);
	settle(5);
	CHECK(one.got_count == 100);
	one.reads = false;
	one.takes_max = SIZE_MAX;
	settle(5);
	CHECK(one.got_count == 100);
	one.reads = true;
	UNTIL(one.got_count == 200);
	for (unsigned int i = 0; i < 200; i++) {
		char payload[16];

		(void)snprintf(payload, sizeof(payload), "%u", i);
		CHECK_STR(str_from(one.got[i].payload), str_from(payload));
	}
	close_client(&one);
	close_client(&two);
}

static void what_is_too_large_is_told_and_passed_over(void)
{
	static char large[300000];

	memset(large, 'x', sizeof(large) - 1);
	open_client(&one, "one", "city/#",
		    &(struct mqtt_subscriber_options){.clean = true, .qos = 1, .payload_bytes_max = 1000});
	open_client(&two, "two", NULL, &(struct mqtt_subscriber_options){.clean = true});
	UNTIL(is_open(&one) && is_open(&two));
	publish(&two, "city/large", large, 1, 1);
	publish(&two, "city/small", "1", 1, 2);
	UNTIL(one.got_count == 1 && one.oversized_count == 1);
	CHECK(one.oversized_bytes == sizeof(large) - 1);
	large[1500] = '\0';
	publish(&two, "city/large", large, 1, 3);
	publish(&two, "city/small", "2", 1, 4);
	UNTIL(one.got_count == 2 && one.oversized_count == 2);
	CHECK(one.oversized_bytes == 1500);
	CHECK(is_open(&one) && one.lost_count == 0);
	close_client(&one);
	close_client(&two);
}

static void refusals_are_told_without_secrets(void)
{
	char wrong[128];

	(void)snprintf(wrong, sizeof(wrong), "mqtt://ann:secret@127.0.0.1:%u", (unsigned int)broker.port);
	for (int version = 3; version <= 5; version += 2) {
		open_client(&one, "one", "city/#",
			    &(struct mqtt_subscriber_options){.url = wrong, .version = version, .clean = true});
		UNTIL(mqtt_subscriber_trouble(one.subscriber)[0]);
		CHECK(str_contains(str_from(mqtt_subscriber_trouble(one.subscriber)), STR("refuses the connection")));
		CHECK(!str_contains(str_from(mqtt_subscriber_trouble(one.subscriber)), STR("secret")));
		close_client(&one);
	}
	/* A topic that ann may not write to: 5.0's PUBACK says so. */
	open_client(&two, "two", NULL, &(struct mqtt_subscriber_options){.clean = true});
	UNTIL(is_open(&two));
	publish(&two, "elsewhere", "1", 1, 5);
	UNTIL(two.published_count == 1);
	CHECK(two.published_code == ERR_DENIED && two.token == 5);
	close_client(&two);
}

static void a_broker_may_restart(void)
{
	open_client(&one, "one", "city/#", &(struct mqtt_subscriber_options){.clean = true, .qos = 1});
	UNTIL(is_open(&one));
	uint64_t before = mqtt_subscriber_connection(one.subscriber);

	broker_stop(&broker);
	UNTIL(!is_open(&one));
	CHECK(one.lost_count == 1);
	CHECK(mqtt_subscriber_publish(one.subscriber, STR("city/a"), STR("1"), 1, false, 1, &err) == ERR_CONFLICT);
	CHECK(broker_start(&broker));
	UNTIL(is_open(&one));
	CHECK(mqtt_subscriber_connection(one.subscriber) > before);
	publish(&one, "city/a", "1", 1, 1);
	UNTIL(one.got_count == 1);
	close_client(&one);
}

static void tls_is_verified(void)
{
	char named[128], by_address[128];

	(void)snprintf(named, sizeof(named), "mqtts://ann:se%%3Acr%%40t@localhost:%u", (unsigned int)broker.tls_port);
	(void)snprintf(by_address, sizeof(by_address), "mqtts://127.0.0.1:%u", (unsigned int)broker.tls_port);
	open_client(&one, "one", "city/#",
		    &(struct mqtt_subscriber_options){
			    .url = named, .clean = true, .qos = 1, .trusted_file = broker.certificate});
	UNTIL(is_open(&one));
	for (unsigned int i = 0; i < 100; i++)
		publish(&one, "city/a", "1", 1, i);
	UNTIL(one.got_count == 100 && one.published_count == 100);
	close_client(&one);
	open_client(&one, "one", "city/#",
		    &(struct mqtt_subscriber_options){
			    .url = by_address, .clean = true, .trusted_file = broker.certificate});
	UNTIL(mqtt_subscriber_trouble(one.subscriber)[0]);
	CHECK(str_contains(str_from(mqtt_subscriber_trouble(one.subscriber)), STR("certificate")));
	close_client(&one);
	open_client(&one, "one", "city/#", &(struct mqtt_subscriber_options){.url = named, .clean = true});
	UNTIL(mqtt_subscriber_trouble(one.subscriber)[0]);
	CHECK(str_contains(str_from(mqtt_subscriber_trouble(one.subscriber)), STR("certificate")));
	close_client(&one);
}

static void with_mosquitto(void)
{
	if (!CHECK(broker_new(&broker)))
		return;
	(void)snprintf(url, sizeof(url), "mqtt://ann:se%%3Acr%%40t@127.0.0.1:%u", (unsigned int)broker.port);
	RUN(both_versions_and_qos_arrive);
	RUN(what_is_not_acknowledged_comes_again);
	RUN(messages_wait_until_they_are_wanted);
	RUN(what_is_too_large_is_told_and_passed_over);
	RUN(refusals_are_told_without_secrets);
	RUN(a_broker_may_restart);
	if (broker.tls_port)
		RUN(tls_is_verified);
	else
		printf("ok %d - tls # SKIP openssl is not installed: NOTHING was tested over TLS\n", ++check_cases);
	broker_free(&broker);
}

/* ---- false brokers ---- */

struct false_broker {
	int fd;
	struct str says; /* to each CONNECT */
	uint8_t versions[4];
	size_t connects, connects_max;
};

static void *serve(void *self)
{
	struct false_broker *false_broker = self;

	while (false_broker->connects < false_broker->connects_max) {
		char bytes[512];
		int fd = accept(false_broker->fd, NULL, NULL);
		ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

		if (got > 8)
			false_broker->versions[false_broker->connects] = (uint8_t)bytes[8];
		false_broker->connects++;
		(void)!write(fd, false_broker->says.at, false_broker->says.len);
		(void)usleep(100000);
		(void)close(fd);
	}
	return NULL;
}

static void meet(struct false_broker *false_broker, const char *trouble)
{
	char place[64];
	uint16_t port = 0;
	pthread_t thread;

	false_broker->fd = broker_socket(0, true, &port);
	(void)snprintf(place, sizeof(place), "mqtt://127.0.0.1:%u", (unsigned int)port);
	CHECK(pthread_create(&thread, NULL, serve, false_broker) == 0);
	open_client(&one, "one", "city/#", &(struct mqtt_subscriber_options){.url = place, .clean = true});
	UNTIL(str_contains(str_from(mqtt_subscriber_trouble(one.subscriber)), str_from(trouble)));
	if (check_case_failures)
		printf("# %s\n", mqtt_subscriber_trouble(one.subscriber));
	time_t start = time(NULL);

	while (false_broker->connects_max > 1 && mqtt_subscriber_version(one.subscriber) == 5 &&
	       time(NULL) < start + PATIENCE_S)
		turn(&one);
	while (false_broker->connects_max > 1 && mqtt_subscriber_state(one.subscriber) == MQTT_SUBSCRIBER_WAITING &&
	       time(NULL) < start + PATIENCE_S)
		turn(&one);
	settle(10);
	(void)pthread_join(thread, NULL);
	(void)close(false_broker->fd);
	close_client(&one);
}

#define SAYS(...) ((struct str){(const char *)(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static void brokers_that_break_the_protocol_are_left(void)
{
	meet(&(struct false_broker){.says = SAYS(0x00, 0x00), .connects_max = 1}, "a packet of kind 0");
	meet(&(struct false_broker){.says = SAYS(0x20, 0xff, 0xff, 0xff, 0xff, 0x01), .connects_max = 1},
	     "more than four bytes");
	meet(&(struct false_broker){.says = SAYS(0x20, 3, 0, 0, 0, 0x30, 3, 0, 9, 'a'), .connects_max = 1},
	     "PUBLISH that is cut off");
	meet(&(struct false_broker){.says = SAYS(0x30, 5, 0, 1, 'a', 0, 'x'), .connects_max = 1},
	     "a message before CONNACK");
	meet(&(struct false_broker){.says = SAYS(0x20, 0xff, 0xff, 0xff, 0x7f, 0), .connects_max = 1},
	     "a packet of 268435455 bytes");
}

/* What a broker of 3.1.1 says to 5.0 (3.1.1, 3.2.2.3: return code 1), whereupon it is asked in 3.1.1. */
static void the_older_version_is_tried(void)
{
	struct false_broker old = {.says = SAYS(0x20, 2, 0, 1), .connects_max = 2};

	meet(&old, "unacceptable protocol version");
	CHECK(old.versions[0] == 5 && old.versions[1] == 4);
}

static void what_cannot_be_is_refused(void)
{
	const struct str bad = STR("a/#/b");
	struct mqtt_subscriber_options options = {.url = "mqtt://h",
						  .client_id = STR("c"),
						  .filters = &bad,
						  .filter_count = 1,
						  .message = on_message,
						  .oversized = on_oversized};
	struct mqtt_subscriber *subscriber = NULL;

	CHECK(mqtt_subscriber_new(&options, &subscriber, &err) == ERR_INVALID);
	options.filter_count = 0;
	options.url = "mqtt://h/topic";
	CHECK(mqtt_subscriber_new(&options, &subscriber, &err) == ERR_INVALID);
	options.url = "mqtts://h";
	options.trusted_file = "/nowhere.pem";
	CHECK(mqtt_subscriber_new(&options, &subscriber, &err) == ERR_IO);
	CHECK(str_contains(str_from(err.detail), STR("/nowhere.pem")));
	options.url = "mqtt://h";
	options.qos = 2;
	CHECK(mqtt_subscriber_new(&options, &subscriber, &err) == ERR_INVALID);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (broker_installed())
		with_mosquitto();
	else
		printf("ok %d - mosquitto # SKIP mosquitto is not installed: NOTHING was tested with a broker\n",
		       ++check_cases);
	RUN(brokers_that_break_the_protocol_are_left);
	RUN(the_older_version_is_tried);
	RUN(what_cannot_be_is_refused);
	(void)close(wake_fd);
	return check_done();
}
