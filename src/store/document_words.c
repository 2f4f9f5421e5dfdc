/* The words that packed documents have numbers for: those of the core context that instances are made of, of GeoJSON,
 * and some that nearly every city's data have.
 *
 * The numbers are part of the format: words are added at the end, never moved or taken out. */
#include "store/document_pack_int.h"

#include <assert.h>
#include <string.h>

#define WORD_BYTES 19 /* of the longest, and a NUL */

/* At equal distances, so that an address tells the number. */
static const char words[][WORD_BYTES] = {
	"id",
	"type",
	"value",
	"object",
	"createdAt",
	"modifiedAt",
	"observedAt",
	"unitCode",
	"datasetId",
	"scope",
	"expiresAt",
	"languageMap",
	"vocab",
	"json",
	"valueList",
	"objectList",
	"objectType",
	"instanceId",
	"previousValue",
	"deletedAt",
	"Property",
	"Relationship",
	"GeoProperty",
	"LanguageProperty",
	"VocabProperty",
	"JsonProperty",
	"ListProperty",
	"ListRelationship",
	"coordinates",
	"Point",
	"LineString",
	"Polygon",
	"MultiPoint",
	"MultiLineString",
	"MultiPolygon",
	"GeometryCollection",
	"geometry",
	"geometries",
	"Feature",
	"FeatureCollection",
	"properties",
	"bbox",
	"features",
	"@value",
	"@type",
	"@language",
	"@id",
	"DateTime",
	"Date",
	"Time",
	"entity",
	"entityList",
	"title",
	"description",
	"href",
	"name",
	"unit",
	"min",
	"max",
	"addressCountry",
	"addressLocality",
	"addressRegion",
	"addressStreet",
	"streetAddress",
	"postalCode",
	"streetNr",
	"district",
	"areaServed",
	"PostalAddress",
	"CEL",
	"P1",
	"MTR",
	"KMH",
	"MTS",
	"DD",
	"C62",
	"KWH",
	"WTT",
	"KGM",
	"GQ",
	"LUX",
	"2N",
	"HPA",
	"MBR",
	"MMT",
	"VLT",
	"AMP",
	"HTZ",
	"LTR",
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static_assert(WORDS <= PACK_WORDS_MAX, "a byte says which");

/* Their numbers by length, where those of each length begin, and the lengths: test_document_pack holds them
 * together. */
static const uint8_t by_len[WORDS] = {
	0,  70, 74, 79, 81, 46, 57, 58, 69, 71, 72, 73, 75, 76, 77, 78, 80, 82, 83, 84, 85, 86, 87,
	88, 1,  13, 41, 48, 49, 54, 55, 56, 2,  9,  12, 29, 44, 52, 3,  43, 50, 31, 38, 7,  20, 36,
	42, 47, 65, 66, 4,  8,  10, 14, 19, 45, 5,  6,  15, 16, 17, 30, 32, 37, 40, 51, 64, 67, 11,
	22, 28, 53, 21, 25, 26, 34, 18, 24, 61, 62, 63, 68, 59, 33, 60, 23, 27, 39, 35,
};
static const uint8_t len_start[WORD_BYTES + 1] = {0,  0,  0,  5,  24, 32, 38, 41, 43, 50,
						  56, 68, 72, 76, 82, 83, 85, 87, 88, 89};
static const uint8_t lens[WORDS] = {
	2,  4,  5,  6,  9,  10, 10, 8,  9, 5,  9,  11, 5,  4,  9,  10, 10, 10, 13, 9, 8, 12, 11,
	16, 13, 12, 12, 16, 11, 5,  10, 7, 10, 15, 12, 18, 8,  10, 7,  17, 10, 4,  8, 6, 5,  9,
	3,  8,  4,  4,  6,  10, 5,  11, 4, 4,  4,  3,  3,  14, 15, 13, 13, 13, 10, 8, 8, 10, 13,
	3,  2,  3,  3,  3,  2,  3,  3,  3, 3,  2,  3,  2,  3,  3,  3,  3,  3,  3,  3,
};

struct str document_word(unsigned number)
{
	return number < WORDS ? (struct str){words[number], lens[number]} : STR_NONE;
}

int document_word_number(struct str text)
{
	uintptr_t away = (uintptr_t)text.at - (uintptr_t)words;

	if (away < sizeof(words) && away % WORD_BYTES == 0 && text.len == lens[away / WORD_BYTES])
		return (int)(away / WORD_BYTES);
	if (text.len == 0 || text.len >= WORD_BYTES)
		return -1;
	for (unsigned i = len_start[text.len]; i < len_start[text.len + 1]; i++)
		if (words[by_len[i]][0] == text.at[0] && memcmp(words[by_len[i]], text.at, text.len) == 0)
			return by_len[i];
	return -1;
}
