/* Commands to ECHONET Lite objects: a property is set by SetC, and the command has reached its end with the answer. */
#include "feed/echonet_feed_int.h"

#include "feed/feed_clock_int.h"

#include <stdio.h>
#include <string.h>

#define EOJ_DIGITS 6u
#define FIND_MS 15000 /* so long after the start a node that is not known may yet be found */
#define EPC_MIN 0x80u

struct echonet_send {
	struct str property; /* a name of schema.h, or STR_NONE */
	uint32_t epc; /* where there is no name */
	uint32_t eoj; /* 0: the one in the entity's id */
};

/* ---- settings ---- */

static enum err_code read_hex(const struct mapping_reader *reader, const struct yaml_tree *node, const char *key,
			      uint32_t min, uint32_t max, uint32_t *ret)
{
	const struct yaml_tree *text = yaml_tree_get(node, str_from(key));
	uint32_t value = 0;

	if (!text)
		return ERR_OK;
	if (text->kind != YAML_TREE_SCALAR || !echonet_parse_hex(text->text, max, &value) || value < min)
		return yaml_tree_refuse(
			text, reader->err, "expected hexadecimal digits from %X to %X behind \"%s\", not %.*s",
			(unsigned int)min, (unsigned int)max, key, STR_FMT(yaml_tree_show(reader->arena, text)));
	*ret = value;
	return ERR_OK;
}

/* Does any class have it? Which one it is to be is known from the entity. */
static bool is_property(struct str name)
{
	const struct echonet_class *class;

	for (size_t i = 0; (class = echonet_class_at(i)); i++)
		if (echonet_field_find(class->code, name))
			return true;
	return false;
}

enum err_code echonet_feed_read_send(struct feed *feed, const struct mapping_reader *reader,
				     const struct command_plan *plan, const struct yaml_tree *node, void **ret_send)
{
	static const char *const known[] = {"property", "epc", "eoj", NULL};
	struct echonet_send *send = arena_new(&feed->arena, struct echonet_send);

	(void)plan;
	if (!send)
		return mapping_no_memory(reader);
	enum err_code code = mapping_check_keys(reader, node, known);

	if (!code)
		code = mapping_read_text(reader, node, "property", &send->property);
	if (!code)
		code = read_hex(reader, node, "epc", EPC_MIN, 0xff, &send->epc);
	if (!code)
		code = read_hex(reader, node, "eoj", 0x000001, 0xffffff, &send->eoj);
	if (!code && !send->property.at == !send->epc)
		code = yaml_tree_refuse(node, reader->err, "expected either \"property\" with a name or \"epc\"");
	if (!code && send->property.at && !is_property(send->property))
		code = yaml_tree_refuse(yaml_tree_get(node, STR("property")), reader->err,
					"\"%.*s\" is no property that can be set by its name",
					STR_FMT(str_part(send->property, 0, 80)));
	*ret_send = send;
	return code;
}

/* ---- sending ---- */

/* What stands behind the feed's name in an id of ours: a node's key, and the object's number where it is one. */
static bool take_id_apart(const struct feed *feed, struct str id, struct str *ret_key, uint32_t *ret_eoj)
{
	struct str rest = id, piece = STR_NONE;

	for (int i = 0; i < 3; i++) /* urn, ngsi-ld, type */
		if (!str_next(&rest, ':', &piece))
			return false;
	if (!str_next(&rest, ':', &piece) || !str_eq(piece, feed->name) || !str_next(&rest, ':', ret_key))
		return false;
	*ret_eoj = ECHONET_NODE_PROFILE;
	if (str_next(&rest, ':', &piece))
		return piece.len == EOJ_DIGITS && echonet_parse_hex(piece, 0xffffff, ret_eoj) && !rest.at;
	return true;
}

static const struct echonet_node *find_node(const struct echonet_session *session, struct str key)
{
	const struct echonet_node *node;
	char chars[ECHONET_KEY_BYTES];

	for (size_t i = 0; (node = echonet_controller_node_at(session->controller, i)); i++) {
		echonet_key(node, chars);
		if (str_eq(str_from(chars), key))
			return node;
	}
	return NULL;
}

