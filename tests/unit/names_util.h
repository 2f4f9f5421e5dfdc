/* A dictionary of names for packed documents, in an arena. Names are found by looking at all of them. */
#ifndef MACHI_TESTS_NAMES_UTIL_H
#define MACHI_TESTS_NAMES_UTIL_H

#include "store/document_pack.h"

#define TEST_NAMES_MAX 4096

struct test_names {
	struct arena arena;
	struct str at[TEST_NAMES_MAX];
	int64_t count; /* number n is at[n - 1] */
};

static inline enum err_code test_number_of(void *self, struct str iri, int64_t *ret_number, struct error *err)
{
	struct test_names *names = self;

	for (int64_t i = 0; i < names->count; i++)
		if (str_eq(names->at[i], iri)) {
			*ret_number = i + 1;
			return ERR_OK;
		}
	if (names->count == TEST_NAMES_MAX)
		return err_set(err, ERR_LIMIT, "too many names for a test");
	names->at[names->count] = arena_dup(&names->arena, iri);
	*ret_number = ++names->count;
	return ERR_OK;
}

static inline enum err_code test_name_of(void *self, int64_t number, struct arena *arena, struct str *ret_iri,
					 struct error *err)
{
	const struct test_names *names = self;

	(void)arena;
	if (number < 1 || number > names->count)
		return err_set(err, ERR_CORRUPT, "no name %lld", (long long)number);
	*ret_iri = names->at[number - 1];
	return ERR_OK;
}

static inline struct document_names test_names_start(struct test_names *names)
{
	names->count = 0;
	arena_init(&names->arena, (size_t)64 << 20);
	return (struct document_names){names, test_number_of, test_name_of};
}

#endif
