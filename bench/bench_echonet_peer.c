/* What bench_echonet.py puts beside the daemon: a thousand nodes of ECHONET Lite, and a bare asker.
 *
 * Usage: bench_echonet_peer nodes PORT COUNT
 *        bench_echonet_peer ask PORT COUNT SECONDS
 *
 * "nodes" plays nodes on 127.1.0.1 and following, each with a smart meter. "ask" asks each of them for what the daemon
 * asks, once a minute, spread evenly, and throws the answers away: what the system takes alone.
 *
 * Nodes print "answers N" when their standard input ends. The asker prints "answers N" and its CPU seconds. */
#include "base/str.h"
#include "echonet/frame.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS_FIRST 0x7f010001u
#define NODES_MAX 4096u
#define ASK_PERIOD_S 60
#define OWN_ADDRESS 0x7f000001u

static const struct {
	uint32_t eoj;
	uint8_t epc;
	const char *edt;
	uint8_t len;
} properties[] = {
	{0x0ef001, 0x80, "\x30", 1},
	{0x0ef001, 0x82, "\x01\x0d\x01\x00", 4},
	{0x0ef001, 0x8a, "\x00\x00\x16", 3},
	{0x0ef001, 0x9d, "\x02\x80\xd5", 3},
	{0x0ef001, 0x9e, "\x00", 1},
	{0x0ef001, 0x9f, "\x08\x80\x82\x83\x8a\x9d\x9e\x9f\xd6", 9},
	{0x0ef001, 0xd6, "\x01\x02\x88\x01", 4},
	{0x028801, 0x80, "\x30", 1},
	{0x028801, 0x88, "\x42", 1},
	{0x028801, 0x8a, "\x00\x00\x16", 3},
	{0x028801, 0x9d, "\x02\x80\x88", 3},
	{0x028801, 0x9e, "\x01\x80", 2},
	{0x028801, 0x9f, "\x0f\x80\x88\x8a\x9d\x9e\x9f\xd3\xe0\xe1\xe3\xe7\xe8\xea\xeb\xd7", 16},
	{0x028801, 0xd3, "\x00\x00\x00\x01", 4},
	{0x028801, 0xd7, "\x06", 1},
	{0x028801, 0xe0, "\x00\x00\x30\x39", 4},
	{0x028801, 0xe1, "\x01", 1},
	{0x028801, 0xe3, "\x00\x00\x00\x07", 4},
	{0x028801, 0xe8, "\x00\x28\x00\x14", 4},
	{0x028801, 0xea, "\x07\xea\x0b\x16\x0c\x1e\x00\x00\x00\x30\x38", 11},
	{0x028801, 0xeb, "\x07\xea\x0b\x16\x0c\x1e\x00\x00\x00\x00\x07", 11},
};

struct node {
	int fd;
	uint32_t power_w; /* which is another at each answer */
	char number[17], power[4];
};

static struct node nodes[NODES_MAX];
static struct echonet_frame frame;

static int open_socket(uint32_t address, uint16_t port)
{
	const struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&in, sizeof(in)) != 0) {
		perror("bench_echonet_peer: socket");
		exit(EXIT_FAILURE);
	}
	return fd;
}

static struct str value_of(struct node *node, uint32_t eoj, uint8_t epc)
{
	if (eoj == 0x0ef001 && epc == 0x83)
		return (struct str){node->number, sizeof(node->number)};
	if (eoj == 0x028801 && epc == 0xe7) {
		uint32_t bytes = htonl(node->power_w++);

		memcpy(node->power, &bytes, sizeof(bytes));
		return (struct str){node->power, sizeof(node->power)};
	}
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if (properties[i].eoj == eoj && properties[i].epc == epc)
			return (struct str){properties[i].edt, properties[i].len};
	return STR_NONE;
}

static bool answer(struct node *node)
{
	char bytes[2048];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(node->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len);
	uint32_t source = ECHONET_CONTROLLER;
	struct error err;
	struct buf buf;

	if (len < 0 || echonet_frame_read((struct str){bytes, (size_t)len}, &frame, &err) != ERR_OK)
		return false;
	source = frame.source;
	frame.service = ECHONET_GET_RES;
	for (uint8_t i = 0; i < frame.count; i++) {
		frame.properties[i].edt = value_of(node, frame.destination, frame.properties[i].epc);
		if (frame.properties[i].edt.len == 0)
			frame.service = ECHONET_GET_SNA;
	}
	frame.source = frame.destination;
	frame.destination = source;
	buf_init(&buf, ECHONET_FRAME_BYTES_MAX);
	echonet_frame_write(&frame, &buf);
	(void)!sendto(node->fd, buf.at, buf.len, 0, (const struct sockaddr *)&from, from_len);
	buf_done(&buf);
	return true;
}

