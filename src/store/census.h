/* The census of a store: which types and attributes its entities have, of which kind, and how many. Exact at every
 * commit, and read without looking at entities: discovery (GS CIM 009 V1.9.1 clauses 5.7.5 to 5.7.10) answers from it.
 *
 * Thread: a question goes through a store_reader and belongs to its thread. */
#ifndef MACHI_STORE_CENSUS_H
#define MACHI_STORE_CENSUS_H

#include "store/store.h"

/* What is counted. The numbers are stored: they are never given to anything else. */
enum census_kind {
	CENSUS_ENTITY = 0, /* entities of a type */
	CENSUS_PROPERTY = 1, /* from here on: instances of an attribute (each datasetId is one, 4.5.5) */
	CENSUS_RELATIONSHIP = 2,
	CENSUS_GEO_PROPERTY = 3,
	CENSUS_LANGUAGE_PROPERTY = 4,
	CENSUS_VOCAB_PROPERTY = 5,
	CENSUS_JSON_PROPERTY = 6,
	CENSUS_LIST_PROPERTY = 7,
	CENSUS_LIST_RELATIONSHIP = 8,
	CENSUS_KIND_COUNT
};

struct str census_kind_name(enum census_kind kind); /* "Property", … as attributes have it; "" for CENSUS_ENTITY */

struct census_row {
	struct str within_iri; /* only entities of this type are meant; STR_NONE: all. Always that for CENSUS_ENTITY */
	struct str name_iri; /* a type (CENSUS_ENTITY) or an attribute */
	enum census_kind kind;
	uint64_t count; /* never 0 */
};

enum census_part {
	CENSUS_TOTALS, /* rows without within_iri */
	CENSUS_ALL,
	CENSUS_OF_TYPE, /* the type's own row and the rows within it */
	CENSUS_OF_ATTRIBUTE /* the attribute's rows, whole and within every type */
};

struct census_question {
	enum census_part part;
	struct str iri; /* CENSUS_OF_TYPE, CENSUS_OF_ATTRIBUTE */
	int64_t expired_us; /* entities whose expiresAt lies at or before this are not counted; INT64_MIN: all are */
	int64_t until_us; /* CLOCK_MONOTONIC; looking at what has expired ends then, ERR_TOO_COMPLEX; 0: no end */
};

/* Calls visit for each row, in no order; its texts are borrowed until visit returns. Costs as much as the rows asked
 * for, and a look at each entity that has expired and is still stored. visit returning false stops with ERR_OK. */
MUST_CHECK enum err_code store_census(struct store_reader *reader, const struct census_question *question,
				      bool (*visit)(void *self, const struct census_row *row), void *self,
				      struct error *err);

#endif
