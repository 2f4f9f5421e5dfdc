/* Which addresses may be connected to: each special-purpose block of the IANA registries at its first and last address
 * and at the neighbours outside, and the operator's list. */
#include "check.h"
#include "net/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static struct error err;

static bool allowed(const struct address_policy *policy, const char *host, const char *text)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return address_policy_allows(policy, str_from(host), (const struct sockaddr *)&ipv4);
	if (!CHECK(inet_pton(AF_INET6, text, &ipv6.sin6_addr) == 1))
		printf("# %s\n", text);
	return address_policy_allows(policy, str_from(host), (const struct sockaddr *)&ipv6);
}

static void check_all(const char *const *texts, size_t count, bool wanted)
{
	for (size_t i = 0; i < count; i++)
		if (!CHECK(allowed(NULL, "e.org", texts[i]) == wanted))
			printf("# %s\n", texts[i]);
}

static void special_addresses_are_refused(void)
{
	static const char *const texts[] = {
		"0.0.0.0",
		"0.255.255.255",
		"10.0.0.0",
		"10.255.255.255",
		"100.64.0.0",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.255.255",
		"169.254.0.0",
		"169.254.169.254",
		"169.254.255.255",
		"172.16.0.0",
		"172.31.255.255",
		"192.0.0.0",
		"192.0.0.255",
		"192.0.2.1",
		"192.88.99.1",
		"192.168.0.0",
		"192.168.255.255",
		"198.18.0.0",
		"198.19.255.255",
		"198.51.100.7",
		"203.0.113.255",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.0",
		"255.255.255.255",
		"::",
		"::1",
		"fe80::1",
		"febf::1",
		"fec0::1",
		"fc00::1",
		"fd12:3456::1",
		"ff02::1",
		"100::1",
		"2001::1",
		"2001:1ff::1",
		"2001:db8::1",
		"2002:7f00:1::1",
		"3fff::1",
		"5f00::1",
		"64:ff9b:1::1",
		"::7f00:1",
	};

	check_all(texts, sizeof(texts) / sizeof(texts[0]), false);
}

static void public_addresses_are_allowed(void)
{
	static const char *const texts[] = {
		"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.1",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
		"172.32.0.0",      "192.0.1.1",       "192.167.255.255", "192.169.0.0",    "198.17.255.255",
		"198.20.0.0",      "223.255.255.255", "2001:200::1",     "2a00:1450::1",   "2606:4700::1111",
	};

	check_all(texts, sizeof(texts) / sizeof(texts[0]), true);
}

static void an_ipv4_address_inside_an_ipv6_address_counts(void)
{
	static const char *const refused[] = {"::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::127.0.0.1",
					      "64:ff9b::169.254.169.254"};
	static const char *const good[] = {"::ffff:1.1.1.1", "64:ff9b::8.8.8.8"};

	check_all(refused, sizeof(refused) / sizeof(refused[0]), false);
	check_all(good, sizeof(good) / sizeof(good[0]), true);
}

static void other_families_are_refused(void)
{
	struct sockaddr address = {.sa_family = AF_UNIX};

	CHECK(!address_policy_allows(NULL, STR("e.org"), &address));
}

static void the_list_adds_addresses_networks_and_names(void)
{
	static const char *const list[] = {"10.1.0.0/16", "192.168.7.9", "[::1]",
					   "fd00::/8",    "Broker.lan",  "*.city.lan"};
	struct address_policy *policy = NULL;

	CHECK_OK(address_policy_new(list, sizeof(list) / sizeof(list[0]), &policy, &err), &err);
	CHECK(allowed(policy, "x", "10.1.255.1") && !allowed(policy, "x", "10.2.0.1"));
	CHECK(allowed(policy, "x", "::ffff:10.1.0.1"));
	CHECK(allowed(policy, "x", "192.168.7.9") && !allowed(policy, "x", "192.168.7.8"));
	CHECK(allowed(policy, "x", "::1") && !allowed(policy, "x", "127.0.0.1"));
	CHECK(allowed(policy, "x", "fd12::1") && !allowed(policy, "x", "fc12::1"));
	CHECK(allowed(policy, "broker.LAN", "127.0.0.1") && allowed(policy, "broker.lan.", "127.0.0.1"));
	CHECK(!allowed(policy, "xbroker.lan", "127.0.0.1") && !allowed(policy, "a.broker.lan", "127.0.0.1"));
	CHECK(allowed(policy, "a.city.lan", "10.9.9.9") && allowed(policy, "a.b.city.lan", "10.9.9.9"));
	CHECK(!allowed(policy, "city.lan", "10.9.9.9") && !allowed(policy, "acity.lan", "10.9.9.9"));
	CHECK(allowed(policy, "x", "1.1.1.1"));
	(void)address_policy_free(policy);
}

static void all_networks_can_be_allowed(void)
{
	static const char *const list[] = {"0.0.0.0/0", "::/0"};
	struct address_policy *policy = NULL;

	CHECK_OK(address_policy_new(list, 2, &policy, &err), &err);
	CHECK(allowed(policy, "x", "127.0.0.1") && allowed(policy, "x", "::1") && allowed(policy, "x", "fe80::1"));
	(void)address_policy_free(policy);
	/* 0.0.0.0/0 is of IPv4 alone. */
	CHECK_OK(address_policy_new(list, 1, &policy, &err), &err);
	CHECK(allowed(policy, "x", "127.0.0.1") && !allowed(policy, "x", "::1"));
	(void)address_policy_free(policy);
}

static void mistakes_in_the_list_are_named(void)
{
	static const char *const mistakes[] = {"10.0.0.0/33", "10.0.0.1/8",   "::/129", "10.0.0",    "300.1.1.1",  "",
					       "a b",         "http://e.org", "*.",     "10.0.0.0/", "10.0.0.0/x", "*",
					       "fd00::1/8"};

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct address_policy *policy = NULL;

		if (!CHECK(address_policy_new(&mistakes[i], 1, &policy, &err) == ERR_INVALID && !policy &&
			   str_contains(str_from(err.detail), str_from(mistakes[i]))))
			printf("# %s: %s\n", mistakes[i], err.detail);
		(void)address_policy_free(policy);
	}
}

int main(void)
{
	RUN(special_addresses_are_refused);
	RUN(public_addresses_are_allowed);
	RUN(an_ipv4_address_inside_an_ipv6_address_counts);
	RUN(other_families_are_refused);
	RUN(the_list_adds_addresses_networks_and_names);
	RUN(all_networks_can_be_allowed);
	RUN(mistakes_in_the_list_are_named);
	return check_done();
}
