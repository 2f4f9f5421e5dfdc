/* Configuration: what a person may get wrong must be told with file, line, column, key, what was expected and the
 * nearest known name; what they get right must arrive. Expected values are read off docs/reference/configuration.md. */
#include "check.h"
#include "main/config.h"

#include <string.h>

static char told[16][1024];
static size_t told_count;

static void note(void *self, struct str sentence)
{
	(void)self;
	if (told_count < 16)
		(void)snprintf(told[told_count++], sizeof(told[0]), "%.*s", STR_FMT(sentence));
}

static struct config *load(const char *text, const char *const *environment, const struct config_override *overrides,
			   size_t override_count)
{
	struct config_sources sources = {
		.file_name = text ? STR("machi.yaml") : STR_NONE,
		.file_text = str_from(text),
		.environment = environment,
		.overrides = overrides,
		.override_count = override_count,
		.mistake = note,
		.notice = note,
	};
	struct config *config = NULL;
	struct error err = {0};

	told_count = 0;
	if (config_load(&sources, &config, &err) == ERR_OK)
		return config;
	CHECK(strcmp(err.detail, told[0]) == 0 || strlen(told[0]) >= ERROR_DETAIL_BYTES);
	return NULL;
}

static void defaults_are_safe(void)
{
	struct config *config = load(NULL, NULL, NULL, 0);

	if (!CHECK(config != NULL))
		return;
	CHECK(strcmp(config->listen.address, "127.0.0.1") == 0 && config->listen.port == 8080);
	CHECK(strcmp(config->data, "./city") == 0 && config->store == CONFIG_STORE_SQLITE);
	CHECK(config->http.cors_origins.count == 0 && config->feed_count == 0);
	CHECK(config->http.body_bytes_max == 8 << 20 && config->context.keep_s == 86400);
	(void)config_free(config);
}

static void the_file_is_read(void)
{
	struct config *config =
		load("listen: \"[::1]:9090\"\nhttp:\n  loops: 3\n  idle_timeout: 2 min\n"
		     "  body_max: 512 KiB\n  cors_origins:\n    - https://example.org\n    - \"*\"\n"
		     "log: {level: debug, format: json}\ntimetable:\n  - feed: singapore\n    speed: 2.5\n"
		     "    start: 2018-12-04T08:00:00+08:00\n  - {feed: bogor, tenant: jawa, history_keep: 0}\n",
		     NULL, NULL, 0);

	if (!CHECK(config != NULL)) {
		printf("# %s\n", told[0]);
		return;
	}
	CHECK(strcmp(config->listen.address, "::1") == 0 && config->listen.port == 9090);
	CHECK(config->http.loops == 3 && config->http.idle_timeout_s == 120 && config->http.body_bytes_max == 524288);
	CHECK(config->http.cors_origins.count == 2 &&
	      strcmp(config->http.cors_origins.items[0], "https://example.org") == 0);
	CHECK(config->log.level == LOG_DEBUG && config->log.format == LOG_JSON);
	if (CHECK(config->feed_count == 2)) {
		CHECK(config->feeds[0].speed == 2.5 && config->feeds[0].interval_s == 5);
		CHECK(config->feeds[0].start_us == INT64_C(1543881600000000)); /* midnight UTC of that day */
		CHECK(config->feeds[1].start_us == SETTING_NOW && config->feeds[1].history_keep_s == 0);
		CHECK(strcmp(config->feeds[1].tenant, "jawa") == 0);
	}
	(void)config_free(config);
}

static void later_sources_win(void)
{
	const char *environment[] = {"PATH=/bin", "MACHI_HTTP_LOOPS=5", "MACHI_LOG_LEVEL=error",
				     "MACHI_HTTP_CORS_ORIGINS=https://a.org, https://b.org", NULL};
	struct config_override overrides[] = {{STR("log.level"), STR("debug"), "--set"},
					      {STR("timetable"), STR("sg,speed=10,start=now"), "--timetable"}};
	struct config *config = load("http:\n  loops: 3\n  connections_max: 50\n", environment, overrides, 2);

	if (!CHECK(config != NULL)) {
		printf("# %s\n", told[0]);
		return;
	}
	CHECK(config->http.loops == 5 && config->log.level == LOG_DEBUG && config->http.connections_max == 50);
	CHECK(config->http.cors_origins.count == 2);
	CHECK(config->feed_count == 1 && config->feeds[0].speed == 10 && strcmp(config->feeds[0].feed, "sg") == 0);
	struct buf values;

	buf_init(&values, 1 << 20);
	config_write_values(config, true, &values);
	CHECK(str_contains(buf_str(&values), STR("loops: 5 # MACHI_HTTP_LOOPS\n")));
	CHECK(str_contains(buf_str(&values), STR("connections_max: 50 # machi.yaml:3\n")));
	CHECK(str_contains(buf_str(&values), STR("level: debug # --set\n")));
	CHECK(str_contains(buf_str(&values), STR("idle_timeout: 1 min # default\n")));
	buf_done(&values);
	(void)config_free(config);
}

/* The first mistake of text says all of the words. */
static void complains(const char *text, const char *a, const char *b, const char *c)
{
	struct config *config = load(text, NULL, NULL, 0);

	if (!CHECK(config == NULL && told_count >= 1) || !CHECK(strstr(told[0], a)) || !CHECK(strstr(told[0], b)) ||
	    !CHECK(strstr(told[0], c)))
		printf("# %s -> %s\n", text, told_count ? told[0] : "no mistake");
	(void)config_free(config);
}

