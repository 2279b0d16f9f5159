/* Files to rows, rows to batches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/cli/import.h"

#define WEEK_MS INT64_C(604800000)

/* ---- opening ---- */

/* The file's name without folder and last extension. */
static struct str short_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *start = slash ? slash + 1 : name;
    const char *dot = strrchr(start, '.');
    return (struct str){start, dot && dot > start ? (size_t)(dot - start) : strlen(start)};
}

/* In front of a sentence: the file that it is about. */
static enum tm_err in_file(const struct import_file *file, enum tm_err err, const struct tm_why *inner,
                           struct tm_why *why)
{
    if (err == TM_INVALID || err == TM_NOT_FOUND)
        return tm_fail(why, err, "%s: %s", file->name, inner->text);
    return tm_fail(why, err, "%s", inner->text);
}

static enum tm_err read_header(struct import *import, struct tm_why *why)
{
    if (import->is_log)
        return TM_OK;
    struct import_file *file = &import->file;
    struct tm_why inner = {0};
    enum csv_state state;
    if (!import->has_header)
        return in_file(file, import_bind(&import->map, NULL, &inner), &inner, why);
    enum tm_err err = import_file_next(file, &state, &inner);
    if (err == TM_NOT_FOUND)
        return tm_fail(why, TM_INVALID, "%s is empty; its first line should name the columns", file->name);
    if (!err && state == CSV_BAD)
        return tm_fail(why, TM_INVALID, "%s:%u:%u: %s", file->name, file->csv.fault.line,
                       file->csv.fault.column, inner.text);
    if (!err)
        err = import_bind(&import->map, &file->csv, &inner);
    return err ? in_file(file, err, &inner, why) : TM_OK;
}

static enum tm_err open_file(struct import *import, size_t i, struct tm_why *why)
{
    for (size_t j = 0; import->label && j < import->map.label_count; j++)
        if (str_equal(import->map.labels[j].name, str_of(import->label)))
            import->map.labels[j].constant = short_name(import->names[i]);
    const char *name = strcmp(import->names[i], "stdin") == 0 ? "-" : import->names[i];
    return import_file_open(&import->file, name, import->delimiter, why);
}

/* ---- a first look ---- */

