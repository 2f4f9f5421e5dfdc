/* Goal: a controller finds nodes, reads their maps and values, asks again, bears silence, refusals and restarts, and
 * ends each set once. Method: a network of nodes in memory and a clock of the test's; what goes over the wire is
 * checked against the rules in controller.h and the specification V1.14, part II, 4.2 to 4.3. */
#include "base/time_value.h"
#include "check.h"
#include "echonet/controller.h"
#include "echonet_util.h"

#define START_US INT64_C(1000000000)
#define NODES_MAX 8u
#define PROPERTIES_MAX 64u
#define SENT_MAX 512u
#define FIRST_TID 0x1000u
#define AT(n) (0x0a000000u + (uint32_t)(n))

struct property {
	uint32_t eoj;
	uint8_t epc;
	struct octets edt;
};

struct node { /* a device in the network */
	uint32_t address;
	struct property properties[PROPERTIES_MAX];
	size_t count;
	bool deaf;
	uint32_t deaf_object; /* only this one */
	uint8_t opc_max; /* it refuses requests of more; 0: any */
	size_t asked; /* requests that it heard */
	uint8_t opc_last;
};

static struct network {
	struct echonet_controller *controller;
	struct node nodes[NODES_MAX];
	size_t node_count;
	int64_t now_us;
	struct {
		uint32_t to;
		struct octets bytes;
	} queue[SENT_MAX]; /* sent and not delivered */
	size_t queued, sent;
	size_t found, lost, back, values, ended;
	struct echonet_event last; /* of SET_ENDED */
	double power_w; /* of the last E7 */
	bool power_announced;
	struct octets last_sent;
	uint32_t last_to;
} net;

static struct echonet_frame request, answer;

static void on_send(void *user, uint32_t address, struct str bytes)
{
	(void)user;
	net.sent++;
	CHECK(bytes.len <= sizeof(net.queue[0].bytes.at) && net.queued < SENT_MAX);
	net.queue[net.queued].to = address;
	memcpy(net.queue[net.queued].bytes.at, bytes.at, bytes.len);
	net.queue[net.queued++].bytes.len = bytes.len;
	memcpy(net.last_sent.at, bytes.at, bytes.len);
	net.last_sent.len = bytes.len;
	net.last_to = address;
}

static void on_values(const struct echonet_event *event)
{
	struct echonet_value values[ECHONET_VALUES_MAX];

	net.values++;
	for (size_t i = 0; i < event->count; i++)
		if (event->object->class_code == 0x0288 && event->properties[i].epc == 0xe7 &&
		    echonet_decode(0x0288, &event->object->factors, &event->object->readable, &event->properties[i],
				   values, NULL)) {
			net.power_w = values[0].number;
			net.power_announced = event->announced;
		}
}

static void on_event(void *user, const struct echonet_event *event)
{
	(void)user;
	net.found += event->kind == ECHONET_NODE_FOUND;
	net.lost += event->kind == ECHONET_NODE_LOST;
	net.back += event->kind == ECHONET_NODE_BACK;
	if (event->kind == ECHONET_VALUES)
		on_values(event);
	if (event->kind == ECHONET_SET_ENDED) {
		net.ended++;
		net.last = *event;
	}
}

static void begin(const uint32_t *addresses, size_t count, bool discover)
{
	struct echonet_options options = {.send = on_send,
					  .event = on_event,
					  .addresses = addresses,
					  .address_count = count,
					  .discover = discover,
					  .interval_s = 60,
					  .first_tid = FIRST_TID,
					  .unique = {1, 2, 3}};
	struct error err;

	net.controller = NULL;
	net.now_us = START_US;
	net.queued = net.sent = net.found = net.lost = net.back = net.values = net.ended = 0;
	CHECK_OK(echonet_controller_new(&options, net.now_us, &net.controller, &err), &err);
}

static void end(void)
{
	net.controller = echonet_controller_free(net.controller);
	net.node_count = 0;
}

