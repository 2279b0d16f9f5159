/* One frame of a stack: the forms it is written in, whether a library's, its name without what varies. */
#include "storage/model/fingerprint_parts.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

/* Views may be cut short by a byte that is not there: nothing. */
static struct str cut(struct str text, size_t from, size_t to)
{
    return to > from && to <= text.len ? (struct str){text.ptr + from, to - from} : (struct str){text.ptr, 0};
}

static size_t find_last(struct str text, char c)
{
    for (size_t i = text.len; i > 0; i--)
        if (text.ptr[i - 1] == c)
            return i - 1;
    return text.len;
}

static size_t find_byte(struct str text, char c)
{
    const char *found = text.len ? memchr(text.ptr, c, text.len) : NULL;
    return found ? (size_t)(found - text.ptr) : text.len;
}

/* ---- reading ---- */

/* Node: "fn (file:1:2)", "async fn [as x] (file)", "file:1:2". */
static bool parse_node(struct str rest, struct frame *out)
{
    static const struct str prefixes[] = {TEXT("async "), TEXT("new ")};
    out->kind = FRAME_NODE;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (fold_begins(rest, prefixes[i]))
            rest = fold_from(rest, prefixes[i].len);
    size_t paren = fold_find(rest, STR(" ("));
    if (paren == rest.len) {
        out->function = cut(rest, 0, 0);
        out->file = rest;
        return rest.len > 0;
    }
    out->function = cut(rest, 0, fold_find(cut(rest, 0, paren), STR(" [as ")));
    out->file = cut(rest, paren + 2, rest.len - (rest.ptr[rest.len - 1] == ')'));
    return true;
}

/* Lines that begin with "at": the JVM and .NET have a '(' right behind the name, Node does not. */
static bool parse_at(struct str rest, struct frame *out)
{
    size_t paren = find_byte(rest, '(');
    bool attached = paren > 0 && paren < rest.len && rest.ptr[paren - 1] != ' ' && rest.ptr[paren - 1] != '/';
    bool spaced = find_byte(cut(rest, 0, paren), ' ') < paren;
    if (!attached || (spaced && find_byte(cut(rest, 0, paren), '<') >= paren))
        return parse_node(rest, out);
    *out = (struct frame){.kind = FRAME_MANAGED, .function = cut(rest, 0, paren), .file = cut(rest, 0, 0)};
    return true;
}

/* Python: File "path", line 1, in fn */
static bool parse_python(struct str rest, struct frame *out)
{
    size_t quote = find_byte(rest, '"');
    if (quote == rest.len)
        return false;
    struct str tail = fold_from(rest, quote);
    size_t in = fold_find(tail, STR(", in "));
    *out = (struct frame){
        .kind = FRAME_PYTHON, .file = cut(rest, 0, quote), .function = fold_from(tail, in + 5)};
    return true;
}

/* PHP: path(42): Foo->bar() */
static bool parse_php(struct str rest, struct frame *out)
{
    size_t colon = fold_find(rest, STR("): "));
    size_t paren = find_byte(rest, '(');
    if (colon == rest.len || paren >= colon || fold_at(rest, 0) == '0')
        return false;
    struct str call = fold_from(rest, colon + 3);
    *out = (struct frame){
        .kind = FRAME_PHP, .file = cut(rest, 0, paren), .function = cut(call, 0, find_byte(call, '('))};
    return out->function.len > 0;
}

/* gdb and the sanitizers: "0x1234 in fn (args) at file:1", "fn (args) from lib", "0x1234 in fn file:1". */
static bool parse_gdb(struct str rest, struct frame *out)
{
    size_t in = fold_find(rest, STR(" in "));
    if (fold_begins(rest, STR("0x")))
        rest = in < rest.len ? fold_from(rest, in + 4) : fold_from(rest, rest.len);
    size_t end = 0;
    while (end < rest.len && (rest.ptr[end] != ' ' || fold_begins(fold_from(rest, end), STR(" ()"))))
        end++;
    if (fold_begins(rest, STR("operator ")) || fold_begins(rest, STR("(anonymous namespace)")))
        end = fold_find(rest, STR(" ("));
    if (end == 0 || !(fold_is_word(rest.ptr[0]) || strchr("?<(~*", rest.ptr[0])))
        return false;
    struct str tail = fold_from(rest, end);
    size_t from = fold_find(tail, STR(" from "));
    *out = (struct frame){.kind = FRAME_C, .function = cut(rest, 0, end), .file = fold_from(tail, from)};
    if (out->file.len == 0)
        out->file = tail;
    return true;
}

