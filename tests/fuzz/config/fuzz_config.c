/* Any bytes as a configuration. What is accepted prints and reads back to the same values; what is refused
 * has a text and a place inside the file for every fault. */
#include <assert.h>
#include <stdlib.h>

#include "server/config/config.h"
#include "server/config/config_field.h"
#include "server/config/config_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config_faults faults;

/* As an editor counts: the last line may lack its end. */
static int count_lines(struct str text)
{
    int breaks = 0;
    for (size_t i = 0; i < text.len; i++)
        breaks +=
            text.ptr[i] == '\n' || (text.ptr[i] == '\r' && (i + 1 == text.len || text.ptr[i + 1] != '\n'));
    bool is_open = text.len == 0 || (text.ptr[text.len - 1] != '\n' && text.ptr[text.len - 1] != '\r');
    return breaks + is_open;
}

static void check_faults(struct str text)
{
    int lines = count_lines(text);
    assert(faults.count > 0);
    for (size_t i = 0; i < faults.count; i++) {
        const struct config_fault *fault = &faults.at[i];
        assert(fault->line >= 1 && fault->line <= lines);
        assert(fault->column >= 1 && (size_t)fault->column <= text.len + 1);
        assert(strlen(fault->text) > 10 || faults.left_out > 0);
        assert(strlen(fault->text) < sizeof fault->text - 1); /* whole, not cut */
        assert(i == 0 || fault->line >= faults.at[i - 1].line);
    }
}

static bool has_inline_secret(const struct config *config)
{
    for (size_t i = 0; i < config->auth.key_count; i++)
        if (!config->auth.keys[i].secret_file)
            return true;
    return false;
}

static struct str print(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert(out);
    config_print(config, out);
    assert(fclose(out) == 0);
    return (struct str){text, size};
}

/* Without its keys a file may open listeners to all: then, and only then, is it refused. */
static void check_without_keys(const struct config *back)
{
    for (size_t i = 0; !back && i < faults.count; i++)
        assert(strstr(faults.at[i].text, "auth.keys is empty"));
}

static void check_round_trip(const struct config *config)
{
    struct config *back = NULL;
    struct str printed = print(config);
    faults.count = faults.left_out = 0;
    enum tm_err err = config_parse(printed, "fuzz.yaml", &back, &faults);
    if (has_inline_secret(config)) {
        check_without_keys(back);
    } else {
        assert(err == TM_OK && faults.count == 0);
        struct setting_table table = setting_all();
        for (size_t i = 0; i < table.count; i++)
            assert(field_equal(&table.at[i], config, back));
        struct config_fixed fixed[CONFIG_FIXED_MAX];
        assert(config_list_fixed(config, back, fixed) == 0);
    }
    config_free(back);
    free((void *)(uintptr_t)printed.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct config *config = NULL;
    faults.count = faults.left_out = 0;
    enum tm_err err = config_parse(text, "fuzz.yaml", &config, &faults);
    assert(err == TM_OK || err == TM_INVALID);
    assert((err == TM_OK) == (config != NULL) && (err == TM_OK) == (faults.count == 0));
    if (config)
        check_round_trip(config);
    else
        check_faults(text);
    config_free(config);
    return 0;
}
