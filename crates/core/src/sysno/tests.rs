//! Tests of the tables against facts stated here by hand.

use super::*;

/// `arch name nr since`: well-known numbers, from the kernels' own tables.
const FACTS: &str = "
    x86_64      read              0    2.6
    x86_64      execve            59   2.6
    x86_64      newfstatat        262  2.6
    x86_64      seccomp           317  3.17
    x86_64      statx             332  4.11
    x86_64      pkey_alloc        330  4.9
    x86_64      membarrier        324  4.3
    x86_64      uretprobe         335  6.11
    x86_64      clone3            435  5.3
    x86_64      openat2           437  5.6
    x86_64      faccessat2        439  5.8
    x86_64      fchmodat2         452  6.6
    x86_64      mseal             462  6.10
    x86_64      rseq_slice_yield  471  7.0
    x86         read              3    1.0
    x86         exit              1    1.0
    x86         umount            22   1.0
    x86         umount2           52   2.2
    x86         socketcall        102  1.0
    x86         _llseek           140  1.2
    x86         mmap2             192  2.4
    x86         socket            359  4.3
    x86         semget            393  5.1
    x86         clock_gettime64   403  5.1
    x86         clone3            435  5.3
    x32         read              0    3.4
    x32         ioctl             514  3.4
    x32         execve            520  3.4
    x32         execveat          545  3.19
    x32         pwritev2          547  4.6
    aarch64     read              63   3.7
    aarch64     openat            56   3.7
    aarch64     newfstatat        79   3.7
    aarch64     fadvise64         223  3.7
    aarch64     sync_file_range   84   3.7
    aarch64     renameat2         276  3.15
    aarch64     kexec_file_load   294  5.0
    arm         read              3    2.6
    arm         socket            281  2.6
    arm         arm_fadvise64_64  270  2.6
    arm         set_tls           983045 2.6
    arm         get_tls           983046 4.15
    riscv64     read              63   4.15
    riscv64     riscv_hwprobe     258  6.4
    s390x       read              3    2.4
    s390x       socket            359  4.3
    s390x       semget            393  5.1
    s390x       select            142  2.4
    ppc64le     read              3    3.13
    ppc64le     socket            326  3.13
    ppc64le     sync_file_range2  308  3.13
    ppc64le     switch_endian     363  4.1
    loongarch64 read              63   5.19
    loongarch64 statx             291  5.19
    loongarch64 cachestat         451  6.5
";

#[test]
fn well_known_facts_hold() {
    for line in FACTS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let arch: Arch = cells[0].parse().expect("an architecture");
        let nr: u32 = cells[2].parse().expect("a number");
        assert_eq!(number(arch, cells[1]), Some(nr), "{line}");
        assert_eq!(name(arch, nr), Some(cells[1]), "{line}");
        assert_eq!(since(arch, cells[1]).map(|k| k.to_string()).as_deref(), Some(cells[3]), "{line}");
    }
}

#[test]
fn calls_an_abi_never_had_are_absent() {
    for (arch, absent) in [
        (Arch::Aarch64, "open"),
        (Arch::Aarch64, "fork"),
        (Arch::Riscv64, "renameat"),
        (Arch::X86_64, "socketcall"),
        (Arch::X86_64, "mmap2"),
        (Arch::X86, "newfstatat"),
        (Arch::X32, "readahead64"),
        (Arch::Loongarch64, "getrlimit"),
    ] {
        assert_eq!(number(arch, absent), None, "{absent} on {arch}");
    }
    assert_eq!(name(Arch::X86_64, 400), None);
}

#[test]
fn every_table_is_sorted_and_both_orders_agree() {
    for arch in Arch::ALL {
        let entries = table(arch);
        assert!(entries.windows(2).all(|pair| pair[0].nr < pair[1].nr), "{arch}: by number");
        let names: Vec<&str> = by_name(arch).map(Entry::name).collect();
        assert_eq!(names.len(), entries.len(), "{arch}");
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{arch}: by name");
        for e in entries {
            assert_eq!(number(arch, e.name()), Some(e.nr), "{arch} {}", e.name());
            assert_eq!(name(arch, e.nr), Some(e.name()), "{arch} {}", e.nr);
        }
    }
}

#[test]
fn from_424_up_all_abis_share_one_numbering() {
    let of = |arch| table(arch).iter().filter(|e| (424..512).contains(&e.nr)).map(|e| (e.nr, e.name()));
    let x86_64: Vec<_> = of(Arch::X86_64).collect();
    for arch in Arch::ALL {
        for call in of(arch) {
            assert!(x86_64.contains(&call), "{arch}: {call:?}");
        }
    }
}

#[test]
fn the_names_are_those_of_all_tables() {
    let mut all: Vec<&str> = Arch::ALL.into_iter().flat_map(table).map(Entry::name).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(names(), all);
    assert!(is_known("read") && !is_known("reed") && !is_known(""));
}

#[test]
fn other_names_lead_to_the_tables_own() {
    assert!(ALIASES.is_sorted());
    for (alias, call) in ALIASES {
        assert!(!is_known(alias), "{alias} is a call of its own");
        assert_eq!(canonical(alias), Some(call));
        assert_eq!(canonical(call), Some(call));
    }
    assert_eq!(canonical("nonsense"), None);
}

#[test]
fn kernel_releases_are_read_as_people_write_them() {
    for (text, major, minor) in
        [("5.6", 5, 6), ("6.1.0-13-amd64", 6, 1), ("2.6.28", 2, 6), ("6.10-rc3", 6, 10), ("4.8+", 4, 8)]
    {
        assert_eq!(text.parse(), Ok(Kernel { major, minor }), "{text}");
    }
    for text in ["", "5", "5.", ".6", "five.six", "5.6x", "-5.6", "70000.1", "5,6"] {
        assert_eq!(text.parse::<Kernel>(), Err(BadKernel(text.to_owned())));
    }
    assert!(Kernel::new(5, 10) > Kernel::new(5, 9));
}
