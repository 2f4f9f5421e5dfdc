/* Prints what the tables of src/echonet say, a line of JSON for each value of each class, for echonet_tables.mjs. */
#include "echonet/schema.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const forms[] = {"unsigned", "signed", "state", "switch", "text", "bytes", "date", "power"};

static void print_words(const struct echonet_field *field)
{
	(void)printf(",\"codes\":[");
	for (const struct echonet_word *word = field->words; word && word->word; word++)
		(void)printf("%s%u", word == field->words ? "" : ",", word->code);
	(void)printf("]");
}

static void print_class(const struct echonet_class *class)
{
	for (size_t i = 0; i < class->field_count; i++) {
		const struct echonet_field *field = &class->fields[i];

		(void)printf(
			"{\"class\":\"%04X\",\"epc\":\"%02X\",\"last\":\"%02X\",\"name\":\"%s\",\"bytes\":%u,\"at\":%u,"
			"\"size\":%u,\"form\":\"%s\",\"exponent\":%d,\"min\":%lld,\"max\":%lld,\"unit\":\"%s\","
			"\"timed\":%s",
			class->code, field->epc, field->epc_last ? field->epc_last : field->epc, field->name,
			field->bytes, field->at, field->size, forms[field->form], field->exponent,
			(long long)field->min, (long long)field->max, field->unit ? field->unit : "",
			field->timed ? "true" : "false");
		print_words(field);
		(void)printf("}\n");
	}
}

int main(void)
{
	const struct echonet_class *class;

	print_class(echonet_class_common());
	print_class(echonet_class_node());
	for (size_t i = 0; (class = echonet_class_at(i)); i++)
		print_class(class);
	return EXIT_SUCCESS;
}
