/* Goal: another program's server understands our requests, and says of its values what we say. Method: libmodbus
 * (Debian) as server in a thread; every table read and written over a socket by our frames; floats in each order of
 * words and bytes by its modbus_set_float_abcd() and the like. */
#include "check.h"
#include "modbus/value.h"

#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define BITS 2000
#define REGISTERS 200
#define UNIT 7u

static struct server {
	modbus_t *context;
	modbus_mapping_t *mapping;
	int listener;
	uint16_t port;
} server;

static void *serve(void *self)
{
	struct server *own = self;
	uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
	int len;

	if (modbus_tcp_accept(own->context, &own->listener) < 0)
		return NULL;
	while ((len = modbus_receive(own->context, query)) >= 0)
		(void)modbus_reply(own->context, query, len, own->mapping);
	return NULL;
}

static int connect_to(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static int line;

static uint8_t ask(struct modbus_request request, uint16_t *words)
{
	static uint16_t transaction;
	char frame[MODBUS_FRAME_BYTES_MAX];
	size_t got = 0, bytes = 0;
	uint8_t exception = 0;
	struct error err;

	request.transaction = ++transaction;
	request.unit = UNIT;
	size_t len = modbus_put_request(&request, frame);

	CHECK(send(line, frame, len, 0) == (ssize_t)len);
	while (bytes == 0 && got < sizeof(frame)) {
		ssize_t more = recv(line, frame + got, sizeof(frame) - got, 0);

		if (!CHECK(more > 0))
			return 0;
		got += (size_t)more;
		if (!CHECK_OK(modbus_frame_bytes((struct str){frame, got}, &bytes, &err), &err))
			return 0;
	}
	CHECK(bytes == got);
	CHECK_OK(modbus_read_answer(&request, (struct str){frame, got}, words, &exception, &err), &err);
	return exception;
}

static void every_table_is_read(void)
{
	uint16_t words[MODBUS_READ_BITS_MAX];

	for (int i = 0; i < BITS; i++) {
		server.mapping->tab_bits[i] = i % 3 == 0;
		server.mapping->tab_input_bits[i] = i % 7 == 2;
	}
	for (int i = 0; i < REGISTERS; i++) {
		server.mapping->tab_registers[i] = (uint16_t)(i * 331);
		server.mapping->tab_input_registers[i] = (uint16_t)(65535 - i * 7);
	}
	CHECK(ask((struct modbus_request){.table = MODBUS_COIL, .count = BITS}, words) == 0);
	for (int i = 0; i < BITS; i++)
		CHECK(words[i] == (i % 3 == 0));
	CHECK(ask((struct modbus_request){.table = MODBUS_DISCRETE, .address = 1, .count = 13}, words) == 0);
	for (int i = 0; i < 13; i++)
		CHECK(words[i] == ((i + 1) % 7 == 2));
	CHECK(ask((struct modbus_request){.table = MODBUS_HOLDING, .address = 75, .count = 125}, words) == 0);
	for (int i = 0; i < 125; i++)
		CHECK(words[i] == (uint16_t)((i + 75) * 331));
	CHECK(ask((struct modbus_request){.table = MODBUS_INPUT, .address = 3, .count = 2}, words) == 0);
	CHECK(words[0] == 65514 && words[1] == 65507);
}

static void what_is_not_there_is_an_exception(void)
{
	uint16_t words[MODBUS_READ_BITS_MAX];

	CHECK(ask((struct modbus_request){.table = MODBUS_HOLDING, .address = REGISTERS - 1, .count = 2}, words) ==
	      MODBUS_ILLEGAL_ADDRESS);
	CHECK(ask((struct modbus_request){.table = MODBUS_INPUT, .address = 40000, .count = 1}, words) ==
	      MODBUS_ILLEGAL_ADDRESS);
}

static void what_is_written_is_there(void)
{
	static const uint16_t on[] = {1}, bits[] = {1, 0, 1, 1, 0, 0, 0, 1, 1}, number[] = {0xABCD},
			      numbers[] = {1, 2, 0xFFFF};
	modbus_mapping_t *mapping = server.mapping;
	uint16_t none[1];

	memset(mapping->tab_bits, 0, BITS);
	CHECK(!ask((struct modbus_request){.table = MODBUS_COIL, .address = 5, .count = 1, .writes = true, .words = on},
		   none));
	CHECK(!ask(
		(struct modbus_request){.table = MODBUS_COIL, .address = 10, .count = 9, .writes = true, .words = bits},
		none));
	CHECK(mapping->tab_bits[5] == 1 && mapping->tab_bits[4] == 0 && mapping->tab_bits[6] == 0);
	for (int i = 0; i < 9; i++)
		CHECK(mapping->tab_bits[10 + i] == bits[i]);
	CHECK(!ask(
		(struct modbus_request){
			.table = MODBUS_HOLDING, .address = 8, .count = 1, .writes = true, .words = number},
		none));
	CHECK(mapping->tab_registers[8] == 0xABCD);
	CHECK(!ask(
		(struct modbus_request){
			.table = MODBUS_HOLDING, .address = 20, .count = 3, .writes = true, .words = numbers},
		none));
	CHECK(mapping->tab_registers[20] == 1 && mapping->tab_registers[22] == 0xFFFF);
	CHECK(!ask((struct modbus_request){.table = MODBUS_HOLDING,
					   .address = 30,
					   .count = 1,
					   .writes = true,
					   .writes_list = true,
					   .words = number},
		   none));
	CHECK(mapping->tab_registers[30] == 0xABCD);
}

/* Its names for the orders are those of 3.1.6, which mean by "badc" what others call big-endian: 123456.0 (0x47F12000)
 * becomes 47F1 2000 there, F147 0020 by "abcd", 2000 47F1 by "dcba" and 0020 F147 by "cdab". */
static void floats_lie_as_libmodbus_lays_them(void)
{
	static const struct {
		void (*set)(float number, uint16_t *words);
		bool words_little, bytes_little;
	} orders[] = {{modbus_set_float_badc, false, false},
		      {modbus_set_float_abcd, false, true},
		      {modbus_set_float_dcba, true, false},
		      {modbus_set_float_cdab, true, true}};
	static const float numbers[] = {21.3F, -40.0F, 1e-7F, 123456.789F, 0.0F, 3.4e38F, 16777216.0F};
	char shortest[64];
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			const struct modbus_value value = {.type = MODBUS_FLOAT32,
							   .count = 2,
							   .words_little = orders[i].words_little,
							   .bytes_little = orders[i].bytes_little,
							   .scale = 1};
			uint16_t words[2];
			double back;

			orders[i].set(numbers[j], words);
			buf_clear(&out);
			modbus_value_put(&value, words, &out);
			(void)snprintf(shortest, sizeof(shortest), "%.*s", STR_FMT(buf_str(&out)));
			CHECK(str_to_double(str_from(shortest), &back) && (float)back == numbers[j]);
			CHECK(strlen(shortest) <= 15);
		}
	buf_done(&out);
}

int main(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	pthread_t thread;

	server.context = modbus_new_tcp("127.0.0.1", 0);
	server.mapping = modbus_mapping_new(BITS, BITS, REGISTERS, REGISTERS);
	server.listener = modbus_tcp_listen(server.context, 1);
	CHECK(server.mapping && server.listener >= 0);
	CHECK(getsockname(server.listener, (struct sockaddr *)&address, &len) == 0);
	CHECK(pthread_create(&thread, NULL, serve, &server) == 0);
	line = connect_to(ntohs(address.sin_port));
	RUN(every_table_is_read);
	RUN(what_is_not_there_is_an_exception);
	RUN(what_is_written_is_there);
	RUN(floats_lie_as_libmodbus_lays_them);
	(void)close(line);
	(void)pthread_join(thread, NULL);
	(void)close(server.listener);
	modbus_mapping_free(server.mapping);
	modbus_close(server.context);
	modbus_free(server.context);
	return check_done();
}
