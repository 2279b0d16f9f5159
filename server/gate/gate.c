#include "server/gate/gate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "storage/model/bytes.h"

enum {
    BACKOFF_FIRST_MS = 20,
    BACKOFF_MAX_MS = 640,
    LIVED_WELL_MS = 5000,
    CLOSE_MAX_MS = 1000,
    READ_MIN_BYTES = 256 << 10,
    FIRST_STARTS_MAX = 3
};

#define SOCKET_BUFFER_BYTES      (4 << 20)
#define BEHIND_MAX_BYTES         ((size_t)8 << 20)
#define PUBLISH_BEHIND_MAX_BYTES ((size_t)1 << 20)

struct gate_process {
    struct gate_options options;
    char *url;
    char max_text[32];
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t restart; /* while closing: the time the process is given to end by itself */
    uv_shutdown_t shutdown;
    uint64_t life; /* grows with every start */
    uint64_t started_ms;
    unsigned backoff_ms;
    bool running, pipe_open, ready, was_ready, told_failed, closing, intake_stopped, paused;
    int handles; /* open libuv handles; the gate is freed when they are gone */
    uint64_t restarts, messages;
    /* bytes from the gate that are not yet a whole frame */
    uint8_t *in;
    size_t in_len, in_capacity;
    /* frames for the gate, gathered over one turn of the loop: one write for all of them */
    struct bytes out;
    uv_prepare_t flush;
};

/* What the socket did not take at once. */
struct outgoing {
    uv_write_t request;
    uint8_t data[];
};

enum { OWN_HANDLES = 2 }; /* restart and flush; the others are the process's */

static enum tm_err spawn(struct gate_process *g);
static void drop_process(struct gate_process *g);

static void emit(struct gate_process *g, enum gate_event event, const char *text)
{
    g->options.callbacks.event(g->options.callbacks.arg, g, event, text);
}

static void finish_if_closed(struct gate_process *g)
{
    if (!g->closing || g->handles > 0)
        return;
    emit(g, GATE_EVENT_CLOSED, "");
    free(g->url);
    free(g->in);
    bytes_fini(&g->out);
    free(g);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct gate_process *g = handle->data;
    g->handles--;
    finish_if_closed(g);
}

static void close_own_handles(struct gate_process *g)
{
    uv_close((uv_handle_t *)&g->restart, on_handle_closed);
    uv_close((uv_handle_t *)&g->flush, on_handle_closed);
}

static void on_restart(uv_timer_t *timer)
{
    struct gate_process *g = timer->data;
    if (g->handles > OWN_HANDLES) { /* the old process's handles are not closed yet */
        (void)uv_timer_start(&g->restart, on_restart, 1, 0);
        return;
    }
    if (spawn(g) != TM_OK)
        (void)uv_timer_start(&g->restart, on_restart, BACKOFF_MAX_MS, 0);
}

static void schedule_restart(struct gate_process *g)
{
    bool lived_well = uv_now(g->options.loop) - g->started_ms > LIVED_WELL_MS;
    unsigned next = g->backoff_ms * 2 < BACKOFF_MAX_MS ? g->backoff_ms * 2 : BACKOFF_MAX_MS;
    g->backoff_ms = lived_well ? BACKOFF_FIRST_MS : next;
    g->restarts++;
    (void)uv_timer_start(&g->restart, on_restart, g->backoff_ms, 0);
}

static void on_exit_of_process(uv_process_t *process, int64_t status, int signal)
{
    struct gate_process *g = process->data;
    char text[96];
    drop_process(g);
    if (g->closing) {
        close_own_handles(g);
        return;
    }
    (void)snprintf(text, sizeof text, signal ? "signal %d" : "exit code %d", signal ? signal : (int)status);
    if (!g->was_ready && (g->told_failed || g->restarts + 1 >= FIRST_STARTS_MAX)) {
        if (!g->told_failed)
            emit(g, GATE_EVENT_FAILED, "its process ends before it is bound");
        return; /* the owner gives up */
    }
    schedule_restart(g);
    emit(g, GATE_EVENT_DIED, text);
}

/* Lets go of the process that ended: closes its handles, forgets half a frame. Answers to it have no way now.
 */
static void drop_process(struct gate_process *g)
{
    if (g->pipe_open) {
        g->pipe_open = false;
        uv_close((uv_handle_t *)&g->pipe, on_handle_closed);
    }
    if (g->running) {
        g->running = false;
        uv_close((uv_handle_t *)&g->process, on_handle_closed);
    }
    g->ready = false;
    g->paused = false;
    g->in_len = 0;
    bytes_clear(&g->out);
    (void)uv_prepare_stop(&g->flush);
    g->life++;
}

