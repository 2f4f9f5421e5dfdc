/* A node's turn: what it is asked next, what becomes of what it does not answer. */
#include "echonet/controller_int.h"

#include <assert.h>

#define CROWD_PAUSE_US (100 * US_PER_MS) /* while as many requests wait as may */
#define ANEW_PAUSE_US (60 * US_PER_S)
#define MAP_FIRST 0x9du
#define MAP_LAST 0x9fu
#define SPREAD_FACTOR 2654435761u /* of Knuth's multiplicative hash: neighbours in address lie apart in time */

struct echonet_object *echonet_peer_object(struct echonet_peer *peer, uint32_t eoj)
{
	if (eoj >> 8 == ECHONET_NODE_PROFILE_CLASS)
		return &peer->node.objects[0];
	for (size_t i = 1; i < peer->node.object_count; i++)
		if (peer->node.objects[i].eoj == eoj)
			return &peer->node.objects[i];
	return NULL;
}

/* ---- rounds ---- */

static void want(struct echonet_object *object, const struct echonet_epcs *epcs)
{
	object->wanted.bits[0] |= epcs->bits[0];
	object->wanted.bits[1] |= epcs->bits[1];
}

static struct echonet_epcs both(const struct echonet_epcs *a, const struct echonet_epcs *b)
{
	return (struct echonet_epcs){{a->bits[0] & b->bits[0], a->bits[1] & b->bits[1]}};
}

void echonet_object_plan(struct echonet_object *object, const struct echonet_epcs *readable)
{
	struct echonet_epcs often = echonet_known(object->class_code, ECHONET_OFTEN);
	struct echonet_epcs seldom = echonet_known(object->class_code, ECHONET_SELDOM);
	struct echonet_epcs least = {{0, 0}};

	/* Every object has them. */
	echonet_epcs_add(&least, 0x80);
	echonet_epcs_add(&least, 0x88);
	echonet_epcs_add(&least, 0x8a);
	object->has_maps = readable != NULL;
	object->readable = readable ? *readable : least;
	object->often = both(&often, &object->readable);
	object->seldom = both(&seldom, &object->readable);
	object->doubted = (struct echonet_epcs){{0, 0}};
	object->maps_wanted = false;
	want(object, &object->often);
	want(object, &object->seldom);
}

void echonet_node_want_list(struct echonet_peer *peer)
{
	peer->list_wanted = true;
	echonet_epcs_add(&peer->list_left, 0x83);
	echonet_epcs_add(&peer->list_left, 0xd6);
}

void echonet_object_want_maps(struct echonet_object *object)
{
	object->maps_wanted = true;
	object->has_maps = false;
	for (uint32_t epc = MAP_FIRST; epc <= MAP_LAST; epc++)
		echonet_epcs_add(&object->maps_left, (uint8_t)epc);
}

void echonet_node_ask_anew(struct echonet_controller *controller, struct echonet_peer *peer)
{
	if (peer->anew_us && controller->now_us - peer->anew_us < ANEW_PAUSE_US)
		return;
	peer->anew_us = controller->now_us;
	echonet_node_want_list(peer);
	peer->round_us = peer->seldom_us = controller->now_us;
}

static void begin_round(struct echonet_controller *controller, struct echonet_peer *peer)
{
	int64_t interval_us = controller->options.interval_s * US_PER_S, now_us = controller->now_us;
	bool seldom = peer->seldom_us <= now_us, first = !peer->is_known;

	for (size_t i = 0; i < peer->node.object_count; i++) {
		want(&peer->node.objects[i], &peer->node.objects[i].often);
		if (seldom)
			want(&peer->node.objects[i], &peer->node.objects[i].seldom);
	}
	if (seldom) {
		echonet_node_want_list(peer);
		peer->batch_max = ECHONET_BATCH_MAX;
		peer->seldom_us = now_us + ECHONET_SELDOM_US;
	}
	if (first) /* from now on apart from those that were found at the same time */
		peer->round_us = now_us + interval_us / 2 + (int64_t)(peer->node.address * SPREAD_FACTOR) % interval_us;
	else
		peer->round_us =
			peer->round_us + interval_us > now_us ? peer->round_us + interval_us : now_us + interval_us;
}

/* ---- requests ---- */

static void begin_frame(struct echonet_controller *controller, const struct echonet_peer *peer, uint8_t service)
{
	controller->out.tid = peer->tid;
	controller->out.source = ECHONET_CONTROLLER;
	controller->out.destination = peer->asked_eoj;
	controller->out.service = service;
	controller->out.count = controller->out.get_count = 0;
}

