/* Rules that hold for every setting of the table, and the small parts below the reader. */
#include "tests/unit/config/config_test.h"

#include "server/config/config_check.h"
#include "server/config/config_fault.h"
#include "server/config/config_field.h"
#include "server/config/config_suggest.h"
#include "server/config/config_table.h"
#include "server/config/config_value.h"

/* `a.b.c` with this value, nested as a file has it: each group on a line of its own. */
static void write_nested(char *out, size_t size, const char *path, const char *value)
{
    size_t at = 0;
    int indent = 0;
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        at += (size_t)snprintf(out + at, size - at, "%*s%.*s:\n", indent, "", (int)(dot - path), path);
        indent += 2;
    }
    (void)snprintf(out + at, size - at, "%*s%s: %s\n", indent, "", path, value);
}

/* Where write_nested puts the value. */
static struct place nested_place(const char *path)
{
    struct place place = {1, 1};
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1)
        place = (struct place){place.line + 1, place.column + 2};
    place.column += (int)strlen(path) + 2;
    return place;
}

/* The setting has exactly this one fault with this value. */
static void assert_one_fault(const struct setting *setting, const char *value, const char *fault)
{
    char text[400];
    char expected[600];
    struct place place = nested_place(setting->path);
    write_nested(text, sizeof text, setting->path, value);
    (void)snprintf(expected, sizeof expected, "f:%d:%d: %s: %s\n", place.line, place.column, setting->path,
                   fault);
    assert_faults(text, expected);
}

static bool is_number(const struct setting *setting)
{
    return setting->type == SETTING_INTEGER || setting->type == SETTING_DURATION ||
           setting->type == SETTING_SIZE;
}

static bool is_list(const struct setting *setting)
{
    return setting->type == SETTING_STRINGS || setting->type == SETTING_WORDS ||
           setting->type == SETTING_RECORDS;
}

static struct config *accept_value(const struct setting *setting, int64_t value)
{
    char text[400];
    /* the one rule between two numbers is kept out of the way */
    const char *beside = strcmp(setting->path, "limits.max_message") == 0 ? "  max_decompressed: 1GiB\n"
                         : strcmp(setting->path, "limits.max_decompressed") == 0 ? "  max_message: 1KiB\n"
                                                                                 : "";
    write_nested(text, sizeof text - 40, setting->path, field_number_text(setting, value).text);
    strcat(text, beside);
    return accept_config(text);
}

static void every_number_reaches_its_bounds_and_no_further(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++) {
        const struct setting *setting = &table.at[i];
        if (!is_number(setting))
            continue;
        const int64_t inside[] = {setting->min, setting->max};
        for (size_t k = 0; k < COUNT(inside); k++) {
            struct config *config = accept_value(setting, inside[k]);
            assert_int_equal(field_number(setting, config), inside[k]);
            config_free(config);
        }
        const int64_t outside[] = {setting->min - 1, setting->max + 1};
        for (size_t k = 0; k < COUNT(outside); k++) {
            char value[32];
            char fault[200];
            if (outside[k] < 0)
                continue; /* a sign is no part of a duration or a size */
            (void)snprintf(value, sizeof value, "%s", field_number_text(setting, outside[k]).text);
            (void)snprintf(fault, sizeof fault, "%s is out of bounds; choose a value from %s to %s", value,
                           field_number_text(setting, setting->min).text,
                           field_number_text(setting, setting->max).text);
            assert_one_fault(setting, value, fault);
        }
    }
}

static void every_setting_refuses_a_mapping_at_its_place(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++) {
        char text[400];
        char begin[200];
        struct place place = nested_place(table.at[i].path);
        write_nested(text, sizeof text, table.at[i].path, "{x: y}");
        (void)snprintf(begin, sizeof begin, "f:%d:%d: %s: a mapping stands where ", place.line, place.column,
                       table.at[i].path);
        char *printed = refuse_bytes(str_of(text));
        assert_memory_equal(printed, begin, strlen(begin));
        assert_non_null(strstr(printed, " belongs; write "));
        free(printed);
    }
}

/* Its default as it stands in a file. */
static const char *written_default(const struct setting *setting)
{
    return setting->default_text[0] ? setting->default_text : "''";
}