/* ---- devices ---- */

static struct property *find(struct node *node, uint32_t eoj, uint8_t epc)
{
	for (size_t i = 0; i < node->count; i++)
		if (node->properties[i].eoj == eoj && node->properties[i].epc == epc)
			return &node->properties[i];
	return NULL;
}

static void has(struct node *node, uint32_t eoj, uint8_t epc, const char *hex)
{
	struct property *property = find(node, eoj, epc);

	if (!property)
		property = &node->properties[node->count++];
	*property = (struct property){eoj, epc, octets(hex)};
}

static struct node *add_node(uint32_t address)
{
	struct node *node = &net.nodes[net.node_count++];

	*node = (struct node){.address = address};
	has(node, ECHONET_NODE_PROFILE, 0x80, "30");
	has(node, ECHONET_NODE_PROFILE, 0x82, "01 0D 01 00");
	has(node, ECHONET_NODE_PROFILE, 0x8a, "000077");
	has(node, ECHONET_NODE_PROFILE, 0x9d, "02 80 D5");
	has(node, ECHONET_NODE_PROFILE, 0x9e, "00");
	has(node, ECHONET_NODE_PROFILE, 0x9f, "08 80 82 83 8A 9D 9E 9F D6");
	return node;
}

/* A smart meter of a node whose number ends in the address. */
static struct node *add_meter(uint32_t address)
{
	struct node *node = add_node(address);
	char number[64];

	(void)snprintf(number, sizeof(number), "FE000077 0000000000000000000000 %04X",
		       (unsigned int)(address & 0xffff));
	has(node, ECHONET_NODE_PROFILE, 0x83, number);
	has(node, ECHONET_NODE_PROFILE, 0xd6, "01 028801");
	has(node, 0x028801, 0x80, "30");
	has(node, 0x028801, 0x88, "42");
	has(node, 0x028801, 0x8a, "000016");
	has(node, 0x028801, 0xd3, "00000001");
	has(node, 0x028801, 0xd7, "06");
	has(node, 0x028801, 0xe0, "00003039");
	has(node, 0x028801, 0xe1, "01");
	has(node, 0x028801, 0xe3, "00000000");
	has(node, 0x028801, 0xe7, "000001F8");
	has(node, 0x028801, 0xe8, "0028 7FFE");
	has(node, 0x028801, 0xea, "07EA 0B 16 0C 1E 00 00003038");
	has(node, 0x028801, 0x9d, "02 80 88");
	has(node, 0x028801, 0x9e, "01 80");
	/* 80 88 8A 9D 9E 9F D3 D7 E0 E1 E3 E7 E8 EA, F0 (a maker's own), EB (that it does not answer): 16 */
	has(node, 0x028801, 0x9f, "10 C1 40 00 60 00 00 00 60 41 00 41 40 00 02 02 02");
	return node;
}

static struct node *node_at(uint32_t address)
{
	for (size_t i = 0; i < net.node_count; i++)
		if (net.nodes[i].address == address)
			return &net.nodes[i];
	return NULL;
}

/* As the specification has it: what is there is told, with SNA when something is not (4.2.3.2). */
static void answer_get(struct node *node)
{
	bool all = true;

	for (uint8_t i = 0; i < request.count; i++) {
		struct property *property = find(node, request.destination, request.properties[i].epc);
		bool good = property && (node->opc_max == 0 || request.count <= node->opc_max);

		answer.properties[i] = (struct echonet_property){request.properties[i].epc,
								 good ? octets_str(&property->edt) : STR_NONE};
		all = all && good;
	}
	answer.service = all ? ECHONET_GET_RES : ECHONET_GET_SNA;
}

