/* Goal: frames and values of Modbus are those of the standard. Method: the examples of MODBUS Application Protocol
 * Specification V1.1b3, clause by clause, behind the head of the Messaging Guide V1.0b (3.1.3); values by hand. */
#include "check.h"
#include "modbus/value.h"

#include <float.h>

#define ARENA_BYTES (1u << 20)

struct example {
	struct modbus_request request;
	const char *asks, *answers; /* PDU in hexadecimal; what stands before it is the same of all */
};

static const uint16_t one_coil[] = {1}, ten_coils[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0}, three[] = {3},
		      two_registers[] = {10, 258};

/* One flat table. */
static const struct example examples[] = {
	/* 6.1 to 6.6, 6.11, 6.12 */
	{{.table = MODBUS_COIL, .address = 0x13, .count = 19}, "0100130013", "0103CD6B05"},
	{{.table = MODBUS_DISCRETE, .address = 0xC4, .count = 22}, "0200C40016", "0203ACDB35"},
	{{.table = MODBUS_HOLDING, .address = 0x6B, .count = 3}, "03006B0003", "0306022B00000064"},
	{{.table = MODBUS_INPUT, .address = 8, .count = 1}, "0400080001", "0402000A"},
	{{.table = MODBUS_COIL, .address = 0xAC, .count = 1, .writes = true, .words = one_coil},
	 "0500ACFF00",
	 "0500ACFF00"},
	{{.table = MODBUS_HOLDING, .address = 1, .count = 1, .writes = true, .words = three},
	 "0600010003",
	 "0600010003"},
	{{.table = MODBUS_COIL, .address = 0x13, .count = 10, .writes = true, .words = ten_coils},
	 "0F0013000A02CD01",
	 "0F0013000A"},
	{{.table = MODBUS_HOLDING, .address = 1, .count = 2, .writes = true, .words = two_registers},
	 "100001000204000A0102",
	 "1000010002"},
	{{.table = MODBUS_HOLDING, .address = 1, .count = 1, .writes = true, .writes_list = true, .words = three},
	 "1000010001020003",
	 "1000010001"},
};

static unsigned int digit(char c)
{
	return c <= '9' ? (unsigned int)(c - '0') : (unsigned int)(c - 'A' + 10);
}

static size_t from_hex(const char *text, char *to)
{
	size_t len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++)
		to[i] = (char)(unsigned char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return len;
}

/* The head before a PDU: transaction 0x1501, unit 0x11. */
static struct str frame_of(const char *pdu, char frame[static MODBUS_FRAME_BYTES_MAX])
{
	size_t len = from_hex("15010000000011", frame);

	len += from_hex(pdu, frame + len);
	frame[5] = (char)(unsigned char)(len - 6);
	return (struct str){frame, len};
}

static struct modbus_request request_of(const struct example *example)
{
	struct modbus_request request = example->request;

	request.transaction = 0x1501;
	request.unit = 0x11;
	return request;
}

static void requests_are_those_of_the_specification(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct modbus_request request = request_of(&examples[i]);
		char frame[MODBUS_FRAME_BYTES_MAX], wanted[MODBUS_FRAME_BYTES_MAX];
		size_t len = modbus_put_request(&request, frame);

		CHECK_STR(((struct str){frame, len}), frame_of(examples[i].asks, wanted));
	}
}

static void answers_are_read(void)
{
	uint16_t words[MODBUS_READ_BITS_MAX];
	char frame[MODBUS_FRAME_BYTES_MAX];
	uint8_t exception = 9;
	struct error err;

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct modbus_request request = request_of(&examples[i]);
		struct str answer = frame_of(examples[i].answers, frame);
		size_t bytes = 0;

		CHECK_OK(modbus_frame_bytes(answer, &bytes, &err), &err);
		CHECK(bytes == answer.len);
		CHECK_OK(modbus_read_answer(&request, answer, words, &exception, &err), &err);
		CHECK(exception == 0);
	}
	/* 6.1: the coils 20 to 38, of which the first byte CD has 27 to 20. */
	const struct modbus_request coils = request_of(&examples[0]);
	static const char bits[] = "1011001111010110101";

	CHECK_OK(modbus_read_answer(&coils, frame_of("0103CD6B05", frame), words, &exception, &err), &err);
	for (size_t i = 0; i < 19; i++)
		CHECK(words[i] == (bits[i] == '1'));
	const struct modbus_request registers = request_of(&examples[2]);

	CHECK_OK(modbus_read_answer(&registers, frame_of("0306022B00000064", frame), words, &exception, &err), &err);
	CHECK(words[0] == 555 && words[1] == 0 && words[2] == 100);
	CHECK_OK(modbus_read_answer(&registers, frame_of("8302", frame), words, &exception, &err), &err);
	CHECK(exception == MODBUS_ILLEGAL_ADDRESS);
	CHECK_STR(str_from(modbus_exception_name(exception)), STR("illegal data address"));
	CHECK(modbus_exception_name(200) != NULL && modbus_exception_name(7) != NULL);
}

