#include "server/query/diff_causes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/attribution.h"
#include "server/wire/reply.h"
#include "storage/model/labels.h"

enum { NAMES_MAX = 64 };

#define PERCENT     100.0
#define MOVED_LEAST 0.05 /* of the series move without a cause */

enum topic { TOPIC_ERRORS, TOPIC_EXCEPTIONS, TOPIC_SERIES, TOPICS };

/* The cells of a cube while it is made; all owned. */
struct making {
    size_t cells, capacity;
    size_t *begins, *lens; /* of a cell's labels in texts */
    double *seen, *expected;
    struct bytes texts;
    struct str names[NAMES_MAX];
    size_t name_count;
};

/* One label's values, each once, and which one each cell has. */
struct column {
    struct str name;
    struct str *values;
    uint32_t *of_cell;
    uint32_t count;
};

struct value_of_cell {
    struct str value;
    uint32_t cell;
};

static void free_making(struct making *m)
{
    free(m->begins);
    free(m->lens);
    free(m->seen);
    free(m->expected);
    bytes_fini(&m->texts);
}

/* ---- which series are cells ---- */

static enum topic topic_of(const struct labels *labels, bool *is_request)
{
    struct str name = labels_get(labels, STR(LABEL_NAME)), status = labels_get(labels, STR("status"));
    *is_request = str_equal(name, STR("http_events_total"));
    if (str_equal(name, STR("exception_events_total")))
        return TOPIC_EXCEPTIONS;
    if (*is_request)
        return status.len > 0 && (status.ptr[0] == '4' || status.ptr[0] == '5') ? TOPIC_ERRORS : TOPICS;
    return TOPIC_SERIES;
}

/* How much traffic there was, as a multiple of normal; 1 where there are no requests. */
struct traffic {
    double observed, normal;
};

static double ratio_of(struct traffic traffic)
{
    return traffic.observed > 0 && traffic.normal > 0 ? traffic.observed / traffic.normal : 1;
}

static bool make_room(struct making *m, size_t cells)
{
    m->begins = calloc(cells + 1, sizeof *m->begins);
    m->lens = calloc(cells + 1, sizeof *m->lens);
    m->seen = calloc(cells + 1, sizeof *m->seen);
    m->expected = calloc(cells + 1, sizeof *m->expected);
    m->capacity = cells;
    return m->begins && m->lens && m->seen && m->expected;
}

static void add_cell(struct making *m, const struct score_diff *diff, enum topic topic, double minutes,
                     size_t begin)
{
    size_t i = m->cells++;
    m->begins[i] = begin;
    m->lens[i] = m->texts.len - begin;
    m->seen[i] = topic == TOPIC_SERIES ? diff->score / PERCENT : fmax(diff->observed, 0) * minutes;
    m->expected[i] = topic == TOPIC_SERIES ? MOVED_LEAST : fmax(diff->normal, 0) * minutes;
}

/* Gathers the cells of a topic; *traffic is what all requests tell. */
static enum tm_err gather(const struct diff_rows *rows, struct reader *reader, enum topic topic,
                          struct making *m, struct traffic *traffic)
{
    if (!make_room(m, rows->count))
        return TM_NOMEM;
    for (size_t i = 0; i < rows->count; i++) {
        struct labels labels = {.count = 0};
        size_t begin = m->texts.len;
        bool is_request;
        reader_labels(reader, rows->at[i].series, &m->texts);
        if (bytes_error(&m->texts))
            return TM_NOMEM;
        const struct str own = {(const char *)m->texts.data + begin, m->texts.len - begin};
        if (labels_decode(own, &labels) == TM_OK) {
            enum topic its = topic_of(&labels, &is_request);
            traffic->observed += is_request ? rows->diffs[i].observed : 0;
            traffic->normal += is_request ? rows->diffs[i].normal : 0;
            if (its == topic) {
                add_cell(m, &rows->diffs[i], topic, rows->minutes, begin);
                continue;
            }
        }
        m->texts.len = begin;
    }
    return reader_is_stopped(reader) ? TM_CLOSED : TM_OK;
}

/* ---- columns ---- */

static void decode_cell(const struct making *m, size_t cell, struct labels *out)
{
    const struct str own = {(const char *)m->texts.data + m->begins[cell], m->lens[cell]};
    out->count = 0;
    if (labels_decode(own, out) != TM_OK)
        out->count = 0;
}

static void find_names(struct making *m)
{
    struct labels labels;
    for (size_t cell = 0; cell < m->cells; cell++) {
        decode_cell(m, cell, &labels);
        for (size_t i = 0; i < labels.count; i++) {
            size_t known = 0;
            while (known < m->name_count && !str_equal(m->names[known], labels.at[i].name))
                known++;
            if (known == m->name_count && known < NAMES_MAX)
                m->names[m->name_count++] = labels.at[i].name;
        }
    }
}

static int compare_values(const void *a, const void *b)
{
    const struct value_of_cell *x = a, *y = b;
    return str_compare(x->value, y->value);
}

static void free_column(struct column *column)
{
    free(column->values);
    free(column->of_cell);
    *column = (struct column){.count = 0};
}

/* The values of a label; values.count below 2: it tells nothing apart. */
static enum tm_err make_column(const struct making *m, struct str name, struct column *out)
{
    struct labels labels;
    struct value_of_cell *all = calloc(m->cells + 1, sizeof *all);
    *out = (struct column){.name = name,
                           .values = calloc(m->cells + 1, sizeof *out->values),
                           .of_cell = calloc(m->cells + 1, sizeof *out->of_cell)};
    enum tm_err err = all && out->values && out->of_cell ? TM_OK : TM_NOMEM;
    for (size_t i = 0; i < m->cells && !err; i++) {
        decode_cell(m, i, &labels);
        all[i] = (struct value_of_cell){labels_get(&labels, name), (uint32_t)i};
    }
    if (!err)
        qsort(all, m->cells, sizeof *all, compare_values);
    for (size_t i = 0; i < m->cells && !err; i++) {
        if (i == 0 || !str_equal(all[i].value, all[i - 1].value))
            out->values[out->count++] = all[i].value;
        out->of_cell[all[i].cell] = out->count - 1;
    }
    free(all);
    if (err)
        free_column(out);
    return err;
}

