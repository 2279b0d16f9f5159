#include "storage/catalog/catalog_verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "storage/catalog/catalog_block.h"
#include "storage/catalog/catalog_place.h"
#include "storage/catalog/catalog_private.h"
#include "storage/catalog/producers.h"
#include "storage/catalog/series.h"
#include "storage/findings/findings_codec.h"
#include "storage/groups/group.h"
#include "storage/groups/groups_table.h"
#include "storage/lmdb_guard.h"
#include "storage/markers/markers_table.h"
#include "storage/model/bytes.h"
#include "storage/model/event.h"
#include "storage/model/labels.h"

enum { MAX_SENTENCES = 100, MAX_TABLES = 16, EVENT_KEY_BYTES = 16, NAME_BYTES = 32, RESIZES = 4 };

struct walk {
    const struct catalog_verify_options *options;
    struct catalog_verify_result *result;
    const char *dir;
    MDB_env *env;
    MDB_txn *txn;
    struct bytes scratch;
    struct finding_zip zip;
    char names[MAX_TABLES][NAME_BYTES];
    size_t name_count;
    uint64_t lone_delete; /* of which only what it hides was met so far; 0: none */
    bool is_unfinished;
    bool is_starved; /* there was no memory to look at a value, which says nothing about it */
};

static void TM_PRINTF(2, 3) tell(struct walk *w, const char *format, ...)
{
    struct tm_why line;
    va_list args;
    if (w->result->damages++ >= MAX_SENTENCES || !w->options->report)
        return;
    va_start(args, format);
    (void)vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    w->options->report(w->options->arg, line.text);
}

/* ---- what stands behind the checksums ---- */

static bool is_good(struct walk *w, enum tm_err err)
{
    w->is_starved = w->is_starved || err == TM_NOMEM;
    return err == TM_OK;
}

static bool is_series(struct walk *w, const MDB_val *key, struct cursor in)
{
    struct catalog_unpacker unpacker = {0};
    struct catalog_series one;
    struct labels labels;
    enum tm_err err = TM_CORRUPT;
    if (key->mv_size == 4)
        err = catalog_unpacker_open(&unpacker, catalog_get_u32(key->mv_data), in);
    while (!err) {
        err = catalog_unpacker_next(&unpacker, &one);
        if (!err)
            err = labels_decode(one.labels, &labels);
        if (err)
            break;
        w->result->series++;
        if (w->options->series)
            w->options->series(w->options->arg, one.number);
    }
    catalog_unpacker_fini(&unpacker);
    return is_good(w, err == TM_NOT_FOUND ? TM_OK : err);
}

/* Changes of markers and groups begin with a byte that no line of text begins with: such lines are of before.
 */
static bool is_line(uint32_t kind, struct str line)
{
    struct marker_change marker;
    struct group_change edit;
    struct exception exception;
    if (line.len == 0 || line.ptr[0] != 1)
        return true;
    if (kind == EVENT_MARKER)
        return marker_change_decode(line, &marker) == TM_OK;
    return kind != EVENT_EXCEPTION || exception_decode(line, &exception) == TM_OK ||
           group_change_decode(line, &edit) == TM_OK;
}

static bool is_lines(uint32_t kind, struct cursor in, int64_t first, int64_t last)
{
    while (cursor_left(&in) > 0) {
        int64_t time = cursor_zigzag(&in);
        struct str line = cursor_str(&in);
        if (in.bad || time < first || time > last || !is_line(kind, line))
            return false;
    }
    return true;
}

static bool is_events(struct walk *w, const MDB_val *key, struct cursor in)
{
    int64_t first = (int64_t)cursor_u64(&in), last = (int64_t)cursor_u64(&in);
    uint32_t raw = cursor_u32(&in);
    if (key->mv_size != EVENT_KEY_BYTES || in.bad || raw > CATALOG_EVENT_RAW_MAX)
        return false;
    bytes_clear(&w->scratch);
    uint8_t *to = bytes_reserve(&w->scratch, raw);
    if (!to)
        return is_good(w, TM_NOMEM);
    w->result->event_blocks++;
    size_t len = ZSTD_decompress(to, raw, in.at, cursor_left(&in));
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return is_good(w, TM_NOMEM);
    return len == raw &&
           is_lines(catalog_get_u32((const uint8_t *)key->mv_data + 8), cursor_of(to, raw), first, last);
}

static bool is_mark(struct walk *w, const MDB_val *key, struct cursor in)
{
    struct str name = {key->mv_data, key->mv_size};
    if (cursor_u8(&in) != CATALOG_VERSION)
        return false;
    if (str_equal(name, STR("numbers"))) {
        uint32_t last = cursor_u32(&in);
        return !in.bad && cursor_left(&in) == 0 && last < SERIES_NUMBERS_MAX;
    }
    if (str_equal(name, STR("clock")) || (name.len > 5 && memcmp(name.ptr, "final", 5) == 0))
        return cursor_left(&in) % 8 == 0 && cursor_left(&in) > 0;
    uint64_t lsn = cursor_u64(&in);
    if (str_equal(name, STR("promised")))
        w->result->promised_lsn = lsn;
    if (!str_equal(name, STR("finished")))
        return !in.bad;
    w->result->flushed_lsn = lsn;
    (void)cursor_u64(&in);
    struct producers *producers = producers_new(0);
    enum tm_err err = !producers ? TM_NOMEM : in.bad ? TM_CORRUPT : producers_load(producers, &in);
    producers_free(producers);
    return is_good(w, err);
}

