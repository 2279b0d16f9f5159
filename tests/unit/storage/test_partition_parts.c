/* The small parts of partitions, one by one: keys and records, names, the file of hashes, the file of deaths.
 */
#include "test_partition_fixture.h"

#include <fcntl.h>
#include <signal.h>

#include "storage/partition/partition_deaths.h"
#include "storage/partition/partition_files.h"
#include "storage/partition/partition_format.h"
#include "storage/partition/partition_pages.h"

static void keys_sort_by_window_series_and_part(void **state)
{
    (void)state;
    static const struct partition_key keys[] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0},   {0, 256, 0},
                                                {1, 0, 0}, {1, 2, 3}, {256, 0, 0}, {UINT32_MAX, 0, 0}};
    for (size_t i = 0; i + 1 < sizeof keys / sizeof keys[0]; i++) {
        uint8_t a[PARTITION_KEY_BYTES], b[PARTITION_KEY_BYTES];
        struct partition_key again;
        key_encode(&keys[i], a);
        key_encode(&keys[i + 1], b);
        assert_true(memcmp(a, b, sizeof a) < 0);
        assert_true(key_compare(&keys[i], &keys[i + 1]) < 0);
        assert_int_equal(key_decode((struct str){(const char *)a, sizeof a}, &again), TM_OK);
        assert_int_equal(key_compare(&keys[i], &again), 0);
        assert_int_equal(key_decode((struct str){(const char *)a, sizeof a - 1}, &again), TM_CORRUPT);
    }
}

