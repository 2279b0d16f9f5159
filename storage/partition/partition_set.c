/* The table of partitions: opening the folder, listing, ticking, figures. */
#include "storage/partition/partition_private.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/grow.h"

enum { DEFAULT_TXN_COUNT = 16384, MAX_PARTITIONS = 1 << 16 };
#define ENTRY_BYTES           sizeof(void *) /* of the table */
#define DEFAULT_TXN_BYTES     ((size_t)4 << 20)
#define DEFAULT_RESERVE_BYTES ((uint64_t)1 << 20)

void set_lock(struct partitions *set)
{
    pthread_mutex_lock(&set->lock);
}

void set_unlock(struct partitions *set)
{
    pthread_mutex_unlock(&set->lock);
}

void set_log(const struct partitions *set, int level, const char *id, const char *format, ...)
{
    struct tm_why line;
    va_list args;
    if (!set->options.log)
        return;
    va_start(args, format);
    (void)vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    set->options.log(set->options.log_arg, level, id, line.text);
}

void set_fault_point(const struct partitions *set, const char *name)
{
    if (set->options.fault_point)
        set->options.fault_point(set->options.fault_arg, name);
}

/* ---- the table ---- */

static int id_compare(struct partition_id a, struct partition_id b)
{
    if (a.tier != b.tier)
        return a.tier < b.tier ? -1 : 1;
    if (a.period != b.period)
        return a.period < b.period ? -1 : 1;
    return a.late - b.late;
}

/* The first place whose partition is not before id. */
static size_t find_place(const struct partitions *set, struct partition_id id)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id_compare(set->all[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct partition *set_find(struct partitions *set, struct partition_id id)
{
    size_t place = find_place(set, id);
    return place < set->count && id_compare(set->all[place]->id, id) == 0 ? set->all[place] : NULL;
}

bool set_reserve(struct partitions *set)
{
    if (set->count == MAX_PARTITIONS)
        return false;
    struct partition **grown = grow_array(set->all, &set->capacity, set->count + 1, ENTRY_BYTES);
    if (!grown)
        return false;
    set->all = grown;
    if (!set->spare)
        set->spare = calloc(1, sizeof *set->spare);
    return set->spare != NULL;
}

struct partition *set_add(struct partitions *set, struct partition_id id)
{
    size_t place = find_place(set, id);
    if (place < set->count && id_compare(set->all[place]->id, id) == 0)
        return set->all[place];
    if (!set_reserve(set))
        return NULL;
    struct partition *p = set->spare;
    set->spare = NULL;
    p->id = id;
    p->suffix = "";
    p->death_slot = -1;
    p->generation = ++set->generation;
    p->sealed = file_exists(path_of(set->dir, id, "", "pages").text);
    memmove(set->all + place + 1, set->all + place, (set->count - place) * ENTRY_BYTES);
    set->all[place] = p;
    set->count++;
    return p;
}

void set_remove(struct partitions *set, struct partition *p)
{
    size_t place = find_place(set, p->id);
    assert(set->all[place] == p);
    set->count--;
    memmove(set->all + place, set->all + place + 1, (set->count - place) * ENTRY_BYTES);
    free(p);
    pthread_cond_broadcast(&set->changed);
}

/* ---- the folder ---- */

/* While another process replaces a partition, its place may be empty for a moment. */
static bool is_on_its_way(const struct partitions *set, enum partition_suffix suffix)
{
    return set->options.read_only &&
           (suffix == SUFFIX_NEW || suffix == SUFFIX_MERGED || suffix == SUFFIX_OLD);
}

static enum tm_err list_tier(struct partitions *set, enum partition_tier tier, struct tm_why *why)
{
    struct partition_path path = path_of_tier(set->dir, tier);
    DIR *folder = opendir(path.text);
    const struct dirent *entry;
    enum tm_err err = TM_OK;
    if (!folder)
        return set->options.read_only && errno == ENOENT ? TM_OK : file_fail(why, "listing", path.text);
    while (!err && (entry = readdir(folder))) {
        struct partition_id id;
        enum partition_suffix suffix;
        if (path_parse(tier, entry->d_name, &id, &suffix) != TM_OK ||
            (suffix != SUFFIX_NONE && !is_on_its_way(set, suffix)))
            continue;
        set_lock(set);
        if (!set_add(set, id))
            err = tm_fail(why, TM_NOMEM, "out of memory, or over %d partitions", MAX_PARTITIONS);
        set_unlock(set);
    }
    closedir(folder);
    return err;
}

enum tm_err set_list_folder(struct partitions *set, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    /* A listing may miss what is renamed meanwhile; a second one then has it. */
    int passes = set->options.read_only ? 2 : 1;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t tier = 0; !err && tier < PARTITION_TIERS; tier++)
            err = list_tier(set, (enum partition_tier)tier, why);
    }
    return err;
}