static bool is_group(struct walk *w, const MDB_val *key, struct cursor in)
{
    const uint8_t *at = key->mv_data;
    struct group *group = NULL;
    if (key->mv_size != 8)
        return false;
    enum tm_err err = group_decode((uint64_t)catalog_get_u32(at) << 32 | catalog_get_u32(at + 4), in, &group);
    if (!err)
        group_free(group);
    return is_good(w, err);
}

/* Under its id stands the time it has. */
static bool has_name(struct walk *w, const struct finding *finding)
{
    uint8_t bytes[CATALOG_FINDING_ID_KEY];
    MDB_val key = {sizeof bytes, bytes}, data;
    struct cursor in;
    MDB_dbi names;
    catalog_finding_id_key(bytes, finding->kind, finding->id);
    return mdb_dbi_open(w->txn, "finding_ids", 0, &names) == 0 && mdb_get(w->txn, names, &key, &data) == 0 &&
           catalog_check(&key, &data, &in) && (time_ms_t)cursor_u64(&in) == finding->time;
}

static bool is_finding(struct walk *w, const MDB_val *key, struct cursor in)
{
    struct finding_packed packed;
    struct finding place;
    bytes_clear(&w->scratch);
    if (!catalog_finding_place(key, &place) || finding_unpack(&place, in, &packed) != TM_OK)
        return false;
    return is_good(w, finding_unpack_body(&packed, &w->zip, &w->scratch)) && has_name(w, &place);
}

/* Under the time it names stands the finding. */
static bool is_finding_id(struct walk *w, const MDB_val *key, struct cursor in)
{
    uint8_t bytes[CATALOG_FINDING_KEY];
    MDB_val place = {sizeof bytes, bytes}, data;
    MDB_dbi findings;
    const uint8_t *at = key->mv_data;
    time_ms_t time = (time_ms_t)cursor_u64(&in);
    if (key->mv_size != CATALOG_FINDING_ID_KEY || in.bad || cursor_left(&in) > 0)
        return false;
    uint64_t id = (uint64_t)catalog_get_u32(at + 1) << 32 | catalog_get_u32(at + 5);
    catalog_finding_key(bytes, (enum finding_kind)at[0], time, id);
    return mdb_dbi_open(w->txn, "findings", 0, &findings) == 0 &&
           mdb_get(w->txn, findings, &place, &data) == 0;
}

static void tell_lone_delete(struct walk *w)
{
    if (w->lone_delete > 0)
        tell(w, "delete %llu has no list of what still holds what it hides",
             (unsigned long long)w->lone_delete);
    w->lone_delete = 0;
}

/* What a delete hides stands before where. */
static bool is_tombstone(struct walk *w, const MDB_val *key, struct cursor in)
{
    uint64_t id;
    bool is_what;
    int rc = catalog_check_tombstone(key, in, &id, &is_what);
    if (rc == ENOMEM)
        return is_good(w, TM_NOMEM);
    bool is_second = !is_what && id > 0 && id == w->lone_delete;
    if (!is_second)
        tell_lone_delete(w);
    w->lone_delete = is_what && !rc ? id : 0;
    return !rc && (is_what || is_second);
}

/* ---- walking ---- */

static bool is_value(struct walk *w, const char *table, const MDB_val *key, const MDB_val *data)
{
    static const struct {
        const char *table;
        bool (*is_sound)(struct walk *w, const MDB_val *key, struct cursor in);
    } checks[] = {
        {"series", is_series},        {"events", is_events},    {"marks", is_mark},
        {"groups", is_group},         {"findings", is_finding}, {"finding_ids", is_finding_id},
        {"tombstones", is_tombstone},
    };
    struct cursor in;
    if (!catalog_check(key, data, &in))
        return false;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (strcmp(table, checks[i].table) == 0)
            return checks[i].is_sound(w, key, in);
    }
    return true; /* of a later version: its checksum is what is known of it here */
}

