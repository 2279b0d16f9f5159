/* The floor under the durable path: a bare gate, a socketpair, one write and one fdatasync for each drained
 * group, and an answer for each message. No parsing, no head, no threads. What the daemon does beyond this is
 * its own cost.
 *
 * usage: bench_floor TIDEMARKD URL FILE   (until SIGTERM; prints groups, messages and sync times at its end)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/gate/frame.h"

enum { BUFFER_BYTES = 8 << 20, ASKERS_MAX = 4096, SYNCS_MAX = 1 << 20, FILE_BYTES = 64 << 20 };

struct floor {
    int gate, file;
    pid_t pid;
    uint8_t *in;
    size_t in_len;
    off_t at;
    struct {
        uint32_t slot;
        unsigned long long seq;
    } asker[ASKERS_MAX];
    size_t askers;
    uint32_t *sync_us;
    size_t syncs;
    uint64_t messages;
};

static volatile sig_atomic_t ending;

static void on_term(int signal)
{
    (void)signal;
    ending = 1;
}

static void start_gate(struct floor *f, const char *program, const char *url)
{
    int pair[2], bytes = 4 << 20;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        abort();
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        (void)setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    f->pid = fork();
    if (f->pid == 0) {
        if (dup2(pair[1], 3) < 0)
            _exit(1);
        (void)close(pair[0] == 3 ? -1 : pair[0]);
        execl(program, "tidemark-gate", "--gate", "rep", url, "1048576", (char *)NULL);
        _exit(1);
    }
    (void)close(pair[1]);
    f->gate = pair[0];
}

/* The seq of a message's header, for the answer. */
static unsigned long long seq_of(const uint8_t *message, size_t len)
{
    char head[256];
    size_t n = len < sizeof head - 1 ? len : sizeof head - 1;
    memcpy(head, message, n);
    head[n] = '\0';
    const char *seq = strstr(head, " seq=");
    return seq ? strtoull(seq + 5, NULL, 10) : 0;
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Writes every whole message of the buffer; what is left stays. */
static void write_group(struct floor *f)
{
    size_t used = 0;
    struct frame_head head;
    while (f->in_len - used >= sizeof head && f->askers < ASKERS_MAX) {
        memcpy(&head, f->in + used, sizeof head);
        if (f->in_len - used - sizeof head < head.len)
            break;
        const uint8_t *message = f->in + used + sizeof head;
        used += sizeof head + head.len;
        if (head.type != FRAME_MESSAGE)
            continue;
        if (f->at + (off_t)head.len > FILE_BYTES)
            f->at = 0;
        if (pwrite(f->file, message, head.len, f->at) != (ssize_t)head.len)
            abort();
        f->at += (off_t)head.len;
        f->asker[f->askers].slot = head.slot;
        f->asker[f->askers++].seq = seq_of(message, head.len);
    }
    memmove(f->in, f->in + used, f->in_len - used);
    f->in_len -= used;
}

static void sync_and_answer(struct floor *f)
{
    int64_t start = now_us();
    if (fdatasync(f->file) < 0)
        abort();
    if (f->syncs < SYNCS_MAX)
        f->sync_us[f->syncs++] = (uint32_t)(now_us() - start);
    for (size_t i = 0; i < f->askers; i++) {
        char frame[256];
        int len = snprintf(
            frame + sizeof(struct frame_head), sizeof frame - sizeof(struct frame_head),
            "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":%llu,\"errors\":[]}\n",
            f->asker[i].seq);
        struct frame_head head = {FRAME_REPLY, f->asker[i].slot, (uint32_t)len};
        memcpy(frame, &head, sizeof head);
        if (send(f->gate, frame, sizeof head + (size_t)len, 0) < 0)
            return;
    }
    f->messages += f->askers;
    f->askers = 0;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct floor *f)
{
    qsort(f->sync_us, f->syncs, sizeof *f->sync_us, compare_u32);
    (void)printf("{\"messages\":%llu,\"syncs\":%zu,\"sync_p50_ms\":%.3f,\"sync_p99_ms\":%.3f}\n",
                 (unsigned long long)f->messages, f->syncs, f->syncs ? f->sync_us[f->syncs / 2] / 1e3 : 0,
                 f->syncs ? f->sync_us[f->syncs * 99 / 100] / 1e3 : 0);
}

int main(int argc, char **argv)
{
    struct floor f = {.in = malloc(BUFFER_BYTES), .sync_us = malloc(SYNCS_MAX * sizeof(uint32_t))};
    if (argc != 4 || !f.in || !f.sync_us)
        return 2;
    f.file = open(argv[3], O_CREAT | O_TRUNC | O_RDWR, 0600);
    if (f.file < 0 || posix_fallocate(f.file, 0, FILE_BYTES) != 0)
        return 1;
    struct sigaction action = {.sa_handler = on_term};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    start_gate(&f, argv[1], argv[2]);
    while (!ending) {
        ssize_t n = recv(f.gate, f.in + f.in_len, BUFFER_BYTES - f.in_len, 0);
        if (n <= 0)
            break;
        f.in_len += (size_t)n;
        write_group(&f);
        if (f.askers)
            sync_and_answer(&f);
    }
    (void)close(f.gate);
    (void)kill(f.pid, SIGTERM);
    (void)waitpid(f.pid, NULL, 0);
    report(&f);
    return 0;
}