static void every_setting_refuses_to_be_left_without_value(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++) {
        const char *by_default = table.at[i].default_text;
        bool has_example = by_default[0] && (strcmp(by_default, "[]") != 0 || is_list(&table.at[i]));
        char fault[300];
        (void)snprintf(fault, sizeof fault, "has no value; write one%s%s, or remove the line",
                       has_example ? ", for example " : "", has_example ? by_default : "");
        assert_one_fault(&table.at[i], "null", fault);
    }
}

static void every_default_may_be_written_out(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    struct config *defaults = NULL;
    assert_int_equal(config_default(&defaults), TM_OK);
    for (size_t i = 0; i < table.count; i++) {
        char text[400];
        write_nested(text, sizeof text, table.at[i].path, written_default(&table.at[i]));
        struct config *config = accept_config(text);
        for (size_t k = 0; k < table.count; k++)
            assert_true(field_equal(&table.at[k], config, defaults));
        config_free(config);
    }
    config_free(defaults);
}

static void every_setting_may_be_given_once(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++) {
        const char *name = setting_name(&table.at[i]);
        char text[900];
        char expected[200];
        struct place place = nested_place(table.at[i].path);
        int indent = place.column - (int)strlen(name) - 3;
        write_nested(text, sizeof text - 400, table.at[i].path, written_default(&table.at[i]));
        (void)snprintf(text + strlen(text), 400, "%*s%s: %s\n", indent, "", name,
                       written_default(&table.at[i]));
        (void)snprintf(expected, sizeof expected, "f:%d:%d: \"%s\" is given twice; remove one\n",
                       place.line + 1, indent + 1, table.at[i].path);
        assert_faults(text, expected);
    }
}

static void every_slip_in_a_name_finds_it_again(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++) {
        const char *name = setting_name(&table.at[i]);
        size_t len = strlen(name);
        if (len < 3)
            continue; /* one letter of two is too much of a guess */
        char slip[64];
        struct str prefix = {table.at[i].path, (size_t)(name - table.at[i].path)};
        (void)snprintf(slip, sizeof slip, "%.*s%c%s", (int)(len / 2), name, '#', name + len / 2);
        struct str found = suggest_name(table, prefix, str_of(slip));
        assert_int_equal(found.len, len);
        assert_memory_equal(found.ptr, name, len);
    }
}

static void nothing_is_suggested_for_what_is_like_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"", "x", "zebra",
                                        "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(suggest_name(setting_all(), STR(""), str_of(names[i])).len, 0);
}

static void a_name_of_another_group_is_found_there(void **state)
{
    (void)state;
    assert_true(str_equal(suggest_name(setting_all(), STR(""), STR("max_series")), STR("limits.max_series")));
    assert_true(str_equal(suggest_name(setting_all(), STR(""), STR("keys")), STR("auth.keys")));
    assert_true(
        str_equal(suggest_name(setting_all(), STR("limits."), STR("retention")), STR("storage.retention")));
}

static void faults_are_kept_in_order_and_bounded(void **state)
{
    (void)state;
    static struct config_faults faults;
    static const int lines[] = {5, 1, 3, 0, 3, 9};
    for (size_t i = 0; i < COUNT(lines); i++)
        fault_add(&faults, (struct place){lines[i], 7 - (int)i}, "fault %zu", i);
    static const char *const expected[] = {"fault 3", "fault 1", "fault 4", "fault 2", "fault 0", "fault 5"};
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(faults.at[i].text, expected[i]);
    while (fault_has_room(&faults))
        fault_add(&faults, (struct place){10, 1}, "more");
    fault_add(&faults, (struct place){1, 1}, "too many");
    assert_int_equal(faults.count, CONFIG_FAULTS_MAX);
    assert_int_equal(faults.left_out, 1);
    assert_int_equal(fault_total(&faults), CONFIG_FAULTS_MAX + 1);
}

