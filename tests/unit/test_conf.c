/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser by golden files: conf/NAME.conf must give exactly the messages of NAME.diag on a node
 * named node1 and, when it is well-formed, the canonical text of NAME.out, which must parse to an
 * equal configuration.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/conf.h"

static const char *golden_dir(void)
{
	static char dir[4096];
	const char *top = getenv("top_srcdir");

	snprintf(dir, sizeof(dir), "%s/tests/unit/conf", top ? top : ".");
	return dir;
}

/* NULL if there is no such file. Terminated; the length may be asked for. */
static char *slurp(const char *name, const char *suffix, size_t *len)
{
	char path[8192];
	char *text = NULL;
	size_t n = 0;
	FILE *f, *mem;
	int c;

	snprintf(path, sizeof(path), "%s/%s%s", golden_dir(), name, suffix);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	mem = open_memstream(&text, &n);
	assert_non_null(mem);
	while ((c = getc(f)) != EOF)
		putc(c, mem);
	fclose(mem);
	fclose(f);
	if (len)
		*len = n;
	return text;
}

static char *written(const struct conf *conf)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n);

	assert_non_null(mem);
	assert_int_equal(conf_write(conf, mem), 0);
	fclose(mem);
	return text;
}

static char *printed(const struct conf_diag_list *diags)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n);

	assert_non_null(mem);
	conf_diag_print(diags, mem);
	fclose(mem);
	return text;
}

static void check_round_trip(const struct conf *conf, const char *text)
{
	struct conf_diag_list diags = { 0 };
	struct conf *again;
	char *second;

	assert_int_equal(conf_parse("again", text, strlen(text), &again, &diags), 0);
	assert_true(conf_equal(conf, again));
	second = written(again);
	assert_string_equal(text, second);
	free(second);
	conf_free(again);
	conf_diag_free(&diags);
}

static void check_output(const char *name, const struct conf *conf)
{
	char *want = slurp(name, ".out", NULL);
	char *text = written(conf);

	if (!want)
		fail_msg("%s.conf parses, but there is no %s.out", name, name);
	assert_string_equal(text, want);
	check_round_trip(conf, text);
	free(want);
	free(text);
}

static void check_golden(const char *name)
{
	struct conf_diag_list diags = { 0 };
	char path[512];
	struct conf *conf;
	char *in, *want, *got;
	size_t len;
	int rc;

	print_message("%s\n", name);
	snprintf(path, sizeof(path), "%s.conf", name);
	in = slurp(name, ".conf", &len);
	assert_non_null(in);
	rc = conf_parse(path, in, len, &conf, &diags);
	if (conf)
		check_output(name, conf);
	assert_int_equal(!rc, !!conf);
	if (conf)
		rc = conf_localize(conf, "node1", &diags);
	want = slurp(name, ".diag", NULL);
	got = printed(&diags);
	assert_string_equal(got, want ? want : "");
	assert_int_equal(rc, diags.errors ? -EINVAL : 0);
	conf_free(conf);
	conf_diag_free(&diags);
	free(got);
	free(want);
	free(in);
}

static void test_golden_files(void **state)
{
	DIR *dir = opendir(golden_dir());
	struct dirent *e;
	int seen = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".conf"))
			continue;
		*dot = '\0';
		check_golden(e->d_name);
		seen++;
	}
	closedir(dir);
	assert_true(seen >= 20);
}

/* ---- what golden files cannot show ---- */

static struct conf *parse_ok(const char *text)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf;
	int rc = conf_parse("t", text, strlen(text), &conf, &diags);

	if (rc)
		conf_diag_print(&diags, stderr);
	assert_int_equal(rc, 0);
	conf_diag_free(&diags);
	return conf;
}

static void test_defaults(void **state)
{
	struct conf *conf = parse_ok("HANDLER vdisk_blockio {\n"
				     " DEVICE a_long_device_name { filename /dev/x } }\n"
				     "HANDLER vdisk_nullio { DEVICE n }\n"
				     "TARGET_DRIVER ib_srpt {\n TARGET t { LUN 0 n } }\n");
	const struct conf_device *a = conf_device_find(conf, "a_long_device_name");
	const struct conf_device *n = conf_device_find(conf, "n");
	const struct conf_target *t = conf_target_find(conf, "T");

	(void)state;
	assert_int_equal(conf->daemon.threads_num, 0);
	assert_int_equal(conf->daemon.poll_budget_us, 50);
	assert_int_equal(conf->daemon.buffer_size, 64 << 20);
	assert_int_equal(conf->daemon.log_level, CONF_LOG_INFO);
	assert_string_equal(conf->daemon.state_dir, "/var/lib/srpt");
	assert_string_equal(conf->daemon.control_socket, "srptd");
	assert_int_equal(conf->driver.rdma_cm_port, 0);
	assert_int_equal(conf->driver.srp_max_req_size, 8260);
	assert_int_equal(conf->driver.srp_max_rsp_size, 256);
	assert_int_equal(conf->driver.srp_max_rdma_size, 65536);
	assert_int_equal(conf->driver.srpt_srq_size, 4095);
	assert_int_equal(conf->driver.srpt_sq_size, 256);
	assert_int_equal(a->handler, CONF_VDISK_BLOCKIO);
	assert_int_equal(a->blocksize, 512);
	assert_int_equal(a->size, 0);
	assert_true(a->active);
	assert_false(a->read_only);
	assert_string_equal(a->t10_vend_id, "SCST_BIO");
	assert_string_equal(a->prod_id, "a_long_device_na");
	assert_string_equal(a->prod_rev_lvl, "0100");
	assert_string_equal(n->t10_vend_id, "SCST_FIO");
	assert_true(n->size == 1ull << 40);
	assert_null(n->filename);
	assert_false(t->enabled);
	assert_int_equal(t->rel_tgt_id, 1);
	assert_int_equal(t->id_ext, 0);
	assert_ptr_equal(t->map.luns[0].dev, n);
	conf_free(conf);
}

