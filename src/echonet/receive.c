/* Datagrams of others: answers, refusals and announcements. */
#include "echonet/controller_int.h"

/* ---- what a node says of its objects ---- */

static struct str edt_of(const struct echonet_frame *frame, uint8_t epc)
{
	for (uint8_t i = 0; i < frame->count; i++)
		if (frame->properties[i].epc == epc && frame->properties[i].edt.len > 0)
			return frame->properties[i].edt;
	return STR_NONE;
}

/* What was asked for has been told or is not to be had. */
static void strike(struct echonet_epcs *left, const struct echonet_epcs *asked)
{
	left->bits[0] &= ~asked->bits[0];
	left->bits[1] &= ~asked->bits[1];
}

static void take_maps(struct echonet_object *object, const struct echonet_epcs *asked,
		      const struct echonet_frame *frame)
{
	if (echonet_map_read(edt_of(frame, 0x9f), &object->readable))
		object->has_maps = true;
	(void)echonet_map_read(edt_of(frame, 0x9e), &object->settable);
	(void)echonet_map_read(edt_of(frame, 0x9d), &object->announced);
	strike(&object->maps_left, asked);
	if (echonet_epcs_empty(&object->maps_left))
		echonet_object_plan(object, object->has_maps ? &object->readable : NULL);
}

/* Tells of the properties that have a value, and keeps those that scale others. */
static void tell_values(struct echonet_controller *controller, struct echonet_peer *peer, struct echonet_object *object,
			struct echonet_frame *frame, bool announced)
{
	uint8_t count = 0;

	for (uint8_t i = 0; i < frame->count; i++) {
		if (frame->properties[i].edt.len == 0)
			continue;
		echonet_factors_note(&object->factors, object->class_code, &frame->properties[i]);
		frame->properties[count++] = frame->properties[i];
	}
	frame->count = count;
	if (count > 0 && peer->is_known)
		echonet_tell(controller, &(struct echonet_event){.kind = ECHONET_VALUES,
								 .node = &peer->node,
								 .object = object,
								 .properties = frame->properties,
								 .count = count,
								 .announced = announced});
}

/* ---- answers to what was asked ---- */

/* What was asked is wanted no more; what was not told is doubted, and when that happens again given up. */
static void settle_batch(struct echonet_object *object, const struct echonet_epcs *asked,
			 const struct echonet_frame *frame)
{
	for (uint32_t epc = 0x80; epc <= 0xff; epc++) {
		if (!echonet_epcs_has(asked, (uint8_t)epc))
			continue;
		echonet_epcs_remove(&object->wanted, (uint8_t)epc);
		if (edt_of(frame, (uint8_t)epc).len > 0) {
			echonet_epcs_remove(&object->doubted, (uint8_t)epc);
		} else if (echonet_epcs_has(&object->doubted, (uint8_t)epc)) {
			echonet_epcs_remove(&object->often, (uint8_t)epc);
			echonet_epcs_remove(&object->seldom, (uint8_t)epc);
		} else {
			echonet_epcs_add(&object->doubted, (uint8_t)epc);
		}
	}
}

static void take_profile(struct echonet_controller *controller, struct echonet_peer *peer,
			 const struct echonet_epcs *asked, const struct echonet_frame *frame)
{
	struct str list = edt_of(frame, 0xd6);
	bool changed = false;

	/* Where memory lacks the list stays as it was, until it is asked for in an hour, or the node announces
	 * itself. */
	if (list.at && echonet_identity_list(peer, list, &changed))
		peer->list_changed = peer->list_changed || changed;
	if (echonet_epcs_has(asked, 0x83)) {
		echonet_identity_number(controller, peer, edt_of(frame, 0x83), &changed);
		peer->list_changed = peer->list_changed || changed;
	}
	strike(&peer->list_left, asked);
	if (!echonet_epcs_empty(&peer->list_left))
		return;
	changed = peer->list_changed;
	peer->list_wanted = peer->list_changed = false;
	echonet_node_known(controller, peer, changed);
}

static bool has_data(const struct echonet_frame *frame)
{
	for (uint8_t i = 0; i < frame->count; i++)
		if (frame->properties[i].edt.len > 0)
			return true;
	return false;
}

static void take_get(struct echonet_controller *controller, struct echonet_peer *peer, struct echonet_frame *frame)
{
	struct echonet_object *object = echonet_peer_object(peer, peer->asked_eoj);
	struct echonet_epcs asked = peer->asked;
	enum echonet_asking asking = peer->asking;
	uint8_t batch = peer->batch;

	controller->counts.answers++;
	echonet_node_settle(controller, peer);
	if (batch > 1 && !has_data(frame)) {
		peer->batch_max = batch / 2; /* perhaps it was too much at a time */
	} else if (asking == ECHONET_ASKS_LIST) {
		take_profile(controller, peer, &asked, frame);
	} else if (object && asking == ECHONET_ASKS_MAPS) {
		take_maps(object, &asked, frame);
	} else if (object) {
		settle_batch(object, &asked, frame);
		tell_values(controller, peer, object, frame, false);
	}
	echonet_node_advance(controller, peer);
}

/* Of a refused set, what was taken has no EDT and what was not has the one that was sent (part II, 4.2.3.1). */
static void take_set(struct echonet_controller *controller, struct echonet_peer *peer,
		     const struct echonet_frame *frame)
{
	uint8_t epc = frame->count ? frame->properties[0].epc : 0;

	controller->counts.answers++;
	echonet_node_settle(controller, peer);
	for (uint8_t i = 0; i < frame->count; i++)
		if (frame->properties[i].edt.len > 0) {
			epc = frame->properties[i].epc;
			break;
		}
	if (frame->service == ECHONET_SET_RES)
		echonet_order_end(controller, peer, ECHONET_DONE, 0);
	else
		echonet_order_end(controller, peer, ECHONET_REFUSED, epc);
	echonet_node_advance(controller, peer);
}

