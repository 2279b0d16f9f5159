/* The check of a request's head, twice: over the bytes alone, and behind libmicrohttpd itself, which is given
 * the input over a socket. Property: what the check lets through is a head that a strict reader of the bytes
 * as they were sent (RFC 9112, written here without a look at the other) takes too, and both say the same of
 * it: how many headers, which Content-Length, chunked or not. The other way round: what that reader takes,
 * the check over bytes lets through. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/http_internal.h"

/* ---- the strict reader ---- */

enum { FIELDS_MAX = 4096 };

struct strict {
    size_t headers, lengths, encodings, hosts;
    uint64_t length;
    bool chunked, odd_length, odd_encoding;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_name_byte(uint8_t c)
{
    return c != '\0' && (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c)) && c < 128;
}

static bool is_called(struct str name, const char *word)
{
    return name.len == strlen(word) && strncasecmp(name.ptr, word, name.len) == 0;
}

static bool read_field(struct str line, struct strict *out)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon || colon == line.ptr)
        return false;
    struct str name = {line.ptr, (size_t)(colon - line.ptr)};
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte((uint8_t)name.ptr[i]))
            return false;
    }
    struct str value = {colon + 1, line.len - name.len - 1};
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        if (c == 127 || (c < 32 && c != 9))
            return false;
    }
    while (value.len && (*value.ptr == ' ' || *value.ptr == '\t'))
        value = (struct str){value.ptr + 1, value.len - 1};
    out->headers++;
    out->hosts += is_called(name, "host");
    if (is_called(name, "content-length")) {
        out->lengths++;
        out->odd_length |= value.len == 0;
        out->length = 0;
        for (size_t i = 0; i < value.len; i++) {
            out->odd_length |= !isdigit((uint8_t)value.ptr[i]);
            if (out->length < HTTP_HEAD_LENGTH_MAX)
                out->length = out->length * 10 + (uint64_t)(value.ptr[i] - '0');
        }
        if (out->length > HTTP_HEAD_LENGTH_MAX)
            out->length = HTTP_HEAD_LENGTH_MAX;
    } else if (is_called(name, "transfer-encoding")) {
        out->encodings++;
        out->chunked = is_called(value, "chunked");
        out->odd_encoding |= !out->chunked;
    }
    return true;
}

/* The line from at, which ends with the first line feed; false if no CR is before it. */
static bool next_line(struct str text, size_t *at, struct str *line)
{
    const char *from = text.ptr + *at;
    const char *feed = *at < text.len ? memchr(from, '\n', text.len - *at) : NULL;
    if (!feed || feed == from || feed[-1] != '\r')
        return false;
    *line = (struct str){from, (size_t)(feed - from) - 1};
    *at += line->len + 2;
    return true;
}

/* Three words of visible bytes, one space between them. */
static bool read_request_line(struct str line)
{
    size_t spaces = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.ptr[i];
        if (c < 32 || c == 127 || (c == ' ' && (i == 0 || i + 1 == line.len || line.ptr[i - 1] == ' ')))
            return false;
        if (spaces == 0 && c != ' ' && !is_name_byte(c))
            return false;
        spaces += c == ' ';
    }
    return spaces == 2;
}

/* text: the request line and all behind it. *used: bytes up to the end of the empty line. */
static bool read_strictly(struct str text, struct strict *out, size_t *used)
{
    struct str line;
    memset(out, 0, sizeof *out);
    *used = 0;
    if (!next_line(text, used, &line) || !read_request_line(line))
        return false;
    for (int i = 0; i < FIELDS_MAX; i++) {
        if (!next_line(text, used, &line))
            return false;
        if (line.len == 0)
            return true;
        if (!read_field(line, out))
            return false;
    }
    return false;
}

static bool is_clear(const struct strict *s)
{
    return s->lengths <= 1 && s->encodings <= 1 && !(s->lengths && s->encodings) && !s->odd_length &&
           !s->odd_encoding && s->hosts <= 1;
}

static void require_agreement(const struct http_head_facts *facts, const struct strict *strict)
{
    require(facts->headers == strict->headers && facts->hosts == strict->hosts);
    require(facts->content_lengths == strict->lengths && facts->transfer_encodings == strict->encodings);
    if (!facts->bad_length)
        require(facts->length == strict->length);
    require(facts->chunked == strict->chunked && facts->bad_length == strict->odd_length);
}

/* ---- over bytes ---- */

