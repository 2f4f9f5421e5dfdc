/* The nearest known word by restricted edit distance (optimal string alignment), three rows at a time. */
#include "base/nearest.h"

#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(struct str a, struct str b)
{
	size_t rows[3][NEAREST_BYTES_MAX + 1] = {0};
	size_t *before = rows[0], *above = rows[1], *here = rows[2];

	if (a.len > NEAREST_BYTES_MAX || b.len > NEAREST_BYTES_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		here[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = lower(a.at[i - 1]), y = lower(b.at[j - 1]);

			here[j] = least(least(above[j], here[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.at[j - 2]) && lower(a.at[i - 2]) == y)
				here[j] = least(here[j], before[j - 2] + 1);
		}
		size_t *oldest = before;

		before = above;
		above = here;
		here = oldest;
	}
	return above[b.len];
}

void nearest_init(struct nearest *nearest, struct str word)
{
	*nearest = (struct nearest){.word = word, .distance = SIZE_MAX};
}

void nearest_offer(struct nearest *nearest, struct str candidate)
{
	size_t distance = nearest_distance(nearest->word, candidate);
	size_t longest = nearest->word.len > candidate.len ? nearest->word.len : candidate.len;

	if (distance < nearest->distance && distance <= (longest + 2) / 3 && distance < longest) {
		nearest->best = candidate;
		nearest->distance = distance;
	}
}
