/* What everything that goes out over libcurl shares. The policy of addresses is asked for each address just before its
 * socket is made. */
#include "net/http_outgoing_int.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

int64_t http_outgoing_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum err_code http_outgoing_start(struct error *err)
{
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_THREADSAFE))
		return err_set(err, ERR_UNSUPPORTED, "this libcurl was built without thread safety");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_MEMORY, "libcurl does not start");
	return ERR_OK;
}

/* ---- URLs ---- */

void http_url_done(struct http_url *url)
{
	curl_free(url->host);
	curl_url_cleanup(url->parts);
	*url = (struct http_url){0};
}

/* A text with "@" may hold a password, and what cannot be taken apart cannot be shown without it. */
static enum err_code no_url(const char *text, struct error *err)
{
	if (strchr(text, '@'))
		return err_set(err, ERR_INVALID, "not a URL of http or https (it has a user and is not shown)");
	return err_set(err, ERR_INVALID, "not a URL of http or https: \"%.100s\"", text);
}

enum err_code http_url_take(struct http_url *url, const char *text, struct error *err)
{
	char *scheme = NULL;

	http_url_done(url);
	url->parts = curl_url();
	if (!url->parts)
		return err_set(err, ERR_MEMORY, "no memory for a URL");
	bool good = strlen(text) <= HTTP_URL_BYTES_MAX &&
		    curl_url_set(url->parts, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		    curl_url_get(url->parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(url->parts, CURLUPART_HOST, &url->host, 0) == CURLUE_OK && url->host[0];

	url->secure = good && strcmp(scheme, "https") == 0;
	good = good && (url->secure || strcmp(scheme, "http") == 0);
	curl_free(scheme);
	if (good)
		return ERR_OK;
	http_url_done(url);
	return no_url(text, err);
}

char *http_url_shown(const struct http_url *url, bool hides_query)
{
	CURLU *shown = curl_url_dup(url->parts);
	char *text = NULL;

	if (!shown)
		return NULL;
	(void)curl_url_set(shown, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(shown, CURLUPART_PASSWORD, NULL, 0);
	if (hides_query)
		(void)curl_url_set(shown, CURLUPART_QUERY, NULL, 0);
	(void)curl_url_get(shown, CURLUPART_URL, &text, 0);
	curl_url_cleanup(shown);
	return text;
}

/* ---- the gate ---- */

/* Called for each address that the host resolved to, in the order in which libcurl tries them. */
static curl_socket_t on_socket(void *cls, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_gate *gate = cls;

	(void)purpose;
	if (gate->policy && !address_policy_allows(gate->policy, str_from(gate->host), &address->addr)) {
		struct str text = address_text(&address->addr, gate->address);

		if (text.at != gate->address)
			(void)snprintf(gate->address, sizeof(gate->address), "%.*s", STR_FMT(text));
		gate->denied = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool http_outgoing_guard(CURL *curl, struct http_gate *gate, const char *user_agent)
{
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, user_agent ? user_agent : "machi");
	bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, gate);
	return bad == CURLE_OK;
}
