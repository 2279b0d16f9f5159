#include "server/config/config_yaml.h"

#include <assert.h>

struct screening {
    yaml_parser_t parser;
    struct str text;
    struct config_faults *faults;
    int depth;
    int documents;
    bool loadable;
    bool done;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

struct place yaml_place(const yaml_node_t *node)
{
    return place_of(node->start_mark);
}

struct str yaml_text(const yaml_node_t *scalar)
{
    assert(scalar->type == YAML_SCALAR_NODE);
    return (struct str){(const char *)scalar->data.scalar.value, scalar->data.scalar.length};
}

bool yaml_is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct str text = yaml_text(node);
    return text.len == 0 || str_equal(text, STR("~")) || str_equal(text, STR("null")) ||
           str_equal(text, STR("Null")) || str_equal(text, STR("NULL"));
}

const yaml_node_t *yaml_child(yaml_document_t *document, const yaml_node_t *mapping, const char *key)
{
    if (mapping->type != YAML_MAPPING_NODE)
        return NULL;
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE && str_equal(yaml_text(name), str_of(key)))
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

const char *yaml_kind(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE  ? "a list"
           : node->type == YAML_MAPPING_NODE ? "a mapping"
                                             : "a single value";
}

/* The place of a byte, counted as libyaml does: columns in characters. */
static struct place place_of_byte(struct str text, size_t offset)
{
    struct place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool ends_line = c == '\n' || (c == '\r' && (i + 1 >= text.len || text.ptr[i + 1] != '\n'));
        if (ends_line)
            place = (struct place){place.line + 1, 1};
        else if ((c & 0xC0) != 0x80)
            place.column++;
    }
    return place;
}

/* What comes behind the last line break is told at that break's line. */
static struct place place_inside(struct str text, struct place place)
{
    bool ends_by_break = text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r');
    struct place last = place_of_byte(text, text.len - (text.len > 0 && ends_by_break));
    return place.line > last.line ? last : place;
}

/* Line breaks that only YAML 1.1 knows: an editor would count other lines than libyaml. */
static bool is_odd_break(struct str text, size_t i)
{
    const unsigned char *p = (const unsigned char *)text.ptr + i;
    if (i + 1 < text.len && p[0] == 0xC2 && p[1] == 0x85)
        return true;
    return i + 2 < text.len && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9);
}

/* False, with a fault, if the bytes can't be given to libyaml. */
static bool screen_bytes(struct str text, struct config_faults *faults)
{
    if (text.len > YAML_TEXT_MAX_BYTES) {
        fault_add(faults, (struct place){1, 1}, "the file is longer than %d bytes (1MiB); shorten it",
                  YAML_TEXT_MAX_BYTES);
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0')
            fault_add(faults, place_of_byte(text, i),
                      "the file holds a NUL byte; save it as plain UTF-8 text");
        else if (is_odd_break(text, i))
            fault_add(faults, place_of_byte(text, i),
                      "the file holds an invisible line break (U+0085, U+2028 or U+2029); remove it");
        else
            continue;
        return false;
    }
    return true;
}

