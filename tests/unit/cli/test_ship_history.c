/* Histories of a log, drawn at random from fixed seeds: it grows and is renamed, copied and cut, packed, step
 * by step; between any two steps the shipper may look, take, save, or be killed, and while it looks the log
 * may be rotated under its eyes. Each line counts once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "server/cli/ship/ship_log.h"

enum {
    LINES_MAX = 400,
    NAMES_MAX = 60,
    DATED = 1000, /* the number behind the first name that is never shifted */
    DATED_MAX = 150,
    OPERATIONS = 14,
    TEXT_BYTES = 64 << 10,
    CLOCK_STEP_US = 10000
};

struct history {
    char folder[64];
    char path[PATH_MAX];
    uint64_t random;
    bool is_alike;   /* every file begins with the same lines */
    bool is_patient; /* files are waited for as long as they may be */
    struct ship_state state;
    struct ship_log log;
    bool is_running;
    bool is_within;  /* a step of the log within a look: nobody else acts */
    bool is_between; /* no step of the log is half done */
    void (*const *operations)(struct history *);
    size_t operation_count;
    size_t count;   /* lines written */
    size_t in_file; /* of them in the file that has the name */
    size_t dated;   /* files */
    uint32_t saved[LINES_MAX];
    uint32_t taken[LINES_MAX];
    char did[4096]; /* for the person who looks for a fault */
};

static struct tm_why why;

/* The log that moves within a look, and after how many calls into the file system. */
static struct history *moving;
static uint64_t calls_left;
static size_t moved_count;

static uint64_t draw(struct history *h, uint64_t below)
{
    h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (h->random >> 33) % below;
}

static void note(struct history *h, const char *what)
{
    size_t len = strlen(h->did);
    (void)snprintf(h->did + len, sizeof h->did - len, " %s", what);
}

/* ---- the shipper ---- */

static void take(struct history *h, struct ship_file *file, struct str line)
{
    unsigned number;
    char text[16];
    (void)snprintf(text, sizeof text, "%.*s", (int)(line.len < 15 ? line.len : 15), line.ptr);
    assert_int_equal(sscanf(text, "%u", &number), 1);
    assert_true(number < LINES_MAX);
    h->taken[number]++;
    ship_file_take(file, line);
}

/* As the shipper reads one file. */
static void read_file(struct history *h, size_t nth)
{
    struct ship_file *file = &h->log.files[nth];
    enum ship_read read = SHIP_READ_SOME;
    struct str line;
    while (read == SHIP_READ_SOME) {
        assert_int_equal(ship_file_fill(file, &read, &why), TM_OK);
        while (read == SHIP_READ_SOME && ship_file_line(file, 1000, false, &line))
            take(h, file, line);
    }
    if (read == SHIP_READ_CUT)
        ship_log_cut(&h->log, nth);
    else if (ship_log_is_over(&h->log, nth) || (file->is_rotated && !h->is_patient && draw(h, 2)))
        ship_log_finish(&h->log, nth);
}

static void look(struct history *h)
{
    moving = h->is_between && draw(h, 2) ? h : NULL;
    h->is_between = false;
    calls_left = draw(h, 30);
    assert_int_equal(ship_log_look(&h->log, &why), TM_OK);
    moving = NULL;
}

/* A whole step of the log, if it is time for one. */
static void move_within(void)
{
    if (!moving || calls_left-- > 0)
        return;
    struct history *h = moving;
    moving = NULL;
    moved_count++;
    note(h, "(");
    h->is_within = true;
    h->operations[draw(h, h->operation_count)](h);
    h->is_within = false;
    note(h, ")");
}

#define EXPORTED __attribute__((visibility("default")))
EXPORTED struct dirent *readdir(DIR *folder);
EXPORTED int statx(int fd, const char *path, int flags, unsigned wanted, struct statx *out);

struct dirent *readdir(DIR *folder)
{
    struct dirent *(*real)(DIR *);
    *(void **)&real = dlsym(RTLD_NEXT, "readdir");
    move_within();
    return real(folder);
}

int statx(int fd, const char *path, int flags, unsigned wanted, struct statx *out)
{
    int (*real)(int, const char *, int, unsigned, struct statx *);
    *(void **)&real = dlsym(RTLD_NEXT, "statx");
    move_within();
    return real(fd, path, flags, wanted, out);
}

static void turn(struct history *h)
{
    look(h);
    for (size_t i = 0; i < h->log.file_count; i++)
        if (h->log.files[i].fd >= 0)
            read_file(h, i);
}

