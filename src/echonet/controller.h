/* A controller of ECHONET Lite nodes: finds them, reads what they have, asks again and again, sets what is to be set.
 *
 * Datagrams go in, with the time; datagrams and events come out by callbacks. Nothing else happens: no socket, no
 * clock.
 *
 * A node is found by its answer to a multicast Get of its instance list (EPC D6), by its announcements (D5, or any
 * other), or because it is in the list of addresses. Then, one request at a time for each node: instance list and
 * identity of the node profile, property maps of each object (9D, 9E, 9F), what its objects are (ECHONET_SELDOM), and
 * from then on what changes, each interval; each hour all but the maps again. Requests ask for several properties, so
 * many as the node bears: ECHONET_BATCH_MAX at first, half as many after each that is not answered or refused whole.
 *
 * What is not answered is sent again after 2, 4 and 8 s; then the node is lost, and is asked again after 30 s at first,
 * 10 minutes at last, once each time. An object that does not answer where its node profile does makes no lost node. A
 * node that is heard is back at once. A lost node that nobody named is forgotten after a day. Where a node has no
 * identification number, or one that another node has too which is up, has_id is false; a lost node whose number
 * appears elsewhere has moved.
 *
 * The controller is a node itself, with a node profile and a controller object (05FF), and answers what a node has to
 * answer (part II, 3.2 and 4.2; part V, 6.11 of the specification V1.14). What others notify with a confirmation (INFC)
 * is confirmed. Thread: one owner. Callbacks may call _set(), and nothing else. */
#ifndef MACHI_ECHONET_CONTROLLER_H
#define MACHI_ECHONET_CONTROLLER_H

#include "echonet/schema.h"

#define ECHONET_NODES_MAX 4096u
#define ECHONET_OBJECTS_MAX 84u /* of a node, its node profile not counted: as many as an instance list holds */
#define ECHONET_ID_BYTES 17u /* of an identification number */
#define ECHONET_BATCH_MAX 16u /* properties in a request */
#define ECHONET_BATCH_BYTES_MAX 512u /* of its answer's EDTs, as expected: small devices have small buffers */
#define ECHONET_TRIES 3u
#define ECHONET_TIMEOUT_US (2 * US_PER_S) /* for the first try */
#define ECHONET_IN_FLIGHT_MAX 64u /* requests that wait for an answer, of all nodes */
#define ECHONET_ORDERS_MAX 16u /* sets that wait at a node */
#define ECHONET_ORDER_PROPERTIES_MAX 4u
#define ECHONET_ORDER_BYTES_MAX 64u /* of EDTs */
#define ECHONET_INTERVAL_S 60u
#define ECHONET_SELDOM_US (3600 * US_PER_S)
#define ECHONET_DISCOVER_US (600 * US_PER_S)
#define ECHONET_LOST_PAUSE_US (30 * US_PER_S)
#define ECHONET_LOST_PAUSE_US_MAX (600 * US_PER_S)
#define ECHONET_FORGET_US US_PER_DAY

struct echonet_object {
	uint32_t eoj;
	uint16_t class_code;
	bool has_maps;
	struct echonet_epcs readable, settable, announced; /* 9F, 9E, 9D */
	struct echonet_factors factors;
	/* The controller's: */
	struct echonet_epcs often, seldom; /* worth asking for */
	struct echonet_epcs wanted; /* in this round */
	struct echonet_epcs doubted; /* refused in the last round: once more, and they are asked for no more */
	bool maps_wanted;
	struct echonet_epcs maps_left; /* of its maps, which have not been read yet */
};

struct echonet_node {
	uint32_t address; /* IPv4, host order */
	bool has_id; /* a number that tells it from all others known */
	uint8_t id[ECHONET_ID_BYTES];
	bool is_up;
	uint16_t object_count;
	struct echonet_object *objects; /* owned; the node profile first */
};

enum echonet_outcome {
	ECHONET_DONE,
	ECHONET_REFUSED, /* SetC_SNA */
	ECHONET_TIMED_OUT,
	ECHONET_GONE, /* the node or the object is no more, or the controller ends */
};