/* The value as its JSON has it; where "values" has made a text of it, the text. Digits are a number where the property
 * is one. */
static struct echonet_setting setting_of(const struct feed_command *command, const struct echonet_field *field)
{
	struct echonet_setting setting = {.kind = ECHONET_SET_TEXT, .text = command->text};
	bool is_number = field && (field->form == ECHONET_UNSIGNED || field->form == ECHONET_SIGNED);

	if (command->plan->word_count == 0 && json_is(command->value, JSON_BOOL)) {
		setting.kind = ECHONET_SET_BOOL;
		setting.boolean = command->value->boolean;
	} else if (is_number && str_to_double(command->text, &setting.number)) {
		setting.kind = ECHONET_SET_NUMBER;
	}
	return setting;
}

static enum err_code set(const struct echonet_session *session, const struct feed_command *command,
			 const struct echonet_node *node, uint32_t eoj, struct error *err)
{
	const struct echonet_send *send = command->plan->send;
	const struct echonet_field *field =
		send->property.at ? echonet_field_find((uint16_t)(eoj >> 8), send->property) : NULL;
	struct echonet_setting setting = setting_of(command, field);
	uint8_t edt[ECHONET_EDT_BYTES_MAX];
	size_t len = 0;

	if (send->property.at && !field)
		return err_set(err, ERR_INVALID, "objects of class %04X have no property \"%.*s\"",
			       (unsigned int)(eoj >> 8), STR_FMT(str_part(send->property, 0, 80)));
	enum err_code code = echonet_encode(field, &setting, edt, &len, err);
	const struct echonet_property property = {field ? field->epc : (uint8_t)send->epc, {(const char *)edt, len}};

	return code ? code
		    : echonet_controller_set(session->controller, node->address, eoj, &property, 1, command->number,
					     feed_clock_ms() * US_PER_MS, err);
}

enum feed_send echonet_feed_send(struct feed *feed, const struct feed_command *command)
{
	const struct echonet_session *session = feed->session;
	const struct echonet_send *send = command->plan->send;
	const struct echonet_node *node;
	struct str key = STR_NONE;
	uint32_t eoj = 0;
	enum err_code code;
	struct error err;

	if (!session)
		return FEED_SEND_LATER;
	if (!take_id_apart(feed, command->id, &key, &eoj)) {
		feed_command_end(feed, command->number, "the entity's id is none of this feed's");
		return FEED_SEND_TAKEN;
	}
	node = find_node(session, key);
	if (!node && feed_clock_ms() - session->since_ms < FIND_MS)
		return FEED_SEND_LATER;
	if (send->eoj)
		eoj = send->eoj;
	code = node ? set(session, command, node, eoj, &err)
		    : err_set(&err, ERR_NOT_FOUND, "no node \"%.*s\" is in the network", STR_FMT(key));
	if (code == ERR_LIMIT || (code == ERR_NOT_FOUND && feed_clock_ms() - session->since_ms < FIND_MS))
		return FEED_SEND_LATER;
	if (code)
		feed_command_end(feed, command->number, err.detail);
	return FEED_SEND_TAKEN;
}

void echonet_feed_set_ended(struct feed *feed, const struct echonet_event *event)
{
	char why[COMMAND_WHY_BYTES];

	switch (event->outcome) {
	case ECHONET_DONE:
		feed_command_end(feed, event->ticket, NULL);
		return;
	case ECHONET_REFUSED:
		(void)snprintf(why, sizeof(why), "the object refused to set property %02X (SetC_SNA)", event->epc);
		break;
	case ECHONET_TIMED_OUT:
		(void)snprintf(why, sizeof(why), "the node did not answer");
		break;
	case ECHONET_GONE:
		(void)snprintf(why, sizeof(why), "the node is gone");
		break;
	}
	feed_command_end(feed, event->ticket, why);
}
