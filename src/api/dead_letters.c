/* Dead letters, which are no matter of NGSI-LD: GET /api/v1/notifications/dead, POST …/dead/replay and …/dead/drop. The
 * tenant is that of the header NGSILD-Tenant. Replaying and dropping many goes in steps, each a read on this loop and a
 * write on the store's thread. */
#include "api/form.h"

#include "broker/dead_letters.h"
#include "ngsild/expand.h"

#define LIMIT_DEFAULT 20u
#define LIMIT_MAX 1000u
#define LETTERS_BYTES_MAX ((size_t)256 << 20) /* read for one answer */
#define MISSING_SHOWN_BYTES_MAX ((size_t)1 << 20)

/* ---- listing ---- */

static enum err_code read_number(const struct form_field *field, uint64_t max, uint64_t *ret, struct error *err)
{
	if (str_to_uint64(field->value, ret) && *ret <= max)
		return ERR_OK;
	return err_set(err, ERR_INVALID, "%.*s is a whole number of %llu at most, not \"%.*s\"", STR_FMT(field->name),
		       (unsigned long long)max, STR_FMT(str_part(field->value, 0, 60)));
}

static enum err_code read_page(struct call *call, struct dead_letters_page *page)
{
	struct form form;
	uint64_t limit = LIMIT_DEFAULT, after = 0;
	enum err_code code = form_read_url(call, &form, &call->error);

	for (size_t i = 0; code == ERR_OK && i < form.count; i++) {
		const struct form_field *field = &form.fields[i];

		if (str_eq(field->name, STR("limit")))
			code = read_number(field, LIMIT_MAX, &limit, &call->error);
		else if (str_eq(field->name, STR("after")))
			code = read_number(field, INT64_MAX, &after, &call->error);
		else if (str_eq(field->name, STR("subscription")))
			page->subscription = field->value;
		else
			code = err_set(&call->error, ERR_INVALID,
				       "there is no parameter \"%.*s\", but subscription, limit and after",
				       STR_FMT(str_part(field->name, 0, 60)));
	}
	if (code == ERR_OK && limit == 0)
		code = err_set(&call->error, ERR_INVALID, "limit is at least 1");
	page->limit = (uint32_t)limit;
	page->after = (int64_t)after;
	return code;
}

static void answer_list(struct call *call, const struct dead_letter *letters, size_t count, bool more)
{
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	buf_put(&out, STR("{\"dead\":["));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_char(&out, ',');
		buf_put_char(&out, '{');
		dead_letter_write(&out, &letters[i], true);
		buf_put_char(&out, '}');
	}
	buf_put_char(&out, ']');
	if (more)
		buf_printf(&out, ",\"next\":%lld", (long long)letters[count - 1].dead.owed.number);
	buf_put_char(&out, '}');
	enum err_code code = buf_check(&out, "the answer", &call->error);

	if (code == ERR_OK) {
		answer_buf(call, 200, STR("application/json"), &out);
		return;
	}
	buf_done(&out);
	answer_error(call, code, &call->error);
}

void list_dead_letters(struct call *call)
{
	struct dead_letters_page page = {0};
	struct dead_letter *letters;
	struct arena arena;
	size_t count;
	bool more;

	arena_init(&arena, LETTERS_BYTES_MAX);
	enum err_code code = call_header_tenant(call);

	if (code == ERR_OK)
		code = read_page(call, &page);
	if (code == ERR_OK)
		code = broker_dead_letters(call->loop->reader, call->tenant, &page, &arena, &letters, &count, &more,
					   &call->error);
	if (code == ERR_OK)
		answer_list(call, letters, count, more);
	else
		answer_error(call, code, &call->error);
	arena_done(&arena);
}

/* ---- which ones, from a body ---- */

static enum err_code take_numbers(struct call *call, const struct json *array, struct dead_letters_work *work)
{
	if (!json_is(array, JSON_ARRAY) || array->count == 0 || array->count > DEAD_LETTERS_NUMBERS_MAX)
		return err_set(&call->error, ERR_INVALID, "numbers is an array of 1 to %u numbers of dead letters",
			       DEAD_LETTERS_NUMBERS_MAX);
	int64_t *numbers = arena_array(call->arena, int64_t, array->count);

	work->missing = arena_array(call->arena, int64_t, array->count);
	if (!numbers || !work->missing)
		return err_set(&call->error, ERR_MEMORY, "no memory for numbers");
	for (size_t i = 0; i < array->count; i++)
		if (!json_int64(&array->items[i], &numbers[i]) || numbers[i] <= 0)
			return err_set(&call->error, ERR_INVALID,
				       "numbers[%zu] is not the number of a dead letter, which is 1 or more", i);
	work->numbers = numbers;
	work->number_count = dead_letters_sort(numbers, array->count);
	return ERR_OK;
}

