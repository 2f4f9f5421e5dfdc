/* Types and attributes, as this broker and other sources know them (5.7.5 to 5.7.11). */
#ifndef MACHI_API_DISCOVERY_INT_H
#define MACHI_API_DISCOVERY_INT_H

#include "api/forward_int.h"
#include "broker/discovery.h"

enum discovered { DISCOVERED_TYPES, DISCOVERED_TYPE, DISCOVERED_ATTRIBUTES, DISCOVERED_ATTRIBUTE };

struct discovery {
	enum discovered what;
	bool details;
	struct str iri; /* of the one type or attribute */
	bool found; /* the one is known here or elsewhere */
	struct discovery_types types; /* DISCOVERED_TYPE: one at most */
	struct discovery_attributes attributes; /* likewise */
	enum err_code code; /* of what was asked here */
	struct source_list sources;
	size_t next;
	struct forward_round *round;
	void (*answer)(struct call *call);
};

/* Asks other sources for the same (call->work is the discovery, what is known here is in it) and puts what they know to
 * it; then answer(call), perhaps at once. */
void discovery_distribute(struct call *call);

#endif
