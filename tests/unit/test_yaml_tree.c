/* YAML trees: places are counted by hand in the texts below; what must be refused is YAML that real parsers accept. */
#include "check.h"
#include "yaml/yaml_tree.h"

#include <string.h>

static struct arena arena;

static enum err_code parse(const char *text, struct yaml_tree **ret, struct error *err)
{
	return yaml_tree_parse(&arena, STR("f.yaml"), str_from(text), ret, err);
}

static void places_and_order_are_kept(void)
{
	struct yaml_tree *root = NULL;
	struct error err = {0};

	CHECK_OK(parse("# city\nname: \"Kota Bogor\"\nstops:\n  - 1\n  - two\nlast: {a: b}\n", &root, &err), &err);
	if (!CHECK(root && root->kind == YAML_TREE_MAP && root->count == 3))
		return;
	CHECK_STR(root->keys[0].text, STR("name"));
	CHECK(root->items[0].line == 2 && root->items[0].column == 7 && !root->items[0].plain);
	const struct yaml_tree *stops = yaml_tree_get(root, STR("stops"));

	CHECK(stops && stops->kind == YAML_TREE_LIST && stops->count == 2 && stops->items[1].line == 5);
	CHECK_STR(stops->items[1].text, STR("two"));
	CHECK_STR(yaml_tree_get(yaml_tree_get(root, STR("last")), STR("a"))->text, STR("b"));
	CHECK(!yaml_tree_get(root, STR("nothing")) && !yaml_tree_get(stops, STR("x")) &&
	      !yaml_tree_get(NULL, STR("x")));
}

static void nothing_is_told_from_empty_text(void)
{
	struct yaml_tree *root = NULL;
	struct error err = {0};

	CHECK_OK(parse("a:\nb: ~\nc: null\nd: \"\"\ne: \"null\"\n", &root, &err), &err);
	CHECK(root && yaml_tree_is_nothing(&root->items[0]) && yaml_tree_is_nothing(&root->items[1]) &&
	      yaml_tree_is_nothing(&root->items[2]) && !yaml_tree_is_nothing(&root->items[3]) &&
	      !yaml_tree_is_nothing(&root->items[4]));
	root = (struct yaml_tree *)&arena;
	CHECK_OK(parse("# nothing but a comment\n", &root, &err), &err);
	CHECK(root == NULL);
}

static void refuses(const char *text, const char *place, const char *words)
{
	struct yaml_tree *root = NULL;
	struct error err = {0};
	enum err_code code = parse(text, &root, &err);

	if (!CHECK(code == ERR_INVALID) || !CHECK(strstr(err.detail, place)) || !CHECK(strstr(err.detail, words)))
		printf("# %s: %s\n", text, err.detail);
}

static void what_people_trip_over_is_refused_with_its_place(void)
{
	refuses("a: 1\na: 2\n", "f.yaml:2:1:", "\"a\" stands a second time (first: line 1)");
	refuses("a: &x 1\n", "f.yaml:1:4:", "anchors");
	refuses("a: &x [1]\n", "f.yaml:1:4:", "anchors");
	refuses("a: !!int 1\n", "f.yaml:1:4:", "tags");
	refuses("a: *x\n", "f.yaml:1:4:", "aliases");
	refuses("[a]: 1\n", "f.yaml:1:1:", "not a list");
	refuses("<<: {a: b}\n", "f.yaml:1:1:", "merge keys");
	refuses("a: 1\n---\nb: 2\n", "f.yaml:2:1:", "second document");
	refuses("a: [1, 2\n", "f.yaml:", "");
	refuses("a: 1\n\tb: 2\n", "f.yaml:2:", "");
	refuses("a: \"x\\0y\"\n", "f.yaml:1:4:", "NUL");
	refuses("a: \xFF\n", "f.yaml:", "");
}

static void depth_is_bounded(void)
{
	char text[2 * YAML_TREE_DEPTH_MAX + 8];
	struct yaml_tree *root = NULL;
	struct error err = {0};

	memset(text, '[', YAML_TREE_DEPTH_MAX);
	memset(text + YAML_TREE_DEPTH_MAX, ']', YAML_TREE_DEPTH_MAX);
	text[2 * YAML_TREE_DEPTH_MAX] = '\0';
	CHECK_OK(parse(text, &root, &err), &err);
	memset(text, '[', YAML_TREE_DEPTH_MAX + 1);
	memset(text + YAML_TREE_DEPTH_MAX + 1, ']', YAML_TREE_DEPTH_MAX + 1);
	text[2 * YAML_TREE_DEPTH_MAX + 2] = '\0';
	CHECK(parse(text, &root, &err) == ERR_INVALID && strstr(err.detail, "deeper"));
}

static void switches_have_the_words_of_yaml(void)
{
	bool value = false;

	CHECK(yaml_tree_to_bool(STR("yes"), &value) && value);
	CHECK(yaml_tree_to_bool(STR("False"), &value) && !value);
	CHECK(!yaml_tree_to_bool(STR("1"), &value));
}

int main(void)
{
	arena_init(&arena, 8 << 20);
	RUN(places_and_order_are_kept);
	RUN(nothing_is_told_from_empty_text);
	RUN(what_people_trip_over_is_refused_with_its_place);
	RUN(depth_is_bounded);
	RUN(switches_have_the_words_of_yaml);
	arena_done(&arena);
	return check_done();
}