static void answer_set(struct node *node)
{
	bool all = true;

	for (uint8_t i = 0; i < request.count; i++) {
		struct property *property = find(node, request.destination, request.properties[i].epc);
		bool good = property && property->epc == 0x80;

		answer.properties[i] = request.properties[i];
		if (good) {
			memcpy(property->edt.at, request.properties[i].edt.at, request.properties[i].edt.len);
			answer.properties[i].edt = STR_NONE;
		}
		all = all && good;
	}
	answer.service = all ? ECHONET_SET_RES : ECHONET_SETC_SNA;
}

static void say(uint32_t from, const struct echonet_frame *frame)
{
	struct buf buf;

	buf_init(&buf, ECHONET_FRAME_BYTES_MAX);
	echonet_frame_write(frame, &buf);
	echonet_controller_receive(net.controller, from, buf_str(&buf), net.now_us);
	buf_done(&buf);
}

static void say_hex(uint32_t from, const char *hex)
{
	struct octets bytes = octets(hex);

	echonet_controller_receive(net.controller, from, octets_str(&bytes), net.now_us);
}

static void hear(struct node *node, struct str bytes)
{
	struct error err;

	CHECK_OK(echonet_frame_read(bytes, &request, &err), &err);
	if (request.service != ECHONET_GET && request.service != ECHONET_SETC)
		return;
	CHECK(request.source == ECHONET_CONTROLLER);
	node->asked++;
	node->opc_last = request.count;
	if (node->deaf || request.destination == node->deaf_object)
		return;
	answer = (struct echonet_frame){.tid = request.tid,
					.source = request.destination,
					.destination = request.source,
					.count = request.count};
	if (request.service == ECHONET_GET)
		answer_get(node);
	else
		answer_set(node);
	say(node->address, &answer);
}

/* Delivers what has been sent, and what comes of it. */
static void deliver(void)
{
	while (net.queued > 0) {
		uint32_t to = net.queue[0].to;
		struct octets bytes = net.queue[0].bytes;

		memmove(&net.queue[0], &net.queue[1], --net.queued * sizeof(net.queue[0]));
		for (size_t i = 0; i < net.node_count; i++)
			if (to == ECHONET_GROUP_ADDRESS || to == net.nodes[i].address)
				hear(&net.nodes[i], octets_str(&bytes));
	}
}

static void pass(double seconds)
{
	int64_t until_us = net.now_us + (int64_t)(seconds * 1e6);

	for (;;) {
		int64_t due_us = echonet_controller_deadline_us(net.controller);

		if (due_us > until_us)
			break;
		net.now_us = due_us > net.now_us ? due_us : net.now_us;
		echonet_controller_tick(net.controller, net.now_us);
		deliver();
	}
	net.now_us = until_us;
}

/* ---- cases ---- */

static void nodes_are_found_by_multicast_and_read(void)
{
	begin(NULL, 0, true);
	add_meter(AT(1));
	struct node *plain = add_node(AT(2)); /* no identification number, a class that nobody knows */

	has(plain, ECHONET_NODE_PROFILE, 0xd6, "01 03FF01");
	has(plain, 0x03ff01, 0x80, "31");
	has(plain, 0x03ff01, 0x8a, "00000B");
	has(plain, 0x03ff01, 0x9f, "05 80 8A 9D 9E 9F");
	pass(1);
	CHECK(net.found == 2 && echonet_controller_nodes_up(net.controller) == 2);
	const struct echonet_node *node = echonet_controller_node(net.controller, AT(1));

	if (!CHECK(node && node->object_count == 2))
		return;
	CHECK(node->has_id && node->id[0] == 0xfe && node->id[16] == 1);
	const struct echonet_object *meter = echonet_node_object(node, 0x028801);

	CHECK(meter && meter->has_maps && echonet_epcs_count(&meter->readable) == 16);
	CHECK(echonet_epcs_has(&meter->settable, 0x80) && echonet_epcs_has(&meter->announced, 0x88));
	CHECK(meter->factors.count == 2 && net.power_w == 504);
	node = echonet_controller_node(net.controller, AT(2));
	CHECK(node && !node->has_id && echonet_node_object(node, 0x03ff01)->has_maps);
	CHECK(echonet_controller_node(net.controller, AT(3)) == NULL);
	CHECK(echonet_controller_node_at(net.controller, 2) == NULL);
	end();
}