/* Puts a column among those of the cube if it is one of the eight with the fewest values. */
static void keep_column(struct column columns[SCORE_CUBE_LABELS], size_t *count, struct column *own)
{
    size_t at = *count;
    if (own->count < 2 || own->count > SCORE_CUBE_VALUES ||
        (at == SCORE_CUBE_LABELS && columns[at - 1].count <= own->count)) {
        free_column(own);
        return;
    }
    if (at == SCORE_CUBE_LABELS)
        free_column(&columns[--at]);
    for (; at > 0 && columns[at - 1].count > own->count; at--)
        columns[at] = columns[at - 1];
    columns[at] = *own;
    *count += *count < SCORE_CUBE_LABELS;
}

/* ---- the scan ---- */

struct scan {
    struct score_cube cube;
    struct score_cube_work work;
    uint32_t *at;
};

static void free_scan(struct scan *scan)
{
    free(scan->at);
    free(scan->work.left);
    free(scan->work.inside);
    free(scan->work.seen);
    free(scan->work.expected);
}

static enum tm_err make_scan(const struct making *m, const struct column *columns, size_t count,
                             struct scan *out)
{
    uint32_t most = 1;
    *out =
        (struct scan){.cube = {.labels = count, .cells = m->cells, .seen = m->seen, .expected = m->expected}};
    out->at = calloc(m->cells * count, sizeof *out->at);
    for (size_t j = 0; j < count && out->at; j++) {
        out->cube.values[j] = columns[j].count;
        most = columns[j].count > most ? columns[j].count : most;
        for (size_t i = 0; i < m->cells; i++)
            out->at[i * count + j] = columns[j].of_cell[i];
    }
    out->cube.at = out->at;
    out->work.left = calloc(m->cells, sizeof *out->work.left);
    out->work.inside = calloc(m->cells, sizeof *out->work.inside);
    out->work.seen = calloc(most, sizeof *out->work.seen);
    out->work.expected = calloc(most, sizeof *out->work.expected);
    bool is_there = out->at && out->work.left && out->work.inside && out->work.seen && out->work.expected;
    return is_there ? TM_OK : TM_NOMEM;
}

static void put_cause(const struct score_cause *cause, const struct column *columns, enum topic topic,
                      struct bytes *out)
{
    static const char *const names[TOPICS] = {"errors", "exceptions", "series"};
    bytes_printf(out, "{\"of\":\"%s\",\"labels\":{", names[topic]);
    for (size_t l = 0; l < cause->labels; l++) {
        const struct column *column = &columns[cause->label[l]];
        bytes_printf(out, "%s", l > 0 ? "," : "");
        bytes_json_string(out, column->name);
        bytes_u8(out, ':');
        bytes_json_string(out, column->values[cause->value[l]]);
    }
    bytes_printf(out, "},\"share\":%.4f,\"observed\":%.6g,\"expected\":%.6g}", cause->share, cause->seen,
                 cause->expected);
}

static enum tm_err scan_cells(const struct making *m, const struct column *columns, size_t count,
                              enum topic topic, struct bytes *out)
{
    struct score_cause causes[SCORE_CAUSES];
    struct scan scan;
    enum tm_err err = make_scan(m, columns, count, &scan);
    size_t found =
        !err && score_cube_is_sound(&scan.cube) ? score_attribute(&scan.cube, false, &scan.work, causes) : 0;
    for (size_t i = 0; i < found; i++) {
        if (out->len > 0 && out->data[out->len - 1] == '}')
            bytes_u8(out, ',');
        put_cause(&causes[i], columns, topic, out);
    }
    free_scan(&scan);
    return err;
}

static enum tm_err find_causes(const struct diff_rows *rows, struct reader *reader, enum topic topic,
                               struct bytes *out)
{
    struct making m = {.cells = 0};
    struct column columns[SCORE_CUBE_LABELS] = {{.count = 0}}, column;
    struct traffic traffic = {0, 0};
    size_t count = 0;
    enum tm_err err = gather(rows, reader, topic, &m, &traffic);
    double more = topic == TOPIC_SERIES ? 1 : ratio_of(traffic);
    for (size_t i = 0; i < m.cells && !err; i++)
        m.expected[i] *= more;
    if (!err && m.cells > 1)
        find_names(&m);
    for (size_t n = 0; n < m.name_count && !err; n++) {
        err = make_column(&m, m.names[n], &column);
        if (!err)
            keep_column(columns, &count, &column);
    }
    if (!err && count > 0)
        err = scan_cells(&m, columns, count, topic, out);
    for (size_t i = 0; i < count; i++)
        free_column(&columns[i]);
    free_making(&m);
    return err;
}

enum tm_err diff_causes(const struct diff_rows *rows, struct reader *reader, struct bytes *out,
                        struct tm_why *why)
{
    enum tm_err err = TM_OK;
    struct bytes list = {0};
    for (int topic = 0; topic < TOPICS && !err; topic++)
        err = find_causes(rows, reader, (enum topic)topic, &list);
    bytes_put(out, list.data, list.len);
    if (!err)
        err = bytes_error(&list);
    bytes_fini(&list);
    if (err)
        tm_why_write(why, err == TM_CLOSED ? "the query was stopped" : "out of memory; try again");
    return err;
}
