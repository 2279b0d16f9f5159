/* Any bytes as a batch. Every line is consumed, the pieces of a good line lie end to end in it, its numbers
 * are strtod's, and no text makes the reader lose a line that follows it. First byte: the precision. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct line line;
static struct line again;
static struct bytes scratch;
static struct bytes canonical;

/* ---- pieces ---- */

static const char *behind(struct str text)
{
    return text.ptr + text.len;
}

static void check_only_spaces(const char *from, const char *to, const char *more)
{
    assert(from <= to);
    for (; from < to; from++)
        assert(*from == ' ' || strchr(more, *from));
}

static void check_number(struct str text, const struct line_value *value)
{
    char *copy = strndup(text.ptr, text.len);
    assert(copy);
    char *stop;
    double expected = strtod(copy, &stop);
    if (value->type == VALUE_FLOAT) {
        assert(*stop == '\0');
        assert(memcmp(&expected, &value->number.value, sizeof expected) == 0);
    } else if (value->type == VALUE_INT) {
        assert(*stop == 'i' && stop[1] == '\0');
        assert(value->integer == strtoll(copy, NULL, 10));
    } else {
        assert(*stop == 'u' && stop[1] == '\0');
        assert((uint64_t)value->integer == strtoull(copy, NULL, 10));
    }
    free(copy);
}

static void check_decimal(const struct number *number)
{
    assert(isfinite(number->value));
    if (number->exponent == NUMBER_NOT_DECIMAL) {
        assert(number->mantissa == 0);
        return;
    }
    struct number twin = number_of_decimal(number->mantissa, number->exponent);
    assert(memcmp(&twin.value, &number->value, sizeof twin.value) == 0);
    assert(number->exponent == 0 || number->mantissa % 10 != 0);
}

static void check_value(struct str text, const struct line_value *value)
{
    switch (value->type) {
    case VALUE_STRING:
        assert(text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"');
        assert(value->text.ptr == text.ptr + 1 && value->text.len == text.len - 2);
        return;
    case VALUE_BOOL:
        assert(value->integer == (text.ptr[0] == 't' || text.ptr[0] == 'T'));
        break;
    case VALUE_FLOAT:
    case VALUE_INT:
    case VALUE_UINT:
        check_number(text, value);
        break;
    }
    check_decimal(&value->number);
}

/* Fields are name=value, with one comma between two and nothing else. */
static void check_fields(void)
{
    const char *at = line.fields.ptr;
    for (size_t i = 0; i < line.field_count; i++) {
        const struct line_field *field = &line.field[i];
        bool last = i + 1 == line.field_count;
        assert(field->name.ptr == at && field->name.len > 0);
        const char *value = behind(field->name) + 1;
        assert(value[-1] == '=');
        const char *end = last ? behind(line.fields) : line.field[i + 1].name.ptr - 1;
        assert(last || *end == ',');
        assert(value <= end);
        check_value((struct str){value, (size_t)(end - value)}, &field->value);
        for (size_t j = 0; j < i && j < 8; j++)
            assert(!str_equal(line.field[j].name, field->name));
        at = end + 1;
    }
}

static void check_pieces(void)
{
    check_only_spaces(line.raw.ptr, line.key.ptr, "\t");
    check_only_spaces(behind(line.key), line.fields.ptr, "");
    assert(behind(line.key) < line.fields.ptr);
    assert(line.key.len > 0 && !memchr(line.key.ptr, '\n', line.key.len));
    assert(behind(line.fields) <= behind(line.raw));
    if (!line.has_time)
        check_only_spaces(behind(line.fields), behind(line.raw), "");
    check_fields();
}

/* A line alone says the same as among others. */
static void check_alone(enum precision precision)
{
    struct line_reader reader;
    line_reader_init(&reader, line.raw, precision, line.number);
    assert(line_next(&reader, &again) == LINE_OK);
    assert(again.number == line.number && again.field_count == line.field_count);
    assert(again.has_time == line.has_time && again.time == line.time);
    assert(again.key.ptr == line.key.ptr && again.key.len == line.key.len);
    assert(again.fields.ptr == line.fields.ptr && again.fields.len == line.fields.len);
    assert(line_next(&reader, &again) == LINE_END);
}

/* ---- keys ---- */

static void put_escaped(struct str text, const char *specials)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(specials, text.ptr[i]))
            bytes_u8(&canonical, '\\');
        bytes_u8(&canonical, (uint8_t)text.ptr[i]);
    }
}

