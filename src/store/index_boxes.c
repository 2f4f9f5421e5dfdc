/* Index rows of places: the cell of a fixed grid for what lies within one, which points do, else a box. */
#include "store/index_rows_int.h"

#include "ngsild/document.h"

#include <assert.h>
#include <math.h>

#define CELL_COLUMN_BITS 17
#define CELL_COLUMNS_HALF (180 * (int64_t)INDEX_GEO_CELLS_PER_DEGREE)
#define CELL_ROWS_HALF (90 * (int64_t)INDEX_GEO_CELLS_PER_DEGREE)

static_assert(2 * CELL_COLUMNS_HALF < 1 << CELL_COLUMN_BITS, "columns fit");

/* ---- cells ---- */

/* The cell of a coordinate along one axis, counted from its lower end; what lies beyond an end is in the last cell. */
static int64_t cell_along(double degrees, int64_t half)
{
	double at = floor(degrees * INDEX_GEO_CELLS_PER_DEGREE);

	/* Not a number is below, too. */
	if (!(at > (double)-half))
		return 0;
	return at < (double)half ? (int64_t)at + half : 2 * half;
}

struct index_cells index_cells(struct geo_box box)
{
	return (struct index_cells){.row_first = cell_along(box.south, CELL_ROWS_HALF),
				    .row_last = cell_along(box.north, CELL_ROWS_HALF),
				    .column_first = cell_along(box.west, CELL_COLUMNS_HALF),
				    .column_last = cell_along(box.east, CELL_COLUMNS_HALF)};
}

/* ---- the places of a document ---- */

struct place { /* one GeoProperty instance */
	bool is_cell;
	int64_t cell;
	struct geo_box box; /* unless is_cell */
};

struct place_list {
	struct place at[INDEX_GEO_SLOTS];
	uint32_t count;
};

/* The cells that the box touches. Their edges are multiples of 1/256 degree, exact as the R*Tree's 32-bit floats. */
static struct geo_box box_to_cells(struct geo_box box)
{
	return (struct geo_box){
		.west = floor(box.west * INDEX_GEO_CELLS_PER_DEGREE) / INDEX_GEO_CELLS_PER_DEGREE,
		.south = floor(box.south * INDEX_GEO_CELLS_PER_DEGREE) / INDEX_GEO_CELLS_PER_DEGREE,
		.east = (floor(box.east * INDEX_GEO_CELLS_PER_DEGREE) + 1) / INDEX_GEO_CELLS_PER_DEGREE,
		.north = (floor(box.north * INDEX_GEO_CELLS_PER_DEGREE) + 1) / INDEX_GEO_CELLS_PER_DEGREE,
	};
}

static struct place place_of(struct geo_box box, bool moves)
{
	struct index_cells cells = index_cells(box);

	if (cells.row_first == cells.row_last && cells.column_first == cells.column_last)
		return (struct place){.is_cell = true,
				      .cell = cells.row_first << CELL_COLUMN_BITS | cells.column_first};
	return (struct place){.box = moves ? box_to_cells(box) : box};
}

static void list_instance(struct place_list *list, const struct json *instance)
{
	struct geo_box box;

	if (!str_eq(json_text(json_get(instance, STR("type"))), STR("GeoProperty")))
		return;
	const struct json *value = document_value(instance);

	if (!json_is(value, JSON_OBJECT) || !geo_bounds(value, &box))
		return;
	if (list->count == INDEX_GEO_SLOTS) {
		list->at[INDEX_GEO_SLOTS - 1] = (struct place){.box = {-180, -90, 180, 90}};
		return;
	}
	list->at[list->count++] = place_of(box, json_get(instance, STR("modifiedAt")) != NULL);
}

static void list_places(struct place_list *list, const struct json *entity)
{
	list->count = 0;
	for (uint32_t i = 0; i < entity->count; i++) {
		const struct json *instances = &entity->members[i].value;

		if (!document_is_attribute(entity->members[i].key) || !json_is(instances, JSON_ARRAY))
			continue;
		for (uint32_t k = 0; k < instances->count; k++)
			list_instance(list, &instances->items[k]);
	}
}

/* ---- the difference ---- */

static bool place_equal(const struct place *a, const struct place *b)
{
	if (a->is_cell || b->is_cell)
		return a->is_cell && b->is_cell && a->cell == b->cell;
	return a->box.west == b->box.west && a->box.south == b->box.south && a->box.east == b->box.east &&
	       a->box.north == b->box.north;
}

static enum err_code tell_place(const struct index_visitor *visitor, const struct place *place, uint32_t slot, bool add)
{
	return index_tell(visitor, &(struct index_change){.table = place->is_cell ? INDEX_CELL : INDEX_GEO,
							  .add = add,
							  .slot = slot,
							  .cell = place->cell,
							  .box = place->box});
}

/* A box that replaces one is a single row; all else goes before something else comes. */
static enum err_code diff_slot(const struct index_visitor *visitor, const struct place *old, const struct place *new,
			       uint32_t slot)
{
	enum err_code code = ERR_OK;

	if (old && new &&place_equal(old, new))
		return ERR_OK;
	if (old && !(new && !old->is_cell && !new->is_cell))
		code = tell_place(visitor, old, slot, false);
	return code || !new ? code : tell_place(visitor, new, slot, true);
}

enum err_code index_diff_boxes(const struct index_visitor *visitor, const struct json *before,
			       const struct json *entity)
{
	struct place_list old, new;
	enum err_code code = ERR_OK;

	list_places(&old, before);
	list_places(&new, entity);
	for (uint32_t i = 0; code == ERR_OK && (i < new.count || i < old.count); i++)
		code = diff_slot(visitor, i < old.count ? &old.at[i] : NULL, i < new.count ? &new.at[i] : NULL, i);
	return code;
}
