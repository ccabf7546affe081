/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *mb)
{
	atomic_init(&mb->head, NULL);
	atomic_init(&mb->sleeping, false);
	mb->owed = 0;
	mb->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return mb->fd < 0 ? -errno : 0;
}

void mailbox_destroy(struct mailbox *mb)
{
	if (mb->fd >= 0)
		close(mb->fd);
	mb->fd = -1;
}

/* The counter is far from its limit and the descriptor does not block: write cannot fail. */
static void fd_notify(int fd)
{
	ssize_t n = write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));

	(void)n;
}

/*
 * The sender stores head, then loads sleeping; the receiver stores sleeping,
 * then loads head. All four are sequentially consistent, so at least one side
 * sees the other: no message is left with a receiver asleep.
 */
void mailbox_post(struct mailbox *mb, struct msg *m)
{
	struct msg *head = atomic_load_explicit(&mb->head, memory_order_relaxed);

	do {
		m->next = head;
	} while (!atomic_compare_exchange_weak(&mb->head, &head, m));
	/* Of the senders that find it asleep one is enough to wake it. */
	if (atomic_load(&mb->sleeping) && atomic_exchange(&mb->sleeping, false))
		fd_notify(mb->fd);
}

/* The stack holds the newest first. */
static struct msg *msgs_reverse(struct msg *m)
{
	struct msg *oldest = NULL;

	while (m) {
		struct msg *next = m->next;

		m->next = oldest;
		oldest = m;
		m = next;
	}
	return oldest;
}

int mailbox_drain(struct mailbox *mb)
{
	struct msg *m, *next;
	int n = 0;

	if (!atomic_load_explicit(&mb->head, memory_order_relaxed))
		return 0;
	m = msgs_reverse(atomic_exchange_explicit(&mb->head, NULL, memory_order_acquire));
	for (; m; m = next) {
		next = m->next;
		m->fn(m);
		n++;
	}
	return n;
}

bool mailbox_prepare_sleep(struct mailbox *mb)
{
	atomic_store(&mb->sleeping, true);
	if (!atomic_load(&mb->head))
		return true;
	mailbox_awake(mb);
	return false;
}

/*
 * A sender that cleared sleeping writes the descriptor once, maybe only after
 * we looked: count these, so that it is read when and only when there is need.
 */
void mailbox_awake(struct mailbox *mb)
{
	uint64_t count;

	if (!atomic_exchange(&mb->sleeping, false))
		mb->owed++;
	if (mb->owed && read(mb->fd, &count, sizeof(count)) == sizeof(count))
		mb->owed -= (unsigned)count;
}

void countdown_init(struct countdown *c, unsigned left, struct mailbox *to, msg_fn done)
{
	atomic_init(&c->left, left);
	c->to = to;
	c->done.fn = done;
	if (!left)
		mailbox_post(to, &c->done);
}

void countdown_put(struct countdown *c)
{
	if (atomic_fetch_sub(&c->left, 1) == 1)
		mailbox_post(c->to, &c->done);
}
