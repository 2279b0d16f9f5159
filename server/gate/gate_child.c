/* The gate process: owns one nanomsg socket, parses no payload, hands whole messages to the core and answers
 * back. libnanomsg ends the process on some malformed bytes (17 of them on an ipc socket), so nothing of
 * value lives here: no data folder, no state that the core needs again. */
#include "server/gate/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "server/gate/gate_guard.h"

enum {
    CORE_FD = 3,
    WATCH_INTERVAL_MS = 250,
    DRAIN_MAX = 256,
    LAST_ANSWERS_MS = 100,
    BIND_TRIES = 20,
    BIND_INTERVAL_MS = 50,
    FROM_CORE_BYTES = 1 << 16
};

struct gate {
    enum gate_kind kind;
    int socket;
    int receive_fd; /* readable when a message waits; -1 for PUB */
    size_t max_message;
    /* REP: who asked, by slot; NULL is free */
    void *asker[FRAME_SLOTS];
    uint32_t free_slot[FRAME_SLOTS];
    uint32_t free_count;
    /* a frame on its way to the core */
    struct frame_head head;
    void *body; /* nanomsg's chunk, NULL if none */
    size_t sent;
    bool sending;
    /* frames from the core, not yet whole */
    uint8_t *in;
    size_t in_len, in_capacity;
    bool core_gone;
};

static void take_slot(struct gate *g, void *asker)
{
    g->head.slot = g->free_slot[--g->free_count];
    g->asker[g->head.slot] = asker;
}

/* Receives one message into the frame that is to be sent. False: none waits, or no slot is free. */
static bool receive_one(struct gate *g)
{
    void *body = NULL, *control = NULL;
    struct nn_iovec part = {&body, NN_MSG};
    struct nn_msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = NN_MSG};
    if (g->kind == GATE_REP && g->free_count == 0)
        return false;
    int len = nn_recvmsg(g->socket, &message, NN_DONTWAIT);
    if (len < 0)
        return false;
    bool fits = (size_t)len <= g->max_message;
    g->head =
        (struct frame_head){.type = fits ? FRAME_MESSAGE : FRAME_TOO_LARGE, .len = fits ? (uint32_t)len : 0};
    if (g->kind == GATE_REP)
        take_slot(g, control);
    else
        nn_freemsg(control);
    if (!fits) {
        nn_freemsg(body);
        body = NULL;
    }
    g->body = body;
    g->sent = 0;
    g->sending = true;
    return true;
}

/* Writes what fits of the frame under way. False: the core's side is full. */
static bool send_some(struct gate *g)
{
    size_t total = sizeof g->head + g->head.len;
    while (g->sent < total) {
        struct iovec parts[2];
        int count = 0;
        if (g->sent < sizeof g->head)
            parts[count++] = (struct iovec){(uint8_t *)&g->head + g->sent, sizeof g->head - g->sent};
        size_t done = g->sent > sizeof g->head ? g->sent - sizeof g->head : 0;
        if (g->head.len > done)
            parts[count++] = (struct iovec){(uint8_t *)g->body + done, g->head.len - done};
        ssize_t n = writev(CORE_FD, parts, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            g->core_gone = errno != EAGAIN;
            return false;
        }
        g->sent += (size_t)n;
    }
    if (g->body)
        nn_freemsg(g->body);
    g->body = NULL;
    g->sending = false;
    return true;
}

/* Empties the socket towards the core: many messages a wakeup, not one. */
static void forward(struct gate *g)
{
    for (int i = 0; i < DRAIN_MAX; i++) {
        if (!g->sending && !receive_one(g))
            return;
        if (!send_some(g))
            return;
    }
}

static void answer(struct gate *g, uint32_t slot, const uint8_t *data, size_t len)
{
    if (slot >= FRAME_SLOTS || !g->asker[slot])
        return;
    void *control = g->asker[slot];
    g->asker[slot] = NULL;
    g->free_slot[g->free_count++] = slot;
    void *body = nn_allocmsg(len, 0);
    if (!body) {
        nn_freemsg(control); /* the asker asks again */
        return;
    }
    memcpy(body, data, len);
    struct nn_iovec part = {&body, NN_MSG};
    struct nn_msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = NN_MSG};
    if (nn_sendmsg(g->socket, &message, NN_DONTWAIT) < 0) {
        nn_freemsg(body);
        nn_freemsg(control);
    }
}

static void obey(struct gate *g, const struct frame_head *head, const uint8_t *data)
{
    if (head->type == FRAME_REPLY)
        answer(g, head->slot, data, head->len);
    else if (head->type == FRAME_PUBLISH)
        (void)nn_send(g->socket, data, head->len, NN_DONTWAIT);
}

static bool grow_input(struct gate *g, size_t need)
{
    if (need <= g->in_capacity)
        return true;
    uint8_t *in = realloc(g->in, need);
    if (!in)
        return false;
    g->in = in;
    g->in_capacity = need;
    return true;
}