static bool parse_numbered(struct str line, struct frame *out)
{
    size_t at = 1;
    while (fold_is_digit(fold_at(line, at)))
        at++;
    if (at == 1 || fold_at(line, at) != ' ')
        return false;
    while (fold_at(line, at) == ' ')
        at++;
    struct str rest = fold_from(line, at);
    return parse_php(rest, out) || parse_gdb(rest, out);
}

/* backtrace_symbols(): path(fn+0x1d) [0x400b2c], path(+0x1d) [0x400b2c] */
static bool parse_backtrace(struct str line, struct frame *out)
{
    size_t paren = find_byte(line, '(');
    struct str tail = fold_from(line, paren);
    size_t plus = fold_find(tail, STR("+0x"));
    if (fold_find(tail, STR(") [0x")) == tail.len || plus == tail.len)
        return false;
    *out = (struct frame){.kind = FRAME_C, .file = cut(line, 0, paren), .function = cut(tail, 1, plus)};
    return true;
}

/* Go: a path with a line number below the line of the function. */
static bool parse_go(struct str line, struct str before, struct frame *out)
{
    if (fold_begins(before, STR("created by ")) || before.len == 0)
        return false;
    *out = (struct frame){.kind = FRAME_GO, .function = before, .file = line};
    return true;
}

bool frame_parse(struct str line, struct str before, struct frame *out)
{
    if (fold_begins(line, STR("at ")))
        return parse_at(fold_from(line, 3), out);
    if (fold_begins(line, STR("File \"")))
        return parse_python(fold_from(line, 6), out);
    if (fold_at(line, 0) == '#')
        return parse_numbered(line, out);
    size_t go = fold_find(line, STR(".go:"));
    if (go < line.len && find_byte(cut(line, 0, go), ' ') >= go && fold_is_digit(fold_at(line, go + 4)))
        return parse_go(line, before, out);
    return parse_backtrace(line, out);
}

/* ---- libraries ---- */

static bool begins_with_any(struct str text, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fold_begins(text, list[i]))
            return true;
    return false;
}

static bool holds_any(struct str text, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fold_find(text, list[i]) < text.len)
            return true;
    return false;
}

static const struct str managed_libraries[] = {
    TEXT("java."),
    TEXT("javax."),
    TEXT("jakarta."),
    TEXT("jdk."),
    TEXT("sun."),
    TEXT("com.sun."),
    TEXT("kotlin."),
    TEXT("kotlinx."),
    TEXT("scala."),
    TEXT("groovy."),
    TEXT("clojure."),
    TEXT("android."),
    TEXT("androidx."),
    TEXT("com.android."),
    TEXT("dalvik."),
    TEXT("org.springframework."),
    TEXT("org.apache."),
    TEXT("org.hibernate."),
    TEXT("org.eclipse."),
    TEXT("org.jboss."),
    TEXT("org.postgresql."),
    TEXT("org.slf4j."),
    TEXT("org.aspectj."),
    TEXT("org.junit."),
    TEXT("org.mockito."),
    TEXT("org.mariadb."),
    TEXT("org.mybatis."),
    TEXT("org.redisson."),
    TEXT("io.netty."),
    TEXT("io.grpc."),
    TEXT("io.vertx."),
    TEXT("io.quarkus."),
    TEXT("io.micrometer."),
    TEXT("io.reactivex."),
    TEXT("io.lettuce."),
    TEXT("io.undertow."),
    TEXT("reactor."),
    TEXT("rx."),
    TEXT("feign."),
    TEXT("akka."),
    TEXT("okhttp3."),
    TEXT("retrofit2."),
    TEXT("ch.qos."),
    TEXT("com.fasterxml."),
    TEXT("com.google.common."),
    TEXT("com.google.gson."),
    TEXT("com.google.inject."),
    TEXT("com.zaxxer."),
    TEXT("com.mysql."),
    TEXT("com.mongodb."),
    TEXT("com.netflix."),
    TEXT("com.rabbitmq."),
    TEXT("oracle."),
    TEXT("redis.clients."),
    TEXT("net.sf.cglib."),
    TEXT("net.bytebuddy."),
    TEXT("lombok."),
    TEXT("System."),
    TEXT("Microsoft."),
    TEXT("Newtonsoft."),
    TEXT("Npgsql."),
    TEXT("MySql."),
    TEXT("MySqlConnector."),
    TEXT("Dapper."),
    TEXT("MediatR."),
    TEXT("AutoMapper."),
    TEXT("Polly."),
    TEXT("Serilog."),
    TEXT("Grpc."),
    TEXT("StackExchange."),
    TEXT("MongoDB."),
    TEXT("RabbitMQ."),
    TEXT("Castle."),
    TEXT("Xunit."),
    TEXT("NUnit."),
};

