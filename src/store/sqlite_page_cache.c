/* SQLite's own page cache, spared walks that find nothing.
 *
 * When a page of a tree is split, SQLite for a moment gives a page the number of the lock page, which lies at 1 GiB.
 * Its cache remembers that as the greatest number there is, so that the next commit, which drops what lies behind the
 * end of the file, walks through all that is cached: 8,000 pages for nothing, at nearly every commit, a fifth of the
 * writer's time. This thin layer knows the greatest number better and asks for the walk only when there is something
 * behind. Everything else goes straight to SQLite's own.
 *
 * Thread: as SQLite calls; a cache belongs to its connection. */
#include "store/sqlite_int.h"

#define LOCK_BYTE 0x40000000u /* of SQLite's file format, 1.3.4: no page with it is ever used */

struct page_cache {
	sqlite3_pcache *own; /* SQLite's */
	unsigned last; /* no greater number is cached */
	unsigned lock_page;
};

/* Set once, before SQLite is first used. */
static sqlite3_pcache_methods2 sqlite_own;

static struct page_cache *page_cache(sqlite3_pcache *cache)
{
	return (struct page_cache *)cache;
}

static sqlite3_pcache *cache_create(int page_bytes, int extra_bytes, int purgeable)
{
	struct page_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->lock_page = LOCK_BYTE / (unsigned)page_bytes + 1;
	cache->own = sqlite_own.xCreate(page_bytes, extra_bytes, purgeable);
	if (cache->own)
		return (sqlite3_pcache *)cache;
	free(cache);
	return NULL;
}

static void cache_size(sqlite3_pcache *cache, int pages)
{
	sqlite_own.xCachesize(page_cache(cache)->own, pages);
}

static int cache_count(sqlite3_pcache *cache)
{
	return sqlite_own.xPagecount(page_cache(cache)->own);
}

static sqlite3_pcache_page *cache_fetch(sqlite3_pcache *cache, unsigned number, int create)
{
	struct page_cache *mine = page_cache(cache);
	sqlite3_pcache_page *page = sqlite_own.xFetch(mine->own, number, create);

	if (page && number > mine->last)
		mine->last = number;
	return page;
}

static void cache_unpin(sqlite3_pcache *cache, sqlite3_pcache_page *page, int discard)
{
	sqlite_own.xUnpin(page_cache(cache)->own, page, discard);
}

static void cache_rekey(sqlite3_pcache *cache, sqlite3_pcache_page *page, unsigned old_number, unsigned number)
{
	struct page_cache *mine = page_cache(cache);

	sqlite_own.xRekey(mine->own, page, old_number, number);
	if (number != mine->lock_page && number > mine->last)
		mine->last = number;
}

static void cache_truncate(sqlite3_pcache *cache, unsigned limit)
{
	struct page_cache *mine = page_cache(cache);

	if (limit > mine->last)
		return;
	sqlite_own.xTruncate(mine->own, limit);
	mine->last = limit > 0 ? limit - 1 : 0;
}

static void cache_destroy(sqlite3_pcache *cache)
{
	sqlite_own.xDestroy(page_cache(cache)->own);
	free(cache);
}

static void cache_shrink(sqlite3_pcache *cache)
{
	sqlite_own.xShrink(page_cache(cache)->own);
}

void sqlite_page_cache_install(void)
{
	if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &sqlite_own) != SQLITE_OK)
		return;
	sqlite3_pcache_methods2 mine = sqlite_own;

	mine.xCreate = cache_create;
	mine.xCachesize = cache_size;
	mine.xPagecount = cache_count;
	mine.xFetch = cache_fetch;
	mine.xUnpin = cache_unpin;
	mine.xRekey = cache_rekey;
	mine.xTruncate = cache_truncate;
	mine.xDestroy = cache_destroy;
	mine.xShrink = cache_shrink;
	(void)sqlite3_config(SQLITE_CONFIG_PCACHE2, &mine);
}
