/* One field of a struct, by its setting: default, assignment, comparison, release. base is the struct. */
#ifndef TM_CONFIG_FIELD_H
#define TM_CONFIG_FIELD_H

#include "server/config/config_table.h"
#include "server/config/config_value.h"

/* Frees what the field owns and zeroes it. */
void field_clear(const struct setting *setting, void *base);

/* Puts the default in place; the field is empty before. TM_NOMEM. */
enum tm_err field_default(const struct setting *setting, void *base) TM_MUST_CHECK;

/* Every default of the table. TM_NOMEM: what was made is still owned by base. */
enum tm_err field_default_all(struct setting_table table, void *base) TM_MUST_CHECK;

/* Frees all that the struct owns. */
void field_clear_all(struct setting_table table, void *base);

/* Reads text into a field that is no list, and checks it. TM_INVALID: why; the field is as before. TM_NOMEM.
 */
enum tm_err field_assign(const struct setting *setting, void *base, struct str text,
                         struct tm_why *why) TM_MUST_CHECK;

/* Adds an item to a list of texts or words. TM_INVALID: why, and the text is added all the same, so that the
 * list keeps step with the file. TM_NOMEM. */
enum tm_err field_append(const struct setting *setting, void *base, struct str text,
                         struct tm_why *why) TM_MUST_CHECK;

/* Replaces a heap text by a copy of the new one, which may be a view into the old. TM_NOMEM. */
enum tm_err field_replace(char **text, struct str by) TM_MUST_CHECK;

/* Have the fields of both structs the same value? */
bool field_equal(const struct setting *setting, const void *a, const void *b);

/* Each has the value of the other from then on. Not of records. */
void field_swap(const struct setting *setting, void *a, void *b);

/* The number in a field of a bool, integer, duration or size setting. */
int64_t field_number(const struct setting *setting, const void *base);
/* The text of a string or word setting; NULL if unset. */
const char *field_text(const struct setting *setting, const void *base);
/* The list of a strings or words setting. */
const struct config_strings *field_strings(const struct setting *setting, const void *base);
/* The structs of a records setting; borrowed. */
struct records {
    char *items;
    size_t count;
};

/* All that it has; none: items may be NULL. */
struct records field_records(const struct setting *setting, const void *base);
/* Makes room for count zeroed structs in an empty records field and gives the first; count stays 0 until
 * field_records_count sets it. NULL: no memory. */
char *field_records_new(const struct setting *setting, void *base, size_t count);

/* Sets how many of field_records_new's there are: from then on they are owned like any value. */
void field_records_count(const struct setting *setting, void *base, size_t count);

/* The number in words, by the setting's type. */
struct value_text field_number_text(const struct setting *setting, int64_t number);

#endif
