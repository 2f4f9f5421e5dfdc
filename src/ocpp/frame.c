/* The envelope of messages: read with all that can be wrong, and written. */
#include "ocpp/frame.h"

#include <assert.h>
#include <stdio.h>

#define CALL_PARTS 4u
#define RESULT_PARTS 3u
#define ERROR_PARTS 5u

static const struct {
	enum ocpp_version version;
	const char *subprotocol;
} versions[] = {{OCPP_1_6, "ocpp1.6"}, {OCPP_2_0_1, "ocpp2.0.1"}};

bool ocpp_version_from(struct str subprotocol, enum ocpp_version *ret_version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (str_eq(subprotocol, str_from(versions[i].subprotocol))) {
			*ret_version = versions[i].version;
			return true;
		}
	return false;
}

struct str ocpp_version_subprotocol(enum ocpp_version version)
{
	return str_from(versions[version].subprotocol);
}

struct str ocpp_fault_name(enum ocpp_version version, enum ocpp_fault_code code)
{
	static const char *const names[OCPP_FAULT_COUNT][2] = {
		[OCPP_NO_FAULT] = {"GenericError", "GenericError"},
		[OCPP_NOT_IMPLEMENTED] = {"NotImplemented", "NotImplemented"},
		[OCPP_NOT_SUPPORTED] = {"NotSupported", "NotSupported"},
		[OCPP_INTERNAL_ERROR] = {"InternalError", "InternalError"},
		[OCPP_PROTOCOL_ERROR] = {"ProtocolError", "ProtocolError"},
		[OCPP_SECURITY_ERROR] = {"SecurityError", "SecurityError"},
		[OCPP_FORMAT_VIOLATION] = {"FormationViolation", "FormatViolation"},
		[OCPP_PROPERTY_VIOLATION] = {"PropertyConstraintViolation", "PropertyConstraintViolation"},
		[OCPP_OCCURRENCE_VIOLATION] = {"OccurenceConstraintViolation", "OccurrenceConstraintViolation"},
		[OCPP_TYPE_VIOLATION] = {"TypeConstraintViolation", "TypeConstraintViolation"},
		[OCPP_GENERIC_ERROR] = {"GenericError", "GenericError"},
		[OCPP_MESSAGE_TYPE] = {"GenericError", "MessageTypeNotSupported"},
		[OCPP_FRAMEWORK_ERROR] = {"FormationViolation", "RpcFrameworkError"},
	};

	assert(code < OCPP_FAULT_COUNT);
	return str_from(names[code][version]);
}

bool ocpp_fault_set(struct ocpp_fault *fault, enum ocpp_fault_code code, const char *format, ...)
{
	struct error cut; /* whose way of cutting at a character is borrowed */
	char text[OCPP_FAULT_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)err_set(&cut, ERR_INVALID, "%s", text);
	static_assert(sizeof(cut.detail) <= sizeof(fault->text), "a detail is a description");
	memcpy(fault->text, cut.detail, sizeof(cut.detail));
	fault->code = code;
	return false;
}

size_t ocpp_chars(struct str text)
{
	size_t chars = 0;

	for (size_t i = 0; i < text.len; i++)
		chars += ((uint8_t)text.at[i] & 0xc0u) != 0x80u;
	return chars;
}

/* The kind of message; OCPP_MESSAGE_NONE and a fault when it is no known one. */
static enum ocpp_message read_kind(const struct json *node, struct ocpp_fault *fault)
{
	int64_t number = 0;

	if (!json_is(node, JSON_NUMBER) || !json_int64(node, &number)) {
		(void)ocpp_fault_set(fault, OCPP_FRAMEWORK_ERROR, "the first item is no message type number");
		return OCPP_MESSAGE_NONE;
	}
	if (number == OCPP_CALL || number == OCPP_RESULT || number == OCPP_ERROR)
		return (enum ocpp_message)number;
	(void)ocpp_fault_set(fault, OCPP_MESSAGE_TYPE, "message type %lld is none of 2, 3 and 4", (long long)number);
	return OCPP_MESSAGE_NONE;
}

static struct str read_id(const struct json *node)
{
	struct str id = json_text(node);

	return id.len > 0 && ocpp_chars(id) <= OCPP_ID_CHARS_MAX ? id : STR_NONE;
}

static bool read_payload(const struct json *node, struct ocpp_frame *frame, struct ocpp_fault *fault)
{
	static const struct json empty = {.kind = JSON_OBJECT};

	if (!json_is(node, JSON_OBJECT) && !json_is(node, JSON_NULL))
		return ocpp_fault_set(fault, OCPP_FORMAT_VIOLATION, "the payload is no object");
	frame->payload = json_is(node, JSON_NULL) ? &empty : node;
	return true;
}

