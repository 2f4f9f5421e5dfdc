/* SHA-256 of files: what tells a backup's bytes from others. */
#include "main/digest.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define BLOCK_BYTES 65536u
#define SHA256_BYTES 32u

static enum err_code hash_all(gnutls_hash_hd_t hash, int fd, const char *path, struct error *err)
{
	char block[BLOCK_BYTES];

	for (;;) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got == 0)
			return ERR_OK;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
		if (gnutls_hash(hash, block, (size_t)got) != 0)
			return err_set(err, ERR_INTERNAL, "GnuTLS cannot hash %s", path);
	}
}

enum err_code digest_file(const char *path, char ret_hex[static DIGEST_HEX_BYTES], struct error *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char bytes[SHA256_BYTES];
	gnutls_hash_hd_t hash;

	if (fd < 0)
		return err_set(err, ERR_IO, "cannot open %s: %s", path, strerror(errno));
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0)
		return err_set(err, ERR_MEMORY, "GnuTLS offers no SHA-256");
	enum err_code code = hash_all(hash, fd, path, err);

	gnutls_hash_deinit(hash, bytes);
	for (size_t i = 0; i < SHA256_BYTES && !code; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
	return code;
}
