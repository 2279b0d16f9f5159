#include "server/detect/detect_choice.h"

#include <stdlib.h>
#include <string.h>

static enum tm_err read_selectors(const struct config_strings *texts, struct selector **out, size_t *count,
                                  struct tm_why *why)
{
    *out = calloc(texts->count + 1, sizeof **out);
    if (!*out)
        return tm_fail(why, TM_NOMEM, "out of memory for scoring.include");
    for (size_t i = 0; i < texts->count; i++) {
        struct tm_why fault = {""};
        enum tm_err err = selector_parse(str_of(texts->at[i]), &(*out)[i], &fault);
        if (err)
            return tm_fail(why, err, "scoring.include or .exclude: \"%.100s\": %.200s", texts->at[i],
                           fault.text);
        *count = i + 1;
    }
    return TM_OK;
}

enum tm_err detect_choice_read(const struct config *config, struct detect_choice *out, struct tm_why *why)
{
    enum tm_err err = read_selectors(&config->scoring.include, &out->include, &out->include_count, why);
    return err ? err : read_selectors(&config->scoring.exclude, &out->exclude, &out->exclude_count, why);
}

static void free_selectors(struct selector *selectors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        selector_fini(&selectors[i]);
    free(selectors);
}

void detect_choice_fini(struct detect_choice *choice)
{
    free_selectors(choice->include, choice->include_count);
    free_selectors(choice->exclude, choice->exclude_count);
    *choice = (struct detect_choice){.include = NULL};
}

static bool differs(const struct config_strings *a, const struct config_strings *b)
{
    bool differs = a->count != b->count;
    for (size_t i = 0; i < a->count && !differs; i++)
        differs = strcmp(a->at[i], b->at[i]) != 0;
    return differs;
}

bool detect_choice_differs(const struct config *a, const struct config *b)
{
    return differs(&a->scoring.include, &b->scoring.include) ||
           differs(&a->scoring.exclude, &b->scoring.exclude);
}
