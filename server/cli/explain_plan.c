#include "server/cli/explain_plan.h"

#include <stdio.h>
#include <string.h>

#include "server/cli/series_text.h"
#include "server/cli/units.h"
#include "server/promql/functions.h"
#include "server/promql/print.h"
#include "storage/model/when.h"

/* INDENT_MAX: how far lines of a deep tree move to the right. */
enum { WIDTH = 100, INDENT = 2, INDENT_MAX = 40, TEXT_MIN = 40, MS_PER_S = 1000, MINUTES = 16 };

/* The nodes right below one, in the order of the text. */
static size_t children_of(const struct ast_node *node, size_t i, const struct ast_node **child)
{
    size_t count = 0;
    const struct ast_node *at[2] = {NULL, NULL};
    switch (node->kind) {
    case AST_CALL_NODE:
        count = node->call.count;
        *child = i < count ? node->call.args[i] : NULL;
        return count;
    case AST_AGGREGATE_NODE:
        if (node->aggregate.parameter)
            at[count++] = node->aggregate.parameter;
        at[count++] = node->aggregate.inner;
        break;
    case AST_BINARY_NODE:
        at[count++] = node->binary.left;
        at[count++] = node->binary.right;
        break;
    case AST_UNARY_NODE:
        at[count++] = node->unary.inner;
        break;
    case AST_SUBQUERY_NODE:
        at[count++] = node->subquery.inner;
        break;
    case AST_PAREN_NODE:
        at[count++] = node->paren;
        break;
    default:
        break;
    }
    *child = i < count ? at[i] : NULL;
    return count;
}

static const char *kind_of(const struct ast_node *node)
{
    static const char *const names[AST_KIND_COUNT] = {
        [AST_NUMBER_NODE] = "number",     [AST_STRING_NODE] = "string",
        [AST_SELECTOR_NODE] = "selector", [AST_RANGE_NODE] = "range",
        [AST_SUBQUERY_NODE] = "subquery", [AST_CALL_NODE] = "function",
        [AST_UNARY_NODE] = "sign",        [AST_AGGREGATE_NODE] = "aggregation",
        [AST_BINARY_NODE] = "operator",   [AST_PAREN_NODE] = "parentheses",
    };
    return names[node->kind];
}

/* What was read for a selector; NULL: it is none, or nothing. */
static const json_t *find_read(const struct ast_node *node, const json_t *stats)
{
    const struct ast_node *selector = node->kind == AST_RANGE_NODE ? node->range.selector : node;
    const json_t *entry;
    size_t i;
    if (selector->kind != AST_SELECTOR_NODE)
        return NULL;
    json_array_foreach(json_object_get(stats, "selectors"), i, entry)
    {
        if (json_integer_value(json_object_get(entry, "start")) == (json_int_t)selector->span.start)
            return entry;
    }
    return NULL;
}

/* ---- text ---- */

static void print_text(const struct ast_node *node, int indent)
{
    struct bytes text = {0}, plain = {0};
    ast_print(node, &text);
    series_text_plain(bytes_view(&text), &plain);
    size_t room = (size_t)(WIDTH - indent - 14);
    bool is_cut = plain.len > room;
    size_t len = is_cut ? room - 3 : plain.len;
    while (is_cut && len > 0 && (plain.data[len] & 0xc0) == 0x80)
        len--;
    printf("%*s%-12s %.*s%s\n", indent, "", kind_of(node), (int)len,
           plain.len ? (const char *)plain.data : "", is_cut ? "..." : "");
    bytes_fini(&text);
    bytes_fini(&plain);
}

static int64_t count_in(const json_t *entry, const char *name)
{
    return json_integer_value(json_object_get(entry, name));
}

static void print_read(const json_t *entry, int indent)
{
    char series[UNITS_TEXT_BYTES], selected[UNITS_TEXT_BYTES], samples[UNITS_TEXT_BYTES],
        rows[UNITS_TEXT_BYTES], when[WHEN_TEXT_BYTES];
    const char *tier = json_string_value(json_object_get(entry, "tier"));
    printf("%*s%-12s %s of %s series, %s samples", indent, "", "  read",
           units_count(count_in(entry, "series"), series), units_count(count_in(entry, "selected"), selected),
           units_count(count_in(entry, "samples"), samples));
    if (tier && strcmp(tier, "raw") != 0) {
        double raw_s = json_number_value(json_object_get(entry, "raw_from"));
        printf("; before %.*s\n%*s%-12s %s rows of %s", MINUTES,
               when_text((time_ms_t)(raw_s * MS_PER_S), when), indent, "", "",
               units_count(count_in(entry, "rows"), rows), tier);
    }
    printf("; select %s", units_ms(json_number_value(json_object_get(entry, "select")) * MS_PER_S, series));
    printf(", read %s\n", units_ms(json_number_value(json_object_get(entry, "read")) * MS_PER_S, series));
}

/* Bounded by AST_DEPTH_MAX. */
static void print_node(const struct ast_node *node, const json_t *stats, int depth)
{
    const struct ast_node *child;
    const json_t *entry = find_read(node, stats);
    int indent = depth * INDENT < INDENT_MAX ? depth * INDENT : INDENT_MAX;
    if (node->kind == AST_PAREN_NODE) {
        print_node(node->paren, stats, depth);
        return;
    }
    print_text(node, indent);
    if (entry)
        print_read(entry, indent);
    for (size_t i = 0; i < children_of(node, i, &child); i++)
        print_node(child, stats, depth + 1);
}

void explain_plan_print(const struct ast *ast, const json_t *stats)
{
    puts("plan");
    print_node(ast->root, stats, 1);
}

/* ---- JSON ---- */

/* Bounded by AST_DEPTH_MAX. */
static json_t *node_json(const struct ast_node *node, const json_t *stats)
{
    const struct ast_node *child;
    struct bytes text = {0};
    const json_t *entry = find_read(node, stats);
    json_t *children = json_array();
    for (size_t i = 0; i < children_of(node, i, &child); i++)
        (void)json_array_append_new(children, node_json(child, stats));
    ast_print(node, &text);
    json_t *out = bytes_error(&text) ? NULL
                                     : json_pack("{s:s,s:s%,s:O}", "kind", kind_of(node), "text",
                                                 (const char *)text.data, text.len, "children", children);
    if (out && entry)
        (void)json_object_set_new(out, "read", json_deep_copy(entry));
    json_decref(children);
    bytes_fini(&text);
    return out;
}

json_t *explain_plan_json(const struct ast *ast, const json_t *stats)
{
    return node_json(ast->root, stats);
}
