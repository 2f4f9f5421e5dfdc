/* What the tables of settings say, as an example file, as Markdown, as roff and as the values in effect. */
#include "main/config.h"

#include <stdio.h>
#include <string.h>

#define WRAP_COLUMNS 100u
#define VALUE_BYTES_MAX 8192u

static struct str section_of(const struct setting *setting)
{
	struct str key = str_from(setting->key);
	size_t dot;

	return str_find(key, '.', &dot) ? str_part(key, 0, dot) : STR_NONE;
}

static struct str name_of(const struct setting *setting)
{
	struct str key = str_from(setting->key);
	size_t dot;

	return str_find(key, '.', &dot) ? str_part(key, dot + 1, key.len) : key;
}

/* The words of text in lines that begin with lead and end before WRAP_COLUMNS. */
static void write_wrapped(struct buf *out, struct str text, const char *lead)
{
	size_t column = 0;
	struct str word;

	while (str_next(&text, ' ', &word)) {
		if (column && column + 1 + word.len > WRAP_COLUMNS) {
			buf_put_char(out, '\n');
			column = 0;
		}
		buf_put(out, column ? STR(" ") : str_from(lead));
		buf_put(out, word);
		column += (column ? 1 : strlen(lead)) + word.len;
	}
	buf_put_char(out, '\n');
}

/* As a YAML list of texts; the fallback has commas between them. */
static void write_default_list(struct str fallback, struct buf *out)
{
	struct str item;
	bool first = true;

	buf_put_char(out, '[');
	while (fallback.len && str_next(&fallback, ',', &item)) {
		buf_printf(out, "%s\"%.*s\"", first ? "" : ", ", STR_FMT(str_trim(item)));
		first = false;
	}
	buf_put_char(out, ']');
}

static void write_default(const struct setting *setting, struct buf *out)
{
	if (setting_is_list(setting))
		write_default_list(str_from(setting->fallback), out);
	else if (setting->kind == SETTING_ENDPOINT || setting->kind == SETTING_TOKENS || !setting->fallback[0])
		buf_printf(out, "\"%s\"", setting->fallback);
	else
		buf_put(out, str_from(setting->fallback));
}

static void write_example_setting(const struct setting *setting, const char *indent, struct buf *out)
{
	struct buf expected;
	char lead[16];

	(void)snprintf(lead, sizeof(lead), "%s# ", indent);
	write_wrapped(out, str_from(setting->doc), lead);
	buf_init(&expected, VALUE_BYTES_MAX);
	buf_put(&expected, STR("Expects: "));
	setting_write_expected(setting, &expected);
	buf_put(&expected, STR(". Environment: "));
	setting_write_variable(setting, &expected);
	buf_put(&expected, setting->reloads ? STR(". SIGHUP reloads it.") : STR("."));
	write_wrapped(out, buf_str(&expected), lead);
	buf_done(&expected);
	buf_printf(out, "%s%.*s: ", indent, STR_FMT(name_of(setting)));
	write_default(setting, out);
	buf_put(out, STR("\n\n"));
}

static void write_example_feed(struct buf *out)
{
	buf_put(out, STR("# Timetable feeds: a Vehicle entity for every trip of an imported GTFS feed that should be\n"
			 "# running now. None by default; an entry looks like this:\n"
			 "#\n# timetable:\n"));
	for (const struct setting *setting = config_feed_settings; setting->key; setting++) {
		write_wrapped(out, str_from(setting->doc), "#     # ");
		buf_printf(out, "#   %s %s: ", setting == config_feed_settings ? "-" : " ", setting->key);
		if (setting == config_feed_settings)
			buf_put(out, STR("singapore"));
		else
			write_default(setting, out);
		buf_put_char(out, '\n');
	}
	buf_put(out,
		STR("timetable: []\n\n"
		    "# Feeds: what devices and services say becomes entities. See the guides \"Connect MQTT devices\"\n"
		    "# and \"Receive webhooks\"; machi feed test tries one on a message.\n"
		    "feeds: []\n"));
}

