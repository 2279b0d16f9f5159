/* First byte: the format; the rest: a line of a log. What is taken is written as one line that the daemon's
 * parser takes, with the same method, status, time, URL and cache; what is refused has a place in the line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/cli/formats/formats.h"
#include "server/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct line line;

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || (unsigned char)text.ptr[i] >= 0x7f || text.ptr[i] == '\\')
            return false;
    return true;
}

static void check_tag(const struct line_key *key, const char *name, struct str value)
{
    struct str found = labels_get(&key->tags, str_of(name));
    if (is_plain(value) && value.len <= LOG_TAG_MAX)
        assert(str_equal(found, value));
    else
        assert(found.len <= LOG_TAG_MAX + 4);
}

static void check_string(const char *name, struct str value)
{
    const struct line_field *field = line_find_field(&line, str_of(name));
    if (!field || !is_plain(value) || value.len > LOG_URL_MAX)
        return;
    struct bytes text = {0};
    line_unescape_string(field->value.text, &text);
    assert(str_equal(bytes_view(&text), value));
    bytes_fini(&text);
}

static void check_line(const struct log_record *record, struct str text)
{
    struct line_reader reader;
    struct line_key key;
    struct bytes room = {0};
    struct tm_why why;
    line_reader_init(&reader, text, PRECISION_NS, 1);
    assert(line_next(&reader, &line) == LINE_OK);
    assert(line_key_parse(line.key, &room, &key, &why) == TM_OK);
    assert(line_kind(&key, &line) == EVENT_HTTP);
    assert(line_event_check(EVENT_HTTP, &key, &line, &why) == TM_OK);
    assert(line.has_time && line.time == record->time);
    check_tag(&key, "method", record->method);
    check_tag(&key, "cache", record->cache);
    check_tag(&key, "host", record->host);
    check_string("url", record->url);
    check_string("user_agent", record->user_agent);
    const struct line_field *bytes = line_find_field(&line, STR("bytes"));
    assert(bytes ? bytes->value.integer == record->bytes : record->bytes < 0);
    assert(line_next(&reader, &line) == LINE_END);
    bytes_fini(&room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes scratch = {0};
    struct bytes out = {0};
    struct log_record record;
    struct log_fault fault = {0};
    const struct log_source source = {.service = {"s", 1}, .host_tag = true};
    struct str text = {(const char *)data + 1, size - 1};
    enum tm_err err = log_line_parse((enum log_format)(data[0] % LOG_FORMAT_COUNT), text, "service", &scratch,
                                     &record, &fault);
    if (err == TM_OK) {
        assert(record.status >= 100 && record.status <= 599 && record.time >= 0);
        log_record_write(&record, &source, &out);
        assert(bytes_error(&out) == TM_OK);
        check_line(&record, bytes_view(&out));
    } else {
        assert(err == TM_INVALID);
        assert(fault.column >= 1 && fault.column <= text.len + 1 && fault.why.text[0]);
    }
    bytes_fini(&scratch);
    bytes_fini(&out);
    return 0;
}