static void values_are_asked_for_each_interval(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	pass(1);
	size_t asked = node->asked;

	has(node, 0x028801, 0xe7, "FFFFFF9C");
	pass(90); /* the second round lies within one and a half intervals */
	CHECK(node->asked > asked && net.power_w == -100);
	asked = node->asked;
	pass(600);
	CHECK(node->asked - asked >= 20 && node->asked - asked <= 22); /* ten rounds, profile and meter */
	CHECK(net.found == 1 && net.lost == 0);
	CHECK(node_at(ECHONET_GROUP_ADDRESS) == NULL && echonet_controller_counts(net.controller).timeouts == 0);
	end();
}

/* EB is in the map and is never told: doubted at first, then left out. F0 is nobody's business. */
static void what_is_refused_twice_is_asked_for_no_more(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	add_meter(AT(1));
	pass(1);
	const struct echonet_object *meter =
		echonet_node_object(echonet_controller_node(net.controller, AT(1)), 0x028801);

	CHECK(echonet_epcs_has(&meter->often, 0xeb) && echonet_epcs_has(&meter->doubted, 0xeb));
	pass(200);
	CHECK(!echonet_epcs_has(&meter->often, 0xeb) && echonet_epcs_has(&meter->often, 0xea));
	CHECK(!echonet_epcs_has(&meter->often, 0xf0));
	size_t refusals = echonet_controller_counts(net.controller).refusals;

	pass(600);
	CHECK(echonet_controller_counts(net.controller).refusals == refusals);
	end();
}

static void small_devices_are_asked_for_less_at_a_time(void)
{
	const uint32_t address = AT(1);

	for (uint8_t opc_max = 1; opc_max <= 3; opc_max++) {
		begin(&address, 1, false);
		struct node *node = add_meter(AT(1));

		node->opc_max = opc_max;
		pass(1);
		const struct echonet_node *found = echonet_controller_node(net.controller, AT(1));

		CHECK(net.found == 1 && found->has_id && found->object_count == 2);
		CHECK(net.power_w == 504 && node->opc_last <= opc_max);
		CHECK(echonet_controller_counts(net.controller).timeouts == 0);
		end();
	}
}

static void silence_is_borne_and_told(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	pass(1);
	node->deaf = true;
	size_t asked = node->asked;

	pass(120);
	CHECK(net.lost == 1 && echonet_controller_nodes_up(net.controller) == 0);
	CHECK(node->asked - asked >= 3); /* tries of the node profile, whose turn comes first */
	asked = node->asked;
	pass(3600);
	CHECK(node->asked - asked <= 10); /* once, and 10 minutes at last */
	CHECK(net.lost == 1);
	node->deaf = false;
	has(node, 0x028801, 0xe7, "00000064");
	pass(660);
	CHECK(net.back == 1 && net.power_w == 100 && echonet_controller_nodes_up(net.controller) == 1);
	pass(7 * 86400.0);
	CHECK(echonet_controller_node(net.controller, AT(1)) != NULL);
	end();
}

static void a_node_that_restarts_is_back_at_once(void)
{
	begin(NULL, 0, true);
	struct node *node = add_meter(AT(1));

	pass(20);
	node->deaf = true;
	pass(300);
	CHECK(net.lost == 1);
	node->deaf = false;
	has(node, 0x028801, 0xe7, "00000065");
	say_hex(AT(1), "1081 0001 0EF001 0EF001 73 01 D5 04 01 028801");
	pass(1);
	CHECK(net.back == 1 && net.power_w == 101);
	end();
}

static void an_object_that_is_silent_takes_no_other_with_it(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	has(node, ECHONET_NODE_PROFILE, 0xd6, "02 013001 028801");
	node->deaf_object = 0x013001;
	pass(30);
	CHECK(net.lost == 0 && net.power_w == 504);
	CHECK(!echonet_node_object(echonet_controller_node(net.controller, AT(1)), 0x013001)->has_maps);
	end();
}

