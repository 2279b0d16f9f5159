#include "server/config/config_read.h"

#include <assert.h>

#include "server/config/config_field.h"
#include "server/config/config_suggest.h"

/* A mapping under way: the group or struct it describes. */
struct scope {
    struct setting_table table;
    struct str prefix; /* of the paths of its settings, with the dot */
    void *base;
};

/* What a key names. */
struct match {
    const struct setting *setting; /* NULL: unknown; for a group its first one */
    size_t index;
    bool is_group;
};

static const char *const kinds[SETTING_TYPE_COUNT] = {
    [SETTING_BOOL] = "true or false", [SETTING_INTEGER] = "an integer", [SETTING_DURATION] = "a duration",
    [SETTING_SIZE] = "a size",        [SETTING_STRING] = "a text",      [SETTING_WORD] = "one word",
    [SETTING_STRINGS] = "a list",     [SETTING_WORDS] = "a list",       [SETTING_RECORDS] = "a list",
};

static enum tm_err read_mapping(struct reading *reading, struct scope scope, const yaml_node_t *node);

static const yaml_node_t *node_at(const struct reading *reading, int index)
{
    const yaml_node_t *node = yaml_document_get_node(reading->document, index);
    assert(node); /* the tree is whole */
    return node;
}

struct place read_place(const struct reading *reading, const char *path)
{
    const yaml_node_t *node = reading->given[setting_index(path)];
    return node ? yaml_place(node) : (struct place){0, 0};
}

struct place read_item_place(const struct reading *reading, const char *path, size_t i)
{
    const yaml_node_t *node = reading->given[setting_index(path)];
    if (!node || node->type != YAML_SEQUENCE_NODE)
        return read_place(reading, path);
    assert(i < (size_t)(node->data.sequence.items.top - node->data.sequence.items.start));
    return yaml_place(node_at(reading, node->data.sequence.items.start[i]));
}

static struct match find_match(const struct scope *scope, struct str key)
{
    struct match none = {NULL, 0, false};
    if (key.len == 0 || memchr(key.ptr, '.', key.len))
        return none;
    for (size_t i = 0; i < scope->table.count; i++) {
        const struct setting *setting = &scope->table.at[i];
        struct str path = str_of(setting->path);
        if (path.len < scope->prefix.len + key.len ||
            memcmp(path.ptr, scope->prefix.ptr, scope->prefix.len) != 0 ||
            memcmp(path.ptr + scope->prefix.len, key.ptr, key.len) != 0)
            continue;
        char end = setting->path[scope->prefix.len + key.len];
        if (end == '\0' || end == '.')
            return (struct match){setting, i, end == '.'};
    }
    return none;
}

/* An example of a value, for messages: the default, as far as there is one to show. */
static const char *example_of(const struct setting *setting)
{
    const char *text = setting->default_text;
    return text && text[0] != '\0' && strcmp(text, "[]") != 0 ? text : NULL;
}

static void fault_kind(struct reading *reading, const struct setting *setting, const yaml_node_t *node)
{
    const char *example = example_of(setting);
    fault_add(reading->faults, yaml_place(node), "%s: %s stands where %s belongs; write %s%s", setting->path,
              yaml_kind(node), kinds[setting->type], example ? "it like " : "",
              example ? example : kinds[setting->type]);
}

static void fault_null(struct reading *reading, const char *path, const char *example,
                       const yaml_node_t *node)
{
    fault_add(reading->faults, yaml_place(node), "%s: has no value; write one%s%s, or remove the line", path,
              example ? ", for example " : "", example ? example : "");
}

/* Adds the fault of a value's own check; only a lack of memory goes on. */
static enum tm_err settle(struct reading *reading, const struct setting *setting, const yaml_node_t *node,
                          enum tm_err err, const struct tm_why *why)
{
    if (err != TM_INVALID)
        return err;
    fault_add(reading->faults, yaml_place(node), "%s: %s", setting->path, why->text);
    return TM_OK;
}

static enum tm_err read_scalar(struct reading *reading, const struct setting *setting,
                               const yaml_node_t *node, void *base)
{
    if (node->type != YAML_SCALAR_NODE) {
        fault_kind(reading, setting, node);
        return TM_OK;
    }
    if (yaml_is_null(node)) {
        fault_null(reading, setting->path, example_of(setting), node);
        return TM_OK;
    }
    struct str text = yaml_text(node);
    bool is_quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (is_quoted && (setting->type == SETTING_BOOL || setting->type == SETTING_INTEGER)) {
        fault_add(reading->faults, yaml_place(node),
                  "%s: \"%s\" is text because of its quotes; write %s without quotes", setting->path,
                  fault_shown(text).text, kinds[setting->type]);
        return TM_OK;
    }
    struct tm_why why;
    enum tm_err err = field_assign(setting, base, text, &why);
    return settle(reading, setting, node, err, &why);
}

