/* Shared by the files of temporal representation. */
#ifndef MACHI_NGSILD_REPRESENT_TEMPORAL_INT_H
#define MACHI_NGSILD_REPRESENT_TEMPORAL_INT_H

#include "ngsild/represent_int.h"
#include "ngsild/represent_temporal.h"

struct temporal_writer {
	struct writer w;
	const struct temporal_options *options;
	struct time_text *clocks; /* TEMPORAL_PROPERTY_COUNT, the last moment of each */
	struct error *err;
};

/* Does the request turn this LanguageProperty into a Property in one language? */
static inline bool language_chosen(const struct temporal_writer *t, const struct attribute_kind *kind)
{
	return kind->value == MEMBER_LANGUAGE_MAP && t->w.options->language;
}

/* {"type": …, "datasetId": …, without its end. */
void temporal_open(const struct temporal_writer *t, const struct attribute_kind *kind, struct str dataset);
/* An instant as a quoted text with a comma. */
void put_instant(const struct temporal_writer *t, enum temporal_property property, int64_t us);

/* NGSI-LD Null in the form that a value of this kind has (4.5.0), with a comma. */
struct str temporal_null_text(const struct attribute_kind *kind);
/* A scope alone is written as a text (4.18). */
void put_scopes(struct buf *out, const struct json *scopes);

/* represent_temporal_values.c: the attribute's value in the simplified representation. */
MUST_CHECK enum err_code put_values(const struct temporal_writer *t, const struct temporal_attribute *attribute);
/* temporal_aggregate.c: the attribute's name and its aggregated values; nothing when no method applies. */
MUST_CHECK enum err_code put_aggregated(const struct temporal_writer *t, const struct temporal_attribute *attribute);

#endif