static void lost_nodes_that_nobody_named_are_forgotten(void)
{
	begin(NULL, 0, true);
	struct node *node = add_meter(AT(1));

	pass(20);
	CHECK(echonet_controller_node(net.controller, AT(1)) != NULL);
	node->deaf = true;
	pass(2 * 86400.0);
	CHECK(echonet_controller_node(net.controller, AT(1)) == NULL && net.lost == 1);
	node->deaf = false;
	pass(600);
	CHECK(net.found == 2 && echonet_controller_nodes_up(net.controller) == 1);
	end();
}

static void announcements_are_taken_and_confirmed(void)
{
	begin(NULL, 0, true);
	add_meter(AT(1));
	pass(20);
	say_hex(AT(1), "1081 0007 028801 0EF001 73 01 E7 04 00000032");
	CHECK(net.power_w == 50 && net.power_announced);
	net.queued = 0;
	say_hex(AT(1), "1081 ABCD 028801 05FF01 74 02 E7 04 00000033 88 01 42");
	CHECK(net.power_w == 51 && net.last_to == AT(1));
	struct octets wanted = octets("1081 ABCD 05FF01 028801 7A 02 E7 00 88 00");

	CHECK_STR(octets_str(&net.last_sent), octets_str(&wanted));
	size_t sent = net.sent;

	say_hex(AT(1), "1081 ABCD 028801 013001 74 01 E7 04 00000034"); /* for somebody else: taken, not confirmed */
	CHECK(net.power_w == 52 && net.sent == sent);
	end();
}

static void what_others_have_is_not_taken(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	add_meter(AT(1));
	add_meter(AT(2)); /* nobody named it, and nothing is to be discovered */
	pass(1);
	CHECK(net.found == 1);
	say_hex(AT(2), "1081 0001 0EF001 0EF001 73 01 D5 04 01 028801");
	pass(1);
	CHECK(net.found == 1 && echonet_controller_counts(net.controller).foreign == 1);
	net.power_w = 0;
	say_hex(AT(1), "1081 7777 028801 05FF01 72 01 E7 04 00000032"); /* an answer to nothing */
	say_hex(AT(1), "1081 0001 028801 05FF01 71 01 E7 00");
	CHECK(net.power_w == 0 && echonet_controller_counts(net.controller).unexpected == 2);
	say_hex(AT(1), "1082 0001");
	say_hex(AT(1), "FFFFFFFF");
	CHECK(echonet_controller_counts(net.controller).malformed == 2);
	end();
}

static void answers_are_known_by_their_tid(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	pass(10);
	node->deaf_object = 0x028801;
	node->asked = 0;
	while (node->asked < 3 && net.now_us < START_US + 600 * US_PER_S) /* the profile, then the meter twice */
		pass(0.5);
	CHECK(request.destination == 0x028801);
	uint16_t tid = request.tid;

	answer = (struct echonet_frame){.source = 0x028801, .destination = ECHONET_CONTROLLER, .count = 1};
	answer.service = ECHONET_GET_RES;
	struct octets edt = octets("0000002A");

	answer.properties[0] = (struct echonet_property){0xe7, octets_str(&edt)};
	answer.tid = (uint16_t)(tid + 1);
	say(AT(1), &answer);
	CHECK(net.power_w == 504);
	answer.tid = tid; /* late: to one of the tries before */
	say(AT(1), &answer);
	CHECK(net.power_w == 42);
	say(AT(1), &answer); /* twice */
	CHECK(echonet_controller_counts(net.controller).unexpected == 2);
	end();
}