/* The items of a list; NULL with a fault if it is none, or if it holds too many or too few. */
static const yaml_node_item_t *open_list(struct reading *reading, const struct setting *setting,
                                         const yaml_node_t *node, size_t *count)
{
    struct place place = yaml_place(node);
    if (yaml_is_null(node)) {
        fault_null(reading, setting->path, example_of(setting) ? example_of(setting) : "[]", node);
        return NULL;
    }
    if (node->type == YAML_SCALAR_NODE && setting->type != SETTING_RECORDS) {
        const struct shown shown = fault_shown(yaml_text(node));
        const char *quote = strpbrk(shown.text, "[]{},*&!'\"#|>%@`") ? "'" : "";
        fault_add(reading->faults, place, "%s: \"%s\" is a single value where a list belongs; write [%s%s%s]",
                  setting->path, shown.text, quote, shown.text, quote);
        return NULL;
    }
    if (node->type != YAML_SEQUENCE_NODE) {
        fault_kind(reading, setting, node);
        return NULL;
    }
    *count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if ((int64_t)*count > setting->max || (int64_t)*count < setting->min) {
        bool too_many = (int64_t)*count > setting->max;
        fault_add(reading->faults, place, "%s: the list has %zu items; %s %lld", setting->path, *count,
                  too_many ? "it may have at most" : "it needs at least",
                  (long long)(too_many ? setting->max : setting->min));
        return NULL;
    }
    return node->data.sequence.items.start;
}

static enum tm_err read_strings(struct reading *reading, const struct setting *setting,
                                const yaml_node_t *node, void *base)
{
    size_t count = 0;
    if (setting->empty_word && node->type == YAML_SCALAR_NODE &&
        str_equal(yaml_text(node), str_of(setting->empty_word))) {
        field_clear(setting, base);
        return TM_OK;
    }
    const yaml_node_item_t *items = open_list(reading, setting, node, &count);
    if (!items)
        return TM_OK;
    field_clear(setting, base);
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i < count; i++) {
        const yaml_node_t *item = node_at(reading, items[i]);
        struct tm_why why;
        if (item->type == YAML_SCALAR_NODE && !yaml_is_null(item)) {
            err = field_append(setting, base, yaml_text(item), &why);
            err = settle(reading, setting, item, err, &why);
            continue;
        }
        fault_add(reading->faults, yaml_place(item),
                  "%s: %s stands where one %s belongs; write that, or remove it", setting->path,
                  yaml_is_null(item) ? "nothing" : yaml_kind(item), setting->kind ? setting->kind : "word");
        err = field_append(setting, base, STR(""), &why); /* keeps step with the file */
        err = err == TM_INVALID ? TM_OK : err;
    }
    return err;
}

static enum tm_err read_record(struct reading *reading, const struct setting *setting,
                               const yaml_node_t *node, struct records records)
{
    const struct setting_records *of = setting->records;
    struct str first = str_of(of->fields.at[0].path);
    size_t name_len = strlen(setting_name(&of->fields.at[0]));
    struct scope scope = {.table = of->fields,
                          .prefix = {first.ptr, first.len - name_len},
                          .base = records.items + records.count * of->item_size};
    enum tm_err err = read_mapping(reading, scope, node);
    if (!err && of->rule)
        err = of->rule(reading, records.items, records.count, node);
    return err;
}

static enum tm_err read_records(struct reading *reading, const struct setting *setting,
                                const yaml_node_t *node, void *base)
{
    size_t count = 0;
    const yaml_node_item_t *items = open_list(reading, setting, node, &count);
    if (!items || count == 0)
        return TM_OK;
    struct records records = {.items = field_records_new(setting, base, count), .count = 0};
    if (!records.items)
        return TM_NOMEM;
    enum tm_err err = TM_OK;
    for (; !err && records.count < count; records.count++) {
        const yaml_node_t *item = node_at(reading, items[records.count]);
        field_records_count(setting, base, records.count + 1);
        err = field_default_all(setting->records->fields,
                                records.items + records.count * setting->records->item_size);
        if (!err)
            err = read_record(reading, setting, item, records);
    }
    return err;
}

static enum tm_err read_value(struct reading *reading, const struct setting *setting, const yaml_node_t *node,
                              void *base)
{
    switch (setting->type) {
    case SETTING_STRINGS:
    case SETTING_WORDS:
        return read_strings(reading, setting, node, base);
    case SETTING_RECORDS:
        return read_records(reading, setting, node, base);
    default:
        return read_scalar(reading, setting, node, base);
    }
}

