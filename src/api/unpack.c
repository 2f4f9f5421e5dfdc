/* Bodies that come gzipped. */
#include "api/api_int.h"

#include <zlib.h>

#define GZIP_WINDOW_BITS (16 + MAX_WBITS)
#define GZIP_LENGTH_BYTES 4u /* at the end of a stream */
#define GZIP_BYTES_MIN 18u
#define GZIP_RATIO_MAX 1040u /* deflate's 258 bytes in two bits, and a little */

/* What the stream's end says of its length unpacked (RFC 1952 section 2.3.1). Nobody need believe it. */
static size_t said_bytes(struct str packed, size_t bytes_max)
{
	size_t bytes = 0;

	for (size_t i = 0; i < GZIP_LENGTH_BYTES && packed.len >= GZIP_BYTES_MIN; i++)
		bytes |= (size_t)(unsigned char)packed.at[packed.len - GZIP_LENGTH_BYTES + i] << (8 * i);
	/* Nothing packs better than a thousand to one. */
	if (bytes > packed.len * GZIP_RATIO_MAX)
		bytes = packed.len * GZIP_RATIO_MAX;
	return bytes < bytes_max ? bytes : bytes_max;
}

static enum err_code inflate_all(struct call *call, z_stream *stream, struct str packed, size_t bytes_max,
				 struct str *ret)
{
	size_t room = 0, wanted = said_bytes(packed, bytes_max) + 1; /* one more tells whether it is the end */
	char *to = http_request_scratch(call->request, wanted, &room);

	if (!to)
		return err_set(&call->error, ERR_MEMORY, "no memory to unpack a body");
	stream->next_out = (unsigned char *)to;
	stream->avail_out = (unsigned int)room;
	int rc = inflate(stream, Z_FINISH);

	if (rc == Z_STREAM_END && stream->avail_in == 0 && stream->total_out <= bytes_max) {
		*ret = (struct str){to, stream->total_out};
		return ERR_OK;
	}
	if (rc == Z_MEM_ERROR)
		return err_set(&call->error, ERR_MEMORY, "no memory to unpack a body");
	if (stream->total_out >= bytes_max)
		return err_set(&call->error, ERR_LIMIT, "a body of more than %zu bytes when unpacked", bytes_max);
	return err_set(&call->error, ERR_INVALID, "the body is not one whole gzip stream");
}

static enum err_code unpack(struct call *call, struct str packed, size_t bytes_max, struct str *ret)
{
	z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed.at, .avail_in = (unsigned int)packed.len};

	if (packed.len > bytes_max)
		return err_set(&call->error, ERR_LIMIT, "a body of more than %zu bytes", bytes_max);
	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return err_set(&call->error, ERR_MEMORY, "no memory to unpack a body");
	enum err_code code = inflate_all(call, &stream, packed, bytes_max, ret);

	(void)inflateEnd(&stream);
	return code;
}

enum err_code call_unpacked_body(struct call *call, size_t bytes_max, struct str *ret)
{
	struct str coding = http_request_header(call->request, STR("Content-Encoding"));
	struct str body = http_request_body(call->request);

	*ret = body;
	if (coding.len == 0 || str_eq_nocase(coding, STR("identity")))
		return ERR_OK;
	if (!str_eq_nocase(coding, STR("gzip")))
		return err_set(&call->error, ERR_INVALID, "the content encoding \"%.*s\" is not known, gzip is",
			       STR_FMT(str_part(coding, 0, 40)));
	return unpack(call, body, bytes_max, ret);
}