static const struct str node_libraries[] = {
    TEXT("node_modules/"),
    TEXT("node_modules\\"),
    TEXT("node:"),
    TEXT("native"),
    TEXT("<anonymous>"),
    TEXT("index "),
    TEXT("webpack/bootstrap"),
    TEXT("webpack/runtime"),
};

static const struct str node_builtins[] = {TEXT("internal/"), TEXT("events.js:"), TEXT("net.js:"),
                                           TEXT("_http_"),    TEXT("timers.js:"), TEXT("module.js:"),
                                           TEXT("_stream_"),  TEXT("fs.js:"),     TEXT("vm.js:")};

static const struct str python_libraries[] = {
    TEXT("site-packages/"), TEXT("dist-packages/"), TEXT("/lib/python"),
    TEXT("<frozen "),       TEXT("\\Lib\\"),        TEXT("site-packages\\"),
    TEXT("/lib64/python"),  TEXT("<string>"),       TEXT("<__array_function__"),
};

static const struct str go_libraries[] = {
    TEXT("/go/src/"),        TEXT("/pkg/mod/"), TEXT("/vendor/"),     TEXT("/libexec/src/"),
    TEXT("go/src/runtime/"), TEXT("/lib/go-"),  TEXT("/golang/src/"),
};

static const struct str go_functions[] = {TEXT("runtime."), TEXT("runtime/"),     TEXT("panic("),
                                          TEXT("testing."), TEXT("net/http."),    TEXT("reflect."),
                                          TEXT("sync."),    TEXT("golang.org/x/")};

static const struct str c_functions[] = {
    TEXT("__"),           TEXT("raise"),     TEXT("abort"),  TEXT("gsignal"), TEXT("pthread_kill"),
    TEXT("start_thread"), TEXT("clone"),     TEXT("_start"), TEXT("malloc"),  TEXT("free"),
    TEXT("realloc"),      TEXT("calloc"),    TEXT("memcpy"), TEXT("std::"),   TEXT("core::"),
    TEXT("rust_"),        TEXT("_int_"),     TEXT("_IO_"),   TEXT("??"),      TEXT("<signal"),
    TEXT("asan_"),        TEXT("backtrace"), TEXT("_dl_"),
};

static const struct str c_libraries[] = {TEXT("/lib/"),        TEXT("/lib64/"),   TEXT("/usr/lib"),
                                         TEXT("libc.so"),      TEXT("libstdc++"), TEXT("sysdeps/"),
                                         TEXT("libsanitizer/")};

static const struct str php_libraries[] = {TEXT("/vendor/"), TEXT("[internal"), TEXT("{main}")};

#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])

/* The name without the loader and module in front: "app//", "java.base/". */
static struct str without_module(struct str function)
{
    size_t generated = fold_find(function, STR("$$"));
    size_t slash = find_last(cut(function, 0, generated), '/');
    return slash < generated ? fold_from(function, slash + 1) : function;
}

bool frame_is_app(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_MANAGED:
        return !begins_with_any(without_module(frame->function), managed_libraries,
                                COUNT_OF(managed_libraries));
    case FRAME_NODE:
        return !holds_any(frame->file, node_libraries, COUNT_OF(node_libraries)) &&
               !begins_with_any(frame->file, node_builtins, COUNT_OF(node_builtins));
    case FRAME_PYTHON:
        return !holds_any(frame->file, python_libraries, COUNT_OF(python_libraries));
    case FRAME_GO:
        return !begins_with_any(frame->function, go_functions, COUNT_OF(go_functions)) &&
               !holds_any(frame->file, go_libraries, COUNT_OF(go_libraries));
    case FRAME_C:
        return !holds_any(frame->file, c_libraries, COUNT_OF(c_libraries)) && frame->function.len > 0 &&
               !begins_with_any(frame->function, c_functions, COUNT_OF(c_functions));
    case FRAME_PHP:
        return !holds_any(frame->file, php_libraries, COUNT_OF(php_libraries));
    case FRAME_KIND_COUNT:
        break;
    }
    return true;
}
