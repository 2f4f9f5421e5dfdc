/* Documents as bytes of their own, a sixth as long as their JSON and read without a parser: what the rows of entities
 * and of the history hold.
 *
 * A packed document is the tree in its order: a byte for what comes, then lengths and numbers as varints (seven bits a
 * byte, the lowest first). Names of attributes and types are numbers of the store's dictionary, the words of NGSI-LD
 * and GeoJSON are a byte each (document_words.c), integers and decimals of ordinary length are binary, and a stamp or a
 * text that was there before is a byte that says which one: an entity's attributes share most of theirs.
 *
 *   format    byte, 1
 *   value     00 null, 01 false, 02 true
 *             03 text: length, bytes; 60-7F text of 0 to 31 bytes
 *             04 text that is a name: its number
 *             05 integer, zigzag; 20-2F integer 0 to 15
 *             06 decimal: byte, how many decimals; all digits as an integer, zigzag
 *             07 any other number: its double (8 bytes, little-endian), byte 1 if integer, length, token
 *             08 array: count, values; 30-3F array of 0 to 15
 *             09 object: count, members; 40-5F object of 0 to 31
 *             0A text that is a moment in its shortest form, "2026-11-22T04:21:00Z": seconds since 1970, zigzag
 *             0B the same with 3 or 6 decimals: microseconds
 *             10-1F the n-th of the texts of 8 to 64 bytes, not counting names and words, and of the integers of 6
 *                   digits and more, of which the first 16 are noted as they come
 *             80-FF word
 *   member    its key, its value
 *   key       00 length, bytes; 01 name: its number; 02-7F name 1 to 126; 80-FF word
 *
 * What comes out is what went in, to the letter: members in order, numbers as written. Pure; thread: any. */
#ifndef MACHI_STORE_DOCUMENT_PACK_H
#define MACHI_STORE_DOCUMENT_PACK_H

#include "json/json.h"

/* The store's names. Both functions return what became of asking; self is theirs. */
struct document_names {
	void *self;
	/* The number of an IRI, which is added when it is new; *ret_number is at least 1. */
	enum err_code (*number_of)(void *self, struct str iri, int64_t *ret_number, struct error *err);
	/* The IRI of a number: it lives as long as the arena, or, arena NULL, until the next question.
	 * ERR_CORRUPT: there is none. */
	enum err_code (*name_of)(void *self, int64_t number, struct arena *arena, struct str *ret_iri,
				 struct error *err);
};

enum document_kind { DOCUMENT_ENTITY, DOCUMENT_INSTANCE };

/* Appends the packed entity, or instance of an attribute, to the buffer. *ret_packed is false when it is too deep or
 * too large for that: what was appended is of no use then, and the document stays text. *ret_expires says whether a
 * member is named expiresAt. Errors: those of number_of, and ERR_MEMORY. */
MUST_CHECK enum err_code document_pack(const struct json *document, enum document_kind kind,
				       const struct document_names *names, struct buf *out, bool *ret_packed,
				       bool *ret_expires, struct error *err);

/* The tree, in the arena; names lie where name_of has them. Errors: ERR_CORRUPT, ERR_MEMORY, those of name_of. */
MUST_CHECK enum err_code document_unpack(struct str packed, const struct document_names *names, struct arena *arena,
					 struct json **ret_document, struct error *err);

/* Appends the text that json_write() writes of the tree. Errors: also the buffer's. */
MUST_CHECK enum err_code document_unpack_text(struct str packed, const struct document_names *names, struct buf *text,
					      struct error *err);

#endif
