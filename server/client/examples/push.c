/* Pushes one measurement and one deploy marker, and waits until both are on the daemon's disk.
 *
 *     cc push.c $(pkg-config --cflags --libs tidemark) -o push && ./push tcp://127.0.0.1:9701 */
#include <stdio.h>
#include <string.h>
#include <tidemark.h>

int main(int argc, char **argv)
{
    static const char lines[] = "cpu,service=cart,pod=a1 value=0.93\n"
                                "deploy,service=cart version=\"1.8.3\",by=\"example\"\n";
    struct tide_options options = {.struct_size = sizeof options};
    struct tide_client *client;
    if (argc != 2) {
        fprintf(stderr, "usage: %s URL (tcp://127.0.0.1:9701 or ipc://PATH)\n", argv[0]);
        return 2;
    }
    options.url = argv[1];
    if (tide_open(&options, &client) != TIDE_OK) {
        fprintf(stderr, "cannot open a client for %s\n", argv[1]);
        return 1;
    }
    enum tide_result result = tide_push_lines(client, lines, strlen(lines));
    if (result == TIDE_OK && tide_answer(client)->rejected == 0)
        printf("acknowledged: %llu lines\n", (unsigned long long)tide_answer(client)->accepted);
    else
        fprintf(stderr, "not acknowledged: %s%s\n", tide_error(client), tide_answer(client)->first_error);
    int ok = result == TIDE_OK && tide_answer(client)->rejected == 0;
    tide_close(client);
    return ok ? 0 : 1;
}
