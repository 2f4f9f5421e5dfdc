/* Feeds of kind echonet: a controller of ECHONET Lite nodes on the local network. */
#include "feed/echonet_feed_int.h"

#include "base/cleanup.h"
#include "feed/feed_clock_int.h"
#include "feed/gtfs_int.h"
#include "net/address_policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DATAGRAM_BYTES_MAX 65536u
#define DATAGRAMS_A_TURN 256u
#define OPEN_PAUSE_MS_MIN 1000
#define OPEN_PAUSE_MS_MAX 30000
#define REFRESH_MS 60000 /* until the machine's addresses are looked at again */
#define ROOM_PAUSE_MS 100 /* while the store has no room for more */
#define PORT_MAX 65535.0
#define ZONE_EPOCH "1970-01-01T00:00:00"
#define ZONE_DEFAULT "+09:00"

/* ---- settings ---- */

static enum err_code read_address(const struct mapping_reader *reader, const struct yaml_tree *node,
				  uint32_t *ret_address)
{
	struct in_addr address;

	if (node->kind != YAML_TREE_SCALAR || memchr(node->text.at, '\0', node->text.len) ||
	    inet_pton(AF_INET, node->text.at, &address) != 1) /* yaml_tree.h puts a NUL behind it */
		return yaml_tree_refuse(node, reader->err, "expected an address such as 192.168.1.20, not %.*s",
					STR_FMT(yaml_tree_show(reader->arena, node)));
	*ret_address = ntohl(address.s_addr);
	return ERR_OK;
}

static enum err_code read_nodes(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node,
				struct echonet_settings *settings)
{
	const struct yaml_tree *list = yaml_tree_get(node, STR("nodes"));
	enum err_code code = ERR_OK;

	if (!list)
		return ERR_OK;
	if (list->kind != YAML_TREE_LIST || list->count > ECHONET_NODES_MAX)
		return yaml_tree_refuse(list, reader->err, "expected a list of up to %u addresses", ECHONET_NODES_MAX);
	settings->addresses = arena_array(&feed->arena, uint32_t, list->count + 1u);
	if (!settings->addresses)
		return mapping_no_memory(reader);
	for (uint32_t i = 0; i < list->count && !code; i++)
		code = read_address(reader, &list->items[i], &settings->addresses[settings->address_count++]);
	return code;
}

/* A name of the system's zones, or an offset such as "+09:00"; Japan's where nothing is said. */
static enum err_code read_zone(const struct mapping_reader *reader, const struct yaml_tree *node,
			       struct echonet_settings *settings)
{
	const struct yaml_tree *zone = yaml_tree_get(node, STR("time_zone"));
	char text[] = ZONE_EPOCH ZONE_DEFAULT;

	if (zone && zone->kind == YAML_TREE_SCALAR && zone->text.len == sizeof(ZONE_DEFAULT) - 1)
		memcpy(text + sizeof(ZONE_EPOCH) - 1, zone->text.at, zone->text.len);
	else if (zone)
		text[0] = '\0';
	if (time_parse_iso(str_from(text), true, &settings->zone_us) || !zone)
		return ERR_OK;
	if (zone->kind != YAML_TREE_SCALAR || !transit_zone_name_good(zone->text))
		return yaml_tree_refuse(zone, reader->err,
					"expected a time zone such as Asia/Tokyo or \"+09:00\", not %.*s",
					STR_FMT(yaml_tree_show(reader->arena, zone)));
	settings->zone_name = zone->text;
	return ERR_OK;
}

static enum err_code read_numbers(const struct mapping_reader *reader, const struct yaml_tree *node,
				  struct echonet_settings *settings)
{
	double port = ECHONET_PORT;
	enum err_code code = feed_read_seconds(reader, node, "interval", ECHONET_INTERVAL_S, &settings->interval_s);

	if (!code)
		code = mapping_read_number(reader, node, "port", 1, PORT_MAX, &port);
	settings->port = (uint16_t)port;
	return code;
}

static enum err_code read_settings(struct feed *feed, const struct mapping_reader *reader, const struct yaml_tree *node)
{
	static const char *const known[] = {"interface", "nodes", "discover", "interval", "time_zone", "port", NULL};
	struct echonet_settings *settings = arena_new(&feed->arena, struct echonet_settings);

