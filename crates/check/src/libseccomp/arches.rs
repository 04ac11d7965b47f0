//! Architectures by the names libseccomp has for them (`src/arch.c`, arch_def_lookup_name).

use callgate_core::Arch;
use callgate_core::floor::Version;

/// Name, whether it stores the high byte first, and the release that first knew it, where that is later than 2.3.0.
const ARCHES: &[(&str, bool, Option<Version>)] = &[
    ("x86", false, None),
    ("x86_64", false, None),
    ("x32", false, None),
    ("arm", false, None),
    ("aarch64", false, None),
    ("mips", true, None),
    ("mipsel", false, None),
    ("mips64", true, None),
    ("mipsel64", false, None),
    ("mips64n32", true, None),
    ("mipsel64n32", false, None),
    ("ppc", true, None),
    ("ppc64", true, None),
    ("ppc64le", false, None),
    ("s390", true, None),
    ("s390x", true, None),
    ("parisc", true, Some(Version::new(2, 4, 0))),
    ("parisc64", true, Some(Version::new(2, 5, 0))),
    ("riscv64", false, Some(Version::new(2, 5, 0))),
    ("sh", false, Some(Version::new(2, 6, 0))),
    ("sheb", true, Some(Version::new(2, 6, 0))),
    ("m68k", true, Some(Version::new(2, 6, 0))),
    ("loongarch64", false, Some(Version::new(2, 6, 0))),
];

/// What happens to an architecture that is added to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Its calls are judged; there is a table of it here.
    Judged(Arch),
    /// Its calls are judged, but no machine that runs here makes any.
    NeverSeen,
    /// The machine's own stores its bytes the other way round: EDOM.
    OtherEndian,
    /// There is no such architecture, to this release.
    Unknown,
}

/// What becomes of an architecture, by libseccomp's own name in small letters.
pub fn add(name: &str, native: Arch, release: Option<Version>) -> Added {
    let known = ARCHES.iter().find(|(known, _, _)| *known == name);
    let Some((_, big, since)) = known else { return Added::Unknown };
    if since.is_some_and(|since| release.is_some_and(|release| release < since)) {
        return Added::Unknown;
    }
    if *big != (native == Arch::S390x) {
        return Added::OtherEndian;
    }
    Arch::from_oci(&format!("SCMP_ARCH_{}", name.to_ascii_uppercase()))
        .map_or(Added::NeverSeen, Added::Judged)
}
