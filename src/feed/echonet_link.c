/* The socket of ECHONET Lite: one UDP port for all that is sent and received, and the multicast group of all nodes. */
#include "feed/echonet_feed_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER_BYTES (1 << 20) /* many nodes answer a multicast at the same time */

static uint32_t address_of(const struct sockaddr *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

/* Is it this interface, by its name or one of its addresses? */
static bool is_named(const struct ifaddrs *one, struct str interface)
{
	char text[INET_ADDRSTRLEN];

	if (str_eq(str_from(one->ifa_name), interface))
		return true;
	if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
		return false;
	const struct in_addr address = {.s_addr = htonl(address_of(one->ifa_addr))};

	return inet_ntop(AF_INET, &address, text, sizeof(text)) && str_eq(str_from(text), interface);
}

static void take_hardware(struct echonet_link *link, const struct ifaddrs *one)
{
	static const uint8_t none[sizeof(link->hardware)];
	struct sockaddr_ll address;

	memcpy(&address, one->ifa_addr, sizeof(address));
	if (address.sll_halen != sizeof(link->hardware) || memcmp(link->hardware, none, sizeof(none)) != 0)
		return;
	if (link->interface_index == 0 || (uint32_t)address.sll_ifindex == link->interface_index)
		memcpy(link->hardware, address.sll_addr, sizeof(link->hardware));
}

/* The interface's index (0 where none is named), the machine's addresses. ERR_NOT_FOUND: there is no such interface. */
static enum err_code look(struct echonet_link *link, struct str interface, struct error *err)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return err_set(err, ERR_IO, "the machine's addresses cannot be read: %s", strerror(errno));
	link->interface_index = 0;
	link->own_count = 0;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		if (interface.at && is_named(one, interface))
			link->interface_index = if_nametoindex(one->ifa_name);
	memset(link->hardware, 0, sizeof(link->hardware));
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (!one->ifa_addr)
			continue;
		if (one->ifa_addr->sa_family == AF_INET && link->own_count < ECHONET_OWN_ADDRESSES_MAX)
			link->own[link->own_count++] = address_of(one->ifa_addr);
		if (one->ifa_addr->sa_family == AF_PACKET)
			take_hardware(link, one);
	}
	freeifaddrs(all);
	if (interface.at && link->interface_index == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no interface \"%.*s\"", STR_FMT(interface));
	return ERR_OK;
}

static int set_option(int fd, int level, int name, const void *value, size_t bytes)
{
	return setsockopt(fd, level, name, value, (socklen_t)bytes);
}

/* Datagrams of the group come by the interface that was joined, and go out by it. */
static enum err_code join(struct echonet_link *link, struct error *err)
{
	const struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(ECHONET_GROUP_ADDRESS),
				       .imr_ifindex = (int)link->interface_index};
	const int off = 0;

	(void)set_option(link->fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	if (set_option(link->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
		return err_set(err, ERR_IO, "the group 224.0.23.0 cannot be joined: %s", strerror(errno));
	if (link->interface_index && set_option(link->fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) != 0)
		return err_set(err, ERR_IO, "multicasts cannot be sent there: %s", strerror(errno));
	return ERR_OK;
}

static enum err_code open_socket(struct echonet_link *link, const struct echonet_settings *settings, struct error *err)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
	const int on = 1, receive_bytes = RECEIVE_BUFFER_BYTES;

	link->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return err_set(err, ERR_IO, "no socket: %s", strerror(errno));
	(void)set_option(link->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)set_option(link->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	if (bind(link->fd, (const struct sockaddr *)&any, sizeof(any)) != 0)
		return err_set(err, ERR_IO, "UDP port %u: %s", (unsigned int)settings->port, strerror(errno));
	/* Without discovery the group is not needed, and may not be there. */
	return settings->discover ? join(link, err) : ERR_OK;
}

enum err_code echonet_link_open(struct echonet_link *link, const struct echonet_settings *settings, struct error *err)
{
	enum err_code code = look(link, settings->interface, err);

	link->port = settings->port;
	if (!code)
		code = open_socket(link, settings, err);
	if (code)
		echonet_link_close(link);
	return code;
}

void echonet_link_close(struct echonet_link *link)
{
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
}

bool echonet_link_refresh(struct echonet_link *link, const struct echonet_settings *settings)
{
	uint32_t before = link->interface_index;
	struct error err;
	enum err_code code = look(link, settings->interface, &err);

	return code != ERR_NOT_FOUND && (code || link->interface_index == before);
}

bool echonet_link_is_own(const struct echonet_link *link, uint32_t address, uint16_t port)
{
	for (size_t i = 0; i < link->own_count && port == link->port; i++)
		if (link->own[i] == address)
			return true;
	return false;
}

int echonet_link_send(const struct echonet_link *link, uint32_t address, struct str bytes)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(link->port), .sin_addr.s_addr = htonl(address)};
	ssize_t sent = sendto(link->fd, bytes.at, bytes.len, 0, (const struct sockaddr *)&to, sizeof(to));

	return sent < 0 ? errno : 0;
}