/* Does the line of this place begin with blanks and hold a tab among them? The commonest slip of all. */
static bool is_tab_indented(struct str text, struct place place)
{
    size_t at = 0;
    for (int line = 1; at < text.len && line < place.line; at++)
        line += text.ptr[at] == '\n';
    for (; at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t'); at++)
        if (text.ptr[at] == '\t')
            return true;
    return false;
}

static bool start_parser(yaml_parser_t *parser, struct str text)
{
    if (!yaml_parser_initialize(parser))
        return false;
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
    return true;
}

/* The loader of libyaml 0.2.5 leaves the kind of error unset where its stacks find no memory. */
static bool is_out_of_memory(const yaml_parser_t *parser)
{
    return parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR;
}

static void add_syntax_fault(struct screening *s)
{
    const yaml_parser_t *parser = &s->parser;
    const char *problem = parser->problem ? parser->problem : "the text can't be read";
    if (parser->error == YAML_READER_ERROR) {
        fault_add(s->faults, place_inside(s->text, place_of_byte(s->text, parser->problem_offset)),
                  "not valid YAML: %s; save the file as plain UTF-8 text", problem);
        return;
    }
    struct place place = place_inside(s->text, place_of(parser->problem_mark));
    if (is_tab_indented(s->text, place))
        fault_add(s->faults, place,
                  "not valid YAML: this line is indented with a tab; indent it with spaces");
    else if (parser->context)
        fault_add(s->faults, place,
                  "not valid YAML: %s %s begun on line %zu; indent with spaces and put text with special "
                  "characters in quotes",
                  problem, parser->context, parser->context_mark.line + 1);
    else
        fault_add(s->faults, place,
                  "not valid YAML: %s; indent with spaces and put text with special characters in quotes",
                  problem);
}

static void screen_properties(struct screening *s, yaml_mark_t mark, const yaml_char_t *anchor,
                              const yaml_char_t *tag)
{
    if (anchor)
        fault_add(s->faults, place_inside(s->text, place_of(mark)),
                  "the anchor \"&%s\" is not supported; remove it, or put text that begins with & in quotes",
                  fault_shown(str_of((const char *)anchor)).text);
    if (tag)
        fault_add(s->faults, place_inside(s->text, place_of(mark)),
                  "the tag \"%s\" is not supported; remove it, or put text that begins with ! in quotes",
                  fault_shown(str_of((const char *)tag)).text);
}

static void screen_deeper(struct screening *s, yaml_mark_t mark)
{
    if (++s->depth <= YAML_DEPTH_MAX)
        return;
    fault_add(s->faults, place_inside(s->text, place_of(mark)),
              "nested more than %d deep; no setting is, remove it", YAML_DEPTH_MAX);
    s->loadable = false;
    s->done = true;
}

static void screen_document(struct screening *s, yaml_mark_t mark)
{
    if (++s->documents == 1)
        return;
    fault_add(s->faults, place_inside(s->text, place_of(mark)),
              "a second document begins here; remove this line, one file is one document");
    s->done = true;
}

static void screen_event(struct screening *s, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        screen_document(s, event->start_mark);
        break;
    case YAML_ALIAS_EVENT:
        fault_add(s->faults, place_inside(s->text, place_of(event->start_mark)),
                  "the alias \"*%s\" is not supported; write its value out, or put text that begins with * "
                  "in quotes",
                  fault_shown(str_of((const char *)event->data.alias.anchor)).text);
        s->loadable = false;
        break;
    case YAML_SCALAR_EVENT:
        screen_properties(s, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
        break;
    case YAML_SEQUENCE_START_EVENT:
        screen_properties(s, event->start_mark, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
        screen_deeper(s, event->start_mark);
        break;
    case YAML_MAPPING_START_EVENT:
        screen_properties(s, event->start_mark, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
        screen_deeper(s, event->start_mark);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        s->depth--;
        break;
    case YAML_STREAM_END_EVENT:
        s->done = true;
        break;
    default:
        break;
    }
}

/* One pass over the events, which say what the tree no longer shows. */
static enum tm_err screen(struct str text, bool *loadable, struct config_faults *faults)
{
    struct screening s = {.text = text, .faults = faults, .loadable = true};
    if (!start_parser(&s.parser, text))
        return TM_NOMEM;
    enum tm_err err = TM_OK;
    while (!s.done) {
        yaml_event_t event;
        if (yaml_parser_parse(&s.parser, &event)) {
            screen_event(&s, &event);
            yaml_event_delete(&event);
            continue;
        }
        s.done = true;
        s.loadable = false;
        if (is_out_of_memory(&s.parser))
            err = TM_NOMEM;
        else
            add_syntax_fault(&s);
    }
    yaml_parser_delete(&s.parser);
    *loadable = s.loadable;
    return err;
}

enum tm_err yaml_load(struct str text, yaml_document_t *out, bool *loaded, struct config_faults *faults)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    const size_t mark_len = sizeof byte_order_mark - 1;
    if (text.len >= mark_len && memcmp(text.ptr, byte_order_mark, mark_len) == 0)
        text = (struct str){text.ptr + mark_len, text.len - mark_len};
    *loaded = false;
    bool loadable = screen_bytes(text, faults);
    enum tm_err err = loadable ? screen(text, &loadable, faults) : TM_OK;
    if (err || !loadable)
        return err;
    yaml_parser_t parser;
    if (!start_parser(&parser, text))
        return TM_NOMEM;
    *loaded = yaml_parser_load(&parser, out) == 1;
    bool refused = !*loaded && !is_out_of_memory(&parser);
    if (refused)
        fault_add(faults, (struct place){1, 1}, "not valid YAML: %s; mend or remove it",
                  parser.problem ? parser.problem : "the text can't be read");
    err = *loaded || refused ? TM_OK : TM_NOMEM;
    yaml_parser_delete(&parser);
    return err;
}