static void tell_value(struct walk *w, const char *table, const MDB_val *key)
{
    char text[2 * EVENT_KEY_BYTES + 1] = "";
    const uint8_t *k = key->mv_data;
    for (size_t i = 0; i < key->mv_size && i < EVENT_KEY_BYTES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", k[i]);
    tell(w, "the value of key %s in table %s is damaged", text, table);
}

static int walk_entries(struct walk *w, const char *table, MDB_cursor *cursor, uint64_t wanted)
{
    MDB_val key, data;
    uint8_t last[NAME_BYTES] = {0};
    size_t last_len = 0;
    uint64_t count = 0;
    int rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        MDB_val before = {last_len, last};
        if (count > 0 && mdb_cmp(w->txn, mdb_cursor_dbi(cursor), &before, &key) >= 0) {
            tell(w, "the keys of table %s are out of order", table);
            return MDB_CORRUPTED;
        }
        last_len = key.mv_size < sizeof last ? key.mv_size : sizeof last;
        memcpy(last, key.mv_data, last_len);
        count++;
        w->result->values++;
        w->result->bytes += key.mv_size + data.mv_size;
        bool is_sound = is_value(w, table, &key, &data);
        if (w->is_starved)
            return ENOMEM;
        if (!is_sound)
            tell_value(w, table, &key);
    }
    if (rc == MDB_NOTFOUND && count != wanted)
        tell(w, "table %s has %llu entries, %llu of them can be reached", table, (unsigned long long)wanted,
             (unsigned long long)count);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int walk_table(struct walk *w, const char *table)
{
    MDB_cursor *cursor;
    MDB_dbi dbi;
    MDB_stat stat;
    int rc = mdb_dbi_open(w->txn, table, 0, &dbi);
    if (!rc)
        rc = mdb_stat(w->txn, dbi, &stat);
    if (!rc)
        rc = mdb_cursor_open(w->txn, dbi, &cursor);
    if (rc)
        return rc;
    rc = walk_entries(w, table, cursor, stat.ms_entries);
    if (!w->is_starved)
        tell_lone_delete(w);
    mdb_cursor_close(cursor);
    return rc;
}

/* The names of all tables: also of those that a later version adds. */
static int list_tables(struct walk *w)
{
    MDB_dbi names;
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_dbi_open(w->txn, NULL, 0, &names);
    if (!rc)
        rc = mdb_cursor_open(w->txn, names, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        if (key.mv_size >= NAME_BYTES || w->name_count == MAX_TABLES) {
            rc = MDB_CORRUPTED;
            break;
        }
        memcpy(w->names[w->name_count], key.mv_data, key.mv_size);
        w->names[w->name_count++][key.mv_size] = '\0';
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool has_table(const struct walk *w, const char *name)
{
    for (size_t i = 0; i < w->name_count; i++) {
        if (strcmp(w->names[i], name) == 0)
            return true;
    }
    return false;
}

static int walk_all(struct walk *w)
{
    static const char *const needed[] = {"events", "marks", "series"};
    int rc = list_tables(w);
    w->is_unfinished = !rc && w->name_count == 0;
    for (size_t i = 0; !rc && !w->is_unfinished && i < sizeof needed / sizeof needed[0]; i++) {
        if (!has_table(w, needed[i]))
            tell(w, "table %s is missing", needed[i]);
    }
    /* Each on its own: one that is damaged must not hide the others. */
    for (size_t i = 0; !rc && i < w->name_count; i++) {
        int own = walk_table(w, w->names[i]);
        if (own == ENOMEM)
            return own;
        if (own)
            tell(w, "reading table %s stops: %s", w->names[i], lmdb_text(own));
    }
    return rc;
}

static int check_call(void *arg)
{
    struct walk *w = arg;
    struct catalog_place place = {0};
    int rc = catalog_place_open(w->dir, true, &w->env, &place);
    if (!rc)
        rc = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &w->txn);
    /* Its writer made the map larger since it was opened. */
    for (int i = 0; i < RESIZES && rc == MDB_MAP_RESIZED; i++) {
        rc = mdb_env_set_mapsize(w->env, 0);
        if (!rc)
            rc = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &w->txn);
    }
    if (rc)
        return rc;
    w->result->version = mdb_txn_id(w->txn);
    rc = walk_all(w);
    mdb_txn_abort(w->txn);
    return rc;
}

enum tm_err catalog_verify(const char *dir, const struct catalog_verify_options *options,
                           struct catalog_verify_result *result, struct tm_why *why)
{
    struct walk w = {.options = options, .result = result, .dir = dir};
    *result = (struct catalog_verify_result){0};
    if (!catalog_place_exists(dir))
        return tm_fail(why, TM_NOT_FOUND, "there is no index in %.250s", dir);
    int rc = lmdb_guard(check_call, &w);
    if (rc == LMDB_ASSERTION)
        lmdb_abandon(w.env);
    else if (w.env)
        mdb_env_close(w.env);
    bytes_fini(&w.scratch);
    finding_zip_fini(&w.zip);
    if (rc == ENOMEM)
        return tm_fail(why, TM_NOMEM, "out of memory while checking the index");
    if (rc == EACCES || rc == EIO || rc == EMFILE)
        return tm_fail(why, TM_IO, "reading %.250s/index: %s", dir, lmdb_text(rc));
    if (rc == MDB_NOTFOUND || w.is_unfinished)
        return tm_fail(why, TM_NOT_FOUND, "the index in %.250s was not finished", dir);
    if (rc)
        tell(&w, "reading stops: %s", lmdb_text(rc));
    return result->damages == 0 ? TM_OK
                                : tm_fail(why, TM_CORRUPT, "%llu damages in %.250s/index",
                                          (unsigned long long)result->damages, dir);
}