static void a_record_under_another_key_is_refused(void **state)
{
    (void)state;
    struct partition_window window = {7, -5, 100, 3, 18, 42, 77}, again;
    uint8_t bytes[PARTITION_WINDOW_BYTES];
    struct str value = {(const char *)bytes, sizeof bytes};
    assert_int_equal(window_encode(&window, bytes), sizeof bytes);
    assert_int_equal(window_decode((struct str){"\0\0\0\7", 4}, value, &again), TM_OK);
    assert_int_equal(again.first, -5);
    assert_int_equal(again.tag, 42);
    assert_int_equal(again.keys_hash, 77);
    assert_int_equal(window_decode((struct str){"\0\0\0\10", 4}, value, &again), TM_CORRUPT);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(window_decode((struct str){"\0\0\0\7", 4}, value, &again), TM_CORRUPT);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void a_window_without_a_hash_of_its_keys_is_read_as_well(void **state)
{
    (void)state;
    struct partition_window window = {7, -5, 100, 3, 18, 42, 0}, again;
    uint8_t bytes[PARTITION_WINDOW_BYTES];
    assert_int_equal(window_encode(&window, bytes), PARTITION_OLD_WINDOW_BYTES);
    struct str value = {(const char *)bytes, PARTITION_OLD_WINDOW_BYTES};
    assert_int_equal(window_decode((struct str){"\0\0\0\7", 4}, value, &again), TM_OK);
    assert_int_equal(again.tag, 42);
    assert_int_equal(again.keys_hash, 0);
    value.len = sizeof bytes;
    assert_int_equal(window_decode((struct str){"\0\0\0\7", 4}, value, &again), TM_CORRUPT);
}

static void the_hash_of_keys_depends_on_order_and_lengths(void **state)
{
    (void)state;
    const uint8_t a[PARTITION_KEY_BYTES] = {1}, b[PARTITION_KEY_BYTES] = {2};
    uint64_t ab = keys_hash_add(keys_hash_add(0, a, 5), b, 6);
    assert_int_equal(ab, keys_hash_add(keys_hash_add(0, a, 5), b, 6));
    assert_int_not_equal(ab, keys_hash_add(keys_hash_add(0, b, 6), a, 5));
    assert_int_not_equal(ab, keys_hash_add(keys_hash_add(0, a, 6), b, 5));
    assert_int_not_equal(ab, keys_hash_add(0, b, 6));
}

static void meta_of_another_partition_or_with_any_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct partition_meta meta = {.id = day_id(TEST_DAY, true), .sealed = true, .tag = 9}, again;
    uint8_t bytes[PARTITION_META_BYTES];
    struct str view = {(const char *)bytes, sizeof bytes};
    meta_encode(&meta, bytes);
    assert_int_equal(meta_decode(view, day_id(TEST_DAY, true), &again), TM_OK);
    assert_true(again.sealed && !again.series_major && again.tag == 9);
    assert_int_equal(meta_decode(view, day_id(TEST_DAY, false), &again), TM_CORRUPT);
    assert_int_equal(meta_decode(view, day_id(TEST_DAY + 1, true), &again), TM_CORRUPT);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(meta_decode(view, day_id(TEST_DAY, true), &again), TM_CORRUPT);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void folder_names_tell_what_a_folder_is(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum tm_err err;
        bool late;
        enum partition_suffix suffix;
    } cases[] = {
        {"2026-11-22", TM_OK, false, SUFFIX_NONE},
        {"2026-11-22.late", TM_OK, true, SUFFIX_NONE},
        {"2026-11-22.new", TM_OK, false, SUFFIX_NEW},
        {"2026-11-22.merged", TM_OK, false, SUFFIX_MERGED},
        {"2026-11-22.late.old", TM_OK, true, SUFFIX_OLD},
        {"2026-11-22.making", TM_OK, false, SUFFIX_MAKING},
        {"2026-11-22.late.dropped", TM_OK, true, SUFFIX_DROPPED},
        {"2026-11-22.quarantine", TM_INVALID, false, SUFFIX_NONE},
        {"2026-11-22.quarantine.2", TM_INVALID, false, SUFFIX_NONE},
        {"2026-11-22.later", TM_INVALID, false, SUFFIX_NONE},
        {"lost+found", TM_INVALID, false, SUFFIX_NONE},
        {"..", TM_INVALID, false, SUFFIX_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct partition_id id;
        enum partition_suffix suffix;
        assert_int_equal(path_parse(PARTITION_RAW, cases[i].name, &id, &suffix), cases[i].err);
        if (cases[i].err)
            continue;
        assert_int_equal(id.period, TEST_DAY);
        assert_int_equal(id.late, cases[i].late);
        assert_int_equal(suffix, cases[i].suffix);
    }
}

static void strange_folders_are_left_alone(void **state)
{
    (void)state;
    struct scratch s;
    char path[256];
    scratch_make(&s, "/tmp");
    scratch_open(&s);
    must_write(&s, TEST_DAY, 1, 5, 100);
    scratch_close(&s);
    (void)snprintf(path, sizeof path, "%s/raw/2026-11-21.quarantine", s.dir);
    assert_int_equal(mkdir(path, 0750), 0);
    scratch_open(&s);
    assert_int_equal(access(path, F_OK), 0);
    assert_content(&s, day_id(TEST_DAY, false), windows_content(1, 1, 5));
    scratch_remove(&s);
}

static void a_partition_is_a_suspect_after_two_deaths_inside(void **state)
{
    (void)state;
    struct scratch s;
    char name[DEATHS_NAME_BYTES];
    struct partition_deaths deaths = {0};
    scratch_make(&s, "/tmp");
    for (int run = 0; run < 2; run++) {
        assert_int_equal(deaths_open(&deaths, s.root, NULL), TM_OK);
        assert_null(deaths_suspect(&deaths, name));
        int guilty = deaths_take(&deaths, "raw/2026-11-22"), idle = deaths_take(&deaths, "raw/2026-11-23");
        assert_true(guilty >= 0 && idle >= 0 && guilty != idle);
        deaths_enter(&deaths, guilty);
        deaths_enter(&deaths, idle);
        deaths_leave(&deaths, idle);
        deaths_close(&deaths);
    }
    assert_int_equal(deaths_open(&deaths, s.root, NULL), TM_OK);
    assert_string_equal(deaths_suspect(&deaths, name), "raw/2026-11-22");
    assert_null(deaths_suspect(&deaths, name));
    deaths_close(&deaths);
    scratch_remove(&s);
}

static void a_damaged_file_of_deaths_starts_afresh(void **state)
{
    (void)state;
    struct scratch s;
    char path[128], name[DEATHS_NAME_BYTES];
    struct partition_deaths deaths = {0};
    scratch_make(&s, "/tmp");
    (void)snprintf(path, sizeof path, "%s/reading", s.root);
    for (int round = 0; round < 2; round++) {
        FILE *f = fopen(path, "w");
        for (int i = 0; f && i < (round ? 77 : DEATHS_SLOTS * 48); i++)
            (void)fputc(0xa5, f);
        assert_true(f && fclose(f) == 0);
        assert_int_equal(deaths_open(&deaths, s.root, NULL), TM_OK);
        assert_null(deaths_suspect(&deaths, name));
        assert_int_equal(deaths_take(&deaths, "raw/2026-11-22"), 0);
        deaths_close(&deaths);
    }
    scratch_remove(&s);
}

static void without_room_nothing_is_noted(void **state)
{
    (void)state;
    struct scratch s;
    char name[DEATHS_NAME_BYTES];
    struct partition_deaths deaths = {0};
    scratch_make(&s, "/tmp");
    assert_int_equal(deaths_open(&deaths, s.root, NULL), TM_OK);
    for (int i = 0; i < DEATHS_SLOTS; i++) {
        (void)snprintf(name, sizeof name, "raw/%d", i);
        assert_int_equal(deaths_take(&deaths, name), i);
    }
    assert_int_equal(deaths_take(&deaths, "raw/one-more"), -1);
    deaths_enter(&deaths, -1);
    deaths_leave(&deaths, -1);
    deaths_give(&deaths, 7);
    assert_int_equal(deaths_take(&deaths, "raw/one-more"), 7);
    deaths_close(&deaths);
    scratch_remove(&s);
}

static void a_changed_page_or_a_shorter_file_is_refused(void **state)
{
    (void)state;
    static uint8_t data[4 * 4096];
    struct scratch s;
    struct partition_pages pages;
    char path[128];
    scratch_make(&s, "/tmp");
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 4096 / 16); /* all pages alike */
    (void)snprintf(path, sizeof path, "%s/data.mdb", s.root);
    FILE *f = fopen(path, "w");
    assert_true(f && fwrite(data, 1, sizeof data, f) == sizeof data && fclose(f) == 0);
    assert_int_equal(pages_open(&pages, s.root, NULL), TM_NOT_FOUND);
    assert_int_equal(pages_write(s.root, NULL), TM_OK);
    assert_int_equal(pages_open(&pages, s.root, NULL), TM_OK);
    assert_int_equal(pages_check(&pages, 2, data + 2 * 4096), TM_OK);
    data[2 * 4096 + 5]++;
    assert_int_equal(pages_check(&pages, 2, data + 2 * 4096), TM_CORRUPT);
    assert_int_equal(pages_check(&pages, 4, data), TM_CORRUPT);
    memcpy(data, data + 4096, 4096);
    assert_int_equal(pages_check(&pages, 0, data + 4096), TM_OK);
    data[0] ^= 1;
    assert_int_equal(pages_check(&pages, 0, data), TM_CORRUPT);
    pages_close(&pages);
    assert_int_equal(truncate(path, 3 * 4096), 0);
    assert_int_equal(pages_open(&pages, s.root, NULL), TM_CORRUPT);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_sort_by_window_series_and_part),
        cmocka_unit_test(a_record_under_another_key_is_refused),
        cmocka_unit_test(a_window_without_a_hash_of_its_keys_is_read_as_well),
        cmocka_unit_test(the_hash_of_keys_depends_on_order_and_lengths),
        cmocka_unit_test(meta_of_another_partition_or_with_any_flipped_bit_is_refused),
        cmocka_unit_test(folder_names_tell_what_a_folder_is),
        cmocka_unit_test(strange_folders_are_left_alone),
        cmocka_unit_test(a_partition_is_a_suspect_after_two_deaths_inside),
        cmocka_unit_test(a_damaged_file_of_deaths_starts_afresh),
        cmocka_unit_test(without_room_nothing_is_noted),
        cmocka_unit_test(a_changed_page_or_a_shorter_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
