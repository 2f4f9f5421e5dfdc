/* TLS to a broker. libmosquitto is given an address, since the policy decides on addresses, and would hold the
 * certificate against that; so the context is ours: it verifies the name of the URI, and sends it for SNI, which
 * libmosquitto sets to the address when it has made the session and before the handshake begins. */
#include "net/mqtt_int.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void on_progress(const SSL *session, int where, int value)
{
	(void)value;
	if (!(where & SSL_CB_HANDSHAKE_START))
		return;
	const struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session));

	/* SNI is for names only (RFC 6066, 3). A failure leaves none, and the certificate decides. */
	(void)SSL_set_tlsext_host_name((SSL *)(uintptr_t)session,
				       (char *)(uintptr_t)(is_address(tls->host) ? NULL : tls->host));
}

/* Only listens: libmosquitto may have freed the session before it says that it failed. */
static int on_verified(int good, X509_STORE_CTX *store)
{
	const SSL *session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session));

	if (!good)
		tls->trouble = X509_STORE_CTX_get_error(store);
	return good;
}

static bool set_up(struct mqtt_tls *tls, X509_STORE *store)
{
	SSL_CTX *context = tls->context;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	SSL_CTX_set1_cert_store(context, store);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verified);
	SSL_CTX_set_info_callback(context, on_progress);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_CTX_set_app_data(context, (char *)tls) == 1 &&
	       SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       (is_address(tls->host) ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->host)
				      : X509_VERIFY_PARAM_set1_host(param, tls->host, 0)) == 1;
}

enum err_code mqtt_tls_init(struct mqtt_tls *tls, X509_STORE **store, const char *host, struct error *err)
{
	if (!*store) {
		*store = X509_STORE_new();
		if (!*store || X509_STORE_set_default_paths(*store) != 1) {
			X509_STORE_free(*store);
			*store = NULL;
			return err_set(err, ERR_IO, "the system's certificates cannot be read");
		}
	}
	*tls = (struct mqtt_tls){.context = SSL_CTX_new(TLS_client_method()), .host = host};
	if (!tls->context || !set_up(tls, *store)) {
		mqtt_tls_done(tls);
		return err_set(err, ERR_MEMORY, "no memory for TLS");
	}
	return ERR_OK;
}

static enum err_code use_files(struct mqtt_tls *tls, const char *certificate, const char *key, struct error *err)
{
	if (certificate && SSL_CTX_use_certificate_chain_file(tls->context, certificate) != 1)
		return err_set(err, ERR_IO, "the certificate %s cannot be read", certificate);
	if (key && SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1)
		return err_set(err, ERR_IO, "the key %s cannot be read", key);
	if (certificate && key && SSL_CTX_check_private_key(tls->context) != 1)
		return err_set(err, ERR_INVALID, "the key %s does not belong to the certificate %s", key, certificate);
	return ERR_OK;
}

enum err_code mqtt_tls_init_files(struct mqtt_tls *tls, const char *trusted, const char *certificate, const char *key,
				  const char *host, struct error *err)
{
	X509_STORE *store = NULL;

	ERR_clear_error();
	if (trusted) {
		store = X509_STORE_new();
		if (!store || X509_STORE_load_file(store, trusted) != 1) {
			X509_STORE_free(store);
			return err_set(err, ERR_IO, "the certificates in %s cannot be read", trusted);
		}
	}
	enum err_code code = mqtt_tls_init(tls, &store, host, err);

	X509_STORE_free(store); /* the context has its own reference */
	if (!code)
		code = use_files(tls, certificate, key, err);
	if (code)
		mqtt_tls_done(tls);
	ERR_clear_error();
	return code;
}

void mqtt_tls_done(struct mqtt_tls *tls)
{
	SSL_CTX_free(tls->context);
	*tls = (struct mqtt_tls){0};
}
