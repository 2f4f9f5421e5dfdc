/* The opening handshake of a WebSocket, a server's side (RFC 6455 section 4.2). */
#include "net/http_int.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define KEY_CHARS 24 /* 16 bytes in base64 (RFC 4648 section 4) */
#define KEY_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */
#define SHA1_BYTES 20

static bool has_token(struct str list, struct str token)
{
	struct str item;

	while (list.at && str_next(&list, ',', &item))
		if (str_eq_nocase(str_trim(item), token))
			return true;
	return false;
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool is_key(struct str key)
{
	if (key.len != KEY_CHARS || memcmp(key.at + KEY_CHARS - 2, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < KEY_CHARS - 2; i++)
		if (!is_base64(key.at[i]))
			return false;
	return true;
}

static int refuse(const char **ret_reason, int status, const char *reason)
{
	*ret_reason = reason;
	return status;
}

int http_websocket_check(struct http_request *request, const char **ret_reason)
{
	if (!request->http_1_1 || !str_eq(request->method, STR("GET")) ||
	    !has_token(http_request_header(request, STR("Upgrade")), STR("websocket")))
		return 0;
	if (!has_token(http_request_header(request, STR("Connection")), STR("upgrade")))
		return refuse(
			ret_reason, MHD_HTTP_BAD_REQUEST,
			"\"Upgrade: websocket\" came without \"Connection: Upgrade\": a proxy may have dropped it");
	if (!str_eq(http_request_header(request, STR("Sec-WebSocket-Version")), STR("13"))) {
		(void)http_response_header(request, "Sec-WebSocket-Version", STR("13"));
		(void)http_response_header(request, "Upgrade", STR("websocket")); /* RFC 9110 sections 15.5.22, 7.8 */
		(void)http_response_header(request, "Connection", STR("Upgrade"));
		return refuse(ret_reason, MHD_HTTP_UPGRADE_REQUIRED, "of the WebSocket protocol, version 13 is spoken");
	}
	if (!is_key(http_request_header(request, STR("Sec-WebSocket-Key"))))
		return refuse(ret_reason, MHD_HTTP_BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64");
	if (request->body_len > 0 || request->last)
		return refuse(ret_reason, MHD_HTTP_BAD_REQUEST, "a WebSocket handshake has no body");
	return MHD_HTTP_SWITCHING_PROTOCOLS;
}

struct str http_websocket_subprotocol(const struct http_request *request, const char *const *known, size_t count)
{
	struct str offered = http_request_header(request, STR("Sec-WebSocket-Protocol")), item;

	while (offered.at && str_next(&offered, ',', &item))
		for (size_t i = 0; i < count; i++)
			if (str_eq(str_trim(item), str_from(known[i])))
				return str_from(known[i]);
	return STR_NONE;
}

bool http_websocket_accept(struct str key, char ret_accept[static HTTP_ACCEPT_BYTES])
{
	char text[KEY_CHARS + sizeof(KEY_GUID)];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_bytes = 0;
	int len = snprintf(text, sizeof(text), "%.*s" KEY_GUID, STR_FMT(key));

	if (len != sizeof(text) - 1 || EVP_Digest(text, (size_t)len, digest, &digest_bytes, EVP_sha1(), NULL) != 1 ||
	    digest_bytes != SHA1_BYTES)
		return false;
	return EVP_EncodeBlock((unsigned char *)ret_accept, digest, SHA1_BYTES) == HTTP_ACCEPT_BYTES - 1;
}
