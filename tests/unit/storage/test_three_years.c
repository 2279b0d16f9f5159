/* Three years of rolling retention, day by day, the clock passed in: files, memory and descriptors stay as
 * large as they were once the retention was full. YEARS=3 SERIES_A_DAY=... for longer runs. */
#include <dirent.h>
#include <malloc.h>

#include "tests/unit/storage/engine.h"

enum { KEPT_DAYS = 30, FIRST_LOOK = 3 * KEPT_DAYS, LAST_FIRST_LOOK = 7 * KEPT_DAYS, SAMPLES_A_DAY = 24 };

static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static int count_entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

/* What is held at one moment. */
struct held {
    uint64_t disk_bytes;
    size_t memory_bytes;
    int descriptors;
    int days;     /* folders */
    int segments; /* of the journal */
};

static struct held look(const struct fixture *f)
{
    char path[512];
    struct store_stats stats = stats_of(f->store);
    struct held held = {.disk_bytes = stats.data_bytes,
                        .memory_bytes = mallinfo2().uordblks + mallinfo2().hblkhd,
                        .descriptors = count_entries("/proc/self/fd")};
    (void)snprintf(path, sizeof path, "%s/raw", f->dir);
    held.days = count_entries(path);
    (void)snprintf(path, sizeof path, "%s/journal", f->dir);
    held.segments = count_entries(path);
    return held;
}

/* A few steady series, a few that live for a week, and some events. Every tenth day something comes late. */
static void live_a_day(struct fixture *f, int day)
{
    int steady = setting("STEADY_SERIES", 5);
    for (int hour = 0; hour < SAMPLES_A_DAY; hour += 6) {
        struct batch *batch = store_batch_new(f->store);
        char name[32];
        time_ms_t midnight = DAY0 + day * DAY_MS;
        for (int i = 0; i < steady + 2; i++) {
            (void)snprintf(name, sizeof name, i < steady ? "steady%d" : "week%d_%d", i < steady ? i : day / 7,
                           i);
            for (int k = 0; k < 6; k++)
                put(f->store, batch, name, midnight + (hour + k) * HOUR_MS, day + i);
        }
        if (day % 10 == 9)
            put(f->store, batch, "steady0", midnight - 5 * DAY_MS + hour, hour);
        assert_int_equal(store_batch_event(batch, EVENT_HTTP, midnight + hour * HOUR_MS, STR("event")),
                         TM_OK);
        struct producer_mark mark = mark_of("agent", 1, (uint64_t)(day * 4 + hour / 6 + 1));
        assert_int_equal(send_batch(f->store, batch, &mark), TM_OK);
        pass_time(f, 6 * HOUR_MS);
        store_poll(f->store);
    }
    flush_now(f);
    flush_settle(f->store);
}

/* The most of each, over some months: what is open at one moment varies. */
static void note_most(struct held *most, const struct held *now)
{
    most->disk_bytes = now->disk_bytes > most->disk_bytes ? now->disk_bytes : most->disk_bytes;
    most->memory_bytes = now->memory_bytes > most->memory_bytes ? now->memory_bytes : most->memory_bytes;
    most->descriptors = now->descriptors > most->descriptors ? now->descriptors : most->descriptors;
    most->days = now->days > most->days ? now->days : most->days;
}

static void expect_flat(const struct held *before, const struct held *now)
{
    assert_true(now->disk_bytes <= before->disk_bytes + before->disk_bytes / 10);
    assert_true(now->memory_bytes <= before->memory_bytes + before->memory_bytes / 10);
    assert_true(now->descriptors <= before->descriptors + 8); /* which days are open varies */
    assert_true(now->days <= KEPT_DAYS + 4);
    assert_true(now->segments <= 2);
}

static void three_years_of_retention_leave_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct held first = {0}, now = {0};
    int days = setting("YEARS", 3) * 365;
    fixture_close(f);
    f->clock.wall_ms = DAY0;
    f->options.retention_raw_ms = KEPT_DAYS * DAY_MS;
    f->options.retention_events_ms = KEPT_DAYS * DAY_MS;
    f->options.retention_rollup_5m_ms = KEPT_DAYS * DAY_MS;
    f->options.retention_rollup_1h_ms = KEPT_DAYS * DAY_MS;
    f->options.segment_bytes = 1 << 16;
    fixture_open(f);
    for (int day = 0; day < days; day++) {
        live_a_day(f, day);
        if (day % 100 == 99)
            fixture_reopen(f);
        now = look(f);
        if (day >= FIRST_LOOK && day < LAST_FIRST_LOOK)
            note_most(&first, &now);
        else if (day >= LAST_FIRST_LOOK)
            expect_flat(&first, &now);
    }
    print_message(
        "%d days: disk %lu -> %lu KiB, memory %zu -> %zu KiB, descriptors %d -> %d, folders %d -> %d\n", days,
        (unsigned long)first.disk_bytes >> 10, (unsigned long)now.disk_bytes >> 10, first.memory_bytes >> 10,
        now.memory_bytes >> 10, first.descriptors, now.descriptors, first.days, now.days);
    assert_in_range(count_of(f->store, "steady1"), (KEPT_DAYS - 1) * SAMPLES_A_DAY,
                    (KEPT_DAYS + 1) * SAMPLES_A_DAY);
}

static int open_in_memory(void **state)
{
    struct stat info;
    if (stat("/dev/shm", &info) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        three_years_of_retention_leave_nothing_behind, open_in_memory, fixture_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