enum echonet_event_kind {
	ECHONET_NODE_FOUND, /* its identity and its objects are known, or have become others */
	ECHONET_NODE_LOST, /* it does not answer */
	ECHONET_NODE_BACK,
	ECHONET_VALUES, /* properties of an object: answers and announcements; those of the node profile too */
	ECHONET_SET_ENDED,
};

struct echonet_event {
	enum echonet_event_kind kind;
	const struct echonet_node *node; /* NULL where the node of a set is gone */
	const struct echonet_object *object; /* of ECHONET_VALUES */
	const struct echonet_property *properties; /* of ECHONET_VALUES; borrowed */
	size_t count;
	bool announced;
	uint64_t ticket; /* of ECHONET_SET_ENDED */
	enum echonet_outcome outcome;
	uint8_t epc; /* the first that was refused */
};

struct echonet_options {
	void *user; /* for the callbacks */
	/* To a node, or to ECHONET_GROUP_ADDRESS. What cannot be sent is lost, as any datagram may be. */
	void (*send)(void *user, uint32_t address, struct str bytes);
	void (*event)(void *user, const struct echonet_event *event);
	const uint32_t *addresses; /* of nodes to be asked in any case; copied */
	size_t address_count;
	bool discover; /* find others by multicast, and take those that announce themselves */
	uint32_t interval_s; /* 0: ECHONET_INTERVAL_S */
	uint16_t first_tid; /* other than those of the last run, so that late answers to it are not taken for ours */
	uint8_t unique[13]; /* the end of this node's identification number */
};

struct echonet_counts {
	uint64_t received, sent; /* datagrams */
	uint64_t malformed; /* no frames */
	uint64_t foreign; /* from nodes that are not to be found, or of objects that a node does not have */
	uint64_t unexpected; /* answers to nothing that waits */
	uint64_t answers, announcements;
	uint64_t refusals; /* SNA */
	uint64_t timeouts; /* requests, each try of them */
	uint64_t crowded_out; /* nodes that were found beyond ECHONET_NODES_MAX */
};

struct echonet_controller;

/* ERR_INVALID: a callback is missing; ERR_LIMIT: too many addresses; ERR_MEMORY. */
MUST_CHECK enum err_code echonet_controller_new(const struct echonet_options *options, int64_t now_us,
						struct echonet_controller **ret_controller, struct error *err);
/* Sets that wait end with ECHONET_GONE. */
struct echonet_controller *echonet_controller_free(struct echonet_controller *controller);

/* A datagram from a node, of which nothing is kept. */
void echonet_controller_receive(struct echonet_controller *controller, uint32_t address, struct str bytes,
				int64_t now_us);
/* Does what is due. To be called at the time that _deadline_us() names, or later. */
void echonet_controller_tick(struct echonet_controller *controller, int64_t now_us);
int64_t echonet_controller_deadline_us(const struct echonet_controller *controller);

/* Sets properties of an object by SetC; its end is told once by ECHONET_SET_ENDED with the caller's ticket, never from
 * within this call. What was set is then read. ERR_NOT_FOUND: no such node or object; ERR_DENIED: the object's map says
 * that a property cannot be set; ERR_LIMIT: ECHONET_ORDERS_MAX wait, or one of the other bounds; ERR_MEMORY. */
MUST_CHECK enum err_code echonet_controller_set(struct echonet_controller *controller, uint32_t address, uint32_t eoj,
						const struct echonet_property *properties, size_t count,
						uint64_t ticket, int64_t now_us, struct error *err);

/* NULL: no such node, or behind the last. What they point to is valid until the next call that may change it. */
const struct echonet_node *echonet_controller_node(const struct echonet_controller *controller, uint32_t address);
const struct echonet_node *echonet_controller_node_at(const struct echonet_controller *controller, size_t index);
size_t echonet_controller_nodes_up(const struct echonet_controller *controller);
const struct echonet_object *echonet_node_object(const struct echonet_node *node, uint32_t eoj);
struct echonet_counts echonet_controller_counts(const struct echonet_controller *controller);

#endif
