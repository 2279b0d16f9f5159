/* How a request's head was written. libmicrohttpd 0.9.75 takes bare line feeds and carriage returns, folded
 * lines, NULs and names with spaces, and hides them; a proxy that reads them otherwise sees another request
 * than we do. It parses in place, turning each line's end and each colon into NULs, so the head still stands
 * behind the version word as it came: we walk it once more, and every byte must be where a plain head has it.
 * From 0.9.77 on the library refuses such heads itself (http.c asks for it), and may lay them out in another
 * way. */
#include <string.h>

#include "server/http/http_internal.h"

struct head_walk {
    const char *at; /* where the next header's name must begin; NULL: the head is not plain */
};

static bool is_token(const char *name)
{
    static const char allowed[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && name[strspn(name, allowed)] == '\0';
}

/* Two NULs: a carriage return and a line feed were there. */
static bool ended_properly(const char *end)
{
    return end[0] == '\0' && end[1] == '\0';
}

static bool has_control(const char *value)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static enum MHD_Result walk_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct head_walk *walk = arg;
    (void)kind;
    bool plain = walk->at == name && value && is_token(name) && !has_control(value);
    if (plain) {
        const char *gap = name + strlen(name) + 1; /* behind the colon */
        gap += strspn(gap, " \t");
        plain = gap == value && ended_properly(value + strlen(value));
    }
    walk->at = plain ? value + strlen(value) + 2 : NULL;
    return plain ? MHD_YES : MHD_NO;
}

bool http_head_is_plain(struct MHD_Connection *connection, const char *version)
{
    struct head_walk walk = {version + strlen(version)};
    if (strcmp(MHD_get_version(), "0.9.77") >= 0)
        return true;
    if (!ended_properly(walk.at))
        return false;
    walk.at += 2;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, walk_header, &walk);
    return walk.at && ended_properly(walk.at);
}