static void what_does_not_answer_is_refused(void)
{
	static const char *const wrong[] = {"0406022B00000064",
					    "0305022B000000",
					    "0306022B0000",
					    "0306022B0000006400",
					    "0304022B0000",
					    "8402",
					    "83",
					    "8300",
					    "830200",
					    "03"};
	const struct modbus_request request = request_of(&examples[2]);
	char frame[MODBUS_FRAME_BYTES_MAX];
	uint16_t words[MODBUS_READ_BITS_MAX];
	uint8_t exception;
	struct error err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(modbus_read_answer(&request, frame_of(wrong[i], frame), words, &exception, &err) == ERR_INVALID);
	for (size_t at = 0; at < 7; at += at ? 5 : 1) { /* another transaction, another unit */
		struct str answer = frame_of("0306022B00000064", frame);

		frame[at] = (char)(frame[at] ^ 1);
		CHECK(modbus_read_answer(&request, answer, words, &exception, &err) == ERR_INVALID);
	}
	const struct modbus_request write = request_of(&examples[5]);

	CHECK(modbus_read_answer(&write, frame_of("0600010004", frame), words, &exception, &err) == ERR_INVALID);
}

static void frames_are_found_in_the_stream(void)
{
	char stream[2 * MODBUS_FRAME_BYTES_MAX] = {0};
	size_t bytes = 1, first = frame_of("0402000A", stream).len, second = frame_of("8402", stream + first).len;
	struct error err;

	for (size_t len = 0; len < first; len++) {
		CHECK_OK(modbus_frame_bytes((struct str){stream, len}, &bytes, &err), &err);
		CHECK(bytes == 0);
	}
	CHECK_OK(modbus_frame_bytes((struct str){stream, first + second}, &bytes, &err), &err);
	CHECK(bytes == first);
	CHECK_OK(modbus_frame_bytes((struct str){stream + first, second}, &bytes, &err), &err);
	CHECK(bytes == second && modbus_frame_transaction((struct str){stream + first, second}) == 0x1501);
	CHECK(modbus_frame_bytes(STR("HTTP/1.1 400 Bad Request"), &bytes, &err) == ERR_INVALID);
	CHECK(modbus_frame_bytes((struct str){"\0\1\0\0\0\1\1\3", 8}, &bytes, &err) == ERR_INVALID); /* no function */
	CHECK(modbus_frame_bytes((struct str){"\0\1\0\0\0\xFF\1\3", 8}, &bytes, &err) == ERR_INVALID); /* 261 bytes */
}

/* ---- values ---- */

static const char *shown(struct modbus_value value, const uint16_t *words)
{
	static char text[512];
	struct buf out;

	if (value.scale == 0)
		value.scale = 1;
	if (modbus_type_words(value.type) && !value.of_bits)
		value.count = modbus_type_words(value.type);
	buf_init(&out, sizeof(text));
	modbus_value_put(&value, words, &out);
	(void)snprintf(text, sizeof(text), "%.*s", STR_FMT(buf_str(&out)));
	buf_done(&out);
	return text;
}

#define SHOWS(wanted, ...) CHECK_STR(str_from(shown((struct modbus_value)__VA_ARGS__, words)), STR(wanted))
#define WORDS(...)                                                                                                     \
	const uint16_t words[] = {__VA_ARGS__};                                                                        \
	(void)words

