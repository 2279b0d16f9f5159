/* Which frames of a stack count, by language, and how they are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "storage/model/fingerprint.h"

static struct fingerprint print;

static void read_stack(const char *stack)
{
    fingerprint_compute(STR("E"), STR(""), str_of(stack), &print);
}

/* frames: names with a line feed between. */
static void expect_frames(const char *stack, const char *cause, const char *frames)
{
    char joined[(FINGERPRINT_FRAME_MAX + 1) * FINGERPRINT_FRAMES_MAX + 1] = "";
    read_stack(stack);
    for (uint32_t i = 0; i < print.frame_count; i++) {
        if (i > 0)
            strcat(joined, "\n");
        strcat(joined, print.frame[i]);
    }
    assert_string_equal(joined, frames);
    assert_string_equal(print.cause, cause);
}

static void expect_same_group(const char *one, const char *other)
{
    struct fingerprint first;
    read_stack(one);
    first = print;
    read_stack(other);
    assert_true(first.frame_count > 0);
    assert_string_equal(first.hex, print.hex);
}

static const char java[] =
    "java.lang.IllegalStateException: could not place order 17\n"
    "\tat com.acme.order.OrderService.place(OrderService.java:88)\n"
    "\tat com.acme.order.OrderService$$EnhancerBySpringCGLIB$$1a2b3c4d.place(<generated>)\n"
    "\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:897)\n"
    "\tat com.acme.web.OrderController.lambda$submit$3(OrderController.java:41)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:829)\n"
    "\tSuppressed: java.io.IOException: close\n"
    "\t\tat com.acme.io.Wire.close(Wire.java:7)\n"
    "Caused by: java.sql.SQLTransientConnectionException: pool is empty\n"
    "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)\n"
    "\tat com.acme.db.Orders.insert(Orders.java:120)\n"
    "\tat com.acme.db.Orders$1.run(Orders.java:130)\n"
    "\t... 48 more\n";

static void java_counts_the_last_cause(void **state)
{
    (void)state;
    expect_frames(java, "java.sql.SQLTransientConnectionException",
                  "com.acme.db.Orders.insert\ncom.acme.db.Orders.run");
}

static void a_cause_without_own_frames_lends_those_of_the_next_one_out(void **state)
{
    (void)state;
    expect_frames(
        "x.Y: z\n"
        "\tat com.acme.order.OrderService.place(OrderService.java:88)\n"
        "\tat com.acme.order.OrderService$$EnhancerBySpringCGLIB$$1a2b3c4d.place(<generated>)\n"
        "\tat app//com.acme.web.Page$$Lambda$14/0x0000000800c03000.apply(Unknown Source)\n"
        "\tat com.acme.web.Page.lambda$show$3(Page.java:41)\n"
        "Caused by: java.net.SocketTimeoutException\n"
        "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:283)\n"
        "\t... 48 more\n",
        "java.net.SocketTimeoutException",
        "com.acme.order.OrderService.place\ncom.acme.web.Page.apply\ncom.acme.web.Page.lambda$show");
}

static void java_lines_proxies_and_lambdas_do_not_matter(void **state)
{
    (void)state;
    expect_same_group(
        "\tat com.acme.A.b(A.java:1)\n\tat com.sun.proxy.$Proxy12.c(Unknown Source)\n"
        "\tat com.acme.A$$Lambda$7/0x01.get(Unknown Source)\n\tat jdk.internal.X.y(X.java:2)",
        "\tat com.acme.A.b(A.java:99) ~[cart-1.8.3.jar:1.8.3]\n\tat com.sun.proxy.$Proxy9.c(Unknown Source)\n"
        "\tat com.acme.A$$Lambda$123/0x0f.get(Unknown Source)\n");
    expect_frames(
        "\tat acme.$Proxy12.get(Unknown Source)\n\tat acme.GeneratedMethodAccessor77.invoke(Unknown Source)",
        "", "acme.$Proxy.get\nacme.GeneratedMethodAccessor.invoke");
}

static const char python[] =
    "Traceback (most recent call last):\n"
    "  File \"/srv/cart/releases/20240102/cart/db.py\", line 17, in load\n"
    "    return rows[key]\n"
    "KeyError: 'price'\n"
    "\n"
    "During handling of the above exception, another exception occurred:\n"
    "\n"
    "Traceback (most recent call last):\n"
    "  File \"/usr/lib/python3/dist-packages/django/core/handlers/base.py\", line 181, in _get_response\n"
    "    response = f()\n"
    "  File \"/srv/cart/releases/20240102/cart/views.py\", line 42, in show\n"
    "    raise CartError('broken') from None\n"
    "cart.errors.CartError: broken\n";