static bool read_error(const struct json *list, struct ocpp_frame *frame, struct ocpp_fault *fault)
{
	const struct json *code = json_at(list, 2), *description = json_at(list, 3);

	if (!json_is(code, JSON_STRING) || !json_is(description, JSON_STRING))
		return ocpp_fault_set(fault, OCPP_FRAMEWORK_ERROR, "an error's code and description are no texts");
	frame->code = json_text(code);
	frame->description = json_text(description);
	return read_payload(json_at(list, 4), frame, fault);
}

static bool read_parts(const struct json *list, struct ocpp_frame *frame, struct ocpp_fault *fault)
{
	static const uint32_t parts[] = {
		[OCPP_CALL] = CALL_PARTS, [OCPP_RESULT] = RESULT_PARTS, [OCPP_ERROR] = ERROR_PARTS};

	frame->id = read_id(json_at(list, 1));
	frame->message = read_kind(json_at(list, 0), fault);
	if (!frame->message)
		return false;
	if (frame->id.len == 0)
		return ocpp_fault_set(fault, OCPP_FRAMEWORK_ERROR, "the message id is no text of 1 to %u characters",
				      OCPP_ID_CHARS_MAX);
	if (list->count != parts[frame->message])
		return ocpp_fault_set(fault, OCPP_FRAMEWORK_ERROR, "a message of type %d has %u items and not %u",
				      (int)frame->message, parts[frame->message], list->count);
	if (frame->message == OCPP_ERROR)
		return read_error(list, frame, fault);
	if (frame->message == OCPP_RESULT)
		return read_payload(json_at(list, 2), frame, fault);
	frame->action = json_text(json_at(list, 2));
	if (frame->action.len == 0)
		return ocpp_fault_set(fault, OCPP_FRAMEWORK_ERROR, "the action is no text");
	return read_payload(json_at(list, 3), frame, fault);
}

bool ocpp_frame_read(struct json_parser *parser, struct arena *arena, struct str text, struct ocpp_frame *ret_frame,
		     struct ocpp_fault *ret_fault)
{
	static const struct json_parse_options options = {.depth_max = OCPP_DEPTH_MAX};
	struct json *list = NULL;
	struct error err;

	*ret_frame = (struct ocpp_frame){.message = OCPP_MESSAGE_NONE};
	if (text.len > OCPP_FRAME_BYTES_MAX)
		return ocpp_fault_set(ret_fault, OCPP_FRAMEWORK_ERROR, "a message of %zu bytes, more than %u", text.len,
				      OCPP_FRAME_BYTES_MAX);
	enum err_code code = json_parse(parser, arena, text, &options, &list, &err);

	if (code == ERR_MEMORY)
		return ocpp_fault_set(ret_fault, OCPP_INTERNAL_ERROR, "%s", err.detail);
	if (code)
		return ocpp_fault_set(ret_fault, OCPP_FRAMEWORK_ERROR, "%s", err.detail);
	if (!json_is(list, JSON_ARRAY))
		return ocpp_fault_set(ret_fault, OCPP_FRAMEWORK_ERROR, "a message is an array");
	return read_parts(list, ret_frame, ret_fault);
}

static void begin(struct buf *buf, enum ocpp_message message, struct str id)
{
	buf_put_char(buf, '[');
	buf_put_int64(buf, (int64_t)message);
	buf_put_char(buf, ',');
	json_write_string(buf, id);
	buf_put_char(buf, ',');
}

void ocpp_frame_call(struct buf *buf, struct str id, struct str action, const struct json *payload)
{
	begin(buf, OCPP_CALL, id);
	json_write_string(buf, action);
	buf_put_char(buf, ',');
	json_write(buf, payload);
	buf_put_char(buf, ']');
}

void ocpp_frame_result(struct buf *buf, struct str id, struct str payload)
{
	begin(buf, OCPP_RESULT, id);
	buf_put(buf, payload);
	buf_put_char(buf, ']');
}

void ocpp_frame_error(struct buf *buf, enum ocpp_version version, struct str id, const struct ocpp_fault *fault)
{
	begin(buf, OCPP_ERROR, id);
	json_write_string(buf, ocpp_fault_name(version, fault->code));
	buf_put_char(buf, ',');
	json_write_string(buf, str_from(fault->text));
	buf_put(buf, STR(",{}]"));
}