static void whole_numbers(void)
{
	{
		WORDS(0xFFFF, 0xFFFE, 0x0102, 0x0304);
		SHOWS("-1", {.type = MODBUS_INT16});
		SHOWS("65535", {.type = MODBUS_UINT16});
		SHOWS("-2", {.type = MODBUS_INT32});
		SHOWS("4294967294", {.type = MODBUS_UINT32});
		SHOWS("-65537", {.type = MODBUS_INT32, .words_little = true}); /* FFFE FFFF */
		SHOWS("4294967039", {.type = MODBUS_UINT32, .bytes_little = true}); /* FFFF FEFF */
		SHOWS("18446744065136526084", {.type = MODBUS_UINT64}); /* FFFF FFFE 0102 0304 */
		SHOWS("217299794417090559", {.type = MODBUS_INT64, .words_little = true}); /* 0304 0102 FFFE FFFF */
	}
	WORDS(0x8000, 0, 0, 0);
	SHOWS("-32768", {.type = MODBUS_INT16});
	SHOWS("-9223372036854775808", {.type = MODBUS_INT64});
	SHOWS("9223372036854775808", {.type = MODBUS_UINT64});
}

static void scaled_numbers_have_the_digits_of_their_scale(void)
{
	WORDS(3, 65533, 215);
	SHOWS("0.3", {.type = MODBUS_INT16, .scale = 0.1});
	SHOWS("-39.7", {.type = MODBUS_INT16, .scale = 0.1, .offset = -40});
	CHECK_STR(str_from(shown((struct modbus_value){.type = MODBUS_INT16, .scale = 0.1}, words + 1)), STR("-0.3"));
	CHECK_STR(str_from(shown((struct modbus_value){.type = MODBUS_UINT16, .scale = 0.01, .offset = -1}, words + 2)),
		  STR("1.15"));
}

static void floats_are_as_short_as_they_were_measured(void)
{
	{
		WORDS(0x41AA, 0x6666); /* 21.3 as IEEE 754 single */
		SHOWS("21.3", {.type = MODBUS_FLOAT32});
		SHOWS("42.6", {.type = MODBUS_FLOAT32, .scale = 2});
	}
	{
		WORDS(0x6666, 0x41AA);
		SHOWS("21.3", {.type = MODBUS_FLOAT32, .words_little = true});
	}
	{
		WORDS(0xAA41, 0x6666);
		SHOWS("21.3", {.type = MODBUS_FLOAT32, .bytes_little = true});
	}
	{
		WORDS(0x4035, 0x4CCC, 0xCCCC, 0xCCCD); /* 21.3 as double */
		SHOWS("21.3", {.type = MODBUS_FLOAT64});
	}
	{
		WORDS(0x7FC0, 0, 0, 0); /* what a device has where it has no value */
		SHOWS("null", {.type = MODBUS_FLOAT32});
	}
	{
		WORDS(0x7F80, 0, 0, 0);
		SHOWS("null", {.type = MODBUS_FLOAT32});
	}
	WORDS(0x7FEF, 0xFFFF, 0xFFFF, 0xFFFF);
	SHOWS("null", {.type = MODBUS_FLOAT64, .scale = 10});
	SHOWS("1.7976931348623157e+308", {.type = MODBUS_FLOAT64});
}

static void switches_and_texts(void)
{
	{
		WORDS(0x0005, 0x8000);
		SHOWS("true", {.type = MODBUS_BOOL, .bit = MODBUS_WHOLE_REGISTER});
		SHOWS("true", {.type = MODBUS_BOOL, .bit = 2});
		SHOWS("false", {.type = MODBUS_BOOL, .bit = 1});
		SHOWS("false", {.type = MODBUS_BOOL, .bit = 2, .bytes_little = true});
		SHOWS("[true,false,true,false,false,false,false,false,false,false,false,false,false,false,false,false]",
		      {.type = MODBUS_BITS, .count = 1});
	}
	{
		WORDS(1, 0, 1);
		SHOWS("[true,false,true]", {.type = MODBUS_BITS, .count = 3, .of_bits = true});
		SHOWS("true", {.type = MODBUS_BOOL, .count = 1, .of_bits = true});
	}
	{
		WORDS(0x5056, 0x2D31, 0x3720, 0x0000);
		SHOWS("\"PV-17\"", {.type = MODBUS_STRING, .count = 4});
	}
	{
		WORDS(0x5650, 0x312D, 0x2220);
		SHOWS("\"PV-1 \\\"\"", {.type = MODBUS_STRING, .count = 3, .bytes_little = true});
	}
	WORDS(0xE900, 0x6162);
	SHOWS("null", {.type = MODBUS_STRING, .count = 2}); /* Latin 1 */
}

/* ---- the way back ---- */

