/* A controller: its nodes, what is due, and what goes out. */
#include "echonet/controller_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdlib.h>

#define QUICK_DISCOVERIES 3u /* at the beginning: a multicast may be lost */
#define QUICK_DISCOVER_US (5 * US_PER_S)

DEFINE_CLEANUP(struct echonet_controller *, echonet_controller);

/* ---- nodes ---- */

struct echonet_peer *echonet_peer_find(const struct echonet_controller *controller, uint32_t address)
{
	return map_get(&controller->peers, (struct str){(const char *)&address, sizeof(address)});
}

struct echonet_peer *echonet_peer_add(struct echonet_controller *controller, uint32_t address)
{
	struct echonet_peer *peer;

	if (controller->peer_count == ECHONET_NODES_MAX) {
		controller->counts.crowded_out++;
		return NULL;
	}
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	memcpy(peer->key, &address, sizeof(address));
	peer->node.address = address;
	peer->heap_at = ECHONET_NO_HEAP;
	echonet_node_want_list(peer);
	peer->batch_max = ECHONET_BATCH_MAX;
	peer->heard_us = peer->seldom_us = peer->round_us = controller->now_us;
	peer->node.objects = calloc(1, sizeof(*peer->node.objects));
	if (!peer->node.objects || !map_set(&controller->peers, (struct str){peer->key, sizeof(peer->key)}, peer)) {
		free(peer->node.objects);
		free(peer);
		return NULL;
	}
	peer->node.object_count = 1;
	peer->node.objects[0] =
		(struct echonet_object){.eoj = ECHONET_NODE_PROFILE, .class_code = ECHONET_NODE_PROFILE_CLASS};
	echonet_object_want_maps(&peer->node.objects[0]);
	controller->by_index[controller->peer_count++] = peer;
	echonet_heap_set(&controller->heap, peer, controller->now_us);
	return peer;
}

static void free_peer(struct echonet_peer *peer)
{
	free(peer->node.objects);
	free(peer);
}

void echonet_peer_remove(struct echonet_controller *controller, struct echonet_peer *peer)
{
	size_t i = 0;

	while (peer->orders)
		echonet_order_end(controller, peer, ECHONET_GONE, 0);
	controller->in_flight -= peer->asking != ECHONET_ASKS_NOTHING;
	controller->up_count -= peer->node.is_up;
	echonet_heap_remove(&controller->heap, peer);
	(void)map_remove(&controller->peers, (struct str){peer->key, sizeof(peer->key)});
	while (controller->by_index[i] != peer)
		i++;
	controller->by_index[i] = controller->by_index[--controller->peer_count];
	free_peer(peer);
}

/* ---- the controller ---- */

enum err_code echonet_controller_new(const struct echonet_options *options, int64_t now_us,
				     struct echonet_controller **ret_controller, struct error *err)
{
	CLEANUP(echonet_controller) struct echonet_controller *controller = NULL;

	if (!options->send || !options->event)
		return err_set(err, ERR_INVALID, "a controller has to send and to tell");
	if (options->address_count > ECHONET_NODES_MAX)
		return err_set(err, ERR_LIMIT, "%zu addresses of nodes, at most %u are taken", options->address_count,
			       ECHONET_NODES_MAX);
	controller = calloc(1, sizeof(*controller));
	if (!controller)
		return err_set(err, ERR_MEMORY, "no memory for a controller");
	map_init(&controller->peers, options->first_tid);
	buf_init(&controller->buf, ECHONET_FRAME_BYTES_MAX);
	controller->options = *options;
	controller->options.addresses = NULL; /* the peers know */
	if (controller->options.interval_s == 0)
		controller->options.interval_s = ECHONET_INTERVAL_S;
	controller->tid = options->first_tid;
	controller->now_us = controller->discover_us = now_us;
	controller->heap.at = calloc(ECHONET_NODES_MAX, sizeof(struct echonet_peer *));
	if (!controller->heap.at)
		return err_set(err, ERR_MEMORY, "no memory for a controller");
	for (size_t i = 0; i < options->address_count; i++) {
		struct echonet_peer *peer = echonet_peer_find(controller, options->addresses[i]);

		if (!peer)
			peer = echonet_peer_add(controller, options->addresses[i]);
		if (!peer)
			return err_set(err, ERR_MEMORY, "no memory for a node");
		peer->is_named = true;
	}
	*ret_controller = TAKE(controller);
	return ERR_OK;
}

struct echonet_controller *echonet_controller_free(struct echonet_controller *controller)
{
	if (!controller)
		return NULL;
	while (controller->peer_count > 0)
		echonet_peer_remove(controller, controller->by_index[controller->peer_count - 1]);
	map_done(&controller->peers);
	buf_done(&controller->buf);
	free((void *)controller->heap.at);
	free(controller);
	return NULL;
}

void echonet_send(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *frame)
{
	buf_clear(&controller->buf);
	echonet_frame_write(frame, &controller->buf);
	if (controller->buf.failed)
		return; /* no memory: as if it was lost on the way */
	controller->counts.sent++;
	controller->options.send(controller->options.user, address, buf_str(&controller->buf));
}

void echonet_tell(struct echonet_controller *controller, const struct echonet_event *event)
{
	controller->options.event(controller->options.user, event);
}

/* Asks all nodes for their instance lists; the answers come as those of nodes that were not asked. */
void echonet_discover(struct echonet_controller *controller)
{
	struct echonet_frame *frame = &controller->out;

	frame->tid = ++controller->tid;
	frame->source = ECHONET_CONTROLLER;
	frame->destination = ECHONET_NODE_PROFILE;
	frame->service = ECHONET_GET;
	frame->count = 1;
	frame->properties[0] = (struct echonet_property){.epc = 0xd6};
	echonet_send(controller, ECHONET_GROUP_ADDRESS, frame);
}