static void save(struct history *h)
{
    assert_int_equal(ship_log_note(&h->log, &h->state, &why), TM_OK);
    memcpy(h->saved, h->taken, sizeof h->saved);
}

static void start(struct history *h)
{
    memcpy(h->taken, h->saved, sizeof h->taken);
    assert_int_equal(ship_log_init(&h->log, h->path, &h->state, &why), TM_OK);
    look(h);
    save(h);
    h->is_running = true;
}

static void kill_it(struct history *h)
{
    ship_log_fini(&h->log);
    h->is_running = false;
}

/* What the shipper does between two steps of the log. */
static void observe(struct history *h)
{
    if (h->is_within)
        return;
    static const char *const names[] = {"-", "-", "look", "turn", "turn,save", "kill", "kill,start"};
    size_t what = draw(h, sizeof names / sizeof *names);
    if (!h->is_running && what < 5)
        return;
    note(h, names[what]);
    if (what == 2)
        look(h);
    if (what == 3 || what == 4)
        turn(h);
    if (what == 4)
        save(h);
    if (what >= 5 && h->is_running)
        kill_it(h);
    if (what == 6)
        start(h);
}

/* ---- the log ---- */

static void path_of(const struct history *h, size_t number, const char *ending, char out[PATH_MAX])
{
    if (number)
        assert_true(snprintf(out, PATH_MAX, "%s/access.log.%zu%s", h->folder, number, ending) < PATH_MAX);
    else
        assert_true(snprintf(out, PATH_MAX, "%s/access.log%s", h->folder, ending) < PATH_MAX);
}

static void append(struct history *h)
{
    FILE *file = fopen(h->path, "a");
    assert_non_null(file);
    for (uint64_t lines = 1 + draw(h, 3); lines; lines--, h->count++, h->in_file++) {
        assert_true(h->count < LINES_MAX);
        /* No two of a size, so that no two files are of one. */
        size_t number = h->is_alike ? h->in_file : h->count;
        assert_true(fprintf(file, "%zu %0*d\n", number, (int)(number * 7 % 300) + 1, 0) > 0);
    }
    assert_int_equal(fclose(file), 0);
    note(h, "append");
}

/* Each number becomes the next one, from the last on. */
static void shift(struct history *h)
{
    static const char *const endings[] = {"", ".gz"};
    char old[PATH_MAX], new[PATH_MAX];
    for (size_t number = NAMES_MAX; number > 0; number--)
        for (int i = 0; i < 2; i++) {
            path_of(h, number, endings[i], old);
            path_of(h, number + 1, endings[i], new);
            if (rename(old, new) != 0)
                continue;
            note(h, "shift");
            observe(h);
        }
}

static void rotate(struct history *h)
{
    char new[PATH_MAX];
    shift(h);
    path_of(h, 1, "", new);
    assert_int_equal(rename(h->path, new), 0);
    note(h, "rename");
    observe(h);
    if (h->is_alike)
        usleep(CLOCK_STEP_US);
    FILE *file = fopen(h->path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    note(h, "create");
    h->in_file = 0;
    if (h->is_alike) /* when a file was made tells it apart; the clock of file systems has steps of some ms */
        usleep(CLOCK_STEP_US);
}

/* Under a name of its own, and nobody need look. */
static void rotate_dated(struct history *h)
{
    char new[PATH_MAX];
    assert_true(h->dated < DATED_MAX);
    path_of(h, DATED + h->dated++, "", new);
    assert_int_equal(rename(h->path, new), 0);
    note(h, "dated");
    observe(h);
    FILE *file = fopen(h->path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%zu\n", h->count++) > 0);
    assert_int_equal(fclose(file), 0);
    usleep(CLOCK_STEP_US);
}

static size_t read_whole(const char *path, char text[TEXT_BYTES])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, TEXT_BYTES, file);
    assert_int_equal(fclose(file), 0);
    return len;
}

