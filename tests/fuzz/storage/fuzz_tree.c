/* The pages of an open partition: the input is a list of (offset, 3 bytes; value, 1 byte) that is put into a
 * sound data.mdb. The check says TM_OK or TM_CORRUPT, and if it says that all is sound, LMDB finds the same
 * keys of the windows as before. */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/partition/partition_files.h"
#include "storage/partition/partition_format.h"
#include "storage/partition/partition_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { DAY = 20779, CHUNKS = 400, WINDOWS = 2, BYTES_MAX = 1 << 20, CHANGES_MAX = 64 };

static struct {
    char root[32];
    char dir[48];
    char env[64];
    char path[96];
    uint8_t sound[BYTES_MAX];
    size_t len;
    int fd;
    struct partition_window windows[WINDOWS];
} base;

static void require(bool good)
{
    if (!good)
        abort();
}

static void remove_base(void)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", base.root);
    (void)!system(command);
}

static void write_window(struct partitions *set, uint64_t tag)
{
    static const char value[6000];
    struct partition_writer *writer;
    struct tm_why why;
    const struct partition_extent extent = {DAY * INT64_C(86400000), DAY * INT64_C(86400000) + 9, 10};
    require(partition_writer_open(set, PARTITION_RAW, DAY, &writer, &why) == TM_OK);
    for (uint32_t i = 0; i < CHUNKS; i++)
        require(partition_writer_put(writer, i + 1, 0, (struct str){value, i == 7 ? sizeof value : i % 90},
                                     &extent, &why) == TM_OK);
    require(partition_writer_commit(&writer, tag, &why) == TM_OK);
}

static void note_windows(struct partitions *set)
{
    struct partition_step step;
    struct tm_why why;
    size_t count;
    struct partition_id id = {PARTITION_RAW, DAY, false};
    require(partition_step_begin(set, id, &step, &why) == TM_OK);
    const struct partition_window *windows = partition_step_windows(&step, &count);
    require(count == WINDOWS);
    memcpy(base.windows, windows, sizeof base.windows);
    partition_step_end(&step);
}

static void make_base(void)
{
    struct partitions *set;
    struct tm_why why;
    (void)snprintf(base.root, sizeof base.root, "/dev/shm/tm-fuzz-XXXXXX");
    require(mkdtemp(base.root) != NULL && atexit(remove_base) == 0);
    (void)snprintf(base.dir, sizeof base.dir, "%s/set", base.root);
    struct partitions_options options = {.dir = base.dir, .clock = clock_system(), .map_bytes = BYTES_MAX};
    require(partitions_open(&options, &set, &why) == TM_OK);
    for (uint64_t tag = 1; tag <= WINDOWS; tag++)
        write_window(set, tag);
    note_windows(set);
    partitions_close(set);
    struct partition_id id = {PARTITION_RAW, DAY, false};
    (void)snprintf(base.path, sizeof base.path, "%.90s", path_of(base.dir, id, "", "data.mdb").text);
    (void)snprintf(base.env, sizeof base.env, "%.60s", path_of(base.dir, id, "", NULL).text);
    base.fd = open(base.path, O_RDWR | O_CLOEXEC);
    require(base.fd >= 0);
    base.len = (size_t)file_bytes(base.path, NULL);
    require(base.len > 0 && base.len <= BYTES_MAX);
    require(pread(base.fd, base.sound, base.len, 0) == (ssize_t)base.len);
}

/* All chunks by LMDB itself: their keys and lengths are those of the windows' entries. */
static void check_with_lmdb(void)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    MDB_cursor *cursor;
    MDB_val key, data;
    uint64_t hashes[WINDOWS] = {0};
    size_t count = 0;
    require(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0);
    require(mdb_env_set_mapsize(env, BYTES_MAX) == 0); /* as the store does: not what the file says */
    require(mdb_env_open(env, base.env, MDB_RDONLY | MDB_NOLOCK, 0640) == 0);
    require(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    require(mdb_dbi_open(txn, "chunks", 0, &table) == 0);
    require(mdb_cursor_open(txn, table, &cursor) == 0);
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0) {
        struct partition_key at;
        require(key_decode((struct str){key.mv_data, key.mv_size}, &at) == TM_OK);
        require(at.window >= 1 && at.window <= WINDOWS && ++count <= (size_t)WINDOWS * CHUNKS);
        hashes[at.window - 1] = keys_hash_add(hashes[at.window - 1], key.mv_data, (uint32_t)data.mv_size);
    }
    require(count == (size_t)WINDOWS * CHUNKS);
    for (size_t i = 0; i < WINDOWS; i++)
        require(hashes[i] == base.windows[i].keys_hash);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

static void check_file(bool is_sound)
{
    struct tm_why why = {""};
    enum tm_err err = tree_check_tables(base.path, &why);
    for (size_t i = 0; i < WINDOWS && !err; i++)
        err = tree_check_window(base.fd, &base.windows[i], &why);
    require(err == TM_OK || err == TM_CORRUPT);
    require(!err || (why.text[0] && !is_sound));
    if (!err)
        check_with_lmdb();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t at[CHANGES_MAX], count = 0;
    bool is_sound = true;
    if (!base.len)
        make_base();
    for (; count < CHANGES_MAX && len >= 4; data += 4, len -= 4, count++) {
        at[count] = ((size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % base.len;
        is_sound = is_sound && base.sound[at[count]] == data[3];
        require(pwrite(base.fd, data + 3, 1, (off_t)at[count]) == 1);
    }
    check_file(is_sound);
    for (size_t i = 0; i < count; i++)
        require(pwrite(base.fd, base.sound + at[i], 1, (off_t)at[i]) == 1);
    return 0;
}