static void python_counts_the_exception_raised_first(void **state)
{
    (void)state;
    expect_frames(python, "KeyError", "cart/db.py:load");
}

static void python_frames_are_innermost_last(void **state)
{
    (void)state;
    expect_frames("Traceback (most recent call last):\n"
                  "  File \"/app/main.py\", line 1, in <module>\n    a()\n"
                  "  File \"/app/a.py\", line 2, in a\n    b()\n"
                  "  File \"/app/b.py\", line 3, in b\n    c()\n"
                  "  File \"/app/c.py\", line 4, in c\n    d()\n"
                  "  File \"/app/c.py\", line 4, in c\n    d()\n"
                  "  File \"/usr/lib/python3.11/json/decoder.py\", line 337, in decode\n    x\n"
                  "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n",
                  "json.decoder.JSONDecodeError", "app/c.py:c\napp/b.py:b\napp/a.py:a");
}

static const char node[] =
    "TypeError: Cannot read properties of undefined (reading 'price')\n"
    "    at Cart.total (/app/src/cart.js:10:5)\n"
    "    at new Order (file:///app/src/order.mjs:3:4)\n"
    "    at /app/dist/main.3f2a1b9c.js:1:20481\n"
    "    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n"
    "    at async Promise.all (index 0)\n";

static void node_frames_are_file_and_function(void **state)
{
    (void)state;
    expect_frames(node, "", "cart.js:Cart.total\norder.mjs:Order\nmain.{hex}.js");
    expect_frames("Error: outer\n    at a (/app/a.js:1:1)\n  [cause]: RangeError: inner\n"
                  "      at Object.b [as c] (/app/b.js:2:2)\n",
                  "RangeError", "b.js:Object.b");
}

static const char go[] = "panic: runtime error: invalid memory address or nil pointer dereference\n"
                         "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a4b5c]\n"
                         "\n"
                         "goroutine 17 [running]:\n"
                         "panic({0x4c0de0, 0x55f4a0})\n"
                         "\t/usr/local/go/src/runtime/panic.go:884 +0x213\n"
                         "github.com/acme/cart.(*Server).handle(0xc000010000, {0x1, 0x2})\n"
                         "\t/home/ci/cart/server.go:42 +0x1d\n"
                         "github.com/acme/cart.(*Server).serve.func1.2()\n"
                         "\t/home/ci/cart/server.go:77 +0x2f\n"
                         "net/http.HandlerFunc.ServeHTTP(0xc0, {0x1, 0x2}, 0x3)\n"
                         "\t/usr/local/go/src/net/http/server.go:2109 +0x2f\n"
                         "github.com/acme/cart.Map[...](...)\n"
                         "\t/home/ci/cart/map.go:7\n"
                         "created by net/http.(*Server).Serve in goroutine 1\n"
                         "\t/usr/local/go/src/net/http/server.go:3089 +0x5ed\n"
                         "\n"
                         "goroutine 1 [select]:\n"
                         "main.other()\n"
                         "\t/home/ci/cart/other.go:7 +0x1\n";

static void go_counts_the_first_routine(void **state)
{
    (void)state;
    expect_frames(go, "",
                  "github.com/acme/cart.(*Server).handle\ngithub.com/acme/cart.(*Server).serve\n"
                  "github.com/acme/cart.Map");
}

static const char dotnet[] =
    "Acme.Cart.CartException: could not add\n"
    " ---> System.InvalidOperationException: Sequence contains no elements\n"
    "   at System.Linq.ThrowHelper.ThrowNoElementsException()\n"
    "   at Acme.Cart.Repository`1.<FindAsync>d__12.MoveNext() in C:\\src\\Cart\\Repository.cs:line 42\n"
    "   at Acme.Cart.Page.<>c__DisplayClass5_0.<Show>b__0(Item item) in C:\\src\\Page.cs:line 7\n"
    "   --- End of inner exception stack trace ---\n"
    "   at Acme.Cart.CartService.Add(Int32 id, Item item) in C:\\src\\Cart\\CartService.cs:line 17\n"
    "--- End of stack trace from previous location ---\n"
    "   at Microsoft.AspNetCore.Mvc.ControllerBase.Run()\n";

static void dotnet_counts_the_inner_exception(void **state)
{
    (void)state;
    expect_frames(dotnet, "System.InvalidOperationException",
                  "Acme.Cart.Repository.FindAsync\nAcme.Cart.Page.Show");
}

