/* This node's own objects: what others may ask of the node profile and of the controller. */
#include "echonet/controller_int.h"

#define ANSWER_BYTES_MAX 32u /* of one of our properties */

/* Of the node profile and the controller in this order. */
static const uint8_t readable[2][16] = {
	{0x80, 0x82, 0x83, 0x88, 0x8a, 0x9d, 0x9e, 0x9f, 0xd3, 0xd4, 0xd6, 0xd7},
	{0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x9d, 0x9e, 0x9f},
};
static const uint8_t announced[2][16] = {{0x80, 0xd5}, {0x80, 0x81, 0x88}};

static const struct {
	uint8_t epc;
	uint8_t of; /* 1: the node profile, 2: the controller, 3: both */
	uint8_t len;
	uint8_t bytes[8];
} fixed[] = {
	{0x80, 3, 1, {0x30}}, /* on */
	{0x81, 2, 1, {0x00}}, /* no location */
	{0x82, 1, 4, {0x01, 0x0e, 0x01, 0x00}}, /* version 1.14, format 1 */
	{0x82, 2, 4, {0x00, 0x00, 'R', 0x00}}, /* release R of the appendix */
	{0x88, 3, 1, {0x42}}, /* no fault */
	{0x8a, 3, 3, {0xff, 0xff, 0xff}}, /* the code of who has none */
	{0xd3, 1, 3, {0x00, 0x00, 0x01}}, /* one instance */
	{0xd4, 1, 2, {0x00, 0x02}}, /* two classes */
	{0xd5, 1, 4, {0x01, 0x05, 0xff, 0x01}},
	{0xd6, 1, 4, {0x01, 0x05, 0xff, 0x01}},
	{0xd7, 1, 3, {0x01, 0x05, 0xff}},
};

static size_t write_map(const uint8_t list[static 16], uint8_t edt[static ANSWER_BYTES_MAX])
{
	struct echonet_epcs epcs = {{0, 0}};

	for (size_t i = 0; i < 16 && list[i]; i++)
		echonet_epcs_add(&epcs, list[i]);
	return echonet_map_write(&epcs, edt);
}

/* The value of a property of ours; 0: there is none. */
static size_t read_own(const struct echonet_controller *controller, bool is_profile, uint8_t epc,
		       uint8_t edt[static ANSWER_BYTES_MAX])
{
	size_t which = is_profile ? 0 : 1;

	if (epc == 0x83) {
		memset(edt, 0xff, 4);
		edt[0] = 0xfe;
		memcpy(edt + 4, controller->options.unique, sizeof(controller->options.unique));
		if (!is_profile)
			edt[16] ^= 0x01; /* an object's number is not its node's */
		return ECHONET_ID_BYTES;
	}
	if (epc == 0x9d)
		return write_map(announced[which], edt);
	if (epc == 0x9f)
		return write_map(readable[which], edt);
	if (epc == 0x9e) {
		edt[0] = 0;
		return 1;
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].epc == epc && fixed[i].of & 1u << which) {
			memcpy(edt, fixed[i].bytes, fixed[i].len);
			return fixed[i].len;
		}
	return 0;
}

/* The values asked for, where there are any; false: one is missing. */
static bool answer_list(const struct echonet_controller *controller, bool is_profile,
			const struct echonet_property *asked, uint8_t count,
			uint8_t edts[static ECHONET_PROPERTIES_MAX][ANSWER_BYTES_MAX], struct echonet_property *answers)
{
	bool all = true;

	for (uint8_t i = 0; i < count; i++) {
		size_t len = read_own(controller, is_profile, asked[i].epc, edts[i]);

		answers[i] = (struct echonet_property){asked[i].epc, {(const char *)edts[i], len}};
		all = all && len > 0;
	}
	return all;
}

/* Nothing of ours can be set: what was to be goes back as it came. */
static void refuse(const struct echonet_frame *request, struct echonet_frame *out)
{
	out->service = echonet_service_refusal(request->service);
	out->count = request->count;
	memcpy(out->properties, request->properties, request->count * sizeof(out->properties[0]));
}

static void answer_get(struct echonet_controller *controller, uint32_t address, bool is_profile,
		       const struct echonet_frame *request)
{
	uint8_t edts[ECHONET_PROPERTIES_MAX][ANSWER_BYTES_MAX];
	struct echonet_frame *out = &controller->out;

	if (request->service == ECHONET_SETGET) {
		out->get_count = request->get_count;
		(void)answer_list(controller, is_profile, request->gets, request->get_count, edts, out->gets);
	} else {
		bool all =
			answer_list(controller, is_profile, request->properties, request->count, edts, out->properties);

		out->count = request->count;
		out->service = all ? (request->service == ECHONET_GET ? ECHONET_GET_RES : ECHONET_INF)
				   : echonet_service_refusal(request->service);
		if (out->service == ECHONET_INF)
			address = ECHONET_GROUP_ADDRESS; /* what is requested to be announced is told to all */
	}
	echonet_send(controller, address, out);
}

/* What is for objects that are not ours is passed over, as the specification has it; so are services that are none. */
void echonet_answer(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *request)
{
	struct echonet_frame *out = &controller->out;
	uint32_t class_code = request->destination >> 8, instance = request->destination & 0xffu;
	bool is_profile = class_code == ECHONET_NODE_PROFILE_CLASS;

	if (echonet_service_refusal(request->service) == 0 || (!is_profile && class_code != ECHONET_CONTROLLER >> 8) ||
	    instance > 1) {
		controller->counts.foreign++;
		return;
	}
	out->tid = request->tid;
	out->source = is_profile ? ECHONET_NODE_PROFILE : ECHONET_CONTROLLER;
	out->destination = request->source;
	out->count = out->get_count = 0;
	if (request->service == ECHONET_SETI || request->service == ECHONET_SETC || request->service == ECHONET_SETGET)
		refuse(request, out);
	if (request->service == ECHONET_SETI || request->service == ECHONET_SETC)
		echonet_send(controller, address, out);
	else
		answer_get(controller, address, is_profile, request);
}

/* That this node is there, as at every start (part II, 4.3.1). */
void echonet_announce(struct echonet_controller *controller)
{
	struct echonet_frame *out = &controller->out;
	uint8_t edt[ANSWER_BYTES_MAX];

	out->tid = ++controller->tid;
	out->source = out->destination = ECHONET_NODE_PROFILE;
	out->service = ECHONET_INF;
	out->count = 1;
	out->properties[0] =
		(struct echonet_property){0xd5, {(const char *)edt, read_own(controller, true, 0xd5, edt)}};
	echonet_send(controller, ECHONET_GROUP_ADDRESS, out);
}