static enum err_code take(struct modbus_value value, const char *text, uint16_t *words, struct error *err)
{
	struct json_parser *parser = json_parser_new();
	struct json *json = NULL;
	struct arena arena;

	if (value.scale == 0)
		value.scale = 1;
	if (modbus_type_words(value.type))
		value.count = modbus_type_words(value.type);
	arena_init(&arena, ARENA_BYTES);
	enum err_code code = json_parse(parser, &arena, str_from(text), NULL, &json, err);

	if (!code)
		code = modbus_value_take(&value, json, words, err);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return code;
}

static void values_become_words(void)
{
	uint16_t words[MODBUS_READ_REGISTERS_MAX] = {0};
	struct error err;

	CHECK_OK(take((struct modbus_value){.type = MODBUS_INT16}, "-2", words, &err), &err);
	CHECK(words[0] == 0xFFFE);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_INT16, .scale = 0.1, .offset = -40}, "21.5", words, &err),
		 &err);
	CHECK(words[0] == 615);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_UINT32, .words_little = true}, "65538", words, &err), &err);
	CHECK(words[0] == 2 && words[1] == 1);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_UINT64}, "18446744073709551615", words, &err), &err);
	CHECK(words[0] == 0xFFFF && words[3] == 0xFFFF);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_INT64}, "-9223372036854775808", words, &err), &err);
	CHECK(words[0] == 0x8000 && words[3] == 0);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_FLOAT32, .bytes_little = true}, "21.3", words, &err), &err);
	CHECK(words[0] == 0xAA41 && words[1] == 0x6666);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_FLOAT64}, "21.3", words, &err), &err);
	CHECK(words[0] == 0x4035 && words[3] == 0xCCCD);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_BOOL, .of_bits = true}, "true", words, &err), &err);
	CHECK(words[0] == 1);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_BOOL, .bit = -1}, "0", words, &err), &err);
	CHECK(words[0] == 0);
	CHECK_OK(take((struct modbus_value){.type = MODBUS_STRING, .count = 3}, "\"PV-17\"", words, &err), &err);
	CHECK(words[0] == 0x5056 && words[1] == 0x2D31 && words[2] == 0x3700);
}

static void what_does_not_fit_is_refused(void)
{
	static const struct {
		struct modbus_value value;
		const char *json, *why;
	} cases[] = {
		{{.type = MODBUS_INT16},
		 "32768",
		 "32768 is beyond what a register of type int16 holds: from -32768 to 32767"},
		{{.type = MODBUS_INT16, .scale = -0.1},
		 "3276.9",
		 "3276.9 is beyond what a register of type int16 holds: from "
		 "-3276.7 to 3276.8"},
		{{.type = MODBUS_UINT16}, "-1", "-1 is beyond what a register of type uint16 holds: from 0 to 65535"},
		{{.type = MODBUS_INT64}, "9223372036854775808", NULL},
		{{.type = MODBUS_UINT64}, "18446744073709551616", NULL},
		{{.type = MODBUS_FLOAT32}, "1e39", NULL},
		{{.type = MODBUS_UINT16}, "\"1\"", "expected a number for a register of type uint16"},
		{{.type = MODBUS_BOOL, .bit = -1}, "2", "expected true or false"},
		{{.type = MODBUS_BOOL, .bit = 3}, "true", NULL},
		{{.type = MODBUS_BITS, .count = 1}, "[true]", NULL},
		{{.type = MODBUS_STRING, .count = 2}, "\"12345\"", "expected a text of at most 4 bytes, without NUL"},
		{{.type = MODBUS_STRING, .count = 2}, "\"a\\u0000b\"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t words[MODBUS_READ_REGISTERS_MAX];
		struct error err;

		CHECK(take(cases[i].value, cases[i].json, words, &err) != ERR_OK);
		if (cases[i].why)
			CHECK_STR(str_from(err.detail), str_from(cases[i].why));
	}
}

int main(void)
{
	RUN(requests_are_those_of_the_specification);
	RUN(answers_are_read);
	RUN(what_does_not_answer_is_refused);
	RUN(frames_are_found_in_the_stream);
	RUN(whole_numbers);
	RUN(scaled_numbers_have_the_digits_of_their_scale);
	RUN(floats_are_as_short_as_they_were_measured);
	RUN(switches_and_texts);
	RUN(values_become_words);
	RUN(what_does_not_fit_is_refused);
	return check_done();
}