static uint64_t set(uint32_t address, uint32_t eoj, uint8_t epc, const char *hex, enum err_code wanted)
{
	static uint64_t ticket;
	struct octets edt = octets(hex);
	struct error err;

	CHECK(echonet_controller_set(net.controller, address, eoj, &(struct echonet_property){epc, octets_str(&edt)}, 1,
				     ++ticket, net.now_us, &err) == wanted);
	return ticket;
}

static void a_set_ends_once_with_what_became_of_it(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	pass(1);
	uint64_t ticket = set(AT(1), 0x028801, 0x80, "31", ERR_OK);

	CHECK(net.ended == 0);
	size_t values = net.values;

	pass(0.1);
	CHECK(net.ended == 1 && net.last.ticket == ticket && net.last.outcome == ECHONET_DONE);
	CHECK(find(node, 0x028801, 0x80)->edt.at[0] == 0x31);
	CHECK(net.values == values + 1); /* what was set is read */
	set(AT(1), 0x028801, 0xe7, "00", ERR_DENIED);
	set(AT(1), 0x013001, 0x80, "30", ERR_NOT_FOUND);
	set(AT(9), 0x028801, 0x80, "30", ERR_NOT_FOUND);
	has(node, 0x028801, 0x9e, "02 80 81");
	echonet_controller_free(net.controller);
	begin(&address, 1, false);
	pass(1);
	ticket = set(AT(1), 0x028801, 0x81, "08", ERR_OK); /* which the node refuses */
	pass(0.1);
	CHECK(net.ended == 1 && net.last.outcome == ECHONET_REFUSED && net.last.epc == 0x81 &&
	      net.last.ticket == ticket);
	end();
}

static void sets_of_who_is_silent_or_gone_end_too(void)
{
	const uint32_t address = AT(1);

	begin(&address, 1, false);
	struct node *node = add_meter(AT(1));

	pass(1);
	node->deaf = true;
	set(AT(1), 0x028801, 0x80, "30", ERR_OK);
	set(AT(1), 0x028801, 0x80, "31", ERR_OK);
	pass(60);
	CHECK(net.ended == 2 && net.last.outcome == ECHONET_TIMED_OUT);
	for (size_t i = 0; i < ECHONET_ORDERS_MAX; i++)
		set(AT(1), 0x028801, 0x80, "30", ERR_OK);
	set(AT(1), 0x028801, 0x80, "30", ERR_LIMIT);
	net.ended = 0;
	end();
	CHECK(net.ended == ECHONET_ORDERS_MAX && net.last.outcome == ECHONET_GONE);
}

static void a_list_that_grows_is_read_again(void)
{
	begin(NULL, 0, true);
	struct node *node = add_meter(AT(1));

	pass(20);
	has(node, ECHONET_NODE_PROFILE, 0xd6, "02 028801 027901");
	has(node, 0x027901, 0x9f, "01 E0");
	has(node, 0x027901, 0xe0, "0100");
	say_hex(AT(1), "1081 0001 0EF001 0EF001 73 01 D5 07 02 028801 027901");
	pass(1);
	const struct echonet_node *found = echonet_controller_node(net.controller, AT(1));

	CHECK(net.found == 2 && found->object_count == 3 && found->has_id);
	CHECK(echonet_node_object(found, 0x028801)->factors.count == 2); /* what was known is kept */
	CHECK(echonet_node_object(found, 0x027901)->has_maps);
	end();
}

/* Two devices of one number: the second has to do without. A number that moves takes its node along. */
static void numbers_that_are_not_unique_do_not_count(void)
{
	begin(NULL, 0, true);
	add_meter(AT(1));
	pass(20);
	struct node *twin = add_meter(AT(2));

	twin->properties[6] = *find(&net.nodes[0], ECHONET_NODE_PROFILE, 0x83);
	pass(700);
	CHECK(echonet_controller_node(net.controller, AT(1))->has_id);
	CHECK(!echonet_controller_node(net.controller, AT(2))->has_id);
	end();
	begin(NULL, 0, true);
	add_meter(AT(1));
	pass(20);
	net.nodes[0].address = AT(3); /* a new lease */
	pass(3600);
	CHECK(echonet_controller_node(net.controller, AT(1)) == NULL);
	CHECK(echonet_controller_node(net.controller, AT(3))->has_id);
	end();
	begin(NULL, 0, true);
	struct node *node = add_meter(AT(1));

	has(node, ECHONET_NODE_PROFILE, 0x83, "FE000077 00000000000000000000000000");
	pass(20);
	CHECK(!echonet_controller_node(net.controller, AT(1))->has_id);
	end();
}

