/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test of the verbs transport alone: a target in this process, made of the
 * transport and nothing above it, and initiators written with plain librdmacm.
 * Usage: verbs-echo ADDRESS            all cases, with and without shared receive queue
 *        verbs-echo ADDRESS bench OP QD SECONDS POLL_US [SIZE]
 * Needs an RDMA device on ADDRESS, and root to remove and add it (case removal).
 */
#include "echo.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DATA (8u << 20)
#define WINDOW (DATA / ECHO_DEPTH) /* of one of many requests */
#define WAIT_S 60

struct client {
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	uint8_t *data;
	struct echo_req *req; /* ECHO_DEPTH */
	struct echo_rsp *rsp; /* ECHO_DEPTH */
	size_t len;
	unsigned sent;        /* for the receive slots */
};

static const char *address;
static const char *self;
static const char *case_name;
static int failures;

#define CHECK(cond)                                                                     \
	do {                                                                            \
		if (!(cond)) {                                                          \
			printf("FAILED %s: line %d: %s\n", case_name, __LINE__, #cond); \
			failures++;                                                     \
			return;                                                         \
		}                                                                       \
	} while (0)

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void doze(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* Until the target has counted @field up to @value. */
#define REACHES(field, value)                                        \
	({                                                           \
		double end_ = now() + WAIT_S;                        \
		while (echo_target_stats().field < (value) && now() < end_) \
			doze(2);                                     \
		echo_target_stats().field == (value);                \
	})

/* ---- client ---- */

static int resolve(struct client *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(ECHO_PORT) };
	struct sockaddr *sa = (struct sockaddr *)&sin;

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1) {
		inet_pton(AF_INET6, address, &sin6.sin6_addr);
		sa = (struct sockaddr *)&sin6;
	}
	if (rdma_create_id(NULL, &c->id, NULL, RDMA_PS_TCP))
		return -errno;
	if (rdma_resolve_addr(c->id, NULL, sa, 2000) || rdma_resolve_route(c->id, 2000))
		return -errno;
	return 0;
}

static int qp_make(struct client *c)
{
	struct ibv_qp_init_attr attr = { .qp_type = IBV_QPT_RC,
		.cap = { ECHO_DEPTH * 2, ECHO_DEPTH * 2, 1, 1, 0 } };
	int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;

	c->len = DATA + ECHO_DEPTH * (sizeof(*c->req) + 2 * sizeof(*c->rsp));
	c->data = aligned_alloc(4096, (c->len + 4095) & ~(size_t)4095);
	c->req = (void *)(c->data + DATA);
	c->rsp = (void *)(c->req + ECHO_DEPTH);
	c->pd = ibv_alloc_pd(c->id->verbs);
	c->cq = ibv_create_cq(c->id->verbs, ECHO_DEPTH * 4, NULL, NULL, 0);
	if (!c->data || !c->pd || !c->cq)
		return -errno;
	c->mr = ibv_reg_mr(c->pd, c->data, c->len, access);
	attr.send_cq = attr.recv_cq = c->cq;
	return !c->mr || rdma_create_qp(c->id, c->pd, &attr) ? -errno : 0;
}

static void client_free(struct client *c)
{
	if (c->id && c->id->qp)
		rdma_destroy_qp(c->id);
	if (c->mr)
		ibv_dereg_mr(c->mr);
	if (c->cq)
		ibv_destroy_cq(c->cq);
	if (c->pd)
		ibv_dealloc_pd(c->pd);
	if (c->id)
		rdma_destroy_id(c->id);
	free(c->data);
	free(c);
}

/* A refusal: *@pd is set to the first four bytes of the answer. */
static struct client *client_new(char kind, uint32_t depth, char pd[5])
{
	struct echo_login l = { .kind = kind, .depth = depth };
	struct rdma_conn_param cp = {
		.private_data = &l, .private_data_len = sizeof(l), .responder_resources = 4,
		.initiator_depth = 0, .flow_control = 1, .retry_count = 6, .rnr_retry_count = 7,
	};
	struct client *c = calloc(1, sizeof(*c));