static void c_frames_of_gdb_backtrace_and_the_sanitizers_are_names(void **state)
{
    (void)state;
    expect_frames("#0  0x00007ffff7a42428 in raise () from /lib/x86_64-linux-gnu/libc.so.6\n"
                  "#1  0x00007ffff7a4402a in abort () from /lib/x86_64-linux-gnu/libc.so.6\n"
                  "#2  0x0000555555555171 in cart_add.isra.0 (c=0x0, n=5) at src/cart.c:42\n"
                  "#3  0x0000555555555199 in acme::Shop::run(int) (this=0x7ffe) at src/shop.cc:42\n"
                  "#4  main (argc=1, argv=0x7ffe) at main.c:10\n",
                  "", "cart_add\nacme::Shop::run\nmain");
    expect_frames("./cartd(cart_add+0x1d) [0x400b2c]\n./cartd(main+0x20) [0x400c00]\n"
                  "/lib/x86_64-linux-gnu/libc.so.6(+0x3ef10) [0x7f00]\n",
                  "", "cart_add\nmain");
    expect_frames("==1==ERROR: AddressSanitizer: heap-use-after-free\n"
                  "    #0 0x4f4f in __interceptor_memcpy (/usr/lib/libasan.so+0x1)\n"
                  "    #1 0x4f50 in cart_add /src/cart.c:42:5\n    #2 0x4f51 in main /src/main.c:1:1\n",
                  "", "cart_add\nmain");
    expect_frames("#0 /app/src/Cart.php(42): Acme\\Cart->add(1, 'x')\n#1 {main}\n", "", "Acme\\Cart->add");
}

static void a_stack_of_libraries_only_counts_as_it_is(void **state)
{
    (void)state;
    expect_frames(
        "\tat java.util.ArrayList.get(ArrayList.java:427)\n\tat java.lang.Thread.run(Thread.java:1)\n", "",
        "java.util.ArrayList.get\njava.lang.Thread.run");
    expect_frames("no stack at all\n", "", "");
}

static void recursion_is_one_frame(void **state)
{
    (void)state;
    expect_same_group(
        "\tat a.B.c(B.java:1)\n\tat a.B.c(B.java:2)\n\tat a.B.c(B.java:2)\n\tat a.D.e(D.java:2)\n",
        "\tat a.B.c(B.java:1)\n\tat a.D.e(D.java:2)\n");
}

static void releases_that_move_lines_keep_the_group(void **state)
{
    (void)state;
    static const char *const stacks[] = {java, python, node, go, dotnet};
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        char moved[4096];
        size_t len = strlen(stacks[i]);
        assert_true(len < sizeof moved);
        memcpy(moved, stacks[i], len + 1);
        /* every line number, column and offset is another one */
        for (char *at = strpbrk(moved, ":+"); at; at = strpbrk(at + 1, ":+"))
            for (char *digit = at + 1; *digit >= '0' && *digit <= '9'; digit++)
                if (digit[0] != '0' || digit[1] != 'x')
                    *digit = (char)('9' - (*digit - '0') / 2);
        expect_same_group(stacks[i], moved);
    }
}

static void a_root_cause_behind_very_many_is_found(void **state)
{
    (void)state;
    char stack[8192] = "\tat a.A.a(A.java:1)\n";
    for (int i = 0; i < 50; i++)
        strcat(stack, "Caused by: a.X: y\n\tat a.B.b(B.java:1)\n");
    strcat(stack, "Caused by: a.Root\n\tat a.C.c(C.java:1)\n");
    expect_frames(stack, "a.Root", "a.C.c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(java_counts_the_last_cause),
        cmocka_unit_test(a_cause_without_own_frames_lends_those_of_the_next_one_out),
        cmocka_unit_test(java_lines_proxies_and_lambdas_do_not_matter),
        cmocka_unit_test(python_counts_the_exception_raised_first),
        cmocka_unit_test(python_frames_are_innermost_last),
        cmocka_unit_test(node_frames_are_file_and_function),
        cmocka_unit_test(go_counts_the_first_routine),
        cmocka_unit_test(dotnet_counts_the_inner_exception),
        cmocka_unit_test(c_frames_of_gdb_backtrace_and_the_sanitizers_are_names),
        cmocka_unit_test(a_stack_of_libraries_only_counts_as_it_is),
        cmocka_unit_test(recursion_is_one_frame),
        cmocka_unit_test(releases_that_move_lines_keep_the_group),
        cmocka_unit_test(a_root_cause_behind_very_many_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
