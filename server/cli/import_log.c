/* Access logs: lines to events. */
#include "server/cli/import.h"

/* Of so many lines at a log's beginning one should be good. */
enum { HOPELESS_LINES = 1000 };

/* The next line that is no blank one, parsed. TM_INVALID: *fault says what is wrong with it; TM_NOT_FOUND: no
 * more; TM_IO, TM_CORRUPT, TM_NOMEM. */
static enum tm_err next_record(struct import *import, struct log_record *out, struct log_fault *fault,
                               struct tm_why *why)
{
    struct str line;
    enum tm_err err;
    do
        err = import_file_line(&import->file, LOG_LINE_MAX, &line, why);
    while (!err && access_log_is_blank(line));
    if (err)
        return err;
    import->row_count++;
    err = access_log_read(&import->log, line, out, fault);
    return err == TM_NOMEM ? tm_fail(why, err, "out of memory") : err ? TM_INVALID : TM_OK;
}

enum tm_err import_log_newest(struct import *import, struct tm_why *why)
{
    struct log_record record;
    struct log_fault fault = {0};
    enum tm_err err;
    while ((err = next_record(import, &record, &fault, why)) == TM_OK || err == TM_INVALID)
        if (!err && record.time > import->newest)
            import->newest = record.time;
    import->row_count = 0;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Moves the record's time; a line holds it in ns, as far as they go. */
static enum tm_err move_record(const struct import *import, struct log_record *record,
                               struct log_fault *fault)
{
    const time_ms_t time_max = INT64_MAX / 1000000;
    int64_t shift_ms = import->map.shift_ms;
    if (shift_ms > time_max || shift_ms < -time_max || record->time + shift_ms < 0 ||
        record->time + shift_ms > time_max) {
        fault->column = 1;
        return tm_fail(&fault->why, TM_INVALID, "the moved time is not within the years 1970 to 2261");
    }
    record->time += shift_ms;
    return TM_OK;
}

static enum tm_err send_record(struct import *import, struct push_origin origin,
                               const struct log_record *record, struct tm_why *why)
{
    bytes_clear(&import->lines);
    access_log_write(&import->log, record, &import->lines);
    if (bytes_error(&import->lines))
        return tm_fail(why, TM_NOMEM, "out of memory");
    import->first = record->time < import->first ? record->time : import->first;
    import->last = record->time > import->last ? record->time : import->last;
    if (import->is_dry) {
        import->push.line_count++;
        import_show_lines(import);
        return TM_OK;
    }
    enum tm_err err = push_line(&import->push, origin, bytes_view(&import->lines));
    return err ? tm_fail(why, err, "%s", import->push.why.text) : TM_OK;
}

static enum tm_err note_bad(struct import *import, struct push_origin origin, const struct log_fault *fault,
                            uint64_t good_count, struct tm_why *why)
{
    origin.column = (uint32_t)fault->column;
    enum tm_err err = import_note_bad(import, origin, &fault->why, why);
    if (err || good_count || import->bad_count < HOPELESS_LINES)
        return err;
    return tm_fail(why, TM_LIMIT,
                   "%s: not one of the first %d lines is in the format %.*s; name another --format",
                   import->file.name, HOPELESS_LINES, STR_ARG(log_format_name(import->log.format)));
}

enum tm_err import_log_send(struct import *import, uint32_t file, struct tm_why *why)
{
    struct log_record record;
    struct log_fault fault = {0};
    uint64_t good_count = import->push.line_count;
    enum tm_err err;
    while ((err = next_record(import, &record, &fault, why)) == TM_OK || err == TM_INVALID) {
        struct push_origin origin = {file, import->file.line, 0};
        if (!err)
            err = move_record(import, &record, &fault);
        if (err) {
            err = note_bad(import, origin, &fault, good_count, why);
        } else if (record.time >= import->map.until) {
            import->left_out_count++;
            good_count++;
        } else {
            err = send_record(import, origin, &record, why);
            good_count++;
        }
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}
