/* Sockets through the ring. */
#include "io/uring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

void io_accept(struct io *io, struct io_op *op, struct io_socket listener)
{
    check(listener.id >= 0);
    op->socket = IO_SOCKET_NONE;
    op->peer_address = 0;
    op->peer_port = 0;
    (void)uring_begin(io, op, URING_ACCEPT, listener.id);
    uring_ask(io, op);
}

void io_receive(struct io *io, struct io_op *op, struct io_socket socket, void *buffer, u32 size)
{
    check(socket.id >= 0);
    check(size > 0);
    struct uring_op *uring_op = uring_begin(io, op, URING_RECEIVE, socket.id);
    uring_op->buffer = buffer;
    uring_op->size = size;
    uring_ask(io, op);
}

static u32 copy_pieces(struct iovec *copies, const struct io_piece *pieces, u32 count)
{
    u64 size = 0;
    for (u32 i = 0; i < count; i++) {
        /* The kernel's type knows no const; a send only reads. */
        copies[i] = (struct iovec){(void *)(uintptr_t)pieces[i].data, pieces[i].size};
        size += pieces[i].size;
    }
    check(size > 0); /* "at least one byte" could not be kept */
    return count;
}

void io_send(struct io *io, struct io_op *op, struct io_socket socket,
             const struct io_piece *pieces, u32 pieces_count)
{
    check(socket.id >= 0);
    check(pieces_count > 0);
    check(pieces_count <= IO_PIECES_MAX);

    struct uring_op *uring_op = uring_begin(io, op, URING_SEND, socket.id);
    struct iovec *copies = uring_op->pieces;
    if (pieces_count > 1) {
        struct uring_slot *slot = uring_slot_take(io, uring_op);
        if (slot == NULL) {
            uring_complete(io, op, ERR_LIMIT, 0);
            return;
        }
        slot->message = (struct msghdr){.msg_iov = slot->pieces, .msg_iovlen = pieces_count};
        copies = slot->pieces;
    }
    uring_op->pieces_count = (u8)copy_pieces(copies, pieces, pieces_count);
    uring_ask(io, op);
}

void io_socket_shutdown(struct io *io, struct io_socket socket)
{
    (void)io;
    check(socket.id >= 0);
    /* It fails only when the peer has ended the connection already. */
    (void)shutdown(socket.id, SHUT_RDWR);
}

void io_socket_close(struct io *io, struct io_op *op, struct io_socket socket)
{
    check(socket.id >= 0);
    (void)uring_begin(io, op, URING_SOCKET_CLOSE, socket.id);
    uring_ask(io, op);
}

static void prepare_send(struct io *io, struct uring_op *uring_op, struct io_uring_sqe *entry)
{
    if (uring_op->slot != 0) {
        io_uring_prep_sendmsg(entry, uring_op->fd, &uring_slot_of(io, uring_op)->message,
                              MSG_NOSIGNAL);
        return;
    }
    const struct iovec *piece = &uring_op->pieces[0];
    io_uring_prep_send(entry, uring_op->fd, piece->iov_base, u64_min(piece->iov_len, GIB),
                       MSG_NOSIGNAL);
}

void uring_net_prepare(struct io *io, struct io_op *op, struct io_uring_sqe *entry)
{
    struct uring_op *uring_op = uring_op_of(op);
    switch ((enum uring_kind)uring_op->kind) {
    case URING_ACCEPT: io_uring_prep_accept(entry, uring_op->fd, NULL, NULL, SOCK_CLOEXEC); return;
    case URING_RECEIVE:
        io_uring_prep_recv(entry, uring_op->fd, uring_op->buffer, uring_op->size, 0);
        return;
    case URING_SEND: prepare_send(io, uring_op, entry); return;
    case URING_SOCKET_CLOSE: io_uring_prep_close(entry, uring_op->fd); return;
    case URING_NONE:
    case URING_OPEN:
    case URING_CLOSE:
    case URING_READ:
    case URING_WRITE:
    case URING_SYNC:
    case URING_ALLOCATE:
    case URING_RENAME:
    case URING_UNLINK:
    case URING_SIZE:
    case URING_TRUNCATE:
    case URING_DIRECTORY_CREATE:
    case URING_DIRECTORY_LIST:
    case URING_TREE_REMOVE:
    case URING_DISK_FREE: break;
    }
    unreachable();
}

/* ---- Results ---- */

/* Listening sockets hand no-delay, keepalive and the user timeout down to what they accept
 * (io_listen sets them), so a connection costs no calls for them. */
static void on_accepted(struct io *io, struct io_op *op, s32 socket)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);
    if (getpeername(socket, (struct sockaddr *)&peer, &size) == 0) {
        const void *address = &peer;
        if (peer.ss_family == AF_INET) {
            const struct sockaddr_in *ipv4 = address;
            op->peer_address = ntohl(ipv4->sin_addr.s_addr);
            op->peer_port = ntohs(ipv4->sin_port);
        } else if (peer.ss_family == AF_INET6) {
            const struct sockaddr_in6 *ipv6 = address;
            op->peer_port = ntohs(ipv6->sin6_port);
            if (IN6_IS_ADDR_V4MAPPED(&ipv6->sin6_addr)) {
                u32 mapped;
                memcpy(&mapped, &ipv6->sin6_addr.s6_addr[12], sizeof(mapped));
                op->peer_address = ntohl(mapped);
            }
        }
    }
    op->socket.id = socket;
    uring_complete(io, op, OK, 0);
}

/* What a connection that died in the queue leaves behind: the next one is meant (accept(2)). */
static bool accept_goes_on(s32 error)
{
    return error == ECONNABORTED || error == EPROTO || error == ENETDOWN || error == EHOSTDOWN ||
           error == ENONET || error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

static bool may_be_asked_again(struct uring_op *uring_op, s32 error)
{
    /* The pieces of a gathered send are gone, and a close is never repeated. */
    bool is_gathered = uring_op->kind == URING_SEND && uring_op->pieces_count > 1;
    if (uring_op->cancelled || is_gathered || uring_op->kind == URING_SOCKET_CLOSE ||
        uring_op->retries == URING_RETRIES_MAX) {
        return false;
    }
    uring_op->retries++;
    return error == EAGAIN || error == EINTR ||
           (uring_op->kind == URING_ACCEPT && accept_goes_on(error));
}

static void on_failed(struct io *io, struct io_op *op, s32 error)
{
    struct uring_op *uring_op = uring_op_of(op);
    if (may_be_asked_again(uring_op, error)) {
        uring_ask(io, op);
        return;
    }
    enum status status = uring_status(error);
    if (uring_op->cancelled && error == EAGAIN) {
        status = ERR_CANCELLED; /* nothing was wrong but the wait, and that is over */
    } else if (uring_op->kind == URING_ACCEPT && error == EINVAL) {
        status = ERR_CLOSED; /* the listener was shut down */
    } else if (status == ERR_MEMORY) {
        status = ERR_LIMIT;
    }
    uring_complete(io, op, status, 0);
}

void uring_net_on_result(struct io *io, struct io_op *op, s32 result)
{
    if (result < 0) {
        on_failed(io, op, -result);
    } else if (uring_op_of(op)->kind == URING_ACCEPT) {
        on_accepted(io, op, result);
    } else {
        uring_complete(io, op, OK, (u64)result);
    }
}
