/* Random names as text. */
#include "broker/random_id.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 16u

static enum err_code draw(uint8_t bytes[static RANDOM_BYTES], struct error *err)
{
	/* So few come whole, or not at all. */
	if (getrandom(bytes, RANDOM_BYTES, 0) != (ssize_t)RANDOM_BYTES)
		return err_set(err, ERR_IO, "no random numbers for an id: %s", strerror(errno));
	return ERR_OK;
}

static char *put_byte(char *to, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	*to++ = digits[byte >> 4];
	*to++ = digits[byte & 15];
	return to;
}

enum err_code random_id(char id[static RANDOM_ID_BYTES], struct error *err)
{
	uint8_t bytes[RANDOM_BYTES];
	enum err_code code = draw(bytes, err);

	for (size_t i = 0; code == ERR_OK && i < RANDOM_BYTES; i++)
		id = put_byte(id, bytes[i]);
	if (code == ERR_OK)
		*id = '\0';
	return code;
}

enum err_code random_uuid(char uuid[static RANDOM_UUID_BYTES], struct error *err)
{
	uint8_t bytes[RANDOM_BYTES];
	enum err_code code = draw(bytes, err);

	if (code != ERR_OK)
		return code;
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* variant 10 */
	for (size_t i = 0; i < RANDOM_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*uuid++ = '-';
		uuid = put_byte(uuid, bytes[i]);
	}
	*uuid = '\0';
	return ERR_OK;
}