static enum tm_err find_newest(struct import *import, struct tm_why *why)
{
    struct tm_why ignored;
    struct csv_place place;
    enum csv_state state;
    time_ms_t time;
    enum tm_err err;
    while ((err = import_file_next(&import->file, &state, why)) == TM_OK)
        if (state == CSV_RECORD && !import_time(&import->map, &import->file.csv, &time, &place, &ignored) &&
            time > import->newest)
            import->newest = time;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err look_at(struct import *import, size_t i, struct tm_why *why)
{
    bool is_stdin = strcmp(import->names[i], "stdin") == 0;
    if (is_stdin && import->move != IMPORT_SHIFT)
        return tm_fail(
            why, TM_INVALID,
            "to move the rows so that they end at a time they are read twice; save standard input to a file, "
            "or use --shift");
    if (is_stdin)
        return TM_OK; /* its columns are found when it is read */
    enum tm_err err = open_file(import, i, why);
    if (!err)
        err = read_header(import, why);
    if (!err && import->move != IMPORT_SHIFT)
        err = import->is_log ? import_log_newest(import, why) : find_newest(import, why);
    import_file_close(&import->file);
    return err;
}

/* The least number of whole weeks that is not below span. */
static int64_t weeks_up(int64_t span_ms)
{
    int64_t rest = span_ms % WEEK_MS;
    return rest > 0 ? span_ms - rest + WEEK_MS : span_ms - rest;
}

enum tm_err import_look(struct import *import, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    import->newest = INT64_MIN;
    for (size_t i = 0; i < import->file_count && !err; i++)
        err = look_at(import, i, why);
    if (err || import->move == IMPORT_SHIFT || import->newest == INT64_MIN)
        return err;
    import->map.shift_ms = import->target - import->newest;
    if (import->move == IMPORT_REPLAY) {
        import->map.shift_ms = weeks_up(import->map.shift_ms);
        import->map.until = import->target;
    }
    /* The newest row of all comes to lie before the target. */
    if (import->move == IMPORT_YESTERDAY)
        import->map.shift_ms = weeks_up(import->map.shift_ms) - WEEK_MS;
    return TM_OK;
}

/* ---- sending ---- */

/* What the batches of a file are made of: the same means that the same batches get the same numbers. */
static uint64_t hash_settings(const struct import *import)
{
    const struct import_map *map = &import->map;
    struct bytes all = {0};
    if (import->is_log) {
        bytes_u8(&all, '#');
        access_log_put_settings(&import->log, &all);
    }
    bytes_zigzag(&all, map->shift_ms);
    bytes_zigzag(&all, map->until);
    bytes_varint(&all, import->push.batch_lines);
    bytes_varint(&all, map->time_index);
    bytes_varint(&all, map->time.kind);
    bytes_str(&all, str_of(map->time.pattern));
    bytes_str(&all, str_of(map->missing));
    bytes_u8(&all, (uint8_t)import->delimiter);
    bytes_u8(&all, import->has_header);
    for (size_t i = 0; i < map->value_count; i++) {
        bytes_varint(&all, map->values[i].index);
        bytes_str(&all, str_of(map->values[i].metric));
    }
    for (size_t i = 0; i < map->label_count; i++) {
        bytes_str(&all, map->labels[i].name);
        bytes_varint(&all, map->labels[i].column ? map->labels[i].index + 1 : 0);
        bytes_str(&all, map->labels[i].constant);
    }
    uint64_t hash = XXH3_64bits(all.data, all.len);
    bytes_fini(&all);
    return hash;
}

/* A file's batches bear numbers of their own, so that a second run after an interruption stores nothing
 * twice. */
static enum tm_err open_sender(struct import *import, uint64_t content_hash, struct tm_why *why)
{
    char producer[64];
    struct sender_options options = import->sender;
    if (import->is_dry)
        return TM_OK;
    if (import->file.is_regular && !import->is_again) {
        (void)snprintf(producer, sizeof producer, "import:%016" PRIx64 "%016" PRIx64, content_hash,
                       hash_settings(import));
        options.producer = producer;
        options.epoch = 1;
    }
    return sender_open(&options, &import->push.sender, why);
}

enum tm_err import_note_bad(struct import *import, struct push_origin origin, const struct tm_why *reason,
                            struct tm_why *why)
{
    import->bad_count++;
    push_note(&import->push, origin, reason);
    if (import->bad_count <= import->max_errors)
        return TM_OK;
    return tm_fail(why, TM_LIMIT,
                   "stopped at %s:%u: %" PRIu64 " rows are bad, more than --max-errors %" PRIu64
                   "; mend them, or allow more",
                   import->file.name, origin.line, import->bad_count, import->max_errors);
}

static enum tm_err note_bad(struct import *import, uint32_t file, struct csv_place place,
                            const struct tm_why *reason, struct tm_why *why)
{
    return import_note_bad(import, (struct push_origin){file, place.line, place.column}, reason, why);
}

void import_show_lines(const struct import *import)
{
    enum { SHOWN_ROWS = 5 };
    if (import->row_count <= SHOWN_ROWS && !import->is_json)
        (void)fwrite(import->lines.data, 1, import->lines.len, stdout);
}

/* A line a value, all from the same row. */
static enum tm_err push_lines(struct import *import, uint32_t file)
{
    struct str rest = bytes_view(&import->lines);
    struct push_origin origin = {file, import->file.csv.fields[0].place.line, 0};
    enum tm_err err = TM_OK;
    while (rest.len && !err) {
        const char *feed = memchr(rest.ptr, '\n', rest.len);
        size_t len = feed ? (size_t)(feed - rest.ptr) + 1 : rest.len;
        err = push_line(&import->push, origin, (struct str){rest.ptr, len});
        rest.ptr += len;
        rest.len -= len;
    }
    return err;
}

static enum tm_err send_row(struct import *import, uint32_t file, struct tm_why *why)
{
    struct tm_why reason;
    struct csv_place fault;
    time_ms_t time;
    size_t count;
    bytes_clear(&import->lines);
    enum tm_err err = import_time(&import->map, &import->file.csv, &time, &fault, &reason);
    if (!err && time >= import->map.until) {
        import->left_out_count++;
        return TM_OK;
    }
    if (!err)
        err = import_row(&import->map, &import->file.csv, time, &import->lines, &count, &fault, &reason);
    if (err == TM_INVALID)
        return note_bad(import, file, fault, &reason, why);
    if (err)
        return tm_fail(why, err, "%s", reason.text);
    if (!count) {
        import->empty_count++;
        return TM_OK;
    }
    import->first = time < import->first ? time : import->first;
    import->last = time > import->last ? time : import->last;
    if (import->is_dry) {
        import->push.line_count += count;
        import_show_lines(import);
        return TM_OK;
    }
    err = push_lines(import, file);
    return err ? tm_fail(why, err, "%s", import->push.why.text) : TM_OK;
}

static enum tm_err send_rows(struct import *import, uint32_t file, struct tm_why *why)
{
    struct tm_why reason;
    enum csv_state state;
    enum tm_err err;
    while ((err = import_file_next(&import->file, &state, &reason)) == TM_OK) {
        import->row_count++;
        err = state == CSV_BAD ? note_bad(import, file, import->file.csv.fault, &reason, why)
                               : send_row(import, file, why);
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : tm_fail(why, err, "%s", reason.text);
}

static enum tm_err send_file(struct import *import, size_t i, struct tm_why *why)
{
    uint64_t content_hash = 0;
    enum tm_err err = open_file(import, i, why);
    if (!err && import->file.is_regular && !import->is_again && !import->is_dry)
        err = import_file_hash(&import->file, &content_hash, why);
    if (!err)
        err = read_header(import, why);
    if (!err)
        err = open_sender(import, content_hash, why);
    if (err)
        return err;
    err = import->is_log ? import_log_send(import, (uint32_t)i, why) : send_rows(import, (uint32_t)i, why);
    /* What was taken before a fault is delivered all the same. */
    if (err != TM_CLOSED && import->push.sender) {
        enum tm_err sent = push_send(&import->push);
        if (sent && !err)
            err = tm_fail(why, sent, "%s", import->push.why.text);
    }
    return err;
}

enum tm_err import_send(struct import *import, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    import->first = INT64_MAX;
    import->last = INT64_MIN;
    for (size_t i = 0; i < import->file_count && !err; i++) {
        err = send_file(import, i, why);
        import_file_close(&import->file);
        sender_close(import->push.sender);
        import->push.sender = NULL;
    }
    return err;
}