	memset(pd, 0, 5);
	if (!c || resolve(c) || qp_make(c)) {
		perror("client");
		exit(1);
	}
	if (!rdma_connect(c->id, &cp))
		return c;
	if (c->id->event && c->id->event->param.conn.private_data)
		memcpy(pd, c->id->event->param.conn.private_data, 4);
	client_free(c);
	return NULL;
}

static void post_recv(struct client *c)
{
	struct echo_rsp *rsp = &c->rsp[c->sent++ % (2 * ECHO_DEPTH)];
	struct ibv_sge sge = { (uintptr_t)rsp, sizeof(*rsp), c->mr->lkey };
	struct ibv_recv_wr *bad, wr = { .wr_id = (uintptr_t)rsp, .sg_list = &sge, .num_sge = 1 };

	ibv_post_recv(c->id->qp, &wr, &bad);
}

/*
 * Request @slot: @len bytes in @nsegs segments, with gaps between them, from
 * @off of the data on.
 */
static void request(struct client *c, unsigned slot, enum echo_op op, uint32_t nsegs, uint32_t len,
		    uint32_t off)
{
	struct echo_req *req = &c->req[slot];
	struct ibv_sge sge = { (uintptr_t)req, sizeof(*req), c->mr->lkey };
	struct ibv_send_wr *bad, wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
					.send_flags = IBV_SEND_SIGNALED, .wr_id = 1 };
	uint32_t left = len;

	*req = (struct echo_req){ .op = op, .nsegs = nsegs, .len = len, .seed = slot * 7 + len,
				  .tag = slot };
	for (uint32_t i = 0; i < nsegs; i++) {
		uint32_t n = i + 1 < nsegs ? left / (nsegs - i) - i % 3 : left;

		if (i + 1 < nsegs && n > left)
			n = 0;
		req->segs[i] = (struct echo_seg){ (uintptr_t)c->data + off, c->mr->rkey, n };
		off += n + 5;
		left -= n;
	}
	post_recv(c);
	ibv_post_send(c->id->qp, &wr, &bad);
}

/* The next response; NULL: connection broken or time is up. */
static struct echo_rsp *response(struct client *c)
{
	double end = now() + WAIT_S;
	struct ibv_wc wc;

	while (now() < end) {
		int n = ibv_poll_cq(c->cq, 1, &wc);

		if (n < 0 || (n && wc.status))
			return NULL;
		if (n && wc.wr_id != 1)
			return (void *)(uintptr_t)wc.wr_id;
	}
	return NULL;
}

static void fill(struct client *c, uint32_t off, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		c->data[off + i] = (uint8_t)(seed * 13 + i * 5 + (i >> 7));
}

/* Does the data of request @slot look as the answer says? */
static bool verify(struct client *c, const struct echo_rsp *rsp)
{
	const struct echo_req *req = &c->req[rsp->tag % ECHO_DEPTH];
	uint32_t sum = 0, at = 0;

	if (rsp->status)
		return false;
	for (uint32_t i = 0; i < req->nsegs; i++) {
		const uint8_t *p = (const uint8_t *)(uintptr_t)req->segs[i].addr;

		if (req->op == ECHO_PUT)
			sum = echo_sum(sum, p, req->segs[i].len);
		for (uint32_t k = 0; req->op == ECHO_GET && k < req->segs[i].len; k++)
			if (p[k] != echo_pattern(req->seed, at++))
				return false;
	}
	return rsp->sum == sum;
}

static bool one(struct client *c, enum echo_op op, uint32_t nsegs, uint32_t len)
{
	struct echo_rsp *rsp;

	fill(c, 0, len + nsegs * 5, len + nsegs);
	request(c, 0, op, nsegs, len, 0);
	rsp = response(c);
	return rsp && verify(c, rsp);
}

static void bye(struct client *c)
{
	rdma_disconnect(c->id);
	client_free(c);
}

/* ---- cases ---- */

static void case_reject(void)
{
	char pd[5];
	struct client *c = client_new('R', ECHO_DEPTH, pd);

	CHECK(!c && !memcmp(pd, "no", 2));
}