static void test_one_error_leaves_nothing(void **state)
{
	static const char text[] = "HANDLER vdisk_nullio { DEVICE ok }\nsetup_id x\n";
	struct conf_diag_list diags = { 0 };
	struct conf *conf = (struct conf *)&diags;

	(void)state;
	assert_int_equal(conf_parse("t", text, sizeof(text) - 1, &conf, &diags), -EINVAL);
	assert_null(conf);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.diags[0].pos.line, 2);
	assert_int_equal(diags.diags[0].pos.col, 10);
	conf_diag_free(&diags);
	assert_int_equal(diags.errors, 0);
}

static void test_too_many_messages_are_counted(void **state)
{
	struct conf_diag_list diags = { 0 };
	char text[6000];
	struct conf *conf;
	char *got;

	(void)state;
	memset(text, '}', sizeof(text));
	assert_int_equal(conf_parse("t", text, sizeof(text), &conf, &diags), -EINVAL);
	assert_int_equal(diags.count, CONF_DIAGS_MAX);
	assert_int_equal(diags.errors, sizeof(text));
	got = printed(&diags);
	assert_non_null(strstr(got, "t: 5900 more messages are not shown\n"));
	free(got);
	conf_diag_free(&diags);
}

static void parse_big(size_t len, size_t errors)
{
	struct conf_diag_list diags = { 0 };
	char *text = malloc(len);
	struct conf *conf;

	assert_non_null(text);
	memset(text, '\n', len);
	conf_parse("t", text, len, &conf, &diags);
	assert_int_equal(diags.errors, errors);
	conf_free(conf);
	conf_diag_free(&diags);
	free(text);
}

static void test_size_limit(void **state)
{
	(void)state;
	parse_big(CONF_TEXT_MAX, 0);
	parse_big(CONF_TEXT_MAX + 1, 1);
}

static void parse_word(size_t len, const char *quote, size_t errors)
{
	struct conf_diag_list diags = { 0 };
	static char text[CONF_WORD_MAX + 200];
	char word[CONF_WORD_MAX + 2];
	struct conf *conf;

	memset(word, 'x', len);
	word[0] = '/';
	word[len] = '\0';
	snprintf(text, sizeof(text), "DAEMON {\nstate_dir %s%s%s\n}\n", quote, word, quote);
	conf_parse("t", text, strlen(text), &conf, &diags);
	assert_int_equal(diags.errors, errors);
	if (!errors)
		assert_string_equal(conf->daemon.state_dir, word);
	conf_free(conf);
	conf_diag_free(&diags);
}

static void test_word_limit(void **state)
{
	(void)state;
	parse_word(CONF_WORD_MAX, "", 0);
	parse_word(CONF_WORD_MAX, "\"", 0);
	parse_word(CONF_WORD_MAX + 1, "", 1);
	parse_word(CONF_WORD_MAX + 1, "\"", 1);
}

static void test_load(void **state)
{
	struct conf_diag_list diags = { 0 };
	char path[8192];
	struct conf *conf;

	(void)state;
	snprintf(path, sizeof(path), "%s/nullio.conf", golden_dir());
	assert_int_equal(conf_load(path, NULL, &conf, &diags), 0);
	assert_int_equal(conf->n_devices, 1);
	conf_free(conf);
	conf_diag_free(&diags);

	assert_int_equal(conf_load("/nonexistent/x.conf", NULL, &conf, &diags), -ENOENT);
	assert_null(conf);
	assert_int_equal(diags.errors, 1);
	conf_diag_format(&diags, 0, path, sizeof(path));
	assert_string_equal(path,
		"/nonexistent/x.conf: error: cannot be read: No such file or directory");
	conf_diag_free(&diags);

	assert_int_equal(conf_load(golden_dir(), NULL, &conf, &diags), -EISDIR);
	assert_int_equal(diags.errors, 1);
	conf_diag_free(&diags);
}

/* What is installed as an example must be accepted without any remark. */
static struct conf *example(const char *name)
{
	struct conf_diag_list diags = { 0 };
	char path[8192], *got;
	struct conf *conf;

	snprintf(path, sizeof(path), "%s/../../../conf/target/%s", golden_dir(), name);
	conf_load(path, NULL, &conf, &diags);
	got = printed(&diags);
	assert_string_equal(got, "");
	free(got);
	conf_diag_free(&diags);
	return conf;
}

static void test_example(void **state)
{
	struct conf *conf = example("srpt.conf.example");

	(void)state;
	assert_true(conf->n_devices >= 3);
	assert_true(conf->n_targets >= 1);
	assert_true(conf->targets[0].n_groups >= 1);
	/* In production it is off unless somebody asks for it. */
	assert_int_equal(conf->driver.n_iwarp_ports, 0);
	conf_free(conf);
}

static void test_quickstart_stays_on_this_host(void **state)
{
	struct conf *conf = example("srpt.conf.quickstart");

	(void)state;
	assert_int_equal(conf->driver.n_iwarp_ports, 1);
	assert_int_equal(conf->driver.iwarp_ports[0].family, AF_UNSPEC);
	assert_int_equal(conf->driver.rdma_cm_port, 0);
	assert_true(conf->targets[0].enabled);
	conf_free(conf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_files),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_one_error_leaves_nothing),
		cmocka_unit_test(test_too_many_messages_are_counted),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_word_limit),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_quickstart_stays_on_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