/* Reads frames from the core and obeys the whole ones. */
static void read_core(struct gate *g)
{
    if (!grow_input(g, g->in_len + FROM_CORE_BYTES)) {
        g->core_gone = true;
        return;
    }
    ssize_t n = read(CORE_FD, g->in + g->in_len, g->in_capacity - g->in_len);
    if (n <= 0) {
        g->core_gone = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    g->in_len += (size_t)n;
    size_t at = 0;
    struct frame_head head;
    while (g->in_len - at >= sizeof head) {
        memcpy(&head, g->in + at, sizeof head);
        if (g->in_len - at - sizeof head < head.len)
            break;
        obey(g, &head, g->in + at + sizeof head);
        at += sizeof head + head.len;
    }
    memmove(g->in, g->in + at, g->in_len - at);
    g->in_len -= at;
}

static void tell_core(struct gate *g, enum frame_type type, const char *text)
{
    struct frame_head head = {.type = type, .len = (uint32_t)strlen(text)};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)(uintptr_t)text, head.len}};
    if (writev(CORE_FD, parts, 2) < 0)
        g->core_gone = true;
}

static int set_option(int socket, int option, int value)
{
    return nn_setsockopt(socket, NN_SOL_SOCKET, option, &value, sizeof value);
}

/* The umask makes an ipc socket 0660. An address that is taken may be held by the gate of a daemon that was
 * killed a moment ago and is just ending: it is given a second. */
static int bind_patiently(int socket, const char *url)
{
    mode_t old = umask(0117);
    int bound = nn_bind(socket, url);
    for (int i = 0; i < BIND_TRIES && bound < 0 && nn_errno() == EADDRINUSE; i++) {
        (void)poll(NULL, 0, BIND_INTERVAL_MS);
        bound = nn_bind(socket, url);
    }
    (void)umask(old);
    return bound < 0 ? -1 : 0;
}

/* Makes the socket and binds it. */
static int open_socket(struct gate *g, const char *url)
{
    static const int protocols[] = {[GATE_REP] = NN_REP, [GATE_PULL] = NN_PULL, [GATE_PUB] = NN_PUB};
    g->receive_fd = -1;
    g->socket = nn_socket(g->kind == GATE_REP ? AF_SP_RAW : AF_SP, protocols[g->kind]);
    if (g->socket < 0)
        return -1;
    if (strchr(url, '[') && set_option(g->socket, NN_IPV4ONLY, 0) < 0)
        return -1;
    if (g->kind != GATE_PUB) {
        size_t size = sizeof g->receive_fd;
        /* Twice the limit, so that a message slightly over it is answered rather than lost in silence. */
        if (set_option(g->socket, NN_RCVMAXSIZE, (int)(2 * g->max_message)) < 0 ||
            nn_getsockopt(g->socket, NN_SOL_SOCKET, NN_RCVFD, &g->receive_fd, &size) < 0)
            return -1;
    }
    return bind_patiently(g->socket, url);
}

static void serve(struct gate *g)
{
    struct gate_guard guard;
    gate_guard_init(&guard);
    while (!g->core_gone && gate_guard_ok(&guard)) {
        bool may_receive = g->receive_fd >= 0 && !g->sending && (g->kind != GATE_REP || g->free_count > 0);
        struct pollfd wait[2] = {
            {.fd = CORE_FD, .events = (short)(POLLIN | (g->sending ? POLLOUT : 0))},
            {.fd = may_receive ? g->receive_fd : -1, .events = POLLIN},
        };
        if (poll(wait, 2, WATCH_INTERVAL_MS) < 0 && errno != EINTR)
            return;
        if (wait[0].revents & (POLLIN | POLLHUP | POLLERR))
            read_core(g);
        if ((wait[1].revents & POLLIN) || (wait[0].revents & POLLOUT))
            forward(g);
    }
}

static void free_gate(struct gate *g)
{
    for (size_t i = 0; i < FRAME_SLOTS; i++) {
        if (g->asker[i])
            nn_freemsg(g->asker[i]);
    }
    if (g->body)
        nn_freemsg(g->body);
    free(g->in);
    free(g);
}

int gate_run(int argc, char **argv)
{
    static const char *const kinds[] = {[GATE_REP] = "rep", [GATE_PULL] = "pull", [GATE_PUB] = "pub"};
    if (argc != 3)
        return 2;
    struct gate *g = calloc(1, sizeof *g);
    if (!g)
        return 1;
    g->kind = GATE_REP;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[0], kinds[i]) == 0)
            g->kind = (enum gate_kind)i;
    }
    g->max_message = (size_t)strtoull(argv[2], NULL, 10);
    for (uint32_t i = 0; i < FRAME_SLOTS; i++)
        g->free_slot[g->free_count++] = FRAME_SLOTS - 1 - i;
    (void)fcntl(CORE_FD, F_SETFL, fcntl(CORE_FD, F_GETFL) | O_NONBLOCK);
    gate_guard_confine();
    if (open_socket(g, argv[1]) < 0) {
        tell_core(g, FRAME_FAILED, nn_strerror(nn_errno()));
        _exit(1); /* not by return: libnanomsg keeps memory for each bind that failed, for nobody to free */
    }
    gate_guard_drop_rights();
    tell_core(g, FRAME_READY, "");
    serve(g);
    /* The core has closed its side: let nanomsg's thread write the last answers. nn_close would drop them. */
    (void)poll(NULL, 0, LAST_ANSWERS_MS);
    free_gate(g);
    return 0;
}
