/* Grouping rows: a counting sort, since the keys are indices. */
#include "engine/transit/group_int.h"

#include <string.h>

static uint32_t key_of(const char *row)
{
	uint32_t key;

	memcpy(&key, row, sizeof(key));
	return key;
}

/* True when the rows are in order as they are, which is the rule for files written by machines. */
static bool grouped(const char *rows, uint32_t count, size_t size)
{
	for (uint32_t i = 1; i < count; i++)
		if (key_of(rows + (i - 1) * size) > key_of(rows + i * size))
			return false;
	return true;
}

enum err_code group_rows(void **rows, uint32_t count, size_t size, uint32_t key_count, uint32_t **ret_starts,
			 struct error *err)
{
	/* An empty table gets memory too, so that its rows have an address. */
	if (!*rows)
		*rows = malloc(size);
	const char *from = *rows;
	CLEANUP_MEMORY uint32_t *starts = calloc((size_t)key_count + 2, sizeof(*starts));

	if (!from || !starts)
		return err_set(err, ERR_MEMORY, "no memory to sort %u rows of a feed", count);
	/* starts[k + 1] counts group k, then becomes its begin, and is its end once all its rows are placed. */
	for (uint32_t i = 0; i < count; i++)
		starts[key_of(from + i * size) + 2]++;
	for (uint32_t k = 0; k < key_count; k++)
		starts[k + 2] += starts[k + 1];
	if (grouped(from, count, size)) {
		memmove(starts, starts + 1, ((size_t)key_count + 1) * sizeof(*starts));
		*ret_starts = TAKE(starts);
		return ERR_OK;
	}
	char *to = malloc(count * size);

	if (!to)
		return err_set(err, ERR_MEMORY, "no memory to sort %u rows of a feed", count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = starts[key_of(from + i * size) + 1]++;

		memcpy(to + place * size, from + i * size, size);
	}
	free(*rows);
	*rows = to;
	*ret_starts = TAKE(starts);
	return ERR_OK;
}

void group_sort(void *rows, uint32_t count, size_t size, int (*compare)(const void *, const void *))
{
	for (uint32_t i = 1; i < count; i++) {
		if (compare((char *)rows + (i - 1) * size, (char *)rows + i * size) > 0) {
			qsort(rows, count, size, compare);
			return;
		}
	}
}