static enum err_code take_subscription(struct call *call, const struct json *id, struct dead_letters_work *work)
{
	if (!json_is(id, JSON_STRING) || !expand_is_uri(json_text(id)))
		return err_set(&call->error, ERR_INVALID, "subscription is the id of one, a URI");
	return broker_dead_letters_of(work, call->loop->reader, json_text(id), &call->error);
}

static enum err_code take_choice(struct call *call, const struct json *body, struct dead_letters_work *work)
{
	if (!json_is(body, JSON_OBJECT) || body->count != 1)
		return err_set(&call->error, ERR_INVALID,
			       "the body is an object with one member: numbers, subscription or all");
	const struct json *value = &body->members[0].value;
	struct str key = body->members[0].key;

	if (str_eq(key, STR("numbers")))
		return take_numbers(call, value, work);
	if (str_eq(key, STR("subscription")))
		return take_subscription(call, value, work);
	if (!str_eq(key, STR("all")))
		return err_set(&call->error, ERR_INVALID, "the body says numbers, subscription or all, not \"%.*s\"",
			       STR_FMT(str_part(key, 0, 60)));
	return json_is(value, JSON_BOOL) && value->boolean ? ERR_OK : err_set(&call->error, ERR_INVALID, "all is true");
}

/* ---- replaying and dropping ---- */

static void answer_done(struct call *call)
{
	const struct dead_letters_work *work = call->work;
	bool replay = work->operation == DEAD_LETTERS_REPLAY;
	struct buf out;

	if (work->missing_count > 0 && work->changed == 0 && work->left == 0) {
		(void)err_set(&call->error, ERR_NOT_FOUND, "there is no dead letter %lld", (long long)work->missing[0]);
		answer_error(call, ERR_NOT_FOUND, &call->error);
		return;
	}
	buf_init(&out, MISSING_SHOWN_BYTES_MAX);
	buf_printf(&out, "{\"%s\":%llu", replay ? "replayed" : "dropped", (unsigned long long)work->changed);
	if (replay)
		buf_printf(&out, ",\"left\":%llu", (unsigned long long)work->left);
	buf_put(&out, STR(",\"missing\":["));
	for (size_t i = 0; i < work->missing_count; i++)
		buf_printf(&out, "%s%lld", i ? "," : "", (long long)work->missing[i]);
	buf_put(&out, STR("]}"));
	answer_buf(call, 200, STR("application/json"), &out);
}

static void on_done(struct dead_letters_work *work, enum err_code code, const struct error *err)
{
	call_ended(work->self, code, err);
}

static void go_on(struct call *call)
{
	struct dead_letters_work *work = call->work;
	enum err_code code = call->write_code;

	if (code == ERR_OK)
		code = broker_dead_letters_next(work, call->loop->reader, &call->error);
	if (code == ERR_OK && work->batch_count == 0) {
		answer_done(call);
		return;
	}
	if (code == ERR_OK)
		code = broker_dead_letters_submit(work, call->api->options.broker, &call->error);
	if (code == ERR_OK)
		call_wait(call, go_on);
	else
		answer_error(call, code, &call->error);
}

static void change(struct call *call, enum dead_letters_operation operation)
{
	struct dead_letters_work *work = arena_new(call->arena, struct dead_letters_work);
	struct json *body = NULL;

	/* A page of another site may send forms, but not JSON. */
	if (content_type(http_request_header(call->request, STR("Content-Type"))) != CONTENT_JSON) {
		answer_empty(call, 415);
		return;
	}
	if (!work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	enum err_code code = call_header_tenant(call);

	*work = (struct dead_letters_work){
		.operation = operation, .tenant = call->tenant, .done = on_done, .self = call};
	call->work = work;
	call->write_code = ERR_OK;
	if (code == ERR_OK)
		code = json_parse(broker_reader_parser(call->loop->reader), call->arena,
				  http_request_body(call->request), NULL, &body, &call->error);
	if (code == ERR_OK)
		code = take_choice(call, body, work);
	if (code == ERR_OK)
		go_on(call);
	else
		answer_error(call, code == ERR_LIMIT ? ERR_INVALID : code, &call->error);
}

void replay_dead_letters(struct call *call)
{
	change(call, DEAD_LETTERS_REPLAY);
}

void drop_dead_letters(struct call *call)
{
	change(call, DEAD_LETTERS_DROP);
}