static enum tm_err make_folder(const char *path, struct tm_why *why)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return TM_OK;
    return file_fail(why, "making", path);
}

static enum tm_err make_folders(const struct partitions *set, struct tm_why *why)
{
    struct partition_path parent;
    (void)snprintf(parent.text, sizeof parent.text, "%.*s/..", PARTITION_DIR_BYTES, set->dir);
    enum tm_err err = make_folder(set->dir, why);
    if (!err)
        err = folder_sync(parent.text, why);
    for (size_t tier = 0; !err && tier < PARTITION_TIERS; tier++)
        err = make_folder(path_of_tier(set->dir, (enum partition_tier)tier).text, why);
    return err ? err : folder_sync(set->dir, why);
}

/* ---- partitions that ended this program ---- */

static enum tm_err parse_label(const char *label, struct partition_id *id)
{
    enum partition_suffix suffix;
    for (size_t tier = 0; tier < PARTITION_TIERS; tier++) {
        const char *name = partition_tier_name((enum partition_tier)tier);
        size_t len = strlen(name);
        if (strncmp(label, name, len) == 0 && label[len] == '/')
            return path_parse((enum partition_tier)tier, label + len + 1, id, &suffix);
    }
    return TM_INVALID;
}

/* Reads it all in a child, which may die. */
static bool survives_trial(const struct partitions *set, struct partition_id id)
{
    struct partition_path path = path_of(set->dir, id, "", NULL);
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return true;
    if (child == 0) {
        struct partition_check_options options = {0};
        struct partition_check_result result;
        static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
        for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
            (void)signal(deadly[i], SIG_DFL);
        _exit(partition_check(path.text, id, &options, &result, NULL) == TM_CORRUPT);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return true;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void try_suspects(struct partitions *set)
{
    char name[DEATHS_NAME_BYTES];
    while (deaths_suspect(&set->deaths, name)) {
        struct partition_id id;
        if (parse_label(name, &id) != TM_OK)
            continue;
        struct partition *p = set_find(set, id);
        if (!p)
            continue;
        set_log(set, STORE_LOG_WARNING, "partition.suspect",
                "two runs ended while partition %s was in use: reading all of it in a child", name);
        if (survives_trial(set, id))
            continue;
        p->damaged = true;
        set->stats.damaged++;
        quarantine_rename(set, p);
    }
}

/* ---- opening and closing ---- */

static void set_defaults(struct partitions_options *options)
{
    if (!options->max_open)
        options->max_open = PARTITION_MAX_OPEN;
    if (!options->txn_bytes)
        options->txn_bytes = DEFAULT_TXN_BYTES;
    if (!options->txn_count)
        options->txn_count = DEFAULT_TXN_COUNT;
    if (!options->reserve_bytes)
        options->reserve_bytes = DEFAULT_RESERVE_BYTES;
}

static enum tm_err open_folder(struct partitions *set, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (set->options.read_only)
        return file_exists(set->dir) ? set_list_folder(set, why)
                                     : tm_fail(why, TM_NOT_FOUND, "there is no folder %.250s", set->dir);
    err = make_folders(set, why);
    if (!err)
        err = deaths_open(&set->deaths, set->dir, why);
    for (size_t tier = 0; !err && tier < PARTITION_TIERS; tier++)
        err = replace_recover(set, (enum partition_tier)tier, why);
    if (!err)
        err = set_list_folder(set, why);
    if (!err)
        try_suspects(set);
    return err;
}

static void init_locks(struct partitions *set)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&set->lock, NULL);
    pthread_cond_init(&set->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum tm_err partitions_open(const struct partitions_options *options, struct partitions **out,
                            struct tm_why *why)
{
    *out = NULL;
    if (strlen(options->dir) >= PARTITION_DIR_BYTES)
        return tm_fail(why, TM_INVALID, "the path of the data folder is longer than %d bytes",
                       PARTITION_DIR_BYTES);
    struct partitions *set = calloc(1, sizeof *set);
    if (!set)
        return tm_fail(why, TM_NOMEM, "out of memory");
    set->options = *options;
    set_defaults(&set->options);
    memcpy(set->dir, options->dir, strlen(options->dir));
    set->options.dir = set->dir;
    init_locks(set);
    enum tm_err err = open_folder(set, why);
    if (err)
        partitions_close(set);
    else
        *out = set;
    return err;
}

void partitions_close(struct partitions *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        assert(set->all[i]->steps == 0);
        door_close(set, set->all[i]);
        free(set->all[i]);
    }
    free(set->all);
    sweep_end(&set->later);
    free(set->spare);
    deaths_close(&set->deaths);
    pthread_cond_destroy(&set->changed);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

/* ---- listing ---- */

void partitions_list(struct partitions *set, enum partition_tier tier, struct span span,
                     struct partition_entry *out, size_t room, size_t *count)
{
    *count = 0;
    set_lock(set);
    for (size_t i = find_place(set, (struct partition_id){.tier = tier}); i < set->count; i++) {
        const struct partition *p = set->all[i];
        struct span own = partition_period_span(tier, p->id.period);
        if (p->id.tier != tier || own.from >= span.to)
            break;
        if (own.to <= span.from)
            continue;
        if (*count < room)
            out[*count] = (struct partition_entry){
                .id = p->id,
                .span = own,
                .sealed = p->sealed,
                .damaged = p->damaged,
                .bytes = file_bytes(path_of(set->dir, p->id, "", "data.mdb").text, NULL) +
                         file_bytes(path_of(set->dir, p->id, "", "pages").text, NULL)};
        ++*count;
    }
    set_unlock(set);
}

enum tm_err partitions_next(struct partitions *set, enum partition_tier tier, uint32_t from, uint32_t *out)
{
    set_lock(set);
    size_t place = find_place(set, (struct partition_id){.tier = tier, .period = from});
    bool is_found = place < set->count && set->all[place]->id.tier == tier;
    if (is_found)
        *out = set->all[place]->id.period;
    set_unlock(set);
    return is_found ? TM_OK : TM_NOT_FOUND;
}

/* ---- watching ---- */

struct foreign {
    int pid;
    unsigned long long oldest; /* transaction of another process, 0: none */
};

static int note_reader(const char *line, void *arg)
{
    struct foreign *f = arg;
    int pid;
    unsigned long long thread, txn;
    if (sscanf(line, "%d %llx %llu", &pid, &thread, &txn) == 3 && pid != f->pid &&
        (f->oldest == 0 || txn < f->oldest))
        f->oldest = txn;
    return 0;
}

static void watch_readers(struct partitions *set, struct partition *p, int64_t now_ns)
{
    int cleared = 0;
    struct foreign foreign = {.pid = getpid()};
    if (p->pages.map || mdb_reader_check(p->env, &cleared) != 0)
        return;
    (void)mdb_reader_list(p->env, note_reader, &foreign);
    set->stats.readers_cleared += (uint64_t)cleared;
    if (foreign.oldest != p->foreign_txn)
        p->foreign_since_ns = now_ns;
    p->foreign_txn = foreign.oldest;
}

void partitions_tick(struct partitions *set)
{
    struct partition *damaged;
    int64_t now_ns = clock_mono_ns(set->options.clock);
    do {
        damaged = NULL;
        set_lock(set);
        for (size_t i = 0; i < set->count; i++) {
            struct partition *p = set->all[i];
            if (p->damaged && !p->is_written && !p->broken)
                damaged = p;
            else if (p->state == PARTITION_OPEN && !p->damaged && !set->options.read_only)
                watch_readers(set, p, now_ns);
        }
        set_unlock(set);
        if (damaged && !set->options.read_only)
            quarantine_rename(set, damaged);
    } while (damaged && !set->options.read_only);
}

bool partitions_sweep(struct partitions *set)
{
    return sweep_step(&set->later);
}

void partitions_stats(struct partitions *set, struct partitions_stats *out)
{
    int64_t now_ns = clock_mono_ns(set->options.clock);
    set_lock(set);
    *out = set->stats;
    int64_t since_ns = set->oldest ? set->oldest->begun_ns : now_ns;
    for (size_t i = 0; i < set->count; i++) {
        const struct partition *p = set->all[i];
        if (p->foreign_txn && p->foreign_since_ns < since_ns)
            since_ns = p->foreign_since_ns;
    }
    set_unlock(set);
    out->oldest_reader_ms = (now_ns - since_ns) / 1000000;
}

void partition_quarantine(struct partitions *set, struct partition_id id, const char *reason)
{
    set_lock(set);
    struct partition *p = set_find(set, id);
    if (p)
        p->steps++; /* so that it stays */
    set_unlock(set);
    if (!p)
        return;
    env_damaged(set, p, reason);
    set_lock(set);
    p->steps--;
    pthread_cond_broadcast(&set->changed);
    set_unlock(set);
}
