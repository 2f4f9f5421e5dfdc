/* Who has to wait before a password is looked at again. An account's failures are in the database, and outlive the
 * process; those of addresses and of names that no account has are in memory, in tables of fixed size in which a new
 * one takes another's place. */
#include "access/access_int.h"

int64_t lockout_s(uint32_t failures)
{
	int64_t seconds = ACCESS_LOCK_S_MIN;

	if (failures < ACCESS_FAILURES_MAX)
		return 0;
	for (uint32_t i = ACCESS_FAILURES_MAX; i < failures && seconds < ACCESS_LOCK_S_MAX; i++)
		seconds *= 2;
	return seconds < ACCESS_LOCK_S_MAX ? seconds : ACCESS_LOCK_S_MAX;
}

static uint64_t hash_of(const struct access *access, struct str text)
{
	uint64_t hash = str_hash(text, access->seed);

	return hash ? hash : 1;
}

/* Whoever looks at it holds wait_lock. */
static struct access_wait *place_of(struct access_wait *table, uint64_t hash)
{
	return &table[hash % ACCESS_WAITS];
}

enum err_code lockout_address(struct access *access, struct str peer, int64_t *ret_retry_s, struct error *err)
{
	int64_t now_us = access_now_us(access), left_us = 0;
	uint64_t hash = hash_of(access, peer);

	(void)pthread_mutex_lock(&access->wait_lock);
	const struct access_wait *wait = place_of(access->addresses, hash);

	if (wait->hash == hash && wait->failures >= ACCESS_PEER_FAILURES_MAX)
		left_us = wait->since_us + ACCESS_PEER_WINDOW_S * US_PER_S - now_us;
	(void)pthread_mutex_unlock(&access->wait_lock);
	if (left_us <= 0)
		return ERR_OK;
	*ret_retry_s = left_us / US_PER_S + 1;
	return err_set(err, ERR_LIMIT, "too many wrong passwords from this address; wait %lld s",
		       (long long)*ret_retry_s);
}

void lockout_address_failed(struct access *access, struct str peer)
{
	int64_t now_us = access_now_us(access);
	uint64_t hash = hash_of(access, peer);

	(void)pthread_mutex_lock(&access->wait_lock);
	struct access_wait *wait = place_of(access->addresses, hash);

	if (wait->hash != hash || now_us - wait->since_us > ACCESS_PEER_WINDOW_S * US_PER_S)
		*wait = (struct access_wait){.hash = hash, .since_us = now_us};
	wait->failures++;
	(void)pthread_mutex_unlock(&access->wait_lock);
}

int64_t lockout_name_until_us(struct access *access, struct str name)
{
	uint64_t hash = hash_of(access, name);

	(void)pthread_mutex_lock(&access->wait_lock);
	const struct access_wait *wait = place_of(access->names, hash);
	int64_t until_us = wait->hash == hash ? wait->until_us : 0;

	(void)pthread_mutex_unlock(&access->wait_lock);
	return until_us;
}

void lockout_name_failed(struct access *access, struct str name)
{
	uint64_t hash = hash_of(access, name);

	(void)pthread_mutex_lock(&access->wait_lock);
	struct access_wait *wait = place_of(access->names, hash);

	if (wait->hash != hash)
		*wait = (struct access_wait){.hash = hash};
	wait->failures++;
	int64_t seconds = lockout_s(wait->failures);

	wait->until_us = seconds ? access_now_us(access) + seconds * US_PER_S : 0;
	(void)pthread_mutex_unlock(&access->wait_lock);
}