/* InfluxDB's escapes have no form for a backslash at the end of a part that is not the last. */
static bool ends_in_backslash(struct str text)
{
    return text.ptr[text.len - 1] == '\\';
}

static void check_key_again(const struct line_key *key)
{
    bool writable = !ends_in_backslash(key->measurement);
    bytes_clear(&canonical);
    put_escaped(key->measurement, ", ");
    for (size_t i = 0; i < key->tags.count; i++) {
        const struct label *tag = &key->tags.at[i];
        writable = writable && !ends_in_backslash(tag->name) && !ends_in_backslash(tag->value);
        bytes_u8(&canonical, ',');
        put_escaped(tag->name, ",= ");
        bytes_u8(&canonical, '=');
        put_escaped(tag->value, ",= ");
    }
    if (!writable)
        return;
    struct bytes room = {0};
    struct line_key twin;
    struct tm_why why;
    assert(line_key_parse(bytes_view(&canonical), &room, &twin, &why) == TM_OK);
    assert(str_equal(twin.measurement, key->measurement) && twin.tags.count == key->tags.count);
    for (size_t i = 0; i < twin.tags.count; i++) {
        assert(str_equal(twin.tags.at[i].name, key->tags.at[i].name));
        assert(str_equal(twin.tags.at[i].value, key->tags.at[i].value));
    }
    bytes_fini(&room);
}

static void check_key(void)
{
    struct line_key key;
    struct tm_why why = {{0}};
    bytes_clear(&scratch);
    enum tm_err err = line_key_parse(line.key, &scratch, &key, &why);
    assert(scratch.len <= line.key.len);
    if (err != TM_OK) {
        assert((err == TM_INVALID || err == TM_LIMIT) && why.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < key.tags.count; i++)
        assert(key.tags.at[i].name.len > 0 && key.tags.at[i].value.len > 0);
    check_key_again(&key);
    enum event_kind kind = line_kind(&key, &line);
    err = line_event_check(kind, &key, &line, &why);
    assert(err == TM_OK || (err == TM_INVALID && why.text[0] != '\0'));
    assert(kind != EVENT_METRIC || err == TM_OK);
}

static void check_names(void)
{
    for (size_t i = 0; i < line.field_count && i < 16; i++) {
        bytes_clear(&scratch);
        line_unescape_name(line.field[i].name, &scratch);
        assert(scratch.len > 0 && scratch.len <= line.field[i].name.len);
        assert(line_find_field(&line, bytes_view(&scratch)) == &line.field[i]);
        if (line.field[i].value.type != VALUE_STRING)
            continue;
        bytes_clear(&scratch);
        line_unescape_string(line.field[i].value.text, &scratch);
        assert(scratch.len <= line.field[i].value.text.len);
    }
}

/* ---- the batch ---- */

static uint32_t count_feeds(const char *from, const char *to)
{
    uint32_t feeds = 0;
    for (; from < to; from++)
        feeds += *from == '\n';
    return feeds;
}

static bool is_sentinel(void)
{
    return str_equal(line.raw, STR("zz v=1"));
}

static void read_all(struct str text, enum precision precision)
{
    struct line_reader reader;
    line_reader_init(&reader, text, precision, 1);
    bool sentinel = false;
    uint32_t number = 0;
    enum line_step step;
    while ((step = line_next(&reader, &line)) != LINE_END) {
        assert(reader.number > number);
        number = reader.number;
        sentinel = step == LINE_OK && is_sentinel();
        if (step == LINE_BAD) {
            unsigned column;
            assert(sscanf(reader.why.text, "column %u: ", &column) == 1 && column >= 1);
            continue;
        }
        assert(line.number == number && line.field_count >= 1 && line.field_count <= LINE_FIELDS_MAX);
        assert(number == 1 + count_feeds(text.ptr, line.raw.ptr));
        check_pieces();
        check_alone(precision);
        check_key();
        check_names();
    }
    assert(reader.at == behind(text));
    assert(sentinel); /* the last line of all was read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char sentinel[] = "\nzz v=1";
    if (size == 0)
        return 0;
    enum precision precision = (enum precision)(data[0] % 4);
    size_t len = size - 1 + sizeof sentinel - 1;
    char *text = malloc(len); /* of its exact size: a byte too far is seen */
    assert(text);
    memcpy(text, data + 1, size - 1);
    memcpy(text + size - 1, sentinel, sizeof sentinel - 1);
    read_all((struct str){text, len}, precision);
    free(text);
    return 0;
}