	if (!settings)
		return mapping_no_memory(reader);
	settings->discover = true;
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = mapping_read_text(reader, node, "interface", &settings->interface);
	if (!code && settings->interface.at &&
	    (settings->interface.len == 0 || settings->interface.len >= ECHONET_INTERFACE_BYTES))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("interface")), reader->err,
					"expected the name of an interface, or an address of it");
	if (!code)
		code = read_nodes(feed, reader, node, settings);
	if (!code)
		code = mapping_read_switch(reader, node, "discover", &settings->discover);
	if (!code && !settings->discover && settings->address_count == 0)
		code = yaml_tree_refuse(node, reader->err,
					"expected \"nodes:\" with addresses where nothing is to be discovered");
	if (!code)
		code = read_numbers(reader, node, settings);
	if (!code)
		code = read_zone(reader, node, settings);
	(void)snprintf(feed->place, sizeof(feed->place), "%s%zu nodes by address, UDP port %u%s%.*s",
		       settings->discover ? "224.0.23.0, " : "", settings->address_count, (unsigned int)settings->port,
		       settings->interface.at ? " at " : "", STR_FMT(settings->interface));
	feed->settings = settings;
	return code;
}

/* ---- datagrams ---- */

/* Feeds that requests add talk only to whom the operator allows. */
static bool is_allowed(const struct feed *feed, uint32_t address)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	char text[ADDRESS_TEXT_BYTES];

	if (!feed->stored)
		return true;
	return address_policy_allows(feed->options->policy, address_text((const struct sockaddr *)&to, text),
				     (const struct sockaddr *)&to);
}

static void on_send(void *user, uint32_t address, struct str bytes)
{
	struct echonet_session *session = user;

	if (is_allowed(session->feed, address))
		session->send_error = echonet_link_send(&session->link, address, bytes);
}

static void take_datagram(struct echonet_session *session, const struct sockaddr_in *from, struct str bytes)
{
	struct feed *feed = session->feed;
	uint32_t address = ntohl(from->sin_addr.s_addr);

	if (echonet_link_is_own(&session->link, address, ntohs(from->sin_port)))
		return; /* our own multicasts, which come back */
	feed->own.messages++;
	feed->own.bytes += bytes.len;
	feed->own.message_us = feed_now_us(feed);
	if (!is_allowed(feed, address)) {
		feed_drop(feed, FEED_DROP_REFUSED, "outbound.allow does not name the node's address");
		return;
	}
	uint64_t malformed = echonet_controller_counts(session->controller).malformed;

	echonet_controller_receive(session->controller, address, bytes, feed_clock_ms() * US_PER_MS);
	if (echonet_controller_counts(session->controller).malformed != malformed)
		feed_drop(feed, FEED_DROP_MALFORMED, "a datagram of %zu bytes is no frame of ECHONET Lite", bytes.len);
}

/* False: the socket is of no more use. */
static bool take_datagrams(struct echonet_session *session)
{
	char bytes[DATAGRAM_BYTES_MAX];

	for (uint32_t i = 0; i < DATAGRAMS_A_TURN && intake_has_room(session->feed->intake); i++) {
		struct sockaddr_in from = {.sin_family = AF_INET};
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(session->link.fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len);

		/* What an earlier datagram met (nobody listens there) is told here too, and is no trouble of ours. */
		if (len < 0)
			return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH ||
			       errno == ENETUNREACH;
		take_datagram(session, &from, (struct str){bytes, (size_t)len});
	}
	return true;
}

static void on_event(void *user, const struct echonet_event *event)
{
	struct echonet_session *session = user;

	if (event->kind == ECHONET_VALUES)
		(void)echonet_tell_values(session, event);
	else if (event->kind == ECHONET_SET_ENDED)
		echonet_feed_set_ended(session->feed, event);
	else
		echonet_tell_node(session, event->node);
}

/* ---- the thread ---- */

static enum err_code make_controller(struct echonet_session *session, struct error *err)
{
	const struct echonet_settings *settings = session->settings;
	struct echonet_options options = {.user = session,
					  .send = on_send,
					  .event = on_event,
					  .addresses = settings->addresses,
					  .address_count = settings->address_count,
					  .discover = settings->discover,
					  .interval_s = settings->interval_s,
					  .first_tid = (uint16_t)feed_now_us(session->feed)};
	uint64_t name = str_hash(session->feed->name, 0);

	/* Unique in the network, and the same after a restart: the interface, and which feed of it. */
	memcpy(options.unique, session->link.hardware, sizeof(session->link.hardware));
	memcpy(options.unique + sizeof(session->link.hardware), &name,
	       sizeof(options.unique) - sizeof(session->link.hardware));
	return echonet_controller_new(&options, feed_clock_ms() * US_PER_MS, &session->controller, err);
}

