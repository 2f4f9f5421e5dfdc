/* A file that is being read. */
#ifndef MACHI_PARQUET_PARQUET_READ_INT_H
#define MACHI_PARQUET_PARQUET_READ_INT_H

#include "parquet/parquet_int.h"

struct parquet {
	struct parquet_source source;
	struct arena arena; /* of the layout */
	struct parquet_layout layout;
	struct parquet_cursor *cursors; /* owned; one for each field */
	size_t group_next;
	uint64_t group_left; /* rows of the group that is being read */
};

#endif
