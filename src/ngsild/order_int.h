/* Shared by order.c (reading what is asked for) and order_key.c (an entity's key). */
#ifndef MACHI_NGSILD_ORDER_INT_H
#define MACHI_NGSILD_ORDER_INT_H

#include "ngsild/collation.h"
#include "ngsild/order.h"
#include "ngsild/query_int.h"

enum order_target { ORDER_BY_ID, ORDER_BY_TYPE, ORDER_BY_PATH };

struct order_term {
	enum order_target target;
	struct q_path path; /* ORDER_BY_PATH */
	bool descending;
	bool by_distance;
};

struct order {
	const struct order_term *terms;
	size_t term_count; /* 1 to ORDER_TERMS_MAX */
	const struct context *context; /* borrowed */
	struct collation *collation; /* owned */
	struct geo_query from; /* what the matcher borrows */
	struct geo_matcher *matcher; /* owned; NULL: no place was given */
};

#endif
