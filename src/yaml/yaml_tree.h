/* YAML documents as trees whose every node knows its line: for settings and mapping files that people write.
 *
 * A strict part of YAML 1.1: one document of mappings, sequences and scalars; anchors, aliases, tags, merge keys,
 * duplicate keys and keys that are no scalars are refused, depth and size are bounded. Scalars stay text: whoever asks
 * for a number or a switch says so, and a refusal names file, line and column. Pure; libyaml's events underneath. */
#ifndef MACHI_YAML_YAML_TREE_H
#define MACHI_YAML_YAML_TREE_H

#include "base/arena.h"
#include "base/error.h"

#define YAML_TREE_BYTES_MAX (1u << 20)
#define YAML_TREE_DEPTH_MAX 16u
#define YAML_TREE_ITEMS_MAX 4096u /* in one mapping or sequence */

enum yaml_tree_kind { YAML_TREE_SCALAR, YAML_TREE_LIST, YAML_TREE_MAP };

struct yaml_tree {
	enum yaml_tree_kind kind;
	bool plain; /* scalar without quotes: empty, "~" and "null" mean nothing only then */
	struct str file; /* the name given to yaml_tree_parse, borrowed */
	uint32_t line, column; /* from 1 */
	struct str text; /* scalar, in the arena, NUL behind it */
	uint32_t count; /* items, or pairs */
	struct yaml_tree *keys; /* map: scalars, in document order */
	struct yaml_tree *items; /* list: items; map: the values beside keys */
};

/* The tree in the arena; file names the text in messages and is borrowed. *ret is NULL for a text without a document
 * (empty, or comments only). Errors: ERR_INVALID "file:line:column: …", ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK enum err_code yaml_tree_parse(struct arena *arena, struct str file, struct str bytes, struct yaml_tree **ret,
					 struct error *err);

/* The value behind key; NULL when absent or when map is NULL or no map. */
const struct yaml_tree *yaml_tree_get(const struct yaml_tree *map, struct str key);
/* A plain empty scalar, "~" or "null". NULL is nothing too. */
bool yaml_tree_is_nothing(const struct yaml_tree *node);
/* "a mapping", "a list", or the scalar's text in quotes (cut when long), in the arena: for messages. */
struct str yaml_tree_show(struct arena *arena, const struct yaml_tree *node);

/* ERR_INVALID with "file:line:column: " before the text. */
enum err_code yaml_tree_refuse(const struct yaml_tree *node, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* true and false, yes and no, on and off. False (and *ret untouched) for anything else. */
bool yaml_tree_to_bool(struct str text, bool *ret);

#endif
