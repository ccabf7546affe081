/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"
#include "ctl/daemon.h"
#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/ha_link.h"
#include "ctl/ha_live.h"
#include "ctl/ipc.h"
#include "ctl/limits.h"
#include "ctl/notify.h"
#include "ctl/reactors.h"
#include "ctl/reload.h"
#include "ctl/state_dir.h"
#include "srp/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

/* What a session may use; there is no attribute for these. */
#define QUEUE_DEPTH 128u   /* commands per channel; ib_srp uses 62 unless told otherwise */
#define MAX_CHANNELS 128u  /* per session */
#define MAX_SESSIONS 1024u /* per target */

/*
 * Where ib_srp puts immediate data: behind the command, 16 bytes of additional CDB and the
 * descriptor of the data.
 */
#define IMM_OFFSET ((uint32_t)(sizeof(struct srp_cmd_iu) + 16 + sizeof(struct srp_imm_desc)))

#define DRAIN_MS 10000u                 /* commands in flight at SIGTERM */
#define SHUTDOWN_NS (15ull * NS_PER_S) /* all of it; then it ends by force */
#define THREADS_S 5u                    /* then those that look after disks; as well */

/* ---- the control thread's mailbox ---- */

#define PUMP_ROUNDS 64

/* Messages until there is none; then their senders wake us through the descriptor. */
static void mailbox_pump(void *arg)
{
	struct daemon *d = arg;

	for (int i = 0; i < PUMP_ROUNDS; i++) {
		mailbox_drain(&d->mailbox);
		if (mailbox_prepare_sleep(&d->mailbox))
			return;
	}
	qb_loop_job_add(d->loop, QB_LOOP_MED, d, mailbox_pump);
}

static int32_t mailbox_readable(int32_t fd, int32_t revents, void *data)
{
	struct daemon *d = data;

	(void)fd;
	(void)revents;
	mailbox_awake(&d->mailbox);
	mailbox_pump(d);
	return 0;
}

/* ---- going down ---- */

static void loop_stop(void *arg)
{
	struct daemon *d = arg;

	qb_loop_stop(d->loop);
}

static void reactor_pass(struct reactor *r, void *arg, struct countdown *c)
{
	(void)r;
	(void)arg;
	countdown_put(c);
}

/* What was sent to the reactors before, such as the end of nexuses, is over when this is. */
static void shutdown_pass(void *arg, const struct apply_result *result)
{
	struct daemon *d = arg;

	(void)result;
	if (reactor_group_call(&d->group, reactor_pass, loop_stop, d))
		qb_loop_stop(d->loop);
}

/* An empty configuration takes all targets and devices away, in the right order. */
static void channels_closed(void *arg)
{
	struct daemon *d = arg;
	struct conf_diag_list diags = { 0 };
	struct conf *empty;

	if (conf_parse("", "", 0, &empty, &diags) ||
	    apply_submit(&d->live, empty, shutdown_pass, d))
		qb_loop_stop(d->loop);
	conf_diag_free(&diags);
	job_finished(&d->live.jobs);
}

static struct job shutdown_job;
static struct daemon *shutdown_daemon;

static void shutdown_start(struct job *j)
{
	(void)j;
	srp_server_shutdown(shutdown_daemon->live.srp, DRAIN_MS, channels_closed,
			    shutdown_daemon);
}

static void shutdown_overdue(void *arg)
{
	(void)arg;
	log_err("shutdown takes more than %u s: ending by force",
		(unsigned)(SHUTDOWN_NS / NS_PER_S));
	log_close();
	_exit(EXIT_FORCED);
}

static void threads_overdue(int sig)
{
	static const char line[] = "srptd: a disk or adapter does not answer: ending by force\n";
	ssize_t n = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)sig;
	(void)n;
	_exit(EXIT_FORCED);
}

/*
 * All is closed and the loop is over; a thread may still wait for a file system that hangs, or for
 * an adapter.
 */
static void threads_watch(void)
{
	signal(SIGALRM, threads_overdue);
	alarm(THREADS_S);
}

/* What was promoted is not any more, or does not let itself be demoted. */
static void demoted(void *arg)
{
	struct daemon *d = arg;

	shutdown_daemon = d;
	shutdown_job.start = shutdown_start;
	job_submit_first(&d->live.jobs, &shutdown_job);
}