/* All that has to be there: zone, socket, and the controller, which outlives sockets. */
static enum err_code open_all(struct echonet_session *session, struct error *err)
{
	const struct echonet_settings *settings = session->settings;
	enum err_code code = ERR_OK;

	if (settings->discover && !is_allowed(session->feed, ECHONET_GROUP_ADDRESS))
		return err_set(err, ERR_DENIED, "outbound.allow does not name 224.0.23.0, which discovery needs");
	if (settings->zone_name.at && !session->zone)
		code = gtfs_read_zone(settings->zone_name, &session->zone, err);
	if (!code)
		code = echonet_link_open(&session->link, settings, err);
	if (!code && !session->controller)
		code = make_controller(session, err);
	session->since_ms = feed_clock_ms();
	return code;
}

static void show(struct echonet_session *session)
{
	char why[ERROR_DETAIL_BYTES];

	if (session->send_error == 0 || session->send_error == EAGAIN ||
	    echonet_controller_nodes_up(session->controller)) {
		feed_show(session->feed, FEED_UP, NULL);
		return;
	}
	(void)snprintf(why, sizeof(why), "nothing can be sent: %s", strerror(session->send_error));
	feed_show(session->feed, FEED_WAITING, why);
}

static int64_t next_deadline_ms(const struct echonet_session *session, bool has_room, int64_t refresh_ms)
{
	int64_t deadline_us = echonet_controller_deadline_us(session->controller);
	int64_t deadline_ms = deadline_us == INT64_MAX ? refresh_ms : deadline_us / US_PER_MS + 1;
	int64_t intake_ms = intake_deadline_ms(session->feed->intake);

	if (!has_room)
		deadline_ms = feed_clock_ms() + ROOM_PAUSE_MS; /* what is not read stays in the socket */
	deadline_ms = deadline_ms < refresh_ms ? deadline_ms : refresh_ms;
	return deadline_ms < intake_ms ? deadline_ms : intake_ms;
}

/* Until the feed ends, or the socket or its interface is gone. */
static void serve(struct echonet_session *session)
{
	struct feed *feed = session->feed;
	int64_t refresh_ms = feed_clock_ms() + REFRESH_MS;
	bool good = true;

	while (feed_goes_on(feed) && good) {
		bool has_room = intake_has_room(feed->intake);
		struct pollfd wanted = {.fd = session->link.fd, .events = (short)(has_room ? POLLIN : 0)};

		intake_turn(feed->intake);
		show(session);
		feed_wait(feed, &wanted, next_deadline_ms(session, has_room, refresh_ms));
		good = take_datagrams(session);
		/* What is there is read before anything counts as not answered. */
		if (has_room)
			echonet_controller_tick(session->controller, feed_clock_ms() * US_PER_MS);
		if (feed_clock_ms() >= refresh_ms) {
			good = good && echonet_link_refresh(&session->link, session->settings);
			refresh_ms = feed_clock_ms() + REFRESH_MS;
		}
	}
}

static void run(struct feed *feed)
{
	struct echonet_session session = {.feed = feed, .settings = feed->settings, .link = {.fd = -1}};
	int64_t pause_ms = OPEN_PAUSE_MS_MIN;
	struct error err;

	map_init(&session.told, 0);
	while (feed_goes_on(feed)) {
		if (open_all(&session, &err) == ERR_OK) {
			feed->session = &session;
			serve(&session);
			feed->session = NULL;
			pause_ms = OPEN_PAUSE_MS_MIN;
		} else {
			feed_show(feed, FEED_WAITING, err.detail);
			feed_wait(feed, NULL, feed_clock_ms() + pause_ms);
			pause_ms = pause_ms * 2 < OPEN_PAUSE_MS_MAX ? pause_ms * 2 : OPEN_PAUSE_MS_MAX;
		}
		echonet_link_close(&session.link);
	}
	session.controller = echonet_controller_free(session.controller);
	session.zone = transit_zone_free(session.zone);
	echonet_forget_told(&session);
	intake_settle(feed->intake);
}

const struct feed_kind feed_kind_echonet = {.name = "echonet",
					    .maps_itself = true,
					    .read = read_settings,
					    .run = run,
					    .try_message = echonet_feed_try,
					    .read_send = echonet_feed_read_send,
					    .send = echonet_feed_send};
