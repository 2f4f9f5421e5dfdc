/* Goal: frames and property maps as the specification has them (ECHONET Lite V1.14, part II, 3.2 and Appendix 1).
 * Method: bytes by hand after the figures of the text, one thing wrong at a time; every frame read is written again. */
#include "check.h"
#include "echonet/frame.h"
#include "echonet_util.h"

static struct echonet_frame frame, again;

static enum err_code read_hex(const char *hex)
{
	struct octets bytes = octets(hex);
	struct error err;
	enum err_code code = echonet_frame_read(octets_str(&bytes), &frame, &err);

	if (code)
		return code;
	struct buf buf;

	buf_init(&buf, ECHONET_FRAME_BYTES_MAX);
	echonet_frame_write(&frame, &buf);
	CHECK_STR(buf_str(&buf), octets_str(&bytes));
	buf_done(&buf);
	return ERR_OK;
}

/* What the frame's EDTs point to is gone after read_hex(), so contents are compared here. */
static void a_smart_meter_answers(void)
{
	struct octets bytes = octets("1081 0001 028801 05FF01 72 01 E7 04 000001F8"); /* 504 W */
	struct octets edt = octets("000001F8");
	struct error err;

	CHECK_OK(echonet_frame_read(octets_str(&bytes), &frame, &err), &err);
	CHECK(frame.tid == 1 && frame.source == 0x028801 && frame.destination == ECHONET_CONTROLLER);
	CHECK(frame.service == ECHONET_GET_RES && frame.count == 1 && frame.get_count == 0);
	CHECK(frame.properties[0].epc == 0xe7);
	CHECK_STR(frame.properties[0].edt, octets_str(&edt));
}

static void services_of_all_kinds_are_read_and_written(void)
{
	CHECK(read_hex("1081 1234 05FF01 0EF001 62 01 D6 00") == ERR_OK && frame.tid == 0x1234);
	CHECK(read_hex("1081 0000 0EF001 0EF001 73 01 D5 04 01 013001") == ERR_OK && frame.service == ECHONET_INF);
	CHECK(read_hex("1081 FFFF 05FF01 013001 61 02 80 01 30 B3 01 1A") == ERR_OK && frame.count == 2);
	CHECK(read_hex("1081 0001 013001 05FF01 51 02 80 00 B3 01 1A") == ERR_OK);
	CHECK(read_hex("1081 0001 013001 05FF01 72 00") == ERR_OK && frame.count == 0);
	CHECK(read_hex("1081 0001 05FF01 013001 6E 01 B0 01 42 02 B0 00 B3 00") == ERR_OK);
	CHECK(frame.count == 1 && frame.get_count == 2 && frame.gets[1].epc == 0xb3);
	CHECK(read_hex("1081 0001 013001 05FF01 7E 01 B0 00 01 B0 01 42") == ERR_OK && frame.get_count == 1);
	CHECK(read_hex("1081 0001 013001 05FF01 5E 01 B0 01 42 00") == ERR_OK && frame.get_count == 0);
	CHECK(read_hex("1081 0001 013001 05FF01 99 01 B0 00") == ERR_OK && frame.service == 0x99);
}

static void what_is_no_frame_is_refused(void)
{
	static const char *const wrong[] = {
		"",
		"10",
		"1081 0001 05FF01 0EF001 62", /* ends before OPC */
		"2081 0001 05FF01 0EF001 62 01 D6 00", /* another protocol */
		"1083 0001 05FF01 0EF001 62 01 D6 00", /* no such format */
		"1081 0001 05FF01 0EF001 62 01",
		"1081 0001 05FF01 0EF001 62 01 D6", /* ends in a property */
		"1081 0001 05FF01 0EF001 62 02 D6 00", /* one of two */
		"1081 0001 028801 05FF01 72 01 E7 04 0000F8", /* ends in an EDT */
		"1081 0001 05FF01 0EF001 62 01 D6 00 00", /* a byte left over */
		"1081 0001 05FF01 013001 6E 01 B0 01 42", /* SetGet without what to get */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!CHECK(read_hex(wrong[i]) == ERR_INVALID))
			printf("# %s\n", wrong[i]);
	CHECK(read_hex("1082 0001 DEADBEEF 00000000") == ERR_UNSUPPORTED);
}

