/* The outbox: every promise of store/outbox.h for both kinds of store by the same cases, and random writes, some of
 * which fail, in batches: both kinds must give the same answers. What is read is written out as one line of text. */
#include "gate_util.h"
#include "random_util.h"
#include "store/outbox.h"

#define BATCH 6
#define BATCHES 60
#define SUBSCRIPTIONS 4
#define OPS_MAX 8

static bool sqlite_kind;

/* ---- what is there, as text ---- */

struct lines {
	char text[16384];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add_line(struct lines *lines, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lines->len += (size_t)vsnprintf(lines->text + lines->len, sizeof(lines->text) - lines->len, format, args);
	va_end(args);
	if (lines->len >= sizeof(lines->text))
		abort();
}

static struct str text_of(const struct lines *lines)
{
	return (struct str){lines->text, lines->len};
}

static void add_owed(struct lines *lines, const struct store_owed *owed)
{
	add_line(lines, "%s%lld:%.*s=%.*s@%lld-%lld/%u", lines->len ? " " : "", (long long)owed->number,
		 STR_FMT(owed->entity_id), STR_FMT(owed->body), (long long)owed->made_us, (long long)owed->due_us,
		 owed->tries);
}

static struct store_reader *open_reader(struct store *store)
{
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	return reader;
}

/* "NUMBER:ENTITY=BODY@MADE-DUE/TRIES …" */
static struct str owed_within(struct store *store, int64_t subscription, int64_t after, uint32_t count_max,
			      size_t bytes_max, struct lines *lines)
{
	struct store_reader *reader = open_reader(store);
	struct store_owed_list list = {0};
	struct arena arena;
	struct error err = {0};

	lines->len = 0;
	arena_init(&arena, 1 << 24);
	CHECK_OK(store_owed_read(reader, subscription, after, count_max, bytes_max, &arena, &list, &err), &err);
	for (size_t i = 0; i < list.count; i++) {
		CHECK(!subscription || list.at[i].subscription == subscription);
		add_owed(lines, &list.at[i]);
	}
	arena_done(&arena);
	(void)store_reader_free(reader);
	return text_of(lines);
}

static struct str owed_to(struct store *store, int64_t subscription, struct lines *lines)
{
	return owed_within(store, subscription, 0, 1000, 1 << 20, lines);
}

/* The same with "+DEAD WHY" behind each. */
static struct str dead_within(struct store *store, int64_t subscription, int64_t after, uint32_t count_max,
			      size_t bytes_max, struct lines *lines)
{
	struct store_reader *reader = open_reader(store);
	struct store_dead *dead = NULL;
	size_t count = 0;
	struct arena arena;
	struct error err = {0};

	lines->len = 0;
	arena_init(&arena, 1 << 24);
	CHECK_OK(store_dead_read(reader, subscription, after, count_max, bytes_max, &arena, &dead, &count, &err), &err);
	for (size_t i = 0; i < count; i++) {
		CHECK(!subscription || dead[i].owed.subscription == subscription);
		add_owed(lines, &dead[i].owed);
		add_line(lines, "+%lld %.*s", (long long)dead[i].dead_us, STR_FMT(dead[i].why));
	}
	arena_done(&arena);
	(void)store_reader_free(reader);
	return text_of(lines);
}

static struct str dead_of(struct store *store, int64_t subscription, struct lines *lines)
{
	return dead_within(store, subscription, 0, 1000, 1 << 20, lines);
}

/* Its first and last number, as a list of all has them. */
static void check_ends(struct store_reader *reader, struct arena *arena, const struct store_debt *debt)
{
	struct store_owed_list list = {0};
	struct error err = {0};

	CHECK_OK(store_owed_read(reader, debt->subscription, 0, UINT32_MAX, SIZE_MAX, arena, &list, &err), &err);
	CHECK(list.count == debt->owed);
	CHECK(debt->first == (list.count ? list.at[0].number : 0));
	CHECK(debt->last == (list.count ? list.at[list.count - 1].number : 0));
}

/* "SUBSCRIPTION:OWED,DEAD@OLDEST-NEXT …", "never" for what is not. */
static struct str debts(struct store *store, struct lines *lines)
{
	struct store_reader *reader = open_reader(store);
	struct store_debt *at = NULL;
	size_t count = 0;
	struct arena arena;
	struct error err = {0};