static void send_frame(struct echonet_controller *controller, struct echonet_peer *peer)
{
	echonet_heap_set(&controller->heap, peer, controller->now_us + (ECHONET_TIMEOUT_US << peer->tries));
	echonet_send(controller, peer->node.address, &controller->out);
}

static void send_set(struct echonet_controller *controller, struct echonet_peer *peer)
{
	const struct echonet_order *order = peer->orders;
	const char *edt = (const char *)order->edts;

	begin_frame(controller, peer, ECHONET_SETC);
	for (uint8_t i = 0; i < order->count; i++) {
		controller->out.properties[controller->out.count++] =
			(struct echonet_property){order->epcs[i], {edt, order->lengths[i]}};
		edt += order->lengths[i];
	}
	send_frame(controller, peer);
}

/* As many of these as may go into a request. */
static void ask_for_some(struct echonet_controller *controller, struct echonet_peer *peer, uint16_t class_code,
			 const struct echonet_epcs *epcs)
{
	size_t count_max = (size_t)peer->batch_max >> peer->tries, bytes = 0;

	for (uint32_t epc = 0x80; epc <= 0xff; epc++) {
		if (!echonet_epcs_has(epcs, (uint8_t)epc))
			continue;
		bytes += echonet_expected_bytes(class_code, (uint8_t)epc);
		if (controller->out.count > 0 &&
		    (controller->out.count >= count_max || bytes > ECHONET_BATCH_BYTES_MAX))
			break;
		controller->out.properties[controller->out.count++] = (struct echonet_property){.epc = (uint8_t)epc};
		echonet_epcs_add(&peer->asked, (uint8_t)epc);
	}
	peer->batch = controller->out.count;
}

/* What the object is before what changes, since that may scale it. */
static void send_get(struct echonet_controller *controller, struct echonet_peer *peer)
{
	const struct echonet_object *object = echonet_peer_object(peer, peer->asked_eoj);
	const struct echonet_epcs *epcs = &peer->list_left;
	struct echonet_epcs first = {{0, 0}};

	if (peer->asking != ECHONET_ASKS_LIST && object) {
		first = both(&object->wanted, &object->seldom);
		epcs = echonet_epcs_empty(&first) ? &object->wanted : &first;
		if (peer->asking == ECHONET_ASKS_MAPS)
			epcs = &object->maps_left;
	}
	begin_frame(controller, peer, ECHONET_GET);
	peer->asked = (struct echonet_epcs){{0, 0}};
	ask_for_some(controller, peer, (uint16_t)(peer->asked_eoj >> 8), epcs);
	send_frame(controller, peer);
}

static void ask(struct echonet_controller *controller, struct echonet_peer *peer, enum echonet_asking asking,
		uint32_t eoj)
{
	peer->asking = asking;
	peer->asked_eoj = eoj;
	peer->tid = ++controller->tid;
	peer->tries = 0;
	controller->in_flight++;
	if (asking == ECHONET_ASKS_SET)
		send_set(controller, peer);
	else
		send_get(controller, peer);
}

static const struct echonet_object *next_object(const struct echonet_peer *peer)
{
	for (size_t i = 0; i < peer->node.object_count; i++) {
		const struct echonet_object *object = &peer->node.objects[i];

		if (object->maps_wanted || !echonet_epcs_empty(&object->wanted))
			return object;
	}
	return NULL;
}

void echonet_node_advance(struct echonet_controller *controller, struct echonet_peer *peer)
{
	const struct echonet_object *object = peer->only_sends ? NULL : next_object(peer);
	bool has_work = peer->orders || object || (peer->list_wanted && !peer->only_sends);

	if (peer->asking)
		return;
	if (!has_work)
		echonet_heap_set(&controller->heap, peer, peer->round_us);
	else if (controller->in_flight >= ECHONET_IN_FLIGHT_MAX)
		echonet_heap_set(&controller->heap, peer, controller->now_us + CROWD_PAUSE_US);
	else if (peer->orders)
		ask(controller, peer, ECHONET_ASKS_SET, peer->orders->eoj);
	else if (peer->list_wanted)
		ask(controller, peer, ECHONET_ASKS_LIST, ECHONET_NODE_PROFILE);
	else
		ask(controller, peer, object->maps_wanted ? ECHONET_ASKS_MAPS : ECHONET_ASKS_VALUES, object->eoj);
}

