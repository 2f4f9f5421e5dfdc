/* Which addresses may be connected to: two tables of special-purpose networks, and the operator's list. */
#include "net/address_policy.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define HOST_NAME_BYTES_MAX 253u
#define IPV4_IN_IPV6_BITS 96 /* an IPv4 address is kept as ::ffff:a.b.c.d, so that one comparison does for both */
#define ADDRESS_BITS 128

struct network {
	uint8_t bytes[16];
	unsigned int bits; /* of the prefix, of 128 */
};

struct entry {
	bool is_name;
	struct network network;
	char name[HOST_NAME_BYTES_MAX + 1]; /* ".lan" stands for all names below lan */
};

struct address_policy {
	size_t count;
	struct entry entries[];
};

/* IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its successors), without what is globally reachable; and
 * multicast. 192.0.0.0/24 holds two anycast addresses that are reachable and of no use here. */
static const char *const special_ipv4[] = {
	"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};

/* Of IPv6 only 2000::/3 is given out for global unicast (RFC 4291, 2.4). Of that, the registry of special-purpose
 * addresses sets apart protocol assignments with Teredo (2001::/23), documentation, and 6to4. */
static const char global_ipv6[] = "2000::/3";
static const char *const special_ipv6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};
static const char nat64[] = "64:ff9b::/96"; /* RFC 6052: the IPv4 address in the last 32 bits */
static const char mapped[] = "::ffff:0:0/96";

/* ---- networks ---- */

static bool in_network(const uint8_t address[static 16], const struct network *network)
{
	unsigned int whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(address, network->bytes, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	return (address[whole] & mask) == (network->bytes[whole] & mask);
}

static void map_ipv4(const void *ipv4, uint8_t ret[static 16])
{
	memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, ipv4, 4);
}

/* "a.b.c.d", "a.b.c.d/n", "x::y", "x::y/n". */
static bool parse_network(struct str text, struct network *ret)
{
	struct network network = {.bits = ADDRESS_BITS};
	char address[ADDRESS_TEXT_BYTES];
	unsigned int base = 0;
	uint64_t bits;
	size_t slash;
	bool has_bits = str_find(text, '/', &slash);
	struct str host = has_bits ? str_part(text, 0, slash) : text;

	if (host.len == 0 || host.len >= sizeof(address))
		return false;
	memcpy(address, host.at, host.len);
	address[host.len] = '\0';
	struct in_addr ipv4;

	if (inet_pton(AF_INET, address, &ipv4) == 1) {
		map_ipv4(&ipv4, network.bytes);
		base = IPV4_IN_IPV6_BITS;
	} else if (inet_pton(AF_INET6, address, network.bytes) != 1) {
		return false;
	}
	if (has_bits) {
		if (!str_to_uint64(str_part(text, slash + 1, text.len), &bits) || bits > ADDRESS_BITS - base)
			return false;
		network.bits = base + (unsigned int)bits;
	}
	*ret = network;
	return true;
}

/* One of our own tables. */
static bool in_text(const uint8_t address[static 16], const char *text)
{
	struct network network;

	return parse_network(str_from(text), &network) && in_network(address, &network);
}

static bool in_any(const uint8_t address[static 16], const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_text(address, texts[i]))
			return true;
	return false;
}

static bool is_public(const uint8_t address[static 16])
{
	uint8_t ipv4[16];

	if (in_text(address, nat64)) {
		map_ipv4(address + 12, ipv4);
		address = ipv4;
	}
	if (in_text(address, mapped))
		return !in_any(address, special_ipv4, sizeof(special_ipv4) / sizeof(special_ipv4[0]));
	return in_text(address, global_ipv6) &&
	       !in_any(address, special_ipv6, sizeof(special_ipv6) / sizeof(special_ipv6[0]));
}

/* ---- the operator's list ---- */

/* Names of DNS, and the underscore that some networks use. */
static bool parse_name(struct str text, char ret[static HOST_NAME_BYTES_MAX + 1])
{
	if (str_starts(text, STR("*.")))
		text = str_part(text, 1, text.len);
	if (text.len == 0 || text.len > HOST_NAME_BYTES_MAX || (text.len == 1 && text.at[0] == '.'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!letter && c != '-' && c != '_' && c != '.')
			return false;
	}
	memcpy(ret, text.at, text.len);
	ret[text.len] = '\0';
	return true;
}

/* What looks like a number of an address is no name: "10.0.0" is a mistake. */
static bool looks_like_address(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '.' && (text.at[i] < '0' || text.at[i] > '9'))
			return false;
	return true;
}

static bool has_host_bits(const struct network *network)
{
	for (unsigned int bit = network->bits; bit < ADDRESS_BITS; bit++)
		if (network->bytes[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

static enum err_code parse_entry(const char *given, struct entry *entry, struct error *err)
{
	struct str text = str_from(given);

	if (str_starts(text, STR("[")) && str_ends(text, STR("]")))
		text = str_part(text, 1, text.len - 1);
	if (parse_network(text, &entry->network)) {
		if (has_host_bits(&entry->network))
			return err_set(err, ERR_INVALID, "the network \"%.100s\" has bits behind its prefix", given);
		return ERR_OK;
	}
	entry->is_name = true;
	if (looks_like_address(text) || !parse_name(text, entry->name))
		return err_set(err, ERR_INVALID,
			       "\"%.100s\" is no address, network (10.0.0.0/8), host name or domain (*.lan)", given);
	return ERR_OK;
}

enum err_code address_policy_new(const char *const *allow, size_t allow_count, struct address_policy **ret_policy,
				 struct error *err)
{
	if (allow_count > ADDRESS_POLICY_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u addresses are listed", ADDRESS_POLICY_ENTRIES_MAX);
	CLEANUP_MEMORY struct address_policy *policy =
		calloc(1, sizeof(*policy) + allow_count * sizeof(policy->entries[0]));

	if (!policy)
		return err_set(err, ERR_MEMORY, "no memory for %zu addresses", allow_count);
	for (size_t i = 0; i < allow_count; i++) {
		enum err_code code = parse_entry(allow[i], &policy->entries[policy->count++], err);

		if (code != ERR_OK)
			return code;
	}
	*ret_policy = TAKE(policy);
	return ERR_OK;
}

struct address_policy *address_policy_free(struct address_policy *policy)
{
	free(policy);
	return NULL;
}

static bool name_fits(const char *wanted, struct str host)
{
	struct str name = str_from(wanted);

	if (str_ends(host, STR(".")))
		host = str_part(host, 0, host.len - 1);
	if (name.at[0] != '.')
		return str_eq_nocase(name, host);
	return host.len > name.len && str_eq_nocase(str_part(host, host.len - name.len, host.len), name);
}

bool address_policy_allows(const struct address_policy *policy, struct str host, const struct sockaddr *address)
{
	uint8_t bytes[16];

	if (address->sa_family == AF_INET)
		map_ipv4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, bytes);
	else if (address->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof(bytes));
	else
		return false;
	for (size_t i = 0; policy && i < policy->count; i++) {
		const struct entry *entry = &policy->entries[i];

		if (entry->is_name ? name_fits(entry->name, host) : in_network(bytes, &entry->network))
			return true;
	}
	return is_public(bytes);
}

struct str address_text(const struct sockaddr *address, char buffer[static ADDRESS_TEXT_BYTES])
{
	const void *at = NULL;

	if (address->sa_family == AF_INET)
		at = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		at = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (!at || !inet_ntop(address->sa_family, at, buffer, ADDRESS_TEXT_BYTES))
		return STR("no Internet address");
	return str_from(buffer);
}
