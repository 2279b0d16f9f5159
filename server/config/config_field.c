#include "server/config/config_field.h"

#include <assert.h>
#include <stdlib.h>

#include "server/config/config_fault.h"
#include "server/config/config_value.h"

static char *copy_text(struct str text)
{
    char *copy = malloc(text.len + 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static const void *field_at(const struct setting *setting, const void *base)
{
    return (const char *)base + setting->offset;
}

static struct config_strings *strings_of(const struct setting *setting, void *base)
{
    return (struct config_strings *)(void *)((char *)base + setting->offset);
}

static void set_pointer(const struct setting *setting, void *base, void *pointer)
{
    memcpy((char *)base + setting->offset, &pointer, sizeof pointer);
}

int64_t field_number(const struct setting *setting, const void *base)
{
    int64_t number = 0;
    if (setting->type == SETTING_BOOL) {
        bool is_set;
        memcpy(&is_set, field_at(setting, base), sizeof is_set);
        return is_set;
    }
    memcpy(&number, field_at(setting, base), sizeof number);
    return number;
}

const char *field_text(const struct setting *setting, const void *base)
{
    char *text;
    memcpy(&text, field_at(setting, base), sizeof text);
    return text;
}

const struct config_strings *field_strings(const struct setting *setting, const void *base)
{
    return field_at(setting, base);
}

struct records field_records(const struct setting *setting, const void *base)
{
    struct records records;
    memcpy(&records.items, field_at(setting, base), sizeof records.items);
    memcpy(&records.count, (const char *)base + setting->records->count_offset, sizeof records.count);
    return records;
}

char *field_records_new(const struct setting *setting, void *base, size_t count)
{
    char *items = calloc(count, setting->records->item_size);
    set_pointer(setting, base, items);
    return items;
}

void field_records_count(const struct setting *setting, void *base, size_t count)
{
    memcpy((char *)base + setting->records->count_offset, &count, sizeof count);
}

static void clear_strings(struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->at[i]);
    free(strings->at);
    *strings = (struct config_strings){NULL, 0};
}

static void clear_records(const struct setting *setting, void *base)
{
    struct records records = field_records(setting, base);
    for (size_t i = 0; i < records.count; i++)
        field_clear_all(setting->records->fields, records.items + i * setting->records->item_size);
    free(records.items);
    set_pointer(setting, base, NULL);
    field_records_count(setting, base, 0);
}

void field_clear(const struct setting *setting, void *base)
{
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_WORD: {
        char *text;
        memcpy(&text, field_at(setting, base), sizeof text);
        free(text);
        set_pointer(setting, base, NULL);
        break;
    }
    case SETTING_STRINGS:
    case SETTING_WORDS:
        clear_strings(strings_of(setting, base));
        break;
    case SETTING_RECORDS:
        clear_records(setting, base);
        break;
    default: /* numbers own nothing */
        break;
    }
}

void field_clear_all(struct setting_table table, void *base)
{
    for (size_t i = 0; i < table.count; i++)
        field_clear(&table.at[i], base);
}

/* Items of `[a, b]`; the defaults hold no commas of their own. */
static enum tm_err append_defaults(const struct setting *setting, void *base)
{
    const char *at = setting->default_text + 1;
    while (*at != ']') {
        size_t len = strcspn(at, ",]");
        enum tm_err err = field_append(setting, base, (struct str){at, len}, NULL);
        if (err)
            return err;
        at += len;
        at += strspn(at, ", ");
    }
    return TM_OK;
}

enum tm_err field_default(const struct setting *setting, void *base)
{
    enum tm_err err = TM_OK;
    if (!setting->default_text || setting->type == SETTING_RECORDS)
        return TM_OK; /* zero is unset, and empty */
    if (setting->type == SETTING_STRINGS || setting->type == SETTING_WORDS)
        err = append_defaults(setting, base);
    else
        err = field_assign(setting, base, str_of(setting->default_text), NULL);
    assert(err == TM_OK || err == TM_NOMEM); /* else the table contradicts itself */
    return err;
}

