#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/incident_private.h"

#define MINUTE_MS INT64_C(60000)
/* Members that were unusual so lately count. */
#define RECENT_MS (10 * MINUTE_MS)
/* What a series that is off weighs: two for each power of ten of its return period in hours, which is what
 * makes three series of one page group enough to name it. */
#define WEIGHT     2.0
#define FIGURE_MAX 6.0
/* What is expected of the whole service and of one series, as chance makes some series unusual. */
#define CLEAN_ALL  8.0
#define CLEAN_EACH 0.03
enum { CELLS_MAX = 20000, NAMES_KNOWN = 64 };

/* Values of one label, by hash, numbered from 1; 0 is "has none". */
struct values {
    uint64_t *hashes;
    uint32_t *numbers;
    uint32_t count;
};

struct name {
    struct str text;
    size_t members;
};

struct look {
    const struct incident *incident;
    time_ms_t minute;
    struct name names[SCORE_CUBE_LABELS];
    size_t name_count;
    struct values values[SCORE_CUBE_LABELS];
    size_t slots; /* of each, a power of two */
    size_t cells, most;
    uint32_t *at;
    double *seen, *expected, *left;
    uint8_t *inside;
    double *seen_of, *expected_of;
    double weight; /* of all members */
    bool is_left_out[INCIDENTS_MEMBERS_MAX];
};

static bool is_recent(const struct look *look, const struct incident_member *member)
{
    return look->minute - member->last <= RECENT_MS;
}

static double weight_of(const struct incident_member *member)
{
    return WEIGHT * fmax(0, fmin(member->figure, FIGURE_MAX));
}

/* Does the part have all labels of the whole, and more? */
static bool is_part(const struct incident_member *part, const struct incident_member *whole)
{
    struct labels a, b;
    /* the first byte is how many there are */
    if (part->labels_len <= whole->labels_len || part->text[0] <= whole->text[0] ||
        !str_equal(incident_member_metric(part), incident_member_metric(whole)) ||
        labels_decode(incident_member_labels(part), &a) != TM_OK ||
        labels_decode(incident_member_labels(whole), &b) != TM_OK)
        return false;
    for (size_t i = 0; i < b.count; i++)
        if (!str_equal(labels_get(&a, b.at[i].name), b.at[i].value))
            return false;
    return true;
}

/* What is long over, and a total one of whose parts is about as far off: the part says more. */
static void leave_out(struct look *look)
{
    const struct incident *incident = look->incident;
    for (size_t i = 0; i < incident->count; i++)
        look->is_left_out[i] = !is_recent(look, incident->members[i]);
    for (size_t i = 0; i < incident->count; i++) {
        const struct incident_member *whole = incident->members[i];
        for (size_t k = 0; k < incident->count && !look->is_left_out[i]; k++) {
            const struct incident_member *part = incident->members[k];
            look->is_left_out[i] =
                is_recent(look, part) && part->figure >= whole->figure / 2 && is_part(part, whole);
        }
    }
}

/* A set's value of a name; __name__ is the metric. A status has the class that sums of it have. */
static struct str value_of(const struct labels *labels, struct str metric, struct str name)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    if (str_equal(name, STR(LABEL_NAME)))
        return metric;
    struct str value = labels_get(labels, name), status = labels_get(labels, STR("status"));
    if (value.len == 0 && status.len == 3 && status.ptr[0] >= '1' && status.ptr[0] <= '5' &&
        str_equal(name, STR("class")))
        return str_of(classes[status.ptr[0] - '1']);
    return value;
}

/* ---- which labels are looked at ---- */

static void count_name(struct name *names, size_t *count, struct str text)
{
    for (size_t i = 0; i < *count; i++) {
        if (str_equal(names[i].text, text)) {
            names[i].members++;
            return;
        }
    }
    if (*count < NAMES_KNOWN)
        names[(*count)++] = (struct name){text, 1};
}

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    if (x->members != y->members)
        return x->members > y->members ? -1 : 1;
    return str_compare(x->text, y->text);
}

/* The names that most members have; the metric always. */
static void choose_names(struct look *look)
{
    struct name names[NAMES_KNOWN] = {{.members = 0}};
    size_t count = 0;
    for (size_t i = 0; i < look->incident->count; i++) {
        const struct incident_member *member = look->incident->members[i];
        struct labels labels;
        if (look->is_left_out[i] || labels_decode(incident_member_labels(member), &labels) != TM_OK)
            continue;
        look->weight += weight_of(member);
        for (size_t j = 0; j < labels.count; j++)
            count_name(names, &count, labels.at[j].name);
    }
    qsort(names, count, sizeof *names, compare_names);
    look->names[look->name_count++].text = STR(LABEL_NAME);
    for (size_t i = 0; i < count && look->name_count < SCORE_CUBE_LABELS; i++)
        if (!str_equal(names[i].text, STR(LABEL_NAME)))
            look->names[look->name_count++] = names[i];
}

