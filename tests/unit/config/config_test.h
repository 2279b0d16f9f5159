/* What the tests of the configuration share: parse a text, look at its faults. */
#ifndef TM_CONFIG_TEST_H
#define TM_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/config/config.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A text without faults; the caller frees it. */
static inline struct config *accept_config(const char *text)
{
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    enum tm_err err = config_parse(str_of(text), "test.yaml", &config, &faults);
    if (err)
        config_faults_print(&faults, "test.yaml", stderr);
    assert_int_equal(err, TM_OK);
    assert_non_null(config);
    assert_int_equal(faults.count, 0);
    return config;
}

/* What --check prints for a text with faults; the caller frees it. */
static inline char *refuse_bytes(struct str text)
{
    char *printed = NULL;
    size_t size;
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    assert_int_equal(config_parse(text, "f", &config, &faults), TM_INVALID);
    assert_null(config);
    FILE *out = open_memstream(&printed, &size);
    assert_non_null(out);
    config_faults_print(&faults, "f", out);
    assert_int_equal(fclose(out), 0);
    return printed;
}

/* The text has these faults, as --check prints them, and no others. */
static inline void assert_faults(const char *text, const char *expected)
{
    char *printed = refuse_bytes(str_of(text));
    assert_string_equal(printed, expected);
    free(printed);
}

/* The same for bytes that hold a NUL. */
static inline void assert_faults_of_bytes(struct str text, const char *expected)
{
    char *printed = refuse_bytes(text);
    assert_string_equal(printed, expected);
    free(printed);
}

/* config_print as a text; the caller frees it. */
static inline char *print_config(const struct config *config)
{
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    assert_non_null(out);
    config_print(config, out);
    assert_int_equal(fclose(out), 0);
    return printed;
}

/* A secret file of this mode; the caller unlinks and frees the path. */
static inline char *make_file(const char *content, mode_t mode)
{
    char *path = strdup("/tmp/tidemark_config_XXXXXX");
    assert_non_null(path);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    return path;
}

static inline void drop_file(char *path)
{
    (void)unlink(path);
    free(path);
}

static inline void assert_strings(const struct config_strings *strings, const char *const *expected)
{
    size_t count = 0;
    for (; expected[count]; count++) {
        assert_true(count < strings->count);
        assert_string_equal(strings->at[count], expected[count]);
    }
    assert_int_equal(strings->count, count);
}

#endif