enum tm_err field_default_all(struct setting_table table, void *base)
{
    for (size_t i = 0; i < table.count; i++) {
        enum tm_err err = field_default(&table.at[i], base);
        if (err)
            return err;
    }
    return TM_OK;
}

struct value_text field_number_text(const struct setting *setting, int64_t number)
{
    if (setting->type == SETTING_DURATION)
        return value_duration_text(number);
    return setting->type == SETTING_SIZE ? value_size_text(number) : value_integer_text(number);
}

static enum tm_err assign_bool(const struct setting *setting, void *base, struct str text, struct tm_why *why)
{
    bool value;
    enum tm_err err = value_bool(text, &value, why);
    if (!err)
        memcpy((char *)base + setting->offset, &value, sizeof value);
    return err;
}

static enum tm_err assign_number(const struct setting *setting, void *base, struct str text,
                                 struct tm_why *why)
{
    int64_t value;
    enum tm_err err = setting->type == SETTING_DURATION ? value_duration(text, &value, why)
                      : setting->type == SETTING_SIZE   ? value_size(text, &value, why)
                                                        : value_integer(text, &value, why);
    if (err)
        return err;
    if (value < setting->min || value > setting->max)
        return tm_fail(why, TM_INVALID, "%s is out of bounds; choose a value from %s to %s",
                       fault_shown(text).text, field_number_text(setting, setting->min).text,
                       field_number_text(setting, setting->max).text);
    memcpy((char *)base + setting->offset, &value, sizeof value);
    return TM_OK;
}

/* "a, b, c" */
static void join_words(const char *const *words, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; words[i] && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", words[i]);
}

static enum tm_err check_word(const struct setting *setting, struct str text, struct tm_why *why)
{
    char all[120];
    for (const char *const *word = setting->words; *word; word++)
        if (str_equal(str_of(*word), text))
            return TM_OK;
    join_words(setting->words, all, sizeof all);
    return tm_fail(why, TM_INVALID, "\"%s\" is not known here; write %s%s", fault_shown(text).text,
                   setting->words[1] ? "one of " : "", all);
}

/* The length bounds of a text; those of a list count its items, whose texts have a bound of their own. */
static enum tm_err check_length(const struct setting *setting, struct str text, struct tm_why *why)
{
    enum { ITEM_BYTES_MAX = 1024 };
    bool is_item = setting->type == SETTING_STRINGS;
    int64_t min = is_item ? 1 : setting->min;
    int64_t max = is_item ? ITEM_BYTES_MAX : setting->max;
    int64_t len = (int64_t)text.len;
    if (len == 0 && min > 0)
        return tm_fail(why, TM_INVALID, "the text is empty; write a %s", setting->kind);
    if (len < min)
        return tm_fail(why, TM_INVALID, "the text is only %lld bytes long; write at least %lld",
                       (long long)len, (long long)min);
    if (len > max)
        return tm_fail(why, TM_INVALID, "the text is %lld bytes long; shorten it to %lld bytes",
                       (long long)len, (long long)max);
    return TM_OK;
}

/* Secrets are not quoted in messages, so they are not looked at by checks that do. */
static enum tm_err check_value(const struct setting *setting, struct str text, struct tm_why *why)
{
    if (setting->type == SETTING_WORD || setting->type == SETTING_WORDS)
        return check_word(setting, text, why);
    enum tm_err err = check_length(setting, text, why);
    if (err)
        return err;
    if (setting->hidden)
        return memchr(text.ptr, '\0', text.len) ? tm_fail(why, TM_INVALID, "holds a NUL byte; remove it")
                                                : TM_OK;
    return check_text(text, why);
}

/* Copies the text and checks it; the copy is handed out also when it is invalid, NULL if there is no memory.
 */
