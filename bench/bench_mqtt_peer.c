/* The other ends of bench_mqtt.py.
 *
 *   publish PORT QOS COUNT DEVICES RATE   that many messages, in turn from so many devices, RATE a second (0: as fast
 *                                         as the broker acknowledges them): prints "COUNT SECONDS"
 *   count PORT QOS COUNT                  a bare subscriber that acknowledges at once: prints "ready", then
 *                                         "COUNT SECONDS" from the first message to the last
 *
 * A message: topic city/DEVICE/state, {"t":21.37,"at":"2026-01-01T00:00:00.123456Z"} with the moment of sending. */
#include "base/buf.h"
#include "base/time_value.h"
#include "net/mqtt_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLYING_MAX 4000u
#define OUT_BYTES_FULL ((size_t)64 << 10)

static struct buf out;
static char in[1 << 20];
static size_t in_len;
static uint64_t acknowledged, arrived;
static uint16_t ids[FLYING_MAX * 2];
static size_t id_count;

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_mqtt_peer: %s\n", what);
	exit(EXIT_FAILURE);
}

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (!str_to_uint64(str_from(text), &value))
		die("not a number");
	return value;
}

static void take(const struct mqtt_packet *packet)
{
	struct mqtt_message message;
	struct error err;
	bool known;

	if (packet->kind == MQTT_PACKET_PUBACK) {
		acknowledged++;
	} else if (packet->kind == MQTT_PACKET_PUBLISH) {
		if (mqtt_read_publish(packet, 5, &message, &known, &err) || !known)
			die(err.detail);
		arrived++;
		if (message.qos)
			ids[id_count++] = message.id;
		if (id_count == FLYING_MAX) {
			for (size_t i = 0; i < id_count; i++)
				mqtt_write_puback(&out, ids[i]);
			id_count = 0;
		}
	}
}

static void read_some(int fd)
{
	ssize_t got = read(fd, in + in_len, sizeof(in) - in_len);
	struct mqtt_packet packet;
	struct error err;
	size_t used = 0;
	bool whole;

	if (got <= 0)
		die("the broker hung up");
	in_len += (size_t)got;
	while (mqtt_packet_read((struct str){in + used, in_len - used}, &packet, &whole, &err) == ERR_OK && whole) {
		take(&packet);
		used += packet.head_bytes + packet.body_bytes;
	}
	memmove(in, in + used, in_len - used);
	in_len -= used;
	for (size_t i = 0; i < id_count; i++)
		mqtt_write_puback(&out, ids[i]);
	id_count = 0;
}

/* Sends all that waits, reading meanwhile. */
static void flush(int fd)
{
	size_t sent = 0;

	while (sent < out.len) {
		struct pollfd wanted = {.fd = fd, .events = POLLIN | POLLOUT};

		(void)poll(&wanted, 1, -1);
		size_t before = out.len;

		if (wanted.revents & POLLIN)
			read_some(fd);
		if (out.len != before)
			continue;
		ssize_t done = send(fd, out.at + sent, out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += done > 0 ? (size_t)done : 0;
	}
	buf_clear(&out);
}

static int open_session(const char *port, const char *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)number(port)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct mqtt_connect connect_packet = {.version = 5,
						    .client_id = str_from(client),
						    .clean = true,
						    .keepalive_s = 0,
						    .receive_max = FLYING_MAX};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("cannot connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	mqtt_write_connect(&out, &connect_packet);
	flush(fd);
	return fd;
}

static void put_message(uint64_t i, uint64_t devices, uint8_t qos)
{
	char topic[64], payload[128], time[TIME_ISO_BYTES];
	int topic_len = snprintf(topic, sizeof(topic), "city/device%llu/state", (unsigned long long)(i % devices));
	struct str at = time_format_iso(now_us(CLOCK_REALTIME), time);
	int len = snprintf(payload, sizeof(payload), "{\"t\":%llu.%02llu,\"at\":\"%.*s\"}",
			   (unsigned long long)(15 + i / devices % 20), (unsigned long long)(i * 7 % 100), STR_FMT(at));

	mqtt_write_publish(&out, 5, (struct str){topic, (size_t)topic_len}, (struct str){payload, (size_t)len}, qos,
			   false, false, (uint16_t)(i % 65535 + 1));
}

static void publish(char **arguments)
{
	uint8_t qos = (uint8_t)number(arguments[1]);
	uint64_t count = number(arguments[2]), devices = number(arguments[3]), rate = number(arguments[4]);
	int fd = open_session(arguments[0], "bench-publisher");
	int64_t begin_us = now_us(CLOCK_MONOTONIC);

	for (uint64_t i = 0; i < count; i++) {
		int64_t due_us = rate ? begin_us + (int64_t)(i * 1000000 / rate) : 0;

		while (due_us > now_us(CLOCK_MONOTONIC)) {
			flush(fd);
			(void)usleep(200);
		}
		put_message(i, devices, qos);
		if (out.len > OUT_BYTES_FULL || (qos && i - acknowledged > FLYING_MAX - 100))
			flush(fd);
		while (qos && i - acknowledged > FLYING_MAX - 100)
			read_some(fd);
	}
	flush(fd);
	while (qos && acknowledged < count)
		read_some(fd);
	(void)printf("%llu %.6f\n", (unsigned long long)count, (double)(now_us(CLOCK_MONOTONIC) - begin_us) / 1e6);
}

static void count(char **arguments)
{
	uint64_t wanted = number(arguments[2]);
	int fd = open_session(arguments[0], "bench-counter");
	int64_t begin_us = 0;

	mqtt_write_subscribe(&out, 5, 1, STR("city/+/state"), (uint8_t)number(arguments[1]));
	flush(fd);
	(void)usleep(200000);
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (arrived < wanted) {
		read_some(fd);
		if (arrived && !begin_us)
			begin_us = now_us(CLOCK_MONOTONIC);
		flush(fd);
	}
	(void)printf("%llu %.6f\n", (unsigned long long)arrived, (double)(now_us(CLOCK_MONOTONIC) - begin_us) / 1e6);
}

int main(int argc, char **argv)
{
	buf_init(&out, (size_t)64 << 20);
	if (argc == 7 && str_eq(str_from(argv[1]), STR("publish")))
		publish(argv + 2);
	else if (argc == 5 && str_eq(str_from(argv[1]), STR("count")))
		count(argv + 2);
	else
		die("publish PORT QOS COUNT DEVICES RATE | count PORT QOS COUNT");
	return EXIT_SUCCESS;
}
