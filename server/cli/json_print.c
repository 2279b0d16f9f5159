#include "server/cli/json_print.h"

#include <math.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/wire/reply.h"
#include "storage/model/bytes.h"
#include "storage/model/number.h"

struct printer {
    struct bytes text;
    bool is_indented;
};

static void put_value(struct printer *p, const json_t *value, unsigned depth);

static void put_text(struct printer *p, const char *text)
{
    bytes_put(&p->text, text, strlen(text));
}

/* A new line at this depth. */
static void put_break(struct printer *p, unsigned depth)
{
    if (p->is_indented)
        bytes_printf(&p->text, "\n%*s", (int)depth * 2, "");
}

static void put_real(struct printer *p, double value)
{
    char text[NUMBER_TEXT_BYTES];
    size_t len = number_text(isfinite(value) ? value : 0, text);
    bytes_put(&p->text, text, len);
}

static void put_array(struct printer *p, const json_t *array, unsigned depth)
{
    size_t i;
    const json_t *item;
    put_text(p, "[");
    json_array_foreach(array, i, item)
    {
        put_text(p, i > 0 ? "," : "");
        put_break(p, depth + 1);
        put_value(p, item, depth + 1);
    }
    if (json_array_size(array) > 0)
        put_break(p, depth);
    put_text(p, "]");
}

static void put_object(struct printer *p, const json_t *object, unsigned depth)
{
    const char *name, *between = "";
    const json_t *item;
    json_t *looked_at = (json_t *)(uintptr_t)object; /* the loop only reads it */
    put_text(p, "{");
    json_object_foreach(looked_at, name, item)
    {
        put_text(p, between);
        put_break(p, depth + 1);
        bytes_json_string(&p->text, str_of(name));
        put_text(p, p->is_indented ? ": " : ":");
        put_value(p, item, depth + 1);
        between = ",";
    }
    if (json_object_size(object) > 0)
        put_break(p, depth);
    put_text(p, "}");
}

static void put_value(struct printer *p, const json_t *value, unsigned depth)
{
    if (json_is_object(value))
        put_object(p, value, depth);
    else if (json_is_array(value))
        put_array(p, value, depth);
    else if (json_is_string(value))
        bytes_json_string(&p->text, (struct str){json_string_value(value), json_string_length(value)});
    else if (json_is_integer(value))
        bytes_printf(&p->text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        put_real(p, json_real_value(value));
    else
        put_text(p, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
}

int json_print(const json_t *data, bool is_indented, FILE *out)
{
    struct printer p = {.is_indented = is_indented};
    put_value(&p, data, 0);
    bool failed = p.text.failed;
    if (!failed)
        (void)fwrite(p.text.data, 1, p.text.len, out);
    bytes_fini(&p.text);
    return failed ? EXIT_FAILED : EXIT_OK;
}

int json_print_document(const json_t *data)
{
    int code = json_print(data, true, stdout);
    putchar('\n');
    return code;
}