static void mistakes_name_place_key_and_expectation(void)
{
	complains("lisen: x\n", "machi.yaml:1:1", "lisen", "\"listen\"");
	complains("http:\n  loop: 2\n", "machi.yaml:2:3", "http.loop", "\"loops\"");
	complains("http:\n  loops: 65\n", "machi.yaml:2:10: http.loops", "whole number from 0 to 64", "\"65\"");
	complains("http:\n  loops: two\n", "machi.yaml:2:10", "whole number", "\"two\"");
	complains("http:\n  loops: [2]\n", "machi.yaml:2:10", "whole number", "not a list");
	complains("http: 3\n", "machi.yaml:1:7", "http", "section");
	complains("log:\n  level: loud\n", "machi.yaml:2:10: log.level", "one of error, warning, info, debug", "loud");
	complains("http:\n  body_max: 8 MB\n", "machi.yaml:2:13", "size from 1 KiB to 1 GiB", "8 MB");
	complains("http:\n  body_max: 99999999999999999999 GiB\n", "machi.yaml:2:13", "size", "99999");
	complains("listen: 127.0.0.1\n", "machi.yaml:1:9: listen", "ADDRESS:PORT", "127.0.0.1");
	complains("listen: ::1:80\n", "machi.yaml:1:9", "ADDRESS:PORT", "::1:80");
	complains("listen: \"127.0.0.1:65536\"\n", "machi.yaml:1:9", "ADDRESS:PORT", "65536");
	complains("http:\n  cors_origins: [example.org]\n", "machi.yaml:2:18", "http.cors_origins", "web origins");
	complains("history:\n  rules:\n    - type=A keep=P1D\n    - type=B keep=soon\n",
		  "machi.yaml:4:7: history.rules", "keep=DURATION", "soon");
	complains("history:\n  rules: [keep=P9D rollup=PT7H:P9D]\n", "machi.yaml:2:11", "divide a day", "PT7H");
	complains("history:\n  rules: [keep=P9D rollup=PT1H:P8D]\n", "history.rules", "less time", "roll-up");
	complains("history:\n  rules: [keep=P1D rollup=PT1H:P8D rollup=PT15M:P9D]\n", "history.rules", "shortest",
		  "multiple");
	complains("history:\n  rules: [type=A]\n", "history.rules", "neither keep", "rollup");
	complains("history:\n  rules: [keep=P9D since=P1D]\n", "history.rules", "expected tenant=", "since");
	complains("context:\n  fetch: maybe\n", "machi.yaml:2:10", "true or false", "maybe");
	complains("timetable:\n  - speed: 2\n", "machi.yaml:2:5: timetable[0].feed", "name of an imported", "missing");
	complains("timetable:\n  - feed: x\n    sped: 2\n", "machi.yaml:3:5: timetable[0].sped", "did you mean",
		  "speed");
	complains("timetable:\n  - feed: x\n    start: noon\n", "machi.yaml:3:12", "\"now\" or a time", "noon");
	complains("timetable: x\n", "machi.yaml:1:12", "timetable", "list");
	complains("a: [\n", "machi.yaml:", "", "");
	complains("- a\n", "machi.yaml:1:1", "key: value", "");
	complains("log.level: debug\n", "machi.yaml:1:1", "log.level", "");
	complains("query:\n  page_default: 2000\n", "query.page_default", "query.page_max", "1000");
}

static void all_mistakes_are_told_at_once(void)
{
	struct config *config = load("lisen: x\nhttp:\n  loops: -1\n  foo: 1\nlog: {level: x}\n", NULL, NULL, 0);

	CHECK(config == NULL && told_count == 4);
	CHECK(strstr(told[1], "http.loops") && strstr(told[2], "http.foo") && strstr(told[3], "log.level"));
}

static void environment_mistakes_are_told_too(void)
{
	const char *bad[] = {"MACHI_HTTP_LOOPS=many", NULL}, *unknown[] = {"MACHI_HTTP_LOPS=2", "MACHI_PORT=1", NULL};
	struct config *config = load(NULL, bad, NULL, 0);

	CHECK(config == NULL && strstr(told[0], "environment variable MACHI_HTTP_LOOPS") &&
	      strstr(told[0], "http.loops"));
	config = load(NULL, unknown, NULL, 0);
	CHECK(config != NULL && told_count == 2 && strstr(told[0], "MACHI_HTTP_LOPS") &&
	      strstr(told[0], "MACHI_HTTP_LOOPS?"));
	(void)config_free(config);
}

static void the_example_is_valid_and_says_the_defaults(void)
{
	struct config *defaults = load(NULL, NULL, NULL, 0), *config;
	struct buf example, a, b;

	buf_init(&example, 1 << 20);
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	config_write_example(&example);
	buf_put_char(&example, '\0');
	config = load(example.at, NULL, NULL, 0);
	if (!CHECK(config != NULL && defaults != NULL))
		printf("# %s\n", told[0]);
	if (config && defaults) {
		config_write_values(config, false, &a);
		config_write_values(defaults, false, &b);
		CHECK_STR(buf_str(&a), buf_str(&b));
		/* What is shown can be read again. */
		buf_put_char(&a, '\0');
		(void)config_free(config);
		config = load(a.at, NULL, NULL, 0);
		CHECK(config != NULL);
	}
	(void)config_free(config);
	(void)config_free(defaults);
	buf_done(&example);
	buf_done(&a);
	buf_done(&b);
}

int main(void)
{
	RUN(defaults_are_safe);
	RUN(the_file_is_read);
	RUN(later_sources_win);
	RUN(mistakes_name_place_key_and_expectation);
	RUN(all_mistakes_are_told_at_once);
	RUN(environment_mistakes_are_told_too);
	RUN(the_example_is_valid_and_says_the_defaults);
	return check_done();
}
