/* Members of checked payloads. Of the room only. */
#ifndef MACHI_OCPP_READ_INT_H
#define MACHI_OCPP_READ_INT_H

#include "ocpp/event.h"

struct str ocpp_text_of(const struct json *object, const char *name); /* STR_NONE when absent */
int64_t ocpp_integer_of(const struct json *object, const char *name); /* OCPP_NONE when absent */
int64_t ocpp_time_of(const struct json *object, const char *name); /* OCPP_NO_TIME when absent */
bool ocpp_truth_of(const struct json *object, const char *name); /* false when absent */
const struct json *ocpp_member(const struct json *object, const char *name);

/* The values in a meterValue (or transactionData) list, defaults filled in. False: more than the bound, no memory. */
MUST_CHECK bool ocpp_samples_read(struct arena *arena, enum ocpp_version version, const struct json *list,
				  struct ocpp_samples *ret_samples, struct ocpp_fault *fault);
/* The whole register of imported energy, in Wh, with such a context; NAN when there is none. */
double ocpp_samples_register(struct ocpp_samples samples, struct str context);

#endif