static bool is_expected(const struct echonet_peer *peer, const struct echonet_frame *frame, bool of_set)
{
	return peer && peer->asking && (peer->asking == ECHONET_ASKS_SET) == of_set && peer->tid == frame->tid &&
	       peer->asked_eoj == frame->source;
}

/* ---- nodes that come up ---- */

static struct echonet_peer *meet(struct echonet_controller *controller, uint32_t address)
{
	struct echonet_peer *peer = echonet_peer_find(controller, address);

	if (!peer && controller->options.discover)
		peer = echonet_peer_add(controller, address);
	if (!peer)
		controller->counts.foreign++;
	return peer;
}

/* After a list that came by itself, which may have changed, or another sign that there is something new. */
static void ask_anew(struct echonet_controller *controller, struct echonet_peer *peer, bool changed)
{
	if (changed)
		peer->anew_us = 0;
	if (peer->only_sends || (changed && peer->is_known))
		echonet_node_known(controller, peer, changed);
	echonet_node_ask_anew(controller, peer);
	if (!peer->asking)
		echonet_heap_set(&controller->heap, peer, controller->now_us);
}

/* An instance list that came by itself. The node's number is asked for before the list counts. */
static void take_list(struct echonet_controller *controller, struct echonet_peer *peer, struct str list,
		      uint32_t source)
{
	bool changed = false;

	if (!echonet_identity_list(peer, list, &changed))
		return;
	peer->only_sends = source == ECHONET_NODE_PROFILE_SENDER;
	for (size_t i = 0; peer->only_sends && i < peer->node.object_count; i++)
		echonet_object_plan(&peer->node.objects[i], NULL);
	ask_anew(controller, peer, changed);
}

static void take_announcement(struct echonet_controller *controller, uint32_t address, struct echonet_frame *frame)
{
	struct echonet_peer *peer = meet(controller, address);
	bool is_profile = frame->source >> 8 == ECHONET_NODE_PROFILE_CLASS;

	controller->counts.announcements++;
	if (!peer)
		return;
	echonet_node_heard(controller, peer);
	if (is_profile && edt_of(frame, 0xd5).at)
		take_list(controller, peer, edt_of(frame, 0xd5), frame->source);
	struct echonet_object *object = echonet_peer_object(peer, frame->source);

	if (object) {
		tell_values(controller, peer, object, frame, true);
	} else {
		controller->counts.foreign++;
		ask_anew(controller, peer, false); /* its list may have grown */
	}
}

/* Answers to a question that went to all. */
static void take_list_answer(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *frame)
{
	struct str list = edt_of(frame, 0xd6);
	struct echonet_peer *peer;
	bool changed = false;

	if (frame->source >> 8 != ECHONET_NODE_PROFILE_CLASS || !list.at || !controller->options.discover) {
		controller->counts.unexpected++;
		return;
	}
	peer = echonet_peer_find(controller, address);
	if (!peer) {
		(void)meet(controller, address); /* it is asked for its list at the next tick, with its number */
		return;
	}
	controller->counts.answers++;
	echonet_node_heard(controller, peer);
	if (echonet_identity_list(peer, list, &changed) && changed)
		ask_anew(controller, peer, true);
}

/* ---- datagrams ---- */

static void confirm(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *frame)
{
	struct echonet_frame *out = &controller->out;

	if (frame->destination != ECHONET_CONTROLLER && frame->destination != ECHONET_NODE_PROFILE)
		return;
	out->tid = frame->tid;
	out->source = frame->destination;
	out->destination = frame->source;
	out->service = ECHONET_INFC_RES;
	out->count = frame->count;
	for (uint8_t i = 0; i < frame->count; i++)
		out->properties[i] = (struct echonet_property){.epc = frame->properties[i].epc};
	echonet_send(controller, address, out);
}

static void take_frame(struct echonet_controller *controller, uint32_t address, struct echonet_frame *frame)
{
	struct echonet_peer *peer = echonet_peer_find(controller, address);

	switch (frame->service) {
	case ECHONET_GET_SNA:
		controller->counts.refusals++;
		/* fall through */
	case ECHONET_GET_RES:
		if (!is_expected(peer, frame, false)) {
			take_list_answer(controller, address, frame);
			return;
		}
		echonet_node_heard(controller, peer);
		take_get(controller, peer, frame);
		return;
	case ECHONET_SETC_SNA:
		controller->counts.refusals++;
		/* fall through */
	case ECHONET_SET_RES:
		if (!is_expected(peer, frame, true)) {
			controller->counts.unexpected++;
			return;
		}
		echonet_node_heard(controller, peer);
		take_set(controller, peer, frame);
		return;
	case ECHONET_INFC:
		confirm(controller, address, frame);
		/* fall through */
	case ECHONET_INF:
		take_announcement(controller, address, frame);
		return;
	default:
		echonet_answer(controller, address, frame);
	}
}

void echonet_controller_receive(struct echonet_controller *controller, uint32_t address, struct str bytes,
				int64_t now_us)
{
	struct error err;

	controller->now_us = now_us;
	controller->counts.received++;
	if (echonet_frame_read(bytes, &controller->in, &err) != ERR_OK) {
		controller->counts.malformed++;
		return;
	}
	take_frame(controller, address, &controller->in);
}