static enum tm_err make_text(const struct setting *setting, struct str text, char **out, struct tm_why *why)
{
    enum tm_err err = check_value(setting, text, why);
    *out = copy_text(text);
    if (!*out)
        return TM_NOMEM;
    return !err && setting->check ? setting->check(*out, why) : err;
}

static enum tm_err assign_text(const struct setting *setting, void *base, struct str text, struct tm_why *why)
{
    char *value;
    enum tm_err err = make_text(setting, text, &value, why);
    if (err) {
        free(value);
        return err;
    }
    field_clear(setting, base);
    set_pointer(setting, base, value);
    return TM_OK;
}

enum tm_err field_assign(const struct setting *setting, void *base, struct str text, struct tm_why *why)
{
    switch (setting->type) {
    case SETTING_BOOL:
        return assign_bool(setting, base, text, why);
    case SETTING_INTEGER:
    case SETTING_DURATION:
    case SETTING_SIZE:
        return assign_number(setting, base, text, why);
    default:
        assert(setting->type == SETTING_STRING || setting->type == SETTING_WORD);
        return assign_text(setting, base, text, why);
    }
}

static bool holds_text(const struct config_strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strcmp(strings->at[i], text) == 0)
            return true;
    return false;
}

enum tm_err field_append(const struct setting *setting, void *base, struct str text, struct tm_why *why)
{
    struct config_strings *strings = strings_of(setting, base);
    char **grown = realloc(strings->at, (strings->count + 1) * sizeof *grown);
    if (!grown)
        return TM_NOMEM;
    strings->at = grown;
    char *value;
    enum tm_err err = make_text(setting, text, &value, why);
    if (!value)
        return TM_NOMEM;
    if (!err && holds_text(strings, value))
        err = tm_fail(why, TM_INVALID, "\"%s\" is listed twice; remove one", fault_shown(text).text);
    strings->at[strings->count++] = value;
    return err;
}

enum tm_err field_replace(char **text, struct str by)
{
    char *copy = copy_text(by);
    if (!copy)
        return TM_NOMEM;
    free(*text);
    *text = copy;
    return TM_OK;
}

static bool equal_texts(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal_strings(const struct config_strings *a, const struct config_strings *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = equal_texts(a->at[i], b->at[i]);
    return equal;
}

static bool equal_records(const struct setting *setting, const void *a, const void *b)
{
    const struct setting_records *of = setting->records;
    struct records left = field_records(setting, a);
    struct records right = field_records(setting, b);
    bool equal = left.count == right.count;
    for (size_t i = 0; equal && i < left.count; i++)
        for (size_t f = 0; equal && f < of->fields.count; f++)
            equal = field_equal(&of->fields.at[f], left.items + i * of->item_size,
                                right.items + i * of->item_size);
    return equal;
}

static size_t field_size(const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_BOOL:
        return sizeof(bool);
    case SETTING_STRING:
    case SETTING_WORD:
        return sizeof(char *);
    case SETTING_STRINGS:
    case SETTING_WORDS:
        return sizeof(struct config_strings);
    default:
        assert(setting->type != SETTING_RECORDS);
        return sizeof(int64_t);
    }
}

void field_swap(const struct setting *setting, void *a, void *b)
{
    char kept[sizeof(struct config_strings)];
    size_t size = field_size(setting);
    memcpy(kept, field_at(setting, a), size);
    memcpy((char *)a + setting->offset, field_at(setting, b), size);
    memcpy((char *)b + setting->offset, kept, size);
}

bool field_equal(const struct setting *setting, const void *a, const void *b)
{
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_WORD:
        return equal_texts(field_text(setting, a), field_text(setting, b));
    case SETTING_STRINGS:
    case SETTING_WORDS:
        return equal_strings(field_strings(setting, a), field_strings(setting, b));
    case SETTING_RECORDS:
        return equal_records(setting, a, b);
    default:
        return field_number(setting, a) == field_number(setting, b);
    }
}
