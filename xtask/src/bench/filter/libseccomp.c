/* Builds the same filter with libseccomp as often as it is asked to. Rules come first on standard input, one a line:
 *
 *   default RET | arch NAME | rule RET NAME COUNT (INDEX OP VALUE VALUE2)... | end
 *
 * then orders: `build OPTIMIZE` answers with nanoseconds of processor time, `export OPTIMIZE PATH` writes the program and answers with 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096

struct rule {
    unsigned ret, count;
    char name[64];
    struct scmp_arg_cmp args[6];
};

static struct rule rules[MOST];
static char arches[16][32];
static unsigned fallback, rule_count, arch_count;

static void fail(const char *what) {
    fprintf(stderr, "libseccomp: %s\n", what);
    exit(1);
}

static void read_rule(void) {
    struct rule *rule = &rules[rule_count++];
    if (rule_count == MOST || scanf("%x %63s %u", &rule->ret, rule->name, &rule->count) != 3 || rule->count > 6)
        fail("no rule");
    for (unsigned i = 0; i < rule->count; i++) {
        struct scmp_arg_cmp *arg = &rule->args[i];
        unsigned op;
        unsigned long long value, second;
        if (scanf("%u %u %llu %llu", &arg->arg, &op, &value, &second) != 4) fail("no condition");
        arg->op = op;
        arg->datum_a = value;
        arg->datum_b = second;
    }
}

static void read_rules(void) {
    char word[16];
    while (scanf("%15s", word) == 1) {
        if (!strcmp(word, "end")) return;
        if (!strcmp(word, "rule")) read_rule();
        else if (!strcmp(word, "default") && scanf("%x", &fallback) == 1) continue;
        else if (!strcmp(word, "arch") && arch_count < 16 && scanf("%31s", arches[arch_count]) == 1) arch_count++;
        else fail("no such line");
    }
    fail("no end");
}

static void build(unsigned optimize, int fd) {
    scmp_filter_ctx context = seccomp_init(fallback);
    if (!context) fail("seccomp_init");
    for (unsigned i = 0; i < arch_count; i++) {
        int error = seccomp_arch_add(context, seccomp_arch_resolve_name(arches[i]));
        if (error && error != -EEXIST) fail("seccomp_arch_add");
    }
    if (seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, optimize)) fail("seccomp_attr_set");
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *rule = &rules[i];
        int call = seccomp_syscall_resolve_name(rule->name);
        /* Names it does not know are left out, as runtimes leave them out. */
        if (call == __NR_SCMP_ERROR) continue;
        if (seccomp_rule_add_array(context, rule->ret, call, rule->count, rule->args)) fail(rule->name);
    }
    if (seccomp_export_bpf(context, fd)) fail("seccomp_export_bpf");
    seccomp_release(context);
}

int main(void) {
    char order[16], path[512];
    unsigned optimize;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    read_rules();
    while (scanf("%15s %u", order, &optimize) == 2) {
        struct timespec a, b;
        long long took = 0;
        if (!strcmp(order, "build")) {
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
            build(optimize, null);
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
            took = (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec);
        } else {
            if (scanf("%511s", path) != 1) fail("no path");
            int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            if (fd < 0) fail(path);
            build(optimize, fd);
            close(fd);
        }
        printf("%lld\n", took);
        fflush(stdout);
    }
    return 0;
}