/* ---- cells ---- */

/* The number of a value; a new one gets one, or 0 if it must not. */
static uint32_t number_of(struct look *look, size_t name, struct str value, bool may_add)
{
    struct values *values = &look->values[name];
    if (value.len == 0)
        return 0;
    uint64_t hash = XXH3_64bits(value.ptr, value.len);
    hash += hash == 0;
    size_t slot = hash & (look->slots - 1);
    while (values->hashes[slot] != 0 && values->hashes[slot] != hash)
        slot = (slot + 1) & (look->slots - 1);
    if (values->hashes[slot] == 0 && may_add) {
        values->hashes[slot] = hash;
        values->numbers[slot] = ++values->count;
    }
    return values->numbers[slot];
}

static const struct incident_member *member_of(const struct look *look, uint64_t key)
{
    for (size_t i = 0; i < look->incident->count; i++)
        if (look->incident->members[i]->key == key && !look->is_left_out[i])
            return look->incident->members[i];
    return NULL;
}

static void add_cell(void *to, struct str encoded, struct str metric)
{
    struct look *look = to;
    struct labels labels;
    if (look->cells == look->most || labels_decode(encoded, &labels) != TM_OK)
        return;
    for (size_t j = 0; j < look->name_count; j++)
        look->at[look->cells * look->name_count + j] =
            number_of(look, j, value_of(&labels, metric, look->names[j].text), true);
    const struct incident_member *member = member_of(look, incident_key(encoded, metric));
    look->seen[look->cells++] = member ? weight_of(member) : 0;
}

static void add_cells(struct look *look, const struct detect_minute *minute)
{
    if (minute->each_series) {
        minute->each_series(minute->series_arg, add_cell, look);
        return;
    }
    for (size_t i = 0; i < minute->count; i++)
        add_cell(look, minute->scores[i].labels, minute->scores[i].metric);
}

static bool make_room(struct look *look, uint64_t scored, size_t count)
{
    size_t most = scored > count ? (size_t)scored : count;
    look->most = most < CELLS_MAX ? most : CELLS_MAX;
    look->slots = 16;
    while (look->slots < 2 * look->most)
        look->slots *= 2;
    bool good = true;
    for (size_t j = 0; j < look->name_count; j++) {
        look->values[j].hashes = calloc(look->slots, sizeof(uint64_t));
        look->values[j].numbers = calloc(look->slots, sizeof(uint32_t));
        good = good && look->values[j].hashes && look->values[j].numbers;
    }
    size_t cells = look->most + 1; /* a label has a value more than there are cells at most */
    look->at = calloc(cells * look->name_count, sizeof *look->at);
    look->seen = calloc(cells, sizeof *look->seen);
    look->expected = calloc(cells, sizeof *look->expected);
    look->left = calloc(cells, sizeof *look->left);
    look->inside = calloc(cells, sizeof *look->inside);
    look->seen_of = calloc(cells, sizeof *look->seen_of);
    look->expected_of = calloc(cells, sizeof *look->expected_of);
    return good && look->at && look->seen && look->expected && look->left && look->inside && look->seen_of &&
           look->expected_of;
}

static void fini(struct look *look)
{
    for (size_t j = 0; j < look->name_count; j++) {
        free(look->values[j].hashes);
        free(look->values[j].numbers);
    }
    free(look->at);
    free(look->seen);
    free(look->expected);
    free(look->left);
    free(look->inside);
    free(look->seen_of);
    free(look->expected_of);
}

/* ---- from numbers back to labels ---- */

/* The value of a number, as some member has it; empty if none does. */
static struct str text_of(struct look *look, size_t name, uint32_t number)
{
    struct str none = {NULL, 0};
    for (size_t i = 0; i < look->incident->count && number != 0; i++) {
        const struct incident_member *member = look->incident->members[i];
        struct labels labels;
        if (labels_decode(incident_member_labels(member), &labels) != TM_OK)
            continue;
        struct str value = value_of(&labels, incident_member_metric(member), look->names[name].text);
        if (value.len > 0 && number_of(look, name, value, false) == number)
            return value;
    }
    return none;
}

/* Adds the labels as a cause; none or unreadable ones are passed over. */
static bool keep_cause(struct incident *incident, struct labels *labels, double share)
{
    struct bytes encoded = {0};
    struct str twice;
    if (labels->count == 0 || labels_sort(labels, &twice) != TM_OK)
        return true;
    labels_encode(labels, &encoded);
    bool good = !encoded.failed && incident_add_cause(incident, bytes_view(&encoded), share);
    bytes_fini(&encoded);
    return good;
}