static void write_part(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void copy_and_cut(struct history *h)
{
    char text[TEXT_BYTES], copy[PATH_MAX];
    shift(h);
    size_t len = read_whole(h->path, text);
    path_of(h, 1, "", copy);
    for (size_t i = 0; i < 3; i++) {
        write_part(copy, text + len * i / 3, len * (i + 1) / 3 - len * i / 3);
        note(h, "copy");
        observe(h);
    }
    assert_int_equal(truncate(h->path, 0), 0);
    note(h, "cut");
    h->in_file = 0;
}

static void pack(struct history *h)
{
    char text[TEXT_BYTES], plain[PATH_MAX], packed[PATH_MAX], whole[PATH_MAX];
    path_of(h, 1, "", plain);
    path_of(h, 1, ".gz", packed);
    if (access(plain, F_OK) != 0)
        return;
    size_t len = read_whole(plain, text);
    assert_true(snprintf(whole, sizeof whole, "%s/packed", h->folder) > 0);
    gzFile file = gzopen(whole, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)len), len);
    assert_int_equal(gzclose(file), Z_OK);
    len = read_whole(whole, text);
    assert_int_equal(unlink(whole), 0);
    for (size_t i = 0; i < 3; i++) {
        write_part(packed, text + len * i / 3, len * (i + 1) / 3 - len * i / 3);
        note(h, "pack");
        observe(h);
    }
    assert_int_equal(unlink(plain), 0);
    note(h, "unlink");
}

/* ---- a history ---- */

static void clean(struct history *h)
{
    static const char *const endings[] = {"", ".gz"};
    char path[PATH_MAX];
    kill_it(h);
    ship_state_fini(&h->state);
    for (size_t i = 0; i < 2 * NAMES_MAX; i++) {
        path_of(h, i / 2, endings[i % 2], path);
        (void)unlink(path);
    }
    for (size_t i = 0; i < h->dated; i++) {
        path_of(h, DATED + i, "", path);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(h->folder), 0);
}

static void check(struct history *h, const char *what, uint64_t seed)
{
    size_t sum = 0;
    for (size_t i = 0; i < LINES_MAX; i++) {
        sum += h->taken[i];
        if (!h->is_alike && h->taken[i] != (i < h->count))
            fail_msg("%s, seed %d: line %zu counts %u times:%s", what, (int)seed, i, h->taken[i], h->did);
    }
    if (sum != h->count)
        fail_msg("%s, seed %d: %zu lines were written, %zu are taken:%s", what, (int)seed, h->count, sum,
                 h->did);
}

/* steps: of the log; at the end the shipper has as many turns. */
static void run(uint64_t seed, const char *what, struct history h, size_t steps)
{
    h.random = seed;
    (void)snprintf(h.folder, sizeof h.folder, "/tmp/ship_history.XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    path_of(&h, 0, "", h.path);
    append(&h);
    start(&h);
    for (size_t i = 0; i < steps; i++) {
        h.operations[draw(&h, h.operation_count)](&h);
        h.is_between = true;
        observe(&h);
        h.is_between = false;
    }
    if (!h.is_running)
        start(&h);
    for (size_t i = 0; i < steps; i++)
        turn(&h);
    check(&h, what, seed);
    clean(&h);
}

static uint64_t seed_count(uint64_t usual)
{
    const char *text = getenv("SHIP_HISTORIES");
    return text ? strtoull(text, NULL, 10) : usual;
}

static void every_line_counts_once_whatever_rotates_the_log_and_whenever_the_shipper_dies(void **state)
{
    static void (*const operations[])(struct history *) = {append, append, rotate, copy_and_cut, pack};
    (void)state;
    for (uint64_t seed = 0; seed < seed_count(200); seed++)
        run(seed, "any", (struct history){.operations = operations, .operation_count = 5}, OPERATIONS);
    assert_true(moved_count > 0);
}

/* Logs of one program often begin alike, down to the time: renamed only, no line is taken for another. */
static void files_that_begin_alike_are_told_apart(void **state)
{
    static void (*const operations[])(struct history *) = {append, append, rotate};
    (void)state;
    for (uint64_t seed = 0; seed < seed_count(20); seed++)
        run(seed, "alike", (struct history){.is_alike = true, .operations = operations, .operation_count = 3},
            OPERATIONS);
}

/* Far more files at once than the shipper keeps open or remembers. */
static void any_number_of_rotations_at_once_loses_no_line(void **state)
{
    static void (*const operations[])(struct history *) = {append, rotate_dated, rotate_dated, copy_and_cut};
    (void)state;
    for (uint64_t seed = 0; seed < seed_count(6); seed++)
        run(seed, "many",
            (struct history){.is_patient = true, .operations = operations, .operation_count = 4},
            DATED_MAX - 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_counts_once_whatever_rotates_the_log_and_whenever_the_shipper_dies),
        cmocka_unit_test(files_that_begin_alike_are_told_apart),
        cmocka_unit_test(any_number_of_rotations_at_once_loses_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