static void case_sizes(void)
{
	static const uint32_t len[] = { 1, 36, 512, 4096, 4097, 65536, 1u << 20, 4u << 20 };
	static const uint32_t segs[] = { 1, 2, 16, 255, 256 };
	int closed = echo_target_stats().closed;
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	CHECK(c);
	CHECK(one(c, ECHO_NOP, 0, 0));
	for (size_t l = 0; l < sizeof(len) / sizeof(len[0]); l++)
		for (size_t s = 0; s < sizeof(segs) / sizeof(segs[0]); s++) {
			CHECK(one(c, ECHO_GET, segs[s], len[l]));
			CHECK(one(c, ECHO_PUT, segs[s], len[l]));
		}
	bye(c);
	CHECK(REACHES(closed, closed + 1));
	CHECK(echo_target_stats().in_use == 0);
}

static void random_request(struct client *c, unsigned slot)
{
	static const uint32_t segs[] = { 1, 1, 1, 3, 16 };
	uint32_t len = (uint32_t)rand() % 40000 + 1, n = segs[rand() % 5];
	enum echo_op op = rand() % 8 ? rand() % 2 ? ECHO_GET : ECHO_PUT : ECHO_NOP;

	if (op == ECHO_NOP)
		len = n = 0;
	fill(c, slot * WINDOW, len + 5 * n, slot + len);
	request(c, slot, op, n, len, slot * WINDOW);
}

static void case_outstanding(void)
{
	int closed = echo_target_stats().closed;
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	CHECK(c);
	for (unsigned i = 0; i < ECHO_DEPTH; i++)
		random_request(c, i);
	for (unsigned i = 0; i < 1000; i++) {
		struct echo_rsp *rsp = response(c);

		CHECK(rsp);
		CHECK(verify(c, rsp));
		random_request(c, (unsigned)rsp->tag);
	}
	bye(c); /* with 64 of them on their way */
	CHECK(REACHES(closed, closed + 1));
	CHECK(echo_target_stats().in_use == 0);
}

static void case_bad_key(void)
{
	int closed = echo_target_stats().closed;
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);
	struct client *other = client_new('A', ECHO_DEPTH, pd);

	CHECK(c && other);
	for (unsigned i = 0; i < 8; i++)
		random_request(c, i);
	c->mr->rkey += 0x100;
	request(c, 9, ECHO_GET, 3, 9000, 9 * WINDOW);
	c->mr->rkey -= 0x100;
	for (unsigned i = 10; i < 20; i++)
		random_request(c, i);
	CHECK(REACHES(closed, closed + 1));
	CHECK(one(other, ECHO_PUT, 4, 70000));
	client_free(c);
	bye(other);
	CHECK(REACHES(closed, closed + 2));
	CHECK(echo_target_stats().in_use == 0);
}

static void case_target_closes(void)
{
	int closed = echo_target_stats().closed;
	struct rdma_cm_event *ev;
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	CHECK(c);
	for (unsigned i = 0; i < 20; i++)
		random_request(c, i);
	request(c, 20, ECHO_HOLD, 0, 0, 0);
	request(c, 21, ECHO_CLOSE, 0, 0, 0);
	CHECK(REACHES(closed, closed + 1));
	CHECK(echo_target_stats().in_use == 0);
	CHECK(!rdma_get_cm_event(c->id->channel, &ev));
	CHECK(ev->event == RDMA_CM_EVENT_DISCONNECTED);
	rdma_ack_cm_event(ev);
	bye(c);
}

