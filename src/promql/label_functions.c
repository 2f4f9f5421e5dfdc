/* label_replace() and label_join(). What they make of a label set depends on nothing else, so it is made once. */
#include "promql/eval_int.h"

#include "base/buf.h"

#include <string.h>

#define EXPANDED_BYTES_MAX 65536u /* of a label's new value */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name or number behind a "$" at text.at[0], as Go's Regexp.Expand reads it: "1", "{1}", "name", "{name}". The
 * bytes that it takes; 0 when there is none. */
static size_t reference(struct str text, struct str *ret_name)
{
	bool braces = text.len > 0 && text.at[0] == '{';
	size_t from = braces ? 1 : 0, end = from;

	while (end < text.len && is_word(text.at[end]))
		end++;
	if (end == from || (braces && (end == text.len || text.at[end] != '}')))
		return 0;
	*ret_name = str_part(text, from, end);
	return braces ? end + 1 : end;
}

static struct str group_text(const struct promql_pattern *pattern, const struct str *groups, struct str name)
{
	uint64_t number;
	int named;

	if (str_to_uint64(name, &number))
		return number < PATTERN_GROUPS_MAX ? groups[number] : STR_NONE;
	named = promql_pattern_group(pattern, name);
	return named >= 0 && named < (int)PATTERN_GROUPS_MAX ? groups[named] : STR_NONE;
}

static void expand(const struct promql_pattern *pattern, const struct str *groups, struct str template, struct buf *out)
{
	while (template.len) {
		size_t dollar = template.len, used;
		struct str name;

		(void)str_find(template, '$', &dollar);
		buf_put(out, str_part(template, 0, dollar));
		template = str_part(template, dollar, template.len);
		if (template.len == 0)
			return;
		template = str_part(template, 1, template.len);
		if (template.len && template.at[0] == '$') {
			buf_put_char(out, '$');
			template = str_part(template, 1, template.len);
		} else if ((used = reference(template, &name)) > 0) {
			buf_put(out, group_text(pattern, groups, name));
			template = str_part(template, used, template.len);
		} else {
			buf_put_char(out, '$');
		}
	}
}

static struct labelset *with_label(struct eval *eval, const struct labelset *from, struct str name, struct buf *value)
{
	struct label_list list;
	struct str kept = arena_dup(eval->arena, buf_str(value));

	if (value->failed || !kept.at)
		return NULL;
	list_from(&list, from);
	return list_set(&list, name, kept) ? labels_intern(eval, list.at, list.count) : NULL;
}

static struct labelset *replaced(struct eval *eval, struct node *node, struct labelset *from)
{
	struct str groups[PATTERN_GROUPS_MAX], source = labels_get(from, eval_string(node->args[3]));
	struct buf value;

	if (!promql_pattern_groups(node->pattern, source, groups, PATTERN_GROUPS_MAX))
		return from;
	buf_init(&value, EXPANDED_BYTES_MAX);
	expand(node->pattern, groups, eval_string(node->args[2]), &value);
	struct labelset *to = with_label(eval, from, eval_string(node->args[1]), &value);

	buf_done(&value);
	return to;
}

static struct labelset *joined(struct eval *eval, struct node *node, struct labelset *from)
{
	struct buf value;

	buf_init(&value, EXPANDED_BYTES_MAX);
	for (size_t i = 3; i < node->arg_count; i++) {
		if (i > 3)
			buf_put(&value, eval_string(node->args[2]));
		buf_put(&value, labels_get(from, eval_string(node->args[i])));
	}
	struct labelset *to = with_label(eval, from, eval_string(node->args[1]), &value);

	buf_done(&value);
	return to;
}

static enum err_code check_names(struct eval *eval, struct node *node)
{
	const char *name = node->function->name;
	struct str to = eval_string(node->args[1]);

	if (!promql_is_label_name(to))
		return err_set(eval->err, ERR_CONFLICT, "invalid destination label name in %s(): %.*s", name,
			       STR_FMT(str_part(to, 0, 60)));
	for (size_t i = 3; node->function->id == F_LABEL_JOIN && i < node->arg_count; i++)
		if (!promql_is_label_name(eval_string(node->args[i])))
			return err_set(eval->err, ERR_CONFLICT, "invalid source label name in %s(): %.*s", name,
				       STR_FMT(str_part(eval_string(node->args[i]), 0, 60)));
	if (node->function->id == F_LABEL_REPLACE && !node->pattern &&
	    query_pattern(eval->query, eval_string(node->args[4]), &node->pattern, eval->err))
		return err_set(eval->err, ERR_CONFLICT, "invalid regular expression in label_replace(): %.*s",
			       STR_FMT(str_part(eval_string(node->args[4]), 0, 100)));
	return ERR_OK;
}

enum err_code label_functions(struct eval *eval, struct node *node, int64_t time_ms, struct vector *ret)
{
	enum err_code code = check_names(eval, node);

	if (!code)
		code = eval_vector(eval, node->args[0], time_ms, ret);
	if (code)
		return code;
	for (size_t i = 0; i < ret->count; i++) {
		struct labelset *from = ret->at[i].labels, *to = memo_get(node->memos[0], from);

		if (!to) {
			to = node->function->id == F_LABEL_REPLACE ? replaced(eval, node, from)
								   : joined(eval, node, from);
			if (!to || !memo_set(eval, &node->memos[0], from, to))
				return eval_no_memory(eval);
		}
		ret->at[i].labels = to;
	}
	return eval_unique(eval, ret);
}