static void fault_unknown(struct reading *reading, const struct scope *scope, const yaml_node_t *key)
{
    if (!fault_has_room(reading->faults)) {
        fault_add(reading->faults, yaml_place(key), " ");
        return;
    }
    struct str name = yaml_text(key);
    const struct shown shown = fault_shown(name);
    if (memchr(name.ptr, '.', name.len)) {
        fault_add(
            reading->faults, yaml_place(key),
            "unknown setting \"%.*s%s\"; write each part between the dots as a key of its own, one inside "
            "the other",
            STR_ARG(scope->prefix), shown.text);
        return;
    }
    struct str near = suggest_name(scope->table, scope->prefix, name);
    if (near.len > 0)
        fault_add(reading->faults, yaml_place(key), "unknown setting \"%.*s%s\"; did you mean \"%.*s\"?",
                  STR_ARG(scope->prefix), shown.text, STR_ARG(near));
    else
        fault_add(reading->faults, yaml_place(key),
                  "unknown setting \"%.*s%s\"; remove it (tidemarkd --print-config lists all settings)",
                  STR_ARG(scope->prefix), shown.text);
}

static enum tm_err read_group(struct reading *reading, const struct scope *scope, struct str key,
                              const struct setting *first, const yaml_node_t *node)
{
    struct scope inner = *scope;
    inner.prefix = (struct str){first->path, scope->prefix.len + key.len + 1};
    if (yaml_is_null(node)) /* all its lines are comments */
        return TM_OK;
    if (node->type == YAML_MAPPING_NODE)
        return read_mapping(reading, inner, node);
    fault_add(reading->faults, yaml_place(node),
              "%.*s: %s stands where a group of settings belongs; write its settings as name: value, "
              "indented below it",
              (int)(inner.prefix.len - 1), inner.prefix.ptr, yaml_kind(node));
    return TM_OK;
}

static enum tm_err read_pair(struct reading *reading, const struct scope *scope, const yaml_node_pair_t *pair,
                             bool *seen)
{
    const yaml_node_t *key = node_at(reading, pair->key);
    const yaml_node_t *value = node_at(reading, pair->value);
    if (key->type != YAML_SCALAR_NODE) {
        fault_add(reading->faults, yaml_place(key),
                  "%s stands where the name of a setting belongs; write name: value", yaml_kind(key));
        return TM_OK;
    }
    struct match match = find_match(scope, yaml_text(key));
    if (!match.setting) {
        fault_unknown(reading, scope, key);
        return TM_OK;
    }
    if (seen[match.index]) {
        fault_add(reading->faults, yaml_place(key), "\"%.*s%.*s\" is given twice; remove one",
                  STR_ARG(scope->prefix), STR_ARG(yaml_text(key)));
        return TM_OK;
    }
    seen[match.index] = true;
    if (match.is_group)
        return read_group(reading, scope, yaml_text(key), match.setting, value);
    if (scope->base == reading->config)
        reading->given[match.index] = value;
    return read_value(reading, match.setting, value, scope->base);
}

static void check_required(struct reading *reading, const struct scope *scope, const bool *seen,
                           const yaml_node_t *node)
{
    for (size_t i = 0; i < scope->table.count; i++) {
        const struct setting *setting = &scope->table.at[i];
        if (setting->required && !seen[i])
            fault_add(reading->faults, yaml_place(node), "%s: is missing here; add %s: and a %s",
                      setting->path, setting_name(setting), kinds[setting->type] + 2);
    }
}

static enum tm_err read_mapping(struct reading *reading, struct scope scope, const yaml_node_t *node)
{
    bool seen[SETTINGS_MAX] = {false};
    assert(scope.table.count <= SETTINGS_MAX);
    if (node->type != YAML_MAPPING_NODE) {
        bool is_top = scope.prefix.len == 0;
        fault_add(
            reading->faults, yaml_place(node), "%.*s%s%s stands where settings belong; write name: value",
            (int)(is_top ? 0 : scope.prefix.len - 1), scope.prefix.ptr, is_top ? "" : ": ", yaml_kind(node));
        return TM_OK;
    }
    enum tm_err err = TM_OK;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; !err && pair < node->data.mapping.pairs.top; pair++)
        err = read_pair(reading, &scope, pair, seen);
    if (!err)
        check_required(reading, &scope, seen, node);
    return err;
}

enum tm_err read_document(struct reading *reading)
{
    const yaml_node_t *root = yaml_document_get_root_node(reading->document);
    if (!root || yaml_is_null(root))
        return TM_OK;
    struct scope scope = {.table = setting_all(), .prefix = STR(""), .base = reading->config};
    return read_mapping(reading, scope, root);
}
