/* Names to addresses without holding up the owner: getaddrinfo() in a thread for each lookup. Addresses are understood
 * at once. The lookup belongs to its owner and to its thread; whoever lets go last frees it, so that a resolver that
 * does not answer keeps nobody from going. */
#include "net/mqtt_int.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

struct mqtt_lookup {
	pthread_mutex_t lock; /* guards owners, finished, code, found */
	int owners;
	bool finished;
	int code;
	struct addrinfo *found;
	int wake_fd; /* owned */
	char port[8];
	char host[MQTT_HOST_BYTES_MAX + 1];
};

static int resolve(const struct mqtt_lookup *lookup, int flags, struct addrinfo **ret_found)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};

	return getaddrinfo(lookup->host, lookup->port, &hints, ret_found);
}

struct mqtt_lookup *mqtt_lookup_free(struct mqtt_lookup *lookup)
{
	if (!lookup)
		return NULL;
	(void)pthread_mutex_lock(&lookup->lock);
	bool last = --lookup->owners == 0;

	(void)pthread_mutex_unlock(&lookup->lock);
	if (!last)
		return NULL;
	if (lookup->found)
		freeaddrinfo(lookup->found);
	(void)pthread_mutex_destroy(&lookup->lock);
	(void)close(lookup->wake_fd);
	free(lookup);
	return NULL;
}

static void *run(void *cls)
{
	struct mqtt_lookup *lookup = cls;
	struct addrinfo *found = NULL;
	const uint64_t one = 1;
	int code = resolve(lookup, AI_ADDRCONFIG, &found);

	(void)pthread_mutex_lock(&lookup->lock);
	lookup->code = code;
	lookup->found = code == 0 ? found : NULL;
	lookup->finished = true;
	(void)pthread_mutex_unlock(&lookup->lock);
	(void)!write(lookup->wake_fd, &one, sizeof(one));
	(void)mqtt_lookup_free(lookup);
	return NULL;
}

static bool run_detached(struct mqtt_lookup *lookup)
{
	pthread_t thread;

	lookup->owners = 2;
	if (pthread_create(&thread, NULL, run, lookup) != 0) {
		lookup->owners = 1;
		return false;
	}
	(void)pthread_detach(thread);
	return true;
}

enum err_code mqtt_lookup_start(const char *host, uint16_t port, int wake_fd, struct mqtt_lookup **ret_lookup,
				struct error *err)
{
	struct mqtt_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return err_set(err, ERR_MEMORY, "no memory to look up a host");
	(void)pthread_mutex_init(&lookup->lock, NULL);
	lookup->owners = 1;
	lookup->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
	(void)snprintf(lookup->port, sizeof(lookup->port), "%u", (unsigned int)port);
	(void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	lookup->finished = resolve(lookup, AI_NUMERICHOST, &lookup->found) == 0;
	if (lookup->wake_fd < 0 || (!lookup->finished && !run_detached(lookup))) {
		(void)mqtt_lookup_free(lookup);
		return err_set(err, ERR_IO, "no thread or descriptor to look up a host");
	}
	*ret_lookup = lookup;
	return ERR_OK;
}

bool mqtt_lookup_finished(struct mqtt_lookup *lookup, int *ret_code, const struct addrinfo **ret_found)
{
	(void)pthread_mutex_lock(&lookup->lock);
	bool finished = lookup->finished;

	if (finished) {
		*ret_code = lookup->code;
		*ret_found = lookup->found;
	}
	(void)pthread_mutex_unlock(&lookup->lock);
	return finished;
}

uint32_t mqtt_lookup_addresses(const struct addrinfo *found, const struct address_policy *policy, struct str host,
			       char (*addresses)[ADDRESS_TEXT_BYTES], char ret_denied[static ADDRESS_TEXT_BYTES])
{
	uint32_t count = 0;

	ret_denied[0] = '\0';
	for (; found && count < MQTT_ADDRESSES_MAX; found = found->ai_next) {
		if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
			continue;
		bool allowed = !policy || address_policy_allows(policy, host, found->ai_addr);

		(void)address_text(found->ai_addr, allowed ? addresses[count++] : ret_denied);
	}
	return count;
}