void echonet_node_settle(struct echonet_controller *controller, struct echonet_peer *peer)
{
	assert(peer->asking && controller->in_flight > 0);
	/* It answers when it is asked for less at a time. */
	if (peer->tries && peer->batch == (uint8_t)(peer->batch_max >> peer->tries))
		peer->batch_max = peer->batch;
	peer->asking = ECHONET_ASKS_NOTHING;
	controller->in_flight--;
}

/* ---- silence ---- */

static void lose(struct echonet_controller *controller, struct echonet_peer *peer)
{
	bool was_up = peer->node.is_up;

	while (peer->orders)
		echonet_order_end(controller, peer, ECHONET_TIMED_OUT, 0);
	echonet_node_want_list(peer); /* which is what it will be asked for first */
	controller->up_count -= was_up;
	peer->node.is_up = false;
	peer->pause_us = peer->pause_us == 0 ? ECHONET_LOST_PAUSE_US : peer->pause_us * 2;
	if (peer->pause_us > ECHONET_LOST_PAUSE_US_MAX)
		peer->pause_us = ECHONET_LOST_PAUSE_US_MAX;
	echonet_heap_set(&controller->heap, peer, controller->now_us + peer->pause_us);
	if (was_up && peer->is_known)
		echonet_tell(controller, &(struct echonet_event){.kind = ECHONET_NODE_LOST, .node = &peer->node});
}

/* Is only this object silent? The node profile shows. */
static void give_up(struct echonet_controller *controller, struct echonet_peer *peer)
{
	enum echonet_asking asked = peer->asking;
	struct echonet_object *object = echonet_peer_object(peer, peer->asked_eoj);

	peer->asking = ECHONET_ASKS_NOTHING;
	controller->in_flight--;
	if (asked == ECHONET_ASKS_SET)
		echonet_order_end(controller, peer, ECHONET_TIMED_OUT, 0);
	if (peer->asked_eoj == ECHONET_NODE_PROFILE || !peer->node.is_up) {
		lose(controller, peer);
		return;
	}
	if (object && asked != ECHONET_ASKS_SET) {
		if (asked == ECHONET_ASKS_MAPS)
			echonet_object_plan(object, NULL);
		object->wanted = (struct echonet_epcs){{0, 0}};
	}
	echonet_epcs_add(&echonet_peer_object(peer, ECHONET_NODE_PROFILE)->wanted, 0x80);
	echonet_node_advance(controller, peer);
}

static bool is_forgotten(struct echonet_controller *controller, struct echonet_peer *peer)
{
	if (peer->is_named || (peer->node.is_up && !peer->only_sends) || peer->orders ||
	    controller->now_us - peer->heard_us < ECHONET_FORGET_US)
		return false;
	echonet_peer_remove(controller, peer);
	return true;
}

/* Who was lost before is asked once at a time, so that many who are gone do not take the place of those who are
 * there. */
static uint8_t tries_of(const struct echonet_peer *peer)
{
	return peer->pause_us > 0 && peer->asking != ECHONET_ASKS_SET ? 1 : ECHONET_TRIES;
}

void echonet_node_tick(struct echonet_controller *controller, struct echonet_peer *peer)
{
	if (peer->asking) {
		controller->counts.timeouts++;
		if (++peer->tries >= tries_of(peer))
			give_up(controller, peer);
		else if (peer->asking == ECHONET_ASKS_SET)
			send_set(controller, peer);
		else
			send_get(controller, peer);
		return;
	}
	if (is_forgotten(controller, peer))
		return;
	if (peer->round_us <= controller->now_us)
		begin_round(controller, peer);
	echonet_node_advance(controller, peer);
}

void echonet_node_heard(struct echonet_controller *controller, struct echonet_peer *peer)
{
	peer->heard_us = controller->now_us;
	if (peer->node.is_up)
		return;
	peer->node.is_up = true;
	controller->up_count++;
	peer->pause_us = 0;
	if (!peer->asking)
		echonet_heap_set(&controller->heap, peer, controller->now_us);
	if (!peer->is_known)
		return;
	echonet_node_ask_anew(controller, peer);
	echonet_tell(controller, &(struct echonet_event){.kind = ECHONET_NODE_BACK, .node = &peer->node});
}

void echonet_node_known(struct echonet_controller *controller, struct echonet_peer *peer, bool changed)
{
	bool first = !peer->is_known;

	peer->is_known = true;
	if (first || changed)
		echonet_tell(controller, &(struct echonet_event){.kind = ECHONET_NODE_FOUND, .node = &peer->node});
}