static void a_text_is_shown_without_what_a_terminal_obeys(void **state)
{
    (void)state;
    assert_string_equal(fault_shown(STR("a\x1B[2Jb\n\x7F\0c")).text, "a?[2Jb???c");
    assert_string_equal(fault_shown(STR("")).text, "");
    char longer[100];
    memset(longer, 'x', sizeof longer);
    assert_int_equal(strlen(fault_shown((struct str){longer, 64}).text), 64);
    assert_int_equal(strlen(fault_shown((struct str){longer, 65}).text), 67);
}

static void texts_may_hold_what_can_be_seen(void **state)
{
    (void)state;
    static const char *const fine[] = {"",         "plain",        "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x8A",
                                       "\xC2\xA0", "\xE2\x80\xA7", "\xEF\xBF\xBD"};
    static const char *const hidden[] = {"\t",           "a\x7F",        "\xC2\x85",
                                         "\xC2\x80",     "\xC2\x9F",     "\xE2\x80\xA8",
                                         "\xE2\x80\xA9", "\xEF\xBB\xBF", "\xEF\xBF\xBE"};
    struct tm_why why;
    for (size_t i = 0; i < COUNT(fine); i++)
        assert_int_equal(check_text(str_of(fine[i]), &why), TM_OK);
    for (size_t i = 0; i < COUNT(hidden); i++)
        assert_int_equal(check_text(str_of(hidden[i]), &why), TM_INVALID);
}

static void a_field_keeps_its_value_when_a_new_one_is_refused(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct tm_why why;
    assert_int_equal(config_default(&config), TM_OK);
    assert_int_equal(field_assign(setting_find("log.level"), config, STR("loud"), &why), TM_INVALID);
    assert_string_equal(config->log.level, "info");
    assert_int_equal(field_assign(setting_find("limits.max_series"), config, STR("0"), &why), TM_INVALID);
    assert_int_equal(config->limits.max_series, 1000000);
    assert_int_equal(field_assign(setting_find("insecure"), config, STR("yes"), &why), TM_INVALID);
    assert_false(config->insecure);
    assert_int_equal(field_assign(setting_find("log.level"), config, STR("debug"), &why), TM_OK);
    assert_string_equal(config->log.level, "debug");
    config_free(config);
}

static void a_cleared_field_is_empty_and_may_be_filled_again(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct setting_table table = setting_all();
    assert_int_equal(config_default(&config), TM_OK);
    field_clear_all(table, config);
    assert_null(config->data_dir);
    assert_null(config->listen.http.at);
    assert_int_equal(config->listen.http.count, 0);
    assert_int_equal(field_default_all(table, config), TM_OK);
    assert_string_equal(config->data_dir, "./data");
    config_free(config);
}

static void lists_over_their_bound_are_refused(void **state)
{
    (void)state;
    char text[16 * 2010] = "[";
    size_t at = 1;
    for (int i = 0; i < 2001; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "{name: s%d},", i);
    (void)snprintf(text + at, sizeof text - at, "]");
    char file[sizeof text + 20];
    (void)snprintf(file, sizeof file, "services: %s\n", text);
    assert_faults(file, "f:1:11: services: the list has 2001 items; it may have at most 2000\n");
    assert_one_fault(setting_find("events.labels"), "[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]",
                     "the list has 17 items; it may have at most 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_reaches_its_bounds_and_no_further),
        cmocka_unit_test(every_setting_refuses_a_mapping_at_its_place),
        cmocka_unit_test(every_setting_refuses_to_be_left_without_value),
        cmocka_unit_test(every_default_may_be_written_out),
        cmocka_unit_test(every_setting_may_be_given_once),
        cmocka_unit_test(every_slip_in_a_name_finds_it_again),
        cmocka_unit_test(nothing_is_suggested_for_what_is_like_nothing),
        cmocka_unit_test(a_name_of_another_group_is_found_there),
        cmocka_unit_test(faults_are_kept_in_order_and_bounded),
        cmocka_unit_test(a_text_is_shown_without_what_a_terminal_obeys),
        cmocka_unit_test(texts_may_hold_what_can_be_seen),
        cmocka_unit_test(a_field_keeps_its_value_when_a_new_one_is_refused),
        cmocka_unit_test(a_cleared_field_is_empty_and_may_be_filled_again),
        cmocka_unit_test(lists_over_their_bound_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