static void daemon_stop(struct daemon *d)
{
	qb_loop_timer_handle timer;

	d->stopping = true;
	notify_send("STOPPING=1");
	watch_stop(d->watch);
	dm_model_end(&d->dm);
	listeners_close(&d->listeners);
	qb_loop_timer_add(d->loop, QB_LOOP_HIGH, SHUTDOWN_NS, d, shutdown_overdue, &timer);
	live_release(&d->live);
	ha_stop(d->ha, demoted, d);
}

/* ---- signals ---- */

static int32_t signal_stop(int32_t sig, void *data)
{
	struct daemon *d = data;

	if (d->stopping) {
		log_warn("%s again: ending at once", strsignal(sig));
		log_close();
		_exit(EXIT_FORCED);
	}
	log_notice("%s: stopping", strsignal(sig));
	daemon_stop(d);
	return 0;
}

static int32_t signal_reload(int32_t sig, void *data)
{
	struct daemon *d = data;

	(void)sig;
	if (d->stopping)
		return 0;
	if (d->reloads) {
		d->reload_again = true;
		return 0;
	}
	log_notice("SIGHUP: reading %s again", d->conf_path);
	reload(d, NULL, NULL);
	return 0;
}

static int signals_catch(struct daemon *d)
{
	int rc = qb_loop_signal_add(d->loop, QB_LOOP_HIGH, SIGTERM, d, signal_stop, NULL);

	if (!rc)
		rc = qb_loop_signal_add(d->loop, QB_LOOP_HIGH, SIGINT, d, signal_stop, NULL);
	if (!rc)
		rc = qb_loop_signal_add(d->loop, QB_LOOP_MED, SIGHUP, d, signal_reload, NULL);
	signal(SIGPIPE, SIG_IGN);
	return rc;
}

/* ---- coming up ---- */

static void started(void *arg, const struct apply_result *result)
{
	struct daemon *d = arg;

	(void)result;
	if (d->stopping)
		return;
	if (!d->live.conf) {
		d->exit_status = EXIT_FAILED;
		qb_loop_stop(d->loop);
		return;
	}
	listeners_update(&d->listeners, d->live.conf, ha_target_here, &d->live);
	dm_model_update(&d->dm, &d->live);
	ha_link_update(d);
	d->starting = false;
	log_notice("srptd " PACKAGE_VERSION " is ready: %u reactor%s, ioc_guid %016" PRIx64,
		   d->group.n, d->group.n == 1 ? "" : "s", d->live.ioc_guid);
	notify_send("READY=1");
	if (d->ready)
		d->ready(d->ready_arg);
}

static int ioc_guid_choose(struct daemon *d, const struct conf *conf)
{
	const struct identity_paths paths = {
		.state_dir = conf->daemon.state_dir,
		.infiniband = IDENTITY_INFINIBAND,
		.machine_id = IDENTITY_MACHINE_ID,
	};
	int rc = identity_ioc_guid(conf->driver.ioc_guid, &paths, &d->live.ioc_guid,
				   &d->guid_source);

	if (rc) {
		log_err("no ioc_guid: neither the configuration nor %s/ioc_guid has one, there "
			"is no RDMA device and no " IDENTITY_MACHINE_ID, paths.state_dir);
		return rc;
	}
	if (d->guid_source != GUID_HARDWARE && d->guid_source != GUID_MACHINE)
		return 0;
	rc = identity_save_ioc_guid(&paths, d->live.ioc_guid);
	if (rc)
		log_warn("cannot keep ioc_guid %016" PRIx64 " in %s: %s; set ioc_guid in %s, or it "
			 "changes with the hardware", d->live.ioc_guid, paths.state_dir,
			 strerror(-rc), d->conf_path);
	return 0;
}

