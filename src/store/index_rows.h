/* Which index rows an entity's document asks for: derived from the document alone, so that an update touches only what
 * differs, a check can recompute all of them, and two processes never disagree. Pure.
 *
 * Attribute values: a row for each value that a range of q can match (query_each_narrow_value: numbers and texts, long
 * texts by a prefix). An attribute with more values than a bound has one "partial" row instead, which every search by
 * value must include; one without any such value has a "present" row. So an attribute that is there has a row.
 *
 * Places: a row for each GeoProperty instance. What lies within one cell of a fixed grid, as every point does, is filed
 * by the cell, and its row changes only when it enters another one. Anything larger has its box; when it was changed
 * since its creation it is taken for something that moves, and the box is widened to the cells that it touches. */
#ifndef MACHI_STORE_INDEX_ROWS_H
#define MACHI_STORE_INDEX_ROWS_H

#include "base/arena.h"
#include "base/error.h"
#include "geo/geo.h"
#include "json/json.h"

#define INDEX_TEXT_BYTES_MAX 64 /* of a text's prefix; cut at a character, so 61 bytes at least are kept */
#define INDEX_TEXT_BYTES_SURE 61
#define INDEX_VALUES_MAX 32 /* rows of one attribute; with more values it is partial */
#define INDEX_GEO_SLOTS 64 /* boxes of one entity; beyond that the last one is the whole world */
#define INDEX_GEO_CELLS_PER_DEGREE 256.0 /* a cell is 434 m high, and as wide at the equator */

enum index_kind { INDEX_NUMBER, INDEX_TEXT, INDEX_PARTIAL, INDEX_PRESENT }; /* in the index's order */

struct index_value {
	enum index_kind kind;
	double number;
	struct str text; /* borrowed from the document, already cut */
};

enum index_table { INDEX_TYPE, INDEX_SCOPE, INDEX_ATTRIBUTE, INDEX_GEO, INDEX_CELL, INDEX_TABLES };

struct index_change {
	enum index_table table;
	bool add; /* false: the row goes. A box that changes comes as one add for its slot */
	struct str name; /* type IRI, scope as filed or attribute IRI */
	struct index_value value; /* INDEX_ATTRIBUTE */
	uint32_t slot; /* INDEX_GEO, INDEX_CELL: 0 to INDEX_GEO_SLOTS − 1, over the entity's GeoProperty instances */
	struct geo_box box; /* INDEX_GEO */
	int64_t cell; /* INDEX_CELL: row · 2¹⁷ + column */
};

/* Calls visit for each row that entity has and before has not (add), and the other way round. NULL has no rows.
 * Passes on visit's error. */
MUST_CHECK enum err_code index_diff(const struct json *before, const struct json *entity,
				    enum err_code (*visit)(void *self, const struct index_change *change,
							   struct error *err),
				    void *self, struct error *err);

/* The rows and columns of cells that a box touches. Counted from the south pole and from 180 degrees west. */
struct index_cells {
	int64_t row_first, row_last, column_first, column_last;
};
struct index_cells index_cells(struct geo_box box);

/* How a scope is filed, and looked for: "/Madrid" and "Madrid" are one (4.18), without the leading "/". */
struct str index_scope(struct str scope);

/* The order of values in the index: <0, 0, >0. */
int index_value_cmp(const struct index_value *a, const struct index_value *b);

/* The prefix under which a text is filed. */
struct str index_text_cut(struct str text);

#endif
