/* Counting types and attributes of documents, for the kinds of store.
 *
 * A writer adds up what its writes change, keeps it back when they succeed, drops it when they are undone, and stores
 * the sums with the commit. Readers and checks count whole documents into one to compare. Pure. */
#ifndef MACHI_STORE_CENSUS_INT_H
#define MACHI_STORE_CENSUS_INT_H

#include "base/map.h"
#include "store/census.h"

#define CENSUS_BYTES_MAX ((size_t)1 << 30) /* of names and cells; beyond: ERR_MEMORY */
#define CENSUS_CELLS_MAX 65536u /* a transaction with more stores its sums before its end */

struct census_name {
	struct str iri;
	int64_t number; /* the store's, while it stores sums; 0: not looked up */
};

struct census_key {
	struct census_name *within; /* NULL: all entities */
	struct census_name *name;
	uint64_t kind; /* enum census_kind; as wide as the others: the key is compared by its bytes */
};

struct census_cell {
	struct census_key key;
	int64_t sum; /* of the writes that are done */
	int64_t now; /* of the write that runs */
	bool touched; /* in the list of those that have a `now` */
	struct census_cell *next, *next_touched;
};

struct census {
	struct arena arena; /* names and cells */
	struct map names, cells;
	struct census_cell *first, *touched;
	struct census_name **types; /* scratch: of one document; owned */
	size_t type_room;
};

void census_init(struct census *census);
void census_done(struct census *census);
void census_clear(struct census *census); /* forgets everything */

/* Counts what entity has and before has not, and the other way round; NULL has nothing. Costs nothing but a comparison
 * when types, attributes and their kinds are the same. ERR_MEMORY: the counts are no longer right. */
MUST_CHECK enum err_code census_change(struct census *census, const struct json *before, const struct json *entity,
				       struct error *err);
void census_keep(struct census *census); /* the write that runs is done */
void census_drop(struct census *census); /* it is taken back */

/* Both sums of a cell; 0 when there is none. within STR_NONE: all entities. */
int64_t census_count(const struct census *census, struct str within, struct str name, enum census_kind kind);
struct census_cell *census_find(const struct census *census, struct str within, struct str name, enum census_kind kind);

#endif
