/* From the expanded document to what clients get: names compacted, system attributes shown or not.
 * Source: GS CIM 009 V1.9.1 clauses 4.5.1–4.5.5, 4.5.16–4.5.17, 4.8, 4.21, 6.3.7. Pure. */
#ifndef MACHI_NGSILD_REPRESENT_H
#define MACHI_NGSILD_REPRESENT_H

#include "ngsild/context.h"
#include "ngsild/document.h"

enum represent_format { REPRESENT_NORMALIZED, REPRESENT_CONCISE, REPRESENT_SIMPLIFIED, REPRESENT_GEOJSON };

struct represent_options {
	const struct context *context;
	enum represent_format format;
	bool sys_attrs; /* createdAt and modifiedAt shown */
	const struct str *attrs; /* attribute IRIs to show; NULL: all */
	size_t attrs_count;
	const struct str *pick; /* like attrs, but may also name id, type and scope */
	size_t pick_count;
	const struct str *omit;
	size_t omit_count;
	struct str dataset_id; /* only this instance of attributes; STR_NONE: all; "@none": the default one */
	/* REPRESENT_GEOJSON: a Feature. Its geometry comes from this GeoProperty (IRI), of the instance that dataset_id
	 * names, else the default one; null when there is none (4.5.16.1). Its properties are written in
	 * properties_format (normalized, concise or simplified). */
	struct str geometry_property;
	enum represent_format properties_format;
	const struct json *context_value; /* written as the member "@context"; NULL: not written (Link header) */
};

/* Appends the JSON text of one entity to out; arena holds scratch. A buffer that cannot take it stays failed, for
 * buf_check() to tell once at the end. Errors: ERR_INTERNAL for a properties_format that is none. */
MUST_CHECK enum err_code represent_entity(struct buf *out, struct arena *arena, const struct json *entity,
					  const struct represent_options *options, struct error *err);

#endif