/* What libmicrohttpd does to the head of text: NULs where lines end and behind names. */
static void check_bytes(struct str text)
{
    struct strict strict;
    struct http_head_facts facts = {0};
    size_t used, from = 0;
    bool strictly = read_strictly(text, &strict, &used);
    size_t len = strictly ? used : text.len;
    char *left = malloc(len + 1);
    require(left);
    memcpy(left, text.ptr, len);
    while (from < len && left[from] != '\r' && left[from] != '\n')
        from++;
    bool in_name = false;
    for (size_t i = from; i < len; i++) {
        bool ends = left[i] == '\r' || left[i] == '\n';
        if (ends || (in_name && left[i] == ':')) {
            left[i] = '\0';
            in_name = ends;
        }
    }
    /* at the end of what was allocated: a byte too far is seen */
    char *exact = malloc(len - from ? len - from : 1);
    require(exact);
    memcpy(exact, left + from, len - from);
    bool plain = http_head_read((struct str){exact, len - from}, &facts);
    free(exact);
    free(left);
    require(!strictly || plain);
    if (strictly) {
        require_agreement(&facts, &strict);
        require(is_clear(&strict) == !http_head_ambiguity(&facts, false));
    }
    struct http_head_facts any = {0};
    (void)http_head_read(text, &any); /* whatever stands there */
}

/* ---- behind the library ---- */

static struct str sent;
static struct http_line request_line;

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    (void)arg, (void)connection;
    http_note_uri(&request_line, uri);
    return NULL;
}

/* The library puts NULs over carriage returns, line feeds, and a colon that begins a line (which ends the
 * head for it), so these and NULs that were sent beside them can't be told from each other any more: what
 * stands at a line's end counts as well written if its length is right. */
static void mend_line_ends(char *text, size_t len)
{
    static const char mended[] = "\r\n\r\n";
    for (size_t at = 0; at < len;) {
        size_t run = 0;
        while (at + run < len && run <= 4 &&
               (text[at + run] == '\r' || text[at + run] == '\n' || text[at + run] == '\0' ||
                (run > 0 && text[at + run] == ':')))
            run++;
        if (run == 2 || run >= 4)
            memcpy(text + at, mended, run < 4 ? run : 4);
        if (run >= 4)
            return; /* the head's end */
        at += run ? run : 1;
    }
}

/* Empty lines before a request are passed over. */
static size_t find_start(struct str text)
{
    size_t at = 0;
    while (at < text.len && (text.ptr[at] == '\r' || text.ptr[at] == '\n'))
        at++;
    return at;
}

static bool read_as_sent(struct str text, struct strict *out)
{
    size_t used, at = find_start(text);
    char *head = malloc(text.len);
    require(head);
    memcpy(head, text.ptr, text.len);
    mend_line_ends(head + at, text.len - at);
    bool taken = read_strictly((struct str){head + at, text.len - at}, out, &used);
    free(head);
    return taken;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **context)
{
    struct http_head_facts facts;
    struct strict strict;
    (void)arg, (void)url, (void)data, (void)size, (void)context;
    request_line.method = method;
    request_line.version = version;
    if (!http_find_ambiguity(connection, &request_line, &facts)) {
        require(read_as_sent(sent, &strict));
        require(is_clear(&strict));
        require_agreement(&facts, &strict);
    }
    return MHD_NO; /* ends the connection */
}

static void check_library(struct str text)
{
    static struct MHD_Daemon *daemon;
    struct sockaddr_storage nobody = {.ss_family = AF_UNIX};
    int pair[2];
    if (!daemon)
        daemon =
            MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, NULL,
                             MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                             (size_t)(32 << 10), MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_END);
    require(daemon && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    sent = text;
    request_line = (struct http_line){0};
    if (write(pair[0], text.ptr, text.len) == (ssize_t)text.len) {
        (void)shutdown(pair[0], SHUT_WR);
        require(MHD_add_connection(daemon, pair[1], (struct sockaddr *)&nobody, sizeof(sa_family_t)) ==
                MHD_YES);
        for (int i = 0; i < 8; i++)
            (void)MHD_run(daemon);
    } else {
        (void)close(pair[1]);
    }
    (void)close(pair[0]);
    (void)MHD_run(daemon);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_bytes(text);
    /* Lines that begin with a NUL count as empty to the library: then it is hard to say where it began. */
    size_t at = find_start(text);
    if (at < size && data[at])
        check_library(text);
    return 0;
}