static int play(uint16_t port, uint32_t count)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t answers = 0;
	bool goes_on = true;

	for (uint32_t i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		nodes[i].fd = open_socket(ADDRESS_FIRST + i, port);
		nodes[i].power_w = i;
		memcpy(nodes[i].number, "\xfe\x00\x00\x16 bench", 10);
		memcpy(nodes[i].number + 13, &i, sizeof(i));
		(void)epoll_ctl(epoll, EPOLL_CTL_ADD, nodes[i].fd, &event);
	}
	struct epoll_event input = {.events = EPOLLIN, .data.u32 = NODES_MAX};

	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (goes_on) {
		int ready = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < ready; i++) {
			if (events[i].data.u32 == NODES_MAX)
				goes_on = false;
			else
				answers += answer(&nodes[events[i].data.u32]);
		}
	}
	(void)printf("answers %llu\n", (unsigned long long)answers);
	return EXIT_SUCCESS;
}

/* The two questions of a round: the node profile's state, and what changes at the meter. */
static size_t question(uint32_t number, char bytes[static 64])
{
	static const uint8_t epcs[] = {0x80, 0x88, 0xe0, 0xe3, 0xe7, 0xe8, 0xea, 0xeb};
	struct buf buf;

	frame = (struct echonet_frame){.tid = (uint16_t)number, .source = ECHONET_CONTROLLER, .service = ECHONET_GET};
	frame.destination = number % 2 ? 0x028801 : ECHONET_NODE_PROFILE;
	frame.count = number % 2 ? sizeof(epcs) : 1;
	for (size_t i = 0; i < frame.count; i++)
		frame.properties[i].epc = epcs[i];
	buf_init(&buf, 64);
	echonet_frame_write(&frame, &buf);
	size_t len = buf.len;

	memcpy(bytes, buf.at, len);
	buf_done(&buf);
	return len;
}

static int ask(uint16_t port, uint32_t count, long seconds)
{
	int fd = open_socket(OWN_ADDRESS, port);
	uint64_t total = (uint64_t)count * 2 * (uint64_t)seconds / ASK_PERIOD_S, answers = 0;
	struct timespec pause = {.tv_nsec = 1000000000L / 2 * ASK_PERIOD_S / count};
	struct rusage usage;

	pause.tv_sec = pause.tv_nsec / 1000000000L;
	pause.tv_nsec %= 1000000000L;
	for (uint64_t i = 0; i < total; i++) {
		char bytes[2048];
		size_t len = question((uint32_t)i, bytes);
		const struct sockaddr_in to = {.sin_family = AF_INET,
					       .sin_port = htons(port),
					       .sin_addr.s_addr = htonl(ADDRESS_FIRST + (uint32_t)(i / 2) % count)};
		struct pollfd wanted = {.fd = fd, .events = POLLIN};

		(void)!sendto(fd, bytes, len, 0, (const struct sockaddr *)&to, sizeof(to));
		if (poll(&wanted, 1, 1000) == 1)
			answers += recv(fd, bytes, sizeof(bytes), 0) > 0;
		(void)nanosleep(&pause, NULL);
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("answers %llu\ncpu %.6f\n", (unsigned long long)answers,
		     (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	uint64_t port = 0, count = 0, seconds = 0;

	if (argc < 4 || !str_to_uint64(str_from(argv[2]), &port) || !str_to_uint64(str_from(argv[3]), &count) ||
	    count == 0 || count > NODES_MAX) {
		(void)fprintf(stderr, "usage: bench_echonet_peer nodes PORT COUNT | ask PORT COUNT SECONDS\n");
		return EXIT_FAILURE;
	}
	if (argc == 5 && str_to_uint64(str_from(argv[4]), &seconds))
		return ask((uint16_t)port, (uint32_t)count, (long)seconds);
	return play((uint16_t)port, (uint32_t)count);
}
