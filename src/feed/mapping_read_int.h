/* What the files that read a mapping's YAML document share. Each refusal names file, line and column. */
#ifndef MACHI_FEED_MAPPING_READ_INT_H
#define MACHI_FEED_MAPPING_READ_INT_H

#include "feed/mapping_int.h"
#include "yaml/yaml_tree.h"

struct mapping_reader {
	struct mapping *mapping;
	struct arena *arena;
	struct error *err;
	struct moment observed_at; /* of attributes that say nothing of their own */
};

enum err_code mapping_no_memory(const struct mapping_reader *reader);
enum err_code mapping_check_keys(const struct mapping_reader *reader, const struct yaml_tree *map,
				 const char *const *known);
enum err_code mapping_expect(const struct mapping_reader *reader, const struct yaml_tree *node,
			     enum yaml_tree_kind kind, const char *what);
enum err_code mapping_read_text(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				struct str *ret);
enum err_code mapping_read_switch(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  bool *ret);
enum err_code mapping_read_number(const struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  double min, double max, double *ret);
enum err_code mapping_read_column(struct mapping_reader *reader, const struct yaml_tree *map, const char *key,
				  size_t *ret);
enum err_code mapping_read_template(struct mapping_reader *reader, const struct yaml_tree *node, struct template *ret);
enum err_code mapping_read_words(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct str **ret_words, size_t *ret_count);
enum err_code mapping_read_condition(struct mapping_reader *reader, const struct yaml_tree *node,
				     struct condition *ret);
enum err_code mapping_read_zone(const struct mapping_reader *reader, const struct yaml_tree *map, int64_t *ret_us);
enum err_code mapping_read_format(const struct mapping_reader *reader, const struct yaml_tree *map, struct str *ret);
/* mapping_bytes.c: what stands behind "bytes". */
enum err_code mapping_read_bytes(const struct mapping_reader *reader, const struct yaml_tree *node,
				 struct field_bytes **ret);
enum err_code mapping_read_moment(struct mapping_reader *reader, const struct yaml_tree *node, struct moment *ret);
/* Names to fields. is_attribute: with what attributes have beyond the members of an object. */
enum err_code mapping_read_fields(struct mapping_reader *reader, const struct yaml_tree *map, bool is_attribute,
				  uint32_t depth, struct field **ret_fields, size_t *ret_count);

#endif