	lines->len = 0;
	arena_init(&arena, 1 << 24);
	CHECK_OK(store_debts(reader, &arena, &at, &count, &err), &err);
	for (size_t i = 0; i < count; i++) {
		add_line(lines, "%s%lld:%llu,%llu", i ? " " : "", (long long)at[i].subscription,
			 (unsigned long long)at[i].owed, (unsigned long long)at[i].dead);
		CHECK((at[i].oldest_us == INT64_MAX) == (at[i].owed == 0));
		CHECK((at[i].next_due_us == INT64_MAX) == (at[i].owed == 0));
		check_ends(reader, &arena, &at[i]);
		if (at[i].owed)
			add_line(lines, "@%lld-%lld", (long long)at[i].oldest_us, (long long)at[i].next_due_us);
	}
	arena_done(&arena);
	(void)store_reader_free(reader);
	return text_of(lines);
}

/* ---- one operation as a write ---- */

enum op_kind { OWE, OWE_REPLACING, DONE, RETRY, JOINED, BURY, DROP, DROP_OWED, REPLAY, DEAD_DROP, FAIL };

struct op {
	enum op_kind kind;
	int64_t subscription, number, made_us, due_us;
	const char *entity, *text;
	uint32_t tries, rows_max;
	const int64_t *numbers; /* DONE */
	size_t count;
	bool lenient; /* the write goes on when what it is about is not there */
	int64_t ret_number;
	bool ret_more, ret_missed;
};

static enum err_code owe_op(struct store_txn *txn, struct op *op, struct error *err)
{
	const struct store_owed owed = {.number = 77,
					.subscription = op->subscription,
					.entity_id = str_from(op->entity),
					.made_us = op->made_us,
					.due_us = op->due_us,
					.tries = op->tries,
					.body = str_from(op->text)};

	return store_txn_owe(txn, &owed, op->kind == OWE_REPLACING, &op->ret_number, err);
}

static enum err_code run_op(struct store_txn *txn, struct op *op, struct error *err)
{
	switch (op->kind) {
	case OWE:
	case OWE_REPLACING:
		return owe_op(txn, op, err);
	case DONE:
		return store_txn_owed_done(txn, op->numbers, op->count, err);
	case RETRY:
		return store_txn_owed_retry(txn, op->number, op->due_us, op->tries, err);
	case BURY:
		return store_txn_owed_bury(txn, op->number, op->made_us, str_from(op->text), err);
	case JOINED:
		return store_txn_owed_joined(txn, op->number, str_from(op->text), err);
	case DROP:
	case DROP_OWED:
		return store_txn_owed_drop(txn, op->subscription, op->kind == DROP, op->rows_max, &op->ret_more, err);
	case REPLAY:
		return store_txn_dead_replay(txn, op->number, op->made_us, err);
	case DEAD_DROP:
		return store_txn_dead_drop(txn, op->number, err);
	default:
		return err_set(err, ERR_CONFLICT, "as wished");
	}
}

struct ops {
	struct op *at;
	size_t count;
};

static enum err_code run_ops(struct store_txn *txn, void *self, struct error *err)
{
	const struct ops *ops = self;
	enum err_code code = ERR_OK;

	for (size_t i = 0; code == ERR_OK && i < ops->count; i++) {
		code = run_op(txn, &ops->at[i], err);
		ops->at[i].ret_missed = code == ERR_NOT_FOUND;
		if (code == ERR_NOT_FOUND && ops->at[i].lenient)
			code = ERR_OK;
	}
	return code;
}

static enum err_code apply_ops(struct store *store, struct op *at, size_t count, struct error *err)
{
	struct ops ops = {at, count};