void config_write_example(struct buf *out)
{
	struct str section = STR_NONE;

	buf_put(out, STR("# Machi configuration: every setting with its default. Remove what you do not change.\n"
			 "# Check with: machi config check FILE\n\n"));
	for (const struct setting *setting = config_settings; setting->key; setting++) {
		struct str its_section = section_of(setting);

		if (its_section.len && !str_eq(its_section, section))
			buf_printf(out, "%.*s:\n", STR_FMT(its_section));
		section = its_section;
		write_example_setting(setting, section.len ? "  " : "", out);
	}
	write_example_feed(out);
}

static void write_reference_row(const struct setting *setting, bool in_list, struct buf *out)
{
	buf_printf(out, "| `%s` | ", setting->key);
	setting_write_expected(setting, out);
	buf_put(out, STR(" | `"));
	write_default(setting, out);
	if (in_list) {
		buf_put(out, STR("` | "));
	} else {
		buf_put(out, STR("` | `"));
		setting_write_variable(setting, out);
		buf_put(out, setting->reloads ? STR("` | yes | ") : STR("` | no | "));
	}
	buf_put(out, str_from(setting->doc));
	buf_put(out, STR(" |\n"));
}

void config_write_reference(struct buf *out)
{
	buf_put(out, STR("| key | expects | default | environment | SIGHUP reloads | meaning |\n"
			 "| --- | --- | --- | --- | --- | --- |\n"));
	for (const struct setting *setting = config_settings; setting->key; setting++)
		write_reference_row(setting, false, out);
	buf_put(out, STR("\n### timetable\n\nA list; each entry moves the vehicles of one imported GTFS feed:\n\n"
			 "| key | expects | default | meaning |\n| --- | --- | --- | --- |\n"));
	for (const struct setting *setting = config_feed_settings; setting->key; setting++)
		write_reference_row(setting, true, out);
}

/* roff takes a backslash for an escape, and a dot or quote at a line's start for a request. */
static void write_roff(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\\')
			buf_put(out, STR("\\e"));
		else if (text.at[i] == '-')
			buf_put(out, STR("\\-"));
		else if (i == 0 && (text.at[i] == '.' || text.at[i] == '\''))
			buf_printf(out, "\\&%c", text.at[i]);
		else
			buf_put_char(out, text.at[i]);
	}
}

static void write_manual_setting(const struct setting *setting, const char *lead, struct buf *out)
{
	struct buf line;

	buf_init(&line, VALUE_BYTES_MAX);
	buf_printf(out, ".TP\n.B %s", lead);
	write_roff(out, str_from(setting->key));
	buf_put_char(out, '\n');
	write_roff(out, str_from(setting->doc));
	buf_put(&line, STR("Expects "));
	setting_write_expected(setting, &line);
	buf_put(&line, STR("; default "));
	write_default(setting, &line);
	buf_put_char(&line, '.');
	buf_put_char(out, '\n');
	write_roff(out, buf_str(&line));
	buf_put_char(out, '\n');
	buf_done(&line);
}

void config_write_manual(struct buf *out)
{
	for (const struct setting *setting = config_settings; setting->key; setting++)
		write_manual_setting(setting, "", out);
	for (const struct setting *setting = config_feed_settings; setting->key; setting++)
		write_manual_setting(setting, "timetable[].", out);
}

static void write_feeds(const struct config *config, struct buf *out)
{
	buf_put(out, config->feed_count ? STR("timetable:\n") : STR("timetable: []\n"));
	for (size_t i = 0; i < config->feed_count; i++) {
		for (const struct setting *setting = config_feed_settings; setting->key; setting++) {
			buf_printf(out, "  %s %s: ", setting == config_feed_settings ? "-" : " ", setting->key);
			setting_write(setting, &config->feeds[i], out);
			buf_put_char(out, '\n');
		}
	}
}

void config_write_values(const struct config *config, bool origins, struct buf *out)
{
	struct str section = STR_NONE;

	for (const struct setting *setting = config_settings; setting->key; setting++) {
		struct str its_section = section_of(setting);

		if (its_section.len && !str_eq(its_section, section))
			buf_printf(out, "%.*s:\n", STR_FMT(its_section));
		section = its_section;
		buf_printf(out, "%s%.*s: ", section.len ? "  " : "", STR_FMT(name_of(setting)));
		setting_write(setting, config, out);
		if (origins)
			buf_printf(out, " # %s", config->origins[setting - config_settings]);
		buf_put_char(out, '\n');
	}
	write_feeds(config, out);
}