static void discover_if_due(struct echonet_controller *controller)
{
	if (controller->discover_us > controller->now_us)
		return;
	if (controller->discoveries == 0)
		echonet_announce(controller);
	echonet_discover(controller);
	if (controller->discoveries < QUICK_DISCOVERIES)
		controller->discoveries++;
	controller->discover_us =
		controller->now_us +
		(controller->discoveries < QUICK_DISCOVERIES ? QUICK_DISCOVER_US : ECHONET_DISCOVER_US);
}

void echonet_controller_tick(struct echonet_controller *controller, int64_t now_us)
{
	controller->now_us = now_us;
	if (controller->options.discover)
		discover_if_due(controller);
	while (controller->heap.count > 0 && controller->heap.at[0]->due_us <= now_us)
		echonet_node_tick(controller, controller->heap.at[0]);
}

int64_t echonet_controller_deadline_us(const struct echonet_controller *controller)
{
	int64_t deadline_us = controller->options.discover ? controller->discover_us : INT64_MAX;

	if (controller->heap.count > 0 && controller->heap.at[0]->due_us < deadline_us)
		deadline_us = controller->heap.at[0]->due_us;
	return deadline_us;
}

/* ---- sets ---- */

static enum err_code check_set(const struct echonet_node *node, uint32_t eoj, const struct echonet_property *properties,
			       size_t count, struct error *err)
{
	const struct echonet_object *object = node ? echonet_node_object(node, eoj) : NULL;
	size_t bytes = 0;

	if (!object)
		return err_set(err, ERR_NOT_FOUND, "there is no object %06X at this node", (unsigned int)eoj);
	if (count == 0 || count > ECHONET_ORDER_PROPERTIES_MAX)
		return err_set(err, ERR_LIMIT, "expected 1 to %u properties, not %zu", ECHONET_ORDER_PROPERTIES_MAX,
			       count);
	for (size_t i = 0; i < count; i++) {
		bytes += properties[i].edt.len;
		if (object->has_maps && !echonet_epcs_has(&object->settable, properties[i].epc))
			return err_set(err, ERR_DENIED, "property %02X of object %06X cannot be set", properties[i].epc,
				       (unsigned int)eoj);
	}
	if (bytes > ECHONET_ORDER_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "%zu bytes to be set, at most %u are sent", bytes,
			       ECHONET_ORDER_BYTES_MAX);
	return ERR_OK;
}

enum err_code echonet_controller_set(struct echonet_controller *controller, uint32_t address, uint32_t eoj,
				     const struct echonet_property *properties, size_t count, uint64_t ticket,
				     int64_t now_us, struct error *err)
{
	struct echonet_peer *peer = echonet_peer_find(controller, address);
	enum err_code code = check_set(peer ? &peer->node : NULL, eoj, properties, count, err);
	size_t at = 0;

	if (code)
		return code;
	if (peer->order_count == ECHONET_ORDERS_MAX)
		return err_set(err, ERR_LIMIT, "%u sets wait at the node already", ECHONET_ORDERS_MAX);
	struct echonet_order *order = calloc(1, sizeof(*order));

	if (!order)
		return err_set(err, ERR_MEMORY, "no memory for a set");
	order->ticket = ticket;
	order->eoj = eoj;
	order->count = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		order->epcs[i] = properties[i].epc;
		order->lengths[i] = (uint8_t)properties[i].edt.len;
		if (properties[i].edt.len)
			memcpy(order->edts + at, properties[i].edt.at, properties[i].edt.len);
		at += properties[i].edt.len;
	}
	if (peer->orders)
		peer->orders_last->next = order;
	else
		peer->orders = order;
	peer->orders_last = order;
	peer->order_count++;
	if (peer->asking == ECHONET_ASKS_NOTHING)
		echonet_heap_set(&controller->heap, peer, now_us); /* also of a node that is lost: it may be back */
	return ERR_OK;
}

void echonet_order_end(struct echonet_controller *controller, struct echonet_peer *peer, enum echonet_outcome outcome,
		       uint8_t epc)
{
	struct echonet_order *order = peer->orders;
	struct echonet_object *object = echonet_peer_object(peer, order->eoj);
	const struct echonet_event event = {.kind = ECHONET_SET_ENDED,
					    .node = &peer->node,
					    .object = object,
					    .ticket = order->ticket,
					    .outcome = outcome,
					    .epc = epc};

	for (size_t i = 0; outcome == ECHONET_DONE && object && i < order->count; i++)
		if (!object->has_maps || echonet_epcs_has(&object->readable, order->epcs[i]))
			echonet_epcs_add(&object->wanted, order->epcs[i]);
	peer->orders = order->next;
	peer->order_count--;
	echonet_tell(controller, &event);
	free(order);
}

/* ---- looking ---- */

const struct echonet_node *echonet_controller_node(const struct echonet_controller *controller, uint32_t address)
{
	const struct echonet_peer *peer = echonet_peer_find(controller, address);

	return peer ? &peer->node : NULL;
}

const struct echonet_node *echonet_controller_node_at(const struct echonet_controller *controller, size_t index)
{
	return index < controller->peer_count ? &controller->by_index[index]->node : NULL;
}

size_t echonet_controller_nodes_up(const struct echonet_controller *controller)
{
	return controller->up_count;
}

const struct echonet_object *echonet_node_object(const struct echonet_node *node, uint32_t eoj)
{
	for (size_t i = 0; i < node->object_count; i++)
		if (node->objects[i].eoj == eoj)
			return &node->objects[i];
	return NULL;
}

struct echonet_counts echonet_controller_counts(const struct echonet_controller *controller)
{
	return controller->counts;
}