static bool keep_found(struct incident *incident, struct look *look, const struct score_cause *cause)
{
    struct labels labels = {.count = 0};
    for (size_t i = 0; i < cause->labels; i++) {
        struct str value = text_of(look, cause->label[i], cause->value[i]);
        if (value.len > 0 && labels_add(&labels, look->names[cause->label[i]].text, value) != TM_OK)
            return false;
    }
    return keep_cause(incident, &labels, fmin(cause->share, 1));
}

/* Where no combination stands out: what all members have in common and not all series have. */
static bool keep_common(struct incident *incident, struct look *look)
{
    struct labels labels = {.count = 0};
    for (size_t j = 0; j < look->name_count && labels.count < SCORE_CAUSE_LABELS; j++) {
        uint32_t common = UINT32_MAX;
        bool differs = false;
        for (size_t i = 0; i < look->cells; i++) {
            uint32_t value = look->at[i * look->name_count + j];
            differs = differs || value != look->at[j];
            if (look->seen[i] > 0)
                common = common == UINT32_MAX || common == value ? value : 0;
        }
        struct str text = text_of(look, j, common == UINT32_MAX ? 0 : common);
        if (differs && text.len > 0 && labels_add(&labels, look->names[j].text, text) != TM_OK)
            return false;
    }
    return keep_cause(incident, &labels, 1);
}

static uint64_t hash_of(const struct incident *incident)
{
    const struct incident_member *first;
    uint64_t hash;
    if (incident->cause_count > 0)
        hash = XXH3_64bits(incident->causes[0].labels, incident->causes[0].len);
    else if (incident_onset(incident, &first, 1) == 1)
        hash = XXH3_64bits(first->text, first->labels_len + first->metric_len);
    else
        return 0;
    return hash ? hash : 1;
}

static void forget_causes(struct incident *incident)
{
    for (size_t i = 0; i < incident->cause_count; i++)
        free(incident->causes[i].labels);
    incident->cause_count = 0;
}

static bool attribute(struct incident *incident, struct look *look)
{
    struct score_cause causes[SCORE_CAUSES];
    struct score_cube cube = {.labels = look->name_count, .cells = look->cells, .at = look->at};
    for (size_t j = 0; j < look->name_count; j++)
        cube.values[j] = look->values[j].count + 1;
    double each = fmax(CLEAN_EACH, CLEAN_ALL / (double)look->cells);
    for (size_t i = 0; i < look->cells; i++)
        look->expected[i] = each;
    cube.seen = look->seen;
    cube.expected = look->expected;
    struct score_cube_work work = {look->left, look->inside, look->seen_of, look->expected_of};
    size_t count = score_cube_is_sound(&cube) ? score_attribute(&cube, false, &work, causes) : 0;
    forget_causes(incident);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = keep_found(incident, look, &causes[i]) && good;
    if (incident->cause_count == 0)
        good = keep_common(incident, look) && good;
    incident->cause = hash_of(incident);
    return good;
}

bool incident_find_causes(struct incident *incident, const struct detect_minute *minute)
{
    struct look look = {.incident = incident, .minute = minute->minute};
    leave_out(&look);
    choose_names(&look);
    bool good = make_room(&look, minute->scored, minute->count);
    if (good)
        add_cells(&look, minute);
    if (good && look.cells > 0 && look.weight > 0)
        good = attribute(incident, &look);
    fini(&look);
    return good;
}

/* ---- places ---- */

static bool is_place(struct str name)
{
    static const char *const places[] = {
        "availability_zone",
        "az",
        "cluster",
        "container",
        "database",
        "datacenter",
        "db",
        "dc",
        "host",
        "hostname",
        "instance",
        "machine",
        "namespace",
        "node",
        "pod",
        "rack",
        "region",
        "server",
        "zone",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (str_equal(name, str_of(places[i])))
            return true;
    return false;
}

static bool has_place_of(const struct labels *a, const struct labels *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (is_place(a->at[i].name) && str_equal(labels_get(b, a->at[i].name), a->at[i].value))
            return true;
    return false;
}

bool incident_shares_place(const struct incident *a, const struct incident *b)
{
    struct labels x, y;
    for (size_t i = 0; i < a->cause_count; i++) {
        if (labels_decode((struct str){a->causes[i].labels, a->causes[i].len}, &x) != TM_OK)
            continue;
        for (size_t j = 0; j < b->cause_count; j++)
            if (labels_decode((struct str){b->causes[j].labels, b->causes[j].len}, &y) == TM_OK &&
                has_place_of(&x, &y))
                return true;
    }
    return false;
}
