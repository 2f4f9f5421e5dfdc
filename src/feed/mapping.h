/* From rows of named texts to NGSI-LD entities, as a YAML document says.
 *
 * A mapping knows nothing of CSV: whatever has named texts (a table's row, an MQTT message, a record of a web service)
 * is mapped by handing over the texts in the order of mapping_columns(). The language is explained in
 * docs/how-to/import-csv.md. What comes out is normalized NGSI-LD as a client would send it; the broker's own
 * expansion checks it. Pure. Thread: a mapping is immutable once parsed and may be shared. */
#ifndef MACHI_FEED_MAPPING_H
#define MACHI_FEED_MAPPING_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

#define MAPPING_COLUMNS_MAX 256u
#define MAPPING_ATTRIBUTES_MAX 256u
#define MAPPING_CELL_BYTES_MAX 65536u /* a longer text is an error of its row */

enum mapping_mode {
	MAPPING_REPLACE, /* the entity is created or becomes what the row says */
	MAPPING_APPEND, /* the entity is created, or gets these attributes beside its others */
	MAPPING_UPDATE, /* the entity must exist and gets these attributes; other rows are skipped */
	MAPPING_SERIES /* the row is a moment in its history; it is created, or gets what is newer than it has */
};

struct mapping;

/* file names the text in messages. Errors: ERR_INVALID "file:line:column: …", ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code mapping_parse(struct str file, struct str text, struct mapping **ret_mapping,
				       struct error *err);
/* The same of a document that is parsed already, or a part of one; borrowed for as long as the mapping lives. */
struct yaml_tree;
MUST_CHECK enum err_code mapping_of_tree(const struct yaml_tree *root, struct mapping **ret_mapping, struct error *err);
struct mapping *mapping_free(struct mapping *mapping);

enum mapping_mode mapping_mode(const struct mapping *mapping); /* MAPPING_REPLACE where it does not say */
bool mapping_says_mode(const struct mapping *mapping);
bool mapping_history(const struct mapping *mapping); /* false: changes leave no history */
char mapping_separator(const struct mapping *mapping); /* csv.separator; ',' when not given */
/* Where in a document the rows are ("each", a path as feed/json_path.h has it); STR_NONE: the document is one. */
struct str mapping_each(const struct mapping *mapping);
/* The topics that it is for ("topic", a pattern as feed/record.h has it); STR_NONE: all. */
struct str mapping_topic(const struct mapping *mapping);
/* Names of the columns that the mapping reads, each once; borrowed from the mapping. */
const struct str *mapping_columns(const struct mapping *mapping, size_t *ret_count);

enum mapping_result {
	MAPPING_TAKEN,
	MAPPING_SKIPPED /* a skip rule matched; ret_entity is NULL and err->detail (no code) names the rule */
};

/* values: one text for each of mapping_columns(), STR_NONE where there is none. The entity is in the arena and may
 * borrow from values and from the mapping.
 * ERR_INVALID: the row has an error; names column and value. ERR_MEMORY. */
MUST_CHECK enum err_code mapping_apply(const struct mapping *mapping, struct arena *arena, const struct str *values,
				       enum mapping_result *ret_result, struct json **ret_entity, struct error *err);

/* A further row of an entity that an earlier one gave: attributes are put beside each other by name and datasetId,
 * gathered ones grow, of others the later wins. Both trees in the same arena; entity is changed. False: no memory. */
bool mapping_merge(const struct mapping *mapping, struct arena *arena, struct json *entity, const struct json *row);

/* Time texts: format "iso" (an offset or Z behind it, or zone_us applies), "unix", "unix_ms", "unix_us", "unix_ns", or
 * a pattern of %Y %m %d %H %M %S %y %b %% and literal characters, read in the zone zone_us east of UTC. False: no such
 * text. */
bool mapping_time(struct str text, struct str format, int64_t zone_us, int64_t *ret_us);
/* Does the format hold only known % letters? */
bool mapping_time_format_is_good(struct str format);

#endif