static void a_node_that_only_sends_is_not_asked(void)
{
	begin(NULL, 0, true);
	pass(20);
	size_t sent = net.sent;

	say_hex(AT(7), "1081 0001 0EF002 0EF001 73 01 D5 04 01 028801");
	say_hex(AT(7), "1081 0001 028801 0EF001 73 01 E7 04 00000021");
	pass(30);
	CHECK(net.found == 1 && net.power_w == 33 && net.sent == sent && net.lost == 0);
	pass(2 * 86400.0);
	CHECK(echonet_controller_node(net.controller, AT(7)) == NULL);
	end();
}

static void check_reply(const char *asked, const char *wanted_hex, uint32_t to)
{
	struct octets wanted = octets(wanted_hex);
	size_t sent = net.sent;

	say_hex(AT(5), asked);
	if (wanted.len == 0) {
		CHECK(net.sent == sent);
		return;
	}
	CHECK(net.sent == sent + 1 && net.last_to == to);
	CHECK_STR(octets_str(&net.last_sent), octets_str(&wanted));
}

/* What the specification has every node answer (part II, 6.11: node profile; 4.2.3: refusals). */
static void it_is_a_node_itself(void)
{
	begin(NULL, 0, true);
	echonet_controller_tick(net.controller, net.now_us); /* announces itself, then asks who is there */
	CHECK(net.sent == 2 && net.queue[0].to == ECHONET_GROUP_ADDRESS);
	struct octets wanted = octets("1081 1001 0EF001 0EF001 73 01 D5 04 01 05FF01");
	struct octets asked = octets("1081 1002 05FF01 0EF001 62 01 D6 00");

	CHECK_STR(octets_str(&net.queue[0].bytes), octets_str(&wanted));
	CHECK_STR(octets_str(&net.queue[1].bytes), octets_str(&asked));
	net.queued = 0;
	check_reply("1081 0001 05FF01 0EF001 62 02 D6 00 80 00",
		    "1081 0001 0EF001 05FF01 72 02 D6 04 01 05FF01 80 01 30", AT(5));
	check_reply("1081 0002 05FF01 0EF000 62 01 83 00",
		    "1081 0002 0EF001 05FF01 72 01 83 11 FE FFFFFF 01020300000000000000000000", AT(5));
	check_reply("1081 0003 05FF01 05FF01 62 02 80 00 B0 00", "1081 0003 05FF01 05FF01 52 02 80 01 30 B0 00", AT(5));
	check_reply("1081 0004 05FF01 0EF001 62 01 9F 00",
		    "1081 0004 0EF001 05FF01 72 01 9F 0D 0C 80 82 83 88 8A 9D 9E 9F D3 D4 D6 D7", AT(5));
	check_reply("1081 0005 05FF01 05FF01 61 01 80 01 31", "1081 0005 05FF01 05FF01 51 01 80 01 31", AT(5));
	check_reply("1081 0006 05FF01 05FF01 60 01 80 01 31", "1081 0006 05FF01 05FF01 50 01 80 01 31", AT(5));
	check_reply("1081 0007 05FF01 0EF001 63 01 D5 00", "1081 0007 0EF001 05FF01 73 01 D5 04 01 05FF01",
		    ECHONET_GROUP_ADDRESS);
	check_reply("1081 0008 05FF01 05FF01 6E 01 80 01 31 01 88 00",
		    "1081 0008 05FF01 05FF01 5E 01 80 01 31 01 88 01 42", AT(5));
	check_reply("1081 0009 05FF01 013001 62 01 80 00", "", 0); /* no object of ours */
	check_reply("1081 0009 05FF01 05FF02 62 01 80 00", "", 0);
	check_reply("1081 0009 05FF01 05FF01 99 01 80 00", "", 0); /* no service */
	end();
}