static void a_frame_is_as_large_as_it_can_be(void)
{
	static const char edt[ECHONET_EDT_BYTES_MAX] = {1, 2, 3};
	struct error err;
	struct buf buf;

	frame = (struct echonet_frame){.tid = 7, .source = 0x028801, .destination = ECHONET_CONTROLLER};
	frame.service = ECHONET_GET_RES;
	frame.count = ECHONET_PROPERTIES_MAX;
	for (size_t i = 0; i < ECHONET_PROPERTIES_MAX; i++)
		frame.properties[i] = (struct echonet_property){(uint8_t)i, {edt, sizeof(edt)}};
	buf_init(&buf, ECHONET_FRAME_BYTES_MAX);
	echonet_frame_write(&frame, &buf);
	CHECK(buf.failed == ERR_LIMIT); /* 12 + 255 × 257 bytes are no datagram */
	buf_done(&buf);
	buf_init(&buf, 1 << 20);
	echonet_frame_write(&frame, &buf);
	CHECK(buf.len == 12 + 255 * 257);
	CHECK_OK(echonet_frame_read(buf_str(&buf), &again, &err), &err);
	CHECK(again.count == 255 && again.properties[254].epc == 254 && again.properties[254].edt.len == 255);
	buf_done(&buf);
}

static void refusals_belong_to_requests(void)
{
	CHECK(echonet_service_refusal(ECHONET_SETI) == 0x50 && echonet_service_refusal(ECHONET_SETC) == 0x51);
	CHECK(echonet_service_refusal(ECHONET_GET) == 0x52 && echonet_service_refusal(ECHONET_INF_REQ) == 0x53);
	CHECK(echonet_service_refusal(ECHONET_SETGET) == 0x5e && echonet_service_refusal(ECHONET_INFC) == 0);
}

static struct echonet_epcs map_of(const char *hex, bool good)
{
	struct octets edt = octets(hex);
	struct echonet_epcs epcs = {{0, 0}};

	CHECK(echonet_map_read(octets_str(&edt), &epcs) == good);
	if (good) {
		uint8_t out[ECHONET_MAP_BYTES_MAX];
		size_t len = echonet_map_write(&epcs, out);

		CHECK_STR(((struct str){(const char *)out, len}), octets_str(&edt));
	}
	return epcs;
}

static bool has(const struct echonet_epcs *epcs, const char *hex)
{
	struct octets wanted = octets(hex);
	bool all = echonet_epcs_count(epcs) == wanted.len;

	for (size_t i = 0; i < wanted.len; i++)
		all = all && echonet_epcs_has(epcs, (uint8_t)wanted.at[i]);
	return all;
}

/* Appendix 1: byte 2 of the bitmap has 80 (bit 0), 90 (bit 1) … F0 (bit 7), byte 17 has 8F … FF. */
static void property_maps_have_two_forms(void)
{
	struct echonet_epcs epcs = map_of("00", true);

	CHECK(echonet_epcs_empty(&epcs));
	epcs = map_of("03 80 81 88", true);
	CHECK(has(&epcs, "808188"));
	epcs = map_of("0F 80 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D FF", true);
	CHECK(has(&epcs, "808182838485868788898A8B8C8DFF"));
	/* 16: 80 to 8F, a bit 0 in each byte */
	epcs = map_of("10 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01", true);
	CHECK(has(&epcs, "808182838485868788898A8B8C8D8E8F"));
	/* 18: 80 90 A0 B0 C0 D0 E0 F0 in the first, 8F 9F AF BF CF DF EF FF in the last, 87 and D7 in that of 7 */
	epcs = map_of("12 FF 00 00 00 00 00 00 21 00 00 00 00 00 00 00 FF", true);
	CHECK(has(&epcs, "8090A0B0C0D0E0F08F9FAFBFCFDFEFFF87D7"));
	epcs = map_of("80 FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF", true);
	CHECK(echonet_epcs_count(&epcs) == 128);
	map_of("", false);
	map_of("03 80 81", false);
	map_of("10 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01", false);
}

int main(void)
{
	RUN(a_smart_meter_answers);
	RUN(services_of_all_kinds_are_read_and_written);
	RUN(what_is_no_frame_is_refused);
	RUN(a_frame_is_as_large_as_it_can_be);
	RUN(refusals_belong_to_requests);
	RUN(property_maps_have_two_forms);
	return check_done();
}
