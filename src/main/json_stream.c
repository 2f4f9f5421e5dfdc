/* Finding the objects of a long text by counting brackets outside of strings. */
#include "main/json_stream.h"

void json_stream_init(struct json_stream *stream, size_t object_bytes_max,
		      enum err_code (*object)(void *self, struct str bytes, uint64_t line, struct error *err),
		      void *self)
{
	*stream = (struct json_stream){.object = object, .self = self, .line = 1};
	buf_init(&stream->bytes, object_bytes_max);
}

void json_stream_done(struct json_stream *stream)
{
	buf_done(&stream->bytes);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum err_code unexpected(const struct json_stream *stream, char c, const char *expected, struct error *err)
{
	if (c > ' ' && c <= '~')
		return err_set(err, ERR_INVALID, "line %llu: expected %s, not \"%c\"", (unsigned long long)stream->line,
			       expected, c);
	return err_set(err, ERR_INVALID, "line %llu: expected %s, not byte 0x%02x", (unsigned long long)stream->line,
		       expected, (unsigned char)c);
}

static enum err_code close_array(struct json_stream *stream, struct error *err)
{
	if (stream->comma_seen)
		return unexpected(stream, ']', "an entity behind the comma", err);
	stream->in_array = false;
	stream->array_over = true;
	return ERR_OK;
}

/* A character between objects. */
static enum err_code take_outside(struct json_stream *stream, char c, bool first, struct error *err)
{
	if (stream->array_over)
		return unexpected(stream, c, "the end of the text", err);
	if (c == '[' && first) {
		stream->in_array = true;
		return ERR_OK;
	}
	if (stream->in_array && c == ']')
		return close_array(stream, err);
	if (stream->in_array && stream->comma_due) {
		if (c != ',')
			return unexpected(stream, c, "a comma or the end of the array", err);
		stream->comma_due = false;
		stream->comma_seen = true;
		return ERR_OK;
	}
	if (c != '{')
		return unexpected(stream, c, "an entity (\"{\")", err);
	stream->comma_seen = false;
	stream->depth = 1;
	stream->object_line = stream->line;
	buf_clear(&stream->bytes);
	buf_put_char(&stream->bytes, c);
	return ERR_OK;
}

/* Bytes of an object up to its end; returns how many of chunk belong to it. */
static size_t take_inside(struct json_stream *stream, struct str chunk)
{
	size_t at = 0;

	while (at < chunk.len && stream->depth > 0) {
		char c = chunk.at[at++];

		stream->line += c == '\n';
		if (stream->escaped)
			stream->escaped = false;
		else if (stream->in_string && c == '\\')
			stream->escaped = true;
		else if (c == '"')
			stream->in_string = !stream->in_string;
		else if (!stream->in_string && (c == '{' || c == '['))
			stream->depth++;
		else if (!stream->in_string && (c == '}' || c == ']'))
			stream->depth--;
	}
	buf_put(&stream->bytes, str_part(chunk, 0, at));
	return at;
}

enum err_code json_stream_feed(struct json_stream *stream, struct str chunk, struct error *err)
{
	enum err_code code = ERR_OK;

	for (size_t at = 0; at < chunk.len && !code;) {
		if (stream->depth == 0) {
			char c = chunk.at[at++];
			bool first = stream->object_line == 0 && !stream->in_array;

			stream->line += c == '\n';
			if (!is_blank(c))
				code = take_outside(stream, c, first, err);
			continue;
		}
		at += take_inside(stream, str_part(chunk, at, chunk.len));
		if (buf_check(&stream->bytes, "an entity", err))
			return err_while(err, "reading from line %llu", (unsigned long long)stream->object_line);
		if (stream->depth == 0) {
			stream->comma_due = true;
			code = stream->object(stream->self, buf_str(&stream->bytes), stream->object_line, err);
		}
	}
	return code;
}

enum err_code json_stream_finish(struct json_stream *stream, struct error *err)
{
	if (stream->depth > 0)
		return err_set(err, ERR_INVALID, "line %llu: the entity that begins here is not closed",
			       (unsigned long long)stream->object_line);
	if (stream->in_array)
		return err_set(err, ERR_INVALID, "line %llu: the array is not closed",
			       (unsigned long long)stream->line);
	return ERR_OK;
}
