/* Frames of ECHONET Lite: bytes to a struct and back, without anything of what the properties mean.
 *
 * Source: ECHONET Lite specification V1.14, part II (Communications Middleware): frame format 3.2, headers 3.2.1,
 * objects 3.2.4, services 3.2.5, processing target properties 3.2.6–3.2.9. Format 2 (EHD2 0x82, messages of a maker's
 * own form) is told apart and not taken. Pure: any thread. */
#ifndef MACHI_ECHONET_FRAME_H
#define MACHI_ECHONET_FRAME_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define ECHONET_PORT 3610u
#define ECHONET_GROUP_ADDRESS 0xe0001700u /* 224.0.23.0, the multicast group of all nodes */
#define ECHONET_PROPERTIES_MAX 255u /* OPC is a byte */
#define ECHONET_EDT_BYTES_MAX 255u /* PDC is a byte */
#define ECHONET_FRAME_BYTES_MAX 65507u /* of a UDP datagram over IPv4 */
#define ECHONET_NODE_PROFILE 0x0ef001u
#define ECHONET_NODE_PROFILE_SENDER 0x0ef002u /* of a node that only sends */
#define ECHONET_NODE_PROFILE_CLASS 0x0ef0u
#define ECHONET_CONTROLLER 0x05ff01u

/* ESV: requests, answers, refusals ("service not available"), notifications. */
enum echonet_service {
	ECHONET_SETI_SNA = 0x50,
	ECHONET_SETC_SNA = 0x51,
	ECHONET_GET_SNA = 0x52,
	ECHONET_INF_SNA = 0x53,
	ECHONET_SETGET_SNA = 0x5e,
	ECHONET_SETI = 0x60, /* no answer but a refusal */
	ECHONET_SETC = 0x61,
	ECHONET_GET = 0x62,
	ECHONET_INF_REQ = 0x63,
	ECHONET_SETGET = 0x6e,
	ECHONET_SET_RES = 0x71,
	ECHONET_GET_RES = 0x72,
	ECHONET_INF = 0x73,
	ECHONET_INFC = 0x74, /* wants ECHONET_INFC_RES */
	ECHONET_INFC_RES = 0x7a,
	ECHONET_SETGET_RES = 0x7e,
};

/* An EPC with its EDT, whose length is the PDC. */
struct echonet_property {
	uint8_t epc;
	struct str edt; /* bytes, borrowed; empty: PDC 0 */
};

/* Objects (EOJ) are numbers 0xGGCCII: class group, class, instance. */
struct echonet_frame {
	uint16_t tid;
	uint32_t source, destination; /* SEOJ, DEOJ */
	uint8_t service; /* enum echonet_service, or one that this header does not know */
	uint8_t count; /* of properties; of SetGet those to be set */
	uint8_t get_count; /* of SetGet those to be got; else 0 */
	struct echonet_property properties[ECHONET_PROPERTIES_MAX];
	struct echonet_property gets[ECHONET_PROPERTIES_MAX];
};

/* EDTs are borrowed from bytes. ERR_INVALID says what is wrong (too short, bytes left over, another protocol);
 * ERR_UNSUPPORTED: format 2. */
MUST_CHECK enum err_code echonet_frame_read(struct str bytes, struct echonet_frame *ret_frame, struct error *err);
/* Appends the frame. Properties' EDTs have at most ECHONET_EDT_BYTES_MAX bytes. */
void echonet_frame_write(const struct echonet_frame *frame, struct buf *buf);

bool echonet_service_is_setget(uint8_t service);
/* The refusal that belongs to a request, 0 where there is none. */
uint8_t echonet_service_refusal(uint8_t service);

/* ---- property maps (Appendix 1 of part II; EPC 9D, 9E, 9F) ---- */

/* A set of EPCs, 0x80 to 0xFF. */
struct echonet_epcs {
	uint64_t bits[2];
};

static inline bool echonet_epcs_has(const struct echonet_epcs *epcs, uint8_t epc)
{
	return epc >= 0x80 && (epcs->bits[(epc - 0x80u) >> 6] >> (epc & 63u) & 1u);
}

static inline void echonet_epcs_add(struct echonet_epcs *epcs, uint8_t epc)
{
	if (epc >= 0x80)
		epcs->bits[(epc - 0x80u) >> 6] |= UINT64_C(1) << (epc & 63u);
}

static inline void echonet_epcs_remove(struct echonet_epcs *epcs, uint8_t epc)
{
	if (epc >= 0x80)
		epcs->bits[(epc - 0x80u) >> 6] &= ~(UINT64_C(1) << (epc & 63u));
}

static inline bool echonet_epcs_empty(const struct echonet_epcs *epcs)
{
	return (epcs->bits[0] | epcs->bits[1]) == 0;
}

size_t echonet_epcs_count(const struct echonet_epcs *epcs);

/* Both forms: up to 15 EPCs as a list, 16 and more as a bitmap of 16 bytes. False: it is no such map. */
bool echonet_map_read(struct str edt, struct echonet_epcs *ret_epcs);
#define ECHONET_MAP_BYTES_MAX 17u
/* Returns the length. */
size_t echonet_map_write(const struct echonet_epcs *epcs, uint8_t edt[static ECHONET_MAP_BYTES_MAX]);

#endif
