/* The inside of a controller. Of the room only. */
#ifndef MACHI_ECHONET_CONTROLLER_INT_H
#define MACHI_ECHONET_CONTROLLER_INT_H

#include "base/map.h"
#include "echonet/controller.h"

#define ECHONET_DATAGRAM_BYTES_MAX 1472u /* that we send: what fits into an Ethernet frame without fragments */
#define ECHONET_NO_HEAP SIZE_MAX

/* A set that has not ended. */
struct echonet_order {
	uint64_t ticket;
	uint32_t eoj;
	uint8_t count;
	uint8_t epcs[ECHONET_ORDER_PROPERTIES_MAX], lengths[ECHONET_ORDER_PROPERTIES_MAX];
	uint8_t edts[ECHONET_ORDER_BYTES_MAX];
	struct echonet_order *next;
};

/* What a node has been asked and not answered. */
enum echonet_asking {
	ECHONET_ASKS_NOTHING,
	ECHONET_ASKS_LIST,
	ECHONET_ASKS_MAPS,
	ECHONET_ASKS_VALUES,
	ECHONET_ASKS_SET,
};

struct echonet_peer {
	struct echonet_node node; /* first, so that a node is its peer */
	char key[sizeof(uint32_t)]; /* of the map: the address */
	size_t heap_at;
	int64_t due_us; /* of what is next: a time-out, a round, a try */
	bool is_named; /* in the list of addresses: never forgotten */
	bool is_known; /* its instance list has been read */
	bool only_sends; /* its node profile says so (0EF002): it is not asked */
	bool list_wanted, list_changed;
	struct echonet_epcs list_left; /* of instance list and number, which have not been read yet */
	enum echonet_asking asking;
	struct echonet_epcs asked;
	uint16_t tid;
	uint32_t asked_eoj;
	uint8_t tries, batch; /* batch: how many properties were asked for */
	uint8_t batch_max; /* how many it bears */
	int64_t round_us, seldom_us; /* of the next ones */
	int64_t pause_us; /* while it is lost */
	int64_t heard_us, anew_us; /* when it was heard; when all was last asked anew */
	struct echonet_order *orders, *orders_last; /* owned; the first may have been sent */
	size_t order_count;
};

struct echonet_heap { /* of peers, by due_us: the earliest first */
	struct echonet_peer **at; /* owned */
	size_t count;
};

struct echonet_controller {
	struct echonet_options options;
	struct echonet_counts counts;
	struct map peers; /* by address */
	struct echonet_heap heap;
	struct echonet_peer *by_index[ECHONET_NODES_MAX]; /* owned */
	size_t peer_count, up_count, in_flight;
	uint16_t tid;
	int64_t now_us, discover_us;
	uint8_t discoveries; /* that were made in quick succession at the beginning */
	struct echonet_frame in, out; /* too large for a stack */
	struct buf buf;
};

/* heap.c */
void echonet_heap_set(struct echonet_heap *heap, struct echonet_peer *peer, int64_t due_us);
void echonet_heap_remove(struct echonet_heap *heap, struct echonet_peer *peer);

/* controller.c */
struct echonet_peer *echonet_peer_find(const struct echonet_controller *controller, uint32_t address);
/* NULL: no memory, or too many. */
struct echonet_peer *echonet_peer_add(struct echonet_controller *controller, uint32_t address);
void echonet_peer_remove(struct echonet_controller *controller, struct echonet_peer *peer);
void echonet_send(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *frame);
void echonet_tell(struct echonet_controller *controller, const struct echonet_event *event);
void echonet_discover(struct echonet_controller *controller);

/* node.c */
void echonet_node_tick(struct echonet_controller *controller, struct echonet_peer *peer);
/* Sends what is next, or sleeps until the next round. */
void echonet_node_advance(struct echonet_controller *controller, struct echonet_peer *peer);
void echonet_node_heard(struct echonet_controller *controller, struct echonet_peer *peer);
/* What it was asked is over, by an answer or for good. */
void echonet_node_settle(struct echonet_controller *controller, struct echonet_peer *peer);
/* Instance list and number are to be read. */
void echonet_node_want_list(struct echonet_peer *peer);
/* The maps of an object are to be read. */
void echonet_object_want_maps(struct echonet_object *object);
/* The node profile has told of itself what there is to be told. */
void echonet_node_known(struct echonet_controller *controller, struct echonet_peer *peer, bool changed);
/* The maps of an object are known, or are not to be had (NULL). */
void echonet_object_plan(struct echonet_object *object, const struct echonet_epcs *readable);
struct echonet_object *echonet_peer_object(struct echonet_peer *peer, uint32_t eoj);
/* What the node and its objects say of themselves is to be read again; not more often than once a minute. */
void echonet_node_ask_anew(struct echonet_controller *controller, struct echonet_peer *peer);
void echonet_order_end(struct echonet_controller *controller, struct echonet_peer *peer, enum echonet_outcome outcome,
		       uint8_t epc);

/* identity.c: what a node profile says of its node. */
/* The objects by its instance list; *ret_changed: they are others than before. False: no memory. */
bool echonet_identity_list(struct echonet_peer *peer, struct str list, bool *ret_changed);
/* Its identification number, where it can serve as one. */
void echonet_identity_number(struct echonet_controller *controller, struct echonet_peer *peer, struct str number,
			     bool *ret_changed);

/* answer.c: what others ask of us. */
void echonet_answer(struct echonet_controller *controller, uint32_t address, const struct echonet_frame *request);
void echonet_announce(struct echonet_controller *controller);

#endif