/* As many who are gone as may be known, and one who is there: it is asked in each round all the same. */
static void the_dead_do_not_crowd_out_the_living(void)
{
	static uint32_t addresses[ECHONET_NODES_MAX];

	for (uint32_t i = 0; i < ECHONET_NODES_MAX; i++)
		addresses[i] = AT(i + 1);
	begin(addresses, ECHONET_NODES_MAX, false);
	struct node *node = add_meter(AT(ECHONET_NODES_MAX));

	net.node_count = 1;
	pass(3600);
	size_t values = net.values;

	CHECK(echonet_controller_nodes_up(net.controller) == 1 && node->asked > 0);
	pass(3600);
	CHECK(net.values - values >= 110); /* two objects, sixty rounds */
	end();
}

static void bounds_hold(void)
{
	static const uint32_t none[ECHONET_NODES_MAX + 1];
	struct echonet_options options = {.send = on_send, .event = on_event, .addresses = none, .discover = true};
	struct echonet_controller *controller = NULL;
	struct error err;

	options.address_count = ECHONET_NODES_MAX + 1;
	CHECK(echonet_controller_new(&options, START_US, &controller, &err) == ERR_LIMIT);
	options.event = NULL;
	CHECK(echonet_controller_new(&options, START_US, &controller, &err) == ERR_INVALID);
	begin(NULL, 0, true);
	for (uint32_t i = 0; i < ECHONET_NODES_MAX + 2; i++)
		say_hex(AT(0x10000 + i), "1081 0001 0EF001 0EF001 73 01 D5 04 01 028801");
	CHECK(echonet_controller_counts(net.controller).crowded_out == 2);
	size_t sent = net.sent;

	echonet_controller_tick(net.controller, net.now_us);
	CHECK(net.sent - sent == 2 + ECHONET_IN_FLIGHT_MAX); /* the announcement, the question to all, and so many */
	net.queued = 0;
	end();
	begin(NULL, 0, true);
	struct node *node = add_meter(AT(1));
	char list[512] = "54"; /* 84 objects, the most that an instance list has room for */

	for (unsigned int i = 1; i <= ECHONET_OBJECTS_MAX; i++)
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "0290%02X", i);
	has(node, ECHONET_NODE_PROFILE, 0xd6, list);
	pass(3);
	CHECK(echonet_controller_node(net.controller, AT(1))->object_count == ECHONET_OBJECTS_MAX + 1);
	end();
}

int main(void)
{
	RUN(nodes_are_found_by_multicast_and_read);
	RUN(values_are_asked_for_each_interval);
	RUN(what_is_refused_twice_is_asked_for_no_more);
	RUN(small_devices_are_asked_for_less_at_a_time);
	RUN(silence_is_borne_and_told);
	RUN(a_node_that_restarts_is_back_at_once);
	RUN(an_object_that_is_silent_takes_no_other_with_it);
	RUN(lost_nodes_that_nobody_named_are_forgotten);
	RUN(announcements_are_taken_and_confirmed);
	RUN(what_others_have_is_not_taken);
	RUN(answers_are_known_by_their_tid);
	RUN(a_set_ends_once_with_what_became_of_it);
	RUN(sets_of_who_is_silent_or_gone_end_too);
	RUN(a_list_that_grows_is_read_again);
	RUN(numbers_that_are_not_unique_do_not_count);
	RUN(a_node_that_only_sends_is_not_asked);
	RUN(it_is_a_node_itself);
	RUN(the_dead_do_not_crowd_out_the_living);
	RUN(bounds_hold);
	return check_done();
}