static pid_t spawn(const char *what)
{
	pid_t pid = fork();

	if (!pid) {
		execl(self, self, address, what, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* In its own process, which is killed with requests of all kinds on their way. */
static int child_load(void)
{
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	if (!c)
		return 1;
	for (unsigned i = 0; i < ECHO_DEPTH; i++)
		random_request(c, i);
	request(c, 0, ECHO_HOLD, 0, 0, 0);
	doze(5);
	kill(getpid(), SIGKILL);
	return 1;
}

static void case_peer_killed(void)
{
	for (int i = 0; i < 5; i++) {
		int closed = echo_target_stats().closed, status;
		pid_t pid = spawn("child-load");

		waitpid(pid, &status, 0);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		CHECK(REACHES(closed, closed + 1));
		CHECK(echo_target_stats().in_use == 0);
	}
}

static int child_pending(void)
{
	char pd[5];

	alarm(1); /* dies in rdma_connect() */
	client_new('P', ECHO_DEPTH, pd);
	return 1;
}

/*
 * The CM says nothing of a request that nobody waits for any more: its accept
 * fails. The next login makes the target accept it.
 */
static void case_gives_up(void)
{
	int asked = echo_target_stats().pending, gone = echo_target_stats().gone, status;
	pid_t pid = spawn("child-pending");
	char pd[5];

	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status));
	CHECK(REACHES(pending, asked + 1));
	CHECK(!client_new('Q', ECHO_DEPTH, pd));
	CHECK(REACHES(gone, gone + 1));
}

static int fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The queue pairs, memory regions and so on that the kernel knows of. */
static void resources(char *buf, size_t len)
{
	FILE *f = popen("rdma resource show | sed 's/cm_id.*ctx/ctx/'", "r");

	memset(buf, 0, len);
	if (!f || !fread(buf, 1, len - 1, f))
		snprintf(buf, len, "no answer");
	if (f)
		pclose(f);
}

static void case_many(void)
{
	int closed = echo_target_stats().closed, before, i;
	char was[512], is[512], pd[5];
	double end;

	for (i = 0; i < 2; i++)
		bye(client_new('A', ECHO_DEPTH, pd)); /* both reactors have their queues now */
	CHECK(REACHES(closed, closed + 2));
	closed += 2;
	before = fds();
	resources(was, sizeof(was));
	for (i = 0; i < 200; i++) {
		double t0 = now(), t1, t2;
		struct client *c = client_new('A', ECHO_DEPTH, pd);

		t1 = now();
		CHECK(c);
		CHECK(one(c, i % 2 ? ECHO_GET : ECHO_PUT, 1, 5000));
		t2 = now();
		bye(c);
		if (i % 40 == 10)
			printf("  connect %.0f ms, request %.1f ms, disconnect %.0f ms\n",
			       (t1 - t0) * 1e3, (t2 - t1) * 1e3, (now() - t2) * 1e3);
	}
	CHECK(REACHES(closed, closed + 200));
	CHECK(fds() == before);
	end = now() + 5;
	do {
		resources(is, sizeof(is));
	} while (strcmp(was, is) && now() < end);
	if (strcmp(was, is))
		printf("resources before: %safter: %s", was, is);
	CHECK(!strcmp(was, is));
}

/* More than the queues of a reactor hold: refused, and the ones there work on. */
static void case_crowd(void)
{
	enum { MAX = 64 };
	int closed = echo_target_stats().closed, k = 0;
	struct client *c[MAX];
	char pd[5] = "";

	while (k < MAX && (c[k] = client_new('A', ECHO_DEPTH, pd)))
		k++;
	printf("  %d connections of depth %d, then '%.4s'\n", k, ECHO_DEPTH, pd);
	CHECK(k > 4);
	CHECK(k == MAX || !memcmp(pd, "full", 4));
	for (int i = 0; i < k; i++)
		CHECK(one(c[i], i % 2 ? ECHO_GET : ECHO_PUT, 3, 9000));
	for (int i = 0; i < k; i++)
		bye(c[i]);
	CHECK(REACHES(closed, closed + k));
	c[0] = client_new('A', ECHO_DEPTH, pd);
	CHECK(c[0]);
	bye(c[0]);
	CHECK(REACHES(closed, closed + k + 1));
}

static int child_once(void)
{
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	if (!c || !one(c, ECHO_PUT, 3, 70000))
		return 1;
	bye(c);
	return 0;
}

static int child_stay(void)
{
	char pd[5];
	struct client *c = client_new('A', ECHO_DEPTH, pd);

	if (!c)
		return 1;
	for (unsigned i = 0; i < 30; i++)
		random_request(c, i);
	while (response(c))
		random_request(c, 0);
	_exit(0);
}

static bool once_works(void)
{
	int status;

	waitpid(spawn("child-once"), &status, 0);
	return status == 0;
}

static bool device_gone(void)
{
	for (int i = 0; i < 1000; i++) {
		if (access("/sys/class/infiniband/rxe0", F_OK))
			return true;
		doze(10);
	}
	return false;
}

static void case_removal(void)
{
	struct echo_stats s = echo_target_stats();
	int status, before = fds();
	pid_t pid = spawn("child-stay");

	CHECK(REACHES(live, s.live + 1));
	CHECK(!system("rdma link del rxe0 &")); /* waits for all who use it */
	CHECK(REACHES(closed, s.closed + 1));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(echo_target_stats().in_use == 0);
	CHECK(device_gone());
	CHECK(!system("rdma link add rxe0 type rxe netdev eth0"));
	doze(2500);
	CHECK(once_works());
	CHECK(REACHES(closed, s.closed + 2));
	/* And when nobody is connected. */
	CHECK(!system("timeout 10 rdma link del rxe0"));
	CHECK(!system("rdma link add rxe0 type rxe netdev eth0"));
	doze(2500);
	CHECK(once_works());
	CHECK(REACHES(closed, s.closed + 3));
	doze(500);
	CHECK(fds() <= before + 2);
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{ "reject", case_reject },         { "sizes", case_sizes },
	{ "outstanding", case_outstanding }, { "bad key", case_bad_key },
	{ "target closes", case_target_closes }, { "peer killed", case_peer_killed },
	{ "gives up", case_gives_up },     { "many", case_many },
	{ "crowd", case_crowd },           { "removal", case_removal },
};

static void run_all(uint32_t srq, unsigned reactors, int poll_us, const char *only)
{
	printf("shared receives %u, %u reactor(s), poll %d us\n", srq, reactors, poll_us);
	if (echo_target_start(address, reactors, srq, poll_us))
		exit(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double start = now();
		int before = failures;

		if (only && strcmp(only, cases[i].name))
			continue;
		case_name = cases[i].name;
		cases[i].fn();
		if (failures == before)
			printf("ok %s (%.1f s)\n", case_name, now() - start);
	}
	if (echo_target_stats().errors || echo_target_stats().live != echo_target_stats().closed) {
		printf("FAILED target: %d errors, %d live, %d closed\n",
		       echo_target_stats().errors, echo_target_stats().live,
		       echo_target_stats().closed);
		failures++;
	}
	echo_target_stop();
}

static int bench(char **arg)
{
	enum echo_op op = arg[0][0] == 'g' ? ECHO_GET : arg[0][0] == 'p' ? ECHO_PUT : ECHO_NOP;
	unsigned depth = (unsigned)atoi(arg[1]), n = 0;
	uint32_t size = arg[4] ? (uint32_t)atoi(arg[4]) : 4096;
	double start, end;
	char pd[5];
	struct client *c;

	if (echo_target_start(address, 1, ECHO_SRQ, atoi(arg[3])))
		return 1;
	c = client_new('A', ECHO_DEPTH, pd);
	start = now();
	end = start + atoi(arg[2]);
	for (unsigned i = 0; i < depth; i++)
		request(c, i, op, op != ECHO_NOP, op != ECHO_NOP ? size : 0, i * WINDOW);
	while (now() < end) {
		struct echo_rsp *rsp = response(c);

		if (!rsp)
			return 1;
		n++;
		request(c, (unsigned)rsp->tag, op, op != ECHO_NOP, op != ECHO_NOP ? size : 0,
			(uint32_t)rsp->tag * WINDOW);
	}
	printf("%s QD %u: %.0f per second\n", arg[0], depth, n / (now() - start));
	bye(c);
	while (echo_target_stats().closed < 1)
		doze(1);
	echo_target_stop();
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (argc < 2) {
		fprintf(stderr, "usage: verbs-echo ADDRESS [CASE | bench OP QD SECONDS POLL_US]\n");
		return 2;
	}
	self = argv[0];
	address = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "child-load"))
		return child_load();
	if (!strcmp(what, "child-pending"))
		return child_pending();
	if (!strcmp(what, "child-once"))
		return child_once();
	if (!strcmp(what, "child-stay"))
		return child_stay();
	log_open("verbs-echo", LOG_TO_STDERR, getenv("ECHO_DEBUG") ? 7 : 4);
	if (!strcmp(what, "bench"))
		return argc > 6 ? bench(argv + 3) : 2;
	run_all(ECHO_SRQ, 1, 50, argc > 2 ? what : NULL);
	run_all(0, 2, 0, argc > 2 ? what : NULL);
	log_close();
	printf(failures ? "%d FAILED\n" : "all passed\n", failures);
	return failures != 0;
}
