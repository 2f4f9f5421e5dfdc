/* The frame: read with all that can be wrong with it, and written. */
#include "echonet/frame.h"

#include <assert.h>

#define EHD1 0x10u /* ECHONET Lite; the upper half byte alone says so */
#define EHD1_MASK 0xf0u
#define FORMAT_1 0x81u
#define FORMAT_2 0x82u
#define HEAD_BYTES 12u /* EHD1 to OPC */

static uint8_t byte_at(struct str bytes, size_t at)
{
	return (uint8_t)bytes.at[at];
}

static uint32_t object_at(struct str bytes, size_t at)
{
	return (uint32_t)byte_at(bytes, at) << 16 | (uint32_t)byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2);
}

bool echonet_service_is_setget(uint8_t service)
{
	return service == ECHONET_SETGET || service == ECHONET_SETGET_RES || service == ECHONET_SETGET_SNA;
}

uint8_t echonet_service_refusal(uint8_t service)
{
	switch (service) {
	case ECHONET_SETI:
		return ECHONET_SETI_SNA;
	case ECHONET_SETC:
		return ECHONET_SETC_SNA;
	case ECHONET_GET:
		return ECHONET_GET_SNA;
	case ECHONET_INF_REQ:
		return ECHONET_INF_SNA;
	case ECHONET_SETGET:
		return ECHONET_SETGET_SNA;
	default:
		return 0;
	}
}

/* A list of properties behind its count, from *at on, which is moved behind it. */
static enum err_code read_list(struct str bytes, size_t *at, struct echonet_property *properties, uint8_t *ret_count,
			       struct error *err)
{
	if (*at >= bytes.len)
		return err_set(err, ERR_INVALID, "the frame ends before its count of properties");
	uint8_t count = byte_at(bytes, (*at)++);

	for (uint8_t i = 0; i < count; i++) {
		if (bytes.len - *at < 2)
			return err_set(err, ERR_INVALID, "the frame ends in property %u of %u", i + 1u, count);
		uint8_t epc = byte_at(bytes, *at), length = byte_at(bytes, *at + 1);

		*at += 2;
		if (bytes.len - *at < length)
			return err_set(err, ERR_INVALID, "property %02X has %zu bytes and not %u", epc, bytes.len - *at,
				       length);
		properties[i] = (struct echonet_property){epc, {bytes.at + *at, length}};
		*at += length;
	}
	*ret_count = count;
	return ERR_OK;
}

enum err_code echonet_frame_read(struct str bytes, struct echonet_frame *ret_frame, struct error *err)
{
	size_t at = HEAD_BYTES - 1;

	if (bytes.len < HEAD_BYTES)
		return err_set(err, ERR_INVALID, "%zu bytes are no frame", bytes.len);
	if ((byte_at(bytes, 0) & EHD1_MASK) != EHD1)
		return err_set(err, ERR_INVALID, "EHD1 is %02X, which is not ECHONET Lite", byte_at(bytes, 0));
	if (byte_at(bytes, 1) == FORMAT_2)
		return err_set(err, ERR_UNSUPPORTED, "a message of format 2");
	if (byte_at(bytes, 1) != FORMAT_1)
		return err_set(err, ERR_INVALID, "EHD2 is %02X, which is no format", byte_at(bytes, 1));
	ret_frame->tid = (uint16_t)(byte_at(bytes, 2) << 8 | byte_at(bytes, 3));
	ret_frame->source = object_at(bytes, 4);
	ret_frame->destination = object_at(bytes, 7);
	ret_frame->service = byte_at(bytes, 10);
	ret_frame->count = ret_frame->get_count = 0;
	enum err_code code = read_list(bytes, &at, ret_frame->properties, &ret_frame->count, err);

	if (!code && echonet_service_is_setget(ret_frame->service))
		code = read_list(bytes, &at, ret_frame->gets, &ret_frame->get_count, err);
	if (!code && at != bytes.len)
		return err_set(err, ERR_INVALID, "%zu bytes are left over behind the properties", bytes.len - at);
	return code;
}

static void put_byte(struct buf *buf, uint32_t byte)
{
	buf_put_char(buf, (char)(uint8_t)byte);
}

static void put_object(struct buf *buf, uint32_t object)
{
	put_byte(buf, object >> 16);
	put_byte(buf, object >> 8);
	put_byte(buf, object);
}

static void put_list(struct buf *buf, const struct echonet_property *properties, uint8_t count)
{
	put_byte(buf, count);
	for (uint8_t i = 0; i < count; i++) {
		assert(properties[i].edt.len <= ECHONET_EDT_BYTES_MAX);
		put_byte(buf, properties[i].epc);
		put_byte(buf, (uint32_t)properties[i].edt.len);
		buf_put(buf, properties[i].edt);
	}
}

void echonet_frame_write(const struct echonet_frame *frame, struct buf *buf)
{
	put_byte(buf, EHD1);
	put_byte(buf, FORMAT_1);
	put_byte(buf, (uint32_t)frame->tid >> 8);
	put_byte(buf, frame->tid);
	put_object(buf, frame->source);
	put_object(buf, frame->destination);
	put_byte(buf, frame->service);
	put_list(buf, frame->properties, frame->count);
	if (echonet_service_is_setget(frame->service))
		put_list(buf, frame->gets, frame->get_count);
}

/* ---- property maps ---- */

#define LIST_MAX 15u
#define MAP_ROWS 16u /* bytes of the bitmap: the low half byte of an EPC; a bit is its high half byte from 8 on */

size_t echonet_epcs_count(const struct echonet_epcs *epcs)
{
	return (size_t)__builtin_popcountll(epcs->bits[0]) + (size_t)__builtin_popcountll(epcs->bits[1]);
}

bool echonet_map_read(struct str edt, struct echonet_epcs *ret_epcs)
{
	struct echonet_epcs epcs = {{0, 0}};

	if (edt.len == 0)
		return false;
	size_t count = byte_at(edt, 0);

	if (edt.len < 1 + (count > LIST_MAX ? MAP_ROWS : count))
		return false;
	for (size_t i = 0; count <= LIST_MAX && i < count; i++)
		echonet_epcs_add(&epcs, byte_at(edt, 1 + i));
	for (size_t row = 0; count > LIST_MAX && row < MAP_ROWS; row++)
		for (uint32_t bit = 0; bit < 8; bit++)
			if ((uint32_t)byte_at(edt, 1 + row) >> bit & 1u)
				echonet_epcs_add(&epcs, (uint8_t)(0x80u + 0x10u * bit + row));
	*ret_epcs = epcs;
	return true;
}

size_t echonet_map_write(const struct echonet_epcs *epcs, uint8_t edt[static ECHONET_MAP_BYTES_MAX])
{
	size_t count = echonet_epcs_count(epcs), at = 1;

	edt[0] = (uint8_t)count;
	if (count <= LIST_MAX) {
		for (uint32_t epc = 0x80; epc <= 0xff; epc++)
			if (echonet_epcs_has(epcs, (uint8_t)epc))
				edt[at++] = (uint8_t)epc;
		return at;
	}
	memset(edt + 1, 0, MAP_ROWS);
	for (uint32_t epc = 0x80; epc <= 0xff; epc++)
		if (echonet_epcs_has(epcs, (uint8_t)epc))
			edt[1 + (epc & 0x0fu)] |= (uint8_t)(1u << ((epc >> 4) - 8));
	return ECHONET_MAP_BYTES_MAX;
}
