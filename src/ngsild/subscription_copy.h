/* A subscription as another context source gets it: a copy, reduced to what a registration says that the source holds
 * (GS CIM 009 V1.9.1, 5.8.1.4). Pure. */
#ifndef MACHI_NGSILD_SUBSCRIPTION_COPY_H
#define MACHI_NGSILD_SUBSCRIPTION_COPY_H

#include "ngsild/registration.h"
#include "ngsild/subscription.h"

struct subscription_copy_options {
	bool split; /* entities may be spread over sources: filters and projections are for who puts them together */
	bool local_only; /* the source is not to ask others in turn (management.localOnly) */
};

/* The copy, in the arena, sharing nodes with the subscription's document, whose names must be IRIs. It has neither an
 * id nor an endpoint yet; what it shows is normalized and with the system's attributes, to be represented by who asked.
 * NULL: no change of what is registered concerns the subscription. parser: the thread's. */
MUST_CHECK enum err_code subscription_copy(struct arena *arena, struct json_parser *parser,
					   const struct subscription *subscription,
					   const struct registration *registration,
					   const struct subscription_copy_options *options, struct json **ret_copy,
					   struct error *err);
/* Where it is told, and as what it is known there. The texts are borrowed. False: no memory. */
MUST_CHECK bool subscription_copy_address(struct arena *arena, struct json *copy, struct str id, struct str uri);
/* Has it names (in q) that need the @context of the original? All others are IRIs. */
bool subscription_copy_has_names(const struct json *copy);
/* The fragment that makes one copy of another at the same address (5.8.2): what was and is not any more goes by an
 * NGSI-LD Null. was may have an "@context" beside. NULL: no memory. */
struct json *subscription_copy_patch(struct arena *arena, const struct json *was, const struct json *copy);

#endif
