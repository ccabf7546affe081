/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of LUs on a block device of its own, which moves with the disks of a device group from
 * node to node (or in a file, for tests). A label, then two slots; each holds everything: all keys
 * and the epoch, proved by a checksum. A save writes the slot that is not in force and waits for
 * the disk; only then it is in force. Whenever the power goes, one slot is whole.
 */
#ifndef SRPT_CTL_STATE_VOLUME_H
#define SRPT_CTL_STATE_VOLUME_H

#include "base/mailbox.h"
#include "ctl/state.h"

#include <stddef.h>
#include <stdint.h>

#define STATE_VOLUME_MIN (1u << 20)  /* bytes of the smallest volume */
#define STATE_VOLUME_KEYS_MAX 1024u  /* LUs that have something kept */

/*
 * Open the volume at @path, and prepare it when all of it that is used is zeros. Results go to
 * @control. *@epoch: what was stored last, 0 for a new one. May block: any thread but a reactor's
 * or, as the disk may hang, the control thread. -errno with @err in one line: nothing is open;
 * -EBADMSG damaged, -EPROTONOSUPPORT of a later version, -EEXIST it holds something else, -ENOSPC
 * too small.
 *
 * state_load() of it copies from memory and does not block; saves fail with -ENOSPC when there is
 * no room for all keys, and what was kept before still is. state_close() blocks until the disk
 * has answered.
 */
int state_volume_open(const char *path, struct mailbox *control, struct state_store **out,
		      uint64_t *epoch, char *err, size_t errlen);

/* Store @epoch beside the keys; as lu_store.save(). Control thread. */
void state_volume_set_epoch(struct state_store *s, uint64_t epoch,
			    void (*done)(void *arg, int status), void *arg);

/*
 * Finish the saves that were begun (each done() runs), close the device on a thread, then
 * @done(arg); @s is not used any more from now on. Without end while the disk hangs. Control
 * thread.
 */
void state_volume_close_async(struct state_store *s, void (*done)(void *arg), void *arg);

#endif
