#include "server/config/config_suggest.h"

enum { NAME_MAX_BYTES = 40 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance: letters to insert, remove or change. Both are at most NAME_MAX_BYTES long. */
static size_t count_edits(struct str a, struct str b)
{
    size_t row[NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            row[j] = smaller(change, 1 + smaller(row[j], row[j - 1]));
        }
    }
    return row[b.len];
}

/* The part of the path that stands directly under prefix; empty if it is not under it. */
static struct str child_name(const struct setting *setting, struct str prefix)
{
    if (strncmp(setting->path, prefix.ptr, prefix.len) != 0)
        return STR("");
    const char *name = setting->path + prefix.len;
    return (struct str){name, strcspn(name, ".")};
}

static struct str find_nearest(struct setting_table table, struct str prefix, struct str key)
{
    struct str best = STR("");
    size_t best_edits = key.len < 6 ? 2 : 3; /* this many are too many */
    if (key.len >= 12)
        best_edits = 5;
    for (size_t i = 0; i < table.count; i++) {
        struct str name = child_name(&table.at[i], prefix);
        if (name.len == 0 || name.len > NAME_MAX_BYTES)
            continue;
        size_t edits = count_edits(key, name);
        if (edits < best_edits) {
            best_edits = edits;
            best = name;
        }
    }
    return best;
}

/* The path up to and with its part that is key. */
static struct str find_elsewhere(struct setting_table table, struct str key)
{
    for (size_t i = 0; i < table.count; i++) {
        const char *at = table.at[i].path;
        while (*at) {
            size_t len = strcspn(at, ".");
            if (str_equal((struct str){at, len}, key))
                return (struct str){table.at[i].path, (size_t)(at - table.at[i].path) + len};
            at += len + (at[len] == '.');
        }
    }
    return STR("");
}

struct str suggest_name(struct setting_table table, struct str prefix, struct str key)
{
    if (key.len == 0)
        return STR("");
    struct str nearest = key.len <= NAME_MAX_BYTES ? find_nearest(table, prefix, key) : STR("");
    return nearest.len > 0 ? nearest : find_elsewhere(table, key);
}
