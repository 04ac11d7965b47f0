/* Profiles in, programs out: what libseccomp makes of each, as one line of hexadecimal digits.
 *
 *   filter DEFAULT BADARCH OPTIMISE COUNT     COUNT: of x86_64, x86, x32, how many
 *   rule ACTION NAME COUNT [INDEX OPERATOR A B]...     OPERATOR: an `enum scmp_compare`
 *   end
 *
 * Actions are SECCOMP_RET_* values. Names it does not know are said with `unknown NAME` before the line of the program.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, int rc)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void check(const char *what, int rc)
{
	if (rc < 0)
		fail(what, rc);
}

static scmp_filter_ctx filter(void)
{
	uint32_t act, bad, optimise;
	unsigned int count;
	if (scanf("%x %x %u %u", &act, &bad, &optimise, &count) != 4)
		fail("filter", -EINVAL);
	scmp_filter_ctx ctx = seccomp_init(act);
	if (!ctx)
		fail("seccomp_init", -EINVAL);
	int rc = seccomp_arch_add(ctx, SCMP_ARCH_X86_64);
	check("x86_64", rc == -EEXIST ? 0 : rc);
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		check("native", seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE));
	if (count > 1)
		check("x86", seccomp_arch_add(ctx, SCMP_ARCH_X86));
	if (count > 2)
		check("x32", seccomp_arch_add(ctx, SCMP_ARCH_X32));
	check("bad arch", seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, bad));
	check("optimise", seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimise));
	return ctx;
}

static void rule(scmp_filter_ctx ctx)
{
	uint32_t act;
	char name[64];
	unsigned int count;
	struct scmp_arg_cmp args[6];
	memset(args, 0, sizeof(args));
	if (scanf("%x %63s %u", &act, name, &count) != 3 || count > 6)
		fail("rule", -EINVAL);
	for (unsigned int i = 0; i < count; i++) {
		int operator;
		unsigned long long a, b;
		if (scanf("%u %d %llx %llx", &args[i].arg, &operator, &a, &b) != 4)
			fail("condition", -EINVAL);
		args[i].op = operator;
		args[i].datum_a = a;
		args[i].datum_b = b;
	}
	int nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR) {
		printf("unknown %s\n", name);
		return;
	}
	check(name, seccomp_rule_add_array(ctx, act, nr, count, args));
}

static void export(scmp_filter_ctx ctx)
{
	FILE *file = tmpfile();
	if (!file)
		fail("tmpfile", -errno);
	check("export", seccomp_export_bpf(ctx, fileno(file)));
	rewind(file);
	for (int byte = getc(file); byte != EOF; byte = getc(file))
		printf("%02x", byte);
	printf("\n");
	fclose(file);
	seccomp_release(ctx);
}

int main(void)
{
	char word[16];
	scmp_filter_ctx ctx = NULL;
	/* Notifications, whatever the kernel here can do. */
	check("api level", seccomp_api_set(6));
	while (scanf("%15s", word) == 1) {
		if (!strcmp(word, "filter"))
			ctx = filter();
		else if (!strcmp(word, "rule"))
			rule(ctx);
		else
			export(ctx);
	}
	return 0;
}