static void hear_failed(struct gate_process *g, struct str text)
{
    char why[160];
    g->told_failed = true;
    (void)snprintf(why, sizeof why, "%.*s", STR_ARG(text));
    emit(g, GATE_EVENT_FAILED, why);
}

/* One frame from the gate. False: it is a message that the owner will take later. */
static bool hear(struct gate_process *g, const struct frame_head *head, struct str data)
{
    struct gate_asker asker = {g, g->life, head->slot};
    bool taken = true;
    switch (head->type) {
    case FRAME_READY:
        g->ready = g->was_ready = true;
        emit(g, GATE_EVENT_READY, "");
        break;
    case FRAME_FAILED:
        hear_failed(g, data);
        break;
    case FRAME_MESSAGE:
    case FRAME_TOO_LARGE:
        taken = g->options.callbacks.message(g->options.callbacks.arg, asker, data,
                                             head->type == FRAME_TOO_LARGE);
        g->messages += taken;
        break;
    default:
        break;
    }
    return taken;
}

/* Hears every whole frame that is in the buffer, and keeps the rest. */
static void hear_all(struct gate_process *g)
{
    size_t at = 0;
    struct frame_head head;
    uint64_t life = g->life;
    while (!g->intake_stopped && g->in_len - at >= sizeof head) {
        memcpy(&head, g->in + at, sizeof head);
        if (g->in_len - at - sizeof head < head.len)
            break;
        if (!hear(g, &head, (struct str){(const char *)g->in + at + sizeof head, head.len})) {
            g->paused = true;
            (void)uv_read_stop((uv_stream_t *)&g->pipe);
            break;
        }
        if (g->life != life)
            return;
        at += sizeof head + head.len;
    }
    memmove(g->in, g->in + at, g->in_len - at);
    g->in_len -= at;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct gate_process *g = handle->data;
    size_t want = READ_MIN_BYTES;
    struct frame_head head;
    (void)suggested;
    if (g->in_len >= sizeof head) {
        memcpy(&head, g->in, sizeof head);
        if (sizeof head + head.len > g->in_len + want)
            want = sizeof head + head.len - g->in_len;
    }
    if (g->in_capacity - g->in_len < want) {
        uint8_t *in = realloc(g->in, g->in_len + want);
        if (!in) {
            *out = uv_buf_init(NULL, 0); /* libuv reports ENOBUFS, see on_read */
            return;
        }
        g->in = in;
        g->in_capacity = g->in_len + want;
    }
    *out = uv_buf_init((char *)g->in + g->in_len, (unsigned)(g->in_capacity - g->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct gate_process *g = stream->data;
    (void)buffer;
    if (n > 0) {
        g->in_len += (size_t)n;
        hear_all(g);
    } else if (n < 0) {
        /* The process ended, or memory did: either way a fresh one is the cure; its exit is heard apart. */
        (void)uv_read_stop(stream);
        (void)uv_process_kill(&g->process, SIGKILL);
    }
}

static void widen_socket(struct gate_process *g)
{
    uv_os_fd_t fd;
    int bytes = SOCKET_BUFFER_BYTES;
    if (uv_fileno((uv_handle_t *)&g->pipe, &fd) != 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static enum tm_err spawn(struct gate_process *g)
{
    static char kinds[][8] = {[GATE_REP] = "rep", [GATE_PULL] = "pull", [GATE_PUB] = "pub"};
    static char name[] = "tidemark-gate", flag[] = "--gate", path[] = "PATH=/usr/bin:/bin";
    char *args[] = {name, flag, kinds[g->options.kind], g->url, g->max_text, NULL};
    char *environment[] = {path, NULL};
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&g->pipe},
    };
    uv_process_options_t options = {
        .file = "/proc/self/exe",
        .args = args,
        .env = environment,
        .cwd = NULL,
        .stdio = stdio,
        .stdio_count = 4,
        .exit_cb = on_exit_of_process,
    };
    if (uv_pipe_init(g->options.loop, &g->pipe, 0) != 0)
        return TM_IO;
    g->pipe.data = g->process.data = g;
    g->pipe_open = true;
    g->handles++;
    g->started_ms = uv_now(g->options.loop);
    int failed = uv_spawn(g->options.loop, &g->process, &options);
    g->running = true; /* also after a failure the handle must be closed */
    g->handles++;
    if (failed) {
        drop_process(g);
        return TM_IO;
    }
    widen_socket(g);
    (void)uv_read_start((uv_stream_t *)&g->pipe, on_alloc, on_read);
    return TM_OK;
}

enum tm_err gate_open(const struct gate_options *options, struct gate_process **out)
{
    struct gate_process *g = calloc(1, sizeof *g);
    if (!g)
        return TM_NOMEM;
    g->options = *options;
    g->url = strdup(options->url);
    g->backoff_ms = BACKOFF_FIRST_MS / 2;
    (void)snprintf(g->max_text, sizeof g->max_text, "%llu", (unsigned long long)options->max_message_bytes);
    if (!g->url || uv_timer_init(options->loop, &g->restart) != 0) {
        free(g->url);
        free(g);
        return TM_NOMEM;
    }
    (void)uv_prepare_init(options->loop, &g->flush);
    g->restart.data = g->flush.data = g;
    g->handles = OWN_HANDLES;
    *out = g;
    return spawn(g);
}

void gate_stop_intake(struct gate_process *gate)
{
    gate->intake_stopped = true;
    if (gate->pipe_open)
        (void)uv_read_stop((uv_stream_t *)&gate->pipe);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
}

/* Hands what was gathered to the socket; libuv keeps what that does not take. */
static void flush_out(struct gate_process *g)
{
    (void)uv_prepare_stop(&g->flush);
    uv_stream_t *stream = (uv_stream_t *)&g->pipe;
    uv_buf_t all = uv_buf_init((char *)g->out.data, (unsigned)g->out.len);
    int sent = g->out.len ? uv_try_write(stream, &all, 1) : 0;
    size_t done = sent > 0 ? (size_t)sent : 0, left = g->out.len - done;
    struct outgoing *rest = left ? malloc(sizeof *rest + left) : NULL;
    if (rest) {
        memcpy(rest->data, g->out.data + done, left);
        rest->request.data = rest;
        uv_buf_t part = uv_buf_init((char *)rest->data, (unsigned)left);
        if (uv_write(&rest->request, stream, &part, 1, on_written) != 0)
            free(rest);
    } else if (left) {
        /* half a frame may be out: the process can't make sense of what follows */
        (void)uv_process_kill(&g->process, SIGKILL);
    }
    bytes_clear(&g->out);
}

static void on_flush(uv_prepare_t *prepare)
{
    flush_out(prepare->data);
}

static bool send_frame(struct gate_process *g, enum frame_type type, uint32_t slot, struct str data,
                       size_t behind_max)
{
    struct frame_head head = {.type = type, .slot = slot, .len = (uint32_t)data.len};
    size_t before = g->out.len;
    if (!g->pipe_open || before + uv_stream_get_write_queue_size((uv_stream_t *)&g->pipe) > behind_max)
        return false;
    bytes_put(&g->out, &head, sizeof head);
    bytes_put(&g->out, data.ptr, data.len);
    if (bytes_error(&g->out)) {
        g->out.len = before;
        g->out.failed = false;
        return false;
    }
    (void)uv_prepare_start(&g->flush, on_flush);
    return true;
}

static void on_told_to_end(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status;
}

static void on_close_deadline(uv_timer_t *timer)
{
    struct gate_process *g = timer->data;
    if (g->running)
        (void)uv_process_kill(&g->process, SIGKILL);
}

void gate_close(struct gate_process *gate)
{
    if (gate->closing)
        return;
    gate->closing = true;
    (void)uv_timer_stop(&gate->restart);
    if (!gate->running) {
        close_own_handles(gate);
        return;
    }
    flush_out(gate);
    /* The end of our side, behind the last answer, tells the process to finish. */
    if (uv_shutdown(&gate->shutdown, (uv_stream_t *)&gate->pipe, on_told_to_end) != 0)
        (void)uv_process_kill(&gate->process, SIGKILL);
    (void)uv_timer_start(&gate->restart, on_close_deadline, CLOSE_MAX_MS, 0);
}

void gate_resume(struct gate_process *gate)
{
    if (!gate->paused || gate->intake_stopped || !gate->pipe_open)
        return;
    gate->paused = false;
    hear_all(gate);
    if (!gate->paused && gate->pipe_open)
        (void)uv_read_start((uv_stream_t *)&gate->pipe, on_alloc, on_read);
}

bool gate_reply(struct gate_asker asker, struct str reply)
{
    if (asker.gate->life != asker.life)
        return false;
    return send_frame(asker.gate, FRAME_REPLY, asker.slot, reply, BEHIND_MAX_BYTES);
}

bool gate_publish(struct gate_process *gate, struct str message)
{
    return gate->ready && send_frame(gate, FRAME_PUBLISH, 0, message, PUBLISH_BEHIND_MAX_BYTES);
}

void gate_status(const struct gate_process *gate, struct gate_status *out)
{
    *out = (struct gate_status){
        .kind = gate->options.kind,
        .url = gate->url,
        .pid = gate->running ? gate->process.pid : 0,
        .restarts = gate->restarts,
        .messages = gate->messages,
        .ready = gate->ready,
        .paused = gate->paused,
    };
}