	return apply(store, run_ops, &ops, err);
}

static enum err_code apply_op(struct store *store, struct op op, struct error *err)
{
	return apply_ops(store, &op, 1, err);
}

static int64_t owe(struct store *store, int64_t subscription, const char *entity, const char *body, int64_t made_us,
		   int64_t due_us)
{
	struct op op = {.kind = OWE,
			.subscription = subscription,
			.entity = entity,
			.text = body,
			.made_us = made_us,
			.due_us = due_us};
	struct error err = {0};

	CHECK_OK(apply_ops(store, &op, 1, &err), &err);
	return op.ret_number;
}

static int64_t replace(struct store *store, int64_t subscription, const char *entity, const char *body, int64_t made_us,
		       int64_t due_us)
{
	struct op op = {.kind = OWE_REPLACING,
			.subscription = subscription,
			.entity = entity,
			.text = body,
			.made_us = made_us,
			.due_us = due_us};
	struct error err = {0};

	CHECK_OK(apply_ops(store, &op, 1, &err), &err);
	return op.ret_number;
}

/* ---- promises ---- */

static void what_is_owed_is_read_in_order_and_done(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	CHECK_STR(owed_to(store, 1, &lines), STR(""));
	CHECK_STR(debts(store, &lines), STR(""));
	CHECK(owe(store, 1, "urn:a", "A", 10, 10) == 1);
	CHECK(owe(store, 2, "urn:a", "B", 11, 11) == 2);
	CHECK(owe(store, 1, NULL, "", 12, 20) == 3);
	CHECK(owe(store, 1, "urn:b", "D", 13, 13) == 4);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:urn:a=A@10-10/0 3:=@12-20/0 4:urn:b=D@13-13/0"));
	CHECK_STR(owed_to(store, 2, &lines), STR("2:urn:a=B@11-11/0"));
	CHECK_STR(owed_to(store, 3, &lines), STR(""));
	CHECK_STR(owed_to(store, 0, &lines), STR("1:urn:a=A@10-10/0 2:urn:a=B@11-11/0 3:=@12-20/0 4:urn:b=D@13-13/0"));
	CHECK_STR(owed_within(store, 0, 1, 2, 1 << 20, &lines), STR("2:urn:a=B@11-11/0 3:=@12-20/0"));
	CHECK_STR(debts(store, &lines), STR("1:3,0@10-10 2:1,0@11-11"));
	/* Some that are done already, or never were: no matter. */
	CHECK_OK(apply_op(store,
			  (struct op){.kind = DONE, .numbers = (int64_t[]){1, 1, 2, 3, INT64_MAX, 900, -5}, .count = 7},
			  &err),
		 &err);
	CHECK_STR(owed_to(store, 1, &lines), STR("4:urn:b=D@13-13/0"));
	CHECK_STR(debts(store, &lines), STR("1:1,0@13-13"));
	CHECK_OK(apply_op(store, (struct op){.kind = DONE}, &err), &err);
	CHECK_OK(apply_op(store, (struct op){.kind = DONE, .numbers = (int64_t[]){4}, .count = 1}, &err), &err);
	CHECK_STR(debts(store, &lines), STR(""));
	CHECK(owe(store, 1, "urn:a", "E", 14, 14) == 5);
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void reading_keeps_to_its_bounds(void)
{
	struct test_folder folder;
	struct lines lines;

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	for (int i = 0; i < 40; i++)
		(void)owe(store, 1 + i % 2, "e", "123456789", 1, 1);
	CHECK_STR(owed_within(store, 1, 0, 2, 1000, &lines), STR("1:e=123456789@1-1/0 3:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 1, 0, 9, 18, &lines), STR("1:e=123456789@1-1/0 3:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 1, 0, 9, 17, &lines), STR("1:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 1, 2, 9, 0, &lines), STR("3:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 1, 3, 1, SIZE_MAX, &lines), STR("5:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 2, 40, 9, 100, &lines), STR(""));
	CHECK_STR(owed_within(store, 2, 38, 9, 100, &lines), STR("40:e=123456789@1-1/0"));
	CHECK_STR(owed_within(store, 1, 0, 0, 100, &lines), STR(""));
	(void)owed_to(store, 1, &lines);
	CHECK(str_contains(text_of(&lines), STR(" 39:e=")) && !str_contains(text_of(&lines), STR("40:")));
	(void)store_free(store);
	folder_remove(&folder);
}

static void what_waits_gives_way_and_hands_on_when_it_is_due(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	CHECK(replace(store, 1, "urn:a", "first", 100, 100) == 1); /* due at once: it does not wait */
	CHECK(replace(store, 1, "urn:a", "A", 101, 200) == 2);
	CHECK(replace(store, 1, "urn:b", "B", 102, 210) == 3); /* another entity */
	CHECK(replace(store, 2, "urn:a", "C", 103, 220) == 4); /* another subscription */
	CHECK(replace(store, 1, NULL, "none", 104, 230) == 5);
	CHECK(replace(store, 1, "urn:a", "A2", 150, 250) == 6);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:urn:a=first@100-100/0 3:urn:b=B@102-210/0 5:=none@104-230/0 "
						 "6:urn:a=A2@150-200/0"));
	CHECK(replace(store, 1, NULL, "none2", 160, 260) == 7);
	CHECK(replace(store, 1, "urn:a", "A3", 200, 300) == 8); /* due already: it is on its way */
	CHECK_OK(apply_op(store, (struct op){.kind = RETRY, .number = 3, .due_us = 900, .tries = 1}, &err), &err);
	CHECK(replace(store, 1, "urn:b", "B2", 170, 270) == 9); /* tried already */
	CHECK(owe(store, 1, "urn:a", "A4", 210, 310) == 10); /* without replacing */
	CHECK_STR(owed_to(store, 1, &lines),
		  STR("1:urn:a=first@100-100/0 3:urn:b=B@102-900/1 6:urn:a=A2@150-200/0 7:=none2@160-230/0 "
		      "8:urn:a=A3@200-300/0 9:urn:b=B2@170-270/0 10:urn:a=A4@210-310/0"));
	CHECK(replace(store, 1, "urn:a", "A5", 220, 320) == 11); /* both that wait */
	CHECK_STR(owed_to(store, 1, &lines),
		  STR("1:urn:a=first@100-100/0 3:urn:b=B@102-900/1 6:urn:a=A2@150-200/0 7:=none2@160-230/0 "
		      "9:urn:b=B2@170-270/0 11:urn:a=A5@220-300/0"));
	CHECK_STR(owed_to(store, 2, &lines), STR("4:urn:a=C@103-220/0"));
	CHECK_STR(debts(store, &lines), STR("1:6,0@100-100 2:1,0@103-220"));
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void what_fails_is_tried_again_buried_and_replayed(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	for (int i = 0; i < 5; i++)
		(void)owe(store, 1 + i / 3, "e", "b", 10 + i, 10 + i);
	CHECK_OK(apply_op(store, (struct op){.kind = RETRY, .number = 1, .due_us = 50, .tries = UINT32_MAX}, &err),
		 &err);
	CHECK_STR(debts(store, &lines), STR("1:3,0@10-11 2:2,0@13-13"));
	CHECK(apply_op(store, (struct op){.kind = RETRY, .number = 6, .due_us = 50, .tries = 1}, &err) ==
	      ERR_NOT_FOUND);
	CHECK(str_contains(str_from(err.detail), STR("6")));
	for (int64_t number = 1; number <= 4; number++)
		CHECK_OK(apply_op(store, (struct op){.kind = BURY, .number = number, .made_us = 70, .text = "410 Gone"},
				  &err),
			 &err);
	CHECK(apply_op(store, (struct op){.kind = BURY, .number = 2, .made_us = 71, .text = "x"}, &err) ==
	      ERR_NOT_FOUND);
	CHECK(apply_op(store, (struct op){.kind = RETRY, .number = 2, .due_us = 50, .tries = 1}, &err) ==
	      ERR_NOT_FOUND);
	CHECK_STR(owed_to(store, 1, &lines), STR(""));
	CHECK_STR(dead_of(store, 1, &lines),
		  STR("1:e=b@10-50/4294967295+70 410 Gone 2:e=b@11-11/0+70 410 Gone 3:e=b@12-12/0+70 410 Gone"));
	CHECK_STR(dead_within(store, 0, 1, 2, 1000, &lines),
		  STR("2:e=b@11-11/0+70 410 Gone 3:e=b@12-12/0+70 410 Gone"));
	CHECK_STR(dead_within(store, 0, 0, 10, 0, &lines), STR("1:e=b@10-50/4294967295+70 410 Gone"));
	CHECK_STR(dead_of(store, 2, &lines), STR("4:e=b@13-13/0+70 410 Gone"));
	CHECK_STR(debts(store, &lines), STR("1:0,3 2:1,1@14-14"));
	/* A dead letter is not owed: done() does not touch it. */
	CHECK_OK(apply_op(store, (struct op){.kind = DONE, .numbers = (int64_t[]){1, 2}, .count = 2}, &err), &err);
	CHECK_OK(apply_op(store, (struct op){.kind = REPLAY, .number = 1, .made_us = 90}, &err), &err);
	CHECK(apply_op(store, (struct op){.kind = REPLAY, .number = 1, .made_us = 90}, &err) == ERR_NOT_FOUND);
	CHECK_OK(apply_op(store, (struct op){.kind = DEAD_DROP, .number = 2}, &err), &err);
	CHECK(apply_op(store, (struct op){.kind = DEAD_DROP, .number = 2}, &err) == ERR_NOT_FOUND);
	CHECK(apply_op(store, (struct op){.kind = DEAD_DROP, .number = 5}, &err) == ERR_NOT_FOUND);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:e=b@90-90/0"));
	CHECK_STR(dead_of(store, 0, &lines), STR("3:e=b@12-12/0+70 410 Gone 4:e=b@13-13/0+70 410 Gone"));
	CHECK(owe(store, 2, "e", "next", 100, 100) == 6);
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

/* Of one that has expired what is owed goes; what was given up stays. */
static void what_is_owed_is_dropped_alone(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	for (int i = 0; i < 4; i++)
		(void)owe(store, 1, "e", "b", 1, 1);
	(void)owe(store, 2, "e", "other", 1, 1);
	CHECK_OK(apply_op(store, (struct op){.kind = BURY, .number = 2, .made_us = 2, .text = "why"}, &err), &err);
	struct op drop = {.kind = DROP_OWED, .subscription = 1, .rows_max = 2};

	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(drop.ret_more);
	CHECK_STR(owed_to(store, 1, &lines), STR("4:e=b@1-1/0"));
	drop.rows_max = 1;
	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(!drop.ret_more);
	CHECK_STR(dead_of(store, 0, &lines), STR("2:e=b@1-1/0+2 why"));
	CHECK_STR(debts(store, &lines), STR("1:0,1 2:1,0@1-1"));
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void several_become_one(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	for (int i = 0; i < 3; i++)
		(void)owe(store, 1, i % 2 ? "e" : "f", "b", 1, 9);
	const int64_t others[] = {2};
	struct op ops[] = {{.kind = JOINED, .number = 1, .text = "both"},
			   {.kind = DONE, .numbers = others, .count = 1}};

	CHECK_OK(apply_ops(store, ops, 2, &err), &err);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:=both@1-9/0 3:f=b@1-9/0"));
	/* What still waits gives way to what comes after it, but not what was joined. */
	CHECK(apply_op(store,
		       (struct op){.kind = OWE_REPLACING, .subscription = 1, .entity = "f", .text = "c", .made_us = 2},
		       &err) == ERR_OK);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:=both@1-9/0 4:f=c@2-9/0"));
	CHECK(apply_op(store, (struct op){.kind = JOINED, .number = 3, .text = "x"}, &err) == ERR_NOT_FOUND);
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void a_subscription_is_dropped_in_pieces(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	for (int i = 0; i < 10; i++)
		(void)owe(store, 1 + i % 2, "e", "b", 1, 1);
	for (int64_t number = 1; number <= 4; number++)
		CHECK_OK(
			apply_op(store, (struct op){.kind = BURY, .number = number, .made_us = 2, .text = "why"}, &err),
			&err);
	struct op drop = {.kind = DROP, .subscription = 1, .rows_max = 2};

	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(drop.ret_more);
	CHECK_STR(owed_to(store, 1, &lines), STR("9:e=b@1-1/0"));
	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(drop.ret_more);
	CHECK_STR(dead_of(store, 1, &lines), STR("3:e=b@1-1/0+2 why"));
	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(!drop.ret_more);
	CHECK_STR(debts(store, &lines), STR("2:3,2@1-1"));
	drop = (struct op){.kind = DROP, .subscription = 2, .rows_max = 5};
	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(!drop.ret_more);
	CHECK_OK(apply_ops(store, &drop, 1, &err), &err);
	CHECK(!drop.ret_more);
	CHECK_STR(debts(store, &lines), STR(""));
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static enum err_code owe_too_much(struct store_txn *txn, void *self, struct error *err)
{
	struct store_owed owed = {.subscription = 1, .body = {"", STORE_OWED_BODY_BYTES_MAX + 1}};
	enum err_code code = store_txn_owe(txn, &owed, false, NULL, err);

	(void)self;
	CHECK(code == ERR_LIMIT && str_contains(str_from(err->detail), STR("67108865")));
	owed = (struct store_owed){.subscription = 0};
	CHECK(store_txn_owe(txn, &owed, false, NULL, err) == ERR_INVALID);
	/* The write goes on. */
	owed = (struct store_owed){.subscription = INT64_MAX, .body = STR("fine")};
	return store_txn_owe(txn, &owed, false, NULL, err);
}

static void what_is_too_long_is_refused_by_name(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	CHECK_OK(apply(store, owe_too_much, NULL, &err), &err);
	CHECK_STR(owed_to(store, INT64_MAX, &lines), STR("1:=fine@0-0/0"));
	(void)store_free(store);
	folder_remove(&folder);
}

/* ---- failures ---- */

static void a_write_that_fails_leaves_nothing(void)
{
	struct test_folder folder;
	struct lines lines;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(sqlite_kind, &folder);

	CHECK(owe(store, 1, "e", "stays", 1, 9) == 1);
	CHECK(owe(store, 1, "f", "dies", 1, 1) == 2);
	CHECK_OK(apply_op(store, (struct op){.kind = BURY, .number = 2, .made_us = 2, .text = "why"}, &err), &err);
	struct op ops[] = {
		{.kind = OWE_REPLACING, .subscription = 1, .entity = "e", .text = "x", .made_us = 2, .due_us = 3},
		{.kind = OWE, .subscription = 2, .text = "y"},
		{.kind = RETRY, .number = 3, .due_us = 3, .tries = 1},
		{.kind = REPLAY, .number = 2, .made_us = 5},
		{.kind = BURY, .number = 3, .made_us = 6, .text = "z"},
		{.kind = DONE, .numbers = (int64_t[]){2}, .count = 1},
		{.kind = FAIL},
	};

	CHECK(apply_ops(store, ops, sizeof(ops) / sizeof(ops[0]), &err) == ERR_CONFLICT);
	CHECK_STR(owed_to(store, 1, &lines), STR("1:e=stays@1-9/0"));
	CHECK_STR(dead_of(store, 0, &lines), STR("2:f=dies@1-1/0+2 why"));
	CHECK_STR(debts(store, &lines), STR("1:1,1@1-9"));
	CHECK(owe(store, 1, "e", "next", 3, 3) == 3);
	(void)store_free(store);
	if (sqlite_kind)
		check_clean(folder.file);
	folder_remove(&folder);
}

static void numbers_are_not_used_again_after_a_restart(void)
{
	struct test_folder folder;
	struct error err = {0};

	if (!sqlite_kind)
		return;
	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	CHECK(owe(store, 1, "e", "b", 1, 1) == 1);
	CHECK(owe(store, 1, "e", "b", 1, 1) == 2);
	/* Owed and done in one write, so that no row of it is ever seen. */
	struct op ops[] = {{.kind = OWE, .subscription = 1, .text = "b"},
			   {.kind = DONE, .numbers = (int64_t[]){1, 2, 3}, .count = 3}};

	CHECK_OK(apply_ops(store, ops, 2, &err), &err);
	(void)store_free(store);
	check_clean(folder.file);
	store = open_kind(true, &folder);
	CHECK(owe(store, 1, "e", "b", 1, 1) == 4);
	/* Another process writes too. */
	struct store *other = open_kind(true, &folder);

	CHECK(owe(other, 1, "e", "b", 1, 1) == 5);
	CHECK(owe(store, 1, "e", "b", 1, 1) == 6);
	CHECK(owe(other, 1, "e", "b", 1, 1) == 7);
	(void)store_free(other);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- batches at random, both kinds side by side ---- */

struct batched { /* a write of a batch */
	struct queued queued;
	struct ops ops;
	struct op op[OPS_MAX];
	int64_t numbers[OPS_MAX][4];
};

static void run_batch(struct store *store, struct batched *batch)
{
	struct gate gate;
	struct queued first;

	gate_shut(store, &gate, &first);
	for (int i = 0; i < BATCH; i++)
		gate_submit(store, &gate, &batch[i].queued, run_ops, &batch[i].ops);
	gate_open(&gate, BATCH + 1);
	CHECK(first.code == ERR_OK);
	for (int i = 0; i < BATCH; i++) {
		enum err_code code = batch[i].queued.code;

		if (code && code != ERR_CONFLICT && code != ERR_NOT_FOUND)
			printf("# %s: %s\n", err_name(code), batch[i].queued.detail);
	}
}

static struct op make_op(struct random *random, int64_t numbers[4], int64_t last)
{
	static const char *const entities[] = {NULL, "urn:a", "urn:b"};
	static const char *const texts[] = {"", "short", "a body that is a little longer than the others"};
	static const enum op_kind kinds[] = {OWE,           OWE,       OWE,  OWE_REPLACING, OWE_REPLACING,
					     OWE_REPLACING, DONE,      DONE, RETRY,         BURY,
					     REPLAY,        DEAD_DROP, DROP, DROP_OWED,     JOINED};
	int64_t now = last + roll(random, 4), low = last > 40 ? last - 40 : 0;
	struct op op = {
		.kind = kinds[roll(random, sizeof(kinds) / sizeof(kinds[0]))],
		.subscription = 1 + roll(random, SUBSCRIPTIONS),
		.number = low + roll(random, 44),
		.made_us = now,
		.due_us = now + (int64_t)roll(random, 20) - 4,
		.entity = entities[roll(random, 3)],
		.text = texts[roll(random, 3)],
		.tries = roll(random, 3),
		.rows_max = 1 + roll(random, 5),
		.numbers = numbers,
		.count = roll(random, 5),
		.lenient = roll(random, 8) > 0,
	};

	if (op.kind == OWE_REPLACING)
		op.tries = 0;
	/* Often in one stretch. */
	for (size_t i = 0; i < 4; i++)
		numbers[i] = i && roll(random, 3) ? numbers[i - 1] + 1 : low + roll(random, 44);
	return op;
}

static void make_batch(struct random *random, struct batched *batch, int64_t last)
{
	for (int i = 0; i < BATCH; i++) {
		struct batched *one = &batch[i];
		uint32_t count = 1 + roll(random, OPS_MAX - 1), wish = roll(random, 8);

		for (uint32_t k = 0; k < count; k++)
			one->op[k] = make_op(random, one->numbers[k], last);
		if (wish == 0)
			one->op[0].kind = FAIL;
		if (wish == 1)
			one->op[count - 1].kind = FAIL;
		one->ops = (struct ops){one->op, count};
	}
}

static void compare(struct store *a, struct store *b, struct random *random, int64_t last)
{
	struct lines x, y;
	int64_t after = roll(random, (uint32_t)last + 1);
	uint32_t count_max = roll(random, 9), bytes_max = roll(random, 90);

	CHECK_STR(debts(a, &x), debts(b, &y));
	CHECK_STR(dead_of(a, 0, &x), dead_of(b, 0, &y));
	for (int64_t subscription = 0; subscription <= SUBSCRIPTIONS; subscription++) {
		CHECK_STR(owed_to(a, subscription, &x), owed_to(b, subscription, &y));
		CHECK_STR(dead_of(a, subscription, &x), dead_of(b, subscription, &y));
		CHECK_STR(owed_within(a, subscription, after, count_max, bytes_max, &x),
			  owed_within(b, subscription, after, count_max, bytes_max, &y));
		CHECK_STR(dead_within(a, subscription, after, count_max, bytes_max, &x),
			  dead_within(b, subscription, after, count_max, bytes_max, &y));
	}
}

static void both_kinds_agree_after_random_batches(void)
{
	static struct batched ours[BATCH], theirs[BATCH];
	struct test_folder folder;
	struct random random = {88172645463325252u};
	struct store_stats stats;
	struct error err = {0};
	int64_t last = 0;

	folder_make(&folder);
	struct store *a = open_kind(true, &folder), *b = open_kind(false, &folder);

	for (int batch = 0; batch < BATCHES && check_case_failures == 0; batch++) {
		struct random same = random;

		make_batch(&random, ours, last);
		make_batch(&same, theirs, last);
		run_batch(a, ours);
		run_batch(b, theirs);
		for (int i = 0; i < BATCH; i++) {
			CHECK(ours[i].queued.code == theirs[i].queued.code);
			for (size_t k = 0; ours[i].queued.code == ERR_OK && k < ours[i].ops.count; k++) {
				CHECK(ours[i].op[k].ret_number == theirs[i].op[k].ret_number);
				CHECK(ours[i].op[k].ret_more == theirs[i].op[k].ret_more);
				CHECK(ours[i].op[k].ret_missed == theirs[i].op[k].ret_missed);
				if (ours[i].op[k].ret_number > last)
					last = ours[i].op[k].ret_number;
			}
		}
		compare(a, b, &random, last);
		if (batch % 20 == 19) {
			(void)store_free(a);
			check_clean(folder.file);
			a = open_kind(true, &folder);
		}
	}
	CHECK_OK(store_stats(b, &stats, &err), &err);
	printf("# %lld numbers, %llu batches repeated\n", (long long)last, (unsigned long long)stats.replays);
	CHECK(last > 300 && stats.replays > 5);
	(void)store_free(a);
	(void)store_free(b);
	folder_remove(&folder);
}

int main(void)
{
	for (int kind = 0; kind < 2; kind++) {
		sqlite_kind = kind == 1;
		RUN(what_is_owed_is_read_in_order_and_done);
		RUN(reading_keeps_to_its_bounds);
		RUN(what_waits_gives_way_and_hands_on_when_it_is_due);
		RUN(what_fails_is_tried_again_buried_and_replayed);
		RUN(what_is_owed_is_dropped_alone);
		RUN(several_become_one);
		RUN(a_subscription_is_dropped_in_pieces);
		RUN(what_is_too_long_is_refused_by_name);
		RUN(a_write_that_fails_leaves_nothing);
		RUN(numbers_are_not_used_again_after_a_restart);
	}
	RUN(both_kinds_agree_after_random_batches);
	return check_done();
}