static int layers_create(struct daemon *d, const struct conf *conf)
{
	const struct conf_driver *c = &conf->driver;
	const struct srp_params srp = {
		.max_req_size = c->srp_max_req_size,
		.max_rsp_size = c->srp_max_rsp_size,
		.max_rdma_size = c->srp_max_rdma_size,
		.queue_depth = QUEUE_DEPTH,
		.max_channels = MAX_CHANNELS,
		.max_sessions = MAX_SESSIONS,
	};
	const struct transport_params transport = {
		.max_recv = c->srp_max_req_size,
		.max_send = c->srp_max_rsp_size,
		.imm_offset = IMM_OFFSET,
		.srq_size = c->srpt_srq_size,
		.sq_size = c->srpt_sq_size,
	};
	int rc;

	d->dm.send_depth = QUEUE_DEPTH;
	rc = reactors_create(&d->group, &conf->daemon, &d->mailbox);

	if (rc)
		return rc;
	d->live.scsi = scsi_device_create(&d->group);
	if (!d->live.scsi)
		return -ENOMEM;
	rc = srp_server_create(&d->group, d->live.scsi, &srp, &d->live.srp);
	if (rc)
		return rc;
	listeners_init(&d->listeners, srp_upcalls(), &transport, &d->group, d->loop, d->live.srp);
	rc = reactors_start(&d->group);
	return rc ? rc : watchdog_start(&d->watchdog, &d->group);
}

/* Reverse order of layers_create(); what is not there is passed over. */
static void layers_destroy(struct daemon *d)
{
	if (d->listeners.loop) {
		listeners_close(&d->listeners);
		listeners_destroy(&d->listeners, LISTENER_RDMA);
	}
	watchdog_stop(&d->watchdog);
	reactors_stop(&d->group);
	mailbox_drain(&d->mailbox);
	if (d->listeners.loop)
		listeners_destroy(&d->listeners, LISTENER_IWARP);
	if (d->live.srp)
		srp_server_destroy(d->live.srp);
	if (d->live.scsi)
		scsi_device_destroy(d->live.scsi);
	reactors_destroy(&d->group);
}

static int control_create(struct daemon *d, const char *socket)
{
	int rc;

	d->loop = qb_loop_create();
	rc = d->loop ? mailbox_init(&d->mailbox) : -ENOMEM;
	if (!rc)
		rc = qb_loop_poll_add(d->loop, QB_LOOP_MED, d->mailbox.fd, POLLIN, d,
				      mailbox_readable);
	if (!rc)
		rc = signals_catch(d);
	if (rc) {
		log_err("cannot set up the control thread: %s", strerror(-rc));
		return rc;
	}
	return ipc_server_start(d, socket);
}

static void control_destroy(struct daemon *d)
{
	ipc_server_stop(d->ipc);
	if (d->mailbox.fd >= 0) {
		qb_loop_poll_del(d->loop, d->mailbox.fd);
		mailbox_destroy(&d->mailbox);
	}
	if (d->loop)
		qb_loop_destroy(d->loop);
}

/* @conf is the live state's when this has succeeded. */
static int daemon_start(struct daemon *d, struct conf *conf)
{
	int rc;

	limits_raise();
	rc = control_create(d, conf->daemon.control_socket);
	if (!rc)
		rc = state_dir_open(conf->daemon.state_dir, &state_io_kernel, &d->mailbox,
				    &d->live.store);
	if (!rc)
		rc = watch_create(&d->live, d->loop, &d->mailbox, &d->watch);
	if (!rc)
		rc = ha_create(d);
	if (!rc)
		rc = layers_create(d, conf);
	if (!rc)
		rc = ioc_guid_choose(d, conf);
	if (rc)
		return rc;
	d->started = time(NULL);
	d->starting = true;
	rc = apply_submit(&d->live, conf, started, d);
	if (rc)
		log_err("no memory to apply %s", d->conf_path);
	return rc;
}

int daemon_run(struct daemon *d, struct conf *conf)
{
	live_init(&d->live);
	d->mailbox.fd = -1;
	d->exit_status = EXIT_DONE;
	if (daemon_start(d, conf)) {
		conf_free(conf);
		d->exit_status = EXIT_FAILED;
	} else {
		mailbox_pump(d);
		qb_loop_run(d->loop);
	}
	threads_watch();
	dm_model_stop(&d->dm);
	ha_link_stop(d->ha_link);
	d->ha_link = NULL;
	watch_destroy(d->watch);
	layers_destroy(d);
	ha_destroy(d->ha);
	state_close(d->live.store);
	control_destroy(d);
	conf_free(d->live.conf);
	free(d->live.device_of);
	if (d->exit_status == EXIT_DONE)
		log_notice("stopped");
	return d->exit_status;
}
